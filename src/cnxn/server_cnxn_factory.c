/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cnxn/server_cnxn_factory.h"

#include <stdlib.h>
#include <unistd.h>

#include "cnxn/accept_thread.h"
#include "cnxn/cnxn_context.h"
#include "cnxn/selector_thread.h"
#include "cnxn/server_cnxn.h"
#include "cnxn/tls_handshaker.h"
#include "metrics/server_metrics.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

/* How long a selector looks for work before it sleeps; 0 switches it off. */
#define SPIN_PROPERTY "zookeeper.zkd.spinUs"
#define SPIN_DEFAULT_US 50
#define SPIN_MAX_US 10000
/* What may wait for a client that does not read. */
#define OUTPUT_PROPERTY "zookeeper.zkd.outputMaxBytes"
#define SELECTORS_MAX 256

struct server_cnxn_factory {
    unsigned magic;
#define SERVER_CNXN_FACTORY_MAGIC 0x46616374

    /* Set at create, never changed. */
    struct cnxn_context ctx;
    struct accept_thread *accept, *secure;  /* NULL: no such port. */
    bool started;               /* main thread */
};

/* ---- what the server calls --------------------------------------------- */

static void
scf_wake(void *self)
{
    struct server_cnxn_factory *f = self;

    for (unsigned i = 0; i < f->ctx.n_selectors; i++) {
        selector_thread_wake_if_posted(f->ctx.selectors[i]);
    }
}

static void
scf_close_session(void *self, int64_t session_id, enum disconnect_reason why)
{
    struct server_cnxn_factory *f = self;
    struct server_cnxn *c =
        cnxn_table_take_session(&f->ctx.table, session_id);

    if (c != NULL) {
        server_cnxn_end(c, why);
        server_cnxn_unref(c);
    }
}

static size_t
scf_count(void *self)
{
    return server_cnxn_factory_count(self);
}

/* ConnectionExpirer: hands over a reference. */
static void
scf_expire(struct server_cnxn *c)
{
    server_metrics_inc(METRIC_sessionless_connections_expired);
    server_cnxn_end(c, DISCONNECT_IDLE);
    server_cnxn_unref(c);
}

/* ---- create ------------------------------------------------------------ */

/* As Java chooses: the square root of half the processors, at least one. */
static unsigned
scf_selectors(const struct server_config *config)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned n = 1;

    if (config->cnxn.selector_threads > 0) {
        return config->cnxn.selector_threads < SELECTORS_MAX
                   ? (unsigned) config->cnxn.selector_threads
                   : SELECTORS_MAX;
    }
    while ((long) (n + 1) * (n + 1) * 2 <= cores) {
        n++;
    }
    return n;
}

/* A property of zkd's own, between 0 and 'max'. */
static int
scf_property(const struct server_config *config, const char *name,
             int64_t def, int64_t max, int64_t *out, struct zk_errmsg *em)
{
    int rv;

    *out = def;
    if (config->props == NULL) {
        return ZK_OK;
    }
    rv = system_properties_long(config->props, name, def, out, em);
    if (rv == ZK_OK && (*out < 0 || *out > max)) {
        rv = zk_fail(em, ZK_ECONFIG, "%s is %ld, not between 0 and %ld",
                     name, (long) *out, (long) max);
    }
    return rv;
}

static int
scf_read_properties(struct cnxn_context *ctx, struct zk_errmsg *em)
{
    int64_t spin_us, output_max;
    int rv = scf_property(ctx->config, SPIN_PROPERTY, SPIN_DEFAULT_US,
                          SPIN_MAX_US, &spin_us, em);

    if (rv == ZK_OK) {
        rv = scf_property(ctx->config, OUTPUT_PROPERTY,
                          CNXN_OUTPUT_MAX_DEFAULT, INT64_MAX, &output_max,
                          em);
    }
    if (rv == ZK_OK) {
        ctx->spin_us = (unsigned) spin_us;
        ctx->output_max = (size_t) output_max;
    }
    return rv;
}

static int
scf_create_selectors(struct server_cnxn_factory *f, struct zk_errmsg *em)
{
    unsigned want = scf_selectors(f->ctx.config);

    f->ctx.selectors = zk_xcalloc(want, sizeof(struct selector_thread *));
    for (; f->ctx.n_selectors < want; f->ctx.n_selectors++) {
        struct selector_thread *sel =
            selector_thread_create(&f->ctx, f->ctx.n_selectors, em);

        if (sel == NULL) {
            return ZK_EIO;
        }
        f->ctx.selectors[f->ctx.n_selectors] = sel;
    }
    return ZK_OK;
}

static int
scf_open_ports(struct server_cnxn_factory *f, bool unified,
               struct zk_errmsg *em)
{
    const struct cnxn_config *config = &f->ctx.config->cnxn;
    int rv = ZK_OK;

