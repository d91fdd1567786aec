/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zk_database_taken.c: a leader's history in the place of the own one, and
 * what stands between two roles (zk_database_sync.h).
 */
#include <config.h>

#include "server/zk_database_sync.h"

#include <inttypes.h>

#include "proto/txn_codec.h"
#include "server/snapshot_thread.h"
#include "server/zk_database_internal.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

#define ZDT_PULL (256 << 10)

/* ---- a snapshot from the leader ---------------------------------------- */

int
zk_database_take_stream(struct zk_database *db, int64_t zxid,
                        struct zk_buf *buffered,
                        const struct stream_reader *from,
                        struct zk_errmsg *em)
{
    int64_t begin = zk_time_mono_ms();
    struct data_tree *tree;
    int rv;

    ZK_CHECK(db, ZK_DATABASE_MAGIC);
    /* Disk and tree are two histories from here on: neither may be voted
     * with, nor built upon (ZOOKEEPER-3642). */
    db->unsaved = true;
    snapshot_thread_give_up(db->snapshots);
    zk_database_use_tree(db, zk_database_new_tree(db));
    committed_log_clear(db->committed);
    tree = zk_database_new_tree(db);
    rv = file_snap_load_stream(buffered, from, zxid, db->storage->max_record,
                               tree, em);
    if (rv != ZK_OK) {
        data_tree_destroy(tree);
        return rv;
    }
    zk_database_use_tree(db, tree);
    zk_info(database, "snapshot 0x%" PRIx64 " taken from the leader: %" PRId64
            " znodes in %" PRId64 " ms", (uint64_t) zxid,
            data_tree_node_count(tree), zk_time_mono_ms() - begin);
    return ZK_OK;
}

struct zdt_source {
    struct zk_database *db;
    struct data_tree_snapshot *snap;
};

static bool
zdt_pull(void *self, struct zk_buf *out)
{
    struct zdt_source *s = self;
    bool more;

    zk_read_lock(&s->db->lock);
    more = data_tree_snapshot_next(s->snap, out, ZDT_PULL);
    zk_read_unlock(&s->db->lock);
    return more;
}

int
zk_database_save_taken(struct zk_database *db, struct zk_errmsg *em)
{
    struct zdt_source s = { db, NULL };
    struct snap_source src = { .self = &s, .pull = zdt_pull };
    int rv;

    ZK_CHECK(db, ZK_DATABASE_MAGIC);
    snapshot_thread_give_up(db->snapshots);
    zk_write_lock(&db->lock);
    s.snap = data_tree_snapshot_begin(db->tree);
    zk_write_unlock(&db->lock);
    zk_assert(s.snap != NULL);
    src.zxid = data_tree_snapshot_zxid(s.snap);
    src.has_digest = db->storage->digest_enabled;
    src.digest = data_tree_snapshot_digest(s.snap);
    rv = file_txn_snap_log_replace(db->files, &src, em);
    zk_write_lock(&db->lock);
    data_tree_snapshot_end(s.snap);
    zk_write_unlock(&db->lock);
    snapshot_thread_sweep(db->snapshots);
    if (rv == ZK_OK) {
        db->unsaved = false;
        db->continuous_from = src.zxid;
        zk_database_note_saved(db);
    }
    return rv;
}

/* ---- back on the own history ------------------------------------------- */

int
zk_database_reload(struct zk_database *db, struct zk_errmsg *em)
{
    struct restore_result res = { 0 };
    int rv;

    ZK_CHECK(db, ZK_DATABASE_MAGIC);
    file_txn_log_roll(file_txn_snap_log_log(db->files));
    rv = zk_database_restore(db, &res, em);
    if (rv == ZK_OK) {
        zk_info(database, "reloaded: 0x%" PRIx64 ", %" PRId64 " ms for the "
                "snapshot, %" PRId64 " ms for %" PRId64 " transactions",
                (uint64_t) res.last_zxid, res.snapshot_ms, res.replay_ms,
                res.txns);
    }
    return rv;
}

int
zk_database_truncate(struct zk_database *db, int64_t zxid,
                     struct zk_errmsg *em)
{
    int64_t last;
    int rv;

    ZK_CHECK(db, ZK_DATABASE_MAGIC);
    /* Of what is cut off, or about to be. */
    snapshot_thread_give_up(db->snapshots);
    rv = file_txn_snap_log_truncate(db->files, zxid, em);
    snapshot_thread_sweep(db->snapshots);
    if (rv != ZK_OK) {
        return rv;
    }
    rv = zk_database_reload(db, em);
    if (rv != ZK_OK) {
        return rv == ZK_ENOTFOUND ? ZK_ECORRUPT : rv;
    }
    last = data_tree_last_zxid(db->tree);
    if (last != zxid) {
        return zk_fail(em, ZK_ECORRUPT, "the history ends at 0x%" PRIx64
                       " after it was cut at 0x%" PRIx64, (uint64_t) last,
                       (uint64_t) zxid);
    }
    return ZK_OK;
}

