/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cnxn/server_cnxn.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/acl_check.h"
#include "cnxn/cnxn_context.h"
#include "cnxn/cnxn_tls.h"
#include "cnxn/selector_thread.h"
#include "cnxn/session_handshake.h"
#include "jute/zookeeper_records.h"
#include "metrics/server_metrics.h"
#include "proto/frame.h"
#include "proto/op_code.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

/* WatcherEvent.state */
#define STATE_SYNC_CONNECTED 3
/* ZooDefs.Perms.READ */
#define PERM_READ 1
/* Of what a client still sends while it is hung up on, so much is read away
 * lest a reset overtakes the last reply. */
#define HANG_UP_ROUNDS 64

static const struct client_sink_ops sc_ops;
static void sc_process(struct watcher *w, const struct watched_event *event);
static int64_t sc_watcher_session(const struct watcher *w);

/* ---- life -------------------------------------------------------------- */

static void
sc_counters_clear(struct cnxn_counters *n)
{
    *n = (struct cnxn_counters) {
        .last_cxid = -1,
        .last_zxid = -1,
        .latency_min = INT64_MAX,
    };
}

struct server_cnxn *
server_cnxn_create(struct cnxn_context *ctx, struct selector_thread *selector,
                   int fd, const struct cnxn_address *peer)
{
    struct server_cnxn *c = zk_xcalloc(1, sizeof *c);
    char host[CNXN_HOST_MAX];

    c->magic = SERVER_CNXN_MAGIC;
    c->ctx = ctx;
    c->selector = selector;
    c->peer = *peer;
    c->established_ms = zk_time_wall_ms();
    cnxn_address_host(peer, host);
    c->sink.ops = &sc_ops;
    c->sink.watcher.process = sc_process;
    c->sink.watcher.session_id = sc_watcher_session;
    c->sink.auth = auth_info_create("ip", host);
    atomic_init(&c->refs, 1);
    zk_mutex_init(&c->lock, ZK_LOCK_server_cnxn);
    zk_lock(&c->lock);
    sc_counters_clear(&c->counters);
    zk_unlock(&c->lock);
    c->fd = fd;
    c->state = CNXN_FRESH;
    c->idle_timeout_ms = ctx->config->cnxn.sessionless_timeout_ms;
    return c;
}

static void
sc_count_plain(struct cnxn_context *ctx, const struct cnxn_address *peer)
{
    atomic_fetch_add_explicit(cnxn_address_is_loopback(peer)
                                  ? &ctx->plain_local
                                  : &ctx->plain_remote,
                              1, memory_order_relaxed);
}

void
server_cnxn_begin(struct cnxn_context *ctx, int fd,
                  const struct cnxn_address *peer, struct tls_conn *tls)
{
    unsigned turn = atomic_fetch_add(&ctx->next_selector, 1);
    struct selector_thread *sel = ctx->selectors[turn % ctx->n_selectors];
    struct server_cnxn *c = server_cnxn_create(ctx, sel, fd, peer);

    if (tls != NULL) {
        cnxn_tls_begin(c, tls);
    } else {
        sc_count_plain(ctx, peer);
    }
    cnxn_table_add(&ctx->table, c);
    selector_thread_add(sel, c);
}

struct server_cnxn *
server_cnxn_ref(struct server_cnxn *c)
{
    ZK_CHECK(c, SERVER_CNXN_MAGIC);
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void
server_cnxn_unref(struct server_cnxn *c)
{
    ZK_CHECK(c, SERVER_CNXN_MAGIC);
    if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) > 1) {
        return;
    }
    zk_assert(c->fd < 0);
    auth_info_unref(c->sink.auth);
    zk_mutex_fini(&c->lock);
    c->magic = 0;
    free(c);
}

/* ---- appending, from any thread ---------------------------------------- */

/* Puts the connection on its selector's list, once. */
static void
sc_list_locked(struct server_cnxn *c) ZK_REQUIRES(c->lock)
{
    if (!c->flush_listed) {
        c->flush_listed = true;
        server_cnxn_ref(c);
        selector_thread_list(c->selector, c);
    }
}

