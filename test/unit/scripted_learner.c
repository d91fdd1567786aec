/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "test/unit/scripted_learner.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/acl_codec.h"
#include "proto/op_code.h"
#include "proto/txn_codec.h"
#include "test/lib/zk_test.h"
#include "test/lib/zk_test_ports.h"
#include "util/zk_time.h"

#define SL_MAX_LEN (4 << 20)

static void __attribute__((noreturn, format(printf, 2, 3)))
sl_die(const struct scripted_learner *s, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "scripted learner %ld: ", (long) s->sid);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    exit(99);
}

/* ---- bytes ------------------------------------------------------------- */

void
sl_connect(struct scripted_learner *s, int port, int64_t sid)
{
    int64_t deadline_ms = zk_time_mono_ms() + SL_DEADLINE_MS;

    memset(s, 0, sizeof *s);
    s->sid = sid;
    do {
        s->fd = zk_test_connect(port);
        if (s->fd < 0 && zk_time_mono_ms() > deadline_ms) {
            sl_die(s, "port %d does not open", port);
        }
        if (s->fd < 0) {
            poll(NULL, 0, 5);
        }
    } while (s->fd < 0);
}

void
sl_close(struct scripted_learner *s)
{
    if (s->fd >= 0) {
        close(s->fd);
    }
    s->fd = -1;
    if (s->has_qp) {
        jute_quorum_packet_fini(&s->qp);
    }
    s->has_qp = false;
    zk_buf_fini(&s->in);
    s->at = 0;
}

void
sl_send_raw(struct scripted_learner *s, const void *p, size_t len)
{
    const char *at = p;

    while (len > 0) {
        ssize_t n = send(s->fd, at, len, MSG_NOSIGNAL);

        if (n <= 0) {
            return;             /* What is read next tells. */
        }
        at += n;
        len -= (size_t) n;
    }
}

void
sl_send(struct scripted_learner *s, int32_t type, int64_t zxid,
        struct zk_slice data)
{
    struct zk_buf b = { 0 };

    quorum_packet_encode(&b, type, zxid, data);
    sl_send_raw(s, b.data, b.len);
    zk_buf_fini(&b);
}

/* False at the end of the link. */
static bool
sl_more(struct scripted_learner *s)
{
    uint8_t *to = zk_buf_reserve(&s->in, 65536);
    ssize_t n = recv(s->fd, to, 65536, 0);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        sl_die(s, "nothing comes");
    }
    if (n <= 0) {
        return false;
    }
    s->in.len += (size_t) n;
    return true;
}

/* Any packet; false at the end of the link. */
static bool
sl_read(struct scripted_learner *s)
{
    struct input_archive ia;
    size_t size = 0;

    if (s->has_qp) {
        jute_quorum_packet_fini(&s->qp);
        s->has_qp = false;
    }
    zk_buf_consume(&s->in, s->at);
    s->at = 0;
    while (s->in.len == 0
           || quorum_packet_size(s->in.data, s->in.len, SL_MAX_LEN, &size)
                  != ZK_OK
           || size > s->in.len) {
        if (!sl_more(s)) {
            return false;
        }
    }
    input_archive_init(&ia, s->in.data, size, SL_MAX_LEN);
    if (jute_quorum_packet_decode(&ia, &s->qp) != ZK_OK) {
        sl_die(s, "no packet");
    }
    s->has_qp = true;
    s->at = size;
    return true;
}

bool
sl_next_of_all(struct scripted_learner *s)
{
    return sl_read(s);
}

static bool
sl_read_one(struct scripted_learner *s)
{
    if (!sl_read(s)) {
        return false;
    }
    if (s->qp.type == QP_PING) {
        s->pings++;
        if (!s->mute) {
            sl_send(s, QP_PING, s->qp.zxid, zk_slice("", 0));
        }
    }
    return true;
}

bool
sl_next(struct scripted_learner *s)
{
    do {
        if (!sl_read_one(s)) {
            return false;
        }
    } while (s->qp.type == QP_PING);
    return true;
}

void
sl_expect_type(struct scripted_learner *s, int32_t type)
{
    if (!sl_next(s)) {
        sl_die(s, "the link ended where %s should come",
               quorum_packet_name(type));
    }
    if (s->qp.type != type) {
        sl_die(s, "%s 0x%lx came where %s should",
               quorum_packet_name(s->qp.type), (long) s->qp.zxid,
               quorum_packet_name(type));
    }
}

void
sl_expect(struct scripted_learner *s, int32_t type, int64_t zxid)
{
    sl_expect_type(s, type);
    if (s->qp.zxid != zxid) {
        sl_die(s, "%s has zxid 0x%lx, not 0x%lx", quorum_packet_name(type),
               (long) s->qp.zxid, (long) zxid);
    }
}

bool
sl_ends(struct scripted_learner *s)
{
    int64_t deadline_ms = zk_time_mono_ms() + SL_DEADLINE_MS;

    while (sl_next(s)) {
        if (zk_time_mono_ms() > deadline_ms) {
            return false;
        }
    }
    return true;
}

bool
sl_has_more(const struct scripted_learner *s)
{
    struct pollfd p = { .fd = s->fd, .events = POLLIN };

    return s->in.len > s->at || poll(&p, 1, 0) > 0;
}

