/* SPDX-License-Identifier: Apache-2.0 */
/*
 * purge_txn_log.h: which old files may go (Java: PurgeTxnLog), and the
 * PurgeTask timer thread (Java: DatadirCleanupManager).
 */
#ifndef PERSISTENCE_PURGE_TXN_LOG_H
#define PERSISTENCE_PURGE_TXN_LOG_H

#include <stdatomic.h>
#include <stdio.h>

#include "persistence/history_guard.h"
#include "util/zk_error.h"

/* As Apache's, and what its command says about fewer. */
#define PURGE_MIN_KEEP 3
#define PURGE_COUNT_TEXT "count should be greater than or equal to 3"

struct purge_options {
    const char *data_log_dir;   /* Both without version-2. */
    const char *data_dir;
    int keep;                   /* Snapshots, PURGE_MIN_KEEP or more. */
    int32_t max_record;         /* As the server's: what it would not load is
                                 * not counted. */
    struct history_guard *guard;    /* Of the server in this process; NULL:
                                     * there is none. */
};

/* Keeps the newest snapshots that look whole, every log that starts at or
 * after the oldest of them, and the one that holds its zxid; removes the other
 * snapshot and log files of the version-2 folders, and what an earlier removal
 * left.  Before anything goes, the newest of those snapshots is read to its
 * checksums (so that a start finds one); one that is not whole is named, does
 * not count, and the next is read.  ZK_ECORRUPT: none was, and nothing was
 * removed.
 *
 * When the server takes another history meanwhile (history_guard.h) it looks
 * at all of that again before anything else goes.
 *
 * Names each removed file on 'out' ("Removing file: <date>\t<path>"; NULL:
 * the server's log).  Failures to remove are named on stderr or in the log,
 * do not stop the rest, and give ZK_EIO.  Large files go gently
 * (file_remover.h), and once *stop (NULL: never) is true what is left of them
 * goes at the server's next start. */
int purge_txn_log(const struct purge_options *opts, FILE *out,
                  const atomic_bool *stop, struct zk_errmsg *em)
    ZK_WARN_UNUSED;

struct purge_task;
/* Starts a thread that purges now and every 'interval_ms'; NULL when
 * interval_ms <= 0 ("Purge task is not scheduled." in the log).  The options
 * are copied. */
struct purge_task *purge_task_start(const struct purge_options *opts,
                                    int64_t interval_ms);
/* Ends and joins it; NULL is fine. */
void purge_task_stop(struct purge_task *t);

#endif
