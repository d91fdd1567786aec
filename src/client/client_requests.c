/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked, and what servers say to it. */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>

#include "client/client_codec.h"
#include "client/client_core_internal.h"
#include "proto/path_utils.h"

/* ---- telling the program ------------------------------------------------ */

static struct client_delivery *
cr_delivery(struct client_core *core, size_t path_len)
{
    struct client_delivery *d = zk_xcalloc(1, sizeof *d + path_len);

    zk_result_init(&d->result, 0, KE_OK);
    bq_list_append(&core->deliveries, &d->node);
    return d;
}

void
client_core_tell_state(struct client_core *core, int32_t keeper_state)
{
    struct client_delivery *d;

    if (core->told_state == keeper_state) {
        return;
    }
    core->told_state = keeper_state;
    d = cr_delivery(core, 0);
    d->event = (struct zk_event) {
        .type = ZK_EVENT_NONE,
        .state = keeper_state,
        .path = ZK_SLICE_NULL,
        .zxid = -1,
    };
}

void
client_core_tell_node(struct client_core *core, int32_t type,
                      int32_t keeper_state, int64_t zxid,
                      struct zk_slice path)
{
    struct zk_slice own = client_own_path(core->hosts.chroot, path);
    struct client_delivery *d = cr_delivery(core, (size_t) own.len);

    memcpy(d->path, own.p, (size_t) own.len);
    d->event = (struct zk_event) {
        .type = type,
        .state = keeper_state,
        .path = zk_slice(d->path, own.len),
        .zxid = zxid,
    };
}

/* Takes 'r' over; frees it when nobody asked. */
static void
cr_answer(struct client_core *core, const struct client_asker *asker,
          struct zk_result *r)
{
    if (asker->done == NULL) {
        zk_result_fini(r);
    } else {
        struct client_delivery *d = cr_delivery(core, 0);

        d->asker = *asker;
        d->result = *r;
    }
}

static void
cr_answer_err(struct client_core *core, const struct client_asker *asker,
              int32_t op, int32_t err)
{
    struct zk_result r;

    zk_result_init(&r, op, err);
    cr_answer(core, asker, &r);
}

int32_t
client_core_loss(const struct client_core *core)
{
    switch (core->state) {
    case ZK_CLIENT_AUTH_FAILED:
        return KE_AUTH_FAILED;
    case ZK_CLIENT_CLOSED:
    case ZK_CLIENT_EXPIRED:
        return KE_SESSION_EXPIRED;
    default:
        return KE_CONNECTION_LOSS;
    }
}

/* ---- watches ------------------------------------------------------------ */

/* What a reply with that code leaves watched. */
static unsigned
cr_watch_of(const struct client_request *req, int32_t err)
{
    bool ok = err == KE_OK;

    switch (req->op) {
    case OP_EXISTS:
        return ok ? CLIENT_WATCH_DATA
                  : err == KE_NO_NODE ? CLIENT_WATCH_EXIST : 0;
    case OP_GET_DATA:
        return ok ? CLIENT_WATCH_DATA : 0;
    case OP_GET_CHILDREN:
    case OP_GET_CHILDREN2:
        return ok ? CLIENT_WATCH_CHILD : 0;
    case OP_ADD_WATCH:
        if (!ok && err != KE_NO_NODE) {
            return 0;
        }
        return req->flags == ZK_WATCH_PERSISTENT ? CLIENT_WATCH_PERSISTENT
                                                 : CLIENT_WATCH_RECURSIVE;
    default:
        return 0;
    }
}

static unsigned
cr_kinds_of_watcher(int32_t type)
{
    switch (type) {
    case ZK_WATCHER_CHILDREN:
        return CLIENT_WATCH_CHILD;
    case ZK_WATCHER_DATA:
        return CLIENT_WATCH_DATA | CLIENT_WATCH_EXIST;
    case ZK_WATCHER_ANY:
        return CLIENT_WATCH_ALL;
    case ZK_WATCHER_PERSISTENT:
        return CLIENT_WATCH_PERSISTENT;
    case ZK_WATCHER_PERSISTENT_RECURSIVE:
        return CLIENT_WATCH_RECURSIVE;
    default:
        return 0;
    }
}

/* removeWatches was answered; returns what to tell who asked (Java:
 * WatchDeregistration). */
