/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "session/session_tracker.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "proto/keeper_error.h"
#include "session/expiry_queue.h"
#include "session/java_date.h"
#include "test/lib/zk_test.h"
#include "test/unit/session_catcher.h"

#define TICK 2000

/* --- ids and passwords --- */

/* What java.util.Random gives for these ids. */
static void
test_password_golden(void)
{
    static const struct {
        uint64_t id;
        const char *hex;
    } cases[] = {
        { 0x0100000d80a80000, "6a73d325af910633580d045810077950" },
        { 0x0300000d98eb0000, "175d2d27587ebcff4da7e5ad61b2b5f5" },
        { 1, "054cc74a37327db215e702e20c73f005" },
        { 0xffffffffffffffff, "20f62cb5648dc2d771471c8a2486a9ee" },
        { 0xff00001d92ec0011, "d72eb574ecf5bed766f5a128a67c6a4a" },
        { 0x7fffffffffffffff, "20f62cb5648dc2d771471c8a2486a9ee" },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        uint8_t passwd[16];
        char hex[33];

        session_password((int64_t) cases[i].id, passwd);
        for (size_t k = 0; k < sizeof passwd; k++) {
            snprintf(hex + 2 * k, 3, "%02x", passwd[k]);
        }
        CU_ASSERT_STRING_EQUAL(hex, cases[i].hex);
    }
}

static void
test_password_is_all_16_bytes(void)
{
    uint8_t passwd[17] = { 0 };

    session_password(77, passwd);
    CU_ASSERT_TRUE(session_password_ok(77, passwd, 16));
    CU_ASSERT_FALSE(session_password_ok(78, passwd, 16));
    CU_ASSERT_FALSE(session_password_ok(77, passwd, 15));
    CU_ASSERT_FALSE(session_password_ok(77, passwd, 17));
    CU_ASSERT_FALSE(session_password_ok(77, passwd, 0));
    CU_ASSERT_FALSE(session_password_ok(77, NULL, 0));
    for (size_t i = 0; i < 16; i++) {
        passwd[i] ^= 1;
        CU_ASSERT_FALSE(session_password_ok(77, passwd, 16));
        passwd[i] ^= 1;
    }
}

static void
test_password_of_id_0_is_never_right(void)
{
    uint8_t passwd[16];

    session_password(0, passwd);
    CU_ASSERT_FALSE(session_password_ok(0, passwd, 16));
}

static void
test_first_id_golden(void)
{
    CU_ASSERT_EQUAL(session_id_first(1, 1795356669123), 0x1a20398b4c30000);
    CU_ASSERT_EQUAL(session_id_first(0, 1795356669123), 0xa20398b4c30000);
    CU_ASSERT_EQUAL(session_id_first(255, 1795356669123),
                    (int64_t) 0xffa20398b4c30000U);
}

/* --- the queue, with a clock of its own --- */

struct item {
    struct expiry_elem e;
    int id;
};

/* Polls until nothing is due; how many there were. */
static int
poll_all(struct expiry_queue *q, int64_t now)
{
    int n = 0;

    while (expiry_queue_poll(q, now) != NULL) {
        n++;
    }
    return n;
}

static void
test_bucket_is_the_tick_after_the_timeout(void)
{
    struct expiry_queue q;

    expiry_queue_init(&q, TICK, 0);
    CU_ASSERT_EQUAL(expiry_queue_bucket(&q, 0, 0), 2000);
    CU_ASSERT_EQUAL(expiry_queue_bucket(&q, 0, 1999), 2000);
    CU_ASSERT_EQUAL(expiry_queue_bucket(&q, 0, 2000), 4000);
    CU_ASSERT_EQUAL(expiry_queue_bucket(&q, 1, 9999), 12000);
    CU_ASSERT_EQUAL(expiry_queue_bucket(&q, 1999, 10000), 12000);
    CU_ASSERT_EQUAL(expiry_queue_bucket(&q, 5000, -7), 6000);
    expiry_queue_fini(&q);
}

