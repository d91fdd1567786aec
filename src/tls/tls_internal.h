/* SPDX-License-Identifier: Apache-2.0 */
/* tls_internal.h: what contexts and connections know of each other. */
#ifndef TLS_TLS_INTERNAL_H
#define TLS_TLS_INTERNAL_H

#include <sys/types.h>
#include <time.h>

#include <openssl/ssl.h>

#include "tls/tls_conn.h"
#include "tls/tls_context.h"
#include "tls/tls_revocation.h"
#include "tls/tls_store.h"
#include "util/zk_lock.h"

/* What a handshake says when it fails. */
#define TLS_WHY_MAX 448

#define TLS_CONTEXT_MAGIC 0x746c7343

struct tls_watcher;

/* The files that a configuration names: keys, trust and their passwords. */
#define TLS_FILES 4

/* Which file each path led to at some moment; all zeros: none. */
struct tls_stamps {
    struct tls_stamp {
        dev_t dev;
        ino_t ino;
        off_t size;
        struct timespec mtime, ctime;
    } of[TLS_FILES];
};

struct tls_context {
    unsigned magic;
    _Atomic unsigned refs;
    const struct tls_config *config;
    unsigned sides;
    struct tls_watcher *watcher;        /* Owner's: start and stop. */
    struct tls_revocation *revocation;  /* NULL: nobody is asked. */
    struct tls_stamps created;          /* The files it was made from. */
    struct zk_mutex lock;
    SSL_CTX *server ZK_GUARDED;         /* NULL: not of that side. */
    SSL_CTX *client ZK_GUARDED;
};

/* The keys of that side as they are now; the caller frees its reference.
 * Asking for a side that the context does not have is a mistake. */
SSL_CTX *tls_context_use(struct tls_context *ctx, enum tls_side side);

/* Looks at the files, without reading them. */
void tls_stamps_take(const struct tls_config *c, struct tls_stamps *out);

/* Makes the SSL_CTX of a side from stores that were read; 'trust' may be
 * empty.  Certificates that will soon be of no use are warned of. */
int tls_ssl_ctx_create(const struct tls_config *c, enum tls_side side,
                       const struct tls_store *keys,
                       const struct tls_store *trust, SSL_CTX **out,
                       struct zk_errmsg *em) ZK_WARN_UNUSED;

/* Called by OpenSSL in a handshake, with the peer's certificates: decides
 * whether they are good, and leaves the reason in the connection. */
int tls_conn_verify(X509_STORE_CTX *store, void *arg);
/* Called by OpenSSL for a session that may be resumed, and when that is tried:
 * a session whose client would be refused now takes a whole handshake. */
int tls_conn_make_ticket(SSL *ssl, void *arg);
SSL_TICKET_RETURN tls_conn_take_ticket(SSL *ssl, SSL_SESSION *session,
                                       const unsigned char *name, size_t len,
                                       SSL_TICKET_STATUS status, void *arg);

#endif
