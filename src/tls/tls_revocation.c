/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tls/tls_revocation.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "tls/tls_error.h"
#include "tls/tls_fetch.h"
#include "tls/tls_memory.h"
#include "util/zk_lock.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

#define TLS_REVOCATION_MAGIC 0x746c7376

/* Lists that are kept, their DER in all; places that are tried for one
 * certificate. */
#define TR_KEPT 64
#define TR_KEPT_BYTES (64u * 1024 * 1024)
#define TR_PLACES 4
/* A place that has not answered by then hangs. */
#define TR_ENOUGH_MS 2000
/* How far clocks may differ. */
#define TR_SKEW_S (15 * 60)

struct tr_list {
    char *url;                  /* NULL: free. */
    X509_CRL *crl;
    size_t bytes;
    int64_t from_s;             /* When it was made (thisUpdate); when it came,
                                 * if that is ahead of our clock. */
    int64_t fetched_ms;
    int64_t asked_ms;           /* Later if its place had no good one. */
};

struct tls_revocation {
    unsigned magic;
    const struct tls_config *config;
    struct zk_mutex lock;
    struct tr_list kept[TR_KEPT] ZK_GUARDED;
    struct tls_memory memory ZK_GUARDED;
};

enum tr_status {
    TR_GOOD,
    TR_REVOKED,
    TR_UNKNOWN,
    TR_LATER,                   /* Whom it may not ask has to be. */
};

/* One certificate that is asked for. */
struct tr_question {
    struct tls_revocation *r;
    struct tls_inquiry *inquiry;
    int depth;
    X509 *cert;
    X509 *issuer;
    X509_STORE *store;          /* Trusts the issuer alone. */
    unsigned char key[TLS_MEMORY_KEY];
    struct tls_revocation_limit limit;
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
    zk_lock(&r->lock);
    for (size_t i = 0; i < TR_KEPT; i++) {
        free(r->kept[i].url);
        X509_CRL_free(r->kept[i].crl);
    }
    tls_memory_fini(&r->memory);
    zk_unlock(&r->lock);
    zk_mutex_fini(&r->lock);
    r->magic = 0;
    free(r);
}

/* ---- places -------------------------------------------------------------- */

/* A question to one place. */
struct tr_turn {
    struct tls_fetch_limit limit;
    int64_t begin_ms;
    bool enough;                /* Time for a place that works to answer. */
};

/* Milliseconds that a question may take when so many are left: half of them,
 * so that one that hangs leaves some for the next place, unless half is too
 * little to tell that it hangs. */
static int64_t
tr_share(int64_t left_ms)
{
    int64_t half = left_ms / 2;

    return half >= TR_ENOUGH_MS ? half : left_ms;
}

/* May this call ask there? */
static bool
tr_may_ask(const struct tr_question *q, const char *place)
{
    return q->limit.may_ask == TLS_ASK_ANYBODY
           || (q->limit.may_ask == TLS_ASK_PLACE && q->inquiry->place != NULL
               && strcmp(place, q->inquiry->place) == 0);
}

/* Does the place rest?  If not, and if it may be asked, it is tried. */
static bool
tr_rests(struct tr_question *q, const char *url, int64_t now_ms, bool may)
{
    int64_t ago_ms;
    bool rests;

    zk_lock(&q->r->lock);
    rests = may ? !tls_memory_try(&q->r->memory, url, now_ms, &ago_ms)
                : tls_memory_rests(&q->r->memory, url, now_ms, &ago_ms);
    zk_unlock(&q->r->lock);
    if (rests) {
        zk_fail(&q->why, ZK_ETORN, "%s: it failed %lld s ago and is left "
                "alone for now", url, (long long) ago_ms / 1000);
    }
    return rests;
}

/* Is the place to be asked?  Then tr_tell says what came of it; else 'status'
 * is what is left to say. */
static bool
tr_try_place(struct tr_question *q, const char *url, struct tr_turn *turn,
             enum tr_status *status)
{
    int64_t now_ms = zk_time_mono_ms(), share_ms;
    char place[TLS_PLACE_MAX];
    bool may;

