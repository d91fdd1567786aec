/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_table.h: the rows behind the watch manager.  For watch/ alone.
 *
 * One row stands for one (path, watcher) and carries the kinds as bits, so
 * Java's two tables are two views of one:
 *   data table   rows with DATA, PERSISTENT or RECURSIVE
 *   child table  rows with CHILD or PERSISTENT
 *
 * Rows live in a pool and know each other by 32-bit numbers (0: none): 40
 * bytes a row, and 4 to 8 for the bucket.  A row is on the list of its path,
 * on that of its watcher, and in the hash of (path, watcher), so adding,
 * finding and removing one costs the same however many there are.
 *
 * Thread-safety: none; the manager's lock.
 */
#ifndef WATCH_WATCH_TABLE_H
#define WATCH_WATCH_TABLE_H

#include "util/zk_obj.h"
#include "util/sip_hash.h"
#include "watch/watch_manager.h"

#define WATCH_DATA_KINDS                                                  \
    (WATCH_KIND_DATA | WATCH_KIND_PERSISTENT | WATCH_KIND_RECURSIVE)
#define WATCH_CHILD_KINDS (WATCH_KIND_CHILD | WATCH_KIND_PERSISTENT)
#define WATCH_ALL_KINDS (WATCH_DATA_KINDS | WATCH_CHILD_KINDS)

/* Exists as long as it has rows. */
struct watch_path {
    struct watch_path *hash_next;
    uint32_t hash;              /* Low half of the path's hash. */
    uint32_t plain;             /* First row without RECURSIVE. */
    uint32_t recursive;         /* First row with it. */
    uint32_t n_data;            /* Rows seen in the data table, */
    uint32_t n_child;           /* and in the child table. */
    int32_t len;
    char name[];                /* No NUL. */
};

/* What the manager knows of a watcher; exists as long as it has rows. */
struct watcher_entry {
    struct watcher *watcher;
    struct watcher_entry *next; /* All entries, */
    struct watcher_entry *prev; /* in no order. */
    uint64_t told;              /* Number of the event it got last. */
    uint32_t rows;              /* First row. */
    uint32_t n_data;
};

struct watch_row {
    struct watch_path *path;
    struct watcher_entry *owner;
    uint32_t path_next;
    uint32_t path_prev;
    uint32_t owner_next;
    uint32_t owner_prev;
    uint32_t hash_next;         /* In its bucket, or on the free list. */
    uint32_t kinds;             /* enum watch_kind, or-ed; never 0. */
};

#define WATCH_CHUNK_ROWS 512

struct watch_table {
    struct sip_key key;

    struct watch_path **path_buckets;
    size_t n_path_buckets;      /* A power of two, as is the other. */
    size_t n_paths;

    uint32_t *row_buckets;
    size_t n_row_buckets;
    size_t n_rows;

    struct watch_row **chunks;
    size_t n_chunks;
    uint32_t unused;            /* Row numbers from here on never used. */
    uint32_t free_rows;

    struct watcher_entry *watchers;
    size_t n_recursive;         /* Rows with RECURSIVE. */
    struct watch_counts counts;
};

/* An empty table. */
void watch_table_init(struct watch_table *t);
/* There must be no rows. */
void watch_table_fini(struct watch_table *t);

/* The path's entry, or NULL when it has no rows. */
struct watch_path *watch_table_find_path(const struct watch_table *t,
                                         struct zk_slice path);
/* The watcher's row on the path, or 0. */
uint32_t watch_table_find(const struct watch_table *t, struct zk_slice path,
                          const struct watcher *w);
/* Adds kinds to the watcher's row on the path, making one if need be. */
void watch_table_add(struct watch_table *t, struct zk_slice path,
                     struct watcher *w, uint32_t kinds);
/* Gives a row other kinds.  With none left it is freed, and with it the path
 * and the watcher's entry if that was their last row. */
void watch_table_set_kinds(struct watch_table *t, uint32_t n,
                           uint32_t kinds);

static inline struct watch_row *
watch_table_row(const struct watch_table *t, uint32_t n)
{
    return &t->chunks[n / WATCH_CHUNK_ROWS][n % WATCH_CHUNK_ROWS];
}

static inline struct zk_slice
watch_path_name(const struct watch_path *path)
{
    return zk_slice(path->name, path->len);
}

#endif
