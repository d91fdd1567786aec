/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_write.c: create, set, delete, deleteall, rmr. */
#include <config.h>

#include "shell/shell.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/server_address.h"
#include "shell/acl_text.h"
#include "shell/format.h"
#include "shell/java_path.h"
#include "shell/walk.h"

/* Five bytes of milliseconds (Java: EphemeralType.TTL). */
#define WR_TTL_MAX INT64_C(0xffffffffff)

/* ---- create ------------------------------------------------------------- */

/* The mode that the options ask for; -1 after complaining. */
static int32_t
wr_mode(struct shell *sh, const struct parsed_line *line)
{
    bool e = options_has(line, "e"), s = options_has(line, "s");
    bool c = options_has(line, "c"), t = options_has(line, "t");
    const char *why = NULL;

    if (c && (e || s)) {
        why = "-c cannot be combined with -s or -e. Containers cannot be "
              "ephemeral or sequential.";
    } else if (t && e) {
        why = "TTLs cannot be used with Ephemeral znodes";
    } else if (t && c) {
        why = "TTLs cannot be used with Container znodes";
    }
    if (why != NULL) {
        (void) shell_fail_text(sh, "%s", why);
        return -1;
    }
    if (e) {
        return s ? CREATE_EPHEMERAL_SEQUENTIAL : CREATE_EPHEMERAL;
    }
    if (s) {
        return t ? CREATE_PERSISTENT_SEQUENTIAL_WITH_TTL
                 : CREATE_PERSISTENT_SEQUENTIAL;
    }
    return c ? CREATE_CONTAINER
           : t ? CREATE_PERSISTENT_WITH_TTL
               : CREATE_PERSISTENT;
}

static bool
wr_ttl(struct shell *sh, const struct parsed_line *line, int64_t *ttl)
{
    const char *text = options_value(line, "t");

    *ttl = -1;
    if (text == NULL) {
        return true;
    }
    if (!config_parse_long(text, ttl)) {
        (void) shell_fail_text(sh, "-t argument must be a long value");
        return false;
    }
    if (*ttl <= 0 || *ttl > WR_TTL_MAX) {
        (void) shell_fail_text(sh, "ttl must be positive and cannot be "
                               "larger than: %" PRId64, WR_TTL_MAX);
        return false;
    }
    return true;
}

static enum cli_code
wr_create(struct shell *sh, const struct zk_op *op)
{
    struct link_answer a = { 0 };
    int32_t err = KE_INVALID_ACL;

    if (acl_raw_count(op->acl) == 0) {
        /* Java's client sends no empty list, and has no path for it. */
        output_say(&sh->out, "KeeperErrorCode = InvalidACL");
        return shell_fail(sh, err, NULL);
    }
    err = shell_link_call(sh->link, op, &a);
    if (err == KE_OK) {
        output_created(&sh->out, a.path == NULL ? op->path : a.path);
    } else if (err == KE_EPHEMERAL_ON_LOCAL_SESSION) {
        output_say(&sh->out,
                   "Unable to create ephemeral node on a local session");
    } else if (err == KE_INVALID_ACL) {
        output_say(&sh->out, "KeeperErrorCode = %s for %s",
                   keeper_error_message(err), op->path);
    }
    link_answer_fini(&a);
    return err == KE_OK ? CLI_OK : shell_fail(sh, err, op->path);
}

enum cli_code
cmd_create(struct shell *sh, const struct parsed_line *line)
{
    const struct word_list *args = &line->args;
    struct zk_buf acl = { 0 }, complaints = { 0 };
    struct zk_op op;
    struct zk_errmsg em;
    enum cli_code code;
    int32_t mode = wr_mode(sh, line);
    int64_t ttl;

    if (mode < 0 || !wr_ttl(sh, line, &ttl)) {
        return CLI_FAILED;
    }
    if (args->n > 3) {
        acl_text_parse(args->v[3], &acl, &complaints);
        zk_buf_append(&complaints, "", 1);
        output_say_lines(&sh->out, (const char *) complaints.data);
    }
    op = zk_op_create(args->v[1],
                      args->n > 2 ? zk_slice_str(args->v[2]) : ZK_SLICE_NULL,
                      args->n > 3 ? zk_slice(acl.data, (int32_t) acl.len)
                                  : acl_raw_open,
                      mode, ttl);
    if ((create_flags_sequential(mode)
         ? java_path_check_sequential(args->v[1], &em)
         : java_path_check(args->v[1], &em)) != ZK_OK) {
        code = shell_fail_text(sh, "%s", em.text);
    } else {
        code = wr_create(sh, &op);
    }
    zk_buf_fini(&acl);
    zk_buf_fini(&complaints);
    return code;
}