    *status = TR_UNKNOWN;
    if (q->limit.deadline_ms <= now_ms) {
        zk_fail(&q->why, ZK_ETORN, "no time left to ask");
        return false;
    }
    share_ms = tr_share(q->limit.deadline_ms - now_ms);
    turn->begin_ms = now_ms;
    turn->enough = share_ms >= TR_ENOUGH_MS;
    turn->limit = (struct tls_fetch_limit) {
        .deadline_ms = now_ms + share_ms,
        .cancel = q->limit.cancel,
    };
    tls_fetch_place(url, place);
    may = tr_may_ask(q, place);
    if (tr_rests(q, url, now_ms, may)) {
        return false;
    }
    if (!may) {
        tls_inquiry_leave_at(q->inquiry, place);
        *status = TR_LATER;
    }
    return may;
}

/* A client may leave a check hardly any time: that alone is no failure of the
 * place. */
static enum tls_outcome
tr_outcome(const char *url, const struct tr_turn *turn, int rv)
{
    if (tls_fetch_is_local(url)) {
        return TLS_OUTCOME_ANSWER;
    }
    switch (rv) {
    case ZK_ENOTFOUND:
        return TLS_OUTCOME_REFUSAL;
    case ZK_ETORN:
        return turn->enough ? TLS_OUTCOME_FAILURE : TLS_OUTCOME_NOTHING;
    case ZK_ESTOPPED:
    case ZK_EIO:                /* Our own shortage. */
        return TLS_OUTCOME_NOTHING;
    default:
        return TLS_OUTCOME_ANSWER;
    }
}

/* It was asked: 'rv' is tls_fetch's. */
static void
tr_tell(struct tr_question *q, const char *url, const struct tr_turn *turn,
        int rv)
{
    int64_t now_ms = zk_time_mono_ms();

    zk_lock(&q->r->lock);
    tls_memory_tell(&q->r->memory, url, tr_outcome(url, turn, rv), now_ms);
    zk_unlock(&q->r->lock);
    q->inquiry->asked_ms += now_ms - turn->begin_ms;
}

/* Has the check asked that before?  Then 'status' is what came of it. */
static bool
tr_was_told(struct tr_question *q, bool list, const char *url,
            enum tr_status *status)
{
    const struct tls_told *t = tls_inquiry_recall(q->inquiry, q->depth, list,
                                                  url);

    if (t != NULL) {
        *status = (enum tr_status) t->status;
        q->why = t->why;
    }
    return t != NULL;
}

/* ---- lists that are kept ------------------------------------------------- */

static struct tr_list *
tr_search_locked(struct tls_revocation *r, const char *url)
    ZK_REQUIRES(r->lock)
{
    for (size_t i = 0; i < TR_KEPT; i++) {
        if (r->kept[i].url != NULL && strcmp(r->kept[i].url, url) == 0) {
            return &r->kept[i];
        }
    }
    return NULL;
}

/* The list from there with a reference of the caller's; its url is not the
 * caller's.  False: none is kept. */
static bool
tr_find(struct tls_revocation *r, const char *url, struct tr_list *out)
{
    const struct tr_list *l;

    zk_lock(&r->lock);
    l = tr_search_locked(r, url);
    if (l != NULL) {
        *out = *l;
        X509_CRL_up_ref(out->crl);
    }
    zk_unlock(&r->lock);
    return l != NULL;
}

static void
tr_drop(struct tr_list *l)
{
    free(l->url);
    X509_CRL_free(l->crl);
    *l = (struct tr_list) { .url = NULL };
}

/* Makes room: drops the oldest until one more fits.  A free place. */
static struct tr_list *
tr_room_locked(struct tls_revocation *r, size_t bytes)
    ZK_REQUIRES(r->lock)
{
    for (;;) {
        struct tr_list *oldest = NULL, *none = NULL;
        size_t sum = 0;

        for (size_t i = 0; i < TR_KEPT; i++) {
            struct tr_list *l = &r->kept[i];

            sum += l->bytes;
            if (l->url == NULL) {
                none = l;
            } else if (oldest == NULL
                       || l->fetched_ms < oldest->fetched_ms) {
                oldest = l;
            }
        }
        if (oldest == NULL || (none != NULL && sum + bytes <= TR_KEPT_BYTES)) {
            return none;
        }
        tr_drop(oldest);
    }
}

