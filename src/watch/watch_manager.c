/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "watch/watch_manager.h"

#include <stdlib.h>

#include "watch/watch_manager_priv.h"

struct watch_manager *
watch_manager_create(void)
{
    struct watch_manager *wm = zk_xcalloc(1, sizeof *wm);

    wm->magic = WATCH_MANAGER_MAGIC;
    zk_mutex_init(&wm->lock, ZK_LOCK_watch_manager);
    zk_lock(&wm->lock);
    watch_table_init(&wm->table);
    zk_unlock(&wm->lock);
    return wm;
}

void
watch_manager_destroy(struct watch_manager *wm)
{
    if (wm == NULL) {
        return;
    }
    ZK_CHECK(wm, WATCH_MANAGER_MAGIC);
    zk_lock(&wm->lock);
    watch_table_fini(&wm->table);
    zk_unlock(&wm->lock);
    zk_mutex_fini(&wm->lock);
    wm->magic = 0;
    free(wm);
}

/* Every change of the table ends here, before the lock is released. */
static void
wm_publish_locked(struct watch_manager *wm) ZK_REQUIRES(wm->lock)
{
    atomic_store_explicit(&wm->n_rows, wm->table.n_rows,
                          memory_order_relaxed);
}

/* A registration that must be seen happened under the database's lock that
 * the caller of a trigger holds too: no order is needed here. */
static bool
wm_is_empty(const struct watch_manager *wm)
{
    return atomic_load_explicit(&wm->n_rows, memory_order_relaxed) == 0;
}

void
watch_manager_add(struct watch_manager *wm, struct zk_slice path,
                  struct watcher *w, enum watch_kind kind)
{
    ZK_CHECK(wm, WATCH_MANAGER_MAGIC);
    zk_assert(path.len >= 0);
    zk_lock(&wm->lock);
    if (!w->closed) {
        watch_table_add(&wm->table, path, w, (uint32_t) kind);
        wm_publish_locked(wm);
    }
    zk_unlock(&wm->lock);
}

/* The kinds that a request of this type speaks of; none for a type that does
 * not exist. */
static uint32_t
wm_kinds_of_type(enum watcher_type type)
{
    switch (type) {
    case WATCHER_TYPE_CHILDREN:
        return WATCH_KIND_CHILD;
    case WATCHER_TYPE_DATA:
        return WATCH_KIND_DATA;
    case WATCHER_TYPE_ANY:
        return WATCH_ALL_KINDS;
    case WATCHER_TYPE_PERSISTENT:
        return WATCH_KIND_PERSISTENT;
    case WATCHER_TYPE_PERSISTENT_RECURSIVE:
        return WATCH_KIND_RECURSIVE;
    }
    return 0;
}

bool
watch_manager_contains(struct watch_manager *wm, struct zk_slice path,
                       struct watcher *w, enum watcher_type type)
{
    uint32_t n;
    bool found;

    ZK_CHECK(wm, WATCH_MANAGER_MAGIC);
    zk_lock(&wm->lock);
    n = watch_table_find(&wm->table, path, w);
    found = n != 0 && (watch_table_row(&wm->table, n)->kinds
                       & wm_kinds_of_type(type)) != 0;
    zk_unlock(&wm->lock);
    return found;
}

bool
watch_manager_remove(struct watch_manager *wm, struct zk_slice path,
                     struct watcher *w, enum watcher_type type)
{
    uint32_t gone = wm_kinds_of_type(type);
    bool found = false;
    uint32_t n;

    ZK_CHECK(wm, WATCH_MANAGER_MAGIC);
    zk_lock(&wm->lock);
    n = watch_table_find(&wm->table, path, w);
    if (n != 0) {
        uint32_t kinds = watch_table_row(&wm->table, n)->kinds;

        found = (kinds & gone) != 0;
        watch_table_set_kinds(&wm->table, n, kinds & ~gone);
        wm_publish_locked(wm);
    }
    zk_unlock(&wm->lock);
    return found;
}

void
watch_manager_remove_watcher(struct watch_manager *wm, struct watcher *w)
{
    ZK_CHECK(wm, WATCH_MANAGER_MAGIC);
    zk_lock(&wm->lock);
    w->closed = true;
    while (w->rows != NULL) {   /* The last row takes the entry with it. */
        watch_table_set_kinds(&wm->table, w->rows->rows, 0);
    }
    wm_publish_locked(wm);
    zk_unlock(&wm->lock);
}

/* --- events --- */

/* Tells the watchers of the list at 'first' that have one of 'kinds', each
 * once for the event that wm->event numbers; 'one_shot' kinds are spent.
 * The path itself is gone when its last row was. */
static void
wm_fire_list_locked(struct watch_manager *wm, uint32_t first, uint32_t kinds,
                    uint32_t one_shot, const struct watched_event *event)
    ZK_REQUIRES(wm->lock)
{
    uint32_t next;

    for (uint32_t n = first; n != 0; n = next) {
        struct watch_row *row = watch_table_row(&wm->table, n);

        next = row->path_next;
        if ((row->kinds & kinds) == 0) {
            continue;
        }
        if (row->owner->told != wm->event) {
            row->owner->told = wm->event;
            row->owner->watcher->process(row->owner->watcher, event);
        }
        if (row->kinds & one_shot) {
            watch_table_set_kinds(&wm->table, n, row->kinds & ~one_shot);
        }
    }
}

