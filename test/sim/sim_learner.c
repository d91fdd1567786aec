/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "sim.h"

#include <string.h>

#include "proto/op_code.h"
#include "util/zk_bytes.h"
#include "zab/leader_core.h"

#define LRN_TRIES 5
#define LRN_RETRY_US (100 * SIM_MS)
/* Nobody answers at all. */
#define LRN_SILENCE_US (500 * SIM_MS)

static struct sim_learner *
lrn_of(struct sim_node *n)
{
    return &n->learner;
}

/* ---- sending ----------------------------------------------------------- */

static void
lrn_put_data(struct sim_msg *m, struct zk_slice data)
{
    zk_assert(data.len <= SIM_MSG_DATA);
    m->len = data.len;
    if (data.len > 0) {
        memcpy(m->data, data.p, (size_t) data.len);
    }
}

static void
lrn_send(struct sim_node *n, int32_t type, int64_t zxid,
         struct zk_slice data)
{
    struct sim_msg m = { .type = type, .zxid = zxid };

    lrn_put_data(&m, data);
    if (type == QP_ACK && !n->dying) {
        sim_check_ack(n, lrn_of(n)->link, zxid);
    }
    sim_trace(n->w, n, "sends %s 0x%lx", quorum_packet_name(type),
              (long) zxid);
    sim_link_send(lrn_of(n)->link, 0, &m);
}

/* ---- env: the disk ----------------------------------------------------- */

/* What an env function returns: the server dies at this moment, or not. */
static int
lrn_result(struct sim_node *n, bool done, struct zk_errmsg *em)
{
    if (!done || n->dying) {
        lrn_of(n)->own_fault = true;
        return zk_fail(em, ZK_ESTOPPED, "it dies");
    }
    return ZK_OK;
}

static int
lrn_set_accepted(void *self, int64_t epoch, struct zk_errmsg *em)
{
    struct sim_node *n = self;

    sim_trace(n->w, n, "accepts epoch %ld", (long) epoch);
    return lrn_result(n, sim_disk_accept(&n->disk, epoch), em);
}

static int
lrn_set_current(void *self, int64_t epoch, struct zk_errmsg *em)
{
    struct sim_node *n = self;

    sim_trace(n->w, n, "is of epoch %ld", (long) epoch);
    return lrn_result(n, sim_disk_establish(&n->disk, epoch), em);
}

static int
lrn_env_send(void *self, int32_t type, int64_t zxid, struct zk_slice data,
             struct zk_errmsg *em)
{
    struct sim_node *n = self;

    if (type == QP_ACK) {
        lrn_of(n)->synced_epoch = zxid_epoch(zxid);
    }
    lrn_send(n, type, zxid, data);
    return lrn_result(n, true, em);
}

static int
lrn_load_snapshot(void *self, int64_t zxid, struct zk_errmsg *em)
{
    struct sim_node *n = self;
    const struct sim_msg *m = lrn_of(n)->msg;
    const struct sim_snapshot s = { m->state, zxid, m->fuzzy_upto };
    const struct sim_snapshot nothing = { n->w->hist.empty, 0, 0 };

    n->unsaved = true;
    if (n->w->phase == SIM_FAULTS && sim_chance(n->w, 50)) {
        sim_node_use_tree(n, &nothing);
        lrn_of(n)->own_fault = true;
        return zk_fail(em, ZK_EIO, "the link breaks inside a snapshot");
    }
    sim_node_use_tree(n, &s);
    return lrn_result(n, true, em);
}

static int
lrn_save_snapshot(void *self, struct zk_errmsg *em)
{
    struct sim_node *n = self;
    const struct sim_snapshot s = sim_node_tree(n);
    bool done = true;

    if (!sim_bug_is(n->w, SIM_BUG_2832)) {
        done = sim_disk_cut_log(&n->disk, s.zxid);
    }
    done = done && sim_disk_add_snapshot(&n->disk, &s)
           && sim_disk_drop_snapshots(&n->disk, s.zxid);
    if (done) {
        n->unsaved = n->need_snapshot = false;
        n->continuous_from = s.zxid;
    }
    return lrn_result(n, done, em);
}

