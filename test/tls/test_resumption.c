/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/* What clients ask for that zkd's own do not: to go on with a session, and for
 * another handshake. */
#include <config.h>

#include "tls/tls_conn.h"

#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "test/tls/tls_rig.h"
#include "util/zk_time.h"

#define TRUST "trustStore.location=@trust.pem\n"
#define KEYS(name) "keyStore.location=@" name ".pem\n"
#define SERVER KEYS("server") TRUST

/* A client of OpenSSL's own, which can resume. */
struct raw {
    SSL_CTX *ctx;
    SSL_SESSION *session;       /* The last one it was given. */
};

static int
raw_keep(SSL *ssl, SSL_SESSION *session)
{
    struct raw *r = SSL_get_app_data(ssl);

    SSL_SESSION_free(r->session);
    r->session = session;
    return 1;
}

static void
raw_open(struct raw *r, const char *keys, int version)
{
    r->session = NULL;
    r->ctx = SSL_CTX_new(TLS_client_method());
    rig_must(r->ctx != NULL
             && SSL_CTX_use_certificate_chain_file(r->ctx, keys)
             && SSL_CTX_use_PrivateKey_file(r->ctx, keys, SSL_FILETYPE_PEM),
             "a client");
    SSL_CTX_set_min_proto_version(r->ctx, version);
    SSL_CTX_set_max_proto_version(r->ctx, version);
    SSL_CTX_set_session_cache_mode(r->ctx, SSL_SESS_CACHE_CLIENT
                                           | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(r->ctx, raw_keep);
}

static void
raw_close(struct raw *r)
{
    SSL_SESSION_free(r->session);
    SSL_CTX_free(r->ctx);
}

enum raw_end { RAW_REFUSED, RAW_WHOLE, RAW_RESUMED };

/* Both have come to the end of their handshake: a byte, and the ticket. */
static void
raw_talk(SSL *ssl, struct tls_conn *c, const char *subject)
{
    struct zk_errmsg em = { "" };
    size_t n;
    char byte;

    CU_ASSERT_EQUAL(tls_conn_write(c, "x", 1, &n, &em), TLS_DONE);
    CU_ASSERT_EQUAL(SSL_read(ssl, &byte, 1), 1);
    CU_ASSERT_STRING_EQUAL(tls_conn_peer_subject(c), subject);
}

/* One connection, on with the session of the one before if the server lets
 * it; 'why' it does not let in who has that subject. */
static enum raw_end
raw_try(struct raw *r, struct tls_context *server, const char *subject,
        struct zk_errmsg *why)
{
    struct sockaddr_storage sa = { .ss_family = AF_INET };
    enum tls_result result = TLS_WANT_READ;
    struct tls_conn *c;
    SSL *ssl = SSL_new(r->ctx);
    enum raw_end end = RAW_REFUSED;
    int fd[2], rv = 0;

    rig_must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0,
             "socketpair");
    c = tls_conn_accept(server, fd[0], &sa);
    SSL_set_fd(ssl, fd[1]);
    SSL_set_app_data(ssl, r);
    if (r->session != NULL) {
        SSL_set_session(ssl, r->session);
    }
    for (int i = 0; i < 100 && result != TLS_FAILED
                    && (rv != 1 || result != TLS_DONE); i++) {
        rv = rv == 1 ? 1 : SSL_connect(ssl);
        result = result == TLS_DONE ? result : tls_conn_handshake(c, why);
    }
    CU_ASSERT_TRUE(result == TLS_FAILED || (rv == 1 && result == TLS_DONE));
    if (result == TLS_DONE) {
        raw_talk(ssl, c, subject);
        end = SSL_session_reused(ssl) ? RAW_RESUMED : RAW_WHOLE;
    } else {
        CU_ASSERT_FALSE(SSL_session_reused(ssl));
        ERR_clear_error();
    }
    SSL_shutdown(ssl);
    SSL_free(ssl);
    tls_conn_destroy(c);
    close(fd[0]);
    close(fd[1]);
    return end;
}

/* The same of who is let in; true if it was resumed. */
static bool
raw_connect(struct raw *r, struct tls_context *server, const char *subject)
{
    struct zk_errmsg why = { "" };
    enum raw_end end = raw_try(r, server, subject, &why);

    CU_ASSERT_NOT_EQUAL(end, RAW_REFUSED);
    return end == RAW_RESUMED;
}

/* Clients may resume, and are who they were; not after a reload, not between
 * servers, and not where certificates may be taken back. */
static void
test_resumption(void)
{
    static const int numbers[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    static const struct {
        const char *prefix, *more;
        bool resumes;
    } cases[] = {
        { TLS_CLIENT_PREFIX, "", true },
        { TLS_QUORUM_PREFIX, "clientHostnameVerification=false\n", false },
        { TLS_CLIENT_PREFIX, "crl=true\n", false },
        { TLS_CLIENT_PREFIX, "ocsp=true\n", false },
        { TLS_CLIENT_PREFIX, "crl=false\nocsp=false\n", true },
    };
    static const char subject[] = "CN=listed,O=zkd tests";

    for (size_t v = 0; v < ZK_ARRAY_SIZE(numbers); v++) {
        for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
            char *s = zk_xasprintf(SERVER "%s", cases[i].more);
            struct zk_errmsg em;
            struct rig_side server;
            struct raw r;

            rig_side_open(&server, cases[i].prefix, TLS_SIDE_SERVER, s);
            raw_open(&r, rig_path("listed.pem"), numbers[v]);
            CU_ASSERT_FALSE(raw_connect(&r, server.ctx, subject));
            CU_ASSERT_EQUAL(raw_connect(&r, server.ctx, subject),
                            cases[i].resumes);
            CU_ASSERT_EQUAL(tls_context_reload(server.ctx, &em), ZK_OK);
            CU_ASSERT_FALSE(raw_connect(&r, server.ctx, subject));
            raw_close(&r);
            rig_side_close(&server);
            free(s);
        }
    }
}

