/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "sim.h"

#include <string.h>

#include "proto/keeper_error.h"
#include "proto/op_code.h"
#include "util/zk_bytes.h"

static void lead_go_on(struct sim_world *w, void *obj, uint64_t id);

/* Something was said that the QuorumPeer thread may have waited for. */
static void
lead_wake(struct sim_node *n)
{
    struct sim_leader *l = &n->leader;

    if (!l->going_on) {
        l->going_on = true;
        sim_after(n->w, sim_between(n->w, 5, 500), lead_go_on, n,
                  sim_node_role_id(n));
    }
}

/* ---- who is there ------------------------------------------------------ */

/* The link is gone, or is to be. */
static void
lead_drop(struct sim_handler *h, const char *why)
{
    struct sim_leader *l = &h->leader->leader;
    struct sim_handler **p;

    if (h->gone) {
        return;
    }
    sim_trace(h->leader->w, h->leader, "drops server %ld: %s", (long) h->sid,
              why);
    h->gone = true;
    sim_link_close(h->link, 1);
    for (p = &l->handlers; *p != h; p = &(*p)->next) {
    }
    *p = h->next;
    sim_leader_forget_syncs(l, h);
    if (h->sid != 0 && !h->replaced) {
        leader_core_forget(l->core, h->sid);
    }
    lead_wake(h->leader);
}

bool
sim_leader_has_quorum(struct sim_node *n, enum lead_quorum kind)
{
    int64_t sids[SIM_SERVERS * 4];
    size_t count = 0;

    for (const struct sim_handler *h = n->leader.handlers; h != NULL;
         h = h->next) {
        int64_t until_us = h->in_sync_until_us;

        if (kind != LEAD_IN_SYNC) {
            until_us = (kind == LEAD_HEARD ? h->heard_us : h->followed_us)
                       + n->w->sync_us;
        }
        if (h->sid != 0 && !h->replaced && sim_now(n->w) <= until_us
            && count < ZK_ARRAY_SIZE(sids)) {
            sids[count++] = h->sid;
        }
    }
    return leader_core_has_quorum(n->leader.core, sids, count);
}

/* ---- broadcast --------------------------------------------------------- */

static const struct sim_txn *
lead_proposal(struct sim_node *n, size_t i)
{
    const struct txn_bytes *b =
        leader_proposals_at(&n->leader.proposals, i)->txn;

    return sim_txn_find(n->w, zk_slice(b->data, (int32_t) b->len));
}

/* All up to 'zxid' is committed. */
static void
lead_commit(struct sim_node *n, int64_t zxid)
{
    struct sim_leader *l = &n->leader;
    size_t from = l->proposals.committed;

    leader_proposals_commit(&l->proposals, zxid);
    for (size_t i = from; i < l->proposals.committed; i++) {
        const struct sim_txn *t = lead_proposal(n, i);
        struct sim_handler *h;

        sim_leader_settle_syncs(n, t->zxid);
        l->committed = sim_state_after(n->w, l->committed, t);
        sim_check_commit(n, l->committed);
        for (h = l->handlers; h != NULL; h = h->next) {
            if (h->state == SIM_H_JOINED && h->observer) {
                sim_leader_send(h, QP_INFORM, t->zxid, t);
            } else if (h->state == SIM_H_JOINED) {
                sim_leader_send(h, QP_COMMIT, t->zxid, NULL);
            }
        }
    }
    if (l->proposals.committed > from) {
        sim_leader_answer_syncs(n, zxid);
        commit_core_committed(&n->server.commit, zxid);
        sim_server_pump(n);
        lead_wake(n);
    }
}

