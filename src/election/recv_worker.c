/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recv_worker.c: the thread that reads what comes on a link (Java:
 * QuorumCnxManager.RecvWorker).  Its SendWorker starts and joins it.
 */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>

#include "election/qcm_internal.h"
#include "util/zk_bytes.h"

/* A message begins when it begins; once begun it has to come. */
static int
rw_read(struct qcm_peer *p, struct qcm_message **out, struct zk_errmsg *em)
{
    int64_t timeout_ms = p->qcm->settings.read_timeout_ms;
    struct qcm_message *msg;
    uint8_t head[4];
    uint32_t len;
    int rv;

    rv = net_stream_read_full(p->stream, head, 1, 0, em);
    if (rv == ZK_OK) {
        rv = net_stream_read_full(p->stream, head + 1, 3, timeout_ms, em);
    }
    if (rv != ZK_OK) {
        return rv;
    }
    len = zk_get_be32(head);
    if (len == 0 || len > QCM_MAX_MESSAGE) {
        return zk_fail(em, ZK_ETOOBIG, "%s: a message of %" PRId32 " bytes, "
                       "not 1 to %d", net_stream_peer(p->stream),
                       (int32_t) len, QCM_MAX_MESSAGE);
    }
    msg = zk_xmalloc(sizeof *msg + len);
    msg->sid = p->sid;
    msg->len = len;
    rv = net_stream_read_full(p->stream, msg->data, len, timeout_ms, em);
    if (rv != ZK_OK) {
        free(msg);
        return rv;
    }
    *out = msg;
    return ZK_OK;
}

void
recv_worker_run(void *arg)
{
    struct qcm_peer *p = arg;
    struct quorum_cnx_manager *qcm = p->qcm;
    struct zk_errmsg em = { "" };
    struct qcm_message *msg = NULL;
    int rv;

    while ((rv = rw_read(p, &msg, &em)) == ZK_OK) {
        qcm_receive(qcm, msg);
    }
    if (rv != ZK_ESTOPPED) {
        qcm_note(qcm, ZK_LOG_WARN, "Connection broken for id %" PRId64
                 ", my id = %" PRId64 ": %s", p->sid, qcm->my_sid, em.text);
    }
    zk_lock(&qcm->lock);
    p->broken = true;
    zk_cond_signal(&p->wakeup);
    zk_unlock(&qcm->lock);
}
