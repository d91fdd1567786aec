/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "tls/tls_context.h"

#include <poll.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "test/tls/tls_rig.h"
#include "util/zk_io.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

#define WAIT_MS 60000
#define SERVER "keyStore.location=@live/key.pem\n"                         \
               "trustStore.location=@live/trust.pem\nclientAuth=none\n"
#define CLIENT "trustStore.location=@trust.pem\n"

/* ---- files --------------------------------------------------------------- */

static void
read_bytes(const char *name, struct zk_buf *out)
{
    struct zk_errmsg em = { "" };

    rig_must(zk_read_file(rig_path(name), 1u << 20, out, &em) == ZK_OK,
             em.text);
}

/* Renamed over, as a careful program does it. */
static void
replace(const char *to, const char *from)
{
    struct zk_buf b = { 0 };
    struct zk_errmsg em = { "" };

    read_bytes(from, &b);
    rig_must(zk_atomic_file_replace(rig_path(to), b.data, b.len, &em)
             == ZK_OK, em.text);
    zk_buf_fini(&b);
}

/* Written in place, in two pieces, as cp does it. */
static void
overwrite(const char *to, const char *from)
{
    struct zk_buf b = { 0 };
    FILE *file = fopen(rig_path(to), "wb");

    read_bytes(from, &b);
    rig_must(file != NULL && fwrite(b.data, 1, b.len / 2, file) == b.len / 2
             && fflush(file) == 0
             && fwrite(b.data + b.len / 2, 1, b.len - b.len / 2, file)
                == b.len - b.len / 2
             && fclose(file) == 0, to);
    zk_buf_fini(&b);
}

/* A symbolic link that is turned, as ln -sfn and Kubernetes do it. */
static void
turn(const char *link, const char *target)
{
    rig_must(symlink(target, rig_path("turning")) == 0
             && rename(rig_path("turning"), rig_path(link)) == 0, link);
}

static void
folder(const char *name)
{
    rig_must(mkdir(rig_path(name), 0700) == 0, name);
}

/* ---- what is in use ------------------------------------------------------ */

/* Who the server of that context is, or why nobody is let in. */
static void
who(struct rig_side *server, char out[512])
{
    struct rig_side client;
    struct rig_pair p;

    rig_side_open(&client, TLS_QUORUM_PREFIX, TLS_SIDE_CLIENT, CLIENT);
    rig_pair_open(&p, server, &client, "localhost", "127.0.0.1");
    snprintf(out, 512, "%s", p.client_result == TLS_DONE
                             ? tls_conn_peer_subject(p.client)
                             : p.client_why);
    rig_pair_close(&p);
    rig_side_close(&client);
}

static bool
is(struct rig_side *server, const char *subject)
{
    char name[512];

    who(server, name);
    return strstr(name, subject) == name;
}

/* Waits until it is. */
static bool
becomes(struct rig_side *server, const char *subject)
{
    int64_t deadline = zk_time_mono_ms() + WAIT_MS;

    while (!is(server, subject)) {
        if (zk_time_mono_ms() > deadline) {
            return false;
        }
        poll(NULL, 0, 20);
    }
    return true;
}

/* ---- the log ------------------------------------------------------------- */

#define KEPT "the old keys stay in use: "

/* Standard error goes through a tee, so that nothing of it is lost to who
 * reads it, even if the program crashes. */
static FILE *log_tee;
static int log_stderr;

static void
log_begin(void)
{
    char *command = zk_xasprintf("exec tee '%s' >&2", rig_path("log"));

    log_stderr = dup(2);
    log_tee = popen(command, "w");
    rig_must(log_stderr >= 0 && log_tee != NULL
             && dup2(fileno(log_tee), 2) == 2, command);
    free(command);
}

static void
log_end(void)
{
    rig_must(dup2(log_stderr, 2) == 2, "dup2");
    close(log_stderr);
    CU_ASSERT_EQUAL(pclose(log_tee), 0);
    rig_must(unlink(rig_path("log")) == 0, "log");
}

