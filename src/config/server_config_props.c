/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "config/config_reader.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/zk_log.h"

/* jute.maxbuffer unless given, and the least that extrasize adds to it. */
#define SCP_MAX_BUFFER 0xfffff
#define SCP_MIN_EXTRA 1024
#define SCP_MIN_COMMIT_LOG 500
#define SCP_MIN_SNAP_COUNT 2
#define SCP_LARGE_REQUESTS (100 * 1024 * 1024)
#define SCP_MIN_REPLY_BUFFER 32
#define SCP_MAX_BATCH 1000
/* Longer times and larger sizes are as good as none, and some of them are
 * multiplied by 1024, or added to what the clock says. */
#define SCP_MAX_LONG (INT64_MAX / 1024)

/* A number of the config that a property decides.  Where there are two
 * names, the first one goes first. */
struct scp_number {
    const char *name;
    const char *other;          /* or NULL */
    enum {
        SCP_INT,
        SCP_LONG,
        SCP_COUNT,              /* These two from 1 on: with less nothing */
        SCP_TIME,               /* would go on. */
    } type;
    size_t offset;              /* In struct server_config. */
    int64_t def;
};

#define AT(member) offsetof(struct server_config, member)
static const struct scp_number scp_numbers[] = {
    { "zookeeper.globalOutstandingLimit", NULL, SCP_INT,
      AT(cnxn.global_outstanding_limit), 1000 },
    { "zookeeper.maxCnxns", NULL, SCP_INT, AT(cnxn.max_cnxns), 0 },
    { "zookeeper.nio.sessionlessCnxnTimeout", NULL, SCP_INT,
      AT(cnxn.sessionless_timeout_ms), 10000 },
    { "jute.maxbuffer", NULL, SCP_INT, AT(cnxn.jute_max_buffer),
      SCP_MAX_BUFFER },
    { "zookeeper.largeRequestThreshold", NULL, SCP_INT,
      AT(cnxn.large_request_threshold), -1 },
    { "zookeeper.netty.server.outstandingHandshake.limit", NULL, SCP_INT,
      AT(cnxn.handshake_limit), -1 },
    { "zookeeper.connection_throttle_tokens", NULL, SCP_INT,
      AT(cnxn.throttle_tokens), 0 },
    { "zookeeper.connection_throttle_fill_time", NULL, SCP_INT,
      AT(cnxn.throttle_fill_time_ms), 1 },
    { "zookeeper.connection_throttle_fill_count", NULL, SCP_INT,
      AT(cnxn.throttle_fill_count), 1 },
    { "zookeeper.connection_throttle_freeze_time", NULL, SCP_INT,
      AT(cnxn.throttle_freeze_time_ms), -1 },
    { "zookeeper.connection_throttle_global_session_weight", NULL, SCP_INT,
      AT(cnxn.throttle_weight_global), 3 },
    { "zookeeper.connection_throttle_local_session_weight", NULL, SCP_INT,
      AT(cnxn.throttle_weight_local), 1 },
    { "zookeeper.connection_throttle_renew_session_weight", NULL, SCP_INT,
      AT(cnxn.throttle_weight_renew), 2 },

    { "zookeeper.request_throttle_max_requests", NULL, SCP_INT,
      AT(request.request_throttle_limit), 0 },
    { "zookeeper.request_throttle_stall_time", NULL, SCP_COUNT,
      AT(request.request_throttle_stall_ms), 100 },
    { "zookeeper.request_throttler.shutdownTimeout", NULL, SCP_INT,
      AT(request.throttler_shutdown_ms), 10000 },
    { "zookeeper.throttled_op_wait_time", NULL, SCP_LONG,
      AT(request.throttled_op_wait_ms), 0 },
    { "zookeeper.flushDelay", NULL, SCP_LONG, AT(request.flush_delay_ms),
      0 },
    { "zookeeper.maxBatchSize", NULL, SCP_INT, AT(storage.max_batch_size),
      SCP_MAX_BATCH },
    { "znode.container.checkIntervalMs", NULL, SCP_TIME,
      AT(request.container_check_interval_ms), 60000 },
    { "znode.container.maxPerMinute", NULL, SCP_COUNT,
      AT(request.container_max_per_minute), 10000 },
    { "znode.container.maxNeverUsedIntervalMs", NULL, SCP_LONG,
      AT(request.container_max_never_used_ms), 0 },

    { "zookeeper.snapCount", NULL, SCP_INT, AT(storage.snap_count), 100000 },
    { "zookeeper.snapSizeLimitInKb", NULL, SCP_LONG,
      AT(storage.snap_size_limit_kb), 4194304 },
    { "zookeeper.txnLogSizeLimitInKb", NULL, SCP_LONG,
      AT(storage.txn_log_size_limit_kb), -1 },
    { "zookeeper.preAllocSize", NULL, SCP_LONG, AT(storage.pre_alloc_kb),
      65536 },
    { "zookeeper.fsync.warningthresholdms", "fsync.warningthresholdms",
      SCP_LONG, AT(storage.fsync_warning_ms), 1000 },
    { "zookeeper.commitLogCount", NULL, SCP_INT,
      AT(storage.commit_log_count), SCP_MIN_COMMIT_LOG },

    { "zookeeper.admin.serverPort", NULL, SCP_INT, AT(admin.port), 8080 },
    { "zookeeper.admin.idleTimeout", NULL, SCP_INT,
      AT(admin_idle_timeout_ms), 30000 },
};

