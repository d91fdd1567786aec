/* SPDX-License-Identifier: Apache-2.0 */
/* Locks, threads and the queues between them. */
#include <config.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>

#include "util/blocking_queue.h"
#include "util/zk_lock.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

#include "../lib/zk_test.h"
#include "../lib/zk_test_child.h"

/* How long anything here may take before it counts as hung. */
#define PATIENCE_MS 20000

#define WORKERS 4
#define ROUNDS 20000

/* Looks at the condition until it holds; a failure if it never does. */
#define WAIT_FOR(cond)                                                    \
    do {                                                                  \
        int64_t wait_end = zk_time_mono_ms() + PATIENCE_MS;               \
        while (!(cond) && zk_time_mono_ms() < wait_end) {                 \
            sched_yield();                                                \
        }                                                                 \
        CU_ASSERT_TRUE_FATAL(cond);                                       \
    } while (0)

static struct zk_test_child child;

struct counter {
    struct zk_mutex lock;
    struct zk_cond changed;
    int64_t n;
    int64_t seen;
};

static void
counter_init(struct counter *c)
{
    zk_mutex_init(&c->lock, ZK_LOCK_leaf);
    zk_cond_init(&c->changed);
    c->n = 0;
    c->seen = 0;
}

static void
counter_fini(struct counter *c)
{
    zk_cond_fini(&c->changed);
    zk_mutex_fini(&c->lock);
}

static void
add_many(void *arg)
{
    struct counter *c = arg;

    for (int i = 0; i < ROUNDS; i++) {
        zk_lock(&c->lock);
        zk_assert_held(&c->lock);
        c->n++;
        zk_unlock(&c->lock);
    }
}

static void
test_lock_excludes(void)
{
    struct zk_thread t[WORKERS] = { 0 };
    struct counter c;

    counter_init(&c);
    for (int i = 0; i < WORKERS; i++) {
        zk_thread_start(&t[i], add_many, &c, "Adder:%d", i);
    }
    for (int i = 0; i < WORKERS; i++) {
        zk_thread_join(&t[i]);
    }
    CU_ASSERT_EQUAL(c.n, WORKERS * ROUNDS);
    counter_fini(&c);
}

static void
test_waiting_for_a_lock_is_counted(void)
{
    uint64_t before = zk_lock_contended(ZK_LOCK_leaf);
    struct zk_thread t = { 0 };
    struct counter c;

    counter_init(&c);
    zk_lock(&c.lock);
    zk_thread_start(&t, add_many, &c, "Adder");
    WAIT_FOR(zk_lock_contended(ZK_LOCK_leaf) > before);
    CU_ASSERT_EQUAL(c.n, 0);
    zk_unlock(&c.lock);
    zk_thread_join(&t);
    CU_ASSERT_EQUAL(c.n, ROUNDS);
    CU_ASSERT_STRING_EQUAL(zk_lock_class_name(ZK_LOCK_leaf), "leaf");
    counter_fini(&c);
}

static void
try_once(void *arg)
{
    struct counter *c = arg;

    if (zk_trylock(&c->lock)) {
        c->seen = 1;
        zk_unlock(&c->lock);
    }
}

static void
test_trylock_does_not_wait(void)
{
    struct zk_thread t = { 0 };
    struct counter c;

    counter_init(&c);
    zk_lock(&c.lock);
    zk_thread_start(&t, try_once, &c, "Trier");
    zk_thread_join(&t);
    zk_unlock(&c.lock);
    CU_ASSERT_EQUAL(c.seen, 0);
    try_once(&c);
    CU_ASSERT_EQUAL(c.seen, 1);
    counter_fini(&c);
}

static void
answer_each_change(void *arg)
{
    struct counter *c = arg;

    zk_lock(&c->lock);
    while (c->seen < 100) {
        while (c->n == c->seen) {
            zk_cond_wait(&c->changed, &c->lock);
        }
        c->seen = c->n;
        zk_cond_broadcast(&c->changed);
    }
    zk_unlock(&c->lock);
}