static void
lead_propose(struct sim_node *n, const struct sim_txn *t)
{
    struct sim_leader *l = &n->leader;
    struct sim_handler *h;

    leader_proposals_applied(&l->proposals, n->tree->zxid);
    leader_core_propose(l->core, t->zxid);
    leader_proposals_add(&l->proposals, t->bytes, sim_ms(sim_now(n->w)));
    sim_trace(n->w, n, "proposes 0x%lx of client %d, cxid %d",
              (long) t->zxid, t->client, (int) t->cxid);
    for (h = l->handlers; h != NULL; h = h->next) {
        if (h->state == SIM_H_JOINED && !h->observer) {
            sim_leader_send(h, QP_PROPOSAL, t->zxid, t);
            h->sent_zxid = t->zxid;
            h->sent_us = sim_now(n->w);
            if (h->up_to_date && h->timed_zxid == 0) {
                h->timed_zxid = t->zxid;
                h->timed_since_us = h->sent_us;
            }
        }
    }
    sim_server_log(n, t);
}

void
sim_leader_logged(struct sim_node *n, int64_t zxid)
{
    lead_commit(n, leader_core_ack(n->leader.core, n->sid, zxid));
}

static void
lead_acked(struct sim_handler *h, int64_t zxid)
{
    struct sim_node *n = h->leader;

    if (h->timed_zxid != 0 && zxid >= h->timed_zxid) {
        h->timed_zxid = h->sent_zxid > zxid ? h->sent_zxid : 0;
        h->timed_since_us = h->sent_us;
    }
    if (h->state == SIM_H_JOINED && !h->observer && !h->replaced) {
        lead_commit(n, leader_core_ack(n->leader.core, h->sid, zxid));
    }
}

/* ---- requests ---------------------------------------------------------- */

static int32_t
lead_check(struct sim_node *n, struct sim_session *s, const void *owner)
{
    if (!s->known || s->ended) {
        return KE_SESSION_EXPIRED;
    }
    if (s->owner == NULL) {
        s->owner = owner;
    }
    if (s->owner != owner) {
        return KE_SESSION_MOVED;
    }
    return sim_chance(n->w, 50) ? KE_BAD_VERSION : KE_OK;
}

/* As Prep: a write becomes a txn.  NULL: no zxid is left. */
static const struct sim_txn *
lead_prepare(struct sim_node *n, int32_t type, int64_t session, int32_t cxid,
             const void *owner)
{
    struct sim_session *s = sim_leader_session(n, session);
    struct sim_leader *l = &n->leader;
    int32_t err = KE_OK;

    if (zxid_counter(l->last_zxid + 1) == n->w->last_counter) {
        sim_trace(n->w, n, "no zxid is left");
        l->rolled_over = true;
        lead_wake(n);
        return NULL;
    }
    if (type == OP_CREATE_SESSION) {
        *s = (struct sim_session) {
            .known = true, .touched_us = sim_now(n->w), .owner = owner,
        };
    } else if (type == OP_CLOSE_SESSION) {
        s->closing = s->ended = true;
    } else {
        err = lead_check(n, s, owner);
    }
    return sim_txn_create(n->w, ++l->last_zxid, type, session, cxid, err);
}

/* As a client of this server asked; one request. */
void
sim_leader_submit(struct sim_node *n, struct bq_list *list)
{
    struct request *r = request_of(list->first);
    const struct sim_txn *t = NULL;
    bool is_sync;

    if (n->leader.rolled_over) {
        request_free(request_of(bq_list_pop(list)));
        return;
    }
    if (r->type == OP_SET_DATA || r->type == OP_CREATE_SESSION) {
        t = lead_prepare(n, r->type, r->session_id, r->cxid,
                         ZK_CONTAINER_OF(r->sink, struct sim_conn, sink));
        if (t == NULL) {
            request_free(request_of(bq_list_pop(list)));
            return;
        }
        r->txn = txn_bytes_ref(t->bytes);
        r->zxid = t->zxid;
    }
    is_sync = r->type == OP_SYNC;
    commit_core_submit(&n->server.commit, list);
    if (t != NULL) {
        lead_propose(n, t);
    }
    if (is_sync) {
        sim_leader_sync(n, NULL);
    }
}

