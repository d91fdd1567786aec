/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "shell/options.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define OPT_NONE SIZE_MAX
#define OPT_JAVA "org.apache.commons.cli."

/* A parse under way. */
struct option_parser {
    const struct option_table *table;
    struct parsed_line *out;
    struct zk_errmsg *em;
    size_t waiting;             /* The option that has no value yet. */
};

static size_t
opt_find(const struct option_table *t, const char *name, size_t len)
{
    for (size_t i = 0; i < t->n; i++) {
        if (strlen(t->specs[i].name) == len
            && memcmp(t->specs[i].name, name, len) == 0) {
            return i;
        }
    }
    return OPT_NONE;
}

static int
opt_unknown(const struct option_parser *p, const char *word)
{
    return zk_fail(p->em, ZK_ECONFIG,
                   OPT_JAVA "UnrecognizedOptionException: "
                   "Unrecognized option: %s", word);
}

static int
opt_check_waiting(const struct option_parser *p)
{
    if (p->waiting == OPT_NONE) {
        return ZK_OK;
    }
    return zk_fail(p->em, ZK_ECONFIG,
                   OPT_JAVA "MissingArgumentException: "
                   "Missing argument for option: %s",
                   p->table->specs[p->waiting].name);
}

/* Only one option of the table may be given. */
static int
opt_check_exclusive(const struct option_parser *p, size_t which)
{
    for (size_t i = 0; i < p->table->n; i++) {
        if (i != which && p->out->seen[i]) {
            return zk_fail(p->em, ZK_ECONFIG,
                           OPT_JAVA "AlreadySelectedException: The option "
                           "'%s' was specified but an option from this group "
                           "has already been selected: '%s'",
                           p->table->specs[which].name,
                           p->table->specs[i].name);
        }
    }
    return ZK_OK;
}

static void
opt_set_value(struct option_parser *p, size_t which, const char *text,
              size_t len)
{
    if (p->out->values[which] == NULL) {
        p->out->values[which] = zk_xstrndup(text, len);
    }
    p->waiting = OPT_NONE;
}

static int
opt_take(struct option_parser *p, size_t which)
{
    int rv = opt_check_waiting(p);

    if (rv == ZK_OK && p->table->exclusive) {
        rv = opt_check_exclusive(p, which);
    }
    if (rv == ZK_OK) {
        p->out->seen[which] = true;
        p->waiting = p->table->specs[which].has_value ? which : OPT_NONE;
    }
    return rv;
}

/* -abc: options in one word; what follows one with a value is the value. */
static int
opt_take_cluster(struct option_parser *p, const char *word)
{
    for (size_t i = 1; word[i] != '\0'; i++) {
        size_t which = opt_find(p->table, word + i, 1);
        int rv = which == OPT_NONE ? opt_unknown(p, word)
                                   : opt_take(p, which);

        if (rv != ZK_OK) {
            return rv;
        }
        if (p->waiting != OPT_NONE && word[i + 1] != '\0') {
            opt_set_value(p, which, word + i + 1, strlen(word + i + 1));
            return ZK_OK;
        }
    }
    return ZK_OK;
}

/* A word that begins with one '-' and has more. */
static int
opt_take_word(struct option_parser *p, const char *word)
{
    const char *name = word + 1;
    const char *equals = strchr(name, '=');
    size_t which = opt_find(p->table, name, strlen(name));

    if (which != OPT_NONE) {
        return opt_take(p, which);
    }
    if (equals == NULL) {
        return name[1] == '\0' ? opt_unknown(p, word)
                               : opt_take_cluster(p, word);
    }
    if (equals != name + 1
        || (which = opt_find(p->table, name, 1)) == OPT_NONE
        || !p->table->specs[which].has_value) {
        return opt_unknown(p, word);
    }
    int rv = opt_take(p, which);

    if (rv == ZK_OK) {
        opt_set_value(p, which, equals + 1, strlen(equals + 1));
    }
    return rv;
}

