/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheme "ensemble": no identity, but a client's way to ask whether it
 * reached the ensemble it meant (Java: EnsembleAuthenticationProvider).
 */
#include <config.h>

#include <string.h>

#include "auth/providers.h"
#include "proto/keeper_error.h"
#include "util/zk_log.h"

static bool
ens_never(struct zk_slice id)
{
    (void) id;
    return false;
}

static bool
ens_matches_never(const struct auth_options *opts, struct zk_slice id,
                  struct zk_slice acl_id)
{
    (void) opts;
    (void) id;
    (void) acl_id;
    return false;
}

/* The text without blanks and control characters at both ends. */
static struct zk_slice
ens_trim(const char *p, size_t len)
{
    while (len > 0 && (unsigned char) *p <= ' ') {
        p++;
        len--;
    }
    while (len > 0 && (unsigned char) p[len - 1] <= ' ') {
        len--;
    }
    return zk_slice(p, (int32_t) len);
}

/* Is the name among those of a comma-separated list? */
static bool
ens_is_ours(const char *names, struct zk_slice name)
{
    for (;;) {
        size_t len = strcspn(names, ",");

        if (zk_slice_eq(ens_trim(names, len), name)) {
            return true;
        }
        if (names[len] == '\0') {
            return false;
        }
        names += len + 1;
    }
}

/* The answer to a wrong name is none at all: the client then tries another
 * server, where an error would end it. */
static int
ens_authenticate(const struct auth_options *opts,
                 const struct auth_info *info, struct zk_slice data,
                 struct auth_info **out)
{
    if (data.len > 0 && opts->ensemble_names != NULL
        && !ens_is_ours(opts->ensemble_names, data)) {
        zk_warn(auth, "a client of %s asked for another ensemble: %.*s",
                info->ids[0].id, data.len < 200 ? (int) data.len : 200,
                data.p);
        return KE_BAD_ARGUMENTS;
    }
    *out = auth_info_copy(info);
    return KE_OK;
}

const struct auth_provider ensemble_auth_provider = {
    .scheme = "ensemble",
    .authenticated = false,
    .is_valid = ens_never,
    .matches = ens_matches_never,
    .authenticate = ens_authenticate,
    .user_name = auth_whole_id,
};
