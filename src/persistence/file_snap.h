/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_snap.h: one snapshot file, snapshot.<hex zxid>[.gz|.snappy]
 * (protocol: "Snapshot file").
 *
 * Written under a temporary name, synced, renamed, the folder synced: a name
 * that is there is a whole snapshot.  What is written: nodes and seal 1,
 * then the digest section and seal 2 when digests are on.  Of the forms that
 * there are, tried on servers with their default options: seal 1 alone and
 * seal 1 + digest are taken by 3.4.7, 3.8.0 and 3.9; a zxid section without
 * a digest is refused by 3.8.0 and 3.9, and adds nothing to the name when a
 * snapshot is of one instant, so it is never written.  A 3.9 server with
 * digests switched off wants seal 1 alone, which is what is written here
 * when they are off here too.
 * The digest is trusted when reading only if the file says that it holds the
 * tree at one instant, by a dbid of its own in the header, which no Java
 * server looks at: Java's digest belongs to a moment a little after or before
 * that of the nodes (one of some thirty snapshots of a busy 3.8.0 disagreed
 * with its own digest although the zxids were equal).
 * What is read: every form from 3.4.7 to 3.9, told apart by what is left
 * after seal 1.
 */
#ifndef PERSISTENCE_FILE_SNAP_H
#define PERSISTENCE_FILE_SNAP_H

#include <stdatomic.h>

#include "persistence/snap_input.h"
#include "tree/data_tree.h"

enum snap_compression {
    SNAP_PLAIN,
    SNAP_GZ,
    SNAP_SNAPPY,                /* xerial's stream, as snappy-java writes. */
};
/* zookeeper.snapshot.compression.method: "", "gz", "snappy"; false for
 * another word. */
bool snap_compression_parse(const char *text, enum snap_compression *out);

/* Where the bytes of a snapshot come from: the tree's content stream, piece
 * by piece.  pull appends some bytes and returns false once all is out; it
 * takes and drops the lock that the tree needs. */
struct snap_source {
    void *self;
    bool (*pull)(void *self, struct zk_buf *out);
    int64_t zxid;
    bool has_digest;
    int64_t digest;
    const atomic_bool *give_up; /* NULL: nobody asks for that. */
};

/* Writes the file for src->zxid into 'dir'.  On failure nothing is left
 * behind, or what file_remover_sweep removes.  ZK_ESTOPPED: it was given up.
 * *path_out (may be NULL) is its name, to be freed. */
int file_snap_write(const char *dir, const struct snap_source *src,
                    enum snap_compression comp, char **path_out,
                    struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Loads a file into the tree (all its former content is dropped; on failure
 * the tree is empty and must be loaded again or thrown away).  'zxid' is the
 * one of the name. */
int file_snap_read(const char *path, int64_t zxid, int32_t max_buffer,
                   struct data_tree *tree, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* What a file told besides the tree. */
struct file_snap_info {
    int64_t nodes;
    bool content_whole;         /* All nodes were read: if the rest failed, it
                                 * was a checksum or what follows it. */
    bool one_instant;           /* Ours.  Java writes nodes while
                                 * transactions go on: what the file holds may
                                 * be ahead of its name and of its digest. */
    bool has_digest;            /* Of version 2, and not an empty one. */
    int64_t digest_zxid;        /* The digest is of the tree at this zxid; -1:
                                 * no digest (of version 2), 0: an empty one.
                                 * No node is more than one transaction ahead
                                 * of the greater of this and the name. */
    int64_t digest;
};
/* file_snap_read that also tells what it saw; 'info' may be NULL. */
int file_snap_load(const char *path, int64_t zxid, int32_t max_buffer,
                   struct data_tree *tree, struct file_snap_info *info,
                   struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Loads what a leader sends behind SNAP, signature included: the bytes of
 * 'buffered', then those of 'from'; what is behind stays in 'buffered'.  As to
 * the tree, see file_snap_read.  A failure of 'from' is passed on. */
int file_snap_load_stream(struct zk_buf *buffered,
                          const struct stream_reader *from, int64_t zxid,
                          int32_t max_buffer, struct data_tree *tree,
                          struct zk_errmsg *em) ZK_WARN_UNUSED;
/* A node as it stands in a file; lives during the call that gets it. */
struct snap_node {
    struct zk_slice path;       /* "" for the root. */
    struct zk_slice data;       /* Null stays apart from empty. */
    int64_t acl_index;          /* -1: the open list. */
    struct jute_stat_persisted stat;
    int64_t offset;             /* Where it starts, decompressed. */
    const uint8_t *record;      /* Its bytes: path, data, ACL, stat. */
    size_t record_len;
};

/* Who gets what a file holds, in its order: sessions, ACL lists, nodes.  A
 * member that is NULL is not asked.  What is not ZK_OK ends the reading; the
 * reason in 'em' is passed on with the place. */
struct snap_visitor {
    void *self;
    void (*session)(void *self, int64_t id, int32_t timeout_ms);
    int (*acl)(void *self, int64_t index, struct zk_slice raw,
               struct zk_errmsg *em);
    int (*node)(void *self, const struct snap_node *node,
                struct zk_errmsg *em);
    /* Now and then: so many bytes of the file were read. */
    void (*progress)(void *self, int64_t bytes);
};

/* Reads a file for tools: what is right about each part is checked, also the
 * checksums behind the content; whether the nodes make a tree is not.  'info'
 * is filled as far as it got, on failure too. */
int file_snap_scan(const char *path, int32_t max_buffer,
                   const struct snap_visitor *visitor,
                   struct file_snap_info *info, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* The node whose record starts at 'p', of which 'len' bytes are there:
 * ZK_ETORN when those are too few, ZK_ECORRUPT for lengths that are none. */
int snap_node_decode(const uint8_t *p, size_t len, int32_t max_buffer,
                     struct snap_node *node) ZK_WARN_UNUSED;
/* Quick look: length, last bytes or magic.  What passes may still be
 * damaged. */
bool file_snap_looks_valid(const char *path);

#endif
