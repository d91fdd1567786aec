/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selector_io.c: what a selector does with one connection: read, cut into
 * frames, hand them to the server, send, close.
 */
#include <config.h>

#include "cnxn/selector_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "cnxn/session_handshake.h"
#include "metrics/server_metrics.h"
#include "util/zk_bytes.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

/* Frames between two looks at the clock. */
#define SEL_CLOCK_FRAMES 64
/* Java sends the answer to a word whenever more than 2048 characters are
 * there, and counts each time. */
#define SEL_WORD_CHUNK 2049

/* ---- memory ------------------------------------------------------------ */

/* Keeps a buffer that is empty now, or frees it. */
static void
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

static void
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

static bool
sel_is_live(const struct server_cnxn *c)
{
    return c->state != CNXN_DRAINING && c->state != CNXN_CLOSED
           && !atomic_load_explicit(&c->sink.gone, memory_order_relaxed);
}

/* Nothing more is decoded; it ends when the hold does. */
static void
sel_drain(struct server_cnxn *c, bool discard)
{
    c->state = CNXN_DRAINING;
    c->discard = discard;
}

static void
sel_log_client(const struct server_cnxn *c, const char *what, long number)
{
    char remote[CNXN_REMOTE_MAX];

    cnxn_address_remote(&c->peer, remote);
    zk_warn(cnxn, "closing the connection of %s, session 0x%lx: %s %ld",
            remote, (long) c->sink.session_id, what, number);
}

/* ---- closing ----------------------------------------------------------- */

/* What is part of a client's normal life is told to those only who debug. */
static int
sel_close_level(const struct server_cnxn *c, enum disconnect_reason why)
{
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
        zk_log_line(ZK_LOG_cnxn, level, __LINE__, "closed the connection of %s: its command "
                  "was answered", remote);
    } else if (c->sink.session_id != 0) {
        zk_log_line(ZK_LOG_cnxn, level, __LINE__, "closed the connection of %s, which had "
                  "session 0x%lx: %s", remote, (long) c->sink.session_id,
                  disconnect_reason_text(why));
    } else {
        zk_log_line(ZK_LOG_cnxn, level, __LINE__, "closed the connection of %s, which had no "
                  "session: %s", remote, disconnect_reason_text(why));
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

/* The kernel took only a part. */
static void
sel_wait_writable(struct selector_thread *sel, struct server_cnxn *c)
{
    size_t waiting = server_cnxn_pending(c);

    if (waiting > CNXN_OUTPUT_PAUSE) {
        sel_pause(sel, c, CNXN_PAUSE_OUTPUT);
    }
    sel_set_events(sel, c,
                   (sel_is_live(c) ? c->events & EPOLLIN : 0) | EPOLLOUT);
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
        if (c->state != CNXN_CLOSED) {
            sel_wait_writable(sel, c);
        }
        return;
    }
    ending = server_cnxn_take(c, &why);
    if (!sel_send(sel, c)) {
        if (c->state != CNXN_CLOSED) {
            sel_wait_writable(sel, c);
        }
        return;
    }
    if (ending || c->state == CNXN_DRAINING) {
        sel_close(sel, c, ending ? why : DISCONNECT_PROTOCOL_ERROR);
        return;
    }
    if (c->events & EPOLLOUT) {
        sel_set_events(sel, c, c->events & ~(uint32_t) EPOLLOUT);
    }
    if (c->paused != 0) {
        sel_look_again(sel, c);
    }
}

/* ---- the hold ---------------------------------------------------------- */

static void
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

/* It is sent to, or closed, when the hold ends. */
static void
sel_touch_in_hold(struct selector_thread *sel, struct server_cnxn *c)
{
    if (!c->touched) {
        zk_assert(sel->touched_n < SEL_HOLD_CNXNS);
        c->touched = true;
        sel->touched[sel->touched_n++] = c;
    }
}

/* Hands what was answered so far to the connection.  Still in the hold: what
 * later transactions append comes behind it. */
static void
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

/* ---- frames ------------------------------------------------------------ */

/* A read was answered on the spot. */
static void
sel_done(struct client_sink *sink, const struct request_outcome *o)
{
    struct selector_thread *sel = server_cnxn_of(sink)->selector;
    struct cnxn_tally *t = &sel->tally;
    struct selector_totals *all = &sel->totals;
    int64_t us = sel->now_us - o->received_us;

    t->answered++;
    t->last_op = o->type;
    if (o->cxid >= 0) {
        t->last_cxid = o->cxid;
    }
    t->last_zxid = o->zxid;
    t->latency_last_us = us;
    t->latency_sum_us += us;
    t->latency_min_us = us < t->latency_min_us ? us : t->latency_min_us;
    t->latency_max_us = us > t->latency_max_us ? us : t->latency_max_us;
    all->answered++;
    all->latency_sum_us += us;
    if (us < all->latency_min_us) {
        all->latency_min_us = us;
    }
    if (us > all->latency_max_us) {
        all->latency_max_us = us;
    }
    server_metrics_add(METRIC_readlatency, us / 1000);
}

