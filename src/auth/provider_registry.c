/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schemes that a connection can be asked for.  "world" and "auth" have
 * no provider: acl_check.c and acl_fixup.c know what they mean.  (Java:
 * ProviderRegistry.)
 */
#include <config.h>

#include "auth/auth_provider.h"

#include "auth/providers.h"
#include "proto/keeper_error.h"

struct zk_slice
auth_whole_id(struct zk_slice id)
{
    return id;
}

bool
auth_same_id(const struct auth_options *opts, struct zk_slice id,
             struct zk_slice acl_id)
{
    (void) opts;
    return zk_slice_eq(id, acl_id);
}

const struct auth_provider *
auth_provider_find(const struct auth_options *opts, struct zk_slice scheme)
{
    const struct {
        const struct auth_provider *provider;
        bool on;
    } all[] = {
        { &digest_auth_provider, opts->digest_enabled },
        { &ip_auth_provider, true },
        { &sasl_auth_provider, opts->sasl_enabled },
        { &x509_auth_provider, opts->x509_enabled },
        { &ensemble_auth_provider, opts->ensemble_enabled },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(all); i++) {
        if (all[i].on && zk_slice_eq_str(scheme, all[i].provider->scheme)) {
            return all[i].provider;
        }
    }
    return NULL;
}

int
auth_packet(const struct auth_options *opts, const struct auth_info *info,
            struct zk_slice scheme, struct zk_slice data,
            struct auth_info **out)
{
    const struct auth_provider *p = auth_provider_find(opts, scheme);

    ZK_CHECK(info, AUTH_INFO_MAGIC);
    *out = NULL;
    if (p == NULL || p->authenticate == NULL || info->n >= AUTH_MAX_IDS) {
        return KE_AUTH_FAILED;
    }
    return p->authenticate(opts, info, data, out);
}

struct zk_slice
auth_user_name(const struct auth_options *opts, const struct auth_id *id)
{
    const struct auth_provider *p;

    p = auth_provider_find(opts, auth_id_scheme(id));
    return p != NULL ? p->user_name(auth_id_text(id)) : ZK_SLICE_LIT("");
}
