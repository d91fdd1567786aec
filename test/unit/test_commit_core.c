/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/commit_core.h"

#include "proto/keeper_error.h"
#include "proto/op_code.h"
#include "proto/txn_codec.h"
#include "test/lib/zk_test.h"
#include "util/zk_log.h"

/* The tree is at zxid 100 when it begins. */
#define START 100

static struct txn_bytes *
make_txn(int64_t zxid, int64_t session, int32_t cxid, int32_t type)
{
    struct zk_buf b = { 0 };
    struct txn_bytes *t;

    txn_encode_header(&b, session, cxid, zxid, 1, type);
    if (type == OP_ERROR) {
        txn_encode_error(&b, KE_NO_NODE);
    }
    t = txn_bytes_create(zxid, b.data, b.len);
    zk_buf_fini(&b);
    return t;
}

static struct request *
make(int32_t type, int64_t session, int32_t cxid)
{
    return request_create(type, session, cxid, ZK_SLICE_NULL, NULL, NULL);
}

static struct request *
submit_request(struct commit_core *cc, struct request *r)
{
    struct bq_list list = { 0 };

    bq_list_append(&list, &r->link);
    commit_core_submit(cc, &list);
    CU_ASSERT_EQUAL(list.n, 0);
    return r;
}

static void
submit(struct commit_core *cc, int32_t type, int64_t session, int32_t cxid)
{
    submit_request(cc, make(type, session, cxid));
}

static void
no_ref(struct client_sink *sink)
{
    (void) sink;
}

/* Leader: a sync of a client of its own; what learners ask for has no
 * sink. */
static void
submit_sync(struct commit_core *cc, int32_t cxid, int32_t err)
{
    static const struct client_sink_ops ops = {
        .ref = no_ref,
        .unref = no_ref,
    };
    static struct client_sink client = { .ops = &ops };

    struct request *r = request_create(OP_SYNC, 1, cxid, ZK_SLICE_NULL,
                                       &client, NULL);

    r->err = err;
    submit_request(cc, r);
}

/* Leader: a write with its txn. */
static void
submit_txn(struct commit_core *cc, int64_t zxid)
{
    struct request *r = make(OP_CREATE, 1, 1);

    r->zxid = zxid;
    r->txn = make_txn(zxid, 1, 1, OP_CREATE);
    submit_request(cc, r);
}

/* Learner: a txn was committed. */
static void
deliver(struct commit_core *cc, int64_t zxid, int64_t session, int32_t cxid,
        int32_t type)
{
    struct request *c = make(0, 0, 0);
    struct bq_list list = { 0 };

    c->txn = make_txn(zxid, session, cxid, type);
    bq_list_append(&list, &c->link);
    commit_core_deliver(cc, &list);
    CU_ASSERT_EQUAL(list.n, 0);
}

static void
deliver_sync(struct commit_core *cc)
{
    struct request *c = make(OP_SYNC, 0, 0);
    struct bq_list list = { 0 };

    bq_list_append(&list, &c->link);
    commit_core_deliver(cc, &list);
}

/* What passes now: "<op><session>.<cxid>[@zxid][!err]" each. */
static void
expect(struct commit_core *cc, const char *want)
{
    struct bq_list out = { 0 };
    struct bq_node *node;
    char got[1000] = "";

    commit_core_take(cc, &out);
    while ((node = bq_list_pop(&out)) != NULL) {
        struct request *r = request_of(node);
        size_t at = strlen(got);

        snprintf(got + at, sizeof got - at, "%s%s%ld.%d", at > 0 ? " " : "",
                 op_code_name(r->type), (long) r->session_id, r->cxid);
        if (r->txn != NULL) {
            CU_ASSERT_EQUAL(r->txn->zxid, r->zxid);
            at = strlen(got);
            snprintf(got + at, sizeof got - at, "@%ld", (long) r->zxid);
        }
        if (r->err != KE_OK) {
            at = strlen(got);
            snprintf(got + at, sizeof got - at, "!%d", r->err);
        }
        request_free(r);
    }
    if (strcmp(got, want) != 0) {
        printf("\n  got  %s\n  want %s\n", got, want);
    }
    CU_ASSERT_STRING_EQUAL(got, want);
}

