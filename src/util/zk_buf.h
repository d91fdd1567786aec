/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zk_buf.h: growable bytes.  An all-zero struct is an empty buffer.
 * Thread-safety: none; one owner at a time.
 */
#ifndef UTIL_ZK_BUF_H
#define UTIL_ZK_BUF_H

#include "util/zk_obj.h"

struct zk_buf {
    uint8_t *data;
    size_t len;                 /* Bytes in use; len <= cap. */
    size_t cap;
};

/* The slow half of zk_buf_reserve; capacity at least doubles. */
uint8_t *zk_buf_grow(struct zk_buf *b, size_t more);

/* Makes room for 'more' bytes behind len and returns where they go; len is
 * unchanged.  Capacity at least doubles. */
static inline uint8_t *
zk_buf_reserve(struct zk_buf *b, size_t more)
{
    if (__builtin_expect(b->cap - b->len >= more && b->data != NULL, 1)) {
        return b->data + b->len;
    }
    return zk_buf_grow(b, more);
}

/* Appends 'len' bytes. */
void zk_buf_append(struct zk_buf *b, const void *p, size_t len);
/* Appends formatted text (no NUL is counted, but one follows). */
void zk_buf_printf(struct zk_buf *b, const char *fmt, ...) ZK_PRINTF(2, 3);
/* Drops the first 'n' bytes. */
void zk_buf_consume(struct zk_buf *b, size_t n);
/* Empties it, keeps the memory. */
void zk_buf_clear(struct zk_buf *b);
/* Frees the memory and leaves an empty buffer. */
void zk_buf_fini(struct zk_buf *b);

#endif
