/* SPDX-License-Identifier: Apache-2.0 */
/* learner.c: life cycle, connecting, reading. */
#include <config.h>

#include "zab/learner.h"

#include <inttypes.h>
#include <stdlib.h>

#include "net/link_options.h"
#include "server/snapshot_thread.h"
#include "server/zk_database_sync.h"
#include "util/zk_log.h"
#include "util/zk_time.h"
#include "zab/learner_internal.h"

/* A leader of Java's decides 200 ms later than this server may have and binds
 * its port then; one that is not there after this time will not come.  (Java
 * tries 5 times, 100 ms apart.) */
#define LR_CONNECT_MS 2000
#define LR_RETRY_MAX_MS 100
/* More waits for the disk than this: nothing is read from the leader until
 * half of it is written. */
#define LR_MAX_LOG_BYTES (INT64_C(256) << 20)

/* ---- life -------------------------------------------------------------- */

struct learner *
learner_create(struct zab_peer *peer, int64_t leader_sid, bool observer,
               struct zk_errmsg *em)
{
    const struct server_config *c = peer->config;
    struct net_cancel cancel;
    struct learner *l;

    if (net_cancel_init(&cancel, em) != ZK_OK) {
        return NULL;
    }
    l = zk_xcalloc(1, sizeof *l);
    l->magic = LEARNER_MAGIC;
    l->cancel = cancel;
    l->peer = peer;
    l->leader_sid = leader_sid;
    l->observer = observer;
    l->logs = !observer || c->quorum.sync_enabled;
    l->init_ms = (int64_t) c->quorum.init_limit * c->tick_time_ms;
    l->sync_ms = (int64_t) c->quorum.sync_limit * c->tick_time_ms;
    l->created_ms = zk_time_mono_ms();
    atomic_init(&l->sync_time_ms, -1);
    zk_mutex_init(&l->lock, ZK_LOCK_leaf);
    zk_cond_init(&l->changed);
    return l;
}

void
learner_destroy(struct learner *l)
{
    if (l == NULL) {
        return;
    }
    ZK_CHECK(l, LEARNER_MAGIC);
    zk_assert(l->zks == NULL && !l->linked);
    net_cancel_fini(&l->cancel);
    zk_cond_fini(&l->changed);
    zk_mutex_fini(&l->lock);
    l->magic = 0;
    free(l);
}

void
learner_shutdown(struct learner *l)
{
    ZK_CHECK(l, LEARNER_MAGIC);
    net_cancel_fire(&l->cancel);
    zk_lock(&l->lock);
    l->stopping = true;
    if (l->running != NULL) {
        learner_link_shutdown(l->running);
    }
    zk_cond_signal(&l->changed);
    zk_unlock(&l->lock);
}

static bool
lr_is_stopping(struct learner *l)
{
    bool stopping;

    zk_lock(&l->lock);
    stopping = l->stopping;
    zk_unlock(&l->lock);
    return stopping;
}

int64_t
learner_sync_time_ms(struct learner *l)
{
    ZK_CHECK(l, LEARNER_MAGIC);
    return atomic_load(&l->sync_time_ms);
}

/* ---- connecting -------------------------------------------------------- */

static const struct server_address *
lr_find_leader(const struct learner *l)
{
    const struct quorum_config *q = &l->peer->config->quorum;

    for (size_t i = 0; i < q->n_servers; i++) {
        if (q->servers[i].sid == l->leader_sid) {
            return &q->servers[i];
        }
    }
    return NULL;
}

/* Each of the leader's addresses once. */
static int
lr_try(struct learner *l, const struct server_address *sa,
       int64_t deadline_ms, struct net_stream **out, struct zk_errmsg *em)
{
    struct net_options opts = link_options(l->peer->config, l->peer->tls);
    int rv = ZK_EIO;

    opts.cancel = &l->cancel;
    opts.handshake_ms = l->init_ms;

    for (size_t i = 0; i < sa->n; i++) {
        int64_t now_ms = zk_time_mono_ms();

        rv = net_stream_connect(sa->quorum[i].host, sa->quorum[i].port,
                                now_ms + (deadline_ms - now_ms)
                                             / (int64_t) (sa->n - i),
                                &opts, out, em);
        if (rv == ZK_OK || rv == ZK_ESTOPPED) {
            break;
        }
    }
    return rv;
}

