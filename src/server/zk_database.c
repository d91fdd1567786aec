/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/zk_database_internal.h"

#include <stdlib.h>
#include <string.h>

#include "metrics/server_metrics.h"
#include "persistence/log_scan.h"
#include "persistence/purge_txn_log.h"
#include "proto/op_code.h"
#include "server/snapshot_thread.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

/* Bytes of a snapshot taken out under one hold of the lock: a writer waits
 * for no more than these.  Between two steps the snapshot rests, so that it
 * neither takes a core for itself nor is put off it with the lock in hand:
 * about 100 MB a second are left of its speed. */
#define DB_SNAPSHOT_STEP (16 * 1024)
#define DB_SNAPSHOT_PAUSE_US 100
/* What writers may put aside for one that rests longer. */
#define DB_ASIDE_MAX ((size_t) 64 << 20)

struct data_tree *
zk_database_new_tree(const struct zk_database *db)
{
    const struct data_tree_options opts = {
        .digest_enabled = db->storage->digest_enabled,
        .extended_types_enabled = db->storage->extended_types_enabled,
        .emulate_353_ttl = db->storage->emulate_353_ttl,
    };

    return data_tree_create(&opts);
}

struct zk_database *
zk_database_create(const struct storage_config *storage)
{
    struct zk_database *db = zk_xcalloc(1, sizeof *db);

    db->magic = ZK_DATABASE_MAGIC;
    db->storage = storage;
    db->aside_max = DB_ASIDE_MAX;
    db->tree = zk_database_new_tree(db);
    db->watches = watch_manager_create();
    db->guard = history_guard_create();
    zk_rwlock_init(&db->lock, ZK_LOCK_database);
    db->changes = outstanding_changes_create();
    db->committed = committed_log_create((size_t) storage->commit_log_count);
    db->digest_log = zk_xcalloc(DIGEST_LOG_LIMIT, sizeof db->digest_log[0]);
    return db;
}

void
zk_database_destroy(struct zk_database *db)
{
    if (db == NULL) {
        return;
    }
    ZK_CHECK(db, ZK_DATABASE_MAGIC);
    purge_task_stop(db->purge);
    snapshot_thread_destroy(db->snapshots);
    outstanding_changes_destroy(db->changes);
    committed_log_destroy(db->committed);
    data_tree_destroy(db->tree);
    watch_manager_destroy(db->watches);
    file_txn_snap_log_close(db->files);
    history_guard_destroy(db->guard);
    zk_rwlock_fini(&db->lock);
    free(db->digest_log);
    db->magic = 0;
    free(db);
}

static void
db_options(const struct zk_database *db,
           struct file_txn_snap_log_options *o, struct zk_errmsg *em, int *rv)
{
    const struct storage_config *sc = db->storage;

    memset(o, 0, sizeof *o);
    o->guard = db->guard;
    o->data_log_dir = sc->data_log_dir;
    o->data_dir = sc->data_dir;
    o->autocreate_dirs = sc->datadir_autocreate;
    o->autocreate_db = sc->db_autocreate;
    o->trust_empty_snapshot = sc->snapshot_trust_empty;
    o->max_record = sc->max_record;
    o->log.preallocate = sc->pre_alloc_kb * 1024;
    o->log.force_sync = sc->force_sync;
    o->log.size_limit = sc->txn_log_size_limit_kb > 0
                            ? sc->txn_log_size_limit_kb * 1024
                            : -1;
    o->log.fsync_warn_ms = sc->fsync_warning_ms;
    o->log.max_record = sc->max_record;
    *rv = ZK_OK;
    if (!snap_compression_parse(sc->snapshot_compression, &o->compression)) {
        *rv = zk_fail(em, ZK_ECONFIG,
                      "zookeeper.snapshot.compression.method: unknown "
                      "method \"%s\" (gz, snappy or nothing)",
                      sc->snapshot_compression);
    }
}

/* The records behind the snapshot are what learners may still lack. */
static void
db_replayed(void *arg, const struct txn_view *txn, struct zk_slice bytes)
{
    struct zk_database *db = arg;
    struct txn_bytes *t = txn_bytes_create(txn->zxid, bytes.p,
                                           (size_t) bytes.len);

    committed_log_add(db->committed, t);
    txn_bytes_unref(t);
    zk_database_note_logged(db, bytes.len);
}

