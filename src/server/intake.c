/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake.c: what happens to a client's frame on the selector thread: auth is
 * dealt with at once, reads of a connection with an empty pipeline are
 * answered on the spot, the rest becomes requests.
 */
#include <config.h>

#include "server/zookeeper_server.h"

#include <stdlib.h>

#include "jute/output_archive.h"
#include "jute/zookeeper_records.h"
#include "metrics/server_metrics.h"
#include "proto/frame.h"
#include "proto/keeper_error.h"
#include "proto/op_code.h"
#include "server/local_session.h"
#include "server/read_ops.h"
#include "server/zookeeper_server_internal.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

/* The lock is given back by intake_end. */
void ZK_NO_ANALYSIS
zookeeper_server_intake_begin(struct zookeeper_server *zks,
                              struct intake *in)
{
    ZK_CHECK(zks, ZOOKEEPER_SERVER_MAGIC);
    memset(in, 0, sizeof *in);
    in->zks = zks;
    in->now_us = zk_time_mono_us();
    zk_read_lock(&zks->db->lock);
    in->running = zookeeper_server_state(zks) == SERVER_RUNNING;
}

/* A session that nobody can decide on under the lock. */
struct intake_renewal {
    struct intake_renewal *next;
    struct client_sink *sink;   /* A reference. */
};

/* No lock is held; the leader's answer may come before this returns. */
static void
ik_revalidate(struct zookeeper_server *zks, struct client_sink *sink)
{
    if (zks_enter(zks)) {
        zks->role.revalidate(zks->role.self, sink, sink->session_id,
                             sink->timeout_ms);
        zks_leave(zks);
    } else {
        sink->ops->close(sink, DISCONNECT_SERVER_SHUTDOWN);
        sink->ops->unref(sink);
    }
}

void ZK_NO_ANALYSIS
zookeeper_server_intake_end(struct intake *in)
{
    struct zookeeper_server *zks = in->zks;

    zk_read_unlock(&zks->db->lock);
    if (in->stats.packets_received > 0) {
        atomic_fetch_add_explicit(&zks->stats.packets_received,
                                  in->stats.packets_received,
                                  memory_order_relaxed);
    }
    if (in->submitted.n > 0) {
        zks_submit_counted(zks, &in->submitted);
    }
    while (in->renewals != NULL) {
        struct intake_renewal *renewal = in->renewals;

        in->renewals = renewal->next;
        ik_revalidate(zks, renewal->sink);
        free(renewal);
    }
}

/* ---- auth -------------------------------------------------------------- */

static enum intake_verdict
ik_auth_failed(struct intake *in, struct client_sink *sink, int32_t xid,
               struct zk_slice scheme, struct zk_buf *out)
{
    zk_warn(server, "authentication failed for scheme: %.*s (session 0x%lx)",
            scheme.len > 0 ? scheme.len : 0, scheme.p,
            (long) sink->session_id);
    atomic_fetch_add(&in->zks->stats.auth_failed, 1);
    frame_reply(out, xid, 0, KE_AUTH_FAILED);
    return INTAKE_CLOSE;
}

/* The new list is set under the database lock, shared: events, which look at
 * it, are made under the exclusive one. */
static enum intake_verdict
ik_auth(struct intake *in, struct client_sink *sink, int32_t xid,
        struct input_archive *ia, struct zk_buf *out)
{
    struct jute_auth_packet packet;
    struct auth_info *who;
    int err;

    if (jute_auth_packet_decode(ia, &packet) != ZK_OK) {
        return INTAKE_CLOSE;
    }
    err = auth_packet(&in->zks->auth, sink->auth, packet.scheme, packet.auth,
                      &who);
    if (err == KE_BAD_ARGUMENTS) {
        zk_warn(server, "session 0x%lx is meant for another ensemble",
                (long) sink->session_id);
        return INTAKE_CLOSE;
    }
    if (err != KE_OK) {
        return ik_auth_failed(in, sink, xid, packet.scheme, out);
    }
    auth_info_unref(sink->auth);
    sink->auth = who;
    zk_debug(server, "authentication succeeded for scheme: %.*s",
             packet.scheme.len, packet.scheme.p);
    frame_reply(out, xid, 0, KE_OK);
    return INTAKE_OK;
}

/* What a server without SASL answers: a null token, which the client takes
 * as "go on without". */
