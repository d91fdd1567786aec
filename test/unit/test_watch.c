/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "watch/watch_manager.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "test/lib/zk_test.h"
#include "util/zk_buf.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"
#include "util/sip_hash.h"
#include "watch/watch_table.h"

#define ZXID 0x100000007

/* A watcher that writes down what it is told, as "2/a " for NodeDeleted of
 * /a. */
struct recorder {
    struct watcher w;
    int64_t session_id;
    int64_t zxid;
    struct zk_buf seen;
    char acl[16];
};

static struct watch_manager *wm;
static struct recorder r1;
static struct recorder r2;

static void
rec_process(struct watcher *w, const struct watched_event *e)
{
    struct recorder *r = ZK_CONTAINER_OF(w, struct recorder, w);

    zk_buf_printf(&r->seen, "%d%.*s ", (int) e->type, (int) e->path.len,
                  e->path.p);
    r->zxid = e->zxid;
    snprintf(r->acl, sizeof r->acl, "%.*s", (int) e->acl.len, e->acl.p);
}

static int64_t
rec_session_id(const struct watcher *w)
{
    return ZK_CONTAINER_OF_CONST(w, struct recorder, w)->session_id;
}

static void
rec_init(struct recorder *r, int64_t session_id)
{
    memset(r, 0, sizeof *r);
    r->w.process = rec_process;
    r->w.session_id = rec_session_id;
    r->session_id = session_id;
}

static void
begin(void)
{
    wm = watch_manager_create();
    rec_init(&r1, 0x100001d92ec0011);
    rec_init(&r2, (int64_t) 0xf00001d92ec00027U);
}

static void
end(void)
{
    struct watch_counts c;

    watch_manager_remove_watcher(wm, &r1.w);
    watch_manager_remove_watcher(wm, &r2.w);
    watch_manager_counts(wm, &c);
    CU_ASSERT_EQUAL(c.data_rows, 0);
    CU_ASSERT_EQUAL(c.child_rows, 0);
    CU_ASSERT_EQUAL(c.data_paths, 0);
    CU_ASSERT_EQUAL(c.data_watchers, 0);
    watch_manager_destroy(wm);
    zk_buf_fini(&r1.seen);
    zk_buf_fini(&r2.seen);
}

/* Fails unless the recorder has seen exactly this since the last call. */
#define SAW(r, text)                                                      \
    do {                                                                  \
        zk_buf_append(&(r)->seen, "", 1);                                 \
        CU_ASSERT_STRING_EQUAL((const char *) (r)->seen.data, text);      \
        zk_buf_clear(&(r)->seen);                                         \
    } while (0)

static void
add(struct recorder *r, const char *path, enum watch_kind kind)
{
    watch_manager_add(wm, zk_slice_str(path), &r->w, kind);
}

static bool
has(struct recorder *r, const char *path, enum watcher_type type)
{
    return watch_manager_contains(wm, zk_slice_str(path), &r->w, type);
}

static bool
drop(struct recorder *r, const char *path, enum watcher_type type)
{
    return watch_manager_remove(wm, zk_slice_str(path), &r->w, type);
}

static void
created(const char *path, const char *parent)
{
    watch_manager_node_created(wm, zk_slice_str(path), zk_slice_str(parent),
                               ZXID, ZK_SLICE_LIT("own"),
                               ZK_SLICE_LIT("parent"));
}

static void
deleted(const char *path, const char *parent)
{
    watch_manager_node_deleted(wm, zk_slice_str(path), zk_slice_str(parent),
                               ZXID, ZK_SLICE_LIT("own"),
                               ZK_SLICE_LIT("parent"));
}

static void
changed(const char *path)
{
    watch_manager_node_data_changed(wm, zk_slice_str(path), ZXID,
                                    ZK_SLICE_LIT("own"));
}

static void
test_one_shot_fires_once(void)
{
    begin();
    add(&r1, "/a", WATCH_KIND_DATA);
    changed("/b");
    SAW(&r1, "");
    changed("/a");
    SAW(&r1, "3/a ");
    CU_ASSERT_EQUAL(r1.zxid, ZXID);
    CU_ASSERT_STRING_EQUAL(r1.acl, "own");
    changed("/a");
    SAW(&r1, "");
    CU_ASSERT_FALSE(has(&r1, "/a", WATCHER_TYPE_ANY));
    end();
}

