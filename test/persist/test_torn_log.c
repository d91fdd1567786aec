/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * test_torn_log [FOLDER]: cuts a log at every byte of its last records,
 * flips their bits, and drops sectors as a machine that loses power does.
 * After each, a restore must give a prefix of the history and say that it
 * did, or refuse with a reason that names the file; where a crash explains
 * the damage it must not refuse.
 *
 * Without FOLDER the log is the script's; with it, the last log file there
 * (of a Java server, say) is used.
 */
#include <config.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persistence/file_list.h"
#include "persistence/log_file.h"
#include "test/lib/zk_test.h"
#include "test/persist/txn_script.h"
#include "util/zk_bytes.h"
#include "util/zk_io.h"
#include "util/zk_log.h"

#define TXNS 66
/* How many of the last records are damaged. */
#define LAST_RECORDS 14
/* Damage done to large records is thinned out to every so many bytes. */
#define THIN 7

static const char *given_folder;

/* The folder under test and what a whole replay of it gives. */
static char *folder;
static char *log_path;
static struct zk_buf image;     /* The undamaged log file. */
static size_t used;             /* Its bytes in front of the padding. */

static struct history {
    int64_t zxid;
    int64_t digest;             /* Of the tree after it. */
} *history;
static size_t n_history;

struct place {
    size_t start, end;
};
static struct place *records;
static size_t n_records;

static unsigned long tried, refused, cut_short, same;
/* Of these, in records too small to have lost a whole sector. */
static unsigned long small_tried, small_refused;

static struct data_tree *
new_tree(void)
{
    struct data_tree_options opts = {
        .digest_enabled = true, .extended_types_enabled = true,
    };

    return data_tree_create(&opts);
}

static void
remember(void *arg, const struct txn_view *txn, struct zk_slice bytes)
{
    (void) bytes;
    history = realloc(history, (n_history + 1) * sizeof *history);
    history[n_history].zxid = txn->zxid;
    history[n_history++].digest = data_tree_digest(arg);
}

static int
restore(struct data_tree *tree, bool keep, struct restore_result *res,
        struct zk_errmsg *em)
{
    struct file_txn_snap_log_options opts = txn_script_options(folder);
    struct file_txn_snap_log *fl;
    int rv;

    opts.trust_empty_snapshot = true;
    rv = file_txn_snap_log_open(&opts, &fl, em);
    CU_ASSERT_FATAL(rv == ZK_OK);
    rv = file_txn_snap_log_restore(fl, tree, keep ? remember : NULL, tree,
                                   res, em);
    file_txn_snap_log_close(fl);
    return rv;
}

static void
write_script(void)
{
    struct file_txn_snap_log_options opts = txn_script_options(folder);
    struct data_tree *tree = new_tree();
    struct file_txn_snap_log *fl;
    struct restore_result res;
    struct zk_errmsg em;
    struct zk_buf b = { 0 };
    struct txn_script s;

    CU_ASSERT_FATAL(file_txn_snap_log_open(&opts, &fl, &em) == ZK_OK);
    CU_ASSERT_FATAL(file_txn_snap_log_restore(fl, tree, NULL, NULL, &res,
                                              &em) == ZK_OK);
    txn_script_init(&s);
    for (int i = 0; i < TXNS; i++) {
        txn_script_next(&s, &b);
        CU_ASSERT_FATAL(file_txn_log_append(file_txn_snap_log_log(fl),
                                            s.zxid, b.data, b.len, &em)
                        == ZK_OK);
    }
    CU_ASSERT_FATAL(file_txn_log_commit(file_txn_snap_log_log(fl), &em)
                    == ZK_OK);
    txn_script_fini(&s);
    zk_buf_fini(&b);
    file_txn_snap_log_close(fl);
    data_tree_destroy(tree);
}

/* Where each record of the last log stands. */
static void
find_records(void)
{
    size_t at = LOG_FILE_HEADER_LEN;

    while (at + LOG_RECORD_HEAD_LEN < image.len) {
        size_t len = zk_get_be32(image.data + at + 8);

        if (len == 0) {
            break;
        }
        records = realloc(records, (n_records + 1) * sizeof *records);
        records[n_records].start = at;
        at += LOG_RECORD_HEAD_LEN + len + 1;
        records[n_records++].end = at;
    }
    used = at;
}

