/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "jute/record_print.h"

void
jute_print_string(FILE *out, struct zk_slice s)
{
    if (zk_slice_is_null(s)) {
        fputs("null", out);
        return;
    }
    fputc('"', out);
    for (int32_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char) s.p[i];

        if (c == '"' || c == '\\') {
            fprintf(out, "\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            fprintf(out, "\\x%02x", c);
        } else {
            fputc(c, out);
        }
    }
    fputc('"', out);
}

void
jute_print_buffer(FILE *out, struct zk_slice s)
{
    if (zk_slice_is_null(s)) {
        fputs("null", out);
        return;
    }
    fputs("0x", out);
    for (int32_t i = 0; i < s.len; i++) {
        fprintf(out, "%02x", (unsigned char) s.p[i]);
    }
}