static void
test_expires_after_timeout_within_one_tick(void)
{
    for (int64_t start = 100000; start < 102000; start += 137) {
        struct expiry_queue q;
        struct item a = { .id = 1 };
        int64_t now = start;

        expiry_queue_init(&q, TICK, start);
        expiry_queue_update(&q, &a.e, start, 10000);
        while (expiry_queue_poll(&q, now) == NULL) {
            now++;
        }
        CU_ASSERT(now - start > 10000 && now - start <= 10000 + TICK);
        expiry_queue_fini(&q);
    }
}

static void
test_touch_moves_the_expiry(void)
{
    struct expiry_queue q;
    struct item a = { .id = 1 };

    expiry_queue_init(&q, TICK, 0);
    CU_ASSERT_EQUAL(expiry_queue_update(&q, &a.e, 0, 4000), 6000);
    CU_ASSERT_EQUAL(expiry_queue_update(&q, &a.e, 1000, 4000), 6000);
    CU_ASSERT_EQUAL(expiry_queue_update(&q, &a.e, 3000, 4000), 8000);
    CU_ASSERT_EQUAL(q.n, 1);
    CU_ASSERT_EQUAL(expiry_queue_buckets(&q), 1);
    CU_ASSERT_EQUAL(poll_all(&q, 6000), 0);
    CU_ASSERT_EQUAL(poll_all(&q, 7999), 0);
    CU_ASSERT_PTR_EQUAL(expiry_queue_poll(&q, 8000), &a.e);
    CU_ASSERT_PTR_NULL(a.e.bucket);
    CU_ASSERT_EQUAL(q.n, 0);
    expiry_queue_fini(&q);
}

static void
test_touch_with_less_time_moves_it_forward(void)
{
    struct expiry_queue q;
    struct item a = { .id = 1 };

    expiry_queue_init(&q, TICK, 0);
    expiry_queue_update(&q, &a.e, 0, 40000);
    CU_ASSERT_EQUAL(expiry_queue_update(&q, &a.e, 0, 4000), 6000);
    CU_ASSERT_EQUAL(poll_all(&q, 6000), 1);
    expiry_queue_fini(&q);
}

static void
test_wait_is_the_time_to_the_next_tick(void)
{
    struct expiry_queue q;
    struct item a = { .id = 1 };

    expiry_queue_init(&q, TICK, 500);
    CU_ASSERT_EQUAL(expiry_queue_wait_ms(&q, 500), 1500);
    CU_ASSERT_EQUAL(expiry_queue_wait_ms(&q, 1999), 1);
    CU_ASSERT_EQUAL(expiry_queue_wait_ms(&q, 2000), 0);
    CU_ASSERT_EQUAL(expiry_queue_wait_ms(&q, 9000), 0);
    expiry_queue_update(&q, &a.e, 500, 0);
    CU_ASSERT_EQUAL(poll_all(&q, 2500), 1);
    CU_ASSERT_EQUAL(expiry_queue_wait_ms(&q, 2500), 1500);
    expiry_queue_fini(&q);
}

static void
test_late_poll_takes_all_due_buckets_in_order(void)
{
    struct expiry_queue q;
    struct item items[5];
    int last = -1;
    struct expiry_elem *e;

    memset(items, 0, sizeof items);
    expiry_queue_init(&q, TICK, 0);
    for (int i = 4; i >= 0; i--) {
        items[i].id = i;
        expiry_queue_update(&q, &items[i].e, 0, i * TICK);
    }
    while ((e = expiry_queue_poll(&q, 8500)) != NULL) {
        struct item *item = ZK_CONTAINER_OF(e, struct item, e);

        CU_ASSERT_EQUAL(item->id, last + 1);
        last = item->id;
    }
    CU_ASSERT_EQUAL(last, 3);
    CU_ASSERT_EQUAL(q.n, 1);
    CU_ASSERT_EQUAL(poll_all(&q, 10000), 1);
    expiry_queue_fini(&q);
}

static void
test_long_pause_with_an_empty_queue_is_cheap(void)
{
    struct expiry_queue q;
    struct item a = { .id = 1 };
    int64_t late = INT64_C(1) << 60;

    expiry_queue_init(&q, 1, 0);
    CU_ASSERT_EQUAL(poll_all(&q, late), 0);
    CU_ASSERT_EQUAL(expiry_queue_wait_ms(&q, late), 1);
    CU_ASSERT_EQUAL(expiry_queue_update(&q, &a.e, late, 5), late + 6);
    CU_ASSERT_EQUAL(poll_all(&q, late + 5), 0);
    CU_ASSERT_EQUAL(poll_all(&q, late + 6), 1);
    expiry_queue_fini(&q);
}

