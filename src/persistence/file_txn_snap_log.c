/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "persistence/file_txn_snap_log.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "persistence/dir_lock.h"
#include "persistence/file_list.h"
#include "persistence/file_remover.h"
#include "persistence/file_txn_iterator.h"
#include "persistence/file_txn_snap_log_internal.h"
#include "util/crash_point.h"
#include "util/zk_io.h"
#include "util/zk_log.h"

/* ---- opening ---------------------------------------------------------- */

static int
ftsl_check_access(const char *dir, const char *what, struct zk_errmsg *em)
{
    struct zk_errmsg why = { "" };

    if (access(dir, R_OK | W_OK | X_OK) == 0) {
        return ZK_OK;
    }
    zk_fail_errno(&why, "%s", dir);
    return zk_fail(em, ZK_ECONFIG, "Cannot write to %s directory: %s", what,
                   why.text);
}

/* One version-2 folder: there, or made when that is allowed. */
static int
ftsl_open_dir(const struct file_txn_snap_log *fl, const char *dir,
              const char *what, struct zk_errmsg *em)
{
    struct zk_errmsg why = { "" };

    if (fl->opts.dry_run) {
        return access(dir, R_OK | X_OK) == 0
               ? ZK_OK
               : zk_fail_errno(em, "%s directory %s", what, dir);
    }
    if (access(dir, F_OK) != 0) {
        if (!fl->opts.autocreate_dirs) {
            return zk_fail(em, ZK_ECONFIG, "Missing %s directory %s: "
                           "automatic creation is off "
                           "(zookeeper.datadir.autocreate is false), create "
                           "it by hand", what, dir);
        }
        if (zk_mkdirs(dir, &why) != ZK_OK) {
            return zk_fail(em, ZK_ECONFIG, "Unable to create %s directory "
                           "%s: %s", what, dir, why.text);
        }
    }
    return ftsl_check_access(dir, what, em);
}

/* Two servers in one folder would destroy it. */
static int
ftsl_lock_dir(const struct file_txn_snap_log *fl, const char *dir, int *fd,
              struct zk_errmsg *em)
{
    struct zk_errmsg why;
    int rv;

    if (fl->opts.dry_run) {
        return ZK_OK;
    }
    rv = dir_lock(dir, fd, &why);
    if (rv != ZK_OK) {
        return zk_fail(em, ZK_ECONFIG, "%s%s", rv == ZK_EEXIST ? "" :
                       "Cannot open data directory: ", why.text);
    }
    return ZK_OK;
}

/* With two folders, files in the wrong one mean that the two were swapped or
 * split later: the database would seem shorter than it is (Java:
 * LogDirContentCheckException, SnapDirContentCheckException). */
static int
ftsl_check_content(const char *dir, const char *prefix, const char *text,
                   struct zk_errmsg *em)
{
    struct zk_file_list l;
    int rv;

    rv = zk_file_list_read(dir, prefix, &l, em);
    if (rv != ZK_OK) {
        return rv;
    }
    if (l.n > 0) {
        rv = zk_fail(em, ZK_ECONFIG, "%s (%s). Check if dataLogDir and "
                     "dataDir configuration is correct.", text, l.v[0].path);
    }
    zk_file_list_fini(&l);
    return rv;
}

bool
file_txn_snap_log_is_left_over(const char *name)
{
    size_t n = strlen(name);

    return (strncmp(name, "snapshot.", 9) == 0 && n > 4
            && strcmp(name + n - 4, ".tmp") == 0)
           || strncmp(name, "tmp.log.", 8) == 0;
}

/* Files that a crash left under their temporary names. */
static void
ftsl_remove_left_overs(const char *dir)
{
    struct dirent *ent;
    DIR *d = opendir(dir);
    char *path;
    int err;

    while (d != NULL && (ent = readdir(d)) != NULL) {
        if (!file_txn_snap_log_is_left_over(ent->d_name)) {
            continue;
        }
        path = zk_xasprintf("%s/%s", dir, ent->d_name);
        err = file_remover_set_aside(path);
        if (err == 0) {
            zk_info(snaplog, "%s removed: left over from a crash", path);
        } else {
            zk_warn(snaplog, "%s: cannot be removed: %s", path,
                    strerror(err));
        }
        free(path);
    }
    if (d != NULL) {
        closedir(d);
    }
}