static void
test_adding_twice_is_adding_once(void)
{
    struct watch_counts c;

    begin();
    add(&r1, "/a", WATCH_KIND_DATA);
    add(&r1, "/a", WATCH_KIND_DATA);
    watch_manager_counts(wm, &c);
    CU_ASSERT_EQUAL(c.data_rows, 1);
    changed("/a");
    SAW(&r1, "3/a ");
    end();
}

static void
test_exists_watch_fires_on_create(void)
{
    begin();
    add(&r1, "/a/b", WATCH_KIND_DATA);
    created("/a/b", "/a");
    SAW(&r1, "1/a/b ");
    end();
}

static void
test_create_tells_data_then_parents_children(void)
{
    begin();
    add(&r1, "/a", WATCH_KIND_CHILD);
    add(&r1, "/a/b", WATCH_KIND_DATA);
    add(&r2, "/a", WATCH_KIND_CHILD);
    created("/a/b", "/a");
    SAW(&r1, "1/a/b 4/a ");
    SAW(&r2, "4/a ");
    CU_ASSERT_STRING_EQUAL(r2.acl, "parent");
    end();
}

static void
test_child_watch_ignores_data_and_data_ignores_children(void)
{
    begin();
    add(&r1, "/a", WATCH_KIND_CHILD);
    add(&r2, "/a", WATCH_KIND_DATA);
    changed("/a");
    SAW(&r1, "");
    SAW(&r2, "3/a ");
    add(&r2, "/a", WATCH_KIND_DATA);
    created("/a/x", "/a");
    SAW(&r1, "4/a ");
    SAW(&r2, "");
    end();
}

static void
test_root_is_parent_of_top_nodes(void)
{
    begin();
    add(&r1, "/", WATCH_KIND_CHILD);
    created("/a", "/");
    SAW(&r1, "4/ ");
    end();
}

static void
test_delete_order_data_child_parent(void)
{
    begin();
    add(&r1, "/a/b", WATCH_KIND_DATA);
    add(&r1, "/a", WATCH_KIND_CHILD);
    add(&r2, "/a/b", WATCH_KIND_CHILD);
    deleted("/a/b", "/a");
    SAW(&r1, "2/a/b 4/a ");
    SAW(&r2, "2/a/b ");
    CU_ASSERT_STRING_EQUAL(r2.acl, "own");
    end();
}

static void
test_data_and_child_watch_get_one_deletion(void)
{
    begin();
    add(&r1, "/a", WATCH_KIND_DATA);
    add(&r1, "/a", WATCH_KIND_CHILD);
    deleted("/a", "/");
    SAW(&r1, "2/a ");
    CU_ASSERT_FALSE(has(&r1, "/a", WATCHER_TYPE_ANY));
    end();
}

static void
test_ancestors_recursive_row_suppresses_childs_deletion(void)
{
    begin();
    add(&r1, "/", WATCH_KIND_RECURSIVE);
    add(&r1, "/a/b", WATCH_KIND_CHILD);
    deleted("/a/b", "/a");
    SAW(&r1, "2/a/b ");
    CU_ASSERT_FALSE(has(&r1, "/a/b", WATCHER_TYPE_CHILDREN));
    end();
}

static void
test_persistent_stays_and_sees_all_four(void)
{
    begin();
    add(&r1, "/a", WATCH_KIND_PERSISTENT);
    created("/a", "/");
    changed("/a");
    created("/a/b", "/a");
    changed("/a/b");
    deleted("/a/b", "/a");
    deleted("/a", "/");
    SAW(&r1, "1/a 3/a 4/a 4/a 2/a ");
    CU_ASSERT_TRUE(has(&r1, "/a", WATCHER_TYPE_PERSISTENT));
    end();
}

