/* SPDX-License-Identifier: Apache-2.0 */
/* unhex.h: bytes for tests, written so that people can read them. */
#ifndef TEST_UNHEX_H
#define TEST_UNHEX_H

#include "util/zk_buf.h"

/* A vector of one ACL, world:anyone:31, and a string in quotes. */
#define OPEN "00000001 0000001f 00000005 'world' 00000006 'anyone' "

/* The bytes of 'text', in memory of exactly their size, so that a read past
 * them shows: hex digits two by two, and 'ASCII' in quotes; blanks, commas
 * and parentheses are for the eye.  free() it. */
static inline uint8_t *
unhex(const char *text, size_t *len)
{
    struct zk_buf b = { 0 };
    uint8_t *p;

    while (*text != '\0') {
        if (*text == '\'') {
            const char *end = strchr(++text, '\'');

            zk_buf_append(&b, text, (size_t) (end - text));
            text = end + 1;
        } else if (strchr(" ,()<>|\n", *text) != NULL) {
            text++;
        } else {
            char digits[3] = { text[0], text[1], '\0' };
            char *end;
            uint8_t byte = (uint8_t) strtoul(digits, &end, 16);

            if (end != digits + 2) {
                fprintf(stderr, "no hex: %s\n", text);
                abort();
            }
            zk_buf_append(&b, &byte, 1);
            text += 2;
        }
    }
    *len = b.len;
    p = zk_xmalloc(b.len > 0 ? b.len : 1);
    if (b.len > 0) {
        memcpy(p, b.data, b.len);
    }
    zk_buf_fini(&b);
    return p;
}

/* True when 'b' holds exactly the bytes of 'text'; says what differs. */
static inline bool
buf_is(const struct zk_buf *b, const char *text)
{
    size_t n;
    uint8_t *p = unhex(text, &n);
    bool same = b->len == n && (n == 0 || memcmp(b->data, p, n) == 0);

    if (!same) {
        fprintf(stderr, "\nexpected %s\n     got ", text);
        for (size_t i = 0; i < b->len; i++) {
            fprintf(stderr, "%02x", b->data[i]);
        }
        fputc('\n', stderr);
    }
    free(p);
    return same;
}

#endif
