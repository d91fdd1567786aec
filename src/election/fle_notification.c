/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "election/fle_notification.h"

#include "util/zk_bytes.h"

/* The forms, by length; the last has the membership text behind it. */
#define FN_LEN_OLDEST 28
#define FN_LEN_EPOCH 36
#define FN_LEN_VERSION 40
#define FN_LEN_CONFIG 44

/* From this version on there is a membership text. */
#define FN_VERSION_CONFIG 2

/* The text behind the fixed part, of which all 'len' bytes may be there. */
static int
fn_decode_config(struct fle_notification *n, const uint8_t *p, size_t len,
                 struct zk_errmsg *em)
{
    int32_t size;

    if (len < FN_LEN_CONFIG) {
        return zk_fail(em, ZK_EMARSHAL,
                       "election message of version %d has %zu bytes",
                       (int) n->vote.version, len);
    }
    size = (int32_t) zk_get_be32(p + FN_LEN_VERSION);
    if (size < 0 || (size_t) size > len - FN_LEN_CONFIG) {
        return zk_fail(em, ZK_EMARSHAL,
                       "election message of %zu bytes has a membership text "
                       "of %d", len, (int) size);
    }
    n->config = zk_slice(p + FN_LEN_CONFIG, size);
    return ZK_OK;
}

int
fle_notification_decode(struct fle_notification *n, int64_t from,
                        const void *data, size_t len, struct zk_errmsg *em)
{
    const uint8_t *p = data;
    uint32_t state;

    if (len < FN_LEN_EPOCH ? len != FN_LEN_OLDEST
                           : len > FN_LEN_EPOCH && len < FN_LEN_VERSION) {
        return zk_fail(em, ZK_EMARSHAL, "election message of %zu bytes", len);
    }
    state = zk_get_be32(p);
    if (state > PEER_OBSERVING) {
        return zk_fail(em, ZK_EMARSHAL, "election message with state %u",
                       (unsigned) state);
    }
    *n = (struct fle_notification) { .sid = from, .config = ZK_SLICE_NULL };
    n->vote.state = (enum peer_state) state;
    n->vote.leader = (int64_t) zk_get_be64(p + 4);
    n->vote.zxid = (int64_t) zk_get_be64(p + 12);
    n->vote.round = (int64_t) zk_get_be64(p + 20);
    n->vote.peer_epoch = len == FN_LEN_OLDEST
                             ? n->vote.zxid >> 32
                             : (int64_t) zk_get_be64(p + FN_LEN_OLDEST);
    /* At exactly this length newer servers do not look at the version, so
     * that 3.4 counts as without one. */
    if (len > FN_LEN_VERSION) {
        n->vote.version = (int32_t) zk_get_be32(p + FN_LEN_EPOCH);
    }
    return n->vote.version >= FN_VERSION_CONFIG
               ? fn_decode_config(n, p, len, em)
               : ZK_OK;
}

void
fle_notification_encode(const struct fle_notification *n, struct zk_buf *out)
{
    uint32_t size = n->config.len > 0 ? (uint32_t) n->config.len : 0;
    uint8_t *p = zk_buf_reserve(out, FN_LEN_CONFIG + size);

    zk_put_be32(p, (uint32_t) n->vote.state);
    zk_put_be64(p + 4, (uint64_t) n->vote.leader);
    zk_put_be64(p + 12, (uint64_t) n->vote.zxid);
    zk_put_be64(p + 20, (uint64_t) n->vote.round);
    zk_put_be64(p + FN_LEN_OLDEST, (uint64_t) n->vote.peer_epoch);
    zk_put_be32(p + FN_LEN_EPOCH, FLE_VERSION);
    zk_put_be32(p + FN_LEN_VERSION, size);
    if (size > 0) {
        memcpy(p + FN_LEN_CONFIG, n->config.p, size);
    }
    out->len += FN_LEN_CONFIG + size;
}
