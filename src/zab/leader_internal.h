/* SPDX-License-Identifier: Apache-2.0 */
/* leader_internal.h: the leader as its own files see it. */
#ifndef ZAB_LEADER_INTERNAL_H
#define ZAB_LEADER_INTERNAL_H

#include "net/link_options.h"
#include "net/net_listener.h"
#include "server/server_role.h"
#include "server/zk_database_sync.h"
#include "util/log_limit.h"
#include "zab/leader.h"
#include "zab/leader_core.h"
#include "zab/leader_proposals.h"
#include "zab/learner_sync.h"
#include "zab/packet_block.h"

#define uthash_malloc(size) zk_xmalloc(size)
#include <uthash.h>

struct learner_handler;
struct learner_cnx_acceptor;

/* What the configuration comes to. */
struct leader_options {
    int64_t tick_ms, init_ms, sync_ms;
    double snapshot_size_factor;    /* < 0: no DIFF from the log files */
    bool force_snapshot;
    int64_t max_snaps, max_diffs;   /* At once; beyond, observers wait. */
    int64_t output_max_bytes;       /* Queued to one learner. */
    int64_t max_epoch_wait_ms;      /* < 0: as long as initLimit allows. */
    int64_t ack_logging;            /* Of so many zxids the acks of one are
                                     * timed; <= 0: none. */
    int64_t initial_counter;        /* For tests of the roll-over. */
    struct net_options net;
};

/* A SYNC that waits, or the question whether a session has ended. */
struct leader_sync {
    struct leader_sync *next;
    struct learner_handler *who;    /* NULL: a client of this server. */
    struct leader_sync_point point;

    bool of_session;            /* A question; and then: */
    bool lives;                 /* Its answer. */
    int32_t timeout_ms;         /* As asked last. */
    int64_t session_id;
    struct client_sink *sink;   /* Of who == NULL: a reference. */
    UT_hash_handle hh;          /* In 'asked' of who. */
};

/* What the stages are to be told, without the leader's lock. */
struct leader_news {
    struct request_processor *commit;
    int64_t committed;          /* 0: nothing new */
    size_t synced;
    struct zookeeper_server *zks;
    struct leader_sync *told;   /* Questions of its clients. */
};

struct leader {
    unsigned magic;
#define LEADER_MAGIC 0x4c656164

    /* Set at create or before the threads start. */
    const struct zab_peer *peer;
    struct leader_options opts;
    int64_t created_ms;
    struct net_listener *listener;
    struct learner_cnx_acceptor *acceptor;
    struct log_limit log_limit; /* Of lines that learners can cause. */

    /* Of the QuorumPeer thread. */
    struct request_processor *chain;    /* See leader_chain.c. */

    struct zk_mutex lock;       /* ZK_LOCK_leader */
    struct zk_cond changed;

    /* Under 'lock'. */
    struct leader_core *core;
    bool stopped;               /* leader_shutdown was called. */
    bool closing;               /* Nobody is let in, nothing is proposed. */
    char why[256];
    int64_t epoch;              /* Durable as accepted; -1: not yet. */
    int64_t calling_since_ms;   /* A quorum is waited for since then, which
                                 * the epoch follows from; -1: it is not. */
    int64_t deserter;           /* By whose desertion leading ends, if ... */
    bool deserted;
    bool may_sync;              /* ... as current: learners may sync. */
    struct zookeeper_server *zks;   /* While it serves. */
    struct request_processor *commit;
    int64_t serving_since_ms;   /* -1: not yet */
    bool rolled_over;           /* The counter is used up: nothing more is
                                 * proposed in this epoch. */
    struct leader_proposals proposals;
    struct leader_sync *syncs, **syncs_end;     /* By point. */
    size_t n_syncs;             /* SYNCs among them. */
    struct leader_sync *asked;  /* Questions of clients of this server: uthash
                                 * by session. */
    /* Of clients of this server, answered: the stages are to be told. */
    size_t n_synced;
    struct leader_sync *told;
    struct learner_handler *learners;   /* Those that are connected. */
    struct learner_handler *ended;  /* Their threads wait to be joined. */
    struct learner_handler *retired;    /* Joined; session owners. */
    int64_t next_nameless;      /* sid for who has none: -1, -2, ... */
    int64_t n_snaps, n_diffs;   /* Being brought up to date. */
    struct learner_handler *streaming;  /* Who has the tree's one snapshot. */
    int64_t last_size, min_size, max_size;  /* Of proposals; -1: none. */

    /* Set while a learner of 3.4 is connected: prep refuses what it would
     * not understand. */
    atomic_int old_learners;
};

/* ---- leader_learners.c: who is connected ------------------------------- */

/* A line about a learner, which may cause as many as it likes. */
#define leader_note(l, cat, level, ...)                                   \
    log_limit_at(&(l)->log_limit, cat, level, __VA_ARGS__)
/* Of the acceptor: takes the descriptor over. */
void leader_connected(struct leader *l, int fd);
/* Joins the threads of handlers that have ended. */
void leader_reap(struct leader *l);
/* Nothing new is proposed; what is queued is written, for as long as that
 * takes but no longer than 'limit_ms'. */
