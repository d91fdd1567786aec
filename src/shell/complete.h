/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complete.h: what a line that is being typed can go on with: commands,
 * options, a few other words, and paths, whose nodes the caller asks a server
 * for.
 *
 * Thread-safety: none needed; pure functions over the caller's memory.
 */
#ifndef SHELL_COMPLETE_H
#define SHELL_COMPLETE_H

#include "shell/words.h"
#include "util/zk_buf.h"

enum complete_kind {
    COMPLETE_NOTHING,
    COMPLETE_WORDS,             /* 'words' are the candidates. */
    COMPLETE_PATH,              /* Children of 'dir' are. */
};

/* The word in front of the cursor, and what it can become. */
struct completion {
    enum complete_kind kind;
    size_t start;               /* Where the word begins in the line, its
                                 * quote included. */
    char quote;                 /* Of the word; 0: none. */
    char *token;                /* The word without the quote. */
    char *dir;                  /* COMPLETE_PATH: the node. */
    struct word_list words;     /* In order, and beginning with the token. */
};

/* Looks at the first 'cursor' bytes of the line.  'out' must be finished. */
void complete_line(const char *line, size_t cursor, struct completion *out);
/* COMPLETE_PATH: turns the children of 'dir' into candidates, in order.
 * Names that a line cannot hold are left out. */
void complete_children(struct completion *c, const struct word_list *names);
/* How many bytes all candidates have in common; ends between characters. */
size_t complete_common(const struct word_list *words);
/* What the word is to be replaced by: the first 'len' bytes of 'text', quoted
 * where that is needed; 'whole' says that this is the end of the word.  The
 * caller frees it. */
char *complete_quote(const struct completion *c, const char *text, size_t len,
                     bool whole);
/* Appends the candidates in columns for a terminal of 'width', each line with
 * a newline; of paths, only what is behind the last '/'. */
void complete_columns(const struct completion *c, size_t width,
                      struct zk_buf *out);
void complete_fini(struct completion *c);

#endif
