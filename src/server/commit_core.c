/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/commit_core.h"

#include "proto/keeper_error.h"
#include "proto/op_code.h"
#include "proto/txn_codec.h"
#include "util/zk_log.h"

void
commit_core_init(struct commit_core *cc, bool learner, int64_t last)
{
    *cc = (struct commit_core) {
        .learner = learner,
        .committed = last,
        .durable = last,
    };
}

static void
cc_free_all(struct bq_list *list)
{
    struct bq_node *node;

    while ((node = bq_list_pop(list)) != NULL) {
        request_free(request_of(node));
    }
}

void
commit_core_fini(struct commit_core *cc)
{
    cc_free_all(&cc->pending);
    cc_free_all(&cc->commits);
}

/* Does the ensemble have a say in it? */
static bool
cc_needs_commit(const struct commit_core *cc, const struct request *r)
{
    if (!cc->learner) {
        return r->txn != NULL
               || (r->type == OP_SYNC && r->sink != NULL && r->err == KE_OK);
    }
    return (op_code_is_write(r->type) || r->type == OP_SYNC)
           && !r->local_session && r->err == KE_OK;
}

void
commit_core_submit(struct commit_core *cc, struct bq_list *requests)
{
    for (struct bq_node *node = requests->first; node != NULL;
         node = node->next) {
        const struct request *r = request_of(node);

        if (!cc_needs_commit(cc, r)) {
            cc->reads_behind++;
        } else if (r->type == OP_SYNC) {
            cc->syncs_pending++;
        }
    }
    bq_list_concat(&cc->pending, requests);
}

void
commit_core_committed(struct commit_core *cc, int64_t zxid)
{
    if (zxid > cc->committed) {
        cc->committed = zxid;
    }
}

void
commit_core_synced(struct commit_core *cc, size_t n)
{
    zk_assert(!cc->learner && n <= cc->syncs_pending - cc->syncs_answered);
    cc->syncs_answered += n;
}

void
commit_core_deliver(struct commit_core *cc, struct bq_list *commits)
{
    bq_list_concat(&cc->commits, commits);
}

void
commit_core_durable(struct commit_core *cc, int64_t zxid)
{
    if (zxid > cc->durable) {
        cc->durable = zxid;
    }
}

/* Passes the first pending request if nothing holds it back. */
static bool
cc_pass_first(struct commit_core *cc, struct bq_list *out)
{
    struct request *r;

    if (cc->pending.n == 0) {
        return false;
    }
    r = request_of(cc->pending.first);
    if (!cc_needs_commit(cc, r)) {
        cc->reads_behind--;
    } else if (r->type == OP_SYNC) {
        if (cc->syncs_answered == 0) {
            return false;
        }
        cc->syncs_answered--;
        cc->syncs_pending--;
    } else if (cc->learner || r->txn->zxid > cc->committed
               || r->txn->zxid > cc->durable) {
        /* Not before it is in the own log, were it in all others
         * (ZOOKEEPER-4882). */
        return false;
    }
    bq_list_append(out, bq_list_pop(&cc->pending));
    return true;
}

/* Fills in what the txn says.  That it decodes was seen when it was
 * received. */
static void
cc_describe(struct request *c)
{
    const struct txn_bytes *t = c->txn;
    struct txn_view v;

    c->zxid = t->zxid;
    if (txn_view_decode_header(&v, t->data, t->len) != ZK_OK) {
        return;
    }
    c->type = v.type;
    c->session_id = v.client_id;
    c->cxid = v.cxid;
    if (v.type == OP_ERROR
        && txn_view_decode(&v, t->data, t->len, JUTE_MAX_BUFFER_DEFAULT, NULL)
               == ZK_OK) {
        c->err = v.err;
    }
}

static bool
cc_is_create(int32_t type)
{
    return type == OP_CREATE || type == OP_CREATE2
           || type == OP_CREATE_CONTAINER || type == OP_CREATE_TTL;
}

/* Is 'c' what became of 'r'?  Versions differ in which kind of create they
 * log for which request. */
static bool
cc_belongs(const struct request *c, const struct request *r)
{
    return c->session_id == r->session_id && c->cxid == r->cxid
           && (c->type == r->type || c->type == OP_ERROR
               || (cc_is_create(c->type) && cc_is_create(r->type)));
}

static void
cc_take_txn(struct commit_core *cc, struct request *c, struct bq_list *out)
{
    struct request *r =
        cc->pending.n > 0 ? request_of(cc->pending.first) : NULL;

    cc_describe(c);
    if (r == NULL || !cc_belongs(c, r)) {
        bq_list_append(out, &c->link);
        return;
    }
    r->txn = c->txn;
    r->zxid = c->zxid;
    r->err = c->err;
    c->txn = NULL;
    request_free(c);
    bq_list_append(out, bq_list_pop(&cc->pending));
}

/* The sync that is answered may stand behind a write that has to wait on: it
 * then passes when its turn comes. */
static void
cc_take_sync(struct commit_core *cc, struct request *c)
{
    if (cc->syncs_answered < cc->syncs_pending) {
        cc->syncs_answered++;
    } else {
        zk_warn(commit, "the leader answered a sync that nobody asked for");
    }
    request_free(c);
}

/* Learner, when the first pending request waits: works off one commit. */
static bool
cc_take_commit(struct commit_core *cc, struct bq_list *out)
{
    struct request *c;

    if (cc->commits.n == 0) {
        return false;
    }
    c = request_of(cc->commits.first);
    if (c->txn != NULL && c->txn->zxid > cc->durable) {
        return false;           /* ZOOKEEPER-4882 again. */
    }
    bq_list_pop(&cc->commits);
    if (c->txn != NULL) {
        cc_take_txn(cc, c, out);
    } else {
        cc_take_sync(cc, c);
    }
    return true;
}

void
commit_core_take(struct commit_core *cc, struct bq_list *out)
{
    while (cc_pass_first(cc, out) || cc_take_commit(cc, out)) {
    }
}
