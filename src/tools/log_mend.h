/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_mend.h: copies of a transaction log with something about them changed
 * (Java: TxnLogToolkit's recovery and chop modes).
 */
#ifndef TOOLS_LOG_MEND_H
#define TOOLS_LOG_MEND_H

#include "persistence/log_file.h"
#include "tools/tool.h"

/* A log file that is written record by record, padded as servers pad
 * theirs. */
struct log_copy {
    char *path;
    int fd;                     /* -1: not open. */
    struct zk_buf buf;          /* Not yet written... */
    int64_t at;                 /* ...from here on. */
    int64_t size;               /* With padding. */
    int64_t preallocate;        /* Bytes at a time; 0: no padding. */
};

/* Creates 'path' with the header of 'like'.  ZK_EEXIST when it is there
 * already, unless 'overwrite'. */
int log_copy_open(struct log_copy *c, const char *path,
                  const struct log_file *like, bool overwrite,
                  int64_t preallocate, struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Appends a record with this checksum. */
int log_copy_add(struct log_copy *c, const struct log_record *r,
                 uint64_t crc, struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Writes the rest, makes the file and its name durable, closes it. */
int log_copy_finish(struct log_copy *c, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Closes it; with 'remove' the file goes. */
void log_copy_fini(struct log_copy *c, bool remove);

/* Puts the file 'mended' in the place of 'path', which is kept as
 * <path>.bak.  ZK_EEXIST when there is one already: then nothing is
 * changed. */
int log_replace(const char *path, const char *mended, struct zk_errmsg *em)
    ZK_WARN_UNUSED;

/* Copies the records up to the one with 'zxid' to <path>.chopped<zxid>, with
 * Apache's messages on 'out'.  Returns the exit code. */
int log_chop(const char *path, int64_t zxid, int32_t max_record,
             struct tool_out *out);

#endif
