/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "persistence/file_txn_iterator.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "persistence/file_list.h"
#include "persistence/log_file.h"
#include "proto/op_code.h"
#include "util/zk_io.h"

/* What can be done about damage, said with each refusal. */
#define FTI_ADVICE                                                        \
    "; put an undamaged copy of the file in place, or, in an ensemble, "  \
    "move this server's version-2 folders away and start it empty, so "   \
    "that it takes the data of the others"

struct file_txn_iterator {
    unsigned magic;
#define FILE_TXN_ITERATOR_MAGIC 0x46547849

    char *dir;
    int64_t from;
    int32_t max_record;
    bool verified;              /* Whoever reads has compared repetitions. */

    struct zk_file_list files;
    size_t next_file;           /* Index of the file to open next. */
    struct log_file file;       /* path NULL: none is open. */
    char *path;                 /* Of the file last opened. */
    int64_t limit;              /* First zxid of the files behind it. */
    bool limit_is_error;        /* That record is an error txn. */
    int64_t prev;               /* Last zxid returned; -1: none yet. */
    /* Reads once more what the open file's records repeat; NULL: nothing. */
    struct file_txn_iterator *again;
    struct zk_buf notes;
};

int
file_txn_iterator_open(const char *dir, int64_t from, int32_t max_record,
                       struct file_txn_iterator **out, struct zk_errmsg *em)
{
    struct file_txn_iterator *it = zk_xcalloc(1, sizeof *it);
    int rv;

    zk_assert(max_record > 0);
    it->magic = FILE_TXN_ITERATOR_MAGIC;
    it->dir = zk_xstrdup(dir);
    it->from = from;
    it->max_record = max_record;
    it->prev = -1;
    rv = zk_file_list_read(dir, "log", &it->files, em);
    if (rv != ZK_OK) {
        file_txn_iterator_close(it);
        return rv;
    }
    it->next_file = zk_file_list_first_log(&it->files, from);
    *out = it;
    return ZK_OK;
}

void
file_txn_iterator_close(struct file_txn_iterator *it)
{
    if (it == NULL) {
        return;
    }
    ZK_CHECK(it, FILE_TXN_ITERATOR_MAGIC);
    file_txn_iterator_close(it->again);
    log_file_close(&it->file);
    free(it->path);
    free(it->dir);
    zk_file_list_fini(&it->files);
    zk_buf_fini(&it->notes);
    it->magic = 0;
    free(it);
}

static void
fti_note(struct file_txn_iterator *it, const char *text)
{
    if (it->notes.len > 0) {
        zk_buf_append(&it->notes, "; ", 2);
    }
    zk_buf_printf(&it->notes, "%s", text);
}

/* The first record of the file at 'path' into *txn's header; false when it
 * has none that can be read (its own turn will say why). */
static bool
fti_peek_first(const struct file_txn_iterator *it, const char *path,
               struct txn_view *txn)
{
    struct log_file f;
    struct zk_slice bytes;
    bool ok;

    if (log_file_open(&f, path, NULL) != ZK_OK) {
        return false;
    }
    ok = log_file_next(&f, it->max_record, &bytes, NULL) == ZK_OK
         && txn_view_decode_header(txn, bytes.p, (size_t) bytes.len)
                == ZK_OK;
    log_file_close(&f);
    return ok;
}

/* A server never appends to an old file once it has begun a new one: what an
 * old file holds from the new one's first zxid on was cut off (a torn end, a
 * snapshot taken from a leader) and is superseded by it. */
static void
fti_find_limit(struct file_txn_iterator *it)
{
    struct txn_view txn;

    it->limit = INT64_MAX;
    it->limit_is_error = false;
    for (size_t i = it->next_file; i < it->files.n; i++) {
        if (fti_peek_first(it, it->files.v[i].path, &txn)) {
            it->limit = txn.zxid;
            it->limit_is_error = txn.type == OP_ERROR;
            return;
        }
    }
}

/* Opens the next file that has a header.  ZK_ENOTFOUND when there is none. */
static int
fti_open_next(struct file_txn_iterator *it, struct zk_errmsg *em)
{
    struct zk_errmsg why;
    const char *path;
    int rv;

    while (it->next_file < it->files.n) {
        path = it->files.v[it->next_file++].path;
        free(it->path);
        it->path = zk_xstrdup(path);
        rv = log_file_open(&it->file, path, &why);
        if (rv == ZK_OK) {
            fti_find_limit(it);
            return ZK_OK;
        }
        if (rv == ZK_ETORN) {
            fti_note(it, why.text);
        } else if (rv == ZK_ENOTFOUND && it->prev >= 0) {
            /* A purge took it: what it held is missing between what was read
             * and what comes. */
            return zk_fail(em, ZK_EIO, "%s was removed while the log was "
                           "read", path);
        } else if (rv != ZK_ENOTFOUND) {
            return zk_fail(em, rv, "%s%s", why.text,
                           rv == ZK_ECORRUPT ? FTI_ADVICE : "");
        }
    }
    return ZK_ENOTFOUND;
}

