/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/* Streams over TLS; test_net_tls_unified.c has ports that take both. */
#include <config.h>

#include "net/net_stream.h"

#include <fcntl.h>
#include <poll.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "test/unit/net_tls_rig.h"

/* More than sockets and records hold. */
#define MUCH (8u << 20)

/* ---- pairs ------------------------------------------------------------- */

/* Connects as 'one' to 'other': the outcome of both handshakes. */
struct meeting {
    struct deed a, b;
    struct net_options one, other;
};

static void
meet(struct meeting *m, struct tls_context *one, struct tls_context *other)
{
    int l = zk_test_listen(0, 1);

    *m = (struct meeting) { .a.rv = ZK_OK };
    m->a.port = zk_test_port_of(l);
    m->a.opts = options(&m->one, one);
    m->a.deadline_ms = m->b.deadline_ms = zk_time_mono_ms() + FAR_MS;
    zk_thread_start(&m->a.thread, connect_run, &m->a, "connect");
    m->b.s = net_stream_of_fd(accept_one(l), options(&m->other, other));
    handshake_run(&m->b);
    if (m->b.rv != ZK_OK) {
        net_stream_destroy(m->b.s);
        m->b.s = NULL;
    }
    zk_thread_join(&m->a.thread);
    close(l);
}

static struct pair
make_pair(void)
{
    struct meeting m;

    meet(&m, client, server);
    if (m.a.rv != ZK_OK || m.b.rv != ZK_OK) {
        fprintf(stderr, "%s %s\n", m.a.em.text, m.b.em.text);
        exit(99);
    }
    return (struct pair) { m.a.s, m.b.s };
}

/* ---- as if it were plain ----------------------------------------------- */

static void
test_bytes_arrive_and_the_cipher_is_known(void)
{
    struct pair p = make_pair();
    struct zk_errmsg em;

    check_bytes_arrive(&p);
    CU_ASSERT_EQUAL(strncmp(net_stream_security(p.a), "TLSv1.", 6), 0);
    CU_ASSERT_STRING_EQUAL(net_stream_security(p.a),
                           net_stream_security(p.b));
    /* Once more is no more. */
    CU_ASSERT_EQUAL(net_stream_handshake(p.b, 0, &em), ZK_OK);
    CU_ASSERT_EQUAL(net_stream_handshake(p.a, 0, &em), ZK_OK);
    drop_pair(&p);
}

static void
test_silence_is_an_error_after_its_time(void)
{
    struct pair p = make_pair();

    check_silence_is_an_error(&p);
    drop_pair(&p);
}

static void
test_the_end_of_a_connection_is_no_error_between_messages(void)
{
    struct pair p = make_pair();

    check_the_end_is_told(&p);
    drop_pair(&p);
}

static void
test_a_peer_that_does_not_read_is_given_up(void)
{
    struct pair p = make_pair();
    char *much = calloc(1, MUCH);
    struct zk_errmsg em = { "" };
    int rv = ZK_OK;

    while (rv == ZK_OK) {
        rv = net_stream_write(p.a, much, MUCH, 20, &em);
    }
    CU_ASSERT_EQUAL(rv, ZK_ETORN);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "nothing could be sent"));
    drop_pair(&p);
    free(much);
}

static void
test_a_write_has_a_deadline(void)
{
    struct pair p = make_pair();
    char *much = calloc(1, MUCH);
    struct zk_errmsg em = { "" };
    int rv = ZK_OK;

    CU_ASSERT_EQUAL(net_stream_write_until(p.a, "x", 1, INT64_MAX, &em),
                    ZK_OK);
    while (rv == ZK_OK) {
        rv = net_stream_write_until(p.a, much, MUCH, zk_time_mono_ms() + 50,
                                    &em);
    }
    CU_ASSERT_EQUAL(rv, ZK_ETORN);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "in time"));
    CU_ASSERT_EQUAL(net_stream_write_until(p.a, "x", 1, INT64_MAX, &em),
                    ZK_EIO);
    drop_pair(&p);
    free(much);
}

static void
test_a_peer_that_is_gone_does_not_kill_us(void)
{
    struct pair p = make_pair();

    check_a_peer_that_is_gone(&p);
    drop_pair(&p);
}

