/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * io_faults: a disk that fails, for a server that runs with this library in
 * LD_PRELOAD.
 *
 * The environment variable IO_FAULTS names a file, which may come, change and
 * go while the server runs.  Each line is
 *
 *     CALL ERROR PART [ROOM]
 *
 * CALL is write (pwrite, too), sync (fsync, fdatasync), create (open for
 * writing, rename) or cut (ftruncate); ERROR is ENOSPC or EIO.  Calls on files
 * whose path has PART in it fail with that error; a write only after ROOM
 * more bytes were written since the file of faults last changed, the last
 * write before being a short one, as a disk that fills up has it.
 *
 * A test has the faults replaced by rename(2): a call sees all or none.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FAULTS 8

struct fault {
    char call[16];
    int error;
    char part[256];
    long long room;             /* Bytes that may still be written. */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fault faults[MAX_FAULTS];
static size_t n_faults;
static struct stat seen;        /* The file that they are from. */

#define REAL(name, type) ((type) dlsym(RTLD_NEXT, name))

static int
parse_error(const char *name)
{
    return strcmp(name, "ENOSPC") == 0 ? ENOSPC : EIO;
}

static void
read_faults(const char *path)
{
    FILE *in = fopen(path, "r");
    char error[16];

    n_faults = 0;
    while (in != NULL && n_faults < MAX_FAULTS) {
        struct fault *f = &faults[n_faults];

        f->room = 0;
        /* NOLINTNEXTLINE: widths are those of the arrays */
        if (fscanf(in, "%15s %15s %255s%lld", f->call, error, f->part,
                   &f->room) < 3) {
            break;
        }
        f->error = parse_error(error);
        n_faults++;
    }
    if (in != NULL) {
        fclose(in);
    }
}

/* Brings the table up to date. */
static void
look_for_faults(void)
{
    const char *path = getenv("IO_FAULTS");
    struct stat st;

    if (path == NULL || stat(path, &st) != 0) {
        n_faults = 0;
        memset(&seen, 0, sizeof seen);
        return;
    }
    if (st.st_ino != seen.st_ino
        || st.st_mtim.tv_sec != seen.st_mtim.tv_sec
        || st.st_mtim.tv_nsec != seen.st_mtim.tv_nsec) {
        seen = st;
        read_faults(path);
    }
}

static struct fault *
find_fault(const char *call, const char *path)
{
    look_for_faults();
    for (size_t i = 0; i < n_faults; i++) {
        if (strcmp(faults[i].call, call) == 0
            && strstr(path, faults[i].part) != NULL) {
            return &faults[i];
        }
    }
    return NULL;
}

static const char *
path_of(int fd, char *buf, size_t size)
{
    char link[64];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, buf, size - 1);
    buf[n < 0 ? 0 : n] = '\0';
    return buf;
}

/* How many of 'len' bytes may be written to 'fd'; none: errno is set. */
static size_t
allowed(int fd, size_t len)
{
    char path[4096];
    struct fault *f;

    pthread_mutex_lock(&lock);
    f = find_fault("write", path_of(fd, path, sizeof path));
    if (f != NULL) {
        if ((long long) len > f->room) {
            len = (size_t) f->room;
        }
        f->room -= (long long) len;
        errno = f->error;
    }
    pthread_mutex_unlock(&lock);
    return len;
}

/* -1 with errno set when the call is to fail. */
static int
permit(const char *call, const char *path)
{
    struct fault *f;
    int rv = 0;

    pthread_mutex_lock(&lock);
    f = find_fault(call, path);
    if (f != NULL) {
        errno = f->error;
        rv = -1;
    }
    pthread_mutex_unlock(&lock);
    return rv;
}

static int
permit_fd(const char *call, int fd)
{
    char path[4096];

    return permit(call, path_of(fd, path, sizeof path));
}

ssize_t
write(int fd, const void *p, size_t len)
{
    size_t n = allowed(fd, len);

    if (n == 0 && len > 0) {
        return -1;
    }
    return REAL("write", ssize_t (*)(int, const void *, size_t))(fd, p, n);
}

ssize_t
pwrite(int fd, const void *p, size_t len, off_t at)
{
    size_t n = allowed(fd, len);

    if (n == 0 && len > 0) {
        return -1;
    }
    return REAL("pwrite", ssize_t (*)(int, const void *, size_t,
                                      off_t))(fd, p, n, at);
}

int
fsync(int fd)
{
    return permit_fd("sync", fd) != 0 ? -1
                                      : REAL("fsync", int (*)(int))(fd);
}

int
fdatasync(int fd)
{
    return permit_fd("sync", fd) != 0 ? -1
                                      : REAL("fdatasync", int (*)(int))(fd);
}

int
ftruncate(int fd, off_t len)
{
    return permit_fd("cut", fd) != 0
               ? -1
               : REAL("ftruncate", int (*)(int, off_t))(fd, len);
}

int
open(const char *path, int flags, ...)
{
    mode_t mode = 0;

    if (flags & O_CREAT) {
        va_list ap;

        va_start(ap, flags);
        mode = va_arg(ap, mode_t);
        va_end(ap);
        if (permit("create", path) != 0) {
            return -1;
        }
    }
    return REAL("open", int (*)(const char *, int, ...))(path, flags, mode);
}

int
rename(const char *from, const char *to)
{
    return permit("create", to) != 0
               ? -1
               : REAL("rename", int (*)(const char *, const char *))(from,
                                                                     to);
}
