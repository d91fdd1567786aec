/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_archive.h: appends jute bytes to a zk_buf.  Cannot fail.
 */
#ifndef JUTE_OUTPUT_ARCHIVE_H
#define JUTE_OUTPUT_ARCHIVE_H

#include "util/zk_buf.h"
#include "util/zk_bytes.h"
#include "util/zk_slice.h"

static inline void
output_archive_int(struct zk_buf *b, int32_t v)
{
    zk_put_be32(zk_buf_reserve(b, 4), (uint32_t) v);
    b->len += 4;
}

static inline void
output_archive_long(struct zk_buf *b, int64_t v)
{
    zk_put_be64(zk_buf_reserve(b, 8), (uint64_t) v);
    b->len += 8;
}

static inline void
output_archive_bool(struct zk_buf *b, bool v)
{
    *zk_buf_reserve(b, 1) = v ? 1 : 0;
    b->len += 1;
}

/* Length and bytes; null is -1. */
static inline void
output_archive_slice(struct zk_buf *b, struct zk_slice s)
{
    output_archive_int(b, s.len);
    if (s.len > 0) {
        memcpy(zk_buf_reserve(b, (size_t) s.len), s.p, (size_t) s.len);
        b->len += (size_t) s.len;
    }
}

static inline void
output_archive_byte(struct zk_buf *b, int8_t v)
{
    *zk_buf_reserve(b, 1) = (uint8_t) v;
    b->len += 1;
}

/* IEEE 754, as the bits of an int or a long. */
void output_archive_float(struct zk_buf *b, float v);
void output_archive_double(struct zk_buf *b, double v);

/* A frame or buffer whose length is known only at its end: begin reserves
 * the length and returns where it stands, end fills it in with the number
 * of bytes appended since. */
size_t output_archive_frame_begin(struct zk_buf *b);
void output_archive_frame_end(struct zk_buf *b, size_t at);

/* Overwrites the int at 'at', for lengths known only afterwards. */
static inline void
output_archive_patch_int(struct zk_buf *b, size_t at, int32_t v)
{
    zk_assert(at + 4 <= b->len);
    zk_put_be32(b->data + at, (uint32_t) v);
}

#endif