/* The steps of zk_database_truncate. */
static int
lrn_truncate_disk(struct sim_node *n, int64_t zxid, struct zk_errmsg *em)
{
    bool done = true;

    if (!sim_bug_is(n->w, SIM_BUG_4837)) {
        done = sim_disk_drop_snapshots(&n->disk, zxid);
    }
    done = done && sim_disk_cut_log(&n->disk, zxid);
    if (done) {
        sim_node_reload(n);
    }
    if (done && n->last_zxid != zxid
        && !sim_bug_is(n->w, SIM_BUG_4837)) {
        sim_fail(n->w, "TRUNC ends where it should",
                 "server %ld: 0x%lx, not 0x%lx", (long) n->sid,
                 (long) n->last_zxid, (long) zxid);
    }
    n->last_zxid = zxid;
    return lrn_result(n, done, em);
}

static int
lrn_truncate(void *self, int64_t zxid, struct zk_errmsg *em)
{
    struct sim_node *n = self;

    if (!sim_disk_can_truncate(&n->disk, zxid)) {
        sim_trace(n->w, n, "cannot go back to 0x%lx", (long) zxid);
        n->need_snapshot = true;
        lrn_of(n)->own_fault = true;
        return zk_fail(em, ZK_ENOTFOUND, "only a snapshot will do");
    }
    if (n->w->phase == SIM_FAULTS && sim_chance(n->w, 100)) {
        if (sim_bug_is(n->w, SIM_BUG_3701)) {
            n->last_zxid = zxid;
            return ZK_OK;
        }
        /* What the disk does not take ends the process. */
        sim_trace(n->w, n, "the disk fails at TRUNC");
        n->dies_by_power = false;
        n->dying = true;
        return lrn_result(n, false, em);
    }
    return lrn_truncate_disk(n, zxid, em);
}

static int
lrn_apply(void *self, struct zk_slice txn, struct zk_errmsg *em)
{
    struct sim_node *n = self;
    const struct sim_txn *t = sim_txn_find(n->w, txn);

    if (t != NULL) {
        sim_node_apply(n, t, !sim_bug_is(n->w, SIM_BUG_4925));
    }
    return lrn_result(n, true, em);
}

/* ---- env: the log before broadcast ------------------------------------- */

/* What lies in memory is logged and synced, with no hurry: what ZOOKEEPER-4646
 * and -4785 did after their ack. */
static void
lrn_log_late(struct sim_world *w, void *obj, uint64_t id)
{
    struct sim_node *n = obj;
    struct sim_learner *l = lrn_of(n);
    const struct sim_txn *t;
    int64_t last = 0;

    (void) w;
    if (!n->up || sim_node_role_id(n) != id) {
        return;
    }
    while ((t = sim_queue_take(&l->appended)) != NULL) {
        if (t->zxid > sim_disk_last(&n->disk)
            && !sim_disk_append(&n->disk, t)) {
            return;
        }
        last = t->zxid;
    }
    if (sim_disk_sync(&n->disk, last) && last != 0
        && sim_bug_is(n->w, SIM_BUG_4685)) {
        lrn_send(n, QP_ACK, last, ZK_SLICE_NULL);
    }
}

static int
lrn_log_append(void *self, struct zk_slice txn, struct zk_errmsg *em)
{
    struct sim_node *n = self;
    struct sim_learner *l = lrn_of(n);
    const struct sim_txn *t = sim_txn_find(n->w, txn);
    enum sim_bug bug = n->w->o->bug;
    bool done = t != NULL;

    if (done && (bug == SIM_BUG_4643 || bug == SIM_BUG_4785)
        && n->disk.current < learner_core_epoch(l->core)) {
        done = sim_disk_establish(&n->disk, learner_core_epoch(l->core));
    }
    if (done && (bug == SIM_BUG_3911 || bug == SIM_BUG_4785
                 || bug == SIM_BUG_4685)) {
        sim_queue_put(n->w, &l->appended, t);
    } else if (done) {
        done = sim_disk_append(&n->disk, t);
    }
    return lrn_result(n, done, em);
}

