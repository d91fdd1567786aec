/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/snap_index_internal.h"

/* 16 MB of what was read last: children stand near each other, but not in the
 * order in which they are printed. */
#define SI_BLOCKS 2048
#define SI_QUOTA "/zookeeper/quota"
#define SI_LIMITS "zookeeper_limits"
#define SI_STATS "zookeeper_stats"

uint32_t
snap_index_count(const struct snap_index *ix)
{
    ZK_CHECK(ix, SNAP_INDEX_MAGIC);
    return ix->n;
}

const struct snap_session *
snap_index_sessions(const struct snap_index *ix, size_t *n)
{
    ZK_CHECK(ix, SNAP_INDEX_MAGIC);
    *n = ix->n_sessions;
    return ix->sessions;
}

struct zk_slice
snap_index_name(const struct snap_index *ix, uint32_t node)
{
    size_t start = ix->v[node].name;
    size_t end = node + 1 < ix->n ? ix->v[node + 1].name : ix->names.len;

    return zk_slice(ix->names.data + start, (int32_t) (end - start));
}

void
snap_index_path(const struct snap_index *ix, uint32_t node,
                struct zk_buf *out)
{
    size_t len = 0;
    uint8_t *end;

    for (uint32_t i = node; i != 0; i = ix->v[i].parent) {
        len += 1 + (size_t) snap_index_name(ix, i).len;
    }
    end = zk_buf_reserve(out, len + 1) + len;
    out->len += len;
    for (uint32_t i = node; i != 0; i = ix->v[i].parent) {
        struct zk_slice name = snap_index_name(ix, i);

        end -= name.len;
        memcpy(end, name.p, (size_t) name.len);
        *--end = '/';
    }
}

uint32_t
snap_index_parent(const struct snap_index *ix, uint32_t node)
{
    return ix->v[node].parent;
}

uint32_t
snap_index_children(const struct snap_index *ix, uint32_t node,
                    const uint32_t **children)
{
    *children = ix->order + ix->v[node].first;
    return ix->v[node].n_children;
}

uint32_t
snap_index_next(const struct snap_index *ix, uint32_t top, uint32_t node,
                uint32_t *up)
{
    *up = 0;
    if (ix->v[node].n_children > 0) {
        return ix->order[ix->v[node].first];
    }
    while (node != top) {
        const struct snap_index_node *in = &ix->v[node];
        const struct snap_index_node *parent = &ix->v[in->parent];

        ++*up;
        if (in->place + 1 < parent->first + parent->n_children) {
            return ix->order[in->place + 1];
        }
        node = in->parent;
    }
    return SNAP_INDEX_NONE;
}

int32_t
snap_index_data_len(const struct snap_index *ix, uint32_t node)
{
    return ix->v[node].data_len;
}

struct snap_sum *
snap_index_sums(const struct snap_index *ix)
{
    struct snap_sum *v = zk_xcalloc(ix->n, sizeof *v);

    for (uint32_t i = ix->n; i > 0; i--) {
        struct snap_sum *s = &v[i - 1];

        s->bytes += ix->v[i - 1].data_len;
        if (i > 1) {
            struct snap_sum *parent = &v[ix->v[i - 1].parent];

            parent->bytes += s->bytes;
            parent->descendants += s->descendants + 1;
        }
    }
    return v;
}

/* ---- quotas ------------------------------------------------------------ */

/* Writes the usage of the subtree into its zookeeper_stats, if there is
 * one. */
static void
si_count_quota(struct snap_index *ix, uint32_t limits)
{
    uint32_t quota = ix->v[limits].parent;
    uint32_t stats;
    struct snap_index_usage *u;
    struct zk_buf path = { 0 };
    struct zk_slice real;
    int64_t count = 0, bytes = 0;
    uint32_t top, up;

    snap_index_path(ix, quota, &path);
    zk_buf_append(&path, "/" SI_STATS, sizeof "/" SI_STATS - 1);
    stats = snap_index_find(ix, zk_slice(path.data, (int32_t) path.len));
    real = zk_slice(path.data + strlen(SI_QUOTA),
                    (int32_t) (path.len - strlen(SI_QUOTA)
                               - strlen("/" SI_STATS)));
    top = snap_index_find(ix, real);
    zk_buf_fini(&path);
    for (uint32_t i = top; i != SNAP_INDEX_NONE && stats != SNAP_INDEX_NONE;
         i = snap_index_next(ix, top, i, &up)) {
        count++;
        bytes += ix->v[i].data_len;
    }
    if (stats == SNAP_INDEX_NONE) {
        return;
    }
    ix->usages = zk_xrealloc(ix->usages,
                             (ix->n_usages + 1) * sizeof *ix->usages);
    u = &ix->usages[ix->n_usages++];
    u->node = stats;
    ix->v[stats].data_len =
        snprintf(u->text, sizeof u->text, "count=%" PRId32 ",bytes=%" PRId64,
                 (int32_t) count, bytes);
}

