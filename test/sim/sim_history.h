/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_history.h: transactions, and the states of trees.
 *
 * A state is the list of transactions that led to it; equal lists are one
 * object, so histories are compared by address, and a snapshot costs nothing.
 */
#ifndef TEST_SIM_SIM_HISTORY_H
#define TEST_SIM_SIM_HISTORY_H

#include "server/request.h"

struct sim_world;

#define SIM_CLIENTS 4
/* Of one client, one after the other; the first is 1. */
#define SIM_SESSIONS 64

static inline int64_t
sim_session_id(int client, int n)
{
    return (int64_t) n << 8 | (client + 1);
}

static inline int
sim_session_client(int64_t id)
{
    return (int) (id & 0xff) - 1;
}

static inline int
sim_session_n(int64_t id)
{
    return (int) (id >> 8);
}

struct sim_txn {
    uint32_t serial;
    int64_t zxid;
    int32_t type;               /* OP_SET_DATA, or of sessions. */
    int64_t session;            /* Whose. */
    int client;                 /* ... of whom. */
    int32_t cxid;
    int32_t err;                /* KE_OK: a write; else it changes nothing. */
    bool acked;                 /* A client was told. */
    struct txn_bytes *bytes;
};

struct sim_state {
    const struct sim_state *parent;     /* NULL: the empty tree. */
    struct sim_state *child, *sibling;
    const struct sim_txn *txn;
    int64_t zxid;               /* Of the last txn; 0: none. */
    uint32_t depth;
    uint64_t sessions[SIM_CLIENTS];     /* Bit n: it lives. */
};

struct sim_histories {
    struct sim_txn **txns;      /* By serial. */
    size_t n_txns, cap_txns;
    struct sim_state *empty;
    /* What is committed, by depth; only grows. */
    const struct sim_state **committed;
    size_t n_committed, cap_committed;
};

void sim_history_init(struct sim_world *w);
void sim_history_fini(struct sim_world *w);
struct sim_txn *sim_txn_create(struct sim_world *w, int64_t zxid,
                               int32_t type, int64_t session, int32_t cxid,
                               int32_t err);
/* The one with these bytes; NULL after it failed: they are nobody's. */
struct sim_txn *sim_txn_find(struct sim_world *w, struct zk_slice bytes);
static inline struct zk_slice
sim_txn_slice(const struct sim_txn *t)
{
    return zk_slice(t->bytes->data, (int32_t) t->bytes->len);
}

/* The state that 'txn' makes of 'state'. */
const struct sim_state *sim_state_after(struct sim_world *w,
                                        const struct sim_state *state,
                                        const struct sim_txn *txn);
static inline bool
sim_state_has_session(const struct sim_state *s, int64_t id)
{
    return (s->sessions[sim_session_client(id)] >> sim_session_n(id) & 1)
           != 0;
}
/* Does 'b' go on from 'a' (or is it 'a')? */
bool sim_state_leads_to(const struct sim_state *a, const struct sim_state *b);
/* The end of what is committed. */
const struct sim_state *sim_committed(const struct sim_world *w);
bool sim_is_committed(const struct sim_world *w,
                      const struct sim_state *state);

#endif
