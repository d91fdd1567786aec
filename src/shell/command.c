/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "shell/command.h"

#include <string.h>

#include "util/zk_buf.h"

#define ANY SIZE_MAX

#define OPTIONS(array) { array, ZK_ARRAY_SIZE(array), false, false }
#define NO_OPTIONS { NULL, 0, false, false }

static const struct option_spec add_watch_options[] = {
    { "m", true, "mode" },
};
static const struct option_spec config_options[] = {
    { "s", false, "stats" },
    { "w", false, "watch" },
    { "c", false, "client connection string" },
};
static const struct option_spec create_options[] = {
    { "e", false, "ephemeral" },
    { "s", false, "sequential" },
    { "c", false, "container" },
    { "t", true, "ttl" },
};
static const struct option_spec delete_options[] = {
    { "v", true, "version" },
};
static const struct option_spec deleteall_options[] = {
    { "b", true, "batch size" },
};
/* The order is that in which Java names them. */
static const struct option_spec delquota_options[] = {
    { "n", false, "num soft quota" },
    { "b", false, "bytes soft quota" },
    { "N", false, "num hard quota" },
    { "B", false, "bytes hard quota" },
};
static const struct option_spec setquota_options[] = {
    { "n", true, "num soft quota" },
    { "b", true, "bytes soft quota" },
    { "N", true, "num hard quota" },
    { "B", true, "bytes hard quota" },
};
static const struct option_spec get_options[] = {
    { "s", false, "Print znode stats additionally" },
    { "w", false, "Watch for changes on the znode" },
    { "b", false, "Output data in base64 format" },
    { "x", false, "Output data in hexdump format" },
};
static const struct option_spec get_acl_options[] = {
    { "s", false, "stats" },
};
static const struct option_spec ls_options[] = {
    { "?", false, "help" },
    { "s", false, "stat" },
    { "w", false, "watch" },
    { "R", false, "recurse" },
};
static const struct option_spec reconfig_options[] = {
    { "s", false, "stats" },
    { "v", true, "required current config version" },
    { "file", true, "path of config file to parse for membership" },
    { "members", true,
      "comma-separated list of config strings for non-incremental reconfig" },
    { "add", true, "comma-separated list of config strings for new servers" },
    { "remove", true, "comma-separated list of server IDs to remove" },
};
static const struct option_spec removewatches_options[] = {
    { "c", false, "child watcher type" },
    { "d", false, "data watcher type" },
    { "p", false, "persistent watcher type" },
    { "r", false, "persistent recursive watcher type" },
    { "a", false, "any watcher type" },
    { "l", false, "remove locally when there is no server connection" },
};
static const struct option_spec set_options[] = {
    { "s", false, "Print znode stats additionally" },
    { "v", true, "Set with an expected version" },
    { "b", false, "Supply data in base64 format" },
};
static const struct option_spec set_acl_options[] = {
    { "s", false, "stats" },
    { "v", true, "version" },
    { "R", false, "recursive" },
};
static const struct option_spec stat_options[] = {
    { "w", false, "watch" },
};