static int
lrn_log_sync(void *self, struct zk_errmsg *em)
{
    struct sim_node *n = self;

    switch (n->w->o->bug) {
    case SIM_BUG_3911:
        return lrn_result(n, true, em);     /* Until UPTODATE. */
    case SIM_BUG_4685:
        lrn_log_late(n->w, n, sim_node_role_id(n));
        return lrn_result(n, true, em);
    case SIM_BUG_4646:
    case SIM_BUG_4785:
        sim_after(n->w, sim_between(n->w, SIM_MS, 100 * SIM_MS),
                  lrn_log_late, n, sim_node_role_id(n));
        return lrn_result(n, true, em);
    default:
        n->busy_until_us = sim_now(n->w) + sim_between(n->w, 50, 2000);
        return lrn_result(n, sim_disk_sync(&n->disk, INT64_MAX), em);
    }
}

/* ---- env: broadcast ---------------------------------------------------- */

static int
lrn_serve(void *self, int64_t epoch, struct zk_errmsg *em)
{
    struct sim_node *n = self;

    if (sim_bug_is(n->w, SIM_BUG_3911)) {
        lrn_log_late(n->w, n, sim_node_role_id(n));
    }
    sim_trace(n->w, n, "serves epoch %ld from 0x%lx on", (long) epoch,
              (long) n->last_zxid);
    sim_election_set_epoch(n, epoch);
    sim_server_start(n, true);
    return lrn_result(n, true, em);
}

static int
lrn_propose(void *self, int64_t zxid, struct zk_slice txn,
            struct zk_errmsg *em)
{
    struct sim_node *n = self;
    const struct sim_txn *t;

    (void) zxid;
    if (zk_slice_is_null(txn)) {
        return lrn_result(n, true, em);
    }
    t = sim_txn_find(n->w, txn);
    if (t != NULL) {
        sim_queue_put(n->w, &lrn_of(n)->proposed, t);
        sim_server_log(n, t);
    }
    return lrn_result(n, true, em);
}

static int
lrn_commit(void *self, int64_t zxid, struct zk_errmsg *em)
{
    struct sim_node *n = self;
    const struct sim_txn *t = sim_queue_take(&lrn_of(n)->proposed);
    struct bq_list list = { 0 };
    struct request *r;

    if (t == NULL || t->zxid != zxid) {
        sim_fail(n->w, "a commit has its proposal",
                 "server %ld: 0x%lx is not the first that was proposed",
                 (long) n->sid, (long) zxid);
        return lrn_result(n, false, em);
    }
    r = request_create(0, 0, 0, ZK_SLICE_NULL, NULL, NULL);
    r->txn = txn_bytes_ref(t->bytes);
    bq_list_append(&list, &r->link);
    commit_core_deliver(&n->server.commit, &list);
    sim_server_pump(n);
    return lrn_result(n, true, em);
}

static int
lrn_ping(void *self, int64_t zxid, struct zk_errmsg *em)
{
    struct sim_node *n = self;
    struct sim_msg m = { .type = QP_PING, .zxid = zxid };

    /* As clients ping. */
    for (const struct sim_conn *c = n->server.conns; c != NULL; c = c->next) {
        if (c->valid) {
            m.data[sim_session_client(c->session)] =
                (uint8_t) sim_session_n(c->session);
        }
    }
    m.len = SIM_CLIENTS;
    sim_link_send(lrn_of(n)->link, 0, &m);
    return lrn_result(n, true, em);
}

static int
lrn_revalidated(void *self, struct zk_slice data, struct zk_errmsg *em)
{
    struct sim_node *n = self;

    if (data.len == 9) {
        sim_server_revalidated(n, (int64_t) zk_get_be64(data.p),
                               data.p[8] != 0);
    }
    return lrn_result(n, true, em);
}

static int
lrn_synced(void *self, struct zk_errmsg *em)
{
    struct sim_node *n = self;
    struct bq_list list = { 0 };

    bq_list_append(&list, &request_create(OP_SYNC, 0, 0, ZK_SLICE_NULL, NULL,
                                          NULL)->link);
    commit_core_deliver(&n->server.commit, &list);
    sim_server_pump(n);
    return lrn_result(n, true, em);
}