static void
set_up(void)
{
    struct data_tree *tree = new_tree();
    struct restore_result res;
    struct zk_file_list l;
    struct zk_errmsg em;
    char *dir;

    if (access("/dev/shm", W_OK) == 0 && getenv("TMPDIR") == NULL) {
        setenv("TMPDIR", "/dev/shm", 1);
    }
    folder = zk_test_mkdir();
    if (given_folder != NULL) {
        char *cmd = zk_xasprintf("cp -r '%s'/. '%s'", given_folder, folder);

        CU_ASSERT_FATAL(system(cmd) == 0);
        free(cmd);
    } else {
        write_script();
    }
    if (restore(tree, true, &res, &em) != ZK_OK) {
        fprintf(stderr, "%s\n", em.text);
        CU_FAIL_FATAL("the undamaged folder cannot be read");
    }
    CU_ASSERT_EQUAL(res.digest_mismatches, 0);
    dir = zk_xasprintf("%s/version-2", folder);
    CU_ASSERT_FATAL(zk_file_list_read(dir, "log", &l, &em) == ZK_OK);
    CU_ASSERT_FATAL(l.n > 0);
    log_path = zk_xstrdup(l.v[l.n - 1].path);
    zk_file_list_fini(&l);
    free(dir);
    CU_ASSERT_FATAL(zk_read_file(log_path, 100 << 20, &image, &em) == ZK_OK);
    find_records();
    CU_ASSERT_FATAL(n_records > 3 && n_history >= n_records);
    data_tree_destroy(tree);
}

static void
write_log(const void *p, size_t len)
{
    int fd = open(log_path, O_WRONLY | O_TRUNC | O_CREAT, 0644);
    struct zk_errmsg em;

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_FATAL(zk_write_all(fd, p, len, log_path, &em) == ZK_OK);
    close(fd);
}

/* Restores and judges.  'must_restore': a crash explains what was done.
 * 'whole': so many of the last file's records are undamaged and must be
 * there. */
static void
judge(bool must_restore, size_t whole, const char *what, size_t at)
{
    struct data_tree *tree = new_tree();
    size_t before = n_history - n_records;
    struct zk_errmsg em = { "" };
    struct restore_result res;
    const char *wrong = NULL;
    size_t i = 0;
    int rv;

    tried++;
    rv = restore(tree, false, &res, &em);
    if (rv != ZK_OK) {
        refused++;
        if (must_restore) {
            wrong = "refused";
        } else if (rv != ZK_ECORRUPT || strstr(em.text, log_path) == NULL) {
            wrong = "refused without naming the file";
        }
    } else {
        while (i < n_history && history[i].zxid != res.last_zxid) {
            i++;
        }
        if (i < n_history && i + 1 < n_history
            && history[i + 1].zxid == res.last_zxid) {
            i++;                /* An error txn that repeats a zxid. */
        }
        if (i == n_history && res.last_zxid == res.snapshot_zxid
            && whole == 0 && before == 0) {
            cut_short++;        /* Nothing but the snapshot. */
        } else if (i == n_history) {
            wrong = "a zxid that never was";
        } else if (history[i].digest != data_tree_digest(tree)) {
            wrong = "not a prefix of the history";
        } else if (i + 1 < before + whole) {
            wrong = "less than what is undamaged";
        } else if (i + 1 < n_history) {
            cut_short++;
            /* A file that ends between two records has nothing to say. */
            if (res.note[0] == '\0' && !must_restore) {
                wrong = "cut short without a word";
            }
        } else {
            same++;
        }
    }
    if (wrong != NULL) {
        fprintf(stderr, "%s at byte %zu: %s (last zxid 0x%" PRIx64 "): %s%s\n",
                what, at, wrong, (uint64_t) res.last_zxid, em.text, res.note);
        CU_FAIL("see above");
    }
    data_tree_destroy(tree);
}

static size_t
first_damaged(void)
{
    return n_records > LAST_RECORDS ? n_records - LAST_RECORDS : 0;
}

/* Builds with sanitizers, which are slow, look at every n-th byte only. */
static size_t
stride(void)
{
    const char *text = getenv("ZK_TEST_STRIDE");
    long n = text != NULL ? strtol(text, NULL, 10) : 1;

    return n > 1 ? (size_t) n : 1;
}

/* Calls each(record, byte) for the bytes of the last records; the inside of
 * a large one is thinned out. */
static void
each_byte(void (*each)(size_t record, size_t at))
{
    const size_t step = stride();

    for (size_t r = first_damaged(); r < n_records; r++) {
        for (size_t at = records[r].start; at < records[r].end; at += step) {
            if (records[r].end - records[r].start > 300
                && at > records[r].start + 64 && at + 64 < records[r].end
                && at % THIN != 0) {
                continue;
            }
            each(r, at);
        }
    }
}

