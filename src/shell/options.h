/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h: the options of a command, found among its words as commons-cli
 * finds them for Apache's shell (DefaultParser).
 *
 * Options may stand anywhere; "--" ends them.  -sw is -s -w, -v5, -v=5 and
 * -v 5 are the same; of an option given twice the first value counts.  What
 * begins with '-' and is no option is an error, but as the value of one.
 *
 * Thread-safety: none needed; pure functions over the caller's memory.
 */
#ifndef SHELL_OPTIONS_H
#define SHELL_OPTIONS_H

#include "shell/words.h"
#include "util/zk_buf.h"
#include "util/zk_error.h"

#define OPTIONS_MAX 6

struct option_spec {
    const char *name;           /* Without the '-'. */
    bool has_value;
    const char *text;           /* What it is for, as Java describes it. */
};

/* The options of one command. */
struct option_table {
    const struct option_spec *specs;
    size_t n;                   /* <= OPTIONS_MAX */
    bool exclusive;             /* At most one of them may be given, */
    bool required;              /* and one must be. */
};

/* A command line.  All zeros: nothing. */
struct parsed_line {
    const struct option_table *table;
    struct word_list args;      /* What is no option, the command first. */
    bool seen[OPTIONS_MAX];
    char *values[OPTIONS_MAX];
};

/* Fills 'out'; ZK_ECONFIG has the text of Java's exception, its class
 * included.  'out' must be finished in any case. */
int options_parse(const struct option_table *table,
                  const struct word_list *words, struct parsed_line *out,
                  struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Was -name given?  'name' must be in the table. */
bool options_has(const struct parsed_line *line, const char *name);
/* The value of -name, or NULL. */
const char *options_value(const struct parsed_line *line, const char *name);
/* Frees what is in it. */
void options_fini(struct parsed_line *line);

/* Appends one line for each option, in order of names without regard to
 * case: " -v <arg>   text" (Java: HelpFormatter.printOptions). */
void options_describe(const struct option_table *table, struct zk_buf *out);

#endif