static int
ftsl_open_dirs(struct file_txn_snap_log *fl, struct zk_errmsg *em)
{
    int rv;

    rv = ftsl_open_dir(fl, fl->log_dir, "data log", em);
    if (rv == ZK_OK) {
        rv = ftsl_open_dir(fl, fl->snap_dir, "data", em);
    }
    if (rv == ZK_OK) {
        rv = ftsl_lock_dir(fl, fl->snap_dir, &fl->snap_lock, em);
    }
    if (rv != ZK_OK || strcmp(fl->log_dir, fl->snap_dir) == 0) {
        return rv;
    }
    rv = ftsl_lock_dir(fl, fl->log_dir, &fl->log_lock, em);
    if (rv == ZK_OK) {
        rv = ftsl_check_content(fl->log_dir, "snapshot", "Log directory has "
                                "snapshot files", em);
    }
    return rv != ZK_OK ? rv
                       : ftsl_check_content(fl->snap_dir, "log", "Snapshot "
                                            "directory has log files", em);
}

/* The folder's one name, so that "a" and "./a" are seen to be the same. */
static char *
ftsl_dir_name(const char *dir)
{
    char *real = realpath(dir, NULL);
    char *name = zk_xasprintf("%s/version-2", real != NULL ? real : dir);

    free(real);
    return name;
}

int
file_txn_snap_log_open(const struct file_txn_snap_log_options *opts,
                       struct file_txn_snap_log **out, struct zk_errmsg *em)
{
    struct file_txn_snap_log *fl = zk_xcalloc(1, sizeof *fl);
    int rv;

    fl->magic = FILE_TXN_SNAP_LOG_MAGIC;
    fl->opts = *opts;
    fl->snap_lock = -1;
    fl->log_lock = -1;
    fl->opts.data_dir = zk_xstrdup(opts->data_dir);
    fl->opts.data_log_dir = zk_xstrdup(opts->data_log_dir);
    fl->log_dir = ftsl_dir_name(opts->data_log_dir);
    fl->snap_dir = ftsl_dir_name(opts->data_dir);
    rv = ftsl_open_dirs(fl, em);
    if (rv != ZK_OK) {
        file_txn_snap_log_close(fl);
        return rv;
    }
    if (!fl->opts.dry_run) {
        ftsl_remove_left_overs(fl->snap_dir);
        ftsl_remove_left_overs(fl->log_dir);
    }
    fl->log = file_txn_log_create(fl->log_dir, &opts->log);
    *out = fl;
    return ZK_OK;
}

void
file_txn_snap_log_close(struct file_txn_snap_log *fl)
{
    if (fl == NULL) {
        return;
    }
    ZK_CHECK(fl, FILE_TXN_SNAP_LOG_MAGIC);
    file_txn_log_destroy(fl->log);
    if (fl->snap_lock >= 0) {
        close(fl->snap_lock);
    }
    if (fl->log_lock >= 0) {
        close(fl->log_lock);
    }
    free((void *) (uintptr_t) fl->opts.data_dir);
    free((void *) (uintptr_t) fl->opts.data_log_dir);
    free(fl->snap_dir);
    free(fl->log_dir);
    fl->magic = 0;
    free(fl);
}

int
file_txn_snap_log_check_write(const struct file_txn_snap_log *fl,
                              struct zk_errmsg *em)
{
    int rv;

    ZK_CHECK(fl, FILE_TXN_SNAP_LOG_MAGIC);
    rv = ftsl_check_access(fl->log_dir, "data log", em);
    return rv != ZK_OK ? rv : ftsl_check_access(fl->snap_dir, "data", em);
}

const char *
file_txn_snap_log_snap_dir(const struct file_txn_snap_log *fl)
{
    ZK_CHECK(fl, FILE_TXN_SNAP_LOG_MAGIC);
    return fl->snap_dir;
}

const char *
file_txn_snap_log_log_dir(const struct file_txn_snap_log *fl)
{
    ZK_CHECK(fl, FILE_TXN_SNAP_LOG_MAGIC);
    return fl->log_dir;
}

struct file_txn_log *
file_txn_snap_log_log(struct file_txn_snap_log *fl)
{
    ZK_CHECK(fl, FILE_TXN_SNAP_LOG_MAGIC);
    return fl->log;
}

int
file_txn_snap_log_save(struct file_txn_snap_log *fl,
                       const struct snap_source *src, struct zk_errmsg *em)
{
    ZK_CHECK(fl, FILE_TXN_SNAP_LOG_MAGIC);
    zk_info(snaplog, "Snapshotting: 0x%" PRIx64 " to %s",
            (uint64_t) src->zxid, fl->snap_dir);
    return file_snap_write(fl->snap_dir, src, fl->opts.compression, NULL,
                           em);
}

void
file_txn_snap_log_sweep(struct file_txn_snap_log *fl, const atomic_bool *stop)
{
    ZK_CHECK(fl, FILE_TXN_SNAP_LOG_MAGIC);
    file_remover_sweep(fl->snap_dir, stop);
    if (strcmp(fl->log_dir, fl->snap_dir) != 0) {
        file_remover_sweep(fl->log_dir, stop);
    }
}

