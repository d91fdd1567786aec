/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_tree.h: the replicated state of a server: znodes, ACL lists and
 * sessions with their timeouts.  It changes by transactions only and is a
 * pure function of them: no I/O, no sockets, no threads, no clock (Java:
 * DataTree, and the session table of ZKDatabase).
 *
 * Concepts
 *  - Paths are slices; "" and "/" are the root.  Lookups take the path as it
 *    is; they do not validate.
 *  - The index maps a (keyed) hash of the full path to a slot; a slot holds
 *    the node's block (data_node.h).  Neither growing the index nor the slot
 *    table ever moves more than a small part at a time.
 *  - Every node knows its place in its parent's child array, so removing a
 *    child is O(1) however many there are.
 *  - The digest (version 2) is kept up at each change: the sum of the nodes'
 *    CRC-32s (protocol: "Tree digest").
 *  - A snapshot in progress is a point in time: a writer that is about to
 *    change a node which the snapshot has not seen yet first appends that
 *    node, with ancestors not yet seen, to the snapshot (data_tree_snapshot.h).
 *  - Quota counters (/zookeeper/quota/.../zookeeper_stats) follow each
 *    change without a transaction of their own.
 *
 * Thread-safety: none here.  Functions that take a const tree may run side
 * by side; all others need the tree alone.  In the server that is the
 * database lock.
 */
#ifndef TREE_DATA_TREE_H
#define TREE_DATA_TREE_H

#include "proto/txn_codec.h"
#include "tree/data_node.h"
#include "util/zk_buf.h"
#include "util/zk_error.h"

struct data_tree;
struct watch_manager;

struct data_tree_options {
    bool digest_enabled;            /* zookeeper.digest.enabled */
    bool extended_types_enabled;    /* zookeeper.extendedTypesEnabled */
    bool emulate_353_ttl;           /* zookeeper.emulate353TTLNodes */
};

/* A tree with the built-in nodes: "/", /zookeeper, /zookeeper/quota,
 * /zookeeper/config (world:anyone:READ).  'wm' gets the changes that
 * data_tree_apply makes; NULL for tools and while loading. */
struct data_tree *data_tree_create(const struct data_tree_options *opts);
void data_tree_destroy(struct data_tree *tree);
void data_tree_set_watch_manager(struct data_tree *tree,
                                 struct watch_manager *wm);
const struct data_tree_options *
data_tree_options(const struct data_tree *tree);

/* ---- looking ---------------------------------------------------------- */

/* The node, borrowed until the next change, or NULL. */
const struct data_node *data_tree_find(const struct data_tree *tree,
                                       struct zk_slice path);
/* The parent part of a path: up to its last '/', "" when that is the first
 * byte or there is none. */
struct zk_slice data_tree_parent_path(struct zk_slice path);
/* The i-th child, 0 <= i < data_node_child_count; any order. */
const struct data_node *data_tree_child(const struct data_tree *tree,
                                        const struct data_node *node,
                                        uint32_t i);
/* What clients see: cversion 2 * persisted - children, owner 0 but for
 * ephemerals. */
void data_tree_client_stat(const struct data_tree *tree,
                           const struct data_node *node,
                           struct jute_stat *out);
/* The same from persisted fields (for prep's view of what is to come). */
void data_tree_to_client_stat(const struct data_tree *tree,
                              const struct jute_stat_persisted *p,
                              int32_t data_length, int32_t children,
                              struct jute_stat *out);
enum node_kind data_tree_kind(const struct data_tree *tree,
                              const struct data_node *node);
/* The node's ACL as raw vector<ACL>; for nodes born without one (id -1) the
 * open list.  Borrowed while the node keeps the ACL. */
struct zk_slice data_tree_acl(const struct data_tree *tree,
                              const struct data_node *node);
/* Permission bits that world:anyone holds in the node's ACL: most checks end
 * here. */
int data_tree_world_perms(const struct data_tree *tree,
                          const struct data_node *node);
/* CRC-32 over the node's path and data: what its digest starts from. */
uint32_t data_tree_prefix_crc(const struct data_tree *tree,
                              const struct data_node *node,
                              struct zk_slice path);
/* Descendants of a node; for the root, node count - 2 (Java's way). */
int64_t data_tree_count_descendants(const struct data_tree *tree,
                                    struct zk_slice path);

/* The zxid of the last transaction applied, or of the snapshot read. */
int64_t data_tree_last_zxid(const struct data_tree *tree);
void data_tree_set_last_zxid(struct data_tree *tree, int64_t zxid);
/* 0 where digests are off. */
int64_t data_tree_digest(const struct data_tree *tree);
/* As Java counts: "" and "/" are two (an empty tree has 5). */
int64_t data_tree_node_count(const struct data_tree *tree);
int64_t data_tree_ephemeral_count(const struct data_tree *tree);
/* Sum of the lengths of all paths and data (44 for an empty tree). */
int64_t data_tree_approximate_size(const struct data_tree *tree);

/* ---- ephemerals and sessions ------------------------------------------ */

