/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "tools/log_mend.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/txn_codec.h"
#include "util/zk_bytes.h"
#include "util/zk_io.h"

#define LM_PIECE 262144
/* Java: FilePadding pads when so little is left. */
#define LM_PAD_BEFORE 4096

/* ---- copies ------------------------------------------------------------ */

/* Owner and mode: a server must be able to read what takes the place of its
 * log, and nobody else. */
static int
lc_take_owner(const struct log_copy *c, const struct log_file *like,
              struct zk_errmsg *em)
{
    struct stat st;
    mode_t mode;

    if (fstat(like->fd, &st) != 0) {
        return zk_fail_errno(em, "%s: stat", like->path);
    }
    mode = st.st_mode & 0777;
    if (fchown(c->fd, st.st_uid, st.st_gid) != 0) {
        if (c->how == LOG_COPY_SUCCESSOR) {
            return zk_fail_errno(em, "%s: cannot have the owner and group of "
                                 "%s", c->temp, like->path);
        }
        mode &= 0707;           /* Theirs is another group. */
    }
    if (fchmod(c->fd, mode) != 0) {
        return zk_fail_errno(em, "%s: chmod", c->temp);
    }
    return ZK_OK;
}

static int
lc_create(struct log_copy *c, const struct log_file *like,
          struct zk_errmsg *em)
{
    struct stat st;

    if (c->how != LOG_COPY_OVER && lstat(c->path, &st) == 0) {
        return zk_fail(em, ZK_EEXIST, "%s is there already", c->path);
    }
    if (unlink(c->temp) != 0 && errno != ENOENT) {
        return zk_fail_errno(em, "%s: remove", c->temp);
    }
    c->fd = open(c->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
                          | O_CLOEXEC, 0600);
    if (c->fd < 0) {
        /* Not that of the name: somebody else is at it. */
        return zk_fail(em, ZK_EIO, "%s: create: %s", c->temp,
                       strerror(errno));
    }
    return lc_take_owner(c, like, em);
}

int
log_copy_open(struct log_copy *c, const char *path,
              const struct log_file *like, enum log_copy_how how,
              int64_t preallocate, struct zk_errmsg *em)
{
    uint8_t *p;
    int rv;

    *c = (struct log_copy) {
        .path = zk_xstrdup(path), .temp = zk_xasprintf("%s.tmp", path),
        .how = how, .fd = -1, .size = LOG_FILE_HEADER_LEN,
        .preallocate = preallocate,
    };
    rv = lc_create(c, like, em);
    if (rv != ZK_OK) {
        return rv;
    }
    p = zk_buf_reserve(&c->buf, LOG_FILE_HEADER_LEN);
    zk_put_be32(p, LOG_FILE_MAGIC);
    zk_put_be32(p + 4, LOG_FILE_VERSION);
    zk_put_be64(p + 8, (uint64_t) like->dbid);
    c->buf.len += LOG_FILE_HEADER_LEN;
    return ZK_OK;
}

static int
lc_write(struct log_copy *c, struct zk_errmsg *em)
{
    int rv = zk_pwrite_all(c->fd, c->buf.data, c->buf.len, (off_t) c->at,
                           c->temp, em);

    c->at += (int64_t) c->buf.len;
    zk_buf_clear(&c->buf);
    return rv;
}

/* Lets the file grow ahead of the records, as a server does. */
static int
lc_pad(struct log_copy *c, struct zk_errmsg *em)
{
    int64_t position = c->at + (int64_t) c->buf.len;
    int64_t size = c->size;

    if (c->preallocate <= 0 || position + LM_PAD_BEFORE < size) {
        return ZK_OK;
    }
    size = (position > size ? position : size) + c->preallocate;
    if (position > c->size) {
        size -= size % c->preallocate;
    }
    c->size = size;
    return zk_pwrite_all(c->fd, "", 1, (off_t) size - 1, c->temp, em);
}

int
log_copy_add(struct log_copy *c, const struct log_record *r, uint64_t crc,
             struct zk_errmsg *em)
{
    uint8_t *p;
    int rv = lc_pad(c, em);