/* When it was made, of which it may say that it is to come. */
static int64_t
tr_made_s(const X509_CRL *crl)
{
    int64_t now_s = time(NULL), from_s;

    return tls_time_get(X509_CRL_get0_lastUpdate(crl), &from_s)
           && from_s < now_s ? from_s : now_s;
}

/* In place of 'old', the one from there (NULL: none).  False: by now that is
 * another. */
static bool
tr_keep(struct tls_revocation *r, const char *url, X509_CRL *crl,
        const X509_CRL *old)
{
    int64_t now_ms = zk_time_mono_ms();
    int len = i2d_X509_CRL(crl, NULL);
    size_t bytes = len > 0 ? (size_t) len : 0;
    struct tr_list *at;
    bool same;

    zk_lock(&r->lock);
    at = tr_search_locked(r, url);
    same = (at != NULL ? at->crl : NULL) == old;
    if (same) {
        if (at != NULL) {
            tr_drop(at);
        }
        at = tr_room_locked(r, bytes);
        *at = (struct tr_list) {
            zk_xstrdup(url), crl, bytes, tr_made_s(crl), now_ms, now_ms,
        };
        X509_CRL_up_ref(crl);
    }
    zk_unlock(&r->lock);
    return same;
}

/* Its place was asked now, for nothing: it has time until the next. */
static void
tr_note_asked(struct tls_revocation *r, const char *url)
{
    struct tr_list *l;

    zk_lock(&r->lock);
    l = tr_search_locked(r, url);
    if (l != NULL) {
        l->asked_ms = zk_time_mono_ms();
    }
    zk_unlock(&r->lock);
}

/* ---- lists --------------------------------------------------------------- */

/* Forgives what else would end a check too early: the date of an anchor, as
 * in the handshake, and that of a list by a clock that differs. */
static int
tr_forgive(int ok, X509_STORE_CTX *ctx)
{
    const X509_CRL *crl = X509_STORE_CTX_get0_current_crl(ctx);
    time_t early = time(NULL) - TR_SKEW_S;
    time_t late = time(NULL) + TR_SKEW_S;

    if (ok) {
        return ok;
    }
    switch (X509_STORE_CTX_get_error(ctx)) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        ok = X509_STORE_CTX_get_error_depth(ctx)
             == sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) - 1;
        break;
    case X509_V_ERR_CRL_HAS_EXPIRED:
        ok = X509_cmp_time(X509_CRL_get0_nextUpdate(crl), &early) > 0;
        break;
    case X509_V_ERR_CRL_NOT_YET_VALID:
        ok = X509_cmp_time(X509_CRL_get0_lastUpdate(crl), &late) < 0;
        break;
    default:
        break;
    }
    if (ok) {
        X509_STORE_CTX_set_error(ctx, X509_V_OK);
    }
    return ok;
}

/* Signature, dates, scope and entry are OpenSSL's to judge: X509_V_*. */
static int
tr_verify_list(const struct tr_question *q, X509_CRL *crl)
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
    return error;
}

static enum tr_status
tr_judge_list(struct tr_question *q, const char *url, X509_CRL *crl)
{
    int error;

    if (X509_CRL_get0_nextUpdate(crl) == NULL) {
        zk_fail(&q->why, ZK_EMARSHAL, "%s: the list does not say until when "
                "it is valid", url);
        return TR_UNKNOWN;
    }
    error = tr_verify_list(q, crl);
    if (error == X509_V_ERR_CERT_REVOKED) {
        return TR_REVOKED;
    }
    if (error != X509_V_OK) {
        zk_fail(&q->why, ZK_EMARSHAL, "%s: %s", url,
                X509_verify_cert_error_string(error));
    }
    return error == X509_V_OK ? TR_GOOD : TR_UNKNOWN;
}

