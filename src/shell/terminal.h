/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal.h: lines for the shell from a person: prompt, editing, history,
 * completion (libedit).
 *
 * Ctrl-C drops the line that is typed, or ends the wait for an answer;
 * Ctrl-D on an empty line, SIGTERM and SIGHUP end the shell; Ctrl-Z stops it.
 * An event takes the place of the line, which is drawn again below.  No signal
 * handler runs: signals are read from a descriptor between other things.
 *
 * Thread-safety: one thread alone, which must be the first: the signals are
 * blocked for all that are started later.
 */
#ifndef SHELL_TERMINAL_H
#define SHELL_TERMINAL_H

#include "shell/shell.h"

struct terminal;

/* Takes standard input and output, and the shell's events and interrupts.
 * NULL: they cannot be had ('em' says why). */
struct terminal *terminal_create(struct shell *sh, struct zk_errmsg *em);
/* Reads one line, without its end; the caller frees it.  NULL: the end. */
char *terminal_line(struct terminal *t);
/* Saves the history, gives the terminal back.  NULL is none. */
void terminal_destroy(struct terminal *t);

#endif
