/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * tls_tool: what tests in Python need of src/tls.
 *
 *   tls_tool pair HOST [-Dname=value]...
 *       A handshake between a server with zookeeper.ssl.* and a client with
 *       zookeeper.ssl.quorum.*, which connects to HOST at 127.0.0.1, over a
 *       socket pair.  Prints "server: text" and "client: text" each: "ok
 *       CIPHER peer SUBJECT", or why it failed; exits with 0 if both are ok.
 *   tls_tool rounds HOST [-Dname=value]...
 *       The same again and again, with the same contexts: once for each line
 *       of standard input.
 *   tls_tool names FILE...
 *       Prints the subjects of certificates (DER), in hex, one line each.
 *   tls_tool odd FOLDER SEED COUNT
 *       Writes COUNT certificates (0.der, ...) with odd subjects, the first
 *       ones by hand and the rest at random.
 */
#include <config.h>

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "tls/tls_conn.h"
#include "tls/tls_name.h"
#include "util/zk_io.h"

#define TT_LATE_MS 60000

static void
tt_must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "tls_tool: %s\n", what);
        exit(99);
    }
}

/* ---- pair ---------------------------------------------------------------- */

struct tt_end {
    const char *who;
    int fd;
    struct tls_conn *conn;
    enum tls_result result;
};

static bool
tt_is_over(const struct tt_end *e)
{
    return e->result == TLS_DONE || e->result == TLS_FAILED;
}

static void
tt_step(struct tt_end *e)
{
    struct zk_errmsg em = { "" };

    if (tt_is_over(e)) {
        return;
    }
    e->result = tls_conn_handshake(e->conn, &em);
    if (e->result == TLS_FAILED) {
        printf("%s: %s\n", e->who, em.text);
        close(e->fd);
        e->fd = -1;
    }
}

static void
tt_wait(const struct tt_end *ends)
{
    struct pollfd fds[2];
    int n;

    for (int i = 0; i < 2; i++) {
        fds[i].fd = tt_is_over(&ends[i]) ? -1 : ends[i].fd;
        fds[i].events = ends[i].result == TLS_WANT_WRITE ? POLLOUT : POLLIN;
    }
    n = poll(fds, 2, TT_LATE_MS);
    tt_must(n > 0, "the handshake does not go on");
}

/* In TLS 1.3 the client is done before the server has judged it. */
static void
tt_say(struct tt_end *e)
{
    const char *peer;

    if (e->result == TLS_DONE) {
        peer = tls_conn_peer_subject(e->conn);
        printf("%s: ok %s peer %s\n", e->who, tls_conn_cipher(e->conn),
               peer == NULL ? "-" : peer);
    }
}

static int
tt_run_pair(struct tls_context *server, struct tls_context *client,
            const char *host)
{
    struct sockaddr_storage sa = { .ss_family = AF_INET };
    struct tt_end ends[2] = { { "server", -1, NULL, TLS_WANT_READ },
                              { "client", -1, NULL, TLS_WANT_READ } };
    int fds[2];

    inet_pton(AF_INET, "127.0.0.1",
              &((struct sockaddr_in *) (void *) &sa)->sin_addr);
    tt_must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0,
            "socketpair");
    ends[0].fd = fds[0];
    ends[1].fd = fds[1];
    ends[0].conn = tls_conn_accept(server, fds[0], &sa);
    ends[1].conn = tls_conn_connect(client, fds[1], host, &sa);
    for (;;) {
        tt_step(&ends[1]);
        tt_step(&ends[0]);
        if (tt_is_over(&ends[0]) && tt_is_over(&ends[1])) {
            break;
        }
        tt_wait(ends);
    }
    for (int i = 0; i < 2; i++) {
        tt_say(&ends[i]);
        tls_conn_destroy(ends[i].conn);
        if (ends[i].fd >= 0) {
            close(ends[i].fd);
        }
    }
    return ends[0].result == TLS_DONE && ends[1].result == TLS_DONE ? 0 : 1;
}

