/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h: the commands of the shell: one table of names, usage lines,
 * options and functions.
 *
 * The functions stand in cmd_*.c, a file for each group.  Each is called with
 * its words parsed and enough of them there, says what it has to say by
 * output.h, and returns an exit code.
 *
 * Thread-safety: the table is constant.
 */
#ifndef SHELL_COMMAND_H
#define SHELL_COMMAND_H

#include "shell/options.h"

struct shell;

/* Exit codes of a command (Java: CliException.getExitCode). */
enum cli_code {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_NOT_FOUND = 127,
};

enum command_flags {
    COMMAND_SHOWS_OPTIONS = 1,  /* The usage has a line for each option. */
    COMMAND_OFFLINE = 2,        /* Needs no session. */
    COMMAND_TAKES_ALL = 4,      /* No word is an option. */
    COMMAND_OLD = 8,            /* Of 3.4 and 3.5; newer shells lack it. */
    COMMAND_SECRET = 16,        /* Behind its first word are passwords. */
};

struct command {
    const char *name;
    const char *usage;          /* Behind the name. */
    const char *summary;        /* For help: what it does. */
    struct option_table options;
    size_t min_args, max_args;  /* Behind the name, options left out. */
    unsigned flags;
    enum cli_code (*run)(struct shell *sh, const struct parsed_line *line);
};

/* All, in order of names (of bytes: capitals first). */
extern const struct command command_table[];
extern const size_t command_count;

/* NULL: there is none of that name. */
const struct command *command_find(const char *name);
/* Is the line, before it is taken apart, a command with passwords? */
bool command_is_secret(const char *line);
/* A copy of the line to be shown: "***" stands for passwords.  The caller
 * frees it. */
char *command_mask(const char *line);
/* Appends "name usage", and the options where they are shown; ends with one
 * newline, behind options with two. */
void command_usage(const struct command *c, struct zk_buf *out);
/* Appends usage, summary and all options. */
void command_help(const struct command *c, struct zk_buf *out);
/* Appends the list that a wrong command is answered with. */
void command_usage_list(struct zk_buf *out);

/* cmd_session.c */
enum cli_code cmd_addauth(struct shell *, const struct parsed_line *);
enum cli_code cmd_close(struct shell *, const struct parsed_line *);
enum cli_code cmd_connect(struct shell *, const struct parsed_line *);
enum cli_code cmd_sync(struct shell *, const struct parsed_line *);
enum cli_code cmd_whoami(struct shell *, const struct parsed_line *);
/* cmd_local.c */
enum cli_code cmd_help(struct shell *, const struct parsed_line *);
enum cli_code cmd_history(struct shell *, const struct parsed_line *);
enum cli_code cmd_printwatches(struct shell *, const struct parsed_line *);
enum cli_code cmd_quit(struct shell *, const struct parsed_line *);
enum cli_code cmd_redo(struct shell *, const struct parsed_line *);
enum cli_code cmd_version(struct shell *, const struct parsed_line *);
/* cmd_read.c */
enum cli_code cmd_get(struct shell *, const struct parsed_line *);
enum cli_code cmd_get_all_children_number(struct shell *,
                                          const struct parsed_line *);
enum cli_code cmd_get_ephemerals(struct shell *, const struct parsed_line *);
enum cli_code cmd_ls(struct shell *, const struct parsed_line *);
enum cli_code cmd_ls2(struct shell *, const struct parsed_line *);
enum cli_code cmd_stat(struct shell *, const struct parsed_line *);
/* cmd_write.c */
enum cli_code cmd_create(struct shell *, const struct parsed_line *);
enum cli_code cmd_delete(struct shell *, const struct parsed_line *);
enum cli_code cmd_deleteall(struct shell *, const struct parsed_line *);
enum cli_code cmd_rmr(struct shell *, const struct parsed_line *);
enum cli_code cmd_set(struct shell *, const struct parsed_line *);
/* cmd_acl.c */
enum cli_code cmd_get_acl(struct shell *, const struct parsed_line *);
enum cli_code cmd_set_acl(struct shell *, const struct parsed_line *);
/* cmd_watch.c */
enum cli_code cmd_add_watch(struct shell *, const struct parsed_line *);
enum cli_code cmd_removewatches(struct shell *, const struct parsed_line *);
/* cmd_quota.c */
enum cli_code cmd_delquota(struct shell *, const struct parsed_line *);
enum cli_code cmd_listquota(struct shell *, const struct parsed_line *);
enum cli_code cmd_setquota(struct shell *, const struct parsed_line *);
/* cmd_config.c */
enum cli_code cmd_config(struct shell *, const struct parsed_line *);
enum cli_code cmd_reconfig(struct shell *, const struct parsed_line *);

#endif
