/* SPDX-License-Identifier: Apache-2.0 */
/* learner_handler.c: the link of one learner, from its first packet to its
 * end. */
#include <config.h>

#include "zab/learner_handler.h"

#include <stdlib.h>

#include "util/zk_log.h"
#include "util/zk_time.h"

/* So much is read at once. */
#define LH_READ_SIZE (64 * 1024)
/* What a packet may have on top of its data: the ids of a client. */
#define LH_IDS_MAX (1 << 20)

struct learner_handler *
learner_handler_create(struct leader *l, int fd)
{
    struct learner_handler *h = zk_xcalloc(1, sizeof *h);

    h->magic = LEARNER_HANDLER_MAGIC;
    h->leader = l;
    h->stream = net_stream_of_fd(fd, &l->opts.net);
    h->since_ms = zk_time_mono_ms();
    h->timeout_ms = l->opts.init_ms;
    atomic_init(&h->in_sync_until_ms,
                h->since_ms + l->opts.init_ms + l->opts.sync_ms);
    learner_sender_init(&h->sender, h->stream, l->opts.output_max_bytes,
                        l->opts.init_ms);
    return h;
}

void
learner_handler_close(struct learner_handler *h)
{
    ZK_CHECK(h, LEARNER_HANDLER_MAGIC);
    net_stream_shutdown(h->stream);
}

void
learner_handler_join(struct learner_handler *h)
{
    ZK_CHECK(h, LEARNER_HANDLER_MAGIC);
    zk_thread_join(&h->thread);
    learner_sender_fini(&h->sender);
    net_stream_destroy(h->stream);
    h->stream = NULL;
    zk_buf_fini(&h->in);
}

void
learner_handler_free(struct learner_handler *h)
{
    ZK_CHECK(h, LEARNER_HANDLER_MAGIC);
    zk_assert(h->stream == NULL && h->requests.n == 0);
    h->magic = 0;
    free(h);
}

/* ---- reading ----------------------------------------------------------- */

static int
lh_too_large(struct zk_errmsg *em, size_t size)
{
    return zk_fail(em, ZK_ETOOBIG, "a packet of %zu bytes", size);
}

/* The length of the packet that begins at in_at, if it is there as a whole:
 * ZK_OK.  ZK_ETORN: more must come. */
static int
lh_packet_size(struct learner_handler *h, int32_t max_len, size_t *size,
               struct zk_errmsg *em)
{
    const uint8_t *p = h->in.data + h->in_at;
    size_t have = h->in.len - h->in_at;
    int rv;

    if (have == 0) {
        return ZK_ETORN;
    }
    rv = quorum_packet_size(p, have, max_len, size);
    if (rv != ZK_OK && rv != ZK_ETORN) {
        return zk_fail(em, ZK_EMARSHAL, "what it sent is no packet");
    }
    if (*size > (size_t) max_len + LH_IDS_MAX) {
        return lh_too_large(em, *size);
    }
    return rv == ZK_OK && *size <= have ? ZK_OK : ZK_ETORN;
}

static int
lh_read_more(struct learner_handler *h, size_t upto, struct zk_errmsg *em)
{
    size_t got;
    int rv;

    zk_buf_consume(&h->in, h->in_at);
    h->in_at = 0;
    rv = net_stream_read(h->stream, zk_buf_reserve(&h->in, upto), upto,
                         h->timeout_ms, &got, em);
    if (rv == ZK_OK && got == 0) {
        rv = zk_fail(em, ZK_EIO, "it has closed the connection");
    }
    if (rv == ZK_OK) {
        h->in.len += got;
    }
    return rv;
}

/* The packet at in_at, which has 'size' bytes; to be freed by
 * jute_quorum_packet_fini before the next read. */
static int
lh_decode(struct learner_handler *h, size_t size, int32_t max_len,
          struct jute_quorum_packet *qp, struct zk_errmsg *em)
{
    struct input_archive ia;

