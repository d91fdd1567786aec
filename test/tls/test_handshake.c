/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "tls/tls_conn.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include "test/tls/tls_rig.h"
#include "tls/tls_name.h"

#define TRUST "trustStore.location=@trust.pem\n"
#define KEYS(name) "keyStore.location=@" name ".pem\n"
#define SERVER KEYS("server") TRUST
#define CLIENT KEYS("client") TRUST

static const char *const versions[] = { "TLSv1.2", "TLSv1.3" };

/* Properties with one version enabled. */
static char *
with_version(const char *properties, size_t version)
{
    return zk_xasprintf("%senabledProtocols=%s\n", properties,
                        versions[version]);
}

/* Both sides, of one version, up to the results in 'p'. */
static void
try_version(struct rig_pair *p, size_t version, const char *server,
            const char *client, const char *host)
{
    char *s = with_version(server, version);
    char *c = with_version(client, version);

    rig_try(p, s, c, host);
    free(s);
    free(c);
}

/* One end: it is done, or has failed with that text ("": whatever). */
static bool
end_says(enum tls_result result, const char *why, const char *text)
{
    return text == NULL ? result == TLS_DONE
           : result == TLS_FAILED && strstr(why, text) != NULL;
}

/* Both ends; tells what they say when it is something else. */
static bool
says(const struct rig_pair *p, const char *server, const char *client)
{
    bool ok = end_says(p->server_result, p->server_why, server)
              && end_says(p->client_result, p->client_why, client);

    if (!ok) {
        fprintf(stderr, "server \"%s\", client \"%s\"\n", p->server_why,
                p->client_why);
    }
    return ok;
}

/* ---- who is let in ------------------------------------------------------- */

static void
test_good_peers(void)
{
    static const char *const clients[] = { CLIENT, KEYS("rsa") TRUST,
                                           KEYS("chained") TRUST };

    for (size_t v = 0; v < ZK_ARRAY_SIZE(versions); v++) {
        for (size_t i = 0; i < ZK_ARRAY_SIZE(clients); i++) {
            char *s = with_version(i == 1 ? clients[1] : SERVER, v);
            char *c = with_version(clients[i], v);
            struct rig_side server, client;
            struct rig_pair p;

            rig_side_open(&server, TLS_CLIENT_PREFIX, TLS_SIDE_SERVER, s);
            rig_side_open(&client, TLS_QUORUM_PREFIX, TLS_SIDE_CLIENT, c);
            rig_pair_open(&p, &server, &client, "localhost", "127.0.0.1");
            CU_ASSERT_TRUE(rig_pair_works(&p));
            CU_ASSERT_PTR_NOT_NULL(strstr(tls_conn_cipher(p.server),
                                          versions[v]));
            CU_ASSERT_STRING_EQUAL(tls_conn_cipher(p.client),
                                   tls_conn_cipher(p.server));
            CU_ASSERT_STRING_EQUAL(tls_conn_peer_subject(p.server),
                                   i == 0 ? "CN=client,O=zkd tests"
                                   : i == 1 ? "CN=rsa,O=zkd tests"
                                            : "CN=chained,O=zkd tests");
            rig_pair_close(&p);
            rig_side_close(&server);
            rig_side_close(&client);
            free(s);
            free(c);
        }
    }
}

