/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line_reader.h: lines for the shell from a pipe or a file; events are told
 * while it waits for the next one.
 *
 * Thread-safety: one thread alone.
 */
#ifndef SHELL_LINE_READER_H
#define SHELL_LINE_READER_H

#include "shell/shell.h"
#include "util/zk_buf.h"

/* A line holds a command and the data of a znode at most. */
#define LINE_READER_MAX (16u * 1024 * 1024)

struct line_reader {
    int fd;
    struct zk_buf buf;          /* Read and not given out. */
    size_t searched;            /* Bytes of it without a newline. */
};

/* The next line without its end, "\n" or "\r\n"; the caller frees it.  NULL:
 * there is none; 'em' is empty then, or says why not. */
char *line_reader_next(struct line_reader *r, struct shell *sh,
                       struct zk_errmsg *em);
/* Frees what is in it. */
void line_reader_fini(struct line_reader *r);

#endif
