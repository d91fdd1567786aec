/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "util/utf8.h"

/* How many bytes the character has that 'lead' begins; 0: none begins so. */
static size_t
u8_length(uint8_t lead)
{
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
        return 2;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        return 3;
    }
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

/* May 'c' follow 'lead'?  Rules out overlong forms and what lies above
 * U+10FFFF.  (Surrogates are whole characters here, refused later.) */
static bool
u8_second_ok(uint8_t lead, uint8_t c)
{
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xf4 ? 0x8f : 0xbf;

    return c >= low && c <= high;
}

size_t
utf8_next(const uint8_t *p, size_t left, bool *ok)
{
    size_t len = u8_length(p[0]);
    size_t have = 1;

    *ok = false;
    if (len == 0) {
        return 1;
    }
    if (len > 1 && left > 1 && u8_second_ok(p[0], p[1])) {
        have = 2;
        while (have < len && have < left && (p[have] & 0xc0) == 0x80) {
            have++;
        }
    }
    *ok = have == len && !(p[0] == 0xed && p[1] >= 0xa0);
    return have;
}

bool
utf8_valid(struct zk_slice text)
{
    const uint8_t *p = (const uint8_t *) text.p;
    size_t left = text.len > 0 ? (size_t) text.len : 0;
    bool ok = true;

    while (left > 0 && ok) {
        size_t n = utf8_next(p, left, &ok);

        p += n;
        left -= n;
    }
    return ok;
}

void
utf8_repair(struct zk_slice text, struct zk_buf *out)
{
    const uint8_t *p = (const uint8_t *) text.p;
    size_t left = text.len > 0 ? (size_t) text.len : 0;

    while (left > 0) {
        bool ok;
        size_t n = utf8_next(p, left, &ok);

        if (ok) {
            zk_buf_append(out, p, n);
        } else {
            zk_buf_append(out, "\xef\xbf\xbd", 3);
        }
        p += n;
        left -= n;
    }
}