/* Whether the record with 'zxid' in the open file gives way to the files
 * behind it.  An error txn may repeat the zxid before it (Java 3.9 leaders):
 * then both count. */
static bool
fti_superseded(struct file_txn_iterator *it, int64_t zxid)
{
    char text[160];

    if (zxid < it->limit || (zxid == it->limit && it->limit_is_error)) {
        return false;
    }
    snprintf(text, sizeof text, "%s: from zxid 0x%" PRIx64
             " on superseded by the file behind it",
             it->path + (strlen(it->path) > 64 ? strlen(it->path) - 64 : 0),
             (uint64_t) zxid);
    fti_note(it, text);
    return true;
}

static int
fti_misplaced(const struct file_txn_iterator *it, int64_t zxid,
              const char *what, struct zk_errmsg *em)
{
    return zk_fail(em, ZK_ECORRUPT, "%s: at offset %lld zxid 0x%" PRIx64
                   " follows 0x%" PRIx64 ": %s" FTI_ADVICE, it->path,
                   (long long) it->file.record, (uint64_t) zxid,
                   (uint64_t) it->prev, what);
}

/* May the record be the next?  Inside an epoch each zxid is the one before
 * plus 1. */
static int
fti_check_next(const struct file_txn_iterator *it, int64_t zxid,
               struct zk_errmsg *em)
{
    if (it->prev < 0 || zxid == it->prev + 1) {
        return ZK_OK;
    }
    if (zxid >> 32 == it->prev >> 32) {
        return fti_misplaced(it, zxid, "the transactions between are missing",
                             em);
    }
    if (it->again != NULL) {
        return fti_misplaced(it, zxid, "it had begun anew from an older zxid "
                             "and not come as far again", em);
    }
    return ZK_OK;
}

static int
fti_decode(const struct file_txn_iterator *it, struct zk_slice bytes,
           struct txn_view *txn, struct zk_errmsg *em)
{
    struct zk_errmsg why = { "" };
    int rv;

    rv = txn_view_decode(txn, bytes.p, (size_t) bytes.len, it->max_record,
                         &why);
    if (rv != ZK_OK) {
        return zk_fail(em, ZK_ECORRUPT, "%s: the record at offset %lld is "
                       "not a transaction: %s" FTI_ADVICE, it->path,
                       (long long) it->file.record, why.text);
    }
    return ZK_OK;
}

/* ---- repetitions ------------------------------------------------------ */

static bool
fti_same(struct zk_slice a, const struct txn_view *ta, struct zk_slice b,
         const struct txn_view *tb)
{
    int32_t a_len = a.len - (ta->has_digest ? TXN_DIGEST_LEN : 0);
    int32_t b_len = b.len - (tb->has_digest ? TXN_DIGEST_LEN : 0);

    return a_len == b_len && memcmp(a.p, b.p, (size_t) a_len) == 0;
}

/* it->again stands before the first record with this zxid or a later one. */
static int
fti_begin_again(struct file_txn_iterator *it, int64_t zxid,
                struct zk_errmsg *em)
{
    char text[160];
    int rv;

    file_txn_iterator_close(it->again);
    it->again = NULL;
    rv = file_txn_iterator_open(it->dir, zxid, it->max_record, &it->again,
                                em);
    if (rv == ZK_OK) {
        it->again->verified = true;
        snprintf(text, sizeof text, "%s: begins anew at zxid 0x%" PRIx64
                 " after 0x%" PRIx64,
                 it->path + (strlen(it->path) > 64 ? strlen(it->path) - 64
                                                   : 0),
                 (uint64_t) zxid, (uint64_t) it->prev);
        fti_note(it, text);
    }
    return rv;
}

/* A record at or below the last zxid.  Followers of 3.8.0 that drop out of a
 * synchronization (ZOOKEEPER-4394) have written what they got, do not count it
 * as theirs, and write it once more when they get it again.  So it changes
 * nothing, as long as it is what stands there. */