static void
test_condition_wakes_its_waiter(void)
{
    int64_t end = zk_time_mono_ms() + PATIENCE_MS;
    struct zk_thread t = { 0 };
    struct counter c;
    bool in_time = true;

    counter_init(&c);
    zk_thread_start(&t, answer_each_change, &c, "Answerer");
    zk_lock(&c.lock);
    for (int i = 0; i < 100 && in_time; i++) {
        c.n++;
        zk_cond_signal(&c.changed);
        while (c.seen != c.n && in_time) {
            in_time = zk_cond_wait_until(&c.changed, &c.lock, end);
        }
    }
    zk_unlock(&c.lock);
    CU_ASSERT_TRUE_FATAL(in_time);
    zk_thread_join(&t);
    CU_ASSERT_EQUAL(c.seen, 100);
    counter_fini(&c);
}

static void
test_condition_wait_ends_at_its_deadline(void)
{
    struct counter c;
    int64_t start = zk_time_mono_ms();
    bool in_time = true;

    counter_init(&c);
    zk_lock(&c.lock);
    while (in_time) {
        in_time = zk_cond_wait_until(&c.changed, &c.lock, start + 30);
    }
    zk_assert_held(&c.lock);
    CU_ASSERT_FALSE(zk_cond_wait_until(&c.changed, &c.lock, 0));
    zk_unlock(&c.lock);
    CU_ASSERT_TRUE(zk_time_mono_ms() >= start + 30);
    counter_fini(&c);
}

struct shared {
    struct zk_rwlock lock;
    _Atomic int readers;        /* That hold it now. */
    _Atomic int most_readers;
    _Atomic bool torn;          /* A reader saw half of a change. */
    int64_t a;
    int64_t b;                  /* Always equal to a. */
};

static void
read_together(void *arg)
{
    struct shared *s = arg;
    int64_t end = zk_time_mono_ms() + PATIENCE_MS;

    zk_read_lock(&s->lock);
    atomic_fetch_add(&s->readers, 1);
    /* Only passes if both are inside at once. */
    while (atomic_load(&s->readers) < 2 && zk_time_mono_ms() < end) {
        sched_yield();
    }
    atomic_store(&s->most_readers, atomic_load(&s->readers));
    zk_read_unlock(&s->lock);
}

static void
read_many(void *arg)
{
    struct shared *s = arg;

    for (int i = 0; i < ROUNDS; i++) {
        zk_read_lock(&s->lock);
        if (s->a != s->b) {
            atomic_store(&s->torn, true);
        }
        zk_read_unlock(&s->lock);
    }
}

static void
write_many(void *arg)
{
    struct shared *s = arg;

    for (int i = 0; i < ROUNDS / 10; i++) {
        zk_write_lock(&s->lock);
        zk_assert_write_held(&s->lock);
        s->a++;
        s->b++;
        zk_write_unlock(&s->lock);
    }
}

static void
test_readers_share_and_writers_exclude(void)
{
    struct zk_thread t[WORKERS] = { 0 };
    struct shared s = { 0 };

    zk_rwlock_init(&s.lock, ZK_LOCK_database);
    zk_thread_start(&t[0], read_together, &s, "Reader:0");
    zk_thread_start(&t[1], read_together, &s, "Reader:1");
    zk_thread_join(&t[0]);
    zk_thread_join(&t[1]);
    CU_ASSERT_EQUAL(atomic_load(&s.most_readers), 2);
    for (int i = 0; i < WORKERS; i++) {
        zk_thread_start(&t[i], i < 2 ? write_many : read_many, &s, "RW:%d",
                        i);
    }
    for (int i = 0; i < WORKERS; i++) {
        zk_thread_join(&t[i]);
    }
    CU_ASSERT_FALSE(atomic_load(&s.torn));
    CU_ASSERT_EQUAL(s.a, 2 * (ROUNDS / 10));
    zk_rwlock_fini(&s.lock);
}

