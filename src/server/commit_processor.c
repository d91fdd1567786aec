/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/commit_processor.h"

#include <stdlib.h>
#include <string.h>

#include "metrics/server_metrics.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

/* So many are handed on by the thread that lets them pass, when nothing is
 * before them: waking another would cost more than the work. */
#define CP_INLINE_BATCH 64
/* Commits whose time is remembered until they pass, which they do not before
 * the own disk has them; beyond, some count as told with those before. */
#define CP_TOLD 32

struct cp_told {
    int64_t zxid;               /* The last one that was told then. */
    int64_t us;
};

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
    struct cp_told told[CP_TOLD] ZK_GUARDED;    /* By zxid. */
    size_t n_told ZK_GUARDED;
};

static struct commit_processor *
cp_of(struct request_processor *base)
{
    struct commit_processor *cp =
        ZK_CONTAINER_OF(base, struct commit_processor, base);

    ZK_CHECK(cp, COMMIT_PROCESSOR_MAGIC);
    return cp;
}

/* ---- when commits were told -------------------------------------------- */

/* All up to 'zxid' is committed, at 'now_us'; 0: nothing is. */
static void
cp_note_told_locked(struct commit_processor *cp, int64_t zxid,
                    int64_t now_us) ZK_REQUIRES(cp->lock)
{
    if (zxid == 0
        || (cp->n_told > 0 && cp->told[cp->n_told - 1].zxid >= zxid)) {
        return;
    }
    if (cp->n_told < CP_TOLD) {
        cp->told[cp->n_told++].us = now_us;
    }
    cp->told[cp->n_told - 1].zxid = zxid;
}

/* All up to 'zxid' has passed. */
static void
cp_forget_told_locked(struct commit_processor *cp, int64_t zxid)
    ZK_REQUIRES(cp->lock)
{
    size_t n = 0;

    while (n < cp->n_told && cp->told[n].zxid <= zxid) {
        n++;
    }
    cp->n_told -= n;
    memmove(cp->told, cp->told + n, cp->n_told * sizeof cp->told[0]);
}

/* ---- handing on -------------------------------------------------------- */

/* What is handed on in one go. */
struct cp_passing {
    struct bq_list out;
    int64_t now_us;
    int64_t writes;             /* Among them. */
    int64_t last;               /* zxid of the last txn; 0: none. */
    struct cp_told told[CP_TOLD];
    size_t n_told, at_told;     /* What is before it has passed. */
};

/* A write: from the commit to here. */
static void
cp_count_committed(struct cp_passing *p, const struct request *r)
{
    p->last = r->txn->zxid;
    while (p->at_told < p->n_told && p->told[p->at_told].zxid < p->last) {
        p->at_told++;
    }
    if (p->at_told < p->n_told) {
        server_metrics_add(r->queued_us != 0
                               ? METRIC_local_write_committed_time_ms
                               : METRIC_server_write_committed_time_ms,
                           (p->now_us - p->told[p->at_told].us) / 1000);
    }
}

/* Commits by themselves are writes of others and have waited for nobody. */
static void
cp_count_passed(struct cp_passing *p)
{
    for (struct bq_node *node = p->out.first; node != NULL;
         node = node->next) {
        struct request *r = request_of(node);
        bool write = request_is_write(r);

        p->writes += write;
        r->passed_us = p->now_us;
        if (r->queued_us != 0) {
            server_metrics_add(write ? METRIC_write_commitproc_time_ms
                                     : METRIC_read_commitproc_time_ms,
                               (p->now_us - r->queued_us) / 1000);
        }
        if (r->txn != NULL) {
            cp_count_committed(p, r);
        }
    }
    server_metrics_add(METRIC_write_commit_proc_issued, p->writes);
    server_metrics_add(METRIC_read_commit_proc_issued,
                       (int64_t) p->out.n - p->writes);
}

static void
cp_count_handed_on(const struct cp_passing *p)
{
    int64_t ms = (zk_time_mono_us() - p->now_us) / 1000;

    server_metrics_add(METRIC_commit_process_time, ms);
    if (p->writes > 0) {
        server_metrics_add(METRIC_write_batch_time_in_commit_processor, ms);
    }
}

/* Hands 'ready' on, without the lock meanwhile. */
static void
cp_hand_on_locked(struct commit_processor *cp) ZK_REQUIRES(cp->lock)
{
    struct cp_passing p;

    zk_assert(!cp->busy);
    cp->busy = true;
    p.out = (struct bq_list) { 0 };
    bq_list_concat(&p.out, &cp->ready);
    p.n_told = cp->n_told;
    memcpy(p.told, cp->told, p.n_told * sizeof p.told[0]);
    zk_unlock(&cp->lock);
    p.now_us = zk_time_mono_us();
    p.writes = p.last = 0;
    p.at_told = 0;
    cp_count_passed(&p);
    cp->next->submit(cp->next, &p.out);
    cp_count_handed_on(&p);
    zk_lock(&cp->lock);
    cp_forget_told_locked(cp, p.last);
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
    int64_t now_us = zk_time_mono_us();

    zk_lock(&cp->lock);
    if (!cp->stopping) {
        cp_note_told_locked(cp, zxid, now_us);
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

/* 0: answers to syncs only. */
static int64_t
cp_last_zxid(const struct bq_list *commits)
{
    int64_t zxid = 0;

    for (struct bq_node *node = commits->first; node != NULL;
         node = node->next) {
        if (request_of(node)->txn != NULL) {
            zxid = request_of(node)->txn->zxid;
        }
    }
    return zxid;
}

void
commit_processor_deliver(struct request_processor *base,
                         struct bq_list *commits)
{
    struct commit_processor *cp = cp_of(base);
    int64_t now_us = zk_time_mono_us();
    int64_t zxid = cp_last_zxid(commits);

    server_metrics_add(METRIC_commit_commit_proc_req_queued,
                       (int64_t) commits->n);
    zk_lock(&cp->lock);
    cp_note_told_locked(cp, zxid, now_us);
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
