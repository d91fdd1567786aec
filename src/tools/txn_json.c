/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include <inttypes.h>
#include <time.h>

#include "proto/acl_codec.h"
#include "proto/op_code.h"
#include "tools/tool.h"
#include "tools/txn_print.h"

/* "2026-11-28T11:14:57.123Z" */
static void
tj_time(struct zk_buf *out, int64_t ms)
{
    int64_t second = ms / 1000 - (ms % 1000 < 0);
    time_t t = (time_t) second;
    char text[40];
    struct tm tm;

    if (gmtime_r(&t, &tm) == NULL
        || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
        tool_append(out, "null");
    } else {
        zk_buf_printf(out, "\"%s.%03dZ\"", text, (int) (ms - second * 1000));
    }
}

static void
tj_path(struct zk_buf *out, struct zk_slice path)
{
    tool_append(out, ",\"path\":");
    tool_append_json(out, path);
}

static void
tj_data(struct zk_buf *out, struct zk_slice data)
{
    if (zk_slice_is_null(data)) {
        tool_append(out, ",\"data\":null");
        return;
    }
    tool_append(out, ",\"data\":\"");
    tool_append_base64(out, data);
    tool_append(out, "\"");
}

static void
tj_acl(struct zk_buf *out, struct zk_slice acl)
{
    struct acl_iter it;
    struct acl_entry e;
    const char *between = "";

    acl_iter_init(&it, acl);
    tool_append(out, ",\"acl\":[");
    while (acl_iter_next(&it, &e)) {
        zk_buf_printf(out, "%s{\"perms\":%" PRId32 ",\"scheme\":", between,
                      e.perms);
        tool_append_json(out, e.scheme);
        tool_append(out, ",\"id\":");
        tool_append_json(out, e.id);
        tool_append(out, "}");
        between = ",";
    }
    tool_append(out, "]");
}

static void
tj_create(struct zk_buf *out, const struct txn_view *txn)
{
    tj_path(out, txn->path);
    tj_data(out, txn->data);
    tj_acl(out, txn->acl);
    if (txn->type == OP_CREATE || txn->type == OP_CREATE2) {
        zk_buf_printf(out, ",\"ephemeral\":%s",
                      txn->ephemeral ? "true" : "false");
    }
    zk_buf_printf(out, ",\"parentCVersion\":%" PRId32, txn->parent_cversion);
    if (txn->type == OP_CREATE_TTL) {
        zk_buf_printf(out, ",\"ttl\":%" PRId64, txn->ttl);
    }
}

static void
tj_paths(struct zk_buf *out, struct zk_slice paths)
{
    struct txn_paths_iter it;
    struct zk_slice path;
    const char *between = "";

    if (zk_slice_is_null(paths)) {
        return;
    }
    tool_append(out, ",\"paths\":[");
    (void) txn_paths_begin(&it, paths);
    while (txn_paths_next(&it, &path)) {
        tool_append(out, between);
        tool_append_json(out, path);
        between = ",";
    }
    tool_append(out, "]");
}

/* Everything but a multi. */
static void
tj_body(struct zk_buf *out, const struct txn_view *txn)
{
    zk_buf_printf(out, "\"type\":\"%s\"", op_code_name(txn->type));
    switch (txn->type) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        tj_create(out, txn);
        break;
    case OP_SET_DATA:
    case OP_RECONFIG:
        tj_path(out, txn->path);
        tj_data(out, txn->data);
        zk_buf_printf(out, ",\"version\":%" PRId32, txn->version);
        break;
    case OP_SET_ACL:
        tj_path(out, txn->path);
        tj_acl(out, txn->acl);
        zk_buf_printf(out, ",\"version\":%" PRId32, txn->version);
        break;
    case OP_CHECK:
        tj_path(out, txn->path);
        zk_buf_printf(out, ",\"version\":%" PRId32, txn->version);
        break;
    case OP_DELETE:
    case OP_DELETE_CONTAINER:
        tj_path(out, txn->path);
        break;
    case OP_CREATE_SESSION:
        zk_buf_printf(out, ",\"timeout\":%" PRId32, txn->timeout);
        break;
    case OP_CLOSE_SESSION:
        tj_paths(out, txn->paths);
        break;
    case OP_ERROR:
        zk_buf_printf(out, ",\"err\":%" PRId32, txn->err);
        break;
    default:
        break;
    }
}

static void
tj_multi(struct zk_buf *out, const struct txn_view *txn)
{
    struct txn_multi_iter it;
    struct txn_view sub;
    const char *between = "";

    tool_append(out, ",\"txns\":[");
    (void) txn_multi_begin(&it, txn);
    while (txn_multi_next(&it, &sub)) {
        zk_buf_printf(out, "%s{", between);
        tj_body(out, &sub);
        tool_append(out, "}");
        between = ",";
    }
    tool_append(out, "]");
}

void
txn_print_json(struct zk_buf *out, const struct txn_view *txn,
               const struct txn_place *place)
{
    zk_buf_printf(out, "{\"offset\":%" PRId64 ",\"crc\":\"%s\",\"zxid\":"
                  "\"0x%" PRIx64 "\",\"time\":", place->offset,
                  place->crc_ok ? "ok" : "wrong", (uint64_t) txn->zxid);
    tj_time(out, txn->time);
    zk_buf_printf(out, ",\"session\":\"0x%" PRIx64 "\",\"cxid\":%" PRId32
                  ",", (uint64_t) txn->client_id, txn->cxid);
    tj_body(out, txn);
    if (txn->type == OP_MULTI) {
        tj_multi(out, txn);
    }
    if (txn->has_digest) {
        zk_buf_printf(out, ",\"digest\":{\"version\":%" PRId32 ",\"value\":"
                      "\"0x%" PRIx64 "\"}", txn->digest_version,
                      (uint64_t) txn->digest);
    }
    tool_append(out, "}\n");
}
