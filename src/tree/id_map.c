/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tree/id_map.h"

#include <stdlib.h>

#include "util/zk_obj.h"

#define ID_MAP_MIN 16

static size_t
home(const struct id_map *m, int64_t id)
{
    uint64_t h = (uint64_t) id * 0x9e3779b97f4a7c15;

    return (size_t) (h ^ h >> 32) & (m->cap - 1);
}

/* The cell of the id, or the free one where it would go. */
static struct id_map_cell *
cell_of(const struct id_map *m, int64_t id)
{
    size_t i = home(m, id);

    while (m->cells[i].used && m->cells[i].id != id) {
        i = (i + 1) & (m->cap - 1);
    }
    return &m->cells[i];
}

static void
resize(struct id_map *m, size_t cap)
{
    struct id_map old = *m;

    m->cap = cap;
    m->cells = zk_xcalloc(cap, sizeof *m->cells);
    for (size_t i = 0; i < old.cap; i++) {
        if (old.cells[i].used) {
            *cell_of(m, old.cells[i].id) = old.cells[i];
        }
    }
    free(old.cells);
}

union id_map_value *
id_map_find(const struct id_map *m, int64_t id)
{
    struct id_map_cell *c;

    if (m->n == 0) {
        return NULL;
    }
    c = cell_of(m, id);
    return c->used ? &c->v : NULL;
}

union id_map_value *
id_map_add(struct id_map *m, int64_t id)
{
    struct id_map_cell *c;

    if ((m->n + 1) * 4 > m->cap * 3) {
        resize(m, m->cap == 0 ? ID_MAP_MIN : m->cap * 2);
    }
    c = cell_of(m, id);
    if (!c->used) {
        *c = (struct id_map_cell) { .id = id, .used = true };
        m->n++;
    }
    return &c->v;
}

bool
id_map_remove(struct id_map *m, int64_t id)
{
    struct id_map_cell *c = m->n == 0 ? NULL : cell_of(m, id);
    size_t hole, i;

    if (c == NULL || !c->used) {
        return false;
    }
    hole = i = (size_t) (c - m->cells);
    for (;;) {
        i = (i + 1) & (m->cap - 1);
        if (!m->cells[i].used) {
            break;
        }
        /* Distances on the ring: may the cell at i stand at the hole? */
        if (((i - home(m, m->cells[i].id)) & (m->cap - 1))
            >= ((i - hole) & (m->cap - 1))) {
            m->cells[hole] = m->cells[i];
            hole = i;
        }
    }
    m->cells[hole].used = false;
    m->n--;
    if (m->cap > ID_MAP_MIN && m->n < m->cap / 8) {
        resize(m, m->cap / 2);
    }
    return true;
}

const struct id_map_cell *
id_map_next(const struct id_map *m, size_t *at)
{
    while (*at < m->cap) {
        const struct id_map_cell *c = &m->cells[(*at)++];

        if (c->used) {
            return c;
        }
    }
    return NULL;
}

void
id_map_fini(struct id_map *m)
{
    free(m->cells);
    *m = (struct id_map) { 0 };
}
