/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "tls/tls_memory.h"

#include "test/lib/zk_test.h"
#include "util/zk_obj.h"

#define NOW_MS 5000000
#define NOW_S 1700000000
#define A "http://a.example/"
#define B "http://b.example/"

static struct tls_memory *
memory_create(void)
{
    return zk_xcalloc(1, sizeof(struct tls_memory));
}

static void
memory_destroy(struct tls_memory *m)
{
    tls_memory_fini(m);
    free(m);
}

/* The key of certificate 'n'. */
static const unsigned char *
key(unsigned n)
{
    static unsigned char bytes[TLS_MEMORY_KEY];

    memcpy(bytes, &n, sizeof n);
    bytes[TLS_MEMORY_KEY - 1] = (unsigned char) n;
    return bytes;
}

/* An answer that was made at 'from_s'; is the certificate revoked now? */
static bool
keep_from(struct tls_memory *m, unsigned n, bool revoked, int64_t from_s,
          int64_t until_s, int64_t now_s)
{
    const struct tls_said said = { revoked, from_s, until_s };

    return tls_memory_keep(m, key(n), &said, NOW_MS, now_s);
}

static void
keep(struct tls_memory *m, unsigned n, bool revoked, int64_t now_ms,
     int64_t until_s)
{
    const struct tls_said said = { revoked, NOW_S, until_s };

    CU_ASSERT_EQUAL(tls_memory_keep(m, key(n), &said, now_ms, NOW_S),
                    revoked);
}

/* What is known of it; 'revoked' must be so, too. */
static enum tls_recall
recall(const struct tls_memory *m, unsigned n, int64_t now_ms, int64_t now_s,
       bool revoked)
{
    bool is = !revoked;
    enum tls_recall r = tls_memory_recall(m, key(n), now_ms, now_s, &is);

    CU_ASSERT_EQUAL(is, r == TLS_RECALL_NONE ? !revoked : revoked);
    return r;
}

/* ---- answers ------------------------------------------------------------- */

static void
test_answers(void)
{
    struct tls_memory *m = memory_create();
    int64_t late_ms = NOW_MS + TLS_MEMORY_FRESH_MS;

    CU_ASSERT_EQUAL(recall(m, 0, NOW_MS, NOW_S, false), TLS_RECALL_NONE);
    keep(m, 0, false, NOW_MS, NOW_S + 100);
    keep(m, 1, true, NOW_MS, NOW_S + 100);
    CU_ASSERT_EQUAL(recall(m, 0, NOW_MS, NOW_S, false), TLS_RECALL_FRESH);
    CU_ASSERT_EQUAL(recall(m, 1, NOW_MS, NOW_S, true), TLS_RECALL_FRESH);
    CU_ASSERT_EQUAL(recall(m, 2, NOW_MS, NOW_S, false), TLS_RECALL_NONE);
    CU_ASSERT_EQUAL(recall(m, 0, late_ms - 1, NOW_S, false),
                    TLS_RECALL_FRESH);
    CU_ASSERT_EQUAL(recall(m, 0, late_ms, NOW_S, false), TLS_RECALL_OLD);
    tls_memory_renew(m, key(0), late_ms);
    CU_ASSERT_EQUAL(recall(m, 0, late_ms, NOW_S, false), TLS_RECALL_FRESH);
    /* However often it was renewed, it ends when it said. */
    CU_ASSERT_EQUAL(recall(m, 0, late_ms, NOW_S + 99, false),
                    TLS_RECALL_FRESH);
    CU_ASSERT_EQUAL(recall(m, 0, late_ms, NOW_S + 100, false),
                    TLS_RECALL_NONE);
    /* What was said last counts. */
    keep(m, 0, true, late_ms, NOW_S + 1);
    CU_ASSERT_EQUAL(recall(m, 0, late_ms, NOW_S, true), TLS_RECALL_FRESH);
    CU_ASSERT_EQUAL(recall(m, 0, late_ms, NOW_S + 1, true),
                    TLS_RECALL_NONE);
    tls_memory_forget(m, key(0), NOW_S);
    CU_ASSERT_EQUAL(recall(m, 0, late_ms, NOW_S, true), TLS_RECALL_NONE);
    CU_ASSERT_EQUAL(recall(m, 1, NOW_MS, NOW_S, true), TLS_RECALL_FRESH);
    tls_memory_forget(m, key(2), NOW_S);
    memory_destroy(m);
}

