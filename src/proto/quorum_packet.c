/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "proto/quorum_packet.h"

/* type and zxid. */
#define FIXED_LEN 12
/* Two null strings. */
#define ID_MIN_LEN 8
/* Ids of one client: no real one has as many. */
#define MAX_IDS 65536

const char *
quorum_packet_name(int32_t type)
{
    switch (type) {
#define QUORUM_PACKET(name, code, sender, meaning)                        \
    case code:                                                            \
        return #name;
#include "zookeeper/tbl/quorum_packets.h"
#undef QUORUM_PACKET
    default:
        return "UNKNOWN";
    }
}

/* Moves '*at' from a length to behind the bytes that it announces (there or
 * not).  ZK_ETORN when the length itself is not in 'have'; '*at' is then
 * behind it. */
static int
skip_slice(const uint8_t *p, size_t have, int32_t max_len, size_t *at)
{
    int32_t len;

    *at += 4;
    if (*at > have) {
        return ZK_ETORN;
    }
    len = (int32_t) zk_get_be32(p + *at - 4);
    if (len < -1 || len > max_len) {
        return ZK_ETOOBIG;
    }
    *at += len > 0 ? (size_t) len : 0;
    return ZK_OK;
}

int
quorum_packet_size(const void *p, size_t have, int32_t max_len, size_t *size)
{
    size_t at = FIXED_LEN;
    int32_t n_ids;
    int rv;

    rv = skip_slice(p, have, max_len, &at);
    if (rv == ZK_OK) {
        at += 4;
        rv = at > have ? ZK_ETORN : ZK_OK;
    }
    if (rv != ZK_OK) {
        *size = at;
        return rv;
    }
    n_ids = (int32_t) zk_get_be32((const uint8_t *) p + at - 4);
    if (n_ids > MAX_IDS) {
        return ZK_EMARSHAL;
    }
    /* A negative count is an empty list, as in input_archive_count. */
    for (int32_t i = 0; i < n_ids && rv == ZK_OK; i++) {
        rv = skip_slice(p, have, max_len, &at);
        if (rv == ZK_OK) {
            rv = skip_slice(p, have, max_len, &at);
        }
    }
    *size = at;
    return rv;
}

void
quorum_packet_encode(struct zk_buf *b, int32_t type, int64_t zxid,
                     struct zk_slice data)
{
    output_archive_int(b, type);
    output_archive_long(b, zxid);
    output_archive_slice(b, data);
    output_archive_int(b, -1);
}

void
learner_info_decode(struct learner_info *li, struct zk_slice data)
{
    struct input_archive ia;

    *li = (struct learner_info) { .sid = -1, .protocol_version = 1 };
    if (data.len < 8) {
        return;
    }
    input_archive_init(&ia, data.p, (size_t) data.len, 0);
    li->sid = input_archive_long(&ia);
    if (data.len >= 12) {
        li->protocol_version = input_archive_int(&ia);
    }
    if (data.len >= 20) {
        li->config_version = input_archive_long(&ia);
        li->has_config_version = true;
    }
}
