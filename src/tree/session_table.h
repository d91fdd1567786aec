/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_table.h: the global sessions with their timeouts, as transactions
 * made them (Java: ZKDatabase's sessionsWithTimeouts).
 *
 * Thread-safety: readers share, one writer alone.
 */
#ifndef TREE_SESSION_TABLE_H
#define TREE_SESSION_TABLE_H

#include "tree/id_map.h"
#include "util/zk_buf.h"

struct session_table {
    struct id_map by_id;        /* To the timeout in ms. */
};

/* Adds a session or changes its timeout. */
void session_table_put(struct session_table *t, int64_t id,
                       int32_t timeout_ms);
void session_table_remove(struct session_table *t, int64_t id);
/* The timeout, or -1. */
int32_t session_table_timeout(const struct session_table *t, int64_t id);
bool session_table_has(const struct session_table *t, int64_t id);
/* As in a snapshot: count, then id and timeout of each. */
void session_table_encode(const struct session_table *t, struct zk_buf *out);
void session_table_fini(struct session_table *t);

#endif
