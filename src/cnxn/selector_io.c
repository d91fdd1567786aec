/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selector_io.c: what a selector does with one connection besides reading:
 * pause, send, close, and the hold of the database lock.
 */
#include <config.h>

#include "cnxn/cnxn_tls.h"
#include "cnxn/selector_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "metrics/server_metrics.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

/* ---- memory ------------------------------------------------------------ */

void
sel_recycle(struct selector_thread *sel, struct zk_buf *b)
{
    if (b->data != NULL && b->cap <= SEL_POOL_BYTES
        && sel->pool_n < SEL_POOL_BUFFERS) {
        zk_buf_clear(b);
        sel->pool[sel->pool_n++] = *b;
        *b = (struct zk_buf) { 0 };
    } else {
        zk_buf_fini(b);
    }
}

static void
sel_lend(struct selector_thread *sel, struct zk_buf *b)
{
    if (b->data == NULL && sel->pool_n > 0) {
        *b = sel->pool[--sel->pool_n];
    }
}

/* ---- small things ------------------------------------------------------ */

void
sel_set_events(struct selector_thread *sel, struct server_cnxn *c,
               uint32_t events)
{
    struct epoll_event ev = { .events = events, .data.ptr = c };

    if (c->events == events) {
        return;
    }
    if (epoll_ctl(sel->epoll_fd, EPOLL_CTL_MOD, c->fd, &ev) != 0) {
        zk_panic("epoll_ctl on a connection: %m");
    }
    c->events = events;
    atomic_store_explicit(&c->interest,
                          (events & EPOLLIN ? 1 : 0)
                              | (events & EPOLLOUT ? 4 : 0),
                          memory_order_relaxed);
}

void
sel_touch(struct selector_thread *sel, struct server_cnxn *c)
{
    int64_t now_ms = sel->now_us / 1000;

    if (now_ms >= c->touch_after_ms) {
        c->touch_after_ms = connection_expirer_touch(
            &c->ctx->expirer, c, now_ms, c->idle_timeout_ms);
    }
}

void
sel_look_again(struct selector_thread *sel, struct server_cnxn *c)
{
    if (c->again) {
        return;
    }
    c->again = true;
    if (sel->again_n == sel->again_cap) {
        sel->again_cap = sel->again_cap > 0 ? sel->again_cap * 2 : 64;
        sel->again_list =
            zk_xrealloc(sel->again_list,
                        sel->again_cap * sizeof(struct server_cnxn *));
    }
    sel->again_list[sel->again_n++] = c;
}

void
sel_pause(struct selector_thread *sel, struct server_cnxn *c,
          enum cnxn_pause why)
{
    if (c->paused == 0) {
        c->paused_prev = NULL;
        c->paused_next = sel->paused;
        if (sel->paused != NULL) {
            sel->paused->paused_prev = c;
        }
        sel->paused = c;
    }
    c->paused |= (unsigned) why;
}

void
sel_unpause(struct selector_thread *sel, struct server_cnxn *c)
{
    if (c->paused == 0) {
        return;
    }
    c->paused = 0;
    if (c->paused_prev != NULL) {
        c->paused_prev->paused_next = c->paused_next;
    } else {
        sel->paused = c->paused_next;
    }
    if (c->paused_next != NULL) {
        c->paused_next->paused_prev = c->paused_prev;
    }
}

bool
sel_is_live(const struct server_cnxn *c)
{
    return c->state != CNXN_DRAINING && c->state != CNXN_CLOSED
           && !atomic_load_explicit(&c->sink.gone, memory_order_relaxed);
}

/* ---- closing ----------------------------------------------------------- */

/* What is part of a client's normal life is told to those only who debug. */
static int
sel_close_level(const struct server_cnxn *c, enum disconnect_reason why)
{
    if (c->zks == NULL && c->sink.session_id == 0) {
        /* A storm of clients during an election; selector_frames.c tells of
         * them, as many as are of use. */
        return ZK_LOG_DEBUG;
    }
    switch (why) {
    case DISCONNECT_CLIENT_CLOSED_SESSION:
    case DISCONNECT_CLIENT_RECONNECT:
    case DISCONNECT_RENEW_REFUSED:
    case DISCONNECT_SERVER_SHUTDOWN:
        return ZK_LOG_DEBUG;
    case DISCONNECT_EOF:
    case DISCONNECT_IO_ERROR:
        return c->sink.session_id != 0 ? ZK_LOG_INFO : ZK_LOG_DEBUG;
    case DISCONNECT_SESSION_EXPIRED:
    case DISCONNECT_SESSION_MOVED:
    case DISCONNECT_AUTH_FAILED:
    case DISCONNECT_PROTOCOL_ERROR:
    case DISCONNECT_IDLE:
    case DISCONNECT_LIMIT:
        return ZK_LOG_INFO;
    }
    return ZK_LOG_INFO;
}

