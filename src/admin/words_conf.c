/* SPDX-License-Identifier: Apache-2.0 */
/* words_conf.c: conf, envi, dirs: what the server was told and where it
 * runs (Java: ConfCommand, EnvCommand, DirsCommand). */
#include <config.h>

#include "admin/words.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/environment.h"
#include "util/zk_io.h"

/* Prints "name=path\n", the path as java.io.File shows an absolute one:
 * behind the working folder unless it starts at the root, and no slash
 * twice or at the end. */
static void
wc_print_path(struct zk_buf *out, const char *name, const char *path)
{
    char cwd[PATH_MAX];
    char *whole;

    zk_buf_printf(out, "%s=", name);
    if (path[0] != '/' && getcwd(cwd, sizeof cwd) != NULL) {
        whole = zk_xasprintf("%s/%s", cwd, path);
    } else {
        whole = zk_xstrdup(path);
    }
    for (const char *p = whole; *p != '\0'; p++) {
        if (*p != '/' || (p[1] != '/' && p[1] != '\0')) {
            zk_buf_append(out, p, 1);
        }
    }
    zk_buf_append(out, "\n", 1);
    free(whole);
}

/* The port, or -1 when there is none. */
static int
wc_client_port(const struct word_call *call)
{
    return call->config->cnxn.client.port > 0
        ? server_cnxn_factory_port(call->factory) : -1;
}

static int
wc_secure_port(const struct word_call *call)
{
    const int port = call->config->cnxn.secure_client.port;

    return port > 0 ? port : -1;
}

static void
wc_print_folders(const struct word_call *call, struct zk_buf *out)
{
    struct zk_database *db = zookeeper_server_database(call->zks);
    const char *snap_dir = file_txn_snap_log_snap_dir(db->files);
    const char *log_dir = file_txn_snap_log_log_dir(db->files);

    wc_print_path(out, "dataDir", snap_dir);
    zk_buf_printf(out, "dataDirSize=%" PRId64 "\n", zk_dir_size(snap_dir));
    wc_print_path(out, "dataLogDir", log_dir);
    zk_buf_printf(out, "dataLogSize=%" PRId64 "\n", zk_dir_size(log_dir));
}

void
word_conf(const struct word_call *call, struct zk_buf *out)
{
    const struct server_config *c = call->config;

    zk_buf_printf(out, "clientPort=%d\n", wc_client_port(call));
    zk_buf_printf(out, "secureClientPort=%d\n", wc_secure_port(call));
    wc_print_folders(call, out);
    zk_buf_printf(out, "tickTime=%d\n", c->tick_time_ms);
    zk_buf_printf(out, "maxClientCnxns=%d\n", c->cnxn.max_client_cnxns);
    zk_buf_printf(out, "minSessionTimeout=%d\n", c->min_session_timeout_ms);
    zk_buf_printf(out, "maxSessionTimeout=%d\n", c->max_session_timeout_ms);
    zk_buf_printf(out, "clientPortListenBacklog=%d\n",
                  c->cnxn.listen_backlog);
    /* A server alone has no id, whatever its myid file says. */
    zk_buf_printf(out, "serverId=%" PRId64 "\n",
                  server_config_is_distributed(c) ? c->myid : 0);
}

void
word_dirs(const struct word_call *call, struct zk_buf *out)
{
    struct zk_database *db = zookeeper_server_database(call->zks);

    zk_buf_printf(out, "datadir_size: %" PRId64 "\n",
                  zk_dir_size(file_txn_snap_log_snap_dir(db->files)));
    zk_buf_printf(out, "logdir_size: %" PRId64 "\n",
                  zk_dir_size(file_txn_snap_log_log_dir(db->files)));
}

static void
wc_print_entry(void *arg, const char *key, const char *value)
{
    zk_buf_printf(arg, "%s=%s\n", key, value);
}

void
word_envi(const struct word_call *call, struct zk_buf *out)
{
    zk_buf_printf(out, "Environment:\n");
    environment_each(call->config->props, wc_print_entry, out);
}
