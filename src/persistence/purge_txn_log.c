/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "persistence/purge_txn_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "persistence/file_list.h"
#include "persistence/file_remover.h"
#include "persistence/file_snap.h"
#include "util/crash_point.h"
#include "util/zk_log.h"

struct purge {
    char *log_dir;              /* With version-2. */
    char *snap_dir;
    struct zk_file_list logs;
    struct zk_file_list snaps;
    int keep;
    int32_t max_record;
    FILE *out;                  /* NULL: the server's log. */
    const atomic_bool *stop;    /* NULL: nobody asks for that. */
    struct history_guard *guard;
    uint64_t version;           /* Of the history that was looked at. */
    bool stale;                 /* It is another one by now. */
    int failed;                 /* Files that are still there. */
};

/* As java.text.DateFormat has it: "Nov 22, 2026, 5:26:14 PM". */
static void
purge_date(int64_t ms, char *text, size_t size)
{
    time_t t = (time_t) (ms / 1000);
    struct tm tm;

    if (localtime_r(&t, &tm) == NULL
        || strftime(text, size, "%b %-d, %Y, %-I:%M:%S %p", &tm) == 0) {
        snprintf(text, size, "?");
    }
}

/* A snapshot goes in steps.  A log does not: a leader may be reading it for a
 * learner that lags behind, and a file that becomes shorter under its reader
 * looks like one that a crash has cut off. */
static int
purge_file(const struct zk_file *f, bool log, char **aside)
{
    *aside = NULL;
    if (log) {
        return unlink(f->path) != 0 ? errno : 0;
    }
    return file_remover_take(f->path, aside);
}

static void
purge_remove(struct purge *p, const struct zk_file *f, bool log)
{
    char date[64];
    char *aside;
    int err;

    if (!history_guard_enter(p->guard, p->version)) {
        p->stale = true;
        return;
    }
    err = purge_file(f, log, &aside);
    history_guard_leave(p->guard);
    purge_date(f->mtime_ms, date, sizeof date);
    if (p->out != NULL) {
        fprintf(p->out, "Removing file: %s\t%s\n", date, f->path);
    } else {
        zk_info(purge, "Removing file: %s\t%s", date, f->path);
    }
    file_remover_drain(aside, p->stop);
    if (err == 0 || err == ENOENT) {
        CRASH_HERE(purge_half);
        return;
    }
    p->failed++;
    if (p->out != NULL) {
        fprintf(stderr, "Failed to remove %s: %s\n", f->path,
                strerror(err));
    } else {
        zk_error(purge, "Failed to remove %s: %s", f->path, strerror(err));
    }
}

/* zxid of the oldest snapshot to be kept when only the first 'n' count; false
 * when none of those looks whole, and then nothing may go. */
static bool
purge_oldest_kept(const struct purge *p, size_t n, int64_t *zxid)
{
    int found = 0;

    for (size_t i = n; i > 0 && found < p->keep; i--) {
        if (file_snap_looks_valid(p->snaps.v[i - 1].path)) {
            *zxid = p->snaps.v[i - 1].zxid;
            found++;
        }
    }
    return found > 0;
}

static bool
purge_has_work(const struct purge *p, int64_t oldest)
{
    return zk_file_list_first_log(&p->logs, oldest) > 0
           || (p->snaps.n > 0 && p->snaps.v[0].zxid < oldest);
}

/* A server that ends does not wait for 1 GB to be read. */
static int
purge_node(void *self, const struct snap_node *node, struct zk_errmsg *em)
{
    const struct purge *p = self;

    (void) node;
    return p->stop != NULL && atomic_load(p->stop)
           ? zk_fail(em, ZK_ESTOPPED, "given up") : ZK_OK;
}

static int
purge_read(struct purge *p, const struct zk_file *f)
{
    const struct snap_visitor visitor = { .self = p, .node = purge_node };
    struct file_snap_info info;
    struct zk_errmsg why;
    int rv;

    rv = file_snap_scan(f->path, p->max_record, &visitor, &info, &why);
    if (rv == ZK_OK || rv == ZK_ESTOPPED) {
        return rv;
    }
    if (p->out != NULL) {
        fprintf(stderr, "Not counted: %s\n", why.text);
    } else {
        zk_warn(purge, "Not counted: %s", why.text);
    }
    return rv;
}

/* Lowers *oldest as far as it takes for a snapshot that was read and is whole
 * to be the newest of those that are counted. */
static int
purge_prove(struct purge *p, int64_t *oldest, struct zk_errmsg *em)
{
    size_t n = p->snaps.n;
    int rv = ZK_ENOTFOUND;

    while (n > 0) {
        const struct zk_file *f = &p->snaps.v[n - 1];

        rv = file_snap_looks_valid(f->path) ? purge_read(p, f) : ZK_ENOTFOUND;
        if (rv == ZK_OK || rv == ZK_ESTOPPED) {
            break;
        }
        n--;
    }
    if (rv == ZK_ESTOPPED) {
        return zk_fail(em, rv, "given up");
    }
    if (rv != ZK_OK || !purge_oldest_kept(p, n, oldest)) {
        return zk_fail(em, ZK_ECORRUPT, "none of the snapshots in %s is "
                       "whole; nothing was removed", p->snap_dir);
    }
    return ZK_OK;
}

