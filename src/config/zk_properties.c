/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "config/zk_properties.h"

#include <stdlib.h>
#include <string.h>

#include "util/zk_io.h"

struct zkp_reader {
    const char *name;
    const char *p, *end;
    int line;                   /* That 'p' is in. */
    struct zk_errmsg *em;
};

static bool
zkp_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

static bool
zkp_is_newline(char c)
{
    return c == '\n' || c == '\r';
}

static void
zkp_skip_blanks(struct zkp_reader *r)
{
    while (r->p < r->end && zkp_is_blank(*r->p)) {
        r->p++;
    }
}

/* Over one "\n", "\r" or "\r\n", if there is one. */
static void
zkp_skip_newline(struct zkp_reader *r)
{
    if (r->p == r->end || !zkp_is_newline(*r->p)) {
        return;
    }
    if (*r->p == '\r' && r->p + 1 < r->end && r->p[1] == '\n') {
        r->p++;
    }
    r->p++;
    r->line++;
}

/* To the start of the next line that says something; false at the end. */
static bool
zkp_find_line(struct zkp_reader *r)
{
    for (;;) {
        zkp_skip_blanks(r);
        if (r->p == r->end) {
            return false;
        }
        if (*r->p == '#' || *r->p == '!') {
            while (r->p < r->end && !zkp_is_newline(*r->p)) {
                r->p++;
            }
        } else if (!zkp_is_newline(*r->p)) {
            return true;
        }
        zkp_skip_newline(r);
    }
}

/* Takes one line with those that continue it, escapes still in it. */
static void
zkp_take_line(struct zkp_reader *r, struct zk_buf *line)
{
    zk_buf_clear(line);
    while (r->p < r->end && !zkp_is_newline(*r->p)) {
        if (*r->p != '\\') {
            zk_buf_append(line, r->p++, 1);
        } else if (r->p + 1 == r->end) {
            r->p++;             /* A lone backslash at the end of file. */
        } else if (zkp_is_newline(r->p[1])) {
            r->p++;
            zkp_skip_newline(r);
            zkp_skip_blanks(r);
        } else {
            zk_buf_append(line, r->p, 2);
            r->p += 2;
        }
    }
    zkp_skip_newline(r);
}

static void
zkp_put_char(struct zk_buf *out, uint32_t c)
{
    uint8_t b[4];

    if (c < 0x80) {
        b[0] = (uint8_t) c;
        zk_buf_append(out, b, 1);
    } else if (c < 0x800) {
        b[0] = (uint8_t) (0xc0 | c >> 6);
        b[1] = (uint8_t) (0x80 | (c & 0x3f));
        zk_buf_append(out, b, 2);
    } else if (c < 0x10000) {
        b[0] = (uint8_t) (0xe0 | c >> 12);
        b[1] = (uint8_t) (0x80 | (c >> 6 & 0x3f));
        b[2] = (uint8_t) (0x80 | (c & 0x3f));
        zk_buf_append(out, b, 3);
    } else {
        b[0] = (uint8_t) (0xf0 | c >> 18);
        b[1] = (uint8_t) (0x80 | (c >> 12 & 0x3f));
        b[2] = (uint8_t) (0x80 | (c >> 6 & 0x3f));
        b[3] = (uint8_t) (0x80 | (c & 0x3f));
        zk_buf_append(out, b, 4);
    }
}

/* The four hexadecimal digits at 'p'; -1 when they are not that. */
static int32_t
zkp_hex4(const uint8_t *p, const uint8_t *end)
{
    int32_t v = 0;

    if (end - p < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        int c = p[i];

        if (c >= '0' && c <= '9') {
            c -= '0';
        } else if (c >= 'a' && c <= 'f') {
            c -= 'a' - 10;
        } else if (c >= 'A' && c <= 'F') {
            c -= 'A' - 10;
        } else {
            return -1;
        }
        v = v * 16 + c;
    }
    return v;
}

/* The character(s) of a \uXXXX at 'p' (behind the u), two escapes of a
 * surrogate pair as one; half a pair becomes '?', as Java's encoder has it.
 * Returns where it ends, or NULL. */
static const uint8_t *
zkp_unicode(const uint8_t *p, const uint8_t *end, struct zk_buf *out)
{
    int32_t c = zkp_hex4(p, end), low;

    if (c < 0) {
        return NULL;
    }
    p += 4;
    if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\'
        && p[1] == 'u') {
        low = zkp_hex4(p + 2, end);
        if (low >= 0xdc00 && low < 0xe000) {
            zkp_put_char(out, 0x10000u + ((uint32_t) (c - 0xd800) << 10)
                              + (uint32_t) (low - 0xdc00));
            return p + 6;
        }
    }
    zkp_put_char(out, c >= 0xd800 && c < 0xe000 ? '?' : (uint32_t) c);
    return p;
}

/* What a backslash and this character stand for. */
static uint32_t
zkp_escaped(uint8_t c)
{
    switch (c) {
    case 't':
        return '\t';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 'f':
        return '\f';
    default:
        return c;
    }
}

/* [p, end) with its escapes replaced and no blanks around it; NULL when an
 * escape is broken or a NUL is in it. */
