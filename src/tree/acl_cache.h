/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl_cache.h: the tree's table of ACL lists (Java: ReferenceCountedACLCache).
 *
 * A list is stored once as the raw vector<ACL> of the wire.  Two numbers
 * name it: the index in this table, which nodes keep, and the 64-bit id of
 * Java's that snapshots carry (the next one is the largest so far plus 1).
 * Entry 0 is the open list of nodes born without one: id -1, in no file.
 * A list goes when the last node that uses it goes.
 *
 * Thread-safety: readers share, one writer alone.
 */
#ifndef TREE_ACL_CACHE_H
#define TREE_ACL_CACHE_H

#include "tree/hash_slots.h"
#include "util/zk_buf.h"
#include "util/zk_slice.h"
#include "util/sip_hash.h"

#define ACL_OPEN 0              /* The entry of id -1. */

struct acl_entry_cached {
    int64_t id;
    struct zk_slice raw;        /* Owned; null in a free entry. */
    uint32_t hash;
    uint32_t refs;              /* Nodes. */
    int world_perms;            /* What world:anyone may do. */
    uint32_t next_free;
};

struct acl_cache {
    struct acl_entry_cached *entries;
    uint32_t n;                 /* Entries ever used; [0] is the open one. */
    uint32_t live;              /* Lists in the table, entry 0 not counted. */
    uint32_t first_free;
    int64_t last_id;
    struct hash_slots by_raw;
    struct sip_key key;
};

/* An empty cache; fini frees all lists, whatever references them. */
void acl_cache_init(struct acl_cache *c);
void acl_cache_fini(struct acl_cache *c);
/* The entry of a list, one reference taken.  The null list is ACL_OPEN. */
uint32_t acl_cache_ref(struct acl_cache *c, struct zk_slice raw);
/* One reference more, or less; ACL_OPEN is not counted. */
void acl_cache_ref_entry(struct acl_cache *c, uint32_t entry);
void acl_cache_unref(struct acl_cache *c, uint32_t entry);
/* Adds a list under the id of a file, with no reference yet. */
uint32_t acl_cache_load(struct acl_cache *c, int64_t id,
                        struct zk_slice raw);
/* Drops what no node uses (after loading). */
void acl_cache_purge(struct acl_cache *c);
/* The table as it stands in a snapshot: count, then id and list of each. */
void acl_cache_encode(const struct acl_cache *c, struct zk_buf *out);

static inline const struct acl_entry_cached *
acl_cache_entry(const struct acl_cache *c, uint32_t entry)
{
    return &c->entries[entry];
}

#endif
