/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "persistence/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "persistence/log_scan.h"
#include "util/checksum.h"
#include "util/zk_bytes.h"

#define LOG_FILE_CHUNK 262144
/* What a disk writes whole or not at all. */
#define LOG_FILE_SECTOR 512

void
log_header_encode(struct zk_buf *out)
{
    uint8_t *p = zk_buf_reserve(out, LOG_FILE_HEADER_LEN);

    zk_put_be32(p, LOG_FILE_MAGIC);
    zk_put_be32(p + 4, LOG_FILE_VERSION);
    zk_put_be64(p + 8, 0);
    out->len += LOG_FILE_HEADER_LEN;
}

void
log_record_encode(struct zk_buf *out, const void *txn, size_t len)
{
    uint8_t *p = zk_buf_reserve(out, LOG_RECORD_HEAD_LEN + len + 1);

    zk_assert(len > 0 && len <= INT32_MAX);
    zk_put_be64(p, checksum_adler32(CHECKSUM_ADLER32_INIT, txn, len));
    zk_put_be32(p + 8, (uint32_t) len);
    memcpy(p + LOG_RECORD_HEAD_LEN, txn, len);
    p[LOG_RECORD_HEAD_LEN + len] = LOG_RECORD_END;
    out->len += LOG_RECORD_HEAD_LEN + len + 1;
}

/* Reads up to 'len' bytes at 'at', less only at the end of file. */
static int
lf_pread(const struct log_file *f, void *p, size_t len, off_t at,
         size_t *got, struct zk_errmsg *em)
{
    uint8_t *to = p;
    ssize_t n;

    *got = 0;
    while (*got < len) {
        n = pread(f->fd, to + *got, len - *got, at + (off_t) *got);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return zk_fail_errno(em, "%s: read at %lld", f->path,
                                 (long long) at);
        }
        if (n == 0) {
            break;
        }
        *got += (size_t) n;
    }
    return ZK_OK;
}

/* Makes 'n' bytes from f->at on readable at *p; *have says how many there
 * are, less than 'n' only at the end of file. */
static int
lf_need(struct log_file *f, size_t n, const uint8_t **p, size_t *have,
        struct zk_errmsg *em)
{
    size_t skip = (size_t) (f->at - f->base);
    size_t want;
    size_t got;
    int rv;

    zk_assert(f->at >= f->base && skip <= f->buf.len);
    if (f->buf.len - skip < n) {
        zk_buf_consume(&f->buf, skip);
        f->base = f->at;
        want = n - f->buf.len;
        want = want < LOG_FILE_CHUNK ? LOG_FILE_CHUNK : want;
        rv = lf_pread(f, zk_buf_reserve(&f->buf, want), want,
                      f->base + (off_t) f->buf.len, &got, em);
        if (rv != ZK_OK) {
            return rv;
        }
        f->buf.len += got;
        skip = 0;
    }
    *p = f->buf.data != NULL ? f->buf.data + skip : NULL;
    *have = f->buf.len - skip;
    return ZK_OK;
}

/* Whether [from, to) of the file is zeros; what is behind its end is. */
static int
lf_all_zero(const struct log_file *f, off_t from, off_t to, bool *zero,
            struct zk_errmsg *em)
{
    uint8_t b[2 * LOG_FILE_SECTOR];
    size_t got;
    int rv;

    zk_assert(from <= to && to - from <= (off_t) sizeof b);
    rv = lf_pread(f, b, (size_t) (to - from), from, &got, em);
    *zero = true;
    for (size_t i = 0; rv == ZK_OK && i < got; i++) {
        if (b[i] != 0) {
            *zero = false;
            break;
        }
    }
    return rv;
}

static off_t
lf_sector_end(off_t at)
{
    return (at / LOG_FILE_SECTOR + 1) * LOG_FILE_SECTOR;
}

/* Whether a crash explains that the record at f->at, whose last byte stands
 * before 'end', is damaged; 'cut' is where zeros must begin if it was cut
 * there (see the header). */
