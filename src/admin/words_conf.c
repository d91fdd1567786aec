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
#include "server/server_role.h"
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

static const struct server_address *
wc_own_line(const struct quorum_config *q, int64_t sid)
{
    for (size_t i = 0; i < q->n_servers; i++) {
        if (q->servers[i].sid == sid) {
            return &q->servers[i];
        }
    }
    return NULL;
}

/* "name=1|2\n": the port of each address. */
static void
wc_print_ports(struct zk_buf *out, const char *name,
               const struct host_port *at, size_t n)
{
    zk_buf_printf(out, "%s=", name);
    for (size_t i = 0; i < n; i++) {
        zk_buf_printf(out, i == 0 ? "%d" : "|%d", at[i].port);
    }
    zk_buf_append(out, "\n", 1);
}

/* A read-only server does not name the members. */
static void
wc_print_quorum(const struct word_call *call, struct zk_buf *out)
{
    const struct server_role *role = zookeeper_server_role(call->zks);
    const struct quorum_config *q = &call->config->quorum;
    const struct server_address *own = wc_own_line(q, call->config->myid);
    char *members;

    if (role == NULL || own == NULL) {
        return;
    }
    zk_buf_printf(out, "initLimit=%d\nsyncLimit=%d\nelectionAlg=%d\n",
                  q->init_limit, q->sync_limit, q->election_alg);
    wc_print_ports(out, "electionPort", own->election, own->n);
    wc_print_ports(out, "quorumPort", own->quorum, own->n);
    zk_buf_printf(out, "peerType=%d\n", own->type == LEARNER_OBSERVER);
    if (!role->read_only) {
        members = server_config_membership(call->config);
        zk_buf_printf(out, "membership: \n%s", members);
        free(members);
    }
}

void
word_conf(const struct word_call *call, struct zk_buf *out)
{
    const struct server_config *c = call->config;

    zk_buf_printf(out, "clientPort=%d\n", 
                  server_cnxn_factory_port(call->factory));
    zk_buf_printf(out, "secureClientPort=%d\n",
                  server_cnxn_factory_secure_port(call->factory));
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
    wc_print_quorum(call, out);
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
