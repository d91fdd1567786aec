/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tls/tls_internal.h"

#include <string.h>
#include <time.h>

#include <openssl/err.h>

#include "tls/tls_error.h"
#include "tls/tls_settings.h"
#include "util/zk_log.h"

/* A certificate that ends within this time is warned of. */
#define TSC_SOON_S (14L * 24 * 60 * 60)
/* How long a client may resume what it began. */
#define TSC_SESSION_S 3600L

/* ---- our own certificate ------------------------------------------------- */

static void
tsc_warn_of_dates(const struct tls_config *c, const X509 *cert)
{
    time_t soon = time(NULL) + TSC_SOON_S;
    char name[TLS_CERT_TEXT], date[16];

    tls_cert_print(cert, name);
    tls_time_print(X509_get0_notAfter(cert), date);
    if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0) {
        zk_warn(tls, "%skeyStore.location=%s: the certificate of %s expired "
                "%s; others will refuse it", c->prefix, c->key.location, name,
                date);
    } else if (X509_cmp_time(X509_get0_notAfter(cert), &soon) < 0) {
        zk_warn(tls, "%skeyStore.location=%s: the certificate of %s expires "
                "%s", c->prefix, c->key.location, name, date);
    }
    if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0) {
        tls_time_print(X509_get0_notBefore(cert), date);
        zk_warn(tls, "%skeyStore.location=%s: the certificate of %s is not "
                "valid before %s", c->prefix, c->key.location, name, date);
    }
}

static bool
tsc_is_valid_now(const X509 *cert)
{
    return X509_cmp_current_time(X509_get0_notBefore(cert)) < 0
           && X509_cmp_current_time(X509_get0_notAfter(cert)) > 0;
}

/* Is there another key of that kind in front of it, or one that is valid
 * while this one is not?  OpenSSL takes one of a kind. */
static bool
tsc_is_second(const struct tls_store *keys, size_t at)
{
    const struct tls_identity *id = &keys->ids[at];
    bool valid = tsc_is_valid_now(id->cert);

    for (size_t i = 0; i < keys->n_ids; i++) {
        const struct tls_identity *other = &keys->ids[i];
        bool other_valid = tsc_is_valid_now(other->cert);

        if (i != at
            && EVP_PKEY_get_base_id(other->key)
               == EVP_PKEY_get_base_id(id->key)
            && (other_valid == valid ? i < at : other_valid)) {
            return true;
        }
    }
    return false;
}

static int
tsc_use_keys(const struct tls_config *c, SSL_CTX *ctx,
             const struct tls_store *keys, struct zk_errmsg *em)
{
    for (size_t i = 0; i < keys->n_ids; i++) {
        const struct tls_identity *id = &keys->ids[i];

        if (tsc_is_second(keys, i)) {
            continue;
        }
        if (!SSL_CTX_use_cert_and_key(ctx, id->cert, id->key, id->chain, 1)
            || !SSL_CTX_check_private_key(ctx)) {
            return tls_fail(em, ZK_ECONFIG, "%skeyStore.location=%s: the "
                            "certificate cannot be used", c->prefix,
                            c->key.location);
        }
        tsc_warn_of_dates(c, id->cert);
    }
    return ZK_OK;
}

/* ---- whom we trust ------------------------------------------------------- */

/* Each trusted certificate is an anchor, whoever issued it, as in Java. */
static int
tsc_use_trust(SSL_CTX *ctx, const struct tls_store *trust,
              struct zk_errmsg *em)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);

    for (int i = 0; i < sk_X509_num(trust->trusted); i++) {
        if (!X509_STORE_add_cert(store, sk_X509_value(trust->trusted, i))) {
            return tls_fail(em, ZK_ECONFIG, "a trusted certificate");
        }
    }
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN
                                | X509_V_FLAG_TRUSTED_FIRST);
    return ZK_OK;
}

