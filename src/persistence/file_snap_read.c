/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "persistence/file_snap.h"

#include <inttypes.h>

#include "persistence/snap_format.h"
#include "persistence/snap_input.h"
#include "proto/acl_codec.h"
#include "util/zk_bytes.h"

/* What may follow seal 1 is shorter than this. */
#define FSR_MAX_TAIL 4096
/* Nodes between two reports of how far the reading is. */
#define FSR_PROGRESS 8192

struct snap_parser {
    struct snap_input in;
    int32_t max_buffer;
    const struct snap_visitor *visitor;
    struct zk_errmsg *em;
    struct file_snap_info info;
};

static int
fsr_damaged(const struct snap_parser *sp, const char *what)
{
    return zk_fail(sp->em, ZK_ECORRUPT, "%s: damaged at offset %" PRId64
                   ": %s", snap_input_path(&sp->in),
                   snap_input_offset(&sp->in), what);
}

/* What the visitor says about what it was given, with the place. */
static int
fsr_refused(const struct snap_parser *sp, int rv, const struct zk_errmsg *why)
{
    if (rv == ZK_OK) {
        return ZK_OK;
    }
    return zk_fail(sp->em, rv, "%s: damaged before offset %" PRId64 ": %s",
                   snap_input_path(&sp->in), snap_input_offset(&sp->in),
                   why->text);
}

/* At least 'n' bytes at sp->in.p. */
static int
fsr_need(struct snap_parser *sp, size_t n)
{
    int rv = snap_input_need(&sp->in, n, sp->em);

    return rv == ZK_ETORN ? ZK_ECORRUPT : rv;
}

/* The length of a string or buffer that starts 'at' bytes behind in.p; makes
 * it, and 'more' bytes behind it, readable. */
static int
fsr_length(struct snap_parser *sp, size_t at, size_t more, int32_t *len)
{
    int rv;

    rv = fsr_need(sp, at + 4);
    if (rv != ZK_OK) {
        return rv;
    }
    *len = (int32_t) zk_get_be32(sp->in.p + at);
    if (*len < -1 || *len > sp->max_buffer) {
        return fsr_damaged(sp, "a length is out of range");
    }
    return fsr_need(sp, at + 4 + (size_t) (*len > 0 ? *len : 0) + more);
}

static int
fsr_header(struct snap_parser *sp)
{
    int rv;

    rv = fsr_need(sp, SNAP_HEADER_LEN);
    if (rv != ZK_OK) {
        return rv;
    }
    if (zk_get_be32(sp->in.p) != SNAP_MAGIC
        || zk_get_be32(sp->in.p + 4) != SNAP_VERSION) {
        return fsr_damaged(sp, "not a snapshot of version 2");
    }
    sp->info.one_instant = zk_get_be64(sp->in.p + 8) == SNAP_DBID;
    sp->in.p += SNAP_HEADER_LEN;
    return ZK_OK;
}

static int
fsr_sessions(struct snap_parser *sp)
{
    int32_t n;
    int rv;

    rv = fsr_need(sp, 4);
    if (rv != ZK_OK) {
        return rv;
    }
    n = (int32_t) zk_get_be32(sp->in.p);
    sp->in.p += 4;
    for (int32_t i = 0; i < n; i++) {
        rv = fsr_need(sp, 12);
        if (rv != ZK_OK) {
            return rv;
        }
        if (sp->visitor->session != NULL) {
            sp->visitor->session(sp->visitor->self,
                                 (int64_t) zk_get_be64(sp->in.p),
                                 (int32_t) zk_get_be32(sp->in.p + 8));
        }
        sp->in.p += 12;
    }
    return ZK_OK;
}

/* One entry of the ACL table: {long index, vector<ACL>}. */
static int
fsr_acl(struct snap_parser *sp)
{
    struct zk_errmsg why = { "" };
    const struct snap_visitor *v = sp->visitor;
    size_t at = 12;
    int32_t len;
    int32_t n;
    int rv;

    rv = fsr_need(sp, at);
    if (rv != ZK_OK) {
        return rv;
    }
    n = (int32_t) zk_get_be32(sp->in.p + 8);
    for (int32_t i = 0; i < n; i++) {
        at += 4;                /* perms */
        for (int k = 0; k < 2; k++) {
            rv = fsr_length(sp, at, 0, &len);
            if (rv != ZK_OK) {
                return rv;
            }
            at += 4 + (size_t) (len > 0 ? len : 0);
            if (at > (size_t) INT32_MAX / 2) {
                return fsr_damaged(sp, "an ACL without end");
            }
        }
    }
    /* A negative count is an empty list, as Java reads it. */
    if (v->acl != NULL) {
        rv = v->acl(v->self, (int64_t) zk_get_be64(sp->in.p),
                    n < 0 ? acl_raw_empty
                          : zk_slice(sp->in.p + 8, (int32_t) at - 8), &why);
    }
    sp->in.p += at;
    return fsr_refused(sp, rv, &why);
}

