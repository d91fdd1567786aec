/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * tool_check.c: zktool check: a whole data folder, each file by itself and
 * then all of it as a server reads it at its start.  Nothing is changed.
 */
#include <config.h>

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/server_config.h"
#include "persistence/dir_lock.h"
#include "persistence/log_scan.h"
#include "tools/check_files.h"
#include "tools/tool.h"
#include "zab/zab_peer.h"

static const char tk_usage[] =
    "Usage: zktool check [--no-start] --configfile FILE\n"
    "       zktool check [--no-start] dataDir [dataLogDir]\n"
    "  --configfile FILE   the configuration that names the folders\n"
    "  --no-start          each file alone; else all is loaded as at a "
    "start,\n"
    "                      which takes as much memory as the server\n";

struct tk {
    const char *config;
    bool no_start;
    struct server_config *server;   /* What 'config' says; or NULL. */
    const struct system_properties *props;
    int32_t max_record;
    const char *data_dir;
    const char *log_dir;
    char *snap_version, *log_version;   /* The version-2 folders. */
    struct tool_out out;
    int problems;
};

/* ---- arguments --------------------------------------------------------- */

static int
tk_invalid(void)
{
    fputs(tk_usage, stderr);
    return TOOL_EXIT_INVALID;
}

static void
tk_copy_property(void *arg, const char *name, const char *value)
{
    system_properties_set(arg, name, value);
}

/* As the server reads it, which then goes by the same properties. */
static int
tk_read_config(struct tk *tk)
{
    struct system_properties *props = system_properties_create();
    struct zk_errmsg em;

    system_properties_each(tk->props, tk_copy_property, props);
    if (server_config_read(tk->config, props, &tk->server, &em) != ZK_OK) {
        return tool_fail("a server would not start with this "
                         "configuration: %s", em.text);
    }
    log_scan_expect_batch(tk->server->storage.max_batch_size);
    tk->props = tk->server->props;
    tk->max_record = tk->server->storage.max_record;
    tk->data_dir = tk->server->storage.data_dir;
    tk->log_dir = tk->server->storage.data_log_dir;
    return -1;
}

static int
tk_parse(struct tk *tk, int argc, char **argv)
{
    static const struct option options[] = {
        { "configfile", required_argument, NULL, 'c' },
        { "no-start", no_argument, NULL, 'n' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int c;

    opterr = 0;
    optind = 1;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'h') {
            fputs(tk_usage, stdout);
            return TOOL_EXIT_OK;
        }
        if (c == 'c') {
            tk->config = optarg;
        } else if (c == 'n') {
            tk->no_start = true;
        } else {
            tool_refuse_option(argv);
            return tk_invalid();
        }
    }
    argc -= optind;
    argv += optind;
    if (tk->config != NULL) {
        return argc == 0 ? tk_read_config(tk) : tk_invalid();
    }
    if (argc < 1 || argc > 2) {
        return tk_invalid();
    }
    tk->data_dir = argv[0];
    tk->log_dir = argv[argc - 1];
    return -1;
}

/* ---- a start ----------------------------------------------------------- */

static void
tk_problem(struct tk *tk, const char *text)
{
    zk_buf_printf(&tk->out.buf, "  %s\n", text);
    tk->problems++;
}

/* Whether a server could go on from the epochs beside that history. */
static void
tk_epochs(struct tk *tk, int64_t last_zxid)
{
    struct zab_epochs e;
    struct zk_errmsg em;

    if (zab_epochs_peek(&e, tk->snap_version, last_zxid < 0 ? 0 : last_zxid,
                        &em) != ZK_OK) {
        zk_buf_printf(&tk->out.buf, "  As a member of an ensemble it would "
                      "refuse:\n");
        tk_problem(tk, em.text);
    } else {
        zk_buf_printf(&tk->out.buf, "  As a member of an ensemble it has "
                      "reached epoch %" PRId64 " and promised %" PRId64
                      ".\n", e.current, e.accepted);
    }
}

static void
tk_restored(struct tk *tk, const struct data_tree *tree,
            const struct restore_result *res)
{
    struct zk_buf *b = &tk->out.buf;

    if (res->empty && res->last_zxid < 0) {
        tk_problem(tk, "It would be empty and not vote until a leader gave "
                   "it data: zookeeper.db.autocreate is false, and there is "
                   "no file \"initialize\".");
    } else if (res->empty) {
        tool_append(b, "  It would begin with an empty database.\n");
    } else if (res->snapshot_zxid < 0) {
        tool_append(b, "  It would load no snapshot");
    } else {
        zk_buf_printf(b, "  It would load snapshot.%" PRIx64,
                      (uint64_t) res->snapshot_zxid);
    }
    if (!res->empty) {
        zk_buf_printf(b, ", replay %" PRId64 " transactions and be at zxid "
                      "0x%" PRIx64 ", with %" PRId64 " znodes.\n", res->txns,
                      (uint64_t) res->last_zxid, data_tree_node_count(tree));
    }
    if (res->note[0] != '\0') {
        zk_buf_printf(b, "  It would say: %s\n", res->note);
    }
    if (res->digest_mismatches > 0) {
        zk_buf_printf(b, "  The digest of the tree differs from that of %"
                      PRId64 " transactions.\n", res->digest_mismatches);
        tk->problems++;
    }
}