static void
test_persistent_and_standard_get_one_event(void)
{
    begin();
    add(&r1, "/a", WATCH_KIND_PERSISTENT);
    add(&r1, "/a", WATCH_KIND_DATA);
    add(&r1, "/a", WATCH_KIND_CHILD);
    changed("/a");
    SAW(&r1, "3/a ");
    CU_ASSERT_FALSE(has(&r1, "/a", WATCHER_TYPE_DATA));
    CU_ASSERT_TRUE(has(&r1, "/a", WATCHER_TYPE_CHILDREN));
    created("/a/b", "/a");
    SAW(&r1, "4/a ");
    CU_ASSERT_FALSE(has(&r1, "/a", WATCHER_TYPE_CHILDREN));
    deleted("/a", "/");
    SAW(&r1, "2/a ");
    CU_ASSERT_TRUE(has(&r1, "/a", WATCHER_TYPE_PERSISTENT));
    end();
}

static void
test_recursive_sees_the_subtree_but_no_child_events(void)
{
    begin();
    add(&r1, "/a", WATCH_KIND_RECURSIVE);
    created("/a", "/");
    created("/a/b", "/a");
    created("/a/b/c", "/a/b");
    changed("/a/b/c");
    deleted("/a/b/c", "/a/b");
    created("/ab", "/");
    changed("/");
    SAW(&r1, "1/a 1/a/b 1/a/b/c 3/a/b/c 2/a/b/c ");
    CU_ASSERT_TRUE(has(&r1, "/a", WATCHER_TYPE_PERSISTENT_RECURSIVE));
    end();
}

static void
test_recursive_root_matches_all(void)
{
    begin();
    add(&r1, "/", WATCH_KIND_RECURSIVE);
    changed("/");
    changed("/x");
    changed("/x/y/z");
    SAW(&r1, "3/ 3/x 3/x/y/z ");
    end();
}

static void
test_several_recursive_rows_give_one_event(void)
{
    begin();
    add(&r1, "/", WATCH_KIND_RECURSIVE);
    add(&r1, "/a", WATCH_KIND_RECURSIVE);
    add(&r1, "/a/b", WATCH_KIND_RECURSIVE);
    add(&r1, "/a/b", WATCH_KIND_DATA);
    changed("/a/b");
    SAW(&r1, "3/a/b ");
    CU_ASSERT_FALSE(has(&r1, "/a/b", WATCHER_TYPE_DATA));
    CU_ASSERT_TRUE(has(&r1, "/a/b", WATCHER_TYPE_PERSISTENT_RECURSIVE));
    end();
}

static void
test_recursive_stops_once_removed(void)
{
    begin();
    add(&r1, "/a", WATCH_KIND_RECURSIVE);
    add(&r1, "/a", WATCH_KIND_CHILD);
    CU_ASSERT_TRUE(drop(&r1, "/a", WATCHER_TYPE_PERSISTENT_RECURSIVE));
    changed("/a/b");
    changed("/a");
    SAW(&r1, "");
    created("/a/b", "/a");
    SAW(&r1, "4/a ");
    end();
}

static void
test_contains_looks_at_the_asked_kind_only(void)
{
    begin();
    CU_ASSERT_FALSE(has(&r1, "/a", WATCHER_TYPE_ANY));
    add(&r1, "/a", WATCH_KIND_PERSISTENT);
    CU_ASSERT_FALSE(has(&r1, "/a", WATCHER_TYPE_DATA));
    CU_ASSERT_FALSE(has(&r1, "/a", WATCHER_TYPE_CHILDREN));
    CU_ASSERT_FALSE(has(&r1, "/a", WATCHER_TYPE_PERSISTENT_RECURSIVE));
    CU_ASSERT_TRUE(has(&r1, "/a", WATCHER_TYPE_PERSISTENT));
    CU_ASSERT_TRUE(has(&r1, "/a", WATCHER_TYPE_ANY));
    CU_ASSERT_FALSE(has(&r1, "/a", (enum watcher_type) 6));
    CU_ASSERT_FALSE(has(&r2, "/a", WATCHER_TYPE_ANY));
    CU_ASSERT_FALSE(has(&r1, "/a/b", WATCHER_TYPE_ANY));
    add(&r2, "/a", WATCH_KIND_RECURSIVE);
    CU_ASSERT_TRUE(has(&r2, "/a", WATCHER_TYPE_PERSISTENT_RECURSIVE));
    CU_ASSERT_FALSE(has(&r2, "/a/b", WATCHER_TYPE_ANY));
    end();
}

