/* SPDX-License-Identifier: Apache-2.0 */
/* txn_filter.h: which transactions somebody wants to see. */
#ifndef TOOLS_TXN_FILTER_H
#define TOOLS_TXN_FILTER_H

#include "proto/txn_codec.h"

struct txn_filter {
    int64_t from, to;           /* zxids, both included. */
    bool has_session;
    int64_t session;
    struct zk_slice path;       /* This node or one below it; null: any. */
};

/* Everything. */
#define TXN_FILTER_ALL                                                     \
    ((struct txn_filter) {                                                 \
        .from = INT64_MIN, .to = INT64_MAX, .path = ZK_SLICE_NULL })

/* Whether 'txn' is wanted; of a multi or the end of a session one path is
 * enough.  The end of a session that does not say what it deletes may delete
 * any. */
bool txn_filter_wants(const struct txn_filter *f, const struct txn_view *txn);

#endif
