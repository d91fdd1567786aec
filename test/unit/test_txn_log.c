/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "persistence/file_txn_log.h"
#include "persistence/log_scan.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "persistence/epoch_file.h"
#include "persistence/file_list.h"
#include "persistence/file_txn_iterator.h"
#include "persistence/log_file.h"
#include "proto/op_code.h"
#include "test/lib/zk_test.h"
#include "util/zk_io.h"
#include "util/zk_log.h"

#define MAX_RECORD 1000000

static char *dir;

static struct file_txn_log *
open_log(int64_t prealloc, int64_t limit)
{
    struct file_txn_log_options o = {
        .preallocate = prealloc, .force_sync = true, .size_limit = limit,
        .max_record = MAX_RECORD,
    };

    return file_txn_log_create(dir, &o);
}

/* A createSession of 36 bytes, or one made longer by unknown bytes. */
static void
make_txn(struct zk_buf *b, int64_t zxid, int32_t type, size_t len)
{
    zk_buf_clear(b);
    txn_encode_header(b, 7, 0, zxid, 1700000000000, type);
    if (type == OP_ERROR) {
        txn_encode_error(b, -101);
    } else {
        txn_encode_create_session(b, 4000);
    }
    while (b->len < len) {
        zk_buf_append(b, "z", 1);
    }
}

static void
append_type(struct file_txn_log *log, int64_t zxid, int32_t type, size_t len)
{
    struct zk_buf b = { 0 };
    struct zk_errmsg em;

    make_txn(&b, zxid, type, len);
    CU_ASSERT_EQUAL(file_txn_log_append(log, zxid, b.data, b.len, &em),
                    ZK_OK);
    zk_buf_fini(&b);
}

static void
append(struct file_txn_log *log, int64_t zxid)
{
    append_type(log, zxid, OP_CREATE_SESSION, 0);
}

static void
commit(struct file_txn_log *log)
{
    struct zk_errmsg em = { "" };

    CU_ASSERT_EQUAL(file_txn_log_commit(log, &em), ZK_OK);
    if (em.text[0] != '\0') {
        fprintf(stderr, "%s\n", em.text);
    }
}

/* Writes the zxids first..last as one file of their own. */
static void
write_file(int64_t first, int64_t last)
{
    struct file_txn_log *log = open_log(0, -1);

    for (int64_t z = first; z <= last; z++) {
        append(log, z);
    }
    commit(log);
    file_txn_log_destroy(log);
}

static char *
path_of(const char *name)
{
    return zk_xasprintf("%s/%s", dir, name);
}

static int64_t
size_of(const char *name)
{
    char *path = path_of(name);
    struct stat st;
    int64_t size = stat(path, &st) == 0 ? (int64_t) st.st_size : -1;

    free(path);
    return size;
}

static void
put_file(const char *name, const void *p, size_t len)
{
    zk_test_put_file(dir, name, p, len);
}

/* "1 2 3 end" or "1 2 corrupt": what reading from 'from' on gives. */
static const char *
read_log_with(int64_t from, char *note, size_t note_size)
{
    static char text[512];
    struct file_txn_iterator *it;
    struct zk_errmsg em = { "" };
    struct zk_slice bytes;
    struct txn_view txn;
    int rv;

    text[0] = '\0';
    if (file_txn_iterator_open(dir, from, MAX_RECORD, &it, &em) != ZK_OK) {
        return "open failed";
    }
    while ((rv = file_txn_iterator_next(it, &bytes, &txn, &em)) == ZK_OK) {
        snprintf(text + strlen(text), sizeof text - strlen(text),
                 "%s%" PRIx64 " ", txn.type == OP_ERROR ? "e" : "",
                 (uint64_t) txn.zxid);
    }
    snprintf(text + strlen(text), sizeof text - strlen(text), "%s",
             rv == ZK_ENOTFOUND ? "end" : rv == ZK_ECORRUPT ? "corrupt"
                                                            : "failed");
    if (note != NULL) {
        const char *s = rv == ZK_ENOTFOUND ? file_txn_iterator_notes(it)
                                           : em.text;

        snprintf(note, note_size, "%s", s != NULL ? s : "");
    }
    file_txn_iterator_close(it);
    return text;
}