static void
test_remove_takes_the_asked_kind_of_one_watcher(void)
{
    begin();
    add(&r1, "/a", WATCH_KIND_DATA);
    add(&r1, "/a", WATCH_KIND_CHILD);
    add(&r1, "/a", WATCH_KIND_PERSISTENT);
    add(&r2, "/a", WATCH_KIND_DATA);
    CU_ASSERT_FALSE(drop(&r1, "/b", WATCHER_TYPE_ANY));
    CU_ASSERT_FALSE(drop(&r1, "/a", WATCHER_TYPE_PERSISTENT_RECURSIVE));
    CU_ASSERT_TRUE(drop(&r1, "/a", WATCHER_TYPE_DATA));
    CU_ASSERT_FALSE(drop(&r1, "/a", WATCHER_TYPE_DATA));
    CU_ASSERT_TRUE(has(&r1, "/a", WATCHER_TYPE_CHILDREN));
    CU_ASSERT_TRUE(has(&r1, "/a", WATCHER_TYPE_PERSISTENT));
    CU_ASSERT_TRUE(drop(&r1, "/a", WATCHER_TYPE_ANY));
    CU_ASSERT_FALSE(drop(&r1, "/a", WATCHER_TYPE_ANY));
    changed("/a");
    SAW(&r1, "");
    SAW(&r2, "3/a ");
    end();
}

static void
test_closed_watcher_gets_nothing_more(void)
{
    begin();
    add(&r1, "/a", WATCH_KIND_DATA);
    add(&r1, "/b", WATCH_KIND_RECURSIVE);
    add(&r2, "/a", WATCH_KIND_DATA);
    watch_manager_remove_watcher(wm, &r1.w);
    add(&r1, "/a", WATCH_KIND_DATA);
    changed("/a");
    changed("/b/c");
    SAW(&r1, "");
    SAW(&r2, "3/a ");
    CU_ASSERT_PTR_NULL(r1.w.rows);
    end();
}

static void
test_counts_see_pairs_of_path_and_watcher(void)
{
    struct watch_counts c;

    begin();
    add(&r1, "/a", WATCH_KIND_DATA);
    add(&r1, "/a", WATCH_KIND_PERSISTENT);
    add(&r1, "/b", WATCH_KIND_CHILD);
    add(&r2, "/a", WATCH_KIND_RECURSIVE);
    watch_manager_counts(wm, &c);
    CU_ASSERT_EQUAL(c.data_rows, 2);
    CU_ASSERT_EQUAL(c.child_rows, 2);
    CU_ASSERT_EQUAL(c.data_paths, 1);
    CU_ASSERT_EQUAL(c.data_watchers, 2);
    end();
}

/* Expected texts are what a Java server printed for these watches. */
static void
test_reports_read_as_java_prints_them(void)
{
    struct zk_buf out = { 0 };

    begin();
    add(&r1, "/zookeeper", WATCH_KIND_DATA);
    add(&r2, "/zookeeper", WATCH_KIND_CHILD);
    watch_manager_report_summary(wm, &out);
    watch_manager_report_by_path(wm, &out);
    watch_manager_report_by_session(wm, &out);
    zk_buf_append(&out, "", 1);
    CU_ASSERT_STRING_EQUAL((const char *) out.data,
        "1 connections watching 1 paths\nTotal watches:1\n"
        "/zookeeper\n\t0x100001d92ec0011\n\n"
        "0x100001d92ec0011\n\t/zookeeper\n\n");
    zk_buf_fini(&out);
    end();
}

static void
test_reports_group_rows(void)
{
    struct zk_buf out = { 0 };

    begin();
    add(&r2, "/a", WATCH_KIND_RECURSIVE);
    add(&r1, "/a", WATCH_KIND_DATA);
    watch_manager_report_by_path(wm, &out);
    zk_buf_append(&out, "", 1);
    CU_ASSERT_STRING_EQUAL((const char *) out.data,
        "/a\n\t0x100001d92ec0011\n\t0xf00001d92ec00027\n\n");
    zk_buf_clear(&out);
    watch_manager_report_summary(wm, &out);
    zk_buf_append(&out, "", 1);
    CU_ASSERT_STRING_EQUAL((const char *) out.data,
        "2 connections watching 1 paths\nTotal watches:2\n");
    zk_buf_clear(&out);
    drop(&r2, "/a", WATCHER_TYPE_ANY);
    add(&r1, "/b", WATCH_KIND_DATA);
    watch_manager_report_by_session(wm, &out);
    zk_buf_append(&out, "", 1);
    CU_ASSERT_STRING_EQUAL((const char *) out.data,
        "0x100001d92ec0011\n\t/b\n\t/a\n\n");
    zk_buf_fini(&out);
    end();
}

