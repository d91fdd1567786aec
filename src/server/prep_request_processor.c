/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/prep_request_processor.h"

#include <stdlib.h>

#include "jute/zookeeper_records.h"
#include "metrics/server_metrics.h"
#include "proto/multi_codec.h"
#include "server/prep_internal.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

/* Requests prepared under one hold of the database lock: Final waits for no
 * more than these. */
#define PREP_LOCK_BATCH 128
/* A list up to this long is prepared by the thread that submits it, when
 * nothing waits: waking another would cost more than the work. */
#define PREP_INLINE_BATCH 4

static void prp_submit(struct request_processor *base, struct bq_list *list);
static void prp_shutdown(struct request_processor *base);
static void prp_destroy(struct request_processor *base);
static void prp_work(struct prep_request_processor *prp, struct bq_list *in);
static void prp_run(void *arg);

struct request_processor *
prep_request_processor_create(const struct prep_env *env, int64_t last_zxid,
                              struct request_processor *next)
{
    struct prep_request_processor *prp = zk_xcalloc(1, sizeof *prp);

    prp->magic = PREP_REQUEST_PROCESSOR_MAGIC;
    prp->base.name = "PrepRequestProcessor";
    prp->base.submit = prp_submit;
    prp->base.shutdown = prp_shutdown;
    prp->base.destroy = prp_destroy;
    prp->env = *env;
    prp->next = next;
    prp->zxid = last_zxid;
    zk_read_lock(&env->db->lock);
    prp->digest = data_tree_digest(env->db->tree);
    zk_read_unlock(&env->db->lock);
    blocking_queue_init(&prp->inbox, "PrepRequestProcessor");
    zk_mutex_init(&prp->work, ZK_LOCK_prep);
    zk_thread_start(&prp->thread, prp_run, prp, "ProcessThread(sid:%ld)",
                    (long) (env->config->myid < 0 ? 0 : env->config->myid));
    return &prp->base;
}

static struct prep_request_processor *
prp_of(struct request_processor *base)
{
    struct prep_request_processor *prp =
        ZK_CONTAINER_OF(base, struct prep_request_processor, base);

    ZK_CHECK(prp, PREP_REQUEST_PROCESSOR_MAGIC);
    return prp;
}

/* True when the list was worked off here. */
static bool
prp_try_here(struct prep_request_processor *prp, struct bq_list *list)
{
    if (list->n > PREP_INLINE_BATCH || atomic_load(&prp->waiting) > 0
        || !zk_trylock(&prp->work)) {
        return false;
    }
    /* Looked at again: what was put before must go before. */
    if (atomic_load(&prp->waiting) > 0) {
        zk_unlock(&prp->work);
        return false;
    }
    prp_work(prp, list);
    zk_unlock(&prp->work);
    return true;
}

static void
prp_submit(struct request_processor *base, struct bq_list *list)
{
    struct prep_request_processor *prp = prp_of(base);

    server_metrics_add_n(METRIC_prep_processor_request_queued, list->n);
    if (prp_try_here(prp, list)) {
        return;
    }
    atomic_fetch_add(&prp->waiting, list->n);
    if (!blocking_queue_put_list(&prp->inbox, list)) {
        zk_panic("a request was submitted to a stage that was shut down");
    }
}

static void
prp_shutdown(struct request_processor *base)
{
    struct prep_request_processor *prp = prp_of(base);

    blocking_queue_close(&prp->inbox);
    zk_thread_join(&prp->thread);
    prp->next->shutdown(prp->next);
}

static void
prp_destroy(struct request_processor *base)
{
    struct prep_request_processor *prp = prp_of(base);

    blocking_queue_fini(&prp->inbox);
    zk_mutex_fini(&prp->work);
    zk_buf_fini(&prp->txn);
    zk_buf_fini(&prp->acl);
    zk_buf_fini(&prp->path);
    prp->magic = 0;
    free(prp);
}

/* ---- writes ------------------------------------------------------------ */

static int
prp_create(struct prep_request_processor *prp, const struct prep_op *op,
           struct input_archive *ia)
{
    struct create_view c;

    if (create_view_decode(&c, op->r->type, ia) != ZK_OK) {
        return KE_MARSHALLING;
    }
    return zk_slice_is_null(c.path) ? KE_MARSHALLING
                                    : prep_create(prp, op, op->r->type, &c);
}

static int
prp_delete(struct prep_request_processor *prp, const struct prep_op *op,
           struct input_archive *ia)
{
    struct jute_delete_request d;

