/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "election/quorum_cnx_manager.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "election/qcm_internal.h"
#include "net/net_address.h"
#include "util/zk_bytes.h"
#include "util/zk_time.h"

#define QCM_BIND_PAUSE_MS 1000

/* ---- the receive queue ------------------------------------------------- */

/* Takes the oldest message of 'sid' out, or the oldest of all. */
static struct qcm_message *
qcm_drop_oldest_locked(struct quorum_cnx_manager *qcm, int64_t sid)
    ZK_REQUIRES(qcm->lock)
{
    struct bq_list kept = { 0 };
    struct qcm_message *dropped = NULL;
    struct bq_node *node;

    while ((node = bq_list_pop(&qcm->received)) != NULL) {
        struct qcm_message *msg = ZK_CONTAINER_OF(node, struct qcm_message,
                                                  link);

        if (dropped == NULL && msg->sid == sid) {
            dropped = msg;
        } else {
            bq_list_append(&kept, node);
        }
    }
    if (dropped == NULL) {
        dropped = ZK_CONTAINER_OF(bq_list_pop(&kept), struct qcm_message,
                                  link);
    }
    qcm->received = kept;
    return dropped;
}

/* A peer that sends without end drives out its own messages, not those of
 * others. */
void
qcm_receive(struct quorum_cnx_manager *qcm, struct qcm_message *msg)
{
    struct qcm_message *dropped = NULL;

    zk_lock(&qcm->lock);
    if (qcm->received.n >= QCM_RECV_CAPACITY) {
        dropped = qcm_drop_oldest_locked(qcm, msg->sid);
    }
    bq_list_append(&qcm->received, &msg->link);
    zk_cond_signal(&qcm->received_wakeup);
    zk_unlock(&qcm->lock);
    free(dropped);
}

bool
quorum_cnx_manager_take(struct quorum_cnx_manager *qcm, struct bq_list *out)
{
    bool open;

    ZK_CHECK(qcm, QUORUM_CNX_MANAGER_MAGIC);
    zk_lock(&qcm->lock);
    while (qcm->received.n == 0 && !qcm->stopping) {
        zk_cond_wait(&qcm->received_wakeup, &qcm->lock);
    }
    open = !qcm->stopping;
    if (open) {
        bq_list_concat(out, &qcm->received);
    }
    zk_unlock(&qcm->lock);
    return open;
}

/* ---- sending ----------------------------------------------------------- */

static void
qcm_send_to_self(struct quorum_cnx_manager *qcm, const void *p, size_t len)
{
    struct qcm_message *msg = zk_xmalloc(sizeof *msg + len);

    msg->sid = qcm->my_sid;
    msg->len = (uint32_t) len;
    memcpy(msg->data, p, len);
    qcm_receive(qcm, msg);
}

void
quorum_cnx_manager_send(struct quorum_cnx_manager *qcm, int64_t sid,
                        const void *p, size_t len)
{
    struct zk_errmsg em = { "" };
    struct qcm_block *block;
    struct qcm_peer *peer;

    ZK_CHECK(qcm, QUORUM_CNX_MANAGER_MAGIC);
    zk_assert(len >= 1 && len <= QCM_MAX_MESSAGE);
    if (sid == qcm->my_sid) {
        qcm_send_to_self(qcm, p, len);
        return;
    }
    block = zk_xmalloc(sizeof *block + 4 + len);
    block->len = 4 + len;
    zk_put_be32(block->data, (uint32_t) len);
    memcpy(block->data + 4, p, len);
    zk_lock(&qcm->lock);
    peer = qcm->stopping ? NULL : qcm_get_locked(qcm, sid, &em);
    if (peer != NULL) {
        struct qcm_block *old = peer->pending;

        peer->pending = block;
        peer->used = true;
        block = old;
        qcm_want_locked(qcm, peer);
        zk_cond_signal(&peer->wakeup);
    }
    zk_unlock(&qcm->lock);
    free(block);
    if (em.text[0] != '\0') {
        qcm_note(qcm, ZK_LOG_ERROR, "Nothing can be sent to server %" PRId64
                 ": %s", sid, em.text);
    }
}

