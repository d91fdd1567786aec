/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * fuzz_snapshot: snapshot files, and what a leader sends behind SNAP.  The
 * first byte chooses what the rest is:
 *
 *   bits 0-1  how the file is compressed: not at all, gz, snappy; 3: no file,
 *             a leader's bytes, whose signature is made here with bit 3
 *   bit 2     the rest is the content of a snapshot, and is compressed here;
 *             else it is the file as it stands
 *   bit 3     header and seals are made here: the rest is what stands between
 *   bit 4     a digest section follows
 *   bit 5     a section with the zxid follows
 *   bit 6     one byte of the file, said by two bytes behind the first, is
 *             another
 */
#include <config.h>

#include <stdlib.h>
#include <snappy-c.h>
#include <zlib.h>

#include "jute/output_archive.h"
#include "persistence/file_snap.h"
#include "persistence/snap_format.h"
#include "persistence/snap_xerial.h"
#include "test/fuzz/fuzz.h"
#include "tools/snap_index.h"

enum {
    SNAP_HOW = 3, SNAP_COMPRESS = 4, SNAP_SEALED = 8, SNAP_DIGEST = 16,
    SNAP_ZXID = 32, SNAP_HURT = 64,
};

#define FILE_ZXID 5
/* Blocks of snappy's stream: several even of a small snapshot. */
#define BLOCK 64

static void
fs_seal(struct zk_buf *b)
{
    uLong sum = adler32(1, b->data, (uInt) b->len);

    output_archive_long(b, (int64_t) sum);
    output_archive_slice(b, ZK_SLICE_LIT("/"));
}

static void
fs_content(const struct fuzz_input *in, uint8_t how, struct zk_buf *b)
{
    if (!(how & SNAP_SEALED)) {
        zk_buf_append(b, in->p, in->left);
        return;
    }
    output_archive_int(b, SNAP_MAGIC);
    output_archive_int(b, SNAP_VERSION);
    output_archive_long(b, -1);
    zk_buf_append(b, in->p, in->left);
    fs_seal(b);
    if (how & SNAP_DIGEST) {
        output_archive_long(b, FILE_ZXID);
        output_archive_int(b, TXN_DIGEST_VERSION);
        output_archive_long(b, (int64_t) in->left);
        fs_seal(b);
    }
    if (how & SNAP_ZXID) {
        output_archive_long(b, FILE_ZXID);
        fs_seal(b);
    }
}

static void
fs_gzip(const struct zk_buf *content, struct zk_buf *out)
{
    z_stream z = { .next_in = content->data };
    uLong bound;

    /* 16: with gzip's frame. */
    zk_assert(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8,
                           Z_DEFAULT_STRATEGY) == Z_OK);
    z.avail_in = (uInt) content->len;
    bound = deflateBound(&z, (uLong) content->len);
    z.next_out = zk_buf_reserve(out, bound);
    z.avail_out = (uInt) bound;
    zk_assert(deflate(&z, Z_FINISH) == Z_STREAM_END);
    out->len += bound - z.avail_out;
    deflateEnd(&z);
}

static void
fs_snappy(const struct zk_buf *content, struct zk_buf *out)
{
    xerial_header_encode(out);
    for (size_t at = 0; at < content->len; at += BLOCK) {
        size_t left = content->len - at;
        size_t n = left < BLOCK ? left : BLOCK;
        size_t len = snappy_max_compressed_length(n);
        size_t frame = output_archive_frame_begin(out);
        uint8_t *p = zk_buf_reserve(out, len);

        zk_assert(snappy_compress((const char *) content->data + at, n,
                                  (char *) p, &len) == SNAPPY_OK);
        out->len += len;
        output_archive_frame_end(out, frame);
    }
}

static char *
fs_write(const uint8_t *data, size_t size, uint8_t *how)
{
    static const char *const names[] = {
        "snapshot.5", "snapshot.5.gz", "snapshot.5.snappy",
    };
    struct fuzz_input in = fuzz_input(data, size);
    struct zk_buf content = { 0 };
    struct zk_buf file = { 0 };
    uint16_t hurt = 0;
    char *path;

    *how = fuzz_u8(&in);
    if (*how & SNAP_HURT) {
        hurt = fuzz_u16(&in);
    }
    path = fuzz_path(names[*how & SNAP_HOW]);
    fs_content(&in, *how, &content);
    if (!(*how & SNAP_COMPRESS) || names[*how & SNAP_HOW] == names[0]) {
        zk_buf_append(&file, content.data, content.len);
    } else if ((*how & SNAP_HOW) == 1) {
        fs_gzip(&content, &file);
    } else {
        fs_snappy(&content, &file);
    }
    if (*how & SNAP_HURT && file.len > 0) {
        file.data[(hurt >> 4) % file.len] ^= (uint8_t) (1 << hurt % 8);
    }
    fuzz_write_file(path, file.data, file.len);
    zk_buf_fini(&content);
    zk_buf_fini(&file);
    return path;
}

/* ---- a leader's stream -------------------------------------------------- */

/* Gives out a few bytes at a time. */
static int
fs_more(void *self, struct zk_buf *out, struct zk_errmsg *em)
{
    struct fuzz_input *in = self;
    size_t n = in->left < 7 ? in->left : 7;

    if (n == 0) {
        return zk_fail(em, ZK_EIO, "the link is gone");
    }
    zk_buf_append(out, in->p, n);
    in->p += n;
    in->left -= n;
    return ZK_OK;
}

