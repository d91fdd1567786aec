/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tls/tls_settings.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tls/tls_error.h"
#include "util/zk_buf.h"
#include "util/zk_log.h"

/* Each with forward secrecy; OpenSSL's rules on strength come on top. */
#define TSE_DEFAULT_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES"

/* Calls each(arg, word) for every word of a list with commas. */
static int
tse_each(const char *list, int (*each)(void *arg, const char *word),
         void *arg)
{
    char *copy = zk_xstrdup(list);
    char *rest = copy, *word;
    int rv = ZK_OK;

    while (rv == ZK_OK && (word = strsep(&rest, ",")) != NULL) {
        word += strspn(word, " \t");
        word[strcspn(word, " \t")] = '\0';
        if (*word != '\0') {
            rv = each(arg, word);
        }
    }
    free(copy);
    return rv;
}

/* ---- protocols ----------------------------------------------------------- */

struct tse_protocols {
    const struct tls_config *c;
    const char *name;           /* Of the property. */
    bool v12, v13;
    struct zk_errmsg *em;
};

static int
tse_take_protocol(void *arg, const char *word)
{
    struct tse_protocols *p = arg;

    if (strcmp(word, "TLSv1.2") == 0) {
        p->v12 = true;
    } else if (strcmp(word, "TLSv1.3") == 0) {
        p->v13 = true;
    } else if (strcmp(word, "TLSv1") == 0 || strcmp(word, "TLSv1.1") == 0) {
        zk_warn(tls, "%s%s: %s is not safe any more and is left out",
                p->c->prefix, p->name, word);
    } else {
        return zk_fail(p->em, ZK_ECONFIG, "property %s%s: \"%s\": must be "
                       "TLSv1.2 or TLSv1.3", p->c->prefix, p->name, word);
    }
    return ZK_OK;
}

static int
tse_find_protocols(struct tse_protocols *p)
{
    const char *base = p->c->protocol;

    if (p->c->enabled_protocols != NULL) {
        p->name = "enabledProtocols";
        return tse_each(p->c->enabled_protocols, tse_take_protocol, p);
    }
    p->name = "protocol";
    if (base == NULL || strcmp(base, "TLS") == 0
        || strcmp(base, "TLSv1.3") == 0 || strcmp(base, "Default") == 0) {
        p->v12 = p->v13 = true;
        return ZK_OK;
    }
    return tse_take_protocol(p, base);
}

int
tls_settings_protocols(const struct tls_config *c, SSL_CTX *ctx,
                       struct zk_errmsg *em)
{
    struct tse_protocols p = { c, NULL, false, false, em };
    int rv = tse_find_protocols(&p);

    if (rv != ZK_OK) {
        return rv;
    }
    if (!p.v12 && !p.v13) {
        return zk_fail(em, ZK_ECONFIG, "property %s%s=%s: no protocol is "
                       "left; TLSv1.2 and TLSv1.3 are known", c->prefix,
                       p.name, c->enabled_protocols != NULL
                       ? c->enabled_protocols : c->protocol);
    }
    if (!SSL_CTX_set_min_proto_version(ctx, p.v12 ? TLS1_2_VERSION
                                                  : TLS1_3_VERSION)
        || !SSL_CTX_set_max_proto_version(ctx, p.v13 ? TLS1_3_VERSION
                                                     : TLS1_2_VERSION)) {
        return tls_fail(em, ZK_ECONFIG, "property %s%s", c->prefix, p.name);
    }
    return ZK_OK;
}

/* ---- ciphers ------------------------------------------------------------- */

struct tse_ciphers {
    const struct tls_config *c;
    STACK_OF(SSL_CIPHER) *all;          /* That this OpenSSL has. */
    struct zk_buf v12, v13;             /* Joined by ':'. */
    struct zk_errmsg *em;
};