static const char *
read_log(int64_t from)
{
    return read_log_with(from, NULL, 0);
}

static void
start(void)
{
    dir = zk_test_mkdir();
}

static void
finish(void)
{
    zk_test_rmdir(dir);
    free(dir);
}

/* An empty folder once more. */
static void
start_anew(void)
{
    finish();
    start();
}

/* ---- writing ---------------------------------------------------------- */

static void
test_format(void)
{
    static const unsigned char head[] = {
        'Z', 'K', 'L', 'G', 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0,
        /* Adler-32 and length of what follows. */
        0, 0, 0, 0, 0xbf, 0x44, 0x0a, 0x2a, 0, 0, 0, 0x30,
    };
    /* The createSession that Java 3.8.0 wrote with this checksum. */
    static const unsigned char txn[] = {
        0x01, 0x00, 0x00, 0x0d, 0x80, 0xa8, 0x00, 0x00, 0, 0, 0, 0,
        0, 0, 0, 1, 0, 0, 0, 1, 0x00, 0x00, 0x01, 0xa2, 0x03, 0x8a, 0xe0,
        0x68, 0xff, 0xff, 0xff, 0xf6, 0x00, 0x00, 0x27, 0x10,
        0, 0, 0, 2, 0, 0, 0, 0, 0x51, 0xc6, 0xd6, 0x60,
    };
    struct file_txn_log *log;
    struct zk_buf b = { 0 };
    struct zk_errmsg em;
    char *path;

    log = open_log(0, -1);
    CU_ASSERT_EQUAL(file_txn_log_append(log, 0x100000001, txn, sizeof txn,
                                        &em), ZK_OK);
    CU_ASSERT_EQUAL(file_txn_log_pending(log), 1);
    CU_ASSERT_EQUAL(file_txn_log_last_synced(log), 0);
    commit(log);
    CU_ASSERT_EQUAL(file_txn_log_pending(log), 0);
    CU_ASSERT_EQUAL(file_txn_log_last_synced(log), 0x100000001);
    path = path_of("log.100000001");
    CU_ASSERT_EQUAL(zk_read_file(path, 1000, &b, &em), ZK_OK);
    CU_ASSERT_EQUAL_FATAL(b.len, sizeof head + sizeof txn + 1);
    CU_ASSERT_EQUAL(memcmp(b.data, head, sizeof head), 0);
    CU_ASSERT_EQUAL(memcmp(b.data + sizeof head, txn, sizeof txn), 0);
    CU_ASSERT_EQUAL(b.data[b.len - 1], 'B');
    CU_ASSERT_EQUAL(file_txn_log_size(log), (int64_t) b.len);
    file_txn_log_destroy(log);
    zk_buf_fini(&b);
    free(path);
}

static void
test_preallocation(void)
{
    struct file_txn_log *log;

    log = open_log(65536, -1);
    append(log, 1);
    commit(log);
    /* What a Java server with preAllocSize=64 makes. */
    CU_ASSERT_EQUAL(size_of("log.1"), 65552);
    append_type(log, 2, OP_CREATE_SESSION, 61500);
    commit(log);
    CU_ASSERT_EQUAL(size_of("log.1"), 65552);
    append(log, 3);
    commit(log);
    CU_ASSERT_EQUAL(size_of("log.1"), 65552 + 65536);
    /* A batch that passes the end: the next multiple behind it. */
    append_type(log, 4, OP_CREATE_SESSION, 200000);
    commit(log);
    CU_ASSERT_EQUAL(size_of("log.1"), 4 * 65536);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 3 4 end");
    file_txn_log_destroy(log);
}

