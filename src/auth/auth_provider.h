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
    /* Schemes that exist only where the configuration asks for them
     * (authProvider.N, a secure port, a JAAS section). */
    bool x509_enabled;
    bool sasl_enabled;
    bool ensemble_enabled;
    const char *ensemble_names; /* ensembleAuthName, "a,b"; NULL: any. */
    /* letAnySaslUserDoX: an ACL for this sasl id admits every sasl id. */
    const char *sasl_any_user;
};

/* More ids than this one connection cannot collect: each one is looked at in
 * every check of an ACL. */
#define AUTH_MAX_IDS 1000

struct auth_provider {
    const char *scheme;
    /* Ids of this scheme may replace "auth" entries of an ACL. */
    bool authenticated;
    /* Is the text a legal id in an ACL? */
    bool (*is_valid)(struct zk_slice id);
    /* Does the ACL's id admit somebody who holds 'id'? */
    bool (*matches)(const struct auth_options *opts, struct zk_slice id,
                    struct zk_slice acl_id);
    /* An auth packet: KE_OK and the connection's new list in *out (a new
     * reference); KE_AUTH_FAILED: say so and close; KE_BAD_ARGUMENTS: close
     * without an answer, so that the client tries another server.  NULL:
     * the scheme cannot be asked for (KE_AUTH_FAILED). */
    int (*authenticate)(const struct auth_options *opts,
                        const struct auth_info *info, struct zk_slice data,
                        struct auth_info **out);
    /* The name that whoAmI shows for an id, borrowed from it. */
    struct zk_slice (*user_name)(struct zk_slice id);
};

/* The provider of a scheme among those that the options switch on, or
 * NULL. */
const struct auth_provider *
auth_provider_find(const struct auth_options *opts, struct zk_slice scheme);

/* Handles an auth packet of any scheme; results as of 'authenticate', with
 * KE_AUTH_FAILED for schemes that are unknown, off or cannot be asked for.
 * On failure *out is NULL. */
int auth_packet(const struct auth_options *opts,
                const struct auth_info *info, struct zk_slice scheme,
                struct zk_slice data, struct auth_info **out) ZK_WARN_UNUSED;

/* What whoAmI shows for one id: empty where no provider knows the scheme. */
struct zk_slice auth_user_name(const struct auth_options *opts,
                               const struct auth_id *id);

/* base64(digest(text)) of the options' algorithm into 'out' (a NUL ends it);
 * false when the algorithm is unknown. */
bool digest_auth_generate(const struct auth_options *opts,
                          struct zk_slice text, char *out, size_t size);

#endif
