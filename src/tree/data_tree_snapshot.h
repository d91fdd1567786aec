/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_tree_snapshot.h: the tree as it was at one instant, written out while
 * writers go on.
 *
 * begin (tree held exclusively) fixes the instant: sessions, ACL lists, last
 * zxid and digest are taken at once.  From then on a writer that is about to
 * change or remove a node which has not been written yet appends it first,
 * behind its unwritten ancestors (parents always precede children in the
 * stream); nodes made later are not part of it.  next (tree held shared)
 * appends what writers put aside and some more nodes.  So a snapshot is
 * never fuzzy and holds writers up only for a few nodes at a time.
 *
 * One snapshot at a time.
 */
#ifndef TREE_DATA_TREE_SNAPSHOT_H
#define TREE_DATA_TREE_SNAPSHOT_H

#include "tree/data_tree.h"

struct data_tree_snapshot;

/* NULL when one is under way. */
struct data_tree_snapshot *data_tree_snapshot_begin(struct data_tree *tree);
/* Appends bytes of the stream (protocol: "Snapshot file", from sessionCount
 * up to and with the end marker "/", nothing of header or seals) to 'out'
 * until about 'budget' bytes are added.  False once all is out. */
bool data_tree_snapshot_next(struct data_tree_snapshot *snap,
                             struct zk_buf *out, size_t budget);
/* The bytes that writers have put aside and next has not taken yet; tree held
 * shared. */
size_t data_tree_snapshot_aside(const struct data_tree_snapshot *snap);
int64_t data_tree_snapshot_zxid(const struct data_tree_snapshot *snap);
int64_t data_tree_snapshot_digest(const struct data_tree_snapshot *snap);
/* The same of the snapshot under way of a tree; 0 when there is none. */
size_t data_tree_aside(const struct data_tree *tree);
/* Tree held exclusively; also in the middle (a failed disk). */
void data_tree_snapshot_end(struct data_tree_snapshot *snap);

#endif
