/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h: what a server sends to a client: an int length and that many
 * bytes, a ReplyHeader and maybe a body.
 *
 * Thread-safety: none needed; pure functions over the caller's memory.
 */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include "util/zk_buf.h"
#include "util/zk_slice.h"

#define FRAME_REPLY_HEADER_LEN 16
/* A length and a ReplyHeader. */
#define FRAME_REPLY_MIN_LEN (4 + FRAME_REPLY_HEADER_LEN)

/* Begins a reply and returns where it stands in 'b'; the body is appended
 * next; frame_reply_end then fills the length in. */
size_t frame_reply_begin(struct zk_buf *b, int32_t xid, int64_t zxid,
                         int32_t err);
void frame_reply_end(struct zk_buf *b, size_t at);

/* Ends the reply that was begun at 'at' with an error instead: what was
 * appended since is dropped. */
void frame_reply_fail(struct zk_buf *b, size_t at, int32_t err);

/* A whole reply without a body. */
void frame_reply(struct zk_buf *b, int32_t xid, int64_t zxid, int32_t err);

/* A whole watch event.  'type' and 'state' as in WatcherEvent; 'zxid' is
 * that of the txn behind it, or -1. */
void frame_watch_event(struct zk_buf *b, int64_t zxid, int32_t type,
                       int32_t state, struct zk_slice path);

#endif
