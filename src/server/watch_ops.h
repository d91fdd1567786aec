/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_ops.h: the requests about watches.  None of them checks ACLs; only
 * live events are filtered.
 */
#ifndef SERVER_WATCH_OPS_H
#define SERVER_WATCH_OPS_H

#include "jute/input_archive.h"
#include "server/read_ops.h"

/* Bodies of checkWatches, removeWatches, addWatch: KE_OK or the error. */
int watch_op_check(const struct read_context *ctx, struct input_archive *ia,
                   struct zk_buf *out);
int watch_op_remove(const struct read_context *ctx, struct input_archive *ia,
                    struct zk_buf *out);
int watch_op_add(const struct read_context *ctx, struct input_archive *ia,
                 struct zk_buf *out);
/* setWatches, setWatches2: sets the watches of a client that was away, and
 * appends (whole frames, zxid -1) the events it missed. */
int watch_op_set(const struct read_context *ctx, int32_t type,
                 struct input_archive *ia, struct zk_buf *out);

#endif
