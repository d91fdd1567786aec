/* SPDX-License-Identifier: Apache-2.0 */
/*
 * send_ack_request_processor.h: the stage behind a learner's log: what comes
 * here is durable (Java: SendAckRequestProcessor).
 *
 * A batch becomes one write of acks, one for each zxid, and tells the commit
 * stage how far the log has come.
 *
 * Thread-safety: no thread of its own; works on the SyncThread.
 */
#ifndef ZAB_SEND_ACK_REQUEST_PROCESSOR_H
#define ZAB_SEND_ACK_REQUEST_PROCESSOR_H

#include "server/request_processor.h"
#include "zab/learner_link.h"

struct send_ack_env {
    void *self;
    struct learner_link *link;  /* NULL: an observer, which acks nothing. */
    struct request_processor *commit;   /* commit_processor.h */
    /* So many bytes of txns have left the log's queue. */
    void (*logged)(void *self, int64_t bytes);
};

/* 'env' is copied. */
struct request_processor *
send_ack_request_processor_create(const struct send_ack_env *env);

#endif
