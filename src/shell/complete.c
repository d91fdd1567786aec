/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "shell/complete.h"

#include <stdlib.h>
#include <string.h>

#include "shell/command.h"
#include "shell/format.h"

#define COMPLETE_BLANKS " \t\n\v\f\r"
/* Nobody reads more of them. */
#define COMPLETE_SHOWN 200

/* Finds the word that the cursor stands behind, and the words before. */
static void
cp_find_token(const char *line, size_t cursor, struct completion *out,
              struct word_list *before)
{
    char *text = zk_xstrndup(line, cursor);
    char *p = text;

    for (;;) {
        char *end;

        p += strspn(p, COMPLETE_BLANKS);
        out->start = (size_t) (p - text);
        out->quote = *p == '"' || *p == '\'' ? *p : '\0';
        if (out->quote != '\0') {
            end = strchr(p + 1, *p);
        } else {
            end = p + strcspn(p, COMPLETE_BLANKS);
            end = *end == '\0' ? NULL : end;
        }
        if (end == NULL) {
            break;
        }
        p += out->quote != '\0';
        words_add(before, p, (size_t) (end - p));
        p = end + (out->quote != '\0');
    }
    out->token = zk_xstrdup(p + (out->quote != '\0'));
    free(text);
}

static void
cp_offer(struct completion *c, const char *prefix, const char *word)
{
    char *whole = zk_xasprintf("%s%s", prefix, word);

    if (strncmp(whole, c->token, strlen(c->token)) == 0) {
        words_add(&c->words, whole, strlen(whole));
    }
    free(whole);
}

static void
cp_offer_commands(struct completion *c)
{
    c->kind = COMPLETE_WORDS;
    for (size_t i = 0; i < command_count; i++) {
        cp_offer(c, "", command_table[i].name);
    }
}

static void
cp_offer_options(struct completion *c, const struct command *cmd)
{
    c->kind = COMPLETE_WORDS;
    for (size_t i = 0; i < cmd->options.n; i++) {
        cp_offer(c, "-", cmd->options.specs[i].name);
    }
}

/* Words that stand for themselves; false: none do here. */
static bool
cp_offer_values(struct completion *c, const struct command *cmd,
                const char *previous)
{
    static const struct {
        const char *command, *previous;     /* NULL: any. */
        const char *words[5];
    } all[] = {
        { "addWatch", "-m", { "PERSISTENT", "PERSISTENT_RECURSIVE" } },
        { "printwatches", NULL, { "off", "on" } },
        { "addauth", "addauth", { "digest", "ip", "sasl", "x509" } },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(all); i++) {
        if (strcmp(cmd->name, all[i].command) != 0
            || (all[i].previous != NULL
                && strcmp(previous, all[i].previous) != 0)) {
            continue;
        }
        c->kind = COMPLETE_WORDS;
        for (size_t k = 0; all[i].words[k] != NULL; k++) {
            cp_offer(c, "", all[i].words[k]);
        }
        return true;
    }
    return false;
}

static void
cp_offer_path(struct completion *c)
{
    const char *slash = strrchr(c->token, '/');
    size_t len = slash == NULL ? 0 : (size_t) (slash - c->token);

    c->kind = COMPLETE_PATH;
    c->dir = len == 0 ? zk_xstrdup("/") : zk_xstrndup(c->token, len);
}

static void
cp_choose(struct completion *c, const struct word_list *before)
{
    const struct command *cmd;

    if (before->n == 0) {
        cp_offer_commands(c);
        return;
    }
    cmd = command_find(before->v[0]);
    if (c->token[0] == '/') {
        cp_offer_path(c);
    } else if (cmd == NULL) {
        return;
    } else if (strcmp(cmd->name, "help") == 0) {
        cp_offer_commands(c);
    } else if (c->token[0] == '-' && c->quote == '\0') {
        cp_offer_options(c, cmd);
    } else if (!cp_offer_values(c, cmd, before->v[before->n - 1])
               && c->token[0] == '\0'
               && strstr(cmd->usage, "path") != NULL) {
        cp_offer_path(c);
    }
}

