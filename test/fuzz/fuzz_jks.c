/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * fuzz_jks: Java's key stores, behind their integrity check, which no random
 * bytes would pass: the first byte says what is looked for, the rest is the
 * store without its SHA-1.  The password is "changeit".
 */
#include <config.h>

#include <stdlib.h>

#include "test/fuzz/fuzz.h"
#include "tls/tls_store.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = fuzz_input(data, size);
    enum tls_store_use use = fuzz_u8(&in) % 2 == 0 ? TLS_USE_KEYS
                                                   : TLS_USE_TRUST;
    uint8_t *copy = fuzz_copy(zk_slice(in.p, (int32_t) in.left));
    struct tls_store store = { 0 };
    struct zk_errmsg em = { "" };
    int rv = tls_jks_parse_entries(copy, in.left, use, "changeit", &store,
                                   &em);

    zk_assert(rv == ZK_OK || em.text[0] != '\0');
    zk_assert(use == TLS_USE_KEYS || store.n_ids == 0);
    zk_assert(use == TLS_USE_TRUST || store.trusted == NULL);
    for (size_t i = 0; i < store.n_ids; i++) {
        zk_assert(store.ids[i].key != NULL && store.ids[i].cert != NULL
                  && store.ids[i].chain != NULL);
    }
    tls_store_fini(&store);
    /* With the check in front, it is no store. */
    rv = tls_jks_parse(copy, in.left, use, "changeit", &store, &em);
    zk_assert(rv == ZK_OK || em.text[0] != '\0');
    tls_store_fini(&store);
    free(copy);
    return 0;
}