static void
sel_log_close(const struct server_cnxn *c, enum disconnect_reason why)
{
    int level = c->is_word ? ZK_LOG_DEBUG : sel_close_level(c, why);
    char remote[CNXN_REMOTE_MAX];

    if (!zk_log_enabled(cnxn, level)) {
        return;
    }
    cnxn_address_remote(&c->peer, remote);
    if (c->is_word) {
        zk_log_line(ZK_LOG_cnxn, level, __LINE__,
                    "closed the connection of %s: its command was answered",
                    remote);
    } else if (c->sink.session_id != 0) {
        zk_log_line(ZK_LOG_cnxn, level, __LINE__,
                    "closed the connection of %s, which had session 0x%lx: "
                    "%s", remote, (long) c->sink.session_id,
                    disconnect_reason_text(why));
    } else {
        zk_log_line(ZK_LOG_cnxn, level, __LINE__,
                    "closed the connection of %s, which had no session: %s",
                    remote, disconnect_reason_text(why));
    }
}

static void
sel_unlink(struct selector_thread *sel, struct server_cnxn *c)
{
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        sel->first = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
}

void
sel_close(struct selector_thread *sel, struct server_cnxn *c,
          enum disconnect_reason why)
{
    int64_t begin_ms = zk_time_mono_ms();

    zk_assert(!sel->holding);
    if (c->state == CNXN_CLOSED) {
        return;
    }
    sel_log_close(c, why);
    if (why == DISCONNECT_EOF || why == DISCONNECT_IO_ERROR) {
        server_metrics_inc(METRIC_connection_drop_count);
    }
    server_cnxn_shut(c, why != DISCONNECT_IO_ERROR);
    if (c->zks != NULL) {
        watch_manager_remove_watcher(
            zookeeper_server_database(c->zks)->watches, &c->sink.watcher);
    }
    connection_expirer_remove(&c->ctx->expirer, c);
    cnxn_table_remove(&c->ctx->table, c);
    sel_unpause(sel, c);
    sel_unlink(sel, c);
    c->dead_next = sel->dead;   /* Events of this round may name it. */
    sel->dead = c;
    server_metrics_add(METRIC_socket_closing_time,
                       zk_time_mono_ms() - begin_ms);
}

/* ---- sending ----------------------------------------------------------- */

/* Sends c->sending.  False when the kernel takes no more for now, or the
 * connection was closed. */
static bool
sel_send(struct selector_thread *sel, struct server_cnxn *c)
{
    while (c->sent < c->sending.len) {
        size_t left = c->sending.len - c->sent;
        ssize_t n = server_cnxn_send(c, c->sending.data + c->sent, left);

        if (n >= 0) {
            c->sent += (size_t) n;
            if ((size_t) n == left) {
                break;
            }
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return false;
        } else if (errno != EINTR) {
            sel_close(sel, c, DISCONNECT_IO_ERROR);
            return false;
        }
    }
    if (c->sent > CNXN_OUTPUT_PAUSE) {
        (void) server_cnxn_pending(c);  /* Others look at how much waits. */
    }
    c->sent = 0;
    sel_recycle(sel, &c->sending);
    return true;
}

/* Not all could be sent. */
static void
sel_wait_writable(struct selector_thread *sel, struct server_cnxn *c)
{
    enum disconnect_reason why;
    size_t waiting;

    if (c->state == CNXN_CLOSED) {
        return;
    }
    if (server_cnxn_abandoned(c, &why)) {
        sel_close(sel, c, why);
        return;
    }
    waiting = server_cnxn_pending(c);
    if (waiting > CNXN_OUTPUT_PAUSE) {
        sel_pause(sel, c, CNXN_PAUSE_OUTPUT);
    }
    sel_set_events(sel, c,
                   (sel_is_live(c) ? c->events & EPOLLIN : 0)
                       | (c->tls_flags & CNXN_TLS_WRITE_READS ? EPOLLIN
                                                              : EPOLLOUT));
}

