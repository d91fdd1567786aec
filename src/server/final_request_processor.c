/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/final_request_processor.h"

#include <stdlib.h>

#include "metrics/server_metrics.h"
#include "proto/keeper_error.h"
#include "proto/op_code.h"
#include "server/write_replies.h"
#include "util/crash_point.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

/* Requests applied under one hold of the lock. */
#define FRP_LOCK_BATCH 256
/* A batch up to this long is worked off by the thread that submits it, when
 * all before it is done: waking another would cost more than the work. */
#define FRP_INLINE_BATCH 4

struct final_request_processor {
    struct request_processor base;
    unsigned magic;
#define FINAL_REQUEST_PROCESSOR_MAGIC 0x46696e61

    struct final_env env;
    struct zk_thread thread;
    struct blocking_queue inbox;
    _Atomic size_t waiting;     /* Put into inbox and not yet done. */

    /* Owned by whoever works: the thread while 'waiting' is not zero, else
     * the (one) submitter. */
    struct zk_buf scratch;      /* The answer in hand. */
    int64_t now_us;             /* When the batch in hand began, */
    int64_t wall_ms;            /* by the wall clock, too. */
};

static void frp_submit(struct request_processor *base, struct bq_list *list);
static void frp_shutdown(struct request_processor *base);
static void frp_destroy(struct request_processor *base);
static void frp_work(struct final_request_processor *frp,
                     struct bq_list *in);
static void frp_run(void *arg);

struct request_processor *
final_request_processor_create(const struct final_env *env)
{
    struct final_request_processor *frp = zk_xcalloc(1, sizeof *frp);
    int64_t myid = env->config->myid < 0 ? 0 : env->config->myid;

    frp->magic = FINAL_REQUEST_PROCESSOR_MAGIC;
    frp->base.name = "FinalRequestProcessor";
    frp->base.submit = frp_submit;
    frp->base.shutdown = frp_shutdown;
    frp->base.destroy = frp_destroy;
    frp->env = *env;
    blocking_queue_init(&frp->inbox, "FinalRequestProcessor");
    zk_thread_start(&frp->thread, frp_run, frp, "FinalThread:%ld",
                    (long) myid);
    return &frp->base;
}

static struct final_request_processor *
frp_of(struct request_processor *base)
{
    struct final_request_processor *frp =
        ZK_CONTAINER_OF(base, struct final_request_processor, base);

    ZK_CHECK(frp, FINAL_REQUEST_PROCESSOR_MAGIC);
    return frp;
}

static void
frp_submit(struct request_processor *base, struct bq_list *list)
{
    struct final_request_processor *frp = frp_of(base);

    if (list->n <= FRP_INLINE_BATCH
        && atomic_load_explicit(&frp->waiting, memory_order_acquire) == 0) {
        frp_work(frp, list);
        return;
    }
    atomic_fetch_add_explicit(&frp->waiting, list->n, memory_order_relaxed);
    if (!blocking_queue_put_list(&frp->inbox, list)) {
        zk_panic("a request was submitted to a stage that was shut down");
    }
}

static void
frp_shutdown(struct request_processor *base)
{
    struct final_request_processor *frp = frp_of(base);

    blocking_queue_close(&frp->inbox);
    zk_thread_join(&frp->thread);
}

static void
frp_destroy(struct request_processor *base)
{
    struct final_request_processor *frp = frp_of(base);

    blocking_queue_fini(&frp->inbox);
    zk_buf_fini(&frp->scratch);
    frp->magic = 0;
    free(frp);
}

/* ---- answering --------------------------------------------------------- */

/* Appends what 'frp->scratch' holds; the request leaves the connection's
 * count between the bytes and the unlock, so that a selector that finds the
 * count at zero appends behind them. */
static void
frp_send(struct final_request_processor *frp, const struct request *r,
         const struct request_outcome *o)
{
    struct client_sink *sink = r->sink;
    struct zk_buf *out = sink->ops->out_begin(sink);

    if (out != NULL) {
        zk_buf_append(out, frp->scratch.data, frp->scratch.len);
    }
    atomic_fetch_sub_explicit(&sink->outstanding, 1, memory_order_release);
    if (out != NULL) {
        sink->ops->out_end(sink, o);
    }
}

static void
frp_record(const struct final_request_processor *frp,
           const struct request *r, bool write)
{
    int64_t ms = (frp->now_us - r->received_us) / 1000;

    server_metrics_add(write ? METRIC_updatelatency : METRIC_readlatency,
                       ms);
}

static void
frp_answer(struct final_request_processor *frp, struct request *r,
           const struct txn_view *txn, const struct txn_result *res)
{
    struct request_outcome o = {
        .type = r->type,
        .cxid = r->cxid,
        .zxid = r->zxid,
        .err = r->err,
        .received_us = r->received_us,
    };
    const struct read_context ctx = {
        .db = frp->env.db,
        .auth = frp->env.auth,
        .max_record = frp->env.config->storage.max_record,
        .sink = r->sink,
        .who = r->auth,
    };

    zk_buf_clear(&frp->scratch);
    if (txn != NULL) {
        write_reply(&frp->scratch, r->type, txn, res, &o);
    } else if (r->err != KE_OK || r->local_session) {
        o.zxid = data_tree_last_zxid(frp->env.db->tree);
        write_reply_error(&frp->scratch, &o);
    } else {
        read_op_answer(&ctx, r->body, &frp->scratch, &o);
    }
    if (o.err == KE_SESSION_MOVED) {
        zk_buf_clear(&frp->scratch);    /* Closed without an answer. */
    }
    frp_send(frp, r, &o);
    frp_record(frp, r, txn != NULL);
    if (o.err == KE_SESSION_MOVED) {
        zk_info(final, "session 0x%lx has moved to another connection",
                (long) r->session_id);
        r->sink->ops->close(r->sink, DISCONNECT_SESSION_MOVED);
    } else if (r->type == OP_CLOSE_SESSION) {
        r->sink->ops->close(r->sink, DISCONNECT_CLIENT_CLOSED_SESSION);
    }
}

