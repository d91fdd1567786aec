/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PKCS12, with the old ciphers that Java wrote before 2021 as well.
 *
 * Java marks the certificates of a trust store with an attribute of its own
 * (trustedKeyUsage).  Where some have it, only they are trusted; a store
 * without it and without keys, as openssl makes them, is trusted whole.
 */
#include <config.h>

#include "tls/tls_store.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>

#include "tls/tls_error.h"

/* Oracle's trustedKeyUsage. */
#define P12_TRUSTED_OID "2.16.840.1.113894.746875.1.1"
/* Bags within bags. */
#define P12_MAX_DEPTH 8

struct p12_reader {
    enum tls_store_use use;
    const char *password;       /* NULL where the store has none. */
    int password_len;
    OSSL_LIB_CTX *lib;
    STACK_OF(X509) *certs;      /* Without the mark. */
    STACK_OF(X509) *marked;
    EVP_PKEY **keys;
    size_t n_keys;
    bool has_keys;              /* Seen, taken or not. */
    int64_t rounds_left;        /* See TLS_STORE_MAX_ROUNDS. */
    struct zk_errmsg *em;
};

/* ---- ciphers ------------------------------------------------------------- */

/* Old ciphers (RC2) are in a provider that nobody else should get to use. */
struct p12_library {
    OSSL_LIB_CTX *ctx;
    OSSL_PROVIDER *current;
    OSSL_PROVIDER *legacy;      /* NULL: not installed. */
};

static void
p12_library_open(struct p12_library *l)
{
    l->ctx = OSSL_LIB_CTX_new();
    zk_assert(l->ctx != NULL);
    l->current = OSSL_PROVIDER_load(l->ctx, "default");
    l->legacy = OSSL_PROVIDER_load(l->ctx, "legacy");
    ERR_clear_error();
}

static void
p12_library_close(struct p12_library *l)
{
    if (l->legacy != NULL) {
        OSSL_PROVIDER_unload(l->legacy);
    }
    if (l->current != NULL) {
        OSSL_PROVIDER_unload(l->current);
    }
    OSSL_LIB_CTX_free(l->ctx);
}

static bool
p12_rounds_take(const ASN1_INTEGER *rounds, int64_t *left)
{
    int64_t n;

    if (rounds == NULL) {
        return true;
    }
    if (!ASN1_INTEGER_get_int64(&n, rounds) || n < 0 || n > *left) {
        return false;
    }
    *left -= n;
    return true;
}

/* The cost of scrypt as rounds: its three numbers, multiplied. */
static bool
p12_scrypt_take(const SCRYPT_PARAMS *p, int64_t *left)
{
    const ASN1_INTEGER *factors[] = { p->costParameter, p->blockSize,
                                      p->parallelizationParameter };
    int64_t cost = 1, n;

    for (size_t i = 0; i < ZK_ARRAY_SIZE(factors); i++) {
        if (!ASN1_INTEGER_get_int64(&n, factors[i]) || n < 1
            || n > *left / cost) {
            return false;
        }
        cost *= n;
    }
    *left -= cost;
    return true;
}

/* PBES2 leaves the hash of the password to one of two functions. */
static bool
p12_key_function_take(const X509_ALGOR *alg, int64_t *left)
{
    const ASN1_OBJECT *oid;
    const void *value;
    bool ok = true;
    int type;

    X509_ALGOR_get0(&oid, &type, &value, alg);
    if (type != V_ASN1_SEQUENCE) {
        return true;
    }
    if (OBJ_obj2nid(oid) == NID_id_pbkdf2) {
        PBKDF2PARAM *p = ASN1_item_unpack(value,
                                          ASN1_ITEM_rptr(PBKDF2PARAM));

        ok = p == NULL || p12_rounds_take(p->iter, left);
        PBKDF2PARAM_free(p);
    } else if (OBJ_obj2nid(oid) == NID_id_scrypt) {
        SCRYPT_PARAMS *p = ASN1_item_unpack(value,
                                            ASN1_ITEM_rptr(SCRYPT_PARAMS));

        ok = p == NULL || p12_scrypt_take(p, left);
        SCRYPT_PARAMS_free(p);
    }
    return ok;
}

