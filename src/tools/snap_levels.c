/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "tools/snap_levels.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util/zk_time.h"

struct snap_levels {
    unsigned magic;
#define SNAP_LEVELS_MAGIC 0x536e4c76

    struct snap_index *ix;
    bool damaged;
    struct snap_sum *sums;      /* By node. */
    uint32_t *nodes;            /* All of them, level by level. */
    uint32_t *starts;           /* depth + 1 places in 'nodes'. */
    uint32_t depth;
    uint32_t *children;         /* Of the node asked last. */
};

/* Paths of two nodes of one level, without making them: they differ first
 * where the ancestors have one parent.  A name that another begins with
 * ends there, or goes on with a slash. */
static int
sl_compare(const void *a, const void *b, void *arg)
{
    const struct snap_index *ix = arg;
    uint32_t x = *(const uint32_t *) a;
    uint32_t y = *(const uint32_t *) b;
    struct zk_slice p, q;
    bool inner = false;
    int32_t n;
    int which;

    if (x == y) {
        return 0;
    }
    while (snap_index_parent(ix, x) != snap_index_parent(ix, y)) {
        x = snap_index_parent(ix, x);
        y = snap_index_parent(ix, y);
        inner = true;
    }
    p = snap_index_name(ix, x);
    q = snap_index_name(ix, y);
    n = p.len < q.len ? p.len : q.len;
    which = java_compare(zk_slice(p.p, n), zk_slice(q.p, n));
    if (which != 0 || p.len == q.len) {
        return which;
    }
    if (!inner) {
        return p.len < q.len ? -1 : 1;
    }
    return p.len < q.len
           ? java_compare(ZK_SLICE_LIT("/"), zk_slice(q.p + n, 1))
           : java_compare(zk_slice(p.p + n, 1), ZK_SLICE_LIT("/"));
}

static void
sl_sort(const struct snap_levels *lv, uint32_t *v, size_t n)
{
    qsort_r(v, n, sizeof *v, sl_compare, lv->ix);
}

/* Counts the nodes of each level, then puts them there. */
static void
sl_lay_out(struct snap_levels *lv)
{
    uint32_t n = snap_index_count(lv->ix);
    uint32_t *depths = zk_xcalloc(n, sizeof *depths);
    uint32_t *at;

    for (uint32_t i = 1; i < n; i++) {
        depths[i] = depths[snap_index_parent(lv->ix, i)] + 1;
        lv->depth = depths[i] > lv->depth ? depths[i] : lv->depth;
    }
    lv->depth++;
    lv->starts = zk_xcalloc((size_t) lv->depth + 1, sizeof *lv->starts);
    for (uint32_t i = 0; i < n; i++) {
        lv->starts[depths[i] + 1]++;
    }
    for (uint32_t d = 0; d < lv->depth; d++) {
        lv->starts[d + 1] += lv->starts[d];
    }
    at = zk_xmemdup(lv->starts, lv->depth * sizeof *at);
    lv->nodes = zk_xcalloc(n, sizeof *lv->nodes);
    for (uint32_t i = 0; i < n; i++) {
        lv->nodes[at[depths[i]]++] = i;
    }
    for (uint32_t d = 0; d < lv->depth; d++) {
        sl_sort(lv, lv->nodes + lv->starts[d],
                lv->starts[d + 1] - lv->starts[d]);
    }
    free(at);
    free(depths);
}

static double
sl_seconds_since(int64_t start_us)
{
    return (double) (zk_time_mono_us() - start_us) / 1e6;
}

int
snap_levels_read(const char *path, int32_t max_buffer, struct tool_out *out,
                 struct snap_levels **levels, struct zk_errmsg *em)
{
    const struct snap_index_options opts = { .max_buffer = max_buffer };
    const char *slash = strrchr(path, '/');
    int64_t start = zk_time_mono_us();
    struct snap_levels *lv;
    struct snap_index *ix;
    struct zk_errmsg damage;
    bool damaged;
    int rv;

    rv = snap_index_read(path, &opts, &ix, &damage, em);
    if (rv != ZK_OK) {
        return rv;
    }
    zk_buf_printf(&out->buf, "Deserialized snapshot in %s in %f seconds\n",
                  slash != NULL ? slash + 1 : path, sl_seconds_since(start));
    damaged = damage.text[0] != '\0';
    if (damaged) {
        tool_out_flush(out);
        tool_fail("%s", damage.text);
    }
    start = zk_time_mono_us();
    lv = zk_xcalloc(1, sizeof *lv);
    lv->magic = SNAP_LEVELS_MAGIC;
    lv->ix = ix;
    lv->damaged = damaged;
    lv->sums = snap_index_sums(ix);
    sl_lay_out(lv);
    zk_buf_printf(&out->buf, "Processed data tree in %f seconds\n",
                  sl_seconds_since(start));
    *levels = lv;
    return ZK_OK;
}

bool
snap_levels_is_damaged(const struct snap_levels *lv)
{
    ZK_CHECK(lv, SNAP_LEVELS_MAGIC);
    return lv->damaged;
}

void
snap_levels_destroy(struct snap_levels *lv)
{
    if (lv == NULL) {
        return;
    }
    ZK_CHECK(lv, SNAP_LEVELS_MAGIC);
    snap_index_destroy(lv->ix);
    free(lv->sums);
    free(lv->nodes);
    free(lv->starts);
    free(lv->children);
    lv->magic = 0;
    free(lv);
}

const struct snap_index *
snap_levels_index(const struct snap_levels *lv)
{
    ZK_CHECK(lv, SNAP_LEVELS_MAGIC);
    return lv->ix;
}

uint32_t
snap_levels_depth(const struct snap_levels *lv)
{
    ZK_CHECK(lv, SNAP_LEVELS_MAGIC);
    return lv->depth;
}

uint32_t
snap_levels_level(const struct snap_levels *lv, uint32_t depth,
                  const uint32_t **nodes)
{
    ZK_CHECK(lv, SNAP_LEVELS_MAGIC);
    *nodes = lv->nodes;
    if (depth >= lv->depth) {
        return 0;
    }
    *nodes += lv->starts[depth];
    return lv->starts[depth + 1] - lv->starts[depth];
}

uint32_t
snap_levels_children(struct snap_levels *lv, uint32_t node,
                     const uint32_t **nodes)
{
    const uint32_t *children;
    uint32_t n;

    ZK_CHECK(lv, SNAP_LEVELS_MAGIC);
    n = snap_index_children(lv->ix, node, &children);
    lv->children = zk_xrealloc(lv->children, (n + 1) * sizeof *children);
    memcpy(lv->children, children, n * sizeof *children);
    sl_sort(lv, lv->children, n);
    *nodes = lv->children;
    return n;
}

const struct snap_sum *
snap_levels_sum(const struct snap_levels *lv, uint32_t node)
{
    ZK_CHECK(lv, SNAP_LEVELS_MAGIC);
    return &lv->sums[node];
}

void
snap_levels_describe(const struct snap_levels *lv, struct zk_buf *out)
{
    ZK_CHECK(lv, SNAP_LEVELS_MAGIC);
    zk_buf_printf(out, "Node count: %" PRIu32 "\nTotal size: %" PRId64
                  "\nMax depth: %" PRIu32 "\n", snap_index_count(lv->ix),
                  lv->sums[0].bytes, lv->depth);
    for (uint32_t d = 0; d < lv->depth; d++) {
        zk_buf_printf(out, "Count of nodes at depth %" PRIu32 ": %" PRIu32
                      "\n", d, lv->starts[d + 1] - lv->starts[d]);
    }
    zk_buf_append(out, "\n", 1);
}
