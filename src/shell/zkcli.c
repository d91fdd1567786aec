/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zkcli.c: the program zkcli (Java: ZooKeeperMain.main).
 */
#include <config.h>

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/environment.h"
#include "shell/line_reader.h"
#include "shell/start.h"
#include "shell/terminal.h"
#include "util/host_lookup.h"
#include "util/zk_io.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

/* How long the end waits for names that are still looked up. */
#define ZKCLI_LOOKUP_MS 200

/* Znodes are UTF-8; so is what is typed, whatever the locale. */
static void
zkcli_set_locale(void)
{
    if (setlocale(LC_CTYPE, "") == NULL
        || strcmp(nl_langinfo(CODESET), "UTF-8") != 0) {
        (void) setlocale(LC_CTYPE, "C.UTF-8");
    }
}

/* The log would stand between the lines: it is for those who ask for it. */
static bool
zkcli_start_log(const struct start *s)
{
    const struct zk_log_options opts = {
        .root_logger = system_properties_get(s->props,
                                             "zookeeper.root.logger"),
        .log_dir = system_properties_get(s->props, "zookeeper.log.dir"),
        .log_file = system_properties_get(s->props, "zookeeper.log.file"),
    };

    if (opts.root_logger == NULL) {
        zk_log_set_level(ZK_LOG_OFF);
        return false;
    }
    zk_log_start(&opts);
    return true;
}

static void
zkcli_read_terminal(struct shell *sh, struct terminal *t)
{
    char *line;

    while (!sh->quit && (line = terminal_line(t)) != NULL) {
        shell_line(sh, line);
        free(line);
    }
}

static void
zkcli_read_pipe(struct shell *sh)
{
    struct line_reader r = { .fd = STDIN_FILENO };
    struct zk_errmsg em = { "" };
    char *line;

    while (!sh->quit && (line = line_reader_next(&r, sh, &em)) != NULL) {
        shell_line(sh, line);
        free(line);
    }
    if (em.text[0] != '\0') {
        output_say(&sh->out, "zkcli: %s", em.text);
        sh->code = CLI_FAILED;
    }
    line_reader_fini(&r);
}

/* Lines, from a person or from a pipe. */
static void
zkcli_read(struct shell *sh, const struct start *s)
{
    bool person = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    struct terminal *t = NULL;
    struct zk_errmsg em;

    if (person) {
        t = terminal_create(sh, &em);
        if (t == NULL) {
            output_say(&sh->out, "zkcli: no line editing: %s", em.text);
        }
    }
    sh->code = shell_connect(sh, s->set.server);
    if (sh->code == CLI_OK || !s->set.wait_for_connection) {
        output_printf(&sh->out, "Welcome to ZooKeeper!\n"
                      "JLine support is %s\n",
                      t != NULL ? "enabled" : "disabled");
        if (t != NULL) {
            zkcli_read_terminal(sh, t);
        } else {
            zkcli_read_pipe(sh);
        }
    }
    /* As in Java, quit tells of the session's end; the end of input and a
     * single command do not: their last line is the answer. */
    sh->print_watches = sh->print_watches && sh->quit;
    shell_disconnect(sh);
    terminal_destroy(t);
}

/* Is there something to connect for?  Not for an unknown command, nor for one
 * that asks no server. */
static bool
zkcli_needs_server(const struct start *s)
{
    const struct command *c;

    if (s->command.n == 0 || s->set.wait_for_connection) {
        return true;
    }
    c = command_find(s->command.v[0]);
    return c != NULL && (c->flags & COMMAND_OFFLINE) == 0;
}

/* The one command of the command line. */
static void
zkcli_run_command(struct shell *sh, const struct start *s)
{
    /* Events of the session's state are no answer. */
    sh->print_watches = !s->json;
    if (zkcli_needs_server(s)) {
        sh->code = shell_connect(sh, s->set.server);
    }
    if (sh->code == CLI_OK) {
        (void) shell_words(sh, &s->command);
    }
    sh->print_watches = false;
}

static int
zkcli_run(const struct start *s)
{
    const struct output to = {
        .out = stdout, .err = stderr, .json = s->json,
        .escape_out = isatty(STDOUT_FILENO) != 0,
        .escape_err = isatty(STDERR_FILENO) != 0,
    };
    struct shell sh;
    enum cli_code code;

    shell_init(&sh, &s->set, &to);
    if (zkcli_needs_server(s)) {
        if (s->secure) {
            output_printf(&sh.out, "Secure connection is enabled\n");
        }
        output_printf(&sh.out, "Connecting to %s\n", s->set.server);
    }
    if (s->command.n == 0) {
        zkcli_read(&sh, s);
    } else {
        zkcli_run_command(&sh, s);
    }
    code = sh.code;
    shell_fini(&sh);
    return (int) code;
}

int
main(int argc, char **argv)
{
    struct zk_errmsg em;
    struct start s;
    bool logging;
    int code;

    zk_open_std_fds();
    zkcli_set_locale();
    if (start_parse(argc, argv, &s, &em) != ZK_OK) {
        fprintf(stderr, "zkcli: %s\n(zkcli --help lists the options)\n",
                em.text);
        start_fini(&s);
        return CLI_FAILED;
    }
    if (s.help) {
        fputs(start_help, stdout);
        code = CLI_OK;
    } else if (s.version) {
        printf("zkcli (%s) %s\nZooKeeper CLI version: %s\n", PACKAGE_NAME,
               PACKAGE_VERSION, environment_version());
        code = CLI_OK;
    } else {
        logging = zkcli_start_log(&s);
        code = zkcli_run(&s);
        if (logging) {
            zk_log_stop();
        }
    }
    start_fini(&s);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("zkcli: standard output");
        code = code == CLI_OK ? CLI_FAILED : code;
    }
    if (!host_lookup_join_until(zk_time_mono_ms() + ZKCLI_LOOKUP_MS)) {
        _exit(code);            /* exit would take down what they use. */
    }
    return code;
}
