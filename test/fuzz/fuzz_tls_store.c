/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * fuzz_tls_store: PEM files, PKCS12 stores, names in certificates and the
 * first bytes of connections.  The first byte of the input says which, and
 * what is looked for.
 */
#include <config.h>

#include <stdlib.h>

#include <openssl/err.h>

#include "test/fuzz/fuzz.h"
#include "tls/tls_conn.h"
#include "tls/tls_name.h"
#include "tls/tls_store.h"
#include "util/utf8.h"

static void
ft_store(const uint8_t *p, size_t len, uint8_t how)
{
    enum tls_store_use use = (how & 1) == 0 ? TLS_USE_KEYS : TLS_USE_TRUST;
    struct tls_store store = { 0 };
    struct zk_errmsg em = { "" };
    int rv = (how & 2) == 0
             ? tls_pem_parse(p, len, use, "changeit", &store, &em)
             : tls_pkcs12_parse(p, len, use, "changeit", &store, &em);

    zk_assert(rv == ZK_OK || em.text[0] != '\0');
    zk_assert(use == TLS_USE_KEYS || store.n_ids == 0);
    zk_assert(use == TLS_USE_TRUST || store.trusted == NULL);
    tls_store_fini(&store);
}

/* What is printed is UTF-8 without a NUL: it goes into ids and logs. */
static void
ft_name(const uint8_t *p, size_t len)
{
    X509_NAME *name = d2i_X509_NAME(NULL, &p, (long) len);
    struct zk_buf out = { 0 }, again = { 0 };

    if (name != NULL) {
        tls_name_print(name, &out);
        zk_assert(memchr(out.data, '\0', out.len) == NULL);
        utf8_repair(zk_slice(out.data, (int32_t) out.len), &again);
        zk_assert(again.len == out.len
                  && (out.len == 0
                      || memcmp(again.data, out.data, out.len) == 0));
    }
    zk_buf_fini(&out);
    zk_buf_fini(&again);
    X509_NAME_free(name);
    ERR_clear_error();
}

/* More bytes never change what some have said. */
static void
ft_sniff(const uint8_t *p, size_t len)
{
    enum tls_sniff before = TLS_SNIFF_MORE;

    for (size_t n = 0; n <= len && n < 16; n++) {
        enum tls_sniff is = tls_sniff(p, n);

        zk_assert(before == TLS_SNIFF_MORE || is == before);
        before = is;
    }
}

/* Host names against a certificate. */
static void
ft_host(const uint8_t *p, size_t len)
{
    size_t text = 0;
    X509 *cert;
    char *host;

    while (text < len && p[text] != '\n') {
        text++;
    }
    host = zk_xstrndup((const char *) p, text);
    p += text < len ? text + 1 : text;
    cert = d2i_X509(NULL, &p, (long) (len - text - (text < len ? 1 : 0)));
    if (cert != NULL) {
        (void) tls_name_matches_host(cert, host);
    }
    (void) tls_name_is_address(host);
    X509_free(cert);
    free(host);
    ERR_clear_error();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = fuzz_input(data, size);
    uint8_t how = fuzz_u8(&in);
    uint8_t *copy = fuzz_copy(zk_slice(in.p, (int32_t) in.left));

    switch (how % 7) {
    case 4:
        ft_name(copy, in.left);
        break;
    case 5:
        ft_sniff(copy, in.left);
        break;
    case 6:
        ft_host(copy, in.left);
        break;
    default:
        ft_store(copy, in.left, how % 7);
        break;
    }
    free(copy);
    return 0;
}
