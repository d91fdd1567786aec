/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cnxn/session_handshake.h"

#include <string.h>

#include "cnxn/cnxn_context.h"
#include "cnxn/server_cnxn.h"
#include "jute/output_archive.h"
#include "jute/zookeeper_records.h"
#include "metrics/server_metrics.h"
#include "util/zk_log.h"

int
connect_request_decode(const uint8_t *frame, size_t len, int32_t max_record,
                       struct connect_request *req)
{
    struct jute_connect_request r;
    struct input_archive ia;

    input_archive_init(&ia, frame, len, max_record);
    if (jute_connect_request_decode(&ia, &r) != ZK_OK) {
        return ia.err;
    }
    req->last_zxid_seen = r.last_zxid_seen;
    req->timeout_ms = r.time_out;
    req->session_id = r.session_id;
    req->passwd = r.passwd;
    req->old_form = input_archive_left(&ia) == 0;
    req->read_only = !req->old_form && input_archive_bool(&ia);
    return ZK_OK;
}

void
connect_response_append(struct zk_buf *out, const struct client_sink *sink,
                        bool valid, bool with_read_only, bool read_only)
{
    uint8_t passwd[16] = { 0 };
    struct jute_connect_response r = {
        .passwd = zk_slice(passwd, sizeof passwd),
    };
    size_t at = output_archive_frame_begin(out);

    if (valid) {
        session_password(sink->session_id, passwd);
        r.time_out = sink->timeout_ms;
        r.session_id = sink->session_id;
    }
    jute_connect_response_encode(out, &r);
    if (with_read_only) {
        output_archive_bool(out, read_only);
    }
    output_archive_frame_end(out, at);
}

bool
session_handshake_read_only(const struct zookeeper_server *zks)
{
    return strcmp(zookeeper_server_mode(zks), "read-only") == 0;
}

/* The throttle's word on it. */
static bool
sh_throttled(struct cnxn_context *ctx, const struct connect_request *req,
             int64_t now_ms)
{
    const struct server_config *config = ctx->config;
    int need = connection_throttle_weight(
        &config->cnxn, req->session_id == 0,
        config->quorum.local_sessions_enabled);
    int deficit;
    bool ok;

    if (config->cnxn.throttle_tokens <= 0) {
        return false;
    }
    zk_lock(&ctx->throttle_lock);
    ok = connection_throttle_take(&ctx->throttle, need, now_ms);
    deficit = connection_throttle_deficit(&ctx->throttle);
    zk_unlock(&ctx->throttle_lock);
    server_metrics_add(METRIC_connection_token_deficit, deficit);
    return !ok;
}

static enum intake_verdict
sh_refuse(const struct server_cnxn *c, const char *why)
{
    char remote[CNXN_REMOTE_MAX];

    cnxn_address_remote(&c->peer, remote);
    zk_warn(cnxn, "refusing the session that client %s asks for: %s", remote,
            why);
    return INTAKE_CLOSE_NOW;
}

/* What others look up, now that the id is known. */
static void
sh_register(struct server_cnxn *c)
{
    struct server_cnxn *before;

    atomic_store(&c->shown_session_id, c->sink.session_id);
    before = cnxn_table_set_session(&c->ctx->table, c, c->sink.session_id);
    if (before != NULL) {
        /* Two connections came back with one session at the same time. */
        server_cnxn_end(before, DISCONNECT_CLIENT_RECONNECT);
        server_cnxn_unref(before);
    }
}

enum intake_verdict
session_handshake_connect(struct server_cnxn *c, struct intake *in,
                          const uint8_t *frame, size_t len)
{
    struct connect_request req;
    enum intake_verdict verdict;

    if (connect_request_decode(frame, len,
                               c->ctx->config->storage.max_record, &req)
        != ZK_OK) {
        return sh_refuse(c, "its request does not decode");
    }
    if (sh_throttled(c->ctx, &req, in->now_us / 1000)) {
        server_metrics_inc(METRIC_connection_rejected);
        return sh_refuse(c, "too many connections in a short time");
    }
    if (!req.old_form && !req.read_only
        && session_handshake_read_only(c->zks)) {
        return sh_refuse(c, "this server is read-only, and the client does "
                            "not take that");
    }
    c->old_form = req.old_form;
    c->is_new = req.session_id == 0;
    c->connect_us = in->now_us;
    verdict = zookeeper_server_intake_connect(in, &c->sink,
                                              req.last_zxid_seen,
                                              req.timeout_ms, req.session_id,
                                              req.passwd);
    if (c->sink.session_id != 0) {
        sh_register(c);
    }
    return verdict == INTAKE_PAUSE ? INTAKE_OK : verdict;
}
