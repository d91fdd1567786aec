/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * The state of a server from its files: file_txn_snap_log_restore.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "persistence/file_list.h"
#include "persistence/file_txn_iterator.h"
#include "persistence/file_txn_snap_log_internal.h"
#include "tree/data_tree_snapshot.h"
#include "util/crash_point.h"
#include "util/zk_io.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

/* Java: FileSnap.deserialize. */
#define RESTORE_MAX_SNAPSHOTS 100
#define RESTORE_PULL (256 << 10)

struct restore {
    struct file_txn_snap_log *fl;
    struct data_tree *tree;
    void (*each)(void *arg, const struct txn_view *txn,
                 struct zk_slice bytes);
    void *arg;
    struct restore_result *res;
    struct zk_errmsg *em;
    struct file_snap_info info; /* Of the snapshot that was loaded. */
    bool trust_empty;           /* An empty database may be a new one. */
};

static void
rs_note(struct restore *rs, const char *text)
{
    size_t used = strlen(rs->res->note);

    snprintf(rs->res->note + used, sizeof rs->res->note - used, "%s%s",
             used > 0 ? "; " : "", text);
}

/* ---- the snapshot ----------------------------------------------------- */

static void
rs_skipped(struct restore *rs, const struct zk_file *f, const char *why)
{
    char text[400];

    zk_warn(snaplog, "Skipping snapshot %s: %s", f->path, why);
    snprintf(text, sizeof text, "%s skipped (not whole), the log is replayed "
             "from an older one", f->name);
    rs_note(rs, text);
}

/* Loads the newest whole snapshot.  ZK_ENOTFOUND when there is no snapshot
 * file at all. */
static int
rs_load_newest(struct restore *rs, const struct zk_file_list *l)
{
    struct zk_errmsg why = { "" };
    int tried = 0;

    if (l->n == 0) {
        return ZK_ENOTFOUND;
    }
    for (size_t i = l->n; i > 0 && tried < RESTORE_MAX_SNAPSHOTS; i--) {
        const struct zk_file *f = &l->v[i - 1];
        int rv;

        if (!file_snap_looks_valid(f->path)) {
            zk_fail(&why, ZK_ECORRUPT, "%s: cut short, or no snapshot",
                    f->path);
            rs_skipped(rs, f, "cut short, or no snapshot");
            continue;
        }
        tried++;
        zk_info(snaplog, "Reading snapshot %s", f->path);
        rv = file_snap_load(f->path, f->zxid, rs->fl->opts.max_record,
                            rs->tree, &rs->info, &why);
        if (rv == ZK_OK) {
            rs->res->snapshot_zxid = f->zxid;
            return ZK_OK;
        }
        rs_skipped(rs, f, why.text);
    }
    return zk_fail(rs->em, ZK_ECORRUPT, "none of the %zu snapshots in %s is "
                   "whole (the last one tried: %s); put a good one in place "
                   "or, in an ensemble, move this server's version-2 folders "
                   "away so that it takes the data of the others", l->n,
                   rs->fl->snap_dir, why.text);
}

static int
rs_snapshot(struct restore *rs)
{
    struct zk_file_list l;
    int64_t start = zk_time_mono_ms();
    int rv;

    rv = zk_file_list_read(rs->fl->snap_dir, "snapshot", &l, rs->em);
    if (rv != ZK_OK) {
        return rv;
    }
    rv = rs_load_newest(rs, &l);
    zk_file_list_fini(&l);
    rs->res->snapshot_ms = zk_time_mono_ms() - start;
    return rv;
}

/* ---- nothing there ---------------------------------------------------- */

/* Removes the file; ENOENT when it is not there. */
static int
rs_remove(const struct restore *rs, const char *path)
{
    return rs->fl->opts.dry_run ? access(path, F_OK) : unlink(path);
}

/* The file that zkServer-initialize.sh leaves: an empty database is meant.
 * Java looks beside the logs; the script puts it beside the snapshots. */
static int
rs_take_initialize(struct restore *rs)
{
    const char *const dirs[] = {
        rs->fl->opts.data_log_dir, rs->fl->opts.data_dir,
    };
    int rv = ZK_OK;

    rs->trust_empty = rs->fl->opts.autocreate_db;
    for (size_t i = 0; i < ZK_ARRAY_SIZE(dirs) && rv == ZK_OK; i++) {
        char *path = zk_xasprintf("%s/initialize", dirs[i]);

        if (rs_remove(rs, path) == 0) {
            zk_info(snaplog, "Initialize file %s found: an empty database "
                    "will not block voting participation", path);
            rs->trust_empty = true;
        } else if (errno != ENOENT && errno != ENOTDIR) {
            rv = zk_fail_errno(rs->em, "%s: remove", path);
        }
        free(path);
    }
    return rv;
}

static bool
rs_pull(void *self, struct zk_buf *out)
{
    return data_tree_snapshot_next(self, out, RESTORE_PULL);
}

