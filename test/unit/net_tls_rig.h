/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/* net_tls_rig.h: contexts with certificates of test/lib/certs.py, and
 * handshakes on threads of their own. */
#ifndef TEST_NET_TLS_RIG_H
#define TEST_NET_TLS_RIG_H

#include "net/net_stream.h"
#include "test/lib/zk_test.h"
#include "test/lib/zk_test_ports.h"
#include "test/unit/net_pair.h"
#include "tls/tls_context.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

/* ---- keys -------------------------------------------------------------- */

static char *folder;

/* Who is who; the files are there from the start. */
static struct tls_context *server, *client, *foreign, *misnamed, *willing;

static inline void
make_certificates(void)
{
    static const char script[] =
        "import sys; sys.path.insert(0, sys.argv[1] + '/test/lib'); "
        "import certs; w = certs.World(sys.argv[2]); w.ca.trust_store(); "
        "[c.key_store() for c in (w.server, w.client, w.foreign, "
        "w.wrong_name)]";
    const char *top = getenv("top_srcdir");
    char command[2048];

    snprintf(command, sizeof command, "python3 -c \"%s\" '%s' '%s'", script,
             top != NULL ? top : ".", folder);
    zk_test_must(system(command) == 0, "certificates");
}

static inline struct tls_context *
make_context(const char *key, enum tls_client_auth auth, bool verify)
{
    struct tls_config *c = zk_xcalloc(1, sizeof *c);
    struct tls_context *ctx = NULL;
    struct zk_errmsg em = { "" };
    char path[600];

    c->prefix = "zookeeper.ssl.quorum.";
    snprintf(path, sizeof path, "%s/%s-key.pem", folder, key);
    c->key.location = zk_xstrdup(path);
    snprintf(path, sizeof path, "%s/ca-trust.pem", folder);
    c->trust.location = zk_xstrdup(path);
    c->client_auth = auth;
    c->hostname_verification = c->client_hostname_verification = verify;
    c->detection_timeout_ms = FAR_MS;
    if (tls_context_create(c, TLS_SIDE_SERVER | TLS_SIDE_CLIENT, &ctx, &em)
        != ZK_OK) {
        fprintf(stderr, "%s\n", em.text);
        exit(99);
    }
    return ctx;
}

static inline void
drop_context(struct tls_context *ctx)
{
    struct tls_config *c = (struct tls_config *) (uintptr_t)
        tls_context_config(ctx);

    tls_context_unref(ctx);
    tls_config_fini(c);
    free(c);
}

/* ---- deeds ------------------------------------------------------------- */

/* A handshake, or a connect, on a thread of its own. */
struct deed {
    struct zk_thread thread;
    struct net_stream *s;
    int port;
    const struct net_options *opts;
    int64_t deadline_ms;
    int rv;
    struct zk_errmsg em;
};

static inline void
connect_run(void *arg)
{
    struct deed *d = arg;

    d->rv = net_stream_connect("localhost", d->port, d->deadline_ms, d->opts,
                               &d->s, &d->em);
}

static inline void
handshake_run(void *arg)
{
    struct deed *d = arg;

    d->rv = net_stream_handshake(d->s, d->deadline_ms, &d->em);
}

static inline int
accept_one(int listener)
{
    int fd = accept(listener, NULL, NULL);

    zk_test_must(fd >= 0, "accept");
    return fd;
}

static inline const struct net_options *
options(struct net_options *o, struct tls_context *ctx)
{
    *o = (struct net_options) {
        .nodelay = true, .tls = ctx, .connect_tls = ctx != NULL,
    };
    return o;
}

/* ---- guests ------------------------------------------------------------ */

/* An accepted connection, and the raw other end. */
struct guest {
    int fd;
    int in;
    struct net_options o;
    struct deed d;
};

static inline void
guest_open(struct guest *g, struct tls_context *ctx, bool plain_too,
           int64_t time_ms)
{
    int l = zk_test_listen(0, 1);

    *g = (struct guest) { .fd = zk_test_connect(zk_test_port_of(l)) };
    g->in = accept_one(l);
    options(&g->o, ctx);
    g->o.accept_plain = plain_too;
    g->d.s = net_stream_of_fd(g->in, &g->o);
    g->d.deadline_ms = zk_time_mono_ms() + time_ms;
    close(l);
}

static inline void
guest_close(struct guest *g)
{
    net_stream_destroy(g->d.s);
    close(g->fd);
}

/* ---- the program ------------------------------------------------------- */

/* At exit, also of a test that gives up: it holds private keys. */
static inline void
remove_folder(void)
{
    zk_test_rmdir(folder);
    free(folder);
}

/* Makes who is who and runs the tests; main returns this. */
static inline int
net_tls_main(const char *suite, const struct zk_test *tests, size_t n)
{
    int code;

    folder = zk_test_mkdir();
    zk_test_must(atexit(remove_folder) == 0, "atexit");
    make_certificates();
    server = make_context("server", TLS_CLIENT_AUTH_NEED, true);
    client = make_context("client", TLS_CLIENT_AUTH_NEED, true);
    foreign = make_context("foreign", TLS_CLIENT_AUTH_NEED, true);
    misnamed = make_context("wrong-name", TLS_CLIENT_AUTH_NEED, true);
    willing = make_context("server", TLS_CLIENT_AUTH_NEED, true);
    ((struct tls_config *) (uintptr_t) tls_context_config(willing))
        ->detection_timeout_ms = 5;
    code = zk_test_main(suite, tests, n);
    drop_context(server);
    drop_context(client);
    drop_context(foreign);
    drop_context(misnamed);
    drop_context(willing);
    return code;
}

#endif
