/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/zookeeper_server.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/server_metrics.h"
#include "proto/op_code.h"
#include "server/final_request_processor.h"
#include "server/prep_request_processor.h"
#include "server/request_throttler.h"
#include "server/sync_request_processor.h"
#include "server/zookeeper_server_internal.h"
#include "util/crash_point.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

/* The high byte of session ids of a server that is alone, whatever its myid
 * (Java: SessionTrackerImpl of ZooKeeperServer). */
#define ZKS_STANDALONE_ID 1

/* ---- callbacks of the parts -------------------------------------------- */

/* SessionTracker: a session's time is up. */
static void
zks_expire(void *self, int64_t session_id)
{
    struct zookeeper_server *zks = self;
    struct bq_list one = { 0 };
    struct request *r = request_create(OP_CLOSE_SESSION, session_id, 0,
                                       ZK_SLICE_NULL, NULL, NULL);

    zk_info(server, "expiring session 0x%lx", (long) session_id);
    server_metrics_inc(METRIC_stale_sessions_expired);
    r->received_us = zk_time_mono_us();
    r->local_session = session_tracker_is_local(zks->sessions, session_id);
    bq_list_append(&one, &r->link);
    (void) zookeeper_server_submit(zks, &one);
}

static bool
zks_submit_own(void *self, struct bq_list *requests)
{
    return zookeeper_server_submit(self, requests);
}

static void
zks_disk_full(void *self, bool full)
{
    struct zookeeper_server *zks = self;

    atomic_store(&zks->disk_full, full);
}

static void
zks_slow_sync(void *self)
{
    struct zookeeper_server *zks = self;

    atomic_fetch_add(&zks->stats.fsync_threshold_exceeded, 1);
}

static void
zks_finished(void *self, size_t n)
{
    struct zookeeper_server *zks = self;

    atomic_fetch_sub(&zks->in_process, (int64_t) n);
    if (zks->throttler != NULL) {
        request_throttler_finished(zks->throttler, n);
    }
}

/* The throttler dropped a request of a connection that is gone. */
static void
zks_dropped(void *self, struct request *r)
{
    struct zookeeper_server *zks = self;

    atomic_fetch_sub(&zks->in_process, 1);
    atomic_fetch_sub(&r->sink->outstanding, 1);
}

void
zks_wake(void *self)
{
    struct zookeeper_server *zks = self;

    if (atomic_load_explicit(&zks->attached, memory_order_acquire)) {
        zks->cnxns.wake(zks->cnxns.self);
    }
}

void
zks_close_session(void *self, int64_t session_id, enum disconnect_reason why)
{
    struct zookeeper_server *zks = self;

    if (atomic_load_explicit(&zks->attached, memory_order_acquire)) {
        zks->cnxns.close_session(zks->cnxns.self, session_id, why);
    }
}

/* ---- life -------------------------------------------------------------- */

static const char *
zks_enforced_schemes(const struct request_config *rc)
{
    if (rc->session_require_client_sasl) {
        return "sasl";
    }
    return rc->enforce_auth ? rc->enforce_auth_schemes : NULL;
}

/* All but the database and what a role changes. */
static struct zookeeper_server *
zks_create(const struct server_config *config, int64_t sid)
{
    struct zookeeper_server *zks = zk_xcalloc(1, sizeof *zks);
    const struct session_tracker_env env = { zks, zks_expire };

    zks->magic = ZOOKEEPER_SERVER_MAGIC;
    zks->config = config;
    zks->auth.skip_acl = config->auth.skip_acl;
    zks->auth.digest_enabled = config->auth.digest_enabled;
    zks->auth.digest_alg = config->auth.digest_alg;
    zks->auth.super_digest = config->auth.super_digest;
    zks->auth.x509_super_user = config->auth.x509_super_user;
    zks->auth.x509_enabled = config->auth.x509_enabled;
    zks->auth.ensemble_names =
        system_properties_get(config->props, "zookeeper.ensembleAuthName");
    zks->auth.ensemble_enabled = zks->auth.ensemble_names != NULL;
    zks->enforced_schemes = zks_enforced_schemes(&config->request);
    zks->outstanding_limit = config->cnxn.global_outstanding_limit;
    zks->sessions = session_tracker_create(&env, sid, config->tick_time_ms);
    server_stats_init(&zks->stats);
    atomic_store(&zks->state, SERVER_INITIAL);
    return zks;
}