/* ---- set ---------------------------------------------------------------- */

/* The version from -v or, in the form of 3.4, from the word args[at]. */
static bool
wr_version(struct shell *sh, const struct parsed_line *line, size_t at,
           const char *old, const char *today, int32_t *out)
{
    int version;

    if (!shell_version_option(sh, line, out)) {
        return false;
    }
    if (line->args.n <= at) {
        return true;
    }
    output_say(&sh->out, "'%s [version]' has been deprecated. "
               "Please use '%s' instead.", old, today);
    if (!config_parse_int(line->args.v[at], &version)) {
        (void) shell_fail_text(sh, "%s is no version", line->args.v[at]);
        return false;
    }
    if (!options_has(line, "v")) {
        *out = version;
    }
    return true;
}

enum cli_code
cmd_set(struct shell *sh, const struct parsed_line *line)
{
    const char *path = line->args.v[1];
    struct zk_slice data = zk_slice_str(line->args.v[2]);
    struct zk_buf bytes = { 0 };
    struct link_answer a = { 0 };
    enum cli_code code = CLI_FAILED;
    int32_t version;

    if (!wr_version(sh, line, 3, "set path data",
                    "set [-s] [-v version] path data", &version)) {
        return CLI_FAILED;
    }
    if (options_has(line, "b")) {
        if (!format_unbase64(line->args.v[2], &bytes)) {
            zk_buf_fini(&bytes);
            return shell_fail_text(sh, "the data is not in base64: %s",
                                   line->args.v[2]);
        }
        data = zk_slice(bytes.len > 0 ? (const char *) bytes.data : "",
                        (int32_t) bytes.len);
    }
    if (shell_check_path(sh, path)) {
        struct zk_op op = zk_op_set_data(path, data, version);

        code = shell_ask(sh, &op, &a);
    }
    if (code == CLI_OK && (options_has(line, "s") || sh->out.json)) {
        output_stat(&sh->out, &a.stat);
    }
    link_answer_fini(&a);
    zk_buf_fini(&bytes);
    return code;
}

/* ---- delete ------------------------------------------------------------- */

enum cli_code
cmd_delete(struct shell *sh, const struct parsed_line *line)
{
    const char *path = line->args.v[1];
    struct link_answer a = { 0 };
    enum cli_code code = CLI_FAILED;
    int32_t version;

    if (wr_version(sh, line, 2, "delete path", "delete [-v version] path",
                   &version)
        && shell_check_path(sh, path)) {
        struct zk_op op = zk_op_delete(path, version);

        code = shell_ask(sh, &op, &a);
    }
    link_answer_fini(&a);
    return code;
}

/* ---- deleteall ---------------------------------------------------------- */

/* Batches under way. */
#define WR_BATCHES 10
/* A batch of long paths has fewer of them: it must pass jute.maxbuffer. */
#define WR_BATCH_BYTES (256u * 1024)
#define WR_BATCH_DEFAULT 1000

/* A subtree that is being removed, from its end on. */
struct tree_removal {
    struct shell *sh;
    struct word_list paths;     /* Breadth first. */
    int32_t batch_size;
    struct link_call *calls[WR_BATCHES];    /* A ring. */
    size_t asked, answered;
    int32_t err;                /* The first. */
};

static bool
wr_collect(void *arg, const char *path)
{
    struct tree_removal *t = arg;

    words_add(&t->paths, path, strlen(path));
    return true;
}

