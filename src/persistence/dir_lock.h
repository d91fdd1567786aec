/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dir_lock.h: the advisory lock by which a server keeps its data folder to
 * itself, and tools see that it does.  Java's servers take none.
 */
#ifndef PERSISTENCE_DIR_LOCK_H
#define PERSISTENCE_DIR_LOCK_H

#include "util/zk_error.h"

/* Locks 'dir' (a version-2 folder); *fd holds the lock until it is closed,
 * and is -1 on failure.  ZK_EEXIST when somebody else has it; ZK_EIO,
 * ZK_ENOTFOUND when the folder cannot be opened.  A file system without such
 * locks is let be, with a line in the log. */
int dir_lock(const char *dir, int *fd, struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Whether a server has it.  A server that starts in this very moment may find
 * the folder locked. */
bool dir_lock_is_held(const char *dir);

#endif
