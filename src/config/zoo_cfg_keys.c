/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "config/config_reader.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/server_address.h"
#include "util/zk_buf.h"
#include "util/zk_log.h"

enum key_type {
    KEY_INT,
    KEY_LONG,
    KEY_BOOL,
    KEY_PORT,                   /* an int, 0..65535 */
    KEY_STRING,
    KEY_PATH,                   /* a string; warns when it is relative */
    KEY_ROLE,                   /* participant or observer */
    KEY_ALG,                    /* an int that must be 3 */
};

/* A key that has no place in the config is checked and forgotten: what it
 * tunes (pauses of the JVM) does not exist here. */
#define KEY_NOWHERE SIZE_MAX

#define ZCK_HOUR_MS (INT64_C(60) * 60 * 1000)

struct zoo_key {
    const char *name;
    enum key_type type;
    size_t offset;              /* In struct server_config. */
};

#define AT(member) offsetof(struct server_config, member)
static const struct zoo_key zk_keys[] = {
    { "dataDir", KEY_PATH, AT(storage.data_dir) },
    { "dataLogDir", KEY_PATH, AT(storage.data_log_dir) },
    { "clientPort", KEY_PORT, AT(cnxn.client.port) },
    { "clientPortAddress", KEY_STRING, AT(cnxn.client.host) },
    { "secureClientPort", KEY_PORT, AT(cnxn.secure_client.port) },
    { "secureClientPortAddress", KEY_STRING, AT(cnxn.secure_client.host) },
    { "observerMasterPort", KEY_INT, AT(quorum.observer_master_port) },
    { "clientPortListenBacklog", KEY_INT, AT(cnxn.listen_backlog) },
    { "tickTime", KEY_INT, AT(tick_time_ms) },
    { "maxClientCnxns", KEY_INT, AT(cnxn.max_client_cnxns) },
    { "minSessionTimeout", KEY_INT, AT(min_session_timeout_ms) },
    { "maxSessionTimeout", KEY_INT, AT(max_session_timeout_ms) },
    { "initLimit", KEY_INT, AT(quorum.init_limit) },
    { "syncLimit", KEY_INT, AT(quorum.sync_limit) },
    { "connectToLearnerMasterLimit", KEY_INT,
      AT(quorum.connect_to_learner_master_limit) },
    { "electionAlg", KEY_ALG, AT(quorum.election_alg) },
    { "quorumListenOnAllIPs", KEY_BOOL,
      AT(quorum.quorum_listen_on_all_ips) },
    { "peerType", KEY_ROLE, AT(quorum.peer_type) },
    { "syncEnabled", KEY_BOOL, AT(quorum.sync_enabled) },
    { "dynamicConfigFile", KEY_STRING, AT(quorum.dynamic_config_file) },
    { "autopurge.snapRetainCount", KEY_INT, AT(storage.snap_retain_count) },
    { "standaloneEnabled", KEY_BOOL, AT(quorum.standalone_enabled) },
    { "reconfigEnabled", KEY_BOOL, AT(quorum.reconfig_enabled) },
    { "localSessionsEnabled", KEY_BOOL, AT(quorum.local_sessions_enabled) },
    { "localSessionsUpgradingEnabled", KEY_BOOL,
      AT(quorum.local_sessions_upgrading_enabled) },
    { "sslQuorum", KEY_BOOL, AT(quorum.ssl_quorum) },
    { "portUnification", KEY_BOOL, AT(quorum.port_unification) },
    { "sslQuorumReloadCertFiles", KEY_BOOL, AT(quorum.ssl_quorum_reload) },
    { "quorum.auth.enableSasl", KEY_BOOL, AT(quorum.sasl_enabled) },
    { "quorum.auth.learnerRequireSasl", KEY_BOOL,
      AT(quorum.sasl_learner_required) },
    { "quorum.auth.serverRequireSasl", KEY_BOOL,
      AT(quorum.sasl_server_required) },
    { "quorum.auth.learner.saslLoginContext", KEY_STRING,
      AT(quorum.sasl_learner_context) },
    { "quorum.auth.server.saslLoginContext", KEY_STRING,
      AT(quorum.sasl_server_context) },
    { "quorum.auth.kerberos.servicePrincipal", KEY_STRING,
      AT(quorum.sasl_principal) },
    { "quorum.cnxn.threads.size", KEY_INT, AT(quorum.cnxn_threads) },
    { "jvm.pause.monitor", KEY_BOOL, KEY_NOWHERE },
    { "jvm.pause.warn-threshold.ms", KEY_LONG, KEY_NOWHERE },
    { "jvm.pause.info-threshold.ms", KEY_LONG, KEY_NOWHERE },
    { "jvm.pause.sleep.time.ms", KEY_LONG, KEY_NOWHERE },
    { "metricsProvider.className", KEY_STRING, AT(metrics_provider) },
    { "multiAddress.enabled", KEY_BOOL, AT(quorum.multi_address_enabled) },
    { "multiAddress.reachabilityCheckTimeoutMs", KEY_INT,
      AT(quorum.multi_address_timeout_ms) },
    { "multiAddress.reachabilityCheckEnabled", KEY_BOOL,
      AT(quorum.multi_address_check) },
    { "oraclePath", KEY_STRING, AT(quorum.oracle_path) },
};
#undef AT

