/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_peer.h: is the peer of a connection who it should be (Java:
 * ZKTrustManager)?
 *
 * Thread-safety: as the connection that embeds it.
 */
#ifndef TLS_TLS_PEER_H
#define TLS_TLS_PEER_H

#include <netinet/in.h>

#include "tls/tls_internal.h"

struct tls_peer {
    const struct tls_config *config;    /* Both are the context's. */
    struct tls_revocation *revocation;
    enum tls_side side;                 /* Ours. */
    char *host;                         /* As a client: what was connected
                                         * to; else NULL. */
    struct sockaddr_storage address;
    int64_t from_s, until_s;            /* When its certificates are valid, in
                                         * seconds since 1970; always, if it
                                         * has none. */
    int64_t deadline_ms;                /* zk_time_mono_ms; INT64_MAX. */
    struct net_cancel cancel;           /* Ends what waits for others. */
    bool ask_later;                     /* tls_conn_ask_later. */
    STACK_OF(X509) *to_ask;             /* The chain of which others have to
                                         * be asked; NULL: none. */
    struct tls_inquiry inquiry;         /* How far that has come. */
    char why[TLS_WHY_MAX];              /* Why it is not; "": it is, or was
                                         * not looked at yet. */
};

/* Copies 'host' (may be NULL) and 'sa'; 'ctx' must live as long.  The end of
 * the connection 'fd' ends what waits for others. */
void tls_peer_init(struct tls_peer *p, const struct tls_context *ctx,
                   enum tls_side side, int fd, const char *host,
                   const struct sockaddr_storage *sa);
void tls_peer_fini(struct tls_peer *p);
/* In a handshake: verifies the certificates of 'store'; false sets 'why', and
 * the error that becomes the alert. */
bool tls_peer_verify(struct tls_peer *p, X509_STORE_CTX *store);
/* Asks about the chain of 'to_ask' at the place of 'inquiry'; it is none then
 * unless another place has to be asked.  False sets 'why'. */
bool tls_peer_ask(struct tls_peer *p);
/* May a session go on in which no certificate is shown again?  'cert' is the
 * one of then, or NULL, and the dates are those of then.  No look at the trust
 * store: a session is of one SSL_CTX, and so is what that trusts. */
bool tls_peer_may_resume(struct tls_peer *p, X509 *cert);

#endif
