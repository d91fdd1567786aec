/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_watch.c: addWatch, removewatches. */
#include <config.h>

#include "shell/shell.h"

#include <strings.h>

enum cli_code
cmd_add_watch(struct shell *sh, const struct parsed_line *line)
{
    const char *path = line->args.v[1];
    const char *text = options_value(line, "m");
    enum zk_watch_mode mode = ZK_WATCH_PERSISTENT_RECURSIVE;
    struct zk_op op;
    struct link_answer a;
    enum cli_code code;

    if (text != NULL && strcasecmp(text, "PERSISTENT") == 0) {
        mode = ZK_WATCH_PERSISTENT;
    } else if (text != NULL
               && strcasecmp(text, "PERSISTENT_RECURSIVE") != 0) {
        return shell_fail_usage(sh, "addWatch");
    }
    if (!shell_check_path(sh, path)) {
        return CLI_FAILED;
    }
    op = zk_op_add_watch(path, mode);
    code = shell_ask(sh, &op, &a);
    link_answer_fini(&a);
    return code;
}

enum cli_code
cmd_removewatches(struct shell *sh, const struct parsed_line *line)
{
    const char *path = line->args.v[1];
    enum zk_watcher_type type = ZK_WATCHER_ANY;
    struct zk_op op;
    struct link_answer a;
    enum cli_code code;

    if (options_has(line, "c")) {
        type = ZK_WATCHER_CHILDREN;
    } else if (options_has(line, "d")) {
        type = ZK_WATCHER_DATA;
    } else if (options_has(line, "p")) {
        type = ZK_WATCHER_PERSISTENT;
    } else if (options_has(line, "r")) {
        type = ZK_WATCHER_PERSISTENT_RECURSIVE;
    }
    if (!shell_check_path(sh, path)) {
        return CLI_FAILED;
    }
    op = zk_op_remove_watches(path, type, options_has(line, "l"));
    code = shell_ask(sh, &op, &a);
    link_answer_fini(&a);
    return code;
}
