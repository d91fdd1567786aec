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
 *
 * IO_JOURNAL names a file that is appended to, one line for each thing that a
 * loss of power would decide on:
 *
 *     new INODE           a file was made, or emptied
 *     sync INODE END      what was written to it is on the disk; END is where
 *                         the last byte stands (single zeros, which only make
 *                         a file longer, aside)
 *     dir PATH            a folder's names are on the disk: those that follow,
 *     name NAME           each in a line,
 *     end                 to here
 *
 * A line is there before the call that it is about returns.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
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

/* What a descriptor is open on; "" when that cannot be told. */
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

/* ---- the journal -------------------------------------------------------- */

#define MAX_FILES 4096

static struct {
    uint64_t inode;
    off_t end;
} files[MAX_FILES];             /* By inode, modulo and on. */

static off_t *
end_of(uint64_t inode)
{
    size_t at = (size_t) (inode % MAX_FILES);

    while (files[at].inode != 0 && files[at].inode != inode) {
        at = (at + 1) % MAX_FILES;
    }
    files[at].inode = inode;
    return &files[at].end;
}

static uint64_t
inode_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode)
               ? (uint64_t) st.st_ino
               : 0;
}

static bool
journaling(void)
{
    return getenv("IO_JOURNAL") != NULL;
}

static void
journal(const char *text)
{
    int fd = REAL("open", int (*)(const char *, int, ...))(
        getenv("IO_JOURNAL"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
        0600);

    if (fd < 0
        || REAL("write", ssize_t (*)(int, const void *, size_t))(
               fd, text, strlen(text)) < 0) {
        abort();
    }
    close(fd);
}

static void
note_new(int fd)
{
    uint64_t inode = fd >= 0 && journaling() ? inode_of(fd) : 0;
    char line[64];

    if (inode == 0) {
        return;
    }
    pthread_mutex_lock(&lock);
    *end_of(inode) = 0;
    snprintf(line, sizeof line, "new %" PRIu64 "\n", inode);
    journal(line);
    pthread_mutex_unlock(&lock);
}

static void
note_write(int fd, const void *p, ssize_t len, off_t end)
{
    uint64_t inode = len > 0 && journaling() ? inode_of(fd) : 0;

    if (inode == 0 || (len == 1 && *(const char *) p == '\0')) {
        return;
    }
    pthread_mutex_lock(&lock);
    if (*end_of(inode) < end) {
        *end_of(inode) = end;
    }
    pthread_mutex_unlock(&lock);
}

static void
note_cut(int fd, off_t end)
{
    uint64_t inode = journaling() ? inode_of(fd) : 0;

    if (inode == 0) {
        return;
    }
    pthread_mutex_lock(&lock);
    if (*end_of(inode) > end) {
        *end_of(inode) = end;
    }
    pthread_mutex_unlock(&lock);
}

/* The lines for a folder as it is now; NULL when it is none.  To be freed. */
static char *
list_folder(int fd)
{
    char path[4096];
    char *text = NULL;
    size_t size;
    FILE *out;
    DIR *dir;

    dir = opendir(path_of(fd, path, sizeof path));
    out = dir != NULL ? open_memstream(&text, &size) : NULL;
    if (out != NULL) {
        struct dirent *e;

        fprintf(out, "dir %s\n", path);
        while ((e = readdir(dir)) != NULL) {
            fprintf(out, "name %s\n", e->d_name);
        }
        fprintf(out, "end\n");
        fclose(out);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return text;
}

/* Runs the sync and notes what was there before it. */
static int
noted_sync(int fd, int (*sync)(int))
{
    uint64_t inode = inode_of(fd);
    char *text = NULL;
    char line[96];
    int rv;

    if (!journaling()) {
        return sync(fd);
    }
    if (inode != 0) {
        pthread_mutex_lock(&lock);
        snprintf(line, sizeof line, "sync %" PRIu64 " %lld\n", inode,
                 (long long) *end_of(inode));
        pthread_mutex_unlock(&lock);
    } else {
        text = list_folder(fd);
    }
    rv = sync(fd);
    if (rv == 0 && (inode != 0 || text != NULL)) {
        pthread_mutex_lock(&lock);
        journal(inode != 0 ? line : text);
        pthread_mutex_unlock(&lock);
    }
    free(text);
    return rv;
}

/* ---- the calls ---------------------------------------------------------- */

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
    ssize_t done;

    if (n == 0 && len > 0) {
        return -1;
    }
    done = REAL("write", ssize_t (*)(int, const void *, size_t))(fd, p, n);
    if (journaling()) {
        note_write(fd, p, done, lseek(fd, 0, SEEK_CUR));
    }
    return done;
}

ssize_t
pwrite(int fd, const void *p, size_t len, off_t at)
{
    size_t n = allowed(fd, len);
    ssize_t done;

    if (n == 0 && len > 0) {
        return -1;
    }
    done = REAL("pwrite", ssize_t (*)(int, const void *, size_t,
                                      off_t))(fd, p, n, at);
    note_write(fd, p, done, at + (off_t) (done > 0 ? done : 0));
    return done;
}

int
fsync(int fd)
{
    return permit_fd("sync", fd) != 0
               ? -1
               : noted_sync(fd, REAL("fsync", int (*)(int)));
}

int
fdatasync(int fd)
{
    return permit_fd("sync", fd) != 0
               ? -1
               : noted_sync(fd, REAL("fdatasync", int (*)(int)));
}

int
ftruncate(int fd, off_t len)
{
    int rv;

    if (permit_fd("cut", fd) != 0) {
        return -1;
    }
    rv = REAL("ftruncate", int (*)(int, off_t))(fd, len);
    if (rv == 0) {
        note_cut(fd, len);
    }
    return rv;
}

int
open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    int fd;

    if (flags & O_CREAT) {
        va_list ap;

        va_start(ap, flags);
        mode = va_arg(ap, mode_t);
        va_end(ap);
        if (permit("create", path) != 0) {
            return -1;
        }
    }
    fd = REAL("open", int (*)(const char *, int, ...))(path, flags, mode);
    if (flags & O_TRUNC) {
        note_new(fd);
    }
    return fd;
}

int
rename(const char *from, const char *to)
{
    return permit("create", to) != 0
               ? -1
               : REAL("rename", int (*)(const char *, const char *))(from,
                                                                     to);
}