    if (jute_delete_request_decode(ia, &d) != ZK_OK
        || zk_slice_is_null(d.path)) {
        return KE_MARSHALLING;
    }
    return prep_delete(prp, op, d.path, d.version);
}

static int
prp_set_data(struct prep_request_processor *prp, const struct prep_op *op,
             struct input_archive *ia)
{
    struct jute_set_data_request s;

    if (jute_set_data_request_decode(ia, &s) != ZK_OK) {
        return KE_MARSHALLING;
    }
    return prep_set_data(prp, op, s.path, s.data, s.version);
}

static int
prp_set_acl(struct prep_request_processor *prp, const struct prep_op *op,
            struct input_archive *ia)
{
    struct set_acl_view s;

    if (set_acl_view_decode(&s, ia) != ZK_OK) {
        return KE_MARSHALLING;
    }
    return prep_set_acl(prp, op, s.path, s.acl, s.version);
}

static int
prp_create_session(struct prep_request_processor *prp,
                   const struct prep_op *op, struct input_archive *ia)
{
    int32_t timeout = input_archive_int(ia);

    if (ia->err != ZK_OK) {
        return KE_MARSHALLING;
    }
    txn_encode_create_session(&prp->txn, timeout);
    session_tracker_add(prp->env.sessions, op->r->session_id, timeout);
    session_tracker_set_owner(prp->env.sessions, op->r->session_id,
                              op->r->owner);
    return KE_OK;
}

static int
prp_delete_container(struct prep_request_processor *prp,
                     const struct prep_op *op, struct input_archive *ia)
{
    struct zk_slice path = input_archive_slice(ia);

    if (ia->err != ZK_OK || zk_slice_is_null(path)) {
        return KE_MARSHALLING;
    }
    return prep_delete_container(prp, op, path);
}

/* Body and change records of one write; the header is in prp->txn. */
static int
prp_write_body(struct prep_request_processor *prp, const struct prep_op *op)
{
    struct input_archive ia;

    input_archive_init(&ia, op->r->body.p, (size_t) op->r->body.len,
                       prp->env.config->storage.max_record);
    switch (op->r->type) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        return prp_create(prp, op, &ia);
    case OP_DELETE:
        return prp_delete(prp, op, &ia);
    case OP_DELETE_CONTAINER:
        return prp_delete_container(prp, op, &ia);
    case OP_SET_DATA:
        return prp_set_data(prp, op, &ia);
    case OP_SET_ACL:
        return prp_set_acl(prp, op, &ia);
    case OP_MULTI:
        return prep_multi(prp, op);
    case OP_CREATE_SESSION:
        return prp_create_session(prp, op, &ia);
    case OP_CLOSE_SESSION:
        return prep_close_session(prp, op);
    default:
        zk_panic("a request of type %d came to be prepared", op->r->type);
    }
}

/* A reconfiguration of a server that is alone: what Java answers, in its
 * order of checks. */
static int
prp_refuse_reconfig(struct prep_request_processor *prp,
                    const struct request *r)
{
    int err;

    if (!prp->env.config->quorum.reconfig_enabled) {
        return KE_RECONFIG_DISABLED;
    }
    err = prep_check_session(prp, r);
    return err != KE_OK ? err : KE_UNIMPLEMENTED;
}

static bool
prp_reconfig_decodes(const struct prep_request_processor *prp,
                     const struct request *r)
{
    struct jute_reconfig_request rr;
    struct input_archive ia;

    input_archive_init(&ia, r->body.p, (size_t) r->body.len,
                       prp->env.config->storage.max_record);
    return jute_reconfig_request_decode(&ia, &rr) == ZK_OK;
}

/* Transactions that no server of 3.4 can read: it would fall out of the
 * ensemble again and again. */
static bool
prp_is_new_type(int32_t type)
{
    return type == OP_CREATE2 || type == OP_RECONFIG
           || type == OP_CREATE_CONTAINER || type == OP_DELETE_CONTAINER
           || type == OP_CREATE_TTL;
}

static bool
prp_is_too_new(const struct prep_request_processor *prp,
               const struct request *r)
{
    struct multi_request mr;
    struct multi_op mo;

    if (prp->env.old_learners == NULL
        || atomic_load_explicit(prp->env.old_learners, memory_order_relaxed)
               == 0) {
        return false;
    }
    if (r->type != OP_MULTI) {
        return prp_is_new_type(r->type);
    }
    multi_request_init(&mr, OP_MULTI, r->body.p, (size_t) r->body.len,
                       prp->env.config->storage.max_record);
    while (multi_request_next(&mr, &mo) == 1) {
        if (prp_is_new_type(mo.type)) {
            return true;
        }
    }
    return false;
}

