/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_leader.h: leading, around leader_core and learner_sync: what the
 * QuorumPeer thread, the handlers and the stages of a leader do
 * (zab/leader.h).
 *
 * A handler's waiting for others is a state here (sim_handler.state); what the
 * QuorumPeer thread does by itself is an event of its own (lead_go_on).
 */
#ifndef TEST_SIM_SIM_LEADER_H
#define TEST_SIM_SIM_LEADER_H

#include "sim_server.h"
#include "zab/leader_core.h"
#include "zab/leader_proposals.h"

enum sim_handler_state {
    SIM_H_INFO,                 /* FOLLOWERINFO or OBSERVERINFO comes next. */
    SIM_H_EPOCH,                /* Waits for the epoch. */
    SIM_H_ACK_EPOCH,            /* ACKEPOCH comes next. */
    SIM_H_MAY_SYNC,             /* Waits until learners may sync. */
    SIM_H_JOINED,
};

/* One learner's link. */
struct sim_handler {
    struct sim_handler *next;
    struct sim_node *leader;
    struct sim_link *link;      /* End 1 is the leader's. */
    int64_t sid;                /* 0: not said yet */
    bool observer, replaced, gone;
    enum sim_handler_state state;
    int64_t peer;               /* Its last zxid, from ACKEPOCH. */
    bool acked;                 /* NEWLEADER */
    bool acks, out_of_sync;     /* See lead_ignores_ack. */
    bool up_to_date;            /* UPTODATE was sent. */
    bool answered;              /* ... and something came since. */
    int64_t waits_since_us;
    int64_t heard_us, timeout_us, in_sync_until_us;
    /* Of a bug: when what it answered last was sent. */
    struct {
        unsigned sent, answered, timed;
        int64_t timed_us;
    } pings;
    int64_t followed_us;
    /* The oldest proposal without an ack. */
    int64_t timed_zxid, timed_since_us, sent_zxid, sent_us;
};

struct sim_pending_sync {
    struct sim_pending_sync *next;
    struct sim_handler *who;    /* NULL: a client of this server. */
    struct leader_sync_point point;
    const struct sim_state *committed;  /* Anywhere, when it came. */
    int64_t session;            /* Has it ended?  0: a sync. */
    struct sim_conn *conn;      /* ... and of who == NULL. */
};

/* As the tracker has it. */
struct sim_session {
    bool known;
    bool closing;               /* It is not touched any more. */
    bool ended;                 /* Its closeSession is prepared. */
    int64_t touched_us;
    const void *owner;
};

struct sim_leader {
    struct leader_core *core;
    bool going_on;              /* lead_go_on is on its way. */
    int64_t epoch;              /* Durable as accepted; -1: not yet */
    bool may_sync;              /* ... as current */
    bool serving;
    int64_t gather_until_us;
    bool at_tick;
    bool rolled_over;
    int64_t last_zxid;          /* Given out. */
    const struct sim_state *committed;
    struct leader_proposals proposals;
    struct sim_handler *handlers;
    struct sim_pending_sync *syncs, *last_sync;
    struct sim_session sessions[SIM_CLIENTS][SIM_SESSIONS];
};

void sim_leader_start(struct sim_node *n);
void sim_leader_stop(struct sim_node *n);
/* After a crash. */
void sim_leader_free(struct sim_node *n);

/* A learner calls; 'own' is its end. */
struct sim_link *sim_leader_accept(struct sim_node *n,
                                   const struct sim_end *own);
/* Requests of clients. */
void sim_leader_submit(struct sim_node *n, struct bq_list *list);
/* Its log is durable up to 'zxid'. */
void sim_leader_logged(struct sim_node *n, int64_t zxid);

/* Is a quorum in sync, those included that still have time to become so?  Or:
 * was one heard, or has one answered what was asked, in the last syncLimit
 * ticks? */
enum lead_quorum {
    LEAD_IN_SYNC,
    LEAD_HEARD,
    LEAD_FOLLOWED,
};
bool sim_leader_has_quorum(struct sim_node *n, enum lead_quorum kind);

/* ---- sim_leader_syncs.c ------------------------------------------------ */

/* A SYNC of a learner, or of a client of this server (who == NULL). */
void sim_leader_sync(struct sim_node *n, struct sim_handler *who);
/* Before 'zxid' is committed: a learner must not get it before the answer to
 * a sync that it sent earlier, or its commit stage would wait for ever. */
void sim_leader_settle_syncs(struct sim_node *n, int64_t zxid);
/* Those that waited for no more than 'zxid', which was told. */
void sim_leader_answer_syncs(struct sim_node *n, int64_t zxid);
/* A PING was answered. */
void sim_leader_go_on_syncs(struct sim_node *n);
/* What a learner that has gone waited for. */
void sim_leader_forget_syncs(struct sim_leader *l,
                             const struct sim_handler *h);
/* To all that have joined. */
void sim_leader_ping(struct sim_node *n);

struct sim_session *sim_leader_session(struct sim_node *n, int64_t id);
/* A client came with its session, to a learner or here (who == NULL).  If it
 * lives it is this connection's or handler's from now on, were that closed:
 * only another that comes with the session takes it. */
void sim_leader_ask(struct sim_node *n, struct sim_handler *who,
                    struct sim_conn *conn, int64_t session);
void sim_leader_ask_own(struct sim_node *n, struct sim_conn *c);
/* A closeSession was applied. */
void sim_leader_closed(struct sim_node *n, int64_t session);
/* The sessions of its own clients live, and those that a PING names. */
void sim_leader_touch_own(struct sim_node *n);
void sim_leader_touch_all_of(struct sim_handler *h, const struct sim_msg *m);

/* ---- sim_leader_join.c ------------------------------------------------- */

/* Brings the learner to this history, and it joins the broadcast. */
void sim_leader_join(struct sim_node *n, struct sim_handler *h);
/* A packet to a learner. */
void sim_leader_send(struct sim_handler *h, int32_t type, int64_t zxid,
                     const struct sim_txn *t);

#endif