bool
tls_rounds_take(const X509_ALGOR *alg, int64_t *left)
{
    const ASN1_OBJECT *oid;
    const void *value;
    bool ok = true;
    int type;

    X509_ALGOR_get0(&oid, &type, &value, alg);
    if (type != V_ASN1_SEQUENCE) {
        return true;
    }
    if (OBJ_obj2nid(oid) == NID_pbes2) {
        PBE2PARAM *p = ASN1_item_unpack(value, ASN1_ITEM_rptr(PBE2PARAM));

        ok = p == NULL || p12_key_function_take(p->keyfunc, left);
        PBE2PARAM_free(p);
    } else {
        PBEPARAM *p = ASN1_item_unpack(value, ASN1_ITEM_rptr(PBEPARAM));

        ok = p == NULL || p12_rounds_take(p->iter, left);
        PBEPARAM_free(p);
    }
    ERR_clear_error();
    return ok;
}

static int
p12_fail_rounds(const struct p12_reader *r)
{
    return zk_fail(r->em, ZK_ECONFIG, "more than %d rounds to hash the "
                   "password with", TLS_STORE_MAX_ROUNDS);
}

/* What cannot be decrypted although the password is right. */
static int
p12_fail_cipher(const struct p12_reader *r, const char *what)
{
    return tls_fail(r->em, ZK_ECONFIG, "%s cannot be decrypted", what);
}

/* ---- bags ---------------------------------------------------------------- */

static bool
p12_is_marked(const PKCS12_SAFEBAG *bag)
{
    const STACK_OF(X509_ATTRIBUTE) *attrs = PKCS12_SAFEBAG_get0_attrs(bag);
    char oid[80];

    for (int i = 0; i < sk_X509_ATTRIBUTE_num(attrs); i++) {
        X509_ATTRIBUTE *a = sk_X509_ATTRIBUTE_value(attrs, i);

        OBJ_obj2txt(oid, sizeof oid, X509_ATTRIBUTE_get0_object(a), 1);
        if (strcmp(oid, P12_TRUSTED_OID) == 0) {
            return true;
        }
    }
    return false;
}

static int
p12_take_cert(struct p12_reader *r, PKCS12_SAFEBAG *bag)
{
    X509 *cert;
    STACK_OF(X509) *to = p12_is_marked(bag) ? r->marked : r->certs;

    if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate) {
        return ZK_OK;
    }
    cert = PKCS12_SAFEBAG_get1_cert(bag);
    if (cert == NULL) {
        return tls_fail(r->em, ZK_ECONFIG, "a certificate cannot be read");
    }
    if (sk_X509_push(to, cert) <= 0
        || sk_X509_num(to) > TLS_STORE_MAX_ENTRIES) {
        return zk_fail(r->em, ZK_ETOOBIG, "holds more than %d certificates",
                       TLS_STORE_MAX_ENTRIES);
    }
    return ZK_OK;
}

static int
p12_keep_key(struct p12_reader *r, const PKCS8_PRIV_KEY_INFO *info)
{
    EVP_PKEY *key = EVP_PKCS82PKEY(info);

    if (key == NULL) {
        return tls_fail(r->em, ZK_ECONFIG, "a private key is of no known "
                        "kind");
    }
    r->keys = zk_xrealloc(r->keys, (r->n_keys + 1) * sizeof r->keys[0]);
    r->keys[r->n_keys++] = key;
    return r->n_keys <= TLS_STORE_MAX_ENTRIES
           ? ZK_OK
           : zk_fail(r->em, ZK_ETOOBIG, "holds more than %d keys",
                     TLS_STORE_MAX_ENTRIES);
}