static const SSL_CIPHER *
tse_find_cipher(const struct tse_ciphers *t, const char *name)
{
    for (int i = 0; i < sk_SSL_CIPHER_num(t->all); i++) {
        const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(t->all, i);
        const char *standard = SSL_CIPHER_standard_name(cipher);

        if (strcmp(SSL_CIPHER_get_name(cipher), name) == 0
            || (standard != NULL && strcmp(standard, name) == 0)
            /* Java has kept old prefixes: SSL_RSA_WITH_... */
            || (standard != NULL && strncmp(name, "SSL_", 4) == 0
                && strncmp(standard, "TLS_", 4) == 0
                && strcmp(standard + 4, name + 4) == 0)) {
            return cipher;
        }
    }
    return NULL;
}

static int
tse_take_cipher(void *arg, const char *word)
{
    struct tse_ciphers *t = arg;
    const SSL_CIPHER *cipher;
    struct zk_buf *to;

    if (strcmp(word, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV") == 0) {
        return ZK_OK;           /* No suite; always sent. */
    }
    cipher = tse_find_cipher(t, word);
    if (cipher == NULL) {
        return zk_fail(t->em, ZK_ECONFIG, "property %sciphersuites: \"%s\" "
                       "is no cipher suite that this OpenSSL has",
                       t->c->prefix, word);
    }
    to = SSL_CIPHER_get_protocol_id(cipher) >> 8 == 0x13 ? &t->v13 : &t->v12;
    zk_buf_printf(to, "%s%s", to->len > 0 ? ":" : "",
                  SSL_CIPHER_get_name(cipher));
    return ZK_OK;
}

/* All that OpenSSL has, the weak ones and those of TLS 1.3 included. */
static SSL_CTX *
tse_list_ciphers(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    bool ok = ctx != NULL
              && SSL_CTX_set_ciphersuites(ctx, "TLS_AES_256_GCM_SHA384:"
                                          "TLS_CHACHA20_POLY1305_SHA256:"
                                          "TLS_AES_128_GCM_SHA256:"
                                          "TLS_AES_128_CCM_SHA256:"
                                          "TLS_AES_128_CCM_8_SHA256")
              && SSL_CTX_set_cipher_list(ctx, "ALL:COMPLEMENTOFALL:"
                                         "@SECLEVEL=0");

    zk_assert(ok);
    return ctx;
}

/* Gives the found ones to 'ctx'; a version without any goes off. */
static int
tse_apply_ciphers(const struct tse_ciphers *t, SSL_CTX *ctx)
{
    bool v12 = t->v12.len > 0
               && SSL_CTX_get_min_proto_version(ctx) <= TLS1_2_VERSION;
    bool v13 = t->v13.len > 0
               && SSL_CTX_get_max_proto_version(ctx) >= TLS1_3_VERSION;

    if (!v12 && !v13) {
        return zk_fail(t->em, ZK_ECONFIG, "property %sciphersuites=%s: none "
                       "of them is of a protocol that is enabled",
                       t->c->prefix, t->c->ciphersuites);
    }
    if ((v12 && !SSL_CTX_set_cipher_list(ctx, (char *) t->v12.data))
        || (v13 && !SSL_CTX_set_ciphersuites(ctx, (char *) t->v13.data))
        || (!v12 && !SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION))
        || (!v13 && !SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION))) {
        return tls_fail(t->em, ZK_ECONFIG, "property %sciphersuites=%s",
                        t->c->prefix, t->c->ciphersuites);
    }
    return ZK_OK;
}

int
tls_settings_ciphers(const struct tls_config *c, SSL_CTX *ctx,
                     struct zk_errmsg *em)
{
    struct tse_ciphers t = { .c = c, .em = em };
    SSL_CTX *list;
    int rv;

    if (c->ciphersuites == NULL) {
        return SSL_CTX_set_cipher_list(ctx, TSE_DEFAULT_CIPHERS)
               ? ZK_OK
               : tls_fail(em, ZK_ECONFIG, "no cipher suites");
    }
    list = tse_list_ciphers();
    t.all = SSL_CTX_get_ciphers(list);
    rv = tse_each(c->ciphersuites, tse_take_cipher, &t);
    if (rv == ZK_OK) {
        rv = tse_apply_ciphers(&t, ctx);
    }
    SSL_CTX_free(list);
    zk_buf_fini(&t.v12);
    zk_buf_fini(&t.v13);
    return rv;
}
