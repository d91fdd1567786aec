/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zk_io.h: whole reads and writes, and small files that a crash cannot halve.
 */
#ifndef UTIL_ZK_IO_H
#define UTIL_ZK_IO_H

#include <sys/types.h>

#include "util/zk_buf.h"
#include "util/zk_error.h"

/* First of all in main(): sees to it that descriptors 0 to 2 are open, so that
 * no file or socket gets one of these numbers.  What was closed becomes
 * /dev/null, for reading alone: input is at its end at once, output fails as
 * it did before. */
void zk_open_std_fds(void);
/* Writes all 'len' bytes at the descriptor's position, over EINTR and short
 * writes.  'path' is for the message. */
int zk_write_all(int fd, const void *p, size_t len, const char *path,
                 struct zk_errmsg *em) ZK_WARN_UNUSED;
int zk_pwrite_all(int fd, const void *p, size_t len, off_t at,
                  const char *path, struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Reads up to 'len' bytes at the position, less only at the end of file;
 * *got says how many. */
int zk_read_full(int fd, void *p, size_t len, size_t *got, const char *path,
                 struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Appends the whole file to 'out'; ZK_ETOOBIG past 'max' bytes. */
int zk_read_file(const char *path, size_t max, struct zk_buf *out,
                 struct zk_errmsg *em) ZK_WARN_UNUSED;
/* fsync of the folder that holds 'path', so that its name survives. */
int zk_sync_parent_dir(const char *path, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Replaces 'path' by 'len' bytes: written to <path>.tmp, fsynced, renamed,
 * folder fsynced.  After a crash the file holds the old or the new bytes.
 * The only way small files (epochs, configurations) are written. */
int zk_atomic_file_replace(const char *path, const void *p, size_t len,
                           struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Makes the folder and its missing parents (mode 0755), each synced into
 * its parent; ZK_OK when it is there already. */
int zk_mkdirs(const char *path, struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Sum of the lengths of the plain files below 'path' (one level of folders
 * deep or more); 0 when it cannot be read. */
int64_t zk_dir_size(const char *path);

#endif
