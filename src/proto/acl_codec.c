/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "proto/acl_codec.h"

#include "jute/output_archive.h"

/* perms, and two empty strings. */
#define ACL_MIN_LEN 12

/* One ACL: count, perms, "world", "anyone". */
#define WORLD_ANYONE(perms)                                               \
    "\0\0\0\1" "\0\0\0" perms "\0\0\0\5" "world" "\0\0\0\6" "anyone"

static const char null_bytes[] = "\377\377\377\377";
static const char open_bytes[] = WORLD_ANYONE("\37");
static const char read_only_bytes[] = WORLD_ANYONE("\1");
static const char empty_bytes[] = "\0\0\0\0";

const struct zk_slice acl_raw_open = { open_bytes, sizeof open_bytes - 1 };
const struct zk_slice acl_raw_read_only = { read_only_bytes,
                                            sizeof read_only_bytes - 1 };
const struct zk_slice acl_raw_empty = { empty_bytes, sizeof empty_bytes - 1 };

static void
read_entry(struct input_archive *ia, struct acl_entry *e)
{
    e->perms = input_archive_int(ia);
    e->scheme = input_archive_slice(ia);
    e->id = input_archive_slice(ia);
}

int
acl_raw_read(struct input_archive *ia, struct zk_slice *raw)
{
    const uint8_t *start = ia->p;
    int32_t n = input_archive_count(ia, ACL_MIN_LEN);
    struct acl_entry e;

    for (int32_t i = 0; i < n && ia->err == ZK_OK; i++) {
        read_entry(ia, &e);
    }
    if (ia->err != ZK_OK || n == 0) {
        /* n == 0 may stand for a negative count: one form for one list. */
        *raw = acl_raw_empty;
    } else if (ia->p - start > INT32_MAX) {
        input_archive_fail(ia, ZK_ETOOBIG);
        *raw = acl_raw_empty;
    } else {
        *raw = zk_slice(start, (int32_t) (ia->p - start));
    }
    return ia->err;
}

int32_t
acl_raw_count(struct zk_slice raw)
{
    int32_t n;

    if (zk_slice_is_null(raw)) {
        return -1;
    }
    zk_assert(raw.len >= 4);
    n = (int32_t) zk_get_be32(raw.p);
    return n >= -1 ? n : 0;
}

bool
acl_raw_valid(struct zk_slice raw)
{
    struct input_archive ia;
    struct zk_slice again;

    if (zk_slice_is_null(raw)) {
        return false;
    }
    input_archive_init(&ia, raw.p, (size_t) raw.len, INT32_MAX);
    return acl_raw_read(&ia, &again) == ZK_OK
           && input_archive_left(&ia) == 0;
}

void
acl_iter_init(struct acl_iter *it, struct zk_slice raw)
{
    size_t len = raw.len > 0 ? (size_t) raw.len : 0;

    input_archive_init(&it->ia, raw.p, len, INT32_MAX);
    it->left = len > 0 ? input_archive_count(&it->ia, ACL_MIN_LEN) : 0;
    zk_assert(it->ia.err == ZK_OK);
}

bool
acl_iter_next(struct acl_iter *it, struct acl_entry *e)
{
    if (it->left <= 0) {
        return false;
    }
    it->left--;
    read_entry(&it->ia, e);
    zk_assert(it->ia.err == ZK_OK);
    return true;
}

void
acl_raw_append(struct zk_buf *b, struct zk_slice raw)
{
    if (zk_slice_is_null(raw)) {
        zk_buf_append(b, null_bytes, sizeof null_bytes - 1);
    } else {
        zk_assert(raw.len >= 4);
        zk_buf_append(b, raw.p, (size_t) raw.len);
    }
}

size_t
acl_encode_begin(struct zk_buf *b)
{
    size_t at = b->len;

    output_archive_int(b, 0);
    return at;
}

void
acl_encode_add(struct zk_buf *b, size_t at, int32_t perms,
               struct zk_slice scheme, struct zk_slice id)
{
    int32_t n = (int32_t) zk_get_be32(b->data + at);

    output_archive_patch_int(b, at, n + 1);
    output_archive_int(b, perms);
    output_archive_slice(b, scheme);
    output_archive_slice(b, id);
}