static void
test_clock_that_steps_back_loses_nothing(void)
{
    struct expiry_queue q;
    struct item a = { .id = 1 };

    expiry_queue_init(&q, TICK, 100000);
    CU_ASSERT_EQUAL(expiry_queue_update(&q, &a.e, 50000, 4000), 102000);
    CU_ASSERT_EQUAL(poll_all(&q, 102000), 1);
    expiry_queue_fini(&q);
}

static void
test_removed_element_does_not_expire(void)
{
    struct expiry_queue q;
    struct item items[3];

    memset(items, 0, sizeof items);
    expiry_queue_init(&q, TICK, 0);
    for (size_t i = 0; i < 3; i++) {
        expiry_queue_update(&q, &items[i].e, 0, 4000);
    }
    expiry_queue_remove(&q, &items[1].e);
    expiry_queue_remove(&q, &items[1].e);
    CU_ASSERT_EQUAL(q.n, 2);
    expiry_queue_remove(&q, &items[2].e);
    CU_ASSERT_PTR_EQUAL(expiry_queue_poll(&q, 6000), &items[0].e);
    CU_ASSERT_PTR_NULL(expiry_queue_poll(&q, 60000));
    expiry_queue_fini(&q);
}

static void
test_fini_takes_out_what_is_left(void)
{
    struct expiry_queue q;
    struct item items[3];

    memset(items, 0, sizeof items);
    expiry_queue_init(&q, TICK, 0);
    for (int i = 0; i < 3; i++) {
        expiry_queue_update(&q, &items[i].e, 0, i * TICK);
    }
    expiry_queue_fini(&q);
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_PTR_NULL(items[i].e.bucket);
    }
}

struct each_seen {
    int64_t last_bucket;
    size_t n;
    size_t sizes;
};

static void
each_one(void *arg, int64_t bucket_ms, size_t bucket_size,
         const struct expiry_elem *e)
{
    struct each_seen *seen = arg;

    CU_ASSERT(bucket_ms >= seen->last_bucket);
    CU_ASSERT_PTR_NOT_NULL(e->bucket);
    seen->last_bucket = bucket_ms;
    seen->n++;
    seen->sizes += bucket_size;
}

static void
test_each_goes_by_bucket_time(void)
{
    struct each_seen seen = { 0, 0, 0 };
    struct expiry_queue q;
    struct item items[20];

    memset(items, 0, sizeof items);
    expiry_queue_init(&q, TICK, 0);
    for (int i = 0; i < 20; i++) {
        expiry_queue_update(&q, &items[i].e, 0, i * 7 % 10 * TICK);
    }
    CU_ASSERT_EQUAL(expiry_queue_buckets(&q), 10);
    expiry_queue_each(&q, each_one, &seen);
    CU_ASSERT_EQUAL(seen.n, 20);
    CU_ASSERT_EQUAL(seen.sizes, 40);
    CU_ASSERT_EQUAL(seen.last_bucket, 20000);
    expiry_queue_fini(&q);
}

/* Random touches against a table of when each must go. */
static void
test_queue_agrees_with_a_plain_model(void)
{
    enum { N = 50 };
    struct expiry_queue q;
    struct item items[N];
    int64_t due[N] = { 0 };     /* 0: not in the queue. */
    uint32_t seed = 99;
    int64_t now = 12345;

    memset(items, 0, sizeof items);
    expiry_queue_init(&q, 10, now);
    for (int step = 0; step < 20000; step++) {
        struct expiry_elem *e;
        unsigned i;
        int64_t timeout;

        seed = seed * 1664525 + 1013904223;
        i = (seed >> 8) % N;
        timeout = (seed >> 16) % 300;
        if (seed >> 30 == 0) {
            expiry_queue_remove(&q, &items[i].e);
            due[i] = 0;
        } else {
            due[i] = expiry_queue_update(&q, &items[i].e, now, timeout);
            CU_ASSERT(due[i] > now + timeout);
            CU_ASSERT(due[i] <= now + timeout + 10);
        }
        now += (seed >> 20) % 7;
        while ((e = expiry_queue_poll(&q, now)) != NULL) {
            struct item *gone = ZK_CONTAINER_OF(e, struct item, e);
            int64_t *when = &due[gone - items];

            CU_ASSERT(*when != 0 && *when <= now);
            *when = 0;
        }
        for (i = 0; i < N; i++) {
            CU_ASSERT(due[i] == 0 || due[i] > now);
        }
    }
    expiry_queue_fini(&q);
}

