/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tls/tls_fetch.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/http.h>
#include <openssl/pem.h>

#include "tls/tls_dial.h"
#include "tls/tls_error.h"
#include "util/zk_buf.h"
#include "util/zk_io.h"

static bool
tf_begins(const char *url, const char *scheme)
{
    return strncasecmp(url, scheme, strlen(scheme)) == 0;
}

/* ---- files --------------------------------------------------------------- */

bool
tls_fetch_is_local(const char *url)
{
    return tf_begins(url, "file:");
}

/* "file:/path" and "file:///path"; a host is not accepted. */
static const char *
tf_path(const char *url)
{
    const char *path = url + strlen("file:");

    if (strncmp(path, "//", 2) == 0) {
        path += 2;
    }
    return *path == '/' ? path : NULL;
}

static X509_CRL *
tf_decode_crl(const struct zk_buf *b)
{
    const uint8_t *p = b->data;
    X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long) b->len);

    if (crl == NULL) {
        BIO *in = BIO_new_mem_buf(b->data, (int) b->len);

        zk_assert(in != NULL);
        crl = PEM_read_bio_X509_CRL(in, NULL, NULL, NULL);
        BIO_free(in);
    }
    return crl;
}

static int
tf_read_crl(const char *url, X509_CRL **out, struct zk_errmsg *em)
{
    const char *path = tf_path(url);
    struct zk_buf b = { 0 };
    struct stat st;
    int rv;

    if (path == NULL || stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        return zk_fail(em, ZK_ENOTFOUND, "%s: there is no such file", url);
    }
    rv = zk_read_file(path, TLS_FETCH_MAX_CRL, &b, em);
    if (rv == ZK_OK && b.len > 0) {
        *out = tf_decode_crl(&b);
    }
    zk_buf_fini(&b);
    if (rv == ZK_OK && *out == NULL) {
        rv = zk_fail(em, ZK_EMARSHAL, "%s: no revocation list", url);
    }
    return rv;
}

/* ---- HTTP ---------------------------------------------------------------- */

/* The parts of an URL; OpenSSL's memory. */
struct tf_url {
    char *host, *port, *path, *query;
    int port_number;
};

static void
tf_url_fini(struct tf_url *u)
{
    OPENSSL_free(u->host);
    OPENSSL_free(u->port);
    OPENSSL_free(u->path);
    OPENSSL_free(u->query);
}

/* 'u' is all zeros, and finished by the caller in any case. */
static int
tf_url_parse(const char *url, struct tf_url *u, struct zk_errmsg *em)
{
    if (!OSSL_HTTP_parse_url(url, NULL, NULL, &u->host, &u->port,
                             &u->port_number, &u->path, &u->query, NULL)) {
        ERR_clear_error();
        return zk_fail(em, ZK_ENOTFOUND, "%s: not an address of http:", url);
    }
    return ZK_OK;
}

/* Connects to the place, or to the proxy that the environment has for it. */
static int
tf_dial(const struct tf_url *u, const char *proxy,
        const struct tls_fetch_limit *limit, BIO **out, struct zk_errmsg *em)
{
    struct tf_url at = { .host = NULL };
    size_t len;
    char *host;
    int rv = ZK_OK;

    if (proxy != NULL) {
        rv = tf_url_parse(proxy, &at, em);
        u = &at;
    }
    if (rv == ZK_OK) {
        /* IPv6 stands in brackets. */
        len = strlen(u->host);
        host = *u->host == '[' && len > 1
               ? zk_xstrndup(u->host + 1, len - 2) : zk_xstrdup(u->host);
        rv = tls_dial(host, u->port_number, limit->deadline_ms,
                      limit->cancel, out, em);
        free(host);
    }
    tf_url_fini(&at);
    return rv;
}

/* A GET, or a POST of the request; a proxy is told the whole address. */
static OSSL_HTTP_REQ_CTX *
tf_prepare(const struct tf_url *u, const char *proxy, BIO *link,
           const OCSP_REQUEST *request, size_t max)
{
    OSSL_HTTP_REQ_CTX *h = OSSL_HTTP_REQ_CTX_new(link, link, 0);
    bool ocsp = request != NULL;
    char *path = u->query == NULL || *u->query == '\0'
                 ? zk_xasprintf("%s", u->path)
                 : zk_xasprintf("%s?%s", u->path, u->query);
    char *host = strcmp(u->port, OSSL_HTTP_PORT) == 0
                 ? zk_xstrdup(u->host)
                 : zk_xasprintf("%s:%s", u->host, u->port);

    zk_assert(h != NULL);
    OSSL_HTTP_REQ_CTX_set_max_response_length(h, max);
    if (!OSSL_HTTP_REQ_CTX_set_request_line(h, ocsp,
                                            proxy != NULL ? u->host : NULL,
                                            u->port, path)
        || !OSSL_HTTP_REQ_CTX_add1_header(h, "Host", host)
        || !OSSL_HTTP_REQ_CTX_set_expected(
            h, ocsp ? "application/ocsp-response" : NULL, 1, 0, 0)
        || (ocsp && !OSSL_HTTP_REQ_CTX_set1_req(
            h, "application/ocsp-request", ASN1_ITEM_rptr(OCSP_REQUEST),
            (const ASN1_VALUE *) request))) {
        OSSL_HTTP_REQ_CTX_free(h);
        h = NULL;
    }
    free(path);
    free(host);
    return h;
}

