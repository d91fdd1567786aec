/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "main/quorum_tls.h"

#include <stdlib.h>

#include "util/zk_log.h"

#define QT_PREFIX "zookeeper.ssl.quorum."

struct quorum_tls {
    unsigned magic;
#define QUORUM_TLS_MAGIC 0x51744c73
    struct tls_config config;
    struct tls_context *context;
    bool watched;
};

/* Neither is an error where plain links do. */
static bool
qt_is_without_keys(const struct server_config *c, const struct quorum_tls *t)
{
    if (c->quorum.ssl_quorum || t->config.key.location != NULL) {
        return false;
    }
    zk_warn(tls, "%s: portUnification=true, but ssl.quorum.keyStore.location "
            "is not set: servers that connect by TLS are not let in",
            c->config_file);
    return true;
}

static int
qt_read(const struct server_config *c, struct quorum_tls *t,
        struct zk_errmsg *em)
{
    struct zk_errmsg why = { "" };
    int rv = tls_config_read(c->props, QT_PREFIX, &t->config, &why);

    if (rv == ZK_OK && qt_is_without_keys(c, t)) {
        return ZK_ENOTFOUND;
    }
    if (rv == ZK_OK) {
        rv = tls_context_create(&t->config,
                                TLS_SIDE_SERVER
                                | (c->quorum.ssl_quorum ? TLS_SIDE_CLIENT
                                                        : 0),
                                &t->context, &why);
    }
    return rv == ZK_OK ? rv : zk_fail(em, rv, "%s: %s: %s", c->config_file,
                                      c->quorum.ssl_quorum
                                          ? "sslQuorum=true"
                                          : "portUnification=true",
                                      why.text);
}

int
quorum_tls_open(const struct server_config *c, struct quorum_tls **out,
                struct zk_errmsg *em)
{
    struct quorum_tls *t;
    int rv;

    *out = NULL;
    if (!c->quorum.ssl_quorum && !c->quorum.port_unification) {
        return ZK_OK;
    }
    t = zk_xcalloc(1, sizeof *t);
    t->magic = QUORUM_TLS_MAGIC;
    rv = qt_read(c, t, em);
    if (rv != ZK_OK) {
        quorum_tls_close(t);
        return rv == ZK_ENOTFOUND ? ZK_OK : rv;
    }
    zk_info(tls, "links between servers: TLS is %s, plain text is %s",
            c->quorum.ssl_quorum ? "used" : "accepted",
            !c->quorum.ssl_quorum ? "used"
            : c->quorum.port_unification ? "accepted" : "refused");
    if (c->quorum.ssl_quorum_reload) {
        tls_context_watch_start(t->context);
        t->watched = true;
    }
    *out = t;
    return ZK_OK;
}

struct tls_context *
quorum_tls_context(struct quorum_tls *t)
{
    return t != NULL ? t->context : NULL;
}

void
quorum_tls_close(struct quorum_tls *t)
{
    if (t == NULL) {
        return;
    }
    ZK_CHECK(t, QUORUM_TLS_MAGIC);
    if (t->watched) {
        tls_context_watch_stop(t->context);
    }
    tls_context_unref(t->context);
    tls_config_fini(&t->config);
    t->magic = 0;
    free(t);
}
