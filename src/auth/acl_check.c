/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "auth/acl_check.h"

/* Does an entry's id admit one of those that the requester holds? */
static bool
ac_admits(const struct auth_options *opts, const struct acl_entry *e,
          const struct auth_info *info)
{
    const struct auth_provider *provider = NULL;

    for (size_t i = 0; i < info->n; i++) {
        const struct auth_id *id = &info->ids[i];

        if (!zk_slice_eq(auth_id_scheme(id), e->scheme)) {
            continue;
        }
        if (provider == NULL) {
            provider = auth_provider_find(opts, e->scheme);
            if (provider == NULL) {
                return false;
            }
        }
        if (provider->matches(opts, auth_id_text(id), e->id)) {
            return true;
        }
    }
    return false;
}

bool
acl_check(const struct auth_options *opts, struct zk_slice acl, int perm,
          const struct auth_info *info)
{
    struct acl_iter it;
    struct acl_entry e;
    bool empty = true;

    if (opts->skip_acl || (info != NULL && info->super)) {
        return true;
    }
    acl_iter_init(&it, acl);
    while (acl_iter_next(&it, &e)) {
        empty = false;
        if ((e.perms & perm) == 0) {
            continue;
        }
        if (zk_slice_eq_str(e.scheme, "world")
            && zk_slice_eq_str(e.id, "anyone")) {
            return true;
        }
        if (info != NULL && ac_admits(opts, &e, info)) {
            return true;
        }
    }
    return empty;
}