/* Each by the server's text and by the client's, for both versions. */
static void
test_bad_peers(void)
{
    static const struct {
        const char *server, *client, *server_says, *client_says;
    } cases[] = {
        { SERVER, KEYS("expired") TRUST, "certificate expired 20",
          "peer refuses our certificate (expired)" },
        { SERVER, KEYS("future") TRUST, "certificate is not valid before 20",
          "peer refuses our certificate" },
        { SERVER, KEYS("foreign") TRUST, "the issuer of the certificate is "
          "not in ssl.trustStore: CN=foreign,O=zkd tests",
          "peer does not trust the issuer of our certificate" },
        { SERVER, KEYS("self_signed") TRUST, "self-signed certificate that "
          "is not in ssl.trustStore: CN=self-signed,O=zkd tests",
          "peer does not trust the issuer of our certificate" },
        { SERVER, KEYS("only_server") TRUST, "certificate is not meant for "
          "this use", "peer refuses our certificate" },
        { SERVER, TRUST, "peer sent no certificate", "peer" },
        { KEYS("expired") TRUST, CLIENT,
          "peer refuses our certificate (expired)",
          "certificate expired 20" },
        { KEYS("foreign") TRUST, CLIENT,
          "peer does not trust the issuer of our certificate",
          "the issuer of the certificate is not in ssl.quorum.trustStore" },
        { KEYS("wrong_name") TRUST, CLIENT, "peer refuses our certificate",
          "certificate is not for localhost (127.0.0.1): CN=wrong-name,"
          "O=zkd tests" },
    };

    for (size_t v = 0; v < ZK_ARRAY_SIZE(versions); v++) {
        for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
            struct rig_pair p;

            try_version(&p, v, cases[i].server, cases[i].client,
                        "localhost");
            CU_ASSERT_TRUE(says(&p, cases[i].server_says,
                                cases[i].client_says));
        }
    }
}

/* need, want and none, with a good certificate, a bad one and none. */
static void
test_client_auth(void)
{
    static const struct {
        const char *mode, *client, *server_says;
    } cases[] = {
        { "need", CLIENT, NULL },
        { "need", TRUST, "peer sent no certificate" },
        { "want", CLIENT, NULL },
        { "want", TRUST, NULL },
        { "want", KEYS("foreign") TRUST, "is not in ssl.trustStore" },
        { "NONE", TRUST, NULL },
        { "none", KEYS("foreign") TRUST, NULL },
    };

    for (size_t v = 0; v < ZK_ARRAY_SIZE(versions); v++) {
        for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
            char *s = zk_xasprintf(SERVER "clientAuth=%s\n", cases[i].mode);
            struct rig_pair p;

            try_version(&p, v, s, cases[i].client, "localhost");
            CU_ASSERT_TRUE(says(&p, cases[i].server_says,
                                cases[i].server_says == NULL ? NULL : ""));
            free(s);
        }
    }
}

/* A certificate in the trust store is good, whoever issued it; an authority
 * of a store is for what it issued. */
static void
test_anchors(void)
{
    struct rig_pair p;

    rig_try(&p, KEYS("server") "trustStore.location=@trust_self.pem\n",
            KEYS("self_signed") TRUST, "localhost");
    CU_ASSERT_TRUE(says(&p, NULL, NULL));
    rig_try(&p, KEYS("server") "trustStore.location=@trust_leaf.pem\n",
            CLIENT, "localhost");
    CU_ASSERT_TRUE(says(&p, NULL, NULL));
    rig_try(&p, KEYS("server") "trustStore.location=@trust_leaf.pem\n",
            KEYS("server") TRUST, "localhost");
    CU_ASSERT_TRUE(says(&p, "is not in ssl.trustStore", ""));
    /* An authority is a name and a key, to Java, too: it does not expire.
     * What was issued does, even when it is trusted itself. */
    rig_try(&p, KEYS("server") "trustStore.location=@trust_old.pem\n",
            KEYS("of_old") TRUST, "localhost");
    CU_ASSERT_TRUE(says(&p, NULL, NULL));
    rig_try(&p, KEYS("server") "trustStore.location=@trust_expired.pem\n",
            KEYS("expired") TRUST, "localhost");
    CU_ASSERT_TRUE(says(&p, "certificate expired", ""));
    /* Nobody is trusted without a store. */
    rig_try(&p, KEYS("server"), CLIENT, "localhost");
    CU_ASSERT_TRUE(says(&p, "is not in ssl.trustStore", ""));
}

