/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "zab/learner_sender.h"

#include <stdio.h>
#include <stdlib.h>

#include "metrics/server_metrics.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

/* Blocks are gathered up to this size; a larger one is written as it is. */
#define LS_WRITE_SIZE (256 * 1024)

/* Of so many blocks one is timed on its way through the queue, the first to
 * begin with. */
#define LS_TIMED_EVERY 1000

struct ls_entry {
    struct bq_node link;
    struct packet_block *block;
    int64_t queued_us;              /* 0: not timed. */
};

void
learner_sender_init(struct learner_sender *ls, struct net_stream *stream,
                    int64_t max_bytes, int64_t timeout_ms)
{
    memset(ls, 0, sizeof *ls);
    ls->stream = stream;
    ls->max_bytes = max_bytes;
    atomic_init(&ls->timeout_ms, timeout_ms);
    blocking_queue_init(&ls->queue, "LearnerSender");
    zk_mutex_init(&ls->lock, ZK_LOCK_leaf);
}

/* ---- the oldest proposal without an ack -------------------------------- */

void
learner_sender_begin_timing(struct learner_sender *ls)
{
    zk_lock(&ls->lock);
    ls->timing = true;
    zk_unlock(&ls->lock);
}

static void
ls_sent(struct learner_sender *ls, int64_t zxid)
{
    zk_lock(&ls->lock);
    if (ls->timing && zxid > ls->acked_zxid) {
        ls->sent_zxid = zxid;
        ls->sent_ms = zk_time_mono_ms();
        if (ls->timed_zxid == 0) {
            ls->timed_zxid = zxid;
            ls->timed_since_ms = ls->sent_ms;
        }
    }
    zk_unlock(&ls->lock);
}

void
learner_sender_acked(struct learner_sender *ls, int64_t zxid)
{
    zk_lock(&ls->lock);
    ls->acked_zxid = zxid;      /* It may come before ls_sent. */
    if (ls->timed_zxid != 0 && zxid >= ls->timed_zxid) {
        ls->timed_zxid = ls->sent_zxid > zxid ? ls->sent_zxid : 0;
        ls->timed_since_ms = ls->sent_ms;
    }
    zk_unlock(&ls->lock);
}

bool
learner_sender_is_late(struct learner_sender *ls, int64_t limit_ms)
{
    bool late;

    zk_lock(&ls->lock);
    late = ls->timed_zxid != 0
           && zk_time_mono_ms() - ls->timed_since_ms > limit_ms;
    zk_unlock(&ls->lock);
    return late;
}

/* ---- the queue --------------------------------------------------------- */

static void
ls_cut_off(struct learner_sender *ls, const char *why)
{
    if (!atomic_exchange(&ls->cut_off, true)) {
        zk_warn(handler, "the learner at %s is cut off: %s",
                net_stream_peer(ls->stream), why);
        net_stream_shutdown(ls->stream);
    }
}

void
learner_sender_queue(struct learner_sender *ls, struct packet_block *pb)
{
    int64_t len = (int64_t) pb->bytes.len;
    struct ls_entry *e;

    if (atomic_load_explicit(&ls->cut_off, memory_order_relaxed)) {
        return;
    }
    if (atomic_fetch_add(&ls->queued_bytes, len) + len > ls->max_bytes) {
        ls_cut_off(ls, "too many bytes wait for it");
        return;
    }
    e = zk_xmalloc(sizeof *e);
    e->block = packet_block_ref(pb);
    e->queued_us = atomic_fetch_add_explicit(&ls->queued, 1,
                                             memory_order_relaxed)
                   % LS_TIMED_EVERY == 0 ? zk_time_mono_us() : 0;
    if (!blocking_queue_put(&ls->queue, &e->link)) {
        zk_panic("a packet was queued to a learner that has gone");
    }
}

static void
ls_free(struct ls_entry *e)
{
    packet_block_unref(e->block);
    free(e);
}

