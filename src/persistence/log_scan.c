/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "persistence/log_scan.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "persistence/log_file.h"
#include "proto/txn_codec.h"
#include "util/checksum.h"
#include "util/zk_buf.h"
#include "util/zk_bytes.h"

/* Looked through at a time; a record longer than this is not found. */
#define LS_WINDOW (4 << 20)
/* From the checksums of the window up to every so many bytes that of any part
 * of it follows (checksum_adler32_tail). */
#define LS_STEP 64

struct ls_window {
    struct zk_buf bytes;
    uint32_t *sums;             /* Of the bytes before each step. */
    size_t n_sums;              /* Known so far. */
    uint64_t summed;
};

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

/* The Adler-32 of the window's first 'n' bytes. */
static uint32_t
ls_sum(struct ls_window *w, size_t n)
{
    size_t step = n / LS_STEP;

    for (; w->n_sums <= step; w->n_sums++) {
        size_t i = w->n_sums;

        w->sums[i] = i == 0
                     ? CHECKSUM_ADLER32_INIT
                     : checksum_adler32(w->sums[i - 1], w->bytes.data
                                            + (i - 1) * LS_STEP, LS_STEP);
        w->summed += LS_STEP;
    }
    w->summed += n % LS_STEP;
    return checksum_adler32(w->sums[step], w->bytes.data + step * LS_STEP,
                            n % LS_STEP);
}

static uint32_t
ls_sum_of(struct ls_window *w, size_t at, size_t len)
{
    return checksum_adler32_tail(ls_sum(w, at), ls_sum(w, at + len), len);
}

/* The length of the whole record at 'at', or 0. */
static size_t
ls_record(struct ls_window *w, size_t at, int32_t max_record)
{
    const uint8_t *p = w->bytes.data + at;
    size_t left = w->bytes.len - at;
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
               != ls_sum_of(w, at + LOG_RECORD_HEAD_LEN, len)) {
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
ls_look(struct ls_window *w, bool last, int32_t max_record,
        struct log_scan *s)
{
    size_t keep = last ? 0 : LS_WINDOW / 2;
    size_t n = w->bytes.len;
    size_t at = 0;

    w->n_sums = 0;
    while (at + keep < n && !log_scan_is_history(s)) {
        size_t len = ls_record(w, at, max_record);

        if (len > 0) {
            ls_note(s, w->bytes.data + at);
        }
        at += len > 0 ? len : 1;
    }
    return at < n ? at : n;
}

int
log_scan_behind(int fd, const char *path, off_t from, int32_t max_record,
                struct log_scan *out, struct zk_errmsg *em)
{
    struct ls_window w = {
        .sums = zk_xcalloc(LS_WINDOW / LS_STEP + 1, sizeof w.sums[0]),
    };
    struct zk_buf *b = &w.bytes;
    bool last = false;
    int rv = ZK_OK;

    *out = (struct log_scan) { 0 };
    while (rv == ZK_OK && !last && !log_scan_is_history(out)) {
        size_t room = LS_WINDOW - b->len;
        ssize_t n = pread(fd, zk_buf_reserve(b, room), room,
                          from + (off_t) b->len);
        size_t done;

        if (n < 0) {
            rv = zk_fail_errno(em, "%s: read", path);
            break;
        }
        b->len += (size_t) n;
        last = n == 0;
        done = ls_look(&w, last, max_record, out);
        zk_buf_consume(b, done);
        from += (off_t) done;
    }
    out->summed = w.summed;
    zk_buf_fini(b);
    free(w.sums);
    return rv;
}
