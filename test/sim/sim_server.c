/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "sim.h"

#include <string.h>

#include "proto/keeper_error.h"
#include "proto/op_code.h"

/* ---- queues ------------------------------------------------------------ */

void
sim_queue_put(struct sim_world *w, struct sim_queue *q,
              const struct sim_txn *t)
{
    if (q->first + q->n == q->cap) {
        size_t cap = q->n * 2 + 16;
        const struct sim_txn **v = sim_alloc(w, cap * sizeof v[0]);

        if (q->n > 0) {
            memcpy(v, q->v + q->first, q->n * sizeof v[0]);
        }
        q->v = v;
        q->cap = cap;
        q->first = 0;
    }
    q->v[q->first + q->n++] = t;
}

const struct sim_txn *
sim_queue_take(struct sim_queue *q)
{
    const struct sim_txn *t = sim_queue_first(q);

    if (t != NULL) {
        q->first++;
        q->n--;
    }
    return t;
}

/* ---- the log ----------------------------------------------------------- */

static void srv_sync(struct sim_node *n);

static void
srv_snapshot(struct sim_node *n)
{
    struct sim_snapshot s = sim_node_tree(n);

    if (n->since_snapshot >= n->w->snap_count && n->server.running
        && sim_is_committed(n->w, n->tree)) {
        n->since_snapshot = 0;
        if (sim_disk_snapshot(&n->disk, &s)) {
            sim_trace(n->w, n, "snapshot 0x%lx", (long) s.zxid);
        }
    }
}

static void
srv_synced(struct sim_world *w, void *obj, uint64_t id)
{
    struct sim_node *n = obj;
    struct sim_server *s = &n->server;

    (void) w;
    if (!n->up || sim_node_role_id(n) != id || !s->syncing) {
        return;
    }
    s->syncing = false;
    if (!sim_disk_sync(&n->disk, s->syncing_upto)) {
        return;
    }
    commit_core_durable(&s->commit, s->syncing_upto);
    if (n->role == SIM_LEADING) {
        sim_leader_logged(n, s->syncing_upto);
    } else {
        sim_learner_logged(n, s->syncing_upto);
    }
    if (n->role == SIM_LEADING || n->role == SIM_LEARNING) {
        sim_server_pump(n);
        srv_snapshot(n);
        srv_sync(n);
    }
}

/* A batch: all that is there. */
static bool
srv_append(struct sim_node *n)
{
    struct sim_server *s = &n->server;
    const struct sim_txn *t;

    while ((t = sim_queue_take(&s->to_log)) != NULL) {
        if (!sim_disk_append(&n->disk, t)) {
            return false;
        }
        s->syncing_upto = t->zxid;
        n->since_snapshot++;
    }
    return true;
}

static void
srv_sync(struct sim_node *n)
{
    struct sim_server *s = &n->server;
    int64_t us = sim_between(n->w, 50, 4000);

    if (s->syncing || s->to_log.n == 0 || !srv_append(n)) {
        return;
    }
    s->syncing = true;
    if (n->slow_sync_us > 0) {
        us += sim_between(n->w, 0, n->slow_sync_us);
    }
    sim_after(n->w, us, srv_synced, n, sim_node_role_id(n));
}

void
sim_server_log(struct sim_node *n, const struct sim_txn *t)
{
    sim_queue_put(n->w, &n->server.to_log, t);
    sim_queue_put(n->w, &n->server.logged, t);
    srv_sync(n);
}

/* ---- replies ----------------------------------------------------------- */

static void
srv_close(struct sim_node *n, struct sim_conn *c)
{
    struct sim_conn **p;

    if (!c->open) {
        return;
    }
    c->open = false;
    sim_link_close(c->link, 1);
    for (p = &n->server.conns; *p != c; p = &(*p)->next) {
    }
    *p = c->next;
}

void
sim_server_admit(struct sim_conn *c, bool lives)
{
    const struct sim_msg m = {
        .type = SIM_CONNECTED, .err = lives ? KE_OK : KE_SESSION_EXPIRED,
    };

    if (!c->open) {
        return;
    }
    c->valid = lives;
    sim_link_send(c->link, 1, &m);
    if (!lives) {
        srv_close(c->node, c);
    }
}

