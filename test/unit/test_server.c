/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the request path that need no thread. */
#include <config.h>

#include "server/committed_log.h"
#include "server/outstanding_changes.h"
#include "server/server_stats.h"
#include "proto/acl_codec.h"
#include "proto/path_utils.h"
#include "test/lib/zk_test.h"
#include "util/zk_time.h"

/* ---- paths ------------------------------------------------------------- */

static bool
valid(const char *path)
{
    return path_validate(zk_slice_str(path)) == NULL;
}

static void
test_paths_that_are_fine(void)
{
    CU_ASSERT(valid("/"));
    CU_ASSERT(valid("/a"));
    CU_ASSERT(valid("/a/b c/...d"));
    CU_ASSERT(valid("/.a"));
    CU_ASSERT(valid("/a.."));
    CU_ASSERT(valid("/\xc3\xa9/\xe4\xb8\xad"));         /* U+E9, U+4E2D */
    CU_ASSERT(valid("/\xef\xa4\x80"));                  /* U+F900 */
    CU_ASSERT(valid("/\xef\xbf\xaf"));                  /* U+FFEF */
    CU_ASSERT(valid("/ "));
    CU_ASSERT(valid("/~"));
}

static void
test_paths_that_are_refused(void)
{
    CU_ASSERT(!valid(""));
    CU_ASSERT(path_validate(ZK_SLICE_NULL) != NULL);
    CU_ASSERT(!valid("a"));
    CU_ASSERT(!valid("/a/"));
    CU_ASSERT(!valid("//"));
    CU_ASSERT(!valid("/a//b"));
    CU_ASSERT(!valid("/."));
    CU_ASSERT(!valid("/.."));
    CU_ASSERT(!valid("/a/./b"));
    CU_ASSERT(!valid("/a/.."));
    CU_ASSERT(!valid("/a\x01"));
    CU_ASSERT(!valid("/a\x1f/b"));
    CU_ASSERT(!valid("/\x7f"));
    CU_ASSERT(!valid("/\xc2\x80"));                     /* U+80 */
    CU_ASSERT(!valid("/\xc2\x9f"));                     /* U+9F */
    CU_ASSERT(!valid("/\xed\xa0\x80"));                 /* U+D800 */
    CU_ASSERT(!valid("/\xef\xa3\xbf"));                 /* U+F8FF */
    CU_ASSERT(!valid("/\xef\xbf\xb0"));                 /* U+FFF0 */
    CU_ASSERT(!valid("/\xf0\x9f\x98\x80"));             /* U+1F600 */
    CU_ASSERT(path_validate(zk_slice("/a\0b", 4)) != NULL);
    CU_ASSERT(path_has_nul(zk_slice("/a\0b", 4)));
    CU_ASSERT(!path_has_nul(zk_slice_str("/ab")));
}

static void
test_malformed_utf8_is_refused_wherever_it_ends(void)
{
    static const char bad[] = "/\xe4\xb8\xad";

    for (int32_t len = 2; len < (int32_t) sizeof bad - 1; len++) {
        CU_ASSERT(path_validate(zk_slice(bad, len)) != NULL);
    }
    CU_ASSERT(!valid("/\xc0\xaf"));
    CU_ASSERT(!valid("/\xe0\x80\xaf"));
    CU_ASSERT(!valid("/\x80"));
}

/* ---- outstanding changes ------------------------------------------------ */

static struct node_state
state(int32_t version)
{
    struct node_state s;

    memset(&s, 0, sizeof s);
    s.exists = true;
    s.stat.version = version;
    s.acl = acl_raw_open;
    return s;
}

static int32_t
version_of(const struct outstanding_changes *oc, const char *path)
{
    const struct node_state *s =
        outstanding_changes_get(oc, zk_slice_str(path));

    return s != NULL ? s->stat.version : -1;
}

