/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include <inttypes.h>
#include <time.h>

#include "proto/acl_codec.h"
#include "proto/op_code.h"
#include "tools/tool.h"
#include "tools/txn_print.h"

/* Java: DateFormat.SHORT and LONG, as for the United States. */
static void
tt_date(struct zk_buf *out, int64_t ms)
{
    /* Rounded down, also before 1970. */
    time_t t = (time_t) (ms / 1000 - (ms % 1000 < 0));
    struct tm tm;

    if (localtime_r(&t, &tm) == NULL) {
        zk_buf_printf(out, "%" PRId64 " ms", ms);
        return;
    }
    zk_buf_printf(out, "%d/%d/%02d, %d:%02d:%02d %s %s", tm.tm_mon + 1,
                  tm.tm_mday, (tm.tm_year + 1900) % 100,
                  tm.tm_hour % 12 == 0 ? 12 : tm.tm_hour % 12, tm.tm_min,
                  tm.tm_sec, tm.tm_hour < 12 ? "AM" : "PM", tm.tm_zone);
}

/* Java: ToStringOutputArchive, which marks strings by a quote in front and
 * escapes what its own syntax needs. */
static void
tt_quoted(struct zk_buf *out, struct zk_slice s)
{
    struct zk_buf text = { 0 };

    if (zk_slice_is_null(s)) {
        return;
    }
    tool_append_text(&text, s);
    tool_append(out, "'");
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\0' || strchr("\n\r,}%", text.data[i]) != NULL) {
            zk_buf_printf(out, "%%%02X", text.data[i]);
        } else {
            zk_buf_append(out, &text.data[i], 1);
        }
    }
    zk_buf_fini(&text);
}

static void
tt_acl_entry(struct zk_buf *out, const struct acl_entry *e)
{
    zk_buf_printf(out, "%" PRId32 ",s{", e->perms);
    tt_quoted(out, e->scheme);
    tool_append(out, ",");
    tt_quoted(out, e->id);
    tool_append(out, "}");
}

/* A List of ACLs, each with its line end. */
static void
tt_acl_list(struct zk_buf *out, struct zk_slice acl)
{
    struct acl_iter it;
    struct acl_entry e;
    const char *between = "";

    if (acl_raw_count(acl) < 0) {
        tool_append(out, "null");
        return;
    }
    acl_iter_init(&it, acl);
    tool_append(out, "[");
    while (acl_iter_next(&it, &e)) {
        tool_append(out, between);
        tt_acl_entry(out, &e);
        tool_append(out, "\n");
        between = ", ";
    }
    tool_append(out, "]");
}

/* path,data */
static void
tt_path_data(struct zk_buf *out, const struct txn_view *txn)
{
    tool_append_text(out, txn->path);
    tool_append(out, ",");
    tool_append_text(out, txn->data);
    tool_append(out, ",");
}

/* The record setACL as such. */
static void
tt_set_acl(struct zk_buf *out, const struct txn_view *txn)
{
    struct acl_iter it;
    struct acl_entry e;
    const char *between = "";

    tt_quoted(out, txn->path);
    tool_append(out, ",v{");
    acl_iter_init(&it, txn->acl);
    while (acl_iter_next(&it, &e)) {
        zk_buf_printf(out, "%ss{", between);
        tt_acl_entry(out, &e);
        tool_append(out, "}");
        between = ",";
    }
    zk_buf_printf(out, "},%" PRId32, txn->version);
}

static void
tt_close_session(struct zk_buf *out, struct zk_slice paths)
{
    struct input_archive ia;
    int32_t n;

    if (zk_slice_is_null(paths)) {
        return;                 /* No body: nothing at all. */
    }
    tool_append(out, "v{");
    input_archive_init(&ia, paths.p, (size_t) paths.len, INT32_MAX);
    n = input_archive_count(&ia, 4);
    for (int32_t i = 0; i < n && ia.err == ZK_OK; i++) {
        tool_append(out, i > 0 ? "," : "");
        tt_quoted(out, input_archive_slice(&ia));
    }
    tool_append(out, "}");
}

/* type:bytes;type:bytes */
static void
tt_multi(struct zk_buf *out, struct zk_slice multi)
{
    struct input_archive ia;
    int32_t n;

    input_archive_init(&ia, multi.p, (size_t) multi.len, INT32_MAX);
    n = input_archive_count(&ia, 8);
    for (int32_t i = 0; i < n && ia.err == ZK_OK; i++) {
        int32_t type = input_archive_int(&ia);

        zk_buf_printf(out, "%s%s:", i > 0 ? ";" : "", op_code_name(type));
        tool_append_text(out, input_archive_slice(&ia));
    }
}

static void
tt_body(struct zk_buf *out, const struct txn_view *txn)
{
    switch (txn->type) {
    case OP_CREATE:
    case OP_CREATE2:
        tt_path_data(out, txn);
        tt_acl_list(out, txn->acl);
        zk_buf_printf(out, ",%s,%" PRId32,
                      txn->ephemeral ? "true" : "false",
                      txn->parent_cversion);
        break;
    case OP_CREATE_CONTAINER:
        tt_path_data(out, txn);
        tt_acl_list(out, txn->acl);
        zk_buf_printf(out, ",%" PRId32, txn->parent_cversion);
        break;
    case OP_CREATE_TTL:
        tt_path_data(out, txn);
        tt_acl_list(out, txn->acl);
        zk_buf_printf(out, ",%" PRId32 ",%" PRId64, txn->parent_cversion,
                      txn->ttl);
        break;
    case OP_SET_DATA:
    case OP_RECONFIG:
        tt_path_data(out, txn);
        zk_buf_printf(out, "%" PRId32, txn->version);
        break;
    case OP_DELETE:
    case OP_DELETE_CONTAINER:
        tt_quoted(out, txn->path);
        break;
    case OP_SET_ACL:
        tt_set_acl(out, txn);
        break;
    case OP_CREATE_SESSION:
        zk_buf_printf(out, "%" PRId32, txn->timeout);
        break;
    case OP_CLOSE_SESSION:
        tt_close_session(out, txn->paths);
        break;
    case OP_ERROR:
        zk_buf_printf(out, "%" PRId32, txn->err);
        break;
    case OP_MULTI:
        tt_multi(out, txn->multi);
        break;
    default:
        break;
    }
}

void
txn_print_text(struct zk_buf *out, const struct txn_view *txn)
{
    tt_date(out, txn->time);
    zk_buf_printf(out, " session 0x%" PRIx64 " cxid 0x%" PRIx64 " zxid 0x%"
                  PRIx64 " %s ", (uint64_t) txn->client_id,
                  (uint64_t) (int64_t) txn->cxid, (uint64_t) txn->zxid,
                  op_code_name(txn->type));
    tt_body(out, txn);
    /* Java ends the line unless the text does. */
    if (out->data[out->len - 1] != '\n') {
        tool_append(out, "\n");
    }
}
