/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "watch/watch_manager.h"

#include <inttypes.h>

#include "watch/watch_manager_priv.h"

typedef void watch_each_fn(void *arg, bool first, struct zk_slice path,
                           int64_t session_id);

void
watch_manager_counts(struct watch_manager *wm, struct watch_counts *c)
{
    ZK_CHECK(wm, WATCH_MANAGER_MAGIC);
    zk_lock(&wm->lock);
    *c = wm->table.counts;
    zk_unlock(&wm->lock);
}

static void
wr_call(const struct watch_row *row, bool *first, watch_each_fn *each,
        void *arg)
{
    const struct watcher *w = row->owner->watcher;

    if (row->kinds & WATCH_DATA_KINDS) {
        each(arg, *first, watch_path_name(row->path), w->session_id(w));
        *first = false;
    }
}

static void
wr_each_by_path(const struct watch_table *t, watch_each_fn *each, void *arg)
{
    for (size_t i = 0; i < t->n_path_buckets; i++) {
        const struct watch_path *p = t->path_buckets[i];

        for (; p != NULL; p = p->hash_next) {
            const uint32_t lists[] = { p->plain, p->recursive };
            bool first = true;

            for (size_t k = 0; k < ZK_ARRAY_SIZE(lists); k++) {
                for (uint32_t n = lists[k]; n != 0;
                     n = watch_table_row(t, n)->path_next) {
                    wr_call(watch_table_row(t, n), &first, each, arg);
                }
            }
        }
    }
}

static void
wr_each_by_watcher(const struct watch_table *t, watch_each_fn *each,
                   void *arg)
{
    const struct watcher_entry *e;

    for (e = t->watchers; e != NULL; e = e->next) {
        bool first = true;

        for (uint32_t n = e->rows; n != 0;
             n = watch_table_row(t, n)->owner_next) {
            wr_call(watch_table_row(t, n), &first, each, arg);
        }
    }
}

void
watch_manager_each(struct watch_manager *wm, bool by_watcher,
                   void (*each)(void *arg, bool first, struct zk_slice path,
                                int64_t session_id),
                   void *arg)
{
    ZK_CHECK(wm, WATCH_MANAGER_MAGIC);
    zk_lock(&wm->lock);
    if (by_watcher) {
        wr_each_by_watcher(&wm->table, each, arg);
    } else {
        wr_each_by_path(&wm->table, each, arg);
    }
    zk_unlock(&wm->lock);
}

void
watch_manager_report_summary(struct watch_manager *wm, struct zk_buf *out)
{
    struct watch_counts c;

    watch_manager_counts(wm, &c);
    zk_buf_printf(out, "%zu connections watching %zu paths\n",
                  c.data_watchers, c.data_paths);
    zk_buf_printf(out, "Total watches:%zu\n", c.data_rows);
}

static void
wr_print_path_row(void *arg, bool first, struct zk_slice path,
                  int64_t session_id)
{
    struct zk_buf *out = arg;

    if (first) {
        zk_buf_append(out, path.p, (size_t) path.len);
        zk_buf_append(out, "\n", 1);
    }
    zk_buf_printf(out, "\t0x%" PRIx64 "\n", (uint64_t) session_id);
}

void
watch_manager_report_by_path(struct watch_manager *wm, struct zk_buf *out)
{
    watch_manager_each(wm, false, wr_print_path_row, out);
    zk_buf_append(out, "\n", 1);
}

static void
wr_print_session_row(void *arg, bool first, struct zk_slice path,
                     int64_t session_id)
{
    struct zk_buf *out = arg;

    if (first) {
        zk_buf_printf(out, "0x%" PRIx64 "\n", (uint64_t) session_id);
    }
    zk_buf_append(out, "\t", 1);
    zk_buf_append(out, path.p, (size_t) path.len);
    zk_buf_append(out, "\n", 1);
}

void
watch_manager_report_by_session(struct watch_manager *wm, struct zk_buf *out)
{
    watch_manager_each(wm, true, wr_print_session_row, out);
    zk_buf_append(out, "\n", 1);
}