static int
prp_write_err(struct prep_request_processor *prp, const struct prep_op *op)
{
    size_t len;
    int err;

    zk_buf_clear(&prp->txn);
    txn_encode_header(&prp->txn, op->r->session_id, op->r->cxid, op->zxid,
                      prp->time, op->r->type);
    if (prp_is_too_new(prp, op->r)) {
        return KE_UNIMPLEMENTED;
    }
    if (op->r->type == OP_RECONFIG) {
        return prp_refuse_reconfig(prp, op->r);
    }
    err = prp_write_body(prp, op);
    if (err != KE_OK) {
        return err;
    }
    len = prp->txn.len;
    if (prp->env.config->storage.digest_enabled) {
        txn_encode_digest(&prp->txn, TXN_DIGEST_VERSION, prp->digest);
    }
    /* What could not be read back is never written (jute.maxbuffer). */
    if ((int64_t) len > prp->env.config->storage.max_record
        && op->r->type != OP_CLOSE_SESSION) {
        outstanding_changes_rollback(prp->env.db->changes, op->zxid);
        return KE_MARSHALLING;
    }
    return KE_OK;
}

static void
prp_write(struct prep_request_processor *prp, struct request *r)
{
    struct prep_op op = { r, prp->zxid + 1 };
    int64_t digest = prp->digest;

    r->err = prp_write_err(prp, &op);
    if (r->err != KE_OK) {
        prp->digest = digest;
        zk_buf_clear(&prp->txn);
        txn_encode_header(&prp->txn, r->session_id, r->cxid, op.zxid,
                          prp->time, OP_ERROR);
        txn_encode_error(&prp->txn, r->err);
    }
    prp->zxid = op.zxid;
    r->txn = txn_bytes_create(op.zxid, prp->txn.data, prp->txn.len);
}

static void
prp_one(struct prep_request_processor *prp, struct request *r)
{
    ZK_CHECK(r, REQUEST_MAGIC);
    if (r->err != KE_OK || r->local_session) {
        /* No zxid: it leaves no trace. */
    } else if (r->type == OP_RECONFIG && !prp_reconfig_decodes(prp, r)) {
        r->err = KE_MARSHALLING;    /* Looked at before a zxid is taken. */
    } else if (op_code_is_write(r->type)) {
        prp_write(prp, r);
    } else {
        r->err = prep_check_session(prp, r);
    }
    r->zxid = prp->zxid;
}

static void
prp_batch(struct prep_request_processor *prp, struct bq_list *in,
          struct bq_list *out)
{
    int64_t now_us = zk_time_mono_us(), began_us = now_us, done_us;
    struct bq_node *node;
    size_t changes;

    prp->time = zk_time_wall_ms();
    zk_read_lock(&prp->env.db->lock);
    changes = outstanding_changes_size(prp->env.db->changes);
    for (int i = 0; i < PREP_LOCK_BATCH; i++) {
        node = bq_list_pop(in);
        if (node == NULL) {
            break;
        }
        server_metrics_add(METRIC_prep_processor_queue_time_ms,
                           (now_us - request_of(node)->received_us) / 1000);
        prp_one(prp, request_of(node));
        bq_list_append(out, node);
        done_us = zk_time_mono_us();
        server_metrics_add(METRIC_prep_process_time,
                           (done_us - began_us) / 1000);
        began_us = done_us;
    }
    server_metrics_add_n(METRIC_outstanding_changes_queued,
                         outstanding_changes_size(prp->env.db->changes)
                             - changes);
    zk_read_unlock(&prp->env.db->lock);
}

/* All of 'in', in order; 'work' is held. */
static void
prp_work(struct prep_request_processor *prp, struct bq_list *in)
{
    struct bq_list out = { 0 };
    int64_t began_us;

    while (in->n > 0) {
        prp_batch(prp, in, &out);
        began_us = zk_time_mono_us();
        prp->next->submit(prp->next, &out);
        server_metrics_add(METRIC_proposal_process_time,
                           (zk_time_mono_us() - began_us) / 1000);
    }
}

static void
prp_run(void *arg)
{
    struct prep_request_processor *prp = arg;
    struct bq_list in = { 0 };

    while (blocking_queue_take_all(&prp->inbox, &in)) {
        size_t n = in.n;

        server_metrics_add(METRIC_prep_processor_queue_size, (int64_t) n);
        zk_lock(&prp->work);
        prp_work(prp, &in);
        zk_unlock(&prp->work);
        atomic_fetch_sub(&prp->waiting, n);
    }
}
