/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line_history.h: the lines that a person has typed, for libedit, and the
 * file that keeps them.
 *
 * What the name of the file stands for is looked at before it is touched: a
 * regular file that holds a history, an empty one, or nothing.  Of all else
 * (a device, a folder, a file of something else) nothing is read and nothing
 * is written.  Symbolic links are followed.
 *
 * Several shells may use one file: each adds, under a lock, what was typed in
 * it to what the file holds at that time.
 *
 * Thread-safety: one thread alone.
 */
#ifndef SHELL_LINE_HISTORY_H
#define SHELL_LINE_HISTORY_H

#include <histedit.h>

#include "util/zk_obj.h"

/* Lines kept, in memory and in the file. */
#define LINE_HISTORY_MAX 1000
/* So long another shell may be at the file; then it is left alone. */
#define LINE_HISTORY_LOCK_MS 1000

struct line_history;

/* Takes up what 'file' holds; NULL: no file. */
struct line_history *line_history_create(const char *file);
/* NULL is none.  Does not save. */
void line_history_destroy(struct line_history *h);
/* For EL_HIST; borrowed. */
History *line_history_lines(struct line_history *h);
/* Takes a line up, without its newline, unless it is blank or may hold a
 * password (command_is_secret). */
void line_history_add(struct line_history *h, const char *line);
/* Puts the lines added since the last save behind those that the file holds
 * now.  Written aside and renamed: a crash halves nothing.  False: there was
 * something to save, and it was not. */
bool line_history_save(struct line_history *h);

#endif