static int32_t
cr_remove_watches(struct client_core *core, const struct client_request *req,
                  int32_t err)
{
    static const struct {
        unsigned kinds;
        int32_t event;
    } groups[] = {
        { CLIENT_WATCH_CHILD, ZK_EVENT_CHILD_WATCH_REMOVED },
        { CLIENT_WATCH_DATA | CLIENT_WATCH_EXIST,
          ZK_EVENT_DATA_WATCH_REMOVED },
        { CLIENT_WATCH_PERSISTENT | CLIENT_WATCH_RECURSIVE,
          ZK_EVENT_PERSISTENT_WATCH_REMOVED },
    };
    unsigned kinds = cr_kinds_of_watcher(req->flags);
    int32_t state = err == KE_CONNECTION_LOSS || err == KE_SESSION_EXPIRED
                        ? ZK_KEEPER_DISCONNECTED
                        : ZK_KEEPER_SYNC_CONNECTED;

    if (client_watches_get(&core->watches, req->watch_path, kinds) == 0) {
        return KE_NO_WATCHER;
    }
    if (err != KE_OK && !req->local) {
        return err;
    }
    kinds = client_watches_remove(&core->watches, req->watch_path, kinds);
    for (size_t i = 0; i < ZK_ARRAY_SIZE(groups); i++) {
        if (kinds & groups[i].kinds) {
            client_core_tell_node(core, groups[i].event, state, -1,
                                  zk_slice_str(req->watch_path));
        }
    }
    return KE_OK;
}

/* ---- the end of a request ----------------------------------------------- */

/* Takes 'req' and 'r' over. */
static void
cr_finish(struct client_core *core, struct client_request *req,
          struct zk_result *r)
{
    if (req->op == OP_REMOVE_WATCHES) {
        r->err = cr_remove_watches(core, req, r->err);
    } else if (req->watch_path != NULL) {
        unsigned kind = cr_watch_of(req, r->err);

        if (kind != 0) {
            client_watches_add(&core->watches, req->watch_path, kind);
        }
    }
    cr_answer(core, &req->asker, r);
    free(req->watch_path);
    free(req);
}

static void
cr_fail_list(struct client_core *core, struct bq_list *list)
{
    struct bq_node *node;

    while ((node = bq_list_pop(list)) != NULL) {
        struct client_request *req
            = ZK_CONTAINER_OF(node, struct client_request, node);
        struct zk_result r;

        zk_result_init(&r, req->op, client_core_loss(core));
        cr_finish(core, req, &r);
    }
}

void
client_core_fail_all(struct client_core *core)
{
    core->auth_repeated = 0;
    zk_buf_clear(&core->held);
    cr_fail_list(core, &core->auth_pending);
    cr_fail_list(core, &core->pending);
}

void
client_core_forget(struct client_request *req)
{
    req->asker = (struct client_asker) { .done = NULL };
}

/* ---- asking ------------------------------------------------------------- */

/* Does the program's path make sense (Java: PathUtils.validatePath)?  A
 * sequential node's is one with its number. */
static bool
cr_path_ok(const struct zk_op *op)
{
    bool sequential = (op->op == OP_CREATE || op->op == OP_CREATE2
                       || op->op == OP_CREATE_TTL)
                      && create_flags_sequential(op->flags);
    char *whole;
    bool ok;

    if (op->path == NULL) {
        return false;
    }
    if (!sequential) {
        return path_validate(zk_slice_str(op->path)) == NULL;
    }
    whole = zk_xasprintf("%s1", op->path);
    ok = path_validate(zk_slice_str(whole)) == NULL;
    free(whole);
    return ok;
}

static bool
cr_op_ok(const struct zk_op *op)
{
    switch (op->op) {
    case OP_MULTI:
    case OP_MULTI_READ:
        for (size_t i = 0; i < op->n_ops; i++) {
            if (!cr_path_ok(&op->ops[i])) {
                return false;
            }
        }
        return true;
    case OP_AUTH:
    case OP_RECONFIG:
    case OP_WHO_AM_I:
        return true;
    default:
        return cr_path_ok(op);
    }
}

static bool
cr_needs_watch_path(const struct zk_op *op)
{
    return op->op == OP_ADD_WATCH || op->op == OP_REMOVE_WATCHES
           || (op->watch && (op->op == OP_EXISTS || op->op == OP_GET_DATA
                             || op->op == OP_GET_CHILDREN
                             || op->op == OP_GET_CHILDREN2));
}

