/* SPDX-License-Identifier: Apache-2.0 */
/* learner_packets.c: what a leader does with each packet of a learner
 * (protocol: sections 6.8, 6.9 and 9).  Bytes of a learner end its link, or
 * are answered as a client's would be; they never reach the others
 * unexamined. */
#include <config.h>

#include "zab/learner_handler.h"

#include <stdlib.h>

#include "metrics/server_metrics.h"
#include "proto/op_code.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

/* A session and its timeout in the answer to a PING. */
#define LP_TOUCH_LEN 12

static struct zookeeper_server *
lp_server(struct learner_handler *h)
{
    if (h->zks == NULL) {
        zk_lock(&h->leader->lock);
        h->zks = h->leader->zks;
        zk_unlock(&h->leader->lock);
    }
    return h->zks;
}

/* ---- REQUEST ----------------------------------------------------------- */

/* What a learner may ask for on behalf of its clients (section 9: the others
 * end Java ensembles). */
static bool
lp_is_for_leader(int32_t type)
{
    switch (type) {
    case OP_CREATE:
    case OP_DELETE:
    case OP_SET_DATA:
    case OP_SET_ACL:
    case OP_SYNC:
    case OP_MULTI:
    case OP_CREATE2:
    case OP_RECONFIG:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
    case OP_CREATE_SESSION:
    case OP_CLOSE_SESSION:
        return true;
    default:
        return false;
    }
}

/* No node may look as if such a session owned it. */
static bool
lp_is_no_session(int64_t session)
{
    return session == 0 || session == INT64_MIN;
}

static bool
lp_needs_ids(int32_t type)
{
    return type != OP_CREATE_SESSION && type != OP_CLOSE_SESSION
           && type != OP_SYNC;
}

static bool
lp_reconfig_decodes(struct zk_slice body, int32_t max_len)
{
    struct jute_reconfig_request rr;
    struct input_archive ia;

    input_archive_init(&ia, body.p, (size_t) body.len, max_len);
    return jute_reconfig_request_decode(&ia, &rr) == ZK_OK;
}

struct request *
learner_request_decode(const struct jute_quorum_packet *qp, int32_t max_len)
{
    size_t len = qp->data.len > 0 ? (size_t) qp->data.len : 0;
    struct auth_info *auth;
    struct input_archive ia;
    struct zk_slice body;
    struct request *r;
    int64_t session;
    int32_t cxid, type;

    input_archive_init(&ia, qp->data.p, len, max_len);
    session = input_archive_long(&ia);
    cxid = input_archive_int(&ia);
    type = input_archive_int(&ia);
    if (ia.err != ZK_OK || !lp_is_for_leader(type)
        || (type == OP_CREATE_SESSION && lp_is_no_session(session))) {
        zk_warn(handler, "a request of type %d for session 0x%lx is dropped",
                (int) type, (long) session);
        return NULL;
    }
    body = zk_slice(ia.p, (int32_t) input_archive_left(&ia));
    if (lp_needs_ids(type) && qp->authinfo.n < 0) {
        body.len = 0;           /* Nobody asks: as a body that ends early. */
    }
    if (type == OP_RECONFIG && !lp_reconfig_decodes(body, max_len)) {
        /* It would get no zxid, and so no answer: the learner would wait for
         * ever.  Another write that cannot be read gets an error. */
        type = OP_SET_DATA;
        body.len = 0;
    }
    /* Never without a list: that would be the server itself. */
    auth = auth_info_of(&qp->authinfo);
    r = request_create(type, session, cxid, body, NULL, auth);
    auth_info_unref(auth);
    r->internal = false;
    r->received_us = zk_time_mono_us();
    return r;
}

static void
lp_request(struct learner_handler *h, const struct jute_quorum_packet *qp)
{
    struct request *r = learner_request_decode(
        qp, h->leader->peer->config->storage.max_record);

    if (r != NULL) {
        r->owner = h;
        bq_list_append(&h->requests, &r->link);
    }
}

