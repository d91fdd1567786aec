/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_fetch.h: revocation lists and answers of OCSP responders, from where
 * certificates say they are: http: (a proxy of the environment is used) and,
 * for lists, file:.
 *
 * Each call waits for others at most as long as it is told, and takes no more
 * than TLS_FETCH_MAX_* bytes.  It goes nowhere else: being sent on to another
 * place is a failure.  What comes by http: is DER, a file may be PEM.
 *
 * ZK_ENOTFOUND: nobody is there to be asked.  ZK_ETORN: there was no answer in
 * time.  ZK_ESTOPPED: cancelled.  Else what came is of no use.
 *
 * Thread-safety: any thread.
 */
#ifndef TLS_TLS_FETCH_H
#define TLS_TLS_FETCH_H

#include <openssl/ocsp.h>
#include <openssl/x509.h>

#include "util/net_cancel.h"
#include "util/zk_error.h"

#define TLS_FETCH_MAX_CRL (16u * 1024 * 1024)
#define TLS_FETCH_MAX_URL 1024u
#define TLS_FETCH_MAX_OCSP (256u * 1024)

/* With its NUL; a longer one is cut off. */
#define TLS_PLACE_MAX 280

/* Is it a file of this machine? */
bool tls_fetch_is_local(const char *url);
/* The place of an URL, for those who have to wait as somebody else is with it:
 * "host:port" in lower case, whatever proxy there is; "file:"; "?" for what
 * nobody can ask. */
void tls_fetch_place(const char *url, char out[TLS_PLACE_MAX]);
/* How long a call waits. */
struct tls_fetch_limit {
    int64_t deadline_ms;        /* zk_time_mono_ms */
    struct net_cancel *cancel;  /* NULL: nothing else ends it. */
};

/* The list at that URL, which the caller frees; nothing in it is verified. */
int tls_fetch_crl(const char *url, const struct tls_fetch_limit *limit,
                  X509_CRL **out, struct zk_errmsg *em) ZK_WARN_UNUSED;
/* What the responder answers; the same. */
int tls_fetch_ocsp(const char *url, const OCSP_REQUEST *request,
                   const struct tls_fetch_limit *limit, OCSP_RESPONSE **out,
                   struct zk_errmsg *em) ZK_WARN_UNUSED;

#endif
