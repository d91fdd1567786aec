/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot_list.h: an unordered set of slots as an array, of which each member
 * remembers its own place: adding and removing are O(1) however many there
 * are.  A node's children, a session's ephemerals, all containers.
 *
 * NULL is the empty list.  All lists of a tree are in its pool.
 */
#ifndef TREE_SLOT_LIST_H
#define TREE_SLOT_LIST_H

#include <stdint.h>

#include "tree/node_pool.h"

struct slot_list {
    uint32_t n;
    uint32_t cap;
    uint32_t slots[];
};

static inline uint32_t
slot_list_count(const struct slot_list *l)
{
    return l ? l->n : 0;
}

/* Adds a slot and returns its place. */
uint32_t slot_list_add(struct node_pool *pool, struct slot_list **l,
                       uint32_t slot);
/* Removes the slot at 'place'.  The last one moves there: it is returned and
 * the caller notes its new place; SLOT_NONE when none had to move.  An
 * emptied list is freed. */
uint32_t slot_list_remove(struct node_pool *pool, struct slot_list **l,
                          uint32_t place);

#endif
