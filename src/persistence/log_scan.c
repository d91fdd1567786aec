/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "persistence/log_scan.h"

#include <stdatomic.h>
#include <unistd.h>

#include "persistence/log_file.h"
#include "proto/txn_codec.h"
#include "util/checksum.h"
#include "util/zk_buf.h"
#include "util/zk_bytes.h"

/* Looked through at a time; a record longer than this is not found. */
#define LS_WINDOW (4 << 20)

static _Atomic int64_t ls_batch = LOG_SCAN_BATCH;

void
log_scan_expect_batch(int64_t records)
{
    atomic_store(&ls_batch,
                 records > LOG_SCAN_BATCH ? records : LOG_SCAN_BATCH);
}

bool
log_scan_is_history(const struct log_scan *s)
{
    /* Times are what the file says: any number. */
    return s->records > (size_t) atomic_load(&ls_batch)
           || (s->last_ms > s->first_ms
               && (uint64_t) s->last_ms - (uint64_t) s->first_ms
                      > LOG_SCAN_BATCH_MS);
}

/* The length of the whole record at 'p', or 0. */
static size_t
ls_record(const uint8_t *p, size_t left, int32_t max_record)
{
    size_t len;

    if (left < LOG_RECORD_HEAD_LEN + TXN_HEADER_LEN + 1
        || zk_get_be32(p) != 0) {
        return 0;
    }
    len = zk_get_be32(p + 8);
    if (len < TXN_HEADER_LEN || len > (size_t) max_record
        || left < LOG_RECORD_HEAD_LEN + len + 1
        || p[LOG_RECORD_HEAD_LEN + len] != LOG_RECORD_END
        || zk_get_be32(p + 4)
               != checksum_adler32(CHECKSUM_ADLER32_INIT,
                                   p + LOG_RECORD_HEAD_LEN, len)) {
        return 0;
    }
    return LOG_RECORD_HEAD_LEN + len + 1;
}

static void
ls_note(struct log_scan *s, const uint8_t *record)
{
    struct txn_view txn;

    if (txn_view_decode_header(&txn, record + LOG_RECORD_HEAD_LEN,
                               TXN_HEADER_LEN) != ZK_OK) {
        return;
    }
    if (s->records++ == 0) {
        s->first_ms = txn.time;
    }
    s->last_ms = txn.time;
}

/* Returns how many bytes are done with. */
static size_t
ls_window(const uint8_t *p, size_t n, bool last, int32_t max_record,
          struct log_scan *s)
{
    size_t keep = last ? 0 : LS_WINDOW / 2;
    size_t at = 0;

    while (at + keep < n && !log_scan_is_history(s)) {
        size_t len = ls_record(p + at, n - at, max_record);

        if (len > 0) {
            ls_note(s, p + at);
        }
        at += len > 0 ? len : 1;
    }
    return at < n ? at : n;
}

int
log_scan_behind(int fd, const char *path, off_t from, int32_t max_record,
                struct log_scan *out, struct zk_errmsg *em)
{
    struct zk_buf b = { 0 };
    bool last = false;
    int rv = ZK_OK;

    *out = (struct log_scan) { 0 };
    while (rv == ZK_OK && !last && !log_scan_is_history(out)) {
        size_t room = LS_WINDOW - b.len;
        ssize_t n = pread(fd, zk_buf_reserve(&b, room), room,
                          from + (off_t) b.len);
        size_t done;

        if (n < 0) {
            rv = zk_fail_errno(em, "%s: read", path);
            break;
        }
        b.len += (size_t) n;
        last = n == 0;
        done = ls_window(b.data, b.len, last, max_record, out);
        zk_buf_consume(&b, done);
        from += (off_t) done;
    }
    zk_buf_fini(&b);
    return rv;
}