void
quorum_cnx_manager_connect_all(struct quorum_cnx_manager *qcm)
{
    ZK_CHECK(qcm, QUORUM_CNX_MANAGER_MAGIC);
    zk_lock(&qcm->lock);
    for (size_t i = 0; i < qcm->n_peers && !qcm->stopping; i++) {
        if (qcm->peers[i]->used) {
            qcm_want_locked(qcm, qcm->peers[i]);
        }
    }
    zk_unlock(&qcm->lock);
}

bool
quorum_cnx_manager_delivered(struct quorum_cnx_manager *qcm)
{
    bool delivered = false;

    ZK_CHECK(qcm, QUORUM_CNX_MANAGER_MAGIC);
    zk_lock(&qcm->lock);
    for (size_t i = 0; i < qcm->n_peers && !delivered; i++) {
        delivered = qcm->peers[i]->used && qcm->peers[i]->pending == NULL;
    }
    zk_unlock(&qcm->lock);
    return delivered;
}

bool
quorum_cnx_manager_unreachable(struct quorum_cnx_manager *qcm, int64_t sid,
                               int64_t since_ms)
{
    const struct qcm_peer *p;
    bool unreachable;

    ZK_CHECK(qcm, QUORUM_CNX_MANAGER_MAGIC);
    zk_lock(&qcm->lock);
    p = qcm_find_locked(qcm, sid);
    unreachable = p != NULL && p->linked_before && p->stream == NULL
                  && p->incoming == NULL && p->failed_ms != INT64_MIN
                  && p->failed_ms >= since_ms;
    zk_unlock(&qcm->lock);
    return unreachable;
}

bool
quorum_cnx_manager_connected(struct quorum_cnx_manager *qcm, int64_t sid)
{
    const struct qcm_peer *p;
    bool connected;

    ZK_CHECK(qcm, QUORUM_CNX_MANAGER_MAGIC);
    zk_lock(&qcm->lock);
    p = qcm_find_locked(qcm, sid);
    connected = p != NULL && p->stream != NULL && !p->broken;
    zk_unlock(&qcm->lock);
    return connected;
}

/* ---- life -------------------------------------------------------------- */

struct quorum_cnx_manager *
quorum_cnx_manager_create(const struct server_config *config,
                          const struct qcm_env *env)
{
    struct quorum_cnx_manager *qcm = zk_xcalloc(1, sizeof *qcm);
    struct zk_errmsg em = { "" };

    zk_assert(config->myid >= 0);
    qcm->magic = QUORUM_CNX_MANAGER_MAGIC;
    qcm->config = config;
    qcm->env = *env;
    qcm->my_sid = config->myid;
    zk_mutex_init(&qcm->lock, ZK_LOCK_quorum_cnx_manager);
    zk_cond_init(&qcm->stop_wakeup);
    zk_cond_init(&qcm->received_wakeup);
    zk_lock(&qcm->lock);
    qcm->next_observer = -1;
    /* They have their places before any stranger comes. */
    for (size_t i = 0; i < config->quorum.n_servers; i++) {
        int64_t sid = config->quorum.servers[i].sid;

        if (sid != qcm->my_sid && qcm_get_locked(qcm, sid, &em) == NULL) {
            zk_error(cnx_manager, "No place for server %" PRId64 " yet: %s",
                     sid, em.text);
        }
    }
    zk_unlock(&qcm->lock);
    log_limit_init(&qcm->log_limit, QCM_LOG_BURST, QCM_LOG_GAP_MS);
    return qcm;
}

static const struct server_address *
qcm_my_address(const struct server_config *config)
{
    const struct quorum_config *q = &config->quorum;

    for (size_t i = 0; i < q->n_servers; i++) {
        if (q->servers[i].sid == config->myid) {
            return &q->servers[i];
        }
    }
    return NULL;
}

/* False when it is time to stop. */
static bool
qcm_pause(struct quorum_cnx_manager *qcm, int64_t ms)
{
    int64_t until_ms = zk_time_mono_ms() + ms;
    bool stopping;

    zk_lock(&qcm->lock);
    while (!qcm->stopping
           && zk_cond_wait_until(&qcm->stop_wakeup, &qcm->lock, until_ms)) {
    }
    stopping = qcm->stopping;
    zk_unlock(&qcm->lock);
    return !stopping;
}

static int
qcm_bind(struct quorum_cnx_manager *qcm, const struct server_address *me,
         struct net_listener **out, struct zk_errmsg *em)
{
    const struct qcm_settings *set = &qcm->settings;
    int rv = ZK_EIO;