/* ---- names --------------------------------------------------------------- */

static void
test_host_names(void)
{
    static const struct {
        const char *server, *host, *fips;
        bool ok;
    } cases[] = {
        { "server", "localhost", "false", true },
        { "server", "LOCALHOST", "false", true },
        { "server", "127.0.0.1", "false", true },
        { "server", "::1", "false", true },
        { "server", "[::1]", "false", true },
        /* By the address that the name led to. */
        { "server", "other.example", "false", true },
        { "server", "other.example", "true", false },
        { "only_ip", "localhost", "false", true },
        { "only_ip", "localhost", "true", false },
        { "wild", "a.example.org", "true", true },
        { "wild", "a.b.example.org", "true", false },
        { "wild", "example.org", "true", false },
        { "wild", "axb.example.com", "true", true },
        { "wild", "ab.example.com", "true", true },
        { "wild", "a.b.example.com", "true", false },
        /* The common name counts where there is nothing else. */
        { "no_names", "localhost", "true", true },
        { "no_names", "elsewhere", "true", false },
        { "server", "server", "true", false },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        char *s = zk_xasprintf("keyStore.location=@%s.pem\n" TRUST,
                               cases[i].server);
        char *c = zk_xasprintf(CLIENT "fips-mode=%s\n"
                               "hostnameVerification=true\n", cases[i].fips);
        struct rig_pair p;

        rig_try(&p, s, c, cases[i].host);
        CU_ASSERT_EQUAL(p.client_result == TLS_DONE, cases[i].ok);
        if ((p.client_result == TLS_DONE) != cases[i].ok) {
            fprintf(stderr, "case %zu: %s\n", i, p.client_why);
        }
        free(s);
        free(c);
    }
}

/* The name of an address is its owner's word: it stands for that address, not
 * for another name that we were told to connect to. */
static void
test_reverse_names_of_servers(void)
{
    static const char client[] = CLIENT "hostnameVerification=true\n"
                                 "allowReverseDnsLookup=true\n";
    static const char server[] = "keyStore.location=@no_names.pem\n" TRUST;
    struct rig_pair p;

    rig_try(&p, server, client, "127.0.0.1");
    CU_ASSERT_EQUAL(p.client_result, TLS_DONE);
    rig_try(&p, server, client, "other.example");
    CU_ASSERT_EQUAL(p.client_result, TLS_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(p.client_why, "not for other.example"));
}

/* Who trusts every public authority must at least compare names. */
static void
test_a_client_has_to_tell_peers_apart(void)
{
    struct rig_side s;

    rig_side_open(&s, TLS_QUORUM_PREFIX, TLS_SIDE_SERVER | TLS_SIDE_CLIENT,
                  KEYS("server") "hostnameVerification=false\n");
    CU_ASSERT_PTR_NULL(s.ctx);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.em.text, "property zookeeper.ssl.quorum."
                                  "trustStore.location is not set"));
    rig_side_close(&s);
    rig_side_open(&s, TLS_QUORUM_PREFIX, TLS_SIDE_SERVER | TLS_SIDE_CLIENT,
                  KEYS("server") "hostnameVerification=true\n");
    CU_ASSERT_PTR_NOT_NULL(s.ctx);
    rig_side_close(&s);
}