/* 1, 2, ... INT32_MAX - 1, and again. */
static int32_t
cr_next_xid(struct client_core *core)
{
    if (core->next_xid == INT32_MAX) {
        core->next_xid = 1;
    }
    return core->next_xid++;
}

static struct client_request *
cr_request(const struct client_core *core, int32_t xid,
           const struct zk_op *op, const struct client_asker *asker)
{
    struct client_request *req = zk_xcalloc(1, sizeof *req);

    req->xid = xid;
    req->op = op->op;
    req->flags = op->flags;
    req->local = op->local;
    req->asker = *asker;
    if (cr_needs_watch_path(op)) {
        req->watch_path = client_server_path(core->hosts.chroot, op);
    }
    return req;
}

static void
cr_put_auth(struct client_core *core, const struct client_auth *a)
{
    struct zk_op op = zk_op_auth(a->scheme,
                                 a->null_proof
                                     ? ZK_SLICE_NULL
                                     : zk_slice(a->proof.data,
                                                (int32_t) a->proof.len));

    zk_assert(client_encode_op(&core->out, XID_AUTH, &op, "") == KE_OK);
}

/* It is remembered, to be said to each server again. */
static struct client_request *
cr_submit_auth(struct client_core *core, const struct zk_op *op,
               const struct client_asker *asker)
{
    struct client_request *req = cr_request(core, XID_AUTH, op, asker);
    struct client_auth *a;

    core->auths = zk_xrealloc(core->auths, (core->n_auths + 1)
                                               * sizeof *core->auths);
    a = &core->auths[core->n_auths++];
    *a = (struct client_auth) {
        .scheme = op->scheme != NULL ? zk_xstrdup(op->scheme) : NULL,
        .null_proof = zk_slice_is_null(op->data),
    };
    if (op->data.len > 0) {
        zk_buf_append(&a->proof, op->data.p, (size_t) op->data.len);
    }
    if (core->link == CLIENT_LINK_UP) {
        cr_put_auth(core, a);
    }
    bq_list_append(&core->auth_pending, &req->node);
    return req;
}

struct client_request *
client_core_submit(struct client_core *core, const struct zk_op *op,
                   const struct client_asker *asker)
{
    struct zk_buf *out = core->link == CLIENT_LINK_UP ? &core->out
                                                      : &core->held;
    struct client_request *req;
    int32_t xid = 0, err;

    ZK_CHECK(core, CLIENT_CORE_MAGIC);
    err = client_core_loss(core);
    /* A link that is broken is not dropped yet, but what is asked now goes
     * down with it. */
    if (!client_state_is_final(core->state) && !core->closing
        && core->link != CLIENT_LINK_BROKEN) {
        err = cr_op_ok(op) ? KE_OK : KE_BAD_ARGUMENTS;
    }
    if (err == KE_OK && op->op == OP_AUTH) {
        return cr_submit_auth(core, op, asker);
    }
    if (err == KE_OK) {
        xid = cr_next_xid(core);
        err = client_encode_op(out, xid, op, core->hosts.chroot);
        if (err != KE_OK) {
            core->next_xid = xid;
        }
    }
    if (err != KE_OK) {
        cr_answer_err(core, asker, op->op, err);
        return NULL;
    }
    req = cr_request(core, xid, op, asker);
    bq_list_append(&core->pending, &req->node);
    return req;
}

void
client_core_close(struct client_core *core, const struct client_asker *asker)
{
    const struct zk_op op = { .op = OP_CLOSE_SESSION };
    struct client_request *req;

    ZK_CHECK(core, CLIENT_CORE_MAGIC);
    if (core->closing || client_state_is_final(core->state)) {
        cr_answer_err(core, asker, OP_CLOSE_SESSION, client_core_loss(core));
        return;
    }
    core->closing = true;
    req = cr_request(core, cr_next_xid(core), &op, asker);
    bq_list_append(&core->pending, &req->node);
    if (core->link == CLIENT_LINK_NONE) {
        client_core_fail_all(core);
        core->state = ZK_CLIENT_CLOSED;
        client_core_tell_state(core, ZK_KEEPER_CLOSED);
    } else {
        client_encode_plain(core->link == CLIENT_LINK_UP ? &core->out
                                                         : &core->held,
                            req->xid, OP_CLOSE_SESSION);
    }
}

