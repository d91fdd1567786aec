/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

#include <config.h>

#include "common.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void
fail(const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fputs("zkbench: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    fflush(stderr);
    /* Other threads may be running: no handlers, no destructors. */
    _exit(EXIT_WRONG);
}

void *
xcalloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);

    if (p == NULL) {
        fail("out of memory (%zu x %zu bytes)", count, size);
    }
    return p;
}