static int
fti_check_again(struct file_txn_iterator *it, struct zk_slice bytes,
                const struct txn_view *txn, struct zk_errmsg *em)
{
    struct zk_slice old_bytes;
    struct txn_view old;
    int rv;

    if (it->verified) {
        return ZK_OK;
    }
    if (it->again == NULL || txn->zxid <= it->again->prev) {
        rv = fti_begin_again(it, txn->zxid, em);
        if (rv != ZK_OK) {
            return rv;
        }
    }
    rv = file_txn_iterator_next(it->again, &old_bytes, &old, em);
    if (rv != ZK_OK && rv != ZK_ENOTFOUND) {
        return rv;
    }
    if (rv == ZK_ENOTFOUND || !fti_same(old_bytes, &old, bytes, txn)) {
        return fti_misplaced(it, txn->zxid, "another transaction stood there "
                             "before", em);
    }
    if (txn->zxid == it->prev) {
        file_txn_iterator_close(it->again);
        it->again = NULL;
    }
    return ZK_OK;
}

/* Whether the record repeats what was there; else it is the next, or an error
 * txn that Java's leaders of 3.9 give the zxid before it. */
static int
fti_check_order(struct file_txn_iterator *it, struct zk_slice bytes,
                const struct txn_view *txn, bool *repeats,
                struct zk_errmsg *em)
{
    *repeats = txn->zxid <= it->prev
               && !(txn->zxid == it->prev && txn->type == OP_ERROR);
    if (*repeats) {
        return fti_check_again(it, bytes, txn, em);
    }
    return txn->zxid == it->prev ? ZK_OK : fti_check_next(it, txn->zxid, em);
}

/* The next record of the open file that counts, or ZK_ENOTFOUND with the
 * file closed. */
static int
fti_next_in_file(struct file_txn_iterator *it, struct zk_slice *bytes,
                 struct txn_view *txn, struct zk_errmsg *em)
{
    struct zk_errmsg why;
    bool repeats;
    int rv;

    for (;;) {
        rv = log_file_next(&it->file, it->max_record, bytes, &why);
        if (rv == ZK_ETORN || rv == ZK_ENOTFOUND) {
            if (rv == ZK_ETORN) {
                fti_note(it, why.text);
            }
            log_file_close(&it->file);
            return ZK_ENOTFOUND;
        }
        if (rv != ZK_OK) {
            return zk_fail(em, rv, "%s%s", why.text,
                           rv == ZK_ECORRUPT ? FTI_ADVICE : "");
        }
        rv = txn_view_decode_header(txn, bytes->p, (size_t) bytes->len);
        if (rv != ZK_OK) {
            return fti_decode(it, *bytes, txn, em);
        }
        if (fti_superseded(it, txn->zxid)) {
            log_file_close(&it->file);
            return ZK_ENOTFOUND;
        }
        if (txn->zxid >= it->from) {
            rv = fti_decode(it, *bytes, txn, em);
            if (rv == ZK_OK) {
                rv = fti_check_order(it, *bytes, txn, &repeats, em);
            }
            if (rv != ZK_OK || !repeats) {
                return rv;
            }
        }
    }
}

int
file_txn_iterator_next(struct file_txn_iterator *it, struct zk_slice *bytes,
                       struct txn_view *txn, struct zk_errmsg *em)
{
    int rv;

    ZK_CHECK(it, FILE_TXN_ITERATOR_MAGIC);
    for (;;) {
        if (it->file.path == NULL) {
            rv = fti_open_next(it, em);
            if (rv != ZK_OK) {
                return rv;
            }
        }
        rv = fti_next_in_file(it, bytes, txn, em);
        if (rv == ZK_OK) {
            it->prev = txn->zxid;
        }
        if (rv != ZK_ENOTFOUND) {
            return rv;
        }
    }
}

const char *
file_txn_iterator_path(const struct file_txn_iterator *it)
{
    ZK_CHECK(it, FILE_TXN_ITERATOR_MAGIC);
    return it->path;
}

int64_t
file_txn_iterator_offset(const struct file_txn_iterator *it)
{
    ZK_CHECK(it, FILE_TXN_ITERATOR_MAGIC);
    return (int64_t) it->file.record;
}

const char *
file_txn_iterator_notes(const struct file_txn_iterator *it)
{
    ZK_CHECK(it, FILE_TXN_ITERATOR_MAGIC);
    return it->notes.len > 0 ? (const char *) it->notes.data : NULL;
}

/* ---- truncation ------------------------------------------------------- */

/* Cuts one file at 'end' and makes that durable. */
static int
fti_cut(const char *path, off_t end, struct zk_errmsg *em)
{
    int rv = ZK_OK;
    int fd;

    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return zk_fail_errno(em, "%s: open", path);
    }
    if (ftruncate(fd, end) != 0) {
        rv = zk_fail_errno(em, "%s: cut at %lld", path, (long long) end);
    } else if (fsync(fd) != 0) {
        rv = zk_fail_errno(em, "%s: fsync", path);
    }
    close(fd);
    return rv;
}