/* A list has come that tells something: that is 'status'.  It is kept unless
 * the one that is has been made later, and tells something, too: so a mirror
 * that is behind, or an old list that is sent again, changes nothing. */
static enum tr_status
tr_weigh_list(struct tr_question *q, const char *url, X509_CRL *crl,
              enum tr_status status)
{
    enum tr_status known;
    bool kept;

    do {
        struct tr_list old = { .url = NULL };

        known = TR_UNKNOWN;
        kept = true;
        if (tr_find(q->r, url, &old) && old.from_s > tr_made_s(crl)) {
            known = tr_judge_list(q, url, old.crl);
        }
        if (known == TR_UNKNOWN) {
            kept = tr_keep(q->r, url, crl, old.crl);
        } else {
            tr_note_asked(q->r, url);
        }
        X509_CRL_free(old.crl);
    } while (!kept);
    return known == TR_UNKNOWN ? status : known;
}

/* Fetches the list; it is kept if it is the issuer's and valid. */
static enum tr_status
tr_fetch_list(struct tr_question *q, const char *url)
{
    enum tr_status status;
    struct tr_turn turn;
    X509_CRL *crl;
    int rv;

    if (tr_was_told(q, true, url, &status)
        || !tr_try_place(q, url, &turn, &status)) {
        return status;
    }
    rv = tls_fetch_crl(url, &turn.limit, &crl, &q->why);
    tr_tell(q, url, &turn, rv);
    if (rv == ZK_OK) {
        status = tr_judge_list(q, url, crl);
        if (status != TR_UNKNOWN) {
            status = tr_weigh_list(q, url, crl, status);
        }
        X509_CRL_free(crl);
    }
    tls_inquiry_note(q->inquiry, q->depth, true, url, (int) status, &q->why);
    return status;
}

/* By the list that is kept, while its place has no good one. */
static enum tr_status
tr_ask_old(struct tr_question *q, const char *url, const struct tr_list *old)
{
    struct zk_errmsg why = q->why;
    enum tr_status status = tr_judge_list(q, url, old->crl);

    if (status == TR_UNKNOWN) {
        q->why = why;
    } else {
        zk_warn(tls, "revocation list: %s; the one from %lld s ago is used",
                why.text,
                (long long) (zk_time_mono_ms() - old->fetched_ms) / 1000);
        tr_note_asked(q->r, url);
    }
    return status;
}