/* The names that clients choose their certificate by. */
static void
tsc_name_authorities(SSL_CTX *ctx, const struct tls_store *trust)
{
    for (int i = 0; i < sk_X509_num(trust->trusted); i++) {
        SSL_CTX_add_client_CA(ctx, sk_X509_value(trust->trusted, i));
    }
}

static int
tsc_verify_mode(const struct tls_config *c, enum tls_side side)
{
    if (side == TLS_SIDE_CLIENT) {
        return SSL_VERIFY_PEER;
    }
    switch (c->client_auth) {
    case TLS_CLIENT_AUTH_NEED:
        return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    case TLS_CLIENT_AUTH_WANT:
        return SSL_VERIFY_PEER;
    case TLS_CLIENT_AUTH_NONE:
        return SSL_VERIFY_NONE;
    }
    zk_panic("no such clientAuth: %d", (int) c->client_auth);
}

/* ---- the rest ------------------------------------------------------------ */

/* Sessions are resumed by clients of ours only: servers have few links, that
 * last.  A peer whose certificate may be revoked shows it every time. */
static void
tsc_set_sessions(const struct tls_config *c, enum tls_side side, SSL_CTX *ctx)
{
    static const unsigned char id[] = "zkd";
    bool resume = side == TLS_SIDE_SERVER && !c->crl && !c->ocsp
                  && strcmp(c->prefix, TLS_QUORUM_PREFIX) != 0;

    SSL_CTX_set_session_id_context(ctx, id, sizeof id - 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    if (resume) {
        SSL_CTX_set_timeout(ctx, TSC_SESSION_S);
        SSL_CTX_set_num_tickets(ctx, 1);
        if (!SSL_CTX_set_session_ticket_cb(ctx, tls_conn_make_ticket,
                                           tls_conn_take_ticket, NULL)) {
            zk_panic("SSL_CTX_set_session_ticket_cb");
        }
    } else {
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(ctx, 0);
    }
}

static void
tsc_set_manners(SSL_CTX *ctx)
{
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE
                          | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                          | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION
                             | SSL_OP_IGNORE_UNEXPECTED_EOF
                             | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_read_ahead(ctx, 1);
}

static int
tsc_fill(const struct tls_config *c, enum tls_side side, SSL_CTX *ctx,
         const struct tls_store *keys, const struct tls_store *trust,
         struct zk_errmsg *em)
{
    int rv = tls_settings_protocols(c, ctx, em);

    if (rv == ZK_OK) {
        rv = tls_settings_ciphers(c, ctx, em);
    }
    if (rv == ZK_OK) {
        rv = tsc_use_keys(c, ctx, keys, em);
    }
    if (rv == ZK_OK) {
        rv = tsc_use_trust(ctx, trust, em);
    }
    if (rv != ZK_OK) {
        return rv;
    }
    if (side == TLS_SIDE_SERVER) {
        tsc_name_authorities(ctx, trust);
    } else if (sk_X509_num(trust->trusted) <= 0) {
        SSL_CTX_set_default_verify_paths(ctx);
    }
    SSL_CTX_set_verify(ctx, tsc_verify_mode(c, side), NULL);
    SSL_CTX_set_cert_verify_callback(ctx, tls_conn_verify, NULL);
    tsc_set_sessions(c, side, ctx);
    tsc_set_manners(ctx);
    return ZK_OK;
}

int
tls_ssl_ctx_create(const struct tls_config *c, enum tls_side side,
                   const struct tls_store *keys,
                   const struct tls_store *trust, SSL_CTX **out,
                   struct zk_errmsg *em)
{
    SSL_CTX *ctx = SSL_CTX_new(side == TLS_SIDE_SERVER ? TLS_server_method()
                                                       : TLS_client_method());
    int rv;

    if (ctx == NULL) {
        return tls_fail(em, ZK_ECONFIG, "OpenSSL");
    }
    rv = tsc_fill(c, side, ctx, keys, trust, em);
    if (rv != ZK_OK) {
        SSL_CTX_free(ctx);
        return rv;
    }
    *out = ctx;
    return ZK_OK;
}