void leader_drain_learners(struct leader *l, int64_t limit_ms);
/* Closes all links; nobody is let in any more. */
void leader_close_learners(struct leader *l);
/* Waits for all handlers; the links are closed already. */
void leader_join_learners(struct leader *l);
void leader_free_learners(struct leader *l);
/* The last thing that a handler's thread does. */
void leader_left(struct leader *l, struct learner_handler *h);
/* Pings those that may be pinged, closes those that are late with an ack. */
void leader_ping_learners_locked(struct leader *l) ZK_REQUIRES(l->lock);
/* Is a quorum in sync at this moment, those included that still have time for
 * their start? */
bool leader_has_quorum_locked(struct leader *l) ZK_REQUIRES(l->lock);

/* ---- leader_discovery.c: for handlers ---------------------------------- */

/* FOLLOWERINFO or OBSERVERINFO; waits for the new epoch. */
int leader_introduced(struct leader *l, struct learner_handler *h,
                      bool observer, const struct learner_info *li,
                      int64_t accepted_epoch, int64_t *epoch,
                      struct zk_errmsg *em) ZK_WARN_UNUSED;
/* ACKEPOCH; waits until learners may sync. */
int leader_epoch_acked(struct leader *l, struct learner_handler *h,
                       int64_t current_epoch, int64_t last_zxid,
                       struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Queues UPTODATE for who has acked NEWLEADER, once; this leader serves. */
void leader_up_to_date_locked(struct leader *l, struct learner_handler *h)
    ZK_REQUIRES(l->lock);
/* ACK of NEWLEADER or UPTODATE. */
void leader_new_leader_acked(struct leader *l, struct learner_handler *h);
/* The QuorumPeer thread's share: an epoch from its proposal to its
 * establishment.  ZK_OK, ZK_ENOTFOUND (no quorum in time, or stopped), or a
 * fault of the disk. */
int leader_establish(struct leader *l, struct zk_errmsg *em) ZK_WARN_UNUSED;

/* ---- leader_join.c ----------------------------------------------------- */

/* Brings the learner to this history: writes what it lacks, then everything
 * goes through its queue, NEWLEADER first. */
int leader_bring_up_to_date(struct leader *l, struct learner_handler *h,
                            int64_t last_zxid, struct zk_errmsg *em)
    ZK_WARN_UNUSED;

/* ---- leader_broadcast.c ------------------------------------------------ */

/* Of the proposal stage, in order of zxids: sends them out and remembers
 * them.  False when the leader takes no more: nothing was done. */
bool leader_propose(struct leader *l, struct txn_bytes *const *txns,
                    size_t n) ZK_WARN_UNUSED;
/* No zxid is left in this epoch: it ends once all is committed
 * (ZOOKEEPER-1277). */
void leader_roll_over(struct leader *l);
/* An ack of a learner. */
void leader_acked(struct leader *l, struct learner_handler *h, int64_t zxid);
/* This server's log is durable up to 'zxid'. */
void leader_logged(struct leader *l, int64_t zxid);

/* ---- leader_syncs.c ---------------------------------------------------- */

/* What news there is for the stages, for leader_pass_on once the lock is given
 * back. */
struct leader_news leader_news_locked(struct leader *l, bool committed)
    ZK_REQUIRES(l->lock);
void leader_pass_on(const struct leader_news *news);
/* Answers, in the order they came, what waits for no more than 'zxid', which
 * is committed and was told. */
void leader_answer_syncs_locked(struct leader *l, int64_t zxid)
    ZK_REQUIRES(l->lock);
/* A learner has answered a PING. */
void leader_ping_answered(struct leader *l, struct learner_handler *h);
/* PINGs were sent. */
void leader_go_on_syncs(struct leader *l);
/* A SYNC of a learner has passed the earlier requests of its link. */
void leader_sync(struct leader *l, const void *owner);
/* One of a client of this server has, and stands in the commit stage. */
void leader_sync_own(struct leader *l);
/* REVALIDATE of a learner: a session that lives is its from now on, and it is
 * told at once; that one has ended, once a quorum has said that this server
 * leads.  Who asks for a session again meanwhile is told once.  ZK_ETOOBIG: it
 * waits for too many.  The leader serves. */
int leader_revalidate(struct leader *l, struct learner_handler *h,
                      int64_t session_id, int32_t timeout_ms,
                      struct zk_errmsg *em) ZK_WARN_UNUSED;
/* server_role.revalidate; 'self' is the leader.  Of two clients that come with
 * the same session the first is closed. */
void leader_revalidate_own(void *self, struct client_sink *sink,
                           int64_t session_id, int32_t timeout_ms);
/* What a learner that has gone waited for. */
void leader_forget_syncs_locked(struct leader *l,
                                const struct learner_handler *h)
    ZK_REQUIRES(l->lock);
/* What is left when all learners have gone and no client asks any more. */
void leader_drop_syncs(struct leader *l);

/* ---- leader_chain.c, leader_status.c ----------------------------------- */

/* server_role.build, mntr and srvr; 'self' is the leader. */
struct request_processor *leader_chain_build(void *self,
                                             struct zookeeper_server *zks,
                                             struct request_processor *final);
void leader_mntr(void *self, struct zk_buf *out);
void leader_srvr(void *self, struct zk_buf *out);

#endif
