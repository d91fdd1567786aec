/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "proto/frame.h"

#include "jute/output_archive.h"
#include "proto/op_code.h"

size_t
frame_reply_begin(struct zk_buf *b, int32_t xid, int64_t zxid, int32_t err)
{
    size_t at = b->len;
    uint8_t *p = zk_buf_reserve(b, FRAME_REPLY_MIN_LEN);

    zk_put_be32(p, FRAME_REPLY_HEADER_LEN);
    zk_put_be32(p + 4, (uint32_t) xid);
    zk_put_be64(p + 8, (uint64_t) zxid);
    zk_put_be32(p + 16, (uint32_t) err);
    b->len += FRAME_REPLY_MIN_LEN;
    return at;
}

void
frame_reply_end(struct zk_buf *b, size_t at)
{
    zk_assert(at + FRAME_REPLY_MIN_LEN <= b->len);
    output_archive_frame_end(b, at);
}

void
frame_reply_fail(struct zk_buf *b, size_t at, int32_t err)
{
    zk_assert(at + FRAME_REPLY_MIN_LEN <= b->len);
    b->len = at + FRAME_REPLY_MIN_LEN;
    output_archive_patch_int(b, at, FRAME_REPLY_HEADER_LEN);
    output_archive_patch_int(b, at + 16, err);
}

void
frame_reply(struct zk_buf *b, int32_t xid, int64_t zxid, int32_t err)
{
    (void) frame_reply_begin(b, xid, zxid, err);
}

void
frame_watch_event(struct zk_buf *b, int64_t zxid, int32_t type,
                  int32_t state, struct zk_slice path)
{
    size_t at = frame_reply_begin(b, XID_NOTIFICATION, zxid, 0);

    output_archive_int(b, type);
    output_archive_int(b, state);
    output_archive_slice(b, path);
    frame_reply_end(b, at);
}
