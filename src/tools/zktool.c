/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zktool.c: the program zktool: commands for the files of a server, one a
 * file tool_*.c.
 */
#include <config.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "config/server_config.h"
#include "jute/input_archive.h"
#include "tools/tool.h"
#include "util/zk_io.h"
#include "util/zk_log.h"

static const struct zktool_command {
    const char *name;
    int (*run)(const struct tool *t, int argc, char **argv);
    const char *what;
} zktool_commands[] = {
    { "check", tool_check_main, "look at a whole data folder, and say what "
      "a start would do" },
    { "compare", tool_compare_main, "show where two snapshots differ" },
    { "init", tool_init_main, "make the data folders of a new server" },
    { "log", tool_log_main, "print, verify, mend or cut transaction logs" },
    { "purge", tool_purge_main, "remove old snapshots and logs" },
    { "snapshot", tool_snapshot_main, "print a snapshot" },
};

static void
zktool_usage(FILE *to)
{
    fputs("Usage: zktool [-Dname=value]... COMMAND [ARGUMENT]...\n", to);
    for (size_t i = 0; i < ZK_ARRAY_SIZE(zktool_commands); i++) {
        fprintf(to, "  %-10s%s\n", zktool_commands[i].name,
                zktool_commands[i].what);
    }
    fputs("zktool COMMAND --help tells more, and so does zktool(8).\n", to);
}

/* The limit of a record, as a server has it. */
static int
zktool_limits(struct tool *t, struct zk_errmsg *em)
{
    int64_t max;
    int rv;

    rv = system_properties_long(t->props, "jute.maxbuffer",
                                JUTE_MAX_BUFFER_DEFAULT, &max, em);
    if (rv != ZK_OK) {
        return rv;
    }
    if (max <= 0 || max > INT32_MAX) {
        return zk_fail(em, ZK_ECONFIG, "property jute.maxbuffer=%lld: no "
                       "such size", (long long) max);
    }
    return server_config_max_record(t->props, (int32_t) max, &t->max_record,
                                    em);
}

static int
zktool_run(const struct tool *t, int argc, char **argv)
{
    if (argc < 1) {
        zktool_usage(stderr);
        return TOOL_EXIT_INVALID;
    }
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        zktool_usage(stdout);
        return TOOL_EXIT_OK;
    }
    if (strcmp(argv[0], "--version") == 0) {
        printf("zktool (%s) %s\n", PACKAGE_NAME, PACKAGE_VERSION);
        return TOOL_EXIT_OK;
    }
    for (size_t i = 0; i < ZK_ARRAY_SIZE(zktool_commands); i++) {
        if (strcmp(argv[0], zktool_commands[i].name) == 0) {
            return zktool_commands[i].run(t, argc, argv);
        }
    }
    tool_fail("there is no command %s", argv[0]);
    zktool_usage(stderr);
    return TOOL_EXIT_INVALID;
}

int
main(int argc, char **argv)
{
    struct tool t = { .props = system_properties_create() };
    struct zk_errmsg em;
    int at = 1;
    int code;

    zk_open_std_fds();
    tzset();                    /* For localtime_r, once. */
    /* What a server would log, the commands say in words of their own. */
    zk_log_set_level(ZK_LOG_OFF);
    while (at < argc && system_properties_take_option(t.props, argv[at])) {
        at++;
    }
    if (zktool_limits(&t, &em) != ZK_OK) {
        tool_fail("%s", em.text);
        code = TOOL_EXIT_INVALID;
    } else {
        code = zktool_run(&t, argc - at, argv + at);
    }
    system_properties_destroy(t.props);
    return code;
}
