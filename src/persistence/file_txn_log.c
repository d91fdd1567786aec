/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "persistence/file_txn_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "persistence/log_file.h"
#include "util/crash_point.h"
#include "util/zk_io.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

/* A buffer that grew past this is given back after the commit. */
#define FTL_BUF_KEEP (4 << 20)
/* The file grows when less than this is left (Java: FilePadding). */
#define FTL_PAD_MARGIN 4096

struct file_txn_log {
    unsigned magic;
#define FILE_TXN_LOG_MAGIC 0x46544c6f

    /* Set at create, never changed. */
    char *dir;
    struct file_txn_log_options opts;

    /* Written by the owner, read by any thread. */
    _Atomic int64_t last_synced;
    _Atomic int64_t size;       /* == position. */

    /* Owned by the appending thread. */
    int fd;                     /* -1: the next commit makes a file. */
    char *path;                 /* Of the open file. */
    off_t position;             /* End of the last synced record. */
    off_t file_size;            /* With padding; >= position. */
    struct zk_buf buf;          /* Framed records not yet committed. */
    size_t pending;             /* How many. */
    int64_t first_pending;      /* zxids; valid with pending > 0. */
    int64_t last_pending;
    int64_t last_in_file;       /* Highest appended since the last roll. */
    bool failed;                /* For good; see the header. */
    void (*on_sync)(void *arg, int64_t elapsed_us);
    void *on_sync_arg;
};

struct file_txn_log *
file_txn_log_create(const char *dir, const struct file_txn_log_options *opts)
{
    struct file_txn_log *log = zk_xcalloc(1, sizeof *log);

    zk_assert(opts->preallocate >= 0);
    zk_assert(opts->max_record > 0);
    log->magic = FILE_TXN_LOG_MAGIC;
    log->dir = zk_xstrdup(dir);
    log->opts = *opts;
    log->fd = -1;
    log->last_in_file = INT64_MIN;
    return log;
}

static void
ftl_close(struct file_txn_log *log)
{
    if (log->fd >= 0) {
        close(log->fd);
        log->fd = -1;
    }
    free(log->path);
    log->path = NULL;
    log->position = 0;
    log->file_size = 0;
    atomic_store_explicit(&log->size, 0, memory_order_relaxed);
}

void
file_txn_log_destroy(struct file_txn_log *log)
{
    if (log == NULL) {
        return;
    }
    ZK_CHECK(log, FILE_TXN_LOG_MAGIC);
    ftl_close(log);
    zk_buf_fini(&log->buf);
    free(log->dir);
    log->magic = 0;
    free(log);
}

/* Nothing is known about the disk any more: refuse all that follows. */
static int
ftl_fail_for_good(struct file_txn_log *log, int rv)
{
    log->failed = true;
    return rv == ZK_ENOSPC ? ZK_EIO : rv;
}

static int
ftl_refuse(const struct file_txn_log *log, struct zk_errmsg *em)
{
    return zk_fail(em, ZK_EIO, "%s: the transaction log is closed after an "
                   "earlier write error", log->dir);
}

int
file_txn_log_append(struct file_txn_log *log, int64_t zxid, const void *txn,
                    size_t len, struct zk_errmsg *em)
{
    ZK_CHECK(log, FILE_TXN_LOG_MAGIC);
    if (log->failed) {
        return ftl_refuse(log, em);
    }
    if (len > (size_t) log->opts.max_record) {
        return zk_fail(em, ZK_ETOOBIG, "transaction 0x%" PRIx64 " of %zu "
                       "bytes is over the limit of %d", (uint64_t) zxid, len,
                       log->opts.max_record);
    }
    zk_assert(zxid > log->last_in_file);
    if (log->fd < 0 && log->pending == 0) {
        log_header_encode(&log->buf);
    }
    log_record_encode(&log->buf, txn, len);
    if (log->pending == 0) {
        log->first_pending = zxid;
    }
    log->last_pending = zxid;
    log->last_in_file = zxid;
    log->pending++;
    return ZK_OK;
}

/* The size the file shall have when 'position' bytes are in use (Java:
 * FilePadding.calculateFileSizeWithPadding). */
static off_t
ftl_padded_size(off_t position, off_t size, int64_t prealloc)
{
    if (prealloc <= 0 || position + FTL_PAD_MARGIN < size) {
        return size;
    }
    if (position > size) {
        size = position + prealloc;
        return size - size % prealloc;
    }
    return size + prealloc;
}

/* Extends the file for what stands in the buffer, by one zero byte at its
 * new end.  A full disk is no failure here: the records may still fit. */
