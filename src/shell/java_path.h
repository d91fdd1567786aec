/* SPDX-License-Identifier: Apache-2.0 */
/*
 * java_path.h: what Apache's client says of a path that it does not send
 * (Java: PathUtils.validatePath).  Which paths are wrong is for
 * proto/path_utils.h to say; here are the words.
 *
 * Thread-safety: none needed; pure functions over the caller's memory.
 */
#ifndef SHELL_JAVA_PATH_H
#define SHELL_JAVA_PATH_H

#include "util/zk_error.h"

/* ZK_OK, or ZK_ECONFIG with Java's message. */
int java_path_check(const char *path, struct zk_errmsg *em) ZK_WARN_UNUSED;
/* The same for the path of a sequential node, which may end with '/'. */
int java_path_check_sequential(const char *path, struct zk_errmsg *em)
    ZK_WARN_UNUSED;

#endif