static void
setup(struct commit_core *cc, bool learner)
{
    commit_core_init(cc, learner, START);
}

/* ---- leader ------------------------------------------------------------ */

static void
test_leader_waits_for_commit_and_own_log(void)
{
    struct commit_core cc;

    setup(&cc, false);
    submit_txn(&cc, 101);
    submit_txn(&cc, 102);
    expect(&cc, "");
    commit_core_committed(&cc, 101);
    expect(&cc, "");
    commit_core_durable(&cc, 102);
    expect(&cc, "create1.1@101");
    commit_core_committed(&cc, 102);
    expect(&cc, "create1.1@102");
    commit_core_fini(&cc);
}

/* ZOOKEEPER-4882: others' disks are not enough. */
static void
test_leader_does_not_apply_what_its_log_lacks(void)
{
    struct commit_core cc;

    setup(&cc, false);
    submit_txn(&cc, 101);
    submit_txn(&cc, 102);
    commit_core_committed(&cc, 102);
    expect(&cc, "");
    commit_core_durable(&cc, 101);
    expect(&cc, "create1.1@101");
    commit_core_durable(&cc, 102);
    expect(&cc, "create1.1@102");
    commit_core_fini(&cc);
}

static void
test_leader_passes_what_has_no_txn(void)
{
    struct commit_core cc;
    struct request *r;

    setup(&cc, false);
    submit(&cc, OP_GET_DATA, 1, 1);
    submit(&cc, OP_SYNC, 1, 2);
    r = make(OP_SET_DATA, 1, 3);    /* No room on the disk. */
    r->err = KE_SYSTEM_ERROR;
    submit_request(&cc, r);
    r = make(OP_CLOSE_SESSION, 5, 0);
    r->local_session = true;
    submit_request(&cc, r);
    CU_ASSERT_EQUAL(cc.reads_behind, 4);
    expect(&cc, "getData1.1 sync1.2 setData1.3!-1 closeSession5.0");
    CU_ASSERT_EQUAL(cc.reads_behind, 0);
    commit_core_fini(&cc);
}

static void
test_leader_keeps_its_clients_syncs(void)
{
    struct commit_core cc;

    setup(&cc, false);
    submit_txn(&cc, 101);
    submit_sync(&cc, 2, KE_OK);
    submit(&cc, OP_GET_DATA, 2, 3);
    submit_sync(&cc, 4, KE_OK);
    submit_sync(&cc, 5, KE_SESSION_EXPIRED);
    commit_core_synced(&cc, 1);
    expect(&cc, "");                /* It stands behind a write. */
    commit_core_durable(&cc, 101);
    commit_core_committed(&cc, 101);
    expect(&cc, "create1.1@101 sync1.2 getData2.3");
    commit_core_synced(&cc, 1);
    expect(&cc, "sync1.4 sync1.5!-112");
    CU_ASSERT_EQUAL(cc.syncs_pending, 0);
    CU_ASSERT_EQUAL(cc.reads_behind, 0);
    commit_core_fini(&cc);
}

static void
test_leader_keeps_reads_behind_writes(void)
{
    struct commit_core cc;

    setup(&cc, false);
    submit(&cc, OP_GET_DATA, 1, 1);
    submit_txn(&cc, 101);
    submit(&cc, OP_GET_DATA, 1, 2);
    submit(&cc, OP_GET_DATA, 2, 1);
    submit_txn(&cc, 102);
    submit(&cc, OP_GET_DATA, 1, 3);
    expect(&cc, "getData1.1");
    CU_ASSERT_EQUAL(cc.reads_behind, 3);
    commit_core_durable(&cc, 102);
    commit_core_committed(&cc, 101);
    expect(&cc, "create1.1@101 getData1.2 getData2.1");
    CU_ASSERT_EQUAL(cc.reads_behind, 1);
    commit_core_committed(&cc, 102);
    expect(&cc, "create1.1@102 getData1.3");
    CU_ASSERT_EQUAL(cc.reads_behind, 0);
    commit_core_fini(&cc);
}

