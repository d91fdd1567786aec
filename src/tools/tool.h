/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool.h: what the commands of zktool share.
 *
 * A command reads its own arguments (argv[0] is its name), writes what was
 * asked for to stdout and everything else to stderr, and returns the exit
 * code.  Arguments that are wrong print its usage to stderr and end with the
 * code that Apache's tool of the same duty has.
 *
 * Nothing here is safe with threads: a tool has one of its own.
 */
#ifndef TOOLS_TOOL_H
#define TOOLS_TOOL_H

#include "config/system_properties.h"
#include "util/zk_buf.h"
#include "util/zk_error.h"
#include "util/zk_slice.h"

/* Java: ExitCode. */
enum tool_exit {
    TOOL_EXIT_OK = 0,
    TOOL_EXIT_FAILED = 1,       /* Damage, or the system refused. */
    TOOL_EXIT_INVALID = 2,      /* Arguments that make no sense. */
};

struct tool {
    struct system_properties *props;    /* -Dname=value. */
    int32_t max_record;         /* jute.maxbuffer + extra size. */
};

/* The commands. */
int tool_check_main(const struct tool *t, int argc, char **argv);
int tool_compare_main(const struct tool *t, int argc, char **argv);
int tool_init_main(const struct tool *t, int argc, char **argv);
int tool_log_main(const struct tool *t, int argc, char **argv);
int tool_purge_main(const struct tool *t, int argc, char **argv);
int tool_snapshot_main(const struct tool *t, int argc, char **argv);

/* "zktool: <text>" on stderr, a line; returns TOOL_EXIT_FAILED.  A terminal is
 * shown what it would obey (texts quote names of files and znodes). */
int tool_fail(const char *fmt, ...) ZK_PRINTF(1, 2);
/* Says so of the option of 'argv' that getopt_long has just refused. */
void tool_refuse_option(char **argv);
/* Decimal, 0x or # and hexadecimal, 0 and octal, as Java's Long.decode: the
 * whole text or false. */
bool tool_parse_long(const char *text, int64_t *out);
/* The same, and what sessions are printed as: 0x and up to 16 digits, from
 * 0x8000000000000000 on a negative number. */
bool tool_parse_id(const char *text, int64_t *out);
/* A decimal number of Java's Integer.parseInt. */
bool tool_parse_int(const char *text, int32_t *out);
/* The version-2 folder of a data folder, by the one name of it; to be
 * freed. */
char *tool_version_dir(const char *data_dir);
/* Locks the folder for a command that is about to write there.  *fd is to be
 * closed in the end (-1: nothing to close).  With 'force' a server that uses
 * it is no hindrance.  ZK_EEXIST with a text that names the option. */
int tool_lock_dir(const char *dir, bool force, int *fd, struct zk_errmsg *em)
    ZK_WARN_UNUSED;

/* ---- output ------------------------------------------------------------ */

/* Text on its way to stdout.  Appended to 'buf' by whoever has some; written
 * in large pieces.  On a terminal, control characters that the text holds
 * (data of znodes is what clients sent) are shown as \xNN. */
struct tool_out {
    struct zk_buf buf;
    bool terminal;
    bool broken;                /* stdout took no more: said on stderr. */
};

/* Appends text so that a terminal shows it and obeys none of it; control
 * characters of 'keep' stay. */
void tool_append_shown(struct zk_buf *out, const void *text, size_t len,
                       const char *keep);
/* Begins output to stdout. */
void tool_out_init(struct tool_out *o);
/* Writes what has gathered, if that is worth a write. */
void tool_out_poll(struct tool_out *o);
/* Writes all of it now: before a question, or something on stderr. */
void tool_out_flush(struct tool_out *o);
/* Writes the rest and frees; TOOL_EXIT_OK, or TOOL_EXIT_FAILED when some of
 * it could not be written. */
int tool_out_fini(struct tool_out *o);
/* Appends text as a Java program prints a string that it made of these
 * bytes: what is not UTF-8 becomes U+FFFD.  Null appends nothing. */
void tool_append_text(struct zk_buf *b, struct zk_slice text);
/* Appends a JSON string (null for null), and base64 (nothing for null). */
void tool_append_json(struct zk_buf *b, struct zk_slice text);
void tool_append_base64(struct zk_buf *b, struct zk_slice bytes);
/* Appends a constant without a length of its own. */
void tool_append(struct zk_buf *b, const char *text);

#endif