static struct tls_context *
tt_context(const struct system_properties *props, const char *prefix,
           enum tls_side side, struct tls_config *config)
{
    struct zk_errmsg em = { "" };
    struct tls_context *ctx = NULL;

    if (tls_config_read(props, prefix, config, &em) != ZK_OK
        || tls_context_create(config, side, &ctx, &em) != ZK_OK) {
        printf("%s: %s\n", side == TLS_SIDE_SERVER ? "server" : "client",
               em.text);
    }
    return ctx;
}

/* True once a line has come. */
static bool
tt_next_line(void)
{
    int c = getchar();

    while (c != EOF && c != '\n') {
        c = getchar();
    }
    return c == '\n';
}

static int
tt_pair(int argc, char **argv, bool rounds)
{
    struct system_properties *props = system_properties_create();
    struct tls_config configs[2] = { 0 };
    struct tls_context *server, *client;
    int rv = 1;

    for (int i = 1; i < argc; i++) {
        tt_must(system_properties_take_option(props, argv[i]), argv[i]);
    }
    server = tt_context(props, TLS_CLIENT_PREFIX, TLS_SIDE_SERVER,
                        &configs[0]);
    client = tt_context(props, TLS_QUORUM_PREFIX, TLS_SIDE_CLIENT,
                        &configs[1]);
    while (server != NULL && client != NULL && (!rounds || tt_next_line())) {
        rv = tt_run_pair(server, client, argv[0]);
        fflush(stdout);
        if (!rounds) {
            break;
        }
    }
    tls_context_unref(server);
    tls_context_unref(client);
    tls_config_fini(&configs[0]);
    tls_config_fini(&configs[1]);
    system_properties_destroy(props);
    return rv;
}

/* ---- names --------------------------------------------------------------- */

static int
tt_names(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        struct zk_buf file = { 0 }, name = { 0 };
        struct zk_errmsg em;
        const uint8_t *p;
        X509 *cert;

        tt_must(zk_read_file(argv[i], 1u << 20, &file, &em) == ZK_OK,
                argv[i]);
        p = file.data;
        cert = d2i_X509(NULL, &p, (long) file.len);
        tt_must(cert != NULL, argv[i]);
        tls_name_print(X509_get_subject_name(cert), &name);
        for (size_t k = 0; k < name.len; k++) {
            printf("%02x", name.data[k]);
        }
        printf("\n");
        X509_free(cert);
        zk_buf_fini(&file);
        zk_buf_fini(&name);
    }
    return 0;
}

/* ---- odd ----------------------------------------------------------------- */

struct tt_entry {
    const char *type;
    int string;                 /* V_ASN1_* */
    const char *value;
    int len;                    /* -1: strlen */
    int set;                    /* As X509_NAME_add_entry: 0 a new RDN, -1
                                 * into the last one. */
};

#define TT_UTF8 V_ASN1_UTF8STRING
#define TT_NAMES 27

