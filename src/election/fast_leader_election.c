/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "election/fast_leader_election.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "election/fle_core.h"
#include "election/fle_notification.h"
#include "election/qcm_settings.h"
#include "election/quorum_cnx_manager.h"
#include "util/rate_limit.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

#define FLE_MIN_POLL "zookeeper.fastleader.minNotificationInterval"
#define FLE_MAX_POLL "zookeeper.fastleader.maxNotificationInterval"
/* Lines about messages: peers decide how many there are. */
#define FLE_LOG_BURST 500
#define FLE_LOG_GAP_MS 100
/* Of the configuration's version in such a line. */
#define FLE_VERSION_MAX 16

struct fast_leader_election {
    unsigned magic;
#define FAST_LEADER_ELECTION_MAGIC 0x464c4563

    /* Set before the start, never changed. */
    const struct server_config *config;
    int64_t my_sid;
    char *membership;
    void (*voter_looks)(void *arg, int64_t sid);    /* NULL: nobody asks. */
    void *voter_looks_arg;
    struct quorum_cnx_manager *qcm;
    struct zk_thread worker_sender;
    struct zk_thread worker_receiver;
    struct blocking_queue to_send;  /* struct fle_to_send */

    struct rate_limit log_limit;    /* WorkerReceiver's. */

    struct zk_mutex lock;
    struct zk_cond wakeup;      /* look, and WorkerReceiver before the first
                                 * one. */
    struct fle_core *core ZK_GUARDED;
    bool begun ZK_GUARDED;      /* There was an election. */
    bool stopping ZK_GUARDED;
    bool deserted ZK_GUARDED;   /* By the message in hand. */
    int64_t began_ms ZK_GUARDED;
    int64_t took_ms ZK_GUARDED; /* -1: none yet. */
};

struct fle_to_send {
    struct bq_node link;
    int64_t to;
    struct fle_notification n;
};

/* ---- what the core asks for (under the lock) ---------------------------- */

static void
fle_env_send(void *self, int64_t to, const struct fle_notification *n)
{
    struct fast_leader_election *fle = self;
    struct fle_to_send *msg = zk_xcalloc(1, sizeof *msg);

    msg->to = to;
    msg->n = *n;
    msg->n.config = zk_slice_str(fle->membership);
    if (!blocking_queue_put(&fle->to_send, &msg->link)) {
        free(msg);
    }
}

static bool
fle_env_delivered(void *self)
{
    struct fast_leader_election *fle = self;

    return quorum_cnx_manager_delivered(fle->qcm);
}

static void
fle_env_connect_all(void *self)
{
    struct fast_leader_election *fle = self;

    quorum_cnx_manager_connect_all(fle->qcm);
}

static bool ZK_NO_ANALYSIS
fle_env_unreachable(void *self, int64_t sid)
{
    struct fast_leader_election *fle = self;

    return quorum_cnx_manager_unreachable(fle->qcm, sid, fle->began_ms);
}

static void
fle_env_holds_back(void *self, const int64_t *sids, size_t n)
{
    struct zk_buf list = { 0 };

    (void) self;
    for (size_t i = 0; i < n; i++) {
        zk_buf_printf(&list, "%s%" PRId64, i > 0 ? ", " : "", sids[i]);
    }
    zk_warn(election, "This server is empty, and others are not: it votes for "
            "none of them until it has heard from all (not yet from %.*s), or "
            "a leader is elected without it", (int) list.len,
            (const char *) list.data);
    zk_buf_fini(&list);
}

static void ZK_NO_ANALYSIS
fle_env_voter_looks(void *self, int64_t sid)
{
    struct fast_leader_election *fle = self;

    (void) sid;
    fle->deserted = true;
}

/* ---- what happens outside ---------------------------------------------- */

static void
fle_link_changed(void *self, int64_t sid)
{
    struct fast_leader_election *fle = self;

    (void) sid;
    zk_lock(&fle->lock);
    if (fle->begun && !fle->stopping) {
        fle_core_links_changed(fle->core, zk_time_mono_ms());
        zk_cond_broadcast(&fle->wakeup);
    }
    zk_unlock(&fle->lock);
}

