/* SPDX-License-Identifier: Apache-2.0 */
/* The stage around commit_core: who hands on, in which order, and the end.
 * What may pass when is test_commit_core's. */
#include <config.h>

#include "server/commit_processor.h"

#include "metrics/server_metrics.h"
#include "proto/op_code.h"
#include "proto/txn_codec.h"
#include "test/lib/zk_test.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

#define DEADLINE_MS 20000
#define MAX_SEEN 65536

/* The stage behind: one caller at a time, everything noted. */
static struct {
    struct request_processor base;
    struct zk_mutex lock;
    struct zk_cond changed;
    atomic_int inside;
    bool slow;                  /* Waits in submit until it is false. */
    bool shut;
    size_t n;
    struct {
        int64_t session, zxid;
        int32_t cxid;
        bool txn;
        bool by_thread;         /* The CommitProcessor. */
    } seen[MAX_SEEN];
} next;

static struct request_processor *cp;

static void
next_submit(struct request_processor *base, struct bq_list *list)
{
    bool by_thread = strcmp(zk_thread_name(), "CommitProcessor") == 0;
    struct bq_node *node;

    (void) base;
    if (atomic_fetch_add(&next.inside, 1) != 0) {
        zk_panic("two threads hand on at one time");
    }
    zk_lock(&next.lock);
    while ((node = bq_list_pop(list)) != NULL) {
        const struct request *r = request_of(node);

        if (next.n < MAX_SEEN) {
            next.seen[next.n].session = r->session_id;
            next.seen[next.n].zxid = r->zxid;
            next.seen[next.n].cxid = r->cxid;
            next.seen[next.n].txn = r->txn != NULL;
            next.seen[next.n].by_thread = by_thread;
        }
        next.n++;
        request_free(request_of(node));
    }
    zk_cond_broadcast(&next.changed);
    while (next.slow) {
        zk_cond_wait(&next.changed, &next.lock);
    }
    zk_unlock(&next.lock);
    atomic_fetch_sub(&next.inside, 1);
}

static void
next_shutdown(struct request_processor *base)
{
    (void) base;
    CU_ASSERT_EQUAL(atomic_load(&next.inside), 0);
    next.shut = true;
}

static void
begin(bool learner)
{
    memset(&next, 0, sizeof next);
    zk_mutex_init(&next.lock, ZK_LOCK_leaf);
    zk_cond_init(&next.changed);
    next.base.submit = next_submit;
    next.base.shutdown = next_shutdown;
    cp = commit_processor_create(learner, 0, &next.base);
}

static void
end(void)
{
    cp->shutdown(cp);
    CU_ASSERT_TRUE(next.shut);
    cp->destroy(cp);
    zk_cond_fini(&next.changed);
    zk_mutex_fini(&next.lock);
}

static bool
wait_passed(size_t n)
{
    int64_t deadline = zk_time_mono_ms() + DEADLINE_MS;
    bool ok;

    zk_lock(&next.lock);
    while (next.n < n
           && zk_cond_wait_until(&next.changed, &next.lock, deadline)) {
    }
    ok = next.n >= n;
    zk_unlock(&next.lock);
    return ok;
}

static size_t
passed(void)
{
    size_t n;

    zk_lock(&next.lock);
    n = next.n;
    zk_unlock(&next.lock);
    return n;
}

static struct txn_bytes *
txn(int64_t session, int32_t cxid, int64_t zxid)
{
    struct zk_buf b = { 0 };
    struct txn_bytes *t;

    txn_encode_header(&b, session, cxid, zxid, 0, OP_SET_DATA);
    txn_encode_set_data(&b, zk_slice_str("/a"), ZK_SLICE_NULL, 1);
    t = txn_bytes_create(zxid, b.data, b.len);
    zk_buf_fini(&b);
    return t;
}

static void
add(struct bq_list *list, int32_t type, int64_t session, int32_t cxid,
    struct txn_bytes *t)
{
    struct request *r = request_create(type, session, cxid, ZK_SLICE_NULL,
                                       NULL, NULL);

    r->txn = t;
    r->zxid = t != NULL ? t->zxid : 0;
    bq_list_append(list, &r->link);
}