void
zk_database_note_logged(struct zk_database *db, int64_t len)
{
    db->txns_since_snap++;
    db->bytes_since_snap += len;
}

void
zk_database_note_saved(struct zk_database *db)
{
    db->txns_since_snap = 0;
    db->bytes_since_snap = 0;
    atomic_store(&db->snapshot_missed, false);
}

void
zk_database_use_tree(struct zk_database *db, struct data_tree *tree)
{
    struct data_tree *old;

    zk_write_lock(&db->lock);
    old = db->tree;
    db->tree = tree;
    data_tree_set_watch_manager(tree, db->watches);
    zk_write_unlock(&db->lock);
    data_tree_destroy(old);
}

int
zk_database_restore(struct zk_database *db, struct restore_result *res,
                    struct zk_errmsg *em)
{
    struct data_tree *tree;
    int rv;

    ZK_CHECK(db, ZK_DATABASE_MAGIC);
    snapshot_thread_give_up(db->snapshots);
    /* Two trees would be too much for some. */
    zk_database_use_tree(db, zk_database_new_tree(db));
    committed_log_clear(db->committed);
    zk_database_note_saved(db);
    tree = zk_database_new_tree(db);
    rv = file_txn_snap_log_restore(db->files, tree, db_replayed, db, res,
                                   em);
    if (rv != ZK_OK) {
        committed_log_clear(db->committed);
        data_tree_destroy(tree);
        return rv;
    }
    zk_database_use_tree(db, tree);
    db->continuous_from = res->snapshot_zxid > 0 ? res->snapshot_zxid : 0;
    db->unsaved = false;
    db->digest_mismatches += res->digest_mismatches;
    if (res->note[0] != '\0') {
        zk_warn(database, "%s", res->note);
    }
    return ZK_OK;
}

static struct purge_task *
db_start_purge(const struct zk_database *db)
{
    const struct storage_config *sc = db->storage;
    const struct purge_options opts = {
        .data_log_dir = sc->data_log_dir,
        .data_dir = sc->data_dir,
        .keep = sc->snap_retain_count,
        .max_record = sc->max_record,
        .guard = db->guard,
    };

    return purge_task_start(&opts, sc->purge_interval_ms);
}

int
zk_database_load(struct zk_database *db, struct restore_result *res,
                 struct zk_errmsg *em)
{
    struct file_txn_snap_log_options opts;
    int64_t begin = zk_time_mono_ms();
    int rv;

    ZK_CHECK(db, ZK_DATABASE_MAGIC);
    db_options(db, &opts, em, &rv);
    log_scan_expect_batch(db->storage->max_batch_size);
    if (rv == ZK_OK) {
        rv = file_txn_snap_log_open(&opts, &db->files, em);
    }
    if (rv != ZK_OK) {
        return rv;
    }
    rv = zk_database_restore(db, res, em);
    if (rv != ZK_OK) {
        return rv;
    }
    db->snapshots = snapshot_thread_create(db);
    db->purge = db_start_purge(db);
    server_metrics_add(METRIC_dbinittime, zk_time_mono_ms() - begin);
    server_metrics_add(METRIC_startup_txns_loaded, res->txns);
    server_metrics_add(METRIC_startup_txns_load_time, res->replay_ms);
    server_metrics_add(METRIC_startup_snap_load_time, res->snapshot_ms);
    return ZK_OK;
}

/* Java keeps one digest of every 128 zxids for the word `hash`. */
static void
db_log_digest(struct zk_database *db, int64_t zxid)
    ZK_REQUIRES(db->lock)
{
    struct digest_log_entry *e = &db->digest_log[db->digest_log_at];

    e->zxid = zxid;
    e->digest = data_tree_digest(db->tree);
    db->digest_log_at = (db->digest_log_at + 1) % DIGEST_LOG_LIMIT;
    if (db->digest_log_n < DIGEST_LOG_LIMIT) {
        db->digest_log_n++;
    }
}

