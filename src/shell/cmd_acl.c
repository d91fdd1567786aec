/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_acl.c: getAcl, setAcl. */
#include <config.h>

#include "shell/shell.h"

#include <stdlib.h>

#include "shell/acl_text.h"
#include "shell/walk.h"

enum cli_code
cmd_get_acl(struct shell *sh, const struct parsed_line *line)
{
    const char *path = line->args.v[1];
    struct zk_op op = zk_op_get_acl(path);
    struct link_answer a;
    enum cli_code code;

    if (!shell_check_path(sh, path)) {
        return CLI_FAILED;
    }
    code = shell_ask(sh, &op, &a);
    if (code == CLI_OK) {
        output_acl(&sh->out, a.acl);
        if (options_has(line, "s")) {
            output_stat(&sh->out, &a.stat);
        }
    }
    link_answer_fini(&a);
    return code;
}

/* ---- setAcl ------------------------------------------------------------- */

/* An ACL on its way to all nodes of a subtree. */
struct acl_setter {
    struct shell *sh;
    struct zk_slice acl;
    int32_t version;
    enum cli_code code;
};

/* The other nodes will come to the same: there is no server any more, or no
 * session, or nobody who waits. */
static bool
sa_ends_all(int32_t err)
{
    return err == LINK_INTERRUPTED || err == KE_CONNECTION_LOSS
           || err == KE_REQUEST_TIMEOUT || err == KE_SESSION_EXPIRED
           || err == KE_AUTH_FAILED;
}

/* Goes on behind a node that refuses, as Java does.  Its exit code of 0 stays
 * so, too; who reads JSON is told "ok":false. */
static bool
sa_set_one(void *arg, const char *path)
{
    struct acl_setter *s = arg;
    struct zk_op op = zk_op_set_acl(path, s->acl, s->version);
    struct link_answer a;
    int32_t err = shell_link_call(s->sh->link, &op, &a);
    char *text;

    link_answer_fini(&a);
    if (err == KE_OK) {
        return true;
    }
    if (sa_ends_all(err)) {
        s->code = shell_fail(s->sh, err, path);
        return false;
    }
    /* Java forgets the newline. */
    text = zk_xasprintf("KeeperErrorCode = %s for %s",
                        keeper_error_message(err), path);
    output_failed(&s->sh->out, path, keeper_error_name(err), text);
    free(text);
    if (s->sh->out.json) {
        s->code = CLI_FAILED;
    }
    return true;
}

static enum cli_code
sa_set_all(struct acl_setter *s, const char *path)
{
    const struct walk_plan plan = {
        .root = path, .order = WALK_DEPTH_FIRST,
        .max_bytes = s->sh->set.tree_max_bytes,
        .visit = sa_set_one, .arg = s,
    };
    char *failed;
    int32_t err = walk_tree(s->sh->link, &plan, &failed);

    if (err != KE_OK) {
        s->code = shell_fail(s->sh, err, failed);
    }
    free(failed);
    return s->code;
}

static enum cli_code
sa_set(struct acl_setter *s, const char *path, bool with_stat)
{
    struct zk_op op = zk_op_set_acl(path, s->acl, s->version);
    struct link_answer a;
    enum cli_code code = shell_ask(s->sh, &op, &a);

    if (code == CLI_OK && (with_stat || s->sh->out.json)) {
        output_stat(&s->sh->out, &a.stat);
    }
    link_answer_fini(&a);
    return code;
}

enum cli_code
cmd_set_acl(struct shell *sh, const struct parsed_line *line)
{
    const char *path = line->args.v[1];
    struct zk_buf acl = { 0 }, complaints = { 0 };
    struct acl_setter s = { .sh = sh, .code = CLI_OK };
    enum cli_code code = CLI_FAILED;

    acl_text_parse(line->args.v[2], &acl, &complaints);
    zk_buf_append(&complaints, "", 1);
    output_say_lines(&sh->out, (const char *) complaints.data);
    s.acl = zk_slice(acl.data, (int32_t) acl.len);
    if (!shell_version_option(sh, line, &s.version)
        || !shell_check_path(sh, path)) {
        code = CLI_FAILED;
    } else if (acl_raw_count(s.acl) == 0) {
        /* Java's client sends no empty list, and has no path for it. */
        code = shell_fail(sh, KE_INVALID_ACL, NULL);
    } else if (options_has(line, "R")) {
        code = sa_set_all(&s, path);
    } else {
        code = sa_set(&s, path, options_has(line, "s"));
    }
    zk_buf_fini(&acl);
    zk_buf_fini(&complaints);
    return code;
}
