/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tree/digest_calculator.h"

#include "util/checksum.h"
#include "util/zk_bytes.h"

static uint32_t
crc_add_slice(uint32_t crc, struct zk_slice s)
{
    return s.len > 0 ? checksum_crc32(crc, s.p, (size_t) s.len) : crc;
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
    return checksum_crc32(prefix_crc, b, sizeof b);
}

bool
digest_excludes(struct zk_slice path)
{
    return zk_slice_starts_with(path, ZK_SLICE_LIT("/zookeeper/"));
}
