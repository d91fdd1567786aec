/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "persistence/file_remover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/zk_log.h"
#include "util/zk_obj.h"
#include "util/zk_time.h"

/* Bytes taken off at a time, and the rest after it. */
#define FR_STEP ((off_t) 8 << 20)
#define FR_PAUSE_US 5000

static bool
fr_is_stopped(const atomic_bool *stop)
{
    return stop != NULL && atomic_load(stop);
}

/* A name in the same folder that no file has; to be freed. */
static char *
fr_new_name(const char *path)
{
    static atomic_uint_least64_t last;
    const char *slash = strrchr(path, '/');
    int len = slash != NULL ? (int) (slash + 1 - path) : 0;
    char *name = NULL;

    do {
        free(name);
        name = zk_xasprintf("%.*s" FILE_REMOVER_PREFIX "%" PRIx64, len, path,
                            (uint64_t) ++last);
    } while (access(name, F_OK) == 0);
    return name;
}

int
file_remover_take(const char *path, char **aside)
{
    struct stat st;

    *aside = NULL;
    if (lstat(path, &st) != 0) {
        return errno;
    }
    if (!S_ISREG(st.st_mode) || st.st_size <= FR_STEP || st.st_nlink > 1) {
        return unlink(path) != 0 ? errno : 0;
    }
    *aside = fr_new_name(path);
    if (rename(path, *aside) != 0) {
        int err = errno;

        free(*aside);
        *aside = NULL;
        return err;
    }
    return 0;
}

int
file_remover_set_aside(const char *path)
{
    char *aside;
    int err = file_remover_take(path, &aside);

    free(aside);
    return err;
}

/* Whether somebody has the file open, or mapped.  The kernel gives a lease for
 * writing to nobody else then; it is given back at once, since who opens the
 * file from now on knows by its name what it is.  False, too, where leases are
 * not to be had (some file systems, another user's files). */
static bool
fr_is_open_elsewhere(int fd)
{
    /* Who opens it in between: not by SIGIO, which ends processes. */
    if (fcntl(fd, F_SETSIG, SIGURG) != 0
        || fcntl(fd, F_SETLEASE, F_WRLCK) != 0) {
        return errno == EAGAIN || errno == EBUSY;
    }
    (void) fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
}

static void
fr_shrink(int fd, const atomic_bool *stop)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || st.st_nlink > 1 || fr_is_open_elsewhere(fd)) {
        return;                 /* Somebody else's, too: unlink is enough. */
    }
    while (st.st_size > FR_STEP && !fr_is_stopped(stop)) {
        st.st_size -= FR_STEP;
        if (ftruncate(fd, st.st_size) != 0) {
            break;
        }
        zk_time_pause_us(FR_PAUSE_US);
    }
}

/* A file that was set aside. */
static void
fr_remove(const char *aside, const atomic_bool *stop)
{
    int fd = open(aside, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd >= 0) {
        fr_shrink(fd, stop);
        close(fd);
    }
    if (!fr_is_stopped(stop) && unlink(aside) != 0 && errno != ENOENT) {
        zk_warn(snaplog, "%s: cannot be removed: %s", aside, strerror(errno));
    }
}

void
file_remover_drain(char *aside, const atomic_bool *stop)
{
    if (aside != NULL) {
        fr_remove(aside, stop);
        free(aside);
    }
}

void
file_remover_sweep(const char *dir, const atomic_bool *stop)
{
    struct dirent *ent;
    DIR *d = opendir(dir);
    char *path;

    while (d != NULL && !fr_is_stopped(stop) && (ent = readdir(d)) != NULL) {
        if (strncmp(ent->d_name, FILE_REMOVER_PREFIX,
                    sizeof FILE_REMOVER_PREFIX - 1) != 0) {
            continue;
        }
        path = zk_xasprintf("%s/%s", dir, ent->d_name);
        fr_remove(path, stop);
        free(path);
    }
    if (d != NULL) {
        closedir(d);
    }
}