static int
p12_take_sealed_key(struct p12_reader *r, const PKCS12_SAFEBAG *bag)
{
    const X509_SIG *sealed = PKCS12_SAFEBAG_get0_pkcs8(bag);
    PKCS8_PRIV_KEY_INFO *info;
    const X509_ALGOR *alg;
    int rv;

    X509_SIG_get0(sealed, &alg, NULL);
    if (!tls_rounds_take(alg, &r->rounds_left)) {
        return p12_fail_rounds(r);
    }
    info = PKCS12_decrypt_skey_ex(bag, r->password, r->password_len, r->lib,
                                  NULL);
    if (info == NULL) {
        return p12_fail_cipher(r, "a private key");
    }
    rv = p12_keep_key(r, info);
    PKCS8_PRIV_KEY_INFO_free(info);
    return rv;
}

static int p12_take_bags(struct p12_reader *r,
                         const STACK_OF(PKCS12_SAFEBAG) *bags, int depth);

static int
p12_take_bag(struct p12_reader *r, PKCS12_SAFEBAG *bag, int depth)
{
    int nid = PKCS12_SAFEBAG_get_nid(bag);

    if (nid == NID_certBag) {
        return p12_take_cert(r, bag);
    }
    if (nid == NID_safeContentsBag && depth < P12_MAX_DEPTH) {
        return p12_take_bags(r, PKCS12_SAFEBAG_get0_safes(bag), depth + 1);
    }
    if (nid != NID_keyBag && nid != NID_pkcs8ShroudedKeyBag) {
        return ZK_OK;
    }
    r->has_keys = true;
    if (r->use != TLS_USE_KEYS) {
        return ZK_OK;
    }
    return nid == NID_keyBag
           ? p12_keep_key(r, PKCS12_SAFEBAG_get0_p8inf(bag))
           : p12_take_sealed_key(r, bag);
}

static int
p12_take_bags(struct p12_reader *r, const STACK_OF(PKCS12_SAFEBAG) *bags,
              int depth)
{
    int rv = ZK_OK;

    for (int i = 0; rv == ZK_OK && i < sk_PKCS12_SAFEBAG_num(bags); i++) {
        rv = p12_take_bag(r, sk_PKCS12_SAFEBAG_value(bags, i), depth);
    }
    return rv;
}

static int
p12_take_safe(struct p12_reader *r, PKCS7 *p7)
{
    STACK_OF(PKCS12_SAFEBAG) *bags;
    int rv;

    if (PKCS7_type_is_data(p7)) {
        bags = PKCS12_unpack_p7data(p7);
        if (bags == NULL) {
            return tls_fail(r->em, ZK_ECONFIG, "the store is damaged");
        }
    } else if (PKCS7_type_is_encrypted(p7)) {
        if (p7->d.encrypted == NULL || p7->d.encrypted->enc_data == NULL
            || !tls_rounds_take(p7->d.encrypted->enc_data->algorithm,
                                &r->rounds_left)) {
            return p12_fail_rounds(r);
        }
        bags = PKCS12_unpack_p7encdata(p7, r->password, r->password_len);
        if (bags == NULL) {
            return p12_fail_cipher(r, "the certificates");
        }
    } else {
        return ZK_OK;           /* For the owner of some public key. */
    }
    rv = p12_take_bags(r, bags, 0);
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    return rv;
}

/* ---- the store ----------------------------------------------------------- */

/* Holds the MAC, and which of the two empty passwords is it? */
static int
p12_check_password(struct p12_reader *r, PKCS12 *p12)
{
    const ASN1_INTEGER *rounds;

    if (!PKCS12_mac_present(p12)) {
        return ZK_OK;
    }
    PKCS12_get0_mac(NULL, NULL, NULL, &rounds, p12);
    if (!p12_rounds_take(rounds, &r->rounds_left)) {
        return p12_fail_rounds(r);
    }
    if (PKCS12_verify_mac(p12, r->password, r->password_len)) {
        return ZK_OK;
    }
    if (r->password_len == 0) {
        r->password = NULL;
        if (PKCS12_verify_mac(p12, NULL, 0)) {
            return ZK_OK;
        }
    }
    ERR_clear_error();
    return zk_fail(r->em, ZK_ECONFIG, "%s: its integrity check failed",
                   r->password_len == 0
                   ? "no password is given, or the store is damaged"
                   : "wrong password or damaged store");
}

