/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * tool_purge.c: zktool purge (Java: PurgeTxnLog).  It may run beside a
 * server, which needs none of what goes.
 */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "persistence/purge_txn_log.h"
#include "tools/tool.h"

static const char tp_usage[] =
    "Usage:\n"
    "zktool purge dataLogDir [snapDir] -n count\n"
    "\tdataLogDir -- path to the txn log directory\n"
    "\tsnapDir -- path to the snapshot directory\n"
    "\tcount -- the number of old snaps/logs you want to keep, value should "
    "be greater than or equal to 3\n";

static int
tp_invalid(void)
{
    fputs(tp_usage, stderr);
    return TOOL_EXIT_FAILED;    /* As Java's. */
}

static bool
tp_dir_exists(const char *dir)
{
    char cwd[PATH_MAX];

    if (access(dir, F_OK) == 0) {
        return true;
    }
    if (dir[0] == '/' || getcwd(cwd, sizeof cwd) == NULL) {
        fprintf(stderr, "Path '%s' does not exist. \n", dir);
    } else {
        fprintf(stderr, "Path '%s/%s' does not exist. \n", cwd, dir);
    }
    return false;
}

static bool
tp_count(const char *text, int32_t *count)
{
    if (!tool_parse_int(text, count)) {
        fprintf(stderr, "'%s' can not be parsed to integer.\n", text);
        return false;
    }
    if (*count < PURGE_MIN_KEEP) {
        fprintf(stderr, PURGE_COUNT_TEXT "\n");
        return false;
    }
    return true;
}

/* Is there a data folder?  A name that is mistyped must not look like one
 * with nothing to remove. */
static bool
tp_has_data(const char *dir)
{
    char *version = tool_version_dir(dir);
    bool yes = access(version, F_OK) == 0;

    if (!yes) {
        (void) tool_fail("%s: %s", version, strerror(errno));
    }
    free(version);
    return yes;
}

static int
tp_run(const struct purge_options *opts)
{
    struct zk_errmsg em;
    int rv = purge_txn_log(opts, stdout, NULL, &em);

    if (fflush(stdout) != 0) {
        return tool_fail("stdout: %s", strerror(errno));
    }
    return rv == ZK_OK ? TOOL_EXIT_OK : tool_fail("%s", em.text);
}

int
tool_purge_main(const struct tool *t, int argc, char **argv)
{
    const char *snap_dir;
    int32_t count;

    if (argc == 2 && (strcmp(argv[1], "--help") == 0
                      || strcmp(argv[1], "-h") == 0)) {
        fputs(tp_usage, stdout);
        return TOOL_EXIT_OK;
    }
    if (argc < 4 || argc > 5 || !tp_dir_exists(argv[1])) {
        return tp_invalid();
    }
    snap_dir = argc == 5 ? argv[2] : argv[1];
    if ((argc == 5 && !tp_dir_exists(snap_dir))
        || !tp_count(argv[argc - 1], &count)
        || strcmp(argv[argc - 2], "-n") != 0) {
        return tp_invalid();
    }
    if (!tp_has_data(argv[1])
        || (argc == 5 && !tp_has_data(snap_dir))) {
        return TOOL_EXIT_FAILED;
    }
    return tp_run(&(struct purge_options) {
        .data_log_dir = argv[1], .data_dir = snap_dir, .keep = count,
        .max_record = t->max_record,
    });
}