static int
ftl_pad(struct file_txn_log *log, off_t position, const char *path,
        struct zk_errmsg *em)
{
    off_t end = log->position + (off_t) log->buf.len;
    off_t size;
    int rv;

    size = ftl_padded_size(position, log->file_size, log->opts.preallocate);
    if (end > size) {
        size = ftl_padded_size(end, size, log->opts.preallocate);
    }
    if (size == log->file_size || size < end) {
        return ZK_OK;
    }
    rv = zk_pwrite_all(log->fd, "", 1, size - 1, path, em);
    if (rv == ZK_OK) {
        log->file_size = size;
        CRASH_HERE(log_padded);
    }
    return rv == ZK_ENOSPC ? ZK_OK : rv;
}

/* Writes the whole buffer at the position. */
static int
ftl_write(const struct file_txn_log *log, const char *path,
          struct zk_errmsg *em)
{
    size_t first = 0;

#ifdef ZK_CRASH_POINTS
    int rv;

    /* In two halves, so that a test can die between them. */
    first = log->buf.len / 2;
    rv = zk_pwrite_all(log->fd, log->buf.data, first, log->position, path,
                       em);
    if (rv != ZK_OK) {
        return rv;
    }
    CRASH_HERE(log_half_record);
#endif
    return zk_pwrite_all(log->fd, log->buf.data + first,
                         log->buf.len - first,
                         log->position + (off_t) first, path, em);
}

static int
ftl_sync(struct file_txn_log *log, const char *path, struct zk_errmsg *em)
{
    int64_t start;
    int64_t us;

    if (!log->opts.force_sync) {
        return ZK_OK;
    }
    start = zk_time_mono_us();
    if (fdatasync(log->fd) != 0) {
        return zk_fail_errno(em, "%s: fdatasync", path);
    }
    us = zk_time_mono_us() - start;
    if (log->opts.fsync_warn_ms > 0
        && us >= log->opts.fsync_warn_ms * 1000) {
        zk_warn(txn_log, "fsync-ing the write ahead log in %s took %" PRId64
                "ms, which every write waited for. File %s, %" PRId64
                " bytes.", zk_thread_name(), us / 1000, path,
                (int64_t) log->file_size);
    }
    if (log->on_sync != NULL) {
        log->on_sync(log->on_sync_arg, us);
    }
    return ZK_OK;
}

/* The buffer is on disk. */
static void
ftl_committed(struct file_txn_log *log)
{
    log->position += (off_t) log->buf.len;
    if (log->file_size < log->position) {
        log->file_size = log->position;
    }
    atomic_store_explicit(&log->size, (int64_t) log->position,
                          memory_order_relaxed);
    atomic_store_explicit(&log->last_synced, log->last_pending,
                          memory_order_release);
}

static void
ftl_drop_pending(struct file_txn_log *log)
{
    log->pending = 0;
    if (log->buf.cap > FTL_BUF_KEEP) {
        zk_buf_fini(&log->buf);
    } else {
        zk_buf_clear(&log->buf);
    }
}

/* The disk is full: drops the batch.  The file is cut back to its last
 * synced record, and that is synced, so that nothing of the batch can come
 * to light after a crash although its writers were told no. */
static int
ftl_undo(struct file_txn_log *log, struct zk_errmsg *em)
{
    log->last_in_file = log->position > 0
                        ? file_txn_log_last_synced(log) : INT64_MIN;
    ftl_drop_pending(log);
    if (log->fd < 0) {
        return ZK_ENOSPC;
    }
    if (ftruncate(log->fd, log->position) != 0 || fsync(log->fd) != 0) {
        return ftl_fail_for_good(log, zk_fail_errno(em, "%s: cutting back "
                                 "to %lld after the disk was full",
                                 log->path, (long long) log->position));
    }
    log->file_size = log->position;
    return ZK_ENOSPC;
}

/* Header and first batch under a temporary name that no reader takes for a
 * log; synced, then renamed: a log file is never seen without a record, which
 * older servers would refuse to start on. */
static int
ftl_write_new(struct file_txn_log *log, const char *tmp, const char *path,
              struct zk_errmsg *em)
{
    int rv;

