/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "config/tls_config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/zk_log.h"

#define TC_DETECTION_MS 5000
/* No property of a prefix has a longer name. */
#define TC_NAME_MAX 80

/* Where the reading stands. */
struct tc_reader {
    const struct system_properties *props;
    struct tls_config *c;
    struct zk_errmsg *em;
    char name[TC_NAME_MAX];     /* The property that was asked for last. */
};

static const char *
tc_get(struct tc_reader *r, const char *suffix)
{
    snprintf(r->name, sizeof r->name, "%s%s", r->c->prefix, suffix);
    return system_properties_get(r->props, r->name);
}

static bool
tc_get_bool(struct tc_reader *r, const char *suffix, bool def)
{
    tc_get(r, suffix);
    return system_properties_bool(r->props, r->name, def);
}

/* NULL when the property is not set, or set to nothing. */
static char *
tc_dup(struct tc_reader *r, const char *suffix)
{
    const char *value = tc_get(r, suffix);

    return value == NULL || *value == '\0' ? NULL : zk_xstrdup(value);
}

static void
tc_take_store(struct tc_reader *r, const char *which,
              struct tls_store_config *s)
{
    char suffix[32];

    snprintf(suffix, sizeof suffix, "%s.location", which);
    s->location = tc_dup(r, suffix);
    snprintf(suffix, sizeof suffix, "%s.password", which);
    s->password = tc_dup(r, suffix);
    snprintf(suffix, sizeof suffix, "%s.passwordPath", which);
    s->password_path = tc_dup(r, suffix);
    snprintf(suffix, sizeof suffix, "%s.type", which);
    s->type = tc_dup(r, suffix);
}

static int
tc_take_client_auth(struct tc_reader *r)
{
    static const char *const words[] = {
        [TLS_CLIENT_AUTH_NEED] = "need",
        [TLS_CLIENT_AUTH_WANT] = "want",
        [TLS_CLIENT_AUTH_NONE] = "none",
    };
    const char *value = tc_get(r, "clientAuth");

    r->c->client_auth = TLS_CLIENT_AUTH_NEED;
    if (value == NULL || *value == '\0') {
        return ZK_OK;
    }
    for (size_t i = 0; i < ZK_ARRAY_SIZE(words); i++) {
        if (strcasecmp(value, words[i]) == 0) {
            r->c->client_auth = (enum tls_client_auth) i;
            return ZK_OK;
        }
    }
    return zk_fail(r->em, ZK_ECONFIG, "property %s=%s: must be need, want or "
                   "none", r->name, value);
}

static int
tc_take_timeout(struct tc_reader *r)
{
    int64_t v;
    int rv;

    tc_get(r, "handshakeDetectionTimeoutMillis");
    rv = system_properties_long(r->props, r->name, TC_DETECTION_MS, &v,
                                r->em);
    if (rv != ZK_OK) {
        return rv;
    }
    if (v < 1 || v > INT32_MAX) {
        zk_warn(tls, "Invalid value for %s: %lld, using the default value of "
                "%d", r->name, (long long) v, TC_DETECTION_MS);
        v = TC_DETECTION_MS;
    }
    r->c->detection_timeout_ms = (int32_t) v;
    return ZK_OK;
}

/* Whose names are compared.  Clients' only if servers' are, too. */
static void
tc_take_hostnames(struct tc_reader *r, bool quorum)
{
    struct tls_config *c = r->c;

    c->hostname_verification =
        tc_get_bool(r, "hostnameVerification", !(quorum && c->fips));
    c->client_hostname_verification =
        c->hostname_verification
        && tc_get_bool(r, "clientHostnameVerification", quorum);
    c->allow_reverse_dns = tc_get_bool(r, "allowReverseDnsLookup", false);
}

/* Java's plugins: what they would give cannot be had here. */
static int
tc_refuse_supplier(struct tc_reader *r)
{
    const char *class = tc_get(r, "context.supplier.class");

    if (class == NULL || *class == '\0') {
        return ZK_OK;
    }
    return zk_fail(r->em, ZK_ECONFIG, "property %s=%s: a class of Java cannot "
                   "be used; set keyStore.* and trustStore.* instead",
                   r->name, class);
}

static int
tc_check_provider(struct tc_reader *r)
{
    const char *provider = tc_get(r, "sslProvider");

    if (provider == NULL || strcmp(provider, "JDK") == 0
        || strcmp(provider, "OPENSSL") == 0
        || strcmp(provider, "OPENSSL_REFCNT") == 0) {
        return ZK_OK;           /* It is OpenSSL here in any case. */
    }
    return zk_fail(r->em, ZK_ECONFIG, "property %s=%s: must be JDK or "
                   "OPENSSL", r->name, provider);
}

int
tls_config_read(const struct system_properties *props, const char *prefix,
                struct tls_config *out, struct zk_errmsg *em)
{
    struct tc_reader r = { .props = props, .c = out, .em = em };
    bool quorum = strcmp(prefix, TLS_QUORUM_PREFIX) == 0;
    int rv;

    out->prefix = quorum ? TLS_QUORUM_PREFIX : TLS_CLIENT_PREFIX;
    out->fips = system_properties_bool(props, "zookeeper.fips-mode", true);
    tc_take_store(&r, "keyStore", &out->key);
    tc_take_store(&r, "trustStore", &out->trust);
    out->protocol = tc_dup(&r, "protocol");
    out->enabled_protocols = tc_dup(&r, "enabledProtocols");
    out->ciphersuites = tc_dup(&r, "ciphersuites");
    if (quorum && out->fips && out->protocol == NULL
        && out->enabled_protocols == NULL) {
        out->protocol = zk_xstrdup("TLSv1.2");
    }
    tc_take_hostnames(&r, quorum);
    out->crl = tc_get_bool(&r, "crl", false);
    out->ocsp = tc_get_bool(&r, "ocsp", false);
    rv = tc_take_client_auth(&r);
    if (rv == ZK_OK) {
        rv = tc_take_timeout(&r);
    }
    if (rv == ZK_OK) {
        rv = tc_refuse_supplier(&r);
    }
    return rv == ZK_OK && !quorum ? tc_check_provider(&r) : rv;
}

static void
tc_free_store(struct tls_store_config *s)
{
    free(s->location);
    free(s->password);
    free(s->password_path);
    free(s->type);
}

void
tls_config_fini(struct tls_config *c)
{
    tc_free_store(&c->key);
    tc_free_store(&c->trust);
    free(c->protocol);
    free(c->enabled_protocols);
    free(c->ciphersuites);
    memset(c, 0, sizeof *c);
}