    for (int64_t i = 0; set->bind_tries == 0 || i < set->bind_tries; i++) {
        if (i > 0 && !qcm_pause(qcm, QCM_BIND_PAUSE_MS)) {
            return zk_fail(em, ZK_ESTOPPED, "stopped before the election "
                           "port could be bound");
        }
        rv = net_listener_create(me->election, me->n,
                                 qcm->config->quorum.quorum_listen_on_all_ips,
                                 out, em);
        if (rv == ZK_OK) {
            return ZK_OK;
        }
        zk_error(cnx_manager, "Exception while listening: %s", em->text);
    }
    return rv == ZK_EEXIST ? ZK_EIO : rv;
}

int
quorum_cnx_manager_start(struct quorum_cnx_manager *qcm,
                         struct zk_errmsg *em)
{
    const struct server_address *me = qcm_my_address(qcm->config);
    struct zk_errmsg own = { "" };
    struct net_listener *port;
    char address[64];
    int rv;

    ZK_CHECK(qcm, QUORUM_CNX_MANAGER_MAGIC);
    zk_assert(qcm->listener == NULL);
    em = em != NULL ? em : &own;
    if (me == NULL) {
        return zk_fail(em, ZK_ECONFIG, "there is no server.%" PRId64,
                       qcm->my_sid);
    }
    rv = qcm_settings_read(qcm->config, qcm->env.tls, &qcm->settings, em);
    if (rv == ZK_OK) {
        rv = qcm_bind(qcm, me, &port, em);
    }
    if (rv != ZK_OK) {
        return rv;
    }
    zk_buf_clear(&qcm->hello);
    initial_message_encode(qcm->my_sid, me->election, me->n,
                           qcm->config->quorum.multi_address_enabled,
                           &qcm->hello);
    net_address_print_host(qcm->config->quorum.quorum_listen_on_all_ips
                               ? NULL : me->election[0].host,
                           net_listener_port(port), address, sizeof address);
    zk_info(cnx_manager, "%" PRId64 " is accepting connections now, my "
            "election bind port: %s", qcm->my_sid, address);
    qcm->listener = cnx_listener_start(qcm, port, address);
    return ZK_OK;
}

/* From here on the table does not change but for what is taken out. */
static void
qcm_stop_all(struct quorum_cnx_manager *qcm)
{
    zk_lock(&qcm->lock);
    qcm->stopping = true;
    for (size_t i = 0; i < qcm->n_peers; i++) {
        struct qcm_peer *p = qcm->peers[i];

        net_cancel_fire(&p->cancel);
        if (p->stream != NULL) {
            net_stream_shutdown(p->stream);
        }
        zk_cond_signal(&p->wakeup);
    }
    zk_cond_broadcast(&qcm->stop_wakeup);
    zk_cond_broadcast(&qcm->received_wakeup);
    zk_unlock(&qcm->lock);
}

void
quorum_cnx_manager_stop(struct quorum_cnx_manager *qcm)
{
    ZK_CHECK(qcm, QUORUM_CNX_MANAGER_MAGIC);
    qcm_stop_all(qcm);
    if (qcm->listener != NULL) {
        cnx_listener_stop(qcm->listener);
        qcm->listener = NULL;
    }
    zk_lock(&qcm->lock);
    while (qcm->n_peers > 0) {
        qcm_doom_locked(qcm, qcm->peers[0]);
    }
    zk_unlock(&qcm->lock);
    qcm_reap(qcm);
}

void
quorum_cnx_manager_destroy(struct quorum_cnx_manager *qcm)
{
    struct bq_node *node;

    if (qcm == NULL) {
        return;
    }
    ZK_CHECK(qcm, QUORUM_CNX_MANAGER_MAGIC);
    quorum_cnx_manager_stop(qcm);
    zk_lock(&qcm->lock);
    while ((node = bq_list_pop(&qcm->received)) != NULL) {
        free(ZK_CONTAINER_OF(node, struct qcm_message, link));
    }
    zk_unlock(&qcm->lock);
    zk_buf_fini(&qcm->hello);
    zk_cond_fini(&qcm->received_wakeup);
    zk_cond_fini(&qcm->stop_wakeup);
    log_limit_fini(&qcm->log_limit);
    zk_mutex_fini(&qcm->lock);
    qcm->magic = 0;
    free(qcm);
}