bool
sl_is_silent(struct scripted_learner *s, size_t n)
{
    for (size_t upto = s->pings + n; s->pings < upto;) {
        if (!sl_read_one(s) || s->qp.type != QP_PING) {
            return false;
        }
    }
    return true;
}

size_t
sl_skip_stream(struct scripted_learner *s)
{
    static const char sig[] = "\0\0\0\1/\0\0\0\nBenWasHere";
    size_t len = sizeof sig - 1;
    size_t begin = s->at;
    void *end;

    for (;;) {
        end = s->in.len > begin
                  ? memmem(s->in.data + begin, s->in.len - begin, sig, len)
                  : NULL;
        if (end != NULL) {
            s->at = (size_t) ((uint8_t *) end - s->in.data) + len;
            return s->at - begin;
        }
        if (!sl_more(s)) {
            sl_die(s, "the link ended inside a snapshot");
        }
    }
}

/* ---- packets ----------------------------------------------------------- */

void
sl_info(struct scripted_learner *s, int32_t type, int64_t accepted,
        int32_t len)
{
    uint8_t info[20] = { 0 };

    zk_put_be64(info, (uint64_t) s->sid);
    zk_put_be32(info + 8, 0x10000);
    sl_send(s, type, accepted << 32, zk_slice(info, len));
}

void
sl_ack_epoch(struct scripted_learner *s, int32_t current, int64_t last_zxid)
{
    uint8_t epoch[4];

    zk_put_be32(epoch, (uint32_t) current);
    sl_send(s, QP_ACKEPOCH, last_zxid, zk_slice(epoch, 4));
}

void
sl_ack(struct scripted_learner *s, int64_t zxid)
{
    sl_send(s, QP_ACK, zxid, ZK_SLICE_NULL);
}

int64_t
sl_join(struct scripted_learner *s, bool observer, int64_t last_zxid)
{
    int64_t epoch;

    sl_info(s, observer ? QP_OBSERVERINFO : QP_FOLLOWERINFO, 0, 20);
    sl_expect_type(s, QP_LEADERINFO);
    epoch = s->qp.zxid >> 32;
    sl_ack_epoch(s, 0, last_zxid);
    sl_expect(s, QP_DIFF, last_zxid);
    sl_expect(s, QP_NEWLEADER, epoch << 32);
    sl_ack(s, epoch << 32);
    sl_expect(s, QP_UPTODATE, -1);
    sl_ack(s, epoch << 32);
    return epoch;
}

void
sl_request(struct scripted_learner *s, int64_t session, int32_t cxid,
           int32_t type, enum sl_ids ids, const struct zk_buf *body)
{
    struct jute_id ip = { ZK_SLICE_LIT("ip"), ZK_SLICE_LIT("127.0.0.1") };
    struct zk_buf data = { 0 }, b = { 0 };
    struct jute_quorum_packet qp = { .type = QP_REQUEST, .zxid = -1 };

    output_archive_long(&data, session);
    output_archive_int(&data, cxid);
    output_archive_int(&data, type);
    if (body != NULL) {
        zk_buf_append(&data, body->data, body->len);
    }
    qp.data = zk_slice(data.data, (int32_t) data.len);
    qp.authinfo.n = ids == SL_IDS_NULL ? -1 : ids == SL_IDS_NONE ? 0 : 1;
    qp.authinfo.v = &ip;
    jute_quorum_packet_encode(&b, &qp);
    sl_send_raw(s, b.data, b.len);
    zk_buf_fini(&b);
    zk_buf_fini(&data);
}

void
sl_put_create(struct zk_buf *b, const char *path, size_t len)
{
    output_archive_slice(b, zk_slice_str(path));
    output_archive_int(b, (int32_t) len);
    memset(zk_buf_reserve(b, len + 1), 'd', len);
    b->len += len;
    zk_buf_append(b, acl_raw_open.p, (size_t) acl_raw_open.len);
    output_archive_int(b, 0);
}

void
sl_create(struct scripted_learner *s, int64_t session, int32_t cxid,
          const char *path, size_t len)
{
    struct zk_buf b = { 0 };

    sl_put_create(&b, path, len);
    sl_request(s, session, cxid, OP_CREATE, SL_IDS_IP, &b);
    zk_buf_fini(&b);
}

void
sl_create_session(struct scripted_learner *s, int64_t session)
{
    struct zk_buf b = { 0 };

    output_archive_int(&b, 10000);
    sl_request(s, session, 0, OP_CREATE_SESSION, SL_IDS_NULL, &b);
    zk_buf_fini(&b);
}

static void
sl_txn(const struct scripted_learner *s, struct txn_view *txn)
{
    if (txn_view_decode(txn, s->qp.data.p,
                        s->qp.data.len > 0 ? (size_t) s->qp.data.len : 0,
                        SL_MAX_LEN, NULL)
        != ZK_OK) {
        sl_die(s, "a txn does not decode");
    }
    if (txn->zxid != s->qp.zxid) {
        sl_die(s, "a txn has another zxid than its packet");
    }
}

int32_t
sl_txn_type(const struct scripted_learner *s)
{
    struct txn_view txn;

    sl_txn(s, &txn);
    return txn.type;
}

int32_t
sl_txn_err(const struct scripted_learner *s)
{
    struct txn_view txn;

    sl_txn(s, &txn);
    return txn.type == OP_ERROR ? txn.err : 0;
}
