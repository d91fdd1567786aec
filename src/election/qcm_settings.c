/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qcm_settings.c: the properties that the election links obey.
 */
#include <config.h>

#include <limits.h>

#include "election/qcm_internal.h"
#include "election/qcm_settings.h"

#define QCM_CONNECT_MS 5000
#define QCM_BIND_TRIES 3

int
qcm_setting(const struct server_config *config, const char *name,
            int64_t def, int64_t min, int64_t *out, struct zk_errmsg *em)
{
    int rv;

    *out = def;
    if (config->props == NULL) {
        return ZK_OK;
    }
    rv = system_properties_long(config->props, name, def, out, em);
    if (rv == ZK_OK && (*out < min || *out > INT_MAX)) {
        rv = zk_fail(em, ZK_ECONFIG, "%s is %ld, not between %ld and %d",
                     name, (long) *out, (long) min, INT_MAX);
    }
    return rv;
}

/* Who asked for either must not get links without it. */
static int
qs_check_security(const struct quorum_config *q,
                  const struct tls_context *tls, struct zk_errmsg *em)
{
    if (q->ssl_quorum && tls == NULL) {
        return zk_fail(em, ZK_ECONFIG, "sslQuorum is set, and there are no "
                       "keys for it");
    }
    if (q->sasl_enabled) {
        return zk_fail(em, ZK_ECONFIG, "quorum.auth.enableSasl is not "
                       "supported");
    }
    return ZK_OK;
}

int
qcm_settings_read(const struct server_config *config,
                  struct tls_context *tls, struct qcm_settings *out,
                  struct zk_errmsg *em)
{
    int64_t ticks_ms = (int64_t) config->tick_time_ms
                       * config->quorum.sync_limit;
    int rv = qs_check_security(&config->quorum, tls, em);

    if (rv == ZK_OK) {
        rv = qcm_setting(config, "zookeeper.cnxTimeout", QCM_CONNECT_MS, 1,
                         &out->connect_timeout_ms, em);
    }
    if (rv == ZK_OK) {
        rv = qcm_setting(config, "zookeeper.quorumCnxnTimeoutMs", -1,
                         INT_MIN, &out->read_timeout_ms, em);
    }
    if (rv == ZK_OK) {
        rv = qcm_setting(config, "zookeeper.electionPortBindRetry",
                         QCM_BIND_TRIES, 0, &out->bind_tries, em);
    }
    if (rv == ZK_OK && out->read_timeout_ms <= 0) {
        out->read_timeout_ms = ticks_ms > 0 ? ticks_ms
                                            : out->connect_timeout_ms;
    }
    if (rv == ZK_OK) {
        out->net = link_options(config, tls);
        out->net.handshake_ms = out->connect_timeout_ms;
    }
    return rv;
}
