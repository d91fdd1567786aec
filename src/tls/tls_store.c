/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tls/tls_store.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "tls/tls_error.h"
#include "util/zk_bytes.h"
#include "util/zk_io.h"

#define TS_JKS_MAGIC 0xfeedfeed
#define TS_JCEKS_MAGIC 0xcececece
#define TS_DER_SEQUENCE 0x30

enum ts_kind {
    TS_UNKNOWN,
    TS_PEM,
    TS_PKCS12,
    TS_JKS,
    TS_JCEKS,
    TS_BCFKS,
};

/* ---- what a store holds -------------------------------------------------- */

void
tls_store_fini(struct tls_store *s)
{
    for (size_t i = 0; i < s->n_ids; i++) {
        EVP_PKEY_free(s->ids[i].key);
        X509_free(s->ids[i].cert);
        sk_X509_pop_free(s->ids[i].chain, X509_free);
    }
    free(s->ids);
    sk_X509_pop_free(s->trusted, X509_free);
    memset(s, 0, sizeof *s);
}

static STACK_OF(X509) *
ts_stack(void)
{
    STACK_OF(X509) *s = sk_X509_new_null();

    zk_assert(s != NULL);
    return s;
}

static void
ts_push(STACK_OF(X509) *s, X509 *cert)
{
    int n = sk_X509_push(s, cert);

    zk_assert(n > 0);
}

int
tls_store_add_trusted(struct tls_store *s, X509 *cert, struct zk_errmsg *em)
{
    if (s->trusted == NULL) {
        s->trusted = ts_stack();
    }
    /* OpenSSL decodes extensions when it first needs them, and writes that
     * into the certificate: better now than when two threads need them at
     * once.  What is wrong with them a handshake will say. */
    (void) X509_check_purpose(cert, -1, 0);
    ERR_clear_error();
    ts_push(s->trusted, cert);
    if (sk_X509_num(s->trusted) > TLS_STORE_MAX_ENTRIES) {
        return zk_fail(em, ZK_ETOOBIG, "holds more than %d certificates",
                       TLS_STORE_MAX_ENTRIES);
    }
    return ZK_OK;
}

int
tls_store_add_identity(struct tls_store *s, EVP_PKEY *key, X509 *cert,
                       STACK_OF(X509) *chain, struct zk_errmsg *em)
{
    s->ids = zk_xrealloc(s->ids, (s->n_ids + 1) * sizeof s->ids[0]);
    s->ids[s->n_ids++] = (struct tls_identity) { key, cert, chain };
    if (s->n_ids > TLS_STORE_MAX_ENTRIES) {
        return zk_fail(em, ZK_ETOOBIG, "holds more than %d keys",
                       TLS_STORE_MAX_ENTRIES);
    }
    return ZK_OK;
}

/* Is it the certificate of that key? */
static bool
ts_matches(const X509 *cert, const EVP_PKEY *key)
{
    bool same = X509_check_private_key(cert, key) == 1;

    ERR_clear_error();
    return same;
}

static X509 *
ts_cert_of(const STACK_OF(X509) *certs, const EVP_PKEY *key)
{
    for (int i = 0; i < sk_X509_num(certs); i++) {
        if (ts_matches(sk_X509_value(certs, i), key)) {
            return sk_X509_value(certs, i);
        }
    }
    return NULL;
}

static bool
ts_has(const STACK_OF(X509) *certs, const X509 *cert)
{
    for (int i = 0; i < sk_X509_num(certs); i++) {
        if (X509_cmp(sk_X509_value(certs, i), cert) == 0) {
            return true;
        }
    }
    return false;
}

static bool
ts_is_root(X509 *cert)
{
    return X509_check_issued(cert, cert) == X509_V_OK;
}

/* The certificates above 'cert', in order, as far as 'certs' has them. */
static STACK_OF(X509) *
ts_chain_of(const STACK_OF(X509) *certs, X509 *cert)
{
    STACK_OF(X509) *chain = ts_stack();
    X509 *below = cert;
    int i = 0;

    while (i < sk_X509_num(certs) && !ts_is_root(below)) {
        X509 *c = sk_X509_value(certs, i++);

        if (X509_cmp(c, cert) != 0 && !ts_has(chain, c)
            && X509_check_issued(c, below) == X509_V_OK) {
            X509_up_ref(c);
            ts_push(chain, c);
            below = c;
            i = 0;
        }
    }
    ERR_clear_error();
    return chain;
}