static int
fsr_acls(struct snap_parser *sp)
{
    int32_t n;
    int rv;

    rv = fsr_need(sp, 4);
    if (rv != ZK_OK) {
        return rv;
    }
    n = (int32_t) zk_get_be32(sp->in.p);
    sp->in.p += 4;
    for (int32_t i = 0; i < n && rv == ZK_OK; i++) {
        rv = fsr_acl(sp);
    }
    return rv;
}

static void
fsr_stat(const uint8_t *p, struct jute_stat_persisted *st)
{
    st->czxid = (int64_t) zk_get_be64(p);
    st->mzxid = (int64_t) zk_get_be64(p + 8);
    st->ctime = (int64_t) zk_get_be64(p + 16);
    st->mtime = (int64_t) zk_get_be64(p + 24);
    st->version = (int32_t) zk_get_be32(p + 32);
    st->cversion = (int32_t) zk_get_be32(p + 36);
    st->aversion = (int32_t) zk_get_be32(p + 40);
    st->ephemeral_owner = (int64_t) zk_get_be64(p + 44);
    st->pzxid = (int64_t) zk_get_be64(p + 52);
}

/* Fills in the node that starts at 'p' and has these lengths. */
static void
fsr_node(const uint8_t *p, int32_t path_len, int32_t data_len,
         struct snap_node *node)
{
    size_t data_at = 4 + (size_t) path_len;
    size_t acl_at = data_at + 4 + (size_t) (data_len > 0 ? data_len : 0);

    node->path = zk_slice(p + 4, path_len);
    node->data = data_len < 0 ? ZK_SLICE_NULL
                              : zk_slice(p + data_at + 4, data_len);
    node->acl_index = (int64_t) zk_get_be64(p + acl_at);
    fsr_stat(p + acl_at + 8, &node->stat);
    node->record = p;
    node->record_len = acl_at + 8 + SNAP_STAT_LEN;
}

int
snap_node_decode(const uint8_t *p, size_t len, int32_t max_buffer,
                 struct snap_node *node)
{
    int32_t path_len;
    int32_t data_len;
    size_t need = 4;

    if (len < need) {
        return ZK_ETORN;
    }
    path_len = (int32_t) zk_get_be32(p);
    if (path_len < 0 || path_len > max_buffer) {
        return ZK_ECORRUPT;
    }
    need += (size_t) path_len + 4;
    if (len < need) {
        return ZK_ETORN;
    }
    data_len = (int32_t) zk_get_be32(p + need - 4);
    if (data_len < -1 || data_len > max_buffer) {
        return ZK_ECORRUPT;
    }
    need += (size_t) (data_len > 0 ? data_len : 0) + 8 + SNAP_STAT_LEN;
    if (len < need) {
        return ZK_ETORN;
    }
    fsr_node(p, path_len, data_len, node);
    return ZK_OK;
}

/* The next node, or none at the end marker (*end). */
static int
fsr_next_node(struct snap_parser *sp, struct snap_node *node, bool *end)
{
    int32_t path_len;
    int32_t data_len;
    int rv;

    rv = fsr_length(sp, 0, 0, &path_len);
    if (rv != ZK_OK) {
        return rv;
    }
    if (path_len < 0) {
        return fsr_damaged(sp, "a node without a path");
    }
    *end = path_len == 1 && sp->in.p[4] == '/';
    if (*end) {
        sp->in.p += 5;
        return ZK_OK;
    }
    rv = fsr_length(sp, 4 + (size_t) path_len, 8 + SNAP_STAT_LEN, &data_len);
    if (rv == ZK_OK) {
        fsr_node(sp->in.p, path_len, data_len, node);
        node->offset = snap_input_offset(&sp->in);
        sp->in.p += node->record_len;
    }
    return rv;
}