/* --- dates --- */

static void
expect_date(const char *zone, int64_t wall_ms, const char *want)
{
    struct zk_buf out = { 0 };

    setenv("TZ", zone, 1);
    java_date_append(&out, wall_ms);
    zk_buf_append(&out, "", 1);
    CU_ASSERT_STRING_EQUAL((const char *) out.data, want);
    zk_buf_fini(&out);
}

/* As java.util.Date printed them; zones in POSIX form, so that no zone files
 * are needed. */
static void
test_dates_read_as_javas(void)
{
    const char *berlin = "CET-1CEST,M3.5.0,M10.5.0/3";

    expect_date("UTC0", 1795356669000, "Sun Nov 22 14:11:09 UTC 2026");
    expect_date("UTC0", 1783209669000, "Sun Jul 05 00:01:09 UTC 2026");
    expect_date("UTC0", 1767225599999, "Wed Dec 31 23:59:59 UTC 2025");
    expect_date(berlin, 1795356669000, "Sun Nov 22 15:11:09 CET 2026");
    expect_date(berlin, 1783209669000, "Sun Jul 05 02:01:09 CEST 2026");
    expect_date("UTC0", 0, "Thu Jan 01 00:00:00 UTC 1970");
}

/* --- the tracker --- */

static void
test_new_ids_count_up_from_the_first(void)
{
    int64_t before = session_id_first(1, zk_time_wall_ms());
    struct session_tracker *st = begin(TICK);
    int64_t a = session_tracker_create_session(st, 10000);
    int64_t b = session_tracker_create_session(st, 10000);

    CU_ASSERT(a >= before);
    CU_ASSERT(a <= session_id_first(1, zk_time_wall_ms()));
    CU_ASSERT_EQUAL((uint64_t) a >> 56, 1);
    CU_ASSERT_EQUAL(a & 0xffff, 0);
    CU_ASSERT_EQUAL(b, a + 1);
    CU_ASSERT_TRUE(session_tracker_is_tracked(st, a));
    CU_ASSERT_EQUAL(session_tracker_count(st), 2);
    end();
}

static void
test_new_id_passes_over_one_in_use(void)
{
    struct session_tracker *st = begin(TICK);
    int64_t a = session_tracker_create_session(st, 10000);

    CU_ASSERT_TRUE(session_tracker_add(st, a + 1, 10000));
    CU_ASSERT_TRUE(session_tracker_add(st, a + 2, 10000));
    CU_ASSERT_EQUAL(session_tracker_create_session(st, 10000), a + 3);
    end();
}

static void
test_add_says_whether_it_was_new(void)
{
    struct session_tracker *st = begin(TICK);

    CU_ASSERT_FALSE(session_tracker_is_tracked(st, 5));
    CU_ASSERT_TRUE(session_tracker_add(st, 5, 10000));
    CU_ASSERT_FALSE(session_tracker_add(st, 5, 10000));
    CU_ASSERT_TRUE(session_tracker_is_tracked(st, 5));
    CU_ASSERT_EQUAL(session_tracker_count(st), 1);
    session_tracker_remove(st, 5);
    session_tracker_remove(st, 5);
    CU_ASSERT_FALSE(session_tracker_is_tracked(st, 5));
    CU_ASSERT_EQUAL(session_tracker_count(st), 0);
    end();
}

