/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follower_request_processor.h: the first stage of a learner: what needs the
 * ensemble goes to the leader, everything goes to the commit stage (Java:
 * FollowerRequestProcessor, ObserverRequestProcessor).
 *
 * What waits in the commit stage stands there before the leader hears of it,
 * and in the order in which the leader does: answers come back in that order.
 *
 * A body that does not decode is never sent: leaders of 3.9 would stop the
 * whole ensemble over it (protocol: "Poison requests").  It is answered here,
 * and has no zxid.
 *
 * Thread-safety: submit from any thread.
 */
#ifndef ZAB_FOLLOWER_REQUEST_PROCESSOR_H
#define ZAB_FOLLOWER_REQUEST_PROCESSOR_H

#include "server/request_processor.h"
#include "zab/learner_link.h"

struct follower_env {
    struct learner_link *link;
    int32_t max_record;
    bool leader_is_old;         /* 3.4: knows none of the newer operations. */
    /* The other stages, which end with this one: 'sync' (NULL: an observer
     * that keeps no log) and what is behind it, then 'commit'. */
    struct request_processor *sync, *send_ack, *commit;
};

/* 'env' is copied, the stages are taken over. */
struct request_processor *
follower_request_processor_create(const struct follower_env *env);

#endif