/* ---- two threads, both ways -------------------------------------------- */

struct half {
    struct zk_thread thread;
    struct net_stream *s;
    bool writes;
    uint32_t seed;
    size_t left;
    int rv;
    bool right;
    struct zk_errmsg em;
};

/* The same bytes on both ends, in pieces of any size. */
static uint8_t
byte_at(size_t at)
{
    return (uint8_t) (at * 31 + (at >> 11));
}

static size_t
next_size(struct half *h, size_t max)
{
    size_t size;

    h->seed = h->seed * 1103515245u + 12345u;
    size = 1 + (h->seed >> 8) % max;
    return size < h->left ? size : h->left;
}

static void
half_run(void *arg)
{
    static const size_t max = 100000;
    struct half *h = arg;
    uint8_t *piece = malloc(max);
    size_t at = 0;

    h->right = true;
    while (h->left > 0 && h->rv == ZK_OK && h->right) {
        size_t len = next_size(h, max);

        if (h->writes) {
            for (size_t i = 0; i < len; i++) {
                piece[i] = byte_at(at + i);
            }
            h->rv = net_stream_write(h->s, piece, len, FAR_MS, &h->em);
        } else {
            h->rv = net_stream_read(h->s, piece, len, FAR_MS, &len, &h->em);
            h->right = h->rv != ZK_OK || len > 0;
            for (size_t i = 0; i < len && h->rv == ZK_OK; i++) {
                h->right = h->right && piece[i] == byte_at(at + i);
            }
        }
        at += len;
        h->left -= h->rv == ZK_OK ? len : 0;
    }
    free(piece);
}

static void
test_both_ways_at_once_nothing_is_lost(void)
{
    struct pair p = make_pair();
    struct half halves[4] = {
        { .s = p.a, .writes = true, .seed = 1 },
        { .s = p.a, .seed = 2 },
        { .s = p.b, .writes = true, .seed = 3 },
        { .s = p.b, .seed = 4 },
    };

    for (int i = 0; i < 4; i++) {
        halves[i].left = MUCH;
        zk_thread_start(&halves[i].thread, half_run, &halves[i], "half");
    }
    for (int i = 0; i < 4; i++) {
        zk_thread_join(&halves[i].thread);
        CU_ASSERT_EQUAL(halves[i].rv, ZK_OK);
        CU_ASSERT_TRUE(halves[i].right);
        CU_ASSERT_EQUAL(halves[i].left, 0);
    }
    drop_pair(&p);
}

/* A reader that waits, and a writer that cannot go on. */
static void
test_shutdown_ends_whoever_waits(void)
{
    struct pair p = make_pair();
    struct half reader = { .s = p.a, .left = 1 };
    struct half writer = { .s = p.a, .writes = true, .left = SIZE_MAX };
    struct zk_errmsg em;
    size_t got;
    char c;

    zk_thread_start(&reader.thread, half_run, &reader, "reader");
    zk_thread_start(&writer.thread, half_run, &writer, "writer");
    CU_ASSERT_EQUAL(net_stream_read(p.b, &c, 1, FAR_MS, &got, &em), ZK_OK);
    net_stream_shutdown(p.a);
    zk_thread_join(&reader.thread);
    zk_thread_join(&writer.thread);
    CU_ASSERT_EQUAL(reader.rv, ZK_ESTOPPED);
    CU_ASSERT_EQUAL(writer.rv, ZK_ESTOPPED);
    CU_ASSERT_EQUAL(net_stream_read(p.a, &c, 1, 0, &got, &em), ZK_ESTOPPED);
    CU_ASSERT_EQUAL(net_stream_write(p.a, &c, 1, 0, &em), ZK_ESTOPPED);
    drop_pair(&p);
}

/* ---- a peer that changes its keys all the time ------------------------- */

/* OpenSSL by itself, not blocking: sends and takes at once, and with each
 * piece asks for new keys on both sides. */
struct rekeyer {
    struct zk_thread thread;
    int port;
    SSL *ssl;
    int fd;
    size_t out, in;             /* Left to send and to take. */
    unsigned updates;
    bool right, over;
    char why[256];
};