static void
submit(struct bq_list *list)
{
    cp->submit(cp, list);
    CU_ASSERT_EQUAL(list->n, 0);
}

static int64_t
sum_of(enum metric m)
{
    struct metric_figures f;

    server_metrics_get(m, &f);
    return f.sum;
}

static uint64_t
count_of(enum metric m)
{
    struct metric_figures f;

    server_metrics_get(m, &f);
    return f.count;
}

/* Java: CommitProcessor.run, processWrite, sendToNextProcessor. */
static void
test_what_waits_and_passes_is_measured(void)
{
    struct bq_list list = { 0 };

    server_metrics_reset();
    begin(false);
    add(&list, OP_SET_DATA, 7, 1, txn(7, 1, 1));
    add(&list, OP_GET_DATA, 7, 2, NULL);
    add(&list, OP_GET_DATA, 7, 3, NULL);
    submit(&list);
    CU_ASSERT_EQUAL(sum_of(METRIC_write_commit_proc_req_queued), 1);
    CU_ASSERT_EQUAL(sum_of(METRIC_read_commit_proc_req_queued), 2);
    CU_ASSERT_EQUAL(count_of(METRIC_write_commit_proc_issued), 0);
    commit_processor_durable(cp, 1);
    commit_processor_committed(cp, 1);
    CU_ASSERT_TRUE(wait_passed(3));
    end();
    CU_ASSERT_EQUAL(sum_of(METRIC_write_commit_proc_issued), 1);
    CU_ASSERT_EQUAL(sum_of(METRIC_read_commit_proc_issued), 2);
    CU_ASSERT_EQUAL(count_of(METRIC_write_commitproc_time_ms), 1);
    CU_ASSERT_EQUAL(count_of(METRIC_read_commitproc_time_ms), 2);
    CU_ASSERT(count_of(METRIC_commit_process_time) > 0);
    CU_ASSERT_EQUAL(count_of(METRIC_write_batch_time_in_commit_processor), 1);
    CU_ASSERT_EQUAL(count_of(METRIC_local_write_committed_time_ms), 1);
    CU_ASSERT_EQUAL(count_of(METRIC_server_write_committed_time_ms), 0);
}

static struct bq_list
commits(int64_t session, int64_t first, int64_t last)
{
    struct bq_list list = { 0 };

    for (int64_t zxid = first; zxid <= last; zxid++) {
        add(&list, OP_SET_DATA, 0, 0, txn(session, (int32_t) zxid, zxid));
    }
    return list;
}

/* By the clock, whose milliseconds may begin and end in their middle. */
static void
let_20_ms_pass(void)
{
    int64_t end_ms = zk_time_mono_ms() + 20;

    while (zk_time_mono_ms() < end_ms) {
    }
}

/* Each from when it was told, were it that the disk has not caught up. */
static void
test_what_the_disk_holds_back_is_measured(void)
{
    struct bq_list list = { 0 };

    server_metrics_reset();
    begin(true);
    list = commits(7, 1, 2);
    commit_processor_deliver(cp, &list);
    let_20_ms_pass();
    list = commits(8, 3, 3);
    add(&list, OP_SYNC, 0, 0, NULL);
    commit_processor_deliver(cp, &list);
    let_20_ms_pass();
    CU_ASSERT_EQUAL(passed(), 0);
    commit_processor_durable(cp, 2);
    CU_ASSERT_TRUE(wait_passed(2));
    CU_ASSERT_EQUAL(count_of(METRIC_server_write_committed_time_ms), 2);
    CU_ASSERT(sum_of(METRIC_server_write_committed_time_ms) >= 2 * 38);
    commit_processor_durable(cp, 3);
    CU_ASSERT_TRUE(wait_passed(3));
    CU_ASSERT_EQUAL(count_of(METRIC_server_write_committed_time_ms), 3);
    CU_ASSERT(sum_of(METRIC_server_write_committed_time_ms) >= 2 * 38 + 19);
    end();
    CU_ASSERT_EQUAL(count_of(METRIC_local_write_committed_time_ms), 0);
}