/* Something of 'size' bytes was answered on the spot.  As Java has it, the
 * frame's length is not part of a response's size. */
static void
sel_count_reply(struct selector_thread *sel, size_t size)
{
    struct selector_totals *all = &sel->totals;

    sel->tally.sent++;
    all->size_last = (int64_t) size - 4;
    if (all->size_last < all->size_min) {
        all->size_min = all->size_last;
    }
    if (all->size_last > all->size_max) {
        all->size_max = all->size_last;
    }
}

static void
sel_verdict(struct selector_thread *sel, struct server_cnxn *c,
            enum intake_verdict verdict)
{
    switch (verdict) {
    case INTAKE_OK:
        return;
    case INTAKE_PAUSE:
        sel_pause(sel, c, CNXN_PAUSE_LIMIT);
        return;
    case INTAKE_CLOSE:
        sel_drain(c, false);
        return;
    case INTAKE_CLOSE_NOW:
        sel_drain(c, true);
        return;
    }
}

/* A frame of a connection with a session. */
static void
sel_request(struct selector_thread *sel, struct server_cnxn *c,
            const uint8_t *frame, int32_t len)
{
    struct large_requests *large = &c->ctx->large;
    size_t submitted = sel->intake.submitted.n;
    size_t before = sel->scratch.len;
    bool is_large = large_requests_is_large(large, len);
    enum intake_verdict verdict;

    if (is_large && !large_requests_enter(large, len)) {
        server_metrics_inc(METRIC_large_requests_rejected);
        sel_log_client(c, "too many bytes of large requests with one of",
                       len);
        sel_drain(c, false);
        return;
    }
    verdict = zookeeper_server_intake_frame(&sel->intake, &c->sink, frame,
                                            (size_t) len, &sel->scratch,
                                            sel_done);
    sel->tally.received++;
    if (sel->scratch.len > before) {
        sel_count_reply(sel, sel->scratch.len - before);
    }
    if (sel->intake.submitted.n > submitted) {
        c->submitted++;
        if (is_large) {
            server_cnxn_note_large(c, len);
        }
    } else if (is_large) {
        large_requests_leave(large, len);
    }
    sel_verdict(sel, c, verdict);
}

/* The first frame. */
static void
sel_connect(struct selector_thread *sel, struct server_cnxn *c,
            const uint8_t *frame, int32_t len)
{
    enum intake_verdict verdict =
        session_handshake_connect(c, &sel->intake, frame, (size_t) len);

    sel->tally.received++;
    if (verdict != INTAKE_OK) {
        sel_verdict(sel, c, verdict);
        return;
    }
    if (c->sink.session_id == 0) {
        sel_drain(c, false);    /* Refused, and told so. */
        return;
    }
    c->idle_timeout_ms = c->sink.timeout_ms;
    c->touch_after_ms = 0;
    sel_touch(sel, c);
    c->state = CNXN_CONNECTING;
    if (server_cnxn_session_up(c)) {
        c->state = CNXN_OPEN;
    } else {
        sel_pause(sel, c, CNXN_PAUSE_SESSION);
    }
}

/* Counts a word, and its answer as the packets that Java makes of it. */
static void
sel_count_word(struct server_cnxn *c, int64_t received, int64_t sent)
{
    struct zk_buf none = { 0 };
    struct server_stats *stats;
    struct cnxn_tally tally;

    cnxn_tally_clear(&tally);
    tally.received = received;
    tally.sent = sent;
    (void) server_cnxn_append(c, &none, &tally);
    zk_buf_fini(&none);
    if (c->zks != NULL) {
        stats = zookeeper_server_stats(c->zks);
        atomic_fetch_add(&stats->packets_received, (uint64_t) received);
        atomic_fetch_add(&stats->packets_sent, (uint64_t) sent);
    }
}

