/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_bio.h: a BIO over a non-blocking socket that stays somebody else's.
 * OpenSSL's own writes without MSG_NOSIGNAL, and says less of what failed.
 *
 * OpenSSL 3.0 cannot answer a key update while a record of ours is half
 * written: it gives the connection up ("bad length").  So, from the end of the
 * handshake on, the BIO takes every record as a whole, and keeps what the
 * socket does not take.
 *
 * Thread-safety: as the SSL that it belongs to.
 */
#ifndef TLS_TLS_BIO_H
#define TLS_TLS_BIO_H

#include <openssl/bio.h>

/* More is not kept: a record, and what answers key updates. */
#define TLS_BIO_MAX_KEPT 65536

/* A BIO over 'fd', which it never closes; never NULL. */
BIO *tls_bio_create(int fd);
/* Keeps what the socket does not take, from now on. */
void tls_bio_keep(BIO *bio);
/* Writes what is kept: 1 when nothing is left, 0 when the socket is full, -1
 * when it fails (tls_bio_errno). */
int tls_bio_flush(BIO *bio);
/* The errno of the last read or write that failed for good; 0: none has. */
int tls_bio_errno(BIO *bio);

#endif
