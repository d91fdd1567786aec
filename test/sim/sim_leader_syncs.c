/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "sim.h"

#include <string.h>

#include "util/zk_bytes.h"

/* ---- syncs ------------------------------------------------------------- */

static bool
lead_is_synced(struct sim_node *n, const struct sim_pending_sync *s)
{
    if (s->session == 0 && sim_bug_is(n->w, SIM_BUG_1675)) {
        return true;
    }
    if (s->session == 0 && sim_bug_is(n->w, SIM_BUG_SYNC_HEARD)) {
        return sim_leader_has_quorum(n, LEAD_HEARD);
    }
    return leader_core_is_synced(n->leader.core, &s->point);
}

static void
lead_append(struct sim_leader *l, struct sim_pending_sync *s)
{
    s->next = NULL;
    if (l->last_sync == NULL) {
        l->syncs = s;
    } else {
        l->last_sync->next = s;
    }
    l->last_sync = s;
}

void
sim_leader_forget_syncs(struct sim_leader *l, const struct sim_handler *h)
{
    struct sim_pending_sync **p = &l->syncs;

    l->last_sync = NULL;
    while (*p != NULL) {
        if ((*p)->who == h) {
            *p = (*p)->next;
        } else {
            l->last_sync = *p;
            p = &(*p)->next;
        }
    }
}

struct sim_session *
sim_leader_session(struct sim_node *n, int64_t id)
{
    return &n->leader.sessions[sim_session_client(id)][sim_session_n(id)];
}

static void
lead_answer_session(struct sim_node *n, struct sim_handler *who,
                    struct sim_conn *conn, int64_t session, bool lives)
{
    struct sim_msg answer = {
        .type = QP_REVALIDATE, .zxid = -1, .len = 9,
    };

    if (!lives && !n->dying) {
        sim_check_gone(n->w, session);
    }
    if (who == NULL) {
        sim_server_admit(conn, lives);
        return;
    }
    zk_put_be64(answer.data, (uint64_t) session);
    answer.data[8] = lives;
    sim_link_send(who->link, 1, &answer);
}

/* A session whose end is not committed yet is asked for again later. */
static void
lead_tell(struct sim_node *n, struct sim_pending_sync *s)
{
    if (sim_leader_session(n, s->session)->known
        && !sim_bug_is(n->w, SIM_BUG_GONE_CLOSING)) {
        s->point = leader_core_later_point(n->leader.core);
        lead_append(&n->leader, s);
    } else {
        lead_answer_session(n, s->who, s->conn, s->session, false);
    }
}

void
sim_leader_answer_syncs(struct sim_node *n, int64_t zxid)
{
    struct sim_leader *l = &n->leader;
    struct sim_pending_sync *s;

    while ((s = l->syncs) != NULL && s->point.zxid <= zxid
           && lead_is_synced(n, s)) {
        l->syncs = s->next;
        if (l->syncs == NULL) {
            l->last_sync = NULL;
        }
        if (s->session != 0) {
            lead_tell(n, s);
            continue;
        }
        sim_check_sync(n, s->committed);
        if (s->who != NULL) {
            sim_leader_send(s->who, QP_SYNC, 0, NULL);
        } else {
            commit_core_synced(&n->server.commit, 1);
        }
    }
}

void
sim_leader_settle_syncs(struct sim_node *n, int64_t zxid)
{
    if (sim_bug_is(n->w, SIM_BUG_SYNC_ORDER)) {
        return;
    }
    sim_leader_answer_syncs(n, zxid - 1);
    if (n->leader.syncs != NULL && n->leader.syncs->point.zxid < zxid) {
        sim_fail(n->w, "syncs keep their place",
                 "server %ld: one waits for 0x%lx, 0x%lx is committed",
                 (long) n->sid, (long) n->leader.syncs->point.zxid,
                 (long) zxid);
    }
}

