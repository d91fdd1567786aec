/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_config.h: what zookeeper.ssl.* (clients) or zookeeper.ssl.quorum.*
 * (links between servers) say, as Java's X509Util reads them.
 *
 * Strings are owned by the struct; NULL is "not given".  Nothing is opened or
 * checked here: tls_context_create does that.
 */
#ifndef CONFIG_TLS_CONFIG_H
#define CONFIG_TLS_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "config/system_properties.h"
#include "util/zk_error.h"

#define TLS_CLIENT_PREFIX "zookeeper.ssl."
#define TLS_QUORUM_PREFIX "zookeeper.ssl.quorum."

enum tls_client_auth { TLS_CLIENT_AUTH_NEED, TLS_CLIENT_AUTH_WANT,
                       TLS_CLIENT_AUTH_NONE };

/* A key store or a trust store. */
struct tls_store_config {
    char *location;
    char *password;             /* "" and NULL: none. */
    char *password_path;        /* A file that holds it; goes first. */
    char *type;                 /* JKS, PEM, PKCS12, BCFKS; NULL: told by the
                                 * name or the content. */
};

struct tls_config {
    const char *prefix;         /* One of the two above; for messages. */
    struct tls_store_config key, trust;
    char *protocol;             /* "TLSv1.2"; NULL: the best there is. */
    char *enabled_protocols;    /* csv */
    char *ciphersuites;         /* csv, Java's or OpenSSL's names */
    enum tls_client_auth client_auth;
    bool hostname_verification;         /* Of servers, by us as client. */
    bool client_hostname_verification;  /* Of clients, by us as server. */
    bool allow_reverse_dns;
    bool crl, ocsp;
    int32_t detection_timeout_ms;       /* handshakeDetectionTimeoutMillis */
    bool fips;                          /* zookeeper.fips-mode */
};

/* Reads the properties that begin with 'prefix' (one of the two above) into
 * 'out' (all zeros before), which must be finished in any case.  ZK_ECONFIG
 * names the property with a bad value.
 *
 * zookeeper.fips-mode is true unless it is set, as in 3.9; then Java compares
 * no host names between servers, and offers them TLS 1.2 alone.  Here that
 * holds as long as ssl.quorum.hostnameVerification, or protocol and
 * enabledProtocols, are not set. */
int tls_config_read(const struct system_properties *props, const char *prefix,
                    struct tls_config *out, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Frees what is in it, and leaves all zeros. */
void tls_config_fini(struct tls_config *c);

#endif