static void
test_rolls(void)
{
    struct file_txn_log *log;

    log = open_log(0, 100);
    for (int64_t z = 1; z <= 6; z++) {
        append(log, z);
        commit(log);
    }
    /* 16 + 2 * 49 passes 100. */
    CU_ASSERT_EQUAL(size_of("log.1"), 114);
    CU_ASSERT_EQUAL(size_of("log.3"), 114);
    CU_ASSERT_EQUAL(size_of("log.5"), 114);
    append(log, 7);
    commit(log);
    file_txn_log_roll(log);
    CU_ASSERT_EQUAL(file_txn_log_size(log), 0);
    append(log, 0x100000001);
    commit(log);
    CU_ASSERT_EQUAL(size_of("log.100000001"), 65);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 3 4 5 6 7 100000001 end");
    CU_ASSERT_STRING_EQUAL(read_log(4), "4 5 6 7 100000001 end");
    CU_ASSERT_STRING_EQUAL(read_log(0x100000002), "end");
    file_txn_log_destroy(log);
    /* Never appends to a file of an earlier run. */
    write_file(0x100000002, 0x100000003);
    CU_ASSERT_EQUAL(size_of("log.100000001"), 65);
    CU_ASSERT_STRING_EQUAL(read_log(7),
                           "7 100000001 100000002 100000003 end");
}

/* Whoever reads must not take what is behind the hole for what comes next. */
static void
test_a_file_that_goes_while_it_is_read(void)
{
    struct file_txn_iterator *it;
    int64_t epoch = INT64_C(1) << 32;
    struct zk_errmsg em = { "" };
    struct zk_slice bytes;
    struct txn_view txn;
    char *path;

    write_file(1, 2);
    write_file(3, 4);
    write_file(epoch + 1, epoch + 2);
    CU_ASSERT_EQUAL_FATAL(file_txn_iterator_open(dir, 1, MAX_RECORD, &it,
                                                 &em), ZK_OK);
    CU_ASSERT_EQUAL(file_txn_iterator_next(it, &bytes, &txn, &em), ZK_OK);
    path = path_of("log.3");
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(file_txn_iterator_next(it, &bytes, &txn, &em), ZK_OK);
    CU_ASSERT_EQUAL(txn.zxid, 2);
    CU_ASSERT_EQUAL(file_txn_iterator_next(it, &bytes, &txn, &em), ZK_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, path));
    file_txn_iterator_close(it);
    free(path);
}

static void
test_too_big(void)
{
    struct file_txn_log *log;
    struct zk_buf b = { 0 };
    struct zk_errmsg em;

    log = open_log(0, -1);
    make_txn(&b, 1, OP_CREATE_SESSION, MAX_RECORD + 1);
    CU_ASSERT_EQUAL(file_txn_log_append(log, 1, b.data, b.len, &em),
                    ZK_ETOOBIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "0x1"));
    CU_ASSERT_EQUAL(file_txn_log_pending(log), 0);
    append_type(log, 1, OP_CREATE_SESSION, MAX_RECORD);
    commit(log);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 end");
    file_txn_log_destroy(log);
    zk_buf_fini(&b);
}

/* A tmpfs of 64 kB over 'dir', seen by this process alone; false where that
 * is not allowed. */
static bool
mount_small(void)
{
    if (unshare(CLONE_NEWNS) != 0
        && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        return false;
    }
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0
           && mount("tmpfs", dir, "tmpfs", 0, "size=64k") == 0;
}