/* More commits than are remembered one by one. */
static void
test_many_commits_before_the_disk_are_measured(void)
{
    struct bq_list list;

    server_metrics_reset();
    begin(true);
    for (int64_t zxid = 1; zxid <= 100; zxid++) {
        list = commits(7, zxid, zxid);
        commit_processor_deliver(cp, &list);
    }
    for (int64_t zxid = 1; zxid <= 100; zxid++) {
        commit_processor_durable(cp, zxid);
    }
    CU_ASSERT_TRUE(wait_passed(100));
    list = commits(7, 101, 101);
    commit_processor_deliver(cp, &list);
    commit_processor_durable(cp, 101);
    CU_ASSERT_TRUE(wait_passed(101));
    end();
    CU_ASSERT_EQUAL(count_of(METRIC_server_write_committed_time_ms), 101);
}

/* ---- who hands on ------------------------------------------------------ */

static void
test_few_are_handed_on_by_who_lets_them_pass(void)
{
    struct bq_list list = { 0 };

    begin(false);
    add(&list, OP_SET_DATA, 7, 1, txn(7, 1, 1));
    add(&list, OP_GET_DATA, 7, 2, NULL);
    submit(&list);
    commit_processor_committed(cp, 1);
    CU_ASSERT_EQUAL(passed(), 0);
    commit_processor_durable(cp, 1);
    CU_ASSERT_EQUAL(passed(), 2);
    CU_ASSERT_FALSE(next.seen[0].by_thread);
    CU_ASSERT_EQUAL(next.seen[0].zxid, 1);
    CU_ASSERT_EQUAL(next.seen[1].cxid, 2);
    end();
}

static void
test_many_are_handed_on_by_the_thread(void)
{
    struct bq_list list = { 0 };

    begin(false);
    for (int32_t i = 1; i <= 1000; i++) {
        add(&list, OP_SET_DATA, 7, i, txn(7, i, i));
    }
    submit(&list);
    commit_processor_durable(cp, 1000);
    commit_processor_committed(cp, 1000);
    CU_ASSERT_TRUE(wait_passed(1000));
    CU_ASSERT_TRUE(next.seen[0].by_thread);
    for (int32_t i = 1; i <= 1000; i++) {
        CU_ASSERT_EQUAL(next.seen[i - 1].cxid, i);
    }
    end();
}

static void
commit_2(void *arg)
{
    (void) arg;
    commit_processor_committed(cp, 2);
}

/* Nobody waits for who is busy with the stage behind, and what he cannot
 * take along the thread does. */
static void
test_nobody_waits_for_who_hands_on(void)
{
    struct bq_list list = { 0 };
    struct zk_thread other;

    begin(false);
    memset(&other, 0, sizeof other);
    for (int32_t i = 1; i <= 3; i++) {
        add(&list, OP_SET_DATA, 7, i, txn(7, i, i));
    }
    submit(&list);
    commit_processor_durable(cp, 3);
    next.slow = true;
    zk_thread_start(&other, commit_2, NULL, "other");
    CU_ASSERT_TRUE(wait_passed(2));
    commit_processor_committed(cp, 3);      /* Comes back at once. */
    CU_ASSERT_EQUAL(passed(), 2);
    zk_lock(&next.lock);
    next.slow = false;
    zk_cond_broadcast(&next.changed);
    zk_unlock(&next.lock);
    zk_thread_join(&other);
    CU_ASSERT_TRUE(wait_passed(3));
    CU_ASSERT_TRUE(next.seen[2].by_thread);
    end();
}

/* ---- the end ----------------------------------------------------------- */

static void
test_the_end_drops_what_may_not_pass(void)
{
    struct bq_list list = { 0 };

    begin(false);
    add(&list, OP_SET_DATA, 7, 1, txn(7, 1, 1));
    add(&list, OP_GET_DATA, 7, 2, NULL);
    add(&list, OP_SET_DATA, 7, 3, txn(7, 3, 2));
    add(&list, OP_GET_DATA, 7, 4, NULL);
    submit(&list);
    commit_processor_durable(cp, 2);
    commit_processor_committed(cp, 1);
    CU_ASSERT_EQUAL(passed(), 2);
    cp->shutdown(cp);
    /* The log stage may still have something to say. */
    commit_processor_durable(cp, 3);
    commit_processor_committed(cp, 2);
    add(&list, 0, 0, 0, txn(8, 1, 3));
    commit_processor_deliver(cp, &list);
    CU_ASSERT_EQUAL(passed(), 2);
    CU_ASSERT_TRUE(next.shut);
    cp->destroy(cp);
    zk_cond_fini(&next.changed);
    zk_mutex_fini(&next.lock);
}