static void
ls_free_all(struct bq_list *list)
{
    struct bq_node *node;

    while ((node = bq_list_pop(list)) != NULL) {
        ls_free(ZK_CONTAINER_OF(node, struct ls_entry, link));
    }
}

/* ---- the thread -------------------------------------------------------- */

static void
ls_count(const struct learner_sender *ls, const struct ls_entry *e)
{
    if (e->queued_us != 0) {
        server_metrics_set_add(METRIC_learner_handler_qp_time_ms,
                               zk_slice_str(ls->key),
                               (zk_time_mono_us() - e->queued_us) / 1000);
    }
}

static int
ls_write(struct learner_sender *ls, const struct zk_buf *b,
         struct zk_errmsg *em)
{
    int rv;

    if (b->len == 0) {
        return ZK_OK;
    }
    rv = net_stream_write(ls->stream, b->data, b->len,
                          atomic_load(&ls->timeout_ms), em);
    atomic_fetch_sub(&ls->queued_bytes, (int64_t) b->len);
    return rv;
}

/* Writes the whole list in few pieces; what is left of it after an error is
 * the caller's. */
static int
ls_write_list(struct learner_sender *ls, struct bq_list *list,
              struct zk_buf *out, struct zk_errmsg *em)
{
    int64_t last_proposal = 0;
    struct bq_node *node;
    int rv = ZK_OK;

    while (rv == ZK_OK && (node = bq_list_pop(list)) != NULL) {
        struct ls_entry *e = ZK_CONTAINER_OF(node, struct ls_entry, link);
        const struct zk_buf *b = &e->block->bytes;

        ls_count(ls, e);
        if (out->len > 0 && out->len + b->len > LS_WRITE_SIZE) {
            rv = ls_write(ls, out, em);
            zk_buf_clear(out);
        }
        if (rv == ZK_OK && b->len > LS_WRITE_SIZE) {
            rv = ls_write(ls, b, em);
        } else if (rv == ZK_OK) {
            zk_buf_append(out, b->data, b->len);
        }
        if (e->block->last_proposal != 0) {
            last_proposal = e->block->last_proposal;
        }
        ls_free(e);
    }
    if (rv == ZK_OK) {
        rv = ls_write(ls, out, em);
    }
    zk_buf_clear(out);
    if (rv == ZK_OK && last_proposal != 0) {
        ls_sent(ls, last_proposal);
    }
    return rv;
}

static void
ls_run(void *arg)
{
    struct learner_sender *ls = arg;
    struct bq_list list = { 0 };
    struct zk_buf out = { 0 };
    struct zk_errmsg em;

    while (blocking_queue_take_all(&ls->queue, &list)) {
        server_metrics_set_add(METRIC_learner_handler_qp_size,
                               zk_slice_str(ls->key), (int64_t) list.n);
        if (!atomic_load(&ls->cut_off)) {
            int rv = ls_write_list(ls, &list, &out, &em);

            if (rv == ZK_ESTOPPED) {
                atomic_store(&ls->cut_off, true);
            } else if (rv != ZK_OK) {
                ls_cut_off(ls, em.text);
            }
        }
        ls_free_all(&list);
    }
    zk_buf_fini(&out);
}

bool
learner_sender_start(struct learner_sender *ls, int64_t sid)
{
    snprintf(ls->key, sizeof ls->key, "%ld", (long) sid);
    return zk_thread_try_start(&ls->thread, ls_run, ls,
                               "LearnerSend:%ld", (long) sid);
}

void
learner_sender_fini(struct learner_sender *ls)
{
    struct bq_list left = { 0 };

    blocking_queue_close(&ls->queue);
    zk_thread_join(&ls->thread);
    (void) !blocking_queue_take_all(&ls->queue, &left);
    ls_free_all(&left);
    blocking_queue_fini(&ls->queue);
    zk_mutex_fini(&ls->lock);
}
