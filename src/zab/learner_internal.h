/* SPDX-License-Identifier: Apache-2.0 */
/* learner_internal.h: the learner as its own files see it. */
#ifndef ZAB_LEARNER_INTERNAL_H
#define ZAB_LEARNER_INTERNAL_H

#include "server/server_role.h"
#include "zab/learner.h"
#include "zab/learner_core.h"
#include "zab/learner_link.h"

#define uthash_malloc(size) zk_xmalloc(size)
#include <uthash.h>

/* A session whose client waits for the leader's word on it. */
struct learner_renewal {
    int64_t session_id;
    struct client_sink *sink;   /* A reference. */
    UT_hash_handle hh;
};

struct learner {
    unsigned magic;
#define LEARNER_MAGIC 0x4c72726e

    /* Set at create, never changed. */
    struct zab_peer *peer;
    int64_t leader_sid;
    bool observer;
    bool logs;                  /* What is broadcast goes to the own log; not
                                 * on an observer without syncEnabled. */
    int64_t init_ms, sync_ms;   /* initLimit and syncLimit. */
    int64_t created_ms;
    struct net_cancel cancel;   /* Ends a connect. */

    /* Of the QuorumPeer thread; the stages use the link while they run. */
    bool linked;
    struct learner_link link;
    struct learner_core *core;
    struct zookeeper_server *zks;   /* NULL until UPTODATE. */
    struct request_processor *sync; /* NULL when nothing is logged. */
    struct request_processor *commit;
    /* Of what the link brought in one go: */
    struct bq_list to_log, to_commit;
    /* Requests for the commit stage, of proposals whose commit has not
     * come. */
    struct bq_list open;
    int fault;                  /* ZK_OK, or how the own disk failed. */

    _Atomic int64_t sync_time_ms;   /* -1: not yet */

    struct zk_mutex lock;       /* leaf */
    struct zk_cond changed;
    bool stopping ZK_GUARDED;
    struct learner_link *running ZK_GUARDED;    /* To be ended by
                                                 * shutdown. */
    int64_t log_bytes ZK_GUARDED;   /* In the queue of the log. */
    struct learner_renewal *renewals ZK_GUARDED;    /* uthash by session */
};

/* ---- learner_env.c ----------------------------------------------------- */

/* The functions that act for the core. */
struct learner_env learner_env_of(struct learner *l);
/* What the last packets brought goes to the stages. */
void learner_hand_on(struct learner *l);
/* Proposals that are durable and whose commit never came go into the tree:
 * they are history now (ZOOKEEPER-2845).  After the stages have ended. */
int learner_apply_open(struct learner *l, struct zk_errmsg *em)
    ZK_WARN_UNUSED;

/* ---- learner_chain.c --------------------------------------------------- */

/* The server of this role, its stages started. */
void learner_start_server(struct learner *l);
/* Clients go, the stages end; nothing when there is none. */
void learner_stop_server(struct learner *l);

/* ---- learner_sessions.c ------------------------------------------------ */

/* server_role.revalidate; 'self' is the learner.  A client that comes while
 * another waits with the same session takes its place, and that is closed: the
 * leader is asked once.  So is one that comes while ZAB_MAX_ASKED wait. */
void learner_revalidate(void *self, struct client_sink *sink,
                        int64_t session_id, int32_t timeout_ms);
/* REVALIDATE and PING from the leader. */
int learner_revalidated(struct learner *l, struct zk_slice data,
                        struct zk_errmsg *em) ZK_WARN_UNUSED;
void learner_answer_ping(struct learner *l, int64_t zxid);
/* The link is gone: clients that waited are closed. */
void learner_drop_renewals(struct learner *l);

#endif
