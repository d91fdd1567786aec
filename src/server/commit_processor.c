/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/commit_processor.h"

#include <stdlib.h>

#include "metrics/server_metrics.h"
#include "proto/op_code.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

/* So many are handed on by the thread that lets them pass, when nothing is
 * before them: waking another would cost more than the work. */
#define CP_INLINE_BATCH 64

struct commit_processor {
    struct request_processor base;
    unsigned magic;
#define COMMIT_PROCESSOR_MAGIC 0x436f6d50

    /* Set at create, never changed. */
    struct request_processor *next;
    struct zk_thread thread;

    struct zk_mutex lock;       /* ZK_LOCK_commit */
    struct zk_cond wakeup;
    struct commit_core core ZK_GUARDED;
    struct bq_list ready ZK_GUARDED;    /* Passed, not yet handed on. */
    bool busy ZK_GUARDED;       /* Somebody hands on: all others leave what
                                 * passes in 'ready'. */
    bool stopping ZK_GUARDED;
};

static struct commit_processor *
cp_of(struct request_processor *base)
{
    struct commit_processor *cp =
        ZK_CONTAINER_OF(base, struct commit_processor, base);

    ZK_CHECK(cp, COMMIT_PROCESSOR_MAGIC);
    return cp;
}

/* What passes at 'now_us'.  Commits by themselves are writes of others and
 * have waited for nobody. */
static void
cp_count_passed(const struct bq_list *out, int64_t now_us)
{
    int64_t writes = 0;

    for (struct bq_node *node = out->first; node != NULL; node = node->next) {
        const struct request *r = request_of(node);
        bool write = r->txn != NULL || op_code_is_write(r->type);

        writes += write;
        if (r->queued_us != 0) {
            server_metrics_add(write ? METRIC_write_commitproc_time_ms
                                     : METRIC_read_commitproc_time_ms,
                               (now_us - r->queued_us) / 1000);
        }
    }
    server_metrics_add(METRIC_write_commit_proc_issued, writes);
    server_metrics_add(METRIC_read_commit_proc_issued,
                       (int64_t) out->n - writes);
}

/* Hands 'ready' on, without the lock meanwhile. */
static void
cp_hand_on_locked(struct commit_processor *cp) ZK_REQUIRES(cp->lock)
{
    struct bq_list out = { 0 };
    int64_t now_us;

    zk_assert(!cp->busy);
    cp->busy = true;
    bq_list_concat(&out, &cp->ready);
    zk_unlock(&cp->lock);
    now_us = zk_time_mono_us();
    cp_count_passed(&out, now_us);
    cp->next->submit(cp->next, &out);
    server_metrics_add(METRIC_commit_process_time,
                       (zk_time_mono_us() - now_us) / 1000);
    zk_lock(&cp->lock);
    cp->busy = false;
}

/* Before something passes. */
static void
cp_count_queued_locked(struct commit_processor *cp) ZK_REQUIRES(cp->lock)
{
    int64_t reads = (int64_t) cp->core.reads_behind;

    server_metrics_add(METRIC_read_commit_proc_req_queued, reads);
    server_metrics_add(METRIC_write_commit_proc_req_queued,
                       (int64_t) cp->core.pending.n - reads);
}

/* Something was told to the core: lets pass what may. */
static void
cp_go_on_locked(struct commit_processor *cp) ZK_REQUIRES(cp->lock)
{
    cp_count_queued_locked(cp);
    commit_core_take(&cp->core, &cp->ready);
    if (cp->busy) {
        return;                 /* Who is busy looks again, or wakes. */
    }
    if (cp->ready.n > 0 && cp->ready.n <= CP_INLINE_BATCH) {
        cp_hand_on_locked(cp);
    }
    if (cp->ready.n > 0 || cp->stopping) {
        zk_cond_signal(&cp->wakeup);
    }
}

static void
cp_run(void *arg)
{
    struct commit_processor *cp = arg;

    zk_lock(&cp->lock);
    for (;;) {
        while (cp->busy || (cp->ready.n == 0 && !cp->stopping)) {
            zk_cond_wait(&cp->wakeup, &cp->lock);
        }
        if (cp->ready.n == 0) {
            break;
        }
        cp_hand_on_locked(cp);
    }
    zk_unlock(&cp->lock);
}