static int
p12_read(struct p12_reader *r, PKCS12 *p12)
{
    STACK_OF(PKCS7) *safes;
    int rv = p12_check_password(r, p12);

    if (rv != ZK_OK) {
        return rv;
    }
    safes = PKCS12_unpack_authsafes(p12);
    if (safes == NULL) {
        return tls_fail(r->em, ZK_ECONFIG, "the store is damaged");
    }
    for (int i = 0; rv == ZK_OK && i < sk_PKCS7_num(safes); i++) {
        rv = p12_take_safe(r, sk_PKCS7_value(safes, i));
    }
    sk_PKCS7_pop_free(safes, PKCS7_free);
    return rv;
}

static int
p12_give_keys(struct p12_reader *r, struct tls_store *out)
{
    int rv = ZK_OK;

    while (sk_X509_num(r->marked) > 0) {        /* May be of a chain. */
        sk_X509_push(r->certs, sk_X509_shift(r->marked));
    }
    for (size_t i = 0; i < r->n_keys; i++) {
        EVP_PKEY *key = r->keys[i];

        r->keys[i] = NULL;
        if (rv == ZK_OK) {
            rv = tls_store_add_key(out, key, r->certs, r->em);
        } else {
            EVP_PKEY_free(key);
        }
    }
    return rv;
}

static int
p12_give_trust(struct p12_reader *r, struct tls_store *out)
{
    STACK_OF(X509) *from = sk_X509_num(r->marked) == 0 && !r->has_keys
                           ? r->certs : r->marked;
    int rv = ZK_OK;

    while (rv == ZK_OK && sk_X509_num(from) > 0) {
        rv = tls_store_add_trusted(out, sk_X509_shift(from), r->em);
    }
    return rv;
}

static PKCS12 *
p12_decode(struct p12_reader *r, const void *p, size_t len)
{
    PKCS12 *p12 = PKCS12_init_ex(NID_pkcs7_data, r->lib, NULL);
    BIO *in = BIO_new_mem_buf(p, len > INT32_MAX ? INT32_MAX : (int) len);

    zk_assert(p12 != NULL && in != NULL);
    /* It frees what it has begun to decode (p12 is NULL then), and nothing if
     * the bytes end too early. */
    if (d2i_PKCS12_bio(in, &p12) == NULL) {
        PKCS12_free(p12);
        p12 = NULL;
    }
    BIO_free(in);
    return p12;
}

int
tls_pkcs12_parse(const void *p, size_t len, enum tls_store_use use,
                 const char *password, struct tls_store *out,
                 struct zk_errmsg *em)
{
    struct p12_library library;
    struct p12_reader r = { .use = use, .password = password,
                            .password_len = (int) strlen(password),
                            .rounds_left = TLS_STORE_MAX_ROUNDS,
                            .em = em };
    PKCS12 *p12;
    int rv;

    p12_library_open(&library);
    r.lib = library.ctx;
    r.certs = sk_X509_new_null();
    r.marked = sk_X509_new_null();
    zk_assert(r.certs != NULL && r.marked != NULL);
    p12 = p12_decode(&r, p, len);
    rv = p12 != NULL ? p12_read(&r, p12)
                     : zk_fail(em, ZK_ECONFIG, "damaged, or not PKCS12");
    if (rv == ZK_OK) {
        rv = use == TLS_USE_KEYS ? p12_give_keys(&r, out)
                                 : p12_give_trust(&r, out);
    }
    for (size_t i = 0; i < r.n_keys; i++) {
        EVP_PKEY_free(r.keys[i]);
    }
    free(r.keys);
    sk_X509_pop_free(r.certs, X509_free);
    sk_X509_pop_free(r.marked, X509_free);
    PKCS12_free(p12);
    ERR_clear_error();
    p12_library_close(&library);
    return rv;
}