static void
write_once(void *arg)
{
    struct shared *s = arg;

    zk_write_lock(&s->lock);
    s->a++;
    zk_write_unlock(&s->lock);
}

/* True once a further reader would have to wait. */
static bool
reader_would_wait(struct shared *s)
{
    int err = pthread_rwlock_tryrdlock(&s->lock.rw);

    if (err == 0) {
        pthread_rwlock_unlock(&s->lock.rw);
    }
    return err == EBUSY;
}

static void
test_waiting_writer_goes_before_new_readers(void)
{
    uint64_t before = zk_lock_contended(ZK_LOCK_database);
    struct zk_thread t = { 0 };
    struct shared s = { 0 };

    zk_rwlock_init(&s.lock, ZK_LOCK_database);
    zk_read_lock(&s.lock);
    CU_ASSERT_FALSE(reader_would_wait(&s));
    zk_thread_start(&t, write_once, &s, "Writer");
    WAIT_FOR(reader_would_wait(&s));
    CU_ASSERT_EQUAL(zk_lock_contended(ZK_LOCK_database), before + 1);
    CU_ASSERT_EQUAL(s.a, 0);
    zk_read_unlock(&s.lock);
    zk_thread_join(&t);
    CU_ASSERT_EQUAL(s.a, 1);
    zk_rwlock_fini(&s.lock);
}

static void
assert_held_without(void *arg)
{
    struct zk_mutex m;

    (void) arg;
    zk_mutex_init(&m, ZK_LOCK_leaf);
    zk_assert_held(&m);
}

static ZK_NO_ANALYSIS void
assert_write_held_without(void *arg)
{
    struct zk_rwlock l;

    (void) arg;
    zk_rwlock_init(&l, ZK_LOCK_database);
    zk_read_lock(&l);
    zk_assert_write_held(&l);
}

static void
expect_panic(void (*run)(void *), const char *text)
{
    zk_test_child_run(&child, run, NULL);
    CU_ASSERT_TRUE(zk_test_child_killed_by(&child, SIGABRT));
    CU_ASSERT_PTR_NOT_NULL(strstr(child.out, text));
}

static void
test_missing_lock_panics(void)
{
    expect_panic(assert_held_without, "class leaf should be held");
    expect_panic(assert_write_held_without,
                 "class database should be held for writing");
}

#ifdef ZK_LOCK_CHECKS
static ZK_NO_ANALYSIS void
take_in_falling_rank(void *arg)
{
    struct zk_mutex high;
    struct zk_rwlock low;

    (void) arg;
    zk_mutex_init(&high, ZK_LOCK_server_cnxn);
    zk_rwlock_init(&low, ZK_LOCK_database);
    zk_lock(&high);
    zk_read_lock(&low);
}

static ZK_NO_ANALYSIS void
take_same_class(void *arg)
{
    struct zk_mutex a;
    struct zk_mutex b;

    (void) arg;
    zk_mutex_init(&a, ZK_LOCK_server_cnxn);
    zk_mutex_init(&b, ZK_LOCK_server_cnxn);
    zk_lock(&a);
    zk_lock(&b);
}

static ZK_NO_ANALYSIS void
take_twice(void *arg)
{
    struct zk_mutex a;

    (void) arg;
    zk_mutex_init_nested(&a, ZK_LOCK_server_cnxn);
    zk_lock(&a);
    zk_lock(&a);
}

static ZK_NO_ANALYSIS void
release_unheld(void *arg)
{
    struct zk_mutex a;

    (void) arg;
    zk_mutex_init(&a, ZK_LOCK_server_cnxn);
    zk_unlock(&a);
}

