/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "persistence/file_remover.h"
#include "persistence/file_txn_snap_log.h"
#include "persistence/purge_txn_log.h"

#include <sys/stat.h>

#include "persistence/file_list.h"
#include "test/lib/zk_test.h"
#include "util/checksum.h"
#include "util/zk_bytes.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

static char *dir;

static void
put(const char *name, const char *text, size_t len)
{
    zk_test_put_file(dir, name, text, len);
}

static void
make_dir(const char *name)
{
    char *path = zk_xasprintf("%s/%s", dir, name);

    CU_ASSERT_EQUAL(mkdir(path, 0755), 0);
    free(path);
}

/* A snapshot without nodes: header, sessions, ACLs, end mark, checksum. */
static void
put_snapshot(const char *name, bool whole)
{
    uint8_t p[42] = "ZKSN\0\0\0\2";

    memcpy(p + 24, "\0\0\0\1/", 5);
    zk_put_be64(p + 29, checksum_adler32(CHECKSUM_ADLER32_INIT, p, 29));
    memcpy(p + 37, "\0\0\0\1/", 5);
    p[12] = !whole;
    put(name, (const char *) p, sizeof p);
}

/* Files named by zxids, e.g. "1 5 9": whole snapshots, or logs. */
static void
put_all(const char *folder, const char *kind, const char *zxids)
{
    char name[128];
    char z[17];
    int n;

    while (sscanf(zxids, "%16s%n", z, &n) == 1) {
        snprintf(name, sizeof name, "%s/version-2/%s.%s", folder, kind, z);
        put_snapshot(name, true);
        zxids += n;
    }
}

static const char *
list(const char *folder, const char *kind)
{
    static char text[256];
    char *path = zk_xasprintf("%s/%s/version-2", dir, folder);
    struct zk_file_list l;
    struct zk_errmsg em;

    text[0] = '\0';
    CU_ASSERT_EQUAL(zk_file_list_read(path, kind, &l, &em), ZK_OK);
    for (size_t i = 0; i < l.n; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%llx",
                 i > 0 ? " " : "", (unsigned long long) l.v[i].zxid);
    }
    zk_file_list_fini(&l);
    free(path);
    return text;
}

static void
start(void)
{
    dir = zk_test_mkdir();
    make_dir("a");
    make_dir("a/version-2");
    make_dir("b");
    make_dir("b/version-2");
}

static void
finish(void)
{
    zk_test_rmdir(dir);
    free(dir);
}

/* Empty folders once more. */
static void
start_anew(void)
{
    finish();
    start();
}

/* Output of the purge, NUL-terminated, to be freed. */
static int
run(const char *log_dir, const char *snap_dir, int keep, char **out)
{
    char *a = zk_xasprintf("%s/%s", dir, log_dir);
    char *b = zk_xasprintf("%s/%s", dir, snap_dir);
    const struct purge_options opts = { a, b, keep, 1 << 20, NULL };
    struct zk_errmsg em;
    size_t len;
    FILE *f = open_memstream(out, &len);
    int rv;

    rv = purge_txn_log(&opts, f, NULL, &em);
    fclose(f);
    free(a);
    free(b);
    return rv;
}

/* What three snapshots are kept of. */
static void
check_left(const char *logs, const char *snapshots)
{
    char *out;

    CU_ASSERT_EQUAL(run("a", "a", 3, &out), ZK_OK);
    CU_ASSERT_STRING_EQUAL(list("a", "log"), logs);
    CU_ASSERT_STRING_EQUAL(list("a", "snapshot"), snapshots);
    free(out);
}

static void
test_keeps_what_is_needed(void)
{
    char *left, *out;

    left = zk_xasprintf("%s/a/version-2/tmp.removed.1", dir);
    /* The same folder that Java's PurgeTxnLog was given: it left these. */
    put_all("a", "snapshot", "1 5 9 a b");
    put_all("a", "log", "1 3 6 a c");
    put("a/version-2/log.foo", "", 0);
    put("a/version-2/snapshot.foo", "", 0);
    put("a/version-2/tmp.removed.1", "left", 4);
    put("a/version-2/currentEpoch", "1", 1);
    CU_ASSERT_EQUAL(run("a", "a", 3, &out), ZK_OK);
    CU_ASSERT_STRING_EQUAL(list("a", "log"), "6 a c");
    CU_ASSERT_STRING_EQUAL(list("a", "snapshot"), "9 a b");
    CU_ASSERT_NOT_EQUAL(access(left, F_OK), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "Removing file: "));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "M\t"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "/a/version-2/log.3\n"));
    free(out);
    CU_ASSERT_EQUAL(run("a", "a", 3, &out), ZK_OK);
    CU_ASSERT_STRING_EQUAL(out, "");
    free(out);
    free(left);
}

