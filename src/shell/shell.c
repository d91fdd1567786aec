/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "shell/shell.h"

#include <stdlib.h>
#include <string.h>

#include "config/server_address.h"
#include "shell/java_path.h"

/* ---- life --------------------------------------------------------------- */

/* Makes room on the screen for lines that no command prints, and takes it
 * back. */
static void
shell_step_aside(struct shell *sh, bool aside)
{
    const struct shell_screen *screen = sh->screen;

    if (screen != NULL) {
        (aside ? screen->clear : screen->restore)(screen->arg);
    }
}

static void
shell_on_event(void *arg, const struct zk_event *ev)
{
    struct shell *sh = arg;

    if (!sh->print_watches) {
        return;
    }
    shell_step_aside(sh, true);
    output_event(&sh->out, zk_keeper_state_name(ev->state),
                 zk_event_type_name(ev->type), ev->path, ev->zxid);
    shell_step_aside(sh, false);
}

static void
shell_on_lost(void *arg, size_t events)
{
    struct shell *sh = arg;

    if (!sh->print_watches) {
        return;
    }
    shell_step_aside(sh, true);
    output_say(&sh->out, "zkcli: %zu events came faster than they could be "
               "printed, and are left out", events);
    shell_step_aside(sh, false);
}

static bool
shell_interrupted(void *arg)
{
    struct shell *sh = arg;

    return sh->interrupt(sh->interrupt_arg);
}

void
shell_init(struct shell *sh, const struct shell_settings *set,
           const struct output *to)
{
    *sh = (struct shell) {
        .set = *set,
        .out = { .out = to->out, .err = to->err, .json = to->json,
                 .escape_out = to->escape_out,
                 .escape_err = to->escape_err },
        .env = { .arg = sh, .on_event = shell_on_event,
                 .on_lost = shell_on_lost, .interrupt_fd = -1 },
        .print_watches = true,
    };
}

void
shell_set_interrupt(struct shell *sh, int fd, bool (*interrupted)(void *),
                    void *arg)
{
    sh->interrupt = interrupted;
    sh->interrupt_arg = arg;
    sh->env.interrupted = shell_interrupted;
    sh->env.interrupt_fd = fd;
}

void
shell_fini(struct shell *sh)
{
    shell_disconnect(sh);
    for (size_t i = 0; i < SHELL_HISTORY; i++) {
        free(sh->history[i]);
    }
    free(sh->host);
}

void
shell_disconnect(struct shell *sh)
{
    shell_link_close(sh->link);
    sh->link = NULL;
}

enum cli_code
shell_connect(struct shell *sh, const char *server)
{
    char *host = zk_xstrdup(server);    /* It may be sh->host. */
    const struct link_config cfg = {
        .server = host,
        .timeout_ms = sh->set.timeout_ms,
        .call_timeout_ms = sh->set.call_timeout_ms,
        .read_only = sh->set.read_only,
        .max_buffer = sh->set.max_buffer,
        .net = sh->set.net,
    };
    struct zk_errmsg em;

    shell_disconnect(sh);
    free(sh->host);
    sh->host = host;
    if (shell_link_open(&cfg, &sh->env, &sh->link, &em) != ZK_OK) {
        return shell_fail_text(sh, "%s: %s", host, em.text);
    }
    if (sh->set.wait_for_connection
        && !shell_link_wait_connected(sh->link, sh->set.timeout_ms)) {
        return shell_fail(sh, KE_CONNECTION_LOSS, NULL);
    }
    return CLI_OK;
}

/* ---- lines -------------------------------------------------------------- */

static enum cli_code
shell_not_found(struct shell *sh, const char *name)
{
    struct zk_buf list = { 0 };
    char *text = zk_xasprintf("Command not found: Command not found %s",
                              name);

    command_usage_list(&list);
    zk_buf_append(&list, "", 1);
    output_say_lines(&sh->out, (const char *) list.data);
    output_error(&sh->out, "COMMANDNOTFOUND", text);
    zk_buf_fini(&list);
    free(text);
    return CLI_NOT_FOUND;
}

enum cli_code
shell_fail_usage(struct shell *sh, const char *name)
{
    const struct command *c = command_find(name);
    struct zk_buf usage = { 0 };

    command_usage(c, &usage);
    usage.data[usage.len - 1] = '\0';   /* The last newline. */
    output_error(&sh->out, "USAGE", (const char *) usage.data);
    zk_buf_fini(&usage);
    return CLI_FAILED;
}

static enum cli_code
shell_run(struct shell *sh, const struct command *c,
          const struct word_list *words)
{
    static const struct option_table none;
    const bool all = (c->flags & COMMAND_TAKES_ALL) != 0;
    struct parsed_line line;
    struct zk_errmsg em;
    enum cli_code code;

    if ((c->flags & COMMAND_OFFLINE) == 0 && !shell_link_alive(sh->link)) {
        output_error(&sh->out, "CLOSED", "Not connected");
        return CLI_FAILED;
    }
    if (all) {
        line = (struct parsed_line) { .table = &none };
        for (size_t i = 0; i < words->n; i++) {
            words_add(&line.args, words->v[i], strlen(words->v[i]));
        }
    } else if (options_parse(&c->options, words, &line, &em) != ZK_OK) {
        options_fini(&line);
        return shell_fail_text(sh, "%s", em.text);
    }
    code = line.args.n - 1 < c->min_args || line.args.n - 1 > c->max_args
           ? shell_fail_usage(sh, c->name)
           : c->run(sh, &line);
    options_fini(&line);
    return code;
}