static char *
zkp_text(const uint8_t *p, const uint8_t *end)
{
    struct zk_buf out = { 0 };
    const uint8_t *first, *last;
    char *text = NULL;

    while (p != NULL && p < end) {
        if (*p != '\\') {
            zkp_put_char(&out, *p++);
        } else if (p + 1 < end && p[1] == 'u') {
            p = zkp_unicode(p + 2, end, &out);
        } else {
            zkp_put_char(&out, zkp_escaped(p[1]));
            p += 2;
        }
    }
    if (p != NULL && (out.len == 0
                      || memchr(out.data, '\0', out.len) == NULL)) {
        first = out.data;
        last = out.len == 0 ? first : first + out.len;
        while (first < last && *first <= ' ') {
            first++;
        }
        while (last > first && last[-1] <= ' ') {
            last--;
        }
        text = zk_xstrndup(first == NULL ? "" : (const char *) first,
                           (size_t) (last - first));
    }
    zk_buf_fini(&out);
    return text;
}

/* Where the key ends: an unescaped '=', ':' or blank. */
static const uint8_t *
zkp_key_end(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p != '=' && *p != ':' && !zkp_is_blank((char) *p)) {
        p += *p == '\\' ? 2 : 1;
    }
    return p;
}

static const uint8_t *
zkp_value_start(const uint8_t *p, const uint8_t *end)
{
    while (p < end && zkp_is_blank((char) *p)) {
        p++;
    }
    if (p < end && (*p == '=' || *p == ':')) {
        p++;
    }
    while (p < end && zkp_is_blank((char) *p)) {
        p++;
    }
    return p;
}

/* Takes both strings over. */
static void
zkp_append(struct zk_properties *out, char *key, char *value, int line)
{
    if (out->n == out->cap) {
        out->cap = out->cap == 0 ? 32 : 2 * out->cap;
        out->all = zk_xrealloc(out->all, out->cap * sizeof out->all[0]);
    }
    out->all[out->n++] = (struct zk_property) { key, value, line };
}

static int
zkp_take_entry(struct zkp_reader *r, const struct zk_buf *line, int at,
               struct zk_properties *out)
{
    const uint8_t *p = line->data, *end = p + line->len, *key_end;
    char *key, *value;

    key_end = zkp_key_end(p, end);
    key = zkp_text(p, key_end);
    value = zkp_text(zkp_value_start(key_end, end), end);
    if (key == NULL || value == NULL) {
        free(key);
        free(value);
        return zk_fail(r->em, ZK_ECONFIG,
                       "%s:%d: a \\u escape without four hexadecimal digits"
                       ", or a NUL", r->name, at);
    }
    zkp_append(out, key, value, at);
    return ZK_OK;
}

static int
zkp_by_key(const void *va, const void *vb)
{
    const struct zk_property *a = va, *b = vb;
    int order = strcmp(a->key, b->key);

    return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

static int
zkp_by_line(const void *va, const void *vb)
{
    const struct zk_property *a = va, *b = vb;

    return (a->line > b->line) - (a->line < b->line);
}

/* Of equal keys the last line stays.  (No two entries share a line.) */
static void
zkp_drop_overridden(struct zk_properties *p)
{
    size_t kept = 0;

    if (p->n == 0) {
        return;
    }
    qsort(p->all, p->n, sizeof p->all[0], zkp_by_key);
    for (size_t i = 0; i < p->n; i++) {
        if (i + 1 < p->n && strcmp(p->all[i].key, p->all[i + 1].key) == 0) {
            free(p->all[i].key);
            free(p->all[i].value);
        } else {
            p->all[kept++] = p->all[i];
        }
    }
    p->n = kept;
    qsort(p->all, p->n, sizeof p->all[0], zkp_by_line);
}

int
zk_properties_parse(const char *text, size_t len, const char *name,
                    struct zk_properties *out, struct zk_errmsg *em)
{
    struct zkp_reader r = { name, text, text + len, 1, em };
    struct zk_buf line = { 0 };
    int rv = ZK_OK;

    zk_buf_reserve(&line, 1);
    while (rv == ZK_OK && zkp_find_line(&r)) {
        int at = r.line;

        zkp_take_line(&r, &line);
        rv = zkp_take_entry(&r, &line, at, out);
    }
    zk_buf_fini(&line);
    zkp_drop_overridden(out);
    return rv;
}

int
zk_properties_read(const char *path, struct zk_properties *out,
                   struct zk_errmsg *em)
{
    struct zk_buf bytes = { 0 };
    int rv = zk_read_file(path, ZK_PROPERTIES_MAX_BYTES, &bytes, em);

    if (rv == ZK_OK) {
        rv = zk_properties_parse(bytes.len == 0 ? ""
                                                : (const char *) bytes.data,
                                 bytes.len, path, out, em);
    }
    zk_buf_fini(&bytes);
    return rv;
}

const struct zk_property *
zk_properties_find(const struct zk_properties *p, const char *key)
{
    for (size_t i = 0; i < p->n; i++) {
        if (strcmp(p->all[i].key, key) == 0) {
            return &p->all[i];
        }
    }
    return NULL;
}

void
zk_properties_fini(struct zk_properties *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->all[i].key);
        free(p->all[i].value);
    }
    free(p->all);
    memset(p, 0, sizeof *p);
}
