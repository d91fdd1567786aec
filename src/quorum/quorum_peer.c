/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "quorum/quorum_peer.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "election/fast_leader_election.h"
#include "metrics/server_metrics.h"
#include "quorum/quorum_view.h"
#include "quorum/read_only_server.h"
#include "util/zk_lock.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"
#include "zab/leader.h"
#include "zab/learner.h"

/* A read-only server is not started for a moment without a leader. */
#define QP_READ_ONLY_MS 2000
/* Roles that end before they served are begun again no faster than this: the
 * first time after the one, each time twice that, at most the other. */
#define QP_PACE_FIRST_MS 10
#define QP_PACE_MAX_MS 1000
/* Java: Observer. */
#define QP_OBSERVER_DELAY "zookeeper.observer.election.DelayMs"
#define QP_OBSERVER_DELAY_MS 200
/* What an error of the own disk ends the process with. */
#define QP_EXIT_FAULT 1

struct quorum_peer {
    unsigned magic;
#define QUORUM_PEER_MAGIC 0x51506565

    /* Set before start, never changed. */
    const struct server_config *config;
    struct quorum_peer_env env;
    struct quorum_verifier *qv;
    char *membership;
    struct zk_database *db;
    struct fast_leader_election *fle;   /* NULL before start. */
    int64_t observer_delay_ms;
    struct zk_thread thread;

    /* Of the QuorumPeer thread. */
    struct zab_epochs epochs;
    struct zab_peer zab;
    int64_t unserved_since_ms;  /* 0: it serves. */
    unsigned unserved_roles;    /* Ended one after the other. */

    struct zk_mutex lock;
    struct zk_cond stopped;
    bool stopping ZK_GUARDED;
    enum peer_state state ZK_GUARDED;
    bool broadcasting ZK_GUARDED;
    int64_t leader_sid ZK_GUARDED;      /* -1: none. */
    int64_t election_time_ms ZK_GUARDED;
    /* The role that is being played; either or none. */
    struct leader *leader ZK_GUARDED;
    struct learner *learner ZK_GUARDED;
};

/* ---- what roles call --------------------------------------------------- */

/* The time without service is over. */
static void
qp_count_unavailable(struct quorum_peer *qp, enum peer_state role)
{
    int64_t ms = zk_time_mono_ms() - qp->unserved_since_ms;

    if (qp->unserved_since_ms == 0) {
        return;
    }
    qp->unserved_since_ms = 0;
    qp->unserved_roles = 0;
    server_metrics_add(METRIC_unavailable_time, ms);
    if (role == PEER_LEADING) {
        server_metrics_add(METRIC_leader_unavailable_time, ms);
    }
}

/* Runs on the thread that made the learner and will end it. */
static void
qp_count_sync(struct learner *learner, enum peer_state role)
{
    if (learner != NULL) {
        server_metrics_add(role == PEER_OBSERVING
                               ? METRIC_observer_sync_time
                               : METRIC_follower_sync_time,
                           learner_sync_time_ms(learner));
    }
}

/* Clients are let in, or closed.  On the QuorumPeer thread. */
static void
qp_set_server(void *self, struct zookeeper_server *zks)
{
    struct quorum_peer *qp = self;
    struct learner *learner;
    enum peer_state role;

    ZK_CHECK(qp, QUORUM_PEER_MAGIC);
    zk_lock(&qp->lock);
    qp->broadcasting = zks != NULL;
    role = qp->state;
    learner = qp->learner;
    zk_unlock(&qp->lock);
    if (zks != NULL) {
        qp_count_unavailable(qp, role);
        qp_count_sync(learner, role);
        zk_info(peer, "Peer state changed: %s - broadcast",
                peer_state_name(role));
    }
    if (zks != NULL && role == PEER_LEADING
        && !qp->config->quorum.leader_serves) {
        zk_info(peer, "zookeeper.leaderServes=no: a leader takes no "
                "clients");
    } else if (qp->env.set_server != NULL) {
        qp->env.set_server(qp->env.self, zks);
    }
}

