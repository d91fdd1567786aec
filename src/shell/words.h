/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.h: a line of the shell taken apart into words, as Apache's does it
 * (Java: ZooKeeperMain.MyCommandOptions).
 *
 * Words stand between blanks.  A word that begins with a quote, ' or ", goes
 * up to the next quote of that kind, which ends the word; the quotes are not
 * part of it.  Inside a word quotes are characters, and there are no escapes.
 * A quote that no other one closes is left out; with a blank in front of it,
 * blank and quote belong to the word.
 *
 * Thread-safety: none; one owner at a time.
 */
#ifndef SHELL_WORDS_H
#define SHELL_WORDS_H

#include <stddef.h>

#include "util/zk_slice.h"

/* Java's \s. */
#define WORDS_BLANKS " \t\n\v\f\r"

/* All zeros: none. */
struct word_list {
    char **v;
    size_t n, cap;
};

/* Appends the words of the line. */
void words_split(const char *line, struct word_list *out);
/* Appends a copy of 'len' bytes (which hold no NUL). */
void words_add(struct word_list *w, const char *text, size_t len);
/* The same for a slice; a null one becomes "". */
void words_add_slice(struct word_list *w, struct zk_slice text);
/* In order of bytes: that of Java's strings for all that a path may hold. */
void words_sort(struct word_list *w);
/* Frees what is in it and leaves it empty. */
void words_fini(struct word_list *w);

#endif
