/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "watch/watch_table.h"

#include <stdlib.h>
#include <string.h>

#define WT_MIN_BUCKETS 64

void
watch_table_init(struct watch_table *t)
{
    memset(t, 0, sizeof *t);
    sip_key_random(&t->key);
    t->n_path_buckets = WT_MIN_BUCKETS;
    t->path_buckets = zk_xcalloc(WT_MIN_BUCKETS, sizeof *t->path_buckets);
    t->n_row_buckets = WT_MIN_BUCKETS;
    t->row_buckets = zk_xcalloc(WT_MIN_BUCKETS, sizeof *t->row_buckets);
    t->unused = 1;
}

/* Keeps 'keep' chunks of the pool; all rows are free. */
static void
wt_drop_chunks(struct watch_table *t, size_t keep)
{
    zk_assert(t->n_rows == 0);
    while (t->n_chunks > keep) {
        free(t->chunks[--t->n_chunks]);
    }
    t->unused = 1;
    t->free_rows = 0;
}

void
watch_table_fini(struct watch_table *t)
{
    wt_drop_chunks(t, 0);
    zk_assert(t->n_paths == 0 && t->watchers == NULL);
    free(t->chunks);
    free(t->row_buckets);
    free(t->path_buckets);
}

/* --- the pool of rows --- */

static uint32_t
wt_alloc_row(struct watch_table *t)
{
    uint32_t n = t->free_rows;

    if (n != 0) {
        t->free_rows = watch_table_row(t, n)->hash_next;
        return n;
    }
    n = t->unused++;
    zk_assert(t->unused != 0);
    if (n / WATCH_CHUNK_ROWS >= t->n_chunks) {
        t->chunks = zk_xrealloc(t->chunks,
                                (t->n_chunks + 1) * sizeof *t->chunks);
        t->chunks[t->n_chunks++] = zk_xmalloc(WATCH_CHUNK_ROWS
                                              * sizeof **t->chunks);
    }
    return n;
}

static void
wt_free_row(struct watch_table *t, uint32_t n)
{
    watch_table_row(t, n)->hash_next = t->free_rows;
    t->free_rows = n;
    if (t->n_rows == 0 && t->n_chunks > 1) {
        wt_drop_chunks(t, 1);
    }
}

/* --- the hash of (path, watcher) --- */

/* Addresses are not the client's to choose: mixing them is enough. */
static size_t
wt_row_bucket(const struct watch_path *path,
              const struct watcher_entry *owner, size_t n_buckets)
{
    uint64_t h = (uint64_t) (uintptr_t) path * 0x9e3779b97f4a7c15U;

    h ^= (uint64_t) (uintptr_t) owner;
    h *= 0xff51afd7ed558ccdU;
    h ^= h >> 32;
    return (size_t) h & (n_buckets - 1);
}

/* The bucket count for 'n' elements: between one and eight buckets for each,
 * so that a table at the edge is not resized at each step. */
static size_t
wt_want_buckets(size_t n, size_t now)
{
    if (n > now) {
        return now * 2;
    }
    if (now > WT_MIN_BUCKETS && n < now / 8) {
        return now / 2;
    }
    return now;
}

static void
wt_resize_rows(struct watch_table *t)
{
    size_t want = wt_want_buckets(t->n_rows, t->n_row_buckets);
    uint32_t *buckets;

    if (want == t->n_row_buckets) {
        return;
    }
    buckets = zk_xcalloc(want, sizeof *buckets);
    for (size_t i = 0; i < t->n_row_buckets; i++) {
        uint32_t next;

        for (uint32_t n = t->row_buckets[i]; n != 0; n = next) {
            struct watch_row *row = watch_table_row(t, n);
            size_t b = wt_row_bucket(row->path, row->owner, want);

            next = row->hash_next;
            row->hash_next = buckets[b];
            buckets[b] = n;
        }
    }
    free(t->row_buckets);
    t->row_buckets = buckets;
    t->n_row_buckets = want;
}

static uint32_t
wt_find_row(const struct watch_table *t, const struct watch_path *path,
            const struct watcher_entry *owner)
{
    size_t b = wt_row_bucket(path, owner, t->n_row_buckets);
    uint32_t n = t->row_buckets[b];

    while (n != 0) {
        const struct watch_row *row = watch_table_row(t, n);

        if (row->path == path && row->owner == owner) {
            break;
        }
        n = row->hash_next;
    }
    return n;
}

static void
wt_hash_row(struct watch_table *t, uint32_t n)
{
    struct watch_row *row = watch_table_row(t, n);
    size_t b;

    t->n_rows++;
    wt_resize_rows(t);
    b = wt_row_bucket(row->path, row->owner, t->n_row_buckets);
    row->hash_next = t->row_buckets[b];
    t->row_buckets[b] = n;
}

