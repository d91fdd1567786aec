/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Java's own store, JKS:
 *
 *   u32 magic, u32 version (1, 2), u32 entries, then for each
 *     u32 tag (1 key, 2 trusted certificate), alias, u64 date
 *     key:         u32 length, an EncryptedPrivateKeyInfo; u32 number of
 *                  certificates, the key's own first
 *     certificate: its type ("X.509", from version 2 on), u32 length, DER
 *   SHA-1 of the password (UTF-16), "Mighty Aphrodite" and all before
 *
 * Texts are in Java's UTF-8 behind a u16 length.  The key inside has 20 bytes
 * of salt in front and a SHA-1 behind, and is covered by
 * SHA-1(password, salt), SHA-1(password, the one before), ...
 */
#include <config.h>

#include "tls/tls_store.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "tls/tls_error.h"
#include "util/zk_bytes.h"
#include "util/zk_slice.h"

#define JKS_WHITENER "Mighty Aphrodite"
#define JKS_PROTECTOR_OID "1.3.6.1.4.1.42.2.17.1.1"
#define JKS_SHA1 20
#define JKS_TAG_KEY 1
#define JKS_TAG_CERT 2
/* As deep as a chain may be. */
#define JKS_MAX_CHAIN 100

struct jks_reader {
    const uint8_t *p;           /* What is left. */
    size_t left;
    uint32_t version;
    enum tls_store_use use;
    struct zk_buf password;     /* As Java hashes it: UTF-16, big-endian. */
    struct tls_store *out;
    struct zk_errmsg *em;
};

static int
jks_fail(const struct jks_reader *r, const char *why)
{
    return zk_fail(r->em, ZK_ECONFIG, "damaged JKS store: %s", why);
}

/* ---- passwords ----------------------------------------------------------- */

/* The next character; malformed bytes are taken as Latin-1. */
static uint32_t
jks_next_char(const uint8_t **p)
{
    static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
    const uint8_t *s = *p;
    unsigned more = s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : s[0] >= 0xc0 ? 1 : 0;
    uint32_t c = s[0] & (0x7fu >> (more == 0 ? 0 : more + 1));

    for (unsigned i = 1; i <= more; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            more = 0;
            break;
        }
        c = c << 6 | (s[i] & 0x3fu);
    }
    if (more == 0 || c < least[more] || c > 0x10ffff) {
        *p = s + 1;
        return s[0];
    }
    *p = s + more + 1;
    return c;
}

static void
jks_append_unit(struct zk_buf *b, uint32_t unit)
{
    const uint8_t bytes[2] = { (uint8_t) (unit >> 8), (uint8_t) unit };

    zk_buf_append(b, bytes, sizeof bytes);
}

static void
jks_take_password(struct jks_reader *r, const char *password)
{
    const uint8_t *p = (const uint8_t *) password;

    zk_buf_reserve(&r->password, 4 * strlen(password) + 1);
    while (*p != '\0') {
        uint32_t c = jks_next_char(&p);

        if (c >= 0x10000) {
            jks_append_unit(&r->password, 0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        jks_append_unit(&r->password, c);
    }
}

/* SHA-1 of the password and up to two pieces. */
static void
jks_digest(const struct jks_reader *r, const void *a, size_t a_len,
           const void *b, size_t b_len, uint8_t out[JKS_SHA1])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha1(), NULL)
              && EVP_DigestUpdate(ctx, r->password.data, r->password.len)
              && EVP_DigestUpdate(ctx, a, a_len)
              && EVP_DigestUpdate(ctx, b, b_len)
              && EVP_DigestFinal_ex(ctx, out, NULL);

    zk_assert(ok);
    EVP_MD_CTX_free(ctx);
}

/* ---- keys ---------------------------------------------------------------- */

/* Uncovers 'len' bytes behind the salt, in place, and checks them. */
static bool
jks_uncover(const struct jks_reader *r, const uint8_t *salt, uint8_t *bytes,
            size_t len, const uint8_t *check)
{
    uint8_t pad[JKS_SHA1];

    jks_digest(r, salt, JKS_SHA1, NULL, 0, pad);
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && i % JKS_SHA1 == 0) {
            jks_digest(r, pad, JKS_SHA1, NULL, 0, pad);
        }
        bytes[i] ^= pad[i % JKS_SHA1];
    }
    jks_digest(r, bytes, len, NULL, 0, pad);
    return CRYPTO_memcmp(pad, check, JKS_SHA1) == 0;
}

static EVP_PKEY *
jks_decode_key(const uint8_t *p, size_t len)
{
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long) len);
    EVP_PKEY *key = info == NULL ? NULL : EVP_PKCS82PKEY(info);

    PKCS8_PRIV_KEY_INFO_free(info);
    return key;
}

