/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shell.h: the shell without a terminal: its session, its settings, and how a
 * line becomes a command (Java: ZooKeeperMain).
 *
 * Whoever reads lines (a terminal, a pipe, the command line of the program)
 * calls shell_line or shell_words, and shell_link_tell while it waits.
 *
 * Thread-safety: one thread alone.
 */
#ifndef SHELL_SHELL_H
#define SHELL_SHELL_H

#include "shell/command.h"
#include "shell/link.h"
#include "shell/output.h"

/* So many commands can be done again: a script of lines is as long as it
 * likes. */
#define SHELL_HISTORY 1000

/* What the command line and -client-configuration say.  Borrowed. */
struct shell_settings {
    const char *server;
    int32_t timeout_ms;
    int32_t call_timeout_ms;    /* zookeeper.request.timeout, or a default. */
    int32_t max_buffer;         /* jute.maxbuffer; 0: the default. */
    int64_t tree_max_bytes;     /* See struct walk_plan. */
    bool read_only;
    bool wait_for_connection;
    const struct net_options *net;  /* NULL: plain. */
};

/* A line that is being typed, and must make room for an event. */
struct shell_screen {
    void *arg;
    void (*clear)(void *arg);
    void (*restore)(void *arg);
};

struct shell {
    struct shell_settings set;
    struct output out;
    struct link_env env;        /* Of each link. */
    bool (*interrupt)(void *arg);   /* See shell_set_interrupt. */
    void *interrupt_arg;
    const struct shell_screen *screen;      /* NULL: none; borrowed. */
    struct shell_link *link;    /* NULL: not connected. */
    char *host;                 /* Where to, as the prompt shows it. */
    bool print_watches;
    bool quit;
    bool busy;                  /* A command is under way. */
    enum cli_code code;         /* Of the last command. */

    char *history[SHELL_HISTORY];   /* Command n is at n % SHELL_HISTORY. */
    size_t command_count;
};

/* Nothing is connected yet.  Only where it goes and how is taken from 'to'. */
void shell_init(struct shell *sh, const struct shell_settings *set,
                const struct output *to);
/* 'fd' is readable when the user interrupts what is under way; 'interrupted'
 * takes that up and says whether it was so. */
void shell_set_interrupt(struct shell *sh, int fd, bool (*interrupted)(void *),
                         void *arg);
/* Closes the session and frees what is in it. */
void shell_fini(struct shell *sh);

/* Ends the session that there is, begins another one.  CLI_FAILED after
 * saying why. */
enum cli_code shell_connect(struct shell *sh, const char *server);
/* Ends the session; telling its last events. */
void shell_disconnect(struct shell *sh);

/* Runs one line, counts it and keeps it in the history; a blank one is
 * nothing.  sh->code is its exit code. */
void shell_line(struct shell *sh, const char *line);
/* Runs one command that is in words already. */
enum cli_code shell_words(struct shell *sh, const struct word_list *words);
/* "[zk: host(STATE) N] ". */
char *shell_prompt(const struct shell *sh);

/* The line of a command, by its number; NULL: there is none, or none any
 * more. */
const char *shell_history(const struct shell *sh, size_t number);
/* Another line for the command that runs; it is copied. */
void shell_history_set(struct shell *sh, const char *line);

/* ---- for commands ------------------------------------------------------- */

/* Asks and waits.  On an error says what Java's shell says of it (the path is
 * op->path) and returns CLI_FAILED.  'a' must be finished in any case. */
enum cli_code shell_ask(struct shell *sh, const struct zk_op *op,
                        struct link_answer *a);
/* Says what an error means, with the path (NULL: none); CLI_FAILED. */
enum cli_code shell_fail(struct shell *sh, int32_t err, const char *path);
/* The same for a text; CLI_FAILED. */
enum cli_code shell_fail_text(struct shell *sh, const char *fmt, ...)
    ZK_PRINTF(2, 3);
/* Says how the command is used; CLI_FAILED. */
enum cli_code shell_fail_usage(struct shell *sh, const char *name);
/* Is the path one that a client sends?  False after saying why not. */
bool shell_check_path(struct shell *sh, const char *path);
/* The number behind an option, -1 without it.  False after complaining. */
bool shell_version_option(struct shell *sh, const struct parsed_line *line,
                          int32_t *out);

#endif