static int
lf_crash_explains(const struct log_file *f, off_t cut, off_t end, bool *yes,
                  struct zk_errmsg *em)
{
    off_t sector_end = lf_sector_end(f->at);
    int rv;

    rv = lf_all_zero(f, cut, lf_sector_end(cut) + LOG_FILE_SECTOR / 2, yes,
                     em);
    if (rv != ZK_OK || *yes) {
        return rv;
    }
    /* A lost sector: its part behind the last record, whole, is zeros.  The
     * upper half of a checksum is zeros anyway and proves nothing. */
    if (sector_end >= f->at + 6) {
        rv = lf_all_zero(f, f->at, sector_end, yes, em);
    }
    while (rv == ZK_OK && !*yes && sector_end < end) {
        rv = lf_all_zero(f, sector_end, sector_end + LOG_FILE_SECTOR, yes,
                         em);
        sector_end += LOG_FILE_SECTOR;
    }
    return rv;
}

/* Whether the checksum of the record at f->at fits a length other than the
 * one written: then the length is what is damaged, and the record was whole.
 * Looks at what lf_need has made readable. */
static bool
lf_length_is_wrong(const struct log_file *f, int32_t max_record)
{
    size_t skip = (size_t) (f->at - f->base);
    size_t n = f->buf.len - skip;
    const uint8_t *p = f->buf.data + skip;
    uint32_t crc = zk_get_be32(p + 4);
    uint32_t a = CHECKSUM_ADLER32_INIT;

    p += LOG_RECORD_HEAD_LEN;
    n -= LOG_RECORD_HEAD_LEN;
    for (size_t i = 0; i + 1 < n && i < (size_t) max_record; i++) {
        a = checksum_adler32(a, p + i, 1);
        if (a == crc && p[i + 1] == LOG_RECORD_END) {
            return true;
        }
    }
    return false;
}

/* A crash explains the damage, unless more stands behind it than one batch
 * can be: then it hit what had been acknowledged. */
static int
lf_torn(const struct log_file *f, int32_t max_record, struct zk_errmsg *em)
{
    struct log_scan scan;
    int rv;

    rv = log_scan_behind(f->fd, f->path, f->at + 1, max_record, &scan, em);
    if (rv != ZK_OK) {
        return rv;
    }
    if (log_scan_is_history(&scan)) {
        return zk_fail(em, ZK_ECORRUPT, "%s: damaged at offset %lld: whole "
                       "transactions of more than one write stand behind it",
                       f->path, (long long) f->at);
    }
    if (scan.records > 0) {
        return zk_fail(em, ZK_ETORN, "%s: torn record at offset %lld, given "
                       "up with %zu whole ones behind it (one unfinished "
                       "write may be so long)", f->path, (long long) f->at,
                       scan.records);
    }
    return zk_fail(em, ZK_ETORN, "%s: torn record at offset %lld", f->path,
                   (long long) f->at);
}

static int
lf_damaged(const struct log_file *f, int32_t max_record, off_t cut,
           off_t end, const char *what, struct zk_errmsg *em)
{
    bool torn = false;
    int rv = ZK_OK;

    if (lf_length_is_wrong(f, max_record)) {
        what = "wrong length";
    } else {
        rv = lf_crash_explains(f, cut, end, &torn, em);
    }
    if (rv != ZK_OK) {
        return rv;
    }
    if (torn) {
        return lf_torn(f, max_record, em);
    }
    return zk_fail(em, ZK_ECORRUPT, "%s: damaged at offset %lld: %s",
                   f->path, (long long) f->at, what);
}

/* The file ends inside the record at f->at. */
static int
lf_cut_by_end(const struct log_file *f, size_t have, int32_t max_record,
              struct zk_errmsg *em)
{
    if (have >= LOG_RECORD_HEAD_LEN && lf_length_is_wrong(f, max_record)) {
        return zk_fail(em, ZK_ECORRUPT, "%s: damaged at offset %lld: wrong "
                       "length", f->path, (long long) f->at);
    }
    return zk_fail(em, ZK_ETORN, "%s: ends inside the record at offset %lld",
                   f->path, (long long) f->at);
}