static void
qp_set_vote_epoch(void *self, int64_t epoch)
{
    struct quorum_peer *qp = self;

    ZK_CHECK(qp, QUORUM_PEER_MAGIC);
    fast_leader_election_set_epoch(qp->fle, epoch);
}

/* On WorkerReceiver. */
static void
qp_voter_looks(void *self, int64_t sid)
{
    struct quorum_peer *qp = self;

    ZK_CHECK(qp, QUORUM_PEER_MAGIC);
    zk_lock(&qp->lock);
    if (qp->leader != NULL) {
        leader_voter_looks(qp->leader, sid);
    }
    zk_unlock(&qp->lock);
}

/* ---- life -------------------------------------------------------------- */

struct quorum_peer *
quorum_peer_create(const struct server_config *config,
                   const struct quorum_peer_env *env)
{
    struct quorum_peer *qp = zk_xcalloc(1, sizeof *qp);

    qp->magic = QUORUM_PEER_MAGIC;
    qp->config = config;
    if (env != NULL) {
        qp->env = *env;
    }
    qp->qv = quorum_view_create(&config->quorum);
    zk_assert(quorum_verifier_is_member(qp->qv, config->myid));
    qp->membership = server_config_membership(config);
    qp->db = zk_database_create(&config->storage);
    qp->zab = (struct zab_peer) {
        .self = qp,
        .config = config,
        .qv = qp->qv,
        .membership = qp->membership,
        .db = qp->db,
        .tls = qp->env.tls,
        .epochs = &qp->epochs,
        .sid = config->myid,
        .set_server = qp_set_server,
        .set_vote_epoch = qp_set_vote_epoch,
    };
    zk_mutex_init(&qp->lock, ZK_LOCK_quorum_peer);
    zk_cond_init(&qp->stopped);
    zk_lock(&qp->lock);
    qp->state = PEER_LOOKING;
    qp->leader_sid = -1;
    qp->election_time_ms = -1;
    zk_unlock(&qp->lock);
    return qp;
}

void
quorum_peer_destroy(struct quorum_peer *qp)
{
    if (qp == NULL) {
        return;
    }
    ZK_CHECK(qp, QUORUM_PEER_MAGIC);
    zk_assert(!qp->thread.started);
    if (qp->fle != NULL) {
        fast_leader_election_destroy(qp->fle);
    }
    zk_database_destroy(qp->db);
    quorum_verifier_destroy(qp->qv);
    free(qp->membership);
    zk_cond_fini(&qp->stopped);
    zk_mutex_fini(&qp->lock);
    qp->magic = 0;
    free(qp);
}

/* An empty server that may not vote ("zookeeper.db.autocreate=false", no file
 * "initialize") has zxid -1; it takes the data of the others. */
static void
qp_log_loaded(const struct quorum_peer *qp, const struct restore_result *res)
{
    if (res->last_zxid < 0) {
        zk_warn(peer, "the data folder %s is empty, and nothing says that it "
                "should be (a file \"initialize\" in it does, or "
                "zookeeper.db.autocreate=true): this server does not vote "
                "until it has the data of a leader",
                qp->config->storage.data_dir);
    }
    zk_info(peer, "database loaded: last zxid 0x%lx, snapshot 0x%lx in %ld "
            "ms, %ld transactions replayed in %ld ms; epochs: accepted %ld, "
            "current %ld", (long) res->last_zxid, (long) res->snapshot_zxid,
            (long) res->snapshot_ms, (long) res->txns,
            (long) res->replay_ms, (long) qp->epochs.accepted,
            (long) qp->epochs.current);
}