static void
test_wrong_order_of_locks_panics(void)
{
    expect_panic(take_in_falling_rank,
                 "lock database (rank 40) is taken under server_cnxn");
    CU_ASSERT_PTR_NOT_NULL(strstr(child.out, "holds: server_cnxn\n"));
    expect_panic(take_same_class,
                 "lock server_cnxn (rank 70) is taken under server_cnxn");
    expect_panic(take_twice, "is taken twice");
    expect_panic(release_unheld, "does not hold it");
}

static ZK_NO_ANALYSIS void
test_right_order_of_locks_passes(void)
{
    struct zk_rwlock low;
    struct zk_mutex mid;
    struct zk_mutex nested;

    zk_rwlock_init(&low, ZK_LOCK_database);
    zk_mutex_init(&mid, ZK_LOCK_server_cnxn);
    zk_mutex_init_nested(&nested, ZK_LOCK_server_cnxn);
    zk_read_lock(&low);
    zk_lock(&mid);
    zk_lock(&nested);
    /* Not in the reverse order; then the same again. */
    zk_read_unlock(&low);
    zk_unlock(&nested);
    zk_unlock(&mid);
    zk_write_lock(&low);
    zk_lock(&mid);
    zk_unlock(&mid);
    zk_write_unlock(&low);
    zk_mutex_fini(&nested);
    zk_mutex_fini(&mid);
    zk_rwlock_fini(&low);
    CU_PASS("no panic");
}
#endif

struct name_check {
    _Atomic bool may_end;
    _Atomic bool checked;
    char name[64];
    char kernel_name[32];
};

static void
note_names(void *arg)
{
    struct name_check *n = arg;
    int64_t end = zk_time_mono_ms() + PATIENCE_MS;

    snprintf(n->name, sizeof n->name, "%s", zk_thread_name());
    pthread_getname_np(pthread_self(), n->kernel_name,
                       sizeof n->kernel_name);
    atomic_store(&n->checked, true);
    while (!atomic_load(&n->may_end) && zk_time_mono_ms() < end) {
        sched_yield();
    }
}

static void
test_threads_have_names_and_are_listed(void)
{
    struct name_check n = { 0 };
    struct zk_thread t = { 0 };
    char text[4096] = "";
    FILE *f;

    CU_ASSERT_EQUAL(zk_thread_count(), 0);
    zk_thread_start(&t, note_names, &n, "NIOWorkerThread-%d", 12);
    WAIT_FOR(atomic_load(&n.checked));
    CU_ASSERT_EQUAL(zk_thread_count(), 1);
    f = fmemopen(text, sizeof text, "w");
    zk_thread_dump(f);
    fclose(f);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "NIOWorkerThread-12 (tid "));
    atomic_store(&n.may_end, true);
    zk_thread_join(&t);
    zk_thread_join(&t);
    CU_ASSERT_EQUAL(zk_thread_count(), 0);
    CU_ASSERT_STRING_EQUAL(n.name, "NIOWorkerThread-12");
    CU_ASSERT_STRING_EQUAL(n.kernel_name, "NIOWorkerThread");
    CU_ASSERT_STRING_EQUAL(zk_thread_name(), "main");
}

static int fatal_calls;
static int fatal_code;

static void
note_fatal(int exit_code, const char *why)
{
    fatal_calls++;
    fatal_code = exit_code;
    printf("why: %s\n", why);
}

static void
be_fatal_twice(void *arg)
{
    (void) arg;
    zk_fatal_handler_set(note_fatal);
    zk_fatal(10, "fsync of %s failed", "log.1");
    zk_fatal(11, "second");
    if (fatal_calls != 1 || fatal_code != 10) {
        _exit(1);
    }
}

static void
be_fatal_without_handler(void *arg)
{
    (void) arg;
    zk_fatal(14, "no handler");
}

static void
test_first_fatal_error_counts(void)
{
    zk_test_child_run(&child, be_fatal_twice, NULL);
    CU_ASSERT_TRUE(zk_test_child_ok(&child));
    CU_ASSERT_PTR_NOT_NULL(strstr(child.out, "why: fsync of log.1 failed"));
    CU_ASSERT_PTR_NULL(strstr(child.out, "why: second"));
    zk_test_child_run(&child, be_fatal_without_handler, NULL);
    CU_ASSERT_TRUE(WIFEXITED(child.status));
    CU_ASSERT_EQUAL(WEXITSTATUS(child.status), 14);
}

