/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_mend.h: copies of a transaction log with something about them changed
 * (Java: TxnLogToolkit's recovery and chop modes).
 */
#ifndef TOOLS_LOG_MEND_H
#define TOOLS_LOG_MEND_H

#include "persistence/log_file.h"
#include "tools/tool.h"

/* What the copy is to another file. */
enum log_copy_how {
    LOG_COPY_NEW,               /* None of its name may be there. */
    LOG_COPY_OVER,              /* It replaces one of its name. */
    LOG_COPY_SUCCESSOR,         /* New, and will take the place of the log it
                                 * is made from: of the same owner, or not at
                                 * all. */
};

/* A log file that is written record by record, padded as servers pad theirs.
 * Until it is finished it is <path>.tmp. */
struct log_copy {
    char *path;
    char *temp;
    enum log_copy_how how;
    bool finished;
    int fd;                     /* -1: not open. */
    struct zk_buf buf;          /* Not yet written... */
    int64_t at;                 /* ...from here on. */
    int64_t size;               /* With padding. */
    int64_t preallocate;        /* Bytes at a time; 0: no padding. */
};

/* Begins a copy with owner, mode and header of 'like'.  Who may not give
 * files away gets one of his own, closed to the group; ZK_EIO when it is to be
 * a successor.  ZK_EEXIST when 'path' is there and may not be.  What a run
 * that was interrupted left under the temporary name goes. */
int log_copy_open(struct log_copy *c, const char *path,
                  const struct log_file *like, enum log_copy_how how,
                  int64_t preallocate, struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Appends a record with this checksum. */
int log_copy_add(struct log_copy *c, const struct log_record *r,
                 uint64_t crc, struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Writes the rest, syncs it, and gives it its name, which is durable then. */
int log_copy_finish(struct log_copy *c, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Closes it; what was not finished goes. */
void log_copy_fini(struct log_copy *c);

/* Puts the file 'mended' in the place of 'path', no link, which is kept as
 * <path>.bak.  ZK_EEXIST when there is one already: then nothing is
 * changed. */
int log_replace(const char *path, const char *mended, struct zk_errmsg *em)
    ZK_WARN_UNUSED;

/* Copies the records up to the one with 'zxid' to <path>.chopped<zxid>, with
 * Apache's messages on 'out'.  Returns the exit code: TOOL_EXIT_INVALID when
 * there was nothing to cut, or the file is no log. */
int log_chop(const char *path, int64_t zxid, int32_t max_record,
             struct tool_out *out);

#endif
