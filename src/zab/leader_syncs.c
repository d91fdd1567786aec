/* SPDX-License-Identifier: Apache-2.0 */
/* leader_syncs.c: what is answered only once a quorum has said that this
 * server leads: SYNCs, which keep their place between the commits, and
 * questions for sessions that it does not know (Java: Leader.processSync,
 * LearnerHandler's REVALIDATE; protocol: sections 6.6 and 6.9).  Java's leader
 * asks nobody. */
#include <config.h>

#include "zab/leader_internal.h"

#include <stdlib.h>

#include "jute/output_archive.h"
#include "metrics/server_metrics.h"
#include "server/commit_processor.h"
#include "util/zk_log.h"
#include "zab/learner_handler.h"

/* ---- news for the stages ----------------------------------------------- */

struct leader_news
leader_news_locked(struct leader *l, bool committed)
{
    struct leader_news news = {
        .commit = l->commit,
        .committed = committed ? leader_core_last_committed(l->core) : 0,
        .synced = l->n_synced,
        .zks = l->zks,
        .told = l->told,
    };

    l->n_synced = 0;
    l->told = NULL;
    return news;
}

void
leader_pass_on(const struct leader_news *news)
{
    struct leader_sync *s, *next;

    if (news->committed != 0) {
        commit_processor_committed(news->commit, news->committed);
    }
    if (news->synced > 0) {
        commit_processor_synced(news->commit, news->synced);
    }
    for (s = news->told; s != NULL; s = next) {
        next = s->next;
        zookeeper_server_revalidated(news->zks, s->sink, s->session_id,
                                     s->lives);
        free(s);
    }
}

/* ---- sessions ---------------------------------------------------------- */

/* If it lives it is 'owner's from now on.  The leader's own local sessions are
 * nobody else's. */
static bool
lsy_renew(struct leader *l, int64_t session_id, int32_t timeout_ms,
          const void *owner)
{
    struct session_tracker *st = zookeeper_server_sessions(l->zks);
    bool lives = !session_tracker_is_local(st, session_id)
                 && session_tracker_touch(st, session_id, timeout_ms, NULL);

    if (lives) {
        session_tracker_set_owner(st, session_id, owner);
    }
    return lives;
}

/* It is being closed, which is not committed yet. */
static bool
lsy_is_closing(struct leader *l, int64_t session_id)
{
    struct session_tracker *st = zookeeper_server_sessions(l->zks);

    return session_tracker_is_tracked(st, session_id)
           && !session_tracker_is_local(st, session_id);
}

static void
lsy_answer_session(struct learner_handler *h, int64_t session_id, bool lives)
{
    struct zk_buf answer = { 0 };

    output_archive_long(&answer, session_id);
    output_archive_bool(&answer, lives);
    learner_sender_queue_once(
        &h->sender,
        packet_block_one(QP_REVALIDATE, -1,
                         zk_slice(answer.data, (int32_t) answer.len)));
    zk_buf_fini(&answer);
}

/* ---- the queue --------------------------------------------------------- */

static void
lsy_append_locked(struct leader *l, struct leader_sync *s)
    ZK_REQUIRES(l->lock)
{
    s->next = NULL;
    *l->syncs_end = s;
    l->syncs_end = &s->next;
}

/* The questions of a learner, or of clients of this server. */
static struct leader_sync **
lsy_asked_locked(struct leader *l, struct learner_handler *who)
    ZK_REQUIRES(l->lock)
{
    return who != NULL ? &who->asked : &l->asked;
}

static struct leader_sync *
lsy_find_locked(struct leader *l, struct learner_handler *who,
                int64_t session_id) ZK_REQUIRES(l->lock)
{
    struct leader_sync *s;

    HASH_FIND(hh, *lsy_asked_locked(l, who), &session_id, sizeof session_id,
              s);
    return s;
}

static bool
lsy_is_full_locked(struct leader *l, struct learner_handler *who)
    ZK_REQUIRES(l->lock)
{
    return HASH_COUNT(*lsy_asked_locked(l, who)) >= ZAB_MAX_ASKED;
}

/* It is in the queue from now on; and no more. */
static void
lsy_count_locked(struct leader *l, struct leader_sync *s)
    ZK_REQUIRES(l->lock)
{
    if (s->of_session) {
        HASH_ADD(hh, *lsy_asked_locked(l, s->who), session_id,
                 sizeof s->session_id, s);
    } else {
        l->n_syncs++;
    }
}

