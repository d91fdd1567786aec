/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tree_model.c: random histories, the tree held against the model after
 * every step; snapshots taken meanwhile; and Java's fuzzy snapshots with the
 * log replayed over them.
 */
#include <config.h>

#include "tree/data_tree_snapshot.h"

#include <stdlib.h>

#include "jute/input_archive.h"
#include "proto/acl_codec.h"
#include "tree_model.h"
#include "tree_random.h"
#include "util/zk_log.h"
#include "../lib/zk_test.h"

#define MAX_LEN 1000000
#define SEEDS 12
#define STEPS 400

static const struct data_tree_options options = {
    .digest_enabled = true,
    .extended_types_enabled = true,
};

/* A history: transactions one behind the other. */
struct history {
    struct zk_buf bytes;
    size_t *ends;
    size_t n;
};

static struct txn_view
history_at(const struct history *h, size_t i)
{
    size_t start = i == 0 ? 0 : h->ends[i - 1];
    struct txn_view v;

    if (txn_view_decode(&v, h->bytes.data + start, h->ends[i] - start,
                        MAX_LEN, NULL) != ZK_OK) {
        CU_FAIL_FATAL("a random transaction does not decode");
    }
    return v;
}

/* Makes the next transaction and applies it to the model. */
static void
history_step(struct history *h, struct tree_random *r)
{
    struct txn_view v;

    tree_random_txn(r, &h->bytes);
    h->ends = zk_xrealloc(h->ends, (h->n + 1) * sizeof *h->ends);
    h->ends[h->n++] = h->bytes.len;
    v = history_at(h, h->n - 1);
    tree_model_apply(r->model, &v);
}

static void
history_fini(struct history *h)
{
    zk_buf_fini(&h->bytes);
    free(h->ends);
}

static void
apply(struct data_tree *tree, const struct history *h, size_t i)
{
    struct txn_view v = history_at(h, i);

    data_tree_apply(tree, &v, NULL);
}

static struct tree_random
random_of(uint64_t seed, struct tree_model *m)
{
    struct tree_random r = { .state = seed * UINT64_C(0x9e3779b97f4a7c15),
                             .model = m, .ephemerals = true };

    tree_random_number(&r, 2);
    return r;
}

static void
equal_after_each_step(void)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct data_tree *tree = data_tree_create(&options);
        struct history h = { 0 };
        struct tree_model m;
        struct tree_random r;
        bool same = true;

        tree_model_init(&m);
        r = random_of(seed, &m);
        for (size_t i = 0; same && i < STEPS; i++) {
            history_step(&h, &r);
            apply(tree, &h, i);
            same = tree_model_equals(&m, tree);
        }
        if (!same) {
            printf("seed %d\n", (int) seed);
        }
        CU_ASSERT_TRUE(same);
        tree_model_fini(&m);
        history_fini(&h);
        data_tree_destroy(tree);
    }
}

/* Doing all of it again changes nothing but what replay may: the last run of
 * an equal history ends in an equal tree. */
static void
replay_onto_itself_ends_equal(void)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct data_tree *tree = data_tree_create(&options);
        struct history h = { 0 };
        struct tree_model m;
        struct tree_random r;

        tree_model_init(&m);
        r = random_of(seed + 100, &m);
        while (h.n < STEPS) {
            history_step(&h, &r);
        }
        for (size_t i = 0; i < 2 * h.n; i++) {
            apply(tree, &h, i % h.n);
        }
        /* Nodes that outlive the history keep what came last; all others
         * are made and deleted again. */
        CU_ASSERT_EQUAL(data_tree_node_count(tree), (int64_t) m.n + 1);
        CU_ASSERT_EQUAL((uint64_t) data_tree_digest(tree),
                        tree_model_digest(&m));
        tree_model_fini(&m);
        history_fini(&h);
        data_tree_destroy(tree);
    }
}

/* ---- snapshots -------------------------------------------------------- */

struct acl_row {
    int64_t id;
    struct zk_slice raw;
};

