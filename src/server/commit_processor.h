/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commit_processor.h: the stage around commit_core, one thread (Java:
 * CommitProcessor).
 *
 * What may pass is handed to the next stage by the CommitProcessor thread, or
 * at once by the caller when it is little and nothing waits (as Prep and
 * Final do), without this stage's lock.
 *
 * Shutdown: what may pass passes; the rest is dropped (the connections it
 * belongs to are closed by who ends the role).
 *
 * Thread-safety: all functions from any thread; the order of calls of one
 * kind is kept.
 */
#ifndef SERVER_COMMIT_PROCESSOR_H
#define SERVER_COMMIT_PROCESSOR_H

#include "server/commit_core.h"
#include "server/request_processor.h"

/* 'last' is the zxid the tree is at.  The thread starts at once. */
struct request_processor *
commit_processor_create(bool learner, int64_t last,
                        struct request_processor *next);
/* See commit_core; 'p' is what create returned. */
void commit_processor_committed(struct request_processor *p, int64_t zxid);
void commit_processor_synced(struct request_processor *p, size_t n);
void commit_processor_deliver(struct request_processor *p,
                              struct bq_list *commits);
void commit_processor_durable(struct request_processor *p, int64_t zxid);

#endif