static void
test_full_disk(void)
{
    struct file_txn_log *log;
    struct zk_errmsg em;

    if (!mount_small()) {
        printf("(cannot mount: left out) ");
        return;
    }
    log = open_log(65536, -1);
    append(log, 1);
    append(log, 2);
    commit(log);
    for (int i = 0; i < 3; i++) {
        append(log, 3);
        append_type(log, 4, OP_CREATE_SESSION, 100000);
        CU_ASSERT_EQUAL(file_txn_log_commit(log, &em), ZK_ENOSPC);
        CU_ASSERT_EQUAL(file_txn_log_last_synced(log), 2);
        CU_ASSERT_EQUAL(file_txn_log_pending(log), 0);
        /* Nothing of the batch is left, not the small record either. */
        CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 end");
    }
    /* Small ones still fit, and take the zxids that were refused. */
    append(log, 3);
    commit(log);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 3 end");
    /* No room for a new file: nothing of it stays behind. */
    file_txn_log_roll(log);
    append_type(log, 4, OP_CREATE_SESSION, 100000);
    CU_ASSERT_EQUAL(file_txn_log_commit(log, &em), ZK_ENOSPC);
    CU_ASSERT_EQUAL(size_of("log.4"), -1);
    CU_ASSERT_EQUAL(size_of("tmp.log.4"), -1);
    append(log, 4);
    commit(log);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 3 4 end");
    file_txn_log_destroy(log);
    CU_ASSERT_EQUAL(umount(dir), 0);
}

static void
test_write_error_is_final(void)
{
    struct rlimit old;
    struct rlimit small;
    struct file_txn_log *log;
    struct zk_errmsg em;

    log = open_log(0, -1);
    append(log, 1);
    commit(log);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 100;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    append_type(log, 2, OP_CREATE_SESSION, 1000);
    CU_ASSERT_EQUAL(file_txn_log_commit(log, &em), ZK_EIO);
    setrlimit(RLIMIT_FSIZE, &old);
    /* The disk would take it now; the log must not pretend. */
    CU_ASSERT_EQUAL(file_txn_log_commit(log, &em), ZK_EIO);
    CU_ASSERT_EQUAL(file_txn_log_append(log, 3, "x", 1, &em), ZK_EIO);
    CU_ASSERT_EQUAL(file_txn_log_last_synced(log), 1);
    file_txn_log_destroy(log);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 end");
}

static int64_t syncs;

static void
count_sync(void *arg, int64_t elapsed_us)
{
    CU_ASSERT_PTR_EQUAL(arg, &syncs);
    CU_ASSERT(elapsed_us >= 0);
    syncs++;
}

static void
test_one_sync_a_batch(void)
{
    struct file_txn_log *log;

    log = open_log(0, -1);
    file_txn_log_on_sync(log, count_sync, &syncs);
    syncs = 0;
    for (int64_t z = 1; z <= 100; z++) {
        append(log, z);
    }
    commit(log);
    commit(log);
    CU_ASSERT_EQUAL(syncs, 1);
    file_txn_log_destroy(log);
}

/* ---- reading ---------------------------------------------------------- */

static void
test_gap(void)
{
    char note[512];

    write_file(1, 4);
    write_file(6, 7);
    CU_ASSERT_STRING_EQUAL(read_log_with(1, note, sizeof note),
                           "1 2 3 4 corrupt");
    CU_ASSERT_PTR_NOT_NULL(strstr(note, "log.6"));
    CU_ASSERT_PTR_NOT_NULL(strstr(note, "offset 16"));
    /* What is before the wanted zxid does not matter. */
    CU_ASSERT_STRING_EQUAL(read_log(6), "6 7 end");
}

static void
test_overlap(void)
{
    struct file_txn_log *log;
    char *path;

    /* The end of log.1 was torn off, then 4 was written anew. */
    write_file(1, 4);
    path = path_of("log.1");
    CU_ASSERT_EQUAL(truncate(path, size_of("log.1") - 10), 0);
    write_file(4, 5);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 3 4 5 end");
    free(path);

    /* A branch that a leader's snapshot took the place of. */
    start_anew();
    write_file(1, 9);
    write_file(6, 7);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 3 4 5 6 7 end");

    /* An error that repeats the zxid before it (Java 3.9 leaders). */
    start_anew();
    write_file(1, 3);
    log = open_log(0, -1);
    append_type(log, 3, OP_ERROR, 0);
    append(log, 4);
    commit(log);
    file_txn_log_destroy(log);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 3 e3 4 end");
}

/* More records at the end of log.1, as of a server that goes back to 'first'
 * in the same file; 'len' is of each. */