/* Reads a whole stream into a tree; true when all of it was well formed. */
static bool
load_stream(const struct zk_buf *stream, struct data_tree *tree,
            int64_t zxid, const int64_t *digest)
{
    struct input_archive ia;
    struct zk_errmsg em = { "" };
    int32_t n;
    int rv = ZK_OK;

    input_archive_init(&ia, stream->data, stream->len, MAX_LEN);
    data_tree_load_begin(tree);
    for (n = input_archive_int(&ia); n > 0; n--) {
        int64_t id = input_archive_long(&ia);

        data_tree_load_session(tree, id, input_archive_int(&ia));
    }
    for (n = input_archive_int(&ia); n > 0 && rv == ZK_OK; n--) {
        int64_t id = input_archive_long(&ia);
        struct zk_slice raw;

        rv = acl_raw_read(&ia, &raw);
        rv = rv == ZK_OK ? data_tree_load_acl(tree, id, raw, &em) : rv;
    }
    while (rv == ZK_OK && ia.err == ZK_OK) {
        struct zk_slice path = input_archive_slice(&ia), data;
        struct jute_stat_persisted st;
        int64_t acl;

        if (zk_slice_eq_str(path, "/")) {
            break;
        }
        data = input_archive_slice(&ia);
        acl = input_archive_long(&ia);
        rv = jute_stat_persisted_decode(&ia, &st);
        rv = rv == ZK_OK
             ? data_tree_load_node(tree, path, data, acl, &st, &em) : rv;
    }
    rv = rv == ZK_OK ? data_tree_load_end(tree, zxid, digest, &em) : rv;
    if (rv != ZK_OK) {
        printf("load: %s\n", em.text);
    }
    return rv == ZK_OK && ia.err == ZK_OK && ia.p == ia.end;
}

/* Writes a snapshot in steps with the history going on between them. */
static void
snapshot_while_writing(uint64_t seed)
{
    struct data_tree *tree = data_tree_create(&options);
    struct data_tree *copy = data_tree_create(&options);
    struct history h = { 0 };
    struct data_tree_snapshot *snap;
    struct tree_model m, then;
    struct tree_random r;
    struct zk_buf out = { 0 };
    int64_t zxid, digest;
    bool more = true;

    tree_model_init(&m);
    r = random_of(seed, &m);
    while (h.n < 100 + seed * 7) {
        history_step(&h, &r);
        apply(tree, &h, h.n - 1);
    }
    snap = data_tree_snapshot_begin(tree);
    CU_ASSERT_PTR_NULL(data_tree_snapshot_begin(tree));
    tree_model_copy(&then, &m);
    while (more) {
        for (uint64_t k = tree_random_number(&r, 8); k > 0; k--) {
            history_step(&h, &r);
            apply(tree, &h, h.n - 1);
        }
        more = data_tree_snapshot_next(
            snap, &out, 1 + (size_t) tree_random_number(&r, 600));
    }
    zxid = data_tree_snapshot_zxid(snap);
    digest = data_tree_snapshot_digest(snap);
    data_tree_snapshot_end(snap);
    CU_ASSERT_TRUE(tree_model_equals(&m, tree));
    CU_ASSERT_TRUE(load_stream(&out, copy, zxid, &digest));
    CU_ASSERT_TRUE(tree_model_equals(&then, copy));
    CU_ASSERT_TRUE(load_stream(&out, copy, zxid, NULL));
    CU_ASSERT_TRUE(tree_model_equals(&then, copy));
    /* The loaded tree lives on: its lazily computed CRCs are right. */
    CU_ASSERT_TRUE(load_stream(&out, copy, zxid, &digest));
    for (size_t i = 0; i < h.n; i++) {
        if (history_at(&h, i).zxid > zxid) {
            apply(copy, &h, i);
        }
    }
    CU_ASSERT_TRUE(tree_model_equals(&m, copy));
    zk_buf_fini(&out);
    tree_model_fini(&m);
    tree_model_fini(&then);
    history_fini(&h);
    data_tree_destroy(copy);
    data_tree_destroy(tree);
}

static void
snapshot_is_the_tree_at_its_begin(void)
{
    for (uint64_t seed = 1; seed <= 2 * SEEDS; seed++) {
        snapshot_while_writing(seed);
    }
}

/* ---- Java's fuzzy snapshots ------------------------------------------- */

struct fuzzy {
    struct history *h;
    struct tree_random *r;
    struct data_tree *to;
    struct acl_row *acls;       /* As they were at the start. */
    size_t n_acls;
    size_t until;               /* Length of the history. */
};

static int64_t
fuzzy_acl_id(const struct fuzzy *f, struct zk_slice raw)
{
    if (zk_slice_is_null(raw)) {
        return -1;
    }
    for (size_t i = 0; i < f->n_acls; i++) {
        if (zk_slice_eq(f->acls[i].raw, raw)) {
            return f->acls[i].id;
        }
    }
    return 999;                 /* Not in the file: ZOOKEEPER-4846. */
}