struct item {
    struct bq_node node;
    int producer;
    int number;
};

static struct item *
item_of(struct bq_node *node)
{
    return ZK_CONTAINER_OF(node, struct item, node);
}

static void
test_queue_keeps_order(void)
{
    struct item items[5] = { 0 };
    struct blocking_queue q;
    struct bq_list list = { 0 };
    struct bq_list out = { 0 };

    blocking_queue_init(&q, "order");
    for (int i = 0; i < 5; i++) {
        items[i].number = i;
    }
    CU_ASSERT_TRUE(blocking_queue_put_list(&q, &list));
    CU_ASSERT_TRUE(blocking_queue_put(&q, &items[0].node));
    bq_list_append(&list, &items[1].node);
    bq_list_append(&list, &items[2].node);
    CU_ASSERT_TRUE(blocking_queue_put_list(&q, &list));
    CU_ASSERT_EQUAL(list.n, 0);
    CU_ASSERT_TRUE(blocking_queue_put(&q, &items[3].node));
    CU_ASSERT_EQUAL(blocking_queue_size(&q), 4);
    bq_list_append(&out, &items[4].node);
    CU_ASSERT_TRUE(blocking_queue_take_all(&q, &out));
    CU_ASSERT_EQUAL(blocking_queue_size(&q), 0);
    CU_ASSERT_EQUAL(out.n, 5);
    /* What was taken comes behind what was in 'out'. */
    CU_ASSERT_EQUAL(item_of(bq_list_pop(&out))->number, 4);
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(item_of(bq_list_pop(&out))->number, i);
    }
    CU_ASSERT_PTR_NULL(bq_list_pop(&out));
    blocking_queue_fini(&q);
}

static void
test_closed_queue_drains_and_refuses(void)
{
    struct item a = { 0 };
    struct item b = { 0 };
    struct blocking_queue q;
    struct bq_list list = { 0 };
    struct bq_list out = { 0 };

    blocking_queue_init(&q, "closed");
    CU_ASSERT_TRUE(blocking_queue_put(&q, &a.node));
    blocking_queue_close(&q);
    CU_ASSERT_FALSE(blocking_queue_put(&q, &b.node));
    bq_list_append(&list, &b.node);
    CU_ASSERT_FALSE(blocking_queue_put_list(&q, &list));
    CU_ASSERT_EQUAL(list.n, 1);
    CU_ASSERT_TRUE(blocking_queue_take_all(&q, &out));
    CU_ASSERT_PTR_EQUAL(bq_list_pop(&out), &a.node);
    CU_ASSERT_FALSE(blocking_queue_take_all(&q, &out));
    CU_ASSERT_FALSE(blocking_queue_take_until(&q, &out, 0));
    CU_ASSERT_EQUAL(out.n, 0);
    blocking_queue_fini(&q);
}

static void
test_take_until_gives_up_in_time(void)
{
    int64_t start = zk_time_mono_ms();
    struct blocking_queue q;
    struct bq_list out = { 0 };

    blocking_queue_init(&q, "timed");
    CU_ASSERT_TRUE(blocking_queue_take_until(&q, &out, 0));
    CU_ASSERT_TRUE(blocking_queue_take_until(&q, &out, start + 30));
    CU_ASSERT_TRUE(zk_time_mono_ms() >= start + 30);
    CU_ASSERT_EQUAL(out.n, 0);
    blocking_queue_fini(&q);
}

struct traffic {
    struct blocking_queue q;
    struct item *items;         /* WORKERS * ROUNDS */
    _Atomic int next_producer;
    _Atomic int received;
    _Atomic int out_of_order;
};