/* A four-letter word; its answer may want any lock. */
static void
sel_word(struct selector_thread *sel, struct server_cnxn *c, uint32_t word,
         uint64_t arg)
{
    struct zk_buf answer = { 0 };
    struct cnxn_tally none;
    size_t len;

    sel_hold_end(sel);
    c->is_word = true;
    sel_set_events(sel, c, 0);
    sel_count_word(c, 1, 0);
    c->ctx->words.answer(c->ctx->words.self, word, arg, &answer);
    len = answer.len;
    cnxn_tally_clear(&none);
    (void) server_cnxn_append(c, &answer, &none);
    zk_buf_fini(&answer);
    sel_count_word(c, 0, (int64_t) ((len + SEL_WORD_CHUNK - 1)
                                    / SEL_WORD_CHUNK));
    sel_drain(c, false);
    sel_flush(sel, c);
}

/* Looks for a word at the start of a connection.  True: it was one, or may
 * become one, and there is nothing for the caller to do. */
static bool
sel_try_word(struct selector_thread *sel, struct server_cnxn *c,
             const uint8_t *p, size_t n)
{
    uint32_t word = zk_get_be32(p);
    size_t need = word == FOUR_LETTER_STMK ? 12 : 4;

    if (!c->ctx->words.known(c->ctx->words.self, word)) {
        return false;
    }
    if (n >= need) {
        sel_word(sel, c, word, need > 4 ? zk_get_be64(p + 4) : 0);
    }
    return true;
}

/* May a frame of this length come?  If not, the connection ends. */
static bool
sel_length_ok(struct server_cnxn *c, int32_t len)
{
    struct large_requests *large = &c->ctx->large;

    if (len < 0 || len > c->ctx->config->cnxn.jute_max_buffer) {
        sel_log_client(c, "a frame of unreasonable length", len);
    } else if (c->zks == NULL) {
        server_metrics_inc(METRIC_cnxn_closed_without_zk_server_running);
        sel_log_client(c, "no server is running; a frame of length", len);
    } else if (large_requests_is_large(large, len)
               && !large_requests_fits(large, len)) {
        server_metrics_inc(METRIC_large_requests_rejected);
        sel_log_client(c, "too many bytes of large requests for one of",
                       len);
    } else {
        return true;
    }
    sel_drain(c, true);
    return false;
}

/* Ends the hold in the middle of a connection's frames, so that transactions
 * get their turn. */
static void
sel_breathe(struct selector_thread *sel, struct server_cnxn *c)
{
    sel_append(sel, c);
    sel_hold_end(sel);
}

static void
sel_frame(struct selector_thread *sel, struct server_cnxn *c,
          const uint8_t *frame, int32_t len)
{
    sel_hold_begin(sel);
    sel_touch_in_hold(sel, c);
    if (++sel->hold_frames % SEL_CLOCK_FRAMES == 0) {
        sel->now_us = zk_time_mono_us();
    }
    if (c->state == CNXN_FRESH) {
        sel_connect(sel, c, frame, len);
    } else {
        sel_request(sel, c, frame, len);
    }
    if (sel->scratch.len > CNXN_OUTPUT_PAUSE) {
        sel_pause(sel, c, CNXN_PAUSE_OUTPUT);
    }
}

/* Handles the whole frames among 'n' bytes, as far as the connection may go
 * on; returns how many bytes that were. */
static size_t
sel_frames(struct selector_thread *sel, struct server_cnxn *c,
           const uint8_t *p, size_t n)
{
    size_t at = 0;

    while (n - at >= 4 && c->paused == 0 && sel_is_live(c)) {
        int32_t len = (int32_t) zk_get_be32(p + at);

        if (c->state == CNXN_FRESH && sel_try_word(sel, c, p + at, n - at)) {
            break;
        }
        if (!sel_length_ok(c, len) || n - at - 4 < (size_t) len) {
            break;
        }
        if (sel->holding && sel->hold_frames >= SEL_HOLD_FRAMES) {
            sel_breathe(sel, c);
            continue;           /* Sending may have paused or closed it. */
        }
        sel_frame(sel, c, p + at + 4, len);
        at += 4 + (size_t) len;
    }
    if (sel->holding) {
        sel_append(sel, c);
    }
    return at;
}

/* Decides what becomes of a connection after its frames were looked at;
 * 'rest' was not used. */
static void
sel_keep_rest(struct selector_thread *sel, struct server_cnxn *c,
              const uint8_t *rest, size_t n)
{
    if (c->state == CNXN_CLOSED) {
        return;
    }
    if (!sel_is_live(c)) {
        zk_buf_fini(&c->in);
        if (!c->touched) {
            sel_hold_end(sel);
            sel_flush(sel, c);
        }
        return;
    }
    if (n == 0) {
        sel_recycle(sel, &c->in);
        return;
    }
    zk_buf_clear(&c->in);
    zk_buf_append(&c->in, rest, n);
}

