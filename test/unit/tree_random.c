/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tree_random.h"

#include <stdlib.h>

#include "proto/acl_codec.h"
#include "proto/keeper_error.h"
#include "proto/op_code.h"

#define SESSIONS 4

uint64_t
tree_random_number(struct tree_random *r, uint64_t below)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return (r->state * UINT64_C(0x2545f4914f6cdd1d) >> 33) % below;
}

static bool
one_in(struct tree_random *r, uint64_t n)
{
    return tree_random_number(r, n) == 0;
}

/* A name that now and then is not short. */
static void
random_name(struct tree_random *r, struct zk_buf *out)
{
    zk_buf_printf(out, "%c", (int) ('a' + tree_random_number(r, 5)));
    if (out->len < 1000 && one_in(r, 40)) {
        size_t n = one_in(r, 4) ? 70000 : 300;

        memset(zk_buf_reserve(out, n), 'x', n);
        out->len += n;
    }
}

static struct zk_slice
random_data(struct tree_random *r, struct zk_buf *b)
{
    size_t n = (size_t) tree_random_number(r, one_in(r, 10) ? 500 : 12);

    if (one_in(r, 8)) {
        return ZK_SLICE_NULL;
    }
    zk_buf_clear(b);
    memset(zk_buf_reserve(b, n + 1), (int) ('0' + tree_random_number(r, 10)),
           n);
    b->len = n;
    return zk_slice(b->data, (int32_t) n);
}

static struct zk_slice
random_acl(struct tree_random *r, struct zk_buf *b)
{
    static const char *const users[] = { "u1", "u2", "u3" };
    size_t at;

    if (!one_in(r, 3)) {
        return acl_raw_open;
    }
    zk_buf_clear(b);
    at = acl_encode_begin(b);
    acl_encode_add(b, at, 31, zk_slice_str("digest"),
                   zk_slice_str(users[tree_random_number(r, 3)]));
    if (one_in(r, 2)) {
        acl_encode_add(b, at, 1, zk_slice_str("world"),
                       zk_slice_str("anyone"));
    }
    return zk_slice(b->data, (int32_t) b->len);
}

static struct model_node *
random_node(struct tree_random *r)
{
    return &r->model->nodes[tree_random_number(r, r->model->n)];
}

static bool
is_ephemeral(const struct model_node *node)
{
    int64_t owner = node->stat.ephemeral_owner;

    return owner > 0;
}

static int64_t
random_session(struct tree_random *r)
{
    return 0x100000 + (int64_t) tree_random_number(r, SESSIONS);
}

static int
kind_of_create(struct tree_random *r)
{
    static const int kinds[] = { OP_CREATE, OP_CREATE, OP_CREATE2,
                                 OP_CREATE_CONTAINER, OP_CREATE_TTL };

    return kinds[tree_random_number(r, ZK_ARRAY_SIZE(kinds))];
}

/* Where the next node goes: below a random one, now and then a quota. */
static const struct model_node *
random_parent(struct tree_random *r, struct zk_buf *path)
{
    const struct model_node *parent = random_node(r);
    const char *p = parent->path;

    zk_buf_clear(path);
    zk_buf_append(path, p, strlen(p));
    if (strncmp(p, "/zookeeper/quota/", 17) == 0 && p[18] == '\0') {
        /* One level of quotas: /a to /e. */
        zk_buf_printf(path, one_in(r, 2) ? "/zookeeper_limits"
                                         : "/zookeeper_stats");
    } else if (strcmp(p, "/zookeeper/quota") == 0) {
        zk_buf_printf(path, "/%c", (int) ('a' + tree_random_number(r, 5)));
    } else if (strncmp(p, "/zookeeper", 10) == 0 || is_ephemeral(parent)) {
        return NULL;
    } else {
        zk_buf_append(path, "/", 1);
        random_name(r, path);
    }
    return parent;
}

static bool
put_create(struct tree_random *r, int *type, int64_t session,
           struct zk_buf *body)
{
    struct zk_buf path = { 0 }, data = { 0 }, acl = { 0 };
    const struct model_node *parent = random_parent(r, &path);
    struct zk_slice p = zk_slice(path.data, (int32_t) path.len);
    bool ok = parent != NULL && tree_model_find(r->model, p) == NULL;