/* The version in a membership text ("...version=100000000"), for people. */
static struct zk_slice
fle_config_version(struct zk_slice config)
{
    static const char key[] = "version=";
    const size_t key_len = sizeof key - 1;
    int32_t len = 0;
    const char *p;

    if (config.len <= 0) {
        return ZK_SLICE_LIT("0");
    }
    p = memmem(config.p, (size_t) config.len, key, key_len);
    if (p == NULL) {
        return ZK_SLICE_LIT("0");
    }
    p += key_len;
    while (p + len < config.p + config.len && len < FLE_VERSION_MAX
           && strchr("0123456789abcdef", p[len]) != NULL && p[len] != '\0') {
        len++;
    }
    return zk_slice(p, len);
}

/* May another line be written? */
static bool
fle_may_log(struct fast_leader_election *fle)
{
    uint64_t missed = 0;

    if (!rate_limit_take(&fle->log_limit, zk_time_mono_ms(), &missed)) {
        return false;
    }
    if (missed > 0) {
        zk_info(election, "%" PRIu64 " notifications are not shown", missed);
    }
    return true;
}

static void
fle_log(struct fast_leader_election *fle, const struct fle_notification *n,
        enum peer_state mine)
{
    struct zk_slice version = fle_config_version(n->config);

    if (!zk_log_enabled(election, ZK_LOG_INFO) || !fle_may_log(fle)) {
        return;
    }
    zk_info(election, "Notification: my state:%s; n.sid:%" PRId64
            ", n.state:%s, n.leader:%" PRId64 ", n.round:0x%" PRIx64
            ", n.peerEpoch:0x%" PRIx64 ", n.zxid:0x%" PRIx64
            ", message format version:0x%" PRIx32 ", n.config version:0x%.*s",
            peer_state_name(mine), n->sid, peer_state_name(n->vote.state),
            n->vote.leader, (uint64_t) n->vote.round,
            (uint64_t) n->vote.peer_epoch, (uint64_t) n->vote.zxid,
            (uint32_t) n->vote.version, (int) version.len, version.p);
}

/* ---- WorkerReceiver ---------------------------------------------------- */

static void
fle_receive(struct fast_leader_election *fle, const struct qcm_message *msg)
{
    struct fle_notification n = { 0 };
    struct zk_errmsg em = { "" };
    enum peer_state mine;
    bool deserted;

    if (fle_notification_decode(&n, msg->sid, msg->data, msg->len, &em)
        != ZK_OK) {
        if (fle_may_log(fle)) {
            zk_warn(election, "Dropping a message of %" PRIu32
                    " bytes from server %" PRId64 ": %s", msg->len, msg->sid,
                    em.text);
        }
        return;
    }
    zk_lock(&fle->lock);
    mine = fle_core_state(fle->core, NULL);
    fle->deserted = false;
    if (!fle->stopping) {
        fle_core_receive(fle->core, zk_time_mono_ms(), &n);
        zk_cond_broadcast(&fle->wakeup);
    }
    deserted = fle->deserted;
    zk_unlock(&fle->lock);
    fle_log(fle, &n, mine);
    if (deserted && fle->voter_looks != NULL) {
        fle->voter_looks(fle->voter_looks_arg, n.sid);
    }
}

/* Before the first election there is no vote to answer with: what comes waits
 * in the links' queue. */
static void
fle_wait_for_first_look(struct fast_leader_election *fle)
{
    zk_lock(&fle->lock);
    while (!fle->begun && !fle->stopping) {
        zk_cond_wait(&fle->wakeup, &fle->lock);
    }
    zk_unlock(&fle->lock);
}

static void
fle_worker_receiver_run(void *arg)
{
    struct fast_leader_election *fle = arg;
    struct bq_list messages = { 0 };

    fle_wait_for_first_look(fle);
    while (quorum_cnx_manager_take(fle->qcm, &messages)) {
        struct bq_node *node;

        while ((node = bq_list_pop(&messages)) != NULL) {
            struct qcm_message *msg = ZK_CONTAINER_OF(node,
                                                      struct qcm_message,
                                                      link);

            fle_receive(fle, msg);
            free(msg);
        }
    }
    zk_debug(election, "WorkerReceiver is down");
}

/* ---- WorkerSender ------------------------------------------------------ */

