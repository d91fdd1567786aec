/* SPDX-License-Identifier: Apache-2.0 */
/*
 * committed_log.h: the last transactions that were applied, kept to bring
 * learners up to date by DIFF (Java: ZKDatabase.committedLog).
 *
 * Invariant, asserted at each add: zxids rise, and by one inside an epoch
 * (ZOOKEEPER-4925).  min and max are those of the list itself
 * (ZOOKEEPER-4352).
 *
 * Thread-safety: own lock.
 */
#ifndef SERVER_COMMITTED_LOG_H
#define SERVER_COMMITTED_LOG_H

#include "server/request.h"

struct committed_log;

/* Keeps the newest 'limit' (>= 500 in a server). */
struct committed_log *committed_log_create(size_t limit);
void committed_log_destroy(struct committed_log *cl);
/* Adds a reference of 'txn'.  A zxid that is already the newest is left out
 * (logs of Java servers hold such pairs). */
void committed_log_add(struct committed_log *cl, struct txn_bytes *txn);
size_t committed_log_size(struct committed_log *cl);
/* Both 0 when it is empty. */
void committed_log_bounds(struct committed_log *cl, int64_t *min_zxid,
                          int64_t *max_zxid);
/* Calls each(arg, txn) for those with zxid > after, in order; the lock is
 * held meanwhile. */
void committed_log_each(struct committed_log *cl, int64_t after,
                        void (*each)(void *arg, struct txn_bytes *txn),
                        void *arg);
void committed_log_clear(struct committed_log *cl);

#endif