int
quorum_peer_load(struct quorum_peer *qp, struct zk_errmsg *em)
{
    struct restore_result res;
    struct zk_errmsg note;
    int rv;

    ZK_CHECK(qp, QUORUM_PEER_MAGIC);
    rv = zk_database_load(qp->db, &res, em);
    if (rv != ZK_OK) {
        return rv;
    }
    rv = zab_epochs_load(&qp->epochs,
                         file_txn_snap_log_snap_dir(qp->db->files),
                         res.last_zxid < 0 ? 0 : res.last_zxid, em);
    if (rv != ZK_OK) {
        return rv == ZK_ECONFIG ? ZK_EIO : rv;
    }
    if (system_properties_long(qp->config->props, QP_OBSERVER_DELAY,
                               QP_OBSERVER_DELAY_MS, &qp->observer_delay_ms,
                               &note)
        != ZK_OK) {
        qp->observer_delay_ms = QP_OBSERVER_DELAY_MS;
        zk_warn(peer, "%s; taken as %d", note.text, QP_OBSERVER_DELAY_MS);
    }
    qp_log_loaded(qp, &res);
    return ZK_OK;
}

/* ---- roles ------------------------------------------------------------- */

static bool
qp_is_stopping(struct quorum_peer *qp)
{
    bool stopping;

    zk_lock(&qp->lock);
    stopping = qp->stopping;
    zk_unlock(&qp->lock);
    return stopping;
}

/* Waits; not for the end of the process. */
static void
qp_pause(struct quorum_peer *qp, int64_t ms)
{
    int64_t until = zk_time_mono_ms() + ms;

    zk_lock(&qp->lock);
    while (!qp->stopping
           && zk_cond_wait_until(&qp->stopped, &qp->lock, until)) {
    }
    zk_unlock(&qp->lock);
}

/* False when it is not to be played any more. */
static bool
qp_enter(struct quorum_peer *qp, const struct vote *v, struct leader *leader,
         struct learner *learner)
{
    bool go;

    zk_lock(&qp->lock);
    go = !qp->stopping;
    qp->leader = leader;
    qp->learner = learner;
    qp->state = v->state;
    qp->leader_sid = v->leader;
    zk_unlock(&qp->lock);
    return go;
}

static void
qp_leave(struct quorum_peer *qp)
{
    zk_lock(&qp->lock);
    qp->leader = NULL;
    qp->learner = NULL;
    qp->state = PEER_LOOKING;
    qp->leader_sid = -1;
    qp->broadcasting = false;
    zk_unlock(&qp->lock);
    if (qp->unserved_since_ms == 0) {
        qp->unserved_since_ms = zk_time_mono_ms();
    } else {
        qp->unserved_roles++;
    }
}

static int
qp_lead(struct quorum_peer *qp, const struct vote *v, struct zk_errmsg *why)
{
    struct leader *l = leader_create(&qp->zab);
    int rv = ZK_ESTOPPED;

    if (qp_enter(qp, v, l, NULL)) {
        rv = leader_lead(l, why);
    }
    qp_leave(qp);
    leader_destroy(l);
    return rv;
}

static int
qp_learn(struct quorum_peer *qp, const struct vote *v, struct zk_errmsg *why)
{
    struct learner *l = learner_create(&qp->zab, v->leader,
                                       v->state == PEER_OBSERVING, why);
    int rv = l == NULL ? ZK_EIO : ZK_ESTOPPED;

    if (l != NULL && qp_enter(qp, v, NULL, l)) {
        rv = learner_run(l, why);
    }
    qp_leave(qp);
    learner_destroy(l);
    return rv;
}

/* Does this end the process?  What the own disk does not take must not be
 * believed in (invariant 6 of the protocol). */
static bool
qp_is_fault(enum peer_state role, int rv)
{
    if (role == PEER_LEADING) {
        return rv == ZK_EIO;
    }
    return rv == ZK_ECORRUPT || rv == ZK_ENOSPC;
}

/* Plays what the election made of this server.  False when the process is to
 * end. */
static bool
qp_play(struct quorum_peer *qp, const struct vote *v)
{
    struct zk_errmsg why = { "" };
    int rv;

    zk_info(peer, "%s", peer_state_name(v->state));
    rv = v->state == PEER_LEADING ? qp_lead(qp, v, &why)
                                  : qp_learn(qp, v, &why);
    if (qp_is_stopping(qp)) {
        return false;
    }
    if (qp_is_fault(v->state, rv)) {
        zk_fatal(QP_EXIT_FAULT, "%s cannot go on: %s",
                 peer_state_name(v->state), why.text);
        return false;
    }
    zk_warn(peer, "%s ended: %s", peer_state_name(v->state), why.text);
    return true;
}