/* A client with a certificate that the authority's own authority has issued;
 * one of the two ends in so many seconds. */
static void
raw_open_short(struct raw *r, int version, bool authority, long seconds)
{
    EVP_PKEY *key = EVP_EC_gen("P-256"), *ca_key;
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509 *ca, *middle, *leaf;

    rig_must(key != NULL && chain != NULL, "a key");
    rig_authority(&ca, &ca_key);
    middle = rig_issue("middle", key, ca, ca_key,
                       authority ? seconds : 86400, NULL, NULL);
    leaf = rig_issue("short", key, middle, key,
                     authority ? 86400 : seconds, NULL, NULL);
    raw_open(r, rig_path("client.pem"), version);
    rig_must(sk_X509_push(chain, middle) > 0
             && SSL_CTX_use_cert_and_key(r->ctx, leaf, key, chain, 1),
             "a client");
    sk_X509_free(chain);
    X509_free(leaf);
    X509_free(middle);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
}

/* A client that has resumed once, of whose certificates one ends soon. */
static void
raw_begin_short(struct raw *r, struct tls_context *server, int version,
                bool authority)
{
    struct zk_errmsg why = { "" };

    /* On a busy machine a short life is over before it is seen. */
    for (long seconds = 2; seconds <= 32; seconds *= 2) {
        raw_open_short(r, version, authority, seconds);
        if (raw_try(r, server, "CN=short", &why) == RAW_WHOLE
            && raw_try(r, server, "CN=short", &why) == RAW_RESUMED) {
            return;
        }
        raw_close(r);
    }
    rig_must(false, why.text);
}

/* However often it was resumed, a session ends with the certificates that it
 * began with. */
static void
test_resumption_ends(void)
{
    static const int numbers[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    int64_t deadline_ms = zk_time_mono_ms() + 120000;
    struct rig_side server;

    rig_side_open(&server, TLS_CLIENT_PREFIX, TLS_SIDE_SERVER, SERVER);
    for (size_t i = 0; i < 2 * ZK_ARRAY_SIZE(numbers); i++) {
        struct zk_errmsg why = { "" };
        enum raw_end end = RAW_RESUMED;
        struct raw r;

        raw_begin_short(&r, server.ctx, numbers[i / 2], i % 2 == 0);
        while (end == RAW_RESUMED && zk_time_mono_ms() < deadline_ms) {
            end = raw_try(&r, server.ctx, "CN=short", &why);
        }
        CU_ASSERT_EQUAL(end, RAW_REFUSED);
        CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "certificate expired"));
        CU_ASSERT_PTR_NOT_NULL(strstr(why.text, i % 2 == 0 ? "CN=middle"
                                                           : "CN=short"));
        raw_close(&r);
    }
    rig_side_close(&server);
}

/* In TLS 1.2 a client might ask for another handshake: it is told no, and
 * the connection goes on. */
static void
test_renegotiation(void)
{
    struct sockaddr_storage sa = { .ss_family = AF_INET };
    struct zk_errmsg em = { "" };
    enum tls_result result = TLS_WANT_READ;
    struct rig_side server;
    struct tls_conn *c;
    struct raw r;
    SSL *ssl;
    int fd[2], rv = 0;
    size_t n;
    char byte;

    rig_side_open(&server, TLS_CLIENT_PREFIX, TLS_SIDE_SERVER, SERVER);
    raw_open(&r, rig_path("client.pem"), TLS1_2_VERSION);
    rig_must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0,
             "socketpair");
    c = tls_conn_accept(server.ctx, fd[0], &sa);
    ssl = SSL_new(r.ctx);
    SSL_set_fd(ssl, fd[1]);
    SSL_set_app_data(ssl, &r);
    for (int i = 0; i < 100 && (rv != 1 || result != TLS_DONE); i++) {
        rv = rv == 1 ? 1 : SSL_connect(ssl);
        result = result == TLS_DONE ? result : tls_conn_handshake(c, &em);
    }
    CU_ASSERT_EQUAL_FATAL(result, TLS_DONE);
    CU_ASSERT_EQUAL(SSL_renegotiate(ssl), 1);
    CU_ASSERT_EQUAL(SSL_do_handshake(ssl), -1);
    CU_ASSERT_EQUAL(tls_conn_read(c, &byte, 1, &n, &em), TLS_WANT_READ);
    CU_ASSERT_EQUAL(SSL_do_handshake(ssl), -1);
    CU_ASSERT_EQUAL(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
    SSL_free(ssl);
    tls_conn_destroy(c);
    close(fd[0]);
    close(fd[1]);
    raw_close(&r);
    rig_side_close(&server);
}

static const struct zk_test tests[] = {
    { "sessions that clients resume", test_resumption },
    { "sessions end with their certificates", test_resumption_ends },
    { "renegotiation is refused", test_renegotiation },
};

int
main(void)
{
    return rig_main("peers", "tls resumption", tests, ZK_ARRAY_SIZE(tests));
}