static void
wt_unhash_row(struct watch_table *t, uint32_t n)
{
    struct watch_row *row = watch_table_row(t, n);
    size_t b = wt_row_bucket(row->path, row->owner, t->n_row_buckets);
    uint32_t *at = &t->row_buckets[b];

    while (*at != n) {
        zk_assert(*at != 0);
        at = &watch_table_row(t, *at)->hash_next;
    }
    *at = row->hash_next;
    t->n_rows--;
    wt_resize_rows(t);
}

/* --- paths --- */

static uint32_t
wt_path_hash(const struct watch_table *t, struct zk_slice path)
{
    return (uint32_t) sip_hash(&t->key, path.p, (size_t) path.len);
}

static struct watch_path *
wt_find_hashed(const struct watch_table *t, struct zk_slice path,
               uint32_t hash)
{
    struct watch_path *p;

    p = t->path_buckets[hash & (t->n_path_buckets - 1)];
    while (p != NULL
           && (p->hash != hash || !zk_slice_eq(watch_path_name(p), path))) {
        p = p->hash_next;
    }
    return p;
}

struct watch_path *
watch_table_find_path(const struct watch_table *t, struct zk_slice path)
{
    zk_assert(path.len >= 0);
    return wt_find_hashed(t, path, wt_path_hash(t, path));
}

static void
wt_resize_paths(struct watch_table *t)
{
    size_t want = wt_want_buckets(t->n_paths, t->n_path_buckets);
    struct watch_path **buckets;

    if (want == t->n_path_buckets) {
        return;
    }
    buckets = zk_xcalloc(want, sizeof *buckets);
    for (size_t i = 0; i < t->n_path_buckets; i++) {
        struct watch_path *next;

        for (struct watch_path *p = t->path_buckets[i]; p != NULL;
             p = next) {
            next = p->hash_next;
            p->hash_next = buckets[p->hash & (want - 1)];
            buckets[p->hash & (want - 1)] = p;
        }
    }
    free(t->path_buckets);
    t->path_buckets = buckets;
    t->n_path_buckets = want;
}

static struct watch_path *
wt_get_path(struct watch_table *t, struct zk_slice path)
{
    uint32_t hash = wt_path_hash(t, path);
    struct watch_path *p = wt_find_hashed(t, path, hash);
    struct watch_path **bucket;

    if (p != NULL) {
        return p;
    }
    p = zk_xmalloc(sizeof *p + (size_t) path.len);
    memset(p, 0, sizeof *p);
    p->hash = hash;
    p->len = path.len;
    memcpy(p->name, path.p, (size_t) path.len);
    t->n_paths++;
    wt_resize_paths(t);
    bucket = &t->path_buckets[hash & (t->n_path_buckets - 1)];
    p->hash_next = *bucket;
    *bucket = p;
    return p;
}

static void
wt_free_path(struct watch_table *t, struct watch_path *p)
{
    struct watch_path **at;

    at = &t->path_buckets[p->hash & (t->n_path_buckets - 1)];
    while (*at != p) {
        zk_assert(*at != NULL);
        at = &(*at)->hash_next;
    }
    *at = p->hash_next;
    free(p);
    t->n_paths--;
    wt_resize_paths(t);
}

/* --- watchers --- */

static struct watcher_entry *
wt_get_entry(struct watch_table *t, struct watcher *w)
{
    struct watcher_entry *e = w->rows;

    if (e != NULL) {
        return e;
    }
    e = zk_xcalloc(1, sizeof *e);
    e->watcher = w;
    e->next = t->watchers;
    if (e->next != NULL) {
        e->next->prev = e;
    }
    t->watchers = e;
    w->rows = e;
    return e;
}

static void
wt_free_entry(struct watch_table *t, struct watcher_entry *e)
{
    if (e->prev != NULL) {
        e->prev->next = e->next;
    } else {
        zk_assert(t->watchers == e);
        t->watchers = e->next;
    }
    if (e->next != NULL) {
        e->next->prev = e->prev;
    }
    e->watcher->rows = NULL;
    free(e);
}

/* --- a row's two lists and the counts --- */

/* Recursive rows have a list of their own: every change below looks at
 * them, and plain rows of the same path must not cost it anything. */
static uint32_t *
wt_path_list(struct watch_path *path, uint32_t kinds)
{
    return kinds & WATCH_KIND_RECURSIVE ? &path->recursive : &path->plain;
}

static void
wt_link_path(struct watch_table *t, uint32_t n)
{
    struct watch_row *row = watch_table_row(t, n);
    uint32_t *first = wt_path_list(row->path, row->kinds);

    row->path_prev = 0;
    row->path_next = *first;
    if (*first != 0) {
        watch_table_row(t, *first)->path_prev = n;
    }
    *first = n;
}