static void
cp_submit(struct request_processor *base, struct bq_list *requests)
{
    struct commit_processor *cp = cp_of(base);
    int64_t now_us = zk_time_mono_us();

    server_metrics_add_n(METRIC_request_commit_queued, requests->n);
    for (struct bq_node *node = requests->first; node != NULL;
         node = node->next) {
        request_of(node)->queued_us = now_us;
    }
    zk_lock(&cp->lock);
    if (cp->stopping) {
        zk_panic("a request was submitted to a stage that was shut down");
    }
    commit_core_submit(&cp->core, requests);
    cp_go_on_locked(cp);
    zk_unlock(&cp->lock);
}

static void
cp_shutdown(struct request_processor *base)
{
    struct commit_processor *cp = cp_of(base);

    zk_lock(&cp->lock);
    cp->stopping = true;
    zk_cond_signal(&cp->wakeup);
    zk_unlock(&cp->lock);
    zk_thread_join(&cp->thread);
    cp->next->shutdown(cp->next);
}

static void
cp_destroy(struct request_processor *base)
{
    struct commit_processor *cp = cp_of(base);

    zk_lock(&cp->lock);
    zk_assert(cp->stopping && cp->ready.n == 0);
    commit_core_fini(&cp->core);
    zk_unlock(&cp->lock);
    zk_cond_fini(&cp->wakeup);
    zk_mutex_fini(&cp->lock);
    cp->magic = 0;
    free(cp);
}

struct request_processor *
commit_processor_create(bool learner, int64_t last,
                        struct request_processor *next)
{
    struct commit_processor *cp = zk_xcalloc(1, sizeof *cp);

    cp->magic = COMMIT_PROCESSOR_MAGIC;
    cp->base.name = "CommitProcessor";
    cp->base.submit = cp_submit;
    cp->base.shutdown = cp_shutdown;
    cp->base.destroy = cp_destroy;
    cp->next = next;
    zk_mutex_init(&cp->lock, ZK_LOCK_commit);
    zk_cond_init(&cp->wakeup);
    zk_lock(&cp->lock);
    commit_core_init(&cp->core, learner, last);
    zk_unlock(&cp->lock);
    zk_thread_start(&cp->thread, cp_run, cp, "CommitProcessor");
    return &cp->base;
}

/* ---- what the ensemble says -------------------------------------------- */

/* Once it stops, nothing that is said changes what passes. */
void
commit_processor_committed(struct request_processor *base, int64_t zxid)
{
    struct commit_processor *cp = cp_of(base);

    zk_lock(&cp->lock);
    if (!cp->stopping) {
        commit_core_committed(&cp->core, zxid);
        cp_go_on_locked(cp);
    }
    zk_unlock(&cp->lock);
}

void
commit_processor_synced(struct request_processor *base, size_t n)
{
    struct commit_processor *cp = cp_of(base);

    zk_lock(&cp->lock);
    if (!cp->stopping) {
        commit_core_synced(&cp->core, n);
        cp_go_on_locked(cp);
    }
    zk_unlock(&cp->lock);
}

void
commit_processor_deliver(struct request_processor *base,
                         struct bq_list *commits)
{
    struct commit_processor *cp = cp_of(base);

    server_metrics_add(METRIC_commit_commit_proc_req_queued,
                       (int64_t) commits->n);
    zk_lock(&cp->lock);
    commit_core_deliver(&cp->core, commits);
    if (!cp->stopping) {
        cp_go_on_locked(cp);
    }
    zk_unlock(&cp->lock);
}

void
commit_processor_durable(struct request_processor *base, int64_t zxid)
{
    struct commit_processor *cp = cp_of(base);

    zk_lock(&cp->lock);
    if (!cp->stopping) {
        commit_core_durable(&cp->core, zxid);
        cp_go_on_locked(cp);
    }
    zk_unlock(&cp->lock);
}
