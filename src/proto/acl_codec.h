/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl_codec.h: lists of ACLs as the bytes they travel in.
 *
 * A "raw" ACL list is a slice over an encoded vector<ACL>, its count
 * included.  Requests, transactions and the tree's table of ACLs hand it on
 * as it is: nothing is allocated and equal lists are equal bytes.  A raw list
 * that acl_raw_read let through is well formed, so iterating it cannot fail.
 *
 * Thread-safety: none needed; pure functions over the caller's memory.
 */
#ifndef PROTO_ACL_CODEC_H
#define PROTO_ACL_CODEC_H

#include "jute/input_archive.h"
#include "util/zk_buf.h"

enum acl_perm {
    ACL_PERM_READ = 1,
    ACL_PERM_WRITE = 2,
    ACL_PERM_CREATE = 4,
    ACL_PERM_DELETE = 8,
    ACL_PERM_ADMIN = 16,
    ACL_PERM_ALL = 31,
};

/* One ACL; the slices point into the raw list and may be null. */
struct acl_entry {
    int32_t perms;
    struct zk_slice scheme;
    struct zk_slice id;
};

struct acl_iter {
    struct input_archive ia;
    int32_t left;
};

/* world:anyone with all permissions, and with READ alone (Java:
 * ZooDefs.Ids.OPEN_ACL_UNSAFE, READ_ACL_UNSAFE); the empty list. */
extern const struct zk_slice acl_raw_open;
extern const struct zk_slice acl_raw_read_only;
extern const struct zk_slice acl_raw_empty;

/* Reads a vector<ACL> and leaves its bytes in 'raw' (borrowed from the
 * archive).  A null list stays one (four bytes of -1); other negative counts
 * become acl_raw_empty, which is what Java makes of them.  Returns ia->err;
 * on failure 'raw' is acl_raw_empty. */
int acl_raw_read(struct input_archive *ia, struct zk_slice *raw);

/* How many ACLs a raw list holds; -1 for the null list. */
int32_t acl_raw_count(struct zk_slice raw);

/* True when 'raw', and nothing behind it, is a well-formed list. */
bool acl_raw_valid(struct zk_slice raw);

/* Iterates a well-formed raw list; a null slice and the null list have no
 * entries.  acl_iter_next fills 'e' and returns true, or false at the end. */
void acl_iter_init(struct acl_iter *it, struct zk_slice raw);
bool acl_iter_next(struct acl_iter *it, struct acl_entry *e);

/* Appends raw bytes: a null slice is written as the null list. */
void acl_raw_append(struct zk_buf *b, struct zk_slice raw);

/* Builds a list: begin returns where it starts (an offset into 'b'), add
 * appends one ACL and counts it there. */
size_t acl_encode_begin(struct zk_buf *b);
void acl_encode_add(struct zk_buf *b, size_t at, int32_t perms,
                    struct zk_slice scheme, struct zk_slice id);

#endif