static void
lead_time_ping(struct sim_handler *h)
{
    if (h->up_to_date) {
        h->pings.sent++;
        if (h->pings.timed == 0) {
            h->pings.timed = h->pings.sent;
            h->pings.timed_us = sim_now(h->leader->w);
        }
    }
}

void
sim_leader_ping(struct sim_node *n)
{
    leader_core_pinged(n->leader.core);
    for (struct sim_handler *h = n->leader.handlers; h != NULL; h = h->next) {
        if (h->state == SIM_H_JOINED) {
            lead_time_ping(h);
            sim_leader_send(h, QP_PING,
                            leader_core_last_proposed(n->leader.core), NULL);
        }
    }
}

void
sim_leader_go_on_syncs(struct sim_node *n)
{
    if (leader_core_needs_ping(n->leader.core)) {
        sim_leader_ping(n);
    }
    sim_leader_answer_syncs(n, leader_core_last_committed(n->leader.core));
    sim_server_pump(n);
}

/* The question for this session that waits, of this learner or of clients
 * here. */
static struct sim_pending_sync *
lead_question(const struct sim_leader *l, const struct sim_handler *who,
              int64_t session)
{
    struct sim_pending_sync *s = l->syncs;

    while (s != NULL && (s->session != session || s->who != who)) {
        s = s->next;
    }
    return s;
}

/* Who asks for a session again is told once; of clients here the last. */
static void
lead_wait(struct sim_node *n, struct sim_handler *who, struct sim_conn *conn,
          int64_t session)
{
    struct sim_leader *l = &n->leader;
    struct sim_pending_sync *s =
        session != 0 ? lead_question(l, who, session) : NULL;

    if (s != NULL) {
        s->conn = conn;
        return;
    }
    s = sim_alloc(n->w, sizeof *s);
    s->who = who;
    s->conn = conn;
    s->session = session;
    s->point = leader_core_sync_point(l->core);
    s->committed = sim_committed(n->w);
    lead_append(l, s);
    sim_leader_go_on_syncs(n);
}

void
sim_leader_sync(struct sim_node *n, struct sim_handler *who)
{
    lead_wait(n, who, NULL, 0);
}

/* ---- sessions ---------------------------------------------------------- */

/* As it was: whom a quorum has answered of late may speak of all sessions. */
static bool
lead_asks_nobody(struct sim_node *n, const struct sim_session *s)
{
    return sim_bug_is(n->w, SIM_BUG_GONE_LEASE) && !s->known
           && sim_leader_has_quorum(n, LEAD_FOLLOWED);
}

void
sim_leader_ask(struct sim_node *n, struct sim_handler *who,
               struct sim_conn *conn, int64_t session)
{
    struct sim_session *s = sim_leader_session(n, session);

    if (s->known && !s->closing) {
        s->owner = who != NULL ? (const void *) who : conn;
        s->touched_us = sim_now(n->w);
        lead_answer_session(n, who, conn, session, true);
    } else if (lead_asks_nobody(n, s)) {
        lead_answer_session(n, who, conn, session, false);
    } else {
        lead_wait(n, who, conn, session);
    }
}

void
sim_leader_ask_own(struct sim_node *n, struct sim_conn *c)
{
    sim_leader_ask(n, NULL, c, c->session);
}

void
sim_leader_closed(struct sim_node *n, int64_t session)
{
    memset(sim_leader_session(n, session), 0, sizeof(struct sim_session));
}

static void
lead_touch(struct sim_node *n, int64_t session)
{
    struct sim_session *s = sim_leader_session(n, session);

    if (s->known && !s->closing) {
        s->touched_us = sim_now(n->w);
    }
}

void
sim_leader_touch_own(struct sim_node *n)
{
    for (const struct sim_conn *c = n->server.conns; c != NULL; c = c->next) {
        if (c->valid) {
            lead_touch(n, c->session);
        }
    }
}

void
sim_leader_touch_all_of(struct sim_handler *h, const struct sim_msg *m)
{
    for (int i = 0; i < SIM_CLIENTS; i++) {
        lead_touch(h->leader, sim_session_id(i, m->data[i]));
    }
}
