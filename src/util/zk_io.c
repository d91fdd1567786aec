/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "util/zk_io.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/crash_point.h"

/* How much zk_read_file asks for at a time. */
#define ZKIO_CHUNK 65536

void
zk_open_std_fds(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        /* The lowest number that is free is the one that is missing. */
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF
            && open("/dev/null", O_RDONLY | O_NOCTTY) != fd) {
            _exit(127);
        }
    }
}

int
zk_write_all(int fd, const void *p, size_t len, const char *path,
             struct zk_errmsg *em)
{
    const char *at = p;
    ssize_t n;

    while (len > 0) {
        n = write(fd, at, len);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return zk_fail_errno(em, "%s: write", path);
        }
        at += n;
        len -= (size_t) n;
    }
    return ZK_OK;
}

int
zk_pwrite_all(int fd, const void *p, size_t len, off_t at, const char *path,
              struct zk_errmsg *em)
{
    const char *from = p;
    ssize_t n;

    while (len > 0) {
        n = pwrite(fd, from, len, at);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return zk_fail_errno(em, "%s: write at %lld", path,
                                 (long long) at);
        }
        from += n;
        at += n;
        len -= (size_t) n;
    }
    return ZK_OK;
}

int
zk_read_full(int fd, void *p, size_t len, size_t *got, const char *path,
             struct zk_errmsg *em)
{
    char *to = p;
    ssize_t n;

    *got = 0;
    while (*got < len) {
        n = read(fd, to + *got, len - *got);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return zk_fail_errno(em, "%s: read", path);
        }
        if (n == 0) {
            break;
        }
        *got += (size_t) n;
    }
    return ZK_OK;
}

static int
zkio_read_rest(int fd, const char *path, size_t max, struct zk_buf *out,
               struct zk_errmsg *em)
{
    size_t total = 0;
    size_t got;
    int rv;

    do {
        rv = zk_read_full(fd, zk_buf_reserve(out, ZKIO_CHUNK), ZKIO_CHUNK,
                          &got, path, em);
        if (rv != ZK_OK) {
            return rv;
        }
        out->len += got;
        total += got;
        if (total > max) {
            return zk_fail(em, ZK_ETOOBIG, "%s: longer than %zu bytes", path,
                           max);
        }
    } while (got == ZKIO_CHUNK);
    return ZK_OK;
}

int
zk_read_file(const char *path, size_t max, struct zk_buf *out,
             struct zk_errmsg *em)
{
    size_t before = out->len;
    int fd;
    int rv;

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return zk_fail_errno(em, "%s: open", path);
    }
    rv = zkio_read_rest(fd, path, max, out, em);
    if (rv != ZK_OK) {
        out->len = before;
    }
    close(fd);
    return rv;
}

/* The folder of 'path', to be freed. */
static char *
zkio_parent(const char *path)
{
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    while (len > 0 && path[len - 1] != '/') {
        len--;
    }
    if (len == 0) {
        return zk_xstrdup(".");
    }
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    return zk_xstrndup(path, len);
}

int
zk_sync_parent_dir(const char *path, struct zk_errmsg *em)
{
    char *dir = zkio_parent(path);
    int rv = ZK_OK;
    int fd;

    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        rv = zk_fail_errno(em, "%s: open", dir);
    } else {
        if (fsync(fd) != 0) {
            rv = zk_fail_errno(em, "%s: fsync", dir);
        }
        close(fd);
    }
    free(dir);
    return rv;
}

/* Writes and syncs the new file under its temporary name. */
static int
zkio_write_tmp(const char *tmp, const void *p, size_t len,
               struct zk_errmsg *em)
{
    int fd;
    int rv;

    fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return zk_fail_errno(em, "%s: create", tmp);
    }
    rv = zk_write_all(fd, p, len, tmp, em);
    if (rv == ZK_OK) {
        CRASH_HERE(small_file_written);
        if (fsync(fd) != 0) {
            rv = zk_fail_errno(em, "%s: fsync", tmp);
        }
    }
    if (close(fd) != 0 && rv == ZK_OK) {
        rv = zk_fail_errno(em, "%s: close", tmp);
    }
    return rv;
}

int
zk_atomic_file_replace(const char *path, const void *p, size_t len,
                       struct zk_errmsg *em)
{
    char *tmp = zk_xasprintf("%s.tmp", path);
    int rv;

    rv = zkio_write_tmp(tmp, p, len, em);
    if (rv == ZK_OK && rename(tmp, path) != 0) {
        rv = zk_fail_errno(em, "%s: rename from %s", path, tmp);
    }
    if (rv != ZK_OK) {
        unlink(tmp);
    } else {
        CRASH_HERE(small_file_renamed);
        rv = zk_sync_parent_dir(path, em);
    }
    free(tmp);
    return rv;
}

/* Makes one folder whose parent is there. */
static int
zkio_mkdir(const char *path, struct zk_errmsg *em)
{
    struct stat st;

    if (mkdir(path, 0755) == 0) {
        return zk_sync_parent_dir(path, em);
    }
    if (errno != EEXIST) {
        return zk_fail_errno(em, "%s: mkdir", path);
    }
    if (stat(path, &st) != 0) {
        return zk_fail_errno(em, "%s: stat", path);
    }
    if (!S_ISDIR(st.st_mode)) {
        return zk_fail(em, ZK_EEXIST, "%s: is there and not a folder", path);
    }
    return ZK_OK;
}

int
zk_mkdirs(const char *path, struct zk_errmsg *em)
{
    char *dir = zk_xstrdup(path);
    int rv = ZK_OK;
    char *end = dir;

    if (*path == '\0') {
        rv = zk_fail(em, ZK_ECONFIG, "mkdir of a folder without a name");
    }
    while (rv == ZK_OK && *end != '\0') {
        end += strspn(end, "/");
        end += strcspn(end, "/");
        if (*end == '/') {
            *end = '\0';
            rv = zkio_mkdir(dir, em);
            *end = '/';
        } else if (end[-1] != '/') {
            rv = zkio_mkdir(dir, em);
        }
    }
    free(dir);
    return rv;
}

int64_t
zk_dir_size(const char *path)
{
    char *root = zk_xstrdup(path);
    char *const roots[] = { root, NULL };
    int64_t sum = 0;
    FTSENT *ent;
    FTS *fts;

    fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (fts != NULL) {
        while ((ent = fts_read(fts)) != NULL) {
            if (ent->fts_info == FTS_F) {
                sum += ent->fts_statp->st_size;
            }
        }
        fts_close(fts);
    }
    free(root);
    return sum;
}