static void
srv_close_session(struct sim_node *n, int64_t session,
                  const struct sim_conn *but)
{
    struct sim_conn *c, *next;

    for (c = n->server.conns; c != NULL; c = next) {
        next = c->next;
        if (c->session == session && c != but) {
            srv_close(n, c);
        }
    }
}

static void
srv_reply(struct sim_node *n, struct sim_conn *c, int32_t type, int32_t cxid,
          int32_t err, int64_t zxid)
{
    struct sim_msg m = {
        .type = SIM_REPLY, .a = type, .cxid = cxid, .err = err,
        .zxid = zxid, .state = n->tree,
    };

    if (c->open) {
        sim_link_send(c->link, 1, &m);
        if (err == KE_SESSION_MOVED) {
            srv_close(n, c);
        }
    }
}

/* ---- what has passed the commit stage ---------------------------------- */

static void
srv_final(struct sim_node *n, struct request *r)
{
    const struct sim_txn *t = NULL;
    struct sim_conn *c;

    if (r->txn != NULL) {
        t = sim_txn_find(n->w, zk_slice(r->txn->data,
                                        (int32_t) r->txn->len));
        if (t == NULL) {
            return;
        }
        if (sim_queue_first(&n->server.logged) == t) {
            (void) sim_queue_take(&n->server.logged);
        }
        sim_node_apply(n, t, true);
        r->err = t->err;
    }
    if (r->sink != NULL) {
        c = ZK_CONTAINER_OF(r->sink, struct sim_conn, sink);
        c->in_pipeline--;
        if (r->type == OP_CREATE_SESSION) {
            sim_server_admit(c, true);
            return;
        }
        srv_reply(n, c, r->type, r->cxid, r->err,
                  r->txn != NULL ? r->txn->zxid : n->last_zxid);
    } else if (t != NULL && t->type == OP_CLOSE_SESSION) {
        srv_close_session(n, t->session, NULL);
        if (n->role == SIM_LEADING) {
            sim_leader_closed(n, t->session);
        }
    }
}

void
sim_server_pump(struct sim_node *n)
{
    struct sim_server *s = &n->server;
    struct bq_list out = { 0 };
    struct bq_node *node;

    if (!s->has_commit) {
        return;
    }
    if (sim_bug_is(n->w, SIM_BUG_4882)) {
        commit_core_durable(&s->commit, INT64_MAX);
    }
    commit_core_take(&s->commit, &out);
    while ((node = bq_list_pop(&out)) != NULL) {
        struct request *r = request_of(node);

        if (!n->dying) {
            srv_final(n, r);
        }
        request_free(r);
    }
}

/* ---- clients ----------------------------------------------------------- */

static void
srv_no_ref(struct client_sink *sink)
{
    (void) sink;                /* Connections live as long as the seed. */
}

static const struct client_sink_ops srv_ops = {
    .ref = srv_no_ref,
    .unref = srv_no_ref,
};

static void
srv_request(struct sim_node *n, struct sim_conn *c, int32_t type,
            int32_t cxid)
{
    struct bq_list list = { 0 };
    struct request *r;

    if (type == OP_GET_DATA && c->in_pipeline == 0) {
        srv_reply(n, c, type, cxid, KE_OK, n->last_zxid);
        return;
    }
    r = request_create(type, c->session, cxid, zk_slice("", 0),
                       &c->sink, NULL);
    c->in_pipeline++;
    bq_list_append(&list, &r->link);
    if (n->server.learner) {
        sim_learner_submit(n, &list);
    } else {
        sim_leader_submit(n, &list);
    }
    sim_server_pump(n);
}

/* Once for a session: who comes with it while another waits takes its place.
 * Answers come in the order of the questions, also to those who are gone. */
static void
srv_ask_leader(struct sim_node *n, struct sim_conn *c)
{
    struct sim_conn **p = &n->server.renewals;

    while (*p != NULL && (*p)->session != c->session) {
        p = &(*p)->next_renewal;
    }
    if (*p != NULL) {
        c->next_renewal = (*p)->next_renewal;
    } else {
        sim_learner_revalidate(n, c->session);
    }
    *p = c;
}

