/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest_calculator.h: the digest of one node, version 2 (Java:
 * DigestCalculator).  A tree's digest is the sum of its nodes', modulo 2^64;
 * nodes below /zookeeper are left out.
 *
 * A node's digest is one CRC-32 over its path ("" for the root), its data
 * and 60 bytes of stat.  It is computed in two steps, since most changes
 * touch the stat alone.
 */
#ifndef TREE_DIGEST_CALCULATOR_H
#define TREE_DIGEST_CALCULATOR_H

#include "jute/zookeeper_records.h"
#include "util/zk_slice.h"

/* CRC-32 over path and data. */
uint32_t digest_prefix_crc(struct zk_slice path, struct zk_slice data);
/* The same CRC carried on over the stat: the node's digest. */
uint32_t digest_node(uint32_t prefix_crc,
                     const struct jute_stat_persisted *stat);
/* True for paths whose nodes are left out. */
bool digest_excludes(struct zk_slice path);

#endif
