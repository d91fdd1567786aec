/* SPDX-License-Identifier: Apache-2.0 */
/*
 * id_map.h: a map from 64-bit numbers (sessions, ACL indexes) to pointers or
 * numbers.  Open-addressed; all zero: empty.
 *
 * Thread-safety: readers share, one writer alone.
 */
#ifndef TREE_ID_MAP_H
#define TREE_ID_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

union id_map_value {
    void *p;
    int64_t n;
};

struct id_map_cell {
    int64_t id;
    union id_map_value v;
    bool used;
};

struct id_map {
    struct id_map_cell *cells;
    size_t cap;                 /* A power of two, or 0. */
    size_t n;
};

/* The value of an id, to read or change until the next add or remove; NULL
 * when it is not there. */
union id_map_value *id_map_find(const struct id_map *m, int64_t id);
/* The value of an id, which is added (all zero) when it is not there. */
union id_map_value *id_map_add(struct id_map *m, int64_t id);
/* False when it was not there. */
bool id_map_remove(struct id_map *m, int64_t id);
/* Walks all: start with *at 0; NULL at the end.  The map must not change
 * meanwhile. */
const struct id_map_cell *id_map_next(const struct id_map *m, size_t *at);
void id_map_fini(struct id_map *m);

#endif
