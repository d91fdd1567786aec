/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tree/slot_list.h"

#include <stdlib.h>

#include "tree/hash_slots.h"
#include "util/zk_obj.h"

static void
resize(struct slot_list **l, uint32_t cap)
{
    *l = zk_xrealloc(*l, sizeof **l + cap * sizeof (*l)->slots[0]);
    (*l)->cap = cap;
}

uint32_t
slot_list_add(struct slot_list **l, uint32_t slot)
{
    if (*l == NULL) {
        resize(l, 2);
        (*l)->n = 0;
    } else if ((*l)->n == (*l)->cap) {
        resize(l, (*l)->cap + (*l)->cap / 2 + 2);
    }
    (*l)->slots[(*l)->n] = slot;
    return (*l)->n++;
}

uint32_t
slot_list_remove(struct slot_list **l, uint32_t place)
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
        free(*l);
        *l = NULL;
    } else if ((*l)->cap > 16 && last < (*l)->cap / 4) {
        resize(l, (*l)->cap / 2);
    }
    return moved;
}