/* Before a role: when roles end again and again before they serve (a leader
 * that will not have us, say), they do so at a moderate pace. */
static void
qp_pace(struct quorum_peer *qp)
{
    int64_t ms = QP_PACE_MAX_MS;

    if (qp->unserved_roles == 0) {
        return;
    }
    if (qp->unserved_roles < 8) {
        ms = QP_PACE_FIRST_MS << (qp->unserved_roles - 1);
    }
    qp_pause(qp, ms < QP_PACE_MAX_MS ? ms : QP_PACE_MAX_MS);
}

/* Observers that lost their leader do not all come back in one moment. */
static void
qp_observer_delay(struct quorum_peer *qp)
{
    int64_t ms;

    if (qp->observer_delay_ms > 0) {
        ms = (int64_t) ((uint64_t) random()
                        % (uint64_t) qp->observer_delay_ms);
        zk_info(peer, "Waiting for %ld ms before reconnecting with the "
                "leader", (long) ms);
        qp_pause(qp, ms);
    }
}

/* ---- looking ----------------------------------------------------------- */

static int64_t
qp_last_zxid(struct quorum_peer *qp)
{
    int64_t zxid;

    zk_read_lock(&qp->db->lock);
    zxid = data_tree_last_zxid(qp->db->tree);
    zk_read_unlock(&qp->db->lock);
    return zxid;
}

/* The election, with a read-only server in the meantime if it takes long. */
static int
qp_elect(struct quorum_peer *qp, struct vote *v)
{
    const struct server_config *c = qp->config;
    struct read_only_server *ro = NULL;
    int64_t until = INT64_MAX;
    int rv;

    if (c->quorum.read_only_mode) {
        until = zk_time_mono_ms()
                + (c->tick_time_ms > QP_READ_ONLY_MS ? c->tick_time_ms
                                                     : QP_READ_ONLY_MS);
    }
    rv = fast_leader_election_look(qp->fle, qp_last_zxid(qp),
                                   qp->epochs.current, false, until, v);
    if (rv == ZK_ETORN) {
        ro = read_only_server_start(c, qp->db);
        if (qp->env.set_server != NULL) {
            qp->env.set_server(qp->env.self, read_only_server_zks(ro));
        }
        rv = fast_leader_election_look(qp->fle, qp_last_zxid(qp),
                                       qp->epochs.current, true, INT64_MAX,
                                       v);
        if (qp->env.set_server != NULL) {
            qp->env.set_server(qp->env.self, NULL);
        }
        read_only_server_stop(ro);
    }
    return rv;
}

/* False when the process is to end. */
static bool
qp_look(struct quorum_peer *qp, struct vote *v)
{
    int64_t took;
    int rv;

    zk_info(peer, "LOOKING");
    server_metrics_inc(METRIC_looking_count);
    rv = qp_elect(qp, v);
    if (rv != ZK_OK) {
        zk_assert(rv == ZK_ESTOPPED);
        return false;
    }
    took = fast_leader_election_time_ms(qp->fle);
    if (v->state != PEER_OBSERVING) {
        server_metrics_add(METRIC_election_time, took);
    }
    zk_lock(&qp->lock);
    qp->election_time_ms = took;
    zk_unlock(&qp->lock);
    zk_info(peer, "%s - LEADER ELECTION TOOK - %ld MS, the leader is %ld",
            peer_state_name(v->state), (long) took, (long) v->leader);
    return true;
}

static void
qp_run(void *arg)
{
    struct quorum_peer *qp = arg;
    struct vote v;

    qp->unserved_since_ms = zk_time_mono_ms();
    while (qp_look(qp, &v)) {
        qp_pace(qp);
        if (!qp_play(qp, &v)) {
            break;
        }
        if (v.state == PEER_OBSERVING) {
            qp_observer_delay(qp);
        }
    }
    zk_info(peer, "QuorumPeer main thread exited");
}

