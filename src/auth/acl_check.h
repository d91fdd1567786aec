/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl_check.h: the two rules about ACLs (Java: ZooKeeperServer.checkACL and
 * PrepRequestProcessor.fixupACL).  ACLs are raw vector<ACL> bytes.
 */
#ifndef AUTH_ACL_CHECK_H
#define AUTH_ACL_CHECK_H

#include "auth/auth_provider.h"
#include "util/zk_buf.h"

enum acl_perm {
    ACL_PERM_READ = 1,
    ACL_PERM_WRITE = 2,
    ACL_PERM_CREATE = 4,
    ACL_PERM_DELETE = 8,
    ACL_PERM_ADMIN = 16,
    ACL_PERM_ALL = 31,
};

/* May somebody with 'info' do what any bit of 'perm' stands for?  Yes when:
 * skipACL; the list is null or empty; a "super" id; an entry with one of the
 * bits names world:anyone or matches one of the ids.  'info' NULL: nobody. */
bool acl_check(const struct auth_options *opts, struct zk_slice acl,
               int perm, const struct auth_info *info);

/* Appends to 'out' the list as it is to be stored: duplicates dropped,
 * "auth" replaced by the requester's authenticated ids, each entry valid.
 * Returns KE_OK or KE_INVALID_ACL (then 'out' is as before). */
int acl_fixup(const struct auth_options *opts, struct zk_slice acl,
              const struct auth_info *info, struct zk_buf *out)
    ZK_WARN_UNUSED;

#endif
