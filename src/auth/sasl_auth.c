/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheme "sasl", as far as ACLs go; its ids come from the SASL exchange
 * (Java: SASLAuthenticationProvider, KerberosName).
 */
#include <config.h>

#include "auth/providers.h"

/* Any text without '@', or a Kerberos name "name[/host]@realm". */
static bool
sasl_is_valid(struct zk_slice id)
{
    int slashes = 0;
    int ats = 0;
    bool slash_in_realm = false;

    for (int32_t i = 0; i < id.len; i++) {
        if (id.p[i] == '@') {
            ats++;
        } else if (id.p[i] == '/') {
            slashes++;
            slash_in_realm |= ats > 0;
        }
    }
    return ats == 0 || (ats == 1 && slashes <= 1 && !slash_in_realm);
}

static bool
sasl_matches(const struct auth_options *opts, struct zk_slice id,
             struct zk_slice acl_id)
{
    return zk_slice_eq(id, acl_id) || zk_slice_eq_str(id, "super")
           || (opts->sasl_any_user != NULL
               && zk_slice_eq_str(acl_id, opts->sasl_any_user));
}

const struct auth_provider sasl_auth_provider = {
    .scheme = "sasl",
    .authenticated = true,
    .is_valid = sasl_is_valid,
    .matches = sasl_matches,
    .authenticate = NULL,
    .user_name = auth_whole_id,
};
