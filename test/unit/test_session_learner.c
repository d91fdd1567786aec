/* SPDX-License-Identifier: Apache-2.0 */
/* The session tracker as a learner's, and sessions of one server alone. */
#include <config.h>

#include "session/session_tracker.h"

#include <stdatomic.h>

#include "proto/keeper_error.h"
#include "test/lib/zk_test.h"
#include "test/unit/session_catcher.h"
#include "util/zk_bytes.h"

#define TICK 2000

static struct session_tracker *
begin_learner(int64_t tick_ms)
{
    struct session_tracker *st = begin(tick_ms);

    session_tracker_set_learner(st);
    return st;
}

/* What was touched since the last call: "id:timeout " each. */
static const char *
touched(struct session_tracker *st)
{
    static char text[256];
    struct zk_buf out = { 0 };
    size_t len = 0;

    session_tracker_take_touched(st, &out);
    text[0] = '\0';
    CU_ASSERT_EQUAL(out.len % 12, 0);
    for (size_t at = 0; at < out.len; at += 12) {
        len += (size_t) snprintf(text + len, sizeof text - len, "%ld:%d ",
                                 (long) zk_get_be64(out.data + at),
                                 (int) zk_get_be32(out.data + at + 8));
    }
    zk_buf_fini(&out);
    return text;
}

static void
test_learner_notes_what_was_touched(void)
{
    struct session_tracker *st = begin_learner(TICK);

    session_tracker_add(st, 5, 10000);
    session_tracker_add(st, 6, 20000);
    session_tracker_add(st, 7, 30000);
    CU_ASSERT_STRING_EQUAL(touched(st), "");
    CU_ASSERT_TRUE(session_tracker_touch(st, 6, 21000, NULL));
    CU_ASSERT_TRUE(session_tracker_touch(st, 5, 10000, NULL));
    CU_ASSERT_TRUE(session_tracker_touch(st, 6, 22000, NULL));
    CU_ASSERT_STRING_EQUAL(touched(st), "6:22000 5:10000 ");
    CU_ASSERT_STRING_EQUAL(touched(st), "");
    CU_ASSERT_TRUE(session_tracker_touch(st, 5, 10000, NULL));
    session_tracker_touch(st, 7, 30000, NULL);
    session_tracker_remove(st, 5);
    CU_ASSERT_STRING_EQUAL(touched(st), "7:30000 ");
    CU_ASSERT_FALSE(session_tracker_touch(st, 5, 10000, NULL));
    CU_ASSERT_STRING_EQUAL(touched(st), "");
    end();
}

/* A connection leaves a touch out while the bucket is the one of its last:
 * the next PING must make it another one. */
static void
test_learner_is_touched_again_after_each_ping(void)
{
    struct session_tracker *st = begin_learner(TICK);
    int64_t now = zk_time_mono_ms();
    int64_t first, second;

    session_tracker_add(st, 5, 10000);
    CU_ASSERT_TRUE(session_tracker_touch(st, 5, 10000, &first));
    CU_ASSERT(first <= session_tracker_bucket(st, zk_time_mono_ms(), 10000));
    CU_ASSERT(first >= session_tracker_bucket(st, now, 10000));
    for (int i = 0; i < 3 * TICK; i++) {
        int64_t before = session_tracker_bucket(st, now, 10000);

        CU_ASSERT_STRING_EQUAL(touched(st), i == 0 ? "5:10000 " : "");
        CU_ASSERT(session_tracker_bucket(st, now, 10000) > before);
    }
    /* Neither may a bucket that comes later look like one of before. */
    CU_ASSERT_TRUE(session_tracker_touch(st, 5, 10000, &second));
    CU_ASSERT(second > first);
    end();
}