/* Who connects from where, as the side that accepts sees it. */
static void
test_client_names(void)
{
    static const struct {
        const char *client, *address, *more;
        bool ok;
    } cases[] = {
        { "client", "127.0.0.1", "", true },
        { "client", "127.0.0.2", "", false },
        { "wrong_name", "127.0.0.1", "", false },
        { "wrong_name", "127.0.0.1", "clientHostnameVerification=false\n",
          true },
        { "wrong_name", "127.0.0.1", "hostnameVerification=false\n", true },
        { "no_names", "127.0.0.1", "", false },
        /* 127.0.0.1 is "localhost", says the system. */
        { "no_names", "127.0.0.1", "allowReverseDnsLookup=true\n", true },
        { "wrong_name", "127.0.0.1", "allowReverseDnsLookup=true\n", false },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        char *s = zk_xasprintf(SERVER "%s", cases[i].more);
        char *c = zk_xasprintf("keyStore.location=@%s.pem\n" TRUST,
                               cases[i].client);
        struct rig_side server, client;
        struct rig_pair p;

        rig_side_open(&server, TLS_QUORUM_PREFIX, TLS_SIDE_SERVER, s);
        rig_side_open(&client, TLS_QUORUM_PREFIX, TLS_SIDE_CLIENT, c);
        rig_pair_open(&p, &server, &client, "localhost", cases[i].address);
        CU_ASSERT_EQUAL(p.server_result == TLS_DONE, cases[i].ok);
        if ((p.server_result == TLS_DONE) != cases[i].ok) {
            fprintf(stderr, "case %zu: %s\n", i, p.server_why);
        }
        rig_pair_close(&p);
        rig_side_close(&server);
        rig_side_close(&client);
        free(s);
        free(c);
    }
}

/* ---- settings ------------------------------------------------------------ */

/* The versions each side has, and what comes of it. */
static void
test_protocols(void)
{
    static const struct {
        const char *server, *client, *version;
    } cases[] = {
        { "", "", "TLSv1.3" },
        { "protocol=TLSv1.2\n", "", "TLSv1.2" },
        { "protocol=TLSv1.3\n", "enabledProtocols=TLSv1.2\n", "TLSv1.2" },
        { "protocol=TLSv1.2\nenabledProtocols=TLSv1.2, TLSv1.3\n", "",
          "TLSv1.3" },
        { "enabledProtocols=TLSv1.1,TLSv1.2\n", "", "TLSv1.2" },
        { "enabledProtocols=TLSv1.2\n", "enabledProtocols=TLSv1.3\n",
          NULL },
        { "", "fips-mode=true\n", "TLSv1.2" },
        { "", "fips-mode=true\nprotocol=TLSv1.3\n", "TLSv1.3" },
        { "fips-mode=true\n", "", "TLSv1.3" },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        char *s = zk_xasprintf(SERVER "%s", cases[i].server);
        char *c = zk_xasprintf(CLIENT "%s", cases[i].client);
        struct rig_side server, client;
        struct rig_pair p;

        rig_side_open(&server, TLS_CLIENT_PREFIX, TLS_SIDE_SERVER, s);
        rig_side_open(&client, TLS_QUORUM_PREFIX, TLS_SIDE_CLIENT, c);
        rig_pair_open(&p, &server, &client, "localhost", "127.0.0.1");
        if (cases[i].version == NULL) {
            CU_ASSERT_TRUE(says(&p, "no protocol in common", "no protocol "
                                "in common, says the peer"));
        } else {
            CU_ASSERT_TRUE(says(&p, NULL, NULL));
            CU_ASSERT_PTR_EQUAL(strstr(tls_conn_cipher(p.server),
                                       cases[i].version),
                                tls_conn_cipher(p.server));
        }
        rig_pair_close(&p);
        rig_side_close(&server);
        rig_side_close(&client);
        free(s);
        free(c);
    }
}

