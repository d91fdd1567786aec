/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "test/fuzz/fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "persistence/file_snap.h"
#include "tree/data_tree_snapshot.h"
#include "util/zk_bytes.h"
#include "util/zk_log.h"

/* A snapshot is taken in steps of so many bytes: several even of a small
 * tree. */
#define FUZZ_SNAPSHOT_STEP 200
/* A session in a snapshot: a long and an int. */
#define FUZZ_SESSION_LEN 12

static char *folder;
static pid_t folder_owner;

uint8_t *
fuzz_copy(struct zk_slice s)
{
    size_t len = s.len > 0 ? (size_t) s.len : 0;
    uint8_t *p = malloc(len > 0 ? len : 1);

    zk_assert(p != NULL);
    memcpy(p, s.len > 0 ? s.p : "", len);
    return p;
}

static int
fuzz_remove_one(const char *path, const struct stat *st, int flag,
                struct FTW *ftw)
{
    (void) st;
    (void) flag;
    if (ftw->level > 0 && remove(path) != 0) {
        perror(path);
    }
    return 0;
}

void
fuzz_clear_folder(void)
{
    if (folder != NULL) {
        nftw(folder, fuzz_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
}

static void
fuzz_remove_folder(void)
{
    if (getpid() != folder_owner) {
        return;
    }
    fuzz_clear_folder();
    rmdir(folder);
    free(folder);
    folder = NULL;
}

const char *
fuzz_folder(void)
{
    const char *base = getenv("TMPDIR");

    if (folder != NULL) {
        return folder;
    }
    if (base == NULL) {
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    }
    folder = zk_xasprintf("%s/zkd-fuzz-XXXXXX", base);
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        exit(99);
    }
    folder_owner = getpid();
    atexit(fuzz_remove_folder);
    return folder;
}

char *
fuzz_path(const char *name)
{
    return zk_xasprintf("%s/%s", fuzz_folder(), name);
}

void
fuzz_write_file(const char *path, const void *p, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, p, len) != (ssize_t) len || close(fd) != 0) {
        perror(path);
        exit(99);
    }
}

void
fuzz_quiet(void)
{
    zk_log_set_level(ZK_LOG_OFF);
}

/* ---- trees -------------------------------------------------------------- */

struct data_tree *
fuzz_tree_create(void)
{
    const struct data_tree_options opts = {
        .digest_enabled = true, .extended_types_enabled = true,
    };

    return data_tree_create(&opts);
}

static bool
fuzz_pull(void *self, struct zk_buf *out)
{
    return data_tree_snapshot_next(self, out, FUZZ_SNAPSHOT_STEP);
}

void
fuzz_tree_stream(struct data_tree *tree, struct zk_buf *out)
{
    struct data_tree_snapshot *snap = data_tree_snapshot_begin(tree);

    zk_assert(snap != NULL);
    while (fuzz_pull(snap, out)) {
    }
    data_tree_snapshot_end(snap);
}

/* The tree in a file, read back. */
static struct data_tree *
fuzz_reload(struct data_tree *tree, bool with_digest)
{
    struct data_tree_snapshot *snap = data_tree_snapshot_begin(tree);
    struct data_tree *back = fuzz_tree_create();
    struct zk_errmsg em = { "" };
    char *path = NULL;

    zk_assert(snap != NULL);
    const struct snap_source src = {
        .self = snap,
        .pull = fuzz_pull,
        .zxid = data_tree_snapshot_zxid(snap),
        .has_digest = with_digest,
        .digest = data_tree_snapshot_digest(snap),
    };
    if (file_snap_write(fuzz_folder(), &src, SNAP_PLAIN, &path, &em) != ZK_OK
        || file_snap_read(path, src.zxid, INT32_MAX, back, &em) != ZK_OK) {
        zk_panic("a snapshot of our own: %s", em.text);
    }
    zk_assert(file_snap_looks_valid(path));
    data_tree_snapshot_end(snap);
    unlink(path);
    free(path);
    return back;
}

static int
fuzz_by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, FUZZ_SESSION_LEN);
}

/* The stream with its sessions, which come in the order of a hash, sorted. */
static void
fuzz_sorted_stream(struct data_tree *tree, struct zk_buf *out)
{
    size_t n;

    fuzz_tree_stream(tree, out);
    zk_assert(out->len >= 4);
    n = zk_get_be32(out->data);
    zk_assert((out->len - 4) / FUZZ_SESSION_LEN >= n);
    qsort(out->data + 4, n, FUZZ_SESSION_LEN, fuzz_by_bytes);
}

void
fuzz_trees_equal(struct data_tree *a, struct data_tree *b)
{
    struct zk_buf in_a = { 0 };
    struct zk_buf in_b = { 0 };

    zk_assert(data_tree_last_zxid(a) == data_tree_last_zxid(b));
    zk_assert(data_tree_digest(a) == data_tree_digest(b));
    zk_assert(data_tree_node_count(a) == data_tree_node_count(b));
    zk_assert(data_tree_ephemeral_count(a) == data_tree_ephemeral_count(b));
    zk_assert(data_tree_session_count(a) == data_tree_session_count(b));
    zk_assert(data_tree_approximate_size(a)
              == data_tree_approximate_size(b));
    fuzz_sorted_stream(a, &in_a);
    fuzz_sorted_stream(b, &in_b);
    zk_assert(in_a.len == in_b.len);
    zk_assert(memcmp(in_a.data, in_b.data, in_a.len) == 0);
    zk_buf_fini(&in_a);
    zk_buf_fini(&in_b);
}

static bool
fuzz_has_built_in(const struct data_tree *tree)
{
    return data_tree_find(tree, ZK_SLICE_LIT("/zookeeper")) != NULL
           && data_tree_find(tree, ZK_SLICE_LIT("/zookeeper/config")) != NULL
           && data_tree_find(tree, ZK_SLICE_LIT("/zookeeper/quota")) != NULL;
}

/* Loading adds the built-in nodes and sums up quotas, and goes by what the
 * file says: so the first copy may differ from a tree that transactions have
 * shaped, but its copy may not differ from it. */
void
fuzz_tree_check(struct data_tree *tree)
{
    struct data_tree *copy = fuzz_reload(tree, false);
    struct data_tree *again = fuzz_reload(copy, true);

    if (fuzz_has_built_in(tree)) {
        zk_assert(data_tree_digest(tree) == data_tree_digest(copy));
        zk_assert(data_tree_node_count(tree) == data_tree_node_count(copy));
        zk_assert(data_tree_ephemeral_count(tree)
                  == data_tree_ephemeral_count(copy));
        zk_assert(data_tree_session_count(tree)
                  == data_tree_session_count(copy));
    }
    fuzz_trees_equal(copy, again);
    data_tree_destroy(copy);
    data_tree_destroy(again);
}
