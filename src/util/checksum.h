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

/* CRC-32 as zlib's; begins with 0. */
static inline uint32_t
checksum_crc32(uint32_t crc, const void *p, size_t len)
{
    return len > 0 ? libdeflate_crc32(crc, p, len) : crc;
}

#endif