/* Sleeps; ends early for a shutdown. */
static void
lr_pause(struct learner *l, int64_t ms)
{
    int64_t until_ms = zk_time_mono_ms() + ms;

    zk_lock(&l->lock);
    while (!l->stopping
           && zk_cond_wait_until(&l->changed, &l->lock, until_ms)) {
    }
    zk_unlock(&l->lock);
}

static int
lr_connect(struct learner *l, struct net_stream **out, struct zk_errmsg *em)
{
    const struct server_config *c = l->peer->config;
    const struct server_address *sa = lr_find_leader(l);
    int ticks = c->quorum.connect_to_learner_master_limit > 0
                    ? c->quorum.connect_to_learner_master_limit
                    : c->quorum.init_limit;
    int64_t limit_ms = (int64_t) ticks * c->tick_time_ms;
    int64_t deadline_ms, pause_ms = 1;
    int rv;

    if (sa == NULL || sa->n == 0) {
        return zk_fail(em, ZK_ENOTFOUND, "server %" PRId64 " has no address",
                       l->leader_sid);
    }
    deadline_ms = zk_time_mono_ms()
                  + (limit_ms < LR_CONNECT_MS ? limit_ms : LR_CONNECT_MS);
    for (;;) {
        rv = lr_try(l, sa, deadline_ms, out, em);
        if (rv == ZK_OK || rv == ZK_ESTOPPED || lr_is_stopping(l)
            || zk_time_mono_ms() + pause_ms >= deadline_ms) {
            return rv;
        }
        lr_pause(l, pause_ms);
        pause_ms = pause_ms * 2 < LR_RETRY_MAX_MS ? pause_ms * 2
                                                  : LR_RETRY_MAX_MS;
    }
}

static int
lr_open_link(struct learner *l, struct zk_errmsg *em)
{
    struct net_stream *stream;
    int rv = lr_connect(l, &stream, em);

    if (rv != ZK_OK) {
        return rv;
    }
    zk_info(learner, "connected to server %" PRId64 " at %s (%s)",
            l->leader_sid, net_stream_peer(stream),
            net_stream_security(stream));
    learner_link_init(&l->link, stream, l->peer->db->storage->max_record,
                      l->init_ms);
    l->linked = true;
    zk_lock(&l->lock);
    l->running = &l->link;
    if (l->stopping) {
        learner_link_shutdown(&l->link);
    }
    zk_unlock(&l->lock);
    return ZK_OK;
}

static void
lr_close_link(struct learner *l)
{
    if (!l->linked) {
        return;
    }
    zk_lock(&l->lock);
    l->running = NULL;
    zk_unlock(&l->lock);
    learner_link_fini(&l->link);
    l->linked = false;
}

/* ---- reading ----------------------------------------------------------- */

static struct learner_core *
lr_create_core(struct learner *l)
{
    const struct zab_peer *peer = l->peer;
    const struct learner_env env = learner_env_of(l);
    struct learner_core_options o = {
        .sid = peer->sid,
        .observer = l->observer,
        .accepted_epoch = peer->epochs->accepted,
        .current_epoch = peer->epochs->current,
        .config_version = peer->config->quorum.version,
        .max_len = peer->db->storage->max_record,
    };

    zk_read_lock(&peer->db->lock);
    o.last_zxid = peer->need_snapshot ? 0
                                      : data_tree_last_zxid(peer->db->tree);
    zk_read_unlock(&peer->db->lock);
    return learner_core_create(&env, &o);
}

/* A disk that is slower than the ensemble: waits until it has caught up a
 * bit.  For as long as the leader would wait for the ack, and no longer. */