static void
test_no_rows_print_an_empty_line(void)
{
    struct zk_buf out = { 0 };

    begin();
    watch_manager_report_by_path(wm, &out);
    watch_manager_report_by_session(wm, &out);
    CU_ASSERT_EQUAL(out.len, 2);
    watch_manager_report_summary(wm, &out);
    zk_buf_append(&out, "", 1);
    CU_ASSERT_STRING_EQUAL((const char *) out.data,
        "\n\n0 connections watching 0 paths\nTotal watches:0\n");
    zk_buf_fini(&out);
    end();
}

/* --- the table against a plain model --- */

#define MODEL_PATHS 40
#define MODEL_WATCHERS 12

static struct recorder many[MODEL_WATCHERS];
static unsigned model[MODEL_PATHS][MODEL_WATCHERS];
static const unsigned kind_of_bit[] = {
    WATCH_KIND_DATA, WATCH_KIND_CHILD, WATCH_KIND_PERSISTENT,
    WATCH_KIND_RECURSIVE
};

static uint32_t
next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Paths /0 .. /9, /0/0 .. /0/9 and so on: some below others. */
static void
model_path(unsigned i, char *out, size_t size)
{
    if (i < 10) {
        snprintf(out, size, "/%u", i);
    } else {
        snprintf(out, size, "/%u/%u", i / 10, i % 10);
    }
}

static void
model_check(void)
{
    struct watch_counts c;
    size_t data = 0;
    size_t child = 0;

    for (unsigned p = 0; p < MODEL_PATHS; p++) {
        char path[32];

        model_path(p, path, sizeof path);
        for (unsigned w = 0; w < MODEL_WATCHERS; w++) {
            unsigned k = model[p][w];

            data += (k & WATCH_DATA_KINDS) != 0;
            child += (k & WATCH_CHILD_KINDS) != 0;
            CU_ASSERT_EQUAL(has(&many[w], path, WATCHER_TYPE_DATA),
                            (k & WATCH_KIND_DATA) != 0);
            CU_ASSERT_EQUAL(has(&many[w], path, WATCHER_TYPE_CHILDREN),
                            (k & WATCH_KIND_CHILD) != 0);
            CU_ASSERT_EQUAL(has(&many[w], path, WATCHER_TYPE_ANY), k != 0);
        }
    }
    watch_manager_counts(wm, &c);
    CU_ASSERT_EQUAL(c.data_rows, data);
    CU_ASSERT_EQUAL(c.child_rows, child);
}

/* A data change of path p: who is told, and what is spent. */
static void
model_change(unsigned p)
{
    char path[32];

    model_path(p, path, sizeof path);
    changed(path);
    for (unsigned w = 0; w < MODEL_WATCHERS; w++) {
        unsigned k = model[p][w] & WATCH_DATA_KINDS;
        size_t events = 0;

        if (p >= 10) {
            k |= model[p / 10][w] & WATCH_KIND_RECURSIVE;
        }
        for (size_t i = 0; i < many[w].seen.len; i++) {
            events += many[w].seen.data[i] == ' ';
        }
        CU_ASSERT_EQUAL(events, k != 0);
        zk_buf_clear(&many[w].seen);
        model[p][w] &= ~(unsigned) WATCH_KIND_DATA;
    }
}

