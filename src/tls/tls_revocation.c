/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tls/tls_revocation.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "tls/tls_error.h"
#include "tls/tls_fetch.h"
#include "util/zk_lock.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

#define TLS_REVOCATION_MAGIC 0x746c7376

/* Lists that are kept; places that are tried for one certificate. */
#define TR_KEPT 64
#define TR_PLACES 4
/* How far clocks may differ. */
#define TR_SKEW_S 300

struct tr_list {
    char *url;                  /* NULL: free. */
    X509_CRL *crl;
    int64_t fetched_ms;
};

struct tls_revocation {
    unsigned magic;
    const struct tls_config *config;
    struct zk_mutex lock;
    struct tr_list kept[TR_KEPT] ZK_GUARDED;
};

enum tr_status { TR_GOOD, TR_REVOKED, TR_UNKNOWN };

/* One certificate that is asked for. */
struct tr_question {
    struct tls_revocation *r;
    X509 *cert;
    X509 *issuer;
    X509_STORE *store;          /* Trusts the issuer alone. */
    int64_t deadline_ms;
    struct zk_errmsg why;       /* Of TR_UNKNOWN. */
};

struct tls_revocation *
tls_revocation_create(const struct tls_config *config)
{
    struct tls_revocation *r;

    if (!config->crl && !config->ocsp) {
        return NULL;
    }
    r = zk_xcalloc(1, sizeof *r);
    r->magic = TLS_REVOCATION_MAGIC;
    r->config = config;
    zk_mutex_init(&r->lock, ZK_LOCK_leaf);
    return r;
}

void
tls_revocation_destroy(struct tls_revocation *r)
{
    if (r == NULL) {
        return;
    }
    ZK_CHECK(r, TLS_REVOCATION_MAGIC);
    for (size_t i = 0; i < TR_KEPT; i++) {
        free(r->kept[i].url);
        X509_CRL_free(r->kept[i].crl);
    }
    zk_mutex_fini(&r->lock);
    r->magic = 0;
    free(r);
}

/* Seconds that one more question may take; 0: none. */
static int
tr_seconds_left(const struct tr_question *q)
{
    int64_t left = (q->deadline_ms - zk_time_mono_ms() + 999) / 1000;

    return left <= 0 ? 0
           : left < TLS_REVOCATION_ASK_S ? (int) left : TLS_REVOCATION_ASK_S;
}

/* ---- lists that are kept ------------------------------------------------- */

/* A reference to the list from there, and how old it is; or NULL. */
static X509_CRL *
tr_find(struct tls_revocation *r, const char *url, int64_t *age_ms)
{
    X509_CRL *crl = NULL;

    zk_lock(&r->lock);
    for (size_t i = 0; crl == NULL && i < TR_KEPT; i++) {
        if (r->kept[i].url != NULL && strcmp(r->kept[i].url, url) == 0) {
            crl = r->kept[i].crl;
            X509_CRL_up_ref(crl);
            *age_ms = zk_time_mono_ms() - r->kept[i].fetched_ms;
        }
    }
    zk_unlock(&r->lock);
    return crl;
}

/* In place of the one from there, or of the oldest. */
static void
tr_keep(struct tls_revocation *r, const char *url, X509_CRL *crl)
{
    struct tr_list *at = NULL;

    zk_lock(&r->lock);
    for (size_t i = 0; i < TR_KEPT; i++) {
        struct tr_list *l = &r->kept[i];

        if (l->url != NULL && strcmp(l->url, url) == 0) {
            at = l;
            break;
        }
        if (at == NULL || (at->url != NULL
                           && (l->url == NULL
                               || l->fetched_ms < at->fetched_ms))) {
            at = l;
        }
    }
    free(at->url);
    X509_CRL_free(at->crl);
    X509_CRL_up_ref(crl);
    *at = (struct tr_list) { zk_xstrdup(url), crl, zk_time_mono_ms() };
    zk_unlock(&r->lock);
}

/* The list from there, of now or of before; NULL sets q->why. */
static X509_CRL *
tr_get_list(struct tr_question *q, const char *url)
{
    int64_t age_ms = 0;
    X509_CRL *old = tr_find(q->r, url, &age_ms);
    X509_CRL *crl = NULL;
    int seconds = tr_seconds_left(q);
    int rv;

    if (old != NULL && age_ms < TLS_REVOCATION_FRESH_MS) {
        return old;
    }
    rv = seconds > 0 ? tls_fetch_crl(url, seconds, &crl, &q->why)
                     : zk_fail(&q->why, ZK_ETORN, "no time left to ask");
    if (rv != ZK_OK) {
        if (old != NULL) {
            zk_warn(tls, "revocation list: %s; the one from %lld s ago is "
                    "used", q->why.text, (long long) age_ms / 1000);
        }
        return old;
    }
    X509_CRL_free(old);
    tr_keep(q->r, url, crl);
    return crl;
}

