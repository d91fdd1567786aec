/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path_utils.h: which paths a znode may be created under (Java:
 * PathUtils.validatePath).  Only writes validate; reads look a path up as it
 * is, and replayed transactions are taken as they were written.
 */
#ifndef PROTO_PATH_UTILS_H
#define PROTO_PATH_UTILS_H

#include "util/zk_slice.h"

/* NULL when the path is fine, else what is wrong with it.  A path starts
 * with '/', has no empty, "." or ".." component, no '/' at its end (but for
 * "/" itself), and no character that Java refuses: U+0000..001F,
 * U+007F..009F, U+D800..F8FF (so none above U+FFFF, which Java sees as
 * surrogates), U+FFF0..FFFF (so no malformed UTF-8, which Java reads as
 * U+FFFD). */
const char *path_validate(struct zk_slice path);
/* True when a byte of it is NUL. */
bool path_has_nul(struct zk_slice path);

#endif