/* Appends the raw vector<string> of the session's ephemeral paths. */
int32_t data_tree_ephemerals_encode(const struct data_tree *tree,
                                    int64_t session, struct zk_buf *out);
/* Calls each(arg, path) for the session's ephemerals; the slice lives during
 * the call only. */
void data_tree_ephemerals_each(const struct data_tree *tree, int64_t session,
                               void (*each)(void *arg, struct zk_slice path),
                               void *arg);
/* "Sessions with Ephemerals (N):" block of the dump word. */
void data_tree_dump_ephemerals(const struct data_tree *tree,
                               struct zk_buf *out);
/* Sessions that own ephemerals, and sessions with timeouts. */
void data_tree_sessions_each(const struct data_tree *tree,
                             void (*each)(void *arg, int64_t session,
                                          int32_t timeout_ms), void *arg);
/* The timeout, or -1 for an unknown session. */
int32_t data_tree_session_timeout(const struct data_tree *tree,
                                  int64_t session);
size_t data_tree_session_count(const struct data_tree *tree);
/* Calls each(arg, session) for sessions that own ephemerals and are not in
 * the table. */
void data_tree_orphans_each(const struct data_tree *tree,
                            void (*each)(void *arg, int64_t session),
                            void *arg);
/* Removes ephemerals whose session is not in the table, with the current
 * zxid and no transaction (standalone server, after loading; Java:
 * ZooKeeperServer.loadData).  Returns how many sessions were killed. */
size_t data_tree_kill_orphans(struct data_tree *tree);

/* ---- containers and TTL ----------------------------------------------- */

/* Calls each(arg, path) for nodes that the container manager may delete:
 * childless containers that had a child (or, max_never_used_ms > 0, never
 * had one for that long), childless TTL nodes whose mtime is older than
 * their ttl at wall clock 'now_ms'. */
void data_tree_expired_each(const struct data_tree *tree, int64_t now_ms,
                            int64_t max_never_used_ms,
                            void (*each)(void *arg, struct zk_slice path),
                            void *arg);

/* ---- quotas ----------------------------------------------------------- */

struct quota {
    int64_t count, bytes;               /* Soft limits; -1: none. */
    int64_t count_hard, bytes_hard;     /* Hard limits; -1: none. */
};
/* Parses "count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=2": separators
 * ',' and ';', a trailing '=' of a value ignored; missing keys are -1. */
bool quota_parse(struct zk_slice text, struct quota *q);
/* The longest prefix of 'path' that has a limits node: its limits and usage
 * so far; false where there is none.  *prefix borrows from 'path'. */
bool data_tree_quota(const struct data_tree *tree, struct zk_slice path,
                     struct zk_slice *prefix, struct quota *limits,
                     struct quota *usage);

/* ---- changing --------------------------------------------------------- */

/* What applying a transaction came to, for the reply. */
struct txn_result {
    int32_t type;               /* The transaction's type (op code). */
    int32_t err;                /* KE_OK or why nothing changed. */
    struct zk_slice path;       /* Borrowed from the transaction. */
    bool has_stat;
    struct jute_stat stat;      /* Of the node right after (client's view). */
    struct txn_result *sub;     /* Multi: one for each part, else NULL. */
    int32_t n_sub;
};
void txn_result_fini(struct txn_result *r);

/* Applies one transaction: live, replayed from a log (onto a fuzzy snapshot
 * of Java's too) or received from a leader; the rules are one and the same
 * and idempotent (protocol: "Restore", fuzzy rules).  Raises last zxid to
 * the transaction's (a multi's only once, at its end).  Fires watches.
 * Errors of the tree are results, not failures.  'r' may be NULL. */
void data_tree_apply(struct data_tree *tree, const struct txn_view *txn,
                     struct txn_result *r);

/* Sets /zookeeper/config locally: data, mzxid = version (mtime = wall_ms);
 * outside the digest. */
void data_tree_set_config(struct data_tree *tree, struct zk_slice text,
                          int64_t version, int64_t wall_ms);

/* ---- loading a snapshot ----------------------------------------------- */

/* In this order: begin (drops all content), sessions, ACL lists, nodes with
 * parents first, end.  Errors name what is wrong. */
void data_tree_load_begin(struct data_tree *tree);
void data_tree_load_session(struct data_tree *tree, int64_t id,
                            int32_t timeout_ms);
int data_tree_load_acl(struct data_tree *tree, int64_t index,
                       struct zk_slice raw, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
int data_tree_load_node(struct data_tree *tree, struct zk_slice path,
                        struct zk_slice data, int64_t acl_index,
                        const struct jute_stat_persisted *stat,
                        struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Adds built-in nodes that the file lacks, recomputes quota sums, drops ACL
 * lists nobody uses.  'digest' (NULL: unknown) is the file's, trusted when
 * its zxid equals 'zxid': node CRCs are then computed when first needed. */
int data_tree_load_end(struct data_tree *tree, int64_t zxid,
                       const int64_t *digest, struct zk_errmsg *em)
    ZK_WARN_UNUSED;

#endif