static void
rekeyer_write(struct rekeyer *r)
{
    static uint8_t piece[16384];
    size_t len = r->out < sizeof piece ? r->out : sizeof piece, at, put;

    if (r->out == 0) {
        return;
    }
    at = MUCH - r->out;
    for (size_t i = 0; i < len; i++) {
        piece[i] = byte_at(at + i);
    }
    if (SSL_write_ex(r->ssl, piece, len, &put) == 1) {
        r->out -= put;
        r->updates += SSL_key_update(r->ssl, SSL_KEY_UPDATE_REQUESTED) == 1;
    }
}

static void
rekeyer_read(struct rekeyer *r)
{
    uint8_t piece[4096];
    size_t got;

    while (SSL_read_ex(r->ssl, piece, sizeof piece, &got) == 1) {
        for (size_t i = 0; i < got; i++) {
            r->right = r->right && piece[i] == byte_at(MUCH - r->in + i);
        }
        r->in -= got;
    }
    r->over = SSL_get_error(r->ssl, 0) != SSL_ERROR_WANT_READ
              && SSL_get_error(r->ssl, 0) != SSL_ERROR_WANT_WRITE;
    if (r->over) {
        ERR_error_string_n(ERR_peek_error(), r->why, sizeof r->why);
    }
}

static void
rekeyer_run(void *arg)
{
    struct rekeyer *r = arg;
    char path[600];
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    int64_t deadline_ms = zk_time_mono_ms() + FAR_MS;

    snprintf(path, sizeof path, "%s/client-key.pem", folder);
    zk_test_must(SSL_CTX_use_certificate_chain_file(ctx, path) == 1
                     && SSL_CTX_use_PrivateKey_file(ctx, path,
                                                    SSL_FILETYPE_PEM) == 1,
                 path);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE
                              | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    r->ssl = SSL_new(ctx);
    r->fd = zk_test_connect(r->port);
    zk_test_must(SSL_set_fd(r->ssl, r->fd) == 1
                     && SSL_connect(r->ssl) == 1, "SSL_connect");
    zk_test_must(fcntl(r->fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
    r->right = true;
    /* Until the other side ends: what it has not read yet would get lost. */
    while (!r->over && zk_time_mono_ms() < deadline_ms) {
        struct pollfd p = { .fd = r->fd, .events = POLLIN };

        ERR_clear_error();
        rekeyer_write(r);
        rekeyer_read(r);
        p.events |= r->out > 0 ? POLLOUT : 0;
        (void) poll(&p, 1, 10);
    }
    SSL_free(r->ssl);
    SSL_CTX_free(ctx);
    close(r->fd);
}

static void
test_new_keys_while_both_sides_send(void)
{
    int l = zk_test_listen(0, 1);
    struct rekeyer r = { .port = zk_test_port_of(l), .out = MUCH,
                         .in = MUCH };
    struct half writer = { .writes = true, .seed = 1, .left = MUCH };
    struct half reader = { .seed = 2, .left = MUCH };
    struct net_options o;
    struct zk_errmsg em;
    struct net_stream *s;

    zk_thread_start(&r.thread, rekeyer_run, &r, "rekeyer");
    s = net_stream_of_fd(accept_one(l), options(&o, server));
    CU_ASSERT_EQUAL_FATAL(net_stream_handshake(
                              s, zk_time_mono_ms() + FAR_MS, &em), ZK_OK);
    writer.s = reader.s = s;
    zk_thread_start(&writer.thread, half_run, &writer, "writer");
    half_run(&reader);
    zk_thread_join(&writer.thread);
    net_stream_destroy(s);
    zk_thread_join(&r.thread);
    CU_ASSERT_EQUAL(writer.rv, ZK_OK);
    CU_ASSERT_EQUAL(reader.rv, ZK_OK);
    CU_ASSERT_TRUE(reader.right && r.right);
    CU_ASSERT_EQUAL(r.in + r.out + reader.left + writer.left, 0);
    CU_ASSERT_TRUE(r.updates > 100);
    if (writer.rv != ZK_OK || reader.rv != ZK_OK || !reader.right
        || !r.right || r.in + r.out > 0) {
        fprintf(stderr, "%s / %s; %u updates; peer: %zu to send, %zu to "
                "take, right %d: %s\n", writer.em.text, reader.em.text,
                r.updates, r.out, r.in, r.right, r.why);
    }
    close(l);
}

/* ---- who is let in ----------------------------------------------------- */

static void
check_refused(struct tls_context *one, struct tls_context *other,
              const char *why_a, const char *why_b)
{
    struct meeting m;

    meet(&m, one, other);
    /* In TLS 1.3 a client is through before the server has looked at it. */
    if (m.a.rv == ZK_OK) {
        m.a.rv = net_stream_finish(m.a.s, zk_time_mono_ms() + FAR_MS, NULL,
                                   &m.a.em);
        net_stream_destroy(m.a.s);
    }
    CU_ASSERT_EQUAL(m.a.rv, ZK_EIO);
    CU_ASSERT_EQUAL(m.b.rv, ZK_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(m.a.em.text, why_a));
    CU_ASSERT_PTR_NOT_NULL(strstr(m.b.em.text, why_b));
    CU_ASSERT_PTR_NOT_NULL(strstr(m.b.em.text, "127.0.0.1:"));
    if (strstr(m.a.em.text, why_a) == NULL
        || strstr(m.b.em.text, why_b) == NULL) {
        fprintf(stderr, "a: %s\nb: %s\n", m.a.em.text, m.b.em.text);
    }
}

static void
test_strangers_and_impostors_are_refused_and_hear_of_it(void)
{
    /* A client that the server does not trust, and the reverse. */
    check_refused(foreign, server, "our certificate",
                  "TLS handshake: ");
    check_refused(client, foreign, "cannot connect to localhost:",
                  "TLS handshake: ");
    /* Names: of the server, as we were told it; of the client, where it comes
     * from. */
    check_refused(client, misnamed, "localhost", "TLS handshake: ");
    check_refused(misnamed, server, "refuses our certificate",
                  "not for 127.0.0.1");
}

static void
test_finish_waits_for_the_other_side(void)
{
    struct pair p = make_pair();
    struct zk_errmsg em = { "" };
    struct half reader = { .s = p.b, .left = 5 };
    struct net_cancel cancel;
    uint8_t five[5];

    CU_ASSERT_EQUAL(net_cancel_init(&cancel, NULL), ZK_OK);
    for (size_t i = 0; i < sizeof five; i++) {
        five[i] = byte_at(i);
    }
    CU_ASSERT_EQUAL(net_stream_write(p.a, five, 5, FAR_MS, &em), ZK_OK);
    CU_ASSERT_EQUAL(net_stream_finish(p.a, zk_time_mono_ms() + 5, &cancel,
                                      &em), ZK_ETORN);
    net_cancel_fire(&cancel);
    CU_ASSERT_EQUAL(net_stream_finish(p.a, INT64_MAX, &cancel, &em),
                    ZK_ESTOPPED);
    half_run(&reader);
    CU_ASSERT_TRUE(reader.rv == ZK_OK && reader.right);
    net_stream_destroy(p.b);
    CU_ASSERT_EQUAL(net_stream_finish(p.a, zk_time_mono_ms() + FAR_MS, NULL,
                                      &em), ZK_OK);
    net_stream_destroy(p.a);
    net_cancel_fini(&cancel);
}

/* A peer that always has something to say does not keep us: what it sent
 * before is left unread once the time is over, or the wait is cancelled. */
static void
check_finish_leaves(int64_t deadline_ms, struct net_cancel *cancel, int rv)
{
    static const uint8_t some[4096];
    struct pair p = make_pair();
    struct zk_errmsg em = { "" };
    uint8_t b[16];
    size_t got = 0;

    CU_ASSERT_EQUAL(net_stream_write(p.b, some, sizeof some, FAR_MS, &em),
                    ZK_OK);
    CU_ASSERT_EQUAL(net_stream_finish(p.a, deadline_ms, cancel, &em), rv);
    CU_ASSERT_EQUAL(net_stream_read(p.a, b, sizeof b, FAR_MS, &got, &em),
                    ZK_OK);
    CU_ASSERT_EQUAL(got, sizeof b);
    net_stream_destroy(p.a);
    net_stream_destroy(p.b);
}

static void
test_finish_looks_at_the_clock_while_it_reads(void)
{
    struct net_cancel cancel;

    CU_ASSERT_EQUAL(net_cancel_init(&cancel, NULL), ZK_OK);
    net_cancel_fire(&cancel);
    check_finish_leaves(zk_time_mono_ms(), NULL, ZK_ETORN);
    check_finish_leaves(INT64_MAX, &cancel, ZK_ESTOPPED);
    net_cancel_fini(&cancel);
}

/* Whatever comes behind half a write would be taken for its other half. */
static void
test_nothing_is_written_behind_half_a_write(void)
{
    static const uint8_t much[32 << 20];
    struct pair p = make_pair();
    struct zk_errmsg em = { "" };

    CU_ASSERT_EQUAL(net_stream_write(p.a, much, sizeof much, 20, &em),
                    ZK_ETORN);
    CU_ASSERT_EQUAL(net_stream_write(p.a, "x", 1, 20, &em), ZK_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "given up half way"));
    net_stream_destroy(p.a);
    net_stream_destroy(p.b);
}

/* ---- handshakes that do not happen ------------------------------------- */

static void
test_a_handshake_that_stalls_costs_no_more_than_its_time(void)
{
    struct guest g;

    guest_open(&g, server, false, 10);
    handshake_run(&g.d);
    CU_ASSERT_EQUAL(g.d.rv, ZK_ETORN);
    CU_ASSERT_PTR_NOT_NULL(strstr(g.d.em.text, net_stream_peer(g.d.s)));
    CU_ASSERT_PTR_NOT_NULL(strstr(g.d.em.text, "has not begun"));
    guest_close(&g);
    /* The header of a record, and no more. */
    guest_open(&g, server, false, 10);
    CU_ASSERT_EQUAL(send(g.fd, "\x16\x03\x01\x01\x00", 5, 0), 5);
    handshake_run(&g.d);
    CU_ASSERT_EQUAL(g.d.rv, ZK_ETORN);
    CU_ASSERT_PTR_NOT_NULL(strstr(g.d.em.text, "does not go on"));
    guest_close(&g);
}

/* Nobody accepts, and the kernel has connected. */
static void
test_a_connect_ends_with_its_handshake_s_time(void)
{
    int l = zk_test_listen(0, 4);
    struct net_options o = *options(&o, client);
    struct zk_errmsg em;
    struct net_cancel cancel;
    struct net_stream *s;

    CU_ASSERT_EQUAL(net_stream_connect("127.0.0.1", zk_test_port_of(l),
                                       zk_time_mono_ms() + 50, &o, &s, &em),
                    ZK_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "TLS handshake: the peer does "
                                           "not go on"));
    o.handshake_ms = 10;
    CU_ASSERT_EQUAL(net_stream_connect("127.0.0.1", zk_test_port_of(l),
                                       INT64_MAX, &o, &s, &em), ZK_EIO);
    CU_ASSERT_EQUAL(net_cancel_init(&cancel, NULL), ZK_OK);
    net_cancel_fire(&cancel);
    o.handshake_ms = 10 * FAR_MS;
    o.cancel = &cancel;
    CU_ASSERT_EQUAL(net_stream_connect("127.0.0.1", zk_test_port_of(l),
                                       INT64_MAX, &o, &s, &em),
                    ZK_ESTOPPED);
    net_cancel_fini(&cancel);
    close(l);
}

