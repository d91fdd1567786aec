/* SPDX-License-Identifier: Apache-2.0 */
/* snap_index_internal.h: shared by filling an index and asking it. */
#ifndef TOOLS_SNAP_INDEX_INTERNAL_H
#define TOOLS_SNAP_INDEX_INTERNAL_H

#include <uthash.h>

#include "tools/snap_index.h"
#include "util/sip_hash.h"

struct progress;

struct snap_index_node {
    int64_t offset;             /* Of its record, in the file or the spool. */
    uint32_t parent;
    uint32_t name;              /* In 'names'; ends where the next begins. */
    uint32_t first;             /* Its children, in 'order'. */
    uint32_t n_children;
    uint32_t place;             /* Of itself, in 'order'. */
    uint32_t hash;              /* Of the name, as Java's sets have it. */
    int32_t data_len;
};

/* Of a hash table with open addressing; the tag decides where a node is
 * looked for, and spares most looks at nodes that are others. */
struct snap_index_slot {
    uint32_t tag;
    uint32_t node;              /* SNAP_INDEX_NONE: free. */
};

struct snap_index_session {
    struct snap_session s;
    UT_hash_handle hh;
};

#define SNAP_INDEX_BLOCK 8192
struct snap_index_block {
    int64_t number;             /* Place in the file; -1: empty. */
    uint32_t len;               /* Less than a block at the end. */
    uint8_t *data;
};

/* The data of a zookeeper_stats node, counted anew. */
struct snap_index_usage {
    uint32_t node;
    char text[64];
};

struct snap_index {
    unsigned magic;
#define SNAP_INDEX_MAGIC 0x536e4978

    char *path;
    struct snap_index_options opts;
    bool whole;                 /* All nodes of the file are here. */

    struct snap_index_node *v;
    uint32_t n, cap;
    struct zk_buf names;
    uint32_t *order;
    struct snap_index_slot *slots;      /* (parent, name) -> node. */
    size_t n_slots;             /* A power of 2. */
    struct sip_key key;

    struct snap_index_session *by_id;
    struct snap_session *sessions;
    size_t n_sessions;
    struct snap_index_usage *usages;
    size_t n_usages;

    /* While filling. */
    struct zk_buf last_parent_path;
    uint32_t last_parent;
    bool spooling;              /* Records are copied. */
    struct zk_buf spool;        /* Not yet written. */
    int64_t spooled;
    struct progress *progress;

    /* Reading nodes again. */
    int fd;                     /* The file, or the spool. */
    struct snap_index_block *blocks;    /* What was read last, by place. */
    struct zk_buf joined;       /* A record that is in several of them. */
};

/* Frees what was read again. */
void snap_index_free_blocks(struct snap_index *ix);
/* Counts what is under a quota: usages, and the data_len of their nodes. */
void snap_index_count_quotas(struct snap_index *ix);

#endif
