/* SPDX-License-Identifier: Apache-2.0 */
/*
 * txn_codec.h: transactions as they stand in the log and in proposals:
 * header, body by type, and maybe a digest of the tree.
 *
 * A txn_view is a reading of such bytes that copies nothing.  All forms since
 * 3.4 are read: create without the parent's cversion (before 3.3),
 * closeSession without a body (3.4) or with the paths it deletes, and any of
 * them with or without a digest behind.  Unknown bytes at the end are
 * ignored, as Java does.
 *
 * Which fields have a meaning, by type:
 *
 *   create, create2           path data acl ephemeral parent_cversion
 *   createContainer           path data acl parent_cversion
 *   createTTL                 path data acl parent_cversion ttl
 *   delete, deleteContainer   path
 *   setData, reconfig         path data version
 *   setACL                    path acl version (the new aversion)
 *   check (only in a multi)   path version (the current one, plus 1)
 *   multi                     multi
 *   error                     err
 *   createSession             timeout
 *   closeSession              paths
 *
 * All others are null, 0 or false.
 *
 * Thread-safety: none needed; pure functions over the caller's memory.
 */
#ifndef PROTO_TXN_CODEC_H
#define PROTO_TXN_CODEC_H

#include "jute/input_archive.h"
#include "util/zk_buf.h"

#define TXN_HEADER_LEN 32
#define TXN_DIGEST_LEN 12
#define TXN_DIGEST_VERSION 2    /* What this server computes. */

struct txn_view {
    int64_t client_id;          /* The session. */
    int32_t cxid;               /* The client's xid; 0 when server-made. */
    int64_t zxid;
    int64_t time;               /* Wall clock, ms. */
    int32_t type;               /* enum op_code. */

    struct zk_slice path;       /* Not null where the type has one. */
    struct zk_slice data;       /* Null stays apart from empty. */
    struct zk_slice acl;        /* Raw vector<ACL>; see acl_codec.h. */
    bool ephemeral;
    int32_t parent_cversion;    /* -1: absent (the parent's plus 1). */
    int64_t ttl;                /* ms. */
    int32_t version;
    int32_t err;                /* enum keeper_error. */
    int32_t timeout;            /* ms. */
    struct zk_slice paths;      /* Raw vector<string>; null: no body. */
    struct zk_slice multi;      /* Raw vector<Txn>. */

    bool has_digest;
    int32_t digest_version;
    int64_t digest;             /* Of the tree after this txn. */
};

/* Reads a whole txn of 'len' bytes; 'max_len' limits one string or buffer.
 * The view borrows from 'p'.  What is inside a multi or a list of paths is
 * checked here too, so that iterating them cannot fail.  ZK_EMARSHAL or
 * ZK_ETOOBIG with the reason in 'em' (may be NULL). */
int txn_view_decode(struct txn_view *v, const void *p, size_t len,
                    int32_t max_len, struct zk_errmsg *em) ZK_WARN_UNUSED;

/* Reads the header alone and leaves the rest of the view empty. */
int txn_view_decode_header(struct txn_view *v, const void *p, size_t len)
    ZK_WARN_UNUSED;

/* The txns inside a multi, in order.  Each is a view with the multi's header
 * and its own type.  For a multi that failed, the first of type OP_ERROR is
 * the one that did; nothing of it is to be applied. */
struct txn_multi_iter {
    struct txn_view header;
    struct input_archive ia;
    int32_t left;
};

/* 'multi' is a decoded view of type OP_MULTI.  Returns the number of txns. */
int32_t txn_multi_begin(struct txn_multi_iter *it,
                        const struct txn_view *multi);
bool txn_multi_next(struct txn_multi_iter *it, struct txn_view *sub);

/* The paths of a closeSession; null ones are left out. */
struct txn_paths_iter {
    struct input_archive ia;
    int32_t left;
};

/* 'raw' is txn_view.paths; a null slice has no paths.  Returns the count as
 * written, 0 for null. */
int32_t txn_paths_begin(struct txn_paths_iter *it, struct zk_slice raw);
bool txn_paths_next(struct txn_paths_iter *it, struct zk_slice *path);

/*
 * Writing.  A txn is a header, one body, and maybe a digest, appended in that
 * order.  'acl' is raw.
 */
void txn_encode_header(struct zk_buf *b, int64_t client_id, int32_t cxid,
                       int64_t zxid, int64_t time, int32_t type);
void txn_encode_create(struct zk_buf *b, struct zk_slice path,
                       struct zk_slice data, struct zk_slice acl,
                       bool ephemeral, int32_t parent_cversion);
void txn_encode_create_container(struct zk_buf *b, struct zk_slice path,
                                 struct zk_slice data, struct zk_slice acl,
                                 int32_t parent_cversion);
void txn_encode_create_ttl(struct zk_buf *b, struct zk_slice path,
                           struct zk_slice data, struct zk_slice acl,
                           int32_t parent_cversion, int64_t ttl);
/* delete and deleteContainer. */
void txn_encode_delete(struct zk_buf *b, struct zk_slice path);
/* setData and reconfig. */
void txn_encode_set_data(struct zk_buf *b, struct zk_slice path,
                         struct zk_slice data, int32_t version);
void txn_encode_set_acl(struct zk_buf *b, struct zk_slice path,
                        struct zk_slice acl, int32_t version);
void txn_encode_check(struct zk_buf *b, struct zk_slice path,
                      int32_t version);
void txn_encode_error(struct zk_buf *b, int32_t err);
void txn_encode_create_session(struct zk_buf *b, int32_t timeout);
/* The body of closeSession: begin writes an empty list and returns where it
 * stands; add appends a path and counts it there. */
size_t txn_encode_close_session_begin(struct zk_buf *b);
void txn_encode_close_session_add(struct zk_buf *b, size_t at,
                                  struct zk_slice path);

/* The body of a multi: begin writes an empty list and returns where it
 * stands.  Each txn: add_begin counts it, writes its type and returns where
 * its length stands; then comes one body of those above; add_end fills the
 * length in. */
size_t txn_encode_multi_begin(struct zk_buf *b);
size_t txn_encode_multi_add_begin(struct zk_buf *b, size_t at, int32_t type);
void txn_encode_multi_add_end(struct zk_buf *b, size_t sub_at);

/* The digest that may follow a transaction: version, then value. */
void txn_encode_digest(struct zk_buf *b, int32_t version, int64_t digest);

/* Overwrites zxid and time in the header that starts at offset 'at' of 'b',
 * for a leader that numbers txns after they were encoded. */
void txn_patch_zxid(struct zk_buf *b, size_t at, int64_t zxid, int64_t time);

/* Overwrites the type there: for a txn whose body turns out to be an error
 * only after its header was written. */
void txn_patch_type(struct zk_buf *b, size_t at, int32_t type);

#endif