/* Reasons not to wait until the client has taken what there is for it. */
static bool
sc_is_impatient(enum disconnect_reason why)
{
    return why == DISCONNECT_IDLE || why == DISCONNECT_LIMIT;
}

static void
sc_end_locked(struct server_cnxn *c, enum disconnect_reason why)
    ZK_REQUIRES(c->lock)
{
    if (c->ending && (c->abandoned || !sc_is_impatient(why))) {
        return;
    }
    if (!c->ending) {
        c->ending = true;
        c->why = why;
        atomic_store(&c->sink.gone, true);
    }
    c->abandoned = sc_is_impatient(why);
    sc_list_locked(c);
    /* Under the lock, so that the selector cannot close it and end before
     * this thread has let go of both. */
    selector_thread_wake(c->selector);
}

ZK_NO_ANALYSIS static struct zk_buf *
sc_out_begin(struct client_sink *sink)
{
    struct server_cnxn *c = server_cnxn_of(sink);

    ZK_CHECK(c, SERVER_CNXN_MAGIC);
    zk_lock(&c->lock);
    if (c->ending) {
        zk_unlock(&c->lock);
        return NULL;
    }
    c->out_mark = c->out.len;
    return &c->out;
}

static void
sc_latency(struct cnxn_counters *n, int64_t last_ms, int64_t min_ms,
           int64_t max_ms)
{
    n->latency_last = last_ms;
    if (min_ms < n->latency_min) {
        n->latency_min = min_ms;
    }
    if (max_ms > n->latency_max) {
        n->latency_max = max_ms;
    }
}

/* A reply of 'size' bytes to a request that was in the pipeline. */
static void
sc_count_locked(struct server_cnxn *c, const struct request_outcome *o,
                int64_t now_us) ZK_REQUIRES(c->lock)
{
    struct cnxn_counters *n = &c->counters;
    int64_t ms = (now_us - o->received_us) / 1000;

    if (o->cxid >= 0) {
        n->last_cxid = o->cxid;
    }
    n->last_zxid = o->zxid;
    n->last_op = o->type;
    n->last_response_ms = now_us / 1000;
    n->latency_sum += ms;
    n->latency_count++;
    sc_latency(n, ms, ms, ms);
}

/* Gives the room of large requests back that are answered now. */
static void
sc_leave_large_locked(struct server_cnxn *c, uint64_t answered)
    ZK_REQUIRES(c->lock)
{
    while (c->large != NULL && c->large->nth <= answered) {
        struct large_request *l = c->large;

        c->large = l->next;
        large_requests_leave(&c->ctx->large, l->len);
        free(l);
    }
}

ZK_NO_ANALYSIS static void
sc_out_end(struct client_sink *sink, const struct request_outcome *outcome)
{
    struct server_cnxn *c = server_cnxn_of(sink);
    struct server_stats *stats = zookeeper_server_stats(c->zks);
    size_t size = c->out.len - c->out_mark;
    int64_t now_us = 0;

    if (outcome != NULL) {
        now_us = zk_time_mono_us();
        sc_count_locked(c, outcome, now_us);
        c->answered++;
        sc_leave_large_locked(c, c->answered);
    }
    if (size > 0) {
        c->counters.sent++;
        if (c->out_mark + c->in_flight > c->ctx->output_max) {
            zk_buf_clear(&c->out);      /* Nobody will read it. */
            sc_end_locked(c, DISCONNECT_LIMIT);
        }
    }
    sc_list_locked(c);
    zk_unlock(&c->lock);
    if (size == 0) {
        return;
    }
    atomic_fetch_add_explicit(&stats->packets_sent, 1, memory_order_relaxed);
    /* As Java has it, the frame's length is not part of a response. */
    server_stats_response(stats, (int64_t) size - 4);
    if (outcome != NULL) {
        server_stats_latency(stats, now_us - outcome->received_us);
        server_metrics_add_n(METRIC_response_bytes, size);
    } else {
        server_metrics_add_n(METRIC_watch_bytes, size);
    }
}

