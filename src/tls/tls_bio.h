/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_bio.h: a BIO over a non-blocking socket that stays somebody else's.
 * OpenSSL's own writes without MSG_NOSIGNAL, and says less of what failed.
 *
 * Thread-safety: as the SSL that it belongs to.
 */
#ifndef TLS_TLS_BIO_H
#define TLS_TLS_BIO_H

#include <openssl/bio.h>

/* A BIO over 'fd', which it never closes; never NULL. */
BIO *tls_bio_create(int fd);
/* The errno of the last read or write that failed for good; 0: none has. */
int tls_bio_errno(BIO *bio);

#endif