static void
produce(void *arg)
{
    struct traffic *tr = arg;
    int me = atomic_fetch_add(&tr->next_producer, 1);
    struct item *mine = tr->items + (size_t) me * ROUNDS;
    struct bq_list list = { 0 };

    for (int i = 0; i < ROUNDS; i++) {
        mine[i].producer = me;
        mine[i].number = i;
        if (i % 3 == 0) {
            bq_list_append(&list, &mine[i].node);
            if (!blocking_queue_put_list(&tr->q, &list)) {
                abort();
            }
        } else if (i % 3 == 1) {
            if (!blocking_queue_put(&tr->q, &mine[i].node)) {
                abort();
            }
        } else {
            bq_list_append(&list, &mine[i].node);
        }
    }
    if (!blocking_queue_put_list(&tr->q, &list)) {
        abort();
    }
}

static void
consume(void *arg)
{
    struct traffic *tr = arg;
    int last[WORKERS] = { -1, -1, -1, -1 };
    struct bq_list out = { 0 };
    struct bq_node *node;

    while (blocking_queue_take_all(&tr->q, &out)) {
        while ((node = bq_list_pop(&out)) != NULL) {
            struct item *it = item_of(node);

            if (it->number <= last[it->producer]) {
                atomic_fetch_add(&tr->out_of_order, 1);
            }
            last[it->producer] = it->number;
            atomic_fetch_add(&tr->received, 1);
        }
    }
}

/* All arrive once; what one producer put stays in order. */
static void
run_traffic(int consumers, unsigned spin_us)
{
    struct zk_thread in[WORKERS] = { 0 };
    struct zk_thread out[WORKERS] = { 0 };
    struct traffic tr = { 0 };

    tr.items = zk_xcalloc(WORKERS * ROUNDS, sizeof *tr.items);
    blocking_queue_init(&tr.q, "traffic");
    tr.q.spin_us = spin_us;
    for (int i = 0; i < consumers; i++) {
        zk_thread_start(&out[i], consume, &tr, "Consumer:%d", i);
    }
    for (int i = 0; i < WORKERS; i++) {
        zk_thread_start(&in[i], produce, &tr, "Producer:%d", i);
    }
    for (int i = 0; i < WORKERS; i++) {
        zk_thread_join(&in[i]);
    }
    blocking_queue_close(&tr.q);
    for (int i = 0; i < consumers; i++) {
        zk_thread_join(&out[i]);
    }
    CU_ASSERT_EQUAL(atomic_load(&tr.received), WORKERS * ROUNDS);
    CU_ASSERT_EQUAL(atomic_load(&tr.out_of_order), 0);
    blocking_queue_fini(&tr.q);
    free(tr.items);
}

static void
test_queue_under_traffic(void)
{
    run_traffic(1, 0);
    run_traffic(1, 50);
    run_traffic(3, 0);
}

/* One element at a time to and fro: a lost wake-up would hang. */
static void
echo(void *arg)
{
    struct blocking_queue *q = arg;
    struct bq_list out = { 0 };

    while (blocking_queue_take_all(&q[0], &out)) {
        if (!blocking_queue_put_list(&q[1], &out)) {
            return;
        }
    }
}

static void
test_no_wake_up_is_lost(void)
{
    struct blocking_queue q[2];
    struct zk_thread t = { 0 };
    struct bq_list out = { 0 };
    struct item it = { 0 };
    int64_t end = zk_time_mono_ms() + PATIENCE_MS;
    int rounds = 0;

    blocking_queue_init(&q[0], "there");
    blocking_queue_init(&q[1], "back");
    q[1].spin_us = 20;
    zk_thread_start(&t, echo, q, "Echo");
    while (rounds < 2000 && zk_time_mono_ms() < end) {
        CU_ASSERT_TRUE(blocking_queue_put(&q[0], &it.node));
        while (out.n == 0 && zk_time_mono_ms() < end) {
            CU_ASSERT_TRUE(blocking_queue_take_until(&q[1], &out, end));
        }
        rounds += bq_list_pop(&out) == &it.node;
    }
    CU_ASSERT_EQUAL(rounds, 2000);
    blocking_queue_close(&q[0]);
    zk_thread_join(&t);
    blocking_queue_fini(&q[0]);
    blocking_queue_fini(&q[1]);
}