static void
cut_file(size_t record, size_t at)
{
    write_log(image.data, at);
    judge(true, record, "file ends", at);
}

static void
cut_with_padding(size_t record, size_t at)
{
    struct zk_buf b = { 0 };

    zk_buf_append(&b, image.data, image.len);
    memset(b.data + at, 0, b.len - at);
    write_log(b.data, b.len);
    judge(true, record, "zeros from there", at);
    zk_buf_fini(&b);
}

static void
change_byte(size_t record, size_t at, uint8_t value, const char *what)
{
    int fd = open(log_path, O_WRONLY);

    if (value != image.data[at]) {
        unsigned long before = refused;
        bool small = records[record].end - records[record].start < 500;

        CU_ASSERT_FATAL(fd >= 0 && pwrite(fd, &value, 1, (off_t) at) == 1);
        judge(false, record, what, at);
        small_tried += small;
        small_refused += small && refused > before;
        CU_ASSERT_FATAL(pwrite(fd, image.data + at, 1, (off_t) at) == 1);
    }
    close(fd);
}

static void
flip_bits(size_t record, size_t at)
{
    for (int bit = 0; bit < 8; bit++) {
        change_byte(record, at, (uint8_t) (image.data[at] ^ 1u << bit),
                    "bit flipped");
    }
    change_byte(record, at, 0, "byte zeroed");
    change_byte(record, at, 0xff, "byte set");
}

static void
test_cuts(void)
{
    each_byte(cut_file);
    each_byte(cut_with_padding);
    printf("%lu cuts: %lu cut short, %lu whole, %lu refused ", tried,
           cut_short, same, refused);
    CU_ASSERT(cut_short > 0);
    CU_ASSERT_EQUAL(refused, 0);
}

static void
test_flips(void)
{
    tried = refused = cut_short = same = 0;
    write_log(image.data, image.len);
    each_byte(flip_bits);
    printf("%lu changes: %lu cut short, %lu whole, %lu refused ", tried,
           cut_short, same, refused);
    /* What was on disk in full is hardly ever taken for torn: that takes an
     * end byte that became zero, in front of the padding. */
    CU_ASSERT(small_tried == 0 || small_refused > small_tried * 99 / 100);
    /* And never for undamaged. */
    CU_ASSERT_EQUAL(same, 0);
}

/* The header too: no change there may pass. */
static void
test_header_flips(void)
{
    for (size_t at = 0; at < 8; at++) {
        for (int bit = 0; bit < 8; bit++) {
            change_byte(0, at, (uint8_t) (image.data[at] ^ 1u << bit),
                        "header bit flipped");
        }
    }
}

/* Power was lost while the records from 'first' on were being written: of
 * the sectors they stand in, any may be missing. */
static void
lose_sectors(size_t first)
{
    size_t start = records[first].start;
    size_t sectors = (used - 1) / 512 - start / 512 + 1;
    unsigned long patterns = sectors < 7 ? 1ul << sectors : 128;
    struct zk_buf b = { 0 };

    for (unsigned long p = 1; p < patterns; p++) {
        zk_buf_clear(&b);
        zk_buf_append(&b, image.data, image.len);
        for (size_t i = 0; i < sectors; i++) {
            size_t from = (start / 512 + i) * 512;
            size_t to = from + 512 < b.len ? from + 512 : b.len;

            if (p >> (i % 7) & 1) {
                from = from < start ? start : from;
                memset(b.data + from, 0, to - from);
            }
        }
        write_log(b.data, b.len);
        judge(true, first, "sectors lost", start);
    }
    zk_buf_fini(&b);
}

static void
test_lost_sectors(void)
{
    tried = refused = cut_short = same = 0;
    for (size_t r = first_damaged(); r < n_records; r++) {
        lose_sectors(r);
    }
    printf("%lu losses: %lu cut short, %lu whole, %lu refused ", tried,
           cut_short, same, refused);
    CU_ASSERT_EQUAL(refused, 0);
    zk_test_rmdir(folder);
}

static const struct zk_test tests[] = {
    { "the folder as it is", set_up },
    { "a file cut anywhere gives a prefix", test_cuts },
    { "a changed byte is found", test_flips },
    { "a changed header is refused", test_header_flips },
    { "lost sectors of an unsynced batch give a prefix",
      test_lost_sectors },
};

int
main(int argc, char **argv)
{
    zk_log_set_level(ZK_LOG_OFF);
    given_folder = argc > 1 ? argv[1] : NULL;
    return zk_test_main("torn log", tests, ZK_ARRAY_SIZE(tests));
}