static int
jks_open_key(const struct jks_reader *r, const X509_SIG *sealed,
             EVP_PKEY **out)
{
    const ASN1_OCTET_STRING *octets;
    const X509_ALGOR *alg;
    const ASN1_OBJECT *oid;
    const uint8_t *p;
    uint8_t *bytes;
    size_t len;
    char name[80];
    int rv = ZK_OK;

    X509_SIG_get0(sealed, &alg, &octets);
    X509_ALGOR_get0(&oid, NULL, NULL, alg);
    OBJ_obj2txt(name, sizeof name, oid, 1);
    if (strcmp(name, JKS_PROTECTOR_OID) != 0) {
        return zk_fail(r->em, ZK_ECONFIG, "a private key is protected by %s, "
                       "which no JKS store has", name);
    }
    p = ASN1_STRING_get0_data(octets);
    len = (size_t) ASN1_STRING_length(octets);
    if (len < 2 * (size_t) JKS_SHA1 + 1) {
        return jks_fail(r, "a private key is too short");
    }
    len -= 2 * (size_t) JKS_SHA1;
    bytes = zk_xmemdup(p + JKS_SHA1, len);
    if (!jks_uncover(r, p, bytes, len, p + JKS_SHA1 + len)) {
        rv = zk_fail(r->em, ZK_ECONFIG, "wrong password: a private key cannot "
                     "be decrypted (its password must be the store's)");
    } else if ((*out = jks_decode_key(bytes, len)) == NULL) {
        rv = tls_fail(r->em, ZK_ECONFIG, "a private key cannot be read");
    }
    OPENSSL_cleanse(bytes, len);
    free(bytes);
    return rv;
}

/* ---- the file ------------------------------------------------------------ */

/* Takes 'n' bytes. */
static int
jks_take(struct jks_reader *r, size_t n, const uint8_t **out)
{
    if (n > r->left) {
        return jks_fail(r, "it ends inside an entry");
    }
    *out = r->p;
    r->p += n;
    r->left -= n;
    return ZK_OK;
}

static int
jks_take_u32(struct jks_reader *r, uint32_t *out)
{
    const uint8_t *p = NULL;
    int rv = jks_take(r, 4, &p);

    if (rv == ZK_OK) {
        *out = zk_get_be32(p);
    }
    return rv;
}

static int
jks_take_text(struct jks_reader *r, struct zk_slice *out)
{
    const uint8_t *p = NULL;
    size_t len;
    int rv = jks_take(r, 2, &p);

    if (rv != ZK_OK) {
        return rv;
    }
    len = (size_t) p[0] << 8 | p[1];
    rv = jks_take(r, len, &p);
    if (rv == ZK_OK) {
        *out = zk_slice(p, (int32_t) len);
    }
    return rv;
}

/* Bytes behind their length. */
static int
jks_take_bytes(struct jks_reader *r, const uint8_t **out, size_t *len)
{
    uint32_t n = 0;
    int rv = jks_take_u32(r, &n);

    *len = n;
    return rv == ZK_OK ? jks_take(r, n, out) : rv;
}

static int
jks_take_cert(struct jks_reader *r, X509 **out)
{
    struct zk_slice type = ZK_SLICE_LIT("X.509");
    const uint8_t *p;
    size_t len;
    int rv = r->version == 2 ? jks_take_text(r, &type) : ZK_OK;

    if (rv == ZK_OK) {
        rv = jks_take_bytes(r, &p, &len);
    }
    if (rv != ZK_OK) {
        return rv;
    }
    if (!zk_slice_eq_str(type, "X.509") && !zk_slice_eq_str(type, "X509")) {
        return jks_fail(r, "a certificate is not of type X.509");
    }
    *out = d2i_X509(NULL, &p, (long) len);
    return *out != NULL ? ZK_OK
                        : tls_fail(r->em, ZK_ECONFIG,
                                   "a certificate cannot be read");
}

/* The certificates behind a key, its own first. */
static int
jks_take_chain(struct jks_reader *r, STACK_OF(X509) *chain)
{
    uint32_t n = 0;
    int rv = jks_take_u32(r, &n);

    if (rv == ZK_OK && n > JKS_MAX_CHAIN) {
        return jks_fail(r, "a chain is too long");
    }
    for (uint32_t i = 0; rv == ZK_OK && i < n; i++) {
        X509 *cert = NULL;

        rv = jks_take_cert(r, &cert);
        if (rv == ZK_OK) {
            int pushed = sk_X509_push(chain, cert);

            zk_assert(pushed > 0);
        }
    }
    return rv;
}

/* Key and chain become an identity; both are taken. */
static int
jks_give_key(struct jks_reader *r, EVP_PKEY *key, STACK_OF(X509) *chain)
{
    X509 *cert = sk_X509_shift(chain);
    char name[TLS_CERT_TEXT];
    int rv;

    if (cert != NULL && X509_check_private_key(cert, key) == 1) {
        return tls_store_add_identity(r->out, key, cert, chain, r->em);
    }
    if (cert == NULL) {
        rv = zk_fail(r->em, ZK_ECONFIG,
                     "holds a private key but no certificate for it");
    } else {
        tls_cert_print(cert, name);
        rv = zk_fail(r->em, ZK_ECONFIG, "the private key does not belong to "
                     "the certificate of %s", name);
    }
    ERR_clear_error();
    X509_free(cert);
    EVP_PKEY_free(key);
    sk_X509_pop_free(chain, X509_free);
    return rv;
}

