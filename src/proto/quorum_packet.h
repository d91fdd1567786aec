/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quorum_packet.h: the packets between leader and learners (Java:
 * QuorumPacket, and the numbers in Leader), and the LearnerInfo in the first
 * of them.
 *
 * A packet has no length in front of it: it is read field by field from a
 * stream.  quorum_packet_size tells, from the bytes that are there, how long
 * the packet is or how many more bytes have to come before that is known.
 */
#ifndef PROTO_QUORUM_PACKET_H
#define PROTO_QUORUM_PACKET_H

#include "jute/zookeeper_records.h"

enum quorum_packet_type {
#define QUORUM_PACKET(name, code, sender, meaning) QP_##name = code,
#include "zookeeper/tbl/quorum_packets.h"
#undef QUORUM_PACKET
};

/* "PROPOSAL" for 2; "UNKNOWN" for none. */
const char *quorum_packet_name(int32_t type);

/* Looks at the first 'have' bytes of a packet.  ZK_OK: '*size' is its whole
 * length, known to be in 'have' or not.  ZK_ETORN: at least '*size' bytes are
 * needed to say.  ZK_ETOOBIG or ZK_EMARSHAL: it can not be a packet.
 * 'max_len' limits its data and each string of its ids. */
int quorum_packet_size(const void *p, size_t have, int32_t max_len,
                       size_t *size) ZK_WARN_UNUSED;

/* Appends a packet with these data (null or not) and no ids. */
void quorum_packet_encode(struct zk_buf *b, int32_t type, int64_t zxid,
                          struct zk_slice data);

/* What a learner says of itself, in the forms of all versions: 20 bytes, 12
 * (3.4: no config version), 8 (a bare id), or nothing.  Other lengths are read
 * as the longest form that is in them. */
struct learner_info {
    int64_t sid;                /* -1: not said. */
    int32_t protocol_version;   /* 0x10000, or 1 when not said. */
    int64_t config_version;
    bool has_config_version;
};

/* Never fails: what is not there keeps its default. */
void learner_info_decode(struct learner_info *li, struct zk_slice data);

#endif
