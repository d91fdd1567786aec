/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "test/unit/leader_case.h"

#include "test/lib/zk_test_ports.h"

static void
must(bool ok, const char *what, const struct zk_errmsg *em)
{
    if (!ok) {
        fprintf(stderr, "%s: %s\n", what, em != NULL ? em->text : "");
        exit(99);
    }
}

/* ---- the leader -------------------------------------------------------- */

static void
lc_set_server(void *self, struct zookeeper_server *zks)
{
    struct leader_case *c = self;

    atomic_store(&c->zks, zks);
}

static void
lc_set_vote_epoch(void *self, int64_t epoch)
{
    struct leader_case *c = self;

    atomic_store(&c->vote_epoch, epoch);
}

static void
lc_config(struct leader_case *c, int voters, const char *more)
{
    char *path = zk_xasprintf("%s/zoo.cfg", c->dir);
    char *myid = zk_xasprintf("%s/myid", c->dir);
    struct zk_errmsg em;
    FILE *f = fopen(path, "w");

    must(f != NULL, path, NULL);
    fprintf(f, "tickTime=%d\ninitLimit=%d\nsyncLimit=%d\ndataDir=%s\n"
            "clientPort=2181\nforceSync=no\nstandaloneEnabled=false\n%s\n",
            LC_TICK_MS, LC_INIT_LIMIT, LC_SYNC_LIMIT, c->dir, more);
    for (int i = 1; i <= voters; i++) {
        fprintf(f, "server.%d=127.0.0.1:%d:%d\n", i,
                i == voters ? c->port : 1, 2);
    }
    fclose(f);
    f = fopen(myid, "w");
    must(f != NULL, myid, NULL);
    fprintf(f, "%d\n", voters);
    fclose(f);
    must(server_config_read(path, system_properties_create(), &c->config,
                            &em)
             == ZK_OK,
         "config", &em);
    c->config->storage.pre_alloc_kb = 64;
    free(path);
    free(myid);
}

static void
lc_load(struct leader_case *c)
{
    struct restore_result res = { 0 };
    struct zk_errmsg em;

    c->db = zk_database_create(&c->config->storage);
    must(zk_database_load(c->db, &res, &em) == ZK_OK, "load", &em);
    must(zab_epochs_load(&c->epochs,
                         file_txn_snap_log_snap_dir(c->db->files),
                         data_tree_last_zxid(c->db->tree), &em)
             == ZK_OK,
         "epochs", &em);
}

void
lc_open(struct leader_case *c, int voters, const char *more)
{
    memset(c, 0, sizeof *c);
    c->s.fd = c->t.fd = c->o.fd = -1;
    c->dir = zk_test_mkdir();
    c->port = zk_test_port();
    lc_config(c, voters, more);
    c->qv = quorum_verifier_create(0, false);
    for (int i = 1; i <= voters; i++) {
        quorum_verifier_add(c->qv, &(struct quorum_member) {
                                       .sid = i, .voter = true, .weight = 1,
                                       .group = -1 });
    }
    lc_load(c);
    c->peer = (struct zab_peer) {
        .self = c,
        .config = c->config,
        .qv = c->qv,
        .membership = "server.1=...\nversion=0",
        .db = c->db,
        .epochs = &c->epochs,
        .sid = voters,
        .set_server = lc_set_server,
        .set_vote_epoch = lc_set_vote_epoch,
    };
}

static void
lc_run(void *arg)
{
    struct leader_case *c = arg;

    c->rv = leader_lead(c->l, &c->why);
    atomic_store(&c->ended, true);
}

void
lc_lead(struct leader_case *c)
{
    if (c->l == NULL) {
        c->l = leader_create(&c->peer);
    }
    zk_thread_start(&c->thread, lc_run, c, "QuorumPeer");
}

int
lc_join(struct leader_case *c)
{
    zk_thread_join(&c->thread);
    leader_destroy(c->l);
    c->l = NULL;
    return c->rv;
}

void
lc_stop(struct leader_case *c)
{
    leader_shutdown(c->l, "the test is over");
    CU_ASSERT_EQUAL(lc_join(c), ZK_ESTOPPED);
    CU_ASSERT_STRING_EQUAL(c->why.text, "the test is over");
    CU_ASSERT_PTR_NULL(atomic_load(&c->zks));
}

void
lc_close(struct leader_case *c)
{
    sl_close(&c->s);
    sl_close(&c->t);
    sl_close(&c->o);
    quorum_verifier_destroy(c->qv);
    zk_database_destroy(c->db);
    server_config_destroy(c->config);
    zk_test_rmdir(c->dir);
    free(c->dir);
}

void
lc_init(struct leader_case *c, const char *more)
{
    lc_open(c, 3, more);
    lc_lead(c);
}

void
lc_fini(struct leader_case *c)
{
    lc_stop(c);
    lc_close(c);
}

/* ---- looking ----------------------------------------------------------- */

struct leader_status
lc_status(const struct leader_case *c)
{
    struct leader_status s;

    leader_get_status(c->l, &s);
    return s;
}

int64_t
lc_tree_zxid(const struct leader_case *c)
{
    int64_t zxid;

    zk_read_lock(&c->db->lock);
    zxid = data_tree_last_zxid(c->db->tree);
    zk_read_unlock(&c->db->lock);
    return zxid;
}

