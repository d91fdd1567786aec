/* SPDX-License-Identifier: Apache-2.0 */
/* zk_utf8.h: text that may not be UTF-8.  Pure functions. */
#ifndef UTIL_ZK_UTF8_H
#define UTIL_ZK_UTF8_H

#include "util/zk_buf.h"
#include "util/zk_slice.h"

/* Appends the text with each malformed part replaced by U+FFFD, just as
 * Java's decoder does it: ids, passwords and names that are not UTF-8 must
 * come to the same on every server. */
void zk_utf8_repair(struct zk_slice text, struct zk_buf *out);

#endif
