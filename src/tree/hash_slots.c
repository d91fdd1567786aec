/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tree/hash_slots.h"

#include <stdlib.h>
#include <string.h>

#include "util/zk_obj.h"

#define HASH_SLOTS_MIN 8

static void
place(struct hash_slots *t, struct hash_cell cell)
{
    uint32_t i = hash_slots_home(t, cell.hash);

    while (t->cells[i].value != SLOT_NONE) {
        i = i + 1 == t->cap ? 0 : i + 1;
    }
    t->cells[i] = cell;
}

static void
resize(struct hash_slots *t, uint32_t cap)
{
    struct hash_slots old = *t;

    t->cap = cap;
    t->cells = zk_xmalloc(cap * sizeof *t->cells);
    memset(t->cells, 0xff, cap * sizeof *t->cells);
    for (uint32_t i = 0; i < old.cap; i++) {
        if (old.cells[i].value != SLOT_NONE) {
            place(t, old.cells[i]);
        }
    }
    free(old.cells);
}

void
hash_slots_add(struct hash_slots *t, uint32_t hash, uint32_t value)
{
    zk_assert(value != SLOT_NONE);
    if ((uint64_t) (t->n + 1) * 5 > (uint64_t) t->cap * 4) {
        resize(t, t->cap == 0 ? HASH_SLOTS_MIN : t->cap + t->cap / 2);
    }
    place(t, (struct hash_cell) { hash, value });
    t->n++;
}

/* True when a cell that wants to stand at 'home' and stands at 'now' may
 * move back to 'hole', all on a ring. */
static bool
may_move(uint32_t home, uint32_t hole, uint32_t now)
{
    if (hole <= now) {
        return home <= hole || home > now;
    }
    return home <= hole && home > now;
}

void
hash_slots_remove(struct hash_slots *t, uint32_t hash, uint32_t value)
{
    uint32_t hole = 0, i, v;

    for (v = hash_slots_first(t, hash, &hole); v != value;
         v = hash_slots_next(t, hash, &hole)) {
        zk_assert(v != SLOT_NONE);
    }
    for (i = hole;;) {
        i = i + 1 == t->cap ? 0 : i + 1;
        if (t->cells[i].value == SLOT_NONE) {
            break;
        }
        if (may_move(hash_slots_home(t, t->cells[i].hash), hole, i)) {
            t->cells[hole] = t->cells[i];
            hole = i;
        }
    }
    t->cells[hole].value = SLOT_NONE;
    t->n--;
    if (t->cap > HASH_SLOTS_MIN * 8 && t->n < t->cap / 4) {
        resize(t, t->cap / 2);
    }
}

void
hash_slots_fini(struct hash_slots *t)
{
    free(t->cells);
    *t = (struct hash_slots) { 0 };
}