/* What came to nothing, in the link's words or OpenSSL's. */
static int
tf_fail(const char *url, BIO *link, struct zk_errmsg *em)
{
    struct zk_errmsg why = { "" };
    int rv = tls_dial_failure(link, &why);

    if (rv != ZK_OK) {
        ERR_clear_error();
        return zk_fail(em, rv, "%s: %s", url, why.text);
    }
    return tls_fail(em, ZK_EIO, "%s", url);
}

/* The DER that a GET, or a POST of the request, brings.  Not OSSL_HTTP_get:
 * that goes wherever it is sent on to. */
static int
tf_transfer(const char *url, const OCSP_REQUEST *request, size_t max,
            const struct tls_fetch_limit *limit, BIO **out,
            struct zk_errmsg *em)
{
    struct tf_url u = { .host = NULL };
    struct zk_errmsg why = { "" };
    OSSL_HTTP_REQ_CTX *h = NULL;
    const char *proxy = NULL;
    BIO *link = NULL;
    int rv = tf_url_parse(url, &u, em);

    if (rv == ZK_OK) {
        proxy = OSSL_HTTP_adapt_proxy(NULL, NULL, u.host, 0);
        rv = tf_dial(&u, proxy, limit, &link, &why);
        if (rv != ZK_OK) {
            (void) zk_fail(em, rv, "%s: %s", url, why.text);
        }
    }
    if (rv == ZK_OK) {
        h = tf_prepare(&u, proxy, link, request, max);
        if (h != NULL && OSSL_HTTP_REQ_CTX_nbio(h) == 1) {
            *out = OSSL_HTTP_REQ_CTX_get0_mem_bio(h);
            BIO_up_ref(*out);
        } else {
            rv = tf_fail(url, link, em);
        }
    }
    OSSL_HTTP_REQ_CTX_free(h);
    BIO_free(link);
    tf_url_fini(&u);
    return rv;
}

static int
tf_get_crl(const char *url, const struct tls_fetch_limit *limit,
           X509_CRL **out, struct zk_errmsg *em)
{
    BIO *answer = NULL;
    int rv = tf_transfer(url, NULL, TLS_FETCH_MAX_CRL, limit, &answer, em);

    if (rv != ZK_OK) {
        return rv;
    }
    *out = d2i_X509_CRL_bio(answer, NULL);
    BIO_free(answer);
    return *out != NULL ? ZK_OK
                        : tls_fail(em, ZK_EMARSHAL, "%s: no revocation list",
                                   url);
}

/* It goes into a request and into the log. */
static int
tf_check(const char *url, struct zk_errmsg *em)
{
    size_t len = strlen(url);

    if (len > TLS_FETCH_MAX_URL) {
        return zk_fail(em, ZK_ETOOBIG, "an address of %zu bytes", len);
    }
    for (const char *p = url; *p != '\0'; p++) {
        if (*p <= ' ' || *p > '~') {
            return zk_fail(em, ZK_ENOTFOUND, "an address with the byte 0x%02x"
                           " in it", (unsigned) (unsigned char) *p);
        }
    }
    return ZK_OK;
}

void
tls_fetch_place(const char *url, char out[TLS_PLACE_MAX])
{
    struct tf_url u = { .host = NULL };
    struct zk_errmsg em;

    snprintf(out, TLS_PLACE_MAX, "?");
    if (tls_fetch_is_local(url)) {
        snprintf(out, TLS_PLACE_MAX, "file:");
    } else if (tf_check(url, &em) == ZK_OK && tf_begins(url, "http:")
               && tf_url_parse(url, &u, &em) == ZK_OK) {
        snprintf(out, TLS_PLACE_MAX, "%s:%d", u.host, u.port_number);
        for (char *p = out; *p != '\0'; p++) {
            *p = (char) tolower((unsigned char) *p);
        }
    }
    tf_url_fini(&u);
}

int
tls_fetch_crl(const char *url, const struct tls_fetch_limit *limit,
              X509_CRL **out, struct zk_errmsg *em)
{
    int rv = tf_check(url, em);

    *out = NULL;
    ERR_clear_error();
    if (rv != ZK_OK) {
        return rv;
    }
    if (tls_fetch_is_local(url)) {
        return tf_read_crl(url, out, em);
    }
    if (!tf_begins(url, "http:")) {
        return zk_fail(em, ZK_ENOTFOUND, "%s: only http: and file: can be "
                       "asked", url);
    }
    return tf_get_crl(url, limit, out, em);
}

int
tls_fetch_ocsp(const char *url, const OCSP_REQUEST *request,
               const struct tls_fetch_limit *limit, OCSP_RESPONSE **out,
               struct zk_errmsg *em)
{
    BIO *answer = NULL;
    int rv = tf_check(url, em);

    *out = NULL;
    ERR_clear_error();
    if (rv == ZK_OK && !tf_begins(url, "http:")) {
        rv = zk_fail(em, ZK_ENOTFOUND, "%s: not an address of http:", url);
    }
    if (rv == ZK_OK) {
        rv = tf_transfer(url, request, TLS_FETCH_MAX_OCSP, limit, &answer,
                         em);
    }
    if (rv != ZK_OK) {
        return rv;
    }
    *out = d2i_OCSP_RESPONSE_bio(answer, NULL);
    BIO_free(answer);
    return *out != NULL ? ZK_OK
                        : tls_fail(em, ZK_EMARSHAL, "%s: no answer of OCSP",
                                   url);
}
