/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tree/session_table.h"

#include "jute/output_archive.h"

void
session_table_put(struct session_table *t, int64_t id, int32_t timeout_ms)
{
    id_map_add(&t->by_id, id)->n = timeout_ms;
}

void
session_table_remove(struct session_table *t, int64_t id)
{
    id_map_remove(&t->by_id, id);
}

int32_t
session_table_timeout(const struct session_table *t, int64_t id)
{
    const union id_map_value *v = id_map_find(&t->by_id, id);

    return v ? (int32_t) v->n : -1;
}

bool
session_table_has(const struct session_table *t, int64_t id)
{
    return id_map_find(&t->by_id, id) != NULL;
}

void
session_table_encode(const struct session_table *t, struct zk_buf *out)
{
    const struct id_map_cell *c;
    size_t at = 0;

    output_archive_int(out, (int32_t) t->by_id.n);
    while ((c = id_map_next(&t->by_id, &at)) != NULL) {
        output_archive_long(out, c->id);
        output_archive_int(out, (int32_t) c->v.n);
    }
}

void
session_table_fini(struct session_table *t)
{
    id_map_fini(&t->by_id);
}
