/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quorum_peer.h: one member of an ensemble (Java: QuorumPeer): loads the
 * database once, opens the client port, takes part in elections and plays the
 * role that comes out of them, for ever.
 *
 *   LOOKING -> LEADING | FOLLOWING | OBSERVING -> LOOKING ...
 *
 * Tree and log agree whenever a vote is sent (ZOOKEEPER-2845): roles see to
 * it before they end.  The tree stays in memory across roles.
 */
#ifndef QUORUM_QUORUM_PEER_H
#define QUORUM_QUORUM_PEER_H

#include "election/vote.h"
#include "server/zookeeper_server.h"
#include "util/zk_error.h"

struct quorum_peer;
struct tls_context;

/* 'config' is borrowed; its server lines have one for its myid.  'env'
 * (copied; NULL in tests) lets the peer put servers behind the client port.
 * 'zks' NULL: none; when it returns nobody uses the one before any more.
 * QuorumPeer thread, no lock held.  'tls' is borrowed: link_options. */
struct quorum_peer_env {
    void *self;
    struct tls_context *tls;
    void (*set_server)(void *self, struct zookeeper_server *zks);
};
struct quorum_peer *quorum_peer_create(const struct server_config *config,
                                       const struct quorum_peer_env *env);
/* Loads the database and the epochs.  Errors as zookeeper_server_load: a
 * member whose files contradict each other refuses to take part. */
int quorum_peer_load(struct quorum_peer *qp, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Binds the election port, starts the election and the QuorumPeer thread.
 * Fails only for want of that port. */
int quorum_peer_start(struct quorum_peer *qp, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Ends the role and all threads. */
void quorum_peer_stop(struct quorum_peer *qp);
void quorum_peer_destroy(struct quorum_peer *qp);

/* For status words; any thread between start and stop. */
struct quorum_peer_status {
    enum peer_state state;
    bool broadcasting;          /* zk_peer_state: "... - broadcast" */
    int64_t leader;             /* sid; -1: none */
    size_t quorum_size;         /* voters */
    int64_t election_time_ms;   /* -1: none yet */
    bool has_leader_status;
    size_t learners, synced_followers, observers, synced_observers,
        pending_syncs;
};
void quorum_peer_get_status(struct quorum_peer *qp,
                            struct quorum_peer_status *out);
/* The membership text, borrowed. */
const char *quorum_peer_membership(const struct quorum_peer *qp);

#endif