static enum tr_status
tr_ask_place(struct tr_question *q, const char *url)
{
    struct tr_list old = { .url = NULL };
    enum tr_status status = TR_UNKNOWN;
    bool kept = tr_find(q->r, url, &old);
    bool fresh = kept && zk_time_mono_ms() - old.asked_ms
                         < TLS_MEMORY_FRESH_MS;

    if (fresh) {
        status = tr_judge_list(q, url, old.crl);
    }
    if (status == TR_UNKNOWN) {
        status = tr_fetch_list(q, url);
    }
    if (status == TR_UNKNOWN && kept && !fresh) {
        status = tr_ask_old(q, url, &old);
    }
    X509_CRL_free(old.crl);
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

/* ---- answers that are kept ----------------------------------------------- */

static void
tr_set_key(struct tr_question *q)
{
    unsigned char *half = q->key + TLS_MEMORY_KEY / 2;

    if (!X509_digest(q->cert, EVP_sha256(), q->key, NULL)
        || !X509_digest(q->issuer, EVP_sha256(), half, NULL)) {
        zk_panic("X509_digest: %s", tls_reason());
    }
}

/* What responders said of it before: TR_UNKNOWN with TLS_RECALL_NONE. */
static enum tls_recall
tr_recall(struct tr_question *q, enum tr_status *status)
{
    enum tls_recall recall;
    bool revoked = false;

    zk_lock(&q->r->lock);
    recall = tls_memory_recall(&q->r->memory, q->key, zk_time_mono_ms(),
                               time(NULL), &revoked);
    zk_unlock(&q->r->lock);
    *status = recall == TLS_RECALL_NONE ? TR_UNKNOWN
              : revoked                 ? TR_REVOKED
                                        : TR_GOOD;
    return recall;
}

/* What a responder says of it, together with what is known.  An answer that
 * does not say until when it is valid is of one moment. */
static enum tr_status
tr_weigh(struct tr_question *q, bool revoked, const ASN1_TIME *from,
         const ASN1_TIME *until)
{
    struct tls_said said = { .revoked = revoked };
    bool is_revoked;

    if (!tls_time_get(from, &said.from_s)) {
        zk_fail(&q->why, ZK_EMARSHAL, "its date");
        return TR_UNKNOWN;
    }
    if (until == NULL || !tls_time_get(until, &said.until_s)) {
        said.until_s = INT64_MIN;
    }
    zk_lock(&q->r->lock);
    is_revoked = tls_memory_keep(&q->r->memory, q->key, &said,
                                 zk_time_mono_ms(), time(NULL));
    zk_unlock(&q->r->lock);
    return is_revoked ? TR_REVOKED : TR_GOOD;
}

/* Its responder does not know it any more. */
static void
tr_forget(struct tr_question *q, const ASN1_TIME *from)
{
    int64_t from_s;

    if (tls_time_get(from, &from_s)) {
        zk_lock(&q->r->lock);
        tls_memory_forget(&q->r->memory, q->key, from_s);
        zk_unlock(&q->r->lock);
    }
}

/* By what is known still, when nobody can tell now. */
static enum tr_status
tr_use_old_answer(struct tr_question *q)
{
    enum tr_status status;
    char name[TLS_CERT_TEXT];

    if (tr_recall(q, &status) != TLS_RECALL_NONE) {
        tls_cert_print(q->cert, name);
        zk_warn(tls, "OCSP: %s; an earlier answer about %s is used",
                q->why.text, name);
        zk_lock(&q->r->lock);
        tls_memory_renew(&q->r->memory, q->key, zk_time_mono_ms());
        zk_unlock(&q->r->lock);
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
    /* Without a next one it is of this moment. */
    if (!OCSP_check_validity(from, until, TR_SKEW_S,
                             until == NULL ? TR_SKEW_S : -1)) {
        tls_fail(&q->why, ZK_EMARSHAL, "its date");
        return TR_UNKNOWN;
    }
    if (status == V_OCSP_CERTSTATUS_UNKNOWN) {
        zk_fail(&q->why, ZK_EMARSHAL, "it does not know the certificate");
        tr_forget(q, from);
        return TR_UNKNOWN;
    }
    return tr_weigh(q, status != V_OCSP_CERTSTATUS_GOOD, from, until);
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

/* Sends the question and judges what comes. */
static enum tr_status
tr_fetch_answer(struct tr_question *q, const char *url,
                const struct tr_turn *turn)
{
    OCSP_REQUEST *request = OCSP_REQUEST_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), q->cert, q->issuer);
    OCSP_CERTID *copy = id == NULL ? NULL : OCSP_CERTID_dup(id);
    OCSP_RESPONSE *response = NULL;
    enum tr_status status = TR_UNKNOWN;
    struct zk_errmsg why;
    int rv = ZK_EIO;

    zk_assert(request != NULL);
    if (copy == NULL || OCSP_request_add0_id(request, copy) == NULL) {
        tls_fail(&q->why, ZK_EIO, "%s: cannot be asked", url);
        OCSP_CERTID_free(copy);
    } else {
        rv = tls_fetch_ocsp(url, request, &turn->limit, &response, &q->why);
    }
    tr_tell(q, url, turn, rv);
    if (response != NULL) {
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
tr_ask_responder(struct tr_question *q, const char *url)
{
    enum tr_status status;
    struct tr_turn turn;

    if (!tr_was_told(q, false, url, &status)
        && tr_try_place(q, url, &turn, &status)) {
        status = tr_fetch_answer(q, url, &turn);
        tls_inquiry_note(q->inquiry, q->depth, false, url, (int) status,
                         &q->why);
    }
    return status;
}

static enum tr_status
tr_ask_responders(struct tr_question *q)
{
    STACK_OF(OPENSSL_STRING) *urls;
    enum tr_status status;

    if (tr_recall(q, &status) == TLS_RECALL_FRESH) {
        return status;
    }
    urls = X509_get1_ocsp(q->cert);
    status = TR_UNKNOWN;
    for (int i = 0; status == TR_UNKNOWN && i < TR_PLACES
                    && i < sk_OPENSSL_STRING_num(urls); i++) {
        status = tr_ask_responder(q, sk_OPENSSL_STRING_value(urls, i));
    }
    X509_email_free(urls);
    return status;
}

/* ---- both ---------------------------------------------------------------- */

/* Responders, then lists, then what a responder said some time ago; if
 * nothing tells, 'why' has both reasons.  What a responder has called revoked
 * stays so: the list may be older than that. */
static enum tr_status
tr_ask_both(struct tr_question *q)
{
    enum tr_status status = tr_ask_responders(q), known;
    struct zk_errmsg first = q->why, second;

    if (status != TR_UNKNOWN) {
        return status;
    }
    if (tr_recall(q, &known) != TLS_RECALL_NONE && known == TR_REVOKED) {
        return TR_REVOKED;
    }
    status = tr_ask_lists(q);
    second = q->why;
    if (status == TR_UNKNOWN && first.text[0] != '\0'
        && strcmp(first.text, second.text) != 0) {
        zk_fail(&q->why, ZK_EMARSHAL, "%.120s; %.120s", first.text,
                second.text);
    }
    return status == TR_UNKNOWN ? tr_use_old_answer(q) : status;
}

static enum tr_status
tr_ask(struct tr_question *q)
{
    enum tr_status status;

    tr_set_key(q);
    q->store = X509_STORE_new();
    zk_assert(q->store != NULL);
    if (!X509_STORE_add_cert(q->store, q->issuer)) {
        zk_panic("X509_STORE_add_cert: %s", tls_reason());
    }
    X509_STORE_set_flags(q->store, X509_V_FLAG_PARTIAL_CHAIN);
    X509_STORE_set_verify_cb(q->store, tr_forgive);
    status = q->r->config->ocsp ? tr_ask_both(q) : tr_ask_lists(q);
    X509_STORE_free(q->store);
    ERR_clear_error();
    return status;
}

int
tls_revocation_check(struct tls_revocation *r, const STACK_OF(X509) *chain,
                     const struct tls_revocation_limit *limit,
                     struct tls_inquiry *inquiry, char *why, size_t size)
{
    int64_t latest_ms = zk_time_mono_ms() - inquiry->asked_ms
                        + TLS_REVOCATION_ALL_S * INT64_C(1000);
    char name[TLS_CERT_TEXT];

    ZK_CHECK(r, TLS_REVOCATION_MAGIC);
    for (int i = 0; i + 1 < sk_X509_num(chain); i++) {
        struct tr_question q = {
            .r = r,
            .inquiry = inquiry,
            .depth = i,
            .cert = sk_X509_value(chain, i),
            .issuer = sk_X509_value(chain, i + 1),
            .limit = *limit,
        };

        if (latest_ms < limit->deadline_ms) {
            q.limit.deadline_ms = latest_ms;
        }
        switch (tr_ask(&q)) {
        case TR_GOOD:
            continue;
        case TR_REVOKED:
            tls_verify_print(X509_V_ERR_CERT_REVOKED, q.cert, "", why, size);
            return X509_V_ERR_CERT_REVOKED;
        case TR_LATER:
            return TLS_REVOCATION_LATER;
        case TR_UNKNOWN:
            break;
        }
        tls_cert_print(q.cert, name);
        snprintf(why, size, "cannot tell whether the certificate of %.120s "
                 "is revoked: %.248s", name, q.why.text);
        return X509_V_ERR_UNABLE_TO_GET_CRL;
    }
    return X509_V_OK;
}