/* A disk that is read-only says nothing against the data. */
static void
tk_may_write(struct tk *tk, const struct file_txn_snap_log *fl)
{
    struct zk_errmsg em;

    if (file_txn_snap_log_check_write(fl, &em) != ZK_OK) {
        tool_append(&tk->out.buf, "  It would refuse:\n");
        tk_problem(tk, em.text);
        tool_append(&tk->out.buf, "  If it could write:\n");
    }
}

static bool
tk_property(const struct tk *tk, const char *name, bool def)
{
    return system_properties_bool(tk->props, name, def);
}

/* Loads all, as a server that starts. */
static void
tk_start(struct tk *tk)
{
    const struct data_tree_options tree_opts = {
        .digest_enabled = tk_property(tk, "zookeeper.digest.enabled", true),
        .extended_types_enabled = tk_property(
            tk, "zookeeper.extendedTypesEnabled", false),
    };
    const struct file_txn_snap_log_options opts = {
        .data_log_dir = tk->log_dir, .data_dir = tk->data_dir,
        .autocreate_db = tk_property(tk, "zookeeper.db.autocreate", true),
        .dry_run = true,
        .trust_empty_snapshot = tk_property(
            tk, "zookeeper.snapshot.trust.empty", false),
        .max_record = tk->max_record,
        .log = { .max_record = tk->max_record, .size_limit = -1 },
    };
    struct data_tree *tree = data_tree_create(&tree_opts);
    struct file_txn_snap_log *fl = NULL;
    struct restore_result res;
    struct zk_errmsg em;
    int rv;

    tool_append(&tk->out.buf, "A start:\n");
    tool_out_flush(&tk->out);
    rv = file_txn_snap_log_open(&opts, &fl, &em);
    if (rv == ZK_OK) {
        tk_may_write(tk, fl);
        rv = file_txn_snap_log_restore(fl, tree, NULL, NULL, &res, &em);
    }
    if (rv == ZK_OK) {
        tk_restored(tk, tree, &res);
        tk_epochs(tk, res.last_zxid);
    } else {
        tool_append(&tk->out.buf, "  It would refuse:\n");
        tk_problem(tk, em.text);
    }
    file_txn_snap_log_close(fl);
    data_tree_destroy(tree);
}

/* ---- running ----------------------------------------------------------- */

static void
tk_folder(struct tk *tk, const char *dir)
{
    zk_buf_printf(&tk->out.buf, "%s%s:\n", dir,
                  dir_lock_is_held(dir)
                  ? " (in use by a server: what is read may be half written)"
                  : "");
}

static int
tk_files(struct tk *tk)
{
    struct check_files cf = {
        .max_record = tk->max_record, .out = &tk->out,
    };
    bool two = strcmp(tk->snap_version, tk->log_version) != 0;
    struct zk_errmsg em;
    int rv;

    tk_folder(tk, tk->snap_version);
    rv = check_files_epochs(&cf, tk->snap_version, &em);
    if (rv == ZK_OK) {
        rv = check_files_left_overs(&cf, tk->snap_version, &em);
    }
    if (rv == ZK_OK) {
        rv = check_files_snapshots(&cf, tk->snap_version, &em);
    }
    if (rv == ZK_OK && two) {
        tk_folder(tk, tk->log_version);
        rv = check_files_left_overs(&cf, tk->log_version, &em);
    }
    if (rv == ZK_OK) {
        rv = check_files_logs(&cf, tk->log_version, &em);
    }
    tk->problems += cf.problems;
    check_files_fini(&cf);
    tool_out_flush(&tk->out);
    return rv == ZK_OK ? TOOL_EXIT_OK : tool_fail("%s", em.text);
}

static int
tk_run(struct tk *tk)
{
    int code;

    tk->snap_version = tool_version_dir(tk->data_dir);
    tk->log_version = tool_version_dir(tk->log_dir);
    tool_out_init(&tk->out);
    code = tk_files(tk);
    if (code == TOOL_EXIT_OK && !tk->no_start) {
        tk_start(tk);
    }
    if (code == TOOL_EXIT_OK && tk->problems == 0) {
        tool_append(&tk->out.buf, "No problems.\n");
    } else if (code == TOOL_EXIT_OK) {
        zk_buf_printf(&tk->out.buf, "%d problem%s.\n", tk->problems,
                      tk->problems == 1 ? "" : "s");
        code = TOOL_EXIT_FAILED;
    }
    free(tk->snap_version);
    free(tk->log_version);
    return tool_out_fini(&tk->out) == TOOL_EXIT_OK ? code
                                                   : TOOL_EXIT_FAILED;
}

int
tool_check_main(const struct tool *t, int argc, char **argv)
{
    struct tk tk = { .props = t->props, .max_record = t->max_record };
    int code = tk_parse(&tk, argc, argv);

    if (code < 0) {
        code = tk_run(&tk);
    }
    server_config_destroy(tk.server);
    return code;
}
