/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "sim.h"

#include <stdlib.h>
#include <string.h>

#include "proto/keeper_error.h"
#include "proto/op_code.h"
#include "proto/txn_codec.h"
#include "util/zk_bytes.h"

/* A txn's time says which it is. */
#define SIM_TXN_TIME_AT 20

void
sim_history_init(struct sim_world *w)
{
    struct sim_histories *h = &w->hist;

    h->empty = sim_alloc(w, sizeof *h->empty);
    h->n_txns = 0;
    h->n_committed = 0;
    if (h->cap_committed == 0) {
        h->cap_committed = 256;
        h->committed = zk_xcalloc(h->cap_committed, sizeof h->committed[0]);
    }
    h->committed[h->n_committed++] = h->empty;
}

void
sim_history_fini(struct sim_world *w)
{
    free(w->hist.txns);
    free(w->hist.committed);
}

static void
his_encode(struct zk_buf *b, const struct sim_txn *t)
{
    int32_t type = t->err == KE_OK ? t->type : OP_ERROR;

    txn_encode_header(b, t->session, t->cxid, t->zxid, t->serial, type);
    if (type == OP_ERROR) {
        txn_encode_error(b, t->err);
    } else if (type == OP_SET_DATA) {
        txn_encode_set_data(b, ZK_SLICE_LIT("/a"), ZK_SLICE_NULL, 1);
    } else if (type == OP_CREATE_SESSION) {
        txn_encode_create_session(b, 10000);
    }
}

struct sim_txn *
sim_txn_create(struct sim_world *w, int64_t zxid, int32_t type,
               int64_t session, int32_t cxid, int32_t err)
{
    struct sim_histories *h = &w->hist;
    struct sim_txn *t = sim_alloc(w, sizeof *t);
    struct zk_buf b = { 0 };

    t->serial = (uint32_t) h->n_txns;
    t->zxid = zxid;
    t->type = type;
    t->session = session;
    t->client = sim_session_client(session);
    t->cxid = cxid;
    t->err = err;
    his_encode(&b, t);
    /* Nobody frees it: the reference of its maker is never given back. */
    t->bytes = sim_alloc(w, sizeof *t->bytes + b.len);
    atomic_init(&t->bytes->refs, 1);
    t->bytes->len = (uint32_t) b.len;
    t->bytes->zxid = zxid;
    memcpy(t->bytes->data, b.data, b.len);
    zk_buf_fini(&b);
    if (h->n_txns == h->cap_txns) {
        h->cap_txns = h->cap_txns == 0 ? 256 : h->cap_txns * 2;
        h->txns = zk_xrealloc(h->txns, h->cap_txns * sizeof h->txns[0]);
    }
    return h->txns[h->n_txns++] = t;
}

struct sim_txn *
sim_txn_find(struct sim_world *w, struct zk_slice bytes)
{
    uint64_t serial = UINT64_MAX;

    if (bytes.len >= TXN_HEADER_LEN) {
        serial = zk_get_be64(bytes.p + SIM_TXN_TIME_AT);
    }
    if (serial >= w->hist.n_txns
        || !zk_slice_eq(sim_txn_slice(w->hist.txns[serial]), bytes)) {
        sim_fail(w, "txns keep their bytes", "%d bytes are nobody's txn",
                 (int) bytes.len);
        return NULL;
    }
    return w->hist.txns[serial];
}

static void
his_apply(struct sim_state *s, const struct sim_txn *t)
{
    uint64_t *sessions = &s->sessions[t->client];
    uint64_t bit = UINT64_C(1) << sim_session_n(t->session);

    if (t->err == KE_OK && t->type == OP_CREATE_SESSION) {
        *sessions |= bit;
    } else if (t->err == KE_OK && t->type == OP_CLOSE_SESSION) {
        *sessions &= ~bit;
    }
}

const struct sim_state *
sim_state_after(struct sim_world *w, const struct sim_state *state,
                const struct sim_txn *txn)
{
    /* States are shared for reading; only here their children are kept. */
    struct sim_state *s = (struct sim_state *) (uintptr_t) state;
    struct sim_state *child;

    for (child = s->child; child != NULL; child = child->sibling) {
        if (child->txn == txn) {
            return child;
        }
    }
    child = sim_alloc(w, sizeof *child);
    child->parent = state;
    child->txn = txn;
    child->zxid = txn->zxid;
    child->depth = state->depth + 1;
    memcpy(child->sessions, state->sessions, sizeof child->sessions);
    his_apply(child, txn);
    child->sibling = s->child;
    s->child = child;
    return child;
}

bool
sim_state_leads_to(const struct sim_state *a, const struct sim_state *b)
{
    while (b->depth > a->depth) {
        b = b->parent;
    }
    return a == b;
}

const struct sim_state *
sim_committed(const struct sim_world *w)
{
    return w->hist.committed[w->hist.n_committed - 1];
}

bool
sim_is_committed(const struct sim_world *w, const struct sim_state *state)
{
    return state->depth < w->hist.n_committed
           && w->hist.committed[state->depth] == state;
}
