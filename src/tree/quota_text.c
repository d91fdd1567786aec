/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tree/quota.h"

static bool
is_separator(char c)
{
    return c == ',' || c == ';';
}

/* A decimal number with an optional sign, nothing else; empty is -1. */
static bool
parse_long(struct zk_slice s, int64_t *out)
{
    bool negative = s.len > 0 && s.p[0] == '-';
    int32_t i = s.len > 0 && (s.p[0] == '-' || s.p[0] == '+') ? 1 : 0;
    int64_t v = 0;

    if (s.len == 0) {
        *out = -1;
        return true;
    }
    if (i == s.len) {
        return false;
    }
    for (; i < s.len; i++) {
        int digit = s.p[i] - '0';

        /* Downwards, since the smallest number has no positive twin. */
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, 10, &v)
            || __builtin_sub_overflow(v, digit, &v)) {
            return false;
        }
    }
    if (!negative && v == INT64_MIN) {
        return false;
    }
    *out = negative ? v : -v;
    return true;
}

/* "key=value", "key=value=" and so on: what follows a second '=' is left
 * alone. */
static bool
parse_pair(struct zk_slice pair, struct quota_text *qt)
{
    const char *eq = memchr(pair.p, '=', (size_t) pair.len);
    struct zk_slice key, value;
    const char *end;
    int64_t n;

    if (eq == NULL) {
        return false;
    }
    key = zk_slice(pair.p, (int32_t) (eq - pair.p));
    value = zk_slice(eq + 1, pair.len - key.len - 1);
    end = memchr(value.p, '=', (size_t) value.len);
    if (end != NULL) {
        value.len = (int32_t) (end - value.p);
    } else if (value.len == 0) {
        return false;           /* Java finds no second part. */
    }
    if (!parse_long(value, &n)) {
        return false;
    }
    if (zk_slice_eq_str(key, "count")) {
        qt->q.count = n;
    } else if (zk_slice_eq_str(key, "bytes")) {
        qt->q.bytes = n;
    } else if (zk_slice_eq_str(key, "countHardLimit")) {
        qt->q.count_hard = n;
        qt->has_count_hard = true;
    } else if (zk_slice_eq_str(key, "byteHardLimit")) {
        qt->q.bytes_hard = n;
        qt->has_bytes_hard = true;
    }
    return true;
}

bool
quota_text_parse(struct zk_slice text, struct quota_text *qt)
{
    int32_t i = 0;

    *qt = (struct quota_text) {
        .q = { .count = -1, .bytes = -1, .count_hard = -1, .bytes_hard = -1 },
    };
    while (i < text.len) {
        int32_t start = i;

        while (i < text.len && !is_separator(text.p[i])) {
            i++;
        }
        if (!parse_pair(zk_slice(text.p + start, i - start), qt)) {
            return false;
        }
        while (i < text.len && is_separator(text.p[i])) {
            i++;
        }
    }
    return true;
}

bool
quota_parse(struct zk_slice text, struct quota *q)
{
    struct quota_text qt;
    bool ok = quota_text_parse(text, &qt);

    *q = qt.q;
    return ok;
}

void
quota_text_format(const struct quota_text *qt, struct zk_buf *out)
{
    zk_buf_printf(out, "count=%lld,bytes=%lld", (long long) qt->q.count,
                  (long long) qt->q.bytes);
    if (qt->has_bytes_hard || qt->has_count_hard) {
        /* Ends the pair for readers that know the first two only. */
        zk_buf_append(out, "=", 1);
    }
    if (qt->has_bytes_hard) {
        zk_buf_printf(out, ";byteHardLimit=%lld",
                      (long long) qt->q.bytes_hard);
    }
    if (qt->has_count_hard) {
        zk_buf_printf(out, ";countHardLimit=%lld",
                      (long long) qt->q.count_hard);
    }
}