/* In whichever order two answers come, the one that was made last counts, and
 * "revoked" of two of the same moment. */
static void
test_newer_answer_counts(void)
{
    for (int turn = 0; turn < 2; turn++) {
        bool revoked = turn == 0;
        struct tls_memory *m = memory_create();
        int64_t until_s = NOW_S + 100;

        CU_ASSERT_EQUAL(keep_from(m, 0, revoked, NOW_S - 10, until_s, NOW_S),
                        revoked);
        CU_ASSERT_EQUAL(keep_from(m, 0, !revoked, NOW_S - 11, until_s,
                                  NOW_S), revoked);
        CU_ASSERT_EQUAL(recall(m, 0, NOW_MS, NOW_S, revoked),
                        TLS_RECALL_FRESH);
        CU_ASSERT_EQUAL(keep_from(m, 0, !revoked, NOW_S - 9, until_s, NOW_S),
                        !revoked);
        CU_ASSERT_EQUAL(recall(m, 0, NOW_MS, NOW_S, !revoked),
                        TLS_RECALL_FRESH);
        CU_ASSERT_TRUE(keep_from(m, 1, revoked, NOW_S, until_s, NOW_S)
                       || keep_from(m, 1, !revoked, NOW_S, until_s, NOW_S));
        CU_ASSERT_TRUE(keep_from(m, 1, false, NOW_S, until_s, NOW_S));
        memory_destroy(m);
    }
}

/* An older answer is not kept, but who can tell was asked. */
static void
test_older_answer_gives_time(void)
{
    struct tls_memory *m = memory_create();
    const struct tls_said older = { false, NOW_S - 20, NOW_S + 900 };
    int64_t late_ms = NOW_MS + TLS_MEMORY_FRESH_MS;

    keep_from(m, 0, true, NOW_S - 10, NOW_S + 100, NOW_S);
    CU_ASSERT_EQUAL(recall(m, 0, late_ms, NOW_S, true), TLS_RECALL_OLD);
    CU_ASSERT_TRUE(tls_memory_keep(m, key(0), &older, late_ms, NOW_S));
    CU_ASSERT_EQUAL(recall(m, 0, late_ms, NOW_S, true), TLS_RECALL_FRESH);
    CU_ASSERT_EQUAL(recall(m, 0, late_ms, NOW_S + 100, true),
                    TLS_RECALL_NONE);
    memory_destroy(m);
}

/* A "revoked" whose time is over outweighs an older "good", and so does one
 * that was of a moment; a "good" does not. */
static void
test_revoked_outlives_its_time(void)
{
    struct tls_memory *m = memory_create();
    int64_t until_s = NOW_S + 100;

    CU_ASSERT_TRUE(keep_from(m, 0, true, NOW_S, NOW_S + 10, NOW_S));
    CU_ASSERT_TRUE(keep_from(m, 0, false, NOW_S - 1, until_s, NOW_S + 11));
    CU_ASSERT_FALSE(keep_from(m, 1, false, NOW_S - 1, until_s, NOW_S));
    CU_ASSERT_TRUE(keep_from(m, 1, true, NOW_S, INT64_MIN, NOW_S));
    CU_ASSERT_EQUAL(recall(m, 1, NOW_MS, NOW_S, true), TLS_RECALL_NONE);
    CU_ASSERT_TRUE(keep_from(m, 1, false, NOW_S - 1, until_s, NOW_S));
    CU_ASSERT_FALSE(keep_from(m, 1, false, NOW_S + 1, until_s, NOW_S + 1));
    CU_ASSERT_FALSE(keep_from(m, 2, false, NOW_S, NOW_S + 10, NOW_S));
    CU_ASSERT_TRUE(keep_from(m, 2, true, NOW_S - 1, until_s, NOW_S + 11));
    memory_destroy(m);
}

/* A responder whose clock is ahead does not speak for the time to come. */
static void
test_answer_from_the_future(void)
{
    struct tls_memory *m = memory_create();
    int64_t until_s = NOW_S + 10000;

    CU_ASSERT_FALSE(keep_from(m, 0, false, NOW_S + 800, until_s, NOW_S));
    CU_ASSERT_TRUE(keep_from(m, 0, true, NOW_S + 5, until_s, NOW_S + 5));
    memory_destroy(m);
}