static void
test_learner_expires_no_global_session(void)
{
    struct session_tracker *st = begin_learner(5);
    int64_t local;

    session_tracker_allow_local(st);
    session_tracker_add(st, 5, 1);
    local = session_tracker_create_local(st, 40);
    session_tracker_start(st);
    CU_ASSERT_TRUE(wait_expired(1));
    CU_ASSERT_EQUAL(got.ids[0], local);
    CU_ASSERT_FALSE(session_tracker_touch(st, local, 40, NULL));
    CU_ASSERT_TRUE(session_tracker_touch(st, 5, 1, NULL));
    end();
    CU_ASSERT_EQUAL(got.n, 1);
}

static void
test_learner_makes_ids_and_waits_for_their_txns(void)
{
    struct session_tracker *st = begin_learner(TICK);
    int64_t id = session_tracker_create_session(st, 10000);

    CU_ASSERT_FALSE(session_tracker_is_tracked(st, id));
    CU_ASSERT_FALSE(session_tracker_touch(st, id, 10000, NULL));
    CU_ASSERT_EQUAL(session_tracker_create_session(st, 10000), id + 1);
    CU_ASSERT_TRUE(session_tracker_add(st, id, 10000));
    CU_ASSERT_TRUE(session_tracker_touch(st, id, 10000, NULL));
    end();
}

static void
check_local_life(struct session_tracker *st)
{
    int64_t id = session_tracker_create_local(st, 10000);
    int32_t timeout = 0;
    int me;

    CU_ASSERT_EQUAL((uint64_t) id >> 56, 1);
    CU_ASSERT_TRUE(session_tracker_is_local(st, id));
    CU_ASSERT_EQUAL(session_tracker_count(st), 0);
    CU_ASSERT_EQUAL(session_tracker_local_count(st), 1);
    CU_ASSERT_EQUAL(session_tracker_check(st, id, &me), KE_OK);
    CU_ASSERT_EQUAL(session_tracker_check_global(st, id, &me),
                    KE_SESSION_EXPIRED);
    CU_ASSERT_TRUE(session_tracker_touch(st, id, 12000, NULL));
    CU_ASSERT_TRUE(session_tracker_upgrade(st, id, &timeout));
    CU_ASSERT_EQUAL(timeout, 12000);
    CU_ASSERT_FALSE(session_tracker_is_local(st, id));
    CU_ASSERT_FALSE(session_tracker_upgrade(st, id, &timeout));
    CU_ASSERT_TRUE(session_tracker_touch(st, id, 12000, NULL));
    CU_ASSERT_EQUAL(session_tracker_check_global(st, id, &me), KE_OK);
    CU_ASSERT_EQUAL(session_tracker_check_global(st, id, st),
                    KE_SESSION_MOVED);
    CU_ASSERT_EQUAL(session_tracker_count(st), 1);
    CU_ASSERT_EQUAL(session_tracker_local_count(st), 0);
    session_tracker_remove(st, id);
    CU_ASSERT_EQUAL(session_tracker_count(st), 0);

    id = session_tracker_create_local(st, 10000);
    session_tracker_set_closing(st, id);
    CU_ASSERT_TRUE(session_tracker_is_local(st, id));
    CU_ASSERT_FALSE(session_tracker_upgrade(st, id, &timeout));
    session_tracker_remove(st, id);
    CU_ASSERT_EQUAL(session_tracker_local_count(st), 0);

    /* Its createSession came by another server. */
    id = session_tracker_create_local(st, 10000);
    CU_ASSERT_FALSE(session_tracker_add(st, id, 9000));
    CU_ASSERT_FALSE(session_tracker_is_local(st, id));
    CU_ASSERT_EQUAL(session_tracker_count(st), 1);
}

static void
test_local_session_may_become_global(void)
{
    struct session_tracker *st = begin(TICK);

    CU_ASSERT_FALSE(session_tracker_is_local(st, 5));
    session_tracker_allow_local(st);
    check_local_life(st);
    end();
    st = begin_learner(TICK);
    session_tracker_allow_local(st);
    check_local_life(st);
    end();
}