/* ---- truncation ------------------------------------------------------- */

/* How many of the snapshots are at or below 'zxid'. */
static size_t
ftsl_count_below(const struct zk_file_list *l, int64_t zxid)
{
    size_t n = 0;

    while (n < l->n && l->v[n].zxid <= zxid) {
        n++;
    }
    return n;
}

/* Removes the snapshots from index 'keep' on, the newest first. */
static int
ftsl_drop_snapshots(const struct zk_file_list *l, size_t keep,
                    struct zk_errmsg *em)
{
    int rv = ZK_OK;

    for (size_t i = l->n; rv == ZK_OK && i > keep; i--) {
        errno = file_remover_set_aside(l->v[i - 1].path);
        if (errno != 0) {
            rv = zk_fail_errno(em, "%s: remove", l->v[i - 1].path);
        } else {
            zk_info(snaplog, "%s removed: the leader has none of what it "
                    "holds", l->v[i - 1].path);
            rv = zk_sync_parent_dir(l->v[i - 1].path, em);
        }
    }
    return rv;
}

/* Whether 'zxid' is in this server's history: in its log, or what its newest
 * snapshot at or below it stands for. */
static int
ftsl_check_truncate(const struct file_txn_snap_log *fl,
                    const struct zk_file_list *l, int64_t zxid,
                    struct zk_errmsg *em)
{
    size_t below = ftsl_count_below(l, zxid);

    if (below == 0) {
        return zk_fail(em, ZK_ENOTFOUND, "%s: no snapshot at or below 0x%"
                       PRIx64 " to go back to", fl->snap_dir,
                       (uint64_t) zxid);
    }
    if (l->v[below - 1].zxid == zxid) {
        return ZK_OK;
    }
    return file_txn_log_find(fl->log_dir, zxid, fl->opts.max_record, em);
}

static int
ftsl_truncate(struct file_txn_snap_log *fl, int64_t zxid,
              struct zk_errmsg *em)
{
    struct zk_file_list l;
    int rv;

    file_txn_log_roll(fl->log);
    rv = zk_file_list_read(fl->snap_dir, "snapshot", &l, em);
    if (rv != ZK_OK) {
        return rv;
    }
    rv = ftsl_check_truncate(fl, &l, zxid, em);
    /* Snapshots first: after a crash the log still has all of it. */
    if (rv == ZK_OK) {
        rv = ftsl_drop_snapshots(&l, ftsl_count_below(&l, zxid), em);
    }
    if (rv == ZK_OK) {
        rv = file_txn_log_cut_above(fl->log_dir, zxid, fl->opts.max_record,
                                    em);
    }
    if (rv == ZK_OK) {
        file_txn_log_set_last_synced(fl->log, zxid);
    }
    zk_file_list_fini(&l);
    return rv;
}

int
file_txn_snap_log_truncate(struct file_txn_snap_log *fl, int64_t zxid,
                           struct zk_errmsg *em)
{
    int rv;

    ZK_CHECK(fl, FILE_TXN_SNAP_LOG_MAGIC);
    history_guard_begin(fl->opts.guard);
    rv = ftsl_truncate(fl, zxid, em);
    history_guard_end(fl->opts.guard);
    return rv;
}

static int
ftsl_replace(struct file_txn_snap_log *fl, const struct snap_source *src,
             struct zk_errmsg *em)
{
    struct zk_file_list l;
    int rv;

    file_txn_log_roll(fl->log);
    rv = zk_file_list_read(fl->snap_dir, "snapshot", &l, em);
    if (rv != ZK_OK) {
        return rv;
    }
    /* The log first: records above the snapshot would be replayed on top of
     * it. */
    rv = file_txn_log_cut_above(fl->log_dir, src->zxid, fl->opts.max_record,
                                em);
    CRASH_HERE(replace_log_cut);
    if (rv == ZK_OK) {
        rv = file_txn_snap_log_save(fl, src, em);
    }
    CRASH_HERE(replace_saved);
    if (rv == ZK_OK) {
        rv = ftsl_drop_snapshots(&l, ftsl_count_below(&l, src->zxid), em);
    }
    if (rv == ZK_OK) {
        file_txn_log_set_last_synced(fl->log, src->zxid);
    }
    zk_file_list_fini(&l);
    return rv;
}

int
file_txn_snap_log_replace(struct file_txn_snap_log *fl,
                          const struct snap_source *src,
                          struct zk_errmsg *em)
{
    int rv;

    ZK_CHECK(fl, FILE_TXN_SNAP_LOG_MAGIC);
    history_guard_begin(fl->opts.guard);
    rv = ftsl_replace(fl, src, em);
    history_guard_end(fl->opts.guard);
    return rv;
}
