/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "shell/java_path.h"

#include <stdlib.h>
#include <string.h>

#include "proto/path_utils.h"
#include "util/utf8.h"

/* What is wrong with the character of 'n' bytes at 'p', or NULL.  What stands
 * in front of it is fine. */
static const char *
jp_reason(const char *path, const char *p, size_t n)
{
    bool ends = p[1] == '\0' || p[1] == '/';

    if (*p == '/' && p[-1] == '/') {
        return "empty node name specified";
    }
    if (*p == '.' && ends
        && (p[-1] == '/' || (p[-1] == '.' && p - path >= 2
                             && p[-2] == '/'))) {
        return "relative paths not allowed";
    }
    /* One character between two that are fine tells about itself alone. */
    char *probe = zk_xasprintf("/%.*sx", (int) n, p);
    bool fine = *p == '/' || *p == '.'
                || path_validate(zk_slice_str(probe)) == NULL;

    free(probe);
    return fine ? NULL : "invalid character";
}

int
java_path_check(const char *path, struct zk_errmsg *em)
{
    size_t len = strlen(path);
    size_t at = 1;              /* In Java's chars: UTF-16. */

    if (path_validate(zk_slice_str(path)) == NULL) {
        return ZK_OK;
    }
    if (len == 0) {
        return zk_fail(em, ZK_ECONFIG, "Path length must be > 0");
    }
    if (path[0] != '/') {
        return zk_fail(em, ZK_ECONFIG, "Path must start with / character");
    }
    if (len > 1 && path[len - 1] == '/') {
        return zk_fail(em, ZK_ECONFIG, "Path must not end with / character");
    }
    for (size_t i = 1; i < len;) {
        bool ok;
        size_t n = utf8_next((const uint8_t *) path + i, len - i, &ok);
        const char *why = jp_reason(path, path + i, n);

        if (why != NULL) {
            return zk_fail(em, ZK_ECONFIG, "Invalid path string \"%s\" "
                           "caused by %s @%zu", path, why, at);
        }
        i += n;
        at += n == 4 ? 2 : 1;
    }
    return zk_fail(em, ZK_ECONFIG, "Invalid path string \"%s\" caused by %s",
                   path, path_validate(zk_slice_str(path)));
}

int
java_path_check_sequential(const char *path, struct zk_errmsg *em)
{
    char *whole = zk_xasprintf("%s1", path);
    int rv = java_path_check(whole, em);

    free(whole);
    return rv;
}
