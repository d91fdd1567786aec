/* SPDX-License-Identifier: Apache-2.0 */
/* zk_database_stream.c: the tree at one instant, for a learner (protocol:
 * section 6.3, "SNAP"; Java: LearnerHandler, ZKDatabase.serializeSnapshot). */
#include <config.h>

#include "server/zk_database_sync.h"

#include <stdlib.h>

#include "jute/output_archive.h"
#include "server/snapshot_thread.h"

/* Bytes taken out under one hold of the lock: a writer waits for no more than
 * these.  The network between two steps is rest enough. */
#define DBS_STEP (16 * 1024)

/* What the learner checks that the stream ended where it should. */
#define DBS_SIGNATURE ZK_SLICE_LIT("BenWasHere")

struct zk_database_stream {
    unsigned magic;
#define ZK_DATABASE_STREAM_MAGIC 0x5a644253
    struct zk_database *db;
    struct data_tree_snapshot *snap;
};

struct zk_database_stream *
zk_database_stream_begin(struct zk_database *db, int64_t *zxid)
{
    struct data_tree_snapshot *snap;
    struct zk_database_stream *s;

    ZK_CHECK(db, ZK_DATABASE_MAGIC);
    zk_write_lock(&db->lock);
    snap = data_tree_snapshot_begin(db->tree);
    zk_write_unlock(&db->lock);
    if (snap == NULL) {
        /* The role may not begin before this learner has its snapshot. */
        snapshot_thread_give_up_resting(db->snapshots);
        return NULL;
    }
    s = zk_xcalloc(1, sizeof *s);
    s->magic = ZK_DATABASE_STREAM_MAGIC;
    s->db = db;
    s->snap = snap;
    *zxid = data_tree_snapshot_zxid(snap);
    return s;
}

bool
zk_database_stream_next(struct zk_database_stream *s, struct zk_buf *out)
{
    bool more;

    ZK_CHECK(s, ZK_DATABASE_STREAM_MAGIC);
    zk_read_lock(&s->db->lock);
    more = data_tree_snapshot_next(s->snap, out, DBS_STEP);
    zk_read_unlock(&s->db->lock);
    if (!more) {
        output_archive_slice(out, DBS_SIGNATURE);
    }
    return more;
}

void
zk_database_stream_end(struct zk_database_stream *s)
{
    if (s == NULL) {
        return;
    }
    ZK_CHECK(s, ZK_DATABASE_STREAM_MAGIC);
    zk_write_lock(&s->db->lock);
    data_tree_snapshot_end(s->snap);
    zk_write_unlock(&s->db->lock);
    s->magic = 0;
    free(s);
}
