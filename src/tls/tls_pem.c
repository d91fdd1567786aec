/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PEM: the first private key (PKCS#8, encrypted or not, or the older forms of
 * RSA and EC), and certificates, in one file, with any text between them.
 * All certificates of a trust store are trusted.
 */
#include <config.h>

#include "tls/tls_store.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "tls/tls_error.h"

struct pem_reader {
    enum tls_store_use use;
    const char *password;
    STACK_OF(X509) *certs;
    EVP_PKEY *key;              /* NULL: none yet. */
    int n_blocks;               /* Read so far; for messages. */
    struct zk_errmsg *em;
};

/* One "-----BEGIN name-----" with what is in it. */
struct pem_block {
    char *name;
    char *header;
    unsigned char *data;
    long len;
};

static int
pem_take_cert(struct pem_reader *r, const struct pem_block *b)
{
    const unsigned char *p = b->data;
    X509 *cert = strcmp(b->name, PEM_STRING_X509_TRUSTED) == 0
                 ? d2i_X509_AUX(NULL, &p, b->len)
                 : d2i_X509(NULL, &p, b->len);

    if (cert == NULL) {
        return tls_fail(r->em, ZK_ECONFIG, "block %d, %s, cannot be read",
                        r->n_blocks, b->name);
    }
    if (sk_X509_push(r->certs, cert) <= 0
        || sk_X509_num(r->certs) > TLS_STORE_MAX_ENTRIES) {
        return zk_fail(r->em, ZK_ETOOBIG, "holds more than %d certificates",
                       TLS_STORE_MAX_ENTRIES);
    }
    return ZK_OK;
}

static int
pem_fail_password(const struct pem_reader *r)
{
    ERR_clear_error();
    return zk_fail(r->em, ZK_ECONFIG, *r->password == '\0'
                   ? "the private key is encrypted, but no password is given"
                   : "wrong password: the private key cannot be decrypted");
}

/* PKCS#8, encrypted. */
static int
pem_decrypt(struct pem_reader *r, const struct pem_block *b)
{
    const unsigned char *p = b->data;
    X509_SIG *sealed = d2i_X509_SIG(NULL, &p, b->len);
    PKCS8_PRIV_KEY_INFO *info;
    const X509_ALGOR *alg;
    int64_t left = TLS_STORE_MAX_ROUNDS;

    if (sealed == NULL) {
        return tls_fail(r->em, ZK_ECONFIG, "block %d, %s, cannot be read",
                        r->n_blocks, b->name);
    }
    X509_SIG_get0(sealed, &alg, NULL);
    if (!tls_rounds_take(alg, &left)) {
        X509_SIG_free(sealed);
        return zk_fail(r->em, ZK_ECONFIG, "the private key's encryption has "
                       "too many rounds");
    }
    info = PKCS8_decrypt(sealed, r->password, (int) strlen(r->password));
    X509_SIG_free(sealed);
    if (info == NULL) {
        return pem_fail_password(r);
    }
    r->key = EVP_PKCS82PKEY(info);
    PKCS8_PRIV_KEY_INFO_free(info);
    return r->key != NULL ? ZK_OK
                          : tls_fail(r->em, ZK_ECONFIG, "the private key is "
                                     "of no known kind");
}

static int
pem_give_password(char *buf, int size, int writing, void *arg)
{
    const struct pem_reader *r = arg;
    size_t len = strlen(r->password);

    (void) writing;
    if (len == 0 || len > (size_t) size) {
        return -1;
    }
    memcpy(buf, r->password, len);
    return (int) len;
}

/* Not PKCS#8, or PKCS#8 in the clear.  A header may say how it is
 * encrypted ("DEK-Info"). */
static int
pem_take_plain_key(struct pem_reader *r, struct pem_block *b)
{
    const unsigned char *p = b->data;
    EVP_CIPHER_INFO cipher;

    if (!PEM_get_EVP_CIPHER_INFO(b->header, &cipher)) {
        return tls_fail(r->em, ZK_ECONFIG, "block %d, %s, has a header that "
                        "cannot be read", r->n_blocks, b->name);
    }
    if (!PEM_do_header(&cipher, b->data, &b->len, pem_give_password, r)) {
        return pem_fail_password(r);
    }
    r->key = d2i_AutoPrivateKey(NULL, &p, b->len);
    if (r->key == NULL && cipher.cipher != NULL) {
        return pem_fail_password(r);
    }
    return r->key != NULL ? ZK_OK
                          : tls_fail(r->em, ZK_ECONFIG, "block %d, %s, "
                                     "cannot be read", r->n_blocks, b->name);
}

static bool
pem_ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), n = strlen(end);

    return len >= n && strcmp(name + len - n, end) == 0;
}

static int
pem_take(struct pem_reader *r, struct pem_block *b)
{
    r->n_blocks++;
    if (strcmp(b->name, PEM_STRING_X509) == 0
        || strcmp(b->name, PEM_STRING_X509_OLD) == 0
        || strcmp(b->name, PEM_STRING_X509_TRUSTED) == 0) {
        return pem_take_cert(r, b);
    }
    if (r->use != TLS_USE_KEYS || r->key != NULL
        || !pem_ends_with(b->name, "PRIVATE KEY")) {
        return ZK_OK;           /* Parameters, requests, second keys. */
    }
    return strcmp(b->name, PEM_STRING_PKCS8) == 0
           ? pem_decrypt(r, b)
           : pem_take_plain_key(r, b);
}

static int
pem_read_blocks(struct pem_reader *r, BIO *in)
{
    struct pem_block b;
    int rv = ZK_OK;

    while (rv == ZK_OK
           && PEM_read_bio(in, &b.name, &b.header, &b.data, &b.len)) {
        rv = pem_take(r, &b);
        OPENSSL_free(b.name);
        OPENSSL_free(b.header);
        OPENSSL_clear_free(b.data, b.len > 0 ? (size_t) b.len : 0);
    }
    if (rv == ZK_OK
        && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        rv = tls_fail(r->em, ZK_ECONFIG, "block %d cannot be read",
                      r->n_blocks + 1);
    }
    ERR_clear_error();
    return rv;
}

static int
pem_give(struct pem_reader *r, struct tls_store *out)
{
    int rv = ZK_OK;

    if (r->use == TLS_USE_KEYS) {
        EVP_PKEY *key = r->key;

        r->key = NULL;
        return key == NULL ? ZK_OK
                           : tls_store_add_key(out, key, r->certs, r->em);
    }
    while (rv == ZK_OK && sk_X509_num(r->certs) > 0) {
        rv = tls_store_add_trusted(out, sk_X509_shift(r->certs), r->em);
    }
    return rv;
}

int
tls_pem_parse(const void *p, size_t len, enum tls_store_use use,
              const char *password, struct tls_store *out,
              struct zk_errmsg *em)
{
    struct pem_reader r = { use, password, sk_X509_new_null(), NULL, 0, em };
    BIO *in = BIO_new_mem_buf(p, len > INT32_MAX ? INT32_MAX : (int) len);
    int rv;

    zk_assert(r.certs != NULL && in != NULL);
    rv = pem_read_blocks(&r, in);
    if (rv == ZK_OK) {
        rv = pem_give(&r, out);
    }
    BIO_free(in);
    EVP_PKEY_free(r.key);
    sk_X509_pop_free(r.certs, X509_free);
    return rv;
}
