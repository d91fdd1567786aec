/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "test/unit/role_world.h"

#include <stdio.h>
#include <stdlib.h>

#include "jute/input_archive.h"
#include "proto/acl_codec.h"
#include "proto/keeper_error.h"
#include "proto/op_code.h"
#include "proto/txn_codec.h"
#include "server/commit_processor.h"
#include "server/prep_request_processor.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

#define EPOCH (INT64_C(5) << 32)

/* A stage of the test's own: the role's first, or behind Prep. */
struct stage {
    struct request_processor base;
    struct role_world *w;
    struct request_processor *next;
};

static struct stage *
stage_of(struct request_processor *base)
{
    return ZK_CONTAINER_OF(base, struct stage, base);
}

static void
stage_shutdown(struct request_processor *base)
{
    struct stage *st = stage_of(base);

    st->next->shutdown(st->next);
}

static void
stage_destroy(struct request_processor *base)
{
    struct stage *st = stage_of(base);

    if (st->w->commit != NULL) {
        st->w->commit->destroy(st->w->commit);
        st->w->commit = NULL;
    }
    free(st);
}

static struct request_processor *
stage_create(struct role_world *w, struct request_processor *next,
             void (*submit)(struct request_processor *base,
                            struct bq_list *list))
{
    struct stage *st = zk_xcalloc(1, sizeof *st);

    st->base.name = "test";
    st->base.submit = submit;
    st->base.shutdown = stage_shutdown;
    st->base.destroy = stage_destroy;
    st->w = w;
    st->next = next;
    return &st->base;
}

/* ---- a follower -------------------------------------------------------- */

static void
ask_locked(struct role_world *w, const struct role_asked *a)
{
    zk_assert(w->n_asked < sizeof w->asked / sizeof w->asked[0]);
    w->asked[w->n_asked++] = *a;
}

static void
forward(struct request_processor *base, struct bq_list *list)
{
    struct role_world *w = stage_of(base)->w;

    zk_lock(&w->lock);
    for (struct bq_node *n = list->first; n != NULL; n = n->next) {
        struct request *r = request_of(n);
        struct role_asked a = { r->type, r->session_id, r->cxid, 0, NULL };

        if (r->type == OP_RECONFIG) {
            r->err = KE_UNIMPLEMENTED;  /* What the leader does not know. */
        }
        if (r->err != KE_OK || r->local_session
            || (!op_code_is_write(r->type) && r->type != OP_SYNC)) {
            continue;
        }
        if (r->type == OP_CREATE_SESSION) {
            a.timeout_ms = (int32_t) zk_get_be32(r->body.p);
        }
        ask_locked(w, &a);
    }
    w->commit->submit(w->commit, list);
    zk_unlock(&w->lock);
}

static struct request_processor *
build_follower(void *self, struct zookeeper_server *zks,
               struct request_processor *final)
{
    struct role_world *w = self;

    (void) zks;
    w->commit = commit_processor_create(true, w->zxid, final);
    commit_processor_durable(w->commit, INT64_MAX);
    return stage_create(w, w->commit, forward);
}

static void
revalidate(void *self, struct client_sink *sink, int64_t session_id,
           int32_t timeout_ms)
{
    struct role_world *w = self;
    const struct role_asked a = { 0, session_id, 0, timeout_ms, sink };

    zk_lock(&w->lock);
    ask_locked(w, &a);
    zk_unlock(&w->lock);
}

/* ---- a leader ---------------------------------------------------------- */

static void
propose(struct request_processor *base, struct bq_list *list)
{
    struct role_world *w = stage_of(base)->w;
    int64_t last = 0;
    size_t syncs = 0;
    bool hold;

    for (struct bq_node *n = list->first; n != NULL; n = n->next) {
        const struct request *r = request_of(n);

        if (r->txn != NULL) {
            last = r->zxid;
        }
        syncs += r->type == OP_SYNC && r->err == KE_OK;
    }
    zk_lock(&w->lock);
    w->proposed = last != 0 ? last : w->proposed;
    hold = w->hold;
    zk_unlock(&w->lock);
    w->commit->submit(w->commit, list);
    commit_processor_synced(w->commit, syncs);
    if (last != 0 && !hold) {
        commit_processor_committed(w->commit, last);
    }
}

