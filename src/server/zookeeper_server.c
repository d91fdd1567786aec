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

static void
zks_wake(void *self)
{
    struct zookeeper_server *zks = self;

    zks->cnxns.wake(zks->cnxns.self);
}

static void
zks_close_session(void *self, int64_t session_id, enum disconnect_reason why)
{
    struct zookeeper_server *zks = self;

    zks->cnxns.close_session(zks->cnxns.self, session_id, why);
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

struct zookeeper_server *
zookeeper_server_create(const struct server_config *config)
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
    zks->auth.ensemble_names =
        system_properties_get(config->props, "zookeeper.ensembleAuthName");
    zks->auth.ensemble_enabled = zks->auth.ensemble_names != NULL;
    zks->enforced_schemes = zks_enforced_schemes(&config->request);
    zks->db = zk_database_create(&config->storage);
    zks->sessions = session_tracker_create(&env, ZKS_STANDALONE_ID,
                                           config->tick_time_ms);
    server_stats_init(&zks->stats);
    atomic_store(&zks->state, SERVER_INITIAL);
    return zks;
}

void
zookeeper_server_attach(struct zookeeper_server *zks,
                        const struct cnxn_env *env)
{
    ZK_CHECK(zks, ZOOKEEPER_SERVER_MAGIC);
    zks->cnxns = *env;
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
    return ZK_OK;
}

static void
zks_build_chain(struct zookeeper_server *zks)
{
    const struct final_env fe = {
        .self = zks,
        .db = zks->db,
        .sessions = zks->sessions,
        .auth = &zks->auth,
        .config = zks->config,
        .wake = zks_wake,
        .close_session = zks_close_session,
        .done = zks_finished,
    };
    const struct sync_env se = {
        .self = zks,
        .db = zks->db,
        .config = zks->config,
        .disk_full = zks_disk_full,
        .slow_sync = zks_slow_sync,
    };
    const struct prep_env pe = {
        .db = zks->db,
        .sessions = zks->sessions,
        .auth = &zks->auth,
        .config = zks->config,
    };
    const struct throttler_env te = {
        .self = zks,
        .config = &zks->config->request,
        .dropped = zks_dropped,
    };

    zks->final = final_request_processor_create(&fe);
    zks->sync = sync_request_processor_create(&se, zks->final);
    zks->prep = prep_request_processor_create(
        &pe, data_tree_last_zxid(zks->db->tree), zks->sync);
    zks->first = zks->prep;
    if (zks->config->request.request_throttle_limit > 0) {
        zks->throttler = request_throttler_create(&te, zks->prep);
        zks->first = zks->throttler;
    }
}

void
zookeeper_server_start(struct zookeeper_server *zks)
{
    const struct container_env ce = {
        .self = zks,
        .db = zks->db,
        .config = &zks->config->request,
        .submit = zks_submit_own,
    };

    ZK_CHECK(zks, ZOOKEEPER_SERVER_MAGIC);
    zk_assert(zookeeper_server_state(zks) == SERVER_INITIAL);
    zks_build_chain(zks);
    atomic_store(&zks->state, SERVER_RUNNING);
    session_tracker_start(zks->sessions);
    zks->containers = container_manager_start(&ce);
    if (!zks->loaded_anew) {
        /* As Java: a snapshot of what was loaded, so that the next start is
         * short; it does not hold this one up. */
        sync_request_processor_snapshot(zks->sync);
    }
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
    atomic_store(&zks->state, SERVER_STOPPED);
}

void
zookeeper_server_destroy(struct zookeeper_server *zks)
{
    if (zks == NULL) {
        return;
    }
    ZK_CHECK(zks, ZOOKEEPER_SERVER_MAGIC);
    zk_assert(zookeeper_server_state(zks) != SERVER_RUNNING);
    if (zks->throttler != NULL) {
        zks->throttler->destroy(zks->throttler);
    }
    if (zks->prep != NULL) {
        zks->prep->destroy(zks->prep);
        zks->sync->destroy(zks->sync);
        zks->final->destroy(zks->final);
    }
    session_tracker_destroy(zks->sessions);
    zk_database_destroy(zks->db);
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
zookeeper_server_submit(struct zookeeper_server *zks,
                        struct bq_list *requests)
{
    bool running;

    ZK_CHECK(zks, ZOOKEEPER_SERVER_MAGIC);
    atomic_fetch_add(&zks->submitting, 1);
    running = zookeeper_server_state(zks) == SERVER_RUNNING;
    if (running) {
        atomic_fetch_add(&zks->in_process, (int64_t) requests->n);
        zks->first->submit(zks->first, requests);
    }
    atomic_fetch_sub(&zks->submitting, 1);
    if (!running) {
        zks_free_list(requests);
    }
    return running;
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
    (void) zks;
    return "standalone";
}

int64_t
zookeeper_server_in_process(const struct zookeeper_server *zks)
{
    return atomic_load_explicit(&zks->in_process, memory_order_relaxed);
}
