/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "shell/format.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <string.h>
#include <time.h>

#include "proto/acl_codec.h"
#include "util/utf8.h"

void
format_date(int64_t ms, struct zk_buf *out)
{
    static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu",
                                     "Fri", "Sat" };
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May",
                                        "Jun", "Jul", "Aug", "Sep", "Oct",
                                        "Nov", "Dec" };
    /* Rounded down: the moment -1 is in the second before 1970. */
    time_t t = (time_t) (ms / 1000 - (ms % 1000 < 0));
    struct tm tm;

    if (localtime_r(&t, &tm) == NULL) {
        zk_buf_printf(out, "%" PRId64 " ms", ms);
        return;
    }
    zk_buf_printf(out, "%s %s %02d %02d:%02d:%02d %s %04d",
                  days[tm.tm_wday], months[tm.tm_mon], tm.tm_mday,
                  tm.tm_hour, tm.tm_min, tm.tm_sec, tm.tm_zone,
                  tm.tm_year + 1900);
}

void
format_stat(const struct jute_stat *stat, struct zk_buf *out)
{
    zk_buf_printf(out, "cZxid = 0x%" PRIx64 "\nctime = ",
                  (uint64_t) stat->czxid);
    format_date(stat->ctime, out);
    zk_buf_printf(out, "\nmZxid = 0x%" PRIx64 "\nmtime = ",
                  (uint64_t) stat->mzxid);
    format_date(stat->mtime, out);
    zk_buf_printf(out,
                  "\npZxid = 0x%" PRIx64 "\n"
                  "cversion = %" PRId32 "\n"
                  "dataVersion = %" PRId32 "\n"
                  "aclVersion = %" PRId32 "\n"
                  "ephemeralOwner = 0x%" PRIx64 "\n"
                  "dataLength = %" PRId32 "\n"
                  "numChildren = %" PRId32 "\n",
                  (uint64_t) stat->pzxid, stat->cversion, stat->version,
                  stat->aversion, (uint64_t) stat->ephemeral_owner,
                  stat->data_length, stat->num_children);
}

void
format_perms(int32_t perms, char out[6])
{
    static const struct {
        int32_t bit;
        char letter;
    } all[] = {
        { ACL_PERM_CREATE, 'c' }, { ACL_PERM_DELETE, 'd' },
        { ACL_PERM_READ, 'r' }, { ACL_PERM_WRITE, 'w' },
        { ACL_PERM_ADMIN, 'a' },
    };
    size_t n = 0;

    for (size_t i = 0; i < ZK_ARRAY_SIZE(all); i++) {
        if ((perms & all[i].bit) != 0) {
            out[n++] = all[i].letter;
        }
    }
    out[n] = '\0';
}

void
format_event(const char *state, const char *type, struct zk_slice path,
             int64_t zxid, struct zk_buf *out)
{
    if (zk_slice_is_null(path)) {
        path = ZK_SLICE_LIT("null");
    }
    zk_buf_printf(out, "WatchedEvent state:%s type:%s path:%.*s zxid: %"
                  PRId64, state, type, (int) path.len, path.p, zxid);
}

/* ---- data --------------------------------------------------------------- */

#define FORMAT_ROW 16

static void
format_hex_row(const unsigned char *p, size_t at, size_t n,
               struct zk_buf *out)
{
    zk_buf_printf(out, "\n|%08zx|", at);
    for (size_t i = 0; i < FORMAT_ROW; i++) {
        if (i < n) {
            zk_buf_printf(out, " %02x", p[at + i]);
        } else {
            zk_buf_append(out, "   ", 3);
        }
    }
    zk_buf_append(out, " |", 2);
    for (size_t i = 0; i < FORMAT_ROW; i++) {
        char c = i < n ? (char) p[at + i] : ' ';

        zk_buf_append(out, c >= 0x20 && c < 0x7f ? &c : ".", 1);
    }
    zk_buf_append(out, "|", 1);
}

void
format_hex_dump(struct zk_slice data, struct zk_buf *out)
{
    static const char line[] =
        "+-------------------------------------------------+";
    size_t len = data.len > 0 ? (size_t) data.len : 0;

    if (len == 0) {
        return;
    }
    zk_buf_printf(out, "         %s\n         |", line);
    for (int i = 0; i < FORMAT_ROW; i++) {
        zk_buf_printf(out, "  %x", (unsigned) i);
    }
    zk_buf_printf(out, " |\n+--------%s----------------+", line);
    for (size_t at = 0; at < len; at += FORMAT_ROW) {
        size_t n = len - at < FORMAT_ROW ? len - at : FORMAT_ROW;

        format_hex_row((const unsigned char *) data.p, at, n, out);
    }
    zk_buf_printf(out, "\n+--------%s----------------+", line);
}

void
format_base64(struct zk_slice data, struct zk_buf *out)
{
    int len = data.len > 0 ? data.len : 0;
    uint8_t *to = zk_buf_reserve(out, ((size_t) len + 2) / 3 * 4 + 1);

    out->len += (size_t) EVP_EncodeBlock(to, (const unsigned char *) data.p,
                                         len);
}

/* The bits of one letter, or -1. */
static int
format_base64_bits(char c)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(letters, c);

    return at == NULL ? -1 : (int) (at - letters);
}

/* OpenSSL's decoder takes blanks and keeps the padding's zeros; Java's is
 * strict about the letters and takes text without padding. */
bool
format_unbase64(const char *text, struct zk_buf *out)
{
    size_t len = strlen(text);
    size_t padding = len > 0 && text[len - 1] == '=';
    uint32_t bits = 0;
    size_t n;

    padding += padding == 1 && len > 1 && text[len - 2] == '=';
    if ((padding > 0 && len % 4 != 0) || (len - padding) % 4 == 1) {
        return false;
    }
    for (n = 0; n < len - padding; n++) {
        int b = format_base64_bits(text[n]);
        uint8_t byte;

        if (b < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t) b;
        if (n % 4 != 0) {
            byte = (uint8_t) (bits >> (6 - 2 * (n % 4)));
            zk_buf_append(out, &byte, 1);
        }
    }
    return true;
}

/* Does the character (whole, at 'p') move a cursor, or worse? */
static bool
format_is_control(const uint8_t *p, size_t n)
{
    if (n == 1) {
        return (p[0] < 0x20 && p[0] != '\n' && p[0] != '\t') || p[0] == 0x7f;
    }
    return n == 2 && p[0] == 0xc2 && p[1] < 0xa0;
}

void
format_safe(struct zk_slice text, struct zk_buf *out)
{
    const uint8_t *p = (const uint8_t *) text.p;
    size_t left = text.len > 0 ? (size_t) text.len : 0;

    while (left > 0) {
        bool ok;
        size_t n = utf8_next(p, left, &ok);

        if (ok && !format_is_control(p, n)) {
            zk_buf_append(out, p, n);
        } else {
            for (size_t i = 0; i < n; i++) {
                zk_buf_printf(out, "\\x%02x", p[i]);
            }
        }
        p += n;
        left -= n;
    }
}
