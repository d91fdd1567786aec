/* SPDX-License-Identifier: Apache-2.0 */
/* sim_learner.h: following or observing, around learner_core: the link, the
 * disk, and the stages (zab/learner.h). */
#ifndef TEST_SIM_SIM_LEARNER_H
#define TEST_SIM_SIM_LEARNER_H

#include "sim_server.h"
#include "zab/learner_core.h"

struct sim_learner {
    struct learner_core *core;
    struct sim_link *link;      /* End 0 is the learner's. */
    int64_t leader;
    int tries;
    int64_t heard_us;
    const struct sim_msg *msg;  /* What the core is working on. */
    bool own_fault;             /* An env function failed. */
    int64_t synced_epoch;       /* NEWLEADER was acked; 0: not yet. */

    struct sim_queue appended;  /* By log_append, not yet synced. */
    struct sim_queue proposed;  /* Not yet committed. */
    /* Of bugs. */
    struct sim_queue withheld;
};

void sim_learner_start(struct sim_node *n, int64_t leader);
void sim_learner_stop(struct sim_node *n);
/* After a crash. */
void sim_learner_free(struct sim_node *n);

/* Requests of clients. */
void sim_learner_submit(struct sim_node *n, struct bq_list *list);
/* A client came with its session. */
void sim_learner_revalidate(struct sim_node *n, int64_t session);
/* Its log is durable up to 'zxid'. */
void sim_learner_logged(struct sim_node *n, int64_t zxid);

#endif