static void
sc_process(struct watcher *w, const struct watched_event *event)
{
    struct client_sink *sink = ZK_CONTAINER_OF(w, struct client_sink,
                                               watcher);
    struct server_cnxn *c = server_cnxn_of(sink);
    struct zk_buf *out;

    ZK_CHECK(c, SERVER_CNXN_MAGIC);
    /* sink->auth changes only inside an intake, which holds the database
     * lock shared; here it is held exclusively. */
    if (!acl_check(zookeeper_server_auth(c->zks), event->acl, PERM_READ,
                   sink->auth)) {
        return;
    }
    out = sc_out_begin(sink);
    if (out != NULL) {
        frame_watch_event(out, event->zxid, (int32_t) event->type,
                          STATE_SYNC_CONNECTED, event->path);
        sc_out_end(sink, NULL);
    }
}

static int64_t
sc_watcher_session(const struct watcher *w)
{
    const struct client_sink *sink =
        ZK_CONTAINER_OF_CONST(w, struct client_sink, watcher);
    const struct server_cnxn *c =
        ZK_CONTAINER_OF_CONST(sink, struct server_cnxn, sink);

    return atomic_load(&c->shown_session_id);
}

/* ---- sessions ---------------------------------------------------------- */

static void
sc_log_session(const struct server_cnxn *c, bool valid)
{
    char remote[CNXN_REMOTE_MAX];

    cnxn_address_remote(&c->peer, remote);
    if (valid) {
        zk_debug(cnxn,
                 "session 0x%lx of client %s is established with timeout "
                 "%d ms", (long) c->sink.session_id, remote,
                 c->sink.timeout_ms);
    } else {
        zk_info(cnxn, "client %s asked for a session that is not valid, "
                "probably expired", remote);
    }
}

/* The ConnectResponse; a new session counts as a request, too. */
static void
sc_answer_connect_locked(struct server_cnxn *c, bool valid, int64_t now_us)
    ZK_REQUIRES(c->lock)
{
    connect_response_append(&c->out, &c->sink, valid, !c->old_form,
                            session_handshake_read_only(c->zks));
    c->counters.sent++;
    if (!valid) {
        sc_end_locked(c, DISCONNECT_RENEW_REFUSED);
        return;
    }
    if (c->is_new) {
        const struct request_outcome o = {
            .type = OP_CREATE_SESSION,
            .zxid = data_tree_last_zxid(
                zookeeper_server_database(c->zks)->tree),
            .received_us = c->connect_us,
        };

        sc_count_locked(c, &o, now_us);
    }
    c->session_up = true;
    sc_list_locked(c);
}

static void
sc_session_ready(struct client_sink *sink, bool valid)
{
    struct server_cnxn *c = server_cnxn_of(sink);
    struct server_stats *stats = zookeeper_server_stats(c->zks);
    int64_t now_us = zk_time_mono_us();
    bool open;

    ZK_CHECK(c, SERVER_CNXN_MAGIC);
    sc_log_session(c, valid);
    zk_lock(&c->lock);
    open = !c->ending;
    if (open) {
        sc_answer_connect_locked(c, valid, now_us);
    }
    zk_unlock(&c->lock);
    if (open) {
        atomic_fetch_add_explicit(&stats->packets_sent, 1,
                                  memory_order_relaxed);
        if (c->is_new) {
            server_stats_latency(stats, now_us - c->connect_us);
        }
    }
}

bool
server_cnxn_session_up(struct server_cnxn *c)
{
    bool up;

    zk_lock(&c->lock);
    up = c->session_up;
    zk_unlock(&c->lock);
    return up;
}

/* ---- the end ----------------------------------------------------------- */

void
server_cnxn_end(struct server_cnxn *c, enum disconnect_reason why)
{
    ZK_CHECK(c, SERVER_CNXN_MAGIC);
    zk_lock(&c->lock);
    sc_end_locked(c, why);
    zk_unlock(&c->lock);
}