    if (config->client.port >= 0) {
        rv = accept_thread_create(&f->ctx,
                                  unified ? ACCEPT_UNIFIED : ACCEPT_PLAIN,
                                  &config->client, &f->accept, em);
    }
    if (rv == ZK_OK && config->secure_client.port != 0) {
        rv = accept_thread_create(&f->ctx, ACCEPT_SECURE,
                                  &config->secure_client, &f->secure, em);
    }
    return rv;
}

/* What is wrong with the stores is told with the port that needs them. */
static int
scf_create_handshaker(struct server_cnxn_factory *f, struct zk_errmsg *em)
{
    int port = f->ctx.config->cnxn.secure_client.port;
    struct zk_errmsg why;
    int rv = tls_handshaker_create(&f->ctx, &f->ctx.handshaker, &why);

    if (rv == ZK_OK) {
        return ZK_OK;
    }
    return port != 0
           ? zk_fail(em, rv, "secureClientPort=%d: %s", port, why.text)
           : zk_fail(em, rv, "client.portUnification=true: %s", why.text);
}

static int
scf_open(struct server_cnxn_factory *f, struct zk_errmsg *em)
{
    const struct cnxn_config *config = &f->ctx.config->cnxn;
    bool unified = config->client.port >= 0 && config->port_unification;
    int rv = scf_read_properties(&f->ctx, em);

    if (rv == ZK_OK && (unified || config->secure_client.port != 0)) {
        rv = scf_create_handshaker(f, em);
    }
    if (rv == ZK_OK) {
        rv = scf_create_selectors(f, em);
    }
    return rv == ZK_OK ? scf_open_ports(f, unified, em) : rv;
}

static void
scf_init_context(struct cnxn_context *ctx, const struct server_config *config,
                 const struct four_letter_hook *words)
{
    const struct cnxn_config *cc = &config->cnxn;
    int64_t now_ms = zk_time_mono_ms();

    ctx->config = config;
    ctx->words = *words;
    cnxn_table_init(&ctx->table);
    connection_expirer_init(&ctx->expirer,
                            cc->sessionless_timeout_ms > 0
                                ? cc->sessionless_timeout_ms
                                : 1,
                            scf_expire);
    large_requests_init(&ctx->large, cc);
    log_limit_init(&ctx->log_limit, CNXN_LOG_BURST, CNXN_LOG_GAP_MS);
    zk_mutex_init(&ctx->throttle_lock, ZK_LOCK_leaf);
    zk_lock(&ctx->throttle_lock);
    connection_throttle_init(&ctx->throttle, cc, now_ms,
                             (uint64_t) zk_time_wall_ms());
    zk_unlock(&ctx->throttle_lock);
}

int
server_cnxn_factory_create(const struct server_config *config,
                           const struct four_letter_hook *words,
                           struct server_cnxn_factory **out,
                           struct zk_errmsg *em)
{
    struct server_cnxn_factory *f = zk_xcalloc(1, sizeof *f);
    int rv;

    f->magic = SERVER_CNXN_FACTORY_MAGIC;
    scf_init_context(&f->ctx, config, words);
    rv = scf_open(f, em);
    if (rv != ZK_OK) {
        server_cnxn_factory_destroy(f);
        return rv;
    }
    zk_info(factory,
            "Configuring NIO connection handler with %ds sessionless "
            "connection timeout, %u selector thread(s)",
            config->cnxn.sessionless_timeout_ms / 1000, f->ctx.n_selectors);
    *out = f;
    return ZK_OK;
}

void
server_cnxn_factory_destroy(struct server_cnxn_factory *f)
{
    if (f == NULL) {
        return;
    }
    ZK_CHECK(f, SERVER_CNXN_FACTORY_MAGIC);
    zk_assert(!f->started);
    accept_thread_destroy(f->accept);
    accept_thread_destroy(f->secure);
    tls_handshaker_destroy(f->ctx.handshaker);
    for (unsigned i = 0; i < f->ctx.n_selectors; i++) {
        selector_thread_destroy(f->ctx.selectors[i]);
    }
    free(f->ctx.selectors);
    connection_expirer_fini(&f->ctx.expirer);
    cnxn_table_fini(&f->ctx.table);
    log_limit_fini(&f->ctx.log_limit);
    zk_mutex_fini(&f->ctx.throttle_lock);
    f->magic = 0;
    free(f);
}

/* ---- life -------------------------------------------------------------- */

void
server_cnxn_factory_set_server(struct server_cnxn_factory *f,
                               struct zookeeper_server *zks)
{
    const struct cnxn_env env = {
        .self = f,
        .wake = scf_wake,
        .close_session = scf_close_session,
        .connection_count = scf_count,
    };

    ZK_CHECK(f, SERVER_CNXN_FACTORY_MAGIC);
    if (zks != NULL) {
        zookeeper_server_attach(zks, &env);
    }
    for (unsigned i = 0; i < f->ctx.n_selectors; i++) {
        selector_thread_set_server(f->ctx.selectors[i], zks);
    }
    atomic_store(&f->ctx.serving, zks != NULL);
}

