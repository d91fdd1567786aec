/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quorum_tls.h: the keys of the links between servers, for the life of a
 * member (sslQuorum, portUnification, sslQuorumReloadCertFiles and
 * ssl.quorum.*; Java: QuorumX509Util).
 *
 * Thread-safety: main thread.
 */
#ifndef MAIN_QUORUM_TLS_H
#define MAIN_QUORUM_TLS_H

#include "config/server_config.h"
#include "tls/tls_context.h"

/* Reads the stores, and again whenever they change if that is configured.
 * '*out' is NULL when the configuration wants no TLS: neither sslQuorum nor
 * portUnification, or the latter without any key, as Java takes it until
 * somebody connects by TLS.  ZK_ECONFIG names property, file and reason.
 * 'config' is borrowed for the life of the context. */
int quorum_tls_open(const struct server_config *config,
                    struct tls_context **out, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Nobody may be using the context; NULL is none. */
void quorum_tls_close(const struct server_config *config,
                      struct tls_context *ctx);

#endif
