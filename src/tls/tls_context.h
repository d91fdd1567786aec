/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_context.h: keys, trust and rules of one kind of link (clients, quorum,
 * or those of a shell), shared by all its connections (Java: X509Util,
 * ClientX509Util, QuorumX509Util).
 *
 * A context holds what the stores gave when they were read last.  A reload
 * replaces that as a whole; connections that stand keep what they began with,
 * and a store that cannot be read leaves the old keys in use.
 *
 * Thread-safety: any thread; the stores are read outside the lock.
 */
#ifndef TLS_TLS_CONTEXT_H
#define TLS_TLS_CONTEXT_H

#include "config/tls_config.h"

struct tls_context;

/* What connections it is for; a sum. */
enum tls_side {
    TLS_SIDE_SERVER = 1,        /* Needs a key store; without a trust store
                                 * no client can prove who it is. */
    TLS_SIDE_CLIENT = 2,        /* Needs a trust store (or the system's). */
};

/* Reads the stores.  ZK_ECONFIG names property, file and reason.  'config' is
 * borrowed for the life of the context; one reference. */
int tls_context_create(const struct tls_config *config, unsigned sides,
                       struct tls_context **out, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
struct tls_context *tls_context_ref(struct tls_context *ctx);
/* The last one frees it; NULL is none. */
void tls_context_unref(struct tls_context *ctx);
const struct tls_config *tls_context_config(const struct tls_context *ctx);

/* Reads the stores again.  An error leaves all as it was; 'em' says why. */
int tls_context_reload(struct tls_context *ctx, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Reloads by itself, on a thread of its own, whenever one of the stores'
 * files is written or replaced (Java: FileChangeWatcher; client.certReload,
 * sslQuorumReloadCertFiles), and says in the log what came of it.
 * Twice is an error of ours. */
void tls_context_watch_start(struct tls_context *ctx);
void tls_context_watch_stop(struct tls_context *ctx);

#endif