/* ---- reading ----------------------------------------------------------- */

/* One recv; 0 when there is nothing now or the connection is no more. */
static size_t
sel_recv(struct selector_thread *sel, struct server_cnxn *c, void *p,
         size_t room)
{
    ssize_t n = server_cnxn_recv(c, p, room);

    if (n > 0) {
        server_metrics_add_n(METRIC_bytes_received_count, (uint64_t) n);
        if (c->sink.session_id != 0) {
            sel_touch(sel, c);
        }
        return (size_t) n;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return 0;
    }
    sel_hold_end(sel);
    sel_close(sel, c, n == 0 ? DISCONNECT_EOF : DISCONNECT_IO_ERROR);
    return 0;
}

/* The rest of a long frame, straight to where its beginning is.  Memory
 * grows with what has come, not with what was announced. */
static void
sel_read_long(struct selector_thread *sel, struct server_cnxn *c)
{
    size_t whole = 4 + (size_t) zk_get_be32(c->in.data);
    size_t room = whole - c->in.len;
    size_t used;

    zk_assert(c->in.len < whole);
    if (room > c->in.len) {
        room = c->in.len;
    }
    c->in.len += sel_recv(sel, c, zk_buf_reserve(&c->in, room), room);
    if (c->state == CNXN_CLOSED || c->in.len < whole) {
        return;
    }
    used = sel_frames(sel, c, c->in.data, c->in.len);
    if (used == c->in.len || !sel_is_live(c)) {
        sel_keep_rest(sel, c, NULL, 0);
    }
}

void
sel_read(struct selector_thread *sel, struct server_cnxn *c)
{
    size_t had = c->in.len;
    size_t got, used;

    if (sel->touched_n == SEL_HOLD_CNXNS) {
        sel_hold_end(sel);
    }
    if (had >= SEL_PARTIAL_DIRECT) {
        sel_read_long(sel, c);
        return;
    }
    if (had > 0) {
        memcpy(sel->read_buf, c->in.data, had);
    }
    got = sel_recv(sel, c, sel->read_buf + had, SEL_READ_BYTES - had);
    if (got == 0) {
        return;
    }
    used = sel_frames(sel, c, sel->read_buf, had + got);
    sel_keep_rest(sel, c, sel->read_buf + used, had + got - used);
}

/* ---- going on ---------------------------------------------------------- */

/* The reasons that are gone. */
static unsigned
sel_lifted(struct selector_thread *sel, struct server_cnxn *c)
{
    unsigned lifted = 0;

    if ((c->paused & CNXN_PAUSE_SESSION) && server_cnxn_session_up(c)) {
        c->state = CNXN_OPEN;
        lifted |= CNXN_PAUSE_SESSION;
    }
    if ((c->paused & CNXN_PAUSE_LIMIT)
        && (atomic_load_explicit(&c->sink.outstanding, memory_order_relaxed)
                == 0
            || zookeeper_server_in_process(c->zks)
                   < c->ctx->config->cnxn.global_outstanding_limit)) {
        lifted |= CNXN_PAUSE_LIMIT;
    }
    if ((c->paused & CNXN_PAUSE_OUTPUT)
        && server_cnxn_pending(c) <= CNXN_OUTPUT_PAUSE / 2) {
        lifted |= CNXN_PAUSE_OUTPUT;
    }
    if ((c->paused & CNXN_PAUSE_SERVER) && !sel->reading_off) {
        lifted |= CNXN_PAUSE_SERVER;
    }
    return lifted;
}

/* Frames that were read before the pause. */
static void
sel_go_on(struct selector_thread *sel, struct server_cnxn *c)
{
    size_t used;

    if (c->in.len == 0) {
        return;
    }
    if (sel->touched_n == SEL_HOLD_CNXNS) {
        sel_hold_end(sel);
    }
    used = sel_frames(sel, c, c->in.data, c->in.len);
    if (used == c->in.len || !sel_is_live(c)) {
        sel_keep_rest(sel, c, NULL, 0);
    } else {
        zk_buf_consume(&c->in, used);
    }
}

void
sel_resume(struct selector_thread *sel, struct server_cnxn *c)
{
    unsigned left;

    if (c->paused == 0 || !sel_is_live(c)) {
        return;
    }
    left = c->paused & ~sel_lifted(sel, c);
    if (left != 0) {
        c->paused = left;
        return;
    }
    sel_unpause(sel, c);
    sel_go_on(sel, c);
    if (c->state != CNXN_CLOSED && c->paused == 0 && sel_is_live(c)) {
        sel_set_events(sel, c, c->events | EPOLLIN);
    }
}
