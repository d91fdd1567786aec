/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "sim.h"

#include <string.h>

#include "proto/keeper_error.h"
#include "proto/op_code.h"

#define CLI_PATIENCE_US (4 * SIM_SECOND)
/* It asks so often in a quiet phase. */
#define CLI_QUIET 4

/* The next connection begins another session, with all forgotten. */
static void
cli_forget(struct sim_client *c)
{
    c->admitted = false;
    c->last_zxid = 0;
    c->seen = c->synced_to = 0;
}

static void
cli_disconnect(struct sim_client *c)
{
    if (c->link != NULL) {
        sim_link_close(c->link, 0);
        c->link = NULL;
    }
    c->connected = false;
    c->n_in_flight = 0;         /* What became of them is not known. */
}

/* There is no number for another session. */
static bool
cli_has_done(const struct sim_client *c)
{
    return sim_session_n(c->session) == SIM_SESSIONS - 1;
}

/* ---- replies ----------------------------------------------------------- */

static void
cli_written(struct sim_client *c, const struct sim_msg *m)
{
    const struct sim_txn *t = m->state->txn;

    if (t == NULL || t->session != c->session || t->cxid != m->cxid
        || t->zxid != m->zxid) {
        sim_fail(c->w, "a reply is that of its request",
                 "client %d, cxid %d: 0x%lx", c->index, (int) m->cxid,
                 (long) m->zxid);
        return;
    }
    if (c->w->acked < m->state->depth) {
        c->w->acked = m->state->depth;
    }
}

static void
cli_read(struct sim_client *c, const struct sim_msg *m)
{
    if (m->state->depth < c->seen) {
        sim_fail(c->w, "a client sees what it wrote and saw",
                 "client %d: %u txns, it had seen %u", c->index,
                 m->state->depth, c->seen);
    }
    if (m->state->depth < c->synced_to) {
        sim_fail(c->w, "a sync brings all that was acknowledged",
                 "client %d: %u txns of %u", c->index, m->state->depth,
                 c->synced_to);
    }
}

static void
cli_reply(struct sim_client *c, const struct sim_msg *m)
{
    struct sim_world *w = c->w;
    struct sim_in_flight f = c->in_flight[0];

    if (c->n_in_flight == 0 || f.cxid != m->cxid || f.type != m->a) {
        sim_fail(w, "replies come in order", "client %d: cxid %d",
                 c->index, (int) m->cxid);
        return;
    }
    sim_trace(w, NULL, "client %d: reply to %s, cxid %d: err %d, 0x%lx",
              c->index, op_code_name(f.type), (int) f.cxid, (int) m->err,
              (long) m->zxid);
    c->n_in_flight--;
    memmove(&c->in_flight[0], &c->in_flight[1],
            c->n_in_flight * sizeof c->in_flight[0]);
    if (m->zxid < c->last_zxid) {
        sim_fail(w, "zxids of a client never go back",
                 "client %d: 0x%lx after 0x%lx", c->index, (long) m->zxid,
                 (long) c->last_zxid);
    }
    if (m->err == KE_SESSION_EXPIRED) {
        sim_check_gone(w, c->session);
    }
    if (m->err == KE_SESSION_MOVED || m->err == KE_SESSION_EXPIRED) {
        return;
    }
    c->last_zxid = m->zxid;
    if (!sim_is_committed(w, m->state)) {
        sim_fail(w, "what is served is committed", "client %d: 0x%lx",
                 c->index, (long) m->state->zxid);
    }
    if (f.type == OP_SET_DATA) {
        cli_written(c, m);
    } else if (f.type == OP_GET_DATA) {
        cli_read(c, m);
    } else if (f.acked_before > c->synced_to) {
        c->synced_to = f.acked_before;
    }
    if (f.type != OP_SYNC) {
        c->seen = m->state->depth;
    }
    c->answered++;
}

static void
cli_receive(void *owner, struct sim_link *k, const struct sim_msg *m)
{
    struct sim_client *c = owner;

    if (k != c->link) {
        return;
    }
    if (m->type == SIM_CONNECTED && m->err != KE_OK) {
        sim_trace(c->w, NULL, "client %d: its session %d has ended",
                  c->index, sim_session_n(c->session));
        sim_check_gone(c->w, c->session);
        cli_disconnect(c);
        cli_forget(c);
    } else if (m->type == SIM_CONNECTED) {
        c->connected = c->admitted = true;
        c->since_us = sim_now(c->w);
    } else {
        cli_reply(c, m);
    }
}