/* A write for which no client of this server waits. */
static void
lead_write(struct sim_node *n, int32_t type, int64_t session, int32_t cxid,
           const void *owner)
{
    const struct sim_txn *t = lead_prepare(n, type, session, cxid, owner);
    struct bq_list list = { 0 };
    struct request *r;

    if (t == NULL) {
        return;
    }
    r = request_create(type, session, cxid, zk_slice("", 0), NULL, NULL);
    r->txn = txn_bytes_ref(t->bytes);
    r->zxid = t->zxid;
    bq_list_append(&list, &r->link);
    commit_core_submit(&n->server.commit, &list);
    lead_propose(n, t);
}

/* A learner forwards a write or a sync. */
static void
lead_request(struct sim_handler *h, const struct sim_msg *m)
{
    struct sim_node *n = h->leader;
    int32_t type = (int32_t) zk_get_be32(m->data + 12);

    if (!n->leader.serving || n->leader.rolled_over) {
        return;
    }
    if (type == OP_SYNC) {
        sim_leader_sync(n, h);
    } else {
        lead_write(n, type, (int64_t) zk_get_be64(m->data),
                   (int32_t) zk_get_be32(m->data + 8), h);
    }
}

static void
lead_revalidate(struct sim_handler *h, const struct sim_msg *m)
{
    struct sim_node *n = h->leader;

    if (!n->leader.serving) {
        lead_drop(h, "REVALIDATE before UPTODATE");
        return;
    }
    sim_leader_ask(n, h, NULL, (int64_t) zk_get_be64(m->data));
}

/* What the tracker submits reaches Prep some time later. */
static void
lead_close_session(struct sim_world *w, void *obj, uint64_t session)
{
    struct sim_node *n = obj;

    (void) w;
    if (n->up && n->role == SIM_LEADING && n->leader.serving
        && !n->leader.rolled_over
        && sim_leader_session(n, (int64_t) session)->closing
        && !sim_leader_session(n, (int64_t) session)->ended) {
        sim_trace(n->w, n, "ends session %d of client %d",
                  sim_session_n((int64_t) session),
                  sim_session_client((int64_t) session));
        lead_write(n, OP_CLOSE_SESSION, (int64_t) session, 0, NULL);
    }
}

static void
lead_expire(struct sim_node *n)
{
    sim_leader_touch_own(n);
    for (int64_t i = 0; i < SIM_CLIENTS * SIM_SESSIONS; i++) {
        int64_t id = sim_session_id((int) (i % SIM_CLIENTS),
                                    (int) (i / SIM_CLIENTS));
        struct sim_session *s = sim_leader_session(n, id);

        if (s->known && !s->closing
            && sim_now(n->w) - s->touched_us > n->w->session_us) {
            s->closing = true;
            sim_after(n->w, sim_between(n->w, 5, 20 * SIM_MS),
                      lead_close_session, n, (uint64_t) id);
        }
    }
}

/* ---- discovery --------------------------------------------------------- */

static void
lead_up_to_date(struct sim_handler *h)
{
    if (h->acked && !h->up_to_date) {
        h->up_to_date = true;
        h->followed_us = sim_now(h->leader->w);
        if (!h->observer && !h->replaced) {
            leader_core_up_to_date(h->leader->leader.core, h->sid);
        }
        sim_leader_send(h, QP_UPTODATE, -1, NULL);
    }
}

static void
lead_send_epoch(struct sim_handler *h)
{
    struct sim_msg m = {
        .type = QP_LEADERINFO,
        .zxid = zxid_make(h->leader->leader.epoch, 0),
        .len = 4,
    };

    zk_put_be32(m.data, 0x10000);
    h->state = SIM_H_ACK_EPOCH;
    sim_link_send(h->link, 1, &m);
}