    log->fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (log->fd < 0) {
        return zk_fail_errno(em, "%s: create", tmp);
    }
    CRASH_HERE(log_created);
    log->position = 0;
    log->file_size = LOG_FILE_HEADER_LEN;
    rv = ftl_write(log, tmp, em);
    if (rv != ZK_OK) {
        return rv;
    }
    CRASH_HERE(log_header_written);
    rv = ftl_pad(log, LOG_FILE_HEADER_LEN, tmp, em);
    if (rv != ZK_OK) {
        return rv;
    }
    CRASH_HERE(log_appended);
    rv = ftl_sync(log, tmp, em);
    if (rv != ZK_OK) {
        return ftl_fail_for_good(log, rv);
    }
    if (access(path, F_OK) == 0) {
        zk_warn(txn_log, "%s is replaced: it held no readable transaction",
                path);
    }
    if (rename(tmp, path) != 0) {
        return ftl_fail_for_good(log, zk_fail_errno(em, "%s: rename from %s",
                                                    path, tmp));
    }
    rv = zk_sync_parent_dir(path, em);
    return rv == ZK_OK ? ZK_OK : ftl_fail_for_good(log, rv);
}

static int
ftl_commit_new(struct file_txn_log *log, struct zk_errmsg *em)
{
    char *path = zk_xasprintf("%s/log.%" PRIx64, log->dir,
                              (uint64_t) log->first_pending);
    char *tmp = zk_xasprintf("%s/tmp.log.%" PRIx64, log->dir,
                             (uint64_t) log->first_pending);
    int rv;

    rv = ftl_write_new(log, tmp, path, em);
    if (rv == ZK_OK) {
        log->path = path;
        path = NULL;
        zk_info(txn_log, "Creating new log file: %s", log->path);
    } else {
        ftl_close(log);
        unlink(tmp);
    }
    free(path);
    free(tmp);
    return rv;
}

static int
ftl_commit_more(struct file_txn_log *log, struct zk_errmsg *em)
{
    int rv;

    rv = ftl_pad(log, log->position, log->path, em);
    if (rv == ZK_OK) {
        rv = ftl_write(log, log->path, em);
    }
    if (rv != ZK_OK) {
        return rv;
    }
    CRASH_HERE(log_appended);
    rv = ftl_sync(log, log->path, em);
    return rv == ZK_OK ? ZK_OK : ftl_fail_for_good(log, rv);
}

int
file_txn_log_commit(struct file_txn_log *log, struct zk_errmsg *em)
{
    int rv;

    ZK_CHECK(log, FILE_TXN_LOG_MAGIC);
    if (log->failed) {
        return ftl_refuse(log, em);
    }
    if (log->pending == 0) {
        return ZK_OK;
    }
    rv = log->fd < 0 ? ftl_commit_new(log, em) : ftl_commit_more(log, em);
    if (rv == ZK_ENOSPC && !log->failed) {
        return ftl_undo(log, em);
    }
    if (rv != ZK_OK) {
        return ftl_fail_for_good(log, rv);
    }
    CRASH_HERE(log_synced);
    ftl_committed(log);
    ftl_drop_pending(log);
    if (log->opts.size_limit > 0 && log->position > log->opts.size_limit) {
        zk_info(txn_log, "%s: %" PRId64 " bytes, over the limit: rolled",
                log->path, (int64_t) log->position);
        file_txn_log_roll(log);
    }
    return ZK_OK;
}

void
file_txn_log_roll(struct file_txn_log *log)
{
    ZK_CHECK(log, FILE_TXN_LOG_MAGIC);
    zk_assert(log->pending == 0);
    ftl_close(log);
    log->last_in_file = INT64_MIN;
}

size_t
file_txn_log_pending(const struct file_txn_log *log)
{
    ZK_CHECK(log, FILE_TXN_LOG_MAGIC);
    return log->pending;
}

int64_t
file_txn_log_last_synced(const struct file_txn_log *log)
{
    ZK_CHECK(log, FILE_TXN_LOG_MAGIC);
    return atomic_load_explicit(&log->last_synced, memory_order_acquire);
}

void
file_txn_log_set_last_synced(struct file_txn_log *log, int64_t zxid)
{
    ZK_CHECK(log, FILE_TXN_LOG_MAGIC);
    zk_assert(log->pending == 0 && log->fd < 0);
    atomic_store_explicit(&log->last_synced, zxid, memory_order_release);
}

int64_t
file_txn_log_size(const struct file_txn_log *log)
{
    ZK_CHECK(log, FILE_TXN_LOG_MAGIC);
    return atomic_load_explicit(&log->size, memory_order_relaxed);
}

void
file_txn_log_on_sync(struct file_txn_log *log,
                     void (*f)(void *arg, int64_t elapsed_us), void *arg)
{
    ZK_CHECK(log, FILE_TXN_LOG_MAGIC);
    log->on_sync = f;
    log->on_sync_arg = arg;
}
