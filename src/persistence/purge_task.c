/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/* The timer behind autopurge.purgeInterval (Java: DatadirCleanupManager). */
#include <config.h>

#include "persistence/purge_txn_log.h"

#include <stdlib.h>

#include "util/zk_lock.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

struct purge_task {
    unsigned magic;
#define PURGE_TASK_MAGIC 0x50755461

    /* Set at start, never changed. */
    struct purge_options opts;
    int64_t interval_ms;

    /* Shared, under 'lock'. */
    struct zk_mutex lock;       /* ZK_LOCK_leaf */
    struct zk_cond wakeup;
    bool stopping ZK_GUARDED;

    struct zk_thread thread;
    atomic_bool hasten;         /* The server ends. */
};

static void
pt_purge(const struct purge_task *t)
{
    struct zk_errmsg em;

    zk_info(purge, "Purge task started.");
    if (purge_txn_log(&t->opts, NULL, &t->hasten, &em) != ZK_OK) {
        zk_error(purge, "Error occurred while purging: %s", em.text);
    }
    zk_info(purge, "Purge task completed.");
}

static void
pt_run(void *arg)
{
    struct purge_task *t = arg;
    int64_t next = zk_time_mono_ms();
    bool stopping = false;

    while (!stopping) {
        pt_purge(t);
        next += t->interval_ms;
        zk_lock(&t->lock);
        while (!t->stopping
               && zk_cond_wait_until(&t->wakeup, &t->lock, next)) {
        }
        stopping = t->stopping;
        zk_unlock(&t->lock);
    }
}

struct purge_task *
purge_task_start(const struct purge_options *opts, int64_t interval_ms)
{
    struct purge_task *t;

    if (interval_ms <= 0) {
        zk_info(purge, "Purge task is not scheduled.");
        return NULL;
    }
    t = zk_xcalloc(1, sizeof *t);
    t->magic = PURGE_TASK_MAGIC;
    t->opts = *opts;
    t->opts.data_log_dir = zk_xstrdup(opts->data_log_dir);
    t->opts.data_dir = zk_xstrdup(opts->data_dir);
    t->interval_ms = interval_ms;
    zk_mutex_init(&t->lock, ZK_LOCK_leaf);
    zk_cond_init(&t->wakeup);
    zk_thread_start(&t->thread, pt_run, t, "PurgeTask");
    return t;
}

void
purge_task_stop(struct purge_task *t)
{
    if (t == NULL) {
        return;
    }
    ZK_CHECK(t, PURGE_TASK_MAGIC);
    atomic_store(&t->hasten, true);
    zk_lock(&t->lock);
    t->stopping = true;
    zk_cond_signal(&t->wakeup);
    zk_unlock(&t->lock);
    zk_thread_join(&t->thread);
    zk_cond_fini(&t->wakeup);
    zk_mutex_fini(&t->lock);
    free((void *) (uintptr_t) t->opts.data_log_dir);
    free((void *) (uintptr_t) t->opts.data_dir);
    t->magic = 0;
    free(t);
}
