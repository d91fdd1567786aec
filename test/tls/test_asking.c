/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/* Handshakes that ask a responder, or for a name, and what is asked hangs. */
#include <config.h>

#include "tls/tls_conn.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "test/tls/tls_rig.h"
#include "tls/tls_fetch.h"
#include "util/host_lookup.h"
#include "util/net_cancel.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

#define SERVER                                                            \
    "keyStore.location=@server.pem\ntrustStore.location=@trust.pem\n"     \
    "ocsp=true\n"
#define NAMED                                                             \
    "keyStore.location=@server.pem\ntrustStore.location=@trust.pem\n"     \
    "clientHostnameVerification=true\nallowReverseDnsLookup=true\n"
#define LATE_MS 60000

/* ---- a resolver that hangs ----------------------------------------------- */

static atomic_bool resolver_hangs, resolver_asked;

/* In place of the C library's; nothing may wait as long as this hangs. */
int
getnameinfo(const struct sockaddr *sa, socklen_t len, char *host,
            socklen_t host_len, char *service, socklen_t service_len,
            int flags)
{
    typedef int name(const struct sockaddr *, socklen_t, char *, socklen_t,
                     char *, socklen_t, int);
    int64_t deadline_ms = zk_time_mono_ms() + LATE_MS;
    name *real;
    void *symbol = dlsym(RTLD_NEXT, "getnameinfo");

    memcpy(&real, &symbol, sizeof real);
    if ((flags & NI_NAMEREQD) != 0 && atomic_load(&resolver_hangs)) {
        atomic_store(&resolver_asked, true);
        while (atomic_load(&resolver_hangs)
               && zk_time_mono_ms() < deadline_ms) {
            sched_yield();
        }
        return EAI_AGAIN;
    }
    return real(sa, len, host, host_len, service, service_len, flags);
}

/* ---- both ends ----------------------------------------------------------- */

/* What becomes of a handshake while the responder is waited for. */
enum way { WAY_CANCEL, WAY_SHUTDOWN, WAY_RESET, WAY_LATER, WAY_LATE };

struct world {
    struct rig_side server;
    SSL_CTX *client;
    struct net_cancel cancel;
    struct zk_thread thread;
    int responder;              /* It listens, and never says a word. */
    int fd[2];
    struct tls_conn *conn;
    enum way way;
    enum tls_result result;     /* The thread's. */
    struct zk_errmsg why;
};

static void
open_responder(struct world *w, char url[64])
{
    struct sockaddr_in sa = { .sin_family = AF_INET };
    socklen_t len = sizeof sa;

    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    w->responder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    rig_must(w->responder >= 0
             && bind(w->responder, (struct sockaddr *) &sa, len) == 0
             && listen(w->responder, 8) == 0
             && getsockname(w->responder, (struct sockaddr *) &sa, &len)
                == 0, "a responder");
    snprintf(url, 64, "OCSP;URI:http://127.0.0.1:%d/", ntohs(sa.sin_port));
}

/* A client of OpenSSL's own with a certificate that names the responder. */
static void
open_client(struct world *w, const char *url)
{
    EVP_PKEY *key = EVP_EC_gen("P-256"), *ca_key;
    X509 *ca, *cert;

    rig_authority(&ca, &ca_key);
    rig_must(key != NULL, "a key");
    cert = rig_issue("asked", key, ca, ca_key, 86400, url, NULL);
    w->client = SSL_CTX_new(TLS_client_method());
    rig_must(w->client != NULL
             && SSL_CTX_use_cert_and_key(w->client, cert, key, NULL, 1),
             "a client");
    X509_free(cert);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
}

