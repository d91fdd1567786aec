/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_random.h: random histories for trees, from a seed.
 *
 * Transactions are those that a leader would prepare for the state of the
 * model: versions and parents' cversions fit, parents exist, what is deleted
 * has no children.
 */
#ifndef TEST_TREE_RANDOM_H
#define TEST_TREE_RANDOM_H

#include "tree_model.h"

struct tree_random {
    uint64_t state;
    struct tree_model *model;
    int64_t zxid;
    bool ephemerals;            /* Makes ephemerals and closes sessions. */
};

uint64_t tree_random_number(struct tree_random *r, uint64_t below);
/* Appends the next transaction of the history; the caller applies it to the
 * model before it asks for another. */
void tree_random_txn(struct tree_random *r, struct zk_buf *out);

#endif
