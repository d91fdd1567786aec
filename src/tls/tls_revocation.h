/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_revocation.h: has the issuer taken a certificate back (ssl.crl,
 * ssl.ocsp)?
 *
 * As Java's PKIX checker with these properties: every certificate of the path
 * but the anchor is asked for.  With ocsp its responders are asked first, and
 * lists when they cannot tell; with crl alone, lists.  Both are found where
 * the certificate says.  What cannot be told counts as revoked.  Dates of
 * lists and answers may be off by 15 minutes, as in Java.
 *
 * Lists that told something are kept per context, so many and so many bytes
 * of them, and answers that say until when they are valid (tls_memory.h): one
 * is asked for again after TLS_MEMORY_FRESH_MS, and used for as long as it
 * says it is valid while its place has no good one.  Of two the one that was
 * made last counts, whenever it came.
 *
 * A place that has not answered in the time of a question is left alone for
 * TLS_MEMORY_PAUSE_MS, one that refuses for TLS_MEMORY_REFUSED_MS; a question
 * takes half of the time that is left.  From then on one check at a time may
 * find out whether it still hangs; all others fail at once.
 *
 * Thread-safety: any thread; nobody else waits while one asks.
 */
#ifndef TLS_TLS_REVOCATION_H
#define TLS_TLS_REVOCATION_H

#include <openssl/x509_vfy.h>

#include "config/tls_config.h"
#include "tls/tls_inquiry.h"
#include "util/net_cancel.h"

/* What all questions of a check take at most: less than the default of
 * zkd.handshakeTimeoutMs. */
#define TLS_REVOCATION_ALL_S 8
/* No X509_V_*: somebody has to be asked. */
#define TLS_REVOCATION_LATER (-1)

struct tls_revocation;

/* NULL when the configuration wants neither.  'config' is borrowed. */
struct tls_revocation *tls_revocation_create(const struct tls_config *config);
/* NULL is none. */
void tls_revocation_destroy(struct tls_revocation *r);
/* Whom a check may ask, and wait for. */
enum tls_may_ask {
    TLS_ASK_NOBODY,
    TLS_ASK_PLACE,              /* Where it was left (tls_inquiry.h). */
    TLS_ASK_ANYBODY,
};

struct tls_revocation_limit {
    enum tls_may_ask may_ask;
    int64_t deadline_ms;        /* zk_time_mono_ms */
    struct net_cancel *cancel;  /* Ends it early; NULL: nothing does. */
};

/* Asks for each certificate of 'chain', which was verified: the peer's own
 * first, the anchor last.  An X509_V_ERR_* in words, or X509_V_OK; or
 * TLS_REVOCATION_LATER when what is known does not tell and whoever is next
 * may not be asked: 'inquiry', all zeros at first, then says where that is,
 * and goes along with the next call. */
int tls_revocation_check(struct tls_revocation *r,
                         const STACK_OF(X509) *chain,
                         const struct tls_revocation_limit *limit,
                         struct tls_inquiry *inquiry, char *why, size_t size)
    ZK_WARN_UNUSED;

#endif