static void
lsy_uncount_locked(struct leader *l, struct leader_sync *s)
    ZK_REQUIRES(l->lock)
{
    if (s->of_session) {
        HASH_DELETE(hh, *lsy_asked_locked(l, s->who), s);
    } else {
        l->n_syncs--;
    }
}

/* A SYNC whose turn has come. */
static void
lsy_synced_locked(struct leader *l, struct leader_sync *s,
                  struct packet_block **answer) ZK_REQUIRES(l->lock)
{
    if (s->who == NULL) {
        l->n_synced++;
    } else {
        if (*answer == NULL) {
            *answer = packet_block_one(QP_SYNC, 0, ZK_SLICE_NULL);
        }
        learner_sender_queue(&s->who->sender, *answer);
    }
    free(s);
}

/* A question whose turn has come, unless it must wait on: what is said to have
 * ended must have, by what is committed. */
static void
lsy_tell_locked(struct leader *l, struct leader_sync *s)
    ZK_REQUIRES(l->lock)
{
    s->lives = lsy_renew(l, s->session_id, s->timeout_ms,
                         s->who != NULL ? (const void *) s->who : s->sink);
    if (!s->lives && lsy_is_closing(l, s->session_id)) {
        s->point = leader_core_later_point(l->core);
        lsy_count_locked(l, s);
        lsy_append_locked(l, s);
    } else if (s->who == NULL) {
        s->next = l->told;
        l->told = s;
    } else {
        lsy_answer_session(s->who, s->session_id, s->lives);
        free(s);
    }
}

void
leader_answer_syncs_locked(struct leader *l, int64_t zxid)
{
    struct packet_block *answer = NULL;
    struct leader_sync *s;

    while ((s = l->syncs) != NULL && s->point.zxid <= zxid
           && leader_core_is_synced(l->core, &s->point)) {
        l->syncs = s->next;
        if (l->syncs == NULL) {
            l->syncs_end = &l->syncs;
        }
        lsy_uncount_locked(l, s);
        if (s->of_session) {
            lsy_tell_locked(l, s);
        } else {
            lsy_synced_locked(l, s, &answer);
        }
    }
    packet_block_unref(answer);
}

/* Something that syncs may wait for has happened; one that is still to be
 * asked for is. */
static void
lsy_go_on_locked(struct leader *l) ZK_REQUIRES(l->lock)
{
    if (leader_core_needs_ping(l->core)) {
        leader_ping_learners_locked(l);
    }
    leader_answer_syncs_locked(l, leader_core_last_committed(l->core));
}

/* Without a word; the client tries again, here or elsewhere. */
static void
lsy_close(struct client_sink *sink, enum disconnect_reason why)
{
    sink->ops->close(sink, why);
    sink->ops->unref(sink);
}

/* Nobody is told that a session has ended because a role has. */
static void
lsy_drop(struct leader_sync *s)
{
    if (s->sink != NULL) {
        lsy_close(s->sink, DISCONNECT_SERVER_SHUTDOWN);
    }
    free(s);
}

void
leader_forget_syncs_locked(struct leader *l, const struct learner_handler *h)
{
    struct leader_sync **p = &l->syncs;
    struct leader_sync *s;

    while ((s = *p) != NULL) {
        if (s->who == h) {
            *p = s->next;
            lsy_uncount_locked(l, s);
            free(s);
        } else {
            p = &s->next;
        }
    }
    l->syncs_end = p;
}

void
leader_drop_syncs(struct leader *l)
{
    struct leader_sync *s, *next;

    zk_lock(&l->lock);
    s = l->syncs;
    l->syncs = NULL;
    l->syncs_end = &l->syncs;
    l->n_syncs = 0;
    HASH_CLEAR(hh, l->asked);
    zk_unlock(&l->lock);
    for (; s != NULL; s = next) {
        next = s->next;
        zk_assert(s->who == NULL);
        lsy_drop(s);
    }
}

/* Takes 's' over: it waits from now on. */
static struct leader_news
lsy_add_locked(struct leader *l, struct leader_sync *s) ZK_REQUIRES(l->lock)
{
    s->point = leader_core_sync_point(l->core);
    lsy_count_locked(l, s);
    lsy_append_locked(l, s);
    lsy_go_on_locked(l);
    return leader_news_locked(l, false);
}