static void
test_touch_tells_its_bucket(void)
{
    struct session_tracker *st = begin(TICK);
    int64_t bucket = -1;
    int64_t before;

    session_tracker_add(st, 5, 10000);
    before = session_tracker_bucket(st, zk_time_mono_ms(), 20000);
    CU_ASSERT_TRUE(session_tracker_touch(st, 5, 20000, &bucket));
    CU_ASSERT(bucket >= before);
    CU_ASSERT(bucket <= session_tracker_bucket(st, zk_time_mono_ms(),
                                               20000));
    CU_ASSERT_EQUAL(bucket % TICK, 0);
    CU_ASSERT_TRUE(session_tracker_touch(st, 5, 20000, NULL));
    CU_ASSERT_FALSE(session_tracker_touch(st, 6, 20000, &bucket));
    CU_ASSERT_EQUAL(session_tracker_bucket(st, 1999, 10000), 12000);
    end();
}

static void
test_closing_session_is_untouchable(void)
{
    struct session_tracker *st = begin(TICK);

    session_tracker_add(st, 5, 10000);
    CU_ASSERT_EQUAL(session_tracker_check(st, 5, NULL), KE_OK);
    session_tracker_set_closing(st, 5);
    session_tracker_set_closing(st, 6);
    CU_ASSERT_TRUE(session_tracker_is_tracked(st, 5));
    CU_ASSERT_FALSE(session_tracker_touch(st, 5, 10000, NULL));
    CU_ASSERT_FALSE(session_tracker_add(st, 5, 10000));
    CU_ASSERT_EQUAL(session_tracker_check(st, 5, NULL), KE_SESSION_EXPIRED);
    session_tracker_remove(st, 5);
    CU_ASSERT_TRUE(session_tracker_add(st, 5, 10000));
    CU_ASSERT_EQUAL(session_tracker_check(st, 5, NULL), KE_OK);
    end();
}

static void
test_owner_is_the_first_who_asks(void)
{
    struct session_tracker *st = begin(TICK);
    int here;
    int there;

    CU_ASSERT_EQUAL(session_tracker_check(st, 5, &here), KE_SESSION_EXPIRED);
    session_tracker_add(st, 5, 10000);
    CU_ASSERT_EQUAL(session_tracker_check(st, 5, &here), KE_OK);
    CU_ASSERT_EQUAL(session_tracker_check(st, 5, &here), KE_OK);
    CU_ASSERT_EQUAL(session_tracker_check(st, 5, &there), KE_SESSION_MOVED);
    session_tracker_set_owner(st, 5, &there);
    CU_ASSERT_EQUAL(session_tracker_check(st, 5, &there), KE_OK);
    CU_ASSERT_EQUAL(session_tracker_check(st, 5, &here), KE_SESSION_MOVED);
    session_tracker_set_closing(st, 5);
    session_tracker_set_owner(st, 5, &here);
    CU_ASSERT_EQUAL(session_tracker_check(st, 5, &here), KE_SESSION_EXPIRED);
    end();
}

static void
test_thread_expires_what_nobody_touches(void)
{
    struct session_tracker *st = begin(20);
    int64_t start = zk_time_mono_ms();

    session_tracker_add(st, 5, 60);
    session_tracker_add(st, 6, 3600000);
    session_tracker_start(st);
    CU_ASSERT_TRUE(wait_expired(1));
    CU_ASSERT(zk_time_mono_ms() - start > 60);
    CU_ASSERT_EQUAL(got.ids[0], 5);
    CU_ASSERT_TRUE(session_tracker_is_tracked(st, 5));
    CU_ASSERT_FALSE(session_tracker_touch(st, 5, 60, NULL));
    /* Nobody hears that it has ended before its closeSession is prepared. */
    CU_ASSERT_EQUAL(session_tracker_check(st, 5, NULL), KE_OK);
    CU_ASSERT_EQUAL(session_tracker_check_global(st, 5, NULL), KE_OK);
    session_tracker_set_closing(st, 5);
    CU_ASSERT_EQUAL(session_tracker_check(st, 5, NULL), KE_SESSION_EXPIRED);
    CU_ASSERT_EQUAL(session_tracker_check_global(st, 5, NULL),
                    KE_SESSION_EXPIRED);
    CU_ASSERT_EQUAL(session_tracker_check(st, 6, NULL), KE_OK);
    end();
}