static void
cli_closed(void *owner, struct sim_link *k)
{
    struct sim_client *c = owner;

    if (k == c->link) {
        c->link = NULL;
        cli_disconnect(c);
    }
}

void
sim_client_end(struct sim_client *c, struct sim_end *out)
{
    *out = (struct sim_end) {
        .owner = c, .receive = cli_receive, .closed = cli_closed,
    };
}

/* ---- requests ---------------------------------------------------------- */

/* Any of them, more often the leader: what only it has makes histories
 * differ. */
static struct sim_node *
cli_choose(struct sim_world *w)
{
    if (sim_chance(w, 300)) {
        for (size_t i = 0; i < w->n; i++) {
            if (w->nodes[i].role == SIM_LEADING) {
                return &w->nodes[i];
            }
        }
    }
    return &w->nodes[sim_random(w, w->n)];
}

/* A session whose beginning was not seen is nobody's. */
static bool
cli_is_new(struct sim_client *c)
{
    if (c->w->phase == SIM_FAULTS && sim_chance(c->w, 100)) {
        cli_forget(c);
    }
    if (!c->admitted) {
        c->session = sim_session_id(c->index, sim_session_n(c->session) + 1);
    }
    return !c->admitted;
}

static void
cli_connect(struct sim_client *c)
{
    struct sim_world *w = c->w;
    struct sim_node *n = cli_choose(w);
    struct sim_msg m = { .type = SIM_CONNECT };

    if (n->up && !n->dying && n->server.running && !cli_has_done(c)) {
        sim_server_accept(n, w, c->index);
        c->since_us = sim_now(w);
        m.cxid = cli_is_new(c);
        m.a = c->session;
        m.zxid = c->last_zxid;
        sim_trace(w, n, "client %d comes with %ssession %d", c->index,
                  m.cxid != 0 ? "new " : "", sim_session_n(c->session));
        sim_link_send(c->link, 0, &m);
    }
}

static void
cli_send(struct sim_client *c, int32_t type)
{
    const struct sim_msg m = {
        .type = SIM_REQUEST, .a = type, .cxid = ++c->cxid,
    };

    if (c->n_in_flight < SIM_IN_FLIGHT) {
        sim_trace(c->w, NULL, "client %d: %s, cxid %d", c->index,
                  op_code_name(type), (int) m.cxid);
        c->in_flight[c->n_in_flight++] = (struct sim_in_flight) {
            m.cxid, type, sim_now(c->w), c->w->acked,
        };
        sim_link_send(c->link, 0, &m);
    }
}

static void
cli_ask(struct sim_client *c)
{
    uint64_t what = c->writes ? sim_random(c->w, 10) : 9;

    if (what < 6) {
        cli_send(c, OP_SET_DATA);
    } else if (what < 8) {
        cli_send(c, OP_GET_DATA);
    } else if (what == 8) {
        cli_send(c, OP_SET_DATA);
        cli_send(c, OP_SYNC);
        cli_send(c, OP_SET_DATA);
        cli_send(c, OP_GET_DATA);
    } else {
        cli_send(c, OP_SYNC);
        cli_send(c, OP_GET_DATA);
    }
}

bool
sim_client_rests(const struct sim_client *c)
{
    return (c->answered >= CLI_QUIET && c->n_in_flight == 0)
           || cli_has_done(c);
}

static void
cli_think(struct sim_world *w, void *obj, uint64_t arg)
{
    struct sim_client *c = obj;
    int64_t waits_us = 0;

    (void) arg;
    if (c->n_in_flight > 0) {
        waits_us = sim_now(w) - c->in_flight[0].sent_us;
    } else if (c->link != NULL && !c->connected) {
        waits_us = sim_now(w) - c->since_us;
    }
    if (c->link == NULL) {
        cli_connect(c);
    } else if (waits_us > CLI_PATIENCE_US
               || (w->phase == SIM_FAULTS
                   && sim_chance(w, c->connected && c->last_zxid == 0
                                         ? 200 : 10))) {
        cli_disconnect(c);
    } else if (c->connected && sim_now(w) >= w->clients_pause_until_us
               && (w->phase == SIM_FAULTS || c->answered < CLI_QUIET)) {
        cli_ask(c);
    }
    sim_after(w, sim_between(w, SIM_MS, w->think_us), cli_think, c, 0);
}

void
sim_client_init(struct sim_world *w, int index)
{
    struct sim_client *c = &w->clients[index];

    *c = (struct sim_client) {
        .w = w, .index = index, .writes = sim_chance(w, 700),
    };
    sim_after(w, sim_between(w, SIM_MS, w->think_us), cli_think, c, 0);
}
