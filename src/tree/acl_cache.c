/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tree/acl_cache.h"

#include <stdlib.h>

#include "jute/output_archive.h"
#include "proto/acl_codec.h"

/* Permissions that an open entry of the list gives to everybody. */
static int
world_perms(struct zk_slice raw)
{
    struct acl_iter it;
    struct acl_entry e;
    int perms = 0;

    acl_iter_init(&it, raw);
    while (acl_iter_next(&it, &e)) {
        if (zk_slice_eq_str(e.scheme, "world")
            && zk_slice_eq_str(e.id, "anyone")) {
            perms |= e.perms;
        }
    }
    return perms;
}

static uint32_t
hash_of(const struct acl_cache *c, struct zk_slice raw)
{
    return (uint32_t) sip_hash(&c->key, raw.p, (size_t) raw.len);
}

/* A new entry that owns a copy of the list. */
static uint32_t
add_entry(struct acl_cache *c, int64_t id, struct zk_slice raw, uint32_t hash)
{
    uint32_t i = c->first_free;

    if (i != SLOT_NONE) {
        c->first_free = c->entries[i].next_free;
    } else {
        i = c->n++;
        /* Room for a power of two of entries. */
        if ((i & (i - 1)) == 0) {
            c->entries = zk_xrealloc(c->entries, (i ? (size_t) i * 2 : 1)
                                                 * sizeof *c->entries);
        }
    }
    c->entries[i] = (struct acl_entry_cached) {
        .id = id,
        .raw = zk_slice(zk_xmemdup(raw.p, (size_t) raw.len), raw.len),
        .hash = hash,
        .world_perms = world_perms(raw),
    };
    return i;
}

void
acl_cache_init(struct acl_cache *c)
{
    *c = (struct acl_cache) { .first_free = SLOT_NONE };
    sip_key_random(&c->key);
    add_entry(c, -1, acl_raw_open, 0);
}

void
acl_cache_fini(struct acl_cache *c)
{
    for (uint32_t i = 0; i < c->n; i++) {
        free((void *) (uintptr_t) c->entries[i].raw.p);
    }
    free(c->entries);
    hash_slots_fini(&c->by_raw);
    *c = (struct acl_cache) { 0 };
}

uint32_t
acl_cache_load(struct acl_cache *c, int64_t id, struct zk_slice raw)
{
    uint32_t hash = hash_of(c, raw);
    uint32_t entry = add_entry(c, id, raw, hash);

    hash_slots_add(&c->by_raw, hash, entry);
    c->live++;
    if (id > c->last_id) {
        c->last_id = id;
    }
    return entry;
}

uint32_t
acl_cache_ref(struct acl_cache *c, struct zk_slice raw)
{
    uint32_t hash, at, entry;

    if (zk_slice_is_null(raw) || acl_raw_count(raw) < 0) {
        return ACL_OPEN;
    }
    hash = hash_of(c, raw);
    for (entry = hash_slots_first(&c->by_raw, hash, &at); entry != SLOT_NONE;
         entry = hash_slots_next(&c->by_raw, hash, &at)) {
        if (zk_slice_eq(c->entries[entry].raw, raw)) {
            break;
        }
    }
    if (entry == SLOT_NONE) {
        entry = acl_cache_load(c, c->last_id + 1, raw);
    }
    c->entries[entry].refs++;
    return entry;
}

void
acl_cache_ref_entry(struct acl_cache *c, uint32_t entry)
{
    if (entry != ACL_OPEN) {
        c->entries[entry].refs++;
    }
}

static void
drop(struct acl_cache *c, uint32_t entry)
{
    struct acl_entry_cached *e = &c->entries[entry];

    hash_slots_remove(&c->by_raw, e->hash, entry);
    free((void *) (uintptr_t) e->raw.p);
    *e = (struct acl_entry_cached) {
        .raw = ZK_SLICE_NULL,
        .next_free = c->first_free,
    };
    c->first_free = entry;
    c->live--;
}

void
acl_cache_unref(struct acl_cache *c, uint32_t entry)
{
    if (entry == ACL_OPEN) {
        return;
    }
    zk_assert(c->entries[entry].refs > 0);
    if (--c->entries[entry].refs == 0) {
        drop(c, entry);
    }
}

void
acl_cache_purge(struct acl_cache *c)
{
    for (uint32_t i = 1; i < c->n; i++) {
        if (!zk_slice_is_null(c->entries[i].raw) && c->entries[i].refs == 0) {
            drop(c, i);
        }
    }
}

void
acl_cache_encode(const struct acl_cache *c, struct zk_buf *out)
{
    output_archive_int(out, (int32_t) c->live);
    for (uint32_t i = 1; i < c->n; i++) {
        if (!zk_slice_is_null(c->entries[i].raw)) {
            output_archive_long(out, c->entries[i].id);
            zk_buf_append(out, c->entries[i].raw.p,
                          (size_t) c->entries[i].raw.len);
        }
    }
}
