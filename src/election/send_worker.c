/* SPDX-License-Identifier: Apache-2.0 */
/*
 * send_worker.c: the thread that owns a peer's link (Java:
 * QuorumCnxManager.SendWorker, and the threads that connect there).
 */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>

#include "election/qcm_internal.h"
#include "util/zk_time.h"

enum sw_step { SW_END, SW_HANG_UP, SW_ADOPT, SW_CONNECT, SW_SEND };

static void
sw_link_changed(struct qcm_peer *p)
{
    p->qcm->env.link_changed(p->qcm->env.self, p->sid);
}

/* ---- the link ---------------------------------------------------------- */

/* Makes 's' the link; what was sent last on another may not have arrived. */
static void
sw_begin_link(struct qcm_peer *p, struct net_stream *s)
{
    struct quorum_cnx_manager *qcm = p->qcm;

    zk_lock(&qcm->lock);
    p->stream = s;
    p->broken = false;
    p->wanted = false;
    p->used = true;
    p->failed_ms = INT64_MIN;
    p->linked_before = true;
    if (p->pending == NULL) {
        p->pending = p->last;
        p->last = NULL;
    }
    zk_unlock(&qcm->lock);
    if (!zk_thread_try_start(&p->receiver, recv_worker_run, p,
                             "RecvWorker:%" PRId64, p->sid)) {
        qcm_note(qcm, ZK_LOG_ERROR, "No thread can be started for the link "
                 "to %" PRId64, p->sid);
        zk_lock(&qcm->lock);
        p->broken = true;
        zk_unlock(&qcm->lock);
    }
    zk_debug(cnx_manager, "The link to %" PRId64 " is up (%s, %s)", p->sid,
             net_stream_peer(s), net_stream_security(s));
    sw_link_changed(p);
}

static void
sw_adopt(struct qcm_peer *p)
{
    struct net_stream *s;

    zk_lock(&p->qcm->lock);
    s = p->incoming;
    p->incoming = NULL;
    zk_unlock(&p->qcm->lock);
    sw_begin_link(p, s);
}

static void
sw_hang_up(struct qcm_peer *p)
{
    struct net_stream *s = p->stream;

    net_stream_shutdown(s);
    zk_thread_join(&p->receiver);
    zk_lock(&p->qcm->lock);
    p->stream = NULL;
    p->broken = false;
    p->seen_ms = zk_time_mono_ms();
    zk_unlock(&p->qcm->lock);
    net_stream_destroy(s);
    zk_debug(cnx_manager, "The link to %" PRId64 " is down", p->sid);
    sw_link_changed(p);
}

static void
sw_send(struct qcm_peer *p)
{
    struct quorum_cnx_manager *qcm = p->qcm;
    struct zk_errmsg em = { "" };
    int rv;

    free(p->last);
    zk_lock(&qcm->lock);
    p->last = p->pending;
    p->pending = NULL;
    zk_unlock(&qcm->lock);
    rv = net_stream_write(p->stream, p->last->data, p->last->len,
                          qcm->settings.read_timeout_ms, &em);
    if (rv == ZK_OK) {
        return;
    }
    if (rv != ZK_ESTOPPED) {
        qcm_note(qcm, ZK_LOG_WARN, "Cannot send to id %" PRId64 ", my id = %"
                 PRId64 ": %s", p->sid, qcm->my_sid, em.text);
    }
    zk_lock(&qcm->lock);
    p->broken = true;
    zk_unlock(&qcm->lock);
}

/* ---- connecting -------------------------------------------------------- */

/* Where the peer may be: what the configuration says, then what it said of
 * itself (it may have moved).  The caller frees the hosts. */
static size_t
sw_addresses(struct qcm_peer *p, struct host_port *out, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; p->config != NULL && i < p->config->n && n < max;
         i++) {
        out[n++] = p->config->election[i];
    }
    zk_lock(&p->qcm->lock);
    for (size_t i = 0; i < p->n_learned && n < max; i++) {
        out[n++] = p->learned[i];
    }
    for (size_t i = 0; i < n; i++) {
        out[i].host = zk_xstrdup(out[i].host != NULL ? out[i].host
                                                     : "0.0.0.0");
    }
    zk_unlock(&p->qcm->lock);
    return n;
}

/* Each address for its share of the time; the first that answers. */
static int
sw_dial(struct qcm_peer *p, struct net_stream **out, struct zk_errmsg *em)
{
    const struct qcm_settings *set = &p->qcm->settings;
    struct net_options opts = set->net;
    struct host_port at[2 * INITIAL_MESSAGE_ADDRESSES];
    size_t n = sw_addresses(p, at, ZK_ARRAY_SIZE(at));
    int rv = zk_fail(em, ZK_EIO, "no address of it is known");

    opts.cancel = &p->cancel;
    for (size_t i = 0; i < n && rv != ZK_OK && rv != ZK_ESTOPPED; i++) {
        rv = net_stream_connect(at[i].host, at[i].port,
                                zk_time_mono_ms()
                                + set->connect_timeout_ms / (int64_t) n,
                                &opts, out, em);
    }
    for (size_t i = 0; i < n; i++) {
        free(at[i].host);
    }
    return rv;
}

