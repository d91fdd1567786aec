/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learner_chain.c: the server of a follower or an observer (Java:
 * FollowerZooKeeperServer, ObserverZooKeeperServer; learner.h draws it).
 */
#include <config.h>

#include "zab/learner_internal.h"

#include "server/commit_processor.h"
#include "server/snapshot_thread.h"
#include "server/sync_request_processor.h"
#include "util/zk_time.h"
#include "zab/follower_request_processor.h"
#include "zab/send_ack_request_processor.h"

static void
lch_logged(void *self, int64_t bytes)
{
    struct learner *l = self;

    zk_lock(&l->lock);
    l->log_bytes -= bytes;
    zk_cond_signal(&l->changed);
    zk_unlock(&l->lock);
}

/* The log and what is behind it; returns the latter. */
static struct request_processor *
lch_create_log(struct learner *l, struct zookeeper_server *zks)
{
    const struct send_ack_env ae = {
        .self = l,
        .link = l->observer ? NULL : &l->link,
        .commit = l->commit,
        .logged = lch_logged,
    };
    struct request_processor *send_ack =
        send_ack_request_processor_create(&ae);
    struct sync_env se;

    zookeeper_server_sync_env(zks, &se);
    l->sync = sync_request_processor_create(&se, send_ack);
    return send_ack;
}

static struct request_processor *
lch_build(void *self, struct zookeeper_server *zks,
          struct request_processor *final)
{
    struct learner *l = self;
    struct zk_database *db = l->peer->db;
    struct follower_env fe = {
        .link = &l->link,
        .max_record = db->storage->max_record,
        .leader_is_old = learner_core_leader_is_old(l->core),
    };

    ZK_CHECK(l, LEARNER_MAGIC);
    l->commit = commit_processor_create(true, data_tree_last_zxid(db->tree),
                                        final);
    if (l->logs) {
        fe.send_ack = lch_create_log(l, zks);
        fe.sync = l->sync;
    } else {
        commit_processor_durable(l->commit, INT64_MAX);
    }
    fe.commit = l->commit;
    return follower_request_processor_create(&fe);
}

void
learner_start_server(struct learner *l)
{
    const struct zab_peer *peer = l->peer;
    const struct server_role role = {
        .self = l,
        .mode = l->observer ? "observer" : "follower",
        .sid = peer->sid,
        .learner = true,
        .build = lch_build,
        .revalidate = learner_revalidate,
    };

    /* Each server's own: SNAP brought the leader's (ZOOKEEPER-3829). */
    zk_write_lock(&peer->db->lock);
    data_tree_set_config(peer->db->tree, zk_slice_str(peer->membership),
                         peer->config->quorum.version, zk_time_wall_ms());
    zk_write_unlock(&peer->db->lock);
    l->zks = zookeeper_server_create_role(peer->config, peer->db, &role);
    zookeeper_server_start(l->zks);
    snapshot_thread_go_on(peer->db->snapshots, ZAB_SNAPSHOT_AFTER_MS);
}

void
learner_stop_server(struct learner *l)
{
    if (l->zks == NULL) {
        return;
    }
    l->peer->set_server(l->peer->self, NULL);
    zookeeper_server_stop(l->zks);
    learner_drop_renewals(l);
    zookeeper_server_destroy(l->zks);
    l->zks = NULL;
    l->sync = l->commit = NULL;
}