void
sel_flush(struct selector_thread *sel, struct server_cnxn *c)
{
    enum disconnect_reason why = DISCONNECT_PROTOCOL_ERROR;
    bool ending;

    if (c->state == CNXN_CLOSED) {
        return;
    }
    if (c->discard) {
        sel_close(sel, c, why);
        return;
    }
    if (c->sending.len > 0 && !sel_send(sel, c)) {
        sel_wait_writable(sel, c);
        return;
    }
    ending = server_cnxn_take(c, &why);
    if (!sel_send(sel, c)) {
        sel_wait_writable(sel, c);
        return;
    }
    if (ending || c->state == CNXN_DRAINING) {
        sel_close(sel, c, ending ? why : DISCONNECT_PROTOCOL_ERROR);
        return;
    }
    if ((c->events & EPOLLOUT)
        && !(c->tls_flags & CNXN_TLS_READ_WRITES)) {
        sel_set_events(sel, c, c->events & ~(uint32_t) EPOLLOUT);
    }
    if (c->paused != 0) {
        sel_look_again(sel, c);
    }
}

/* ---- the hold ---------------------------------------------------------- */

void
sel_hold_begin(struct selector_thread *sel)
{
    if (sel->holding) {
        return;
    }
    zookeeper_server_intake_begin(sel->zks, &sel->intake);
    sel->now_us = sel->intake.now_us;
    sel->holding = true;
    sel->hold_frames = 0;
    sel->totals = (struct selector_totals) {
        .latency_min_us = INT64_MAX,
        .size_min = INT64_MAX,
    };
}

static void
sel_publish(struct selector_thread *sel)
{
    const struct selector_totals *t = &sel->totals;
    struct server_stats *stats = zookeeper_server_stats(sel->zks);
    uint64_t n = t->answered;

    if (t->sent == 0) {
        return;
    }
    atomic_fetch_add_explicit(&stats->packets_sent, t->sent,
                              memory_order_relaxed);
    server_metrics_add_n(METRIC_response_bytes, t->bytes_out);
    /* The extremes by the front door, the rest in one go. */
    server_stats_response(stats, t->size_min);
    server_stats_response(stats, t->size_max);
    server_stats_response(stats, t->size_last);
    if (n == 0) {
        return;
    }
    server_stats_latency(stats, t->latency_min_us);
    if (n > 1) {
        server_stats_latency(stats, t->latency_max_us);
        atomic_fetch_add_explicit(&stats->latency_count, n - 2,
                                  memory_order_relaxed);
        atomic_fetch_add_explicit(&stats->latency_sum_us,
                                  (uint64_t) (t->latency_sum_us
                                              - t->latency_min_us
                                              - t->latency_max_us),
                                  memory_order_relaxed);
    }
}

void
sel_hold_end(struct selector_thread *sel)
{
    unsigned n = sel->touched_n;

    if (!sel->holding) {
        zk_assert(n == 0);
        return;
    }
    sel->holding = false;
    zookeeper_server_intake_end(&sel->intake);
    sel_publish(sel);
    sel->touched_n = 0;
    for (unsigned i = 0; i < n; i++) {
        struct server_cnxn *c = sel->touched[i];

        c->touched = false;
        sel_flush(sel, c);
    }
}

void
sel_touch_in_hold(struct selector_thread *sel, struct server_cnxn *c)
{
    if (!c->touched) {
        zk_assert(sel->touched_n < SEL_HOLD_CNXNS);
        c->touched = true;
        sel->touched[sel->touched_n++] = c;
    }
}

void
sel_append(struct selector_thread *sel, struct server_cnxn *c)
{
    struct cnxn_tally *t = &sel->tally;

    if (t->received == 0 && sel->scratch.len == 0) {
        return;
    }
    sel->totals.sent += (uint64_t) t->sent;
    sel->totals.bytes_out += sel->scratch.len;
    if (server_cnxn_append(c, &sel->scratch, t) > CNXN_OUTPUT_PAUSE) {
        sel_pause(sel, c, CNXN_PAUSE_OUTPUT);
    }
    sel_lend(sel, &sel->scratch);
    cnxn_tally_clear(t);
}
