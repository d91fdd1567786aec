/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outstanding_changes.h: the tree as it will be once everything that prep
 * let through is applied (Java: ZooKeeperServer.outstandingChanges).
 *
 * A change record says how one znode looks after one transaction that is on
 * its way.  Looking a path up gives its newest record.  A multi that fails
 * takes its records back; Final removes those that are applied.
 *
 * Thread-safety: none here; see zk_database.h for who may do what.
 */
#ifndef SERVER_OUTSTANDING_CHANGES_H
#define SERVER_OUTSTANDING_CHANGES_H

#include "jute/zookeeper_records.h"
#include "util/zk_slice.h"

/* How a znode looks, or that it is gone. */
struct node_state {
    bool exists;
    struct jute_stat_persisted stat;
    int32_t child_count;
    int32_t data_len;
    uint32_t prefix_crc;        /* CRC-32 of path and data; for the digest. */
    int world_perms;            /* What world:anyone may do. */
    struct zk_slice acl;        /* Raw; borrowed (see the functions). */
};

struct outstanding_changes;

/* No change on its way; destroy drops the records that are left. */
struct outstanding_changes *outstanding_changes_create(void);
void outstanding_changes_destroy(struct outstanding_changes *oc);

/* The newest state on its way for a path; NULL when nothing is.  Borrowed
 * until the next add, rollback or removal. */
const struct node_state *
outstanding_changes_get(const struct outstanding_changes *oc,
                        struct zk_slice path);
/* Adds a record; the path is copied, an ACL once for all records that have
 * it.  zxids never fall. */
void outstanding_changes_add(struct outstanding_changes *oc, int64_t zxid,
                             struct zk_slice path,
                             const struct node_state *state);
/* Takes back all records of 'zxid', which is the newest. */
void outstanding_changes_rollback(struct outstanding_changes *oc,
                                  int64_t zxid);
/* Removes the records up to and with 'zxid'. */
void outstanding_changes_remove_upto(struct outstanding_changes *oc,
                                     int64_t zxid);
/* Removes all: the end of a role. */
void outstanding_changes_clear(struct outstanding_changes *oc);
/* Calls each(arg, path, state) for all records, oldest first. */
void outstanding_changes_each(const struct outstanding_changes *oc,
                              void (*each)(void *arg, struct zk_slice path,
                                           const struct node_state *state),
                              void *arg);
size_t outstanding_changes_size(const struct outstanding_changes *oc);

#endif
