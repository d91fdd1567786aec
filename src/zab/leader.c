/* SPDX-License-Identifier: Apache-2.0 */
/* leader.c: the life of a leader, and the loop that looks twice a tick
 * whether it still is one (Java: Leader.lead). */
#include <config.h>

#include "zab/leader_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "metrics/server_metrics.h"
#include "server/snapshot_thread.h"
#include "util/zk_log.h"
#include "util/zk_time.h"
#include "zab/learner_cnx_acceptor.h"
#include "zab/learner_handler.h"

/* What may wait for a learner before it is cut off: a snapshot takes some time
 * on its way, and what is proposed meanwhile waits behind it; but a learner
 * that never takes it must not cost more than this. */
#define LD_OUTPUT_MAX_BYTES (INT64_C(1) << 30)
#define LD_OUTPUT_PROPERTY "zookeeper.zkd.learnerOutputMaxBytes"
#define LD_SNAPSHOT_SIZE_FACTOR 0.33
/* The last COMMITs go out before the links end: clients elsewhere wait for
 * them.  A learner that does not take them in this time gets them from the
 * next leader. */
#define LD_DRAIN_MS 100
#define LD_MAX_SNAPS 10
#define LD_MAX_DIFFS 100
#define LD_ACK_LOGGING 1000
/* Lines of log that learners can cause: so many at once, then one every so
 * often. */
#define LD_LOG_BURST 200
#define LD_LOG_GAP_MS 1000

/* ---- life -------------------------------------------------------------- */

static int64_t
ld_property(const struct system_properties *props, const char *name,
            int64_t def)
{
    struct zk_errmsg em;
    int64_t value;

    if (system_properties_long(props, name, def, &value, &em) != ZK_OK) {
        zk_warn(leader, "%s; %ld is taken", em.text, (long) def);
        return def;
    }
    return value;
}

static double
ld_property_double(const struct system_properties *props, const char *name,
                   double def)
{
    struct zk_errmsg em;
    double value;

    if (system_properties_double(props, name, def, &value, &em) != ZK_OK) {
        zk_warn(leader, "%s; %g is taken", em.text, def);
        return def;
    }
    return value;
}

static void
ld_read_options(struct leader_options *o, const struct zab_peer *peer)
{
    const struct server_config *c = peer->config;
    const struct system_properties *p = c->props;

    *o = (struct leader_options) {
        .tick_ms = c->tick_time_ms,
        .init_ms = (int64_t) c->quorum.init_limit * c->tick_time_ms,
        .sync_ms = (int64_t) c->quorum.sync_limit * c->tick_time_ms,
        .snapshot_size_factor =
            ld_property_double(p, "zookeeper.snapshotSizeFactor",
                               LD_SNAPSHOT_SIZE_FACTOR),
        .force_snapshot =
            system_properties_bool(p, "zookeeper.forceSnapshotSync", false),
        .max_snaps = ld_property(p, "zookeeper.leader.maxConcurrentSnapSyncs",
                                 LD_MAX_SNAPS),
        .max_diffs = ld_property(p, "zookeeper.leader.maxConcurrentDiffSyncs",
                                 LD_MAX_DIFFS),
        .output_max_bytes = ld_property(p, LD_OUTPUT_PROPERTY,
                                        LD_OUTPUT_MAX_BYTES),
        .max_epoch_wait_ms =
            ld_property(p, "zookeeper.leader.maxTimeToWaitForEpoch", -1),
        .ack_logging = ld_property(p, "zookeeper.leader.ackLoggingFrequency",
                                   LD_ACK_LOGGING),
        .initial_counter =
            ld_property(p, "zookeeper.testingonly.initialZxid", 0)
            & INT64_C(0xffffffff),
        .net = link_options(c, peer->tls),
    };
    o->net.nodelay = system_properties_bool(p, "leader.nodelay", true);
}

struct leader *
leader_create(const struct zab_peer *peer)
{
    struct leader *l = zk_xcalloc(1, sizeof *l);

    l->magic = LEADER_MAGIC;
    l->peer = peer;
    l->created_ms = zk_time_mono_ms();
    ld_read_options(&l->opts, peer);
    zk_mutex_init(&l->lock, ZK_LOCK_leader);
    zk_cond_init(&l->changed);
    log_limit_init(&l->log_limit, LD_LOG_BURST, LD_LOG_GAP_MS);
    l->epoch = l->calling_since_ms = -1;
    l->serving_since_ms = -1;
    l->syncs_end = &l->syncs;
    l->next_nameless = -1;
    l->last_size = l->min_size = l->max_size = -1;
    return l;
}