/* At a record head of zeros: the end of the log, unless data follows in the
 * same sector. */
static int
lf_at_zeros(const struct log_file *f, struct zk_errmsg *em)
{
    bool zero;
    int rv;

    rv = lf_all_zero(f, f->at, lf_sector_end(f->at), &zero, em);
    if (rv != ZK_OK) {
        return rv;
    }
    return zero ? ZK_ENOTFOUND
                : zk_fail(em, ZK_ECORRUPT,
                          "%s: damaged at offset %lld: zeros in front of "
                          "data", f->path, (long long) f->at);
}

/* Reads the record at f->at as it stands; *have says how many bytes there are
 * from its start on, at least.  See log_file_look. */
static int
lf_frame(struct log_file *f, int32_t max_record, struct log_record *r,
         size_t *have, struct zk_errmsg *em)
{
    const uint8_t *p;
    int32_t len;
    size_t whole;
    int rv;

    *r = (struct log_record) { .at = f->at, .end = -1 };
    rv = lf_need(f, LOG_RECORD_HEAD_LEN, &p, have, em);
    if (rv != ZK_OK) {
        return rv;
    }
    if (*have < LOG_RECORD_HEAD_LEN) {
        return *have == 0 ? ZK_ENOTFOUND : ZK_ETORN;
    }
    r->crc = zk_get_be64(p);
    len = (int32_t) zk_get_be32(p + 8);
    r->txn = zk_slice(p + LOG_RECORD_HEAD_LEN, len);
    if (len == 0) {
        return ZK_ENOTFOUND;
    }
    if (len < 0 || len > max_record) {
        return ZK_ECORRUPT;
    }
    whole = LOG_RECORD_HEAD_LEN + (size_t) len;
    rv = lf_need(f, whole + 1, &p, have, em);
    if (rv != ZK_OK) {
        return rv;
    }
    if (*have < whole) {
        return ZK_ETORN;
    }
    r->txn.p = (const char *) p + LOG_RECORD_HEAD_LEN;
    r->adler = checksum_adler32(CHECKSUM_ADLER32_INIT, r->txn.p,
                                (size_t) len);
    r->end = *have > whole ? p[whole] : -1;
    return ZK_OK;
}

int
log_file_look(struct log_file *f, int32_t max_record, struct log_record *r,
              struct zk_errmsg *em)
{
    size_t have = 0;
    int rv = lf_frame(f, max_record, r, &have, em);

    if (rv == ZK_ETORN) {
        return zk_fail(em, rv, "%s: ends inside the record at offset %lld",
                       f->path, (long long) f->at);
    }
    if (rv == ZK_ECORRUPT) {
        return zk_fail(em, rv, "%s: damaged at offset %lld: record length "
                       "%d (limit %d)", f->path, (long long) f->at,
                       r->txn.len, max_record);
    }
    return rv;
}

void
log_file_pass(struct log_file *f, const struct log_record *r)
{
    zk_assert(r->at == f->at && r->txn.len > 0);
    f->record = f->at;
    f->at += LOG_RECORD_HEAD_LEN + r->txn.len + (r->end >= 0 ? 1 : 0);
}

/* A record whose length is none. */
static int
lf_bad_length(const struct log_file *f, const struct log_record *r,
              int32_t max_record, struct zk_errmsg *em)
{
    off_t head_end = f->at + LOG_RECORD_HEAD_LEN;
    char what[80];

    snprintf(what, sizeof what, "record length %d (limit %d)", r->txn.len,
             max_record);
    return lf_damaged(f, max_record, head_end, head_end, what, em);
}

/* Whether the whole record is what it says. */
static int
lf_judge(const struct log_file *f, const struct log_record *r, size_t have,
         int32_t max_record, struct zk_errmsg *em)
{
    off_t end = f->at + LOG_RECORD_HEAD_LEN + r->txn.len + 1;

    if (r->end < 0) {
        return lf_cut_by_end(f, have, max_record, em);
    }
    if (r->end != LOG_RECORD_END) {
        return lf_damaged(f, max_record, end - 1, end, "no end byte", em);
    }
    if (r->crc != r->adler) {
        return lf_damaged(f, max_record, end - 1, end, "wrong checksum", em);
    }
    return ZK_OK;
}

