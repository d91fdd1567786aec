/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "config/config_reader.h"

#include <limits.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "util/zk_log.h"

/* PurgeTxnLog keeps no fewer. */
#define ZCC_MIN_SNAP_RETAIN 3

static int
zcc_fail(const struct config_reader *r, const char *why)
{
    return zk_fail(r->em, ZK_ECONFIG, "%s: %s", r->path, why);
}

/* Which switch of SASL between servers needs which. */
static int
zcc_check_sasl(const struct config_reader *r)
{
    const struct quorum_config *q = &r->config->quorum;

    if (!q->sasl_enabled && q->sasl_server_required) {
        return zcc_fail(r, "quorum.auth.serverRequireSasl is true, but "
                        "quorum.auth.enableSasl is not");
    }
    if (!q->sasl_enabled && q->sasl_learner_required) {
        return zcc_fail(r, "quorum.auth.learnerRequireSasl is true, but "
                        "quorum.auth.enableSasl is not");
    }
    if (!q->sasl_learner_required && q->sasl_server_required) {
        return zcc_fail(r, "quorum.auth.serverRequireSasl is true, but "
                        "quorum.auth.learnerRequireSasl is not");
    }
    return ZK_OK;
}

static int
zcc_check_folders(const struct config_reader *r)
{
    struct storage_config *s = &r->config->storage;

    if (s->snap_retain_count < ZCC_MIN_SNAP_RETAIN) {
        zk_warn(config, "Invalid autopurge.snapRetainCount: %d. Defaulting "
                "to %d", s->snap_retain_count, ZCC_MIN_SNAP_RETAIN);
        s->snap_retain_count = ZCC_MIN_SNAP_RETAIN;
    }
    s->purge_interval_ms = r->purge_ms;
    /* An empty name is the root folder's to Java, and hardly meant. */
    if (s->data_dir == NULL || s->data_dir[0] == '\0') {
        return zcc_fail(r, "dataDir is not set");
    }
    if (s->data_log_dir == NULL) {
        s->data_log_dir = zk_xstrdup(s->data_dir);
    } else if (s->data_log_dir[0] == '\0') {
        return zcc_fail(r, "dataLogDir is empty");
    }
    return ZK_OK;
}

static int
zcc_check_resolves(const struct config_reader *r, const char *key,
                   const char *host)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    int err = getaddrinfo(host, NULL, &hints, &found);

    if (err != 0) {
        return zk_fail(r->em, ZK_ECONFIG, "%s: %s=%s: %s", r->path, key,
                       host, gai_strerror(err));
    }
    freeaddrinfo(found);
    return ZK_OK;
}

/* 'key' is the port's; its address' has "Address" behind it. */
static int
zcc_check_port(const struct config_reader *r, struct host_port *hp,
               const char *key, const char *address_key)
{
    if (hp->port == CONFIG_NO_PORT) {
        zk_info(config, "%s is not set", key);
        if (hp->host != NULL) {
            return zk_fail(r->em, ZK_ECONFIG,
                           "%s: %s is set but %s is not", r->path,
                           address_key, key);
        }
        return ZK_OK;
    }
    zk_info(config, "%s is %s:%d", address_key,
            hp->host == NULL ? "0.0.0.0" : hp->host, hp->port);
    return hp->host == NULL ? ZK_OK
                            : zcc_check_resolves(r, address_key, hp->host);
}

/* Java loads whatever class is named; here there is the one. */
static bool
zcc_is_x509_provider(const char *class_name)
{
    static const char name[] = ".X509AuthenticationProvider";
    size_t len = strlen(class_name), end = sizeof name - 1;

    return len > end && strcmp(class_name + len - end, name) == 0;
}

/* A TLS port needs a provider for its scheme; x509 comes by itself. */
static int
zcc_check_tls_provider(const struct config_reader *r)
{
    struct system_properties *props = r->config->props;
    const char *scheme = system_properties_get(props,
                                               "zookeeper.ssl.authProvider");
    const char *class_name;
    int rv = ZK_OK;
    char *name;

    scheme = scheme != NULL ? scheme : "x509";
    name = zk_xasprintf("zookeeper.authProvider.%s", scheme);
    class_name = system_properties_get(props, name);
    if (class_name == NULL && strcmp(scheme, "x509") == 0) {
        system_properties_set(props, name, "org.apache.zookeeper.server."
                              "auth.X509AuthenticationProvider");
    } else if (class_name == NULL) {
        rv = zk_fail(r->em, ZK_ECONFIG, "%s: zookeeper.ssl.authProvider=%s, "
                     "but %s is not set", r->path, scheme, name);
    } else if (!zcc_is_x509_provider(class_name)) {
        rv = zk_fail(r->em, ZK_ECONFIG, "%s: %s=%s: only "
                     "X509AuthenticationProvider can tell who a client of "
                     "the TLS port is", r->path, name, class_name);
    }
    free(name);
    return rv;
}

