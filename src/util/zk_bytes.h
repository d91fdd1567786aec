/* SPDX-License-Identifier: Apache-2.0 */
/* zk_bytes.h: big-endian integers at any address. */
#ifndef UTIL_ZK_BYTES_H
#define UTIL_ZK_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t
zk_get_be32(const void *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return be32toh(v);
}

static inline uint64_t
zk_get_be64(const void *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return be64toh(v);
}

static inline void
zk_put_be32(void *p, uint32_t v)
{
    v = htobe32(v);
    memcpy(p, &v, sizeof v);
}

static inline void
zk_put_be64(void *p, uint64_t v)
{
    v = htobe64(v);
    memcpy(p, &v, sizeof v);
}

#endif