int
tls_store_add_key(struct tls_store *s, EVP_PKEY *key, STACK_OF(X509) *certs,
                  struct zk_errmsg *em)
{
    X509 *cert = ts_cert_of(certs, key);
    char name[TLS_CERT_TEXT];

    if (cert != NULL) {
        X509_up_ref(cert);
        return tls_store_add_identity(s, key, cert, ts_chain_of(certs, cert),
                                      em);
    }
    EVP_PKEY_free(key);
    if (sk_X509_num(certs) <= 0) {
        return zk_fail(em, ZK_ECONFIG,
                       "holds a private key but no certificate for it");
    }
    tls_cert_print(sk_X509_value(certs, 0), name);
    return zk_fail(em, ZK_ECONFIG, "the private key does not belong to the "
                   "certificate of %s", name);
}

/* ---- files --------------------------------------------------------------- */

/* What a read needs to know, and to say when it fails. */
struct ts_reader {
    const struct tls_store_config *c;
    const char *prefix;         /* "zookeeper.ssl." */
    const char *which;          /* "keyStore" */
    enum tls_store_use use;
    struct zk_errmsg *em;
};

static int
ts_fail(const struct ts_reader *r, const char *why)
{
    return zk_fail(r->em, ZK_ECONFIG, "%s%s.location=%s: %s", r->prefix,
                   r->which, r->c->location, why);
}

static bool
ts_given(const char *text)
{
    return text != NULL && *text != '\0';
}

/* The password: from the file, where one is named, without the newline at
 * its end (SecretUtils).  The caller frees it. */
static int
ts_read_password(const struct ts_reader *r, char **out)
{
    struct zk_buf b = { 0 };
    struct zk_errmsg why;
    int rv;

    if (!ts_given(r->c->password_path)) {
        *out = zk_xstrdup(r->c->password == NULL ? "" : r->c->password);
        return ZK_OK;
    }
    rv = zk_read_file(r->c->password_path, TLS_PASSWORD_MAX_BYTES, &b, &why);
    if (rv != ZK_OK) {
        zk_buf_fini(&b);
        return zk_fail(r->em, ZK_ECONFIG, "%s%s.passwordPath: %s", r->prefix,
                       r->which, why.text);
    }
    if (b.len > 0 && b.data[b.len - 1] == '\n') {
        b.len--;
    }
    if (b.len > 0 && memchr(b.data, '\0', b.len) != NULL) {
        rv = zk_fail(r->em, ZK_ECONFIG, "%s%s.passwordPath=%s: holds a zero "
                     "byte", r->prefix, r->which, r->c->password_path);
    } else {
        *out = zk_xstrndup(b.len == 0 ? "" : (char *) b.data, b.len);
    }
    if (b.data != NULL) {
        OPENSSL_cleanse(b.data, b.cap);
    }
    zk_buf_fini(&b);
    return rv;
}

static enum ts_kind
ts_kind_of_content(const struct zk_buf *b)
{
    if (b->len >= 4 && zk_get_be32(b->data) == TS_JKS_MAGIC) {
        return TS_JKS;
    }
    if (b->len >= 4 && zk_get_be32(b->data) == TS_JCEKS_MAGIC) {
        return TS_JCEKS;
    }
    if (b->len > 0 && memmem(b->data, b->len, "-----BEGIN", 10) != NULL) {
        return TS_PEM;
    }
    return b->len > 0 && b->data[0] == TS_DER_SEQUENCE ? TS_PKCS12
                                                       : TS_UNKNOWN;
}

static const struct ts_name {
    const char *type;
    const char *extension;
    enum ts_kind kind;
} ts_names[] = {
    { "JKS", ".jks", TS_JKS },
    { "PEM", ".pem", TS_PEM },
    { "PKCS12", ".p12", TS_PKCS12 },
    { "PKCS12", ".pfx", TS_PKCS12 },
    { "BCFKS", ".bcfks", TS_BCFKS },
    { "JCEKS", ".jceks", TS_JCEKS },
};

static const char *
ts_kind_name(enum ts_kind kind)
{
    for (size_t i = 0; i < ZK_ARRAY_SIZE(ts_names); i++) {
        if (ts_names[i].kind == kind) {
            return ts_names[i].type;
        }
    }
    return "of no known kind";
}