static void
db_check_digest(struct zk_database *db, const struct txn_view *txn)
    ZK_REQUIRES(db->lock)
{
    if (!db->storage->digest_enabled) {
        return;
    }
    if (txn->has_digest && txn->digest_version == TXN_DIGEST_VERSION
        && txn->digest != data_tree_digest(db->tree)) {
        if (db->digest_mismatches++ == 0) {
            zk_error(database,
                     "the tree's digest 0x%lx after txn 0x%lx (%s) is not "
                     "the one the txn was made with, 0x%lx",
                     (long) data_tree_digest(db->tree), (long) txn->zxid,
                     op_code_name(txn->type), (long) txn->digest);
        }
        server_metrics_inc(METRIC_digest_mismatches_count);
    }
    if ((txn->zxid & (DIGEST_LOG_INTERVAL - 1)) == 0) {
        db_log_digest(db, txn->zxid);
    }
}

/* A snapshot that rests takes nothing of what writers put aside for it: it is
 * given up before that becomes a second tree. */
static void
db_check_aside(struct zk_database *db)
{
    if (data_tree_aside(db->tree) > db->aside_max) {
        snapshot_thread_give_up_resting(db->snapshots);
    }
}

void ZK_NO_ANALYSIS
zk_database_apply(struct zk_database *db, struct txn_bytes *bytes,
                  const struct txn_view *txn, struct txn_result *res)
{
    size_t changes;

    zk_assert(txn->zxid > data_tree_last_zxid(db->tree));
    data_tree_apply(db->tree, txn, res);
    db_check_digest(db, txn);
    changes = outstanding_changes_size(db->changes);
    outstanding_changes_remove_upto(db->changes, txn->zxid);
    server_metrics_add_n(METRIC_outstanding_changes_removed,
                         changes - outstanding_changes_size(db->changes));
    committed_log_add(db->committed, bytes);
    db_check_aside(db);
}

/* ---- snapshots --------------------------------------------------------- */

struct db_snapshot {
    struct zk_database *db;
    struct data_tree_snapshot *snap;
};

static bool
db_pull(void *self, struct zk_buf *out)
{
    struct db_snapshot *s = self;
    bool more;

    snapshot_thread_rest(s->db->snapshots);
    zk_read_lock(&s->db->lock);
    more = data_tree_snapshot_next(s->snap, out, DB_SNAPSHOT_STEP);
    zk_read_unlock(&s->db->lock);
    if (more && !atomic_load_explicit(&s->db->hurry, memory_order_relaxed)) {
        zk_time_pause_us(DB_SNAPSHOT_PAUSE_US);
    }
    return more;
}

int
zk_database_snapshot(struct zk_database *db, struct zk_errmsg *em)
{
    struct db_snapshot s = { db, NULL };
    struct snap_source src = {
        .self = &s,
        .pull = db_pull,
        .give_up = &db->give_up,
    };
    int64_t begin = zk_time_mono_ms();
    int rv;

    ZK_CHECK(db, ZK_DATABASE_MAGIC);
    zk_write_lock(&db->lock);
    s.snap = data_tree_snapshot_begin(db->tree);
    zk_write_unlock(&db->lock);
    if (s.snap == NULL) {
        return zk_fail(em, ZK_EEXIST, "a snapshot is under way");
    }
    src.zxid = data_tree_snapshot_zxid(s.snap);
    src.has_digest = db->storage->digest_enabled;
    src.digest = data_tree_snapshot_digest(s.snap);
    rv = file_txn_snap_log_save(db->files, &src, em);
    zk_write_lock(&db->lock);
    data_tree_snapshot_end(s.snap);
    zk_write_unlock(&db->lock);
    if (rv == ZK_OK) {
        server_metrics_add(METRIC_snapshottime, zk_time_mono_ms() - begin);
        zk_info(snap, "snapshot 0x%lx taken in %ld ms", (long) src.zxid,
                (long) (zk_time_mono_ms() - begin));
    } else if (rv != ZK_ESTOPPED) {
        server_metrics_inc(METRIC_snapshot_error_count);
    }
    return rv;
}