/* ---- the link ---------------------------------------------------------- */

/* What bugs do to a packet before the core sees it.  False: it does not see
 * it. */
static bool
lrn_spoil(struct sim_node *n, const struct sim_msg *m)
{
    struct sim_learner *l = lrn_of(n);

    if (sim_bug_is(n->w, SIM_BUG_2355) && m->type == QP_DIFF
        && m->zxid > n->last_zxid) {
        n->last_zxid = m->zxid;
    }
    if (sim_bug_is(n->w, SIM_BUG_4394)
        && !learner_core_is_synced(l->core)) {
        /* Only what is committed at NEWLEADER is remembered. */
        if (m->type == QP_NEWLEADER) {
            l->withheld.n = 0;
        } else if (m->type == QP_PROPOSAL) {
            sim_queue_put(n->w, &l->withheld, m->txn);
            return false;
        }
    }
    return true;
}

static int
lrn_feed(struct sim_node *n, int32_t type, int64_t zxid,
         struct zk_slice data, struct zk_errmsg *em)
{
    const struct jute_quorum_packet qp = {
        .type = type, .zxid = zxid, .data = data, .authinfo = { .n = -1 },
    };

    return learner_core_packet(lrn_of(n)->core, &qp, em);
}

static int
lrn_packet(struct sim_node *n, const struct sim_msg *m, struct zk_errmsg *em)
{
    struct zk_slice data = m->txn != NULL ? sim_txn_slice(m->txn)
                                          : zk_slice(m->data, m->len);
    const struct sim_txn *t;
    int rv = ZK_OK;

    if (m->type == QP_COMMIT
        && (t = sim_queue_take(&lrn_of(n)->withheld)) != NULL) {
        rv = lrn_feed(n, QP_PROPOSAL, t->zxid, sim_txn_slice(t), em);
    }
    return rv == ZK_OK ? lrn_feed(n, m->type, m->zxid, data, em) : rv;
}

static void
lrn_receive(void *owner, struct sim_link *k, const struct sim_msg *m)
{
    struct sim_node *n = owner;
    struct sim_learner *l = lrn_of(n);
    bool agreed = learner_core_epoch(l->core) >= 0;
    struct zk_errmsg em = { "" };
    int rv;

    (void) k;
    l->heard_us = sim_now(n->w);
    if (!lrn_spoil(n, m)) {
        return;
    }
    sim_trace(n->w, n, "gets %s 0x%lx", quorum_packet_name(m->type),
              (long) m->zxid);
    l->msg = m;
    rv = lrn_packet(n, m, &em);
    l->msg = NULL;
    if (rv == ZK_OK || n->dying) {
        return;
    }
    if (agreed && !l->own_fault) {
        sim_fail(n->w, "leaders and learners understand each other",
                 "server %ld: %s", (long) n->sid, em.text);
    }
    sim_node_end_role(n, em.text);
}

static void
lrn_closed(void *owner, struct sim_link *k)
{
    struct sim_node *n = owner;

    (void) k;
    sim_node_end_role(n, "the leader closed the link");
}

/* The leader has been silent for too long? */
static void
lrn_watch(struct sim_world *w, void *obj, uint64_t id)
{
    struct sim_node *n = obj;
    struct sim_learner *l = lrn_of(n);
    int64_t limit_us, left_us;

    if (!n->up || sim_node_role_id(n) != id || n->role != SIM_LEARNING) {
        return;
    }
    limit_us = learner_core_is_synced(l->core) ? w->sync_us : w->init_us;
    left_us = l->heard_us + limit_us - sim_now(w);
    if (left_us <= 0) {
        sim_node_end_role(n, "the leader is silent");
        return;
    }
    sim_after(w, left_us, lrn_watch, n, id);
}

/* ---- connecting -------------------------------------------------------- */