/* Fires the event for the rows on its own path that belong to the table of
 * 'kinds': WATCH_DATA_KINDS or WATCH_CHILD_KINDS. */
static void
wm_fire_path_locked(struct watch_manager *wm, uint32_t kinds,
                    const struct watched_event *event)
    ZK_REQUIRES(wm->lock)
{
    struct watch_path *p = watch_table_find_path(&wm->table, event->path);
    uint32_t one_shot = kinds & (WATCH_KIND_DATA | WATCH_KIND_CHILD);
    uint32_t plain;
    uint32_t recursive;

    if (p == NULL
        || (kinds == WATCH_CHILD_KINDS ? p->n_child : p->n_data) == 0) {
        return;
    }
    plain = p->plain;
    recursive = p->recursive;
    wm_fire_list_locked(wm, plain, kinds, one_shot, event);
    wm_fire_list_locked(wm, recursive, kinds, one_shot, event);
}

/* The path one level up ("/" in the end), or null above "/". */
static struct zk_slice
wm_ancestor(struct zk_slice path)
{
    int32_t len = path.len - 1;

    if (len <= 0) {
        return ZK_SLICE_NULL;
    }
    while (len > 0 && path.p[len] != '/') {
        len--;
    }
    return zk_slice(path.p, len > 0 ? len : 1);
}

/* Fires the event for the recursive rows of all its path's ancestors. */
static void
wm_fire_ancestors_locked(struct watch_manager *wm,
                         const struct watched_event *event)
    ZK_REQUIRES(wm->lock)
{
    struct zk_slice path = event->path;

    if (wm->table.n_recursive == 0) {
        return;
    }
    while (!zk_slice_is_null(path = wm_ancestor(path))) {
        struct watch_path *p = watch_table_find_path(&wm->table, path);

        if (p != NULL) {
            wm_fire_list_locked(wm, p->recursive, WATCH_KIND_RECURSIVE, 0,
                                event);
        }
    }
}

static void
wm_fire_data_table_locked(struct watch_manager *wm,
                          const struct watched_event *event)
    ZK_REQUIRES(wm->lock)
{
    wm->event++;
    wm_fire_path_locked(wm, WATCH_DATA_KINDS, event);
    wm_fire_ancestors_locked(wm, event);
}

static void
wm_fire_parent_locked(struct watch_manager *wm, struct zk_slice parent,
                      int64_t zxid, struct zk_slice parent_acl)
    ZK_REQUIRES(wm->lock)
{
    struct watched_event event = {
        WATCH_NODE_CHILDREN_CHANGED, zxid, parent, parent_acl
    };

    wm->event++;
    wm_fire_path_locked(wm, WATCH_CHILD_KINDS, &event);
}

void
watch_manager_node_created(struct watch_manager *wm, struct zk_slice path,
                           struct zk_slice parent, int64_t zxid,
                           struct zk_slice acl, struct zk_slice parent_acl)
{
    struct watched_event event = { WATCH_NODE_CREATED, zxid, path, acl };

    ZK_CHECK(wm, WATCH_MANAGER_MAGIC);
    if (wm_is_empty(wm)) {
        return;
    }
    zk_lock(&wm->lock);
    wm_fire_data_table_locked(wm, &event);
    wm_fire_parent_locked(wm, parent, zxid, parent_acl);
    wm_publish_locked(wm);
    zk_unlock(&wm->lock);
}

void
watch_manager_node_deleted(struct watch_manager *wm, struct zk_slice path,
                           struct zk_slice parent, int64_t zxid,
                           struct zk_slice acl, struct zk_slice parent_acl)
{
    struct watched_event event = { WATCH_NODE_DELETED, zxid, path, acl };

    ZK_CHECK(wm, WATCH_MANAGER_MAGIC);
    if (wm_is_empty(wm)) {
        return;
    }
    zk_lock(&wm->lock);
    wm_fire_data_table_locked(wm, &event);
    /* Still the same event: who got it above does not get it again. */
    wm_fire_path_locked(wm, WATCH_CHILD_KINDS, &event);
    wm_fire_parent_locked(wm, parent, zxid, parent_acl);
    wm_publish_locked(wm);
    zk_unlock(&wm->lock);
}

void
watch_manager_node_data_changed(struct watch_manager *wm,
                                struct zk_slice path, int64_t zxid,
                                struct zk_slice acl)
{
    struct watched_event event = {
        WATCH_NODE_DATA_CHANGED, zxid, path, acl
    };

    ZK_CHECK(wm, WATCH_MANAGER_MAGIC);
    if (wm_is_empty(wm)) {
        return;
    }
    zk_lock(&wm->lock);
    wm_fire_data_table_locked(wm, &event);
    wm_publish_locked(wm);
    zk_unlock(&wm->lock);
}
