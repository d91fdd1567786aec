/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "config/server_config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config_reader.h"
#include "config/server_address.h"
#include "util/zk_log.h"

#define SC_DEFAULT_TICK_MS 3000
#define SC_DEFAULT_CLIENT_CNXNS 60

/* What holds where no key says otherwise. */
static struct server_config *
sc_create(struct system_properties *props)
{
    struct server_config *c = zk_xcalloc(1, sizeof *c);

    c->props = props;
    c->metrics_props = system_properties_create();
    c->myid = -1;
    c->tick_time_ms = SC_DEFAULT_TICK_MS;
    c->min_session_timeout_ms = -1;
    c->max_session_timeout_ms = -1;
    c->cnxn.client.port = CONFIG_NO_PORT;
    c->cnxn.secure_client.port = CONFIG_NO_PORT;
    c->cnxn.max_client_cnxns = SC_DEFAULT_CLIENT_CNXNS;
    c->cnxn.listen_backlog = -1;
    c->storage.snap_retain_count = 3;
    c->metrics_provider = zk_xstrdup("org.apache.zookeeper.metrics.impl."
                                     "DefaultMetricsProvider");
    c->quorum.election_alg = 3;
    c->quorum.sync_enabled = true;
    c->quorum.standalone_enabled = true;
    c->quorum.sasl_learner_context = zk_xstrdup("QuorumLearner");
    c->quorum.sasl_server_context = zk_xstrdup("QuorumServer");
    c->quorum.sasl_principal = zk_xstrdup("zkquorum/localhost");
    c->quorum.multi_address_enabled =
        system_properties_bool(props, "zookeeper.multiAddress.enabled",
                               false);
    c->quorum.multi_address_check =
        system_properties_bool(
            props, "zookeeper.multiAddress.reachabilityCheckEnabled", true);
    c->quorum.multi_address_timeout_ms = 1000;
    return c;
}

static void
sc_free_quorum(struct quorum_config *q)
{
    for (size_t i = 0; i < q->n_servers; i++) {
        server_address_fini(&q->servers[i]);
    }
    free(q->servers);
    free(q->dynamic_config_file);
    free(q->oracle_path);
    free(q->sasl_learner_context);
    free(q->sasl_server_context);
    free(q->sasl_principal);
}

void
server_config_destroy(struct server_config *c)
{
    if (c == NULL) {
        return;
    }
    sc_free_quorum(&c->quorum);
    free(c->config_file);
    free(c->cnxn.client.host);
    free(c->cnxn.secure_client.host);
    free(c->cnxn.whitelist_4lw);
    free(c->request.enforce_auth_schemes);
    free(c->storage.data_dir);
    free(c->storage.data_log_dir);
    free(c->storage.snapshot_compression);
    free(c->auth.digest_alg);
    free(c->auth.super_digest);
    free(c->auth.x509_super_user);
    tls_config_fini(&c->client_tls);
    tls_config_fini(&c->quorum_tls);
    free(c->metrics_provider);
    free(c->admin.host);
    free(c->admin_url);
    system_properties_destroy(c->metrics_props);
    system_properties_destroy(c->props);
    free(c);
}

static int
sc_read(struct config_reader *r)
{
    struct zk_properties cfg = { 0 };
    int rv;

    if (access(r->path, F_OK) != 0) {
        return zk_fail(r->em, ZK_ECONFIG, "%s file is missing", r->path);
    }
    rv = zk_properties_read(r->path, &cfg, r->em);
    if (rv != ZK_OK) {
        rv = ZK_ECONFIG;        /* The text says why. */
    }
    if (rv == ZK_OK) {
        rv = zoo_cfg_take_keys(r, &cfg);
    }
    if (rv == ZK_OK) {
        rv = zoo_cfg_check(r);
    }
    if (rv == ZK_OK) {
        rv = config_read_membership(r, &cfg);
    }
    zk_properties_fini(&cfg);
    if (rv == ZK_OK) {
        rv = config_take_properties(r->config, r->em);
    }
    return rv;
}

int
server_config_read(const char *path, struct system_properties *props,
                   struct server_config **out, struct zk_errmsg *em)
{
    struct config_reader r = { sc_create(props), path, em, 0 };
    int rv;

    zk_info(config, "Reading configuration from: %s", path);
    r.config->config_file = zk_xstrdup(path);
    rv = sc_read(&r);
    if (rv != ZK_OK) {
        server_config_destroy(r.config);
        return rv;
    }
    *out = r.config;
    return ZK_OK;
}

static int
sc_take_arg(const char *name, const char *text, int *out,
            struct zk_errmsg *em)
{
    if (!config_parse_int(text, out)) {
        return zk_fail(em, ZK_ECONFIG, "%s %s: not a number", name, text);
    }
    return ZK_OK;
}

static int
sc_take_args(struct config_reader *r, int argc, char **argv)
{
    struct server_config *c = r->config;
    int rv = sc_take_arg("port", argv[0], &c->cnxn.client.port, r->em);

    if (rv == ZK_OK && (c->cnxn.client.port < 0
                        || c->cnxn.client.port > 65535)) {
        rv = zk_fail(r->em, ZK_ECONFIG, "port %s: out of range", argv[0]);
    }
    c->storage.data_dir = zk_xstrdup(argv[1]);
    if (rv == ZK_OK && argc >= 3) {
        rv = sc_take_arg("tickTime", argv[2], &c->tick_time_ms, r->em);
    }
    c->cnxn.max_client_cnxns = 0;       /* Not 60: as ServerConfig has it. */
    if (rv == ZK_OK && argc >= 4) {
        rv = sc_take_arg("maxClientCnxns", argv[3],
                         &c->cnxn.max_client_cnxns, r->em);
    }
    return rv;
}

int
server_config_from_args(int argc, char **argv,
                        struct system_properties *props,
                        struct server_config **out, struct zk_errmsg *em)
{
    struct config_reader r = { sc_create(props), "arguments", em, 0 };
    int rv;

    if (argc < 2 || argc > 4) {
        rv = zk_fail(em, ZK_ECONFIG, "%d arguments instead of 2 to 4", argc);
    } else {
        rv = sc_take_args(&r, argc, argv);
    }
    if (rv == ZK_OK) {
        rv = zoo_cfg_check(&r);
    }
    if (rv == ZK_OK) {
        rv = config_take_properties(r.config, em);
    }
    if (rv != ZK_OK) {
        server_config_destroy(r.config);
        return rv;
    }
    *out = r.config;
    return ZK_OK;
}

bool
server_config_has_client_tls(const struct server_config *c)
{
    return c->cnxn.secure_client.port > 0 || c->cnxn.port_unification;
}

bool
server_config_has_quorum_tls(const struct server_config *c)
{
    return c->quorum.ssl_quorum || c->quorum.port_unification;
}
