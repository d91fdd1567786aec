/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learner_sessions.c: what a learner and its leader say to each other of
 * sessions (protocol: "Sessions across servers").
 */
#include <config.h>

#include "zab/learner_internal.h"

#include <stdlib.h>

#include "jute/input_archive.h"
#include "jute/output_archive.h"
#include "util/zk_log.h"

/* Without a word: the session may well live. */
static void
lss_close(struct client_sink *sink, enum disconnect_reason why)
{
    sink->ops->close(sink, why);
    sink->ops->unref(sink);
}

static struct learner_renewal *
lss_find_locked(struct learner *l, int64_t session_id) ZK_REQUIRES(l->lock)
{
    struct learner_renewal *renewal;

    HASH_FIND(hh, l->renewals, &session_id, sizeof session_id, renewal);
    return renewal;
}

/* Who is not to wait: another one, which did so for this session until now, or
 * 'sink', when too many do.  NULL: nobody, and the leader is to be asked. */
static struct client_sink *
lss_wait(struct learner *l, struct client_sink *sink, int64_t session_id)
{
    struct client_sink *gone = NULL;
    struct learner_renewal *renewal;

    zk_lock(&l->lock);
    renewal = lss_find_locked(l, session_id);
    if (renewal != NULL) {
        gone = renewal->sink;
        renewal->sink = sink;
    } else if (HASH_COUNT(l->renewals) < ZAB_MAX_ASKED) {
        renewal = zk_xcalloc(1, sizeof *renewal);
        renewal->session_id = session_id;
        renewal->sink = sink;
        HASH_ADD(hh, l->renewals, session_id, sizeof session_id, renewal);
    } else {
        gone = sink;
    }
    zk_unlock(&l->lock);
    return gone;
}

void
learner_revalidate(void *self, struct client_sink *sink, int64_t session_id,
                   int32_t timeout_ms)
{
    struct learner *l = self;
    struct client_sink *gone;
    struct zk_buf b = { 0 };

    ZK_CHECK(l, LEARNER_MAGIC);
    gone = lss_wait(l, sink, session_id);
    if (gone != NULL) {
        lss_close(gone, gone == sink ? DISCONNECT_LIMIT
                                     : DISCONNECT_CLIENT_RECONNECT);
        return;
    }
    /* The answer may come from here on. */
    output_archive_long(&b, session_id);
    output_archive_int(&b, timeout_ms);
    learner_link_send(&l->link, QP_REVALIDATE, -1,
                      zk_slice(b.data, (int32_t) b.len));
    zk_buf_fini(&b);
}

/* Who waits for this session, and does so no more. */
static struct learner_renewal *
lss_take(struct learner *l, int64_t session_id)
{
    struct learner_renewal *renewal;

    zk_lock(&l->lock);
    renewal = lss_find_locked(l, session_id);
    if (renewal != NULL) {
        HASH_DELETE(hh, l->renewals, renewal);
    }
    zk_unlock(&l->lock);
    return renewal;
}

int
learner_revalidated(struct learner *l, struct zk_slice data,
                    struct zk_errmsg *em)
{
    struct learner_renewal *renewal;
    struct input_archive ia;
    int64_t session_id;
    bool valid;

    input_archive_init(&ia, data.p, data.len > 0 ? (size_t) data.len : 0, 0);
    session_id = input_archive_long(&ia);
    valid = input_archive_bool(&ia);
    if (ia.err != ZK_OK) {
        return zk_fail(em, ZK_EMARSHAL, "a REVALIDATE of %d bytes",
                       data.len);
    }
    renewal = lss_take(l, session_id);
    if (renewal == NULL) {
        zk_warn(learner, "the leader speaks of session 0x%lx, which nobody "
                "asked for", (long) session_id);
        return ZK_OK;
    }
    zookeeper_server_revalidated(l->zks, renewal->sink, session_id, valid);
    free(renewal);
    return ZK_OK;
}

void
learner_answer_ping(struct learner *l, int64_t zxid)
{
    struct zk_buf b = { 0 };

    session_tracker_take_touched(zookeeper_server_sessions(l->zks), &b);
    learner_link_send(&l->link, QP_PING, zxid,
                      zk_slice(b.data, (int32_t) b.len));
    zk_buf_fini(&b);
}

void
learner_drop_renewals(struct learner *l)
{
    struct learner_renewal *all, *renewal, *tmp;

    zk_lock(&l->lock);
    all = l->renewals;
    l->renewals = NULL;
    zk_unlock(&l->lock);
    HASH_ITER(hh, all, renewal, tmp) {
        HASH_DELETE(hh, all, renewal);
        lss_close(renewal->sink, DISCONNECT_SERVER_SHUTDOWN);
        free(renewal);
    }
}