struct zookeeper_server *
zookeeper_server_create(const struct server_config *config)
{
    struct zookeeper_server *zks = zks_create(config, ZKS_STANDALONE_ID);

    zks->db = zk_database_create(&config->storage);
    return zks;
}

/* Each voter has its share (Java: getGlobalOutstandingLimit of leader and
 * follower). */
static int
zks_outstanding_limit(const struct server_config *config,
                      const struct server_role *role)
{
    int limit = config->cnxn.global_outstanding_limit;
    int voters = 0;

    for (size_t i = 0; i < config->quorum.n_servers; i++) {
        voters += config->quorum.servers[i].type == LEARNER_PARTICIPANT;
    }
    if (role->read_only || strcmp(role->mode, "observer") == 0
        || voters <= 2) {
        return limit;
    }
    return limit / (voters - 1);
}

struct zookeeper_server *
zookeeper_server_create_role(const struct server_config *config,
                             struct zk_database *db,
                             const struct server_role *role)
{
    struct zookeeper_server *zks = zks_create(config, role->sid);

    zks->db = db;
    zks->has_role = true;
    zks->role = *role;
    zks->local_sessions = config->quorum.local_sessions_enabled;
    zks->outstanding_limit = zks_outstanding_limit(config, role);
    if (role->learner) {
        session_tracker_set_learner(zks->sessions);
    }
    if (zks->local_sessions) {
        session_tracker_allow_local(zks->sessions);
    }
    return zks;
}

void
zookeeper_server_attach(struct zookeeper_server *zks,
                        const struct cnxn_env *env)
{
    ZK_CHECK(zks, ZOOKEEPER_SERVER_MAGIC);
    zk_assert(!atomic_load(&zks->attached));
    zks->cnxns = *env;
    atomic_store_explicit(&zks->attached, true, memory_order_release);
}

static void
zks_track_session(void *arg, int64_t session, int32_t timeout_ms)
{
    struct zookeeper_server *zks = arg;

    session_tracker_add(zks->sessions, session, timeout_ms);
}

int
zookeeper_server_load(struct zookeeper_server *zks, struct zk_errmsg *em)
{
    struct restore_result res;
    size_t orphans;
    int rv;

    ZK_CHECK(zks, ZOOKEEPER_SERVER_MAGIC);
    zk_assert(!zks->has_role);
    memset(&res, 0, sizeof res);
    rv = zk_database_load(zks->db, &res, em);
    if (rv != ZK_OK) {
        return rv;
    }
    zk_write_lock(&zks->db->lock);
    orphans = data_tree_kill_orphans(zks->db->tree);
    data_tree_sessions_each(zks->db->tree, zks_track_session, zks);
    zk_write_unlock(&zks->db->lock);
    if (orphans > 0) {
        zk_warn(server, "ephemerals of %zu dead sessions were removed",
                orphans);
    }
    zk_info(server,
            "database loaded: last zxid 0x%lx, snapshot 0x%lx in %ld ms, "
            "%ld transactions replayed in %ld ms",
            (long) data_tree_last_zxid(zks->db->tree),
            (long) res.snapshot_zxid, (long) res.snapshot_ms,
            (long) res.txns, (long) res.replay_ms);
    zks->loaded_anew = res.empty;
    zk_database_note_saved(zks->db);    /* start takes a snapshot. */
    return ZK_OK;
}

void
zookeeper_server_prep_env(struct zookeeper_server *zks, struct prep_env *out)
{
    *out = (struct prep_env) {
        .db = zks->db,
        .sessions = zks->sessions,
        .auth = &zks->auth,
        .config = zks->config,
    };
}

void
zookeeper_server_sync_env(struct zookeeper_server *zks, struct sync_env *out)
{
    *out = (struct sync_env) {
        .self = zks,
        .db = zks->db,
        .config = zks->config,
        .disk_full = zks_disk_full,
        .slow_sync = zks_slow_sync,
        .leaves_snapshots = zks->has_role,
    };
}

