/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_error.h: what OpenSSL has to complain about, in words for people.
 *
 * Thread-safety: any thread; each has a queue of errors of its own, which
 * these calls empty.
 */
#ifndef TLS_TLS_ERROR_H
#define TLS_TLS_ERROR_H

#include <openssl/x509.h>

#include "util/zk_error.h"

/* Room for a text of tls_cert_print. */
#define TLS_CERT_TEXT 320

/* As zk_fail, with ": " and OpenSSL's first reason behind the text. */
int tls_fail(struct zk_errmsg *em, int code, const char *fmt, ...)
    ZK_PRINTF(3, 4);
/* OpenSSL's newest reason; never NULL.  Empties the queue. */
const char *tls_reason(void);
/* The subject, cut off where it is too long. */
void tls_cert_print(const X509 *cert, char out[TLS_CERT_TEXT]);
/* "2026-01-02", or "?". */
void tls_time_print(const ASN1_TIME *when, char out[16]);
/* Seconds since 1970; false: it is no date. */
bool tls_time_get(const ASN1_TIME *when, int64_t *seconds);
/* Why a certificate is not accepted: an X509_V_ERR_* in words, with its date
 * and name.  'cert' may be NULL; 'trust' names the property of the trust
 * store. */
void tls_verify_print(int error, const X509 *cert, const char *trust,
                      char *out, size_t size);
/* The same for a failed handshake or a broken stream: the newest error of the
 * queue, which it empties. */
void tls_handshake_print(char *out, size_t size);

#endif