/* Who does not know a certificate takes back what it, or others, said before;
 * not what was said since. */
static void
test_forgotten_up_to_then(void)
{
    struct tls_memory *m = memory_create();

    keep_from(m, 0, true, NOW_S, NOW_S + 100, NOW_S);
    tls_memory_forget(m, key(0), NOW_S - 1);
    CU_ASSERT_EQUAL(recall(m, 0, NOW_MS, NOW_S, true), TLS_RECALL_FRESH);
    tls_memory_forget(m, key(0), NOW_S);
    CU_ASSERT_EQUAL(recall(m, 0, NOW_MS, NOW_S, true), TLS_RECALL_NONE);
    memory_destroy(m);
}

/* One more takes the place of one that is over, or else of the oldest. */
static void
test_answers_are_bounded(void)
{
    struct tls_memory *m = memory_create();
    unsigned n = TLS_MEMORY_ANSWERS;
    unsigned left = 0;

    for (unsigned i = 0; i < n; i++) {
        keep(m, i, false, NOW_MS + i, i == 7 ? NOW_S + 1 : NOW_S + 100);
    }
    keep_from(m, n, false, NOW_S, NOW_S + 100, NOW_S + 1);
    CU_ASSERT_EQUAL(recall(m, 0, NOW_MS, NOW_S, false), TLS_RECALL_FRESH);
    CU_ASSERT_EQUAL(recall(m, 7, NOW_MS, NOW_S, false), TLS_RECALL_NONE);
    keep(m, n + 1, false, NOW_MS + n, NOW_S + 100);
    CU_ASSERT_EQUAL(recall(m, 0, NOW_MS, NOW_S, false), TLS_RECALL_NONE);
    CU_ASSERT_EQUAL(recall(m, 1, NOW_MS, NOW_S, false), TLS_RECALL_FRESH);
    for (unsigned i = 0; i < n + 2; i++) {
        left += recall(m, i, NOW_MS, NOW_S, false) == TLS_RECALL_FRESH;
    }
    CU_ASSERT_EQUAL(left, n);
    memory_destroy(m);
}

/* ---- places -------------------------------------------------------------- */

static bool
may(struct tls_memory *m, const char *url, int64_t now_ms)
{
    int64_t ago_ms;

    return tls_memory_try(m, url, now_ms, &ago_ms);
}

static void
test_places(void)
{
    struct tls_memory *m = memory_create();
    int64_t over_ms = NOW_MS + TLS_MEMORY_PAUSE_MS;
    int64_t ago_ms = -1;

    /* As long as none has failed, many ask at a time. */
    CU_ASSERT_TRUE(may(m, A, NOW_MS));
    CU_ASSERT_TRUE(may(m, A, NOW_MS));
    tls_memory_tell(m, A, TLS_OUTCOME_FAILURE, NOW_MS);
    CU_ASSERT_FALSE(tls_memory_try(m, A, over_ms - 1, &ago_ms));
    CU_ASSERT_EQUAL(ago_ms, TLS_MEMORY_PAUSE_MS - 1);
    CU_ASSERT_TRUE(tls_memory_rests(m, A, NOW_MS + 1, &ago_ms));
    CU_ASSERT_EQUAL(ago_ms, 1);
    CU_ASSERT_TRUE(may(m, B, NOW_MS));
    /* Then one finds out; to look is not to try. */
    CU_ASSERT_FALSE(tls_memory_rests(m, A, over_ms, &ago_ms));
    CU_ASSERT_TRUE(may(m, A, over_ms));
    CU_ASSERT_FALSE(may(m, A, over_ms));
    CU_ASSERT_TRUE(tls_memory_rests(m, A, over_ms, &ago_ms));
    tls_memory_tell(m, A, TLS_OUTCOME_FAILURE, over_ms + 5000);
    CU_ASSERT_FALSE(may(m, A, over_ms + 5000 + TLS_MEMORY_PAUSE_MS - 1));
    over_ms += 5000 + TLS_MEMORY_PAUSE_MS;
    CU_ASSERT_TRUE(may(m, A, over_ms));
    tls_memory_tell(m, A, TLS_OUTCOME_ANSWER, over_ms);
    CU_ASSERT_TRUE(may(m, A, over_ms));
    CU_ASSERT_TRUE(may(m, A, over_ms));
    memory_destroy(m);
}

