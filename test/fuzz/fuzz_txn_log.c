/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * fuzz_txn_log: log files through the iterator, the restore and the
 * truncation.  The first byte chooses: the rest is one file's bytes, or a
 * list of records (a control byte, then a transaction behind two bytes of
 * length) that get their checksums here.  A control byte says what becomes of
 * its record:
 *
 *   0x80  it begins a new file, named after its zxid (when that is above all
 *         before it: a server has no other files)
 *   0x40  4 KB of zeros stand behind it
 *   0x20  one byte of it is another: which, and by what, stand in two bytes
 *         behind the control byte
 *   0x10  it is cut in the middle
 *
 * Whatever the files hold, what can be read can be read again, truncating
 * leaves what is before the place and nothing behind it, and a restored
 * server that restores again is the same.
 */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "persistence/file_txn_iterator.h"
#include "persistence/file_txn_snap_log.h"
#include "persistence/log_file.h"
#include "test/fuzz/fuzz.h"

enum { REC_NEW_FILE = 0x80, REC_PAD = 0x40, REC_HURT = 0x20, REC_CUT = 0x10 };

#define PAD_LEN 4096

/* What an iteration came to. */
struct fl_read {
    int rv;                     /* Of the last next. */
    size_t n;
    int64_t first;
    int64_t last;
    uint64_t sum;               /* Over all bytes, in order. */
};

static char *
fl_dir(void)
{
    return fuzz_path("version-2");
}

static void
fl_write(struct zk_buf *file, int64_t zxid)
{
    char *path = zk_xasprintf("%s/version-2/log.%" PRIx64, fuzz_folder(),
                              (uint64_t) zxid);

    fuzz_write_file(path, file->data, file->len);
    free(path);
    zk_buf_clear(file);
}

/* The files under way. */
struct fl_writer {
    struct zk_buf file;         /* Not yet written. */
    int64_t name;               /* Its zxid. */
    int64_t max;                /* The highest of all records so far. */
};

static void
fl_begin_file(struct fl_writer *w, int64_t zxid)
{
    fl_write(&w->file, w->name);
    log_header_encode(&w->file);
    w->name = zxid;
}

static void
fl_record(struct fuzz_input *in, uint8_t control, struct fl_writer *w)
{
    struct zk_buf *file = &w->file;
    uint8_t where = control & REC_HURT ? fuzz_u8(in) : 0;
    uint8_t by = control & REC_HURT ? fuzz_u8(in) : 0;
    struct zk_slice txn = fuzz_piece(in);
    struct txn_view v;
    size_t at;

    if (txn.len == 0) {
        return;                 /* Nobody writes one. */
    }
    if (txn_view_decode_header(&v, txn.p, (size_t) txn.len) == ZK_OK
        && v.zxid > w->max) {
        w->max = v.zxid;
        if (control & REC_NEW_FILE && file->len > LOG_FILE_HEADER_LEN) {
            fl_begin_file(w, v.zxid);
        }
    }
    at = file->len;
    log_record_encode(file, txn.p, (size_t) txn.len);
    file->data[at + where % (file->len - at)] ^= by;
    if (control & REC_CUT) {
        file->len -= (file->len - at) / 2;
    }
    if (control & REC_PAD) {
        memset(zk_buf_reserve(file, PAD_LEN), 0, PAD_LEN);
        file->len += PAD_LEN;
    }
}

static void
fl_write_files(const uint8_t *data, size_t size)
{
    struct fuzz_input in = fuzz_input(data, size);
    struct fl_writer w = { .name = 1, .max = 1 };
    char *dir = fl_dir();

    fuzz_clear_folder();
    zk_assert(mkdir(dir, 0700) == 0);
    free(dir);
    if (fuzz_u8(&in) % 2 == 0) {
        zk_buf_append(&w.file, in.p, in.left);
    } else {
        log_header_encode(&w.file);
        while (in.left > 0) {
            fl_record(&in, fuzz_u8(&in), &w);
        }
    }
    fl_write(&w.file, w.name);
    zk_buf_fini(&w.file);
}