static void
test_counts_whole_snapshots_only(void)
{
    put_all("a", "snapshot", "1 5 9 a b");
    put_all("a", "log", "1 2 6 a c");
    put("a/version-2/snapshot.a", "half", 4);
    put("a/version-2/snapshot.b", "", 0);
    check_left("1 2 6 a c", "1 5 9 a b");
    put_all("a", "snapshot", "c");
    check_left("2 6 a c", "5 9 a b c");

    /* None whole: everything stays. */
    start_anew();
    put("a/version-2/snapshot.1", "", 0);
    put_all("a", "log", "1 2");
    check_left("1 2", "1");
}

/* Their last bytes are right, and some in the middle are not. */
static void
test_reads_before_anything_goes(void)
{
    char *out;

    put_all("a", "snapshot", "1 5 9 a b c");
    put_all("a", "log", "1 2 6 a c");
    put_snapshot("a/version-2/snapshot.c", false);
    put_snapshot("a/version-2/snapshot.b", false);
    check_left("2 6 a c", "5 9 a b c");

    /* None whole: everything stays, and that is said. */
    start_anew();
    put_all("a", "log", "1 2 6 a c");
    put_snapshot("a/version-2/snapshot.1", false);
    put_snapshot("a/version-2/snapshot.2", false);
    put_snapshot("a/version-2/snapshot.3", false);
    put_snapshot("a/version-2/snapshot.4", false);
    CU_ASSERT_EQUAL(run("a", "a", 3, &out), ZK_ECORRUPT);
    CU_ASSERT_STRING_EQUAL(out, "");
    CU_ASSERT_STRING_EQUAL(list("a", "log"), "1 2 6 a c");
    CU_ASSERT_STRING_EQUAL(list("a", "snapshot"), "1 2 3 4");
    free(out);
}

static void
test_two_folders(void)
{
    char *out;

    put_all("b", "snapshot", "1 5 9 a b");
    put_all("a", "log", "9 b c");
    CU_ASSERT_EQUAL(run("a", "b", 3, &out), ZK_OK);
    CU_ASSERT_STRING_EQUAL(list("a", "log"), "9 b c");
    CU_ASSERT_STRING_EQUAL(list("b", "snapshot"), "9 a b");
    free(out);
    /* Swapped: nothing is touched. */
    put_all("b", "snapshot", "1 2");
    CU_ASSERT_EQUAL(run("b", "a", 3, &out), ZK_ECONFIG);
    CU_ASSERT_STRING_EQUAL(list("b", "snapshot"), "1 2 9 a b");
    free(out);
    CU_ASSERT_EQUAL(run("a", "b", 2, &out), ZK_ECONFIG);
    free(out);
}

/* The task purges at its start and again; ends when told to. */
static void
test_task(void)
{
    int64_t deadline = zk_time_mono_ms() + 10000;
    struct purge_options opts;
    struct purge_task *t;
    char *a;

    a = zk_xasprintf("%s/a", dir);
    opts = (struct purge_options) { a, a, 3, 1 << 20, NULL };
    CU_ASSERT_PTR_NULL(purge_task_start(&opts, 0));
    purge_task_stop(NULL);
    put_all("a", "snapshot", "1 5 9 a b");
    t = purge_task_start(&opts, 20);
    while (strcmp(list("a", "snapshot"), "9 a b") != 0
           && zk_time_mono_ms() < deadline) {
    }
    CU_ASSERT_STRING_EQUAL(list("a", "snapshot"), "9 a b");
    put_all("a", "snapshot", "1 2");
    while (strcmp(list("a", "snapshot"), "9 a b") != 0
           && zk_time_mono_ms() < deadline) {
    }
    CU_ASSERT_STRING_EQUAL(list("a", "snapshot"), "9 a b");
    purge_task_stop(t);
    t = purge_task_start(&opts, 1000 * 3600);
    purge_task_stop(t);
    free(a);
}

/* A sparse file of 40 MB, more than what is removed in one go. */
static void
put_large(const char *path)
{
    FILE *f = fopen(path, "w");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(ftruncate(fileno(f), 40 << 20), 0);
    fclose(f);
}

