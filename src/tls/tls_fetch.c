/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tls/tls_fetch.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/http.h>
#include <openssl/pem.h>

#include "tls/tls_error.h"
#include "util/zk_buf.h"
#include "util/zk_io.h"

static bool
tf_begins(const char *url, const char *scheme)
{
    return strncasecmp(url, scheme, strlen(scheme)) == 0;
}

/* ---- files --------------------------------------------------------------- */

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

int
tls_fetch_crl(const char *url, int timeout_s, X509_CRL **out,
              struct zk_errmsg *em)
{
    BIO *body;

    *out = NULL;
    ERR_clear_error();
    if (tf_begins(url, "file:")) {
        return tf_read_crl(url, out, em);
    }
    if (!tf_begins(url, "http:")) {
        return zk_fail(em, ZK_ENOTFOUND, "%s: only http: and file: can be "
                       "asked", url);
    }
    body = OSSL_HTTP_get(url, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL,
                         NULL, 1, TLS_FETCH_MAX_CRL, timeout_s);
    if (body == NULL) {
        return tls_fail(em, ZK_EIO, "%s", url);
    }
    *out = d2i_X509_CRL_bio(body, NULL);
    BIO_free_all(body);
    return *out != NULL ? ZK_OK
                        : tls_fail(em, ZK_EMARSHAL, "%s: no revocation list",
                                   url);
}

/* The parts of an URL; OpenSSL's memory. */
struct tf_url {
    int use_ssl;
    char *host, *port, *path, *query;
};

static void
tf_url_fini(struct tf_url *u)
{
    OPENSSL_free(u->host);
    OPENSSL_free(u->port);
    OPENSSL_free(u->path);
    OPENSSL_free(u->query);
}

/* The answer to a POST of the request; NULL: OpenSSL's queue says why. */
static BIO *
tf_post(const struct tf_url *u, const OCSP_REQUEST *request, int timeout_s)
{
    BIO *body = ASN1_item_i2d_mem_bio(ASN1_ITEM_rptr(OCSP_REQUEST),
                                      (const ASN1_VALUE *) request);
    char *path = u->query == NULL
                 ? zk_xasprintf("%s", u->path)
                 : zk_xasprintf("%s?%s", u->path, u->query);
    BIO *answer;

    zk_assert(body != NULL);
    answer = OSSL_HTTP_transfer(NULL, u->host, u->port, path, 0, NULL, NULL,
                                NULL, NULL, NULL, NULL, 0, NULL,
                                "application/ocsp-request", body,
                                "application/ocsp-response", 1,
                                TLS_FETCH_MAX_OCSP, timeout_s, 0);
    BIO_free(body);
    free(path);
    return answer;
}

int
tls_fetch_ocsp(const char *url, const OCSP_REQUEST *request, int timeout_s,
               OCSP_RESPONSE **out, struct zk_errmsg *em)
{
    struct tf_url u = { 0, NULL, NULL, NULL, NULL };
    BIO *answer = NULL;

    *out = NULL;
    ERR_clear_error();
    if (!OSSL_HTTP_parse_url(url, &u.use_ssl, NULL, &u.host, &u.port, NULL,
                             &u.path, &u.query, NULL)
        || u.use_ssl) {
        tf_url_fini(&u);
        ERR_clear_error();
        return zk_fail(em, ZK_ENOTFOUND, "%s: only http: can be asked", url);
    }
    answer = tf_post(&u, request, timeout_s);
    tf_url_fini(&u);
    if (answer == NULL) {
        return tls_fail(em, ZK_EIO, "%s", url);
    }
    *out = d2i_OCSP_RESPONSE_bio(answer, NULL);
    BIO_free_all(answer);
    return *out != NULL ? ZK_OK
                        : tls_fail(em, ZK_EMARSHAL, "%s: no answer of OCSP",
                                   url);
}