static void
test_touched_session_lives_on(void)
{
    struct session_tracker *st = begin(10);
    int64_t until;

    session_tracker_add(st, 5, 500);
    session_tracker_add(st, 6, 50);
    session_tracker_start(st);
    /* Past its first timeout, and until the other one has expired. */
    until = zk_time_mono_ms() + 700;
    while (zk_time_mono_ms() < until) {
        int64_t pause = zk_time_mono_ms() + 5;

        if (!session_tracker_touch(st, 5, 5000, NULL)) {
            CU_FAIL("expired although touched");
            break;
        }
        zk_lock(&got.lock);
        while (zk_cond_wait_until(&got.wakeup, &got.lock, pause)) {
        }
        zk_unlock(&got.lock);
    }
    CU_ASSERT_TRUE(wait_expired(1));
    CU_ASSERT_EQUAL(got.ids[0], 6);
    CU_ASSERT_TRUE(session_tracker_touch(st, 5, 5000, NULL));
    end();
}

static void
test_closing_session_expires_again_if_not_removed(void)
{
    struct session_tracker *st = begin(10);

    session_tracker_add(st, 5, 30);
    session_tracker_set_closing(st, 5);
    session_tracker_start(st);
    CU_ASSERT_TRUE(wait_expired(1));
    CU_ASSERT_EQUAL(got.ids[0], 5);
    end();
}

static void
test_stop_without_start_and_at_once(void)
{
    struct session_tracker *st = begin(3600000);

    session_tracker_add(st, 5, 30);
    end();
    st = begin(3600000);
    session_tracker_start(st);
    session_tracker_add(st, 5, 30);
    end();                      /* Must not wait for the hour's tick. */
    session_tracker_destroy(NULL);
}

static int64_t
clocks_apart_ms(void)
{
    return zk_time_wall_ms() - zk_time_mono_ms();
}

static void
test_dump_reads_as_javas(void)
{
    struct session_tracker *st = begin(3600000);
    struct zk_buf out = { 0 };
    struct zk_buf want = { 0 };
    int64_t bucket;
    int64_t wall;

    setenv("TZ", "UTC0", 1);
    session_tracker_dump(st, &out);
    zk_buf_append(&out, "", 1);
    CU_ASSERT_STRING_EQUAL((const char *) out.data,
                           "Session Sets (0)/(0):\n");
    zk_buf_clear(&out);

    session_tracker_add(st, 0x100001d92ec0027, 30);
    session_tracker_add(st, (int64_t) 0xf00001d92ec00011U, 7200000);
    do {                        /* Until no clock ticked in between. */
        zk_buf_clear(&out);
        wall = clocks_apart_ms();
        session_tracker_dump(st, &out);
    } while (wall != clocks_apart_ms());
    bucket = session_tracker_bucket(st, zk_time_mono_ms(), 30);
    zk_buf_printf(&want, "Session Sets (2)/(2):\n1 expire at ");
    java_date_append(&want, bucket + wall);
    zk_buf_printf(&want, ":\n\t0x100001d92ec0027\n1 expire at ");
    java_date_append(&want, bucket + 7200000 + wall);
    zk_buf_printf(&want, ":\n\t0xf00001d92ec00011\n");
    zk_buf_append(&out, "", 1);
    zk_buf_append(&want, "", 1);
    CU_ASSERT_STRING_EQUAL((const char *) out.data,
                           (const char *) want.data);
    zk_buf_fini(&out);
    zk_buf_fini(&want);
    end();
}

/* --- threads --- */

static atomic_bool race_over;

static void
race_run(void *arg)
{
    int64_t base = (int64_t) (intptr_t) arg * 1000;
    struct session_tracker *st = got.st;

    for (int64_t i = 0; i < 300; i++) {
        int64_t id = session_tracker_create_session(st, (int32_t) (i % 20));

        (void) session_tracker_add(st, base + i, (int32_t) (i % 30));
        (void) session_tracker_touch(st, id, 10, NULL);
        (void) session_tracker_touch(st, base + i / 2, 25, NULL);
        (void) session_tracker_check(st, base + i / 3, &got);
        session_tracker_set_owner(st, base + i / 4, st);
        if (i % 5 == 0) {
            session_tracker_set_closing(st, base + i / 2);
        }
        if (i % 7 == 0) {
            session_tracker_remove(st, id);
        }
    }
}

