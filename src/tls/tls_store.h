/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_store.h: reads key stores and trust stores: PEM, PKCS12 and Java's JKS
 * (Java: KeyStoreFileType and the FileKeyStoreLoaders).
 *
 * As in Java, a store that is said to be JKS or PKCS12 may be the other one:
 * keytool has made PKCS12 in files called .jks since Java 9.  Without a type
 * the content decides, where Java goes by the file's extension alone.
 *
 * Thread-safety: any thread, with a store of its own.
 */
#ifndef TLS_TLS_STORE_H
#define TLS_TLS_STORE_H

#include <openssl/x509.h>

#include "config/tls_config.h"
#include "util/zk_buf.h"

/* No store and no password file is longer. */
#define TLS_STORE_MAX_BYTES (8u * 1024 * 1024)
#define TLS_PASSWORD_MAX_BYTES 4096u
/* Nor are more certificates or keys read from one. */
#define TLS_STORE_MAX_ENTRIES 10000
/* Rounds of the password's hash, for all that is in a store: seconds, not
 * minutes.  (Java has that bound for each.) */
#define TLS_STORE_MAX_ROUNDS 5000000

/* A private key, its certificate, and those of its issuers. */
struct tls_identity {
    EVP_PKEY *key;
    X509 *cert;
    STACK_OF(X509) *chain;      /* In order; without 'cert'. */
};

/* What a store holds.  All zeros is an empty one. */
struct tls_store {
    struct tls_identity *ids;   /* In order of the file. */
    size_t n_ids;
    STACK_OF(X509) *trusted;    /* NULL: none. */
};

/* Reads the key store 'c' of the properties 'prefix' ("zookeeper.ssl."):
 * there is at least one identity in it.  ZK_ECONFIG names property, file and
 * reason.  'out' (all zeros before) must be finished in any case. */
int tls_store_read_keys(const struct tls_store_config *c, const char *prefix,
                        struct tls_store *out, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* The same for a trust store: there is at least one trusted certificate. */
int tls_store_read_trust(const struct tls_store_config *c,
                         const char *prefix, struct tls_store *out,
                         struct zk_errmsg *em) ZK_WARN_UNUSED;
void tls_store_fini(struct tls_store *s);

/* What is looked for: the rest is not decrypted, and not taken. */
enum tls_store_use { TLS_USE_KEYS, TLS_USE_TRUST };

/* The formats.  'password' may be "", 'em' tells the reason alone. */
int tls_pem_parse(const void *p, size_t len, enum tls_store_use use,
                  const char *password, struct tls_store *out,
                  struct zk_errmsg *em) ZK_WARN_UNUSED;
int tls_pkcs12_parse(const void *p, size_t len, enum tls_store_use use,
                     const char *password, struct tls_store *out,
                     struct zk_errmsg *em) ZK_WARN_UNUSED;
int tls_jks_parse(const void *p, size_t len, enum tls_store_use use,
                  const char *password, struct tls_store *out,
                  struct zk_errmsg *em) ZK_WARN_UNUSED;
/* JKS without its SHA-1 at the end: what is behind the integrity check, for
 * the fuzzer. */
int tls_jks_parse_entries(const void *p, size_t len, enum tls_store_use use,
                          const char *password, struct tls_store *out,
                          struct zk_errmsg *em) ZK_WARN_UNUSED;

/* For the formats: adds to a store; the caller's references are taken.
 * ZK_ETOOBIG past TLS_STORE_MAX_ENTRIES (taken nevertheless). */
int tls_store_add_trusted(struct tls_store *s, X509 *cert,
                          struct zk_errmsg *em) ZK_WARN_UNUSED;
int tls_store_add_identity(struct tls_store *s, EVP_PKEY *key, X509 *cert,
                           STACK_OF(X509) *chain, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Makes an identity of 'key' (taken) and those of 'certs' (borrowed) that
 * belong to it: its own, and, issuer by issuer, the ones above. */
int tls_store_add_key(struct tls_store *s, EVP_PKEY *key,
                      STACK_OF(X509) *certs, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Takes the rounds of an algorithm that hashes the password from what is left
 * of TLS_STORE_MAX_ROUNDS; false when they are more. */
bool tls_rounds_take(const X509_ALGOR *alg, int64_t *left);

#endif