/* ---- start and stop ---------------------------------------------------- */

static bool
qp_is_any(const char *host)
{
    struct in6_addr v6;

    return host == NULL || strcmp(host, "0.0.0.0") == 0
           || (inet_pton(AF_INET6, host, &v6) == 1
               && IN6_IS_ADDR_UNSPECIFIED(&v6));
}

/* As Java names its thread, which stands in each line that it logs:
 * "QuorumPeer[myid=1](plain=[0:0:0:0:0:0:0:0]:2181)(secure=disabled)". */
static void
qp_print_address(const struct host_port *hp, struct zk_buf *out)
{
    const char *host = qp_is_any(hp->host) ? "0:0:0:0:0:0:0:0" : hp->host;

    if (hp->port < 0 || (hp->port == 0 && hp->host == NULL)) {
        zk_buf_printf(out, "disabled");
    } else {
        zk_buf_printf(out, strchr(host, ':') != NULL ? "[%s]:%d" : "%s:%d",
                      host, hp->port);
    }
}

static void
qp_start_thread(struct quorum_peer *qp)
{
    const struct cnxn_config *c = &qp->config->cnxn;
    struct zk_buf name = { 0 };

    zk_buf_printf(&name, "(plain=");
    qp_print_address(&c->client, &name);
    zk_buf_printf(&name, ")(secure=");
    qp_print_address(&c->secure_client, &name);
    zk_buf_printf(&name, ")");
    zk_thread_start(&qp->thread, qp_run, qp, "QuorumPeer[myid=%ld]%.*s",
                    (long) qp->config->myid, (int) name.len,
                    (const char *) name.data);
    zk_buf_fini(&name);
}

int
quorum_peer_start(struct quorum_peer *qp, struct zk_errmsg *em)
{
    int rv;

    ZK_CHECK(qp, QUORUM_PEER_MAGIC);
    qp->fle = fast_leader_election_create(qp->config, qp->qv,
                                          qp->membership, qp->env.tls);
    fast_leader_election_on_voter_looks(qp->fle, qp_voter_looks, qp);
    rv = fast_leader_election_start(qp->fle, em);
    if (rv == ZK_OK) {
        qp_start_thread(qp);
    }
    return rv;
}

void
quorum_peer_stop(struct quorum_peer *qp)
{
    ZK_CHECK(qp, QUORUM_PEER_MAGIC);
    if (!qp->thread.started) {
        return;
    }
    zk_lock(&qp->lock);
    qp->stopping = true;
    zk_cond_broadcast(&qp->stopped);
    if (qp->leader != NULL) {
        leader_shutdown(qp->leader, "this server ends");
    }
    if (qp->learner != NULL) {
        learner_shutdown(qp->learner);
    }
    zk_unlock(&qp->lock);
    fast_leader_election_stop(qp->fle);
    zk_thread_join(&qp->thread);
}

/* ---- looking at it ----------------------------------------------------- */

void
quorum_peer_get_status(struct quorum_peer *qp, struct quorum_peer_status *out)
{
    struct leader_status ls;

    ZK_CHECK(qp, QUORUM_PEER_MAGIC);
    memset(out, 0, sizeof *out);
    out->quorum_size = quorum_verifier_voters(qp->qv);
    zk_lock(&qp->lock);
    out->state = qp->state;
    out->broadcasting = qp->broadcasting;
    out->leader = qp->leader_sid;
    out->election_time_ms = qp->election_time_ms;
    out->has_leader_status = qp->leader != NULL;
    if (qp->leader != NULL) {
        leader_get_status(qp->leader, &ls);
        out->learners = ls.learners;
        out->synced_followers = ls.synced_followers;
        out->observers = ls.observers;
        out->synced_observers = ls.synced_observers;
        out->pending_syncs = ls.pending_syncs;
    }
    zk_unlock(&qp->lock);
}

const char *
quorum_peer_membership(const struct quorum_peer *qp)
{
    ZK_CHECK(qp, QUORUM_PEER_MAGIC);
    return qp->membership;
}