/* A switch that is on when the property is "true". */
struct scp_switch {
    const char *name;
    size_t offset;
    bool def;
};

static const struct scp_switch scp_switches[] = {
    { "zookeeper.clientTcpKeepAlive", AT(cnxn.tcp_keepalive), false },
    { "zookeeper.client.portUnification", AT(cnxn.port_unification), false },
    { "zookeeper.client.certReload", AT(cnxn.cert_reload), false },
    { "zookeeper.connection_throttle_weight_enabled",
      AT(cnxn.throttle_weight_enabled), false },
    { "zookeeper.request_throttle_drop_stale",
      AT(request.request_throttle_drop_stale), true },
    { "zookeeper.request_stale_latency_check",
      AT(request.request_stale_latency_check), false },
    { "zookeeper.request_stale_connection_check",
      AT(request.request_stale_connection_check), true },
    { "zookeeper.enforceQuota", AT(request.enforce_quota), false },
    { "zookeeper.enableEagerACLCheck", AT(request.eager_acl_check), false },
    { "zookeeper.closeSessionTxn.enabled", AT(request.close_session_txn),
      true },
    { "zookeeper.sessionRequireClientSASLAuth",
      AT(request.session_require_client_sasl), false },
    { "zookeeper.enforce.auth.enabled", AT(request.enforce_auth), false },
    { "zookeeper.datadir.autocreate", AT(storage.datadir_autocreate), true },
    { "zookeeper.db.autocreate", AT(storage.db_autocreate), true },
    { "zookeeper.snapshot.trust.empty", AT(storage.snapshot_trust_empty),
      false },
    { "zookeeper.digest.enabled", AT(storage.digest_enabled), true },
    { "zookeeper.extendedTypesEnabled", AT(storage.extended_types_enabled),
      false },
    { "zookeeper.emulate353TTLNodes", AT(storage.emulate_353_ttl), false },
    { "zookeeper.DigestAuthenticationProvider.enabled",
      AT(auth.digest_enabled), true },
    { "readonlymode.enabled", AT(quorum.read_only_mode), false },
};

/* A text that a property gives; NULL where there is no default. */
struct scp_text {
    const char *name;
    size_t offset;
    const char *def;
};