/* Two ends over TCP: a socket pair does not know a reset. */
static void
open_link(int fd[2])
{
    struct sockaddr_in sa = { .sin_family = AF_INET };
    socklen_t len = sizeof sa;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    rig_must(listener >= 0 && fd[1] >= 0
             && bind(listener, (struct sockaddr *) &sa, len) == 0
             && listen(listener, 1) == 0
             && getsockname(listener, (struct sockaddr *) &sa, &len) == 0
             && connect(fd[1], (struct sockaddr *) &sa, len) == 0, "a link");
    fd[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    rig_must(fd[0] >= 0, "accept");
    close(listener);
}

static void
world_open_as(struct world *w, enum way way, const char *properties)
{
    struct sockaddr_storage sa = { .ss_family = AF_INET };
    char url[64];

    memset(w, 0, sizeof *w);
    w->way = way;
    rig_side_open(&w->server, TLS_CLIENT_PREFIX, TLS_SIDE_SERVER, properties);
    rig_must(w->server.ctx != NULL, w->server.em.text);
    open_responder(w, url);
    open_client(w, url);
    open_link(w->fd);
    rig_must(net_cancel_init(&w->cancel, NULL) == ZK_OK, "net_cancel_init");
    w->conn = tls_conn_accept(w->server.ctx, w->fd[0], &sa);
    tls_conn_set_cancel(w->conn, &w->cancel);
    if (way == WAY_LATER) {
        tls_conn_ask_later(w->conn);
    }
}

static void
world_open(struct world *w, enum way way)
{
    world_open_as(w, way, SERVER);
}

static void
world_close(struct world *w)
{
    tls_conn_destroy(w->conn);
    net_cancel_fini(&w->cancel);
    for (int i = 0; i < 2; i++) {
        if (w->fd[i] >= 0) {
            close(w->fd[i]);
        }
    }
    close(w->responder);
    SSL_CTX_free(w->client);
    rig_side_close(&w->server);
}

/* The server's side, to its end. */
static void
serve(void *arg)
{
    struct world *w = arg;

    while ((w->result = tls_conn_handshake(w->conn, &w->why))
           == TLS_WANT_READ || w->result == TLS_WANT_WRITE) {
        rig_wait(w->fd[0], w->result);
    }
    while (w->result == TLS_DONE && tls_conn_has_to_ask(w->conn)) {
        w->result = tls_conn_ask(w->conn, &w->why);
    }
}

/* Says what a client says, and waits until the responder is asked. */
static int
wait_for_question(struct world *w)
{
    struct pollfd p = { .fd = w->responder, .events = POLLIN };
    SSL *ssl = SSL_new(w->client);
    int fd;

    SSL_set_fd(ssl, w->fd[1]);
    rig_must(SSL_connect(ssl) == 1, "SSL_connect");
    rig_must(poll(&p, 1, LATE_MS) > 0, "nobody asks");
    fd = accept(w->responder, NULL, NULL);
    rig_must(fd >= 0, "accept");
    SSL_free(ssl);
    return fd;
}

static void
end_wait(struct world *w)
{
    const struct linger reset = { .l_onoff = 1 };

    switch (w->way) {
    case WAY_CANCEL:
    case WAY_LATER:
        net_cancel_fire(&w->cancel);
        break;
    case WAY_SHUTDOWN:
        shutdown(w->fd[0], SHUT_RDWR);
        break;
    case WAY_RESET:
        rig_must(setsockopt(w->fd[1], SOL_SOCKET, SO_LINGER, &reset,
                            sizeof reset) == 0, "SO_LINGER");
        close(w->fd[1]);
        w->fd[1] = -1;
        break;
    case WAY_LATE:
        break;
    }
}

/* Nobody waits for an answer that is of no use any more; and that is no fault
 * of the responder's. */
static void
test_given_up(void)
{
    for (enum way way = WAY_CANCEL; way <= WAY_LATER; way++) {
        struct world w;
        int asked;

        world_open(&w, way);
        zk_thread_start(&w.thread, serve, &w, "server");
        asked = wait_for_question(&w);
        end_wait(&w);
        zk_thread_join(&w.thread);
        CU_ASSERT_EQUAL(w.result, TLS_FAILED);
        CU_ASSERT_PTR_NOT_NULL(strstr(w.why.text, "nobody waits for it"));
        if (strstr(w.why.text, "nobody waits for it") == NULL) {
            fprintf(stderr, "way %d: %s\n", (int) way, w.why.text);
        }
        close(asked);
        world_close(&w);
    }
}

/* A handshake that waits for its peer's name, on a thread of its own. */
static void
begin_named(struct world *w, SSL **ssl)
{
    int64_t deadline_ms = zk_time_mono_ms() + LATE_MS;

    atomic_store(&resolver_asked, false);
    atomic_store(&resolver_hangs, true);
    zk_thread_start(&w->thread, serve, w, "server");
    *ssl = SSL_new(w->client);
    SSL_set_fd(*ssl, w->fd[1]);
    rig_must(SSL_connect(*ssl) == 1, "SSL_connect");
    while (!atomic_load(&resolver_asked)) {
        rig_must(zk_time_mono_ms() < deadline_ms, "nobody asks for a name");
        sched_yield();
    }
}

/* The name of the peer's address: neither a stop nor a handshake whose time
 * is over waits for a resolver. */
static void
test_name_given_up(void)
{
    for (int turn = 0; turn < 2; turn++) {
        struct world w;
        SSL *ssl;

        world_open_as(&w, turn == 0 ? WAY_CANCEL : WAY_LATE, NAMED);
        if (w.way == WAY_LATE) {
            tls_conn_set_deadline(w.conn, zk_time_mono_ms() + 200);
        }
        begin_named(&w, &ssl);
        end_wait(&w);
        zk_thread_join(&w.thread);
        CU_ASSERT_TRUE(atomic_load(&resolver_hangs));
        CU_ASSERT_EQUAL(w.result, TLS_FAILED);
        CU_ASSERT_PTR_NOT_NULL(strstr(
            w.why.text, w.way == WAY_LATE ? "no answer in time"
                                          : "was cancelled"));
        atomic_store(&resolver_hangs, false);
        host_lookup_join_all();
        SSL_free(ssl);
        world_close(&w);
    }
}

/* Who waits for whom: by host and port, whatever is asked there. */
static void
test_places(void)
{
    static const char *const of[][2] = {
        { "http://ocsp.example/a?b", "ocsp.example:80" },
        { "http://OCSP.Example:80/c", "ocsp.example:80" },
        { "http://ocsp.example:8080", "ocsp.example:8080" },
        { "http://[::1]:81/", "[::1]:81" },
        { "file:///some/list", "file:" },
        { "file:/another", "file:" },
        { "https://ocsp.example/", "?" },
        { "ldap://ocsp.example/cn=ca", "?" },
        { "http://ocsp.example/\n", "?" },
        { "", "?" },
    };
    char place[TLS_PLACE_MAX];

    for (size_t i = 0; i < ZK_ARRAY_SIZE(of); i++) {
        tls_fetch_place(of[i][0], place);
        CU_ASSERT_STRING_EQUAL(place, of[i][1]);
        if (strcmp(place, of[i][1]) != 0) {
            fprintf(stderr, "%s: %s\n", of[i][0], place);
        }
    }
}

static const struct zk_test tests[] = {
    { "places of addresses", test_places },
    { "a name is given up with its handshake", test_name_given_up },
    { "a question is given up with its connection", test_given_up },
};

int
main(void)
{
    return rig_main("peers", "tls asking", tests, ZK_ARRAY_SIZE(tests));
}
