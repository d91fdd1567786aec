/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zk_error.h: the result of functions that can fail, inside the server.
 * (Codes that clients see are in proto/keeper_error.h.)
 */
#ifndef UTIL_ZK_ERROR_H
#define UTIL_ZK_ERROR_H

#include "util/zk_obj.h"

enum zk_error {
    ZK_OK = 0,
    ZK_ETOOBIG = -1,    /* A length from outside is over its limit. */
    ZK_EIO = -2,        /* The kernel refused: errno is in the message. */
    ZK_EMARSHAL = -3,   /* Bytes from a peer, client or file do not decode. */
    ZK_ETORN = -4,      /* A log ends inside an entry: stop there. */
    ZK_ESTOPPED = -5,   /* The owner asked this thread or queue to stop. */
    ZK_ENOSPC = -6,     /* The disk is full (or over quota). */
    ZK_ENOTFOUND = -7,  /* What was asked for is not there. */
    ZK_ECONFIG = -8,    /* A configuration or an argument is wrong. */
    ZK_ECORRUPT = -9,   /* A file is damaged in a way no crash explains. */
    ZK_EEXIST = -10,    /* What was to be made is already there. */
};

/* Why something failed, for people: names the file, line, offset, address or
 * znode.  A caller embeds or declares one; the first failure is kept. */
struct zk_errmsg {
    char text[512];
};

/* Sets the text (replacing what was there) and returns 'code', so that a
 * function can end with `return zk_fail(em, ZK_EIO, ...)`.  'em' may be
 * NULL. */
int zk_fail(struct zk_errmsg *em, int code, const char *fmt, ...)
    ZK_PRINTF(3, 4);
/* The same for the error in errno: maps ENOSPC and EDQUOT to ZK_ENOSPC,
 * ENOENT to ZK_ENOTFOUND, EEXIST to ZK_EEXIST, the rest to ZK_EIO, and
 * appends ": <strerror>". */
int zk_fail_errno(struct zk_errmsg *em, const char *fmt, ...)
    ZK_PRINTF(2, 3);
/* "ZK_EIO" for -2 and so on; "ZK_?" for an unknown one. */
const char *zk_error_name(int code);

#endif
