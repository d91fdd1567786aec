/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_txn_iterator.h: reads the transaction log forward, over all files.
 *
 * A record that a crash cut or tore (log_file.h says which) ends its file:
 * normal after a crash.  It is an error (ZK_ECORRUPT, naming file and offset)
 * when a record is damaged in a way that no crash explains, a wrong end byte
 * with data behind it included (Java stops there without a word, and what
 * follows is lost); when a header is not a log's; or when zxids skip inside an
 * epoch from one record to the next, since then acknowledged writes are
 * missing (ZOOKEEPER-4925).  A file shorter than its header is what a crash
 * leaves: it is skipped and said so.  An error txn with the zxid of the one
 * before is passed on (protocol: poison request 2).
 *
 * Zxids may fall when the records from there on repeat what stood there
 * before: those are left out, and said so.  Java's followers leave that behind
 * (ZOOKEEPER-4394).  Another txn in the place of one is an error, and so is a
 * new epoch before all is repeated: the log then holds what its leader had
 * taken back, or lacks what it had.
 *
 * What a file holds from the first zxid of the files behind it on was cut
 * off in the past (a torn end, a snapshot taken from a leader): it is left
 * out, and said so.
 */
#ifndef PERSISTENCE_FILE_TXN_ITERATOR_H
#define PERSISTENCE_FILE_TXN_ITERATOR_H

#include "proto/txn_codec.h"
#include "util/zk_error.h"

struct file_txn_iterator;

/* Positions before the first record with zxid >= 'from'; starts in the last
 * file whose name is <= from.  A folder without log files is an empty log. */
int file_txn_iterator_open(const char *dir, int64_t from, int32_t max_record,
                           struct file_txn_iterator **out,
                           struct zk_errmsg *em) ZK_WARN_UNUSED;
/* The next record: its bytes (for committedLog, proposals) and its decoded
 * form, both valid until the next call.  ZK_ENOTFOUND at the end. */
int file_txn_iterator_next(struct file_txn_iterator *it,
                           struct zk_slice *bytes, struct txn_view *txn,
                           struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Where the record that next returned stands: for tools and messages. */
const char *file_txn_iterator_path(const struct file_txn_iterator *it);
int64_t file_txn_iterator_offset(const struct file_txn_iterator *it);
/* Torn ends and short files met so far, for one line in the log: NULL when
 * none. */
const char *file_txn_iterator_notes(const struct file_txn_iterator *it);
void file_txn_iterator_close(struct file_txn_iterator *it);

/* Cuts the log behind 'zxid': before the first record above it; later files
 * are removed, the folder synced.  ZK_ENOTFOUND when no record with exactly
 * this zxid is in the log (then nothing is changed). */
int file_txn_log_truncate(const char *dir, int64_t zxid, int32_t max_record,
                          struct zk_errmsg *em) ZK_WARN_UNUSED;

/* Whether a record with exactly this zxid is in the log: ZK_OK or
 * ZK_ENOTFOUND, or why it cannot be told. */
int file_txn_log_find(const char *dir, int64_t zxid, int32_t max_record,
                      struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Cuts the log before its first record above 'zxid', whether or not one with
 * this zxid is there: for a snapshot that takes the place of what the log
 * held (ZOOKEEPER-2832).  ZK_OK also when nothing had to be cut. */
int file_txn_log_cut_above(const char *dir, int64_t zxid, int32_t max_record,
                           struct zk_errmsg *em) ZK_WARN_UNUSED;

#endif
