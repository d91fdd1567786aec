/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ephemerals.h: which nodes each session owns (Java: DataTree's ephemerals).
 * A node remembers its place in its session's list (data_node_layout.h).
 *
 * Thread-safety: readers share, one writer alone.
 */
#ifndef TREE_EPHEMERALS_H
#define TREE_EPHEMERALS_H

#include "tree/id_map.h"
#include "tree/slot_list.h"

struct ephemerals {
    struct id_map by_session;   /* To a slot_list, never empty. */
    int64_t count;              /* Nodes of all sessions. */
};

/* Adds a node to its session's list and returns its place. */
uint32_t ephemerals_add(struct node_pool *pool, struct ephemerals *e,
                        int64_t session, uint32_t slot);
/* Removes the node at 'place'; returns the slot that moved there, or
 * SLOT_NONE. */
uint32_t ephemerals_remove(struct node_pool *pool, struct ephemerals *e,
                           int64_t session, uint32_t place);
/* The session's nodes; NULL when it has none.  Until the next change. */
const struct slot_list *ephemerals_of(const struct ephemerals *e,
                                      int64_t session);
/* The lists are left to their pool. */
void ephemerals_fini(struct ephemerals *e);

#endif
