/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zk_obj.h: compiler attributes, checked objects, and allocation that cannot
 * fail.
 *
 * A heap object that more than one function handles starts with
 * `unsigned magic`; every function that takes one says ZK_CHECK(obj, MAGIC)
 * first.  Fixed-size allocations abort when memory is out: a size that comes
 * from outside the process is bounded before it gets here.
 *
 * Thread-safety: all functions may be called from any thread.
 */
#ifndef UTIL_ZK_OBJ_H
#define UTIL_ZK_OBJ_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/zk_assert.h"

#define ZK_WARN_UNUSED __attribute__((warn_unused_result))
#define ZK_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ZK_UNUSED __attribute__((unused))
#define ZK_NORETURN __attribute__((noreturn))

/* Aborts unless 'obj' is a live object of the type that owns 'value'. */
#define ZK_CHECK(obj, value)                                              \
    do {                                                                  \
        zk_assert((obj) != NULL);                                         \
        zk_assert((obj)->magic == (value));                               \
    } while (0)

/* The struct that embeds 'member' at 'ptr'. */
#define ZK_CONTAINER_OF(ptr, type, member)                                \
    ((type *) (void *) ((char *) (ptr) - offsetof(type, member)))
/* The same for a pointer to const. */
#define ZK_CONTAINER_OF_CONST(ptr, type, member)                          \
    ((const type *) (const void *) ((const char *) (ptr)                  \
                                    - offsetof(type, member)))

#define ZK_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Like malloc, calloc, realloc, strdup; never NULL: out of memory aborts. */
void *zk_xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *zk_xcalloc(size_t n, size_t size)
    __attribute__((malloc, returns_nonnull));
void *zk_xrealloc(void *p, size_t size) __attribute__((returns_nonnull));
char *zk_xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
void *zk_xmemdup(const void *p, size_t len) __attribute__((malloc));
/* 'len' bytes of 's' and a final NUL. */
char *zk_xstrndup(const char *s, size_t len)
    __attribute__((malloc, returns_nonnull));
/* The formatted text in memory that the caller frees. */
char *zk_xasprintf(const char *fmt, ...) ZK_PRINTF(1, 2);
char *zk_xvasprintf(const char *fmt, va_list ap) ZK_PRINTF(1, 0);

#endif
