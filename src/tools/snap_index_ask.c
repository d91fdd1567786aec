/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/snap_index_internal.h"

#define SI_WINDOW_MIN 2048
#define SI_WINDOW_MAX 262144
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

/* Makes the window begin at 'at' and hold 'want' bytes, or what the file has
 * from there on. */
static int
si_move_window(struct snap_index *ix, int64_t at, size_t want,
               struct zk_errmsg *em)
{
    size_t more = SI_WINDOW_MIN;
    uint8_t *to;
    ssize_t n;

    if (at < ix->window_at
        || at > ix->window_at + (int64_t) ix->window.len) {
        zk_buf_clear(&ix->window);
        ix->window_step = SI_WINDOW_MIN;
    } else {
        /* What comes in the order of the file is read in larger pieces. */
        zk_buf_consume(&ix->window, (size_t) (at - ix->window_at));
        ix->window_step = ix->window_step < SI_WINDOW_MAX
                          ? ix->window_step * 2 : SI_WINDOW_MAX;
    }
    ix->window_at = at;
    more = ix->window_step > want ? ix->window_step : want;
    while (ix->window.len < want) {
        to = zk_buf_reserve(&ix->window, more);
        n = pread(ix->fd, to, more, at + (off_t) ix->window.len);
        if (n < 0) {
            return zk_fail_errno(em, "%s: read", ix->path);
        }
        if (n == 0) {
            break;
        }
        ix->window.len += (size_t) n;
    }
    return ZK_OK;
}

/* The record at 'at', decoded. */
static int
si_read(struct snap_index *ix, int64_t at, struct snap_node *out,
        struct zk_errmsg *em)
{
    size_t want = 0;
    int rv;

    for (;;) {
        int64_t skip = at - ix->window_at;

        rv = ZK_ETORN;
        if (skip >= 0 && skip <= (int64_t) ix->window.len) {
            rv = snap_node_decode(ix->window.data + skip,
                                  ix->window.len - (size_t) skip,
                                  ix->opts.max_buffer, out);
        }
        if (rv != ZK_ETORN || (want > 0 && ix->window.len < want)) {
            break;
        }
        want = want == 0 ? SI_WINDOW_MIN : want * 2;
        rv = si_move_window(ix, at, want, em);
        if (rv != ZK_OK) {
            return rv;
        }
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
