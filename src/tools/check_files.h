/* SPDX-License-Identifier: Apache-2.0 */
/* check_files.h: the files of a data folder, each looked at by itself. */
#ifndef TOOLS_CHECK_FILES_H
#define TOOLS_CHECK_FILES_H

#include "tools/tool.h"

struct check_files {
    int32_t max_record;
    struct tool_out *out;       /* A line or some for each file. */
    int problems;               /* What a server or its operator should not
                                 * find there. */
    int64_t *whole;             /* zxids of the snapshots that were... */
    size_t n_whole;             /* ...until check_files_fini. */
};

/* Frees what has gathered. */
void check_files_fini(struct check_files *cf);

/* All of them take a version-2 folder, and fail only when that cannot be
 * read. */

/* myid, acceptedEpoch, currentEpoch. */
int check_files_epochs(struct check_files *cf, const char *dir,
                       struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Temporary files that a start removes. */
int check_files_left_overs(struct check_files *cf, const char *dir,
                           struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Checksums, and the digest where it must be right. */
int check_files_snapshots(struct check_files *cf, const char *dir,
                          struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Records, and the zxids from file to file.  The snapshots come first: one
 * may stand for what is missing between two logs, as a leader's does that a
 * follower got in place of it. */
int check_files_logs(struct check_files *cf, const char *dir,
                     struct zk_errmsg *em) ZK_WARN_UNUSED;

#endif
