/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container_ttl.h: which nodes may go by themselves one day, so that the
 * container manager need not walk the tree (Java: DataTree's containers and
 * ttls).  A node remembers its place in the list of its kind.
 *
 * Thread-safety: readers share, one writer alone.
 */
#ifndef TREE_CONTAINER_TTL_H
#define TREE_CONTAINER_TTL_H

#include <stdbool.h>

#include "tree/data_node.h"
#include "tree/slot_list.h"

struct container_ttl {
    struct slot_list *containers;
    struct slot_list *ttls;
};

/* True when a childless container with this stat may be deleted at wall
 * clock 'now_ms': it had a child, or (max_never_used_ms > 0) had none for
 * longer than that. */
bool container_expired(const struct jute_stat_persisted *stat,
                       int64_t now_ms, int64_t max_never_used_ms);
/* True when a childless node with a time to live may be deleted. */
bool ttl_expired(const struct jute_stat_persisted *stat, int64_t ttl_ms,
                 int64_t now_ms);
/* The lists are left to their pool. */
void container_ttl_fini(struct container_ttl *ct);

#endif