/* Java's names, OpenSSL's, and mixed lists. */
static void
test_ciphers(void)
{
    static const struct {
        const char *list, *cipher;
    } cases[] = {
        { "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
          "TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256" },
        { "ECDHE-ECDSA-AES256-GCM-SHA384",
          "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384" },
        { "TLS_AES_128_GCM_SHA256", "TLSv1.3 TLS_AES_128_GCM_SHA256" },
        { "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, TLS_AES_256_GCM_SHA384",
          "TLSv1.3 TLS_AES_256_GCM_SHA384" },
        { "TLS_EMPTY_RENEGOTIATION_INFO_SCSV,TLS_CHACHA20_POLY1305_SHA256",
          "TLSv1.3 TLS_CHACHA20_POLY1305_SHA256" },
        /* The server's order. */
        { "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,"
          "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
          "TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256" },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        char *s = zk_xasprintf(SERVER "ciphersuites=%s\n", cases[i].list);
        struct rig_side server, client;
        struct rig_pair p;

        rig_side_open(&server, TLS_CLIENT_PREFIX, TLS_SIDE_SERVER, s);
        rig_side_open(&client, TLS_QUORUM_PREFIX, TLS_SIDE_CLIENT, CLIENT);
        rig_pair_open(&p, &server, &client, "localhost", "127.0.0.1");
        CU_ASSERT_TRUE(says(&p, NULL, NULL));
        CU_ASSERT_STRING_EQUAL(tls_conn_cipher(p.server), cases[i].cipher);
        rig_pair_close(&p);
        rig_side_close(&server);
        rig_side_close(&client);
        free(s);
    }
}

/* What is refused before there is a connection. */
static void
test_bad_settings(void)
{
    static const struct {
        const char *properties, *text;
    } cases[] = {
        { TRUST, "property zookeeper.ssl.keyStore.location is not set" },
        { SERVER "enabledProtocols=SSLv3\n", "property zookeeper.ssl."
          "enabledProtocols: \"SSLv3\": must be TLSv1.2 or TLSv1.3" },
        { SERVER "enabledProtocols=TLSv1.2,SSLv2Hello\n", "\"SSLv2Hello\"" },
        { SERVER "enabledProtocols=TLSv1,TLSv1.1\n", "no protocol is left" },
        { SERVER "protocol=SSL\n", "property zookeeper.ssl.protocol" },
        { SERVER "ciphersuites=TLS_NO_SUCH_SUITE\n", "property zookeeper."
          "ssl.ciphersuites: \"TLS_NO_SUCH_SUITE\" is no cipher suite" },
        { SERVER "ciphersuites=TLS_AES_128_GCM_SHA256\nenabledProtocols="
          "TLSv1.2\n", "none of them is of a protocol that is enabled" },
        { SERVER "ciphersuites=,\n", "none of them" },
        { SERVER "clientAuth=maybe\n", "property zookeeper.ssl.clientAuth="
          "maybe: must be need, want or none" },
        { SERVER "context.supplier.class=a.B\n", "property zookeeper.ssl."
          "context.supplier.class=a.B: a class of Java" },
        { SERVER "sslProvider=BORING\n", "property zookeeper.ssl."
          "sslProvider=BORING" },
        { SERVER "handshakeDetectionTimeoutMillis=soon\n", "property "
          "zookeeper.ssl.handshakeDetectionTimeoutMillis=soon: not a "
          "number" },
        { KEYS("server") "trustStore.location=@none.pem\n", "zookeeper.ssl."
          "trustStore.location" },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        struct rig_side s;

        rig_side_open(&s, TLS_CLIENT_PREFIX, TLS_SIDE_SERVER,
                      cases[i].properties);
        CU_ASSERT_PTR_NULL(s.ctx);
        CU_ASSERT_PTR_NOT_NULL(strstr(s.em.text, cases[i].text));
        if (strstr(s.em.text, cases[i].text) == NULL) {
            fprintf(stderr, "case %zu: %s\n", i, s.em.text);
        }
        rig_side_close(&s);
    }
}

/* ---- what else connects -------------------------------------------------- */