/* Waits for the oldest batch, unless the user does not want to wait. */
static void
wr_finish_batch(struct tree_removal *t)
{
    struct link_call *call = t->calls[t->answered++ % WR_BATCHES];
    struct link_answer a;
    int32_t err;

    if (t->err == LINK_INTERRUPTED) {
        shell_link_drop(t->sh->link, call);
        return;
    }
    err = shell_link_finish(t->sh->link, call, &a);
    link_answer_fini(&a);
    if (t->err == KE_OK || err == LINK_INTERRUPTED) {
        t->err = err;
    }
}

/* Submits one transaction of the last paths and takes them off the list. */
static void
wr_submit_batch(struct tree_removal *t)
{
    struct zk_op *ops = zk_xcalloc((size_t) t->batch_size, sizeof *ops);
    struct zk_op multi;
    size_t n = 0, bytes = 0, left = t->paths.n;

    while (n < (size_t) t->batch_size && n < left
           && bytes < WR_BATCH_BYTES) {
        const char *path = t->paths.v[left - 1 - n];

        bytes += strlen(path) + 32;
        ops[n++] = zk_op_delete(path, -1);
    }
    multi = zk_op_multi(ops, n);
    t->calls[t->asked++ % WR_BATCHES] = shell_link_submit(t->sh->link,
                                                          &multi);
    free(ops);
    while (n-- > 0) {
        free(t->paths.v[--t->paths.n]);
    }
}

static enum cli_code
wr_remove_in_batches(struct tree_removal *t)
{
    if ((size_t) t->batch_size > t->paths.n) {
        t->batch_size = (int32_t) t->paths.n;
    }
    while (t->paths.n > 0 && t->err == KE_OK) {
        if (t->asked - t->answered == WR_BATCHES) {
            wr_finish_batch(t);
        } else {
            wr_submit_batch(t);
        }
    }
    while (t->answered < t->asked) {
        wr_finish_batch(t);
    }
    if (t->err == KE_OK) {
        return CLI_OK;
    }
    if (t->err == LINK_INTERRUPTED) {
        return shell_fail(t->sh, t->err, NULL);
    }
    output_error(&t->sh->out, keeper_error_name(t->err),
                 "Failed to delete some node(s) in the subtree!");
    return CLI_FAILED;
}

/* A batch size of 0 or less: no transactions, and the first error says which
 * node it was. */
static enum cli_code
wr_remove_singly(struct tree_removal *t)
{
    enum cli_code code = CLI_OK;

    while (t->paths.n > 0 && code == CLI_OK) {
        struct zk_op op = zk_op_delete(t->paths.v[t->paths.n - 1], -1);
        struct link_answer a;

        code = shell_ask(t->sh, &op, &a);
        link_answer_fini(&a);
        free(t->paths.v[--t->paths.n]);
    }
    return code;
}

static enum cli_code
wr_remove_tree(struct shell *sh, const char *path, int32_t batch_size)
{
    struct tree_removal t = { .sh = sh, .batch_size = batch_size };
    const struct walk_plan plan = {
        .root = path, .order = WALK_BREADTH_FIRST, .kept = true,
        .max_bytes = sh->set.tree_max_bytes, .visit = wr_collect, .arg = &t,
    };
    enum cli_code code;
    char *failed;
    int32_t err;

    if (!shell_check_path(sh, path)) {
        return CLI_FAILED;
    }
    err = walk_tree(sh->link, &plan, &failed);
    if (err != KE_OK) {
        code = shell_fail(sh, err, failed);
    } else if (batch_size > 0) {
        code = wr_remove_in_batches(&t);
    } else {
        code = wr_remove_singly(&t);
    }
    free(failed);
    words_fini(&t.paths);
    return code;
}

enum cli_code
cmd_deleteall(struct shell *sh, const struct parsed_line *line)
{
    const char *text = options_value(line, "b");
    int batch_size = WR_BATCH_DEFAULT;

    if (text != NULL && !config_parse_int(text, &batch_size)) {
        return shell_fail_text(sh, "-b argument must be an int value");
    }
    return wr_remove_tree(sh, line->args.v[1], batch_size);
}

enum cli_code
cmd_rmr(struct shell *sh, const struct parsed_line *line)
{
    output_say(&sh->out, "The command 'rmr' has been deprecated. "
               "Please use 'deleteall' instead.");
    return wr_remove_tree(sh, line->args.v[1], WR_BATCH_DEFAULT);
}
