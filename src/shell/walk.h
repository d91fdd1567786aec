/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.h: all znodes at and below one, in the two orders of Apache's shell
 * (Java: ZKUtil.visitSubTreeDFS, listSubTreeBFS).
 *
 * Several requests are under way at a time: the order is that of one after
 * the other, the time is not.  What is seen is no snapshot.
 *
 * Thread-safety: one thread alone, the link's.
 */
#ifndef SHELL_WALK_H
#define SHELL_WALK_H

#include "shell/link.h"

enum walk_order {
    /* The node, then its children in order of names, then what is below the
     * first of them, and so on.  A node that is gone meanwhile has no
     * children. */
    WALK_DEPTH_FIRST,
    /* Level by level; a node that is gone is an error. */
    WALK_BREADTH_FIRST,
};

struct walk_plan {
    const char *root;
    enum walk_order order;
    /* Sets a child watch on each node (and, depth first, a data watch on the
     * root, whose existence is asked for then). */
    bool watch;
    bool kept;                  /* visit() keeps the paths. */
    int64_t max_bytes;          /* Of what is held at a time, kept paths
                                 * included: a server may tell of a tree
                                 * without an end. */
    bool (*visit)(void *arg, const char *path);
    void *arg;
};

/* Calls visit(arg, path) for each node until it returns false.  Returns an
 * enum keeper_error, LINK_INTERRUPTED or LINK_TOO_MUCH; '*failed' (the caller
 * frees it) is then the path that it is about, else NULL. */
int32_t walk_tree(struct shell_link *l, const struct walk_plan *plan,
                  char **failed);

#endif
