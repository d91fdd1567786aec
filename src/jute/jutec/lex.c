/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "jute/jutec/jutec.h"

#include <ctype.h>
#include <string.h>

static void skip_blanks_and_comments(struct lexer *lx);

void
lexer_init(struct lexer *lx, const char *file, const char *text)
{
    memset(lx, 0, sizeof *lx);
    lx->file = file;
    lx->p = text;
    lx->line = 1;
    lexer_next(lx);
}

void
lexer_next(struct lexer *lx)
{
    skip_blanks_and_comments(lx);
    lx->text = lx->p;
    if (*lx->p == '\0') {
        lx->kind = TOKEN_END;
    } else if (isalpha((unsigned char) *lx->p)) {
        lx->kind = TOKEN_NAME;
        while (isalnum((unsigned char) *lx->p)) {
            lx->p++;
        }
    } else if (strchr("{}<>;", *lx->p) != NULL) {
        lx->kind = TOKEN_PUNCTUATION;
        lx->p++;
    } else {
        jutec_die(lx->file, lx->line, "unexpected character '%c'", *lx->p);
    }
    lx->len = (size_t) (lx->p - lx->text);
}

bool
lexer_is(const struct lexer *lx, const char *text)
{
    return lx->len == strlen(text) && memcmp(lx->text, text, lx->len) == 0;
}

static void
skip_blanks_and_comments(struct lexer *lx)
{
    for (;;) {
        if (*lx->p == '\n') {
            lx->line++;
            lx->p++;
        } else if (isspace((unsigned char) *lx->p)) {
            lx->p++;
        } else if (lx->p[0] == '/' && lx->p[1] == '*') {
            const char *end = strstr(lx->p + 2, "*/");

            if (end == NULL) {
                jutec_die(lx->file, lx->line, "comment without an end");
            }
            for (; lx->p < end + 2; lx->p++) {
                lx->line += *lx->p == '\n';
            }
        } else {
            return;
        }
    }
}