/* Removes the files from index 'from' on, the newest first: after a crash in
 * the middle what is left has no hole. */
static int
fti_remove_files(const struct zk_file_list *files, size_t from,
                 struct zk_errmsg *em)
{
    for (size_t i = files->n; i > from; i--) {
        const char *path = files->v[i - 1].path;
        int rv;

        if (unlink(path) != 0) {
            return zk_fail_errno(em, "%s: remove", path);
        }
        rv = zk_sync_parent_dir(path, em);
        if (rv != ZK_OK) {
            return rv;
        }
    }
    return ZK_OK;
}

/* Cuts file 'index' at 'end', after all files behind it are gone.  A file of
 * which only the header would be left goes as a whole. */
static int
fti_cut_at(const struct zk_file_list *files, size_t index, off_t end,
           struct zk_errmsg *em)
{
    int rv;

    if (end <= LOG_FILE_HEADER_LEN) {
        return fti_remove_files(files, index, em);
    }
    rv = fti_remove_files(files, index + 1, em);
    return rv != ZK_OK ? rv : fti_cut(files->v[index].path, end, em);
}

/* Reads on to the first record above 'zxid'.  ZK_OK: 'at' says where the log
 * is to be cut (at.found is false when nothing is above), and at.exact
 * whether a record of this zxid was met. */
struct fti_cut_place {
    bool found;
    bool exact;
    size_t index;
    off_t end;
};

static int
fti_find_cut(struct file_txn_iterator *it, int64_t zxid,
             struct fti_cut_place *at, struct zk_errmsg *em)
{
    struct zk_slice bytes;
    struct zk_errmsg why;
    struct txn_view txn;
    int rv;

    *at = (struct fti_cut_place) { .found = false };
    while ((rv = file_txn_iterator_next(it, &bytes, &txn, &why)) == ZK_OK) {
        at->found = txn.zxid > zxid;
        if (at->found && at->exact) {
            return ZK_OK;       /* Behind the last of this zxid. */
        }
        at->exact = at->exact || txn.zxid == zxid;
        at->index = it->next_file - 1;
        at->end = at->found ? it->file.record : it->file.at;
        if (at->found) {
            return ZK_OK;
        }
    }
    /* Damage behind the record is about to be cut off. */
    if (at->exact && rv == ZK_ECORRUPT) {
        at->found = true;
        return ZK_OK;
    }
    return rv == ZK_ENOTFOUND ? ZK_OK : zk_fail(em, rv, "%s", why.text);
}

int
file_txn_log_find(const char *dir, int64_t zxid, int32_t max_record,
                  struct zk_errmsg *em)
{
    struct file_txn_iterator *it;
    struct zk_slice bytes;
    struct txn_view txn;
    int rv;

    rv = file_txn_iterator_open(dir, zxid, max_record, &it, em);
    if (rv != ZK_OK) {
        return rv;
    }
    rv = file_txn_iterator_next(it, &bytes, &txn, em);
    if (rv == ZK_ENOTFOUND || (rv == ZK_OK && txn.zxid != zxid)) {
        rv = zk_fail(em, ZK_ENOTFOUND, "%s: no transaction 0x%" PRIx64
                     " in the log", dir, (uint64_t) zxid);
    }
    file_txn_iterator_close(it);
    return rv;
}

/* The last record with this zxid, or where it would stand, becomes the end.
 * A torn record behind it goes too. */
static int
fti_truncate(const char *dir, int64_t zxid, int32_t max_record, bool exact,
             struct zk_errmsg *em)
{
    struct file_txn_iterator *it;
    struct fti_cut_place at;
    int rv;

    rv = file_txn_iterator_open(dir, zxid, max_record, &it, em);
    if (rv != ZK_OK) {
        return rv;
    }
    rv = fti_find_cut(it, zxid, &at, em);
    if (rv == ZK_OK && exact && !at.exact) {
        rv = zk_fail(em, ZK_ENOTFOUND, "%s: no transaction 0x%" PRIx64
                     " in the log", dir, (uint64_t) zxid);
    }
    if (rv == ZK_OK && (at.found || at.exact)) {
        rv = fti_cut_at(&it->files, at.index, at.end, em);
    }
    file_txn_iterator_close(it);
    return rv;
}

int
file_txn_log_truncate(const char *dir, int64_t zxid, int32_t max_record,
                      struct zk_errmsg *em)
{
    return fti_truncate(dir, zxid, max_record, true, em);
}

int
file_txn_log_cut_above(const char *dir, int64_t zxid, int32_t max_record,
                       struct zk_errmsg *em)
{
    return fti_truncate(dir, zxid, max_record, false, em);
}
