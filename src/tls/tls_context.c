/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tls/tls_context.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "tls/tls_internal.h"
#include "util/zk_log.h"

/* What one reading of the stores gives. */
struct tcx_loaded {
    SSL_CTX *server;
    SSL_CTX *client;
};

static bool
tcx_given(const struct tls_store_config *s)
{
    return s->location != NULL && *s->location != '\0';
}

static int
tcx_read_stores(const struct tls_config *c, unsigned sides,
                struct tls_store *keys, struct tls_store *trust,
                struct zk_errmsg *em)
{
    int rv = ZK_OK;

    if (tcx_given(&c->key)) {
        rv = tls_store_read_keys(&c->key, c->prefix, keys, em);
    } else if ((sides & TLS_SIDE_SERVER) != 0) {
        rv = zk_fail(em, ZK_ECONFIG, "property %skeyStore.location is not "
                     "set: a server needs a key and a certificate",
                     c->prefix);
    }
    if (rv == ZK_OK && tcx_given(&c->trust)) {
        rv = tls_store_read_trust(&c->trust, c->prefix, trust, em);
    } else if (rv == ZK_OK && (sides & TLS_SIDE_CLIENT) != 0
               && !c->hostname_verification) {
        /* Java takes any certificate of a public authority then. */
        rv = zk_fail(em, ZK_ECONFIG, "property %strustStore.location is not "
                     "set, and names are not compared: anybody could be the "
                     "other side", c->prefix);
    } else if (rv == ZK_OK && (sides & TLS_SIDE_SERVER) != 0
               && c->client_auth != TLS_CLIENT_AUTH_NONE) {
        zk_warn(tls, "%strustStore.location is not set: no certificate of a "
                "client can be trusted", c->prefix);
    }
    return rv;
}

static void
tcx_free(struct tcx_loaded *l)
{
    SSL_CTX_free(l->server);
    SSL_CTX_free(l->client);
}

static int
tcx_load(const struct tls_config *c, unsigned sides, struct tcx_loaded *out,
         struct zk_errmsg *em)
{
    struct tls_store keys = { 0 }, trust = { 0 };
    int rv;

    ERR_clear_error();
    rv = tcx_read_stores(c, sides, &keys, &trust, em);
    if (rv == ZK_OK && (sides & TLS_SIDE_SERVER) != 0) {
        rv = tls_ssl_ctx_create(c, TLS_SIDE_SERVER, &keys, &trust,
                                &out->server, em);
    }
    if (rv == ZK_OK && (sides & TLS_SIDE_CLIENT) != 0) {
        rv = tls_ssl_ctx_create(c, TLS_SIDE_CLIENT, &keys, &trust,
                                &out->client, em);
    }
    tls_store_fini(&keys);
    tls_store_fini(&trust);
    if (rv != ZK_OK) {
        tcx_free(out);
    }
    return rv;
}

int
tls_context_create(const struct tls_config *config, unsigned sides,
                   struct tls_context **out, struct zk_errmsg *em)
{
    struct tcx_loaded loaded = { NULL, NULL };
    struct tls_context *ctx;
    struct tls_stamps stamps;
    int rv;

    tls_stamps_take(config, &stamps);
    rv = tcx_load(config, sides, &loaded, em);
    if (rv != ZK_OK) {
        return rv;
    }
    if (!config->hostname_verification) {
        zk_info(tls, "%shostnameVerification is false%s: certificates of "
                "other hosts will do", config->prefix,
                config->fips ? " (as it is by default with "
                               "zookeeper.fips-mode)" : "");
    }
    ctx = zk_xcalloc(1, sizeof *ctx);
    ctx->magic = TLS_CONTEXT_MAGIC;
    atomic_init(&ctx->refs, 1);
    ctx->config = config;
    ctx->sides = sides;
    ctx->created = stamps;
    ctx->revocation = tls_revocation_create(config);
    zk_mutex_init(&ctx->lock, ZK_LOCK_leaf);
    zk_lock(&ctx->lock);
    ctx->server = loaded.server;
    ctx->client = loaded.client;
    zk_unlock(&ctx->lock);
    *out = ctx;
    return ZK_OK;
}

struct tls_context *
tls_context_ref(struct tls_context *ctx)
{
    ZK_CHECK(ctx, TLS_CONTEXT_MAGIC);
    atomic_fetch_add(&ctx->refs, 1);
    return ctx;
}

void
tls_context_unref(struct tls_context *ctx)
{
    if (ctx == NULL) {
        return;
    }
    ZK_CHECK(ctx, TLS_CONTEXT_MAGIC);
    if (atomic_fetch_sub(&ctx->refs, 1) > 1) {
        return;
    }
    zk_assert(ctx->watcher == NULL);
    tls_revocation_destroy(ctx->revocation);
    zk_lock(&ctx->lock);
    SSL_CTX_free(ctx->server);
    SSL_CTX_free(ctx->client);
    zk_unlock(&ctx->lock);
    zk_mutex_fini(&ctx->lock);
    ctx->magic = 0;
    free(ctx);
}

const struct tls_config *
tls_context_config(const struct tls_context *ctx)
{
    ZK_CHECK(ctx, TLS_CONTEXT_MAGIC);
    return ctx->config;
}

int
tls_context_reload(struct tls_context *ctx, struct zk_errmsg *em)
{
    struct tcx_loaded loaded = { NULL, NULL }, old;
    int rv;

    ZK_CHECK(ctx, TLS_CONTEXT_MAGIC);
    rv = tcx_load(ctx->config, ctx->sides, &loaded, em);
    if (rv != ZK_OK) {
        return rv;
    }
    zk_lock(&ctx->lock);
    old = (struct tcx_loaded) { ctx->server, ctx->client };
    ctx->server = loaded.server;
    ctx->client = loaded.client;
    zk_unlock(&ctx->lock);
    tcx_free(&old);
    return ZK_OK;
}

SSL_CTX *
tls_context_use(struct tls_context *ctx, enum tls_side side)
{
    SSL_CTX *use;

    ZK_CHECK(ctx, TLS_CONTEXT_MAGIC);
    zk_assert((ctx->sides & side) != 0);
    zk_lock(&ctx->lock);
    use = side == TLS_SIDE_SERVER ? ctx->server : ctx->client;
    SSL_CTX_up_ref(use);
    zk_unlock(&ctx->lock);
    return use;
}