static void
lead_introduced(struct sim_handler *h, const struct sim_msg *m)
{
    struct sim_node *n = h->leader;
    struct sim_leader *l = &n->leader;
    int64_t sid = (int64_t) zk_get_be64(m->data);
    struct sim_handler *other, *next;

    for (other = l->handlers; other != NULL; other = next) {
        next = other->next;
        if (other->sid == sid) {
            other->replaced = true;
            leader_core_forget(l->core, sid);
            lead_drop(other, "it has connected anew");
        }
    }
    h->sid = sid;
    h->observer = m->type == QP_OBSERVERINFO;
    h->state = SIM_H_EPOCH;
    h->waits_since_us = sim_now(n->w);
    (void) leader_core_accepted_epoch(l->core, sid, zxid_epoch(m->zxid));
    if (l->epoch >= 0) {
        lead_send_epoch(h);
    }
    lead_wake(n);
}

static void
lead_epoch_acked(struct sim_handler *h, const struct sim_msg *m)
{
    struct sim_node *n = h->leader;
    int64_t current = (int32_t) zk_get_be32(m->data);

    h->peer = m->zxid;
    if (!leader_core_epoch_ack(n->leader.core, h->sid, current, m->zxid)) {
        lead_drop(h, "it is ahead");
        return;
    }
    h->state = SIM_H_MAY_SYNC;
    h->waits_since_us = sim_now(n->w);
    if (n->leader.may_sync) {
        sim_leader_join(n, h);
    }
    lead_wake(n);
}

static void
lead_history_acked(struct sim_handler *h, int64_t zxid)
{
    struct sim_node *n = h->leader;

    if (zxid != zxid_make(n->leader.epoch, 0)) {
        return;
    }
    if (!h->acked && h->state == SIM_H_JOINED) {
        h->acked = true;
        if (!h->observer && !h->replaced) {
            (void) leader_core_new_leader_ack(n->leader.core, h->sid);
            lead_wake(n);
        }
    }
    if (n->leader.serving) {
        lead_up_to_date(h);
    }
}

/* ---- the link ---------------------------------------------------------- */

/* As Java's leaders took an ack of something else before it: whose first ack
 * is not that of NEWLEADER is never in sync. */
static bool
lead_ignores_ack(struct sim_handler *h, int64_t zxid)
{
    if (!h->acks) {
        h->acks = true;
        h->out_of_sync = sim_bug_is(h->leader->w, SIM_BUG_4685)
                         && zxid_counter(zxid) != 0;
    }
    return h->out_of_sync && zxid_counter(zxid) == 0;
}

static void
lead_ping_answered(struct sim_handler *h, const struct sim_msg *m)
{
    if (h->pings.answered < h->pings.sent
        && ++h->pings.answered == h->pings.timed) {
        h->followed_us = h->pings.timed_us;
        h->pings.timed = 0;
    }
    sim_leader_touch_all_of(h, m);
    if (!h->observer && !h->replaced) {
        leader_core_ping_answered(h->leader->leader.core, h->sid);
        sim_leader_go_on_syncs(h->leader);
    }
}

static void
lead_joined_packet(struct sim_handler *h, const struct sim_msg *m)
{
    switch (m->type) {
    case QP_ACK:
        if (lead_ignores_ack(h, m->zxid)) {
            break;
        }
        if (zxid_counter(m->zxid) != 0) {
            lead_acked(h, m->zxid);
        } else {
            lead_history_acked(h, m->zxid);
        }
        break;
    case QP_PING:
        lead_ping_answered(h, m);
        break;
    case QP_REQUEST:
        lead_request(h, m);
        break;
    case QP_REVALIDATE:
        lead_revalidate(h, m);
        break;
    default:
        break;
    }
}

static void
lead_heard(struct sim_handler *h)
{
    struct sim_world *w = h->leader->w;

    h->heard_us = sim_now(w);
    if (h->answered) {
        h->in_sync_until_us = sim_now(w) + w->sync_us;
    }
}

static void
lead_note_up_to_date(struct sim_handler *h)
{
    if (!h->answered && h->up_to_date) {
        h->answered = true;
        h->timeout_us = h->leader->w->sync_us;
        lead_heard(h);
    }
}