static void
test_the_end_waits_for_what_may_pass(void)
{
    struct bq_list list = { 0 };

    begin(true);
    for (int32_t i = 1; i <= 5000; i++) {
        add(&list, OP_GET_DATA, 7, i, NULL);
    }
    submit(&list);
    cp->shutdown(cp);
    CU_ASSERT_EQUAL(passed(), 5000);
    cp->destroy(cp);
    zk_cond_fini(&next.changed);
    zk_mutex_fini(&next.lock);
}

/* ---- threads ----------------------------------------------------------- */

#define WRITES 4000

static void
leader_commits(void *arg)
{
    (void) arg;
    for (int64_t z = 1; z <= WRITES; z += 1 + z % 3) {
        commit_processor_committed(cp, z);
    }
    commit_processor_committed(cp, WRITES);
}

static void
leader_syncs(void *arg)
{
    (void) arg;
    for (int64_t z = 1; z <= WRITES; z += 1 + z % 100) {
        commit_processor_durable(cp, z);
    }
    commit_processor_durable(cp, WRITES);
}

static void
test_a_leaders_threads_keep_the_order(void)
{
    struct zk_thread threads[2];
    int64_t zxid = 0;
    size_t n;

    memset(threads, 0, sizeof threads);
    begin(false);
    zk_thread_start(&threads[0], leader_commits, NULL, "acks");
    zk_thread_start(&threads[1], leader_syncs, NULL, "sync");
    for (int32_t i = 1; i <= WRITES;) {
        struct bq_list list = { 0 };

        for (int k = 0; k < 1 + i % 90 && i <= WRITES; k++, i++) {
            add(&list, OP_SET_DATA, 7, 2 * i, txn(7, 2 * i, i));
            add(&list, OP_GET_DATA, 7, 2 * i + 1, NULL);
        }
        submit(&list);
    }
    zk_thread_join(&threads[0]);
    zk_thread_join(&threads[1]);
    CU_ASSERT_TRUE(wait_passed(2 * WRITES));
    n = passed();
    CU_ASSERT_EQUAL(n, 2 * WRITES);
    for (size_t i = 0; i < n; i++) {
        CU_ASSERT_EQUAL(next.seen[i].cxid, (int32_t) i + 2);
        zxid += next.seen[i].txn;
    }
    CU_ASSERT_EQUAL(zxid, WRITES);
    end();
}

#define CLIENTS 3
#define PER_CLIENT 1500

/* The first stage of a learner, its link and its log. */
static struct {
    struct zk_mutex lock;
    struct zk_cond changed;
    struct { int64_t session; int32_t cxid; } sent[CLIENTS * PER_CLIENT];
    size_t n_sent, n_done;
    int64_t zxid;
} link_to_leader;

static void
client_run(void *arg)
{
    int64_t session = (int64_t) (intptr_t) arg;

    for (int32_t i = 1; i <= PER_CLIENT; i++) {
        struct bq_list list = { 0 };

        add(&list, OP_SET_DATA, session, 2 * i, NULL);
        add(&list, OP_GET_DATA, session, 2 * i + 1, NULL);
        /* Known here before the leader hears of it, in one order. */
        zk_lock(&link_to_leader.lock);
        cp->submit(cp, &list);
        link_to_leader.sent[link_to_leader.n_sent].session = session;
        link_to_leader.sent[link_to_leader.n_sent++].cxid = 2 * i;
        zk_cond_signal(&link_to_leader.changed);
        zk_unlock(&link_to_leader.lock);
    }
}