void
server_cnxn_factory_start(struct server_cnxn_factory *f)
{
    ZK_CHECK(f, SERVER_CNXN_FACTORY_MAGIC);
    zk_assert(!f->started);
    f->started = true;
    for (unsigned i = 0; i < f->ctx.n_selectors; i++) {
        selector_thread_start(f->ctx.selectors[i]);
    }
    connection_expirer_start(&f->ctx.expirer);
    if (f->ctx.handshaker != NULL) {
        tls_handshaker_start(f->ctx.handshaker);
    }
    if (f->accept != NULL) {
        accept_thread_start(f->accept);
    }
    if (f->secure != NULL) {
        accept_thread_start(f->secure);
    }
}

/* Nobody comes in any more. */
static void
scf_close_ports(struct server_cnxn_factory *f)
{
    if (f->accept != NULL) {
        accept_thread_stop(f->accept);
    }
    if (f->secure != NULL) {
        accept_thread_stop(f->secure);
    }
    if (f->ctx.handshaker != NULL) {
        tls_handshaker_stop(f->ctx.handshaker);
    }
}

void
server_cnxn_factory_pause(struct server_cnxn_factory *f)
{
    ZK_CHECK(f, SERVER_CNXN_FACTORY_MAGIC);
    scf_close_ports(f);
    for (unsigned i = 0; i < f->ctx.n_selectors; i++) {
        selector_thread_pause(f->ctx.selectors[i]);
    }
}

void
server_cnxn_factory_stop(struct server_cnxn_factory *f)
{
    ZK_CHECK(f, SERVER_CNXN_FACTORY_MAGIC);
    scf_close_ports(f);
    if (f->started) {
        for (unsigned i = 0; i < f->ctx.n_selectors; i++) {
            selector_thread_stop(f->ctx.selectors[i]);
        }
        connection_expirer_stop(&f->ctx.expirer);
        f->started = false;
    }
    server_cnxn_factory_set_server(f, NULL);
}

/* ---- looking ----------------------------------------------------------- */

int
server_cnxn_factory_port(const struct server_cnxn_factory *f)
{
    return f->accept != NULL ? accept_thread_port(f->accept) : -1;
}

int
server_cnxn_factory_secure_port(const struct server_cnxn_factory *f)
{
    return f->secure != NULL ? accept_thread_port(f->secure) : -1;
}

const char *
server_cnxn_factory_address(const struct server_cnxn_factory *f)
{
    return accept_thread_address(f->accept != NULL ? f->accept : f->secure);
}

size_t
server_cnxn_factory_count(struct server_cnxn_factory *f)
{
    ZK_CHECK(f, SERVER_CNXN_FACTORY_MAGIC);
    return cnxn_table_count(&f->ctx.table);
}

void
server_cnxn_factory_each(struct server_cnxn_factory *f, bool secure,
                         void (*each)(void *arg,
                                      const struct cnxn_info *info),
                         void *arg)
{
    struct server_cnxn **all;
    size_t n;

    ZK_CHECK(f, SERVER_CNXN_FACTORY_MAGIC);
    all = cnxn_table_all(&f->ctx.table, &n);
    for (size_t i = 0; i < n; i++) {
        struct cnxn_info info;

        if (all[i]->peer.secure == secure) {
            server_cnxn_info(all[i], &info);
            each(arg, &info);
        }
        server_cnxn_unref(all[i]);
    }
    free(all);
}

void
server_cnxn_factory_reset_stats(struct server_cnxn_factory *f, bool secure)
{
    struct server_cnxn **all;
    size_t n;

    ZK_CHECK(f, SERVER_CNXN_FACTORY_MAGIC);
    all = cnxn_table_all(&f->ctx.table, &n);
    for (size_t i = 0; i < n; i++) {
        if (all[i]->peer.secure == secure) {
            server_cnxn_reset_stats(all[i]);
        }
        server_cnxn_unref(all[i]);
    }
    free(all);
}

void
server_cnxn_factory_tls_counts(const struct server_cnxn_factory *f,
                               struct cnxn_tls_counts *out)
{
    const struct tls_handshaker *h = f->ctx.handshaker;

    ZK_CHECK(f, SERVER_CNXN_FACTORY_MAGIC);
    out->under_way = h != NULL ? tls_handshaker_under_way(h) : 0;
    out->failed = h != NULL ? tls_handshaker_failed(h) : 0;
    out->plain_local = atomic_load(&f->ctx.plain_local);
    out->plain_remote = atomic_load(&f->ctx.plain_remote);
}

double
server_cnxn_factory_drop_chance(struct server_cnxn_factory *f)
{
    double drop;

    ZK_CHECK(f, SERVER_CNXN_FACTORY_MAGIC);
    zk_lock(&f->ctx.throttle_lock);
    drop = f->ctx.throttle.drop;
    zk_unlock(&f->ctx.throttle_lock);
    return drop;
}

void
server_cnxn_factory_dump(struct server_cnxn_factory *f, struct zk_buf *out)
{
    ZK_CHECK(f, SERVER_CNXN_FACTORY_MAGIC);
    connection_expirer_dump(&f->ctx.expirer, out);
}