/* How often the text stands in the log. */
static unsigned
log_count(const char *text)
{
    struct zk_buf b = { 0 };
    unsigned n = 0;

    if (access(rig_path("log"), R_OK) == 0) {
        read_bytes("log", &b);
        zk_buf_append(&b, "", 1);
        for (const char *at = (const char *) b.data;
             (at = strstr(at, text)) != NULL; at++) {
            n++;
        }
        zk_buf_fini(&b);
    }
    return n;
}

/* Waits until it stands there so often. */
static bool
log_says(const char *text, unsigned n)
{
    int64_t deadline = zk_time_mono_ms() + WAIT_MS;

    while (log_count(text) < n) {
        if (zk_time_mono_ms() > deadline) {
            return false;
        }
        poll(NULL, 0, 20);
    }
    return true;
}

/* ---- a server ------------------------------------------------------------ */

static void
begin(struct rig_side *server)
{
    folder("live");
    replace("live/key.pem", "server.pem");
    replace("live/trust.pem", "trust.pem");
    rig_side_open(server, TLS_CLIENT_PREFIX, TLS_SIDE_SERVER, SERVER);
    rig_must(server->ctx != NULL, server->em.text);
}

static void
end(struct rig_side *server)
{
    rig_side_close(server);
    zk_test_rmdir(rig_path("live"));
}

/* ---- tests --------------------------------------------------------------- */

static void
test_reload(void)
{
    struct rig_side server, client;
    struct zk_errmsg em = { "" };
    struct rig_pair p;

    begin(&server);
    rig_side_open(&client, TLS_QUORUM_PREFIX, TLS_SIDE_CLIENT, CLIENT);
    rig_pair_open(&p, &server, &client, "localhost", "127.0.0.1");
    CU_ASSERT_TRUE(is(&server, "CN=server,"));
    replace("live/key.pem", "renewed.pem");
    CU_ASSERT_TRUE(is(&server, "CN=server,"));
    CU_ASSERT_EQUAL(tls_context_reload(server.ctx, &em), ZK_OK);
    CU_ASSERT_TRUE(is(&server, "CN=renewed,"));
    /* One that stands goes on. */
    CU_ASSERT_TRUE(rig_pair_works(&p));
    rig_pair_close(&p);
    rig_side_close(&client);
    end(&server);
}

static void
test_bad_reload(void)
{
    struct rig_side server;
    struct zk_errmsg em = { "" };

    begin(&server);
    replace("live/key.pem", "password");
    CU_ASSERT_EQUAL(tls_context_reload(server.ctx, &em), ZK_ECONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "live/key.pem: damaged"));
    CU_ASSERT_TRUE(is(&server, "CN=server,"));
    unlink(rig_path("live/key.pem"));
    CU_ASSERT_EQUAL(tls_context_reload(server.ctx, &em), ZK_ECONFIG);
    CU_ASSERT_TRUE(is(&server, "CN=server,"));
    end(&server);
}

static void
test_watch(void)
{
    struct rig_side server;

    log_begin();
    begin(&server);
    tls_context_watch_start(server.ctx);
    replace("live/key.pem", "renewed.pem");
    CU_ASSERT_TRUE(becomes(&server, "CN=renewed,"));
    overwrite("live/key.pem", "server.pem");
    CU_ASSERT_TRUE(becomes(&server, "CN=server,"));
    /* A broken one changes nothing; the one after it counts again. */
    overwrite("live/key.pem", "password");
    CU_ASSERT_TRUE(log_says("live/key.pem: damaged", 1));
    CU_ASSERT_TRUE(is(&server, "CN=server,"));
    overwrite("live/trust.pem", "trust-both.pem");
    overwrite("live/key.pem", "foreign.pem");
    CU_ASSERT_TRUE(becomes(&server, "TLS handshake: the issuer"));
    unlink(rig_path("live/key.pem"));
    CU_ASSERT_TRUE(log_says("No such file", 1));
    CU_ASSERT_TRUE(is(&server, "TLS handshake: the issuer"));
    replace("live/key.pem", "renewed.pem");
    CU_ASSERT_TRUE(becomes(&server, "CN=renewed,"));
    tls_context_watch_stop(server.ctx);
    end(&server);
    log_end();
}