enum cli_code
shell_words(struct shell *sh, const struct word_list *words)
{
    const struct command *c = command_find(words->v[0]);
    const bool outer = !sh->busy;   /* redo runs a command inside another. */

    if (outer) {
        output_begin(&sh->out, words->v[0]);
        sh->busy = true;
    }
    sh->code = c == NULL ? shell_not_found(sh, words->v[0])
                         : shell_run(sh, c, words);
    if (outer) {
        /* What quit returns is the last command's. */
        output_end(&sh->out, sh->code == CLI_OK || sh->quit);
        sh->busy = false;
    }
    return sh->code;
}

void
shell_line(struct shell *sh, const char *line)
{
    struct word_list words = { 0 };

    words_split(line, &words);
    if (words.n > 0) {
        shell_history_set(sh, line);
        shell_words(sh, &words);
        sh->command_count++;
    }
    words_fini(&words);
}

const char *
shell_history(const struct shell *sh, size_t number)
{
    return number <= sh->command_count
           && sh->command_count - number < SHELL_HISTORY
           ? sh->history[number % SHELL_HISTORY] : NULL;
}

void
shell_history_set(struct shell *sh, const char *line)
{
    char **slot = &sh->history[sh->command_count % SHELL_HISTORY];
    char *copy = zk_xstrdup(line);      /* It may be an older one. */

    free(*slot);
    *slot = copy;
}

char *
shell_prompt(const struct shell *sh)
{
    return zk_xasprintf("[zk: %s(%s) %zu] ",
                        sh->host == NULL ? "" : sh->host,
                        shell_link_state(sh->link), sh->command_count);
}

/* ---- for commands ------------------------------------------------------- */

/* What Java's shell says of the errors that it has words of its own for; a
 * path goes behind those that end with a blank (Java: CliWrapperException). */
static const char *
shell_words_for(int32_t err)
{
    switch (err) {
    case KE_NO_NODE:
        return "Node does not exist: ";
    case KE_NO_CHILDREN_FOR_EPHEMERALS:
        return "Ephemerals cannot have children: ";
    case KE_NODE_EXISTS:
        return "Node already exists: ";
    case KE_NOT_EMPTY:
        return "Node not empty: ";
    case KE_NOT_READ_ONLY:
        return "Not a read-only call: ";
    case KE_INVALID_ACL:
        return "Acl is not valid : ";
    case KE_NO_AUTH:
        return "Insufficient permission : ";
    case KE_BAD_ARGUMENTS:
        return "Arguments are not valid : ";
    case KE_BAD_VERSION:
        return "version No is not valid : ";
    case KE_QUOTA_EXCEEDED:
        return "Quota has exceeded : ";
    case KE_RECONFIG_IN_PROGRESS:
        return "Another reconfiguration is in progress -- concurrent "
               "reconfigs not supported (yet)";
    case KE_NEW_CONFIG_NO_QUORUM:
        return "No quorum of new config is connected and up-to-date with "
               "the leader of last committed config - try invoking "
               "reconfiguration after new servers are connected and synced";
    case LINK_INTERRUPTED:
        return "interrupted; what was asked may still happen";
    case LINK_TOO_MUCH:
        return "the tree has more znodes than zkd.treeMaxBytes lets this "
               "shell hold";
    default:
        return NULL;
    }
}

enum cli_code
shell_fail(struct shell *sh, int32_t err, const char *path)
{
    const char *words = shell_words_for(err);
    char *text;

    if (words == NULL) {
        text = zk_xasprintf("KeeperErrorCode = %s%s%s",
                            keeper_error_message(err),
                            path == NULL || *path == '\0' ? "" : " for ",
                            path == NULL ? "" : path);
    } else if (words[strlen(words) - 1] == ' ') {
        text = zk_xasprintf("%s%s", words, path == NULL ? "null" : path);
    } else {
        text = zk_xstrdup(words);
    }
    output_error(&sh->out, err == LINK_INTERRUPTED ? "INTERRUPTED"
                           : err == LINK_TOO_MUCH  ? "TOOMUCH"
                                                   : keeper_error_name(err),
                 text);
    free(text);
    return CLI_FAILED;
}

enum cli_code
shell_fail_text(struct shell *sh, const char *fmt, ...)
{
    char *text;
    va_list ap;

    va_start(ap, fmt);
    text = zk_xvasprintf(fmt, ap);
    va_end(ap);
    output_error(&sh->out, NULL, text);
    free(text);
    return CLI_FAILED;
}

enum cli_code
shell_ask(struct shell *sh, const struct zk_op *op, struct link_answer *a)
{
    int32_t err = shell_link_call(sh->link, op, a);

    return err == KE_OK ? CLI_OK : shell_fail(sh, err, op->path);
}

bool
shell_check_path(struct shell *sh, const char *path)
{
    struct zk_errmsg em;

    if (java_path_check(path, &em) == ZK_OK) {
        return true;
    }
    (void) shell_fail_text(sh, "%s", em.text);
    return false;
}

bool
shell_version_option(struct shell *sh, const struct parsed_line *line,
                     int32_t *out)
{
    const char *text = options_value(line, "v");
    int version = -1;

    if (text != NULL && !config_parse_int(text, &version)) {
        (void) shell_fail_text(sh, "-v argument must be an int value: %s",
                               text);
        return false;
    }
    *out = version;
    return true;
}