/* Writes the tree as it is. */
static int
rs_save(struct restore *rs)
{
    struct data_tree_snapshot *snap = data_tree_snapshot_begin(rs->tree);
    struct snap_source src = { .self = snap, .pull = rs_pull };
    int rv;

    zk_assert(snap != NULL);
    src.zxid = data_tree_snapshot_zxid(snap);
    src.has_digest = data_tree_options(rs->tree)->digest_enabled;
    src.digest = data_tree_snapshot_digest(snap);
    rv = file_txn_snap_log_save(rs->fl, &src, rs->em);
    data_tree_snapshot_end(snap);
    return rv;
}

/* No snapshot and no log. */
static int
rs_empty(struct restore *rs)
{
    rs->res->empty = true;
    if (!rs->trust_empty) {
        zk_warn(snaplog, "Unexpected empty data tree, setting zxid to -1");
        data_tree_set_last_zxid(rs->tree, -1);
        rs->res->last_zxid = -1;
        return ZK_OK;
    }
    rs->res->last_zxid = 0;
    return rs->fl->opts.dry_run ? ZK_OK : rs_save(rs);
}

/* The tree of a new database, whatever the tree held before. */
static int
rs_make_empty(struct restore *rs)
{
    const struct jute_stat_persisted zero = { 0 };
    int rv;

    data_tree_load_begin(rs->tree);
    rv = data_tree_load_node(rs->tree, ZK_SLICE_LIT(""), ZK_SLICE_LIT(""),
                             -1, &zero, rs->em);
    return rv != ZK_OK ? rv : data_tree_load_end(rs->tree, 0, NULL, rs->em);
}

/* No snapshot: is there a log?  Java: ZOOKEEPER-2325, ZOOKEEPER-3056. */
static int
rs_no_snapshot(struct restore *rs, bool *empty)
{
    struct zk_file_list l;
    int rv;

    rv = rs_make_empty(rs);
    if (rv == ZK_OK) {
        rv = zk_file_list_read(rs->fl->log_dir, "log", &l, rs->em);
    }
    if (rv != ZK_OK) {
        return rv;
    }
    *empty = l.n == 0;
    if (!*empty && !rs->fl->opts.trust_empty_snapshot) {
        rv = zk_fail(rs->em, ZK_ECORRUPT, "No snapshot found in %s, but "
                     "there are log entries (%s). Something is broken: "
                     "without the snapshot, older writes may be missing. Put "
                     "it back; or, only when upgrading a server that never "
                     "wrote one (3.4), start once with "
                     "zookeeper.snapshot.trust.empty=true", rs->fl->snap_dir,
                     l.v[0].path);
    } else if (!*empty) {
        zk_warn(snaplog, "No snapshot found, but there are log entries. "
                "This should only be allowed during upgrading.");
        rs_note(rs, "no snapshot, trusted to be empty "
                "(zookeeper.snapshot.trust.empty)");
    }
    zk_file_list_fini(&l);
    return rv;
}

/* ---- the log ---------------------------------------------------------- */

/* The first record behind the snapshot must continue it. */
static int
rs_check_first(const struct restore *rs, const struct file_txn_iterator *it,
               int64_t zxid)
{
    int64_t snap = rs->res->snapshot_zxid;

    if (snap < 0 || zxid == snap + 1 || zxid >> 32 != snap >> 32) {
        return ZK_OK;
    }
    return zk_fail(rs->em, ZK_ECORRUPT, "the log does not continue snapshot."
                   "%" PRIx64 ": the first transaction behind it is 0x%"
                   PRIx64 " (%s at offset %" PRId64 "), those between are "
                   "missing; put the missing log files back in %s or, in an "
                   "ensemble, move this server's version-2 folders away so "
                   "that it takes the data of the others",
                   (uint64_t) snap, (uint64_t) zxid,
                   file_txn_iterator_path(it), file_txn_iterator_offset(it),
                   rs->fl->log_dir);
}

/* Compares the digest that the txn carries.  Inside the window in which a
 * snapshot of Java's was being written the tree is ahead of the log; how long
 * that was shows in the zxid of the snapshot's own digest. */
static void
rs_check_digest(struct restore *rs, const struct txn_view *txn)
{
    if (!txn->has_digest || txn->digest_version != TXN_DIGEST_VERSION
        || !data_tree_options(rs->tree)->digest_enabled
        || (rs->res->snapshot_zxid >= 0
            && (rs->info.digest_zxid < 0
                || txn->zxid <= rs->info.digest_zxid))
        || txn->digest == data_tree_digest(rs->tree)) {
        return;
    }
    if (rs->res->digest_mismatches++ == 0) {
        zk_warn(snaplog, "Digests differ from zxid 0x%" PRIx64 " on: the log "
                "says 0x%" PRIx64 ", the tree 0x%" PRIx64,
                (uint64_t) txn->zxid, (uint64_t) txn->digest,
                (uint64_t) data_tree_digest(rs->tree));
    }
}