/* What the property, or else the name of the file, says. */
static int
ts_kind_said(const struct ts_reader *r, enum ts_kind *out)
{
    const char *dot = strrchr(r->c->location, '.');
    bool by_type = ts_given(r->c->type);

    *out = TS_UNKNOWN;
    for (size_t i = 0; i < ZK_ARRAY_SIZE(ts_names); i++) {
        const struct ts_name *n = &ts_names[i];

        if (by_type ? strcasecmp(r->c->type, n->type) == 0
                    : dot != NULL && strcmp(dot, n->extension) == 0) {
            *out = n->kind;
            return ZK_OK;
        }
    }
    if (by_type) {
        return zk_fail(r->em, ZK_ECONFIG, "%s%s.type=%s: must be PEM, PKCS12 "
                       "or JKS", r->prefix, r->which, r->c->type);
    }
    return ZK_OK;
}

/* Which reader takes it. */
static int
ts_choose(const struct ts_reader *r, const struct zk_buf *b,
          enum ts_kind *out)
{
    enum ts_kind content = ts_kind_of_content(b);
    enum ts_kind said;
    char why[128];
    int rv = ts_kind_said(r, &said);

    if (rv != ZK_OK) {
        return rv;
    }
    if (said == TS_BCFKS || said == TS_JCEKS || content == TS_JCEKS) {
        snprintf(why, sizeof why, "%s stores are not supported; keytool "
                 "-importkeystore makes a PKCS12 store of one",
                 ts_kind_name(content == TS_JCEKS ? content : said));
        return ts_fail(r, why);
    }
    if (b->len == 0) {
        return ts_fail(r, "the file is empty");
    }
    if (content == TS_UNKNOWN) {
        snprintf(why, sizeof why, "damaged, or not %s",
                 said == TS_UNKNOWN ? "a PEM, PKCS12 or JKS store"
                                    : ts_kind_name(said));
        return ts_fail(r, why);
    }
    if (ts_given(r->c->type) && (said == TS_PEM) != (content == TS_PEM)) {
        snprintf(why, sizeof why, "is %s, but %s%s.type=%s",
                 ts_kind_name(content), r->prefix, r->which, r->c->type);
        return ts_fail(r, why);
    }
    *out = content;
    return ZK_OK;
}

static int
ts_parse(const struct ts_reader *r, const struct zk_buf *b,
         const char *password, struct tls_store *out)
{
    struct zk_errmsg why = { "" };
    enum ts_kind kind = TS_UNKNOWN;
    int rv = ts_choose(r, b, &kind);

    if (rv != ZK_OK) {
        return rv;
    }
    if (kind == TS_PEM) {
        rv = tls_pem_parse(b->data, b->len, r->use, password, out,
                           &why);
    } else if (kind == TS_PKCS12) {
        rv = tls_pkcs12_parse(b->data, b->len, r->use, password, out,
                           &why);
    } else {
        rv = tls_jks_parse(b->data, b->len, r->use, password, out,
                           &why);
    }
    ERR_clear_error();
    return rv == ZK_OK ? ZK_OK : ts_fail(r, why.text);
}

static int
ts_read(const struct ts_reader *r, struct tls_store *out)
{
    struct zk_buf b = { 0 };
    struct zk_errmsg why;
    char *password = NULL;
    int rv = ts_read_password(r, &password);

    if (rv == ZK_OK) {
        rv = zk_read_file(r->c->location, TLS_STORE_MAX_BYTES, &b, &why);
        rv = rv == ZK_OK ? ts_parse(r, &b, password, out)
                         : zk_fail(r->em, ZK_ECONFIG, "%s%s.location: %s",
                                   r->prefix, r->which, why.text);
    }
    if (password != NULL) {
        OPENSSL_cleanse(password, strlen(password));
        free(password);
    }
    if (b.data != NULL) {
        OPENSSL_cleanse(b.data, b.cap);
    }
    zk_buf_fini(&b);
    return rv;
}

int
tls_store_read_keys(const struct tls_store_config *c, const char *prefix,
                    struct tls_store *out, struct zk_errmsg *em)
{
    const struct ts_reader r = { c, prefix, "keyStore", TLS_USE_KEYS, em };
    int rv = ts_read(&r, out);

    if (rv == ZK_OK && out->n_ids == 0) {
        rv = ts_fail(&r, "holds no private key with a certificate");
    }
    return rv;
}

int
tls_store_read_trust(const struct tls_store_config *c, const char *prefix,
                     struct tls_store *out, struct zk_errmsg *em)
{
    const struct ts_reader r = { c, prefix, "trustStore", TLS_USE_TRUST,
                                 em };
    int rv = ts_read(&r, out);

    if (rv == ZK_OK && sk_X509_num(out->trusted) <= 0) {
        rv = ts_fail(&r, "holds no trusted certificate");
    }
    return rv;
}
