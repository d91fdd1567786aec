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

void
learner_revalidate(void *self, struct client_sink *sink, int64_t session_id,
                   int32_t timeout_ms)
{
    struct learner_renewal *renewal = zk_xcalloc(1, sizeof *renewal);
    struct learner *l = self;
    struct zk_buf b = { 0 };

    ZK_CHECK(l, LEARNER_MAGIC);
    renewal->session_id = session_id;
    renewal->sink = sink;
    zk_lock(&l->lock);
    *l->renewals_end = renewal;
    l->renewals_end = &renewal->next;
    zk_unlock(&l->lock);
    /* The answer may come from here on. */
    output_archive_long(&b, session_id);
    output_archive_int(&b, timeout_ms);
    learner_link_send(&l->link, QP_REVALIDATE, -1,
                      zk_slice(b.data, (int32_t) b.len));
    zk_buf_fini(&b);
}

/* The first that waits for this session, taken off the list; answers come in
 * the order of the questions, so it is found soon. */
static struct learner_renewal *
lss_take(struct learner *l, int64_t session_id)
{
    struct learner_renewal *renewal;

    zk_lock(&l->lock);
    for (struct learner_renewal **at = &l->renewals;
         (renewal = *at) != NULL; at = &renewal->next) {
        if (renewal->session_id == session_id) {
            *at = renewal->next;
            if (renewal->next == NULL) {
                l->renewals_end = at;
            }
            break;
        }
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
    struct learner_renewal *renewal;

    zk_lock(&l->lock);
    renewal = l->renewals;
    l->renewals = NULL;
    l->renewals_end = &l->renewals;
    zk_unlock(&l->lock);
    while (renewal != NULL) {
        struct learner_renewal *next = renewal->next;

        /* Nobody is told that a session is gone: it may well live. */
        renewal->sink->ops->close(renewal->sink, DISCONNECT_SERVER_SHUTDOWN);
        renewal->sink->ops->unref(renewal->sink);
        free(renewal);
        renewal = next;
    }
}
