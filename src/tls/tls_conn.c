/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tls/tls_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "tls/tls_bio.h"
#include "tls/tls_error.h"
#include "tls/tls_internal.h"
#include "tls/tls_name.h"
#include "tls/tls_peer.h"

#define TLS_CONN_MAGIC 0x746c7363

struct tls_conn {
    unsigned magic;
    struct tls_context *ctx;
    SSL *ssl;
    BIO *bio;                   /* ssl's */
    struct tls_peer peer;
    bool failed;
    size_t owed;                /* So much of what was to be written has gone
                                 * into a record; the rest of that waits in
                                 * 'bio', and the caller does not know. */
    char *subject;              /* Of the peer's certificate, or NULL. */
    char cipher[64];
};

static struct tls_conn *
tc_create(struct tls_context *ctx, enum tls_side side, int fd,
          const char *host, const struct sockaddr_storage *sa)
{
    struct tls_conn *c = zk_xcalloc(1, sizeof *c);
    SSL_CTX *use = tls_context_use(ctx, side);

    c->magic = TLS_CONN_MAGIC;
    c->ctx = tls_context_ref(ctx);
    c->ssl = SSL_new(use);
    SSL_CTX_free(use);
    zk_assert(c->ssl != NULL);
    c->bio = tls_bio_create(fd);
    SSL_set_bio(c->ssl, c->bio, c->bio);
    tls_peer_init(&c->peer, ctx, side, fd, host, sa);
    SSL_set_app_data(c->ssl, &c->peer);
    return c;
}

struct tls_conn *
tls_conn_accept(struct tls_context *ctx, int fd,
                const struct sockaddr_storage *peer)
{
    struct tls_conn *c = tc_create(ctx, TLS_SIDE_SERVER, fd, NULL, peer);

    SSL_set_accept_state(c->ssl);
    return c;
}

struct tls_conn *
tls_conn_connect(struct tls_context *ctx, int fd, const char *host,
                 const struct sockaddr_storage *peer)
{
    struct tls_conn *c = tc_create(ctx, TLS_SIDE_CLIENT, fd, host, peer);

    SSL_set_connect_state(c->ssl);
    if (!tls_name_is_address(host)) {
        SSL_set_tlsext_host_name(c->ssl, c->peer.host);
    }
    ERR_clear_error();          /* A name too long is not sent. */
    return c;
}

void
tls_conn_destroy(struct tls_conn *c)
{
    if (c == NULL) {
        return;
    }
    ZK_CHECK(c, TLS_CONN_MAGIC);
    SSL_free(c->ssl);
    tls_peer_fini(&c->peer);
    tls_context_unref(c->ctx);
    free(c->subject);
    c->magic = 0;
    free(c);
}

/* Says why, in 'em', and that nothing more goes. */
static enum tls_result
tc_fail(struct tls_conn *c, const char *what, struct zk_errmsg *em)
{
    int err = tls_bio_errno(c->bio);
    char why[TLS_WHY_MAX];

    c->failed = true;
    if (c->peer.why[0] != '\0') {
        snprintf(why, sizeof why, "%s", c->peer.why);
    } else if (ERR_peek_error() != 0) {
        tls_handshake_print(why, sizeof why);
    } else if (err != 0) {
        char text[128];

        snprintf(why, sizeof why, "%s", strerror_r(err, text, sizeof text));
    } else {
        snprintf(why, sizeof why, "peer ended the connection");
    }
    ERR_clear_error();
    zk_fail(em, ZK_EIO, "%s: %s", what, why);
    return TLS_FAILED;
}

/* What a call that moved nothing came to. */
static enum tls_result
tc_result(struct tls_conn *c, int rv, const char *what, struct zk_errmsg *em)
{
    switch (SSL_get_error(c->ssl, rv)) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANT_WRITE;
    default:
        return tc_fail(c, what, em);
    }
}

/* ---- the handshake ------------------------------------------------------- */

static void
tc_note_peer(struct tls_conn *c)
{
    X509 *cert = SSL_get0_peer_certificate(c->ssl);
    struct zk_buf b = { 0 };

    snprintf(c->cipher, sizeof c->cipher, "%s %s", SSL_get_version(c->ssl),
             SSL_get_cipher_name(c->ssl));
    if (cert != NULL) {
        tls_name_print(X509_get_subject_name(cert), &b);
        /* A NUL is printed as \00: there is none inside. */
        c->subject = zk_xstrndup((char *) b.data, b.len);
        zk_buf_fini(&b);
    }
}

void
tls_conn_set_deadline(struct tls_conn *c, int64_t deadline_ms)
{
    ZK_CHECK(c, TLS_CONN_MAGIC);
    c->peer.deadline_ms = deadline_ms;
}

void
tls_conn_set_cancel(struct tls_conn *c, const struct net_cancel *cancel)
{
    ZK_CHECK(c, TLS_CONN_MAGIC);
    net_cancel_join(&c->peer.cancel, cancel, c->peer.cancel.socket);
}

void
tls_conn_ask_later(struct tls_conn *c)
{
    ZK_CHECK(c, TLS_CONN_MAGIC);
    c->peer.ask_later = true;
}

enum tls_result
tls_conn_handshake(struct tls_conn *c, struct zk_errmsg *em)
{
    int rv;

    ZK_CHECK(c, TLS_CONN_MAGIC);
    zk_assert(!c->failed);
    ERR_clear_error();
    rv = SSL_do_handshake(c->ssl);
    if (rv != 1) {
        return tc_result(c, rv, "TLS handshake", em);
    }
    if (c->cipher[0] == '\0') {
        tc_note_peer(c);
    }
    tls_bio_keep(c->bio);
    return TLS_DONE;
}

