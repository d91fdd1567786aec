/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_local.c: what asks no server: help, history, redo, printwatches,
 * version, quit. */
#include <config.h>

#include "shell/shell.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/environment.h"

/* history shows so many before the command that asks. */
#define HISTORY_SHOWN 10

static void
cl_print(struct shell *sh, const char *key, struct zk_buf *text)
{
    zk_buf_append(text, "", 1);
    if (sh->out.json) {
        output_note(&sh->out, key, (const char *) text->data);
    } else {
        output_printf(&sh->out, "%s", (const char *) text->data);
    }
    zk_buf_fini(text);
}

enum cli_code
cmd_help(struct shell *sh, const struct parsed_line *line)
{
    struct zk_buf text = { 0 };

    if (line->args.n < 2) {
        command_usage_list(&text);
    } else {
        const struct command *c = command_find(line->args.v[1]);

        if (c == NULL) {
            return shell_fail_text(sh, "There is no command %s",
                                   line->args.v[1]);
        }
        command_help(c, &text);
    }
    cl_print(sh, "help", &text);
    return CLI_OK;
}

enum cli_code
cmd_history(struct shell *sh, const struct parsed_line *line)
{
    size_t now = sh->command_count;
    size_t first = now > HISTORY_SHOWN ? now - HISTORY_SHOWN : 0;
    struct zk_buf text = { 0 };

    (void) line;
    for (size_t i = first; i <= now; i++) {
        /* A command on the command line of the program is in no history. */
        const char *kept = shell_history(sh, i);
        char *shown = command_mask(kept == NULL ? "null" : kept);

        zk_buf_printf(&text, "%zu - %s\n", i, shown);
        free(shown);
    }
    cl_print(sh, "history", &text);
    return CLI_OK;
}

/* Java's Integer.decode: decimal, 0x, # or 0. */
static bool
cl_decode(const char *text, uint64_t *out)
{
    int base = *text == '#' ? 16 : 0;
    const char *digits = text + (*text == '#');
    char *end;

    *out = strtoumax(digits, &end, base);
    return *digits >= '0' && *digits <= '9' && *end == '\0';
}

enum cli_code
cmd_redo(struct shell *sh, const struct parsed_line *line)
{
    const char *number = line->args.v[1];
    struct word_list words = { 0 };
    const char *again;
    enum cli_code code;
    uint64_t which;

    if (!cl_decode(number, &which)) {
        return shell_fail_text(sh, "%s is no number of a command", number);
    }
    again = which < sh->command_count   /* Not this redo, too. */
            ? shell_history(sh, which) : NULL;
    if (again == NULL) {
        return shell_fail_text(sh, "Command index out of range");
    }
    words_split(again, &words);
    if (strcmp(words.v[0], "redo") == 0) {
        code = shell_fail_text(sh, "No redoing redos");
    } else {
        char *shown = command_mask(again);

        shell_history_set(sh, again);
        output_note(&sh->out, "redone", shown);
        free(shown);
        code = shell_words(sh, &words);
    }
    words_fini(&words);
    return code;
}

enum cli_code
cmd_printwatches(struct shell *sh, const struct parsed_line *line)
{
    if (line->args.n > 1) {
        sh->print_watches = strcmp(line->args.v[1], "on") == 0;
    } else {
        output_printf(&sh->out, "printwatches is %s\n",
                      sh->print_watches ? "on" : "off");
    }
    output_note(&sh->out, "printwatches", sh->print_watches ? "on" : "off");
    return CLI_OK;
}

enum cli_code
cmd_version(struct shell *sh, const struct parsed_line *line)
{
    (void) line;
    output_printf(&sh->out, "ZooKeeper CLI version: %s\n",
                  environment_version());
    output_note(&sh->out, "version", environment_version());
    return CLI_OK;
}

enum cli_code
cmd_quit(struct shell *sh, const struct parsed_line *line)
{
    (void) line;
    sh->quit = true;
    return sh->code;            /* The last command's. */
}
