/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * fuzz_tls_handshake: two ends of TLS over a wire that changes bytes, or one
 * end that is sent the input as it is.
 *
 * The first byte of the input says which, and whether TLS 1.2 is all that is
 * spoken (there a client's certificate is readable on the wire).  Of a wire
 * the rest are changes of four bytes: direction and kind, place (two), value.
 *
 * Whatever happens: nothing waits for ever, who fails says why, and who is
 * through knows the peer by its true name and reads only what it has sent.
 */
#include <config.h>

#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "test/fuzz/fuzz.h"
#include "tls/tls_conn.h"

#define FH_SUBJECT "fuzz"
#define FH_MAX_CHANGES 64
#define FH_PAYLOAD 3000
/* Rounds without an end would be a loop between the two; a handshake and the
 * payload take a dozen. */
#define FH_MAX_ROUNDS 1000

enum fh_kind { FH_XOR, FH_SET, FH_DROP, FH_DOUBLE, FH_CUT, FH_KINDS };

struct fh_change {
    uint8_t way;                /* 0: to the server, 1: to the client. */
    uint8_t kind;
    uint16_t place;             /* Byte of that direction, from 0. */
    uint8_t value;
};

struct fh_end {
    struct tls_conn *conn;
    int inner, outer;           /* Our socket, and the wire's side of it. */
    bool done, failed;
    uint64_t received;          /* Of the payload. */
};

struct fh_wire {
    struct fh_change changes[FH_MAX_CHANGES];
    size_t n_changes;
    uint64_t moved[2];          /* Bytes that went each way. */
    bool cut[2];
};

/* [0]: both versions, [1]: TLS 1.2. */
static struct tls_context *fh_contexts[2];
static uint8_t fh_payload[FH_PAYLOAD];

/* ---- one key, one certificate ------------------------------------------- */

static X509 *
fh_certificate(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);

    zk_assert(X509_set_version(cert, 2) == 1);
    zk_assert(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1);
    zk_assert(X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL);
    zk_assert(X509_time_adj_ex(X509_getm_notAfter(cert), 3650, 0, NULL)
              != NULL);
    zk_assert(X509_NAME_add_entry_by_txt(
                  name, "CN", MBSTRING_ASC,
                  (const unsigned char *) FH_SUBJECT, -1, -1, 0) == 1);
    zk_assert(X509_set_issuer_name(cert, name) == 1);
    zk_assert(X509_set_pubkey(cert, key) == 1);
    zk_assert(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

static void
fh_write_stores(const char *keys, const char *trust)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = fh_certificate(key);
    FILE *f = fopen(keys, "w");

    zk_assert(f != NULL);
    zk_assert(PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL)
              == 1);
    zk_assert(PEM_write_X509(f, cert) == 1 && fclose(f) == 0);
    f = fopen(trust, "w");
    zk_assert(f != NULL);
    zk_assert(PEM_write_X509(f, cert) == 1 && fclose(f) == 0);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static struct tls_context *
fh_context(char *keys, char *trust, char *protocol)
{
    static struct tls_config configs[2];
    static size_t used;
    struct tls_config *config = &configs[used++];
    struct tls_context *ctx;
    struct zk_errmsg em;

    /* Strings and struct live as long as the process. */
    config->prefix = TLS_CLIENT_PREFIX;
    config->key.location = keys;
    config->trust.location = trust;
    config->protocol = protocol;
    config->client_auth = TLS_CLIENT_AUTH_NEED;
    zk_assert(tls_context_create(config, TLS_SIDE_SERVER | TLS_SIDE_CLIENT,
                                 &ctx, &em) == ZK_OK);
    return ctx;
}

static void
fh_init(void)
{
    static char tls12[] = "TLSv1.2";
    char *keys = fuzz_path("keys.pem"), *trust = fuzz_path("trust.pem");

    fuzz_quiet();
    fh_write_stores(keys, trust);
    fh_contexts[0] = fh_context(keys, trust, NULL);
    fh_contexts[1] = fh_context(keys, trust, tls12);
    for (size_t i = 0; i < FH_PAYLOAD; i++) {
        fh_payload[i] = (uint8_t) (i * 7);
    }
}

/* ---- the ends ----------------------------------------------------------- */

static struct fh_end
fh_open(struct tls_context *ctx, bool server)
{
    struct fh_end e = { 0 };
    struct sockaddr_storage peer = { .ss_family = AF_UNIX };
    int fds[2];

    zk_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                         0, fds) == 0);
    e.inner = fds[0];
    e.outer = fds[1];
    e.conn = server ? tls_conn_accept(ctx, e.inner, &peer)
                    : tls_conn_connect(ctx, e.inner, "localhost", &peer);
    return e;
}

static void
fh_close(struct fh_end *e)
{
    tls_conn_destroy(e->conn);
    (void) close(e->inner);
    (void) close(e->outer);
}

static void
fh_check_payload(struct fh_end *e, const uint8_t *p, size_t n)
{
    zk_assert(e->received + n <= FH_PAYLOAD);
    zk_assert(memcmp(p, fh_payload + e->received, n) == 0);
    e->received += n;
}

