/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "proto/path_utils.h"

#include <stddef.h>

bool
path_has_nul(struct zk_slice path)
{
    return path.len > 0 && memchr(path.p, '\0', (size_t) path.len) != NULL;
}

/* Decodes one character of two or three bytes at 's'; its length in *n.
 * 0xfffd for anything malformed, overlong or longer. */
static uint32_t
path_decode(const unsigned char *s, int32_t left, int32_t *n)
{
    uint32_t c;

    if (left >= 2 && s[0] >= 0xc2 && s[0] <= 0xdf && (s[1] & 0xc0) == 0x80) {
        *n = 2;
        return (uint32_t) (s[0] & 0x1f) << 6 | (s[1] & 0x3f);
    }
    *n = 3;
    if (left < 3 || (s[0] & 0xf0) != 0xe0 || (s[1] & 0xc0) != 0x80
        || (s[2] & 0xc0) != 0x80) {
        return 0xfffd;
    }
    c = (uint32_t) (s[0] & 0x0f) << 12 | (uint32_t) (s[1] & 0x3f) << 6
        | (s[2] & 0x3f);
    return c < 0x800 ? 0xfffd : c;
}

/* What is wrong with the component of 'len' bytes at 's', or NULL. */
static const char *
path_component(const char *s, int32_t len)
{
    if (len == 0) {
        return "empty node name";
    }
    if ((len == 1 && s[0] == '.')
        || (len == 2 && s[0] == '.' && s[1] == '.')) {
        return "relative paths are not allowed";
    }
    return NULL;
}

const char *
path_validate(struct zk_slice path)
{
    int32_t start = 1;          /* Of the component under way. */
    const char *wrong;

    if (path.len <= 0) {
        return "the path is null or empty";
    }
    if (path.p[0] != '/') {
        return "the path must start with /";
    }
    if (path.len == 1) {
        return NULL;
    }
    for (int32_t i = 1; i < path.len;) {
        unsigned char b = (unsigned char) path.p[i];
        uint32_t c = b;
        int32_t n = 1;

        if (b == '/') {
            wrong = path_component(path.p + start, i - start);
            if (wrong != NULL) {
                return wrong;
            }
            start = i + 1;
        } else if (b >= 0x80) {
            c = path_decode((const unsigned char *) path.p + i,
                            path.len - i, &n);
        }
        if (c <= 0x1f || (c >= 0x7f && c <= 0x9f)
            || (c >= 0xd800 && c <= 0xf8ff) || c >= 0xfff0) {
            return "invalid character";
        }
        i += n;
    }
    if (start == path.len) {
        return "the path must not end with /";
    }
    return path_component(path.p + start, path.len - start);
}
