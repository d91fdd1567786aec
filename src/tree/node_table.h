/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_table.h: slot number to node block.
 *
 * Slots stand in chunks that never move, so growing copies nothing but the
 * short list of chunks.  Freed slots form a list inside the table and are
 * used again first.  All zero: empty.
 *
 * Thread-safety: readers share, one writer alone.
 */
#ifndef TREE_NODE_TABLE_H
#define TREE_NODE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct data_node;

#define NODE_TABLE_CHUNK_BITS 12
#define NODE_TABLE_CHUNK (1u << NODE_TABLE_CHUNK_BITS)

union node_cell {
    struct data_node *node;     /* Even, when the slot is in use. */
    uintptr_t next_free;        /* Otherwise; odd.  next_free >> 1: the next
                                 * free slot plus 1, or 0. */
};

struct node_table {
    union node_cell **chunks;
    uint32_t n_chunks;
    uint32_t high;              /* Slots below were in use at some time. */
    uint32_t used;              /* used <= high */
    uintptr_t first_free;       /* As next_free. */
};

/* The node in a slot that is in use. */
static inline struct data_node *
node_table_get(const struct node_table *t, uint32_t slot)
{
    return t->chunks[slot >> NODE_TABLE_CHUNK_BITS]
                    [slot & (NODE_TABLE_CHUNK - 1)].node;
}

/* The node in any slot number; NULL when the slot is not in use. */
struct data_node *node_table_at(const struct node_table *t, uint32_t slot);
/* Puts a node into a free slot and returns its number. */
uint32_t node_table_add(struct node_table *t, struct data_node *node);
/* The node's block moved. */
void node_table_set(struct node_table *t, uint32_t slot,
                    struct data_node *node);
/* Gives the slot back; the node is the caller's. */
void node_table_remove(struct node_table *t, uint32_t slot);
/* Frees the table, not the nodes. */
void node_table_fini(struct node_table *t);

#endif
