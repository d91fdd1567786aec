/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input_archive.h: a bounded cursor over jute bytes (protocol: Apache's
 * BinaryInputArchive; big-endian, no tags, no padding).
 *
 * Reads past the end, or of a length over the limit, yield 0 (or null) and
 * make the archive fail; the error sticks, so a record is read whole and
 * ia->err is looked at once.  Slices point into the buffer: they live as
 * long as it does.
 *
 * Thread-safety: none; one owner.
 */
#ifndef JUTE_INPUT_ARCHIVE_H
#define JUTE_INPUT_ARCHIVE_H

#include "util/zk_bytes.h"
#include "util/zk_error.h"
#include "util/zk_slice.h"

struct input_archive {
    const uint8_t *p;           /* Next byte; begin <= p <= end. */
    const uint8_t *end;
    const uint8_t *begin;
    int32_t max_len;            /* Limit of one string or buffer. */
    int err;                    /* ZK_OK, ZK_EMARSHAL or ZK_ETOOBIG. */
};

/* jute.maxbuffer's default and what records may have on top of it. */
#define JUTE_MAX_BUFFER_DEFAULT 0xfffff

/* Reads 'len' bytes at 'p' (borrowed; NULL only with 0).  'max_len' >= 0
 * limits one string or buffer, as jute.maxbuffer plus its extra size. */
void input_archive_init(struct input_archive *ia, const void *p, size_t len,
                        int32_t max_len);

/* Makes the archive fail with 'err' (the first failure stays) and jumps to
 * the end, so that every later read fails too. */
void input_archive_fail(struct input_archive *ia, int err);

static inline size_t
input_archive_left(const struct input_archive *ia)
{
    return (size_t) (ia->end - ia->p);
}

/* The next 'n' bytes, or NULL and a failed archive. */
static inline const uint8_t *
input_archive_take(struct input_archive *ia, size_t n)
{
    const uint8_t *p = ia->p;

    if (__builtin_expect(input_archive_left(ia) < n, 0)) {
        input_archive_fail(ia, ZK_EMARSHAL);
        return NULL;
    }
    ia->p += n;
    return p;
}

static inline int32_t
input_archive_int(struct input_archive *ia)
{
    const uint8_t *p = input_archive_take(ia, 4);

    return p ? (int32_t) zk_get_be32(p) : 0;
}

static inline int64_t
input_archive_long(struct input_archive *ia)
{
    const uint8_t *p = input_archive_take(ia, 8);

    return p ? (int64_t) zk_get_be64(p) : 0;
}

/* Any non-zero byte is true. */
static inline bool
input_archive_bool(struct input_archive *ia)
{
    const uint8_t *p = input_archive_take(ia, 1);

    return p && *p != 0;
}

static inline int8_t
input_archive_byte(struct input_archive *ia)
{
    const uint8_t *p = input_archive_take(ia, 1);

    return p ? (int8_t) *p : 0;
}

/* IEEE 754, as the bits of an int or a long. */
float input_archive_float(struct input_archive *ia);
double input_archive_double(struct input_archive *ia);

/* A string or buffer; -1 is null, any other negative length or one over the
 * limit fails. */
struct zk_slice input_archive_slice(struct input_archive *ia);

/* The count of a vector: -1 for null, other negative counts read as 0 (as
 * Java does).  Fails when 'count' elements of at least 'min_size' bytes
 * cannot be in what is left, so that nobody allocates for a lie. */
int32_t input_archive_count(struct input_archive *ia, size_t min_size);

#endif
