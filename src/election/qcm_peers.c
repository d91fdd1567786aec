/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qcm_peers.c: the table of peers, and how they come and go.
 */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>

#include "election/qcm_internal.h"
#include "util/zk_time.h"

static struct qcm_peer * ZK_NO_ANALYSIS
qcm_peer_create(struct quorum_cnx_manager *qcm, int64_t sid,
                struct zk_errmsg *em)
{
    const struct quorum_config *q = &qcm->config->quorum;
    struct net_cancel cancel;
    struct qcm_peer *p;

    if (net_cancel_init(&cancel, em) != ZK_OK) {
        return NULL;
    }
    p = zk_xcalloc(1, sizeof *p);
    p->magic = QCM_PEER_MAGIC;
    p->qcm = qcm;
    p->sid = sid;
    for (size_t i = 0; i < q->n_servers; i++) {
        if (q->servers[i].sid == sid) {
            p->config = &q->servers[i];
        }
    }
    p->cancel = cancel;
    zk_cond_init(&p->wakeup);
    rate_limit_init(&p->pace, QCM_SEND_BURST, QCM_SEND_GAP_MS);
    p->called_back_ms = INT64_MIN / 2;
    p->failed_ms = INT64_MIN;
    return p;
}

void ZK_NO_ANALYSIS
qcm_forget_learned(struct qcm_peer *p)
{
    for (size_t i = 0; i < p->n_learned; i++) {
        free(p->learned[i].host);
    }
    p->n_learned = 0;
}

/* Its SendWorker has ended or never was. */
static void ZK_NO_ANALYSIS
qcm_peer_destroy(struct qcm_peer *p)
{
    ZK_CHECK(p, QCM_PEER_MAGIC);
    zk_thread_join(&p->sender);
    zk_assert(p->stream == NULL);
    net_stream_destroy(p->incoming);
    free(p->last);
    free(p->pending);
    qcm_forget_learned(p);
    zk_cond_fini(&p->wakeup);
    net_cancel_fini(&p->cancel);
    p->magic = 0;
    free(p);
}

struct qcm_peer *
qcm_find_locked(struct quorum_cnx_manager *qcm, int64_t sid)
{
    for (size_t i = 0; i < qcm->n_peers; i++) {
        if (qcm->peers[i]->sid == sid) {
            return qcm->peers[i];
        }
    }
    return NULL;
}

void
qcm_doom_locked(struct quorum_cnx_manager *qcm, struct qcm_peer *p)
{
    size_t i = 0;

    while (qcm->peers[i] != p) {
        i++;
        zk_assert(i < qcm->n_peers);
    }
    qcm->peers[i] = qcm->peers[--qcm->n_peers];
    p->doomed = true;
    p->next_doomed = qcm->doomed;
    qcm->doomed = p;
    net_cancel_fire(&p->cancel);
    zk_cond_signal(&p->wakeup);
}

void ZK_NO_ANALYSIS
qcm_reap(struct quorum_cnx_manager *qcm)
{
    struct qcm_peer *p, *next;

    zk_lock(&qcm->lock);
    p = qcm->doomed;
    qcm->doomed = NULL;
    zk_unlock(&qcm->lock);
    for (; p != NULL; p = next) {
        next = p->next_doomed;
        qcm_peer_destroy(p);
    }
}

/* Room in a full table: the stranger that has been without a link for the
 * longest time goes.  False when there is none. */
static bool
qcm_make_room_locked(struct quorum_cnx_manager *qcm) ZK_REQUIRES(qcm->lock)
{
    struct qcm_peer *oldest = NULL;

    for (size_t i = 0; i < qcm->n_peers; i++) {
        struct qcm_peer *p = qcm->peers[i];

        if (p->config == NULL && p->stream == NULL && p->incoming == NULL
            && (oldest == NULL || p->seen_ms < oldest->seen_ms)) {
            oldest = p;
        }
    }
    if (oldest == NULL) {
        return false;
    }
    qcm_doom_locked(qcm, oldest);
    return true;
}

struct qcm_peer *
qcm_get_locked(struct quorum_cnx_manager *qcm, int64_t sid,
               struct zk_errmsg *em)
{
    struct qcm_peer *p = qcm_find_locked(qcm, sid);

    if (p != NULL) {
        return p;
    }
    if (qcm->n_peers == QCM_MAX_PEERS && !qcm_make_room_locked(qcm)) {
        (void) zk_fail(em, ZK_ETOOBIG, "too many servers");
        return NULL;
    }
    p = qcm_peer_create(qcm, sid, em);
    if (p != NULL) {
        p->seen_ms = zk_time_mono_ms();
        qcm->peers[qcm->n_peers++] = p;
    }
    return p;
}

void
qcm_wake_locked(struct quorum_cnx_manager *qcm, struct qcm_peer *p)
{
    if (!p->sender.started
        && !zk_thread_try_start(&p->sender, send_worker_run, p,
                                "SendWorker:%" PRId64, p->sid)) {
        qcm_note(qcm, ZK_LOG_ERROR, "No thread can be started for the "
                 "link to %" PRId64, p->sid);
    }
    zk_cond_signal(&p->wakeup);
}

void
qcm_want_locked(struct quorum_cnx_manager *qcm, struct qcm_peer *p)
{
    if (p->stream == NULL && p->incoming == NULL) {
        p->wanted = true;
        qcm_wake_locked(qcm, p);
    }
}
