/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "metrics/server_metrics.h"

#include <math.h>

#include "golden_metrics.h"
#include "test/lib/zk_test.h"
#include "util/zk_thread.h"

/* ---- lines by name ----------------------------------------------------- */

static char *
printed(void)
{
    struct zk_buf out = { 0 };
    char *text;

    server_metrics_print(&out);
    text = zk_xstrndup((const char *) out.data, out.len);
    zk_buf_fini(&out);
    return text;
}

/* The value of "zk_<key>\t<value>\n" in 'text', "" without such a line. */
static const char *
value_in(const char *text, const char *key)
{
    static char value[64];
    char *want = zk_xasprintf("\nzk_%s\t", key);
    const char *p = strstr(text, want);
    size_t skip = strlen(want);

    if (p == NULL && strncmp(text, want + 1, skip - 1) == 0) {
        p = text;
        skip--;
    }
    snprintf(value, sizeof value, "%.*s",
             p != NULL ? (int) strcspn(p + skip, "\n") : 0,
             p != NULL ? p + skip : "");
    free(want);
    return value;
}

#define CHECK_LINE(text, key, value)                                      \
    CU_ASSERT_STRING_EQUAL(value_in(text, key), value)

/* ---- tests ------------------------------------------------------------- */

struct names {
    char *all[1024];
    size_t n;
};

static void
take_name(void *arg, const struct metric_line *line)
{
    struct names *names = arg;

    if (names->n < ZK_ARRAY_SIZE(names->all)) {
        names->all[names->n++] = zk_xstrdup(line->key);
    }
}

