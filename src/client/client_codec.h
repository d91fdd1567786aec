/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_codec.h: requests as the bytes a client sends, and what a server
 * sends as results and events.  The other direction is in proto/: frame.h,
 * request_codec.h, multi_codec.h.
 *
 * A frame is an int length and that many bytes; the functions that encode
 * append whole frames, those that decode take one without its length.
 *
 * Thread-safety: none needed; pure functions over the caller's memory.
 */
#ifndef CLIENT_CLIENT_CODEC_H
#define CLIENT_CLIENT_CODEC_H

#include "client/client_op.h"

/* Where the xid stands in the frame of a request, and the first byte of the
 * path of an operation that has one: for those that encode a request once and
 * send it often. */
#define CLIENT_XID_AT 4
#define CLIENT_PATH_AT 16

/* ConnectRequest, with the readOnly that old servers do not look at. */
void client_encode_connect(struct zk_buf *b,
                           const struct jute_connect_request *cr,
                           bool read_only);
/* ConnectResponse; 'read_only' is false when the server does not say.
 * ZK_EMARSHAL. */
int client_decode_connect(const void *p, size_t len,
                          struct jute_connect_response *cr, bool *read_only)
    ZK_WARN_UNUSED;

/* A request of no body: ping, closeSession. */
void client_encode_plain(struct zk_buf *b, int32_t xid, int32_t op);
/* The request for 'op', whose paths get 'chroot' ("" or "/a/b") in front.
 * KE_MARSHALLING, and nothing appended: an operation that clients do not
 * have, an op in a multi that does not belong there, or a request over
 * INT32_MAX bytes.  Nothing else is looked at. */
int32_t client_encode_op(struct zk_buf *b, int32_t xid,
                         const struct zk_op *op, const char *chroot)
    ZK_WARN_UNUSED;
/* setWatches, or setWatches2 when there are watches that only that has. */
void client_encode_set_watches(struct zk_buf *b,
                               const struct jute_set_watches2 *sw);

/* A path of 'op' as the server has it; the caller frees it. */
char *client_server_path(const char *chroot, const struct zk_op *op);
/* The program's name for a path of the server: without the chroot, or as it
 * is when it is not below it.  Borrowed from 'path'. */
struct zk_slice client_own_path(const char *chroot, struct zk_slice path);

/* The ReplyHeader; 'body' is what follows. */
int client_decode_header(const void *p, size_t len,
                         struct jute_reply_header *h, struct zk_slice *body)
    ZK_WARN_UNUSED;
/* The same from a reply that is known to be JUTE_REPLY_HEADER_LEN bytes at
 * least, without a call: for those that take a million of them a second. */
static inline struct jute_reply_header
client_peek_header(const uint8_t *p)
{
    return (struct jute_reply_header) {
        .xid = (int32_t) zk_get_be32(p),
        .zxid = (int64_t) zk_get_be64(p + 4),
        .err = (int32_t) zk_get_be32(p + 12),
    };
}

/* Fills 'r' (zk_result_init, with the op that was asked) from the body of a
 * reply without an error; it is copied.  Paths are made the program's own.
 * ZK_EMARSHAL or ZK_ETOOBIG: 'r' is as it was and fit for zk_result_fini. */
int client_decode_result(struct zk_result *r, struct zk_slice body,
                         const char *chroot, int32_t max_len)
    ZK_WARN_UNUSED;

#endif