static void
fle_worker_sender_run(void *arg)
{
    struct fast_leader_election *fle = arg;
    struct bq_list messages = { 0 };
    struct zk_buf bytes = { 0 };

    while (blocking_queue_take_all(&fle->to_send, &messages)) {
        struct bq_node *node;

        while ((node = bq_list_pop(&messages)) != NULL) {
            struct fle_to_send *msg = ZK_CONTAINER_OF(node,
                                                      struct fle_to_send,
                                                      link);

            zk_buf_clear(&bytes);
            fle_notification_encode(&msg->n, &bytes);
            quorum_cnx_manager_send(fle->qcm, msg->to, bytes.data,
                                    bytes.len);
            free(msg);
        }
    }
    zk_buf_fini(&bytes);
    zk_debug(election, "WorkerSender is down");
}

/* ---- the election ------------------------------------------------------ */

static void
fle_begin_locked(struct fast_leader_election *fle, int64_t last_zxid,
                 int64_t current_epoch) ZK_REQUIRES(fle->lock)
{
    int64_t now_ms = zk_time_mono_ms();

    zk_info(election, "New election. My id = %" PRId64 ", proposed zxid=0x%"
            PRIx64, fle->my_sid, (uint64_t) last_zxid);
    fle->began_ms = now_ms;
    fle->begun = true;
    fle_core_start(fle->core, now_ms, last_zxid, current_epoch);
    zk_cond_broadcast(&fle->wakeup);
}

/* ZK_OK once it is decided. */
static int
fle_wait_locked(struct fast_leader_election *fle, int64_t until_ms,
                struct vote *vote) ZK_REQUIRES(fle->lock)
{
    for (;;) {
        int64_t now_ms = zk_time_mono_ms();
        int64_t deadline_ms;

        if (fle->stopping) {
            return ZK_ESTOPPED;
        }
        if (fle_core_deadline(fle->core) <= now_ms) {
            fle_core_timer(fle->core, now_ms);
        }
        vote->state = fle_core_state(fle->core, vote);
        if (vote->state != PEER_LOOKING) {
            fle->took_ms = now_ms - fle->began_ms;
            return ZK_OK;
        }
        if (until_ms <= now_ms) {
            return ZK_ETORN;
        }
        deadline_ms = fle_core_deadline(fle->core);
        deadline_ms = deadline_ms < until_ms ? deadline_ms : until_ms;
        if (deadline_ms == INT64_MAX) {
            zk_cond_wait(&fle->wakeup, &fle->lock);
        } else {
            (void) zk_cond_wait_until(&fle->wakeup, &fle->lock, deadline_ms);
        }
    }
}

int
fast_leader_election_look(struct fast_leader_election *fle,
                          int64_t last_zxid, int64_t current_epoch,
                          bool resume, int64_t until_ms, struct vote *vote)
{
    int rv;

    ZK_CHECK(fle, FAST_LEADER_ELECTION_MAGIC);
    zk_lock(&fle->lock);
    zk_assert(!resume || fle->begun);
    if (!resume && !fle->stopping) {
        fle_begin_locked(fle, last_zxid, current_epoch);
    }
    rv = fle_wait_locked(fle, until_ms, vote);
    zk_unlock(&fle->lock);
    return rv;
}

void
fast_leader_election_set_epoch(struct fast_leader_election *fle,
                               int64_t epoch)
{
    ZK_CHECK(fle, FAST_LEADER_ELECTION_MAGIC);
    zk_lock(&fle->lock);
    fle_core_set_epoch(fle->core, epoch);
    zk_unlock(&fle->lock);
}

int64_t
fast_leader_election_time_ms(struct fast_leader_election *fle)
{
    int64_t took_ms;

    ZK_CHECK(fle, FAST_LEADER_ELECTION_MAGIC);
    zk_lock(&fle->lock);
    took_ms = fle->took_ms;
    zk_unlock(&fle->lock);
    return took_ms;
}

/* ---- life -------------------------------------------------------------- */

struct fast_leader_election *
fast_leader_election_create(const struct server_config *config,
                            const struct quorum_verifier *qv,
                            const char *membership,
                            struct tls_context *tls)
{
    struct fast_leader_election *fle = zk_xcalloc(1, sizeof *fle);
    const struct fle_env env = {
        .self = fle,
        .send = fle_env_send,
        .delivered = fle_env_delivered,
        .connect_all = fle_env_connect_all,
        .unreachable = fle_env_unreachable,
        .holds_back = fle_env_holds_back,
        .voter_looks = fle_env_voter_looks,
    };
    const struct qcm_env links = {
        .self = fle, .tls = tls, .link_changed = fle_link_changed,
    };

