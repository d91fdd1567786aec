/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "cnxn/ask_queue.h"

#include "test/lib/zk_test.h"
#include "util/zk_obj.h"

#define LIMIT 2
#define NOW_MS 1000
#define LATE_MS 2000
#define A "a.example:80"
#define B "b.example:80"
#define C "c.example:80"
#define MANY 40

static struct ask_queue queue;
static struct ask asks[MANY];

static void
begin(void)
{
    memset(asks, 0, sizeof asks);
    ask_queue_init(&queue, LIMIT);
}

static void
add(unsigned n, const char *place, int64_t deadline_ms)
{
    asks[n].deadline_ms = deadline_ms;
    ask_queue_add(&queue, &asks[n], place);
}

/* The number of the one that goes; -1: none. */
static int
take_at(int64_t now_ms)
{
    struct ask *a = ask_queue_take(&queue, now_ms);

    return a == NULL ? -1 : (int) (a - asks);
}

static int
take(void)
{
    return take_at(NOW_MS);
}

static void
done(unsigned n)
{
    ask_queue_done(&queue, &asks[n]);
}

/* A place that hangs takes its part; who waits for another goes ahead. */
static void
test_limit(void)
{
    begin();
    CU_ASSERT_EQUAL(take(), -1);
    for (unsigned i = 0; i < 5; i++) {
        add(i, A, LATE_MS);
    }
    CU_ASSERT_EQUAL(take(), 0);
    CU_ASSERT_EQUAL(take(), 1);
    CU_ASSERT_EQUAL(take(), -1);
    add(5, B, LATE_MS);
    CU_ASSERT_EQUAL(take(), 5);
    CU_ASSERT_EQUAL(take(), -1);
    done(5);
    CU_ASSERT_EQUAL(take(), -1);
    done(1);
    CU_ASSERT_EQUAL(take(), 2);
    CU_ASSERT_EQUAL(take(), -1);
    done(0);
    done(2);
    CU_ASSERT_EQUAL(take(), 3);
    CU_ASSERT_EQUAL(take(), 4);
    done(3);
    done(4);
    ask_queue_fini(&queue);
}

/* A crowd at one place does not push others back. */
static void
test_turns(void)
{
    begin();
    for (unsigned i = 0; i < 4; i++) {
        add(i, A, LATE_MS);
    }
    add(4, B, LATE_MS);
    add(5, B, LATE_MS);
    add(6, C, LATE_MS);
    CU_ASSERT_EQUAL(take(), 0);
    CU_ASSERT_EQUAL(take(), 4);
    CU_ASSERT_EQUAL(take(), 6);
    CU_ASSERT_EQUAL(take(), 1);
    CU_ASSERT_EQUAL(take(), 5);
    CU_ASSERT_EQUAL(take(), -1);
    for (unsigned i = 0; i < 7; i++) {
        if (i != 2 && i != 3) {
            done(i);
        }
    }
    CU_ASSERT_EQUAL(take(), 2);
    CU_ASSERT_EQUAL(take(), 3);
    done(2);
    done(3);
    ask_queue_fini(&queue);
}

/* Who has most time left goes first; of those with as much, the first. */
static void
test_order(void)
{
    begin();
    add(0, A, 1500);
    add(1, A, 1600);
    add(2, A, 1600);
    add(3, A, 1400);
    add(4, A, 1550);
    add(5, A, 1700);
    for (int i = 0; i < 6; i++) {
        static const int order[] = { 5, 1, 2, 4, 0, 3 };
        int n = take();

        CU_ASSERT_EQUAL(n, order[i]);
        done((unsigned) n);
    }
    /* Again, by another way. */
    add(0, B, 1500);
    CU_ASSERT_EQUAL(take(), 0);
    add(1, A, 1500);
    done(0);
    add(0, A, 1600);
    CU_ASSERT_EQUAL(take(), 0);
    CU_ASSERT_EQUAL(take(), 1);
    done(0);
    done(1);
    ask_queue_fini(&queue);
}

/* Whose time is over is told so, however busy the place is. */
static void
test_deadlines(void)
{
    begin();
    CU_ASSERT_EQUAL(ask_queue_deadline(&queue), INT64_MAX);
    add(0, A, 1100);
    add(1, A, 1200);
    CU_ASSERT_EQUAL(ask_queue_deadline(&queue), 1100);
    CU_ASSERT_EQUAL(take(), 1);
    CU_ASSERT_EQUAL(take(), 0);
    CU_ASSERT_EQUAL(ask_queue_deadline(&queue), INT64_MAX);
    add(2, A, 1400);
    add(3, A, 1300);
    add(4, B, 1350);
    CU_ASSERT_EQUAL(ask_queue_deadline(&queue), 1300);
    CU_ASSERT_EQUAL(take(), 4);
    CU_ASSERT_EQUAL(take_at(1299), -1);
    CU_ASSERT_EQUAL(take_at(1300), 3);
    CU_ASSERT_EQUAL(take_at(1300), -1);
    CU_ASSERT_EQUAL(ask_queue_deadline(&queue), 1400);
    done(3);
    done(0);
    CU_ASSERT_EQUAL(take_at(1300), 2);
    done(1);
    done(2);
    done(4);
    ask_queue_fini(&queue);
}

