/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learner_recorder.h: a learner_core with an env that writes down what it is
 * asked and holds the rules of order, and a leader that is made of calls.
 */
#ifndef TEST_LEARNER_RECORDER_H
#define TEST_LEARNER_RECORDER_H

#include "zab/leader_core.h"
#include "zab/learner_core.h"

/* Zxids are written <epoch>.<counter> in what is recorded. */
#define Z(e, c) ((int64_t) (e) << 32 | (c))

#define INJECTED ZK_ENOSPC
#define NEVER 1000000

struct recorder {
    struct zk_buf calls;        /* Since the last expect(). */
    int n;
    int fail_at;                /* The n-th call fails. */
    bool failed;

    /* A model of the disk. */
    size_t appended;            /* And not synced. */
    bool snap_unsaved;
    int64_t accepted, current;
    bool acked, serving;
    int64_t proposed, committed;
};

struct learner_test {
    struct recorder rec;
    struct learner_core *lc;
    struct zk_errmsg em;
    int rv;                     /* Of the last packet. */
};

/* Epochs 1 and 1, history up to <1,5>. */
struct learner_core_options options(bool observer);
void create(struct learner_test *t, const struct learner_core_options *o);
void destroy(struct learner_test *t);

/* What was asked of the env since the last time. */
void expect(struct learner_test *t, const char *want);
/* The last packet was taken. */
void ok(struct learner_test *t);
/* The last packet ended the link with 'rv'; nothing is taken any more. */
void refused(struct learner_test *t, int rv);

/* Packets.  'bare' is one without data; 'txn_packet' has a createSession with
 * these bytes around it; 'pair' is a proposal and its commit, both taken. */
void raw(struct learner_test *t, int32_t type, int64_t zxid,
         struct zk_slice data);
void bare(struct learner_test *t, int32_t type, int64_t zxid);
void txn_packet(struct learner_test *t, int32_t type, int64_t zxid,
                struct zk_slice before, struct zk_slice behind);
void leader_info(struct learner_test *t, int64_t epoch);
void proposal(struct learner_test *t, int64_t zxid);
void inform(struct learner_test *t, int64_t zxid);
void commit(struct learner_test *t, int64_t zxid);
void pair(struct learner_test *t, int64_t zxid);
void new_leader(struct learner_test *t, int64_t epoch);
void up_to_date(struct learner_test *t);

/* It has accepted this epoch, and waits for LEADERINFO. */
void start_at(struct learner_test *t, int64_t accepted);
/* A learner at <1,5> that has acked epoch 2 and waits to be told how. */
void discovered(struct learner_test *t, bool observer);
/* The same, in broadcast. */
void serving(struct learner_test *t, bool observer);

#endif
