/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checksum.h: the checksums of Apache's files, by libdeflate, which is
 * several times faster than zlib on buffers of a record's size and on those
 * of a snapshot's.
 */
#ifndef UTIL_CHECKSUM_H
#define UTIL_CHECKSUM_H

#include <libdeflate.h>
#include <stddef.h>
#include <stdint.h>

/* The Adler-32 of no bytes, to be carried on. */
#define CHECKSUM_ADLER32_INIT 1u

/* 'sum' carried on over 'len' bytes. */
static inline uint32_t
checksum_adler32(uint32_t sum, const void *p, size_t len)
{
    return len > 0 ? libdeflate_adler32(sum, p, len) : sum;
}

/* What divides both halves of an Adler-32. */
#define CHECKSUM_ADLER32_MOD 65521u

/* The Adler-32 of the last 'len' of some bytes: from that of all of them and
 * from that of those in front. */
static inline uint32_t
checksum_adler32_tail(uint32_t front, uint32_t all, size_t len)
{
    const uint32_t mod = CHECKSUM_ADLER32_MOD;
    uint32_t a = ((all & 0xffff) + mod - (front & 0xffff)) % mod;
    uint32_t b = ((all >> 16) + mod - (front >> 16)) % mod;
    /* What the sum of the front added to 'b' at each of the bytes; of the one
     * that a sum begins with the tail has its own. */
    uint64_t added = (uint64_t) (len % mod)
                     * (((front & 0xffff) + mod - 1) % mod) % mod;

    a = (a + 1) % mod;
    b = (b + mod - (uint32_t) added) % mod;
    return b << 16 | a;
}

/* CRC-32 as zlib's; begins with 0. */
static inline uint32_t
checksum_crc32(uint32_t crc, const void *p, size_t len)
{
    return len > 0 ? libdeflate_crc32(crc, p, len) : crc;
}

#endif
