/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "persistence/file_snap.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jute/output_archive.h"
#include "persistence/file_remover.h"
#include "persistence/snap_format.h"
#include "persistence/snap_sink.h"
#include "persistence/snap_xerial.h"
#include "util/crash_point.h"
#include "util/zk_io.h"

static const struct snap_method {
    const char *text;           /* The option's word. */
    const char *suffix;         /* Of the file's name. */
} snap_methods[] = {
    [SNAP_PLAIN] = { "", "" },
    [SNAP_GZ] = { "gz", ".gz" },
    [SNAP_SNAPPY] = { "snappy", ".snappy" },
};

bool
snap_compression_parse(const char *text, enum snap_compression *out)
{
    for (size_t i = 0; i < ZK_ARRAY_SIZE(snap_methods); i++) {
        if (strcmp(text, snap_methods[i].text) == 0) {
            *out = (enum snap_compression) i;
            return true;
        }
    }
    return false;
}

/* ---- writing ---------------------------------------------------------- */

/* The Adler-32 of all before it, then "/". */
static int
fs_seal(struct snap_sink *s, struct zk_errmsg *em)
{
    int rv = snap_sink_take(s, em);

    output_archive_long(&s->in, (int64_t) s->adler);
    output_archive_slice(&s->in, ZK_SLICE_LIT("/"));
    return rv;
}

static int
fs_write_body(struct snap_sink *s, const struct snap_source *src,
              struct zk_errmsg *em)
{
    bool more = true;
    int rv = ZK_OK;

    output_archive_int(&s->in, SNAP_MAGIC);
    output_archive_int(&s->in, SNAP_VERSION);
    output_archive_long(&s->in, SNAP_DBID);
    while (more && rv == ZK_OK) {
        if (src->give_up != NULL && atomic_load(src->give_up)) {
            return zk_fail(em, ZK_ESTOPPED, "the snapshot was given up");
        }
        more = src->pull(src->self, &s->in);
        if (snap_sink_full(s)) {
            rv = snap_sink_take(s, em);
        }
    }
    if (rv == ZK_OK) {
        rv = fs_seal(s, em);
    }
    if (rv == ZK_OK && src->has_digest) {
        output_archive_long(&s->in, src->zxid);
        output_archive_int(&s->in, TXN_DIGEST_VERSION);
        output_archive_long(&s->in, src->digest);
        rv = fs_seal(s, em);
    }
    return rv != ZK_OK ? rv : snap_sink_finish(s, em);
}

/* All bytes into the new file 'tmp', synced. */
static int
fs_write_tmp(const char *tmp, const struct snap_source *src,
             enum snap_compression comp, struct zk_errmsg *em)
{
    struct snap_sink s;
    int fd;
    int rv;

    fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return zk_fail_errno(em, "%s: create", tmp);
    }
    CRASH_HERE(snap_created);
    snap_sink_init(&s, fd, tmp, comp);
    rv = fs_write_body(&s, src, em);
    snap_sink_fini(&s);
    if (rv == ZK_OK) {
        CRASH_HERE(snap_written);
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
file_snap_write(const char *dir, const struct snap_source *src,
                enum snap_compression comp, char **path_out,
                struct zk_errmsg *em)
{
    char *path = zk_xasprintf("%s/snapshot.%" PRIx64 "%s", dir,
                              (uint64_t) src->zxid,
                              snap_methods[comp].suffix);
    char *tmp = zk_xasprintf("%s.tmp", path);
    int rv;

    rv = fs_write_tmp(tmp, src, comp, em);
    if (rv == ZK_OK) {
        CRASH_HERE(snap_synced);
        if (rename(tmp, path) != 0) {
            rv = zk_fail_errno(em, "%s: rename from %s", path, tmp);
        }
    }
    if (rv != ZK_OK) {
        (void) file_remover_set_aside(tmp);
    } else {
        CRASH_HERE(snap_renamed);
        rv = zk_sync_parent_dir(path, em);
    }
    if (rv == ZK_OK && path_out != NULL) {
        *path_out = path;
        path = NULL;
    }
    free(path);
    free(tmp);
    return rv;
}

/* ---- a quick look ----------------------------------------------------- */

static bool
fs_looks_valid(int fd, const char *path)
{
    const char *dot = strrchr(path, '.');
    unsigned char b[XERIAL_MAGIC_LEN];
    struct stat st;

    if (fstat(fd, &st) != 0 || st.st_size < SNAP_MIN_LEN) {
        return false;
    }
    if (dot != NULL && strcmp(dot, ".gz") == 0) {
        return pread(fd, b, 2, 0) == 2 && b[0] == 0x1f && b[1] == 0x8b;
    }
    if (dot != NULL && strcmp(dot, ".snappy") == 0) {
        return pread(fd, b, XERIAL_MAGIC_LEN, 0) == XERIAL_MAGIC_LEN
               && memcmp(b, XERIAL_MAGIC, XERIAL_MAGIC_LEN) == 0;
    }
    return pread(fd, b, 5, st.st_size - 5) == 5
           && memcmp(b, "\0\0\0\1/", 5) == 0;
}

bool
file_snap_looks_valid(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok;

    if (fd < 0) {
        return false;
    }
    ok = fs_looks_valid(fd, path);
    close(fd);
    return ok;
}
