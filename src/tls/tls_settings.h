/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_settings.h: what a tls_config says of protocols and ciphers, put into
 * an SSL_CTX.
 *
 * Thread-safety: any thread, with an SSL_CTX of its own.
 */
#ifndef TLS_TLS_SETTINGS_H
#define TLS_TLS_SETTINGS_H

#include <openssl/ssl.h>

#include "config/tls_config.h"

/* Sets the versions of 'enabledProtocols', or else what 'protocol' stands for
 * in Java: "TLSv1.2" is that alone, "TLSv1.3" and "TLS" have both.  SSL and
 * names nobody knows are ZK_ECONFIG; TLS 1.0 and 1.1, which Java has switched
 * off since 2021, are left out with a warning. */
int tls_settings_protocols(const struct tls_config *c, SSL_CTX *ctx,
                           struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Sets 'ciphersuites', by Java's names or OpenSSL's, in that order, or those
 * with forward secrecy.  A suite that this OpenSSL does not have is
 * ZK_ECONFIG.  Without suites of a version, that version is off. */
int tls_settings_ciphers(const struct tls_config *c, SSL_CTX *ctx,
                         struct zk_errmsg *em) ZK_WARN_UNUSED;

#endif