static void
sc_close(struct client_sink *sink, enum disconnect_reason why)
{
    server_cnxn_end(server_cnxn_of(sink), why);
}

static void
sc_ref(struct client_sink *sink)
{
    server_cnxn_ref(server_cnxn_of(sink));
}

static void
sc_unref(struct client_sink *sink)
{
    server_cnxn_unref(server_cnxn_of(sink));
}

static const struct client_sink_ops sc_ops = {
    .out_begin = sc_out_begin,
    .out_end = sc_out_end,
    .session_ready = sc_session_ready,
    .close = sc_close,
    .ref = sc_ref,
    .unref = sc_unref,
};

const char *
disconnect_reason_text(enum disconnect_reason why)
{
    switch (why) {
    case DISCONNECT_CLIENT_CLOSED_SESSION:
        return "the client closed its session";
    case DISCONNECT_CLIENT_RECONNECT:
        return "the client came back on another connection";
    case DISCONNECT_SESSION_EXPIRED:
        return "its session expired";
    case DISCONNECT_SESSION_MOVED:
        return "its session moved to another server";
    case DISCONNECT_AUTH_FAILED:
        return "authentication failed";
    case DISCONNECT_PROTOCOL_ERROR:
        return "it was refused, or broke the protocol";
    case DISCONNECT_RENEW_REFUSED:
        return "its session was refused";
    case DISCONNECT_SERVER_SHUTDOWN:
        return "the server is shutting down";
    case DISCONNECT_EOF:
        return "the client closed the socket";
    case DISCONNECT_IO_ERROR:
        return "reading or writing failed";
    case DISCONNECT_IDLE:
        return "nothing came from it in time";
    case DISCONNECT_LIMIT:
        return "it went over a limit";
    }
    return "?";
}

/* ---- its selector ------------------------------------------------------ */

void
cnxn_tally_clear(struct cnxn_tally *t)
{
    *t = (struct cnxn_tally) {
        .last_cxid = -1,
        .latency_min_us = INT64_MAX,
    };
}

static void
sc_add_tally_locked(struct server_cnxn *c, const struct cnxn_tally *t)
    ZK_REQUIRES(c->lock)
{
    struct cnxn_counters *n = &c->counters;

    n->received += t->received;
    n->sent += t->sent;
    if (t->answered == 0) {
        return;
    }
    if (t->last_cxid >= 0) {
        n->last_cxid = t->last_cxid;
    }
    n->last_zxid = t->last_zxid;
    n->last_op = t->last_op;
    n->last_response_ms = selector_thread_now_us(c->selector) / 1000;
    n->latency_sum += t->latency_sum_us / 1000;
    n->latency_count += t->answered;
    sc_latency(n, t->latency_last_us / 1000, t->latency_min_us / 1000,
               t->latency_max_us / 1000);
}

size_t
server_cnxn_append(struct server_cnxn *c, struct zk_buf *bytes,
                   const struct cnxn_tally *tally)
{
    size_t waiting;

    zk_lock(&c->lock);
    sc_add_tally_locked(c, tally);
    if (!c->ending) {
        if (c->out.len == 0) {
            struct zk_buf empty = c->out;

            c->out = *bytes;
            *bytes = empty;
        } else {
            zk_buf_append(&c->out, bytes->data, bytes->len);
        }
    }
    c->in_flight = c->sending.len - c->sent;
    waiting = c->out.len + c->in_flight;
    zk_unlock(&c->lock);
    zk_buf_clear(bytes);
    return waiting;
}

void
server_cnxn_unlist(struct server_cnxn *c)
{
    zk_lock(&c->lock);
    c->flush_listed = false;
    zk_unlock(&c->lock);
}

bool
server_cnxn_take(struct server_cnxn *c, enum disconnect_reason *why)
{
    struct zk_buf empty = c->sending;
    bool ending;

    zk_assert(empty.len == 0);
    zk_lock(&c->lock);
    if (c->out.len > 0) {
        c->sending = c->out;
        c->out = empty;
    }
    c->in_flight = c->sending.len;
    ending = c->ending;
    *why = c->why;
    zk_unlock(&c->lock);
    c->sent = 0;
    return ending;
}

