/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snap_xerial.h: the stream that snappy-java writes, which is not snappy's
 * own framing: an 8-byte magic, two ints (version, lowest compatible
 * version), then blocks of int length and raw snappy.  A header may come
 * again between blocks (streams put one behind the other).
 */
#ifndef PERSISTENCE_SNAP_XERIAL_H
#define PERSISTENCE_SNAP_XERIAL_H

#include "util/zk_buf.h"

#define XERIAL_HEADER_LEN 16
#define XERIAL_MAGIC_LEN 8
#define XERIAL_MAGIC "\x82SNAPPY\0"
/* The first four bytes of the magic, where a block's length stands. */
#define XERIAL_MAGIC_INT 0x82534e41
/* What is compressed at a time when writing, as snappy-java does. */
#define XERIAL_BLOCK 32768
/* No block is larger when reading, compressed or not: snappy-java's largest
 * is 512 MiB by option, and nobody sets it. */
#define XERIAL_MAX_BLOCK (64 << 20)

static inline void
xerial_header_encode(struct zk_buf *out)
{
    zk_buf_append(out, XERIAL_MAGIC "\0\0\0\1\0\0\0\1", XERIAL_HEADER_LEN);
}

#endif