/* ---- sessions ---------------------------------------------------------- */

/* It lives on, unless its link says that it has no time at all: such words
 * end nobody's session. */
static bool
lp_touch(struct session_tracker *st, int64_t session, int32_t timeout_ms)
{
    return timeout_ms > 0
           && session_tracker_touch(st, session, timeout_ms, NULL);
}

static int
lp_ping(struct learner_handler *h, struct zk_slice touched,
        struct zk_errmsg *em)
{
    struct zookeeper_server *zks = lp_server(h);
    int32_t len = touched.len > 0 ? touched.len : 0;

    if (len % LP_TOUCH_LEN != 0) {
        return zk_fail(em, ZK_EMARSHAL, "a PING with %d bytes of sessions",
                       (int) len);
    }
    leader_ping_answered(h->leader, h);
    for (int32_t at = 0; zks != NULL && at < len; at += LP_TOUCH_LEN) {
        (void) lp_touch(zookeeper_server_sessions(zks),
                        (int64_t) zk_get_be64(touched.p + at),
                        (int32_t) zk_get_be32(touched.p + at + 8));
    }
    return ZK_OK;
}

/* Is the session alive?  If so the link owns it from now on
 * (invariant 18). */
static int
lp_revalidate(struct learner_handler *h, struct zk_slice data,
              struct zk_errmsg *em)
{
    struct input_archive ia;
    int64_t session;
    int32_t timeout_ms;

    input_archive_init(&ia, data.p, data.len > 0 ? (size_t) data.len : 0, 0);
    session = input_archive_long(&ia);
    timeout_ms = input_archive_int(&ia);
    if (ia.err != ZK_OK || timeout_ms <= 0) {
        return zk_fail(em, ZK_EMARSHAL, "a REVALIDATE of %d bytes, timeout "
                       "%d ms", (int) data.len, (int) timeout_ms);
    }
    if (lp_server(h) == NULL) {
        return zk_fail(em, ZK_EMARSHAL, "a REVALIDATE before UPTODATE");
    }
    return leader_revalidate(h->leader, h, session, timeout_ms, em);
}

/* ---- all --------------------------------------------------------------- */

/* ACK of NEWLEADER and of UPTODATE are the same packet; it counts whenever it
 * comes (ZOOKEEPER-4685). */
static void
lp_ack(struct learner_handler *h, int64_t zxid)
{
    if (zxid_counter(zxid) != 0) {
        h->ack = zxid > h->ack ? zxid : h->ack;
    } else if (zxid_epoch(zxid) == h->leader->epoch) {
        leader_new_leader_acked(h->leader, h);
    }
}

void
learner_handler_flush(struct learner_handler *h)
{
    struct zookeeper_server *zks;

    if (h->ack != 0) {
        leader_acked(h->leader, h, h->ack);
        h->ack = 0;
    }
    if (h->requests.n > 0) {
        zks = lp_server(h);
        if (zks != NULL) {
            (void) zookeeper_server_submit(zks, &h->requests);
        } else {
            struct bq_node *node;

            while ((node = bq_list_pop(&h->requests)) != NULL) {
                request_free(request_of(node));
            }
        }
    }
}

int
learner_handler_packet(struct learner_handler *h,
                       const struct jute_quorum_packet *qp,
                       struct zk_errmsg *em)
{
    switch (qp->type) {
    case QP_ACK:
        lp_ack(h, qp->zxid);
        return ZK_OK;
    case QP_PING:
        return lp_ping(h, qp->data, em);
    case QP_REQUEST:
        lp_request(h, qp);
        return ZK_OK;
    case QP_REVALIDATE:
        learner_handler_flush(h);   /* What came before it goes before it. */
        return lp_revalidate(h, qp->data, em);
    default:
        zk_debug(handler, "server %ld sent a packet of type %d, which is "
                 "left out", (long) h->sid, (int) qp->type);
        return ZK_OK;
    }
}