/* ---- single transactions ----------------------------------------------- */

int
zk_database_log(struct zk_database *db, struct zk_slice txn, bool sync,
                struct zk_errmsg *em)
{
    struct file_txn_log *log = file_txn_snap_log_log(db->files);
    struct txn_view v;
    int rv = ZK_OK;

    ZK_CHECK(db, ZK_DATABASE_MAGIC);
    if (!zk_slice_is_null(txn)) {
        rv = txn_view_decode_header(&v, txn.p, (size_t) txn.len);
        if (rv != ZK_OK) {
            return zk_fail(em, rv, "a txn without a header");
        }
        rv = file_txn_log_append(log, v.zxid, txn.p, (size_t) txn.len, em);
        zk_database_note_logged(db, txn.len);
    }
    /* No longer than one of the SyncThread's, or a crash in the middle of it
     * would look like damage (log_scan.h). */
    if (rv == ZK_OK
        && (sync
            || file_txn_log_pending(log)
                   >= (size_t) db->storage->max_batch_size)) {
        rv = file_txn_log_commit(log, em);
    }
    return rv;
}

/* Nothing inside an epoch may be missing (ZOOKEEPER-4925). */
static bool
zdt_follows(int64_t last, int64_t zxid)
{
    return zxid == last + 1 || zxid >> 32 != last >> 32;
}

static int
zdt_apply(struct zk_database *db, const struct txn_view *v,
          struct zk_slice txn, struct zk_errmsg *em) ZK_REQUIRES(db->lock)
{
    int64_t last = data_tree_last_zxid(db->tree);
    struct txn_result res = { 0 };
    struct txn_bytes *t;

    if (v->zxid <= last) {
        return ZK_OK;
    }
    if (!zdt_follows(last, v->zxid)) {
        return zk_fail(em, ZK_ECORRUPT, "txn 0x%" PRIx64 " cannot be applied "
                       "to a tree at 0x%" PRIx64, (uint64_t) v->zxid,
                       (uint64_t) last);
    }
    t = txn_bytes_create(v->zxid, txn.p, (size_t) txn.len);
    zk_database_apply(db, t, v, &res);
    txn_result_fini(&res);
    txn_bytes_unref(t);
    return ZK_OK;
}

int
zk_database_apply_one(struct zk_database *db, struct zk_slice txn,
                      struct zk_errmsg *em)
{
    struct txn_view v;
    int rv;

    ZK_CHECK(db, ZK_DATABASE_MAGIC);
    rv = txn_view_decode(&v, txn.p, txn.len > 0 ? (size_t) txn.len : 0,
                         db->storage->max_record, em);
    if (rv != ZK_OK) {
        return rv;
    }
    zk_write_lock(&db->lock);
    rv = zdt_apply(db, &v, txn, em);
    zk_write_unlock(&db->lock);
    return rv;
}

/* ---- between roles ----------------------------------------------------- */

/* A leader's tree is at <epoch,0> before the epoch's first txn, which no log
 * says; an empty one that may not vote is at -1. */
static bool
zdt_agree(int64_t tree, int64_t disk)
{
    return tree == disk || (tree <= 0 && disk == 0)
           || (tree > disk && (tree & INT64_C(0xffffffff)) == 0);
}

int
zk_database_role_ended(struct zk_database *db, struct zk_errmsg *em)
{
    struct file_txn_log *log = file_txn_snap_log_log(db->files);
    int64_t tree, disk;
    int rv;

    ZK_CHECK(db, ZK_DATABASE_MAGIC);
    zk_write_lock(&db->lock);
    outstanding_changes_clear(db->changes);
    tree = data_tree_last_zxid(db->tree);
    zk_write_unlock(&db->lock);
    /* What a learner had appended is committed: a link that broke before it
     * was synced takes nothing back. */
    rv = file_txn_log_commit(log, em);
    if (rv != ZK_OK) {
        return rv;
    }
    disk = file_txn_log_last_synced(log);
    if (!db->unsaved && zdt_agree(tree, disk)) {
        return ZK_OK;
    }
    /* One source of truth before the next vote: the disk (ZOOKEEPER-2845). */
    zk_warn(database, "the tree is at 0x%" PRIx64 "%s, the log at 0x%" PRIx64
            ": the tree is loaded anew", (uint64_t) tree,
            db->unsaved ? " of a leader's unfinished snapshot" : "",
            (uint64_t) disk);
    return zk_database_reload(db, em);
}
