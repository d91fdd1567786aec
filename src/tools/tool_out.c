/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/tool.h"
#include "util/utf8.h"
#include "util/zk_io.h"

#define TOOL_OUT_PIECE 65536

void
tool_out_init(struct tool_out *o)
{
    *o = (struct tool_out) { .terminal = isatty(STDOUT_FILENO) };
}

void
tool_append_shown(struct zk_buf *out, const void *text, size_t len,
                  const char *keep)
{
    const uint8_t *p = text;

    for (size_t i = 0; i < len; i++) {
        uint8_t c = p[i];
        /* U+0080 to U+009F are control characters, too. */
        bool c1 = c == 0xc2 && i + 1 < len && p[i + 1] < 0xa0;

        if (c1) {
            zk_buf_printf(out, "\\x%02x", p[++i]);
        } else if ((c < 0x20 && (c == 0 || strchr(keep, c) == NULL))
                   || c == 0x7f) {
            zk_buf_printf(out, "\\x%02x", c);
        } else {
            zk_buf_append(out, &c, 1);
        }
    }
}

void
tool_out_flush(struct tool_out *o)
{
    struct zk_buf shown = { 0 };
    struct zk_buf *b = &o->buf;
    struct zk_errmsg em;

    if (o->terminal) {
        tool_append_shown(&shown, b->data, b->len, "\n\t");
        b = &shown;
    }
    if (!o->broken && b->len > 0
        && zk_write_all(STDOUT_FILENO, b->data, b->len, "stdout", &em)
               != ZK_OK) {
        tool_fail("%s", em.text);
        o->broken = true;
    }
    zk_buf_fini(&shown);
    zk_buf_clear(&o->buf);
}

void
tool_out_poll(struct tool_out *o)
{
    if (o->buf.len >= TOOL_OUT_PIECE) {
        tool_out_flush(o);
    }
}

int
tool_out_fini(struct tool_out *o)
{
    tool_out_flush(o);
    zk_buf_fini(&o->buf);
    return o->broken ? TOOL_EXIT_FAILED : TOOL_EXIT_OK;
}

void
tool_append(struct zk_buf *b, const char *text)
{
    zk_buf_append(b, text, strlen(text));
}

void
tool_append_text(struct zk_buf *b, struct zk_slice text)
{
    int32_t i = 0;

    while (i < text.len && (text.p[i] & 0x80) == 0) {
        i++;
    }
    if (i == text.len) {
        zk_buf_append(b, text.p, (size_t) text.len);
    } else {
        utf8_repair(text, b);
    }
}

void
tool_append_json(struct zk_buf *b, struct zk_slice text)
{
    static const char escapes[] = "btn_fr";
    struct zk_buf whole = { 0 };
    size_t plain = 0;           /* Begins here and was not yet appended. */

    if (zk_slice_is_null(text)) {
        tool_append(b, "null");
        return;
    }
    tool_append_text(&whole, text);
    tool_append(b, "\"");
    for (size_t i = 0; i < whole.len; i++) {
        uint8_t c = whole.data[i];

        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        zk_buf_append(b, whole.data + plain, i - plain);
        plain = i + 1;
        if (c >= 0x20) {
            zk_buf_printf(b, "\\%c", c);
        } else if (c >= '\b' && c <= '\r' && c != '\v') {
            zk_buf_printf(b, "\\%c", escapes[c - '\b']);
        } else {
            zk_buf_printf(b, "\\u%04X", c);
        }
    }
    if (plain < whole.len) {
        zk_buf_append(b, whole.data + plain, whole.len - plain);
    }
    tool_append(b, "\"");
    zk_buf_fini(&whole);
}

void
tool_append_base64(struct zk_buf *b, struct zk_slice bytes)
{
    if (bytes.len > 0) {
        /* EVP_EncodeBlock takes no more than fits an int when encoded. */
        const int32_t piece = 3 << 20;

        for (int32_t at = 0; at < bytes.len; at += piece) {
            int32_t n = bytes.len - at < piece ? bytes.len - at : piece;
            uint8_t *to = zk_buf_reserve(b, (size_t) (n + 2) / 3 * 4 + 1);

            b->len += (size_t) EVP_EncodeBlock(
                to, (const unsigned char *) bytes.p + at, n);
        }
    }
}