static void
race_dump(void *arg)
{
    (void) arg;
    while (!atomic_load(&race_over)) {
        struct zk_buf out = { 0 };

        session_tracker_dump(got.st, &out);
        (void) session_tracker_count(got.st);
        zk_buf_fini(&out);
    }
}

static void
test_threads_touch_and_expire(void)
{
    struct session_tracker *st = begin(5);
    struct zk_thread racers[3];
    struct zk_thread dump;
    int64_t deadline = zk_time_mono_ms() + CATCH_DEADLINE_MS;

    memset(racers, 0, sizeof racers);
    got.remove = true;
    atomic_store(&race_over, false);
    session_tracker_start(st);
    zk_thread_start(&dump, race_dump, NULL, "dump");
    for (size_t i = 0; i < ZK_ARRAY_SIZE(racers); i++) {
        zk_thread_start(&racers[i], race_run, (void *) (intptr_t) (i + 1),
                        "racer:%zu", i);
    }
    for (size_t i = 0; i < ZK_ARRAY_SIZE(racers); i++) {
        zk_thread_join(&racers[i]);
    }
    atomic_store(&race_over, true);
    zk_thread_join(&dump);
    /* All die in the end: each expired one is removed, none is touched. */
    while (session_tracker_count(st) > 0 && zk_time_mono_ms() < deadline) {
        zk_lock(&got.lock);
        (void) zk_cond_wait_until(&got.wakeup, &got.lock,
                                  zk_time_mono_ms() + 20);
        zk_unlock(&got.lock);
    }
    CU_ASSERT_EQUAL(session_tracker_count(st), 0);
    end();
}

static const struct zk_test tests[] = {
    { "password golden values", test_password_golden },
    { "a password is all of its 16 bytes", test_password_is_all_16_bytes },
    { "the password of id 0 is never right",
      test_password_of_id_0_is_never_right },
    { "first id golden values", test_first_id_golden },
    { "a bucket is the tick after the timeout",
      test_bucket_is_the_tick_after_the_timeout },
    { "an element expires after its timeout, within one tick",
      test_expires_after_timeout_within_one_tick },
    { "a touch moves the expiry", test_touch_moves_the_expiry },
    { "a touch with less time moves it forward",
      test_touch_with_less_time_moves_it_forward },
    { "the wait is the time to the next tick",
      test_wait_is_the_time_to_the_next_tick },
    { "a late poll takes all due buckets in order",
      test_late_poll_takes_all_due_buckets_in_order },
    { "a long pause with an empty queue is cheap",
      test_long_pause_with_an_empty_queue_is_cheap },
    { "a clock that steps back loses nothing",
      test_clock_that_steps_back_loses_nothing },
    { "a removed element does not expire",
      test_removed_element_does_not_expire },
    { "fini takes out what is left", test_fini_takes_out_what_is_left },
    { "each goes by bucket time", test_each_goes_by_bucket_time },
    { "the queue agrees with a plain model",
      test_queue_agrees_with_a_plain_model },
    { "dates read as Java's", test_dates_read_as_javas },
    { "new ids count up from the first",
      test_new_ids_count_up_from_the_first },
    { "a new id passes over one in use", test_new_id_passes_over_one_in_use },
    { "add says whether it was new", test_add_says_whether_it_was_new },
    { "a touch tells its bucket", test_touch_tells_its_bucket },
    { "a closing session is untouchable",
      test_closing_session_is_untouchable },
    { "the owner is the first who asks", test_owner_is_the_first_who_asks },
    { "the thread expires what nobody touches",
      test_thread_expires_what_nobody_touches },
    { "a touched session lives on", test_touched_session_lives_on },
    { "a closing session expires again if it is not removed",
      test_closing_session_expires_again_if_not_removed },
    { "stop works without start and at once",
      test_stop_without_start_and_at_once },
    { "the dump reads as Java's", test_dump_reads_as_javas },
    { "threads touch and expire at once", test_threads_touch_and_expire },
};

ZK_TEST_MAIN("session", tests)