void
leader_destroy(struct leader *l)
{
    if (l == NULL) {
        return;
    }
    ZK_CHECK(l, LEADER_MAGIC);
    leader_free_learners(l);
    leader_proposals_fini(&l->proposals);
    leader_core_destroy(l->core);
    log_limit_fini(&l->log_limit);
    zk_cond_fini(&l->changed);
    zk_mutex_fini(&l->lock);
    l->magic = 0;
    free(l);
}

void
leader_shutdown(struct leader *l, const char *why)
{
    ZK_CHECK(l, LEADER_MAGIC);
    zk_lock(&l->lock);
    if (!l->stopped) {
        l->stopped = true;
        snprintf(l->why, sizeof l->why, "%s", why);
        zk_cond_broadcast(&l->changed);
    }
    zk_unlock(&l->lock);
}

void
leader_voter_looks(struct leader *l, int64_t sid)
{
    int64_t now_ms = zk_time_mono_ms();

    ZK_CHECK(l, LEADER_MAGIC);
    zk_lock(&l->lock);
    if (l->opts.max_epoch_wait_ms >= 0 && l->calling_since_ms >= 0
        && !l->deserted
        && now_ms - l->calling_since_ms > l->opts.max_epoch_wait_ms) {
        server_metrics_inc(METRIC_quit_leading_due_to_disloyal_voter);
        l->deserted = true;
        l->deserter = sid;
        zk_cond_broadcast(&l->changed);
    }
    zk_unlock(&l->lock);
}

/* ---- the quorum port --------------------------------------------------- */

static void
ld_connected(void *arg, int fd)
{
    leader_connected(arg, fd);
}

static const struct server_address *
ld_own_address(const struct leader *l)
{
    const struct quorum_config *q = &l->peer->config->quorum;

    for (size_t i = 0; i < q->n_servers; i++) {
        if (q->servers[i].sid == l->peer->sid) {
            return &q->servers[i];
        }
    }
    zk_panic("server %ld leads and is not in its own configuration",
             (long) l->peer->sid);
}

static int
ld_listen(struct leader *l, struct zk_errmsg *em)
{
    const struct server_address *a = ld_own_address(l);
    int rv = net_listener_create(a->quorum, a->n,
                                 l->peer->config->quorum
                                     .quorum_listen_on_all_ips,
                                 &l->listener, em);

    if (rv == ZK_OK) {
        l->acceptor = learner_cnx_acceptor_start(l->listener, ld_connected,
                                                 l);
    }
    return rv;
}

/* ---- serving ----------------------------------------------------------- */

static void
ld_start_server(struct leader *l)
{
    const struct server_role role = {
        .self = l,
        .mode = "leader",
        .sid = l->peer->sid,
        .build = leader_chain_build,
        .revalidate = leader_revalidate_own,
        .mntr = leader_mntr,
        .srvr = leader_srvr,
    };
    struct zk_database *db = l->peer->db;
    struct zookeeper_server *zks;

    /* The tree stays at its last txn, where Java moves it to <epoch, 0>: a
     * leader that proposes nothing would have to be sent a whole snapshot
     * afterwards, and its clients would have seen a zxid that followers do
     * not have. */
    l->peer->set_vote_epoch(l->peer->self, l->epoch);
    zks = zookeeper_server_create_role(l->peer->config, db, &role);
    zookeeper_server_start(zks);
    snapshot_thread_go_on(db->snapshots, ZAB_SNAPSHOT_AFTER_MS);
    zk_lock(&l->lock);
    l->zks = zks;
    l->serving_since_ms = zk_time_mono_ms();
    for (struct learner_handler *h = l->learners; h != NULL; h = h->next) {
        leader_up_to_date_locked(l, h);
    }
    zk_unlock(&l->lock);
    l->peer->set_server(l->peer->self, zks);
    zk_info(leader, "leading epoch %ld, %ld ms after the vote",
            (long) l->epoch, (long) (l->serving_since_ms - l->created_ms));
}

/* Every half tick learners are pinged; every tick a quorum of them must have
 * been heard in the last syncLimit ticks. */
