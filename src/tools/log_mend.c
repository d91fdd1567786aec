/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "tools/log_mend.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/txn_codec.h"
#include "util/zk_bytes.h"
#include "util/zk_io.h"

#define LM_PIECE 262144
/* Java: FilePadding pads when so little is left. */
#define LM_PAD_BEFORE 4096

/* ---- copies ------------------------------------------------------------ */

int
log_copy_open(struct log_copy *c, const char *path,
              const struct log_file *like, bool overwrite,
              int64_t preallocate, struct zk_errmsg *em)
{
    uint8_t *p;

    *c = (struct log_copy) {
        .path = zk_xstrdup(path), .size = LOG_FILE_HEADER_LEN,
        .preallocate = preallocate,
    };
    c->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC
                       | (overwrite ? O_TRUNC : O_EXCL), 0644);
    if (c->fd < 0) {
        return zk_fail_errno(em, "%s: create", path);
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
                           c->path, em);

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
    return zk_pwrite_all(c->fd, "", 1, (off_t) size - 1, c->path, em);
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

int
log_copy_finish(struct log_copy *c, struct zk_errmsg *em)
{
    int rv = lc_write(c, em);

    if (rv == ZK_OK && fsync(c->fd) != 0) {
        rv = zk_fail_errno(em, "%s: fsync", c->path);
    }
    return rv == ZK_OK ? zk_sync_parent_dir(c->path, em) : rv;
}

void
log_copy_fini(struct log_copy *c, bool remove)
{
    if (c->path == NULL) {
        return;
    }
    if (c->fd >= 0) {
        close(c->fd);
        if (remove) {
            unlink(c->path);
        }
    }
    zk_buf_fini(&c->buf);
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

/* One record.  ZK_ENOTFOUND: the file ends, and nothing was cut; ZK_ESTOPPED:
 * the place to cut at, or where it would be. */
static int
chop_next(struct chop *c, struct zk_errmsg *em)
{
    struct log_record r;
    struct txn_view txn;
    int rv = log_file_look(c->f, c->max_record, &r, em);

    if (rv == ZK_ETORN) {
        rv = ZK_ENOTFOUND;      /* Also for Java. */
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

/* Whether the copy is what was wanted. */
static bool
chop_run(struct chop *c, struct zk_errmsg *em)
{
    int rv;

    while ((rv = chop_next(c, em)) == ZK_OK) {
    }
    if (rv == ZK_ENOTFOUND) {
        zk_buf_printf(c->out, "EOF reached after %" PRId64 " txns.\n",
                      c->count);
    } else if (rv == ZK_ESTOPPED && (c->count == 0 || !c->found)) {
        zk_buf_printf(c->out, "This log does not contain zxid %" PRIx64
                      "\n", (uint64_t) c->zxid);
    } else if (rv == ZK_ESTOPPED) {
        zk_buf_printf(c->out, "Chopping at %" PRIx64 " new log has %" PRId64
                      " records\n", (uint64_t) c->zxid, c->count);
        return log_copy_finish(&c->copy, em) == ZK_OK;
    } else {
        return false;
    }
    zk_fail(em, ZK_ENOTFOUND, "Failed to chop %s",
            strrchr(c->f->path, '/') != NULL
            ? strrchr(c->f->path, '/') + 1 : c->f->path);
    return false;
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
    bool ok = false;

    if (log_file_open(&f, path, &em) == ZK_OK) {
        zk_buf_printf(&out->buf, "ZooKeeper Transactional Log File with dbid "
                      "%" PRId64 " txnlog format version %d\n", f.dbid,
                      LOG_FILE_VERSION);
        ok = log_copy_open(&c.copy, target, &f, true, 0, &em) == ZK_OK
             && chop_run(&c, &em);
        log_copy_fini(&c.copy, !ok);
        log_file_close(&f);
    }
    if (!ok) {
        zk_buf_printf(&out->buf, "Got exception: %s\n", em.text);
    }
    free(target);
    return ok ? TOOL_EXIT_OK : TOOL_EXIT_INVALID;
}