/* A leader may be sending it to a learner. */
static void
test_a_log_stays_whole_for_its_reader(void)
{
    char name[256];
    struct stat st;
    char *out;
    int fd;

    put_all("a", "snapshot", "5 9 c");
    put_all("a", "log", "1 5 9 c");
    snprintf(name, sizeof name, "%s/a/version-2/log.1", dir);
    CU_ASSERT_EQUAL(truncate(name, 40 << 20), 0);
    fd = open(name, O_RDONLY);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(run("a", "a", 3, &out), ZK_OK);
    CU_ASSERT_NOT_EQUAL(access(name, F_OK), 0);
    CU_ASSERT_EQUAL(fstat(fd, &st), 0);
    CU_ASSERT_EQUAL(st.st_size, 40 << 20);
    close(fd);
    free(out);
}

/* Some file systems have none. */
static bool
has_leases(const char *path)
{
    int fd = open(path, O_WRONLY);
    bool has;

    CU_ASSERT_FATAL(fd >= 0);
    has = fcntl(fd, F_SETLEASE, F_WRLCK) == 0;
    close(fd);
    return has;
}

/* Purged, or left aside by a crash while somebody copied it. */
static void
check_whole_for_its_reader(const char *name, bool sweep)
{
    char *path = zk_xasprintf("%s/a/version-2/%s", dir, name);
    char *version = zk_xasprintf("%s/a/version-2", dir);
    struct stat st;
    char *out;
    int fd;

    put_large(path);
    fd = open(path, O_RDONLY);
    CU_ASSERT_FATAL(fd >= 0);
    if (sweep) {
        file_remover_sweep(version, NULL);
    } else {
        CU_ASSERT_EQUAL(run("a", "a", 3, &out), ZK_OK);
        free(out);
    }
    CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
    CU_ASSERT_EQUAL(fstat(fd, &st), 0);
    CU_ASSERT_EQUAL(st.st_size, 40 << 20);
    CU_ASSERT_EQUAL(st.st_nlink, 0);
    close(fd);
    free(version);
    free(path);
}

static void
test_a_snapshot_stays_whole_for_its_reader(void)
{
    char *path;

    put_all("a", "snapshot", "5 9 c");
    path = zk_xasprintf("%s/a/version-2/snapshot.5", dir);
    if (has_leases(path)) {
        check_whole_for_its_reader("snapshot.1", false);
        check_whole_for_its_reader("tmp.removed.1", true);
    }
    free(path);
}

/* ---- a server that takes another history meanwhile --------------------- */

static struct history_guard *guard;
static struct file_txn_snap_log *files;
static int truncations;

static void
open_files(void)
{
    char *a = zk_xasprintf("%s/a", dir);
    const struct file_txn_snap_log_options opts = {
        .data_log_dir = a, .data_dir = a, .max_record = 1 << 20,
        .guard = guard, .log = { .max_record = 1 << 20 },
    };
    struct zk_errmsg em;

    CU_ASSERT_EQUAL_FATAL(file_txn_snap_log_open(&opts, &files, &em), ZK_OK);
    free(a);
}

/* The purge has named the first file: a leader wants the history to end at
 * zxid 5. */
static ssize_t
truncate_to_5(void *cookie, const char *text, size_t len)
{
    struct zk_errmsg em;

    (void) cookie;
    CU_ASSERT_PTR_NOT_NULL(memmem(text, len, "/snapshot.1", 11));
    if (truncations++ == 0) {
        CU_ASSERT_EQUAL(file_txn_snap_log_truncate(files, 5, &em), ZK_OK);
    }
    return (ssize_t) len;
}

/* It keeps three snapshots, and the leader's word takes these: what the purge
 * was about to remove is all there is. */
static void
test_what_a_truncation_needs_stays(void)
{
    const cookie_io_functions_t hook = { .write = truncate_to_5 };
    struct purge_options opts = {
        .keep = 3, .max_record = 1 << 20,
    };
    char *a;
    struct zk_errmsg em;
    FILE *out;

    guard = history_guard_create();
    opts.guard = guard;
    opts.data_dir = opts.data_log_dir = a = zk_xasprintf("%s/a", dir);
    put_all("a", "snapshot", "1 5 9 a b");
    open_files();
    out = fopencookie(NULL, "w", hook);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    setvbuf(out, NULL, _IOLBF, 0);
    truncations = 0;
    CU_ASSERT_EQUAL(purge_txn_log(&opts, out, NULL, &em), ZK_OK);
    CU_ASSERT_EQUAL(truncations, 1);
    CU_ASSERT_STRING_EQUAL(list("a", "snapshot"), "5");
    fclose(out);
    file_txn_snap_log_close(files);
    history_guard_destroy(guard);
    free(a);
}

static atomic_int step;

static void
change_history(void *arg)
{
    (void) arg;
    atomic_store(&step, 1);
    history_guard_begin(guard);
    atomic_store(&step, 2);
    history_guard_end(guard);
}

