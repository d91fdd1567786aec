/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "persistence/dir_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "util/zk_log.h"

int
dir_lock(const char *dir, int *fd, struct zk_errmsg *em)
{
    *fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0) {
        return zk_fail_errno(em, "%s", dir);
    }
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0) {
        return ZK_OK;
    }
    if (errno == EWOULDBLOCK) {
        close(*fd);
        *fd = -1;
        return zk_fail(em, ZK_EEXIST, "%s is in use by another server", dir);
    }
    zk_warn(snaplog, "%s cannot be locked: %s", dir, strerror(errno));
    return ZK_OK;
}

bool
dir_lock_is_held(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool held;

    if (fd < 0) {
        return false;
    }
    held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}
