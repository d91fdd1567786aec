/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool_feeder.h: a thread that has chunks of memory ready.
 *
 * The kernel clears a page when it is touched first; where a tree is filled
 * from a snapshot, that is a quarter of the time.  The thread maps chunks and
 * touches them while the one that fills the tree reads on.  When the system
 * has no more it ends: who needs a chunk is told so by pool_map_chunk.
 *
 * Thread-safety: one owner.
 */
#ifndef TREE_POOL_FEEDER_H
#define TREE_POOL_FEEDER_H

#include <stdbool.h>
#include <stddef.h>

struct pool_feeder;

/* Memory that begins at a multiple of its length 'len', if 'huge' (and 2 MB)
 * as one huge page where the system has such.  Panics when there is none. */
void *pool_map_chunk(size_t len, bool huge);

/* Chunks of 'len' bytes.  NULL when no thread can be had. */
struct pool_feeder *pool_feeder_create(size_t len);
/* A chunk, the caller's, to be munmapped; NULL when none is ready. */
void *pool_feeder_take(struct pool_feeder *f);
/* Ends the thread; those that nobody took are unmapped.  NULL is fine. */
void pool_feeder_destroy(struct pool_feeder *f);

#endif