static enum intake_verdict
ik_sasl(struct intake *in, struct client_sink *sink, int32_t xid,
        struct input_archive *ia, struct zk_buf *out)
{
    struct zk_slice token = input_archive_slice(ia);
    size_t at;

    (void) in;
    if (ia->err != ZK_OK || zk_slice_is_null(token)) {
        return INTAKE_CLOSE;
    }
    zk_info(server, "session 0x%lx asks for SASL, which is not configured",
            (long) sink->session_id);
    at = frame_reply_begin(out, xid, 0, KE_OK);
    output_archive_slice(out, ZK_SLICE_NULL);
    frame_reply_end(out, at);
    return INTAKE_OK;
}

/* zookeeper.enforce.auth and sessionRequireClientSASLAuth: until the
 * connection holds an id of a listed scheme, it may only open and close its
 * session, ping and authenticate. */
static bool
ik_must_authenticate(const struct intake *in, const struct client_sink *sink,
                     int32_t type)
{
    const char *schemes = in->zks->enforced_schemes;

    if (schemes == NULL || type == OP_PING || type == OP_CLOSE_SESSION) {
        return false;
    }
    while (*schemes != '\0') {
        size_t len = strcspn(schemes, ", ");
        char *scheme = zk_xstrndup(schemes, len);
        bool has = len > 0 && auth_info_has_scheme(sink->auth, scheme);

        free(scheme);
        if (has) {
            return false;
        }
        schemes += len;
        schemes += strspn(schemes, ", ");
    }
    return true;
}

/* ---- requests ---------------------------------------------------------- */

/* False when the session is unknown or being closed. */
static bool
ik_touch(struct intake *in, struct client_sink *sink)
{
    struct session_tracker *st = in->zks->sessions;
    int64_t bucket = session_tracker_bucket(st, in->now_us / 1000,
                                            sink->timeout_ms);

    if (bucket == sink->touched_bucket_ms) {
        return true;            /* It would not move. */
    }
    return session_tracker_touch(st, sink->session_id, sink->timeout_ms,
                                 &sink->touched_bucket_ms);
}

static void
ik_append(struct intake *in, struct request *r)
{
    r->received_us = in->now_us;
    r->counted = true;
    bq_list_append(&in->submitted, &r->link);
}

/* What is special about the requests of a local session. */
static void
ik_mark_local(struct intake *in, struct client_sink *sink, struct request *r)
{
    struct session_tracker *st = in->zks->sessions;

    if (r->type == OP_CLOSE_SESSION) {
        if (session_tracker_is_local(st, r->session_id)) {
            session_tracker_set_closing(st, r->session_id);
            r->local_session = true;
        }
    } else if (!in->zks->role.read_only) {
        struct request *upgrade;

        r->err = local_session_upgrade(in->zks, sink, r, &upgrade);
        if (upgrade != NULL) {
            ik_append(in, upgrade);
        }
    }
}

static enum intake_verdict
ik_submit(struct intake *in, struct client_sink *sink, int32_t type,
          int32_t cxid, struct zk_slice body)
{
    struct request *r = request_create(type, sink->session_id, cxid, body,
                                       sink, sink->auth);

    if (in->zks->local_sessions) {
        ik_mark_local(in, sink, r);
    }
    atomic_fetch_add_explicit(&sink->outstanding, 1, memory_order_relaxed);
    ik_append(in, r);
    return zookeeper_server_in_process(in->zks)
                       + (int64_t) in->submitted.n
                   > in->zks->outstanding_limit
               ? INTAKE_PAUSE
               : INTAKE_OK;
}

/* In an ensemble a sync waits for the leader, or is refused. */
static bool
ik_answer_here(const struct intake *in, const struct client_sink *sink,
               int32_t type)
{
    return !op_code_is_write(type) && in->zks->throttler == NULL
           && (type != OP_SYNC || !in->zks->has_role)
           && atomic_load_explicit(&sink->outstanding, memory_order_acquire)
                  == 0;
}

static void
ik_read(struct intake *in, struct client_sink *sink, int32_t type,
        int32_t cxid, struct zk_slice body, struct zk_buf *out,
        void (*done)(struct client_sink *sink,
                     const struct request_outcome *o))
{
    const struct read_context ctx = {
        .db = in->zks->db,
        .auth = &in->zks->auth,
        .max_record = in->zks->config->storage.max_record,
        .sink = sink,
        .who = sink->auth,
    };
    struct request_outcome o = {
        .type = type,
        .cxid = cxid,
        .received_us = in->now_us,
    };

    read_op_answer(&ctx, body, out, &o);
    done(sink, &o);
}