static const struct scp_text scp_texts[] = {
    { "zookeeper.4lw.commands.whitelist", AT(cnxn.whitelist_4lw), NULL },
    { "zookeeper.enforce.auth.schemes", AT(request.enforce_auth_schemes),
      NULL },
    { "zookeeper.DigestAuthenticationProvider.digestAlg",
      AT(auth.digest_alg), "SHA1" },
    { "zookeeper.DigestAuthenticationProvider.superDigest",
      AT(auth.super_digest), NULL },
    { "zookeeper.X509AuthenticationProvider.superUser",
      AT(auth.x509_super_user), NULL },
    { "zookeeper.admin.serverAddress", AT(admin.host), "0.0.0.0" },
    { "zookeeper.admin.commandURL", AT(admin_url), "/commands" },
};
#undef AT

static void *
scp_at(struct server_config *c, size_t offset)
{
    return (char *) c + offset;
}

static int64_t
scp_clamp(int64_t v)
{
    return v > SCP_MAX_LONG ? SCP_MAX_LONG
           : v < -SCP_MAX_LONG ? -SCP_MAX_LONG : v;
}

static int
scp_take_number(struct server_config *c, const struct scp_number *n,
                struct zk_errmsg *em)
{
    const char *name = n->name;
    int64_t v;
    int rv;

    if (n->other != NULL && system_properties_get(c->props, name) == NULL) {
        name = n->other;
    }
    rv = system_properties_long(c->props, name, n->def, &v, em);
    if (rv != ZK_OK) {
        return rv;
    }
    if ((n->type == SCP_COUNT || n->type == SCP_TIME) && v < 1) {
        return zk_fail(em, ZK_ECONFIG, "property %s=%s: must be at least 1",
                       name, system_properties_get(c->props, name));
    }
    if (n->type == SCP_LONG || n->type == SCP_TIME) {
        *(int64_t *) scp_at(c, n->offset) = scp_clamp(v);
        return ZK_OK;
    }
    if (v < INT_MIN || v > INT_MAX) {
        return zk_fail(em, ZK_ECONFIG, "property %s=%s: not a number of 32 "
                       "bits", name, system_properties_get(c->props, name));
    }
    *(int *) scp_at(c, n->offset) = (int) v;
    return ZK_OK;
}

static int
scp_take_plain(struct server_config *c, struct zk_errmsg *em)
{
    int rv = ZK_OK;

    for (size_t i = 0; rv == ZK_OK && i < ZK_ARRAY_SIZE(scp_numbers); i++) {
        rv = scp_take_number(c, &scp_numbers[i], em);
    }
    for (size_t i = 0; i < ZK_ARRAY_SIZE(scp_switches); i++) {
        const struct scp_switch *s = &scp_switches[i];

        *(bool *) scp_at(c, s->offset) =
            system_properties_bool(c->props, s->name, s->def);
    }
    for (size_t i = 0; i < ZK_ARRAY_SIZE(scp_texts); i++) {
        const char *value = system_properties_get(c->props,
                                                  scp_texts[i].name);

        value = value == NULL ? scp_texts[i].def : value;
        if (value != NULL) {
            config_set_string(scp_at(c, scp_texts[i].offset), value);
        }
    }
    return rv;
}

/* Is the property set to this very text? */
static bool
scp_is(const struct server_config *c, const char *name, const char *text)
{
    const char *value = system_properties_get(c->props, name);

    return value != NULL && strcmp(value, text) == 0;
}

/* Those that are not "true" or "false". */
static void
scp_take_words(struct server_config *c)
{
    static const char compression[] = "zookeeper.snapshot.compression.method";
    const char *method = system_properties_get(c->props, compression);

    c->auth.skip_acl = scp_is(c, "zookeeper.skipACL", "yes");
    c->storage.force_sync = !scp_is(c, "zookeeper.forceSync", "no");
    c->quorum.leader_serves =
        system_properties_get(c->props, "zookeeper.leaderServes") == NULL
        || scp_is(c, "zookeeper.leaderServes", "yes");
    c->admin_enabled = !scp_is(c, "zookeeper.admin.enableServer", "false");
    if (method != NULL && strcasecmp(method, "gz") == 0) {
        config_set_string(&c->storage.snapshot_compression, "gz");
    } else if (method != NULL && strcasecmp(method, "snappy") == 0) {
        config_set_string(&c->storage.snapshot_compression, "snappy");
    } else {
        if (method != NULL && *method != '\0') {
            zk_warn(config, "%s=%s is not known, snapshots are not "
                    "compressed", compression, method);
        }
        config_set_string(&c->storage.snapshot_compression, "");
    }
}