/* ---- lists --------------------------------------------------------------- */

/* Signature, dates, scope and entry are OpenSSL's to judge. */
static enum tr_status
tr_judge_list(struct tr_question *q, const char *url, X509_CRL *crl)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
    int error;

    zk_assert(ctx != NULL && crls != NULL);
    if (sk_X509_CRL_push(crls, crl) <= 0
        || !X509_STORE_CTX_init(ctx, q->store, q->cert, NULL)) {
        zk_panic("X509_STORE_CTX_init: %s", tls_reason());
    }
    X509_STORE_CTX_set0_crls(ctx, crls);
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_CRL_CHECK);
    error = X509_verify_cert(ctx) == 1 ? X509_V_OK
                                       : X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    sk_X509_CRL_free(crls);
    ERR_clear_error();
    if (error == X509_V_ERR_CERT_REVOKED) {
        return TR_REVOKED;
    }
    if (error != X509_V_OK) {
        zk_fail(&q->why, ZK_EMARSHAL, "%s: %s", url,
                X509_verify_cert_error_string(error));
    }
    return error == X509_V_OK ? TR_GOOD : TR_UNKNOWN;
}

static enum tr_status
tr_ask_place(struct tr_question *q, const char *url)
{
    X509_CRL *crl = tr_get_list(q, url);
    enum tr_status status;

    if (crl == NULL) {
        return TR_UNKNOWN;
    }
    status = tr_judge_list(q, url, crl);
    X509_CRL_free(crl);
    return status;
}

/* Tries the places of one distribution point. */
static enum tr_status
tr_ask_point(struct tr_question *q, const DIST_POINT *point, int *tried)
{
    enum tr_status status = TR_UNKNOWN;
    const GENERAL_NAMES *names;

    if (point->distpoint == NULL || point->distpoint->type != 0) {
        return TR_UNKNOWN;      /* A name relative to the issuer's. */
    }
    names = point->distpoint->name.fullname;
    for (int i = 0; status == TR_UNKNOWN && *tried < TR_PLACES
                    && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

        if (n->type == GEN_URI) {
            char *url = zk_xstrndup(
                (const char *) ASN1_STRING_get0_data(n->d.ia5),
                (size_t) ASN1_STRING_length(n->d.ia5));

            (*tried)++;
            status = tr_ask_place(q, url);
            free(url);
        }
    }
    return status;
}

static enum tr_status
tr_ask_lists(struct tr_question *q)
{
    STACK_OF(DIST_POINT) *points =
        X509_get_ext_d2i(q->cert, NID_crl_distribution_points, NULL, NULL);
    enum tr_status status = TR_UNKNOWN;
    int tried = 0;

    for (int i = 0; status == TR_UNKNOWN && i < sk_DIST_POINT_num(points);
         i++) {
        status = tr_ask_point(q, sk_DIST_POINT_value(points, i), &tried);
    }
    CRL_DIST_POINTS_free(points);
    if (status == TR_UNKNOWN && tried == 0 && q->why.text[0] == '\0') {
        zk_fail(&q->why, ZK_ENOTFOUND, "it names no revocation list%s",
                q->r->config->ocsp ? " and no OCSP responder" : "");
    }
    return status;
}

/* ---- OCSP ---------------------------------------------------------------- */

/* Is the answer one of the issuer, or of whom it let speak? */
static bool
tr_is_signed(const struct tr_question *q, OCSP_BASICRESP *basic)
{
    STACK_OF(X509) *others = sk_X509_new_null();
    bool ok;

    zk_assert(others != NULL);
    ok = sk_X509_push(others, q->issuer) > 0
         && OCSP_basic_verify(basic, others, q->store, 0) == 1;
    sk_X509_free(others);
    return ok;
}

static enum tr_status
tr_judge_answer(struct tr_question *q, OCSP_BASICRESP *basic,
                OCSP_CERTID *id)
{
    ASN1_GENERALIZEDTIME *revoked, *from = NULL, *until = NULL;
    int status, reason;

    if (!tr_is_signed(q, basic)) {
        tls_fail(&q->why, ZK_EMARSHAL, "its signature");
        return TR_UNKNOWN;
    }
    if (!OCSP_resp_find_status(basic, id, &status, &reason, &revoked, &from,
                               &until)) {
        zk_fail(&q->why, ZK_EMARSHAL, "it tells of other certificates");
        return TR_UNKNOWN;
    }
    if (!OCSP_check_validity(from, until, TR_SKEW_S, -1)) {
        tls_fail(&q->why, ZK_EMARSHAL, "its date");
        return TR_UNKNOWN;
    }
    if (status == V_OCSP_CERTSTATUS_UNKNOWN) {
        zk_fail(&q->why, ZK_EMARSHAL, "it does not know the certificate");
        return TR_UNKNOWN;
    }
    return status == V_OCSP_CERTSTATUS_GOOD ? TR_GOOD : TR_REVOKED;
}