/* One that refuses is soon asked again; one that hangs is not. */
static void
test_places_that_refuse(void)
{
    struct tls_memory *m = memory_create();
    int64_t over_ms = NOW_MS + TLS_MEMORY_REFUSED_MS;

    tls_memory_tell(m, A, TLS_OUTCOME_REFUSAL, NOW_MS);
    CU_ASSERT_FALSE(may(m, A, over_ms - 1));
    CU_ASSERT_TRUE(may(m, A, over_ms));
    tls_memory_tell(m, A, TLS_OUTCOME_FAILURE, over_ms);
    CU_ASSERT_FALSE(may(m, A, over_ms + TLS_MEMORY_REFUSED_MS));
    memory_destroy(m);
}

/* A check that had no time, or was given up, must not keep others from
 * trying. */
static void
test_places_that_were_not_tried_in_earnest(void)
{
    struct tls_memory *m = memory_create();
    int64_t over_ms = NOW_MS + TLS_MEMORY_PAUSE_MS;

    tls_memory_tell(m, A, TLS_OUTCOME_NOTHING, NOW_MS);
    CU_ASSERT_TRUE(may(m, A, NOW_MS));
    tls_memory_tell(m, A, TLS_OUTCOME_FAILURE, NOW_MS);
    CU_ASSERT_TRUE(may(m, A, over_ms));
    tls_memory_tell(m, A, TLS_OUTCOME_NOTHING, over_ms + 1);
    CU_ASSERT_TRUE(may(m, A, over_ms + 1));
    /* Who began before the failure of another takes nothing back. */
    tls_memory_tell(m, A, TLS_OUTCOME_FAILURE, over_ms + 2);
    tls_memory_tell(m, A, TLS_OUTCOME_NOTHING, over_ms + 3);
    CU_ASSERT_FALSE(may(m, A, over_ms + 3));
    over_ms += 2;
    /* Nor to wait longer. */
    tls_memory_tell(m, A, TLS_OUTCOME_NOTHING,
                    over_ms + 2 * TLS_MEMORY_PAUSE_MS);
    CU_ASSERT_TRUE(may(m, A, over_ms + 2 * TLS_MEMORY_PAUSE_MS));
    memory_destroy(m);
}

static void
test_places_are_bounded(void)
{
    struct tls_memory *m = memory_create();
    unsigned resting = 0;

    for (unsigned i = 0; i <= TLS_MEMORY_PLACES; i++) {
        char *url = zk_xasprintf(A "%u", i);

        tls_memory_tell(m, url, TLS_OUTCOME_FAILURE, NOW_MS + i);
        free(url);
    }
    for (unsigned i = 0; i <= TLS_MEMORY_PLACES; i++) {
        char *url = zk_xasprintf(A "%u", i);
        int64_t ago_ms;

        if (tls_memory_rests(m, url, NOW_MS + i, &ago_ms)) {
            resting++;
        } else {
            CU_ASSERT_EQUAL(i, 0);
        }
        free(url);
    }
    CU_ASSERT_EQUAL(resting, TLS_MEMORY_PLACES);
    memory_destroy(m);
}

static const struct zk_test tests[] = {
    { "answers are fresh, then old, then none", test_answers },
    { "the answer that was made last counts", test_newer_answer_counts },
    { "an older answer gives the newer one time",
      test_older_answer_gives_time },
    { "a revoked one outlives its time", test_revoked_outlives_its_time },
    { "an answer from the future", test_answer_from_the_future },
    { "a responder that forgets takes back what was said before",
      test_forgotten_up_to_then },
    { "answers are bounded", test_answers_are_bounded },
    { "places that failed rest, and one check tries them", test_places },
    { "places that refuse", test_places_that_refuse },
    { "what was not tried in earnest tells nothing",
      test_places_that_were_not_tried_in_earnest },
    { "places are bounded", test_places_are_bounded },
};

ZK_TEST_MAIN("tls memory", tests)