static int
lr_wait_for_log(struct learner *l, struct zk_errmsg *em)
{
    int64_t deadline_ms = zk_time_mono_ms() + l->sync_ms;
    bool late = false;

    zk_lock(&l->lock);
    if (l->log_bytes > LR_MAX_LOG_BYTES) {
        while (l->log_bytes > LR_MAX_LOG_BYTES / 2 && !l->stopping
               && !late) {
            late = !zk_cond_wait_until(&l->changed, &l->lock, deadline_ms);
        }
    }
    zk_unlock(&l->lock);
    if (late) {
        return zk_fail(em, ZK_ETORN, "the own log is too slow: %" PRId64
                       " MB wait for it after %" PRId64 " ms",
                       LR_MAX_LOG_BYTES >> 20, l->sync_ms);
    }
    return ZK_OK;
}

/* All packets that are there. */
static int
lr_take_packets(struct learner *l, struct zk_errmsg *em)
{
    const struct jute_quorum_packet *qp;
    int rv;

    while ((rv = learner_link_next(&l->link, &qp, em)) == 1) {
        rv = learner_core_packet(l->core, qp, em);
        if (rv != ZK_OK) {
            return rv;
        }
    }
    return rv;
}

static int
lr_follow(struct learner *l, struct zk_errmsg *em)
{
    bool synced = false;
    int rv;

    l->core = lr_create_core(l);
    rv = learner_core_start(l->core, em);
    while (rv == ZK_OK) {
        rv = learner_link_read(&l->link, synced ? l->sync_ms : l->init_ms,
                               em);
        if (rv == ZK_OK) {
            rv = lr_take_packets(l, em);
            /* Even behind a bad packet: what came before it counts. */
            learner_hand_on(l);
        }
        if (rv == ZK_OK) {
            rv = lr_wait_for_log(l, em);
        }
        if (!synced && learner_core_is_synced(l->core)) {
            synced = true;
            atomic_store(&l->link.timeout_ms, l->sync_ms);
        }
    }
    return rv;
}

/* ---- the end ----------------------------------------------------------- */

/* Stages and clients go, and what is durable is in the tree. */
static int
lr_leave(struct learner *l, struct zk_errmsg *em)
{
    bool served = l->zks != NULL;
    int rv;

    learner_stop_server(l);
    learner_core_destroy(l->core);
    l->core = NULL;
    rv = learner_apply_open(l, em);
    if (rv == ZK_OK && served && !l->logs) {
        /* What an observer without a log knows gets durable at once. */
        rv = zk_database_save_taken(l->peer->db, em);
    }
    return rv == ZK_OK ? zk_database_role_ended(l->peer->db, em) : rv;
}

/* What the caller is told: codes that mean the own disk mean nothing else. */
static int
lr_result(struct learner *l, int rv)
{
    if (l->fault != ZK_OK) {
        return l->fault;
    }
    if (lr_is_stopping(l)) {
        return ZK_ESTOPPED;
    }
    return rv == ZK_ECORRUPT || rv == ZK_ENOSPC || rv == ZK_ESTOPPED
               ? ZK_EIO
               : rv;
}

int
learner_run(struct learner *l, struct zk_errmsg *why)
{
    struct zk_errmsg em;
    int64_t begin_ms;
    int rv;

    ZK_CHECK(l, LEARNER_MAGIC);
    rv = lr_open_link(l, why);
    if (rv == ZK_OK) {
        rv = lr_follow(l, why);
        snapshot_thread_hold(l->peer->db->snapshots);
        learner_link_shutdown(&l->link);
    }
    begin_ms = zk_time_mono_ms();
    if (lr_leave(l, &em) != ZK_OK && l->fault == ZK_OK) {
        *why = em;
        l->fault = ZK_ECORRUPT;
    }
    lr_close_link(l);
    zk_info(learner, "the role ended in %" PRId64 " ms: %s",
            zk_time_mono_ms() - begin_ms, why->text);
    return lr_result(l, rv);
}