static int
rs_replay_all(struct restore *rs, struct file_txn_iterator *it)
{
    struct zk_slice bytes;
    struct txn_view txn;
    int rv;

    while ((rv = file_txn_iterator_next(it, &bytes, &txn, rs->em))
           == ZK_OK) {
        if (rs->res->txns == 0) {
            rv = rs_check_first(rs, it, txn.zxid);
            if (rv != ZK_OK) {
                return rv;
            }
        }
        data_tree_apply(rs->tree, &txn, NULL);
        rs_check_digest(rs, &txn);
        rs->res->txns++;
        if (rs->each != NULL) {
            rs->each(rs->arg, &txn, bytes);
        }
    }
    return rv == ZK_ENOTFOUND ? ZK_OK : rv;
}

/* A server that was killed may have left records which are in the kernel's
 * memory only.  They are about to be taken for durable. */
static int
rs_sync_file(struct restore *rs, const char *path)
{
    int rv = ZK_OK;
    int fd;

    if (path == NULL || rs->fl->opts.dry_run) {
        return ZK_OK;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return zk_fail_errno(rs->em, "%s: open", path);
    }
    if (fdatasync(fd) != 0) {
        rv = zk_fail_errno(rs->em, "%s: fdatasync", path);
    }
    close(fd);
    return rv == ZK_OK ? zk_sync_parent_dir(path, rs->em) : rv;
}

static int
rs_replay(struct restore *rs)
{
    int64_t from = rs->res->snapshot_zxid < 0 ? 0
                                              : rs->res->snapshot_zxid + 1;
    int64_t start = zk_time_mono_ms();
    struct file_txn_iterator *it;
    int rv;

    rv = file_txn_iterator_open(rs->fl->log_dir, from,
                                rs->fl->opts.max_record, &it, rs->em);
    if (rv != ZK_OK) {
        return rv;
    }
    rv = rs_replay_all(rs, it);
    if (rv == ZK_OK && file_txn_iterator_notes(it) != NULL) {
        rs_note(rs, file_txn_iterator_notes(it));
        rs_note(rs, "what is cut there is taken for a write that a crash "
                "interrupted");
    }
    if (rv == ZK_OK) {
        rv = rs_sync_file(rs, file_txn_iterator_path(it));
    }
    file_txn_iterator_close(it);
    rs->res->replay_ms = zk_time_mono_ms() - start;
    rs->res->last_zxid = data_tree_last_zxid(rs->tree);
    return rv;
}

/* Log files shorter than a header: older servers refuse to start on them. */
static void
rs_remove_short_logs(struct restore *rs)
{
    struct zk_file_list l;

    if (rs->fl->opts.dry_run
        || zk_file_list_read(rs->fl->log_dir, "log", &l, NULL) != ZK_OK) {
        return;
    }
    for (size_t i = 0; i < l.n; i++) {
        if (l.v[i].size < 16 && unlink(l.v[i].path) == 0) {
            zk_warn(snaplog, "%s removed: %" PRId64 " bytes, shorter than a "
                    "header", l.v[i].path, l.v[i].size);
        }
    }
    zk_file_list_fini(&l);
}

static int
rs_run(struct restore *rs)
{
    bool empty = false;
    int rv;

    rv = rs_take_initialize(rs);
    if (rv != ZK_OK) {
        return rv;
    }
    rv = rs_snapshot(rs);
    if (rv == ZK_ENOTFOUND) {
        rv = rs_no_snapshot(rs, &empty);
    }
    if (rv != ZK_OK) {
        return rv;
    }
    if (empty) {
        return rs_empty(rs);
    }
    CRASH_HERE(restore_snap_loaded);
    rv = rs_replay(rs);
    if (rv != ZK_OK) {
        return rv;
    }
    CRASH_HERE(restore_replayed);
    rs_remove_short_logs(rs);
    file_txn_log_set_last_synced(rs->fl->log, rs->res->last_zxid);
    return ZK_OK;
}

int
file_txn_snap_log_restore(struct file_txn_snap_log *fl,
                          struct data_tree *tree,
                          void (*each)(void *arg, const struct txn_view *txn,
                                       struct zk_slice bytes),
                          void *arg, struct restore_result *res,
                          struct zk_errmsg *em)
{
    struct restore rs = {
        .fl = fl, .tree = tree, .each = each, .arg = arg, .res = res,
        .em = em,
    };
    int rv;

    ZK_CHECK(fl, FILE_TXN_SNAP_LOG_MAGIC);
    *res = (struct restore_result) { .snapshot_zxid = -1, .last_zxid = -1 };
    rv = rs_run(&rs);
    if (rv == ZK_OK && res->note[0] != '\0') {
        zk_warn(snaplog, "Restored up to 0x%" PRIx64 ": %s",
                (uint64_t) res->last_zxid, res->note);
    }
    return rv;
}