static void
test_commit_may_come_before_its_request(void)
{
    struct commit_core cc;

    setup(&cc, false);
    commit_core_durable(&cc, 102);
    commit_core_committed(&cc, 102);
    expect(&cc, "");
    submit_txn(&cc, 101);
    submit_txn(&cc, 102);
    submit_txn(&cc, 103);
    expect(&cc, "create1.1@101 create1.1@102");
    /* Late news, from another thread. */
    commit_core_committed(&cc, 101);
    commit_core_durable(&cc, 101);
    CU_ASSERT_EQUAL(cc.committed, 102);
    CU_ASSERT_EQUAL(cc.durable, 102);
    commit_core_fini(&cc);
}

/* ---- learner ----------------------------------------------------------- */

static void
test_learner_finds_the_request_of_a_commit(void)
{
    struct commit_core cc;

    setup(&cc, true);
    commit_core_durable(&cc, INT64_MAX);
    submit(&cc, OP_CREATE, 1, 7);
    expect(&cc, "");
    deliver(&cc, 101, 1, 7, OP_CREATE);
    expect(&cc, "create1.7@101");
    CU_ASSERT_EQUAL(cc.pending.n, 0);
    CU_ASSERT_EQUAL(cc.commits.n, 0);
    commit_core_fini(&cc);
}

static void
test_learner_passes_commits_of_others(void)
{
    struct commit_core cc;

    setup(&cc, true);
    commit_core_durable(&cc, INT64_MAX);
    deliver(&cc, 101, 2, 7, OP_CREATE);
    submit(&cc, OP_CREATE, 1, 7);
    deliver(&cc, 102, 2, 7, OP_CREATE);     /* Another session, */
    deliver(&cc, 103, 1, 6, OP_CREATE);     /* cxid, */
    deliver(&cc, 104, 1, 7, OP_DELETE);     /* kind. */
    deliver(&cc, 105, 0, 0, OP_ERROR);
    expect(&cc, "create2.7@101 create2.7@102 create1.6@103 delete1.7@104 "
                "error0.0@105!-101");
    deliver(&cc, 106, 1, 7, OP_CREATE);
    expect(&cc, "create1.7@106");
    commit_core_fini(&cc);
}

/* Of what others wrote the tree needs the txn, the rest must not be ours. */
static void
test_commit_of_another_has_nobody_to_answer(void)
{
    struct commit_core cc;
    struct bq_list out = { 0 };
    struct request *r;

    setup(&cc, true);
    commit_core_durable(&cc, INT64_MAX);
    deliver(&cc, 101, 2, 7, OP_CLOSE_SESSION);
    commit_core_take(&cc, &out);
    CU_ASSERT_EQUAL_FATAL(out.n, 1);
    r = request_of(bq_list_pop(&out));
    CU_ASSERT_PTR_NULL(r->sink);
    CU_ASSERT_EQUAL(r->type, OP_CLOSE_SESSION);
    CU_ASSERT_EQUAL(r->session_id, 2);
    CU_ASSERT_EQUAL(r->cxid, 7);
    CU_ASSERT_EQUAL(r->zxid, 101);
    CU_ASSERT_EQUAL(r->txn->zxid, 101);
    request_free(r);
    commit_core_fini(&cc);
}

static void
test_error_txn_answers_any_write(void)
{
    static const int32_t types[] = {
        OP_CREATE, OP_DELETE, OP_SET_DATA, OP_SET_ACL, OP_MULTI,
        OP_RECONFIG, OP_CREATE_SESSION, OP_CLOSE_SESSION,
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(types); i++) {
        struct commit_core cc;
        char want[80];

        setup(&cc, true);
        commit_core_durable(&cc, INT64_MAX);
        submit(&cc, types[i], 1, 7);
        deliver(&cc, 101, 1, 7, OP_ERROR);
        snprintf(want, sizeof want, "%s1.7@101!-101",
                 op_code_name(types[i]));
        expect(&cc, want);
        commit_core_fini(&cc);
    }
}

