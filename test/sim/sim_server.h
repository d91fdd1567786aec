/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_server.h: the stages of a server in either role: clients, the log and
 * its fsyncs, the commit stage, the tree (selectors, SyncThread,
 * CommitProcessor and Final).
 */
#ifndef TEST_SIM_SIM_SERVER_H
#define TEST_SIM_SIM_SERVER_H

#include "server/commit_core.h"
#include "sim_network.h"

struct sim_node;

/* Packets between clients and servers. */
enum sim_client_packet {
    SIM_CONNECT = 1000,         /* a: session, cxid: is it a new one?
                                 * zxid: the last it saw */
    SIM_CONNECTED,              /* err: has it ended? */
    SIM_REQUEST,                /* a: op code, cxid */
    SIM_REPLY,                  /* a: op code, cxid, err, zxid, state */
};

/* A client's connection to a server. */
struct sim_conn {
    struct client_sink sink;
    struct sim_conn *next, *next_renewal;
    struct sim_node *node;
    struct sim_link *link;      /* End 1 is the server's. */
    int64_t session;            /* 0: not said yet */
    bool open;
    bool valid;                 /* Its session is confirmed. */
    unsigned in_pipeline;
};

/* Txns in order. */
struct sim_queue {
    const struct sim_txn **v;
    size_t first, n, cap;
};

struct sim_server {
    bool running;               /* The stages take requests. */
    bool learner;
    struct commit_core commit;
    bool has_commit;
    struct sim_conn *conns;
    /* Whose REVALIDATE has no answer yet, closed ones among them. */
    struct sim_conn *renewals;

    /* The log stage. */
    struct sim_queue to_log;    /* Not yet appended. */
    struct sim_queue logged;    /* Appended or to be, and not applied. */
    bool syncing;
    int64_t syncing_upto;
    unsigned sync_no;
};

/* A client calls. */
void sim_server_accept(struct sim_node *n, struct sim_world *w, int client);
/* The stages start: clients are let in. */
void sim_server_start(struct sim_node *n, bool learner);
/* The stages end: what the log was given is logged, synced and applied. */
void sim_server_stop(struct sim_node *n);
/* After a crash. */
void sim_server_free(struct sim_node *n);

/* A txn to be logged; sim_leader_logged or sim_learner_logged follows. */
void sim_server_log(struct sim_node *n, const struct sim_txn *t);
/* Lets pass what may. */
void sim_server_pump(struct sim_node *n);
/* REVALIDATE was answered: the first that asked for this session. */
void sim_server_revalidated(struct sim_node *n, int64_t session, bool lives);
/* The session of a connection is decided on. */
void sim_server_admit(struct sim_conn *c, bool lives);

void sim_queue_put(struct sim_world *w, struct sim_queue *q,
                   const struct sim_txn *t);
const struct sim_txn *sim_queue_take(struct sim_queue *q);
static inline const struct sim_txn *
sim_queue_first(const struct sim_queue *q)
{
    return q->n > 0 ? q->v[q->first] : NULL;
}

#endif