/* As Java does it: the node with the names of its children at one instant,
 * then each child at its own, with transactions in between. */
static void
fuzzy_put(struct fuzzy *f, const char *path)
{
    struct tree_model *m = f->r->model;
    const struct model_node *node;
    char **children;
    size_t n = 0;
    int rv;

    while (f->h->n < f->until && tree_random_number(f->r, 3) == 0) {
        history_step(f->h, f->r);
    }
    node = tree_model_find(m, zk_slice_str(path));
    if (node == NULL) {
        return;
    }
    children = zk_xcalloc(m->n, sizeof *children);
    for (size_t i = 0; i < m->n; i++) {
        const char *p = m->nodes[i].path;
        const char *slash = strrchr(p, '/');

        if (slash != NULL && (size_t) (slash - p) == strlen(path)
            && strncmp(p, path, strlen(path)) == 0) {
            children[n++] = zk_xstrdup(p);
        }
    }
    rv = data_tree_load_node(f->to, zk_slice_str(path), node->data,
                             fuzzy_acl_id(f, node->acl), &node->stat, NULL);
    CU_ASSERT_EQUAL(rv, ZK_OK);
    for (size_t i = 0; i < n; i++) {
        fuzzy_put(f, children[i]);
        free(children[i]);
    }
    free(children);
}

static void
fuzzy_acls(struct fuzzy *f)
{
    const struct tree_model *m = f->r->model;

    f->acls = zk_xcalloc(m->n, sizeof *f->acls);
    for (size_t i = 0; i < m->n; i++) {
        struct zk_slice raw = m->nodes[i].acl;

        if (fuzzy_acl_id(f, raw) == 999) {
            f->acls[f->n_acls] = (struct acl_row) {
                .id = (int64_t) f->n_acls + 1,
                .raw = zk_slice(zk_xmemdup(raw.p, (size_t) raw.len),
                                raw.len),
            };
            f->n_acls++;
        }
    }
    for (size_t i = 0; i < f->n_acls; i++) {
        CU_ASSERT_EQUAL(data_tree_load_acl(f->to, f->acls[i].id,
                                           f->acls[i].raw, NULL), ZK_OK);
    }
}

static void
fuzzy_once(uint64_t seed)
{
    struct history h = { 0 };
    struct tree_model m;
    struct tree_random r;
    struct fuzzy f = { .h = &h, .r = &r };
    size_t start;

    tree_model_init(&m);
    r = random_of(seed, &m);
    while (h.n < 60) {
        history_step(&h, &r);
    }
    start = h.n;
    f.until = h.n + 200;
    f.to = data_tree_create(&options);
    data_tree_load_begin(f.to);
    for (size_t i = 0; i < m.n_sessions; i++) {
        data_tree_load_session(f.to, m.sessions[i].id, m.sessions[i].timeout);
    }
    fuzzy_acls(&f);
    fuzzy_put(&f, "");
    CU_ASSERT_EQUAL(data_tree_load_end(f.to, (int64_t) start, NULL, NULL),
                    ZK_OK);
    for (size_t i = start; i < h.n; i++) {
        apply(f.to, &h, i);
    }
    if (!tree_model_equals(&m, f.to)) {
        printf("fuzzy seed %d\n", (int) seed);
        CU_FAIL("the replayed tree is not the live one");
    }
    for (size_t i = 0; i < f.n_acls; i++) {
        free((void *) (uintptr_t) f.acls[i].raw.p);
    }
    free(f.acls);
    tree_model_fini(&m);
    history_fini(&h);
    data_tree_destroy(f.to);
}

static void
log_replayed_over_a_fuzzy_snapshot(void)
{
    zk_log_set_level(ZK_LOG_ERROR);     /* ACL lists are missing on purpose. */
    for (uint64_t seed = 1; seed <= 20 * SEEDS; seed++) {
        fuzzy_once(seed);
    }
}

static const struct zk_test tests[] = {
    { "tree and model are equal after each transaction",
      equal_after_each_step },
    { "a history replayed onto its own end ends equal",
      replay_onto_itself_ends_equal },
    { "a snapshot is the tree as it was at its begin",
      snapshot_is_the_tree_at_its_begin },
    { "the log replayed over a fuzzy snapshot gives the live tree",
      log_replayed_over_a_fuzzy_snapshot },
};

ZK_TEST_MAIN("tree_model", tests)