static void
test_kinds_of_create_are_one(void)
{
    static const int32_t types[] = {
        OP_CREATE, OP_CREATE2, OP_CREATE_CONTAINER, OP_CREATE_TTL,
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(types); i++) {
        for (size_t k = 0; k < ZK_ARRAY_SIZE(types); k++) {
            struct commit_core cc;
            char want[80];

            setup(&cc, true);
            commit_core_durable(&cc, INT64_MAX);
            submit(&cc, types[i], 1, 7);
            deliver(&cc, 101, 1, 7, types[k]);
            snprintf(want, sizeof want, "%s1.7@101", op_code_name(types[i]));
            expect(&cc, want);
            CU_ASSERT_EQUAL(cc.pending.n, 0);
            commit_core_fini(&cc);
        }
    }
}

/* ZOOKEEPER-4882: nothing passes that is not in the own log, and what is
 * behind it waits too. */
static void
test_learner_waits_for_its_own_log(void)
{
    struct commit_core cc;

    setup(&cc, true);
    submit(&cc, OP_CREATE, 1, 1);
    submit(&cc, OP_SYNC, 1, 2);
    deliver(&cc, 101, 2, 7, OP_CREATE);
    deliver(&cc, 102, 1, 1, OP_CREATE);
    deliver_sync(&cc);
    expect(&cc, "");
    commit_core_durable(&cc, 101);
    expect(&cc, "create2.7@101");
    commit_core_durable(&cc, 102);
    expect(&cc, "create1.1@102 sync1.2");
    commit_core_fini(&cc);
}

static void
test_learner_keeps_reads_behind_writes(void)
{
    struct commit_core cc;

    setup(&cc, true);
    commit_core_durable(&cc, INT64_MAX);
    submit(&cc, OP_GET_DATA, 1, 1);
    submit(&cc, OP_SET_DATA, 1, 2);
    submit(&cc, OP_GET_DATA, 1, 3);
    submit(&cc, OP_SET_DATA, 2, 1);
    submit(&cc, OP_GET_DATA, 2, 2);
    expect(&cc, "getData1.1");
    CU_ASSERT_EQUAL(cc.reads_behind, 2);
    deliver(&cc, 101, 1, 2, OP_SET_DATA);
    deliver(&cc, 102, 9, 9, OP_SET_DATA);
    expect(&cc, "setData1.2@101 getData1.3 setData9.9@102");
    deliver(&cc, 103, 2, 1, OP_SET_DATA);
    expect(&cc, "setData2.1@103 getData2.2");
    CU_ASSERT_EQUAL(cc.reads_behind, 0);
    commit_core_fini(&cc);
}

static void
test_learner_answers_by_itself_what_it_can(void)
{
    struct commit_core cc;
    struct request *r;

    setup(&cc, true);
    r = make(OP_CREATE_SESSION, 5, 0);
    r->local_session = true;
    submit_request(&cc, r);
    r = make(OP_CLOSE_SESSION, 5, 0);
    r->local_session = true;
    submit_request(&cc, r);
    r = make(OP_CREATE, 1, 1);      /* It did not decode. */
    r->err = KE_MARSHALLING;
    submit_request(&cc, r);
    r = make(OP_SYNC, 1, 2);
    r->err = KE_THROTTLED_OP;
    submit_request(&cc, r);
    expect(&cc, "createSession5.0 closeSession5.0 create1.1!-5 sync1.2!-127");
    CU_ASSERT_EQUAL(cc.syncs_pending, 0);
    commit_core_fini(&cc);
}

/* ---- sync -------------------------------------------------------------- */

static void
test_sync_sees_what_was_committed_before(void)
{
    struct commit_core cc;

    setup(&cc, true);
    commit_core_durable(&cc, INT64_MAX);
    submit(&cc, OP_SYNC, 1, 1);
    submit(&cc, OP_GET_DATA, 1, 2);
    expect(&cc, "");
    deliver(&cc, 101, 2, 1, OP_SET_DATA);
    deliver_sync(&cc);
    deliver(&cc, 102, 2, 2, OP_SET_DATA);
    expect(&cc, "setData2.1@101 sync1.1 getData1.2 setData2.2@102");
    commit_core_fini(&cc);
}