    input_archive_init(&ia, h->in.data + h->in_at, size, max_len);
    if (jute_quorum_packet_decode(&ia, qp) != ZK_OK) {
        return zk_fail(em, ZK_EMARSHAL, "a packet does not decode");
    }
    h->in_at += size;
    return ZK_OK;
}

/* One packet of the given kinds, which nothing else may precede. */
static int
lh_read_first(struct learner_handler *h, struct jute_quorum_packet *qp,
              bool (*wanted)(int32_t type), struct zk_errmsg *em)
{
    size_t size = 0;
    int rv;

    for (;;) {
        rv = lh_packet_size(h, HANDLER_FIRST_PACKET_MAX, &size, em);
        /* Whoever speaks another protocol is known by the first bytes. */
        if (h->in.len - h->in_at >= 4
            && !wanted((int32_t) zk_get_be32(h->in.data + h->in_at))) {
            return zk_fail(em, ZK_EMARSHAL, "its packet of type %d is not "
                           "the one expected%s",
                           (int) zk_get_be32(h->in.data + h->in_at),
                           link_options_hint(h->in.data + h->in_at, 4));
        }
        if (rv == ZK_OK) {
            return lh_decode(h, size, HANDLER_FIRST_PACKET_MAX, qp, em);
        }
        if (rv == ZK_ETORN) {
            rv = lh_read_more(h, HANDLER_FIRST_PACKET_MAX, em);
        }
        if (rv != ZK_OK) {
            return rv;
        }
    }
}

/* ---- discovery --------------------------------------------------------- */

static bool
lh_is_info(int32_t type)
{
    return type == QP_FOLLOWERINFO || type == QP_OBSERVERINFO;
}

static bool
lh_is_ack_epoch(int32_t type)
{
    return type == QP_ACKEPOCH;
}

static int
lh_introduce(struct learner_handler *h, int64_t *epoch, struct zk_errmsg *em)
{
    struct jute_quorum_packet qp;
    struct learner_info li;
    bool observer;
    int rv;

    rv = lh_read_first(h, &qp, lh_is_info, em);
    if (rv != ZK_OK) {
        return rv;
    }
    learner_info_decode(&li, qp.data);
    observer = qp.type == QP_OBSERVERINFO;
    rv = leader_introduced(h->leader, h, observer, &li, zxid_epoch(qp.zxid),
                           epoch, em);
    jute_quorum_packet_fini(&qp);
    return rv;
}

static int
lh_send_leader_info(struct learner_handler *h, int64_t epoch,
                    struct zk_errmsg *em)
{
    uint8_t version[4];
    struct zk_buf b = { 0 };
    int rv;

    zk_put_be32(version, 0x10000);
    quorum_packet_encode(&b, QP_LEADERINFO, zxid_make(epoch, 0),
                         zk_slice(version, sizeof version));
    rv = net_stream_write(h->stream, b.data, b.len, h->timeout_ms, em);
    zk_buf_fini(&b);
    return rv;
}

static int
lh_take_ack_epoch(struct learner_handler *h, int64_t *last_zxid,
                  struct zk_errmsg *em)
{
    struct jute_quorum_packet qp;
    int64_t current = -1;
    int rv;

    rv = lh_read_first(h, &qp, lh_is_ack_epoch, em);
    if (rv != ZK_OK) {
        return rv;
    }
    *last_zxid = qp.zxid;
    if (qp.data.len >= 4) {
        current = (int32_t) zk_get_be32(qp.data.p);
    }
    rv = leader_epoch_acked(h->leader, h, current, qp.zxid, em);
    jute_quorum_packet_fini(&qp);
    return rv;
}

static int
lh_discover(struct learner_handler *h, int64_t *last_zxid,
            struct zk_errmsg *em)
{
    int64_t epoch;
    int rv = net_stream_handshake(h->stream, h->since_ms + h->timeout_ms,
                                  em);