/* All nodes and the end marker. */
static int
fsr_nodes(struct snap_parser *sp)
{
    const struct snap_visitor *v = sp->visitor;
    struct zk_errmsg why = { "" };
    struct snap_node node;
    bool end = false;
    int rv;

    for (;;) {
        rv = fsr_next_node(sp, &node, &end);
        if (rv != ZK_OK || end) {
            sp->info.content_whole = end;
            return rv;
        }
        if (v->node != NULL) {
            rv = v->node(v->self, &node, &why);
            if (rv != ZK_OK) {
                return fsr_refused(sp, rv, &why);
            }
        }
        if (++sp->info.nodes % FSR_PROGRESS == 0 && v->progress != NULL) {
            v->progress(v->self, snap_input_bytes_read(&sp->in));
        }
    }
}

static int
fsr_seal(struct snap_parser *sp)
{
    uint32_t adler;
    int rv;

    rv = fsr_need(sp, SNAP_SEAL_LEN);
    if (rv != ZK_OK) {
        return rv;
    }
    adler = snap_input_adler(&sp->in);
    if (zk_get_be64(sp->in.p) != adler) {
        return fsr_damaged(sp, "wrong checksum");
    }
    if (memcmp(sp->in.p + 8, "\0\0\0\1/", 5) != 0) {
        return fsr_damaged(sp, "no mark behind the checksum");
    }
    sp->in.p += SNAP_SEAL_LEN;
    return ZK_OK;
}

/* How many bytes are left; all of them are in the window then. */
static int
fsr_left(struct snap_parser *sp, size_t *left)
{
    struct zk_errmsg why;
    int rv;

    rv = snap_input_need(&sp->in, FSR_MAX_TAIL, &why);
    if (rv == ZK_OK) {
        return fsr_damaged(sp, "unknown bytes at the end");
    }
    if (rv != ZK_ETORN) {
        return zk_fail(sp->em, rv, "%s", why.text);
    }
    *left = (size_t) (sp->in.end - sp->in.p);
    return ZK_OK;
}

static int
fsr_digest(struct snap_parser *sp)
{
    int32_t version;
    int32_t len;
    int rv;

    rv = fsr_need(sp, 12);
    if (rv != ZK_OK) {
        return rv;
    }
    version = (int32_t) zk_get_be32(sp->in.p + 8);
    if (version < 2) {
        /* 3.6.0's: over other fields, of no use here. */
        rv = fsr_length(sp, 12, 0, &len);
        if (rv != ZK_OK) {
            return rv;
        }
        sp->in.p += 16 + (len > 0 ? len : 0);
    } else {
        rv = fsr_need(sp, 20);
        if (rv != ZK_OK) {
            return rv;
        }
        if (version == TXN_DIGEST_VERSION) {
            sp->info.digest_zxid = (int64_t) zk_get_be64(sp->in.p);
            sp->info.digest = (int64_t) zk_get_be64(sp->in.p + 12);
            sp->info.has_digest = sp->info.digest_zxid != 0;
        }
        sp->in.p += 20;
    }
    return fsr_seal(sp);
}

/* The optional sections.  Which ones are there shows in the length: that of
 * the zxid alone is 21, and no digest's is. */
static int
fsr_tail(struct snap_parser *sp)
{
    size_t left = 0;
    int rv;

    rv = fsr_left(sp, &left);
    if (rv == ZK_OK && left > 0 && left != 8 + SNAP_SEAL_LEN) {
        rv = fsr_digest(sp);
        left = (size_t) (sp->in.end - sp->in.p);
    }
    if (rv == ZK_OK && left == 8 + SNAP_SEAL_LEN) {
        sp->in.p += 8;
        rv = fsr_seal(sp);
        left = (size_t) (sp->in.end - sp->in.p);
    }
    if (rv == ZK_OK && left > 0) {
        rv = fsr_damaged(sp, "unknown bytes at the end");
    }
    return rv;
}

/* What files and streams have in common. */
static int
fsr_tree(struct snap_parser *sp)
{
    int rv = fsr_sessions(sp);

    if (rv == ZK_OK) {
        rv = fsr_acls(sp);
    }
    return rv == ZK_OK ? fsr_nodes(sp) : rv;
}