static void
test_syncs_are_answered_in_order(void)
{
    struct commit_core cc;

    setup(&cc, true);
    commit_core_durable(&cc, INT64_MAX);
    submit(&cc, OP_SYNC, 1, 1);
    submit(&cc, OP_SYNC, 2, 1);
    deliver_sync(&cc);
    expect(&cc, "sync1.1");
    deliver_sync(&cc);
    expect(&cc, "sync2.1");
    CU_ASSERT_EQUAL(cc.syncs_pending, 0);
    commit_core_fini(&cc);
}

/* The answer must not stand in the way of the commit that the write in front
 * of the sync waits for. */
static void
test_sync_answered_early_waits_its_turn(void)
{
    struct commit_core cc;

    setup(&cc, true);
    commit_core_durable(&cc, INT64_MAX);
    submit(&cc, OP_CREATE, 1, 1);
    submit(&cc, OP_SYNC, 1, 2);
    submit(&cc, OP_SYNC, 1, 3);
    deliver_sync(&cc);
    expect(&cc, "");
    deliver(&cc, 101, 1, 1, OP_CREATE);
    expect(&cc, "create1.1@101 sync1.2");
    deliver_sync(&cc);
    expect(&cc, "sync1.3");
    commit_core_fini(&cc);
}

static void
test_answer_that_nobody_asked_for_is_dropped(void)
{
    struct commit_core cc;

    setup(&cc, true);
    commit_core_durable(&cc, INT64_MAX);
    deliver_sync(&cc);
    expect(&cc, "");
    CU_ASSERT_EQUAL(cc.commits.n, 0);
    submit(&cc, OP_SYNC, 1, 1);
    expect(&cc, "");
    deliver_sync(&cc);
    deliver_sync(&cc);
    expect(&cc, "sync1.1");
    submit(&cc, OP_SYNC, 1, 2);
    expect(&cc, "");
    commit_core_fini(&cc);
}

/* ---- any order --------------------------------------------------------- */

static uint32_t
next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t) (*state >> 33);
}

/* Two sessions of this server and one elsewhere.  The leader works off what
 * was sent in order, with others' writes between; the log follows.  All
 * requests pass in order of their arrival, all txns in order of zxid and none
 * before it is durable. */
struct model {
    struct commit_core cc;
    uint64_t random;
    int32_t cxid, answered, passed;
    int32_t types[200];
    int64_t zxid, durable, applied;
};

static void
model_leader(struct model *m)
{
    int32_t cxid = m->answered + 1;

    if (next_random(&m->random) % 3 == 0) {
        deliver(&m->cc, ++m->zxid, 9, 1, OP_CREATE);
        return;
    }
    if (cxid > m->cxid) {
        return;
    }
    m->answered = cxid;
    if (m->types[cxid] == OP_SYNC) {
        deliver_sync(&m->cc);
    } else if (m->types[cxid] == OP_CREATE) {
        deliver(&m->cc, ++m->zxid, 1 + cxid % 2, cxid,
                next_random(&m->random) % 2 ? OP_CREATE : OP_ERROR);
    }
}

static void
model_take(struct model *m)
{
    struct bq_list out = { 0 };
    struct bq_node *node;

    commit_core_take(&m->cc, &out);
    while ((node = bq_list_pop(&out)) != NULL) {
        struct request *r = request_of(node);

        if (r->session_id != 9) {
            CU_ASSERT_EQUAL(r->cxid, ++m->passed);
            CU_ASSERT_EQUAL(r->type, m->types[r->cxid]);
            CU_ASSERT_EQUAL(r->txn != NULL, r->type == OP_CREATE);
        }
        if (r->txn != NULL) {
            CU_ASSERT_EQUAL(r->zxid, ++m->applied);
            CU_ASSERT_TRUE(r->zxid <= m->durable);
        }
        request_free(r);
    }
}