/* Entry by entry in DER's order, each name up to its NULL. */
static const struct tt_entry tt_by_hand[TT_NAMES][6] = {
    { { "CN", TT_UTF8, "plain", -1, 0 } },
    { { "C", V_ASN1_PRINTABLESTRING, "DE", -1, 0 },
      { "ST", TT_UTF8, "Bavaria", -1, 0 }, { "L", TT_UTF8, "Munich", -1, 0 },
      { "O", TT_UTF8, "Example, Inc.", -1, 0 },
      { "CN", TT_UTF8, "host.example", -1, 0 } },
    { { "O", TT_UTF8, "o", -1, 0 }, { "CN", TT_UTF8, "a", -1, 0 },
      { "OU", TT_UTF8, "b", -1, -1 } },
    { { "CN", TT_UTF8, " two leading", -1, 0 } },
    { { "CN", TT_UTF8, "trailing  ", -1, 0 } },
    { { "CN", TT_UTF8, "   ", -1, 0 } },
    { { "CN", TT_UTF8, "\rcr both\r", -1, 0 } },
    { { "CN", TT_UTF8, "\ttab\n", -1, 0 } },
    { { "CN", TT_UTF8, "#hash", -1, 0 } },
    { { "CN", TT_UTF8, "in#side", -1, 0 } },
    { { "CN", TT_UTF8, ",=+<>#;\"\\", -1, 0 } },
    { { "CN", TT_UTF8, "z\0ero", 5, 0 } },
    { { "CN", TT_UTF8, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", -1, 0 } },
    { { "CN", V_ASN1_T61STRING, "\xe4\xf6\xfc", -1, 0 } },
    { { "CN", V_ASN1_BMPSTRING, "\0a\0b", 4, 0 } },
    { { "CN", V_ASN1_BMPSTRING, "\x20\xac\0x", 4, 0 } },
    { { "CN", V_ASN1_UNIVERSALSTRING, "\0\0\0a", 4, 0 } },
    { { "CN", V_ASN1_IA5STRING, "ia5", -1, 0 } },
    { { "CN", V_ASN1_NUMERICSTRING, "123", -1, 0 } },
    { { "CN", V_ASN1_PRINTABLESTRING, "printable", -1, 0 } },
    { { "emailAddress", V_ASN1_IA5STRING, "a@b.example", -1, 0 },
      { "CN", TT_UTF8, "mail", -1, 0 } },
    { { "emailAddress", TT_UTF8, "a@b.example", -1, 0 } },
    { { "DC", V_ASN1_IA5STRING, "example", -1, 0 },
      { "DC", V_ASN1_IA5STRING, "www", -1, 0 },
      { "UID", TT_UTF8, "me", -1, 0 } },
    { { "DC", TT_UTF8, "utf8", -1, 0 }, { "street", TT_UTF8, "s 1", -1, 0 },
      { "serialNumber", V_ASN1_PRINTABLESTRING, "17", -1, 0 } },
    { { "title", TT_UTF8, "t", -1, 0 }, { "SN", TT_UTF8, "sur", -1, 0 },
      { "GN", TT_UTF8, "given", -1, 0 },
      { "initials", TT_UTF8, "g.s.", -1, 0 },
      { "dnQualifier", V_ASN1_PRINTABLESTRING, "q", -1, 0 } },
    { { "1.2.3.4.5.6.7", TT_UTF8, "unknown", -1, 0 },
      { "1.3.6.1.4.1.311.60.2.1.3", V_ASN1_PRINTABLESTRING, "US", -1, 0 } },
    { { "CN", TT_UTF8, "", 0, 0 } },
};

static void
tt_add(X509_NAME *name, const struct tt_entry *e)
{
    ASN1_OBJECT *type = OBJ_txt2obj(e->type, 0);
    X509_NAME_ENTRY *entry = X509_NAME_ENTRY_new();
    int len = e->len < 0 ? (int) strlen(e->value) : e->len;

    tt_must(type != NULL && entry != NULL, e->type);
    tt_must(X509_NAME_ENTRY_set_object(entry, type)
            && ASN1_STRING_set(X509_NAME_ENTRY_get_data(entry), e->value,
                               len), e->type);
    X509_NAME_ENTRY_get_data(entry)->type = e->string;
    tt_must(X509_NAME_add_entry(name, entry, -1, e->set), e->type);
    X509_NAME_ENTRY_free(entry);
    ASN1_OBJECT_free(type);
}

static void
tt_fill_by_hand(X509_NAME *name, const struct tt_entry *e, size_t n)
{
    for (size_t i = 0; i < n && e[i].type != NULL; i++) {
        tt_add(name, &e[i]);
    }
}

static unsigned
tt_random(unsigned *seed, unsigned below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

/* Appends pieces that have a meaning somewhere.  OpenSSL takes no name whose
 * UTF8String is not UTF-8. */
static void
tt_random_value(unsigned *seed, bool utf8, struct zk_buf *out)
{
    static const char *const pieces[] = {
        " ", "\r", "\n", "\t", ",", "=", "+", "<", ">", "#", ";", "\"", "\\",
        "a", "b", "", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
        "\xed\xa0\x80", "\xff", "\xc3", "\xf0\x9f",   /* no UTF-8 */
    };
    unsigned n = tt_random(seed, 10);

    for (unsigned i = 0; i < n; i++) {
        const char *p = pieces[tt_random(seed, ZK_ARRAY_SIZE(pieces)
                                               - (utf8 ? 4 : 0))];

        zk_buf_append(out, p, *p == '\0' ? 1 : strlen(p));
    }
    zk_buf_append(out, "", 1);
    out->len--;
}

/* A few entries. */
static void
tt_fill_at_random(X509_NAME *name, unsigned *seed)
{
    static const char *const types[] = { "CN", "O", "OU", "L", "DC", "UID",
                                         "emailAddress", "1.2.3.4" };
    static const int strings[] = { TT_UTF8, TT_UTF8, TT_UTF8,
                                   V_ASN1_PRINTABLESTRING, V_ASN1_T61STRING,
                                   V_ASN1_IA5STRING };
    unsigned n = 1 + tt_random(seed, 4);

    for (unsigned i = 0; i < n; i++) {
        struct zk_buf value = { 0 };
        struct tt_entry e = {
            .type = types[tt_random(seed, ZK_ARRAY_SIZE(types))],
            .string = strings[tt_random(seed, ZK_ARRAY_SIZE(strings))],
            .set = i > 0 && tt_random(seed, 3) == 0 ? -1 : 0,
        };

        tt_random_value(seed, e.string == TT_UTF8, &value);
        e.value = (char *) value.data;
        e.len = (int) value.len;
        tt_add(name, &e);
        zk_buf_fini(&value);
    }
}

static void
tt_write_cert(const char *path, const X509_NAME *name, EVP_PKEY *key)
{
    X509 *cert = X509_new();
    FILE *file = fopen(path, "wb");

    tt_must(cert != NULL && X509_set_version(cert, X509_VERSION_3)
            && ASN1_INTEGER_set(X509_get_serialNumber(cert), 1)
            && X509_set_subject_name(cert, name)
            && X509_set_issuer_name(cert, name)
            && X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL
            && X509_gmtime_adj(X509_getm_notAfter(cert), 86400) != NULL
            && X509_set_pubkey(cert, key)
            && X509_sign(cert, key, EVP_sha256()) > 0, path);
    tt_must(file != NULL && i2d_X509_fp(file, cert) && fclose(file) == 0,
            path);
    X509_free(cert);
}

static int
tt_odd(char **argv)
{
    unsigned seed = (unsigned) strtoul(argv[1], NULL, 10);
    size_t n = strtoul(argv[2], NULL, 10);
    EVP_PKEY *key = EVP_EC_gen("P-256");

    tt_must(key != NULL, "EVP_EC_gen");
    for (size_t i = 0; i < n; i++) {
        X509_NAME *name = X509_NAME_new();
        char *path = zk_xasprintf("%s/%zu.der", argv[0], i);

        tt_must(name != NULL, "X509_NAME_new");
        if (i < ZK_ARRAY_SIZE(tt_by_hand)) {
            tt_fill_by_hand(name, tt_by_hand[i],
                            ZK_ARRAY_SIZE(tt_by_hand[i]));
        } else {
            tt_fill_at_random(name, &seed);
        }
        tt_write_cert(path, name, key);
        X509_NAME_free(name);
        free(path);
    }
    EVP_PKEY_free(key);
    return 0;
}

int
main(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "pair") == 0) {
        return tt_pair(argc - 2, argv + 2, false);
    }
    if (argc >= 3 && strcmp(argv[1], "rounds") == 0) {
        return tt_pair(argc - 2, argv + 2, true);
    }
    if (argc >= 3 && strcmp(argv[1], "names") == 0) {
        return tt_names(argc - 2, argv + 2);
    }
    if (argc == 5 && strcmp(argv[1], "odd") == 0) {
        return tt_odd(argv + 2);
    }
    fprintf(stderr, "usage: see test/tls/tls_tool.c\n");
    return 2;
}
