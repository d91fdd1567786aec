/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tls/tls_peer.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>

#include "tls/tls_error.h"
#include "tls/tls_name.h"
#include "util/host_lookup.h"
#include "util/zk_log.h"

void
tls_peer_init(struct tls_peer *p, const struct tls_context *ctx,
              enum tls_side side, int fd, const char *host,
              const struct sockaddr_storage *sa)
{
    p->config = ctx->config;
    p->revocation = ctx->revocation;
    p->side = side;
    p->host = host == NULL ? NULL : zk_xstrdup(host);
    p->address = *sa;
    p->from_s = INT64_MIN;
    p->until_s = INT64_MAX;
    p->deadline_ms = INT64_MAX;
    net_cancel_join(&p->cancel, NULL, fd);
    p->ask_later = false;
    p->to_ask = NULL;
    p->inquiry = (struct tls_inquiry) { .told = NULL };
    p->why[0] = '\0';
}

/* Nobody has to be asked any more. */
static void
tp_end_inquiry(struct tls_peer *p)
{
    sk_X509_pop_free(p->to_ask, X509_free);
    p->to_ask = NULL;
    tls_inquiry_fini(&p->inquiry);
}

void
tls_peer_fini(struct tls_peer *p)
{
    free(p->host);
    p->host = NULL;
    tp_end_inquiry(p);
}

/* Is it a server of the ensemble? */
static bool
tp_is_server(const struct tls_peer *p)
{
    return strcmp(p->config->prefix, TLS_QUORUM_PREFIX) == 0;
}

/* ---- names --------------------------------------------------------------- */

static bool
tp_wants_name(const struct tls_peer *p)
{
    return p->side == TLS_SIDE_CLIENT
           ? p->config->hostname_verification
           : p->config->client_hostname_verification;
}

static void
tp_print_address(const struct tls_peer *p, char *out, size_t size)
{
    if (getnameinfo((const struct sockaddr *) &p->address,
                    sizeof p->address, out, (socklen_t) size, NULL, 0,
                    NI_NUMERICHOST) != 0) {
        snprintf(out, size, "?");
    }
}

/* By the name that its address has, where the configuration lets DNS say; if
 * that has none now, 'em' says why.  Whoever owns an address can give it any
 * name, so it does not stand for another name that was asked for. */
static bool
tp_matches_reverse(struct tls_peer *p, X509 *cert, struct zk_errmsg *em)
{
    char host[NI_MAXHOST];

    return p->config->allow_reverse_dns
           && (p->host == NULL || tls_name_is_address(p->host))
           && host_lookup_reverse(tp_is_server(p) ? HOST_LOOKUP_SERVERS
                                                  : HOST_LOOKUP_CLIENTS,
                                  &p->address, p->deadline_ms, &p->cancel,
                                  host, em) == ZK_OK
           && tls_name_matches_host(cert, host);
}

/* With fips-mode Java has its own rule, which looks at the name that was
 * connected to alone. */
static bool
tp_name_fits(struct tls_peer *p, X509 *cert, struct zk_errmsg *em)
{
    if (p->host != NULL && tls_name_matches_host(cert, p->host)) {
        return true;
    }
    if (p->host != NULL && p->config->fips) {
        return false;
    }
    return tls_name_matches_address(cert, &p->address)
           || tp_matches_reverse(p, cert, em);
}

static bool
tp_check_name(struct tls_peer *p, X509 *cert)
{
    char address[NI_MAXHOST], name[TLS_CERT_TEXT];
    struct zk_errmsg em = { "" };

    if (!tp_wants_name(p) || tp_name_fits(p, cert, &em)) {
        return true;
    }
    tp_print_address(p, address, sizeof address);
    tls_cert_print(cert, name);
    if (em.text[0] != '\0') {
        snprintf(p->why, sizeof p->why, "certificate is not for %.64s "
                 "(%.96s): %.256s", address, em.text, name);
    } else if (p->host == NULL) {
        snprintf(p->why, sizeof p->why, "certificate is not for %.64s: %s",
                 address, name);
    } else {
        snprintf(p->why, sizeof p->why, "certificate is not for %.80s "
                 "(%.64s): %.256s", p->host, address, name);
    }
    return false;
}