static struct request_processor *
zks_create_final(struct zookeeper_server *zks)
{
    const struct final_env fe = {
        .self = zks,
        .db = zks->db,
        .sessions = zks->sessions,
        .auth = &zks->auth,
        .config = zks->config,
        .learner = zks->role.learner,
        .wake = zks_wake,
        .close_session = zks_close_session,
        .done = zks_finished,
    };

    return final_request_processor_create(&fe);
}

static struct request_processor *
zks_create_standalone_chain(struct zookeeper_server *zks)
{
    struct sync_env se;
    struct prep_env pe;

    zookeeper_server_sync_env(zks, &se);
    zookeeper_server_prep_env(zks, &pe);
    zks->sync = sync_request_processor_create(&se, zks->final);
    zks->prep = prep_request_processor_create(
        &pe, data_tree_last_zxid(zks->db->tree), zks->sync);
    return zks->prep;
}

static void
zks_build_chain(struct zookeeper_server *zks)
{
    const struct throttler_env te = {
        .self = zks,
        .config = &zks->config->request,
        .dropped = zks_dropped,
    };

    zks->final = zks_create_final(zks);
    zks->chain = zks->has_role
                     ? zks->role.build(zks->role.self, zks, zks->final)
                     : zks_create_standalone_chain(zks);
    zks->first = zks->chain;
    if (zks->config->request.request_throttle_limit > 0) {
        zks->throttler = request_throttler_create(&te, zks->chain);
        zks->first = zks->throttler;
    }
}

static void
zks_start_containers(struct zookeeper_server *zks)
{
    const struct container_env ce = {
        .self = zks,
        .db = zks->db,
        .config = &zks->config->request,
        .submit = zks_submit_own,
    };

    zks->containers = container_manager_start(&ce);
}

static void
zks_add_orphan(void *arg, int64_t session)
{
    struct bq_list *closes = arg;
    struct request *r = request_create(OP_CLOSE_SESSION, session, 0,
                                       ZK_SLICE_NULL, NULL, NULL);

    r->received_us = zk_time_mono_us();
    bq_list_append(closes, &r->link);
}

/* A leader's: by transactions, so that all servers lose the same nodes.  Java
 * deletes them from the leader's tree alone, which is another one then than
 * its followers'. */
static void
zks_close_orphans(struct zookeeper_server *zks)
{
    struct bq_list closes = { 0 };

    zk_read_lock(&zks->db->lock);
    data_tree_orphans_each(zks->db->tree, zks_add_orphan, &closes);
    zk_read_unlock(&zks->db->lock);
    if (closes.n > 0) {
        zk_warn(server, "ephemerals of %zu dead sessions are being removed",
                closes.n);
        (void) zookeeper_server_submit(zks, &closes);
    }
}

void
zookeeper_server_start(struct zookeeper_server *zks)
{
    ZK_CHECK(zks, ZOOKEEPER_SERVER_MAGIC);
    zk_assert(zookeeper_server_state(zks) == SERVER_INITIAL);
    if (zks->has_role) {
        zk_read_lock(&zks->db->lock);
        data_tree_sessions_each(zks->db->tree, zks_track_session, zks);
        zk_read_unlock(&zks->db->lock);
    }
    zks_build_chain(zks);
    atomic_store(&zks->state, SERVER_RUNNING);
    session_tracker_start(zks->sessions);
    if (!zks->role.learner) {
        zks_start_containers(zks);
    }
    if (zks->has_role && !zks->role.learner) {
        zks_close_orphans(zks);
    }
    if (!zks->has_role && !zks->loaded_anew) {
        /* As Java: a snapshot of what was loaded, so that the next start is
         * short; it does not hold this one up. */
        sync_request_processor_snapshot(zks->sync);
    }
}

/* Nothing of a role may be left in the database for the next one. */
static void
zks_leave_database(struct zookeeper_server *zks)
{
    zk_write_lock(&zks->db->lock);
    outstanding_changes_clear(zks->db->changes);
    zk_write_unlock(&zks->db->lock);
}

