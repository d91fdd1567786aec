/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "util/zk_obj.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *
zk_xmalloc(size_t size)
{
    void *p = malloc(size > 0 ? size : 1);

    if (p == NULL) {
        zk_panic("out of memory: %zu bytes", size);
    }
    return p;
}

void *
zk_xcalloc(size_t n, size_t size)
{
    void *p = n > 0 && size > 0 ? calloc(n, size) : calloc(1, 1);

    if (p == NULL) {
        zk_panic("out of memory: %zu times %zu bytes", n, size);
    }
    return p;
}

void *
zk_xrealloc(void *p, size_t size)
{
    p = realloc(p, size > 0 ? size : 1);
    if (p == NULL) {
        zk_panic("out of memory: %zu bytes", size);
    }
    return p;
}

char *
zk_xstrdup(const char *s)
{
    return zk_xstrndup(s, strlen(s));
}

void *
zk_xmemdup(const void *p, size_t len)
{
    void *copy = zk_xmalloc(len);

    if (len > 0) {
        memcpy(copy, p, len);
    }
    return copy;
}

char *
zk_xstrndup(const char *s, size_t len)
{
    char *copy = zk_xmalloc(len + 1);

    if (len > 0) {
        memcpy(copy, s, len);
    }
    copy[len] = '\0';
    return copy;
}

char *
zk_xvasprintf(const char *fmt, va_list ap)
{
    char *s;

    if (vasprintf(&s, fmt, ap) < 0) {
        zk_panic("out of memory, or a bad format: %s", fmt);
    }
    return s;
}

char *
zk_xasprintf(const char *fmt, ...)
{
    va_list ap;
    char *s;

    va_start(ap, fmt);
    s = zk_xvasprintf(fmt, ap);
    va_end(ap);
    return s;
}