/* Raises *v to 'least' where Java does, with a warning. */
static void
scp_floor(const char *name, int *v, int least, int instead)
{
    if (*v < least) {
        zk_warn(config, "%s should be %d or more, it is reset to %d", name,
                least, instead);
        *v = instead;
    }
}

int
server_config_max_record(const struct system_properties *props,
                         int32_t max_buffer, int32_t *max_record,
                         struct zk_errmsg *em)
{
    int64_t extra;
    int rv;

    rv = system_properties_long(props, "zookeeper.jute.maxbuffer.extrasize",
                                max_buffer, &extra, em);
    if (rv != ZK_OK) {
        return rv;
    }
    extra = extra < SCP_MIN_EXTRA ? SCP_MIN_EXTRA : extra;
    extra = extra > INT32_MAX ? INT32_MAX : extra;
    extra += max_buffer;
    *max_record = extra > INT32_MAX ? INT32_MAX : (int32_t) extra;
    return ZK_OK;
}

static int
scp_check_sizes(struct server_config *c, struct zk_errmsg *em)
{
    int64_t large;
    int rv;

    if (c->cnxn.jute_max_buffer <= 0) {
        return zk_fail(em, ZK_ECONFIG, "property jute.maxbuffer=%d: no "
                       "request would fit", c->cnxn.jute_max_buffer);
    }
    rv = server_config_max_record(c->props, c->cnxn.jute_max_buffer,
                                  &c->storage.max_record, em);
    if (rv != ZK_OK) {
        return rv;
    }
    rv = system_properties_long(c->props, "zookeeper.largeRequestMaxBytes",
                                SCP_LARGE_REQUESTS, &large, em);
    if (rv != ZK_OK) {
        return rv;
    }
    if (large <= 0) {
        zk_warn(config, "Invalid max bytes for all large requests %lld. It "
                "stays at %d", (long long) large, SCP_LARGE_REQUESTS);
        large = SCP_LARGE_REQUESTS;
    }
    c->cnxn.large_request_max_bytes = large;
    if (c->cnxn.large_request_threshold == 0
        || c->cnxn.large_request_threshold < -1) {
        zk_warn(config, "Invalid large request threshold %d, it is off",
                c->cnxn.large_request_threshold);
        c->cnxn.large_request_threshold = -1;
    }
    return ZK_OK;
}

static int
scp_check_threads(struct server_config *c, struct zk_errmsg *em)
{
    static const char selectors[] = "zookeeper.nio.numSelectorThreads";
    static const char reply[] = "zookeeper.intBufferStartingSizeBytes";
    int64_t n, bytes;
    int rv = system_properties_long(c->props, selectors, 0, &n, em);

    if (rv == ZK_OK) {
        rv = system_properties_long(c->props, reply, SCP_MIN_REPLY_BUFFER,
                                    &bytes, em);
    }
    if (rv != ZK_OK) {
        return rv;
    }
    if (system_properties_get(c->props, selectors) != NULL
        && (n < 1 || n > INT_MAX)) {
        return zk_fail(em, ZK_ECONFIG, "property %s=%s: must be at least 1",
                       selectors, system_properties_get(c->props,
                                                        selectors));
    }
    c->cnxn.selector_threads = (int) n;
    if (bytes < SCP_MIN_REPLY_BUFFER) {
        return zk_fail(em, ZK_ECONFIG, "property %s=%s: must be at least %d",
                       reply, system_properties_get(c->props, reply),
                       SCP_MIN_REPLY_BUFFER);
    }
    return ZK_OK;
}

