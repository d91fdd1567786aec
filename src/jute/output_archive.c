/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "jute/output_archive.h"

void
output_archive_float(struct zk_buf *b, float v)
{
    uint32_t bits;

    memcpy(&bits, &v, sizeof bits);
    output_archive_int(b, (int32_t) bits);
}

void
output_archive_double(struct zk_buf *b, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    output_archive_long(b, (int64_t) bits);
}

size_t
output_archive_frame_begin(struct zk_buf *b)
{
    size_t at = b->len;

    output_archive_int(b, 0);
    return at;
}

void
output_archive_frame_end(struct zk_buf *b, size_t at)
{
    zk_assert(at + 4 <= b->len);
    zk_assert(b->len - at - 4 <= INT32_MAX);
    output_archive_patch_int(b, at, (int32_t) (b->len - at - 4));
}
