/* SPDX-License-Identifier: Apache-2.0 */
/*
 * java_snapshot.h: the stream behind a SNAP, byte for byte as Java's followers
 * were given it (protocol: appendix 14.2); no /zookeeper/config in it.
 */
#ifndef TEST_JAVA_SNAPSHOT_H
#define TEST_JAVA_SNAPSHOT_H

#include "jute/output_archive.h"

static inline void
java_snapshot_put_node(struct zk_buf *b, const char *path,
                       struct zk_slice data, int32_t cversion, int64_t owner)
{
    output_archive_slice(b, zk_slice_str(path));
    output_archive_slice(b, data);
    output_archive_long(b, -1);
    for (int i = 0; i < 4; i++) {
        output_archive_long(b, 0);      /* czxid, mzxid, ctime, mtime */
    }
    output_archive_int(b, 0);
    output_archive_int(b, cversion);
    output_archive_int(b, 0);
    output_archive_long(b, owner);
    output_archive_long(b, 0);          /* pzxid */
}

/* One session, 0x300, its ephemeral /e1, and /s1 without data. */
static inline void
java_snapshot_put(struct zk_buf *b)
{
    output_archive_int(b, 1);
    output_archive_long(b, 0x300);
    output_archive_int(b, 30000);
    output_archive_int(b, 0);
    java_snapshot_put_node(b, "", ZK_SLICE_LIT(""), 2, 0);
    java_snapshot_put_node(b, "/zookeeper", ZK_SLICE_LIT(""), 0, 0);
    java_snapshot_put_node(b, "/zookeeper/quota", ZK_SLICE_LIT(""), 0, 0);
    java_snapshot_put_node(b, "/s1", ZK_SLICE_NULL, 0, 0);
    java_snapshot_put_node(b, "/e1", ZK_SLICE_LIT("e"), 0, 0x300);
    output_archive_slice(b, ZK_SLICE_LIT("/"));
    output_archive_slice(b, ZK_SLICE_LIT("BenWasHere"));
}

#endif