/* A write while the disk is full: refused here, before it gets a zxid. */
static enum intake_verdict
ik_refuse_write(struct intake *in, int32_t cxid, struct zk_buf *out)
{
    frame_reply(out, cxid, data_tree_last_zxid(in->zks->db->tree),
                KE_SYSTEM_ERROR);
    return INTAKE_OK;
}

enum intake_verdict
zookeeper_server_intake_frame(struct intake *in, struct client_sink *sink,
                              const uint8_t *frame, size_t len,
                              struct zk_buf *out,
                              void (*done)(struct client_sink *sink,
                                           const struct request_outcome *o))
{
    struct input_archive ia;
    struct zk_slice body;
    int32_t cxid, type;

    input_archive_init(&ia, frame, len, in->zks->config->storage.max_record);
    cxid = input_archive_int(&ia);
    type = input_archive_int(&ia);
    if (ia.err != ZK_OK || !in->running) {
        return INTAKE_CLOSE;
    }
    in->stats.packets_received++;
    if (type == OP_AUTH) {
        return ik_auth(in, sink, cxid, &ia, out);
    }
    if (type == OP_SASL) {
        return ik_sasl(in, sink, cxid, &ia, out);
    }
    if (ik_must_authenticate(in, sink, type)) {
        frame_reply(out, cxid, 0, KE_SESSION_CLOSED_REQUIRE_AUTH);
        return INTAKE_CLOSE;
    }
    if (!ik_touch(in, sink)) {
        return INTAKE_OK;       /* Its end is on its way: dropped. */
    }
    if (!op_code_from_client(type)) {
        zk_warn(server, "session 0x%lx sent an operation that it may not: "
                "type %d", (long) sink->session_id, type);
        frame_reply(out, cxid, -1, KE_UNIMPLEMENTED);
        return INTAKE_CLOSE;
    }
    body = zk_slice(ia.p, (int32_t) input_archive_left(&ia));
    if (ik_answer_here(in, sink, type)) {
        ik_read(in, sink, type, cxid, body, out, done);
        return INTAKE_OK;
    }
    if (op_code_is_write(type) && type != OP_CLOSE_SESSION
        && atomic_load_explicit(&in->zks->disk_full, memory_order_relaxed)
        && atomic_load(&sink->outstanding) == 0) {
        return ik_refuse_write(in, cxid, out);
    }
    return ik_submit(in, sink, type, cxid, body);
}

/* ---- sessions ---------------------------------------------------------- */

static int32_t
ik_negotiate(const struct server_config *config, int32_t asked)
{
    if (asked < config->min_session_timeout_ms) {
        return config->min_session_timeout_ms;
    }
    return asked > config->max_session_timeout_ms
               ? config->max_session_timeout_ms
               : asked;
}

static enum intake_verdict
ik_new_session(struct intake *in, struct client_sink *sink)
{
    struct zk_buf body = { 0 };
    enum intake_verdict verdict;

    sink->session_id =
        session_tracker_create_session(in->zks->sessions, sink->timeout_ms);
    output_archive_int(&body, sink->timeout_ms);
    verdict = ik_submit(in, sink, OP_CREATE_SESSION, 0,
                        zk_slice(body.data, (int32_t) body.len));
    zk_buf_fini(&body);
    return verdict;
}

static enum intake_verdict
ik_new_local_session(struct intake *in, struct client_sink *sink)
{
    struct session_tracker *st = in->zks->sessions;

    sink->session_id = session_tracker_create_local(st, sink->timeout_ms);
    session_tracker_set_owner(st, sink->session_id, sink);
    sink->ops->session_ready(sink, true);
    return INTAKE_OK;
}

/* Who leads, and is sure of that, decides; the connection is the session's
 * meanwhile, and nothing is read from it. */
static void
ik_ask_leader(struct intake *in, struct client_sink *sink,
              int64_t session_id)
{
    struct intake_renewal *renewal = zk_xcalloc(1, sizeof *renewal);

    sink->session_id = session_id;
    sink->ops->ref(sink);
    renewal->sink = sink;
    renewal->next = in->renewals;
    in->renewals = renewal;
}

