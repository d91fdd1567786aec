/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/outstanding_changes.h"

#include <stdlib.h>
#include <string.h>

#include "tree/acl_cache.h"
#include "util/sip_hash.h"
#include "util/zk_obj.h"

/* Records stand in two orders: all of them by age (older, newer), and those
 * of one path by age (same_older, same_newer), whose newest is in the table. */
struct change_record {
    struct change_record *newer;
    struct change_record *older;
    struct change_record *same_older;
    struct change_record *same_newer;
    struct change_record *chain;    /* Next in the table's bucket. */
    int64_t zxid;
    uint64_t hash;
    struct node_state state;        /* state.acl is the shared list. */
    uint32_t acl;                   /* Its entry, one reference. */
    int32_t path_len;
    char path[];
};

struct outstanding_changes {
    unsigned magic;
#define OUTSTANDING_CHANGES_MAGIC 0x4f757473
    struct change_record *oldest;
    struct change_record *newest;
    size_t n;
    struct change_record **buckets; /* Newest record of each path. */
    size_t n_buckets;               /* A power of two. */
    size_t n_paths;
    struct sip_key key;
    /* Each list once: a multi may change tens of thousands of nodes below
     * one that has a list as long as a request. */
    struct acl_cache acls;
};

#define OC_FIRST_BUCKETS 1024

/* Keyed: all clients share this table and the thread that works on it, so
 * none may choose paths that fall into one bucket. */
static uint64_t
oc_hash(const struct outstanding_changes *oc, struct zk_slice path)
{
    return sip_hash(&oc->key, path.p, (size_t) path.len);
}

struct outstanding_changes *
outstanding_changes_create(void)
{
    struct outstanding_changes *oc = zk_xcalloc(1, sizeof *oc);

    oc->magic = OUTSTANDING_CHANGES_MAGIC;
    oc->n_buckets = OC_FIRST_BUCKETS;
    oc->buckets = zk_xcalloc(oc->n_buckets, sizeof oc->buckets[0]);
    sip_key_random(&oc->key);
    acl_cache_init(&oc->acls);
    return oc;
}

void
outstanding_changes_destroy(struct outstanding_changes *oc)
{
    if (oc == NULL) {
        return;
    }
    ZK_CHECK(oc, OUTSTANDING_CHANGES_MAGIC);
    outstanding_changes_clear(oc);
    zk_assert(oc->n == 0 && oc->n_paths == 0);
    acl_cache_fini(&oc->acls);
    free(oc->buckets);
    oc->magic = 0;
    free(oc);
}

static struct zk_slice
oc_path(const struct change_record *r)
{
    return zk_slice(r->path, r->path_len);
}

/* Where the table points to the path's newest record, or ends. */
static struct change_record **
oc_slot(const struct outstanding_changes *oc, uint64_t hash,
        struct zk_slice path)
{
    struct change_record **p = &oc->buckets[hash & (oc->n_buckets - 1)];

    while (*p != NULL
           && ((*p)->hash != hash || !zk_slice_eq(oc_path(*p), path))) {
        p = &(*p)->chain;
    }
    return p;
}

/* The root has one record, however it is spelled. */
static struct zk_slice
oc_key(struct zk_slice path)
{
    return path.len == 0 ? ZK_SLICE_LIT("/") : path;
}

const struct node_state *
outstanding_changes_get(const struct outstanding_changes *oc,
                        struct zk_slice path)
{
    struct change_record *r;

    ZK_CHECK(oc, OUTSTANDING_CHANGES_MAGIC);
    if (oc->n == 0) {
        return NULL;
    }
    path = oc_key(path);
    r = *oc_slot(oc, oc_hash(oc, path), path);
    return r != NULL ? &r->state : NULL;
}

static void
oc_grow(struct outstanding_changes *oc)
{
    struct change_record **old = oc->buckets;
    size_t n_old = oc->n_buckets;

    oc->n_buckets *= 2;
    oc->buckets = zk_xcalloc(oc->n_buckets, sizeof oc->buckets[0]);
    for (size_t i = 0; i < n_old; i++) {
        struct change_record *r = old[i];

        while (r != NULL) {
            struct change_record *next = r->chain;
            size_t at = r->hash & (oc->n_buckets - 1);

            r->chain = oc->buckets[at];
            oc->buckets[at] = r;
            r = next;
        }
    }
    free(old);
}

