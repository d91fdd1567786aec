/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write_replies.h: what a client is told of its write.
 */
#ifndef SERVER_WRITE_REPLIES_H
#define SERVER_WRITE_REPLIES_H

#include "server/client_sink.h"
#include "tree/data_tree.h"

/* Appends the reply to a request of 'type' (an op code) whose transaction
 * 'txn' was applied with result 'res'.  'o' has cxid set; zxid and err are
 * filled in. */
void write_reply(struct zk_buf *out, int32_t type,
                 const struct txn_view *txn, const struct txn_result *res,
                 struct request_outcome *o);
/* A reply that is only o->err. */
void write_reply_error(struct zk_buf *out, const struct request_outcome *o);

#endif