    fle->magic = FAST_LEADER_ELECTION_MAGIC;
    fle->config = config;
    fle->my_sid = config->myid;
    fle->membership = zk_xstrdup(membership);
    fle->qcm = quorum_cnx_manager_create(config, &links);
    blocking_queue_init(&fle->to_send, "votes to send");
    rate_limit_init(&fle->log_limit, FLE_LOG_BURST, FLE_LOG_GAP_MS);
    zk_mutex_init(&fle->lock, ZK_LOCK_election);
    zk_cond_init(&fle->wakeup);
    zk_lock(&fle->lock);
    fle->core = fle_core_create(&env, config->myid, qv);
    fle->took_ms = -1;
    zk_unlock(&fle->lock);
    return fle;
}

void
fast_leader_election_on_voter_looks(struct fast_leader_election *fle,
                                    void (*fn)(void *arg, int64_t sid),
                                    void *arg)
{
    ZK_CHECK(fle, FAST_LEADER_ELECTION_MAGIC);
    zk_assert(!fle->worker_receiver.started);
    fle->voter_looks = fn;
    fle->voter_looks_arg = arg;
}

/* The properties that the core obeys. */
static int
fle_read_timings(const struct server_config *config, struct fle_timings *t,
                 struct zk_errmsg *em)
{
    int rv = qcm_setting(config, FLE_MIN_POLL, FLE_MIN_POLL_MS, 1,
                         &t->min_poll_ms, em);

    if (rv == ZK_OK) {
        int64_t def = t->min_poll_ms > FLE_MAX_POLL_MS ? t->min_poll_ms
                                                       : FLE_MAX_POLL_MS;

        rv = qcm_setting(config, FLE_MAX_POLL, def, t->min_poll_ms,
                         &t->max_poll_ms, em);
    }
    return rv;
}

int
fast_leader_election_start(struct fast_leader_election *fle,
                           struct zk_errmsg *em)
{
    struct fle_timings timings;
    int rv;

    ZK_CHECK(fle, FAST_LEADER_ELECTION_MAGIC);
    rv = fle_read_timings(fle->config, &timings, em);
    if (rv == ZK_OK) {
        rv = quorum_cnx_manager_start(fle->qcm, em);
    }
    if (rv != ZK_OK) {
        return rv;
    }
    zk_lock(&fle->lock);
    fle_core_set_timings(fle->core, &timings);
    zk_unlock(&fle->lock);
    zk_thread_start(&fle->worker_sender, fle_worker_sender_run, fle,
                    "WorkerSender[myid=%" PRId64 "]", fle->my_sid);
    zk_thread_start(&fle->worker_receiver, fle_worker_receiver_run, fle,
                    "WorkerReceiver[myid=%" PRId64 "]", fle->my_sid);
    return ZK_OK;
}

void
fast_leader_election_stop(struct fast_leader_election *fle)
{
    ZK_CHECK(fle, FAST_LEADER_ELECTION_MAGIC);
    zk_lock(&fle->lock);
    fle->stopping = true;
    zk_cond_broadcast(&fle->wakeup);
    zk_unlock(&fle->lock);
    quorum_cnx_manager_stop(fle->qcm);
    blocking_queue_close(&fle->to_send);
    zk_thread_join(&fle->worker_receiver);
    zk_thread_join(&fle->worker_sender);
}

/* What a sender that never ran has left. */
static void
fle_drop_unsent(struct fast_leader_election *fle)
{
    struct bq_list messages = { 0 };
    struct bq_node *node;

    /* It is closed: this does not wait. */
    (void) !blocking_queue_take_all(&fle->to_send, &messages);
    while ((node = bq_list_pop(&messages)) != NULL) {
        free(ZK_CONTAINER_OF(node, struct fle_to_send, link));
    }
}

void
fast_leader_election_destroy(struct fast_leader_election *fle)
{
    if (fle == NULL) {
        return;
    }
    ZK_CHECK(fle, FAST_LEADER_ELECTION_MAGIC);
    fast_leader_election_stop(fle);
    quorum_cnx_manager_destroy(fle->qcm);
    zk_lock(&fle->lock);
    fle_core_destroy(fle->core);
    zk_unlock(&fle->lock);
    fle_drop_unsent(fle);
    blocking_queue_fini(&fle->to_send);
    zk_cond_fini(&fle->wakeup);
    zk_mutex_fini(&fle->lock);
    free(fle->membership);
    fle->magic = 0;
    free(fle);
}
