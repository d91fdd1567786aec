/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tree/ephemerals.h"

#include "util/zk_obj.h"

uint32_t
ephemerals_add(struct node_pool *pool, struct ephemerals *e, int64_t session,
               uint32_t slot)
{
    union id_map_value *v = id_map_add(&e->by_session, session);
    struct slot_list *l = v->p;
    uint32_t place = slot_list_add(pool, &l, slot);

    v->p = l;
    e->count++;
    return place;
}

uint32_t
ephemerals_remove(struct node_pool *pool, struct ephemerals *e,
                  int64_t session, uint32_t place)
{
    union id_map_value *v = id_map_find(&e->by_session, session);
    struct slot_list *l;
    uint32_t moved;

    zk_assert(v != NULL);
    l = v->p;
    moved = slot_list_remove(pool, &l, place);
    v->p = l;
    if (l == NULL) {
        id_map_remove(&e->by_session, session);
    }
    e->count--;
    return moved;
}

const struct slot_list *
ephemerals_of(const struct ephemerals *e, int64_t session)
{
    const union id_map_value *v = id_map_find(&e->by_session, session);

    return v ? v->p : NULL;
}

void
ephemerals_fini(struct ephemerals *e)
{
    id_map_fini(&e->by_session);
    e->count = 0;
}