/* The end: those that wait are dropped, what is under way is not. */
static void
test_drop(void)
{
    unsigned dropped = 0;
    struct ask *a;

    begin();
    for (unsigned i = 0; i < MANY; i++) {
        add(i, i % 3 == 0 ? A : i % 3 == 1 ? B : C, NOW_MS + (i * 7) % 11);
    }
    CU_ASSERT_NOT_EQUAL(a = ask_queue_take(&queue, NOW_MS - 1), NULL);
    while (ask_queue_drop(&queue) != NULL) {
        dropped++;
    }
    CU_ASSERT_EQUAL(dropped, MANY - 1);
    ask_queue_done(&queue, a);
    ask_queue_fini(&queue);
}

/* Whatever comes in whatever order: a place has its limit, nobody is lost, and
 * none waits without a reason. */
static void
test_at_random(void)
{
    static const char *const places[] = { A, B, C };
    unsigned seed = 1, at[MANY], under_way[3] = { 0 }, waiting[3] = { 0 };
    enum { FREE, WAITS, ASKS } state[MANY] = { FREE };

    begin();
    for (unsigned step = 0; step < 100000; step++) {
        unsigned n, k;
        int taken;

        seed = seed * 1664525u + 1013904223u;
        n = (seed >> 8) % MANY;
        k = (seed >> 20) % 3;
        if (state[n] == FREE && step < 99000) {
            add(n, places[k], LATE_MS + (seed >> 16) % 5);
            state[n] = WAITS;
            at[n] = k;
            waiting[k]++;
        } else if (state[n] == ASKS) {
            done(n);
            state[n] = FREE;
            under_way[at[n]]--;
        } else if ((taken = take()) >= 0) {
            CU_ASSERT_EQUAL(state[taken], WAITS);
            state[taken] = ASKS;
            waiting[at[taken]]--;
            CU_ASSERT_TRUE(++under_way[at[taken]] <= LIMIT);
        } else {
            for (k = 0; k < 3; k++) {
                CU_ASSERT_TRUE(waiting[k] == 0 || under_way[k] == LIMIT);
            }
        }
    }
    for (unsigned n = 0; n < MANY; n++) {
        CU_ASSERT_EQUAL(state[n], FREE);
    }
    ask_queue_fini(&queue);
}

/* More come than a place can answer: it answers as many as it can, though, in
 * the time that those have. */
static void
test_overload(void)
{
    enum { ANSWER_MS = 100, HAS_MS = 350, EACH_MS = 10, RUN_MS = 10000 };
    struct ask *under_way[LIMIT] = { NULL };
    int64_t since_ms[LIMIT] = { 0 };
    unsigned answered = 0, next = 0;
    struct ask *a;

    begin();
    for (int64_t now_ms = 0; now_ms < RUN_MS; now_ms += EACH_MS) {
        for (unsigned i = 0; i < LIMIT; i++) {
            if (under_way[i] != NULL && now_ms - since_ms[i] >= ANSWER_MS) {
                answered += under_way[i]->deadline_ms >= now_ms;
                ask_queue_done(&queue, under_way[i]);
                under_way[i] = NULL;
            }
        }
        while (asks[next % MANY].place != NULL) {
            next++;
        }
        add(next++ % MANY, A, now_ms + HAS_MS);
        while ((a = ask_queue_take(&queue, now_ms)) != NULL) {
            unsigned i = 0;

            while (i < LIMIT && under_way[i] != NULL) {
                i++;
            }
            if (a->deadline_ms <= now_ms) {
                ask_queue_done(&queue, a);
            } else {
                CU_ASSERT_TRUE_FATAL(i < LIMIT);
                under_way[i] = a;
                since_ms[i] = now_ms;
            }
        }
    }
    CU_ASSERT_TRUE(answered > LIMIT * RUN_MS / ANSWER_MS * 9 / 10);
    while (ask_queue_drop(&queue) != NULL) {
    }
    for (unsigned i = 0; i < LIMIT; i++) {
        if (under_way[i] != NULL) {
            ask_queue_done(&queue, under_way[i]);
        }
    }
    ask_queue_fini(&queue);
}

static const struct zk_test tests[] = {
    { "a place has its limit, and others go ahead", test_limit },
    { "places take turns", test_turns },
    { "at one place the deadline decides", test_order },
    { "whose time is over goes at once", test_deadlines },
    { "those that wait are dropped at the end", test_drop },
    { "a place that is asked too much answers as many as it can",
      test_overload },
    { "at random", test_at_random },
};

ZK_TEST_MAIN("ask queue", tests)