static void
test_table_agrees_with_a_plain_model(void)
{
    uint32_t seed = 20260801;

    begin();
    memset(model, 0, sizeof model);
    for (unsigned w = 0; w < MODEL_WATCHERS; w++) {
        rec_init(&many[w], w + 1);
    }
    for (int step = 0; step < 20000; step++) {
        unsigned p = next_random(&seed) % MODEL_PATHS;
        unsigned w = next_random(&seed) % MODEL_WATCHERS;
        unsigned bit = next_random(&seed) % 4;
        char path[32];

        model_path(p, path, sizeof path);
        switch (next_random(&seed) % 4) {
        case 0:
            CU_ASSERT_EQUAL(drop(&many[w], path, WATCHER_TYPE_ANY),
                            model[p][w] != 0);
            model[p][w] = 0;
            break;
        case 1:
            model_change(p);
            break;
        default:
            add(&many[w], path, (enum watch_kind) kind_of_bit[bit]);
            model[p][w] |= kind_of_bit[bit];
            break;
        }
        if (step % 500 == 0) {
            model_check();
        }
    }
    model_check();
    for (unsigned w = 0; w < MODEL_WATCHERS; w++) {
        watch_manager_remove_watcher(wm, &many[w].w);
        zk_buf_fini(&many[w].seen);
    }
    end();
}

static void
test_many_rows_grow_and_shrink(void)
{
    struct watch_counts c;

    begin();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 20000; i++) {
            char path[32];

            snprintf(path, sizeof path, "/n%d", i);
            add(&r1, path, WATCH_KIND_DATA);
            add(&r2, path, WATCH_KIND_CHILD);
        }
        watch_manager_counts(wm, &c);
        CU_ASSERT_EQUAL(c.data_rows, 20000);
        CU_ASSERT_EQUAL(c.data_paths, 20000);
        CU_ASSERT_EQUAL(c.child_rows, 20000);
        for (int i = 0; i < 20000; i++) {
            char path[32];

            snprintf(path, sizeof path, "/n%d", i);
            deleted(path, "/");
        }
        watch_manager_counts(wm, &c);
        CU_ASSERT_EQUAL(c.data_rows + c.child_rows, 0);
        zk_buf_clear(&r1.seen);
        zk_buf_clear(&r2.seen);
    }
    end();
}

/* Golden values: CPython's hash() of bytes with key 0 is SipHash-1-3. */
static void
test_sip_hash_golden(void)
{
    static const struct sip_key zero;
    struct sip_key a;
    struct sip_key b;

    CU_ASSERT_EQUAL(sip_hash(&zero, "a", 1), 0x407448d2b89b1813U);
    CU_ASSERT_EQUAL(sip_hash(&zero, "/a/b/c/d", 8), 0xfa24fd29fbf979fcU);
    CU_ASSERT_EQUAL(sip_hash(&zero, "/zookeeper/config", 17),
                    0x27df5de2a8425fdfU);
    CU_ASSERT_EQUAL(sip_hash(&zero, "12345678", 8), 0x3489982430560a87U);
    sip_key_random(&a);
    sip_key_random(&b);
    CU_ASSERT_NOT_EQUAL(sip_hash(&a, "/a", 2), sip_hash(&b, "/a", 2));
}

/* --- threads --- */

#define RACE_ROUNDS 3000

struct racer {
    struct watcher w;
    _Atomic unsigned events;
    atomic_bool gone;
    struct zk_thread thread;
    unsigned id;
};

static atomic_bool race_over;

static void
race_process(struct watcher *w, const struct watched_event *e)
{
    struct racer *r = ZK_CONTAINER_OF(w, struct racer, w);

    (void) e;
    if (atomic_load(&r->gone)) {
        abort();                /* Told after its rows were removed. */
    }
    atomic_fetch_add(&r->events, 1);
}

static int64_t
race_session_id(const struct watcher *w)
{
    return ZK_CONTAINER_OF_CONST(w, struct racer, w)->id;
}

static void
race_run(void *arg)
{
    struct racer *r = arg;
    int64_t deadline = zk_time_mono_ms() + 30000;
    uint32_t seed = r->id;

    /* On until it was told of something: the others may come late. */
    for (int i = 0; i < RACE_ROUNDS
                    || (atomic_load(&r->events) == 0
                        && zk_time_mono_ms() < deadline); i++) {
        unsigned bit = next_random(&seed) % 4;
        char path[32];

        model_path(next_random(&seed) % MODEL_PATHS, path, sizeof path);
        watch_manager_add(wm, zk_slice_str(path), &r->w,
                          (enum watch_kind) kind_of_bit[bit]);
        if (i % 3 == 0) {
            (void) watch_manager_remove(wm, zk_slice_str(path), &r->w,
                                        WATCHER_TYPE_ANY);
        }
    }
    watch_manager_remove_watcher(wm, &r->w);
    atomic_store(&r->gone, true);
}

