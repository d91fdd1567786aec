/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/sync_request_processor.h"

#include <stdlib.h>
#include <sys/random.h>

#include "metrics/server_metrics.h"
#include "server/snapshot_thread.h"
#include "util/crash_point.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

/* How often a full disk is tried again. */
#define SRP_DISK_FULL_RETRY_MS 500

/* ServiceUtils: an unexpected error. */
#define SRP_EXIT_CODE 1

struct sync_request_processor {
    struct request_processor base;
    unsigned magic;
#define SYNC_REQUEST_PROCESSOR_MAGIC 0x53796e63

    /* Set at create, never changed. */
    struct sync_env env;
    struct file_txn_log *log;
    struct request_processor *next;
    struct zk_thread thread;

    struct blocking_queue inbox;

    /* Shutdown: lets a wait for room on the disk end. */
    struct zk_mutex lock;
    struct zk_cond wakeup;
    bool stopping ZK_GUARDED;

    /* Owned by the SyncThread. */
    struct bq_list to_flush;    /* Appended, not yet durable, and what came
                                 * behind it. */
    size_t to_flush_txns;
    int64_t last_flush_ms;
    int64_t snap_at_txns;
    int64_t snap_at_bytes;      /* <= 0: not by size */
    bool broken;                /* The log failed: nothing goes on. */
};

static void srp_submit(struct request_processor *base, struct bq_list *list);
static void srp_shutdown(struct request_processor *base);
static void srp_destroy(struct request_processor *base);
static void srp_run(void *arg);

static int64_t
srp_random_below(int64_t n)
{
    uint64_t v = 0;

    if (n <= 0 || getrandom(&v, sizeof v, 0) != (ssize_t) sizeof v) {
        return 0;
    }
    return (int64_t) (v % (uint64_t) n);
}

/* Java: resetSnapshotStats. */
static void
srp_choose_snapshot_point(struct sync_request_processor *srp)
{
    const struct storage_config *sc = &srp->env.config->storage;
    int64_t bytes = sc->snap_size_limit_kb * 1024;

    srp->snap_at_txns = sc->snap_count / 2
                        + srp_random_below(sc->snap_count / 2);
    srp->snap_at_bytes = bytes > 0 ? bytes / 2 + srp_random_below(bytes / 2)
                                   : 0;
}

static void
srp_synced(void *arg, int64_t elapsed_us)
{
    struct sync_request_processor *srp = arg;

    server_metrics_add(METRIC_fsynctime, elapsed_us / 1000);
    if (elapsed_us / 1000 > srp->env.config->storage.fsync_warning_ms) {
        srp->env.slow_sync(srp->env.self);
    }
}

struct request_processor *
sync_request_processor_create(const struct sync_env *env,
                              struct request_processor *next)
{
    struct sync_request_processor *srp = zk_xcalloc(1, sizeof *srp);
    int64_t myid = env->config->myid < 0 ? 0 : env->config->myid;

    srp->magic = SYNC_REQUEST_PROCESSOR_MAGIC;
    srp->base.name = "SyncRequestProcessor";
    srp->base.submit = srp_submit;
    srp->base.shutdown = srp_shutdown;
    srp->base.destroy = srp_destroy;
    srp->env = *env;
    srp->log = file_txn_snap_log_log(env->db->files);
    srp->next = next;
    srp_choose_snapshot_point(srp);
    file_txn_log_on_sync(srp->log, srp_synced, srp);
    blocking_queue_init(&srp->inbox, "SyncRequestProcessor");
    zk_mutex_init(&srp->lock, ZK_LOCK_leaf);
    zk_cond_init(&srp->wakeup);
    zk_thread_start(&srp->thread, srp_run, srp, "SyncThread:%ld",
                    (long) myid);
    return &srp->base;
}

static struct sync_request_processor *
srp_of(struct request_processor *base)
{
    struct sync_request_processor *srp =
        ZK_CONTAINER_OF(base, struct sync_request_processor, base);

    ZK_CHECK(srp, SYNC_REQUEST_PROCESSOR_MAGIC);
    return srp;
}

bool
sync_request_processor_snapshot(struct request_processor *base)
{
    return snapshot_thread_request(srp_of(base)->env.db->snapshots);
}