/* Does the word look like an option, so that it is no value? */
static bool
opt_is_option(const struct option_table *t, const char *word)
{
    const char *name = word;

    if (word[0] != '-' || word[1] == '\0') {
        return false;
    }
    name += word[1] == '-' ? 2 : 1;
    return opt_find(t, name, strcspn(name, "=")) != OPT_NONE
           || (word[1] != '-' && word[1] != '='
               && opt_find(t, name, 1) != OPT_NONE);
}

/* The value in a word of its own loses double quotes around it. */
static void
opt_take_value(struct option_parser *p, const char *word)
{
    size_t len = strlen(word);

    if (len > 1 && word[0] == '"' && word[len - 1] == '"'
        && memchr(word + 1, '"', len - 2) == NULL) {
        opt_set_value(p, p->waiting, word + 1, len - 2);
    } else {
        opt_set_value(p, p->waiting, word, len);
    }
}

static int
opt_check_required(const struct option_parser *p)
{
    const struct option_table *t = p->table;
    struct zk_buf list = { 0 };
    bool given = !t->required;
    int rv;

    for (size_t i = 0; i < t->n; i++) {
        given = given || p->out->seen[i];
    }
    if (given) {
        return ZK_OK;
    }
    for (size_t i = 0; i < t->n; i++) {
        zk_buf_printf(&list, "%s-%s %s", i == 0 ? "" : ", ",
                      t->specs[i].name, t->specs[i].text);
    }
    rv = zk_fail(p->em, ZK_ECONFIG, OPT_JAVA "MissingOptionException: "
                 "Missing required option: [%s]", (const char *) list.data);
    zk_buf_fini(&list);
    return rv;
}

int
options_parse(const struct option_table *table,
              const struct word_list *words, struct parsed_line *out,
              struct zk_errmsg *em)
{
    struct option_parser p = { table, out, em, OPT_NONE };
    bool ended = false;
    int rv = ZK_OK;

    *out = (struct parsed_line) { .table = table };
    for (size_t i = 0; i < words->n && rv == ZK_OK; i++) {
        const char *word = words->v[i];

        if (!ended && strcmp(word, "--") == 0) {
            ended = true;
        } else if (!ended && p.waiting != OPT_NONE
                   && !opt_is_option(table, word)) {
            opt_take_value(&p, word);
        } else if (!ended && word[0] == '-' && word[1] != '\0') {
            rv = word[1] == '-' ? opt_unknown(&p, word)
                                : opt_take_word(&p, word);
        } else {
            words_add(&out->args, word, strlen(word));
        }
    }
    if (rv == ZK_OK) {
        rv = opt_check_waiting(&p);
    }
    return rv == ZK_OK ? opt_check_required(&p) : rv;
}

bool
options_has(const struct parsed_line *line, const char *name)
{
    size_t which = opt_find(line->table, name, strlen(name));

    zk_assert(which != OPT_NONE);
    return line->seen[which];
}

const char *
options_value(const struct parsed_line *line, const char *name)
{
    size_t which = opt_find(line->table, name, strlen(name));

    zk_assert(which != OPT_NONE);
    return line->values[which];
}

void
options_fini(struct parsed_line *line)
{
    words_fini(&line->args);
    for (size_t i = 0; i < OPTIONS_MAX; i++) {
        free(line->values[i]);
        line->values[i] = NULL;
    }
}

static int
opt_compare(const void *a, const void *b)
{
    const struct option_spec *const *x = a, *const *y = b;

    return strcasecmp((*x)->name, (*y)->name);
}

void
options_describe(const struct option_table *table, struct zk_buf *out)
{
    const struct option_spec *sorted[OPTIONS_MAX];
    int width = 0;

    for (size_t i = 0; i < table->n; i++) {
        int w = (int) strlen(table->specs[i].name)
                + (table->specs[i].has_value ? 6 : 0);

        sorted[i] = &table->specs[i];
        width = w > width ? w : width;
    }
    qsort(sorted, table->n, sizeof sorted[0], opt_compare);
    for (size_t i = 0; i < table->n; i++) {
        const char *value = sorted[i]->has_value ? " <arg>" : "";
        int w = (int) (strlen(sorted[i]->name) + strlen(value));

        zk_buf_printf(out, " -%s%s%*s   %s\n", sorted[i]->name, value,
                      width - w, "", sorted[i]->text);
    }
}
