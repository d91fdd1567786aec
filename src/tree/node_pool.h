/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_pool.h: the memory of one tree's nodes and lists of children.
 *
 * When a process is killed the kernel frees its memory before it closes its
 * sockets, and until then nobody elects another leader: 1 GB in pages of
 * 4 kB takes it some 100 ms.  So blocks come from mappings of 2 MB that are
 * aligned for one huge page each.  They belong to the tree: all of it is
 * dropped by a few munmaps, without a look at any node.
 *
 * A chunk of 2 MB is 32 runs; a run holds blocks of one size, and is anybody's
 * again when its last block is freed, as a chunk is the system's when its last
 * run is.  Sizes go in steps of 8 bytes to 512, then in 32 steps to the
 * double; blocks of more than 8 kB are malloc's.  The first chunks are not
 * huge, so that a small tree costs what it holds.  Whoever frees a block says
 * how long it is: a node knows, and a header would cost 8 bytes of each.
 *
 * AddressSanitizer sees freed blocks, and 16 bytes behind each.
 *
 * Thread-safety: one owner, the tree's writer.
 */
#ifndef TREE_NODE_POOL_H
#define TREE_NODE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NODE_POOL_CHUNK ((size_t) 2 << 20)
#define NODE_POOL_MAX 8192          /* Longer blocks are malloc's. */
#define NODE_POOL_CLASSES 192       /* Sizes. */

struct pool_chunk;
struct pool_feeder;
struct pool_large;
struct pool_run;

/* All zero: empty. */
struct node_pool {
    struct pool_chunk *chunks;      /* All of them. */
    struct pool_chunk *open;        /* Those with a free run. */
    size_t n_chunks;
    size_t n_empty;                 /* Chunks without a used run: 0 or 1. */
    struct pool_large *large;
    struct pool_run *partial[NODE_POOL_CLASSES];    /* With room. */
    bool feeding;
    struct pool_feeder *feeder;     /* NULL: none. */
};

/* A block of 'len' > 0 bytes, aligned to 8, with anything in it.  Panics when
 * the system has no memory, as zk_xmalloc does. */
void *node_pool_alloc(struct node_pool *pool, size_t len);
/* 'len' is that of its alloc (or resize).  NULL is fine. */
void node_pool_free(struct node_pool *pool, void *block, size_t len);
/* The block, moved or not, with its first bytes as they were.  NULL: a new
 * one. */
void *node_pool_resize(struct node_pool *pool, void *block, size_t old_len,
                       size_t len);
/* From 'on' until off, when it has grown to some 16 MB, a thread of its own
 * has memory ready: for a tree that is being filled. */
void node_pool_feed(struct node_pool *pool, bool on);
/* Frees all blocks at once; no longer feeds. */
void node_pool_clear(struct node_pool *pool);
/* Bytes that the chunks are; blocks of malloc's do not count. */
size_t node_pool_mapped(const struct node_pool *pool);

#endif
