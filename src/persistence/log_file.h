/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_file.h: one file of the transaction log, read record by record.  Below
 * file_txn_iterator.h, which joins files; tools that look at one file use
 * this.
 *
 * Layout (Java: FileTxnLog):
 *
 *   header   int magic "ZKLG", int version 2, long dbid 0
 *   record*  long Adler-32 of the txn, int length, txn, byte 'B'
 *   padding  zeros to the end of the file
 *
 * What a crash may leave behind the last record that was synced: a record
 * cut at any byte with nothing or zeros behind it (the process died), or one
 * in which whole 512-byte sectors of the unsynced part kept their old zeros
 * (the machine died).  Such a record ends the file: ZK_ETORN.  Damage that
 * neither explains (a wrong checksum over bytes that are all there, an end
 * byte that is neither 'B' nor zero, zeros in front of data) may have hit a
 * record that was promised: ZK_ECORRUPT; and so may a torn record with more
 * behind it than one batch can be (log_scan.h).
 *
 * Thread-safety: one owner.  The file may be appended to meanwhile; what is
 * half there then reads as torn.
 */
#ifndef PERSISTENCE_LOG_FILE_H
#define PERSISTENCE_LOG_FILE_H

#include <sys/types.h>

#include "util/zk_buf.h"
#include "util/zk_error.h"
#include "util/zk_slice.h"

#define LOG_FILE_MAGIC 0x5a4b4c47
#define LOG_FILE_VERSION 2
#define LOG_FILE_HEADER_LEN 16
#define LOG_RECORD_HEAD_LEN 12  /* Checksum and length. */
#define LOG_RECORD_END 0x42

struct log_file {
    int fd;                     /* -1: not open. */
    char *path;
    int64_t dbid;               /* Of the header: 0, and of no use. */
    struct zk_buf buf;          /* Bytes of the file from 'base' on. */
    off_t base;
    off_t at;                   /* Where the next record starts. */
    off_t record;               /* Where the last one returned starts. */
};

/* Opens and checks the header.  ZK_ETORN when the file is shorter than a
 * header or its first sector is zeros; ZK_ECORRUPT when it is not a log's, or
 * more stands behind those zeros than one batch can be.  On failure nothing is
 * open. */
int log_file_open(struct log_file *f, const char *path, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* The next record's txn, checksum verified, valid until the next call.
 * ZK_ENOTFOUND at the end (padding or end of file), ZK_ETORN at a torn
 * record (both keep the position), ZK_ECORRUPT, ZK_EIO. */
int log_file_next(struct log_file *f, int32_t max_record,
                  struct zk_slice *txn, struct zk_errmsg *em) ZK_WARN_UNUSED;
/* A record as it stands in the file, nothing about it judged: for tools that
 * show damage and mend it. */
struct log_record {
    off_t at;                   /* Where it starts. */
    uint64_t crc;               /* As written... */
    uint32_t adler;             /* ...and as it should be. */
    struct zk_slice txn;
    int end;                    /* The byte behind the txn; -1: none, the
                                 * file ends there. */
};

/* The record at the position, which stays; valid until the next call.
 * ZK_ENOTFOUND at the end of file and at a length of 0, where Java's tools
 * see the end of the log; ZK_ETORN when the file ends inside the record;
 * ZK_ECORRUPT when its length is none that a record has; ZK_EIO. */
int log_file_look(struct log_file *f, int32_t max_record,
                  struct log_record *r, struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Moves the position behind a record that was looked at. */
void log_file_pass(struct log_file *f, const struct log_record *r);
/* Closes it; nothing when it is not open. */
void log_file_close(struct log_file *f);

/* Appends one framed record to 'out'. */
void log_record_encode(struct zk_buf *out, const void *txn, size_t len);
/* Appends a file header. */
void log_header_encode(struct zk_buf *out);

#endif