/* A step of this end: goes on with the handshake, then reads. */
static void
fh_step(struct fh_end *e)
{
    struct zk_errmsg em = { "" };
    uint8_t p[1024];
    size_t n = 0;
    enum tls_result r;

    if (e->failed) {
        return;
    }
    r = e->done ? tls_conn_read(e->conn, p, sizeof p, &n, &em)
                : tls_conn_handshake(e->conn, &em);
    if (r == TLS_FAILED || r == TLS_EOF) {
        zk_assert(r == TLS_EOF || em.text[0] != '\0');
        e->failed = true;
    } else if (r == TLS_DONE && e->done) {
        fh_check_payload(e, p, n);
    } else if (r == TLS_DONE) {
        e->done = true;
        zk_assert(strcmp(tls_conn_peer_subject(e->conn), "CN=" FH_SUBJECT)
                  == 0);
        r = tls_conn_write(e->conn, fh_payload, FH_PAYLOAD, &n, &em);
        e->failed = r == TLS_FAILED;
    }
    if (e->failed) {
        (void) shutdown(e->inner, SHUT_RDWR);
    }
}

/* ---- the wire ----------------------------------------------------------- */

/* Writes byte 'b', number 'at' of its way, as the changes have it. */
static void
fh_put(struct fh_wire *w, uint8_t way, uint64_t at, uint8_t b,
       struct zk_buf *out)
{
    int copies = 1;

    for (size_t i = 0; i < w->n_changes; i++) {
        const struct fh_change *c = &w->changes[i];

        if (c->way != way || c->place != at) {
            continue;
        }
        b = c->kind == FH_XOR ? b ^ c->value
            : c->kind == FH_SET ? c->value : b;
        copies = c->kind == FH_DROP ? 0 : c->kind == FH_DOUBLE ? 2 : copies;
        w->cut[way] = w->cut[way] || c->kind == FH_CUT;
    }
    for (; copies > 0 && !w->cut[way]; copies--) {
        zk_buf_append(out, &b, 1);
    }
}

/* Moves what has come out of 'from'; false when there was nothing. */
static bool
fh_move(struct fh_wire *w, uint8_t way, const struct fh_end *from,
        const struct fh_end *to)
{
    struct zk_buf out = { 0 };
    uint8_t p[4096];
    ssize_t n = read(from->outer, p, sizeof p);

    if (n <= 0) {
        if (n == 0 || w->cut[way]) {
            (void) shutdown(to->outer, SHUT_WR);
        }
        return false;
    }
    for (ssize_t i = 0; i < n; i++) {
        fh_put(w, way, w->moved[way]++, p[i], &out);
    }
    if (out.len > 0) {
        /* What a socket does not take is lost, as on a wire that is cut. */
        w->cut[way] = send(to->outer, out.data, (size_t) out.len,
                           MSG_NOSIGNAL) != (ssize_t) out.len || w->cut[way];
    }
    zk_buf_fini(&out);
    return true;
}

static void
fh_changed_wire(struct tls_context *ctx, struct fuzz_input *in)
{
    struct fh_end server = fh_open(ctx, true), client = fh_open(ctx, false);
    struct fh_wire w = { 0 };
    bool moved = true;
    int rounds = 0;

    while (in->left > 0 && w.n_changes < FH_MAX_CHANGES) {
        uint8_t how = fuzz_u8(in);
        struct fh_change *c = &w.changes[w.n_changes++];

        c->way = how & 1;
        c->kind = (how >> 1) % FH_KINDS;
        c->place = fuzz_u16(in);
        c->value = fuzz_u8(in);
    }
    for (; moved; rounds++) {
        zk_assert(rounds < FH_MAX_ROUNDS);
        fh_step(&client);
        moved = fh_move(&w, 0, &client, &server);
        fh_step(&server);
        moved = fh_move(&w, 1, &server, &client) || moved;
    }
    /* An honest wire brings everything. */
    zk_assert(w.n_changes > 0 || (server.done && client.done));
    fh_close(&client);
    fh_close(&server);
}

/* The input as it is to one end that is fresh. */
static void
fh_raw(struct tls_context *ctx, bool server, struct fuzz_input *in)
{
    struct fh_end e = fh_open(ctx, server);
    size_t len = in->left < 100000 ? in->left : 100000;

    (void) !send(e.outer, in->p, len, MSG_NOSIGNAL);
    (void) shutdown(e.outer, SHUT_WR);
    for (int rounds = 0; !e.failed; rounds++) {
        zk_assert(rounds < FH_MAX_ROUNDS);
        fh_step(&e);
        zk_assert(!e.done);
    }
    fh_close(&e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = fuzz_input(data, size);
    uint8_t how = fuzz_u8(&in);
    struct tls_context *ctx;

    if (fh_contexts[0] == NULL) {
        fh_init();
    }
    ctx = fh_contexts[how & 1];
    if ((how & 2) != 0) {
        fh_raw(ctx, (how & 4) != 0, &in);
    } else {
        fh_changed_wire(ctx, &in);
    }
    ERR_clear_error();
    return 0;
}
