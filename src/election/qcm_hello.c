/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qcm_hello.c: what follows from a hello.
 */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>

#include "election/qcm_internal.h"
#include "util/zk_time.h"

static void
qcm_learn_locked(struct quorum_cnx_manager *qcm, struct qcm_peer *p,
                 const struct initial_message *hello) ZK_REQUIRES(qcm->lock)
{
    if (hello->n == 0) {
        return;
    }
    zk_assert_held(&qcm->lock);
    qcm_forget_learned(p);
    for (size_t i = 0; i < hello->n; i++) {
        p->learned[i] = (struct host_port) {
            .host = zk_xstrdup(hello->address[i].host),
            .port = hello->address[i].port,
        };
    }
    p->n_learned = hello->n;
}

/* The peer listens, or it would not have called: no need to wait, unless it
 * does so all the time. */
static void
qcm_call_back_locked(struct quorum_cnx_manager *qcm, struct qcm_peer *p,
                     int64_t now_ms) ZK_REQUIRES(qcm->lock)
{
    zk_assert_held(&qcm->lock);
    p->wanted = true;
    p->connect_at_ms = now_ms;
    if (p->called_back_ms + QCM_ATTEMPT_GAP_MS > now_ms) {
        p->connect_at_ms = p->called_back_ms + QCM_ATTEMPT_GAP_MS;
    }
    p->called_back_ms = p->connect_at_ms;
}

/* Returns the stream that is to be closed, or NULL. */
static struct net_stream *
qcm_greet_locked(struct quorum_cnx_manager *qcm, struct qcm_peer *p,
                 struct net_stream *s, const struct initial_message *hello)
    ZK_REQUIRES(qcm->lock)
{
    int64_t now_ms = zk_time_mono_ms();

    p->seen_ms = now_ms;
    qcm_learn_locked(qcm, p, hello);
    if (hello->sid > qcm->my_sid) {
        struct net_stream *old = p->incoming;

        p->incoming = s;
        s = old;
        net_cancel_fire(&p->cancel);
    } else {
        qcm_call_back_locked(qcm, p, now_ms);
    }
    if (p->stream != NULL) {
        p->broken = true;
        net_stream_shutdown(p->stream);
    }
    qcm_wake_locked(qcm, p);
    return s;
}

/* False: it cannot be taken, as 'why' says. */
static bool
qcm_take_hello(struct quorum_cnx_manager *qcm, struct net_stream **s,
               const struct initial_message *hello, uint64_t turn,
               struct zk_errmsg *why)
{
    struct qcm_peer *p = NULL;
    bool taken = false;
    int64_t sid;

    zk_lock(&qcm->lock);
    sid = hello->sid == INITIAL_MESSAGE_NO_SID ? qcm->next_observer--
                                               : hello->sid;
    if (qcm->stopping) {
        (void) zk_fail(why, ZK_ESTOPPED, "this server stops");
    } else {
        p = qcm_get_locked(qcm, sid, why);
    }
    if (p != NULL && turn < p->turn) {
        /* Hellos are read side by side: one may overtake another. */
        (void) zk_fail(why, ZK_EEXIST, "it has opened another since");
    } else if (p != NULL) {
        p->turn = turn;
        *s = qcm_greet_locked(qcm, p, *s, hello);
        taken = true;
    }
    zk_unlock(&qcm->lock);
    return taken;
}

void
qcm_welcome(struct quorum_cnx_manager *qcm, struct net_stream *s,
            const struct initial_message *hello, uint64_t turn)
{
    struct zk_errmsg why = { "" };
    bool taken = false;

    qcm_reap(qcm);
    if (hello->sid == qcm->my_sid) {
        /* ZOOKEEPER-2164 */
        (void) zk_fail(&why, ZK_ECONFIG, "that is this server's own id: is "
                       "a myid file wrong?");
    } else {
        qcm_note(qcm, ZK_LOG_INFO, "Received connection request from %s: "
                 "server %" PRId64 " (%s)", net_stream_peer(s), hello->sid,
                 net_stream_security(s));
        taken = qcm_take_hello(qcm, &s, hello, turn, &why);
    }
    if (!taken) {
        qcm_note(qcm, ZK_LOG_WARN, "Closing the connection from %s, server %"
                 PRId64 ": %s", net_stream_peer(s), hello->sid, why.text);
    }
    net_stream_destroy(s);
}