static void
test_shutdown_ends_a_handshake(void)
{
    struct guest g;
    int low = 0;
    socklen_t len = sizeof low;

    guest_open(&g, server, false, FAR_MS);
    CU_ASSERT_EQUAL(send(g.fd, "\x16", 1, 0), 1);
    zk_thread_start(&g.d.thread, handshake_run, &g.d, "handshake");
    /* It has looked at the first byte. */
    while (getsockopt(g.in, SOL_SOCKET, SO_RCVLOWAT, &low, &len) == 0
           && low != 2) {
        sched_yield();
    }
    net_stream_shutdown(g.d.s);
    zk_thread_join(&g.d.thread);
    CU_ASSERT_EQUAL(g.d.rv, ZK_ESTOPPED);
    guest_close(&g);
}

static void
test_plain_text_where_only_tls_is_taken_is_called_that(void)
{
    struct guest g;

    guest_open(&g, server, false, FAR_MS);
    CU_ASSERT_EQUAL(send(g.fd, "\0\0\0\x0b", 4, 0), 4);
    handshake_run(&g.d);
    CU_ASSERT_EQUAL(g.d.rv, ZK_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(g.d.em.text, "does not speak TLS"));
    guest_close(&g);
    guest_open(&g, server, false, FAR_MS);
    CU_ASSERT_EQUAL(shutdown(g.fd, SHUT_RDWR), 0);
    handshake_run(&g.d);
    CU_ASSERT_EQUAL(g.d.rv, ZK_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(g.d.em.text, "ended before"));
    guest_close(&g);
}

