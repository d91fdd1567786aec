/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * fuzz_acl: who a connection is, and what ACLs make of it.  The input: a byte
 * of options, a byte that says how many auth packets come (scheme and data,
 * each behind two bytes of length), then a raw list of ACLs.
 */
#include <config.h>

#include <stdlib.h>

#include "auth/acl_check.h"
#include "auth/providers.h"
#include "proto/keeper_error.h"
#include "test/fuzz/fuzz.h"
#include "util/utf8.h"

enum {
    OPT_NO_DIGEST = 1, OPT_SUPER = 2, OPT_X509 = 4, OPT_SASL = 8,
    OPT_ENSEMBLE = 16, OPT_ANY_SASL = 32, OPT_SHA256 = 64, OPT_NOBODY = 128,
};

static struct auth_options
fa_options(uint8_t bits)
{
    return (struct auth_options) {
        .digest_enabled = !(bits & OPT_NO_DIGEST),
        .digest_alg = bits & OPT_SHA256 ? "SHA-256" : NULL,
        .super_digest = bits & OPT_SUPER
                            ? "super:D/InIHSb7yEEbrWz8b9l71RjZJU="
                            : NULL,
        .x509_super_user = bits & OPT_X509 ? "CN=root" : NULL,
        .x509_enabled = bits & OPT_X509,
        .sasl_enabled = bits & OPT_SASL,
        .sasl_any_user = bits & OPT_ANY_SASL ? "anyone" : NULL,
        .ensemble_enabled = bits & OPT_ENSEMBLE,
        .ensemble_names = bits & OPT_ENSEMBLE ? "one,two" : NULL,
    };
}

/* The connection after 'n' auth packets. */
static struct auth_info *
fa_authenticate(const struct auth_options *opts, struct fuzz_input *in,
                unsigned n)
{
    struct auth_info *info = auth_info_create("ip", "127.0.0.1");

    while (n-- > 0) {
        struct zk_slice scheme = fuzz_piece(in);
        struct zk_slice data = fuzz_piece(in);
        uint8_t *scheme_copy = fuzz_copy(scheme);
        uint8_t *data_copy = fuzz_copy(data);
        struct auth_info *more = NULL;
        int err = auth_packet(opts, info, zk_slice(scheme_copy, scheme.len),
                              zk_slice(data_copy, data.len), &more);

        zk_assert((err == KE_OK) == (more != NULL));
        if (more != NULL) {
            zk_assert(more->n >= info->n);
            auth_info_unref(info);
            info = more;
        }
        free(scheme_copy);
        free(data_copy);
    }
    for (size_t i = 0; i < info->n; i++) {
        zk_assert(!zk_slice_is_null(auth_user_name(opts, &info->ids[i])));
    }
    return info;
}

/* A permission of two bits is there when one of them is. */
static int
fa_granted(const struct auth_options *opts, struct zk_slice acl,
           const struct auth_info *info)
{
    int granted = 0;

    for (int bit = 1; bit <= ACL_PERM_ADMIN; bit <<= 1) {
        granted |= acl_check(opts, acl, bit, info) ? bit : 0;
    }
    for (int perms = 1; perms <= ACL_PERM_ALL; perms++) {
        zk_assert(acl_check(opts, acl, perms, info)
                  == ((granted & perms) != 0));
    }
    return granted;
}

/* Each id by each scheme's rules for ids. */
static void
fa_ids(const struct auth_options *opts, struct zk_slice acl)
{
    static const struct auth_provider *const all[] = {
        &digest_auth_provider, &ip_auth_provider, &x509_auth_provider,
        &sasl_auth_provider, &ensemble_auth_provider,
    };
    struct acl_iter it;
    struct acl_entry e;

    acl_iter_init(&it, acl);
    while (acl_iter_next(&it, &e)) {
        struct zk_buf repaired = { 0 };
        struct zk_buf again = { 0 };

        if (zk_slice_is_null(e.id)) {
            continue;
        }
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
            if (all[i]->is_valid != NULL && all[i]->is_valid(e.id)
                && all[i]->matches != NULL) {
                (void) all[i]->matches(opts, e.id, e.id);
            }
            if (all[i]->matches != NULL) {
                (void) all[i]->matches(opts,
                                       ZK_SLICE_LIT("192.168.100.1"), e.id);
            }
        }
        utf8_repair(e.id, &repaired);
        utf8_repair(zk_slice(repaired.data, (int32_t) repaired.len),
                       &again);
        zk_assert(repaired.len == again.len
                  && (again.len == 0
                      || memcmp(repaired.data, again.data, again.len) == 0));
        zk_buf_fini(&repaired);
        zk_buf_fini(&again);
    }
}

/* What is stored is valid, stays as it is when it is sent back, and does not
 * keep its own maker from anything that the maker's ids open. */
static void
fa_fixup(const struct auth_options *opts, struct zk_slice acl,
         const struct auth_info *info)
{
    struct zk_buf fixed = { 0 };
    struct zk_buf again = { 0 };
    struct zk_slice stored;
    int err;

    zk_buf_append(&fixed, "kept", 4);
    err = acl_fixup(opts, acl, info, &fixed);
    zk_assert(err == KE_OK || err == KE_INVALID_ACL
              || err == KE_MARSHALLING);
    zk_assert(memcmp(fixed.data, "kept", 4) == 0);
    if (err != KE_OK) {
        zk_assert(fixed.len == 4);
        zk_buf_fini(&fixed);
        return;
    }
    stored = zk_slice(fixed.data + 4, (int32_t) fixed.len - 4);
    zk_assert(acl_raw_valid(stored));
    zk_assert(acl_raw_count(stored) > 0);
    (void) fa_granted(opts, stored, info);
    err = acl_fixup(opts, stored, info, &again);
    zk_assert(err == KE_OK || err == KE_INVALID_ACL);
    if (err == KE_OK) {
        zk_assert(again.len <= (size_t) stored.len);
    }
    zk_buf_fini(&fixed);
    zk_buf_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = fuzz_input(data, size);
    uint8_t bits = fuzz_u8(&in);
    struct auth_options opts = fa_options(bits);
    struct auth_info *info;
    struct input_archive ia;
    struct zk_slice acl;
    uint8_t *copy;

    fuzz_quiet();
    info = fa_authenticate(&opts, &in, fuzz_u8(&in) % 8);
    copy = fuzz_copy(zk_slice(in.p, (int32_t) in.left));
    input_archive_init(&ia, copy, in.left, FUZZ_MAX_LEN);
    if (acl_raw_read(&ia, &acl) == ZK_OK) {
        const struct auth_info *who = bits & OPT_NOBODY ? NULL : info;

        fa_ids(&opts, acl);
        if (fa_granted(&opts, acl, who) != 0 && info->super) {
            zk_assert(fa_granted(&opts, acl, info) == ACL_PERM_ALL);
        }
        fa_fixup(&opts, acl, who);
    }
    free(copy);
    auth_info_unref(info);
    return 0;
}