/* The client is known; another connection of it is closed. */
static void
srv_connect(struct sim_node *n, struct sim_conn *c, const struct sim_msg *m)
{
    if (!n->server.running || m->zxid > n->last_zxid) {
        srv_close(n, c);        /* It has seen more than is here. */
        return;
    }
    c->session = m->a;
    srv_close_session(n, c->session, c);
    if (m->cxid != 0) {
        srv_request(n, c, OP_CREATE_SESSION, 0);
    } else if (n->server.learner) {
        srv_ask_leader(n, c);
    } else {
        sim_leader_ask_own(n, c);
    }
}

void
sim_server_revalidated(struct sim_node *n, int64_t session, bool lives)
{
    struct sim_conn **p = &n->server.renewals;

    while (*p != NULL && (*p)->session != session) {
        p = &(*p)->next_renewal;
    }
    if (*p != NULL) {
        sim_server_admit(*p, lives);
        *p = (*p)->next_renewal;
    }
}

static void
srv_receive(void *owner, struct sim_link *k, const struct sim_msg *m)
{
    struct sim_conn *c = owner;
    struct sim_node *n = c->node;

    (void) k;
    if (m->type == SIM_CONNECT) {
        srv_connect(n, c, m);
    } else if (c->valid && n->server.running) {
        srv_request(n, c, (int32_t) m->a, m->cxid);
    }
}

static void
srv_closed(void *owner, struct sim_link *k)
{
    struct sim_conn *c = owner;

    (void) k;
    srv_close(c->node, c);
}

void
sim_server_accept(struct sim_node *n, struct sim_world *w, int client)
{
    struct sim_conn *c = sim_alloc(w, sizeof *c);
    struct sim_end a, b;

    c->node = n;
    c->open = true;
    c->sink.ops = &srv_ops;
    sim_client_end(&w->clients[client], &a);
    b = (struct sim_end) {
        .node = n, .owner = c, .receive = srv_receive, .closed = srv_closed,
    };
    c->link = sim_link_open(w, &a, &b);
    c->next = n->server.conns;
    n->server.conns = c;
    w->clients[client].link = c->link;
}

/* ---- roles ------------------------------------------------------------- */

void
sim_server_start(struct sim_node *n, bool learner)
{
    struct sim_server *s = &n->server;

    zk_assert(!s->running);
    s->running = true;
    s->learner = learner;
    commit_core_init(&s->commit, learner, n->last_zxid);
    s->has_commit = true;
}

void
sim_server_free(struct sim_node *n)
{
    struct sim_server *s = &n->server;

    if (s->has_commit) {
        commit_core_fini(&s->commit);
    }
    memset(s, 0, sizeof *s);
}

/* What ZOOKEEPER-4712 was: the old role's log thread, some time later. */
static void
srv_log_late(struct sim_world *w, void *obj, uint64_t serial)
{
    struct sim_node *n = obj;
    const struct sim_txn *t = w->hist.txns[serial];

    if (n->up && t->zxid > sim_disk_last(&n->disk)
        && sim_disk_append(&n->disk, t)) {
        (void) !sim_disk_sync(&n->disk, t->zxid);
    }
}

/* All that was given to the log is there, and in the tree (ZOOKEEPER-2845,
 * -4712). */
static void
srv_flush(struct sim_node *n)
{
    struct sim_server *s = &n->server;
    const struct sim_txn *t;

    if (sim_bug_is(n->w, SIM_BUG_4712)) {
        while ((t = sim_queue_take(&s->to_log)) != NULL) {
            sim_after(n->w, sim_between(n->w, SIM_MS, 500 * SIM_MS),
                      srv_log_late, n, t->serial);
        }
    }
    if (!srv_append(n) || !sim_disk_sync(&n->disk, INT64_MAX)) {
        return;
    }
    while ((t = sim_queue_take(&s->logged)) != NULL) {
        if (!sim_bug_is(n->w, SIM_BUG_2845)
            && t->zxid <= n->disk.durable.zxid) {
            sim_node_apply(n, t, true);
        }
    }
}

void
sim_server_stop(struct sim_node *n)
{
    struct sim_server *s = &n->server;

    while (s->conns != NULL) {
        srv_close(n, s->conns);
    }
    srv_flush(n);
    sim_server_free(n);
}
