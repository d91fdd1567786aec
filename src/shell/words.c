/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "shell/words.h"

#include <stdlib.h>
#include <string.h>

#include "util/zk_obj.h"

void
words_add(struct word_list *w, const char *text, size_t len)
{
    if (w->n == w->cap) {
        w->cap = w->cap == 0 ? 8 : 2 * w->cap;
        w->v = zk_xrealloc(w->v, w->cap * sizeof w->v[0]);
    }
    w->v[w->n++] = zk_xstrndup(text, len);
}

void
words_add_slice(struct word_list *w, struct zk_slice text)
{
    words_add(w, text.len > 0 ? text.p : "",
              text.len > 0 ? (size_t) text.len : 0);
}

/* The word that begins at 'p', no blank; where it ends.  'blank' says that
 * one stands in front of it that no word before has taken. */
static const char *
words_take(const char *p, bool blank, struct word_list *out)
{
    const char *end;

    if (*p == '"' || *p == '\'') {
        end = strchr(p + 1, *p);
        if (end != NULL) {
            words_add(out, p + 1, (size_t) (end - p - 1));
            return end + 1;
        }
        if (!blank) {
            return p + 1;
        }
        end = p + strcspn(p, WORDS_BLANKS);
        words_add(out, p - 1, (size_t) (end - p + 1));
        return end;
    }
    end = p + strcspn(p, WORDS_BLANKS);
    words_add(out, p, (size_t) (end - p));
    return end;
}

void
words_split(const char *line, struct word_list *out)
{
    const char *p = line;

    for (;;) {
        const char *word = p + strspn(p, WORDS_BLANKS);
        size_t before = out->n;

        if (*word == '\0') {
            return;
        }
        p = words_take(word, word > p, out);
        if (out->n > before) {
            p += strspn(p, WORDS_BLANKS);
        }
    }
}

static int
words_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

void
words_sort(struct word_list *w)
{
    if (w->n > 1) {
        qsort(w->v, w->n, sizeof w->v[0], words_compare);
    }
}

void
words_fini(struct word_list *w)
{
    for (size_t i = 0; i < w->n; i++) {
        free(w->v[i]);
    }
    free(w->v);
    *w = (struct word_list) { 0 };
}