static void
purge_files(struct purge *p, int64_t oldest)
{
    size_t first_log = zk_file_list_first_log(&p->logs, oldest);

    for (size_t i = 0; i < p->logs.n && i < first_log && !p->stale; i++) {
        purge_remove(p, &p->logs.v[i], true);
    }
    for (size_t i = 0; i < p->snaps.n && p->snaps.v[i].zxid < oldest
                       && !p->stale; i++) {
        purge_remove(p, &p->snaps.v[i], false);
    }
}

/* The files of one kind; a folder that is not there has none. */
static int
purge_list(const char *dir, const char *prefix, struct zk_file_list *l,
           struct zk_errmsg *em)
{
    int rv = zk_file_list_read(dir, prefix, l, em);

    return rv == ZK_ENOTFOUND ? ZK_OK : rv;
}

/* Two folders, each with the other's files in it: the arguments are
 * swapped, or wrong. */
static int
purge_check(const struct purge *p, struct zk_errmsg *em)
{
    struct zk_file_list l = { NULL, 0 };
    int rv;

    if (strcmp(p->log_dir, p->snap_dir) == 0) {
        return ZK_OK;
    }
    rv = purge_list(p->log_dir, "snapshot", &l, em);
    if (rv == ZK_OK && l.n > 0) {
        rv = zk_fail(em, ZK_ECONFIG, "Log directory has snapshot files (%s). "
                     "Check if dataLogDir and dataDir configuration is "
                     "correct.", l.v[0].path);
    }
    zk_file_list_fini(&l);
    if (rv == ZK_OK) {
        rv = purge_list(p->snap_dir, "log", &l, em);
    }
    if (rv == ZK_OK && l.n > 0) {
        rv = zk_fail(em, ZK_ECONFIG, "Snapshot directory has log files (%s). "
                     "Check if dataLogDir and dataDir configuration is "
                     "correct.", l.v[0].path);
    }
    zk_file_list_fini(&l);
    return rv;
}

/* With both lists read. */
static int
purge_old_ones(struct purge *p, struct zk_errmsg *em)
{
    int64_t oldest;
    int rv;

    if (!purge_oldest_kept(p, p->snaps.n, &oldest)
        || !purge_has_work(p, oldest)) {
        return ZK_OK;
    }
    rv = purge_prove(p, &oldest, em);
    if (rv == ZK_OK) {
        purge_files(p, oldest);
    }
    if (p->failed > 0) {
        rv = zk_fail(em, ZK_EIO, "%d file%s could not be removed", p->failed,
                     p->failed == 1 ? "" : "s");
    }
    return rv == ZK_ESTOPPED ? ZK_OK : rv;
}

static int
purge_look(struct purge *p, struct zk_errmsg *em)
{
    int rv = purge_list(p->log_dir, "log", &p->logs, em);

    if (rv == ZK_OK) {
        rv = purge_list(p->snap_dir, "snapshot", &p->snaps, em);
    }
    if (rv == ZK_OK) {
        rv = purge_old_ones(p, em);
    }
    zk_file_list_fini(&p->logs);
    zk_file_list_fini(&p->snaps);
    return rv;
}

/* What was read of a history that is another one by now says nothing, were it
 * that no snapshot is whole. */
static bool
purge_is_stale(struct purge *p)
{
    bool stopped = p->stop != NULL && atomic_load(p->stop);

    return !stopped
           && history_guard_version(p->guard, p->stop) != p->version;
}

static int
purge_run(struct purge *p, struct zk_errmsg *em)
{
    int rv = purge_check(p, em);

    if (rv == ZK_OK) {
        file_remover_sweep(p->snap_dir, p->stop);
        file_remover_sweep(p->log_dir, p->stop);
        do {
            p->stale = false;
            p->version = history_guard_version(p->guard, p->stop);
            rv = purge_look(p, em);
        } while ((rv != ZK_OK || p->stale) && purge_is_stale(p));
    }
    return rv;
}

/* The version-2 folder below 'dir', by its one name. */
static char *
purge_dir(const char *dir)
{
    char *real = realpath(dir, NULL);
    char *name = zk_xasprintf("%s/version-2", real != NULL ? real : dir);

    free(real);
    return name;
}

int
purge_txn_log(const struct purge_options *opts, FILE *out,
              const atomic_bool *stop, struct zk_errmsg *em)
{
    struct purge p = {
        .keep = opts->keep, .max_record = opts->max_record, .out = out,
        .stop = stop, .guard = opts->guard,
    };
    int rv;

    if (opts->keep < PURGE_MIN_KEEP) {
        return zk_fail(em, ZK_ECONFIG, PURGE_COUNT_TEXT);
    }
    p.log_dir = purge_dir(opts->data_log_dir);
    p.snap_dir = purge_dir(opts->data_dir);
    rv = purge_run(&p, em);
    free(p.log_dir);
    free(p.snap_dir);
    return rv;
}