static void
test_plain_text(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *text;
    } cases[] = {
        { "GET / HTTP/1.1\r\n\r\n", 18, "plain text (HTTP) on a TLS port" },
        { "ruok\0\0\0\0\0\0\0\0\0\0\0\0", 16, "plain text where TLS is "
          "spoken" },
        { "\0\0\0\x2d\0\0\0\0\0\0\0\0\0\0\0\0", 16, "plain text where TLS is "
          "spoken" },
        { "\x16\x03\x01\x00", 4, "peer ended the connection" },
        { "", 0, "peer ended the connection" },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        struct sockaddr_storage sa = { .ss_family = AF_INET };
        struct zk_errmsg em = { "" };
        struct rig_side server;
        struct tls_conn *c;
        int fd[2];

        rig_side_open(&server, TLS_CLIENT_PREFIX, TLS_SIDE_SERVER, SERVER);
        rig_must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd)
                 == 0, "socketpair");
        c = tls_conn_accept(server.ctx, fd[0], &sa);
        CU_ASSERT_EQUAL(tls_conn_handshake(c, &em), TLS_WANT_READ);
        rig_must(write(fd[1], cases[i].bytes, cases[i].len)
                 == (ssize_t) cases[i].len, "write");
        shutdown(fd[1], SHUT_WR);
        CU_ASSERT_EQUAL(tls_conn_handshake(c, &em), TLS_FAILED);
        CU_ASSERT_PTR_NOT_NULL(strstr(em.text, cases[i].text));
        if (strstr(em.text, cases[i].text) == NULL) {
            fprintf(stderr, "case %zu: %s\n", i, em.text);
        }
        tls_conn_destroy(c);
        close(fd[0]);
        close(fd[1]);
        rig_side_close(&server);
    }
}

static void
test_sniff(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum tls_sniff is;
    } cases[] = {
        { "", 0, TLS_SNIFF_MORE },
        { "\x16", 1, TLS_SNIFF_MORE },
        { "\x16\x03", 2, TLS_SNIFF_TLS },
        { "\x16\x03\x01\x02\x00", 5, TLS_SNIFF_TLS },
        { "\x16\x02", 2, TLS_SNIFF_PLAIN },
        { "\x15\x03", 2, TLS_SNIFF_PLAIN },
        { "\0", 1, TLS_SNIFF_PLAIN },
        { "\xff\xff", 2, TLS_SNIFF_PLAIN },
        { "ruok", 4, TLS_SNIFF_PLAIN },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        CU_ASSERT_EQUAL(tls_sniff((const unsigned char *) cases[i].bytes,
                                  cases[i].len), cases[i].is);
    }
}

/* ---- bytes --------------------------------------------------------------- */

struct link {
    struct rig_side server, client;
    struct rig_pair p;
};

static void
link_open(struct link *l, const char *server, const char *client)
{
    rig_side_open(&l->server, TLS_CLIENT_PREFIX, TLS_SIDE_SERVER, server);
    rig_side_open(&l->client, TLS_QUORUM_PREFIX, TLS_SIDE_CLIENT, client);
    rig_pair_open(&l->p, &l->server, &l->client, "localhost", "127.0.0.1");
    CU_ASSERT_TRUE(rig_pair_works(&l->p));
}

static void
link_close(struct link *l)
{
    rig_pair_close(&l->p);
    rig_side_close(&l->server);
    rig_side_close(&l->client);
}

/* Moves 'len' bytes from one end to the other, from new memory each time,
 * while neither may wait. */
static void
move(struct tls_conn *from, struct tls_conn *to, size_t len)
{
    uint8_t *out = zk_xmalloc(len), *in = zk_xmalloc(len);
    struct zk_errmsg em = { "" };
    size_t sent = 0, got = 0;

    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t) (i * 7 + i / 251);
    }
    while (got < len) {
        size_t n = 0;
        enum tls_result r = TLS_WANT_WRITE;

        if (sent < len) {
            uint8_t *copy = zk_xmemdup(out + sent, len - sent);

            r = tls_conn_write(from, copy, len - sent, &n, &em);
            free(copy);
            sent += n;
            CU_ASSERT_EQUAL_FATAL(r == TLS_DONE || r == TLS_WANT_WRITE, true);
        }
        if (r != TLS_DONE) {
            r = tls_conn_read(to, in + got, len - got, &n, &em);
            got += n;
            CU_ASSERT_EQUAL_FATAL(r == TLS_DONE || r == TLS_WANT_READ, true);
        }
    }
    CU_ASSERT_EQUAL(memcmp(out, in, len), 0);
    free(out);
    free(in);
}