static void
ld_serve(struct leader *l, struct zk_errmsg *why)
{
    int64_t pass_ms = zk_time_mono_ms() + l->opts.tick_ms / 2;
    bool at_tick = false;

    zk_lock(&l->lock);
    for (;;) {
        if (l->stopped) {
            (void) zk_fail(why, ZK_ESTOPPED, "%s", l->why);
            break;
        }
        if (l->rolled_over && leader_proposals_open(&l->proposals) == 0) {
            (void) zk_fail(why, ZK_OK, "the zxids of the epoch are used up");
            break;
        }
        if (zk_cond_wait_until(&l->changed, &l->lock, pass_ms)) {
            continue;
        }
        if (at_tick && !leader_has_quorum_locked(l)) {
            (void) zk_fail(why, ZK_OK, "not enough learners were heard in "
                           "the last %ld ms: no quorum",
                           (long) l->opts.sync_ms);
            break;
        }
        leader_ping_learners_locked(l);
        at_tick = !at_tick;
        pass_ms = zk_time_mono_ms() + l->opts.tick_ms / 2;
        zk_unlock(&l->lock);
        leader_go_on_syncs(l);
        leader_reap(l);
        zk_lock(&l->lock);
    }
    zk_unlock(&l->lock);
}

/* ---- the end ----------------------------------------------------------- */

/* What is in the log goes into the tree, committed or not: a vote speaks of
 * both (ZOOKEEPER-2845). */
static int
ld_apply_logged(struct leader *l, struct zk_errmsg *em)
{
    struct zk_database *db = l->peer->db;
    int64_t logged =
        file_txn_log_last_synced(file_txn_snap_log_log(db->files));

    for (size_t i = 0; i < l->proposals.n; i++) {
        const struct txn_bytes *t = leader_proposals_at(&l->proposals,
                                                        i)->txn;
        int rv = ZK_OK;

        if (t->zxid <= logged) {
            rv = zk_database_apply_one(db, zk_slice(t->data,
                                                    (int32_t) t->len), em);
        }
        if (rv != ZK_OK) {
            return rv;
        }
    }
    return zk_database_role_ended(db, em);
}

/* Learners first: the sooner their links end, the sooner they elect. */
static int
ld_end(struct leader *l, struct zk_errmsg *em)
{
    struct zookeeper_server *zks = l->zks;

    leader_close_learners(l);
    if (l->listener != NULL) {
        learner_cnx_acceptor_stop(l->acceptor);
        net_listener_destroy(l->listener);
        l->acceptor = NULL;
        l->listener = NULL;
    }
    leader_join_learners(l);
    if (zks == NULL) {
        return ZK_OK;
    }
    zookeeper_server_stop(zks);
    l->peer->set_server(l->peer->self, NULL);
    leader_drop_syncs(l);
    zk_lock(&l->lock);
    l->zks = NULL;
    l->commit = NULL;
    zk_unlock(&l->lock);
    zookeeper_server_destroy(zks);
    return ld_apply_logged(l, em);
}

int
leader_lead(struct leader *l, struct zk_errmsg *why)
{
    struct zab_epochs *epochs = l->peer->epochs;
    struct leader_core *core;
    struct zk_errmsg em = { "" };
    int64_t last_zxid;
    int rv;

    ZK_CHECK(l, LEADER_MAGIC);
    zk_read_lock(&l->peer->db->lock);
    last_zxid = data_tree_last_zxid(l->peer->db->tree);
    zk_read_unlock(&l->peer->db->lock);
    core = leader_core_create(l->peer->qv, l->peer->sid, epochs->accepted,
                              epochs->current, last_zxid);
    zk_lock(&l->lock);
    zk_assert(l->core == NULL);
    l->core = core;
    zk_unlock(&l->lock);
    rv = ld_listen(l, why);     /* In use: the vote is lost, no more. */
    if (rv == ZK_OK) {
        rv = leader_establish(l, why);
    } else {
        rv = ZK_ENOTFOUND;
    }
    if (rv == ZK_OK) {
        ld_start_server(l);
        ld_serve(l, why);
        snapshot_thread_hold(l->peer->db->snapshots);
        leader_drain_learners(l, LD_DRAIN_MS);
    }
    zk_info(leader, "leading ends: %s", why->text);
    if (ld_end(l, &em) != ZK_OK) {
        return zk_fail(why, ZK_EIO, "%s", em.text);
    }
    if (rv == ZK_EIO) {
        return rv;
    }
    zk_lock(&l->lock);
    rv = l->stopped ? ZK_ESTOPPED : ZK_OK;
    zk_unlock(&l->lock);
    return rv;
}