static enum tr_status
tr_judge_response(struct tr_question *q, OCSP_RESPONSE *response,
                  OCSP_CERTID *id)
{
    int code = OCSP_response_status(response);
    OCSP_BASICRESP *basic = NULL;
    enum tr_status status;

    if (code == OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        basic = OCSP_response_get1_basic(response);
    }
    if (basic == NULL) {
        ERR_clear_error();
        zk_fail(&q->why, ZK_EMARSHAL, "it answers %s",
                OCSP_response_status_str(code));
        return TR_UNKNOWN;
    }
    status = tr_judge_answer(q, basic, id);
    OCSP_BASICRESP_free(basic);
    return status;
}

static enum tr_status
tr_ask_responder(struct tr_question *q, const char *url)
{
    OCSP_REQUEST *request = OCSP_REQUEST_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), q->cert, q->issuer);
    OCSP_CERTID *copy = id == NULL ? NULL : OCSP_CERTID_dup(id);
    OCSP_RESPONSE *response = NULL;
    enum tr_status status = TR_UNKNOWN;
    int seconds = tr_seconds_left(q);
    struct zk_errmsg why;

    zk_assert(request != NULL && copy != NULL);
    if (OCSP_request_add0_id(request, copy) == NULL) {
        zk_panic("OCSP_request_add0_id: %s", tls_reason());
    }
    if (seconds == 0) {
        zk_fail(&q->why, ZK_ETORN, "no time left to ask");
    } else if (tls_fetch_ocsp(url, request, seconds, &response, &q->why)
               == ZK_OK) {
        status = tr_judge_response(q, response, id);
        if (status == TR_UNKNOWN) {
            why = q->why;
            zk_fail(&q->why, ZK_EMARSHAL, "%s: %s", url, why.text);
        }
    }
    OCSP_RESPONSE_free(response);
    OCSP_REQUEST_free(request);
    OCSP_CERTID_free(id);
    return status;
}

static enum tr_status
tr_ask_responders(struct tr_question *q)
{
    STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp(q->cert);
    enum tr_status status = TR_UNKNOWN;

    for (int i = 0; status == TR_UNKNOWN && i < TR_PLACES
                    && i < sk_OPENSSL_STRING_num(urls); i++) {
        status = tr_ask_responder(q, sk_OPENSSL_STRING_value(urls, i));
    }
    X509_email_free(urls);
    return status;
}

/* ---- both ---------------------------------------------------------------- */

static enum tr_status
tr_ask(struct tr_question *q)
{
    enum tr_status status = TR_UNKNOWN;

    q->store = X509_STORE_new();
    zk_assert(q->store != NULL);
    X509_STORE_add_cert(q->store, q->issuer);
    X509_STORE_set_flags(q->store, X509_V_FLAG_PARTIAL_CHAIN);
    if (q->r->config->ocsp) {
        status = tr_ask_responders(q);
    }
    if (status == TR_UNKNOWN) {
        status = tr_ask_lists(q);
    }
    X509_STORE_free(q->store);
    ERR_clear_error();
    return status;
}

int
tls_revocation_check(struct tls_revocation *r, const STACK_OF(X509) *chain,
                     char *why, size_t size)
{
    int64_t deadline_ms = zk_time_mono_ms()
                          + TLS_REVOCATION_ALL_S * INT64_C(1000);
    char name[TLS_CERT_TEXT];

    ZK_CHECK(r, TLS_REVOCATION_MAGIC);
    for (int i = 0; i + 1 < sk_X509_num(chain); i++) {
        struct tr_question q = {
            .r = r,
            .cert = sk_X509_value(chain, i),
            .issuer = sk_X509_value(chain, i + 1),
            .deadline_ms = deadline_ms,
        };

        switch (tr_ask(&q)) {
        case TR_GOOD:
            continue;
        case TR_REVOKED:
            tls_verify_print(X509_V_ERR_CERT_REVOKED, q.cert, "", why, size);
            return X509_V_ERR_CERT_REVOKED;
        case TR_UNKNOWN:
            break;
        }
        tls_cert_print(q.cert, name);
        snprintf(why, size, "cannot tell whether the certificate of %.160s "
                 "is revoked: %.200s", name, q.why.text);
        return X509_V_ERR_UNABLE_TO_GET_CRL;
    }
    return X509_V_OK;
}
