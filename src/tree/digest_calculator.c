/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tree/digest_calculator.h"

#include <endian.h>

#include "util/zk_bytes.h"

/* crc_table[k][b]: what byte b does to the CRC, k bytes further on.  Eight
 * bytes a step; zlib's own loop is faster for long buffers only, and what is
 * summed up here is 60 bytes at a time. */
static uint32_t crc_table[8][256];

__attribute__((constructor)) static void
crc_table_init(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t crc = b;

        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
        }
        crc_table[0][b] = crc;
    }
    for (uint32_t b = 0; b < 256; b++) {
        for (int k = 1; k < 8; k++) {
            uint32_t crc = crc_table[k - 1][b];

            crc_table[k][b] = crc >> 8 ^ crc_table[0][crc & 0xff];
        }
    }
}

static uint32_t
crc_add(uint32_t crc, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;

    crc = ~crc;
    for (; len >= 8; len -= 8, p += 8) {
        uint64_t w;

        memcpy(&w, p, sizeof w);
        w = le64toh(w) ^ crc;
        crc = crc_table[7][w & 0xff] ^ crc_table[6][w >> 8 & 0xff]
              ^ crc_table[5][w >> 16 & 0xff] ^ crc_table[4][w >> 24 & 0xff]
              ^ crc_table[3][w >> 32 & 0xff] ^ crc_table[2][w >> 40 & 0xff]
              ^ crc_table[1][w >> 48 & 0xff] ^ crc_table[0][w >> 56];
    }
    for (; len > 0; len--) {
        crc = crc >> 8 ^ crc_table[0][(crc ^ *p++) & 0xff];
    }
    return ~crc;
}

static uint32_t
crc_add_slice(uint32_t crc, struct zk_slice s)
{
    return s.len > 0 ? crc_add(crc, s.p, (size_t) s.len) : crc;
}

uint32_t
digest_prefix_crc(struct zk_slice path, struct zk_slice data)
{
    if (zk_slice_eq_str(path, "/")) {
        path.len = 0;
    }
    return crc_add_slice(crc_add_slice(0, path), data);
}

uint32_t
digest_node(uint32_t prefix_crc, const struct jute_stat_persisted *stat)
{
    unsigned char b[60];

    zk_put_be64(b, (uint64_t) stat->czxid);
    zk_put_be64(b + 8, (uint64_t) stat->mzxid);
    zk_put_be64(b + 16, (uint64_t) stat->pzxid);
    zk_put_be64(b + 24, (uint64_t) stat->ctime);
    zk_put_be64(b + 32, (uint64_t) stat->mtime);
    zk_put_be32(b + 40, (uint32_t) stat->version);
    zk_put_be32(b + 44, (uint32_t) stat->cversion);
    zk_put_be32(b + 48, (uint32_t) stat->aversion);
    zk_put_be64(b + 52, (uint64_t) stat->ephemeral_owner);
    return crc_add(prefix_crc, b, sizeof b);
}

bool
digest_excludes(struct zk_slice path)
{
    return zk_slice_starts_with(path, ZK_SLICE_LIT("/zookeeper/"));
}