/* A plain server hangs up, or says something that is none of TLS. */
static void
test_tls_to_a_plain_port_is_called_that(void)
{
    struct net_options o;
    int l = zk_test_listen(0, 1);
    struct deed d = { .port = zk_test_port_of(l),
                      .opts = options(&o, client),
                      .deadline_ms = zk_time_mono_ms() + FAR_MS };
    char hello[2048];

    for (int i = 0; i < 2; i++) {
        int fd;

        zk_thread_start(&d.thread, connect_run, &d, "connect");
        fd = accept_one(l);
        CU_ASSERT_TRUE(recv(fd, hello, sizeof hello, 0) > 0);
        CU_ASSERT_EQUAL(i == 0 || send(fd, "This server says no", 19, 0), 1);
        close(fd);
        zk_thread_join(&d.thread);
        CU_ASSERT_EQUAL(d.rv, ZK_EIO);
        CU_ASSERT_PTR_NOT_NULL(strstr(d.em.text,
                                      "cannot connect to localhost:"));
        CU_ASSERT_PTR_NOT_NULL(strstr(d.em.text, "TLS handshake: "));
    }
    close(l);
}

static const struct zk_test tests[] = {
    { "bytes arrive, and the cipher is known",
      test_bytes_arrive_and_the_cipher_is_known },
    { "silence is an error after its time",
      test_silence_is_an_error_after_its_time },
    { "the end of a connection is no error between messages",
      test_the_end_of_a_connection_is_no_error_between_messages },
    { "a peer that does not read is given up",
      test_a_peer_that_does_not_read_is_given_up },
    { "a write has a deadline", test_a_write_has_a_deadline },
    { "a peer that is gone does not kill us",
      test_a_peer_that_is_gone_does_not_kill_us },
    { "both ways at once nothing is lost",
      test_both_ways_at_once_nothing_is_lost },
    { "shutdown ends whoever waits", test_shutdown_ends_whoever_waits },
    { "new keys while both sides send",
      test_new_keys_while_both_sides_send },
    { "strangers and impostors are refused, and hear of it",
      test_strangers_and_impostors_are_refused_and_hear_of_it },
    { "finish waits for the other side",
      test_finish_waits_for_the_other_side },
    { "finish looks at the clock while it reads",
      test_finish_looks_at_the_clock_while_it_reads },
    { "nothing is written behind half a write",
      test_nothing_is_written_behind_half_a_write },
    { "a handshake that stalls costs no more than its time",
      test_a_handshake_that_stalls_costs_no_more_than_its_time },
    { "a connect ends with its handshake's time",
      test_a_connect_ends_with_its_handshake_s_time },
    { "shutdown ends a handshake", test_shutdown_ends_a_handshake },
    { "plain text where only TLS is taken is called that",
      test_plain_text_where_only_tls_is_taken_is_called_that },
    { "TLS to a plain port is called that",
      test_tls_to_a_plain_port_is_called_that },
};

int
main(void)
{
    return net_tls_main("net over TLS", tests, ZK_ARRAY_SIZE(tests));
}
