/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_provider.h: one ACL scheme (Java: AuthenticationProvider).
 */
#ifndef AUTH_AUTH_PROVIDER_H
#define AUTH_AUTH_PROVIDER_H

#include "auth/auth_info.h"

struct auth_options {
    bool skip_acl;              /* zookeeper.skipACL=yes */
    bool digest_enabled;        /* DigestAuthenticationProvider.enabled */
    const char *digest_alg;     /* digestAlg; NULL: SHA1.  OpenSSL's names
                                 * and Java's ("SHA-256", "SHA3-256"). */
    const char *super_digest;   /* "super:<base64>", or NULL */
    const char *x509_super_user;
};

struct auth_provider {
    const char *scheme;
    /* Ids of this scheme may replace "auth" entries of an ACL. */
    bool authenticated;
    /* Is the text a legal id in an ACL? */
    bool (*is_valid)(struct zk_slice id);
    /* Does the ACL's id admit somebody who holds 'id'? */
    bool (*matches)(struct zk_slice id, struct zk_slice acl_id);
    /* An auth packet: returns the connection's new list in *out (a new
     * reference), or KE_AUTH_FAILED.  NULL: the scheme cannot be asked for. */
    int (*authenticate)(const struct auth_options *opts,
                        const struct auth_info *info, struct zk_slice data,
                        struct auth_info **out);
    /* The name that whoAmI shows for an id. */
    struct zk_slice (*user_name)(struct zk_slice id);
};

/* The provider of a scheme among those that the options switch on, or
 * NULL. */
const struct auth_provider *
auth_provider_find(const struct auth_options *opts, struct zk_slice scheme);

/* base64(digest(text)) of the options' algorithm into 'out' (a NUL ends it);
 * false when the algorithm is unknown. */
bool digest_auth_generate(const struct auth_options *opts,
                          struct zk_slice text, char *out, size_t size);

#endif