/* What changed between the reading and the start of the watch. */
static void
test_watch_late(void)
{
    struct rig_side server;

    begin(&server);
    replace("live/key.pem", "renewed.pem");
    tls_context_watch_start(server.ctx);
    CU_ASSERT_TRUE(becomes(&server, "CN=renewed,"));
    tls_context_watch_stop(server.ctx);
    /* Started once more, stopped at once. */
    tls_context_watch_start(server.ctx);
    tls_context_watch_stop(server.ctx);
    end(&server);
}

/* The trust store alone decides who is let in. */
static void
test_watch_trust(void)
{
    struct rig_side server, client;
    int64_t deadline = zk_time_mono_ms() + WAIT_MS;
    struct rig_pair p;
    bool ok = false;

    folder("live");
    replace("live/key.pem", "server.pem");
    replace("live/trust.pem", "trust.pem");
    rig_side_open(&server, TLS_CLIENT_PREFIX, TLS_SIDE_SERVER,
                  "keyStore.location=@live/key.pem\n"
                  "trustStore.location=@live/trust.pem\n");
    rig_side_open(&client, TLS_QUORUM_PREFIX, TLS_SIDE_CLIENT,
                  "keyStore.location=@foreign.pem\n" CLIENT);
    tls_context_watch_start(server.ctx);
    rig_pair_open(&p, &server, &client, "localhost", "127.0.0.1");
    CU_ASSERT_EQUAL(p.server_result, TLS_FAILED);
    rig_pair_close(&p);
    replace("live/trust.pem", "trust-both.pem");
    while (!ok && zk_time_mono_ms() < deadline) {
        rig_pair_open(&p, &server, &client, "localhost", "127.0.0.1");
        ok = p.server_result == TLS_DONE;
        rig_pair_close(&p);
    }
    CU_ASSERT_TRUE(ok);
    tls_context_watch_stop(server.ctx);
    rig_side_close(&client);
    end(&server);
}

/* As Kubernetes mounts a secret: live/key.pem -> ..data/key.pem, and
 * ..data -> a folder of this version, which is turned. */
static void
test_watch_kubernetes(void)
{
    struct rig_side server;

    folder("live");
    folder("live/..v1");
    folder("live/..v2");
    replace("live/..v1/key.pem", "server.pem");
    replace("live/..v1/trust.pem", "trust.pem");
    replace("live/..v2/key.pem", "renewed.pem");
    replace("live/..v2/trust.pem", "trust.pem");
    turn("live/..data", "..v1");
    turn("live/key.pem", "..data/key.pem");
    turn("live/trust.pem", "..data/trust.pem");
    rig_side_open(&server, TLS_CLIENT_PREFIX, TLS_SIDE_SERVER, SERVER);
    rig_must(server.ctx != NULL, server.em.text);
    tls_context_watch_start(server.ctx);
    CU_ASSERT_TRUE(is(&server, "CN=server,"));
    turn("live/..data", "..v2");
    CU_ASSERT_TRUE(becomes(&server, "CN=renewed,"));
    /* What the links lead to now is written in place. */
    overwrite("live/..v2/key.pem", "server.pem");
    CU_ASSERT_TRUE(becomes(&server, "CN=server,"));
    tls_context_watch_stop(server.ctx);
    end(&server);
}