/* 3.9 has these and 3.8.0 has not. */
static bool
newer_than_golden(const char *key)
{
    static const char *const newer[] = {
        "snapshot_error_count", "snapshot_rate_limited_count",
        "restore_error_count", "restore_rate_limited_count",
        "avg_restore_time", "min_restore_time", "max_restore_time",
        "cnt_restore_time", "sum_restore_time",
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(newer); i++) {
        if (strcmp(key, newer[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

static void
test_names_are_those_of_java(void)
{
    struct names names = { .n = 0 };
    size_t kept = 0;

    server_metrics_reset();
    server_metrics_visit(take_name, &names);
    for (size_t i = 0; i < names.n; i++) {
        if (newer_than_golden(names.all[i])) {
            free(names.all[i]);
        } else {
            names.all[kept++] = names.all[i];
        }
    }
    CU_ASSERT_EQUAL(names.n - kept, 9);
    qsort(names.all, kept, sizeof names.all[0], by_text);
    CU_ASSERT_EQUAL(kept, ZK_ARRAY_SIZE(golden_metrics));
    for (size_t i = 0; i < kept; i++) {
        if (i < ZK_ARRAY_SIZE(golden_metrics)) {
            CU_ASSERT_STRING_EQUAL(names.all[i], golden_metrics[i]);
        }
        free(names.all[i]);
    }
    CU_ASSERT_EQUAL(ZK_ARRAY_SIZE(golden_gauges), 24);
}

static void
test_what_nobody_used_prints_zeros(void)
{
    char *text;

    server_metrics_reset();
    text = printed();
    CHECK_LINE(text, "avg_readlatency", "0.0");
    CHECK_LINE(text, "min_readlatency", "0");
    CHECK_LINE(text, "max_readlatency", "0");
    CHECK_LINE(text, "cnt_readlatency", "0");
    CHECK_LINE(text, "sum_readlatency", "0");
    CHECK_LINE(text, "p50_readlatency", "0");
    CHECK_LINE(text, "p999_readlatency", "0");
    CHECK_LINE(text, "diff_count", "0");
    free(text);
}

static void
test_summary_keeps_least_greatest_sum_and_average(void)
{
    struct metric_figures f;
    char *text;

    server_metrics_reset();
    server_metrics_add(METRIC_fsynctime, 5);
    server_metrics_add(METRIC_fsynctime, -2);
    server_metrics_add(METRIC_fsynctime, 4);
    text = printed();
    CHECK_LINE(text, "avg_fsynctime", "2.3333");
    CHECK_LINE(text, "min_fsynctime", "-2");
    CHECK_LINE(text, "max_fsynctime", "5");
    CHECK_LINE(text, "cnt_fsynctime", "3");
    CHECK_LINE(text, "sum_fsynctime", "7");
    free(text);
    server_metrics_get(METRIC_fsynctime, &f);
    CU_ASSERT_EQUAL(f.count, 3);
    CU_ASSERT_EQUAL(f.sum, 7);
}

/* What a 3.8.0 server printed after updates that took these times. */
static void
test_percentiles_of_few_values_are_javas(void)
{
    static const int64_t took[] = { 1, 2, 3, 4, 4, 4, 7 };
    char *text;

    server_metrics_reset();
    for (size_t i = 0; i < ZK_ARRAY_SIZE(took); i++) {
        server_metrics_add(METRIC_updatelatency, took[i]);
    }
    text = printed();
    CHECK_LINE(text, "avg_updatelatency", "3.5714");
    CHECK_LINE(text, "p50_updatelatency", "4");
    CHECK_LINE(text, "p95_updatelatency", "7");
    CHECK_LINE(text, "p99_updatelatency", "7");
    CHECK_LINE(text, "p999_updatelatency", "7");
    free(text);
}

static void
check_near(int64_t got, int64_t want)
{
    CU_ASSERT(fabs((double) (got - want)) <= 0.04 * (double) want);
}

static void
test_percentiles_of_many_values_are_near(void)
{
    struct metric_figures f;

    server_metrics_reset();
    for (int64_t i = 1; i <= 100000; i++) {
        server_metrics_add(METRIC_readlatency, i);
    }
    server_metrics_get(METRIC_readlatency, &f);
    check_near(f.p50, 50000);
    check_near(f.p95, 95000);
    check_near(f.p99, 99000);
    check_near(f.p999, 99900);
    CU_ASSERT_EQUAL(f.max, 100000);
    CU_ASSERT(f.p999 <= f.max);
}

static void
test_values_at_the_ends_of_the_range(void)
{
    struct metric_figures f;

    server_metrics_reset();
    server_metrics_add(METRIC_readlatency, INT64_MAX);
    server_metrics_get(METRIC_readlatency, &f);
    CU_ASSERT_EQUAL(f.p50, INT64_MAX);
    server_metrics_add(METRIC_readlatency, INT64_MIN);
    server_metrics_get(METRIC_readlatency, &f);
    CU_ASSERT_EQUAL(f.min, INT64_MIN);
    CU_ASSERT_EQUAL(f.max, INT64_MAX);
    CU_ASSERT_EQUAL(f.sum, -1);
    CU_ASSERT_EQUAL(f.p999, INT64_MAX);
}

static void
test_counters_add_up(void)
{
    char *text;

    server_metrics_reset();
    server_metrics_inc(METRIC_diff_count);
    server_metrics_inc(METRIC_diff_count);
    server_metrics_add_n(METRIC_bytes_received_count, 5000000000u);
    text = printed();
    CHECK_LINE(text, "diff_count", "2");
    CHECK_LINE(text, "bytes_received_count", "5000000000");
    free(text);
}

static void
test_sets_have_lines_by_key(void)
{
    char *text;

    server_metrics_reset();
    server_metrics_set_add(METRIC_write_per_namespace, ZK_SLICE_LIT("a"), 7);
    server_metrics_set_add(METRIC_write_per_namespace, ZK_SLICE_LIT("a"), 2);
    server_metrics_set_add(METRIC_write_per_namespace, ZK_SLICE_LIT("bb"),
                           1);
    server_metrics_set_add(METRIC_write_per_namespace, ZK_SLICE_NULL, 1);
    server_metrics_set_add(METRIC_ack_latency, ZK_SLICE_LIT("3"), 9);
    server_metrics_set_add(METRIC_quota_exceeded_error_per_namespace,
                           ZK_SLICE_LIT("q"), 1);
    text = printed();
    CHECK_LINE(text, "avg_a_write_per_namespace", "4.5");
    CHECK_LINE(text, "cnt_a_write_per_namespace", "2");
    CHECK_LINE(text, "sum_bb_write_per_namespace", "1");
    CHECK_LINE(text, "p99_3_ack_latency", "9");
    CHECK_LINE(text, "q_quota_exceeded_error_per_namespace", "1");
    CU_ASSERT_PTR_NULL(strstr(text, "p50_a_write"));
    free(text);
    server_metrics_reset();
    text = printed();
    CU_ASSERT_PTR_NULL(strstr(text, "per_namespace"));
    free(text);
}

/* Clients choose the names: they may not fill the memory. */
static void
test_sets_are_bounded(void)
{
    char *text, *long_key;

    server_metrics_reset();
    for (int i = 0; i < 3 * METRIC_SET_KEYS; i++) {
        char *key = zk_xasprintf("key%d", i);

        server_metrics_set_add(METRIC_read_per_namespace, zk_slice_str(key),
                               i);
        free(key);
    }
    long_key = zk_xcalloc(1, 2000);
    memset(long_key, 'x', 1999);
    server_metrics_set_add(METRIC_read_per_namespace, zk_slice_str(long_key),
                           1);
    free(long_key);
    text = printed();
    CHECK_LINE(text, "cnt_key0_read_per_namespace", "1");
    CHECK_LINE(text, "cnt_" METRIC_OTHER_KEY "_read_per_namespace", "513");
    CU_ASSERT_PTR_NULL(strstr(text, "key600"));
    free(text);
    server_metrics_reset();
}

static int64_t
seven(void *arg)
{
    *(int *) arg += 1;
    return 7;
}

static double
half(void *arg)
{
    (void) arg;
    return 0.5;
}

static void
quotas(void *arg, struct metric_gauge_emit *emit)
{
    (void) arg;
    server_metrics_gauge_emit(emit, ZK_SLICE_LIT("app"), 100);
    server_metrics_gauge_emit(emit, ZK_SLICE_LIT("db"), -1);
}

static void
test_gauges_are_asked_when_somebody_reads(void)
{
    int calls = 0;
    char *text;

    server_metrics_gauge_register("znode_count", seven, &calls);
    server_metrics_gauge_register_double("connection_drop_probability",
                                         half, &calls);
    server_metrics_gauge_register_set("quota_count_limit_per_namespace",
                                      quotas, &calls);
    CU_ASSERT_EQUAL(calls, 0);
    text = printed();
    CU_ASSERT_EQUAL(calls, 1);
    CHECK_LINE(text, "znode_count", "7");
    CHECK_LINE(text, "connection_drop_probability", "0.5");
    CHECK_LINE(text, "app_quota_count_limit_per_namespace", "100");
    CHECK_LINE(text, "db_quota_count_limit_per_namespace", "-1");
    free(text);
    /* Again under the same name: replaced, not doubled. */
    server_metrics_gauge_register("znode_count", seven, &calls);
    free(printed());
    CU_ASSERT_EQUAL(calls, 2);
    server_metrics_gauge_unregister(&calls);
    text = printed();
    CU_ASSERT_EQUAL(calls, 2);
    CU_ASSERT_PTR_NULL(strstr(text, "znode_count"));
    free(text);
}

#define THREADS 4
#define ROUNDS 20000

static void
record_rounds(void *arg)
{
    (void) arg;
    for (int i = 0; i < ROUNDS; i++) {
        char key[8];

        snprintf(key, sizeof key, "k%d", i % 5);
        server_metrics_inc(METRIC_stale_requests);
        server_metrics_add(METRIC_readlatency, i % 10);
        server_metrics_set_add(METRIC_read_per_namespace, zk_slice_str(key),
                               1);
    }
}

static void
check_rounds(uint64_t threads)
{
    struct metric_figures f;
    char *text = printed();
    char *fifth = zk_xasprintf("%d", (int) threads * ROUNDS / 5);

    server_metrics_get(METRIC_stale_requests, &f);
    CU_ASSERT_EQUAL(f.sum, (int64_t) threads * ROUNDS);
    server_metrics_get(METRIC_readlatency, &f);
    CU_ASSERT_EQUAL(f.count, threads * ROUNDS);
    CU_ASSERT_EQUAL(f.max, 9);
    CHECK_LINE(text, "sum_k4_read_per_namespace", fifth);
    free(fifth);
    free(text);
}

static void
run_threads(void)
{
    struct zk_thread threads[THREADS];

    for (int i = 0; i < THREADS; i++) {
        zk_thread_start(&threads[i], record_rounds, NULL, "Recorder:%d", i);
    }
    free(printed());            /* While they write. */
    for (int i = 0; i < THREADS; i++) {
        zk_thread_join(&threads[i]);
    }
}

static void
test_nothing_is_lost_between_threads(void)
{
    struct metric_figures f;

    server_metrics_reset();
    run_threads();
    check_rounds(THREADS);
    /* These take over the shards of those that have ended. */
    run_threads();
    check_rounds(2 * THREADS);
    server_metrics_reset();
    server_metrics_get(METRIC_readlatency, &f);
    CU_ASSERT_EQUAL(f.count, 0);
}

static void
test_doubles_print_as_in_java(void)
{
    static const struct {
        double d;
        const char *text;
    } cases[] = {
        { 0.0, "0.0" },               { 1.0, "1.0" },
        { 4.5714, "4.5714" },         { 0.5, "0.5" },
        { 100.0, "100.0" },           { 1234567.0, "1234567.0" },
        { 9999999.0, "9999999.0" },   { 1e7, "1.0E7" },
        { 12345678.9, "1.23456789E7" }, { 0.001, "0.001" },
        { 0.0002, "2.0E-4" },         { 0.0123, "0.0123" },
        { -2.5, "-2.5" },             { 1e100, "1.0E100" },
        { 0.1, "0.1" },               { 1.0 / 3, "0.3333333333333333" },
        { NAN, "NaN" },               { -INFINITY, "-Infinity" },
        { 71.6667, "71.6667" },       { 120.25, "120.25" },
    };
    char text[METRIC_VALUE_TEXT];

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        metric_double_print(cases[i].d, text);
        CU_ASSERT_STRING_EQUAL(text, cases[i].text);
    }
}

static const struct zk_test tests[] = {
    { "the names are those of Java 3.8.0", test_names_are_those_of_java },
    { "what nobody used prints zeros", test_what_nobody_used_prints_zeros },
    { "a summary keeps least, greatest, sum and average",
      test_summary_keeps_least_greatest_sum_and_average },
    { "percentiles of few values are Java's",
      test_percentiles_of_few_values_are_javas },
    { "percentiles of many values are near",
      test_percentiles_of_many_values_are_near },
    { "values at the ends of the range",
      test_values_at_the_ends_of_the_range },
    { "counters add up", test_counters_add_up },
    { "sets have lines by key", test_sets_have_lines_by_key },
    { "sets are bounded", test_sets_are_bounded },
    { "gauges are asked when somebody reads",
      test_gauges_are_asked_when_somebody_reads },
    { "nothing is lost between threads",
      test_nothing_is_lost_between_threads },
    { "doubles print as in Java", test_doubles_print_as_in_java },
};

ZK_TEST_MAIN("metrics", tests)