static void
lrn_begin(struct sim_node *n, struct sim_node *leader)
{
    const struct learner_env env = {
        .self = n,
        .set_accepted_epoch = lrn_set_accepted,
        .set_current_epoch = lrn_set_current,
        .send = lrn_env_send,
        .load_snapshot = lrn_load_snapshot,
        .save_snapshot = lrn_save_snapshot,
        .truncate = lrn_truncate,
        .apply = lrn_apply,
        .log_append = lrn_log_append,
        .log_sync = lrn_log_sync,
        .serve = lrn_serve,
        .propose = lrn_propose,
        .commit = lrn_commit,
        .ping = lrn_ping,
        .revalidated = lrn_revalidated,
        .synced = lrn_synced,
    };
    const struct learner_core_options o = {
        .sid = n->sid,
        .observer = !n->voter,
        .accepted_epoch = n->disk.accepted,
        .current_epoch = n->disk.current,
        .last_zxid = n->need_snapshot ? 0 : n->last_zxid,
        .max_len = 1 << 20,
    };
    const struct sim_end own = {
        .node = n, .owner = n, .receive = lrn_receive, .closed = lrn_closed,
    };
    struct sim_learner *l = lrn_of(n);
    struct zk_errmsg em;

    l->link = sim_leader_accept(leader, &own);
    l->heard_us = sim_now(n->w);
    l->core = learner_core_create(&env, &o);
    if (learner_core_start(l->core, &em) == ZK_OK) {
        lrn_watch(n->w, n, sim_node_role_id(n));
    }
}

static void
lrn_connect(struct sim_world *w, void *obj, uint64_t id)
{
    struct sim_node *n = obj;
    struct sim_learner *l = lrn_of(n);
    struct sim_node *leader;
    bool silent;

    if (!n->up || sim_node_role_id(n) != id) {
        return;
    }
    leader = &w->nodes[l->leader - 1];
    silent = sim_network_is_cut(w, n->index, leader->index)
             || sim_network_is_cut(w, leader->index, n->index)
             || (!leader->up && leader->dies_by_power);
    if (!silent && leader->up && !leader->dying
        && leader->role == SIM_LEADING) {
        lrn_begin(n, leader);
    } else if (++l->tries == LRN_TRIES) {
        sim_node_end_role(n, "no connection to the leader");
    } else {
        sim_after(w, silent ? LRN_SILENCE_US : LRN_RETRY_US, lrn_connect, n,
                  id);
    }
}

void
sim_learner_start(struct sim_node *n, int64_t leader)
{
    memset(lrn_of(n), 0, sizeof *lrn_of(n));
    lrn_of(n)->leader = leader;
    sim_after(n->w,
              sim_network_delay(n->w, n, &n->w->nodes[leader - 1]),
              lrn_connect, n, sim_node_role_id(n));
}

void
sim_learner_free(struct sim_node *n)
{
    learner_core_destroy(lrn_of(n)->core);
    memset(lrn_of(n), 0, sizeof *lrn_of(n));
}

void
sim_learner_stop(struct sim_node *n)
{
    if (lrn_of(n)->link != NULL) {
        sim_link_close(lrn_of(n)->link, 0);
    }
    sim_learner_free(n);
}

/* ---- clients and log --------------------------------------------------- */

/* As FollowerRequestProcessor: first into the commit stage, then to the
 * leader. */
void
sim_learner_submit(struct sim_node *n, struct bq_list *list)
{
    const struct request *r = request_of(list->first);
    int32_t type = r->type;
    uint8_t data[16];

    zk_put_be64(data, (uint64_t) r->session_id);
    zk_put_be32(data + 8, (uint32_t) r->cxid);
    zk_put_be32(data + 12, (uint32_t) type);
    commit_core_submit(&n->server.commit, list);
    if (type != OP_GET_DATA) {
        lrn_send(n, QP_REQUEST, -1, zk_slice(data, sizeof data));
    }
}

void
sim_learner_revalidate(struct sim_node *n, int64_t session)
{
    uint8_t data[12] = { 0 };

    zk_put_be64(data, (uint64_t) session);
    lrn_send(n, QP_REVALIDATE, -1, zk_slice(data, sizeof data));
}

void
sim_learner_logged(struct sim_node *n, int64_t zxid)
{
    if (n->voter) {
        lrn_send(n, QP_ACK, zxid, ZK_SLICE_NULL);
    }
}