static struct change_record *
oc_record(const struct outstanding_changes *oc, int64_t zxid,
          struct zk_slice path, const struct node_state *state)
{
    struct change_record *r = zk_xmalloc(sizeof *r + (size_t) path.len);

    memset(r, 0, sizeof *r);
    r->zxid = zxid;
    r->hash = oc_hash(oc, path);
    r->state = *state;
    r->path_len = path.len;
    memcpy(r->path, path.p, (size_t) path.len);
    return r;
}

/* Replaces the borrowed list by the table's own.  Mostly it is that of the
 * record before, 'older' (may be NULL), which then need not be looked at. */
static void
oc_share_acl(struct outstanding_changes *oc, struct change_record *r,
             const struct change_record *older)
{
    if (!r->state.exists) {
        r->acl = ACL_OPEN;      /* Nobody asks. */
    } else if (older != NULL && older->state.exists
               && older->state.acl.p == r->state.acl.p) {
        r->acl = older->acl;
        acl_cache_ref_entry(&oc->acls, r->acl);
    } else {
        r->acl = acl_cache_ref(&oc->acls, r->state.acl);
    }
    r->state.acl = acl_cache_entry(&oc->acls, r->acl)->raw;
}

void
outstanding_changes_add(struct outstanding_changes *oc, int64_t zxid,
                        struct zk_slice path, const struct node_state *state)
{
    struct change_record *r, **slot;

    ZK_CHECK(oc, OUTSTANDING_CHANGES_MAGIC);
    zk_assert(oc->newest == NULL || oc->newest->zxid <= zxid);
    path = oc_key(path);
    r = oc_record(oc, zxid, path, state);
    slot = oc_slot(oc, r->hash, path);
    oc_share_acl(oc, r, *slot);
    if (*slot != NULL) {
        r->same_older = *slot;
        r->same_older->same_newer = r;
        r->chain = r->same_older->chain;
        *slot = r;
    } else {
        *slot = r;
        oc->n_paths++;
    }
    r->older = oc->newest;
    if (oc->newest != NULL) {
        oc->newest->newer = r;
    } else {
        oc->oldest = r;
    }
    oc->newest = r;
    oc->n++;
    if (oc->n_paths > oc->n_buckets) {
        oc_grow(oc);
    }
}

/* Takes a record out of all orders and frees it. */
static void
oc_remove(struct outstanding_changes *oc, struct change_record *r)
{
    if (r->same_newer == NULL) {
        struct change_record **slot = oc_slot(oc, r->hash, oc_path(r));

        zk_assert(*slot == r);
        if (r->same_older != NULL) {
            r->same_older->chain = r->chain;
            *slot = r->same_older;
        } else {
            *slot = r->chain;
            oc->n_paths--;
        }
    } else {
        r->same_newer->same_older = r->same_older;
    }
    if (r->same_older != NULL) {
        r->same_older->same_newer = r->same_newer;
    }
    *(r->older != NULL ? &r->older->newer : &oc->oldest) = r->newer;
    *(r->newer != NULL ? &r->newer->older : &oc->newest) = r->older;
    oc->n--;
    acl_cache_unref(&oc->acls, r->acl);
    free(r);
}

void
outstanding_changes_rollback(struct outstanding_changes *oc, int64_t zxid)
{
    ZK_CHECK(oc, OUTSTANDING_CHANGES_MAGIC);
    while (oc->newest != NULL && oc->newest->zxid == zxid) {
        oc_remove(oc, oc->newest);
    }
}

void
outstanding_changes_remove_upto(struct outstanding_changes *oc, int64_t zxid)
{
    ZK_CHECK(oc, OUTSTANDING_CHANGES_MAGIC);
    while (oc->oldest != NULL && oc->oldest->zxid <= zxid) {
        oc_remove(oc, oc->oldest);
    }
}

void
outstanding_changes_clear(struct outstanding_changes *oc)
{
    outstanding_changes_remove_upto(oc, INT64_MAX);
}

void
outstanding_changes_each(const struct outstanding_changes *oc,
                         void (*each)(void *arg, struct zk_slice path,
                                      const struct node_state *state),
                         void *arg)
{
    ZK_CHECK(oc, OUTSTANDING_CHANGES_MAGIC);
    for (struct change_record *r = oc->oldest; r != NULL; r = r->newer) {
        each(arg, oc_path(r), &r->state);
    }
}

size_t
outstanding_changes_size(const struct outstanding_changes *oc)
{
    ZK_CHECK(oc, OUTSTANDING_CHANGES_MAGIC);
    return oc->n;
}