static void
lead_receive(void *owner, struct sim_link *k, const struct sim_msg *m)
{
    struct sim_handler *h = owner;
    bool info = m->type == QP_FOLLOWERINFO || m->type == QP_OBSERVERINFO;

    (void) k;
    lead_heard(h);
    if (h->state == SIM_H_INFO && info) {
        lead_introduced(h, m);
    } else if (h->state == SIM_H_ACK_EPOCH && m->type == QP_ACKEPOCH) {
        lead_epoch_acked(h, m);
    } else if (h->state == SIM_H_JOINED) {
        lead_joined_packet(h, m);
        lead_note_up_to_date(h);
    } else {
        sim_fail(h->leader->w, "leaders and learners understand each other",
                 "server %ld sent %s in state %d", (long) h->sid,
                 quorum_packet_name(m->type), (int) h->state);
    }
}

static void
lead_closed(void *owner, struct sim_link *k)
{
    (void) k;
    lead_drop(owner, "it has closed the link");
}

struct sim_link *
sim_leader_accept(struct sim_node *n, const struct sim_end *own)
{
    struct sim_world *w = n->w;
    struct sim_handler *h = sim_alloc(w, sizeof *h);
    const struct sim_end end = {
        .node = n, .owner = h, .receive = lead_receive,
        .closed = lead_closed,
    };

    h->leader = n;
    h->heard_us = sim_now(w);
    h->timeout_us = w->init_us;
    h->in_sync_until_us = sim_now(w) + w->init_us + w->sync_us;
    h->link = sim_link_open(w, own, &end);
    h->link->quorum = true;
    h->next = n->leader.handlers;
    n->leader.handlers = h;
    return h->link;
}

/* ---- the QuorumPeer thread --------------------------------------------- */

/* Each of these ends when there is nothing more to do for now: false. */
static bool
lead_take_epoch(struct sim_node *n)
{
    struct sim_leader *l = &n->leader;
    int64_t epoch = leader_core_epoch(l->core);

    if (l->epoch < 0 && epoch >= 0) {
        if (!sim_disk_accept(&n->disk, epoch)) {
            return false;
        }
        sim_trace(n->w, n, "the new epoch is %ld", (long) epoch);
        l->epoch = epoch;
        l->gather_until_us = sim_now(n->w) + n->w->init_us;
        for (struct sim_handler *h = l->handlers; h != NULL; h = h->next) {
            if (h->state == SIM_H_EPOCH) {
                lead_send_epoch(h);
            }
        }
    }
    return l->epoch >= 0;
}

static bool
lead_take_history(struct sim_node *n)
{
    struct sim_leader *l = &n->leader;

    if (!l->may_sync && leader_core_epoch_is_acked(l->core)) {
        if (!sim_disk_establish(&n->disk, l->epoch)) {
            return false;
        }
        sim_trace(n->w, n, "is of epoch %ld", (long) l->epoch);
        l->may_sync = true;
        l->gather_until_us = sim_now(n->w) + n->w->init_us;
        (void) leader_core_new_leader_ack(l->core, n->sid);
        for (struct sim_handler *h = l->handlers; h != NULL; h = h->next) {
            if (h->state == SIM_H_MAY_SYNC) {
                sim_leader_join(n, h);
            }
        }
    }
    return l->may_sync;
}

/* They all have their time again. */
static void
lead_know_sessions(struct sim_node *n)
{
    for (int client = 0; client < SIM_CLIENTS; client++) {
        for (int k = 1; k < SIM_SESSIONS; k++) {
            int64_t id = sim_session_id(client, k);

            if (sim_state_has_session(n->tree, id)) {
                sim_leader_session(n, id)->known = true;
                sim_leader_session(n, id)->touched_us = sim_now(n->w);
            }
        }
    }
}

static void
lead_serve(struct sim_node *n)
{
    struct sim_leader *l = &n->leader;

    sim_trace(n->w, n, "ESTABLISHED, epoch %ld from 0x%lx on",
              (long) l->epoch, (long) n->tree->zxid);
    sim_check_established(n);
    l->serving = true;
    l->committed = n->tree;
    l->last_zxid = zxid_make(l->epoch, 0);
    n->last_zxid = zxid_make(l->epoch, 0);
    lead_know_sessions(n);
    sim_election_set_epoch(n, l->epoch);
    sim_server_start(n, false);
    for (struct sim_handler *h = l->handlers; h != NULL; h = h->next) {
        lead_up_to_date(h);
    }
}

