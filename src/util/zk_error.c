/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "util/zk_error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int
zke_code_of_errno(int err)
{
    switch (err) {
    case ENOSPC:
    case EDQUOT:
        return ZK_ENOSPC;
    case ENOENT:
        return ZK_ENOTFOUND;
    case EEXIST:
        return ZK_EEXIST;
    default:
        return ZK_EIO;
    }
}

int
zk_fail(struct zk_errmsg *em, int code, const char *fmt, ...)
{
    va_list ap;

    if (em != NULL) {
        va_start(ap, fmt);
        vsnprintf(em->text, sizeof em->text, fmt, ap);
        va_end(ap);
    }
    return code;
}

int
zk_fail_errno(struct zk_errmsg *em, const char *fmt, ...)
{
    int err = errno;
    char why[128];
    va_list ap;
    size_t len;
    int n;

    if (em != NULL) {
        va_start(ap, fmt);
        n = vsnprintf(em->text, sizeof em->text, fmt, ap);
        va_end(ap);
        len = n > 0 ? (size_t) n : 0;
        if (len < sizeof em->text) {
            /* The GNU strerror_r: may or may not use 'why'. */
            snprintf(em->text + len, sizeof em->text - len, ": %s",
                     strerror_r(err, why, sizeof why));
        }
    }
    errno = err;
    return zke_code_of_errno(err);
}

const char *
zk_error_name(int code)
{
    switch (code) {
    case ZK_OK:
        return "ZK_OK";
    case ZK_ETOOBIG:
        return "ZK_ETOOBIG";
    case ZK_EIO:
        return "ZK_EIO";
    case ZK_EMARSHAL:
        return "ZK_EMARSHAL";
    case ZK_ETORN:
        return "ZK_ETORN";
    case ZK_ESTOPPED:
        return "ZK_ESTOPPED";
    case ZK_ENOSPC:
        return "ZK_ENOSPC";
    case ZK_ENOTFOUND:
        return "ZK_ENOTFOUND";
    case ZK_ECONFIG:
        return "ZK_ECONFIG";
    case ZK_ECORRUPT:
        return "ZK_ECORRUPT";
    case ZK_EEXIST:
        return "ZK_EEXIST";
    default:
        return "ZK_?";
    }
}