static void
srp_submit(struct request_processor *base, struct bq_list *list)
{
    struct sync_request_processor *srp = srp_of(base);

    server_metrics_add_n(METRIC_sync_processor_request_queued, list->n);
    if (!blocking_queue_put_list(&srp->inbox, list)) {
        zk_panic("a request was submitted to a stage that was shut down");
    }
}

static void
srp_shutdown(struct request_processor *base)
{
    struct sync_request_processor *srp = srp_of(base);

    zk_lock(&srp->lock);
    srp->stopping = true;
    zk_cond_broadcast(&srp->wakeup);
    zk_unlock(&srp->lock);
    blocking_queue_close(&srp->inbox);
    zk_thread_join(&srp->thread);
    file_txn_log_on_sync(srp->log, NULL, NULL);
    if (!srp->env.leaves_snapshots) {
        snapshot_thread_finish(srp->env.db->snapshots);
    }
    srp->next->shutdown(srp->next);
}

static void
srp_destroy(struct request_processor *base)
{
    struct sync_request_processor *srp = srp_of(base);

    zk_assert(srp->to_flush.n == 0);
    blocking_queue_fini(&srp->inbox);
    zk_cond_fini(&srp->wakeup);
    zk_mutex_fini(&srp->lock);
    srp->magic = 0;
    free(srp);
}

/* Waits a little for room on the disk; false when the server stops. */
static bool
srp_wait_for_room(struct sync_request_processor *srp)
{
    int64_t deadline = zk_time_mono_ms() + SRP_DISK_FULL_RETRY_MS;
    bool stopping;

    zk_lock(&srp->lock);
    while (!srp->stopping
           && zk_cond_wait_until(&srp->wakeup, &srp->lock, deadline)) {
    }
    stopping = srp->stopping;
    zk_unlock(&srp->lock);
    return !stopping;
}

static void
srp_drop_all(struct sync_request_processor *srp, struct bq_list *list)
{
    struct bq_node *node;

    while ((node = bq_list_pop(list)) != NULL) {
        request_free(request_of(node));
    }
    srp->to_flush_txns = 0;
}

static int
srp_append_all(struct sync_request_processor *srp, struct zk_errmsg *em)
{
    for (struct bq_node *n = srp->to_flush.first; n != NULL; n = n->next) {
        const struct txn_bytes *t = request_of(n)->txn;
        int rv;

        if (t == NULL) {
            continue;
        }
        rv = file_txn_log_append(srp->log, t->zxid, t->data, t->len, em);
        if (rv != ZK_OK) {
            return rv;
        }
    }
    return file_txn_log_commit(srp->log, em);
}

/* The batch again and again until the disk takes it, fails otherwise, or the
 * server stops. */
static int
srp_retry_full_disk(struct sync_request_processor *srp, struct zk_errmsg *em)
{
    int rv = ZK_ENOSPC;

    zk_error(sync,
             "%s: writes wait and new ones are refused until there is room",
             em->text);
    srp->env.disk_full(srp->env.self, true);
    while (rv == ZK_ENOSPC && srp_wait_for_room(srp)) {
        rv = srp_append_all(srp, em);
    }
    if (rv == ZK_OK) {
        zk_warn(sync, "the disk of %s has room again: writes go on",
                srp->env.config->storage.data_log_dir);
        srp->env.disk_full(srp->env.self, false);
    }
    return rv;
}