void
zookeeper_server_stop(struct zookeeper_server *zks)
{
    ZK_CHECK(zks, ZOOKEEPER_SERVER_MAGIC);
    if (zookeeper_server_state(zks) != SERVER_RUNNING) {
        return;
    }
    atomic_store(&zks->state, SERVER_STOPPING);
    container_manager_stop(zks->containers);
    zks->containers = NULL;
    session_tracker_stop(zks->sessions);
    while (atomic_load(&zks->submitting) > 0) {
        sched_yield();          /* A few instructions, no waiting in there. */
    }
    zks->first->shutdown(zks->first);
    if (zks->has_role) {
        zks_leave_database(zks);
    }
    atomic_store(&zks->state, SERVER_STOPPED);
}

static void
zks_destroy_chain(struct zookeeper_server *zks)
{
    if (zks->throttler != NULL) {
        zks->throttler->destroy(zks->throttler);
    }
    zks->chain->destroy(zks->chain);
    if (!zks->has_role) {
        zks->sync->destroy(zks->sync);
    }
    zks->final->destroy(zks->final);
}

void
zookeeper_server_destroy(struct zookeeper_server *zks)
{
    if (zks == NULL) {
        return;
    }
    ZK_CHECK(zks, ZOOKEEPER_SERVER_MAGIC);
    zk_assert(zookeeper_server_state(zks) != SERVER_RUNNING);
    if (zks->chain != NULL) {
        zks_destroy_chain(zks);
    }
    session_tracker_destroy(zks->sessions);
    if (!zks->has_role) {
        zk_database_destroy(zks->db);
    }
    zks->magic = 0;
    free(zks);
}

/* ---- submitting -------------------------------------------------------- */

static void
zks_free_list(struct bq_list *requests)
{
    struct bq_node *node;

    while ((node = bq_list_pop(requests)) != NULL) {
        request_free(request_of(node));
    }
}

bool
zks_enter(struct zookeeper_server *zks)
{
    ZK_CHECK(zks, ZOOKEEPER_SERVER_MAGIC);
    atomic_fetch_add(&zks->submitting, 1);
    if (zookeeper_server_state(zks) == SERVER_RUNNING) {
        return true;
    }
    zks_leave(zks);
    return false;
}

void
zks_leave(struct zookeeper_server *zks)
{
    atomic_fetch_sub(&zks->submitting, 1);
}

bool
zks_submit_counted(struct zookeeper_server *zks, struct bq_list *requests)
{
    if (!zks_enter(zks)) {
        zks_free_list(requests);
        return false;
    }
    atomic_fetch_add(&zks->in_process, (int64_t) requests->n);
    zks->first->submit(zks->first, requests);
    zks_leave(zks);
    return true;
}

bool
zookeeper_server_submit(struct zookeeper_server *zks,
                        struct bq_list *requests)
{
    for (struct bq_node *n = requests->first; n != NULL; n = n->next) {
        request_of(n)->counted = true;
    }
    return zks_submit_counted(zks, requests);
}

/* ---- looking ----------------------------------------------------------- */

enum server_state
zookeeper_server_state(const struct zookeeper_server *zks)
{
    return (enum server_state) atomic_load(&zks->state);
}

const struct server_config *
zookeeper_server_config(const struct zookeeper_server *zks)
{
    return zks->config;
}

struct zk_database *
zookeeper_server_database(struct zookeeper_server *zks)
{
    return zks->db;
}

struct session_tracker *
zookeeper_server_sessions(struct zookeeper_server *zks)
{
    return zks->sessions;
}

struct server_stats *
zookeeper_server_stats(struct zookeeper_server *zks)
{
    return &zks->stats;
}

const struct auth_options *
zookeeper_server_auth(const struct zookeeper_server *zks)
{
    return &zks->auth;
}

const char *
zookeeper_server_mode(const struct zookeeper_server *zks)
{
    return zks->has_role ? zks->role.mode : "standalone";
}

const struct server_role *
zookeeper_server_role(const struct zookeeper_server *zks)
{
    return zks->has_role ? &zks->role : NULL;
}

int
zookeeper_server_outstanding_limit(const struct zookeeper_server *zks)
{
    return zks->outstanding_limit;
}

int64_t
zookeeper_server_in_process(const struct zookeeper_server *zks)
{
    return atomic_load_explicit(&zks->in_process, memory_order_relaxed);
}
