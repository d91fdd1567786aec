/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_read.c: get, ls, ls2, stat, getAllChildrenNumber, getEphemerals. */
#include <config.h>

#include "shell/shell.h"

#include <stdlib.h>

#include "shell/walk.h"

/* The form of 3.4: a word behind the path means -w. */
static bool
rd_watch(struct shell *sh, const struct parsed_line *line,
         const char *command, const char *options)
{
    if (line->args.n <= 2) {
        return options_has(line, "w");
    }
    output_say(&sh->out, "'%s path [watch]' has been deprecated. "
               "Please use '%s %s path' instead.", command, command, options);
    return true;
}

enum cli_code
cmd_get(struct shell *sh, const struct parsed_line *line)
{
    const char *path = line->args.v[1];
    struct zk_op op = zk_op_get_data(path, rd_watch(sh, line, "get",
                                                    "[-s] [-w]"));
    enum output_form form = options_has(line, "x") ? OUTPUT_HEX
                            : options_has(line, "b") ? OUTPUT_BASE64
                                                     : OUTPUT_PLAIN;
    struct link_answer a;
    enum cli_code code;

    if (!shell_check_path(sh, path)) {
        return CLI_FAILED;
    }
    code = shell_ask(sh, &op, &a);
    if (code == CLI_OK) {
        output_data(&sh->out, a.data, form);
        if (options_has(line, "s")) {
            output_stat(&sh->out, &a.stat);
        }
    }
    link_answer_fini(&a);
    return code;
}

/* ---- ls ----------------------------------------------------------------- */

static bool
rd_print_path(void *arg, const char *path)
{
    struct shell *sh = arg;

    output_path(&sh->out, path);
    return ferror(sh->out.out) == 0;
}

static enum cli_code
rd_list_below(struct shell *sh, const char *path, bool watch)
{
    const struct walk_plan plan = {
        .root = path, .order = WALK_DEPTH_FIRST, .watch = watch,
        .kept = sh->out.json, .max_bytes = sh->set.tree_max_bytes,
        .visit = rd_print_path, .arg = sh,
    };
    char *failed;
    int32_t err = walk_tree(sh->link, &plan, &failed);
    enum cli_code code = err == KE_OK ? CLI_OK : shell_fail(sh, err, failed);

    free(failed);
    return code;
}

static enum cli_code
rd_list(struct shell *sh, const char *path, bool watch, bool with_stat)
{
    struct zk_op op = zk_op_get_children(path, watch);
    struct link_answer a;
    enum cli_code code = shell_ask(sh, &op, &a);

    if (code == CLI_OK) {
        words_sort(&a.names);
        output_names(&sh->out, "children", &a.names);
        if (with_stat) {
            output_stat(&sh->out, &a.stat);
        }
    }
    link_answer_fini(&a);
    return code;
}

enum cli_code
cmd_ls(struct shell *sh, const struct parsed_line *line)
{
    struct zk_buf help = { 0 };
    bool watch;

    if (options_has(line, "?")) {
        options_describe(line->table, &help);
        output_printf(&sh->out, "usage: ls [options] path\n%.*s",
                      (int) help.len, (const char *) help.data);
        zk_buf_fini(&help);
    }
    if (line->args.n < 2) {
        return shell_fail_usage(sh, "ls");
    }
    watch = rd_watch(sh, line, "ls", "[-w]");
    if (!shell_check_path(sh, line->args.v[1])) {
        return CLI_FAILED;
    }
    if (options_has(line, "R")) {
        return rd_list_below(sh, line->args.v[1], watch);
    }
    return rd_list(sh, line->args.v[1], watch, options_has(line, "s"));
}

enum cli_code
cmd_ls2(struct shell *sh, const struct parsed_line *line)
{
    output_say(&sh->out, "'ls2' has been deprecated. "
               "Please use 'ls [-s] path' instead.");
    if (!shell_check_path(sh, line->args.v[1])) {
        return CLI_FAILED;
    }
    return rd_list(sh, line->args.v[1], line->args.n > 2, true);
}

/* ---- the rest ----------------------------------------------------------- */

enum cli_code
cmd_stat(struct shell *sh, const struct parsed_line *line)
{
    const char *path = line->args.v[1];
    struct zk_op op = zk_op_exists(path, rd_watch(sh, line, "stat", "[-w]"));
    struct link_answer a;
    enum cli_code code;

    if (!shell_check_path(sh, path)) {
        return CLI_FAILED;
    }
    code = shell_ask(sh, &op, &a);
    if (code == CLI_OK) {
        output_stat(&sh->out, &a.stat);
    }
    link_answer_fini(&a);
    return code;
}

enum cli_code
cmd_get_all_children_number(struct shell *sh, const struct parsed_line *line)
{
    const char *path = line->args.v[1];
    struct zk_op op = zk_op_get_all_children_number(path);
    struct link_answer a;
    enum cli_code code;

    if (!shell_check_path(sh, path)) {
        return CLI_FAILED;
    }
    code = shell_ask(sh, &op, &a);
    if (code == CLI_OK) {
        output_number(&sh->out, "number", a.number);
    }
    link_answer_fini(&a);
    return code;
}

enum cli_code
cmd_get_ephemerals(struct shell *sh, const struct parsed_line *line)
{
    const char *path = line->args.n > 1 ? line->args.v[1] : "/";
    struct zk_op op = zk_op_get_ephemerals(path);
    struct link_answer a;
    enum cli_code code;

    if (!shell_check_path(sh, path)) {
        return CLI_FAILED;
    }
    code = shell_ask(sh, &op, &a);
    if (code == CLI_OK) {
        output_names(&sh->out, "ephemerals", &a.names);
    }
    link_answer_fini(&a);
    return code;
}
