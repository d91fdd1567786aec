/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selector_frames.c: how a selector reads from one connection: bytes are cut
 * into frames where they lie, and the frames handed to the server.
 */
#include <config.h>

#include "cnxn/cnxn_tls.h"
#include "cnxn/selector_internal.h"

#include <errno.h>
#include <sys/epoll.h>

#include "cnxn/session_handshake.h"
#include "metrics/server_metrics.h"
#include "tls/tls_conn.h"
#include "util/zk_bytes.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

/* Frames between two looks at the clock. */
#define SEL_CLOCK_FRAMES 64
/* Java sends the answer to a word whenever more than 2048 characters are
 * there, and counts each time. */
#define SEL_WORD_CHUNK 2049

/* ---- small things ------------------------------------------------------ */

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
    log_limit_at(&c->ctx->log_limit, cnxn, ZK_LOG_WARN,
                 "closing the connection of %s, session 0x%lx: %s %ld",
                 remote, (long) c->sink.session_id, what, number);
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
    c->ctx->words.answer(c->ctx->words.self, word, arg, c->peer.secure,
                         &answer);
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

/* Does a first frame of this length begin TLS? */
static bool
sel_speaks_tls(const struct server_cnxn *c, int32_t len)
{
    unsigned char first[4];

    zk_put_be32(first, (uint32_t) len);
    return c->state == CNXN_FRESH && c->tls == NULL
           && tls_sniff(first, sizeof first) == TLS_SNIFF_TLS;
}

/* May a frame of this length come?  If not, the connection ends. */
static bool
sel_length_ok(struct server_cnxn *c, int32_t len)
{
    struct large_requests *large = &c->ctx->large;

    if (len < 0 || len > c->ctx->config->cnxn.jute_max_buffer) {
        sel_log_client(c, sel_speaks_tls(c, len)
                              ? "it speaks TLS to a port for plain text; what "
                                "would be a length is"
                              : "a frame of unreasonable length", len);
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
                   < zookeeper_server_outstanding_limit(c->zks))) {
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
        if (c->tls_flags & CNXN_TLS_MORE) {
            sel_look_again(sel, c);
        }
    }
}