void
client_core_flush_held(struct client_core *core)
{
    core->auth_repeated = core->n_auths - core->auth_pending.n;
    for (size_t i = 0; i < core->n_auths; i++) {
        cr_put_auth(core, &core->auths[i]);
    }
    client_watches_encode(&core->watches, core->last_zxid, &core->out);
    zk_buf_append(&core->out, core->held.data, core->held.len);
    zk_buf_fini(&core->held);
}

/* ---- replies ------------------------------------------------------------ */

static int
cr_take_event(struct client_core *core, int64_t zxid, struct zk_slice body,
              struct zk_errmsg *em)
{
    struct jute_watcher_event ev;
    struct input_archive ia;

    input_archive_init(&ia, body.p, (size_t) body.len, core->max_buffer);
    if (jute_watcher_event_decode(&ia, &ev) != ZK_OK) {
        return zk_fail(em, ia.err, "an event does not decode");
    }
    if (client_watches_fire(&core->watches, ev.type, ev.path)) {
        client_core_tell_node(core, ev.type, ev.state, zxid, ev.path);
    }
    return ZK_OK;
}

static int
cr_take_auth(struct client_core *core, const struct jute_reply_header *h,
             struct zk_errmsg *em)
{
    struct client_request *req = NULL;
    struct zk_result r;

    if (core->auth_repeated > 0) {
        core->auth_repeated--;
    } else if (core->auth_pending.n > 0) {
        req = ZK_CONTAINER_OF(bq_list_pop(&core->auth_pending),
                              struct client_request, node);
    } else {
        return zk_fail(em, ZK_EMARSHAL, "the answer to an auth that was not "
                       "sent");
    }
    if (h->err == KE_AUTH_FAILED) {
        core->state = ZK_CLIENT_AUTH_FAILED;
        client_core_tell_state(core, ZK_KEEPER_AUTH_FAILED);
        client_core_broken(core, "the server does not believe who we are");
    }
    if (req != NULL) {
        zk_result_init(&r, OP_AUTH, h->err);
        cr_finish(core, req, &r);
    }
    return ZK_OK;
}

/* The answer to the oldest request. */
static int
cr_take_answer(struct client_core *core, const struct jute_reply_header *h,
               struct zk_slice body, struct zk_errmsg *em)
{
    struct client_request *req;
    struct zk_result r;
    int rv = ZK_OK;

    if (core->pending.n == 0) {
        return zk_fail(em, ZK_EMARSHAL, "an answer with xid %" PRId32
                       ", and nothing was asked", h->xid);
    }
    req = ZK_CONTAINER_OF(core->pending.first, struct client_request, node);
    if (req->xid != h->xid) {
        return zk_fail(em, ZK_EMARSHAL, "an answer with xid %" PRId32
                       " (err %" PRId32 ") where that to %" PRId32 " (%s) "
                       "was to come", h->xid, h->err, req->xid,
                       op_code_name(req->op));
    }
    (void) bq_list_pop(&core->pending);
    zk_result_init(&r, req->op, h->err);
    r.zxid = h->zxid;
    if (h->zxid > 0) {
        core->last_zxid = h->zxid;
    }
    if (h->err == KE_OK) {
        rv = client_decode_result(&r, body, core->hosts.chroot,
                                  core->max_buffer);
        if (rv != ZK_OK) {
            r.err = KE_MARSHALLING;
            (void) zk_fail(em, rv, "the answer to %s does not decode",
                           op_code_name(req->op));
        }
    }
    if (req->op == OP_CLOSE_SESSION) {
        core->state = ZK_CLIENT_CLOSED;
        client_core_tell_state(core, ZK_KEEPER_CLOSED);
        client_core_broken(core, "the session was closed");
    }
    cr_finish(core, req, &r);
    return rv;
}

int
client_core_take_reply(struct client_core *core, const uint8_t *p, size_t len,
                       struct zk_errmsg *em)
{
    struct jute_reply_header h;
    struct zk_slice body;

    if (client_decode_header(p, len, &h, &body) != ZK_OK) {
        return zk_fail(em, ZK_EMARSHAL, "an answer of %zu bytes has no "
                       "header", len);
    }
    switch (h.xid) {
    case XID_NOTIFICATION:
        return cr_take_event(core, h.zxid, body, em);
    case XID_AUTH:
        return cr_take_auth(core, &h, em);
    case XID_PING:
    case XID_SET_WATCHES:
        return ZK_OK;
    default:
        return cr_take_answer(core, &h, body, em);
    }
}
