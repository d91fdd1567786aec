/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl_check.h: the two rules about ACLs (Java: ZooKeeperServer.checkACL and
 * PrepRequestProcessor.fixupACL).  ACLs are raw vector<ACL> bytes.
 */
#ifndef AUTH_ACL_CHECK_H
#define AUTH_ACL_CHECK_H

#include "auth/auth_provider.h"
#include "proto/acl_codec.h"
#include "util/zk_buf.h"

/* May somebody with 'info' do what any bit of 'perm' stands for?  Yes when:
 * skipACL; the list is null or empty; a "super" id; an entry with one of the
 * bits names world:anyone or matches one of the ids.  'info' NULL: nobody. */
bool acl_check(const struct auth_options *opts, struct zk_slice acl,
               int perm, const struct auth_info *info);

/* Appends to 'out' the list as it is to be stored: duplicates dropped (of the
 * request, not of what "auth" makes), "auth" replaced by the requester's
 * authenticated ids, each entry valid.  Returns KE_OK, KE_INVALID_ACL, or
 * KE_MARSHALLING for a null id where one is looked at (then 'out' is as
 * before).  A list that "auth" would make grow by more than a megabyte is
 * invalid. */
int acl_fixup(const struct auth_options *opts, struct zk_slice acl,
              const struct auth_info *info, struct zk_buf *out)
    ZK_WARN_UNUSED;

#endif