/* ---- certificates -------------------------------------------------------- */

static const char *
tp_trust_name(const struct tls_peer *p)
{
    return tp_is_server(p) ? "ssl.quorum.trustStore" : "ssl.trustStore";
}

/* An authority that is trusted is so past its date, as in Java, whose anchors
 * are a name and a key. */
static int
tp_forgive(int ok, X509_STORE_CTX *store)
{
    int depth = X509_STORE_CTX_get_error_depth(store);
    const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);

    if (!ok && depth > 0 && depth == sk_X509_num(chain) - 1
        && X509_STORE_CTX_get_error(store) == X509_V_ERR_CERT_HAS_EXPIRED) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    return ok;
}

/* When all of the chain is valid, by the rules that it was verified by. */
static void
tp_note_dates(struct tls_peer *p, const STACK_OF(X509) *chain)
{
    int last = sk_X509_num(chain) - 1;

    for (int i = 0; i <= last; i++) {
        const X509 *cert = sk_X509_value(chain, i);
        int64_t from_s = INT64_MAX, until_s = INT64_MIN;

        (void) tls_time_get(X509_get0_notBefore(cert), &from_s);
        (void) tls_time_get(X509_get0_notAfter(cert), &until_s);
        p->from_s = from_s > p->from_s ? from_s : p->from_s;
        if (i == 0 || i < last) {       /* tp_forgive */
            p->until_s = until_s < p->until_s ? until_s : p->until_s;
        }
    }
}

static int
tp_ask(struct tls_peer *p, const STACK_OF(X509) *chain,
       enum tls_may_ask may_ask)
{
    const struct tls_revocation_limit limit = {
        may_ask, p->deadline_ms, &p->cancel,
    };

    return tls_revocation_check(p->revocation, chain, &limit, &p->inquiry,
                                p->why, sizeof p->why);
}

static bool
tp_check_revocation(struct tls_peer *p, X509_STORE_CTX *store)
{
    int error;

    if (p->revocation == NULL) {
        return true;
    }
    error = tp_ask(p, X509_STORE_CTX_get0_chain(store),
                   p->ask_later ? TLS_ASK_NOBODY : TLS_ASK_ANYBODY);
    if (error == TLS_REVOCATION_LATER) {
        zk_assert(p->to_ask == NULL);
        p->to_ask = X509_STORE_CTX_get1_chain(store);
        zk_assert(p->to_ask != NULL);
        error = X509_V_OK;
    } else {
        tp_end_inquiry(p);
    }
    X509_STORE_CTX_set_error(store, error);
    return error == X509_V_OK;
}

bool
tls_peer_verify(struct tls_peer *p, X509_STORE_CTX *store)
{
    int error;

    X509_STORE_CTX_set_verify_cb(store, tp_forgive);
    if (X509_verify_cert(store) != 1) {
        error = X509_STORE_CTX_get_error(store);
        tls_verify_print(error, X509_STORE_CTX_get_current_cert(store),
                         tp_trust_name(p), p->why, sizeof p->why);
        return false;
    }
    if (!tp_check_name(p, X509_STORE_CTX_get0_cert(store))) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
        return false;
    }
    tp_note_dates(p, X509_STORE_CTX_get0_chain(store));
    return tp_check_revocation(p, store);
}

bool
tls_peer_ask(struct tls_peer *p)
{
    int error = tp_ask(p, p->to_ask, TLS_ASK_PLACE);

    if (error == TLS_REVOCATION_LATER) {
        return true;
    }
    tp_end_inquiry(p);
    return error == X509_V_OK;
}

bool
tls_peer_may_resume(struct tls_peer *p, X509 *cert)
{
    time_t now = time(NULL);
    bool may = cert == NULL
               || (p->from_s <= now && now < p->until_s
                   && tp_check_name(p, cert));

    p->why[0] = '\0';           /* The whole handshake tells. */
    return may;
}