static void
test_vain_spinning_gets_shorter(void)
{
    struct blocking_queue q;
    struct bq_list out = { 0 };
    struct item it = { 0 };

    blocking_queue_init(&q, "spin");
    q.spin_us = 160;
    for (int i = 0; i < 10; i++) {
        CU_ASSERT_TRUE(
            blocking_queue_take_until(&q, &out, zk_time_mono_ms() - 1));
    }
    CU_ASSERT_EQUAL(atomic_load(&q.spin_now), 20);
    CU_ASSERT_TRUE(blocking_queue_put(&q, &it.node));
    CU_ASSERT_TRUE(blocking_queue_take_all(&q, &out));
    CU_ASSERT_EQUAL(out.n, 1);
    blocking_queue_fini(&q);
}

static ZK_NO_ANALYSIS void
test_queue_dump_does_not_wait(void)
{
    struct blocking_queue q;
    struct item it = { 0 };
    struct bq_list out = { 0 };
    char text[512] = "";
    FILE *f = fmemopen(text, sizeof text, "w");

    blocking_queue_init(&q, "sync");
    CU_ASSERT_TRUE(blocking_queue_put(&q, &it.node));
    blocking_queue_dump(&q, f);
    zk_lock(&q.lock);
    blocking_queue_dump(&q, f);
    zk_unlock(&q.lock);
    fclose(f);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "queue sync: 1 in it, 0 taken"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "its lock is held"));
    CU_ASSERT_TRUE(blocking_queue_take_all(&q, &out));
    blocking_queue_fini(&q);
}

static void
fini_full_queue(void *arg)
{
    static struct item it;
    struct blocking_queue q;

    (void) arg;
    blocking_queue_init(&q, "full");
    if (blocking_queue_put(&q, &it.node)) {
        blocking_queue_fini(&q);
    }
}

static void
test_queue_with_elements_is_not_destroyed(void)
{
    expect_panic(fini_full_queue, "list.n == 0");
}

static const struct zk_test tests[] = {
    { "a lock excludes", test_lock_excludes },
    { "waiting for a lock is counted", test_waiting_for_a_lock_is_counted },
    { "trylock does not wait", test_trylock_does_not_wait },
    { "a condition wakes its waiter", test_condition_wakes_its_waiter },
    { "a condition wait ends at its deadline",
      test_condition_wait_ends_at_its_deadline },
    { "readers share and writers exclude",
      test_readers_share_and_writers_exclude },
    { "a waiting writer goes before new readers",
      test_waiting_writer_goes_before_new_readers },
    { "a missing lock panics", test_missing_lock_panics },
#ifdef ZK_LOCK_CHECKS
    { "a wrong order of locks panics", test_wrong_order_of_locks_panics },
    { "a right order of locks passes", test_right_order_of_locks_passes },
#endif
    { "threads have names and are listed",
      test_threads_have_names_and_are_listed },
    { "the first fatal error counts", test_first_fatal_error_counts },
    { "a queue keeps order", test_queue_keeps_order },
    { "a closed queue drains and refuses",
      test_closed_queue_drains_and_refuses },
    { "take_until gives up in time", test_take_until_gives_up_in_time },
    { "a queue under traffic", test_queue_under_traffic },
    { "no wake-up is lost", test_no_wake_up_is_lost },
    { "vain spinning gets shorter", test_vain_spinning_gets_shorter },
    { "a queue's dump does not wait", test_queue_dump_does_not_wait },
    { "a queue with elements is not destroyed",
      test_queue_with_elements_is_not_destroyed },
};

ZK_TEST_MAIN("util_threads", tests)