static void
scp_check_counts(struct server_config *c)
{
    scp_floor("zookeeper.snapCount", &c->storage.snap_count,
              SCP_MIN_SNAP_COUNT, SCP_MIN_SNAP_COUNT);
    scp_floor("zookeeper.commitLogCount", &c->storage.commit_log_count,
              SCP_MIN_COMMIT_LOG, SCP_MIN_COMMIT_LOG);
    scp_floor("zookeeper.maxCnxns", &c->cnxn.max_cnxns, 0, 0);
    /* Without a limit a crash could leave more than what log_scan.h takes
     * for the end of a log. */
    scp_floor("zookeeper.maxBatchSize", &c->storage.max_batch_size, 1,
              SCP_MAX_BATCH);
    if (c->storage.pre_alloc_kb < 0) {
        c->storage.pre_alloc_kb = 0;
    }
}

/* The weights of new, local and renewed sessions; with weights, tokens are
 * counted in global sessions (BlueThrottle). */
static void
scp_weigh(struct cnxn_config *c)
{
    int local = c->throttle_weight_local;
    int64_t tokens = c->throttle_tokens, fill = c->throttle_fill_count;

    scp_floor("zookeeper.connection_throttle_global_session_weight",
              &c->throttle_weight_global, 1, 3);
    scp_floor("zookeeper.connection_throttle_renew_session_weight",
              &c->throttle_weight_renew, 1, 2);
    if (c->throttle_weight_global < local) {
        c->throttle_weight_global = local;
    }
    if (c->throttle_weight_renew < local) {
        c->throttle_weight_renew = local;
    }
    scp_floor("zookeeper.connection_throttle_local_session_weight",
              &c->throttle_weight_local, 1, 1);
    if (c->throttle_weight_enabled) {
        tokens *= c->throttle_weight_global;
        fill *= c->throttle_weight_global;
    }
    c->throttle_tokens = tokens > INT_MAX ? INT_MAX : (int) tokens;
    c->throttle_fill_count = fill > INT_MAX ? INT_MAX : (int) fill;
}

static int
scp_take_throttle(struct server_config *c, struct zk_errmsg *em)
{
    struct cnxn_config *x = &c->cnxn;
    int rv;

    rv = system_properties_double(
        c->props, "zookeeper.connection_throttle_drop_increase", 0.02,
        &x->throttle_drop_increase, em);
    if (rv == ZK_OK) {
        rv = system_properties_double(
            c->props, "zookeeper.connection_throttle_drop_decrease", 0.002,
            &x->throttle_drop_decrease, em);
    }
    if (rv == ZK_OK) {
        rv = system_properties_double(
            c->props, "zookeeper.connection_throttle_decrease_ratio", 0,
            &x->throttle_decrease_ratio, em);
    }
    if (rv == ZK_OK) {
        scp_weigh(x);
    }
    return rv;
}

/* A third of the delay of a flush, unless given. */
static int
scp_take_poll_time(struct server_config *c, struct zk_errmsg *em)
{
    return system_properties_long(c->props,
                                  "zookeeper.maxWriteQueuePollTime",
                                  c->request.flush_delay_ms / 3,
                                  &c->request.max_write_queue_poll_ms, em);
}

/* A mistake in what nobody will use is no reason not to start: Java reads
 * these properties only where there is TLS. */
static int
scp_take_tls(struct server_config *c, const char *prefix, bool used,
             struct tls_config *out, struct zk_errmsg *em)
{
    struct zk_errmsg why;
    int rv = tls_config_read(c->props, prefix, out, &why);

    if (rv == ZK_OK) {
        return ZK_OK;
    }
    if (!used) {
        zk_warn(config, "%s (not used)", why.text);
        return ZK_OK;
    }
    return zk_fail(em, rv, "%s", why.text);
}

/* ---- schemes that sessions must have ------------------------------------ */

struct scp_scheme {
    const char *scheme;
    const char *class_end;      /* How its class is called. */
    bool found;
};