/* A wrong password that is set right. */
static void
test_watch_password(void)
{
    struct zk_errmsg em = { "" };
    struct rig_side server;

    log_begin();
    folder("live");
    replace("live/key.pem", "sealed.p12");
    replace("live/password", "password");
    rig_side_open(&server, TLS_CLIENT_PREFIX, TLS_SIDE_SERVER,
                  "keyStore.location=@live/key.pem\n"
                  "keyStore.passwordPath=@live/password\n"
                  "clientAuth=none\n");
    rig_must(server.ctx != NULL, server.em.text);
    overwrite("live/password", "server.pem");
    CU_ASSERT_EQUAL(tls_context_reload(server.ctx, &em), ZK_ECONFIG);
    replace("live/key.pem", "sealed-renewed.p12");
    CU_ASSERT_EQUAL(log_count(KEPT), 0);
    tls_context_watch_start(server.ctx);
    CU_ASSERT_TRUE(log_says(KEPT, 1));
    CU_ASSERT_TRUE(is(&server, "CN=server,"));
    replace("live/password", "password");
    CU_ASSERT_TRUE(becomes(&server, "CN=renewed,"));
    tls_context_watch_stop(server.ctx);
    end(&server);
    log_end();
}

/* ---- threads ------------------------------------------------------------- */

struct racer {
    struct zk_thread thread;
    struct rig_side *server;
    atomic_bool *stop;
    atomic_uint good;
    atomic_uint bad;            /* Neither the old name nor the new one. */
};

static void
race(void *arg)
{
    struct racer *r = arg;

    while (!atomic_load(r->stop)) {
        char name[512];

        who(r->server, name);
        if (strstr(name, "CN=server,") == name
            || strstr(name, "CN=renewed,") == name) {
            atomic_fetch_add(&r->good, 1);
        } else {
            atomic_fetch_add(&r->bad, 1);
            fprintf(stderr, "racer: %s\n", name);
        }
    }
}

/* Waits until it has been through a handshake. */
static bool
has_run(struct racer *r)
{
    int64_t deadline = zk_time_mono_ms() + WAIT_MS;

    while (atomic_load(&r->good) + atomic_load(&r->bad) == 0) {
        if (zk_time_mono_ms() > deadline) {
            return false;
        }
        poll(NULL, 0, 20);
    }
    return true;
}

/* Connections while the keys change under them. */
static void
test_race(void)
{
    struct zk_errmsg em = { "" };
    struct racer racers[2];
    struct rig_side server;
    atomic_bool stop;

    begin(&server);
    atomic_init(&stop, false);
    for (size_t i = 0; i < 2; i++) {
        racers[i].server = &server;
        racers[i].stop = &stop;
        atomic_init(&racers[i].good, 0);
        atomic_init(&racers[i].bad, 0);
        zk_thread_start(&racers[i].thread, race, &racers[i], "racer");
    }
    for (int i = 0; i < 40; i++) {
        replace("live/key.pem", i % 2 == 0 ? "renewed.pem" : "server.pem");
        CU_ASSERT_EQUAL(tls_context_reload(server.ctx, &em), ZK_OK);
    }
    CU_ASSERT_TRUE(is(&server, "CN=server,"));
    CU_ASSERT_TRUE(has_run(&racers[0]) && has_run(&racers[1]));
    atomic_store(&stop, true);
    for (size_t i = 0; i < 2; i++) {
        zk_thread_join(&racers[i].thread);
        CU_ASSERT_TRUE(atomic_load(&racers[i].good) > 0);
        CU_ASSERT_EQUAL(atomic_load(&racers[i].bad), 0);
    }
    end(&server);
}

static const struct zk_test tests[] = {
    { "a reload is for new connections", test_reload },
    { "a store that cannot be read leaves the keys", test_bad_reload },
    { "files renamed over, written in place, broken, removed", test_watch },
    { "a change before the watch began", test_watch_late },
    { "a trust store that changes", test_watch_trust },
    { "symbolic links that are turned", test_watch_kubernetes },
    { "password files", test_watch_password },
    { "connections while keys change", test_race },
};

int
main(void)
{
    return rig_main("reload", "tls reload", tests, ZK_ARRAY_SIZE(tests));
}