static enum intake_verdict
ik_renew_session(struct intake *in, struct client_sink *sink,
                 int64_t session_id, struct zk_slice passwd)
{
    struct zookeeper_server *zks = in->zks;
    bool right, valid;

    /* Any other connection of it goes first, whatever the password. */
    zks_close_session(zks, session_id, DISCONNECT_CLIENT_RECONNECT);
    server_metrics_inc(METRIC_connection_revalidate_count);
    right = session_password_ok(session_id, passwd.p,
                                passwd.len > 0 ? (size_t) passwd.len : 0);
    if (right && zks->role.revalidate != NULL && zks->role.learner
        && !session_tracker_is_local(zks->sessions, session_id)) {
        ik_ask_leader(in, sink, session_id);
        return INTAKE_OK;
    }
    valid = right
            && session_tracker_touch(zks->sessions, session_id,
                                     sink->timeout_ms, NULL);
    if (right && !valid && zks->role.revalidate != NULL
        && !zks->role.learner) {
        ik_ask_leader(in, sink, session_id);
        return INTAKE_OK;
    }
    if (valid) {
        sink->session_id = session_id;
        session_tracker_set_owner(zks->sessions, session_id, sink);
        zk_info(server, "session 0x%lx is renewed with timeout %d ms",
                (long) session_id, sink->timeout_ms);
    } else {
        zk_info(server, "session 0x%lx cannot be renewed: %s",
                (long) session_id, "it has expired, or the password is wrong");
    }
    sink->ops->session_ready(sink, valid);
    return INTAKE_OK;
}

void
zookeeper_server_revalidated(struct zookeeper_server *zks,
                             struct client_sink *sink, int64_t session_id,
                             bool valid)
{
    ZK_CHECK(zks, ZOOKEEPER_SERVER_MAGIC);
    zk_assert(session_id == sink->session_id);
    if (valid) {
        /* This server may be so far behind that it has not applied the
         * createSession yet. */
        session_tracker_add(zks->sessions, session_id, sink->timeout_ms);
        /* Another one of the session may have been asked for, with a time-out
         * of its own: the leader hears of this one with the next PING. */
        (void) session_tracker_touch(zks->sessions, session_id,
                                     sink->timeout_ms, NULL);
    }
    zk_info(server, "session 0x%lx %s", (long) session_id,
            valid ? "is renewed by the leader"
                  : "cannot be renewed: the leader does not know it");
    sink->ops->session_ready(sink, valid);
    sink->ops->unref(sink);
    zks_wake(zks);
}

/* A server without a quorum can give no global session; nor can it say that
 * one has ended, be it one that it does not know: it may have begun behind its
 * back, or be another server's.  Such a client must try elsewhere.  Java says
 * expired of those that it does not know. */
static bool
ik_read_only_refuses(const struct zookeeper_server *zks, int64_t session_id)
{
    return !zks->local_sessions
           || (session_id != 0
               && !session_tracker_made_local(zks->sessions, session_id));
}

enum intake_verdict
zookeeper_server_intake_connect(struct intake *in, struct client_sink *sink,
                                int64_t last_zxid_seen, int32_t timeout_ms,
                                int64_t session_id, struct zk_slice passwd)
{
    int64_t last = data_tree_last_zxid(in->zks->db->tree);

    if (!in->running) {
        return INTAKE_CLOSE_NOW;
    }
    in->stats.packets_received++;
    server_metrics_inc(METRIC_connection_request_count);
    if (last_zxid_seen > last) {
        zk_info(server,
                "refusing session request of a client that has seen zxid "
                "0x%lx, our last is 0x%lx: it must try another server",
                (long) last_zxid_seen, (long) last);
        return INTAKE_CLOSE_NOW;
    }
    sink->timeout_ms = ik_negotiate(in->zks->config, timeout_ms);
    if (in->zks->role.read_only
        && ik_read_only_refuses(in->zks, session_id)) {
        zk_info(server, "refusing a session that only a quorum can give");
        return INTAKE_CLOSE_NOW;
    }
    if (session_id == 0 && in->zks->local_sessions) {
        return ik_new_local_session(in, sink);
    }
    if (session_id == 0
        && atomic_load_explicit(&in->zks->disk_full,
                                memory_order_relaxed)) {
        /* It would wait for the disk, and so would all that come after. */
        zk_info(server, "refusing a new session: the disk is full");
        return INTAKE_CLOSE_NOW;
    }
    if (session_id == 0) {
        return ik_new_session(in, sink);
    }
    return ik_renew_session(in, sink, session_id, passwd);
}