/* Reads from 'from' on, up to 'upto'. */
static struct fl_read
fl_read(int64_t from, int64_t upto)
{
    struct file_txn_iterator *it;
    struct zk_errmsg em = { "" };
    struct fl_read r = { .last = -1 };
    struct zk_slice bytes;
    struct txn_view v;
    char *dir = fl_dir();

    r.rv = file_txn_iterator_open(dir, from, FUZZ_MAX_LEN, &it, &em);
    zk_assert(r.rv == ZK_OK);
    for (;;) {
        r.rv = file_txn_iterator_next(it, &bytes, &v, &em);
        if (r.rv != ZK_OK || v.zxid > upto) {
            break;
        }
        zk_assert(v.zxid >= from && (r.n == 0 || v.zxid >= r.last));
        r.first = r.n == 0 ? v.zxid : r.first;
        r.last = v.zxid;
        r.n++;
        for (int32_t i = 0; i < bytes.len; i++) {
            r.sum = r.sum * 31 + (uint8_t) bytes.p[i];
        }
    }
    zk_assert(r.rv == ZK_OK || r.rv == ZK_ENOTFOUND || r.rv == ZK_ECORRUPT);
    zk_assert(r.rv != ZK_ECORRUPT || em.text[0] != '\0');
    file_txn_iterator_close(it);
    free(dir);
    return r;
}

/* The tree that the folder comes to, or NULL where it is refused. */
static struct data_tree *
fl_restore(void)
{
    const struct file_txn_snap_log_options opts = {
        .data_log_dir = fuzz_folder(),
        .data_dir = fuzz_folder(),
        .autocreate_dirs = true,
        .autocreate_db = true,
        .trust_empty_snapshot = true,
        .max_record = FUZZ_MAX_LEN,
        .log = { .size_limit = -1, .max_record = FUZZ_MAX_LEN },
    };
    struct data_tree *tree = fuzz_tree_create();
    struct file_txn_snap_log *fl;
    struct restore_result res;
    struct zk_errmsg em = { "" };
    int rv;

    if (file_txn_snap_log_open(&opts, &fl, &em) != ZK_OK) {
        zk_panic("the folder cannot be opened: %s", em.text);
    }
    rv = file_txn_snap_log_restore(fl, tree, NULL, NULL, &res, &em);
    file_txn_snap_log_close(fl);
    if (rv != ZK_OK) {
        zk_assert(em.text[0] != '\0');
        data_tree_destroy(tree);
        return NULL;
    }
    zk_assert(res.last_zxid == data_tree_last_zxid(tree));
    return tree;
}

static void
fl_restore_twice(const struct fl_read *all)
{
    struct data_tree *tree = fl_restore();
    struct data_tree *again;

    /* A restore reads from zxid 0 on. */
    if (all->rv == ZK_ECORRUPT && (all->n == 0 || all->first >= 0)) {
        zk_assert(tree == NULL);
    }
    if (tree == NULL) {
        return;
    }
    again = fl_restore();
    zk_assert(again != NULL);
    fuzz_trees_equal(tree, again);
    data_tree_destroy(tree);
    data_tree_destroy(again);
}

/* Cuts behind a zxid that is there.  A log that was damaged may stay so: its
 * zxids may fall before the place. */
static void
fl_truncate(int64_t zxid, bool damaged)
{
    struct fl_read before = fl_read(0, zxid);
    struct zk_errmsg em = { "" };
    struct fl_read after;
    char *dir = fl_dir();
    int rv;

    zk_assert(file_txn_log_find(dir, zxid, FUZZ_MAX_LEN, &em) == ZK_OK);
    rv = file_txn_log_truncate(dir, zxid, FUZZ_MAX_LEN, &em);
    if (rv != ZK_OK) {
        zk_panic("a zxid that is there cannot be truncated to: %s", em.text);
    }
    after = fl_read(0, INT64_MAX);
    if (damaged && after.rv == ZK_ECORRUPT) {
        free(dir);
        return;
    }
    zk_assert(after.rv == ZK_ENOTFOUND);
    zk_assert(after.n == before.n && after.last == zxid);
    zk_assert(after.sum == before.sum);
    zk_assert(file_txn_log_truncate(dir, zxid + 1, FUZZ_MAX_LEN, &em)
              == ZK_ENOTFOUND);
    zk_assert(file_txn_log_cut_above(dir, zxid, FUZZ_MAX_LEN, &em) == ZK_OK);
    zk_assert(fl_read(0, INT64_MAX).sum == before.sum);
    free(dir);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fl_read all;

    if (size < 1) {
        return 0;
    }
    fuzz_quiet();
    fl_write_files(data, size);
    all = fl_read(0, INT64_MAX);
    fl_restore_twice(&all);
    if (all.n > 0) {
        fl_truncate(data[0] & 2 ? all.first : all.last,
                    all.rv == ZK_ECORRUPT);
    }
    return 0;
}
