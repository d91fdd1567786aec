/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz.h: what the fuzz targets share.
 *
 * A target is one file fuzz_<name>.c with LLVMFuzzerTestOneInput.  In a build
 * with --enable-fuzzers libFuzzer drives it; in all others run_corpus.c runs
 * it over test/fuzz/corpus/<name>, so `make check` repeats whatever was found.
 * A target checks with zk_assert: what it asserts holds for any bytes.
 *
 * Thread-safety: none; targets run on one thread.
 */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "tree/data_tree.h"
#include "util/zk_assert.h"
#include "util/zk_buf.h"
#include "util/zk_slice.h"

/* The limit of one string or buffer in the targets: small enough to be hit. */
#define FUZZ_MAX_LEN 0x8000

/* The entry of a target; always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An input that is eaten from the front; yields zeros when it is used up. */
struct fuzz_input {
    const uint8_t *p;
    size_t left;
};

static inline struct fuzz_input
fuzz_input(const uint8_t *data, size_t size)
{
    return (struct fuzz_input) { data, size };
}

static inline uint8_t
fuzz_u8(struct fuzz_input *in)
{
    if (in->left == 0) {
        return 0;
    }
    in->left--;
    return *in->p++;
}

static inline uint16_t
fuzz_u16(struct fuzz_input *in)
{
    uint16_t high = fuzz_u8(in);

    return (uint16_t) (high << 8 | fuzz_u8(in));
}

/* A piece behind its length of two bytes, cut where the input ends. */
static inline struct zk_slice
fuzz_piece(struct fuzz_input *in)
{
    size_t len = fuzz_u16(in);
    struct zk_slice s;

    len = len < in->left ? len : in->left;
    s = zk_slice(in->p, (int32_t) len);
    in->p += len;
    in->left -= len;
    return s;
}

/* A copy of the piece in memory of its own, so that a sanitizer sees a read
 * past its end; the caller frees it. */
uint8_t *fuzz_copy(struct zk_slice s);

/* The process's own folder (in memory where the system has such a file
 * system), removed at exit.  Borrowed. */
const char *fuzz_folder(void);
/* "<fuzz_folder>/<name>"; the caller frees it. */
char *fuzz_path(const char *name);
/* Removes whatever is in the folder. */
void fuzz_clear_folder(void);
/* Makes the file hold these bytes; a failure ends the process with 99. */
void fuzz_write_file(const char *path, const void *p, size_t len);
/* Lines of the server's log are of no use here. */
void fuzz_quiet(void);

/* A tree with digests and extended types. */
struct data_tree *fuzz_tree_create(void);
/* The tree's content stream, as in a snapshot file. */
void fuzz_tree_stream(struct data_tree *tree, struct zk_buf *out);
/* Asserts that both trees are the same to clients, snapshots and digests. */
void fuzz_trees_equal(struct data_tree *a, struct data_tree *b);
/* Asserts what holds for every tree: its digest is what loading its own
 * snapshot comes to, and so is everything else. */
void fuzz_tree_check(struct data_tree *tree);

#endif