static void
frp_session_ready(struct request *r, bool valid)
{
    struct client_sink *sink = r->sink;

    atomic_fetch_sub_explicit(&sink->outstanding, 1, memory_order_release);
    sink->ops->session_ready(sink, valid);
}

/* ---- applying ---------------------------------------------------------- */

static void
frp_write(struct final_request_processor *frp, struct request *r)
{
    struct txn_result res = { 0 };
    struct txn_view txn;
    struct zk_errmsg em;

    if (txn_view_decode(&txn, r->txn->data, r->txn->len,
                        frp->env.config->storage.max_record, &em) != ZK_OK) {
        zk_panic("our own txn 0x%lx does not decode: %s", (long) r->zxid,
                 em.text);
    }
    zk_database_apply(frp->env.db, r->txn, &txn, &res);
    if (txn.time <= frp->wall_ms) {     /* It is that of the leader's clock. */
        server_metrics_add(METRIC_propagation_latency,
                           frp->wall_ms - txn.time);
    }
    if (txn.type == OP_CLOSE_SESSION) {
        session_tracker_remove(frp->env.sessions, txn.client_id);
    } else if (txn.type == OP_CREATE_SESSION && frp->env.learner) {
        session_tracker_add(frp->env.sessions, txn.client_id, txn.timeout);
    }
    if (r->sink != NULL) {
        if (r->type == OP_CREATE_SESSION) {
            frp_session_ready(r, res.err == KE_OK);
        } else {
            frp_answer(frp, r, &txn, &res);
        }
    }
    if (txn.type == OP_CLOSE_SESSION) {
        /* It need not be the one that asked: another may have come back with
         * the session meanwhile. */
        frp->env.close_session(frp->env.self, txn.client_id,
                               DISCONNECT_SESSION_EXPIRED);
    }
    txn_result_fini(&res);
}

/* The end of a session that only this server knows. */
static void
frp_close_local(struct final_request_processor *frp, struct request *r)
{
    session_tracker_remove(frp->env.sessions, r->session_id);
    if (r->sink != NULL) {
        frp_answer(frp, r, NULL, NULL);
    }
    frp->env.close_session(frp->env.self, r->session_id,
                           DISCONNECT_SESSION_EXPIRED);
}

static void
frp_one(struct final_request_processor *frp, struct request *r)
{
    ZK_CHECK(r, REQUEST_MAGIC);
    if (r->txn != NULL) {
        frp_write(frp, r);
    } else if (r->local_session) {
        frp_close_local(frp, r);
    } else if (r->sink == NULL) {
        return;                 /* Nobody waits. */
    } else if (r->type == OP_CREATE_SESSION) {
        frp_session_ready(r, false);    /* It was refused on its way. */
    } else {
        frp_answer(frp, r, NULL, NULL);
    }
}

/* Returns how many of those that were done count in the pipeline. */
static size_t
frp_batch(struct final_request_processor *frp, struct bq_list *in,
          struct bq_list *done)
{
    size_t counted = 0;

    frp->now_us = zk_time_mono_us();
    frp->wall_ms = zk_time_wall_ms();
    zk_write_lock(&frp->env.db->lock);
    for (int i = 0; i < FRP_LOCK_BATCH && in->n > 0; i++) {
        struct bq_node *node = bq_list_pop(in);

        frp_one(frp, request_of(node));
        counted += request_of(node)->counted;
        bq_list_append(done, node);
    }
    zk_write_unlock(&frp->env.db->lock);
    CRASH_HERE(final_applied);
    frp->env.wake(frp->env.self);
    return counted;
}

/* Frees what was done.  What came by the commit stage has taken from there to
 * here: others take no look at the clock. */
static void
frp_free(struct bq_list *done)
{
    int64_t now_us = 0;
    struct bq_node *node;

    while ((node = bq_list_pop(done)) != NULL) {
        struct request *r = request_of(node);

        if (r->passed_us != 0) {
            now_us = now_us == 0 ? zk_time_mono_us() : now_us;
            server_metrics_add(request_is_write(r)
                                   ? METRIC_write_final_proc_time_ms
                                   : METRIC_read_final_proc_time_ms,
                               (now_us - r->passed_us) / 1000);
        }
        request_free(r);
    }
}

/* All of 'in', in order. */
static void
frp_work(struct final_request_processor *frp, struct bq_list *in)
{
    while (in->n > 0) {
        struct bq_list done = { 0 };

        frp->env.done(frp->env.self, frp_batch(frp, in, &done));
        frp_free(&done);
    }
}

static void
frp_run(void *arg)
{
    struct final_request_processor *frp = arg;
    struct bq_list in = { 0 };

    while (blocking_queue_take_all(&frp->inbox, &in)) {
        size_t n = in.n;

        frp_work(frp, &in);
        atomic_fetch_sub_explicit(&frp->waiting, n, memory_order_release);
    }
}