    (void) session;
    if (ok) {
        int32_t cversion = parent->stat.cversion + 1;
        struct zk_slice d = random_data(r, &data), a = random_acl(r, &acl);
        bool quota = strncmp(parent->path, "/zookeeper", 10) == 0;

        *type = quota ? OP_CREATE : kind_of_create(r);
        if (*type == OP_CREATE_CONTAINER) {
            txn_encode_create_container(body, p, d, a, cversion);
        } else if (*type == OP_CREATE_TTL) {
            txn_encode_create_ttl(body, p, d, a, cversion,
                                  one_in(r, 5) ? -1 : 1000);
        } else {
            txn_encode_create(body, p, d, a,
                              r->ephemerals && !quota && one_in(r, 2),
                              cversion);
        }
    }
    zk_buf_fini(&path);
    zk_buf_fini(&data);
    zk_buf_fini(&acl);
    return ok;
}

static bool
put_delete(struct tree_random *r, int *type, struct zk_buf *body)
{
    const struct model_node *node = random_node(r);

    if (node->path[0] == '\0' || strcmp(node->path, "/zookeeper") == 0
        || strcmp(node->path, "/zookeeper/quota") == 0
        || strcmp(node->path, "/zookeeper/config") == 0
        || tree_model_children(r->model, node) > 0) {
        return false;
    }
    *type = OP_DELETE;
    txn_encode_delete(body, zk_slice_str(node->path));
    return true;
}

static bool
put_change(struct tree_random *r, int *type, struct zk_buf *body)
{
    const struct model_node *node = random_node(r);
    struct zk_buf b = { 0 };

    if (strncmp(node->path, "/zookeeper", 10) == 0) {
        return false;
    }
    if (one_in(r, 4)) {
        *type = OP_SET_ACL;
        txn_encode_set_acl(body, zk_slice_str(node->path),
                           random_acl(r, &b), node->stat.aversion + 1);
    } else {
        *type = OP_SET_DATA;
        txn_encode_set_data(body, zk_slice_str(node->path),
                            random_data(r, &b), node->stat.version + 1);
    }
    zk_buf_fini(&b);
    return true;
}

/* One body that fits the model's state, and its type. */
static void
put_body(struct tree_random *r, int *type, int64_t session,
         struct zk_buf *body)
{
    for (;;) {
        uint64_t k = tree_random_number(r, 10);

        if (k < 5 ? put_create(r, type, session, body)
                  : k < 7 ? put_delete(r, type, body)
                          : put_change(r, type, body)) {
            return;
        }
    }
}

static void
put_close(struct tree_random *r, int64_t session, struct zk_buf *out)
{
    size_t at = txn_encode_close_session_begin(out);

    for (size_t i = 0; i < r->model->n; i++) {
        if (r->model->nodes[i].stat.ephemeral_owner == session) {
            txn_encode_close_session_add(
                out, at, zk_slice_str(r->model->nodes[i].path));
        }
    }
}

/* A multi that sets data and then checks, or fails. */
static void
put_multi(struct tree_random *r, struct zk_buf *out)
{
    size_t at = txn_encode_multi_begin(out);
    bool fail = one_in(r, 3);
    struct zk_buf body = { 0 };
    size_t sub;
    int type = OP_ERROR;

    do {
        zk_buf_clear(&body);
    } while (!put_change(r, &type, &body) || type != OP_SET_DATA);
    sub = txn_encode_multi_add_begin(out, at, type);
    zk_buf_append(out, body.data, body.len);
    txn_encode_multi_add_end(out, sub);
    sub = txn_encode_multi_add_begin(out, at, fail ? OP_ERROR : OP_CHECK);
    if (fail) {
        txn_encode_error(out, KE_BAD_VERSION);
    } else {
        txn_encode_check(out, ZK_SLICE_LIT("/"), 1);
    }
    txn_encode_multi_add_end(out, sub);
    zk_buf_fini(&body);
}

void
tree_random_txn(struct tree_random *r, struct zk_buf *out)
{
    int64_t session = random_session(r);
    uint64_t k = tree_random_number(r, 40);
    struct zk_buf body = { 0 };
    int type = OP_ERROR;

    r->zxid++;
    if (k == 0) {
        type = OP_CREATE_SESSION;
        txn_encode_create_session(&body, (int32_t) r->zxid);
    } else if (k == 1 && r->ephemerals) {
        type = OP_CLOSE_SESSION;
        put_close(r, session, &body);
    } else if (k == 2) {
        txn_encode_error(&body, KE_NO_NODE);
    } else if (k < 6) {
        type = OP_MULTI;
        put_multi(r, &body);
    } else {
        put_body(r, &type, session, &body);
    }
    txn_encode_header(out, session, 1, r->zxid, 1000000 + r->zxid, type);
    zk_buf_append(out, body.data, body.len);
    zk_buf_fini(&body);
}