static void
put(struct outstanding_changes *oc, int64_t zxid, const char *path,
    int32_t version)
{
    struct node_state s = state(version);

    outstanding_changes_add(oc, zxid, zk_slice_str(path), &s);
}

static void
test_the_newest_change_of_a_path_counts(void)
{
    struct outstanding_changes *oc = outstanding_changes_create();
    const struct node_state *s;

    CU_ASSERT_PTR_NULL(outstanding_changes_get(oc, zk_slice_str("/a")));
    put(oc, 1, "/a", 1);
    put(oc, 2, "/b", 7);
    put(oc, 3, "/a", 2);
    CU_ASSERT_EQUAL(version_of(oc, "/a"), 2);
    CU_ASSERT_EQUAL(version_of(oc, "/b"), 7);
    s = outstanding_changes_get(oc, zk_slice_str("/a"));
    CU_ASSERT(zk_slice_eq(s->acl, acl_raw_open));
    CU_ASSERT_EQUAL(outstanding_changes_size(oc), 3);
    outstanding_changes_destroy(oc);
}

static void
test_applied_changes_go_and_later_ones_stay(void)
{
    struct outstanding_changes *oc = outstanding_changes_create();

    put(oc, 1, "/a", 1);
    put(oc, 2, "/b", 7);
    put(oc, 3, "/a", 2);
    outstanding_changes_remove_upto(oc, 2);
    CU_ASSERT_EQUAL(version_of(oc, "/a"), 2);
    CU_ASSERT_EQUAL(version_of(oc, "/b"), -1);
    outstanding_changes_remove_upto(oc, 3);
    CU_ASSERT_EQUAL(version_of(oc, "/a"), -1);
    CU_ASSERT_EQUAL(outstanding_changes_size(oc), 0);
    outstanding_changes_destroy(oc);
}

static void
test_a_rollback_brings_the_older_change_back(void)
{
    struct outstanding_changes *oc = outstanding_changes_create();

    put(oc, 1, "/a", 1);
    put(oc, 2, "/a", 2);
    put(oc, 2, "/a", 3);
    put(oc, 2, "/c", 9);
    outstanding_changes_rollback(oc, 2);
    CU_ASSERT_EQUAL(version_of(oc, "/a"), 1);
    CU_ASSERT_EQUAL(version_of(oc, "/c"), -1);
    /* The older one was applied meanwhile: nothing is left. */
    put(oc, 3, "/a", 4);
    outstanding_changes_remove_upto(oc, 1);
    outstanding_changes_rollback(oc, 3);
    CU_ASSERT_EQUAL(version_of(oc, "/a"), -1);
    outstanding_changes_destroy(oc);
}

/* A list may be as long as a request, and a multi may have tens of thousands
 * of parts: a copy for each record would be the end of any memory. */
static void
test_records_share_their_acls(void)
{
    struct outstanding_changes *oc = outstanding_changes_create();
    struct zk_buf copy = { 0 };
    struct node_state s = state(1);
    const void *first;

    put(oc, 1, "/a", 1);
    first = outstanding_changes_get(oc, zk_slice_str("/a"))->acl.p;
    s.acl = outstanding_changes_get(oc, zk_slice_str("/a"))->acl;
    outstanding_changes_add(oc, 2, zk_slice_str("/a"), &s);
    CU_ASSERT_PTR_EQUAL(
        outstanding_changes_get(oc, zk_slice_str("/a"))->acl.p, first);
    acl_raw_append(&copy, acl_raw_open);
    s.acl = zk_slice(copy.data, (int32_t) copy.len);
    outstanding_changes_add(oc, 3, zk_slice_str("/b"), &s);
    zk_buf_fini(&copy);
    outstanding_changes_remove_upto(oc, 2);
    CU_ASSERT_PTR_EQUAL(
        outstanding_changes_get(oc, zk_slice_str("/b"))->acl.p, first);
    outstanding_changes_destroy(oc);
}

