/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/local_session.h"

#include "jute/output_archive.h"
#include "proto/keeper_error.h"
#include "proto/multi_codec.h"
#include "proto/op_code.h"
#include "proto/request_codec.h"
#include "util/zk_log.h"

static bool
ls_create_is_ephemeral(const struct request *r, int32_t max_record)
{
    struct input_archive ia;
    struct create_view c;

    input_archive_init(&ia, r->body.p, (size_t) r->body.len, max_record);
    return create_view_decode(&c, r->type, &ia) == ZK_OK
           && create_flags_ephemeral(c.flags);
}

static bool
ls_multi_has_ephemeral(const struct request *r, int32_t max_record)
{
    struct multi_request mr;
    struct multi_op mo;

    multi_request_init(&mr, OP_MULTI, r->body.p, (size_t) r->body.len,
                       max_record);
    while (multi_request_next(&mr, &mo) == 1) {
        if ((mo.type == OP_CREATE || mo.type == OP_CREATE2)
            && create_flags_ephemeral(mo.flags)) {
            return true;
        }
    }
    return false;
}

/* What does not decode makes nothing: it is refused later. */
static bool
ls_makes_ephemeral(const struct request *r, int32_t max_record)
{
    switch (r->type) {
    case OP_CREATE:
    case OP_CREATE2:
        return ls_create_is_ephemeral(r, max_record);
    case OP_MULTI:
        return ls_multi_has_ephemeral(r, max_record);
    default:
        return false;
    }
}

/* Nobody is told of it; what follows belongs to the same connection. */
static struct request *
ls_create_session(struct client_sink *sink, int32_t timeout_ms)
{
    struct zk_buf body = { 0 };
    struct request *r;

    output_archive_int(&body, timeout_ms);
    r = request_create(OP_CREATE_SESSION, sink->session_id, 0,
                       zk_slice(body.data, (int32_t) body.len), NULL, NULL);
    r->owner = sink;
    zk_buf_fini(&body);
    return r;
}

int
local_session_upgrade(struct zookeeper_server *zks, struct client_sink *sink,
                      const struct request *r, struct request **upgrade)
{
    const struct server_config *config = zookeeper_server_config(zks);
    struct session_tracker *st = zookeeper_server_sessions(zks);
    int32_t timeout_ms;

    *upgrade = NULL;
    if (!op_code_is_write(r->type)
        || !session_tracker_is_local(st, r->session_id)
        || !ls_makes_ephemeral(r, config->storage.max_record)) {
        return KE_OK;
    }
    if (!config->quorum.local_sessions_upgrading_enabled) {
        return KE_EPHEMERAL_ON_LOCAL_SESSION;
    }
    if (session_tracker_upgrade(st, r->session_id, &timeout_ms)) {
        zk_info(server, "upgrading local session 0x%lx",
                (long) r->session_id);
        *upgrade = ls_create_session(sink, timeout_ms);
    }
    return KE_OK;
}