static void
wt_unlink_path(struct watch_table *t, uint32_t n)
{
    struct watch_row *row = watch_table_row(t, n);

    if (row->path_prev != 0) {
        watch_table_row(t, row->path_prev)->path_next = row->path_next;
    } else {
        *wt_path_list(row->path, row->kinds) = row->path_next;
    }
    if (row->path_next != 0) {
        watch_table_row(t, row->path_next)->path_prev = row->path_prev;
    }
}

static void
wt_link_owner(struct watch_table *t, uint32_t n)
{
    struct watch_row *row = watch_table_row(t, n);

    row->owner_prev = 0;
    row->owner_next = row->owner->rows;
    if (row->owner_next != 0) {
        watch_table_row(t, row->owner_next)->owner_prev = n;
    }
    row->owner->rows = n;
}

static void
wt_unlink_owner(struct watch_table *t, uint32_t n)
{
    struct watch_row *row = watch_table_row(t, n);

    if (row->owner_prev != 0) {
        watch_table_row(t, row->owner_prev)->owner_next = row->owner_next;
    } else {
        row->owner->rows = row->owner_next;
    }
    if (row->owner_next != 0) {
        watch_table_row(t, row->owner_next)->owner_prev = row->owner_prev;
    }
}

/* Enters (or, when 'in' is false, takes out) a row of such kinds into the
 * counts of table, path and watcher. */
static void
wt_count(struct watch_table *t, struct watch_row *row, uint32_t kinds,
         bool in)
{
    struct watch_counts *c = &t->counts;

    if (kinds & WATCH_DATA_KINDS) {
        if (in) {
            c->data_rows++;
            c->data_paths += row->path->n_data++ == 0;
            c->data_watchers += row->owner->n_data++ == 0;
        } else {
            c->data_rows--;
            c->data_paths -= --row->path->n_data == 0;
            c->data_watchers -= --row->owner->n_data == 0;
        }
    }
    if (kinds & WATCH_CHILD_KINDS) {
        row->path->n_child += in ? 1U : -1U;
        c->child_rows += in ? (size_t) 1 : (size_t) -1;
    }
    if (kinds & WATCH_KIND_RECURSIVE) {
        t->n_recursive += in ? (size_t) 1 : (size_t) -1;
    }
}

static void
wt_remove(struct watch_table *t, uint32_t n)
{
    struct watch_path *path = watch_table_row(t, n)->path;
    struct watcher_entry *owner = watch_table_row(t, n)->owner;

    wt_unlink_path(t, n);
    wt_unlink_owner(t, n);
    wt_unhash_row(t, n);
    wt_free_row(t, n);
    if (path->plain == 0 && path->recursive == 0) {
        wt_free_path(t, path);
    }
    if (owner->rows == 0) {
        wt_free_entry(t, owner);
    }
}

void
watch_table_set_kinds(struct watch_table *t, uint32_t n, uint32_t kinds)
{
    struct watch_row *row = watch_table_row(t, n);

    zk_assert((kinds & ~(uint32_t) WATCH_ALL_KINDS) == 0);
    wt_count(t, row, row->kinds, false);
    wt_count(t, row, kinds, true);
    if (kinds == 0) {
        wt_remove(t, n);
    } else if ((kinds ^ row->kinds) & WATCH_KIND_RECURSIVE) {
        wt_unlink_path(t, n);
        row->kinds = kinds;
        wt_link_path(t, n);
    } else {
        row->kinds = kinds;
    }
}

uint32_t
watch_table_find(const struct watch_table *t, struct zk_slice path,
                 const struct watcher *w)
{
    const struct watch_path *p;

    if (w->rows == NULL) {
        return 0;
    }
    p = watch_table_find_path(t, path);
    return p != NULL ? wt_find_row(t, p, w->rows) : 0;
}

void
watch_table_add(struct watch_table *t, struct zk_slice path,
                struct watcher *w, uint32_t kinds)
{
    struct watch_path *p = wt_get_path(t, path);
    struct watcher_entry *e = wt_get_entry(t, w);
    uint32_t n = wt_find_row(t, p, e);
    struct watch_row *row;

    if (n != 0) {
        watch_table_set_kinds(t, n, watch_table_row(t, n)->kinds | kinds);
        return;
    }
    n = wt_alloc_row(t);
    row = watch_table_row(t, n);
    memset(row, 0, sizeof *row);
    row->path = p;
    row->owner = e;
    row->kinds = kinds;
    wt_hash_row(t, n);
    wt_link_path(t, n);
    wt_link_owner(t, n);
    wt_count(t, row, kinds, true);
}