/* Ids beside those that it made; and one of the ensemble with such an id, as
 * it may be after a clock was put back. */
static void
test_knows_what_it_made(void)
{
    struct session_tracker *st = begin_learner(TICK);
    int64_t id;

    session_tracker_allow_local(st);
    id = session_tracker_create_local(st, 10000);
    CU_ASSERT_TRUE(session_tracker_made_local(st, id));
    CU_ASSERT_FALSE(session_tracker_made_local(st, id - 1));
    CU_ASSERT_FALSE(session_tracker_made_local(st, id + 1));
    CU_ASSERT_FALSE(session_tracker_made_local(st, INT64_MIN));
    CU_ASSERT_FALSE(session_tracker_made_local(st, INT64_MAX));
    session_tracker_remove(st, id);
    CU_ASSERT_TRUE(session_tracker_made_local(st, id));
    session_tracker_add(st, id + 1, 10000);
    CU_ASSERT_EQUAL(session_tracker_create_local(st, 10000), id + 2);
    CU_ASSERT_FALSE(session_tracker_made_local(st, id + 1));
    CU_ASSERT_TRUE(session_tracker_made_local(st, id + 2));
    end();
}

static void
test_upgraded_session_expires_where_it_belongs(void)
{
    struct session_tracker *st = begin_learner(5);
    int32_t timeout;
    int64_t a, b;

    session_tracker_allow_local(st);
    a = session_tracker_create_local(st, 20);
    b = session_tracker_create_local(st, 60);
    CU_ASSERT_TRUE(session_tracker_upgrade(st, a, &timeout));
    session_tracker_start(st);
    CU_ASSERT_TRUE(wait_expired(1));
    CU_ASSERT_EQUAL(got.ids[0], b);
    end();
    st = begin(5);
    session_tracker_allow_local(st);
    a = session_tracker_create_local(st, 20);
    CU_ASSERT_TRUE(session_tracker_upgrade(st, a, &timeout));
    session_tracker_start(st);
    CU_ASSERT_TRUE(wait_expired(1));
    CU_ASSERT_EQUAL(got.ids[0], a);
    end();
}

/* The leader cannot know the local sessions of other servers; it lets them
 * write, but not own. */
static void
test_local_sessions_of_others_pass(void)
{
    const int64_t foreign = INT64_C(0x0200001d92ec0001);
    const int64_t dead = INT64_C(0x0100001d92ec0001);
    struct session_tracker *st = begin(TICK);
    int link;

    CU_ASSERT_EQUAL(session_tracker_check(st, foreign, &link),
                    KE_SESSION_EXPIRED);
    session_tracker_allow_local(st);
    CU_ASSERT_EQUAL(session_tracker_check(st, foreign, &link), KE_OK);
    CU_ASSERT_EQUAL(session_tracker_check(st, dead, &link),
                    KE_SESSION_EXPIRED);
    CU_ASSERT_EQUAL(session_tracker_check_global(st, foreign, &link),
                    KE_SESSION_EXPIRED);
    session_tracker_add(st, foreign, 10000);
    CU_ASSERT_EQUAL(session_tracker_check_global(st, foreign, &link), KE_OK);
    session_tracker_set_closing(st, foreign);
    CU_ASSERT_EQUAL(session_tracker_check(st, foreign, &link),
                    KE_SESSION_EXPIRED);
    end();
}

static void
expect_dump(struct session_tracker *st, const char *want)
{
    struct zk_buf out = { 0 };

    session_tracker_dump(st, &out);
    zk_buf_append(&out, "", 1);
    CU_ASSERT_STRING_EQUAL((const char *) out.data, want);
    zk_buf_fini(&out);
}