    if (rv != ZK_OK) {
        return rv;
    }
    p = zk_buf_reserve(&c->buf, LOG_RECORD_HEAD_LEN);
    zk_put_be64(p, crc);
    zk_put_be32(p + 8, (uint32_t) r->txn.len);
    c->buf.len += LOG_RECORD_HEAD_LEN;
    zk_buf_append(&c->buf, r->txn.p, (size_t) r->txn.len);
    zk_buf_append(&c->buf, &(uint8_t) { LOG_RECORD_END }, 1);
    return c->buf.len < LM_PIECE ? ZK_OK : lc_write(c, em);
}

/* Whether the temporary name is still this file's: without the folder's lock
 * another run may have taken it. */
static bool
lc_has_name(const struct log_copy *c)
{
    struct stat mine, named;

    return fstat(c->fd, &mine) == 0 && lstat(c->temp, &named) == 0
           && mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

/* Gives it its name. */
static int
lc_publish(struct log_copy *c, struct zk_errmsg *em)
{
    if (!lc_has_name(c)) {
        return zk_fail(em, ZK_EIO, "%s: replaced by somebody else meanwhile",
                       c->temp);
    }
    if (c->how != LOG_COPY_OVER && link(c->temp, c->path) == 0) {
        unlink(c->temp);        /* That one never goes over another. */
    } else if (c->how != LOG_COPY_OVER && errno != EPERM
               && errno != EOPNOTSUPP) {
        return zk_fail_errno(em, "%s: create", c->path);
    } else if (rename(c->temp, c->path) != 0) {
        return zk_fail_errno(em, "%s: rename from %s", c->path, c->temp);
    }
    c->finished = true;
    return zk_sync_parent_dir(c->path, em);
}

int
log_copy_finish(struct log_copy *c, struct zk_errmsg *em)
{
    int rv = lc_write(c, em);

    if (rv == ZK_OK && fsync(c->fd) != 0) {
        rv = zk_fail_errno(em, "%s: fsync", c->temp);
    }
    return rv == ZK_OK ? lc_publish(c, em) : rv;
}

void
log_copy_fini(struct log_copy *c)
{
    if (c->path == NULL) {
        return;
    }
    if (c->fd >= 0) {
        if (!c->finished && lc_has_name(c)) {
            unlink(c->temp);
        }
        close(c->fd);
    }
    zk_buf_fini(&c->buf);
    free(c->temp);
    free(c->path);
    c->path = NULL;
}

int
log_replace(const char *path, const char *mended, struct zk_errmsg *em)
{
    char *backup = zk_xasprintf("%s.bak", path);
    int rv = ZK_OK;

    /* The name is never without a file. */
    if (link(path, backup) != 0) {
        rv = zk_fail_errno(em, "%s: keep as %s", path, backup);
    } else if (rename(mended, path) != 0) {
        rv = zk_fail_errno(em, "%s: rename from %s", path, mended);
        unlink(backup);
    } else {
        rv = zk_sync_parent_dir(path, em);
    }
    free(backup);
    return rv;
}

/* ---- chop -------------------------------------------------------------- */

struct chop {
    struct log_file *f;
    struct log_copy copy;
    struct zk_buf *out;
    int32_t max_record;
    int64_t zxid;
    int64_t count;              /* Records copied. */
    int64_t previous;           /* zxid of the last one; -1: none. */
    bool found;                 /* The one with 'zxid' is among them. */
};

static void
chop_gap(struct chop *c, int64_t zxid)
{
    const char *kind = NULL;

    if (c->previous != -1 && zxid != c->previous + 1) {
        if (zxid >> 32 == c->previous >> 32) {
            kind = "intra";
        } else if ((zxid & 0xffffffff) != 1) {
            kind = "inter";
        }
    }
    if (kind != NULL) {
        zk_buf_printf(c->out, "There is %s-epoch gap between %" PRIx64
                      " and %" PRIx64 "\n", kind, (uint64_t) c->previous,
                      (uint64_t) zxid);
    }
    c->previous = zxid;
}

/* Where the file ends for Apache's tool: ZK_ENOTFOUND, or what a server says
 * is wrong there. */
static int
chop_end(struct chop *c, struct zk_errmsg *em)
{
    struct zk_slice none;
    int rv = log_file_next(c->f, c->max_record, &none, em);

    zk_buf_printf(c->out, "EOF reached after %" PRId64 " txns.\n", c->count);
    return rv == ZK_OK || rv == ZK_ETORN ? ZK_ENOTFOUND : rv;
}

/* One record.  ZK_ENOTFOUND: the file ends, and nothing was cut; ZK_ESTOPPED:
 * the place to cut at, or where it would be. */
static int
chop_next(struct chop *c, struct zk_errmsg *em)
{
    struct log_record r;
    struct txn_view txn;
    int rv = log_file_look(c->f, c->max_record, &r, em);

    if (rv == ZK_ENOTFOUND || rv == ZK_ETORN) {
        return chop_end(c, em);
    }
    if (rv != ZK_OK) {
        return rv;
    }
    if (r.crc != r.adler) {
        return zk_fail(em, ZK_ECORRUPT, "CRC doesn't match %" PRId64
                       " vs %" PRIu32, (int64_t) r.crc, r.adler);
    }
    if (r.end != LOG_RECORD_END) {
        tool_append(c->out, "Last transaction was partial.\n");
        return zk_fail(em, ZK_ECORRUPT, "Last transaction was partial.");
    }
    rv = txn_view_decode(&txn, r.txn.p, (size_t) r.txn.len, c->max_record,
                         em);
    if (rv != ZK_OK) {
        return rv;
    }
    c->found = c->found || txn.zxid == c->zxid;
    chop_gap(c, txn.zxid);
    if (txn.zxid > c->zxid) {
        return ZK_ESTOPPED;
    }
    rv = log_copy_add(&c->copy, &r, r.crc, em);
    log_file_pass(c->f, &r);
    c->count++;
    return rv;
}

/* ZK_OK: the copy is what was wanted; ZK_ENOTFOUND: nothing was to be cut. */
static int
chop_run(struct chop *c, struct zk_errmsg *em)
{
    const char *slash = strrchr(c->f->path, '/');
    int rv;

    while ((rv = chop_next(c, em)) == ZK_OK) {
    }
    if (rv == ZK_ESTOPPED && c->count > 0 && c->found) {
        zk_buf_printf(c->out, "Chopping at %" PRIx64 " new log has %" PRId64
                      " records\n", (uint64_t) c->zxid, c->count);
        return log_copy_finish(&c->copy, em);
    }
    if (rv == ZK_ESTOPPED) {
        zk_buf_printf(c->out, "This log does not contain zxid %" PRIx64
                      "\n", (uint64_t) c->zxid);
    } else if (rv != ZK_ENOTFOUND) {
        return rv;
    }
    return zk_fail(em, ZK_ENOTFOUND, "Failed to chop %s",
                   slash != NULL ? slash + 1 : c->f->path);
}

int
log_chop(const char *path, int64_t zxid, int32_t max_record,
         struct tool_out *out)
{
    struct log_file f;
    struct chop c = {
        .f = &f, .out = &out->buf, .max_record = max_record, .zxid = zxid,
        .previous = -1,
    };
    char *target = zk_xasprintf("%s.chopped%" PRId64, path, zxid);
    struct zk_errmsg em = { "" };
    int code = TOOL_EXIT_FAILED;
    int rv = log_file_open(&f, path, &em);

    if (rv == ZK_ECORRUPT) {
        code = TOOL_EXIT_INVALID;
    }
    if (rv == ZK_OK) {
        zk_buf_printf(&out->buf, "ZooKeeper Transactional Log File with dbid "
                      "%" PRId64 " txnlog format version %d\n", f.dbid,
                      LOG_FILE_VERSION);
        rv = log_copy_open(&c.copy, target, &f, LOG_COPY_OVER, 0, &em);
        if (rv == ZK_OK) {
            rv = chop_run(&c, &em);
            code = rv == ZK_ENOTFOUND ? TOOL_EXIT_INVALID : code;
        }
        log_copy_fini(&c.copy);
        log_file_close(&f);
    }
    if (rv != ZK_OK) {
        zk_buf_printf(&out->buf, "Got exception: %s\n", em.text);
    }
    free(target);
    return rv == ZK_OK ? TOOL_EXIT_OK : code;
}