/* Paths whose FNV-1a ends in 12 zeros once it is folded: what a client can
 * find in a moment when it knows the hash. */
static void
make_colliding_path(uint64_t *seed, char path[24])
{
    uint64_t h;

    do {
        h = 0xcbf29ce484222325u;
        snprintf(path, 24, "/%llx", (unsigned long long) (*seed)++);
        for (const char *p = path; *p != '\0'; p++) {
            h = (h ^ (uint8_t) *p) * 0x100000001b3u;
        }
    } while (((h ^ h >> 29) & 0xfff) != 0);
}

#define N_COLLIDING 2000

static int64_t
time_of_changes_us(struct outstanding_changes *oc, char paths[][24])
{
    int64_t begin = zk_time_mono_us();

    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < N_COLLIDING; i++) {
            put(oc, 1, paths[i], round);
        }
    }
    return zk_time_mono_us() - begin;
}

static void
test_clients_cannot_choose_paths_that_collide(void)
{
    static char plain[N_COLLIDING][24], chosen[N_COLLIDING][24];
    struct outstanding_changes *a = outstanding_changes_create();
    struct outstanding_changes *b = outstanding_changes_create();
    int64_t plain_us, chosen_us;
    uint64_t seed = 0;

    for (int i = 0; i < N_COLLIDING; i++) {
        snprintf(plain[i], sizeof plain[i], "/plain%d", i);
        make_colliding_path(&seed, chosen[i]);
    }
    plain_us = time_of_changes_us(a, plain);
    chosen_us = time_of_changes_us(b, chosen);
    CU_ASSERT(chosen_us < 4 * plain_us + 20000);
    outstanding_changes_destroy(a);
    outstanding_changes_destroy(b);
}

static void
test_the_root_has_one_record_however_it_is_spelled(void)
{
    struct outstanding_changes *oc = outstanding_changes_create();

    put(oc, 1, "", 5);
    CU_ASSERT_EQUAL(version_of(oc, "/"), 5);
    put(oc, 2, "/", 6);
    CU_ASSERT_EQUAL(version_of(oc, ""), 6);
    outstanding_changes_destroy(oc);
}

/* Random adds, removals and rollbacks against an array. */
static void
test_changes_agree_with_a_plain_list(void)
{
    enum { MAX = 4096, PATHS = 3000 };
    static struct { int64_t zxid; int path; int32_t version; } list[MAX];
    struct outstanding_changes *oc = outstanding_changes_create();
    unsigned seed = 42;
    size_t first = 0, n = 0;
    int64_t zxid = 0;

    while (n < MAX) {
        int pick = (int) (rand_r(&seed) % 10);

        if (pick == 0 && n > first) {
            int64_t upto = list[first + (unsigned) rand_r(&seed)
                                            % (n - first)].zxid;

            outstanding_changes_remove_upto(oc, upto);
            while (first < n && list[first].zxid <= upto) {
                first++;
            }
        } else if (pick == 1 && n > first) {
            outstanding_changes_rollback(oc, zxid);
            while (n > first && list[n - 1].zxid == zxid) {
                n--;
            }
        } else {
            char path[32];

            zxid += rand_r(&seed) % 2;
            list[n].zxid = zxid;
            list[n].path = rand_r(&seed) % PATHS;
            list[n].version = (int32_t) (rand_r(&seed) % 1000);
            snprintf(path, sizeof path, "/n/%d", list[n].path);
            put(oc, zxid, path, list[n].version);
            n++;
        }
    }
    CU_ASSERT_EQUAL(outstanding_changes_size(oc), n - first);
    for (int p = 0; p < PATHS; p++) {
        int32_t expected = -1;
        char path[32];

        for (size_t i = first; i < n; i++) {
            expected = list[i].path == p ? list[i].version : expected;
        }
        snprintf(path, sizeof path, "/n/%d", p);
        CU_ASSERT_EQUAL(version_of(oc, path), expected);
    }
    outstanding_changes_destroy(oc);
}