static void
test_dump_of_a_learner(void)
{
    struct session_tracker *st = begin_learner(TICK);

    expect_dump(st, "Global Sessions(0):\n");
    session_tracker_add(st, 0x200001d92ec0027, 30000);
    session_tracker_add(st, 0x100001d92ec0027, 4000);
    expect_dump(st, "Global Sessions(2):\n0x100001d92ec0027\t4000ms\n"
                    "0x200001d92ec0027\t30000ms\n");
    end();
    st = begin_learner(TICK);
    session_tracker_allow_local(st);
    expect_dump(st, "Local Session Sets (0)/(0):\nGlobal Sessions(0):\n");
    end();
    st = begin(TICK);
    session_tracker_allow_local(st);
    expect_dump(st, "Local Session Sets (0)/(0):\n"
                    "Global Session Sets (0)/(0):\n");
    end();
}

/* --- threads --- */

static atomic_bool race_over;

/* What a learner hands its leader is each session once, touched or not. */
static void
race_take(void *arg)
{
    size_t *taken = arg;

    while (!atomic_load(&race_over)) {
        struct zk_buf out = { 0 };

        session_tracker_take_touched(got.st, &out);
        *taken += out.len / 12;
        zk_buf_fini(&out);
    }
}

static void
race_touch(void *arg)
{
    int64_t base = (int64_t) (intptr_t) arg * 1000;
    struct session_tracker *st = got.st;
    int64_t bucket = 0;

    for (int64_t i = 0; i < 2000; i++) {
        int64_t id = session_tracker_create_local(st, 10000);
        int32_t timeout;

        if (i % 2 == 0) {
            CU_ASSERT_TRUE(session_tracker_upgrade(st, id, &timeout));
        }
        if (session_tracker_bucket(st, zk_time_mono_ms(), 10000) != bucket) {
            CU_ASSERT_TRUE(session_tracker_touch(st, base, 10000, &bucket));
        }
        session_tracker_touch(st, id, 10000, NULL);
        session_tracker_remove(st, id);
    }
}

static void
test_threads_touch_and_take(void)
{
    struct session_tracker *st = begin_learner(50);
    struct zk_thread racers[2];
    struct zk_thread taker;
    size_t taken = 0;

    memset(racers, 0, sizeof racers);
    atomic_store(&race_over, false);
    session_tracker_allow_local(st);
    session_tracker_add(st, 1000, 10000);
    session_tracker_add(st, 2000, 10000);
    zk_thread_start(&taker, race_take, &taken, "taker");
    for (size_t i = 0; i < ZK_ARRAY_SIZE(racers); i++) {
        zk_thread_start(&racers[i], race_touch, (void *) (intptr_t) (i + 1),
                        "racer:%zu", i);
    }
    for (size_t i = 0; i < ZK_ARRAY_SIZE(racers); i++) {
        zk_thread_join(&racers[i]);
    }
    atomic_store(&race_over, true);
    zk_thread_join(&taker);
    CU_ASSERT(taken + strlen(touched(st)) > 0);
    CU_ASSERT_EQUAL(session_tracker_count(st), 2);
    CU_ASSERT_EQUAL(session_tracker_local_count(st), 0);
    end();
}

static const struct zk_test tests[] = {
    { "a learner notes what was touched",
      test_learner_notes_what_was_touched },
    { "a learner is touched again after each ping",
      test_learner_is_touched_again_after_each_ping },
    { "a learner expires no global session",
      test_learner_expires_no_global_session },
    { "a learner makes ids and waits for their txns",
      test_learner_makes_ids_and_waits_for_their_txns },
    { "a local session may become a global one",
      test_local_session_may_become_global },
    { "knows what it made", test_knows_what_it_made },
    { "an upgraded session expires where it belongs",
      test_upgraded_session_expires_where_it_belongs },
    { "local sessions of other servers pass",
      test_local_sessions_of_others_pass },
    { "the dump of a learner", test_dump_of_a_learner },
    { "threads touch and take at once", test_threads_touch_and_take },
};

ZK_TEST_MAIN("session of a learner", tests)
