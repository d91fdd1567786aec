/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_ops.h: the operations that this server answers from its own tree, and
 * the watch operations.  Used where a frame is decoded (nothing of the
 * connection in the pipeline) and by Final (behind earlier writes).
 */
#ifndef SERVER_READ_OPS_H
#define SERVER_READ_OPS_H

#include "auth/auth_provider.h"
#include "server/client_sink.h"
#include "server/zk_database.h"

struct read_context {
    struct zk_database *db;     /* Lock held, shared or exclusively. */
    const struct auth_options *auth;
    int32_t max_record;
    struct client_sink *sink;   /* Who asks. */
    const struct auth_info *who;
};

/* Appends the whole answer (events of setWatches before it) to 'out'.
 * 'outcome' has type and cxid set and gets zxid and err. */
void read_op_answer(const struct read_context *ctx, struct zk_slice body,
                    struct zk_buf *out, struct request_outcome *outcome);

#endif