bool
tls_conn_has_to_ask(const struct tls_conn *c)
{
    ZK_CHECK(c, TLS_CONN_MAGIC);
    return c->peer.to_ask != NULL;
}

const char *
tls_conn_place_to_ask(const struct tls_conn *c)
{
    ZK_CHECK(c, TLS_CONN_MAGIC);
    zk_assert(c->peer.to_ask != NULL);
    return c->peer.inquiry.place;
}

enum tls_result
tls_conn_ask(struct tls_conn *c, struct zk_errmsg *em)
{
    ZK_CHECK(c, TLS_CONN_MAGIC);
    zk_assert(!c->failed && c->peer.to_ask != NULL);
    ERR_clear_error();
    return tls_peer_ask(&c->peer) ? TLS_DONE
                                  : tc_fail(c, "TLS handshake", em);
}

int
tls_conn_verify(X509_STORE_CTX *store, void *arg)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(
        store, SSL_get_ex_data_X509_STORE_CTX_idx());

    (void) arg;
    return tls_peer_verify(SSL_get_app_data(ssl), store) ? 1 : 0;
}

/* ---- tickets ------------------------------------------------------------- */

/* A ticket has the peer's certificate, and not those above it; so their dates
 * go along.  It is sealed with keys of the SSL_CTX: nobody else wrote it. */
struct tc_ticket {
    int64_t from_s, until_s;
};

int
tls_conn_make_ticket(SSL *ssl, void *arg)
{
    const struct tls_peer *p = SSL_get_app_data(ssl);
    const struct tc_ticket t = { p->from_s, p->until_s };

    (void) arg;
    return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), &t,
                                           sizeof t);
}

static bool
tc_may_resume(struct tls_peer *p, SSL_SESSION *session)
{
    struct tc_ticket t;
    void *data;
    size_t len;

    if (!SSL_SESSION_get0_ticket_appdata(session, &data, &len)
        || len != sizeof t) {
        return false;
    }
    memcpy(&t, data, sizeof t);
    p->from_s = t.from_s;       /* For the next ticket, too. */
    p->until_s = t.until_s;
    if (tls_peer_may_resume(p, SSL_SESSION_get0_peer(session))) {
        return true;
    }
    p->from_s = INT64_MIN;
    p->until_s = INT64_MAX;
    return false;
}

SSL_TICKET_RETURN
tls_conn_take_ticket(SSL *ssl, SSL_SESSION *session,
                     const unsigned char *name, size_t len,
                     SSL_TICKET_STATUS status, void *arg)
{
    (void) name, (void) len, (void) arg;
    if ((status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
        || !tc_may_resume(SSL_get_app_data(ssl), session)) {
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE
                                        : SSL_TICKET_RETURN_USE_RENEW;
}

/* ---- bytes --------------------------------------------------------------- */

enum tls_result
tls_conn_read(struct tls_conn *c, void *p, size_t len, size_t *got,
              struct zk_errmsg *em)
{
    ZK_CHECK(c, TLS_CONN_MAGIC);
    zk_assert(!c->failed && len > 0 && c->peer.to_ask == NULL);
    ERR_clear_error();
    *got = 0;
    /* Whatever it comes to: the next write tells. */
    (void) tls_bio_flush(c->bio);
    if (SSL_read_ex(c->ssl, p, len, got)) {
        return TLS_DONE;
    }
    if (SSL_get_error(c->ssl, 0) == SSL_ERROR_ZERO_RETURN) {
        return TLS_EOF;
    }
    return tc_result(c, 0, "TLS read", em);
}

/* TLS_DONE when nothing of earlier writes is left. */
static enum tls_result
tc_flush(struct tls_conn *c, struct zk_errmsg *em)
{
    int rv = tls_bio_flush(c->bio);

    return rv > 0    ? TLS_DONE
           : rv == 0 ? TLS_WANT_WRITE
                     : tc_fail(c, "TLS write", em);
}

enum tls_result
tls_conn_write(struct tls_conn *c, const void *p, size_t len, size_t *put,
               struct zk_errmsg *em)
{
    enum tls_result result;

    ZK_CHECK(c, TLS_CONN_MAGIC);
    zk_assert(!c->failed && len > 0 && c->owed <= len
              && c->peer.to_ask == NULL);
    ERR_clear_error();
    *put = 0;
    result = tc_flush(c, em);
    if (result == TLS_DONE && c->owed == 0) {
        if (!SSL_write_ex(c->ssl, p, len, &c->owed)) {
            return tc_result(c, 0, "TLS write", em);
        }
        result = tc_flush(c, em);
    }
    if (result == TLS_DONE) {
        *put = c->owed;
        c->owed = 0;
    }
    return result;
}

void
tls_conn_close_notify(struct tls_conn *c)
{
    ZK_CHECK(c, TLS_CONN_MAGIC);
    if (!c->failed && SSL_is_init_finished(c->ssl)) {
        (void) SSL_shutdown(c->ssl);
        (void) tls_bio_flush(c->bio);
    }
    ERR_clear_error();
}

const char *
tls_conn_peer_subject(const struct tls_conn *c)
{
    ZK_CHECK(c, TLS_CONN_MAGIC);
    return c->subject;
}

const char *
tls_conn_cipher(const struct tls_conn *c)
{
    ZK_CHECK(c, TLS_CONN_MAGIC);
    return c->cipher;
}

enum tls_sniff
tls_sniff(const unsigned char *p, size_t n)
{
    if ((n > 0 && p[0] != 0x16) || (n > 1 && p[1] != 0x03)) {
        return TLS_SNIFF_PLAIN;
    }
    return n < 2 ? TLS_SNIFF_MORE : TLS_SNIFF_TLS;
}