int
log_file_next(struct log_file *f, int32_t max_record, struct zk_slice *txn,
              struct zk_errmsg *em)
{
    struct log_record r;
    size_t have = 0;
    int rv = lf_frame(f, max_record, &r, &have, em);

    if (rv == ZK_ENOTFOUND && have > 0) {
        return r.crc == 0 ? lf_at_zeros(f, em)
                          : lf_bad_length(f, &r, max_record, em);
    }
    if (rv == ZK_ETORN) {
        return lf_cut_by_end(f, have, max_record, em);
    }
    if (rv == ZK_ECORRUPT) {
        return lf_bad_length(f, &r, max_record, em);
    }
    if (rv == ZK_OK) {
        rv = lf_judge(f, &r, have, max_record, em);
    }
    if (rv == ZK_OK) {
        *txn = r.txn;
        log_file_pass(f, &r);
    }
    return rv;
}

/* The first sector is zeros.  A crash explains that of a file that has just
 * begun, with one batch in it at most (Java's are not synced before). */
static int
lf_lost_head(const struct log_file *f, struct zk_errmsg *em)
{
    struct log_scan scan;
    int rv = log_scan_behind(f->fd, f->path, LOG_FILE_HEADER_LEN, INT32_MAX,
                             &scan, em);

    if (rv != ZK_OK) {
        return rv;
    }
    if (log_scan_is_history(&scan)) {
        return zk_fail(em, ZK_ECORRUPT, "%s: damaged at offset 0: zeros, and "
                       "whole transactions of more than one write stand "
                       "behind them", f->path);
    }
    if (scan.records > 0) {
        return zk_fail(em, ZK_ETORN, "%s: starts with zeros: its first bytes "
                       "never reached the disk, given up with %zu whole "
                       "transactions behind them (one unfinished write may "
                       "be so long)", f->path, scan.records);
    }
    return zk_fail(em, ZK_ETORN, "%s: starts with zeros: its first bytes "
                   "never reached the disk", f->path);
}

int
log_file_open(struct log_file *f, const char *path, struct zk_errmsg *em)
{
    const uint8_t *p;
    size_t have;
    bool zero;
    int rv;

    *f = (struct log_file) { .path = zk_xstrdup(path) };
    f->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0) {
        rv = zk_fail_errno(em, "%s: open", path);
        goto err;
    }
    rv = lf_need(f, LOG_FILE_HEADER_LEN, &p, &have, em);
    if (rv != ZK_OK) {
        goto err;
    }
    if (have < LOG_FILE_HEADER_LEN) {
        rv = zk_fail(em, ZK_ETORN, "%s: %zu bytes, shorter than a header",
                     path, have);
        goto err;
    }
    if (zk_get_be32(p) == 0) {
        rv = lf_all_zero(f, 0, LOG_FILE_SECTOR, &zero, em);
        if (rv == ZK_OK && zero) {
            rv = lf_lost_head(f, em);
        }
        if (rv != ZK_OK) {
            goto err;
        }
    }
    if (zk_get_be32(p) != LOG_FILE_MAGIC
        || zk_get_be32(p + 4) != LOG_FILE_VERSION) {
        rv = zk_fail(em, ZK_ECORRUPT, "%s: not a transaction log of version "
                     "%d (starts %08x %08x)", path, LOG_FILE_VERSION,
                     zk_get_be32(p), zk_get_be32(p + 4));
        goto err;
    }
    f->dbid = (int64_t) zk_get_be64(p + 8);
    f->at = LOG_FILE_HEADER_LEN;
    return ZK_OK;

err:
    log_file_close(f);
    return rv;
}

void
log_file_close(struct log_file *f)
{
    if (f->path == NULL) {
        return;
    }
    if (f->fd >= 0) {
        close(f->fd);
    }
    zk_buf_fini(&f->buf);
    free(f->path);
    f->path = NULL;
    f->fd = -1;
}