static int
jks_take_key(struct jks_reader *r)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509_SIG *sealed = NULL;
    EVP_PKEY *key = NULL;
    const uint8_t *p;
    size_t len;
    int rv;

    zk_assert(chain != NULL);
    rv = jks_take_bytes(r, &p, &len);
    if (rv == ZK_OK && r->use == TLS_USE_KEYS) {
        sealed = d2i_X509_SIG(NULL, &p, (long) len);
        rv = sealed != NULL ? jks_open_key(r, sealed, &key)
                            : tls_fail(r->em, ZK_ECONFIG, "a private key "
                                       "cannot be read");
    }
    if (rv == ZK_OK) {
        rv = jks_take_chain(r, chain);
    }
    X509_SIG_free(sealed);
    if (rv == ZK_OK && key != NULL) {
        return jks_give_key(r, key, chain);
    }
    EVP_PKEY_free(key);
    sk_X509_pop_free(chain, X509_free);
    return rv;
}

static int
jks_take_trusted(struct jks_reader *r)
{
    X509 *cert = NULL;
    int rv = jks_take_cert(r, &cert);

    if (rv == ZK_OK && r->use == TLS_USE_TRUST) {
        return tls_store_add_trusted(r->out, cert, r->em);
    }
    X509_free(cert);
    return rv;
}

static int
jks_take_entry(struct jks_reader *r)
{
    struct zk_slice alias;
    const uint8_t *date;
    uint32_t tag = 0;
    int rv = jks_take_u32(r, &tag);

    if (rv == ZK_OK) {
        rv = jks_take_text(r, &alias);
    }
    if (rv == ZK_OK) {
        rv = jks_take(r, 8, &date);
    }
    if (rv != ZK_OK) {
        return rv;
    }
    if (tag == JKS_TAG_KEY) {
        return jks_take_key(r);
    }
    return tag == JKS_TAG_CERT ? jks_take_trusted(r)
                               : jks_fail(r, "an entry is of no known kind");
}

static int
jks_take_entries(struct jks_reader *r)
{
    uint32_t magic = 0, n = 0;
    int rv = jks_take_u32(r, &magic);

    if (rv == ZK_OK) {
        rv = jks_take_u32(r, &r->version);
    }
    if (rv == ZK_OK) {
        rv = jks_take_u32(r, &n);
    }
    if (rv == ZK_OK && (magic != 0xfeedfeed || r->version < 1
                        || r->version > 2)) {
        rv = jks_fail(r, "it is of no known version");
    }
    if (rv == ZK_OK && n > TLS_STORE_MAX_ENTRIES) {
        rv = jks_fail(r, "it has too many entries");
    }
    for (uint32_t i = 0; rv == ZK_OK && i < n; i++) {
        rv = jks_take_entry(r);
    }
    if (rv == ZK_OK && r->left > 0) {
        rv = jks_fail(r, "something stands behind its last entry");
    }
    return rv;
}

/* Is the SHA-1 at the end what password and store come to? */
static bool
jks_intact(struct jks_reader *r)
{
    uint8_t sum[JKS_SHA1];

    if (r->left < JKS_SHA1) {
        return false;
    }
    r->left -= JKS_SHA1;
    jks_digest(r, JKS_WHITENER, strlen(JKS_WHITENER), r->p, r->left, sum);
    return CRYPTO_memcmp(sum, r->p + r->left, JKS_SHA1) == 0;
}

int
tls_jks_parse_entries(const void *p, size_t len, enum tls_store_use use,
                      const char *password, struct tls_store *out,
                      struct zk_errmsg *em)
{
    struct jks_reader r = { .p = p, .left = len, .use = use, .out = out,
                            .em = em };
    int rv;

    jks_take_password(&r, password);
    rv = jks_take_entries(&r);
    OPENSSL_cleanse(r.password.data, r.password.cap);
    zk_buf_fini(&r.password);
    return rv;
}

int
tls_jks_parse(const void *p, size_t len, enum tls_store_use use,
              const char *password, struct tls_store *out,
              struct zk_errmsg *em)
{
    struct jks_reader r = { .p = p, .left = len };
    bool intact;

    jks_take_password(&r, password);
    intact = jks_intact(&r);
    OPENSSL_cleanse(r.password.data, r.password.cap);
    zk_buf_fini(&r.password);
    if (!intact) {
        return zk_fail(em, ZK_ECONFIG, "%s: its integrity check failed",
                       *password == '\0'
                       ? "no password is given, or the store is damaged"
                       : "wrong password or damaged store");
    }
    return tls_jks_parse_entries(p, len - JKS_SHA1, use, password, out, em);
}