void
config_set_string(char **at, const char *value)
{
    char *copy = zk_xstrdup(value);

    free(*at);
    *at = copy;
}

static int
zck_fail(const struct config_reader *r, const struct zk_property *p,
         const char *why)
{
    return zk_fail(r->em, ZK_ECONFIG, "%s:%d: %s=%s: %s", r->path, p->line,
                   p->key, p->value, why);
}

static int
zck_take_int(const struct config_reader *r, const struct zk_property *p,
             int *out)
{
    if (!config_parse_int(p->value, out)) {
        return zck_fail(r, p, "not a number of 32 bits");
    }
    return ZK_OK;
}

static int
zck_take_long(const struct config_reader *r, const struct zk_property *p)
{
    int64_t ignored;

    if (!config_parse_long(p->value, &ignored)) {
        return zck_fail(r, p, "not a number of 64 bits");
    }
    return ZK_OK;
}

/* A number with a unit, of hours when there is none.  Java's 3.9 takes hours
 * alone, what follows it the rest, too. */
static int
zck_take_interval(const struct config_reader *r, const struct zk_property *p,
                  int64_t *ms)
{
    static const struct {
        const char *suffix;
        int64_t ms;
    } units[] = {               /* "ms" ends with that of "s", too. */
        { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", ZCK_HOUR_MS },
        { "d", 24 * ZCK_HOUR_MS }, { "", ZCK_HOUR_MS },
    };
    size_t len = strlen(p->value), digits, i = 0;
    char *number;
    bool good;
    int n;

    while (len < strlen(units[i].suffix)
           || strcasecmp(p->value + len - strlen(units[i].suffix),
                         units[i].suffix) != 0) {
        i++;
    }
    digits = len - strlen(units[i].suffix);
    number = zk_xstrndup(p->value, digits);
    good = config_parse_int(number, &n);
    free(number);
    if (!good) {
        return zck_fail(r, p, "not a number of 32 bits, with ms, s, m, h or "
                        "d behind it or nothing");
    }
    *ms = n * units[i].ms;
    return ZK_OK;
}

static int
zck_take_port(const struct config_reader *r, const struct zk_property *p,
              int *out)
{
    int rv = zck_take_int(r, p, out);

    if (rv == ZK_OK && (*out < 0 || *out > 65535)) {
        rv = zck_fail(r, p, "the port is out of range");
    }
    return rv;
}

static int
zck_take_bool(const struct config_reader *r, const struct zk_property *p,
              bool *out)
{
    if (strcasecmp(p->value, "true") == 0) {
        *out = true;
    } else if (strcasecmp(p->value, "false") == 0) {
        *out = false;
    } else {
        return zck_fail(r, p, "must be true or false");
    }
    return ZK_OK;
}

static int
zck_take_role(const struct config_reader *r, const struct zk_property *p,
              enum learner_type *out)
{
    if (strcasecmp(p->value, "observer") == 0) {
        *out = LEARNER_OBSERVER;
    } else if (strcasecmp(p->value, "participant") == 0) {
        *out = LEARNER_PARTICIPANT;
    } else {
        return zck_fail(r, p, "must be participant or observer");
    }
    return ZK_OK;
}

/* Somebody who starts the server in another folder should know. */
static void
zck_warn_if_relative(const char *path)
{
    if (path[0] != '/' && strncmp(path, "./", 2) != 0) {
        zk_warn(config,
                "%s is relative. Prepend ./ to indicate that you're sure!",
                path);
    }
}

static int
zck_take_known(const struct config_reader *r, const struct zoo_key *key,
               const struct zk_property *p)
{
    bool unused_bool;
    void *at = key->offset == KEY_NOWHERE
               ? (void *) &unused_bool
               : (void *) ((char *) r->config + key->offset);
    int rv = ZK_OK;

    switch (key->type) {
    case KEY_INT:
        return zck_take_int(r, p, at);
    case KEY_LONG:
        return zck_take_long(r, p);
    case KEY_BOOL:
        return zck_take_bool(r, p, at);
    case KEY_PORT:
        return zck_take_port(r, p, at);
    case KEY_ROLE:
        return zck_take_role(r, p, at);
    case KEY_ALG:
        rv = zck_take_int(r, p, at);
        if (rv == ZK_OK && *(int *) at != 3) {
            rv = zck_fail(r, p, "only algorithm 3 is supported");
        }
        return rv;
    case KEY_PATH:
        zck_warn_if_relative(p->value);
        config_set_string(at, p->value);
        return ZK_OK;
    case KEY_STRING:
        config_set_string(at, p->value);
        return ZK_OK;
    }
    zk_panic("no such type of key: %d", (int) key->type);
}

static bool
zck_is_membership(const char *key)
{
    return strncmp(key, "server.", 7) == 0 || strncmp(key, "group", 5) == 0
           || strncmp(key, "weight", 6) == 0;
}

static const struct zoo_key *
zck_find(const char *name)
{
    for (size_t i = 0; i < ZK_ARRAY_SIZE(zk_keys); i++) {
        if (strcmp(zk_keys[i].name, name) == 0) {
            return &zk_keys[i];
        }
    }
    return NULL;
}

static int
zck_take(struct config_reader *r, const struct zk_properties *cfg,
         const struct zk_property *p)
{
    static const char provider[] = "metricsProvider.";
    const struct zoo_key *key = zck_find(p->key);
    char *name;

    if (key != NULL) {
        return zck_take_known(r, key, p);
    }
    if (strcmp(p->key, "autopurge.purgeInterval") == 0) {
        return zck_take_interval(r, p, &r->purge_ms);
    }
    if (zck_is_membership(p->key)) {
        return zk_properties_find(cfg, "dynamicConfigFile") == NULL
               ? ZK_OK
               : zck_fail(r, p, "must be in the file that dynamicConfigFile "
                          "names, not here");
    }
    if (strncmp(p->key, provider, sizeof provider - 1) == 0) {
        system_properties_set(r->config->metrics_props,
                              p->key + sizeof provider - 1, p->value);
        return ZK_OK;
    }
    name = zk_xasprintf("zookeeper.%s", p->key);
    system_properties_set(r->config->props, name, p->value);
    free(name);
    return ZK_OK;
}

int
zoo_cfg_take_keys(struct config_reader *r, const struct zk_properties *cfg)
{
    int rv = ZK_OK;

    for (size_t i = 0; rv == ZK_OK && i < cfg->n; i++) {
        rv = zck_take(r, cfg, &cfg->all[i]);
    }
    return rv;
}
