/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tree/slot_list.h"

#include "tree/hash_slots.h"
#include "util/zk_obj.h"

static size_t
list_bytes(uint32_t cap)
{
    return sizeof(struct slot_list) + cap * sizeof(uint32_t);
}

static void
resize(struct node_pool *pool, struct slot_list **l, uint32_t cap)
{
    *l = node_pool_resize(pool, *l, *l ? list_bytes((*l)->cap) : 0,
                          list_bytes(cap));
    (*l)->cap = cap;
}

uint32_t
slot_list_add(struct node_pool *pool, struct slot_list **l, uint32_t slot)
{
    if (*l == NULL) {
        resize(pool, l, 2);
        (*l)->n = 0;
    } else if ((*l)->n == (*l)->cap) {
        resize(pool, l, (*l)->cap + (*l)->cap / 2 + 2);
    }
    (*l)->slots[(*l)->n] = slot;
    return (*l)->n++;
}

uint32_t
slot_list_remove(struct node_pool *pool, struct slot_list **l, uint32_t place)
{
    uint32_t moved = SLOT_NONE;
    uint32_t last;

    zk_assert(*l != NULL && place < (*l)->n);
    last = --(*l)->n;
    if (place != last) {
        moved = (*l)->slots[last];
        (*l)->slots[place] = moved;
    }
    if (last == 0) {
        node_pool_free(pool, *l, list_bytes((*l)->cap));
        *l = NULL;
    } else if ((*l)->cap > 16 && last < (*l)->cap / 4) {
        resize(pool, l, (*l)->cap / 2);
    }
    return moved;
}