void
role_release(struct role_world *w)
{
    int64_t last;

    zk_lock(&w->lock);
    w->hold = false;
    last = w->proposed;
    zk_unlock(&w->lock);
    commit_processor_committed(w->commit, last);
}

/* Prep in front of the proposals. */
struct leader_chain {
    struct request_processor base;
    struct request_processor *prep, *proposal;
};

static void
chain_submit(struct request_processor *base, struct bq_list *list)
{
    struct leader_chain *c = ZK_CONTAINER_OF(base, struct leader_chain, base);

    c->prep->submit(c->prep, list);
}

static void
chain_shutdown(struct request_processor *base)
{
    struct leader_chain *c = ZK_CONTAINER_OF(base, struct leader_chain, base);

    c->prep->shutdown(c->prep);
}

static void
chain_destroy(struct request_processor *base)
{
    struct leader_chain *c = ZK_CONTAINER_OF(base, struct leader_chain, base);

    c->prep->destroy(c->prep);
    c->proposal->destroy(c->proposal);
    free(c);
}

static struct request_processor *
build_leader(void *self, struct zookeeper_server *zks,
             struct request_processor *final)
{
    struct leader_chain *c = zk_xcalloc(1, sizeof *c);
    struct role_world *w = self;
    struct prep_env pe;

    zookeeper_server_prep_env(zks, &pe);
    w->commit = commit_processor_create(false, w->zxid, final);
    commit_processor_durable(w->commit, INT64_MAX);
    c->base.name = "test";
    c->base.submit = chain_submit;
    c->base.shutdown = chain_shutdown;
    c->base.destroy = chain_destroy;
    c->proposal = stage_create(w, w->commit, propose);
    c->prep = prep_request_processor_create(&pe, w->zxid, c->proposal);
    w->prep = c->prep;
    return &c->base;
}

/* ---- a read-only server ------------------------------------------------ */

static void
refuse(struct request_processor *base, struct bq_list *list)
{
    struct role_world *w = stage_of(base)->w;

    for (struct bq_node *n = list->first; n != NULL; n = n->next) {
        struct request *r = request_of(n);

        if ((op_code_is_write(r->type) || r->type == OP_SYNC)
            && !r->local_session) {
            r->err = KE_NOT_READ_ONLY;
        }
    }
    w->commit->submit(w->commit, list);
}

static struct request_processor *
build_read_only(void *self, struct zookeeper_server *zks,
                struct request_processor *final)
{
    struct role_world *w = self;

    (void) zks;
    w->commit = commit_processor_create(true, w->zxid, final);
    return stage_create(w, w->commit, refuse);
}

/* ---- life -------------------------------------------------------------- */

void
role_init(struct role_world *w)
{
    memset(w, 0, sizeof *w);
    test_server_init(&w->s);
    zk_mutex_init(&w->lock, ZK_LOCK_leader);
    w->zxid = EPOCH;
}

void
role_open(struct role_world *w)
{
    struct restore_result res = { 0 };
    struct zk_errmsg em;

    test_server_start(&w->s, false);
    w->db = zk_database_create(&w->s.config->storage);
    if (zk_database_load(w->db, &res, &em) != ZK_OK) {
        fprintf(stderr, "%s\n", em.text);
        exit(99);
    }
}

void
role_start(struct role_world *w, enum role_kind kind)
{
    const struct server_role roles[] = {
        [ROLE_LEADER] = {
            .self = w, .mode = "leader", .sid = ROLE_SID,
            .build = build_leader, .revalidate = revalidate,
        },
        [ROLE_FOLLOWER] = {
            .self = w, .mode = "follower", .sid = ROLE_SID, .learner = true,
            .build = build_follower, .revalidate = revalidate,
        },
        [ROLE_READ_ONLY] = {
            .self = w, .mode = "read-only", .sid = ROLE_SID, .learner = true,
            .read_only = true, .build = build_read_only,
        },
    };
    int64_t last = data_tree_last_zxid(w->db->tree);

    w->zxid = last > EPOCH ? last : EPOCH;
    data_tree_set_last_zxid(w->db->tree, w->zxid);
    w->s.zks = zookeeper_server_create_role(w->s.config, w->db,
                                            &roles[kind]);
    zookeeper_server_start(w->s.zks);
    server_cnxn_factory_set_server(w->s.f, w->s.zks);
}