static void
lead_go_on(struct sim_world *w, void *obj, uint64_t id)
{
    struct sim_node *n = obj;
    struct sim_leader *l = &n->leader;

    (void) w;
    if (!n->up || sim_node_role_id(n) != id || n->role != SIM_LEADING) {
        return;
    }
    l->going_on = false;
    if (!lead_take_epoch(n) || !lead_take_history(n)) {
        return;
    }
    if (!l->serving && leader_core_is_established(l->core)) {
        lead_serve(n);
    }
    if (l->rolled_over && leader_proposals_open(&l->proposals) == 0) {
        sim_node_end_role(n, "the zxids are used up");
    }
}

/* ---- twice a tick ------------------------------------------------------ */

static void
lead_look_at(struct sim_handler *h)
{
    struct sim_world *w = h->leader->w;
    int64_t now_us = sim_now(w);
    bool waits = h->state == SIM_H_EPOCH || h->state == SIM_H_MAY_SYNC;

    if (waits && now_us - h->waits_since_us > w->init_us) {
        lead_drop(h, "no quorum in time");
    } else if (!waits && now_us - h->heard_us > h->timeout_us) {
        lead_drop(h, "it is silent");
    } else if (h->timed_zxid != 0 && now_us - h->timed_since_us > w->sync_us) {
        lead_drop(h, "it is late with an ack");
    }
}

static void
lead_pass(struct sim_world *w, void *obj, uint64_t id)
{
    struct sim_node *n = obj;
    struct sim_leader *l = &n->leader;
    struct sim_handler *next;

    if (!n->up || sim_node_role_id(n) != id || n->role != SIM_LEADING) {
        return;
    }
    if (!l->serving && sim_now(w) >= l->gather_until_us) {
        sim_check_gave_up(n);
        sim_node_end_role(n, "no quorum in time");
        return;
    }
    if (l->serving && l->at_tick && !sim_leader_has_quorum(n, LEAD_IN_SYNC)) {
        sim_node_end_role(n, "no quorum was heard of late");
        return;
    }
    l->at_tick = !l->at_tick;
    for (struct sim_handler *h = l->handlers; h != NULL; h = next) {
        next = h->next;
        lead_look_at(h);
    }
    if (l->serving) {
        lead_expire(n);
    }
    sim_leader_ping(n);
    sim_after(w, w->tick_us / 2, lead_pass, n, id);
}

/* ---- life -------------------------------------------------------------- */

void
sim_leader_start(struct sim_node *n)
{
    struct sim_leader *l = &n->leader;

    memset(l, 0, sizeof *l);
    l->epoch = -1;
    l->core = leader_core_create(n->w->qv, n->sid, n->disk.accepted,
                                 n->disk.current, n->last_zxid);
    l->gather_until_us = sim_now(n->w) + n->w->init_us;
    if (sim_bug_is(n->w, SIM_BUG_4837)) {
        /* As Java's would-be leaders do: with what is not committed. */
        const struct sim_snapshot s = sim_node_tree(n);

        (void) !sim_disk_snapshot(&n->disk, &s);
    }
    lead_wake(n);
    lead_pass(n->w, n, sim_node_role_id(n));
}

void
sim_leader_free(struct sim_node *n)
{
    struct sim_leader *l = &n->leader;

    leader_proposals_fini(&l->proposals);
    leader_core_destroy(l->core);
    memset(l, 0, sizeof *l);
}

void
sim_leader_stop(struct sim_node *n)
{
    struct sim_leader *l = &n->leader;

    if (l->core != NULL) {
        while (l->handlers != NULL) {
            lead_drop(l->handlers, "the role ends");
        }
    }
    sim_leader_free(n);
}
