/* SPDX-License-Identifier: Apache-2.0 */
/* providers.h: the schemes that provider_registry.c lists; for auth/ alone. */
#ifndef AUTH_PROVIDERS_H
#define AUTH_PROVIDERS_H

#include "auth/auth_provider.h"
#include "util/utf8.h"
#include "util/zk_buf.h"

extern const struct auth_provider digest_auth_provider;
extern const struct auth_provider ip_auth_provider;
extern const struct auth_provider x509_auth_provider;
extern const struct auth_provider sasl_auth_provider;
extern const struct auth_provider ensemble_auth_provider;

/* The id as it is, for providers without a better name. */
struct zk_slice auth_whole_id(struct zk_slice id);
/* True when both texts are the same. */
bool auth_same_id(const struct auth_options *opts, struct zk_slice id,
                  struct zk_slice acl_id);

/* Is the text a distinguished name that Java's X500Principal takes? */
bool x509_name_valid(struct zk_slice name);

#endif
