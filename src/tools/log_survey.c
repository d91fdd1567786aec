/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "tools/log_survey.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "persistence/log_file.h"
#include "persistence/log_scan.h"
#include "proto/op_code.h"
#include "proto/txn_codec.h"
#include "tools/progress.h"

/* Records between two reports of how far the reading is. */
#define LS_PROGRESS 1024
#define LS_PIECE (1 << 20)

static void
ls_note(struct log_survey *s, const struct txn_view *txn)
{
    /* Error txns of Java's leaders repeat a zxid, its followers whole runs
     * of them (file_txn_iterator.h): that is no hole. */
    if (s->last >= 0 && txn->zxid > s->last + 1
        && txn->zxid >> 32 == s->last >> 32 && s->hole_after < 0) {
        s->hole_after = s->last;
        s->hole_to = txn->zxid;
    }
    if (s->txns++ == 0) {
        s->first = txn->zxid;
    }
    s->last = txn->zxid > s->last ? txn->zxid : s->last;
}

/* The next record; ZK_ENOTFOUND at the end. */
static int
ls_next(struct log_file *f, int32_t max_record, struct log_survey *s)
{
    struct zk_errmsg why = { "" };
    struct zk_slice bytes;
    struct txn_view txn;
    int rv = log_file_next(f, max_record, &bytes, &s->why);

    if (rv != ZK_OK) {
        return rv;
    }
    rv = txn_view_decode(&txn, bytes.p, (size_t) bytes.len, max_record, &why);
    if (rv != ZK_OK) {
        f->at = f->record;
        return zk_fail(&s->why, ZK_ECORRUPT, "%s: damaged at offset %lld: "
                       "not a transaction: %.300s", f->path,
                       (long long) f->record, why.text);
    }
    ls_note(s, &txn);
    return ZK_OK;
}

static void
ls_read(struct log_file *f, int32_t max_record, struct progress *bar,
        int64_t done, struct log_survey *s)
{
    int rv;

    while ((rv = ls_next(f, max_record, s)) == ZK_OK) {
        if (bar != NULL && s->txns % LS_PROGRESS == 0) {
            progress_update(bar, done + (int64_t) f->at);
        }
    }
    s->end_offset = (int64_t) f->at;
    s->end = rv == ZK_ENOTFOUND ? LOG_SURVEY_WHOLE
             : rv == ZK_ETORN   ? LOG_SURVEY_TORN
             : rv == ZK_EIO     ? LOG_SURVEY_UNREADABLE
                                : LOG_SURVEY_DAMAGED;
    if (rv != ZK_EIO) {
        s->behind = log_survey_behind(f, f->at + 1, max_record);
    }
    if (s->end == LOG_SURVEY_WHOLE && s->behind > 0) {
        s->end = LOG_SURVEY_DAMAGED;
        zk_fail(&s->why, ZK_ECORRUPT, "%s: damaged at offset %lld: zeros in "
                "front of whole transactions", f->path, (long long) f->at);
    }
}

int64_t
log_survey_behind(const struct log_file *f, int64_t from, int32_t max_record)
{
    struct zk_buf b = { 0 };
    uint8_t *p = zk_buf_reserve(&b, LS_PIECE);
    struct log_scan scan = { .records = 0 };
    bool zeros = true;
    ssize_t n;

    while (zeros && (n = pread(f->fd, p, LS_PIECE, from)) > 0) {
        zeros = p[0] == 0 && memcmp(p, p + 1, (size_t) n - 1) == 0;
        from += zeros ? n : 0;
    }
    zk_buf_fini(&b);
    if (zeros
        || log_scan_behind(f->fd, f->path, from, max_record, &scan, NULL)
               != ZK_OK) {
        return 0;
    }
    return (int64_t) scan.records;
}

int64_t
log_survey_headless(const char *path, int32_t max_record)
{
    struct log_file f = { .path = (char *) (uintptr_t) path };
    int64_t found;

    f.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (f.fd < 0) {
        return 0;
    }
    found = log_survey_behind(&f, 0, max_record);
    close(f.fd);
    return found;
}

void
log_survey_file(const char *path, int32_t max_record, struct progress *bar,
                int64_t done, struct log_survey *out)
{
    struct log_file f;
    int rv;

    *out = (struct log_survey) {
        .first = -1, .last = -1, .hole_after = -1, .hole_to = -1,
    };
    rv = log_file_open(&f, path, &out->why);
    if (rv != ZK_OK) {
        out->end = rv == ZK_ETORN ? LOG_SURVEY_TORN : LOG_SURVEY_UNREADABLE;
        if (rv == ZK_ECORRUPT) {
            out->behind = log_survey_headless(path, max_record);
            out->end = out->behind > 0 ? LOG_SURVEY_DAMAGED : out->end;
        }
        return;
    }
    ls_read(&f, max_record, bar, done, out);
    log_file_close(&f);
}

void
log_survey_print(struct zk_buf *out, const char *name,
                 const struct log_survey *s)
{
    if (s->end == LOG_SURVEY_UNREADABLE) {
        zk_buf_printf(out, "%s: cannot be read\n", name);
    } else if (s->txns == 0) {
        zk_buf_printf(out, "%s: no transactions\n", name);
    } else {
        zk_buf_printf(out, "%s: %" PRId64 " transactions, zxid 0x%" PRIx64
                      " to 0x%" PRIx64 ", end at offset %" PRId64 "\n", name,
                      s->txns, (uint64_t) s->first, (uint64_t) s->last,
                      s->end_offset);
    }
    if (s->end != LOG_SURVEY_WHOLE) {
        zk_buf_printf(out, "  %s%s\n", s->why.text,
                      s->end == LOG_SURVEY_TORN ? ", as a crash leaves it"
                                                : "");
    }
    if (s->end == LOG_SURVEY_DAMAGED) {
        zk_buf_printf(out, "  %" PRId64 " whole transactions stand before "
                      "the damage, %s%" PRId64 " behind it\n", s->txns,
                      s->behind > 0 ? "at least " : "", s->behind);
    }
    if (s->hole_after >= 0) {
        zk_buf_printf(out, "  zxid 0x%" PRIx64 " follows 0x%" PRIx64
                      ": the transactions between are missing\n",
                      (uint64_t) s->hole_to, (uint64_t) s->hole_after);
    }
}