/* For as long as one file is renamed, and a purge waits for it to end. */
static void
test_a_change_of_history_waits_for_one_file(void)
{
    atomic_bool stop = true;
    struct zk_thread t;
    uint64_t version;

    guard = history_guard_create();
    version = history_guard_version(guard, NULL);
    CU_ASSERT_TRUE(history_guard_enter(guard, version));
    atomic_store(&step, 0);
    zk_thread_start(&t, change_history, NULL, "change");
    while (history_guard_version(guard, &stop) == version) {
        /* It has not begun to wait. */
    }
    CU_ASSERT_EQUAL(atomic_load(&step), 1);
    history_guard_leave(guard);
    zk_thread_join(&t);
    CU_ASSERT_EQUAL(atomic_load(&step), 2);
    CU_ASSERT_FALSE(history_guard_enter(guard, version));
    history_guard_begin(guard);
    version = history_guard_version(guard, &stop);
    CU_ASSERT_FALSE(history_guard_enter(guard, version));
    history_guard_end(guard);
    CU_ASSERT_TRUE(history_guard_enter(guard, version));
    history_guard_leave(guard);
    history_guard_destroy(guard);
}

static void
test_large_files_are_removed_in_steps(void)
{
    char *top = zk_test_mkdir();
    char *path = zk_xasprintf("%s/snapshot.7.tmp", top);
    char *aside = zk_xasprintf("%s/left", top);
    atomic_bool stop = true;
    char *taken;

    /* The name is free at once, and another may use it. */
    put_large(path);
    CU_ASSERT_EQUAL(file_remover_set_aside(path), 0);
    CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
    CU_ASSERT_NOT_EQUAL(rmdir(top), 0);
    put_large(path);
    /* Stopped: nothing is removed; what is not set aside stays anyway. */
    file_remover_sweep(top, &stop);
    CU_ASSERT_EQUAL(file_remover_take(path, &taken), 0);
    CU_ASSERT_PTR_NOT_NULL(taken);
    file_remover_drain(taken, &stop);
    CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
    put_large(aside);
    file_remover_sweep(top, NULL);
    CU_ASSERT_EQUAL(unlink(aside), 0);
    CU_ASSERT_EQUAL(rmdir(top), 0);     /* Nothing else was left. */
    CU_ASSERT_EQUAL(file_remover_take(path, &taken), ENOENT);
    CU_ASSERT_PTR_NULL(taken);
    file_remover_drain(taken, NULL);
    free(aside);
    free(path);
    free(top);
}

static atomic_bool stop_draining;

static void
drain(void *taken)
{
    file_remover_drain(taken, &stop_draining);
}

/* Nobody has it open; and a file of 8 GB is not gone in a moment. */
static void
test_steps_are_seen(void)
{
    struct stat st = { .st_size = (off_t) 8 << 30 };
    const off_t size = st.st_size;
    char *top = zk_test_mkdir();
    char *path = zk_xasprintf("%s/snapshot.7", top);
    char *taken, *name;
    struct zk_thread t;

    memset(&t, 0, sizeof t);
    put_large(path);
    CU_ASSERT_EQUAL(truncate(path, size), 0);
    CU_ASSERT_EQUAL(file_remover_take(path, &taken), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(taken);
    name = zk_xstrdup(taken);
    atomic_store(&stop_draining, false);
    zk_thread_start(&t, drain, taken, "drain");
    while (st.st_size == size) {
        if (stat(name, &st) != 0) {
            CU_FAIL("it was removed in one go");
            break;
        }
    }
    atomic_store(&stop_draining, true);
    zk_thread_join(&t);
    CU_ASSERT(st.st_size < size);
    zk_test_rmdir(top);
    free(name);
    free(path);
    free(top);
}

static const struct zk_test tests[] = {
    { "what a truncation needs stays", test_what_a_truncation_needs_stays },
    { "a change of history waits for one file",
      test_a_change_of_history_waits_for_one_file },
    { "a log stays whole for its reader",
      test_a_log_stays_whole_for_its_reader },
    { "a snapshot stays whole for its reader",
      test_a_snapshot_stays_whole_for_its_reader },
    { "steps are seen", test_steps_are_seen },
    { "large files are removed in steps",
      test_large_files_are_removed_in_steps },
    { "keeps what Java keeps", test_keeps_what_is_needed },
    { "only whole snapshots count", test_counts_whole_snapshots_only },
    { "reads one before anything goes", test_reads_before_anything_goes },
    { "two folders", test_two_folders },
    { "the timer", test_task },
};

int
main(void)
{
    zk_log_set_level(ZK_LOG_OFF);
    return zk_test_main_around("purge", tests, ZK_ARRAY_SIZE(tests), start,
                               finish);
}
