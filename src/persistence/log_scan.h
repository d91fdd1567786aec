/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_scan.h: what stands behind a damaged record.
 *
 * A machine that loses power may leave a batch on disk in part: sectors of
 * it missing, later ones there.  Nobody was told of that batch.  But a disk
 * that loses a sector of what was synced long ago looks the same at that
 * place; the records behind it tell the two apart, since one batch is no
 * longer than zookeeper.maxBatchSize records and has gathered no longer than
 * LOG_SCAN_BATCH_MS.
 */
#ifndef PERSISTENCE_LOG_SCAN_H
#define PERSISTENCE_LOG_SCAN_H

#include <sys/types.h>

#include "util/zk_error.h"

/* Apache's maxBatchSize, and ours unless it was set. */
#define LOG_SCAN_BATCH 1000
/* A batch gathers while the one before is synced, and that takes as long as
 * the disk: a command that is tried again and again some three minutes, after
 * which the sync fails. */
#define LOG_SCAN_BATCH_MS 300000

struct log_scan {
    size_t records;             /* Whole ones found. */
    int64_t first_ms, last_ms;  /* Wall clock of the first and the last. */
    uint64_t summed;            /* Bytes that went through the checksum. */
};

/* Looks for whole records from 'from' on, at any offset, until it has found
 * more than one batch can be or the file ends.  Bytes that look like the head
 * of a long record wherever one looks cost little more than others: what it
 * takes grows with the file alone. */
int log_scan_behind(int fd, const char *path, off_t from, int32_t max_record,
                    struct log_scan *out, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* This server writes up to so many records in one batch; for the whole
 * process.  Less than LOG_SCAN_BATCH changes nothing: the log may be of
 * another server's making. */
void log_scan_expect_batch(int64_t records);
/* More than one batch: what was damaged had been acknowledged. */
bool log_scan_is_history(const struct log_scan *s);

#endif
