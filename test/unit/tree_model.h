/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_model.h: a data tree as simple as can be, to hold the real one
 * against.  Nodes stand in an unsorted array and are searched one by one;
 * sums are computed from scratch each time.
 */
#ifndef TEST_TREE_MODEL_H
#define TEST_TREE_MODEL_H

#include "tree/data_tree.h"

struct model_node {
    char *path;                 /* "" for the root. */
    size_t len;                 /* Of the path, and of its parent part. */
    size_t parent_len;
    struct zk_slice data;       /* Owned. */
    struct zk_slice acl;        /* Owned, raw; null: born without one. */
    struct jute_stat_persisted stat;
};

struct model_session {
    int64_t id;
    int32_t timeout;
};

struct tree_model {
    struct model_node *nodes;
    size_t n;
    struct model_session *sessions;
    size_t n_sessions;
    int64_t last_zxid;
};

void tree_model_init(struct tree_model *m);
void tree_model_fini(struct tree_model *m);
/* A deep copy. */
void tree_model_copy(struct tree_model *to, const struct tree_model *from);
/* NULL when there is none. */
struct model_node *tree_model_find(const struct tree_model *m,
                                   struct zk_slice path);
size_t tree_model_children(const struct tree_model *m,
                           const struct model_node *node);
void tree_model_apply(struct tree_model *m, const struct txn_view *txn);
/* Adds a node as it is; slices are copied. */
void tree_model_add(struct tree_model *m, struct zk_slice path,
                    struct zk_slice data, struct zk_slice acl,
                    const struct jute_stat_persisted *stat);
uint64_t tree_model_digest(const struct tree_model *m);
/* Compares everything that can be seen from outside; says what differs. */
bool tree_model_equals(const struct tree_model *m,
                       const struct data_tree *tree);

#endif