static void
race_trigger(void *arg)
{
    uint32_t seed = 7;

    (void) arg;
    while (!atomic_load(&race_over)) {
        char path[32];

        model_path(next_random(&seed) % MODEL_PATHS, path, sizeof path);
        changed(path);
        created(path, "/");
        deleted(path, "/");
    }
}

static void
race_report(void *arg)
{
    (void) arg;
    while (!atomic_load(&race_over)) {
        struct zk_buf out = { 0 };

        watch_manager_report_by_path(wm, &out);
        watch_manager_report_by_session(wm, &out);
        watch_manager_report_summary(wm, &out);
        zk_buf_fini(&out);
    }
}

static void
test_threads_add_remove_and_trigger(void)
{
    struct racer racers[4];
    struct zk_thread trigger;
    struct zk_thread report;
    unsigned events = 0;

    begin();
    memset(racers, 0, sizeof racers);
    atomic_store(&race_over, false);
    for (unsigned i = 0; i < ZK_ARRAY_SIZE(racers); i++) {
        racers[i].w.process = race_process;
        racers[i].w.session_id = race_session_id;
        racers[i].id = i + 1;
        zk_thread_start(&racers[i].thread, race_run, &racers[i], "racer:%u",
                        i);
    }
    zk_thread_start(&trigger, race_trigger, NULL, "trigger");
    zk_thread_start(&report, race_report, NULL, "report");
    for (unsigned i = 0; i < ZK_ARRAY_SIZE(racers); i++) {
        zk_thread_join(&racers[i].thread);
        events += atomic_load(&racers[i].events);
    }
    atomic_store(&race_over, true);
    zk_thread_join(&trigger);
    zk_thread_join(&report);
    CU_ASSERT(events > 0);
    end();
}

static const struct zk_test tests[] = {
    { "a one-shot watch fires once", test_one_shot_fires_once },
    { "adding twice is adding once", test_adding_twice_is_adding_once },
    { "an exists watch fires on create", test_exists_watch_fires_on_create },
    { "create tells data watchers, then the parent's children",
      test_create_tells_data_then_parents_children },
    { "child watches ignore data, data watches ignore children",
      test_child_watch_ignores_data_and_data_ignores_children },
    { "the root is the parent of top nodes",
      test_root_is_parent_of_top_nodes },
    { "delete tells data, child, parent in this order",
      test_delete_order_data_child_parent },
    { "data and child watch together get one deletion",
      test_data_and_child_watch_get_one_deletion },
    { "a recursive row above and a child watch get one deletion",
      test_ancestors_recursive_row_suppresses_childs_deletion },
    { "a persistent watch stays and sees all four events",
      test_persistent_stays_and_sees_all_four },
    { "persistent and standard rows get one event",
      test_persistent_and_standard_get_one_event },
    { "a recursive watch sees the subtree, no child events",
      test_recursive_sees_the_subtree_but_no_child_events },
    { "a recursive watch on the root matches all",
      test_recursive_root_matches_all },
    { "several recursive rows give one event",
      test_several_recursive_rows_give_one_event },
    { "a removed recursive watch stops", test_recursive_stops_once_removed },
    { "contains looks at the asked kind only",
      test_contains_looks_at_the_asked_kind_only },
    { "remove takes the asked kind of one watcher",
      test_remove_takes_the_asked_kind_of_one_watcher },
    { "a closed watcher gets nothing more",
      test_closed_watcher_gets_nothing_more },
    { "counts see pairs of path and watcher",
      test_counts_see_pairs_of_path_and_watcher },
    { "reports read as Java prints them",
      test_reports_read_as_java_prints_them },
    { "reports group rows", test_reports_group_rows },
    { "no rows print an empty line", test_no_rows_print_an_empty_line },
    { "the table agrees with a plain model",
      test_table_agrees_with_a_plain_model },
    { "many rows grow and shrink", test_many_rows_grow_and_shrink },
    { "SipHash golden values", test_sip_hash_golden },
    { "threads add, remove and trigger at once",
      test_threads_add_remove_and_trigger },
};

ZK_TEST_MAIN("watch", tests)