/* Makes all of to_flush durable and hands it on. */
static void
srp_flush(struct sync_request_processor *srp)
{
    struct zk_errmsg em;
    int64_t begin;
    int rv;

    srp->last_flush_ms = zk_time_mono_ms();
    if (srp->to_flush.n == 0) {
        return;
    }
    server_metrics_add(METRIC_sync_processor_batch_size,
                       (int64_t) srp->to_flush_txns);
    begin = zk_time_mono_ms();
    rv = file_txn_log_commit(srp->log, &em);
    if (rv == ZK_ENOSPC) {
        rv = srp_retry_full_disk(srp, &em);
    }
    if (rv == ZK_ENOSPC) {
        /* The server stops: it was asked to, and nobody was promised
         * anything. */
        srp->broken = true;
        zk_warn(sync, "%zu requests that waited for room on the disk are "
                "dropped without an answer", srp->to_flush.n);
        srp_drop_all(srp, &srp->to_flush);
        return;
    }
    if (rv != ZK_OK) {
        srp->broken = true;
        srp_drop_all(srp, &srp->to_flush);
        zk_error(sync, "the transaction log failed, the server stops: %s",
                 em.text);
        zk_fatal(SRP_EXIT_CODE, "the transaction log failed: %s", em.text);
        return;
    }
    server_metrics_add(METRIC_sync_processor_queue_flush_time_ms,
                       zk_time_mono_ms() - begin);
    srp->to_flush_txns = 0;
    srp->next->submit(srp->next, &srp->to_flush);
}

/* Rolls the log and has a snapshot taken when it is time. */
static void
srp_maybe_snapshot(struct sync_request_processor *srp)
{
    struct zk_database *db = srp->env.db;

    if (!atomic_load(&db->snapshot_missed)
        && db->txns_since_snap <= srp->snap_at_txns
        && (srp->snap_at_bytes <= 0
            || db->bytes_since_snap <= srp->snap_at_bytes)) {
        return;
    }
    srp_choose_snapshot_point(srp);
    zk_database_note_saved(db);
    srp_flush(srp);
    if (srp->broken) {
        return;
    }
    file_txn_log_roll(srp->log);
    CRASH_HERE(log_rolled);
    if (!snapshot_thread_request(db->snapshots)) {
        zk_warn(sync, "too busy to snapshot, skipping");
    }
}

static void
srp_one(struct sync_request_processor *srp, struct request *r)
{
    struct zk_errmsg em;

    bq_list_append(&srp->to_flush, &r->link);
    if (r->txn == NULL) {
        return;
    }
    if (file_txn_log_append(srp->log, r->txn->zxid, r->txn->data,
                            r->txn->len, &em) != ZK_OK) {
        srp->broken = true;
        srp_drop_all(srp, &srp->to_flush);
        zk_fatal(SRP_EXIT_CODE, "txn 0x%lx cannot be logged: %s",
                 (long) r->txn->zxid, em.text);
        return;
    }
    srp->to_flush_txns++;
    zk_database_note_logged(srp->env.db, r->txn->len);
    srp_maybe_snapshot(srp);
}

static bool
srp_batch_is_due(const struct sync_request_processor *srp)
{
    const struct request_config *rc = &srp->env.config->request;

    if (srp->to_flush_txns == 0) {
        return true;            /* Reads alone wait for nothing. */
    }
    return rc->flush_delay_ms <= 0
           || zk_time_mono_ms() - srp->last_flush_ms >= rc->flush_delay_ms;
}

/* Everything that waits, or nothing when the batch under way must not wait
 * any longer. */
static bool
srp_take(struct sync_request_processor *srp, struct bq_list *in)
{
    if (srp->to_flush.n == 0) {
        return blocking_queue_take_all(&srp->inbox, in);
    }
    if (srp_batch_is_due(srp)) {
        return blocking_queue_take_until(&srp->inbox, in, 0);
    }
    return blocking_queue_take_until(&srp->inbox, in,
                                     srp->last_flush_ms
                                         + srp->env.config->request
                                               .flush_delay_ms);
}

static void
srp_run(void *arg)
{
    struct sync_request_processor *srp = arg;
    size_t max = (size_t) srp->env.config->storage.max_batch_size;
    struct bq_list in = { 0 };
    struct bq_node *node;

    srp->last_flush_ms = zk_time_mono_ms();
    while (srp_take(srp, &in)) {
        server_metrics_add(METRIC_sync_processor_queue_size,
                           (int64_t) in.n);
        if (in.n == 0 && srp_batch_is_due(srp)) {
            srp_flush(srp);
        }
        while ((node = bq_list_pop(&in)) != NULL) {
            if (srp->broken) {
                request_free(request_of(node));
                continue;
            }
            srp_one(srp, request_of(node));
            if (srp->to_flush_txns >= max) {
                srp_flush(srp);
            }
        }
    }
    srp_flush(srp);
}
