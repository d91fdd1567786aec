/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_session.c: connect, close, addauth, whoami, sync. */
#include <config.h>

#include "shell/shell.h"

enum cli_code
cmd_connect(struct shell *sh, const struct parsed_line *line)
{
    return shell_connect(sh, line->args.n >= 2 ? line->args.v[1]
                             : sh->host != NULL ? sh->host
                                                : sh->set.server);
}

enum cli_code
cmd_close(struct shell *sh, const struct parsed_line *line)
{
    (void) line;
    shell_disconnect(sh);
    return CLI_OK;
}

enum cli_code
cmd_addauth(struct shell *sh, const struct parsed_line *line)
{
    struct zk_slice auth = line->args.n >= 3
                           ? zk_slice_str(line->args.v[2])
                           : ZK_SLICE_NULL;
    struct zk_op op = zk_op_auth(line->args.v[1], auth);
    struct link_answer a;
    enum cli_code code = shell_ask(sh, &op, &a);

    link_answer_fini(&a);
    return code;
}

enum cli_code
cmd_whoami(struct shell *sh, const struct parsed_line *line)
{
    struct zk_op op = zk_op_who_am_i();
    struct link_answer a;
    enum cli_code code = shell_ask(sh, &op, &a);

    (void) line;
    if (code == CLI_OK) {
        output_printf(&sh->out, "Auth scheme: User\n");
        for (size_t i = 0; i + 1 < a.who.n; i += 2) {
            output_who(&sh->out, a.who.v[i], a.who.v[i + 1]);
        }
    }
    link_answer_fini(&a);
    return code;
}

enum cli_code
cmd_sync(struct shell *sh, const struct parsed_line *line)
{
    const char *path = line->args.v[1];
    struct zk_op op = zk_op_sync(path);
    struct link_answer a;
    int32_t err;

    if (!shell_check_path(sh, path)) {
        return CLI_FAILED;
    }
    err = shell_link_call(sh->link, &op, &a);
    link_answer_fini(&a);
    if (err == KE_OK) {
        output_printf(&sh->out, "Sync is OK\n");
        return CLI_OK;
    }
    output_printf(&sh->out, "Sync has failed. rc=%d\n", (int) err);
    return shell_fail(sh, err, path);
}
