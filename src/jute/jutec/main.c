/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * jutec -o PREFIX SCHEMA: writes PREFIX.h and PREFIX.c.
 */
#include <config.h>

#include "jute/jutec/jutec.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void
jutec_die(const char *file, unsigned line, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "%s:%u: ", file, line);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

/* All memory, so that none is lost: it lives until the program ends. */
struct block {
    struct block *next;
    max_align_t bytes[];
};
static struct block *blocks;

void *
jutec_alloc(size_t size)
{
    struct block *block = calloc(1, sizeof *block + size);

    if (block == NULL) {
        jutec_die("jutec", 0, "out of memory");
    }
    block->next = blocks;
    blocks = block;
    return block->bytes;
}

char *
jutec_strndup(const char *s, size_t len)
{
    char *copy = jutec_alloc(len + 1);

    memcpy(copy, s, len);
    return copy;
}

char *
jutec_snake_case(const char *name)
{
    char *out = jutec_alloc(2 * strlen(name) + 1);
    char *to = out;

    for (const char *p = name; *p != '\0'; p++) {
        /* A word starts at a capital behind a small letter or digit, and at
         * the last capital of several before a small letter. */
        if (p > name && isupper((unsigned char) *p)
            && (!isupper((unsigned char) p[-1])
                || islower((unsigned char) p[1]))) {
            *to++ = '_';
        }
        *to++ = (char) tolower((unsigned char) *p);
    }
    return out;
}

static char *
read_file(const char *path)
{
    FILE *in = fopen(path, "r");
    size_t cap = 1 << 20;
    char *text = jutec_alloc(cap);
    size_t len;

    if (in == NULL) {
        jutec_die(path, 0, "%s", strerror(errno));
    }
    len = fread(text, 1, cap - 1, in);
    if (ferror(in) || !feof(in)) {
        jutec_die(path, 0, "unreadable, or over a mebibyte");
    }
    if (memchr(text, '\0', len) != NULL) {
        jutec_die(path, 0, "not a text");
    }
    fclose(in);
    return text;
}

/* "PREFIX" + "suffix". */
static char *
join(const char *prefix, const char *suffix)
{
    size_t a = strlen(prefix);
    size_t b = strlen(suffix);
    char *s = jutec_alloc(a + b + 1);

    memcpy(s, prefix, a);
    memcpy(s + a, suffix, b);
    return s;
}

static FILE *
open_output(const char *path)
{
    FILE *out = fopen(path, "w");

    if (out == NULL) {
        jutec_die(path, 0, "%s", strerror(errno));
    }
    return out;
}

/* A file that is not whole must not look up to date to make. */
static void
close_output(FILE *out, const char *path)
{
    int bad = ferror(out);

    if (fclose(out) != 0 || bad) {
        remove(path);
        jutec_die(path, 0, "cannot be written");
    }
}

int
main(int argc, char **argv)
{
    struct schema schema;
    const char *base;
    char *guard;
    char *path;
    FILE *out;

    if (argc != 4 || strcmp(argv[1], "-o") != 0) {
        fprintf(stderr, "usage: jutec -o PREFIX SCHEMA\n");
        return 2;
    }
    schema_parse(&schema, argv[3], read_file(argv[3]));

    base = strrchr(argv[2], '/');
    base = base != NULL ? base + 1 : argv[2];
    guard = join("JUTE_", join(base, "_H"));
    for (char *p = guard; *p != '\0'; p++) {
        *p = (char) toupper((unsigned char) *p);
    }
    path = join(argv[2], ".h");
    out = open_output(path);
    emit_header(out, &schema, guard);
    close_output(out, path);

    path = join(argv[2], ".c");
    out = open_output(path);
    emit_source(out, &schema, join(base, ".h"));
    close_output(out, path);
    return 0;
}
