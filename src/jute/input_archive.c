/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "jute/input_archive.h"

void
input_archive_init(struct input_archive *ia, const void *p, size_t len,
                   int32_t max_len)
{
    zk_assert(p != NULL || len == 0);
    zk_assert(max_len >= 0);
    ia->begin = p;
    ia->p = p;
    /* NULL + 0 is undefined in C. */
    ia->end = len > 0 ? ia->begin + len : ia->begin;
    ia->max_len = max_len;
    ia->err = ZK_OK;
}

void
input_archive_fail(struct input_archive *ia, int err)
{
    zk_assert(err != ZK_OK);
    if (ia->err == ZK_OK) {
        ia->err = err;
    }
    ia->p = ia->end;
}

struct zk_slice
input_archive_slice(struct input_archive *ia)
{
    int32_t len = input_archive_int(ia);
    const uint8_t *p;

    if (ia->err != ZK_OK || len == -1) {
        return ZK_SLICE_NULL;
    }
    if (len < 0 || len > ia->max_len) {
        input_archive_fail(ia, ZK_ETOOBIG);
        return ZK_SLICE_NULL;
    }
    p = input_archive_take(ia, (size_t) len);
    return p != NULL ? zk_slice(p, len) : ZK_SLICE_NULL;
}

int32_t
input_archive_count(struct input_archive *ia, size_t min_size)
{
    int32_t n = input_archive_int(ia);

    if (n <= 0) {
        return n == -1 ? -1 : 0;
    }
    zk_assert(min_size > 0);
    if ((size_t) n > input_archive_left(ia) / min_size) {
        input_archive_fail(ia, ZK_EMARSHAL);
        return 0;
    }
    return n;
}

float
input_archive_float(struct input_archive *ia)
{
    uint32_t bits = (uint32_t) input_archive_int(ia);
    float v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

double
input_archive_double(struct input_archive *ia)
{
    uint64_t bits = (uint64_t) input_archive_long(ia);
    double v;

    memcpy(&v, &bits, sizeof v);
    return v;
}
