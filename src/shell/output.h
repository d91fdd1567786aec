/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.h: where the answers of commands go: as lines for people, as Apache's
 * shell prints them, or as one JSON object for each command and each event.
 *
 * A command says what it found out once, by output_*; it does not know which
 * of the two it is.  All that is foreign (names, data, what is typed) reaches
 * a terminal without control characters, in JSON as \u00NN.
 *
 *   {"command":"get","data":"x","stat":{"czxid":"0x5",...},"ok":true}
 *   {"command":"get","error":"Node does not exist: /n","code":"NONODE",
 *    "ok":false}
 *   {"event":"NodeDataChanged","state":"SyncConnected","path":"/n","zxid":-1}
 *
 * Thread-safety: none; the shell's one thread.
 */
#ifndef SHELL_OUTPUT_H
#define SHELL_OUTPUT_H

#include <stdio.h>

#include "jute/zookeeper_records.h"
#include "shell/words.h"
#include "util/zk_obj.h"

struct json_t;

struct output {
    FILE *out, *err;            /* Borrowed. */
    bool json;
    bool escape_out, escape_err;    /* A terminal shows it: no control
                                     * characters. */
    struct json_t *doc;         /* What the command has said so far. */
};

enum output_form {
    OUTPUT_PLAIN,
    OUTPUT_BASE64,
    OUTPUT_HEX,
};

/* Around each command; 'ok' is whether it succeeded. */
void output_begin(struct output *o, const char *command);
void output_end(struct output *o, bool ok);

/* For people alone: to out; what is foreign in it does no harm. */
void output_printf(struct output *o, const char *fmt, ...) ZK_PRINTF(2, 3);
/* A line to err, be it JSON or not. */
void output_say(struct output *o, const char *fmt, ...) ZK_PRINTF(2, 3);
/* Lines to err that end with a newline already; none for an empty text. */
void output_say_lines(struct output *o, const char *text);
/* Why the command failed: a line to err, and "error".  'code' (may be NULL)
 * is the name of the error. */
void output_error(struct output *o, const char *code, const char *text);

/* A line to out, and a string or number under 'key'. */
void output_text(struct output *o, const char *key, const char *text);
void output_number(struct output *o, const char *key, int64_t number);
/* JSON alone: a string under 'key'. */
void output_note(struct output *o, const char *key, const char *text);
/* The eleven lines; "stat". */
void output_stat(struct output *o, const struct jute_stat *stat);
/* "[a, b]"; a list under 'key'. */
void output_names(struct output *o, const char *key,
                  const struct word_list *names);
/* A line of its own; one more in the list "paths". */
void output_path(struct output *o, const char *path);
/* The data of a znode, byte for byte unless a terminal shows it, and a
 * newline; "data" (null where it is null), or "data_base64" for what is no
 * UTF-8 or was asked for so. */
void output_data(struct output *o, struct zk_slice data,
                 enum output_form form);
/* Two lines for each; a list "acl". */
void output_acl(struct output *o, struct zk_slice raw);
/* "scheme: user"; one more in the list "auth". */
void output_who(struct output *o, const char *scheme, const char *user);
/* A node that refused, while others did not: a line; one more in the list
 * "failed", as {"path":...,"code":...,"error":...}. */
void output_failed(struct output *o, const char *path, const char *code,
                   const char *text);
/* A line to out; one more in the list "warnings". */
void output_warn(struct output *o, const char *fmt, ...) ZK_PRINTF(2, 3);
/* "Created PATH" to err; "path". */
void output_created(struct output *o, const char *path);
/* An event, between empty lines. */
void output_event(struct output *o, const char *state, const char *type,
                  struct zk_slice path, int64_t zxid);

#endif