/* ---- committed log ------------------------------------------------------ */

static void
commit(struct committed_log *cl, int64_t zxid)
{
    struct txn_bytes *t = txn_bytes_create(zxid, "x", 1);

    committed_log_add(cl, t);
    txn_bytes_unref(t);
}

static void
count_zxids(void *arg, struct txn_bytes *txn)
{
    *(int64_t *) arg += txn->zxid;
}

static void
test_the_committed_log_keeps_the_newest(void)
{
    struct committed_log *cl = committed_log_create(3);
    int64_t min, max, sum = 0;

    committed_log_bounds(cl, &min, &max);
    CU_ASSERT(min == 0 && max == 0);
    for (int64_t z = 1; z <= 5; z++) {
        commit(cl, z);
    }
    committed_log_bounds(cl, &min, &max);
    CU_ASSERT(min == 3 && max == 5);
    CU_ASSERT_EQUAL(committed_log_size(cl), 3);
    committed_log_each(cl, 3, count_zxids, &sum);
    CU_ASSERT_EQUAL(sum, 9);
    commit(cl, 5);                      /* Twice in a Java log: once here. */
    CU_ASSERT_EQUAL(committed_log_size(cl), 3);
    commit(cl, INT64_C(0x100000007));   /* A new epoch may start anywhere. */
    committed_log_bounds(cl, &min, &max);
    CU_ASSERT(min == 4 && max == INT64_C(0x100000007));
    committed_log_destroy(cl);
}

/* ---- stats -------------------------------------------------------------- */

static void
test_averages_print_as_java_prints_them(void)
{
    struct server_stats s;
    char text[32];

    server_stats_init(&s);
    server_stats_avg_latency(&s, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "0.0");
    CU_ASSERT_EQUAL(server_stats_min_latency(&s), 0);
    server_stats_latency(&s, 1000);
    server_stats_latency(&s, 2000);
    server_stats_avg_latency(&s, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "1.5");
    for (int i = 0; i < 5; i++) {
        server_stats_latency(&s, 4000);
    }
    server_stats_avg_latency(&s, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "3.2857");
    CU_ASSERT_EQUAL(server_stats_min_latency(&s), 1);
    CU_ASSERT_EQUAL(atomic_load(&s.max_latency_ms), 4);
    server_stats_response(&s, 100);
    server_stats_response(&s, 20);
    CU_ASSERT_EQUAL(atomic_load(&s.last_response_size), 20);
    CU_ASSERT_EQUAL(atomic_load(&s.min_response_size), 20);
    CU_ASSERT_EQUAL(atomic_load(&s.max_response_size), 100);
    server_stats_reset(&s);
    server_stats_avg_latency(&s, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "0.0");
}

static const struct zk_test tests[] = {
    { "paths that are fine", test_paths_that_are_fine },
    { "paths that are refused", test_paths_that_are_refused },
    { "malformed UTF-8 is refused wherever it ends",
      test_malformed_utf8_is_refused_wherever_it_ends },
    { "the newest change of a path counts",
      test_the_newest_change_of_a_path_counts },
    { "applied changes go and later ones stay",
      test_applied_changes_go_and_later_ones_stay },
    { "a rollback brings the older change back",
      test_a_rollback_brings_the_older_change_back },
    { "records share their ACLs", test_records_share_their_acls },
    { "clients cannot choose paths that collide",
      test_clients_cannot_choose_paths_that_collide },
    { "the root has one record however it is spelled",
      test_the_root_has_one_record_however_it_is_spelled },
    { "changes agree with a plain list",
      test_changes_agree_with_a_plain_list },
    { "the committed log keeps the newest",
      test_the_committed_log_keeps_the_newest },
    { "averages print as Java prints them",
      test_averages_print_as_java_prints_them },
};

ZK_TEST_MAIN("server", tests)