static void
fs_stream(struct fuzz_input *in, uint8_t how)
{
    static const uint8_t signature[] = "\0\0\0\12BenWasHere";
    struct data_tree *tree = fuzz_tree_create();
    const struct stream_reader from = { in, fs_more };
    struct zk_buf bytes = { 0 }, rest = { 0 };
    struct zk_errmsg em = { "" };
    size_t len;
    int rv;

    zk_buf_append(&bytes, in->p, in->left);
    if (how & SNAP_SEALED) {
        zk_buf_append(&bytes, signature, sizeof signature - 1);
    }
    len = bytes.len;
    *in = fuzz_input(bytes.data, bytes.len);
    rv = file_snap_load_stream(&rest, &from, FILE_ZXID, FUZZ_MAX_LEN, tree,
                               &em);
    if (rv == ZK_OK) {
        /* What was not used is there, and only that. */
        zk_assert(rest.len + in->left < len);
        zk_assert(rest.len == 0
                  || memcmp(in->p - rest.len, rest.data, rest.len) == 0);
        zk_assert(data_tree_last_zxid(tree) == FILE_ZXID);
        fuzz_tree_check(tree);
    } else {
        zk_assert(em.text[0] != '\0');
    }
    zk_buf_fini(&bytes);
    zk_buf_fini(&rest);
    data_tree_destroy(tree);
}

/* ---- tools -------------------------------------------------------------- */

static int
fs_node(void *self, const struct snap_node *node, struct zk_errmsg *em)
{
    struct snap_node again;
    int64_t *nodes = self;

    (void) em;
    ++*nodes;
    zk_assert(snap_node_decode(node->record, node->record_len, FUZZ_MAX_LEN,
                               &again) == ZK_OK);
    zk_assert(zk_slice_eq(again.path, node->path)
              && zk_slice_eq(again.data, node->data)
              && again.record_len == node->record_len);
    zk_assert(snap_node_decode(node->record, node->record_len - 1,
                               FUZZ_MAX_LEN, &again) == ZK_ETORN);
    return ZK_OK;
}

/* Walks over all nodes of the index, each of which is found again. */
static void
fs_walk(struct snap_index *ix, bool partial)
{
    struct snap_sum *sums = snap_index_sums(ix);
    struct zk_buf path = { 0 };
    struct zk_errmsg em = { "" };
    struct snap_node node;
    uint32_t seen = 0, up;

    for (uint32_t i = 0; i != SNAP_INDEX_NONE;
         i = snap_index_next(ix, 0, i, &up)) {
        seen++;
        zk_buf_clear(&path);
        snap_index_path(ix, i, &path);
        zk_assert(snap_index_find(ix, zk_slice(path.data,
                                               (int32_t) path.len)) == i);
        zk_assert(snap_index_content(ix, i, &node, &em) == ZK_OK);
        zk_assert(partial || node.data.len <= FUZZ_MAX_LEN);
        zk_assert(snap_index_data_len(ix, i)
                  == (node.data.len > 0 ? node.data.len : 0));
    }
    zk_assert(seen == snap_index_count(ix));
    zk_assert(sums[0].descendants == (int64_t) seen - 1);
    zk_buf_fini(&path);
    free(sums);
}

/* What zktool makes of the file, which is a whole tree if 'loaded'. */
static void
fs_tools(const char *path, bool loaded)
{
    int64_t nodes = 0;
    const struct snap_visitor visitor = { .self = &nodes, .node = fs_node };
    struct file_snap_info info;
    struct zk_errmsg em = { "" };
    int rv = file_snap_scan(path, FUZZ_MAX_LEN, &visitor, &info, &em);

    zk_assert(info.nodes == nodes);
    zk_assert(!loaded || (rv == ZK_OK && info.content_whole));
    for (int partial = 0; partial < 2; partial++) {
        const struct snap_index_options opts = {
            .max_buffer = FUZZ_MAX_LEN, .content = true,
            .partial = partial,
        };
        struct snap_index *ix;
        struct zk_errmsg damage = { "" };

        rv = snap_index_read(path, &opts, &ix, &damage, &em);
        zk_assert(!loaded || (rv == ZK_OK && damage.text[0] == '\0'));
        if (rv == ZK_OK) {
            fs_walk(ix, partial);
            snap_index_destroy(ix);
        } else {
            zk_assert(em.text[0] != '\0');
        }
    }
}

static void
fs_file(const uint8_t *data, size_t size)
{
    struct data_tree *tree = fuzz_tree_create();
    struct file_snap_info info;
    struct zk_errmsg em = { "" };
    bool looks_valid;
    uint8_t how;
    char *path;
    int rv;

    path = fs_write(data, size, &how);
    looks_valid = file_snap_looks_valid(path);
    rv = file_snap_load(path, FILE_ZXID, FUZZ_MAX_LEN, tree, &info, &em);
    fs_tools(path, rv == ZK_OK);    /* The check below takes the file away. */
    if (rv == ZK_OK) {
        zk_assert(looks_valid || (how & SNAP_HOW) != 0);
        zk_assert(data_tree_last_zxid(tree) == FILE_ZXID);
        zk_assert(info.nodes > 0);
        /* A file may lie about its digest; that is no damage. */
        if (!(how & SNAP_DIGEST) && !info.has_digest) {
            fuzz_tree_check(tree);
        }
    } else {
        zk_assert(em.text[0] != '\0');
        zk_assert(rv == ZK_ECORRUPT || rv == ZK_EMARSHAL
                  || rv == ZK_ETOOBIG);
    }
    remove(path);
    free(path);
    data_tree_destroy(tree);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = fuzz_input(data, size);
    uint8_t how = fuzz_u8(&in);

    fuzz_quiet();
    if ((how & SNAP_HOW) == SNAP_HOW) {
        fs_stream(&in, how);
    } else {
        fs_file(data, size);
    }
    return 0;
}
