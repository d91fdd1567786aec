/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tree/node_table.h"

#include <stdlib.h>

#include "tree/hash_slots.h"
#include "util/zk_obj.h"

static union node_cell *
cell_of(const struct node_table *t, uint32_t slot)
{
    return &t->chunks[slot >> NODE_TABLE_CHUNK_BITS]
                     [slot & (NODE_TABLE_CHUNK - 1)];
}

struct data_node *
node_table_at(const struct node_table *t, uint32_t slot)
{
    const union node_cell *c;

    if (slot >= t->high) {
        return NULL;
    }
    c = cell_of(t, slot);
    return c->next_free & 1 ? NULL : c->node;
}

uint32_t
node_table_add(struct node_table *t, struct data_node *node)
{
    uint32_t slot;

    if (t->first_free >> 1 != 0) {
        slot = (uint32_t) ((t->first_free >> 1) - 1);
        t->first_free = cell_of(t, slot)->next_free;
    } else {
        slot = t->high;
        zk_assert(slot != SLOT_NONE);
        if (slot >> NODE_TABLE_CHUNK_BITS == t->n_chunks) {
            t->chunks = zk_xrealloc(t->chunks, (t->n_chunks + 1)
                                               * sizeof *t->chunks);
            t->chunks[t->n_chunks++] =
                zk_xmalloc(NODE_TABLE_CHUNK * sizeof **t->chunks);
        }
        t->high++;
    }
    cell_of(t, slot)->node = node;
    t->used++;
    return slot;
}

void
node_table_set(struct node_table *t, uint32_t slot, struct data_node *node)
{
    cell_of(t, slot)->node = node;
}

void
node_table_remove(struct node_table *t, uint32_t slot)
{
    zk_assert(node_table_at(t, slot) != NULL);
    cell_of(t, slot)->next_free = t->first_free | 1;
    t->first_free = ((uintptr_t) slot + 1) << 1 | 1;
    t->used--;
}

void
node_table_fini(struct node_table *t)
{
    for (uint32_t i = 0; i < t->n_chunks; i++) {
        free(t->chunks[i]);
    }
    free(t->chunks);
    *t = (struct node_table) { 0 };
}