static void
write_anew(int64_t first, int64_t last, size_t len)
{
    char *path = path_of("log.1"), *kept = path_of("kept"), *part;
    struct file_txn_log *log = open_log(0, -1);
    struct zk_buf old = { 0 }, new = { 0 };
    struct zk_errmsg em;
    char name[40];

    CU_ASSERT_EQUAL(rename(path, kept), 0);
    for (int64_t z = first; z <= last; z++) {
        append_type(log, z, OP_CREATE_SESSION, len);
    }
    commit(log);
    file_txn_log_destroy(log);
    snprintf(name, sizeof name, "log.%" PRIx64, (uint64_t) first);
    part = path_of(name);
    CU_ASSERT_EQUAL(zk_read_file(kept, 1 << 20, &old, &em), ZK_OK);
    CU_ASSERT_EQUAL(zk_read_file(part, 1 << 20, &new, &em), ZK_OK);
    CU_ASSERT_EQUAL(unlink(part), 0);
    CU_ASSERT_EQUAL(unlink(kept), 0);
    zk_buf_append(&old, new.data + LOG_FILE_HEADER_LEN,
                  new.len - LOG_FILE_HEADER_LEN);
    put_file("log.1", old.data, old.len);
    zk_buf_fini(&old);
    zk_buf_fini(&new);
    free(part);
    free(kept);
    free(path);
}

/* Java's followers (ZOOKEEPER-4394). */
static void
test_written_twice(void)
{
    struct zk_errmsg em;
    char note[512];

    write_file(1, 5);
    write_anew(5, 5, 0);
    write_anew(2, 3, 0);
    CU_ASSERT_STRING_EQUAL(read_log_with(1, note, sizeof note),
                           "1 2 3 4 5 end");
    CU_ASSERT_PTR_NOT_NULL(strstr(note, "begins anew at zxid 0x2"));
    write_anew(2, 8, 0);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 3 4 5 6 7 8 end");
    CU_ASSERT_STRING_EQUAL(read_log(4), "4 5 6 7 8 end");
    CU_ASSERT_STRING_EQUAL(read_log(7), "7 8 end");
    /* A file behind it. */
    write_file(9, 9);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 3 4 5 6 7 8 9 end");
    /* A server that goes back ... */
    CU_ASSERT_EQUAL(file_txn_log_truncate(dir, 6, MAX_RECORD, &em), ZK_OK);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 3 4 5 6 end");
    CU_ASSERT_EQUAL(file_txn_log_truncate(dir, 4, MAX_RECORD, &em), ZK_OK);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 3 4 end");
}

static void
test_written_otherwise(void)
{
    char note[512];

    /* Another txn than the one that stood there. */
    write_file(1, 5);
    write_anew(3, 5, 100);
    CU_ASSERT_STRING_EQUAL(read_log_with(1, note, sizeof note),
                           "1 2 3 4 5 corrupt");
    CU_ASSERT_PTR_NOT_NULL(strstr(note, "another transaction"));

    start_anew();
    write_file(1, 5);
    write_anew(5, 5, 100);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 3 4 5 corrupt");

    /* 4 and 5 were not written again when the next epoch began. */
    start_anew();
    write_file(1, 5);
    write_anew(2, 3, 0);
    write_anew(0x100000001, 0x100000001, 0);
    CU_ASSERT_STRING_EQUAL(read_log_with(1, note, sizeof note),
                           "1 2 3 4 5 corrupt");
    CU_ASSERT_PTR_NOT_NULL(strstr(note, "not come as far again"));

    /* They skip while they repeat. */
    start_anew();
    write_file(1, 5);
    write_anew(2, 2, 0);
    write_anew(4, 5, 0);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 3 4 5 corrupt");
}

