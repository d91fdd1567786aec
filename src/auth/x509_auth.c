/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheme "x509", as far as ACLs and auth packets go; its ids come from
 * the TLS handshake (Java: X509AuthenticationProvider).
 */
#include <config.h>

#include "auth/providers.h"
#include "proto/keeper_error.h"

/* The superUser's certificate opens every x509 entry. */
static bool
xa_matches(const struct auth_options *opts, struct zk_slice id,
           struct zk_slice acl_id)
{
    return zk_slice_eq(id, acl_id)
           || (opts->x509_super_user != NULL
               && zk_slice_eq_str(id, opts->x509_super_user));
}

/* Who showed a certificate was authenticated when the connection began. */
static int
xa_authenticate(const struct auth_options *opts, const struct auth_info *info,
                struct zk_slice data, struct auth_info **out)
{
    (void) opts;
    (void) data;
    if (!auth_info_has_scheme(info, "x509")) {
        return KE_AUTH_FAILED;
    }
    *out = auth_info_copy(info);
    return KE_OK;
}

const struct auth_provider x509_auth_provider = {
    .scheme = "x509",
    .authenticated = true,
    .is_valid = x509_name_valid,
    .matches = xa_matches,
    .authenticate = xa_authenticate,
    .user_name = auth_whole_id,
};