void
complete_line(const char *line, size_t cursor, struct completion *out)
{
    struct word_list before = { 0 };

    *out = (struct completion) { .kind = COMPLETE_NOTHING };
    cp_find_token(line, cursor, out, &before);
    cp_choose(out, &before);
    words_fini(&before);
}

/* A line cannot hold what a terminal must not be shown, nor both quotes. */
static bool
cp_can_type(const struct completion *c, const char *name)
{
    struct zk_buf safe = { 0 };
    bool ok;

    format_safe(zk_slice_str(name), &safe);
    ok = safe.len == strlen(name) && strpbrk(name, "\n\t") == NULL;
    zk_buf_fini(&safe);
    if (c->quote != '\0') {
        return ok && strchr(name, c->quote) == NULL;
    }
    return ok && (strpbrk(name, COMPLETE_BLANKS) == NULL
                  || strchr(name, '"') == NULL);
}

void
complete_children(struct completion *c, const struct word_list *names)
{
    const char *slash = strcmp(c->dir, "/") == 0 ? "" : "/";
    char *prefix = zk_xasprintf("%s%s", c->dir, slash);

    for (size_t i = 0; i < names->n; i++) {
        if (cp_can_type(c, names->v[i])) {
            cp_offer(c, prefix, names->v[i]);
        }
    }
    words_sort(&c->words);
    free(prefix);
}

size_t
complete_common(const struct word_list *words)
{
    const char *first = words->n > 0 ? words->v[0] : "";
    /* They are in order: what the two ends share, all do. */
    const char *last = words->n > 0 ? words->v[words->n - 1] : "";
    size_t len = 0;

    while (first[len] != '\0' && first[len] == last[len]) {
        len++;
    }
    while (len > 0 && ((unsigned char) first[len] & 0xc0) == 0x80) {
        len--;
    }
    return len;
}

char *
complete_quote(const struct completion *c, const char *text, size_t len,
               bool whole)
{
    char quote[2] = { c->quote, '\0' };

    if (c->quote == '\0' && strcspn(text, COMPLETE_BLANKS) < len) {
        quote[0] = '"';
    }
    return zk_xasprintf("%s%.*s%s", quote, (int) len, text,
                        whole ? quote : "");
}

/* Columns on a screen, as far as that matters here: characters. */
static size_t
cp_width(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++) {
        n += ((unsigned char) *text & 0xc0) != 0x80;
    }
    return n;
}

static const char *
cp_shown(const struct completion *c, size_t i)
{
    return c->kind == COMPLETE_PATH ? strrchr(c->words.v[i], '/') + 1
                                    : c->words.v[i];
}

void
complete_columns(const struct completion *c, size_t width,
                 struct zk_buf *out)
{
    size_t n = c->words.n < COMPLETE_SHOWN ? c->words.n : COMPLETE_SHOWN;
    size_t widest = 1, columns, rows;

    for (size_t i = 0; i < n; i++) {
        size_t w = cp_width(cp_shown(c, i));

        widest = w > widest ? w : widest;
    }
    columns = width / (widest + 2);
    columns = columns == 0 ? 1 : columns;
    rows = (n + columns - 1) / columns;
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = row; i < n; i += rows) {
            const char *shown = cp_shown(c, i);
            size_t pad = i + rows < n ? widest + 2 - cp_width(shown) : 0;

            zk_buf_printf(out, "%s%*s", shown, (int) pad, "");
        }
        zk_buf_append(out, "\n", 1);
    }
    if (c->words.n > n) {
        zk_buf_printf(out, "... and %zu more\n", c->words.n - n);
    }
}

void
complete_fini(struct completion *c)
{
    free(c->token);
    free(c->dir);
    words_fini(&c->words);
    *c = (struct completion) { 0 };
}