static void
scp_see_provider(void *arg, const char *name, const char *value)
{
    struct scp_scheme *s = arg;
    size_t len = strlen(value), end = strlen(s->class_end);

    if (strncmp(name, "zookeeper.authProvider.", 23) == 0 && len >= end
        && strcmp(value + len - end, s->class_end) == 0) {
        s->found = true;
    }
}

/* Will there be a provider for the scheme (ProviderRegistry)? */
static bool
scp_has_scheme(const struct server_config *c, const char *scheme)
{
    struct scp_scheme plugins[] = {
        { "sasl", ".SASLAuthenticationProvider", false },
        { "x509", ".X509AuthenticationProvider", false },
        { "auth", ".KeyAuthenticationProvider", false },
        { "digest", ".DigestAuthenticationProvider", false },
        { "ip", ".IPAuthenticationProvider", false },
        { "ensemble", ".EnsembleAuthenticationProvider", false },
    };

    if (strcmp(scheme, "ip") == 0
        || (strcmp(scheme, "digest") == 0 && c->auth.digest_enabled)) {
        return true;
    }
    if (strcmp(scheme, "ensemble") == 0
        && system_properties_get(c->props, "zookeeper.ensembleAuthName")
           != NULL) {
        return true;
    }
    for (size_t i = 0; i < ZK_ARRAY_SIZE(plugins); i++) {
        if (strcmp(plugins[i].scheme, scheme) == 0) {
            system_properties_each(c->props, scp_see_provider, &plugins[i]);
            return plugins[i].found;
        }
    }
    return false;
}

/* Each scheme of the list must have a provider. */
static int
scp_check_schemes(const struct server_config *c, struct zk_errmsg *em)
{
    char *copy = zk_xstrdup(c->request.enforce_auth_schemes);
    char *rest = copy, *part;
    int rv = ZK_OK;

    while (rv == ZK_OK && (part = strsep(&rest, ",")) != NULL) {
        part += strspn(part, " \t");
        part[strcspn(part, " \t")] = '\0';
        if (!scp_has_scheme(c, part)) {
            rv = zk_fail(em, ZK_ECONFIG, "property zookeeper.enforce.auth."
                         "schemes=%s: scheme \"%s\" has no provider",
                         c->request.enforce_auth_schemes, part);
        }
    }
    free(copy);
    return rv;
}

static int
scp_check_enforced_auth(struct server_config *c, struct zk_errmsg *em)
{
    if (c->request.session_require_client_sasl) {
        c->request.enforce_auth = true;
        config_set_string(&c->request.enforce_auth_schemes, "sasl");
    }
    if (!c->request.enforce_auth) {
        return ZK_OK;
    }
    if (c->request.enforce_auth_schemes == NULL) {
        return zk_fail(em, ZK_ECONFIG, "property zookeeper.enforce.auth."
                       "enabled=true, but zookeeper.enforce.auth.schemes is "
                       "not set");
    }
    return scp_check_schemes(c, em);
}

int
config_take_properties(struct server_config *c, struct zk_errmsg *em)
{
    int rv = scp_take_plain(c, em);

    if (rv != ZK_OK) {
        return rv;
    }
    scp_take_words(c);
    scp_check_counts(c);
    rv = scp_check_sizes(c, em);
    if (rv == ZK_OK) {
        rv = scp_check_threads(c, em);
    }
    if (rv == ZK_OK) {
        rv = scp_take_throttle(c, em);
    }
    if (rv == ZK_OK) {
        rv = scp_take_poll_time(c, em);
    }
    c->auth.x509_enabled = scp_has_scheme(c, "x509");
    if (rv == ZK_OK) {
        rv = scp_check_enforced_auth(c, em);
    }
    if (rv == ZK_OK) {
        rv = scp_take_tls(c, TLS_CLIENT_PREFIX,
                          server_config_has_client_tls(c), &c->client_tls,
                          em);
    }
    if (rv == ZK_OK) {
        rv = scp_take_tls(c, TLS_QUORUM_PREFIX,
                          server_config_has_quorum_tls(c), &c->quorum_tls,
                          em);
    }
    return rv;
}