void
role_end(struct role_world *w)
{
    server_cnxn_factory_set_server(w->s.f, NULL);
    zookeeper_server_stop(w->s.zks);
    while (w->n_taken < w->n_asked) {
        struct role_asked *a = &w->asked[w->n_taken++];

        if (a->sink != NULL) {
            a->sink->ops->close(a->sink, DISCONNECT_SERVER_SHUTDOWN);
            a->sink->ops->unref(a->sink);
        }
    }
    zookeeper_server_destroy(w->s.zks);
    w->s.zks = NULL;
}

void
role_close(struct role_world *w)
{
    if (w->s.zks != NULL) {
        role_end(w);
    }
    zk_database_destroy(w->db);
    zk_mutex_fini(&w->lock);
    test_server_stop(&w->s);
}

/* ---- the ensemble ------------------------------------------------------ */

static bool
something_asked(void *arg)
{
    struct role_world *w = arg;
    bool some;

    zk_lock(&w->lock);
    some = w->n_taken < w->n_asked;
    zk_unlock(&w->lock);
    return some;
}

bool
role_asked_nothing(struct role_world *w)
{
    return !something_asked(w);
}

struct role_asked
role_take(struct role_world *w)
{
    struct role_asked a;

    if (!cc_until(something_asked, w)) {
        fprintf(stderr, "the leader was asked for nothing\n");
        exit(99);
    }
    zk_lock(&w->lock);
    a = w->asked[w->n_taken++];
    zk_unlock(&w->lock);
    return a;
}

static void
deliver(struct role_world *w, int32_t type, struct txn_bytes *txn)
{
    struct request *r = request_create(type, 0, 0, ZK_SLICE_NULL, NULL,
                                       NULL);
    struct bq_list list = { 0 };

    r->txn = txn;
    bq_list_append(&list, &r->link);
    commit_processor_deliver(w->commit, &list);
}

void
role_commit(struct role_world *w, int64_t session, int32_t cxid, int32_t type,
            const struct zk_buf *body)
{
    struct zk_buf b = { 0 };

    txn_encode_header(&b, session, cxid, ++w->zxid, zk_time_wall_ms(), type);
    zk_buf_append(&b, body->data, body->len);
    deliver(w, 0, txn_bytes_create(w->zxid, b.data, b.len));
    zk_buf_fini(&b);
}

void
role_commit_create_session(struct role_world *w, int64_t session,
                           int32_t timeout_ms)
{
    struct zk_buf b = { 0 };

    txn_encode_create_session(&b, timeout_ms);
    role_commit(w, session, 0, OP_CREATE_SESSION, &b);
    zk_buf_fini(&b);
}

void
role_commit_close_session(struct role_world *w, int64_t session,
                          int32_t cxid)
{
    struct zk_buf b = { 0 };

    (void) txn_encode_close_session_begin(&b);
    role_commit(w, session, cxid, OP_CLOSE_SESSION, &b);
    zk_buf_fini(&b);
}

void
role_commit_create(struct role_world *w, int64_t session, int32_t cxid,
                   const char *path, bool ephemeral)
{
    struct zk_buf b = { 0 };

    txn_encode_create(&b, zk_slice_str(path), ZK_SLICE_LIT("d"),
                      acl_raw_open, ephemeral, -1);
    role_commit(w, session, cxid, OP_CREATE, &b);
    zk_buf_fini(&b);
}

void
role_commit_error(struct role_world *w, int64_t session, int32_t cxid,
                  int err)
{
    struct zk_buf b = { 0 };

    txn_encode_error(&b, err);
    role_commit(w, session, cxid, OP_ERROR, &b);
    zk_buf_fini(&b);
}

void
role_answer_sync(struct role_world *w)
{
    deliver(w, OP_SYNC, NULL);
}
