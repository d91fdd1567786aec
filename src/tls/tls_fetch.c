/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tls/tls_fetch.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/http.h>
#include <openssl/pem.h>

#include "tls/tls_error.h"
#include "util/zk_buf.h"
#include "util/zk_io.h"
#include "util/zk_time.h"

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

/* 'u' is all zeros, and finished by the caller in any case. */
static int
tf_url_parse(const char *url, struct tf_url *u, struct zk_errmsg *em)
{
    if (!tf_begins(url, "http:")
        || !OSSL_HTTP_parse_url(url, &u->use_ssl, NULL, &u->host, &u->port,
                                NULL, &u->path, &u->query, NULL)) {
        ERR_clear_error();
        return zk_fail(em, ZK_ENOTFOUND, "%s: not an address of http:", url);
    }
    return ZK_OK;
}

/* OpenSSL looks at the clock only when there is nothing to read: who sends
 * without a pause would never be late. */
static long
tf_before_read(BIO *bio, int oper, const char *p, size_t len, int argi,
               long argl, int rv, size_t *done)
{
    const int64_t *deadline_ms = (const int64_t *) (void *)
        BIO_get_callback_arg(bio);

    (void) p, (void) len, (void) argi, (void) argl, (void) done;
    if (oper == BIO_CB_READ && zk_time_mono_ms() > *deadline_ms) {
        BIO_clear_retry_flags(bio);
        ERR_raise(ERR_LIB_BIO, BIO_R_TRANSFER_TIMEOUT);
        return -1;
    }
    return rv;
}

static BIO *
tf_on_connection(BIO *bio, void *arg, int connect, int detail)
{
    (void) detail;
    if (connect) {
        BIO_set_callback_arg(bio, arg);
        BIO_set_callback_ex(bio, tf_before_read);
    } else {
        BIO_set_callback_ex(bio, NULL);
    }
    return bio;
}

/* OpenSSL's own sockets know no MSG_NOSIGNAL, and a program with a client in it
 * (zkcli) does not ignore the signal. */
static void
tf_block_pipe(sigset_t *before)
{
    sigset_t pipe;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    zk_assert(pthread_sigmask(SIG_BLOCK, &pipe, before) == 0);
}

/* Takes the signal away that may have come, unless it was blocked before. */
static void
tf_unblock_pipe(const sigset_t *before)
{
    const struct timespec now = { 0, 0 };
    sigset_t pipe;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    if (!sigismember(before, SIGPIPE)) {
        while (sigtimedwait(&pipe, NULL, &now) == SIGPIPE) {
        }
    }
    zk_assert(pthread_sigmask(SIG_SETMASK, before, NULL) == 0);
}

/* What a GET, or a POST of 'request', brings; NULL: OpenSSL's queue says why.
 * Not OSSL_HTTP_get: that goes wherever it is sent on to, and gives each of
 * those places as much time again. */
static BIO *
tf_transfer(const struct tf_url *u, BIO *request, size_t max, int timeout_s)
{
    char *path = u->query == NULL || *u->query == '\0'
                 ? zk_xasprintf("%s", u->path)
                 : zk_xasprintf("%s?%s", u->path, u->query);
    int64_t deadline_ms = zk_time_mono_ms() + timeout_s * INT64_C(1000);
    sigset_t before;
    BIO *answer;

    tf_block_pipe(&before);
    answer = OSSL_HTTP_transfer(NULL, u->host, u->port, path, 0, NULL, NULL,
                                NULL, NULL, tf_on_connection, &deadline_ms, 0,
                                NULL,
                                request == NULL ? NULL
                                                : "application/ocsp-request",
                                request,
                                request == NULL ? NULL
                                                : "application/ocsp-response",
                                1, max, timeout_s, 0);
    tf_unblock_pipe(&before);
    free(path);
    return answer;
}

/* Why there was no answer.  OpenSSL counts whole seconds, that of now as the
 * first. */
static int
tf_no_answer(const char *url, int64_t began_ms, int timeout_s,
             struct zk_errmsg *em)
{
    bool late = zk_time_mono_ms() - began_ms
                >= (timeout_s - 1) * INT64_C(1000);

    return tls_fail(em, late ? ZK_ETORN : ZK_EIO, "%s", url);
}

static int
tf_get_crl(const char *url, int timeout_s, X509_CRL **out,
           struct zk_errmsg *em)
{
    struct tf_url u = { 0, NULL, NULL, NULL, NULL };
    int64_t began_ms = zk_time_mono_ms();
    BIO *answer = NULL;
    int rv = tf_url_parse(url, &u, em);

    if (rv == ZK_OK) {
        answer = tf_transfer(&u, NULL, TLS_FETCH_MAX_CRL, timeout_s);
        rv = answer != NULL ? ZK_OK
                            : tf_no_answer(url, began_ms, timeout_s, em);
    }
    tf_url_fini(&u);
    if (rv != ZK_OK) {
        return rv;
    }
    *out = d2i_X509_CRL_bio(answer, NULL);
    BIO_free_all(answer);
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

int
tls_fetch_crl(const char *url, int timeout_s, X509_CRL **out,
              struct zk_errmsg *em)
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
    return tf_get_crl(url, timeout_s, out, em);
}

int
tls_fetch_ocsp(const char *url, const OCSP_REQUEST *request, int timeout_s,
               OCSP_RESPONSE **out, struct zk_errmsg *em)
{
    struct tf_url u = { 0, NULL, NULL, NULL, NULL };
    int64_t began_ms = zk_time_mono_ms();
    BIO *body, *answer = NULL;
    int rv = tf_check(url, em);

    *out = NULL;
    ERR_clear_error();
    if (rv == ZK_OK) {
        rv = tf_url_parse(url, &u, em);
    }
    if (rv == ZK_OK) {
        body = ASN1_item_i2d_mem_bio(ASN1_ITEM_rptr(OCSP_REQUEST),
                                     (const ASN1_VALUE *) request);
        zk_assert(body != NULL);
        answer = tf_transfer(&u, body, TLS_FETCH_MAX_OCSP, timeout_s);
        BIO_free(body);
        rv = answer != NULL ? ZK_OK
                            : tf_no_answer(url, began_ms, timeout_s, em);
    }
    tf_url_fini(&u);
    if (rv != ZK_OK) {
        return rv;
    }
    *out = d2i_OCSP_RESPONSE_bio(answer, NULL);
    BIO_free_all(answer);
    return *out != NULL ? ZK_OK
                        : tls_fail(em, ZK_EMARSHAL, "%s: no answer of OCSP",
                                   url);
}
