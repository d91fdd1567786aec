/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl_text.h: ACLs as people write and read them (Java: AclParser,
 * GetAclCommand): "scheme:id:perms[,scheme:id:perms...]", where the id may
 * hold colons and perms are of the letters cdrwa.
 *
 * Thread-safety: none needed; pure functions over the caller's memory.
 */
#ifndef SHELL_ACL_TEXT_H
#define SHELL_ACL_TEXT_H

#include "proto/acl_codec.h"

/* Appends the raw list (acl_codec.h) that the text stands for.  A part that
 * is none, and a letter that is none, are left out; 'complaints' gets a line
 * for each. */
void acl_text_parse(const char *text, struct zk_buf *raw,
                    struct zk_buf *complaints);
/* Appends two lines for one ACL: "'scheme,'id" and ": cdrwa".  Newlines, ','
 * '}' and '%' in scheme and id become "%2C" and the like. */
void acl_text_print(const struct acl_entry *e, struct zk_buf *out);

#endif