static void
test_strays(void)
{
    char note[512];

    CU_ASSERT_STRING_EQUAL(read_log(1), "end");
    write_file(1, 2);
    put_file("log.xyz", "foo", 3);
    put_file("log.", "foo", 3);
    put_file("log.3.tmp", "foo", 3);
    put_file("tmp.log.3", "foo", 3);
    put_file("login", "foo", 3);
    CU_ASSERT_STRING_EQUAL(read_log_with(1, note, sizeof note), "1 2 end");
    CU_ASSERT_STRING_EQUAL(note, "");
    /* Shorter than a header, or never written: a crash leaves that. */
    put_file("log.3", "", 0);
    put_file("log.4", "ZKLG\0\0\0", 7);
    put_file("log.5", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    write_file(0x100000001, 0x100000001);
    CU_ASSERT_STRING_EQUAL(read_log_with(1, note, sizeof note),
                           "1 2 100000001 end");
    CU_ASSERT_PTR_NOT_NULL(strstr(note, "log.3"));
    CU_ASSERT_PTR_NOT_NULL(strstr(note, "log.4"));
    CU_ASSERT_PTR_NOT_NULL(strstr(note, "log.5"));
    put_file("log.5", "ZKLH\0\0\0\2\0\0\0\0\0\0\0\0", 16);
    CU_ASSERT_STRING_EQUAL(read_log_with(1, note, sizeof note),
                           "1 2 corrupt");
    CU_ASSERT_PTR_NOT_NULL(strstr(note, "log.5"));
}

static void
test_file_names(void)
{
    CU_ASSERT_EQUAL(zk_file_name_zxid("log.1a", "log"), 26);
    CU_ASSERT_EQUAL(zk_file_name_zxid("log.1A", "log"), 26);
    CU_ASSERT_EQUAL(zk_file_name_zxid("log.0", "log"), 0);
    CU_ASSERT_EQUAL(zk_file_name_zxid("log.7fffffffffffffff", "log"),
                    INT64_MAX);
    CU_ASSERT_EQUAL(zk_file_name_zxid("log.8000000000000000", "log"), -1);
    CU_ASSERT_EQUAL(zk_file_name_zxid("log.10000000000000000", "log"), -1);
    CU_ASSERT_EQUAL(zk_file_name_zxid("log.1.gz", "log"), -1);
    CU_ASSERT_EQUAL(zk_file_name_zxid("log", "log"), -1);
    CU_ASSERT_EQUAL(zk_file_name_zxid("snapshot.5", "snapshot"), 5);
    CU_ASSERT_EQUAL(zk_file_name_zxid("snapshot.5.gz", "snapshot"), 5);
    CU_ASSERT_EQUAL(zk_file_name_zxid("snapshot.5.snappy", "snapshot"), 5);
    CU_ASSERT_EQUAL(zk_file_name_zxid("snapshot.5.tmp", "snapshot"), -1);
    CU_ASSERT_EQUAL(zk_file_name_zxid("snapshot.-5", "snapshot"), -1);
}

/* ---- truncation ------------------------------------------------------- */

static void
write_three_files(void)
{
    write_file(1, 3);
    write_file(4, 6);
    write_file(7, 9);
}

static void
test_truncate(void)
{
    struct zk_errmsg em;

    write_three_files();
    CU_ASSERT_EQUAL(file_txn_log_truncate(dir, 10, MAX_RECORD, &em),
                    ZK_ENOTFOUND);
    CU_ASSERT_EQUAL(file_txn_log_truncate(dir, 0, MAX_RECORD, &em),
                    ZK_ENOTFOUND);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 3 4 5 6 7 8 9 end");
    CU_ASSERT_EQUAL(file_txn_log_truncate(dir, 9, MAX_RECORD, &em), ZK_OK);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 3 4 5 6 7 8 9 end");
    CU_ASSERT_EQUAL(file_txn_log_truncate(dir, 6, MAX_RECORD, &em), ZK_OK);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 3 4 5 6 end");
    CU_ASSERT_EQUAL(size_of("log.7"), -1);
    CU_ASSERT_EQUAL(file_txn_log_truncate(dir, 5, MAX_RECORD, &em), ZK_OK);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 3 4 5 end");
    CU_ASSERT_EQUAL(file_txn_log_truncate(dir, 1, MAX_RECORD, &em), ZK_OK);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 end");
    /* What comes next goes into a file of its own. */
    write_file(2, 2);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 end");
}

static void
test_truncate_cuts_damage(void)
{
    struct zk_errmsg em;
    char *path;
    FILE *f;

    write_three_files();
    path = path_of("log.4");
    f = fopen(path, "r+");
    fseek(f, 16 + 49 + 20, SEEK_SET);   /* Inside 5. */
    fputc('?', f);
    fclose(f);
    free(path);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 3 4 corrupt");
    CU_ASSERT_EQUAL(file_txn_log_truncate(dir, 6, MAX_RECORD, &em),
                    ZK_ECORRUPT);
    CU_ASSERT_EQUAL(file_txn_log_truncate(dir, 4, MAX_RECORD, &em), ZK_OK);
    CU_ASSERT_STRING_EQUAL(read_log(1), "1 2 3 4 end");
}

static void
test_cut_above(void)
{
    struct zk_errmsg em;

    CU_ASSERT_EQUAL(file_txn_log_cut_above(dir, 5, MAX_RECORD, &em), ZK_OK);
    write_file(4, 6);
    write_file(0x100000003, 0x100000005);
    CU_ASSERT_EQUAL(file_txn_log_find(dir, 5, MAX_RECORD, &em), ZK_OK);
    CU_ASSERT_EQUAL(file_txn_log_find(dir, 7, MAX_RECORD, &em),
                    ZK_ENOTFOUND);
    CU_ASSERT_EQUAL(file_txn_log_cut_above(dir, 0x100000009, MAX_RECORD,
                                           &em), ZK_OK);
    CU_ASSERT_EQUAL(file_txn_log_cut_above(dir, 0x100000002, MAX_RECORD,
                                           &em), ZK_OK);
    CU_ASSERT_STRING_EQUAL(read_log(1), "4 5 6 end");
    CU_ASSERT_EQUAL(size_of("log.100000003"), -1);
    CU_ASSERT_EQUAL(file_txn_log_cut_above(dir, 1, MAX_RECORD, &em), ZK_OK);
    CU_ASSERT_STRING_EQUAL(read_log(1), "end");
    CU_ASSERT_EQUAL(size_of("log.4"), -1);
}

/* ---- epochs ----------------------------------------------------------- */

static void
test_epoch_file(void)
{
    struct zk_errmsg em;
    int64_t v = 99;

    CU_ASSERT_EQUAL(epoch_file_read(dir, "currentEpoch", &v, &em),
                    ZK_ENOTFOUND);
    CU_ASSERT_EQUAL(epoch_file_write(dir, "currentEpoch", 17, &em), ZK_OK);
    CU_ASSERT_EQUAL(size_of("currentEpoch"), 2);
    CU_ASSERT_EQUAL(epoch_file_read(dir, "currentEpoch", &v, &em), ZK_OK);
    CU_ASSERT_EQUAL(v, 17);
    put_file("currentEpoch", "12\nignored", 10);
    CU_ASSERT_EQUAL(epoch_file_read(dir, "currentEpoch", &v, &em), ZK_OK);
    CU_ASSERT_EQUAL(v, 12);
    put_file("currentEpoch", "12 ", 3);
    CU_ASSERT_EQUAL(epoch_file_read(dir, "currentEpoch", &v, &em),
                    ZK_ECORRUPT);
    put_file("currentEpoch", "", 0);
    CU_ASSERT_EQUAL(epoch_file_read(dir, "currentEpoch", &v, &em),
                    ZK_ECORRUPT);
    put_file("currentEpoch", "99999999999999999999", 20);
    CU_ASSERT_EQUAL(epoch_file_read(dir, "currentEpoch", &v, &em),
                    ZK_ECORRUPT);
}

/* Zeroes one sector of log.1. */
static void
lose_sector(off_t at)
{
    static const char zeros[512];
    char *path = path_of("log.1");
    int fd = open(path, O_WRONLY);

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(pwrite(fd, zeros, sizeof zeros, at), 512);
    close(fd);
    free(path);
}

/* 'n' records with that sector lost: what reading from the end of them on
 * gives, with the reason in 'note'. */
static const char *
read_with_lost_sector(int64_t n, off_t at, char *note, size_t note_size)
{
    start_anew();
    write_file(1, n);
    lose_sector(at);
    return read_log_with(n - 10, note, note_size);
}

/* With as many records behind it as one unfinished write may have, 'why' says
 * so; with more than that it is damage. */
static void
check_lost_sector(off_t at, const char *why)
{
    char note[512];

    read_with_lost_sector(600, at, note, sizeof note);
    CU_ASSERT_PTR_NOT_NULL(strstr(note, why));
    CU_ASSERT_STRING_EQUAL(read_with_lost_sector(2000, at, NULL, 0),
                           "corrupt");
}

static void
test_lost_sector_in_history(void)
{
    check_lost_sector(4096, "whole ones behind it");
}

/* The one that holds the header. */
static void
test_lost_first_sector(void)
{
    check_lost_sector(0, "whole transactions behind them");
}

/* zookeeper.maxBatchSize says how long an unfinished write may be. */
static void
test_torn_batch_longer_than_apaches(void)
{
    char note[512];

    log_scan_expect_batch(3000);
    read_with_lost_sector(2000, 4096, note, sizeof note);
    CU_ASSERT_PTR_NOT_NULL(strstr(note, "whole ones behind it"));
    log_scan_expect_batch(1);
    CU_ASSERT_STRING_EQUAL(read_log(1990), "corrupt");
    read_with_lost_sector(600, 4096, note, sizeof note);
    CU_ASSERT_PTR_NOT_NULL(strstr(note, "whole ones behind it"));
}

/* A batch gathers for as long as the disk takes for the one before. */
static void
test_torn_batch_of_a_slow_disk(void)
{
    struct log_scan s = {
        .records = 2, .first_ms = 1795356669000, .last_ms = 1795356669000,
    };

    s.last_ms += 180000;
    CU_ASSERT_FALSE(log_scan_is_history(&s));
    s.last_ms += 180000;
    CU_ASSERT_TRUE(log_scan_is_history(&s));
}

static const struct zk_test tests[] = {
    { "header and record are Java's", test_format },
    { "the file grows as Java's does", test_preallocation },
    { "rolls: by size, by hand, at each start", test_rolls },
    { "a file that goes while it is read",
      test_a_file_that_goes_while_it_is_read },
    { "a record that could not be read back is refused", test_too_big },
    { "a full disk drops the batch and later ones succeed",
      test_full_disk },
    { "any other write error is final", test_write_error_is_final },
    { "a batch costs one sync", test_one_sync_a_batch },
    { "a gap inside an epoch is refused", test_gap },
    { "a later file supersedes the end of an earlier one", test_overlap },
    { "records that are written twice count once", test_written_twice },
    { "zxids that fall to another history are refused",
      test_written_otherwise },
    { "strays and short files are skipped", test_strays },
    { "zxids in names", test_file_names },
    { "truncation at, inside and between files", test_truncate },
    { "truncation in front of damage", test_truncate_cuts_damage },
    { "cutting above a zxid that is not there", test_cut_above },
    { "epoch files", test_epoch_file },
    { "a lost sector in what was acknowledged is refused",
      test_lost_sector_in_history },
    { "so is a lost first one", test_lost_first_sector },
    { "a torn batch longer than Apache's",
      test_torn_batch_longer_than_apaches },
    { "a torn batch of a slow disk", test_torn_batch_of_a_slow_disk },
};

int
main(void)
{
    zk_log_set_level(ZK_LOG_OFF);
    return zk_test_main_around("txn log", tests, ZK_ARRAY_SIZE(tests), start,
                               finish);
}