int64_t
lc_serves(const struct leader_case *c)
{
    return atomic_load(&c->zks) != NULL;
}

int64_t
lc_followers(const struct leader_case *c)
{
    return (int64_t) lc_status(c).followers;
}

int64_t
lc_pending_syncs(const struct leader_case *c)
{
    return (int64_t) lc_status(c).pending_syncs;
}

bool
lc_until(const struct leader_case *c,
         int64_t (*what)(const struct leader_case *), int64_t value)
{
    int64_t deadline_ms = zk_time_mono_ms() + SL_DEADLINE_MS;

    while (what(c) != value) {
        if (zk_time_mono_ms() > deadline_ms) {
            return false;
        }
        zk_time_pause_us(1000);
    }
    return true;
}

/* ---- learners ---------------------------------------------------------- */

void
lc_greet(const struct leader_case *c, struct scripted_learner *s, int64_t sid,
         int32_t type, int32_t len)
{
    sl_connect(s, c->port, sid);
    sl_info(s, type, 0, len);
    sl_expect(s, QP_LEADERINFO, z(1, 0));
}

void
lc_discover(const struct leader_case *c, struct scripted_learner *s,
            int64_t sid, bool observer, int64_t last_zxid)
{
    lc_greet(c, s, sid, observer ? QP_OBSERVERINFO : QP_FOLLOWERINFO, 20);
    sl_ack_epoch(s, 0, last_zxid);
}

void
lc_up(struct scripted_learner *s)
{
    sl_expect(s, QP_NEWLEADER, z(1, 0));
    sl_ack(s, z(1, 0));
    sl_expect(s, QP_UPTODATE, -1);
}

void
lc_follow(struct leader_case *c)
{
    sl_connect(&c->s, c->port, 1);
    (void) sl_join(&c->s, false, lc_tree_zxid(c));
}

void
lc_serve(struct leader_case *c, const char *more)
{
    lc_init(c, more);
    lc_follow(c);
}

void
lc_observe(struct leader_case *c)
{
    sl_connect(&c->o, c->port, 9);
    (void) sl_join(&c->o, true, 0);
}

void
lc_session(struct leader_case *c)
{
    sl_create_session(&c->s, LC_SESSION);
    CU_ASSERT_EQUAL(lc_pass_err(&c->s, z(1, 1)), 0);
    if (c->o.fd >= 0) {
        sl_expect(&c->o, QP_INFORM, z(1, 1));
    }
}

/* ---- requests and proposals -------------------------------------------- */

void
lc_pass(struct scripted_learner *s, int64_t zxid)
{
    (void) lc_pass_err(s, zxid);
}

int32_t
lc_pass_err(struct scripted_learner *s, int64_t zxid)
{
    int32_t err;

    sl_expect(s, QP_PROPOSAL, zxid);
    err = sl_txn_err(s);
    sl_ack(s, zxid);
    sl_expect(s, QP_COMMIT, zxid);
    return err;
}

void
lc_create_many(struct leader_case *c, int64_t first, int n, size_t len)
{
    for (int i = 0; i < n; i++) {
        char *path = zk_xasprintf("/n%lx", (long) (first + i));

        sl_create(&c->s, LC_SESSION, i + 1, path, len);
        free(path);
        lc_pass(&c->s, first + i);
    }
}

void
lc_ask_sync(struct scripted_learner *s, int32_t cxid)
{
    struct zk_buf path = { 0 };

    output_archive_slice(&path, ZK_SLICE_LIT("/"));
    sl_request(s, LC_SESSION, cxid, OP_SYNC, SL_IDS_IP, &path);
    zk_buf_fini(&path);
}

void
lc_ask_session(struct scripted_learner *s, int64_t session,
               int32_t timeout_ms)
{
    struct zk_buf body = { 0 };

    output_archive_long(&body, session);
    output_archive_int(&body, timeout_ms);
    sl_send(s, QP_REVALIDATE, -1, zk_slice(body.data, (int32_t) body.len));
    zk_buf_fini(&body);
}

void
lc_expect_session(struct scripted_learner *s, int64_t session, bool lives)
{
    sl_expect(s, QP_REVALIDATE, -1);
    CU_ASSERT_EQUAL(s->qp.data.len, 9);
    CU_ASSERT_EQUAL((int64_t) zk_get_be64(s->qp.data.p), session);
    CU_ASSERT_EQUAL(s->qp.data.p[8], lives);
}

void
lc_expect_pairs(struct scripted_learner *s, int64_t first, int64_t last)
{
    for (int64_t i = first; i <= last; i++) {
        sl_expect(s, QP_PROPOSAL, i);
        (void) sl_txn_type(s);
        sl_expect(s, QP_COMMIT, i);
    }
}

void
lc_withhold_pings(struct scripted_learner *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        CU_ASSERT(sl_next_of_all(s));
        CU_ASSERT_EQUAL(s->qp.type, QP_PING);
    }
}

void
lc_answer_pings(struct scripted_learner *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sl_send(s, QP_PING, z(1, 1), zk_slice("", 0));
    }
}