static void
model_run(uint64_t seed)
{
    static const int32_t types[] = { OP_CREATE, OP_SYNC, OP_GET_DATA };
    struct model m = { .random = seed, .zxid = START, .durable = START,
                       .applied = START };

    setup(&m.cc, true);
    for (int i = 0; i < 400; i++) {
        uint32_t r = next_random(&m.random) % 10;

        if (r < 3 && m.cxid + 1 < (int32_t) ZK_ARRAY_SIZE(m.types)) {
            m.types[++m.cxid] = types[next_random(&m.random) % 3];
            submit(&m.cc, m.types[m.cxid], 1 + m.cxid % 2, m.cxid);
        } else if (r < 7) {
            model_leader(&m);
        } else if (m.durable < m.zxid) {
            commit_core_durable(&m.cc, ++m.durable);
        }
        model_take(&m);
    }
    for (int i = 0; m.answered < m.cxid && i < 10000; i++) {
        model_leader(&m);
    }
    m.durable = m.zxid;
    commit_core_durable(&m.cc, m.durable);
    model_take(&m);
    CU_ASSERT_EQUAL(m.passed, m.cxid);
    CU_ASSERT_EQUAL(m.applied, m.zxid);
    CU_ASSERT_EQUAL(m.cc.reads_behind, 0);
    CU_ASSERT_EQUAL(m.cc.syncs_pending, 0);
    commit_core_fini(&m.cc);
}

static void
test_order_is_kept_in_any_interleaving(void)
{
    for (uint64_t seed = 1; seed <= 500; seed++) {
        model_run(seed);
    }
}

static void
test_what_is_left_is_freed(void)
{
    struct commit_core cc;

    setup(&cc, true);
    submit(&cc, OP_CREATE, 1, 1);
    submit(&cc, OP_GET_DATA, 1, 2);
    deliver(&cc, 101, 1, 1, OP_CREATE);
    deliver_sync(&cc);
    commit_core_fini(&cc);
    CU_ASSERT_EQUAL(cc.pending.n, 0);
    CU_ASSERT_EQUAL(cc.commits.n, 0);
}

static const struct zk_test tests[] = {
    { "a leader waits for the commit and its own log",
      test_leader_waits_for_commit_and_own_log },
    { "a leader does not apply what its log lacks (ZOOKEEPER-4882)",
      test_leader_does_not_apply_what_its_log_lacks },
    { "a leader passes what has no txn", test_leader_passes_what_has_no_txn },
    { "a leader keeps its clients' syncs until they are confirmed",
      test_leader_keeps_its_clients_syncs },
    { "a leader keeps reads behind writes",
      test_leader_keeps_reads_behind_writes },
    { "a commit may come before its request",
      test_commit_may_come_before_its_request },
    { "a learner finds the request of a commit",
      test_learner_finds_the_request_of_a_commit },
    { "a learner passes commits of others",
      test_learner_passes_commits_of_others },
    { "the commit of another has nobody to answer",
      test_commit_of_another_has_nobody_to_answer },
    { "an error txn answers any write", test_error_txn_answers_any_write },
    { "all kinds of create are one", test_kinds_of_create_are_one },
    { "a learner waits for its own log (ZOOKEEPER-4882)",
      test_learner_waits_for_its_own_log },
    { "a learner keeps reads behind writes",
      test_learner_keeps_reads_behind_writes },
    { "a learner answers by itself what it can",
      test_learner_answers_by_itself_what_it_can },
    { "a sync sees what was committed before",
      test_sync_sees_what_was_committed_before },
    { "syncs are answered in order", test_syncs_are_answered_in_order },
    { "a sync that is answered early waits its turn",
      test_sync_answered_early_waits_its_turn },
    { "an answer that nobody asked for is dropped",
      test_answer_that_nobody_asked_for_is_dropped },
    { "the order is kept in any interleaving",
      test_order_is_kept_in_any_interleaving },
    { "what is left is freed", test_what_is_left_is_freed },
};

int
main(void)
{
    zk_log_set_level(ZK_LOG_OFF);
    return zk_test_main("commit_core", tests, ZK_ARRAY_SIZE(tests));
}
