/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "util/zk_buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZK_BUF_MIN 64

uint8_t *
zk_buf_grow(struct zk_buf *b, size_t more)
{
    size_t need;
    size_t cap;

    zk_assert(b->len <= b->cap);
    if (__builtin_add_overflow(b->len, more, &need)
        || need > SIZE_MAX / 2) {
        zk_panic("a buffer of %zu bytes asked for %zu more", b->len, more);
    }
    if (b->data == NULL || need > b->cap) {
        cap = b->cap * 2 > need ? b->cap * 2 : need;
        cap = cap > ZK_BUF_MIN ? cap : ZK_BUF_MIN;
        b->data = zk_xrealloc(b->data, cap);
        b->cap = cap;
    }
    return b->data + b->len;
}

void
zk_buf_append(struct zk_buf *b, const void *p, size_t len)
{
    if (len > 0) {
        memcpy(zk_buf_reserve(b, len), p, len);
        b->len += len;
    }
}

void
zk_buf_printf(struct zk_buf *b, const char *fmt, ...)
{
    va_list ap;
    size_t room;
    int n;

    zk_buf_reserve(b, 1);
    room = b->cap - b->len;
    va_start(ap, fmt);
    n = vsnprintf((char *) b->data + b->len, room, fmt, ap);
    va_end(ap);
    zk_assert(n >= 0);
    if ((size_t) n >= room) {
        zk_buf_reserve(b, (size_t) n + 1);
        va_start(ap, fmt);
        vsnprintf((char *) b->data + b->len, (size_t) n + 1, fmt, ap);
        va_end(ap);
    }
    b->len += (size_t) n;
}

void
zk_buf_consume(struct zk_buf *b, size_t n)
{
    zk_assert(n <= b->len);
    b->len -= n;
    if (b->len > 0 && n > 0) {
        memmove(b->data, b->data + n, b->len);
    }
}

void
zk_buf_clear(struct zk_buf *b)
{
    b->len = 0;
}

void
zk_buf_fini(struct zk_buf *b)
{
    free(b->data);
    *b = (struct zk_buf) { 0 };
}