/* Which factory Java is to load: both names mean the same here, and TLS works
 * with either. */
static void
zcc_check_factory(const struct config_reader *r)
{
    static const char key[] = "zookeeper.serverCnxnFactory";
    const char *name = system_properties_get(r->config->props, key);

    if (name != NULL
        && strcmp(name, "org.apache.zookeeper.server.NIOServerCnxnFactory")
           != 0
        && strcmp(name, "org.apache.zookeeper.server.NettyServerCnxnFactory")
           != 0) {
        zk_warn(config, "%s=%s: there is no such class here; clients are "
                "served as ever", key, name);
    }
}

/* Does a port take TLS? */
static bool
zcc_wants_tls(const struct config_reader *r)
{
    const struct cnxn_config *c = &r->config->cnxn;

    return c->secure_client.port != CONFIG_NO_PORT
           || (c->client.port != CONFIG_NO_PORT
               && system_properties_bool(r->config->props,
                                         "zookeeper.client.portUnification",
                                         false));
}

static int
zcc_check_ports(const struct config_reader *r)
{
    struct cnxn_config *c = &r->config->cnxn;
    struct quorum_config *q = &r->config->quorum;
    int rv;

    rv = zcc_check_port(r, &c->client, "clientPort", "clientPortAddress");
    if (rv == ZK_OK) {
        rv = zcc_check_port(r, &c->secure_client, "secureClientPort",
                            "secureClientPortAddress");
    }
    zcc_check_factory(r);
    if (rv == ZK_OK && zcc_wants_tls(r)) {
        rv = zcc_check_tls_provider(r);
    }
    if (c->secure_client.port == CONFIG_NO_PORT) {
        c->secure_client.port = 0;
    }
    if (q->observer_master_port <= 0) {
        zk_info(config, "observerMasterPort is not set");
        q->observer_master_port = 0;
    } else {
        zk_info(config, "observerMasterPort is %d", q->observer_master_port);
    }
    return rv;
}

/* 'ticks' ticks unless the key gave something. */
static int
zcc_fill_timeout(const struct config_reader *r, int ticks, int *timeout)
{
    int64_t v = *timeout == -1 ? (int64_t) r->config->tick_time_ms * ticks
                               : *timeout;

    if (v > INT_MAX) {
        return zk_fail(r->em, ZK_ECONFIG, "%s: tickTime=%d: %d ticks do not "
                       "fit a session timeout", r->path,
                       r->config->tick_time_ms, ticks);
    }
    *timeout = (int) v;
    return ZK_OK;
}

static int
zcc_check_times(const struct config_reader *r)
{
    struct server_config *c = r->config;
    int rv;

    if (c->tick_time_ms <= 0) {
        return zk_fail(r->em, ZK_ECONFIG, "%s: tickTime=%d: must be more "
                       "than 0", r->path, c->tick_time_ms);
    }
    rv = zcc_fill_timeout(r, 2, &c->min_session_timeout_ms);
    if (rv == ZK_OK) {
        rv = zcc_fill_timeout(r, 20, &c->max_session_timeout_ms);
    }
    if (rv == ZK_OK
        && c->min_session_timeout_ms > c->max_session_timeout_ms) {
        rv = zk_fail(r->em, ZK_ECONFIG, "%s: minSessionTimeout=%d is larger "
                     "than maxSessionTimeout=%d", r->path,
                     c->min_session_timeout_ms, c->max_session_timeout_ms);
    }
    return rv;
}

/* Java loads the class; what it would find is known here. */
static int
zcc_check_metrics(const struct config_reader *r)
{
    static const char *const known[] = {
        "org.apache.zookeeper.metrics.impl.DefaultMetricsProvider",
        "org.apache.zookeeper.metrics.impl.NullMetricsProvider",
        "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider",
    };

    zk_info(config, "metricsProvider.className is %s",
            r->config->metrics_provider);
    for (size_t i = 0; i < ZK_ARRAY_SIZE(known); i++) {
        if (strcmp(r->config->metrics_provider, known[i]) == 0) {
            return ZK_OK;
        }
    }
    return zk_fail(r->em, ZK_ECONFIG, "%s: metricsProvider.className=%s: "
                   "there is no such metrics provider", r->path,
                   r->config->metrics_provider);
}

int
zoo_cfg_check(struct config_reader *r)
{
    int rv = zcc_check_sasl(r);

    if (rv == ZK_OK) {
        rv = zcc_check_folders(r);
    }
    if (rv == ZK_OK) {
        rv = zcc_check_ports(r);
    }
    if (rv == ZK_OK) {
        rv = zcc_check_times(r);
    }
    if (rv == ZK_OK) {
        rv = zcc_check_metrics(r);
    }
    return rv;
}
