/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "main/quorum_tls.h"

#include "util/zk_log.h"

/* Where plain links do it is no error that there are none. */
static bool
qt_is_without_keys(const struct server_config *c)
{
    if (c->quorum.ssl_quorum || c->quorum_tls.key.location != NULL) {
        return false;
    }
    zk_warn(tls, "%s: portUnification=true, but ssl.quorum.keyStore.location "
            "is not set: servers that connect by TLS are not let in",
            c->config_file);
    return true;
}

static int
qt_create(const struct server_config *c, struct tls_context **out,
          struct zk_errmsg *em)
{
    const char *asked = c->quorum.ssl_quorum ? "sslQuorum"
                                             : "portUnification";
    unsigned sides = TLS_SIDE_SERVER;
    struct zk_errmsg why = { "" };
    int rv;

    if (c->quorum.ssl_quorum) {
        sides |= TLS_SIDE_CLIENT;
    }
    rv = tls_context_create(&c->quorum_tls, sides, out, &why);
    return rv == ZK_OK ? rv : zk_fail(em, rv, "%s: %s=true: %s",
                                      c->config_file, asked, why.text);
}

int
quorum_tls_open(const struct server_config *c, struct tls_context **out,
                struct zk_errmsg *em)
{
    int rv;

    *out = NULL;
    if (!server_config_has_quorum_tls(c) || qt_is_without_keys(c)) {
        return ZK_OK;
    }
    rv = qt_create(c, out, em);
    if (rv != ZK_OK) {
        *out = NULL;
        return rv;
    }
    zk_info(tls, "links between servers: TLS is %s, plain text is %s",
            c->quorum.ssl_quorum ? "used" : "accepted",
            !c->quorum.ssl_quorum ? "used"
            : c->quorum.port_unification ? "accepted" : "refused");
    if (c->quorum.ssl_quorum_reload) {
        tls_context_watch_start(*out);
    }
    return ZK_OK;
}

void
quorum_tls_close(const struct server_config *c, struct tls_context *ctx)
{
    if (ctx != NULL && c->quorum.ssl_quorum_reload) {
        tls_context_watch_stop(ctx);
    }
    tls_context_unref(ctx);
}