/* Commits of this server's requests and, in between, of others'. */
static void
link_run(void *arg)
{
    size_t done = 0;

    (void) arg;
    while (done < CLIENTS * PER_CLIENT) {
        struct bq_list list = { 0 };
        int64_t zxid;

        zk_lock(&link_to_leader.lock);
        while (link_to_leader.n_sent == done) {
            zk_cond_wait(&link_to_leader.changed, &link_to_leader.lock);
        }
        zxid = link_to_leader.zxid;
        for (; done < link_to_leader.n_sent; done++) {
            add(&list, 0, 0, 0, txn(99, (int32_t) done, ++zxid));
            add(&list, 0, 0, 0,
                txn(link_to_leader.sent[done].session,
                    link_to_leader.sent[done].cxid, ++zxid));
        }
        link_to_leader.zxid = zxid;
        zk_unlock(&link_to_leader.lock);
        commit_processor_deliver(cp, &list);
    }
}

static void
log_run(void *arg)
{
    int64_t zxid = 0;

    (void) arg;
    while (zxid < 2 * CLIENTS * PER_CLIENT) {
        zk_lock(&link_to_leader.lock);
        zxid = link_to_leader.zxid;
        zk_unlock(&link_to_leader.lock);
        commit_processor_durable(cp, zxid);
    }
}

static void
check_what_a_learner_passed(void)
{
    int32_t last[CLIENTS + 1] = { 0 };
    int64_t zxid = 0;

    for (size_t i = 0; i < next.n; i++) {
        int64_t session = next.seen[i].session;

        if (next.seen[i].txn) {
            CU_ASSERT_EQUAL(next.seen[i].zxid, ++zxid);
        }
        if (session == 99) {
            continue;
        }
        CU_ASSERT_FATAL(session >= 1 && session <= CLIENTS);
        CU_ASSERT_EQUAL(next.seen[i].txn, next.seen[i].cxid % 2 == 0);
        CU_ASSERT_EQUAL(next.seen[i].cxid,
                        last[session] == 0 ? 2 : last[session] + 1);
        last[session] = next.seen[i].cxid;
    }
}

static void
test_a_learners_threads_keep_the_order(void)
{
    struct zk_thread clients[CLIENTS], from_leader, log;

    begin(true);
    memset(&link_to_leader, 0, sizeof link_to_leader);
    memset(clients, 0, sizeof clients);
    zk_mutex_init(&link_to_leader.lock, ZK_LOCK_learner);
    zk_cond_init(&link_to_leader.changed);
    zk_thread_start(&from_leader, link_run, NULL, "link");
    zk_thread_start(&log, log_run, NULL, "log");
    for (size_t i = 0; i < CLIENTS; i++) {
        zk_thread_start(&clients[i], client_run, (void *) (intptr_t) (i + 1),
                        "client:%zu", i);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        zk_thread_join(&clients[i]);
    }
    zk_thread_join(&from_leader);
    zk_thread_join(&log);
    CU_ASSERT_TRUE(wait_passed(3 * CLIENTS * PER_CLIENT));
    end();
    CU_ASSERT_EQUAL(next.n, 3 * CLIENTS * PER_CLIENT);
    check_what_a_learner_passed();
    zk_cond_fini(&link_to_leader.changed);
    zk_mutex_fini(&link_to_leader.lock);
}

static const struct zk_test tests[] = {
    { "what waits and passes is measured",
      test_what_waits_and_passes_is_measured },
    { "what the disk holds back is measured",
      test_what_the_disk_holds_back_is_measured },
    { "many commits before the disk are measured",
      test_many_commits_before_the_disk_are_measured },
    { "few are handed on by who lets them pass",
      test_few_are_handed_on_by_who_lets_them_pass },
    { "many are handed on by the thread",
      test_many_are_handed_on_by_the_thread },
    { "nobody waits for who hands on", test_nobody_waits_for_who_hands_on },
    { "the end drops what may not pass",
      test_the_end_drops_what_may_not_pass },
    { "the end waits for what may pass",
      test_the_end_waits_for_what_may_pass },
    { "a leader's threads keep the order",
      test_a_leaders_threads_keep_the_order },
    { "a learner's threads keep the order",
      test_a_learners_threads_keep_the_order },
};

ZK_TEST_MAIN("commit processor", tests)