static int
fsr_all(struct snap_parser *sp)
{
    int rv = fsr_header(sp);

    if (rv == ZK_OK) {
        rv = fsr_tree(sp);
    }
    if (rv == ZK_OK) {
        rv = fsr_seal(sp);
    }
    return rv == ZK_OK ? fsr_tail(sp) : rv;
}

static int
fsr_signature(struct snap_parser *sp)
{
    const struct zk_slice want = ZK_SLICE_LIT(SNAP_SIGNATURE);
    int rv = fsr_need(sp, 4 + (size_t) want.len);

    if (rv != ZK_OK) {
        return rv;
    }
    if ((int32_t) zk_get_be32(sp->in.p) != want.len
        || memcmp(sp->in.p + 4, want.p, (size_t) want.len) != 0) {
        return fsr_damaged(sp, "no signature behind it");
    }
    sp->in.p += 4 + want.len;
    return ZK_OK;
}

/* ---- into a tree -------------------------------------------------------- */

static void
fsr_tree_session(void *self, int64_t id, int32_t timeout_ms)
{
    data_tree_load_session(self, id, timeout_ms);
}

static int
fsr_tree_acl(void *self, int64_t index, struct zk_slice raw,
             struct zk_errmsg *em)
{
    return data_tree_load_acl(self, index, raw, em);
}

static int
fsr_tree_node(void *self, const struct snap_node *node, struct zk_errmsg *em)
{
    return data_tree_load_node(self, node->path, node->data, node->acl_index,
                               &node->stat, em);
}

static struct snap_visitor
fsr_into_tree(struct data_tree *tree)
{
    return (struct snap_visitor) {
        .self = tree, .session = fsr_tree_session, .acl = fsr_tree_acl,
        .node = fsr_tree_node,
    };
}

int
file_snap_load_stream(struct zk_buf *buffered,
                      const struct stream_reader *from, int64_t zxid,
                      int32_t max_buffer, struct data_tree *tree,
                      struct zk_errmsg *em)
{
    const struct snap_visitor into_tree = fsr_into_tree(tree);
    struct snap_parser sp = {
        .max_buffer = max_buffer, .visitor = &into_tree, .em = em,
    };
    int rv;

    snap_input_open_stream(&sp.in, "the leader's snapshot", buffered, from);
    data_tree_load_begin(tree);
    rv = fsr_tree(&sp);
    if (rv == ZK_OK) {
        rv = fsr_signature(&sp);
    }
    snap_input_close(&sp.in);
    if (rv == ZK_OK) {
        rv = data_tree_load_end(tree, zxid, NULL, em);
    }
    if (rv != ZK_OK) {
        data_tree_load_begin(tree);
    }
    return rv;
}

int
file_snap_scan(const char *path, int32_t max_buffer,
               const struct snap_visitor *visitor,
               struct file_snap_info *info, struct zk_errmsg *em)
{
    struct snap_parser sp = {
        .max_buffer = max_buffer, .visitor = visitor, .em = em,
        .info.digest_zxid = -1,
    };
    int rv;

    rv = snap_input_open(&sp.in, path, em);
    if (rv == ZK_OK) {
        rv = fsr_all(&sp);
        snap_input_close(&sp.in);
    }
    *info = sp.info;
    return rv;
}

int
file_snap_load(const char *path, int64_t zxid, int32_t max_buffer,
               struct data_tree *tree, struct file_snap_info *info,
               struct zk_errmsg *em)
{
    const struct snap_visitor into_tree = fsr_into_tree(tree);
    struct file_snap_info seen;
    bool trusted;
    int rv;

    data_tree_load_begin(tree);
    rv = file_snap_scan(path, max_buffer, &into_tree, &seen, em);
    if (rv == ZK_OK) {
        trusted = seen.one_instant && seen.digest_zxid == zxid;
        rv = data_tree_load_end(tree, zxid, trusted ? &seen.digest : NULL,
                                em);
    }
    if (rv != ZK_OK) {
        data_tree_load_begin(tree);
        return rv;
    }
    if (info != NULL) {
        *info = seen;
    }
    return ZK_OK;
}

int
file_snap_read(const char *path, int64_t zxid, int32_t max_buffer,
               struct data_tree *tree, struct zk_errmsg *em)
{
    return file_snap_load(path, zxid, max_buffer, tree, NULL, em);
}