    if (rv == ZK_OK) {
        rv = lh_introduce(h, &epoch, em);
    }
    if (rv == ZK_OK) {
        leader_note(h->leader, handler, ZK_LOG_INFO, "server %ld has "
                    "connected from %s as %s (%s)", (long) h->sid,
                    net_stream_peer(h->stream),
                    h->observer ? "an observer" : "a follower",
                    net_stream_security(h->stream));
        rv = lh_send_leader_info(h, epoch, em);
    }
    return rv == ZK_OK ? lh_take_ack_epoch(h, last_zxid, em) : rv;
}

/* ---- from NEWLEADER on ------------------------------------------------- */

static void
lh_heard(struct learner_handler *h)
{
    int64_t now_ms = zk_time_mono_ms();

    atomic_store(&h->heard_ms, now_ms);
    if (h->answered) {
        atomic_store(&h->in_sync_until_ms,
                     now_ms + h->leader->opts.sync_ms);
    }
}

/* All packets that are there. */
static int
lh_packets(struct learner_handler *h, int32_t max_len, struct zk_errmsg *em)
{
    size_t size;
    int rv;

    for (;;) {
        struct jute_quorum_packet qp;

        rv = lh_packet_size(h, max_len, &size, em);
        if (rv == ZK_OK) {
            rv = lh_decode(h, size, max_len, &qp, em);
        }
        if (rv != ZK_OK) {
            return rv == ZK_ETORN ? ZK_OK : rv;
        }
        lh_heard(h);
        rv = learner_handler_packet(h, &qp, em);
        jute_quorum_packet_fini(&qp);
        if (rv != ZK_OK) {
            return rv;
        }
    }
}

/* Once it is up to date the learner answers pings: until then it may be
 * silent, and has the time of its start. */
static void
lh_note_up_to_date(struct learner_handler *h)
{
    struct leader *l = h->leader;

    if (!h->answered) {
        zk_lock(&l->lock);
        h->answered = h->up_to_date;
        zk_unlock(&l->lock);
        if (h->answered) {
            h->timeout_ms = l->opts.sync_ms;
            atomic_store(&h->sender.timeout_ms, l->opts.sync_ms);
            lh_heard(h);
        }
    }
}

static int
lh_serve(struct learner_handler *h, struct zk_errmsg *em)
{
    int32_t max_len = h->leader->peer->config->storage.max_record;
    int rv;

    do {
        rv = lh_packets(h, max_len, em);
        learner_handler_flush(h);
        lh_note_up_to_date(h);
        if (rv == ZK_OK) {
            rv = lh_read_more(h, LH_READ_SIZE, em);
        }
    } while (rv == ZK_OK);
    return rv;
}

static void
lh_run(void *arg)
{
    struct learner_handler *h = arg;
    struct zk_errmsg em = { "" };
    int64_t last_zxid;
    int rv;

    ZK_CHECK(h, LEARNER_HANDLER_MAGIC);
    rv = lh_discover(h, &last_zxid, &em);
    if (rv == ZK_OK) {
        rv = leader_bring_up_to_date(h->leader, h, last_zxid, &em);
    }
    if (rv == ZK_OK) {
        rv = lh_serve(h, &em);
    }
    if (h->introduced) {
        leader_note(h->leader, handler, ZK_LOG_INFO, "the link of server "
                    "%ld from %s ends: %s", (long) h->sid,
                    net_stream_peer(h->stream), em.text);
    } else {
        leader_note(h->leader, handler, ZK_LOG_WARN, "the connection from "
                    "%s is closed: %s", net_stream_peer(h->stream), em.text);
    }
    leader_left(h->leader, h);
}

bool
learner_handler_start(struct learner_handler *h)
{
    return zk_thread_try_start(&h->thread, lh_run, h, "LearnerHandler-%s",
                               net_stream_peer(h->stream));
}