void
snap_index_count_quotas(struct snap_index *ix)
{
    uint32_t top = snap_index_find(ix, ZK_SLICE_LIT(SI_QUOTA));
    uint32_t up;

    for (uint32_t i = top; i != SNAP_INDEX_NONE;
         i = snap_index_next(ix, top, i, &up)) {
        if (ix->v[i].n_children == 0
            && zk_slice_eq_str(snap_index_name(ix, i), SI_LIMITS)) {
            si_count_quota(ix, i);
        }
    }
}

/* ---- nodes, read again ------------------------------------------------- */

/* The block with that number, read unless it is there. */
static int
si_block(struct snap_index *ix, int64_t number,
         const struct snap_index_block **out, struct zk_errmsg *em)
{
    struct snap_index_block *b;
    ssize_t n;

    if (ix->blocks == NULL) {
        ix->blocks = zk_xcalloc(SI_BLOCKS, sizeof *ix->blocks);
        for (size_t i = 0; i < SI_BLOCKS; i++) {
            ix->blocks[i].number = -1;
        }
    }
    b = &ix->blocks[number % SI_BLOCKS];
    *out = b;
    if (b->number == number) {
        return ZK_OK;
    }
    if (b->data == NULL) {
        b->data = zk_xmalloc(SNAP_INDEX_BLOCK);
    }
    b->number = -1;
    n = pread(ix->fd, b->data, SNAP_INDEX_BLOCK,
              (off_t) number * SNAP_INDEX_BLOCK);
    if (n < 0) {
        return zk_fail_errno(em, "%s: read", ix->path);
    }
    b->len = (uint32_t) n;
    b->number = number;
    return ZK_OK;
}

void
snap_index_free_blocks(struct snap_index *ix)
{
    for (size_t i = 0; ix->blocks != NULL && i < SI_BLOCKS; i++) {
        free(ix->blocks[i].data);
    }
    free(ix->blocks);
}

/* The record at 'at', decoded.  Most are in one block. */
static int
si_read(struct snap_index *ix, int64_t at, struct snap_node *out,
        struct zk_errmsg *em)
{
    int64_t number = at / SNAP_INDEX_BLOCK;
    uint32_t skip = (uint32_t) (at % SNAP_INDEX_BLOCK);
    const struct snap_index_block *b;
    int rv;

    rv = si_block(ix, number, &b, em);
    if (rv != ZK_OK) {
        return rv;
    }
    rv = skip >= b->len
         ? ZK_ETORN
         : snap_node_decode(b->data + skip, b->len - skip,
                            ix->opts.max_buffer, out);
    zk_buf_clear(&ix->joined);
    while (rv == ZK_ETORN && skip < b->len) {
        zk_buf_append(&ix->joined, b->data + skip, b->len - skip);
        skip = 0;
        rv = si_block(ix, ++number, &b, em);
        if (rv != ZK_OK) {
            return rv;
        }
        zk_buf_append(&ix->joined, b->data, b->len);
        rv = snap_node_decode(ix->joined.data, ix->joined.len,
                              ix->opts.max_buffer, out);
        ix->joined.len -= rv == ZK_ETORN ? b->len : 0;
    }
    return rv == ZK_OK ? ZK_OK
                       : zk_fail(em, ZK_ECORRUPT, "%s: changed while it was "
                                 "read", ix->path);
}

int
snap_index_content(struct snap_index *ix, uint32_t node,
                   struct snap_node *out, struct zk_errmsg *em)
{
    int rv;

    ZK_CHECK(ix, SNAP_INDEX_MAGIC);
    zk_assert(ix->opts.content);
    rv = si_read(ix, ix->v[node].offset, out, em);
    for (size_t i = 0; rv == ZK_OK && i < ix->n_usages; i++) {
        if (ix->usages[i].node == node) {
            out->data = zk_slice_str(ix->usages[i].text);
        }
    }
    return rv;
}