size_t
server_cnxn_pending(struct server_cnxn *c)
{
    size_t waiting;

    zk_lock(&c->lock);
    c->in_flight = c->sending.len - c->sent;
    waiting = c->out.len + c->in_flight;
    zk_unlock(&c->lock);
    return waiting;
}

bool
server_cnxn_abandoned(struct server_cnxn *c, enum disconnect_reason *why)
{
    bool abandoned;

    zk_lock(&c->lock);
    abandoned = c->abandoned;
    *why = c->why;
    zk_unlock(&c->lock);
    return abandoned;
}

void
server_cnxn_note_large(struct server_cnxn *c, int32_t len)
{
    struct large_request *l = zk_xcalloc(1, sizeof *l);
    struct large_request **last = &l;

    l->nth = c->submitted;
    l->len = len;
    zk_lock(&c->lock);
    for (last = &c->large; *last != NULL; last = &(*last)->next) {
        /* To the end: few are in the pipeline at one time. */
    }
    *last = l;
    zk_unlock(&c->lock);
}

void
server_cnxn_shut(struct server_cnxn *c, bool graceful)
{
    char sink[4096];

    zk_lock(&c->lock);
    c->ending = c->abandoned = true;
    atomic_store(&c->sink.gone, true);
    zk_buf_fini(&c->out);
    c->in_flight = 0;
    sc_leave_large_locked(c, UINT64_MAX);
    zk_unlock(&c->lock);
    zk_buf_fini(&c->in);
    zk_buf_fini(&c->sending);
    c->sent = 0;
    if (c->tls != NULL) {
        cnxn_tls_end(c, graceful);
    }
    if (graceful && shutdown(c->fd, SHUT_WR) == 0) {
        for (int i = 0; i < HANG_UP_ROUNDS
                        && recv(c->fd, sink, sizeof sink, MSG_DONTWAIT) > 0;
             i++) {
        }
    }
    close(c->fd);
    c->fd = -1;
    c->state = CNXN_CLOSED;
}

ssize_t
server_cnxn_recv(struct server_cnxn *c, void *p, size_t room)
{
    if (c->tls != NULL) {
        return cnxn_tls_recv(c, p, room);
    }
    return recv(c->fd, p, room, MSG_DONTWAIT);
}

ssize_t
server_cnxn_send(struct server_cnxn *c, const void *p, size_t len)
{
    if (c->tls != NULL) {
        return cnxn_tls_send(c, p, len);
    }
    return send(c->fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* ---- cons -------------------------------------------------------------- */

void
server_cnxn_info(struct server_cnxn *c, struct cnxn_info *info)
{
    struct cnxn_counters n;

    memset(info, 0, sizeof *info);
    cnxn_address_remote(&c->peer, info->remote);
    zk_lock(&c->lock);
    n = c->counters;
    zk_unlock(&c->lock);
    info->interest_ops = atomic_load(&c->interest);
    info->outstanding = atomic_load(&c->sink.outstanding);
    info->packets_received = n.received;
    info->packets_sent = n.sent;
    info->session_id = atomic_load(&c->shown_session_id);
    info->last_op = n.last_op;
    info->established_ms = c->established_ms;
    info->timeout_ms = info->session_id != 0 ? c->sink.timeout_ms : 0;
    info->last_cxid = n.last_cxid;
    info->last_zxid = n.last_zxid;
    info->last_response_ms = n.last_response_ms;
    info->last_latency = n.latency_last;
    info->min_latency = n.latency_min == INT64_MAX ? 0 : n.latency_min;
    info->avg_latency = n.latency_count > 0 ? n.latency_sum / n.latency_count
                                            : 0;
    info->max_latency = n.latency_max;
}

void
server_cnxn_reset_stats(struct server_cnxn *c)
{
    zk_lock(&c->lock);
    sc_counters_clear(&c->counters);
    zk_unlock(&c->lock);
}