static void
test_bytes(void)
{
    for (size_t v = 0; v < ZK_ARRAY_SIZE(versions); v++) {
        static const size_t sizes[] = { 1, 16384, 16385, 3000001 };
        char *s = with_version(SERVER, v);
        struct link l;

        link_open(&l, s, CLIENT);
        for (size_t i = 0; i < ZK_ARRAY_SIZE(sizes); i++) {
            move(l.p.client, l.p.server, sizes[i]);
            move(l.p.server, l.p.client, sizes[i]);
        }
        link_close(&l);
        free(s);
    }
}

/* Whether or not the other end says goodbye, it is the end. */
static void
test_ends(void)
{
    for (int polite = 0; polite < 2; polite++) {
        struct zk_errmsg em = { "" };
        struct link l;
        size_t n;
        char c;

        link_open(&l, SERVER, CLIENT);
        if (polite) {
            tls_conn_close_notify(l.p.client);
        } else {
            shutdown(l.p.fd[1], SHUT_WR);
        }
        CU_ASSERT_EQUAL(tls_conn_read(l.p.server, &c, 1, &n, &em), TLS_EOF);
        CU_ASSERT_EQUAL(tls_conn_read(l.p.server, &c, 1, &n, &em), TLS_EOF);
        link_close(&l);
    }
}

/* A write to who has gone fails, and no signal ends the process. */
static void
test_gone(void)
{
    struct zk_errmsg em = { "" };
    struct link l;
    size_t n;

    link_open(&l, SERVER, CLIENT);
    close(l.p.fd[1]);
    l.p.fd[1] = -1;
    CU_ASSERT_EQUAL(tls_conn_write(l.p.server, "x", 1, &n, &em), TLS_FAILED);
    CU_ASSERT_STRING_EQUAL(em.text, "TLS write: Broken pipe");
    link_close(&l);
}

/* Bytes that somebody put in between. */
static void
test_forged(void)
{
    struct zk_errmsg em = { "" };
    struct link l;
    size_t n;
    char c;

    link_open(&l, SERVER, CLIENT);
    rig_must(write(l.p.fd[1], "\x17\x03\x03\x00\x20................"
                   "................", 37) == 37, "write");
    CU_ASSERT_EQUAL(tls_conn_read(l.p.server, &c, 1, &n, &em), TLS_FAILED);
    CU_ASSERT_PTR_EQUAL(strstr(em.text, "TLS read: "), em.text);
    link_close(&l);
}

static const struct zk_test tests[] = {
    { "good peers, both versions", test_good_peers },
    { "bad peers, and what both sides say of it", test_bad_peers },
    { "clientAuth: need, want, none", test_client_auth },
    { "each certificate of a trust store is an anchor", test_anchors },
    { "hostnameVerification", test_host_names },
    { "reverse names of servers", test_reverse_names_of_servers },
    { "a client has to tell peers apart",
      test_a_client_has_to_tell_peers_apart },
    { "clientHostnameVerification, reverse DNS", test_client_names },
    { "protocol, enabledProtocols, fips-mode", test_protocols },
    { "ciphersuites by Java's names and OpenSSL's", test_ciphers },
    { "settings that are refused", test_bad_settings },
    { "plain text and silence where TLS is spoken", test_plain_text },
    { "what a connection begins with", test_sniff },
    { "bytes arrive, however many", test_bytes },
    { "the end of a connection, polite or not", test_ends },
    { "the peer is gone: an error, no signal", test_gone },
    { "forged bytes", test_forged },
};

int
main(void)
{
    return rig_main("peers", "tls handshake", tests, ZK_ARRAY_SIZE(tests));
}
