/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/write_replies.h"

#include "jute/output_archive.h"
#include "proto/frame.h"
#include "proto/keeper_error.h"
#include "proto/multi_codec.h"
#include "proto/op_code.h"

static void
wr_multi_one(struct zk_buf *out, const struct txn_result *res)
{
    switch (res->type) {
    case OP_CREATE:
        multi_result_create(out, res->path);
        break;
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        multi_result_create2(out, res->path, &res->stat);
        break;
    case OP_DELETE:
        multi_result_delete(out);
        break;
    case OP_SET_DATA:
        multi_result_set_data(out, &res->stat);
        break;
    case OP_CHECK:
        multi_result_check(out);
        break;
    default:
        multi_result_error(out, res->err);
    }
}

/* One failed: all are answered by errors (0 for those before it). */
static bool
wr_multi_failed(const struct txn_result *res, int *moved)
{
    bool failed = false;

    for (int32_t i = 0; i < res->n_sub; i++) {
        failed |= res->sub[i].err != KE_OK;
        *moved |= res->sub[i].err == KE_SESSION_MOVED;
    }
    return failed;
}

static void
wr_multi(struct zk_buf *out, const struct txn_result *res,
         struct request_outcome *o)
{
    int moved = 0;
    bool failed = wr_multi_failed(res, &moved);

    for (int32_t i = 0; i < res->n_sub; i++) {
        if (failed) {
            multi_result_error(out, res->sub[i].err);
        } else {
            wr_multi_one(out, &res->sub[i]);
        }
    }
    multi_result_end(out);
    if (moved) {
        o->err = KE_SESSION_MOVED;      /* The connection is closed. */
    }
}

void
write_reply(struct zk_buf *out, int32_t type, const struct txn_view *txn,
            const struct txn_result *res, struct request_outcome *o)
{
    size_t at;

    o->zxid = txn->zxid;
    o->err = type == OP_MULTI && txn->type == OP_MULTI ? KE_OK : res->err;
    if (o->err != KE_OK) {
        write_reply_error(out, o);
        return;
    }
    at = frame_reply_begin(out, o->cxid, o->zxid, KE_OK);
    switch (type) {
    case OP_CREATE:
        output_archive_slice(out, res->path);
        break;
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        output_archive_slice(out, res->path);
        jute_stat_encode(out, &res->stat);
        break;
    case OP_SET_DATA:
    case OP_SET_ACL:
        jute_stat_encode(out, &res->stat);
        break;
    case OP_MULTI:
        wr_multi(out, res, o);
        break;
    default:
        break;                  /* delete, closeSession: the header only. */
    }
    frame_reply_end(out, at);
}

void
write_reply_error(struct zk_buf *out, const struct request_outcome *o)
{
    frame_reply(out, o->cxid, o->zxid, o->err);
}