static int
sw_dial_and_greet(struct qcm_peer *p, struct net_stream **out,
                  struct zk_errmsg *em)
{
    const struct quorum_cnx_manager *qcm = p->qcm;
    int rv = sw_dial(p, out, em);

    if (rv != ZK_OK) {
        return rv;
    }
    /* In one piece: Java takes what one read gives for all of it. */
    rv = net_stream_write(*out, qcm->hello.data, qcm->hello.len,
                          qcm->settings.connect_timeout_ms, em);
    if (rv != ZK_OK) {
        net_stream_destroy(*out);
    }
    return rv;
}

static void
sw_connect_failed(struct qcm_peer *p, int64_t began_ms, const char *why)
{
    qcm_note(p->qcm, ZK_LOG_WARN, "Cannot open channel to %" PRId64 ": %s",
             p->sid, why);
    zk_lock(&p->qcm->lock);
    p->failed_ms = began_ms;
    zk_unlock(&p->qcm->lock);
    sw_link_changed(p);
}

/* It has the larger id and calls back.  The next attempt is not before it had
 * the time to. */
static int
sw_hang_up_behind_hello(struct qcm_peer *p, struct net_stream *s,
                        struct zk_errmsg *em)
{
    int rv = net_stream_finish(s, zk_time_mono_ms() + QCM_FINISH_MS,
                               &p->cancel, em);

    net_stream_destroy(s);
    if (rv == ZK_EIO) {
        return rv;
    }
    zk_debug(cnx_manager, "%" PRId64 " has the larger id: it calls back",
             p->sid);
    zk_lock(&p->qcm->lock);
    p->failed_ms = INT64_MIN;
    p->connect_at_ms = zk_time_mono_ms() + QCM_CALL_BACK_MS;
    zk_unlock(&p->qcm->lock);
    return ZK_OK;
}

static void
sw_connect(struct qcm_peer *p)
{
    struct quorum_cnx_manager *qcm = p->qcm;
    int64_t began_ms = zk_time_mono_ms();
    struct zk_errmsg em = { "" };
    struct net_stream *s;
    int rv = sw_dial_and_greet(p, &s, &em);

    if (rv == ZK_OK && p->sid < qcm->my_sid) {
        sw_begin_link(p, s);
    } else if (rv == ZK_OK) {
        rv = sw_hang_up_behind_hello(p, s, &em);
    }
    if (rv != ZK_OK && rv != ZK_ESTOPPED) {
        sw_connect_failed(p, began_ms, em.text);
    }
}

/* ---- what is next ------------------------------------------------------ */

/* The attempt can be cancelled from now on. */
static enum sw_step
sw_prepare_connect_locked(struct qcm_peer *p, int64_t now_ms)
    ZK_REQUIRES(p->qcm->lock)
{
    p->wanted = false;
    p->connect_at_ms = now_ms + QCM_ATTEMPT_GAP_MS;
    net_cancel_reset(&p->cancel);
    return SW_CONNECT;
}

/* SW_END with *until_ms in the future: nothing to do until then. */
static enum sw_step
sw_look_locked(struct qcm_peer *p, int64_t *until_ms)
    ZK_REQUIRES(p->qcm->lock)
{
    bool over = p->qcm->stopping || p->doomed;
    int64_t now_ms = zk_time_mono_ms();

    *until_ms = 0;
    if (p->stream != NULL && (over || p->broken || p->incoming != NULL)) {
        return SW_HANG_UP;
    }
    if (over) {
        return SW_END;
    }
    if (p->incoming != NULL) {
        return SW_ADOPT;
    }
    if (p->stream == NULL && p->sid < 0) {
        /* It comes back under another number, if at all. */
        qcm_doom_locked(p->qcm, p);
        return SW_END;
    }
    if (p->stream != NULL && p->pending != NULL) {
        if (rate_limit_take(&p->pace, now_ms, NULL)) {
            return SW_SEND;
        }
        *until_ms = rate_limit_next_ms(&p->pace);
    } else if (p->stream == NULL && p->wanted) {
        if (p->connect_at_ms <= now_ms) {
            return sw_prepare_connect_locked(p, now_ms);
        }
        *until_ms = p->connect_at_ms;
    } else {
        *until_ms = INT64_MAX;
    }
    return SW_END;
}

static enum sw_step
sw_next(struct qcm_peer *p)
{
    enum sw_step step;
    int64_t until_ms;

    zk_lock(&p->qcm->lock);
    while ((step = sw_look_locked(p, &until_ms)) == SW_END && until_ms > 0) {
        if (until_ms == INT64_MAX) {
            zk_cond_wait(&p->wakeup, &p->qcm->lock);
        } else {
            (void) zk_cond_wait_until(&p->wakeup, &p->qcm->lock, until_ms);
        }
    }
    zk_unlock(&p->qcm->lock);
    return step;
}

void
send_worker_run(void *arg)
{
    struct qcm_peer *p = arg;

    ZK_CHECK(p, QCM_PEER_MAGIC);
    for (;;) {
        switch (sw_next(p)) {
        case SW_HANG_UP:
            sw_hang_up(p);
            break;
        case SW_ADOPT:
            sw_adopt(p);
            break;
        case SW_CONNECT:
            sw_connect(p);
            break;
        case SW_SEND:
            sw_send(p);
            break;
        case SW_END:
            return;
        }
    }
}