const struct command command_table[] = {
    { "addWatch",
      "[-m mode] path # optional mode is one of [PERSISTENT, "
      "PERSISTENT_RECURSIVE] - default is PERSISTENT_RECURSIVE",
      "Watches a znode, or all below it, until the watch is removed.",
      OPTIONS(add_watch_options), 1, 1, 0, cmd_add_watch },
    { "addauth", "scheme auth",
      "Says who this session is: digest user:password, for example.",
      NO_OPTIONS, 1, ANY, COMMAND_SECRET, cmd_addauth },
    { "close", "", "Ends the session; connect begins another one.",
      NO_OPTIONS, 0, ANY, COMMAND_TAKES_ALL, cmd_close },
    { "config", "[-c] [-w] [-s]",
      "Prints the members of the ensemble, or (-c) where clients connect.",
      OPTIONS(config_options), 0, ANY, 0, cmd_config },
    { "connect", "host:port",
      "Ends the session and begins another one, there or where it was.",
      NO_OPTIONS, 0, ANY, COMMAND_OFFLINE | COMMAND_TAKES_ALL, cmd_connect },
    { "create", "[-s] [-e] [-c] [-t ttl] path [data] [acl]",
      "Makes a znode; a TTL is in milliseconds.",
      OPTIONS(create_options), 1, ANY, 0, cmd_create },
    { "delete", "[-v version] path",
      "Removes a znode without children, if it has that version.",
      OPTIONS(delete_options), 1, ANY, 0, cmd_delete },
    { "deleteall", "path [-b batch size]",
      "Removes a znode and all below it, up to so many in one transaction.",
      OPTIONS(deleteall_options), 1, ANY, 0, cmd_deleteall },
    { "delquota", "[-n|-b|-N|-B] path",
      "Removes the quota of a znode, or one limit of it.",
      { delquota_options, ZK_ARRAY_SIZE(delquota_options), true, false },
      1, ANY, 0, cmd_delquota },
    { "exit", "", "Ends the shell with the exit code of the last command.",
      NO_OPTIONS, 0, ANY, COMMAND_OFFLINE | COMMAND_TAKES_ALL, cmd_quit },
    { "get", "[-s] [-w] [-b] [-x] path", "Prints the data of a znode.",
      OPTIONS(get_options), 1, ANY, COMMAND_SHOWS_OPTIONS, cmd_get },
    { "getAcl", "[-s] path", "Prints who may do what with a znode.",
      OPTIONS(get_acl_options), 1, ANY, 0, cmd_get_acl },
    { "getAllChildrenNumber", "path",
      "Counts the znodes below a znode, at all depths.",
      NO_OPTIONS, 1, ANY, 0, cmd_get_all_children_number },
    { "getEphemerals", "path",
      "Lists the ephemeral znodes of this session, at and below a path.",
      NO_OPTIONS, 0, ANY, 0, cmd_get_ephemerals },
    { "help", "[command]", "Explains a command, or lists all.",
      NO_OPTIONS, 0, ANY, COMMAND_OFFLINE | COMMAND_TAKES_ALL, cmd_help },
    { "history", "", "Lists the last commands; redo takes their numbers.",
      NO_OPTIONS, 0, ANY, COMMAND_OFFLINE | COMMAND_TAKES_ALL, cmd_history },
    { "listquota", "path", "Prints the limits of a znode and what is used.",
      NO_OPTIONS, 1, ANY, 0, cmd_listquota },
    { "ls", "[-s] [-w] [-R] path",
      "Lists the children of a znode, or all below it.",
      OPTIONS(ls_options), 0, ANY, 0, cmd_ls },
    { "ls2", "path [watch]", "The same as ls -s.",
      NO_OPTIONS, 1, ANY, COMMAND_OLD, cmd_ls2 },
    { "printwatches", "on|off", "Whether events are printed.",
      NO_OPTIONS, 0, ANY, COMMAND_OFFLINE | COMMAND_TAKES_ALL,
      cmd_printwatches },
    { "quit", "", "Ends the shell with the exit code of the last command.",
      NO_OPTIONS, 0, ANY, COMMAND_OFFLINE | COMMAND_TAKES_ALL, cmd_quit },
    { "reconfig",
      "[-s] [-v version] [[-file path] | "
      "[-members serverID=host:port1:port2;port3[,...]*]] | "
      "[-add serverId=host:port1:port2;port3[,...]]* "
      "[-remove serverId[,...]*]",
      "Changes the members of the ensemble.",
      OPTIONS(reconfig_options), 0, ANY, 0, cmd_reconfig },
    { "redo", "cmdno", "Runs a command of the history again.",
      NO_OPTIONS, 1, ANY, COMMAND_OFFLINE | COMMAND_TAKES_ALL, cmd_redo },
    { "removewatches", "path [-c|-d|-a] [-l]",
      "Removes the watches that this session has on a znode.",
      OPTIONS(removewatches_options), 1, ANY, 0, cmd_removewatches },
    { "rmr", "path", "The same as deleteall.",
      NO_OPTIONS, 1, ANY, COMMAND_OLD, cmd_rmr },
    { "set", "path data [-s] [-v version] [-b]",
      "Replaces the data of a znode, if it has that version.",
      OPTIONS(set_options), 2, ANY, COMMAND_SHOWS_OPTIONS, cmd_set },
    { "setAcl", "[-s] [-v version] [-R] path acl",
      "Says who may do what: scheme:id:perms[,...], perms of cdrwa.",
      OPTIONS(set_acl_options), 2, ANY, 0, cmd_set_acl },
    { "setquota", "-n|-b|-N|-B val path",
      "Limits the znodes (-n) or bytes (-b) at and below a znode; -N and -B "
      "are hard.",
      { setquota_options, ZK_ARRAY_SIZE(setquota_options), true, true },
      1, ANY, 0, cmd_setquota },
    { "stat", "[-w] path", "Prints what is known of a znode but its data.",
      OPTIONS(stat_options), 1, ANY, 0, cmd_stat },
    { "sync", "path", "Waits until the server has all that was written.",
      NO_OPTIONS, 1, ANY, 0, cmd_sync },
    { "version", "", "Prints the version of this shell.",
      NO_OPTIONS, 0, 0, COMMAND_OFFLINE, cmd_version },
    { "whoami", "", "Lists who this session is to the server.",
      NO_OPTIONS, 0, ANY, COMMAND_TAKES_ALL, cmd_whoami },
};
const size_t command_count = ZK_ARRAY_SIZE(command_table);

const struct command *
command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(command_table[i].name, name) == 0) {
            return &command_table[i];
        }
    }
    return NULL;
}

/* The command of the words is secret. */
static bool
command_words_are_secret(const struct word_list *words)
{
    const struct command *c = words->n == 0 ? NULL
                                            : command_find(words->v[0]);

    return c != NULL && (c->flags & COMMAND_SECRET) != 0;
}

bool
command_is_secret(const char *line)
{
    struct word_list words = { 0 };
    bool secret;

    words_split(line, &words);
    secret = command_words_are_secret(&words);
    words_fini(&words);
    return secret;
}

char *
command_mask(const char *line)
{
    struct word_list words = { 0 };
    char *shown;

    words_split(line, &words);
    if (command_words_are_secret(&words) && words.n > 2) {
        shown = zk_xasprintf("%s %s ***", words.v[0], words.v[1]);
    } else {
        shown = zk_xstrdup(line);
    }
    words_fini(&words);
    return shown;
}

void
command_usage(const struct command *c, struct zk_buf *out)
{
    zk_buf_printf(out, "%s %s", c->name, c->usage);
    if ((c->flags & COMMAND_SHOWS_OPTIONS) != 0) {
        zk_buf_append(out, "\n", 1);
        options_describe(&c->options, out);
    }
    zk_buf_append(out, "\n", 1);
}

void
command_help(const struct command *c, struct zk_buf *out)
{
    zk_buf_printf(out, "%s %s\n%s\n", c->name, c->usage, c->summary);
    options_describe(&c->options, out);
}

void
command_usage_list(struct zk_buf *out)
{
    zk_buf_printf(out, "ZooKeeper -server host:port -client-configuration "
                  "properties-file cmd args\n");
    for (size_t i = 0; i < command_count; i++) {
        zk_buf_printf(out, "\t%s %s\n", command_table[i].name,
                      command_table[i].usage);
    }
}