static struct leader_news
lsy_add_sync_locked(struct leader *l, struct learner_handler *who)
    ZK_REQUIRES(l->lock)
{
    struct leader_sync *s = zk_xcalloc(1, sizeof *s);

    s->who = who;
    return lsy_add_locked(l, s);
}

/* 'owner' may have gone meanwhile: it is looked for, not looked at. */
void
leader_sync(struct leader *l, const void *owner)
{
    struct learner_handler *h;
    struct leader_news news = { 0 };

    zk_lock(&l->lock);
    for (h = l->learners; h != NULL && h != owner; h = h->next) {
    }
    if (h != NULL) {
        news = lsy_add_sync_locked(l, h);
    }
    zk_unlock(&l->lock);
    leader_pass_on(&news);
}

void
leader_sync_own(struct leader *l)
{
    struct leader_news news;

    zk_lock(&l->lock);
    news = lsy_add_sync_locked(l, NULL);
    zk_unlock(&l->lock);
    leader_pass_on(&news);
}

static struct leader_news
lsy_add_question_locked(struct leader *l, struct learner_handler *who,
                        struct client_sink *sink, int64_t session_id,
                        int32_t timeout_ms) ZK_REQUIRES(l->lock)
{
    struct leader_sync *s = zk_xcalloc(1, sizeof *s);

    s->of_session = true;
    s->who = who;
    s->sink = sink;
    s->session_id = session_id;
    s->timeout_ms = timeout_ms;
    return lsy_add_locked(l, s);
}

int
leader_revalidate(struct leader *l, struct learner_handler *h,
                  int64_t session_id, int32_t timeout_ms,
                  struct zk_errmsg *em)
{
    struct leader_news news = { 0 };
    struct leader_sync *s;
    int rv = ZK_OK;

    server_metrics_inc(METRIC_revalidate_count);
    if (lsy_renew(l, session_id, timeout_ms, h)) {
        lsy_answer_session(h, session_id, true);
        return ZK_OK;
    }
    zk_lock(&l->lock);
    s = lsy_find_locked(l, h, session_id);
    if (s != NULL) {
        s->timeout_ms = timeout_ms;
    } else if (!lsy_is_full_locked(l, h)) {
        news = lsy_add_question_locked(l, h, NULL, session_id, timeout_ms);
    } else {
        rv = zk_fail(em, ZK_ETOOBIG, "it asks for more than %d sessions that "
                     "nobody here knows", ZAB_MAX_ASKED);
    }
    zk_unlock(&l->lock);
    leader_pass_on(&news);
    return rv;
}

void
leader_revalidate_own(void *self, struct client_sink *sink,
                      int64_t session_id, int32_t timeout_ms)
{
    struct client_sink *gone = NULL;
    struct leader_news news = { 0 };
    struct leader *l = self;
    struct leader_sync *s;

    ZK_CHECK(l, LEADER_MAGIC);
    zk_lock(&l->lock);
    s = lsy_find_locked(l, NULL, session_id);
    if (s != NULL) {
        gone = s->sink;
        s->sink = sink;
        s->timeout_ms = timeout_ms;
    } else if (!l->closing && !lsy_is_full_locked(l, NULL)) {
        news = lsy_add_question_locked(l, NULL, sink, session_id,
                                       timeout_ms);
    } else {
        gone = sink;
    }
    zk_unlock(&l->lock);
    leader_pass_on(&news);
    if (gone != NULL) {
        lsy_close(gone, gone == sink ? DISCONNECT_SERVER_SHUTDOWN
                                     : DISCONNECT_CLIENT_RECONNECT);
    }
}

/* ---- PINGs ------------------------------------------------------------- */

void
leader_ping_answered(struct leader *l, struct learner_handler *h)
{
    struct leader_news news;

    zk_lock(&l->lock);
    if (!h->observer && !h->replaced) {
        leader_core_ping_answered(l->core, h->sid);
        lsy_go_on_locked(l);
    }
    news = leader_news_locked(l, false);
    zk_unlock(&l->lock);
    leader_pass_on(&news);
}

void
leader_go_on_syncs(struct leader *l)
{
    struct leader_news news;

    zk_lock(&l->lock);
    lsy_go_on_locked(l);
    news = leader_news_locked(l, false);
    zk_unlock(&l->lock);
    leader_pass_on(&news);
}
