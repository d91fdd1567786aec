/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_list.h: the snapshot and log files of a folder, by zxid.
 *
 * Names: <prefix>.<hex> with an optional third part for snapshots (gz,
 * snappy); anything else in the folder is not ours and is left out.
 */
#ifndef PERSISTENCE_FILE_LIST_H
#define PERSISTENCE_FILE_LIST_H

#include "util/zk_error.h"

struct zk_file {
    char *path;
    char *name;                 /* Points into path. */
    int64_t zxid;
    int64_t size;
    int64_t mtime_ms;
};

struct zk_file_list {
    struct zk_file *v;
    size_t n;
};

/* The zxid in a name, or -1: "log.1a" with prefix "log" is 26. */
int64_t zk_file_name_zxid(const char *name, const char *prefix);
/* Files of 'dir' with this prefix ("log" or "snapshot"), zxids ascending. */
int zk_file_list_read(const char *dir, const char *prefix,
                      struct zk_file_list *out, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
void zk_file_list_fini(struct zk_file_list *l);
/* Index of the first log file that may hold a record of 'zxid': the last
 * whose name is <= zxid, 0 when none is. */
size_t zk_file_list_first_log(const struct zk_file_list *logs, int64_t zxid);

#endif
