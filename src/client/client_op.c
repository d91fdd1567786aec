/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "client/client_op.h"

#include <stdlib.h>

/* ---- what can be asked -------------------------------------------------- */

static struct zk_op
op_on(int32_t op, const char *path)
{
    return (struct zk_op) {
        .op = op,
        .path = path,
        .data = ZK_SLICE_NULL,
        .acl = ZK_SLICE_NULL,
        .ttl = -1,
        .version = -1,
        .config_id = -1,
    };
}

static struct zk_op
op_create(int32_t plain, const char *path, struct zk_slice data,
          struct zk_slice acl, int32_t mode, int64_t ttl_ms)
{
    struct zk_op o = op_on(plain, path);

    if (mode == CREATE_CONTAINER) {
        o.op = OP_CREATE_CONTAINER;
    } else if (create_flags_ttl(mode)) {
        o.op = OP_CREATE_TTL;
        o.ttl = ttl_ms;
    }
    o.data = data;
    o.acl = zk_slice_is_null(acl) ? acl_raw_open : acl;
    o.flags = mode;
    return o;
}

struct zk_op
zk_op_create(const char *path, struct zk_slice data, struct zk_slice acl,
             int32_t mode, int64_t ttl_ms)
{
    return op_create(OP_CREATE, path, data, acl, mode, ttl_ms);
}

struct zk_op
zk_op_create2(const char *path, struct zk_slice data, struct zk_slice acl,
              int32_t mode, int64_t ttl_ms)
{
    return op_create(OP_CREATE2, path, data, acl, mode, ttl_ms);
}

static struct zk_op
op_versioned(int32_t op, const char *path, int32_t version)
{
    struct zk_op o = op_on(op, path);

    o.version = version;
    return o;
}

static struct zk_op
op_watched(int32_t op, const char *path, bool watch)
{
    struct zk_op o = op_on(op, path);

    o.watch = watch;
    return o;
}

static struct zk_op
op_flagged(int32_t op, const char *path, int32_t flags)
{
    struct zk_op o = op_on(op, path);

    o.flags = flags;
    return o;
}

static struct zk_op
op_of_many(int32_t op, const struct zk_op *ops, size_t n)
{
    struct zk_op o = op_on(op, NULL);

    o.ops = ops;
    o.n_ops = n;
    return o;
}

struct zk_op
zk_op_delete(const char *path, int32_t version)
{
    return op_versioned(OP_DELETE, path, version);
}

struct zk_op
zk_op_exists(const char *path, bool watch)
{
    return op_watched(OP_EXISTS, path, watch);
}

struct zk_op
zk_op_get_data(const char *path, bool watch)
{
    return op_watched(OP_GET_DATA, path, watch);
}

struct zk_op
zk_op_set_data(const char *path, struct zk_slice data, int32_t version)
{
    struct zk_op o = op_versioned(OP_SET_DATA, path, version);

    o.data = data;
    return o;
}

struct zk_op
zk_op_get_children(const char *path, bool watch)
{
    return op_watched(OP_GET_CHILDREN2, path, watch);
}

struct zk_op
zk_op_get_acl(const char *path)
{
    return op_on(OP_GET_ACL, path);
}

struct zk_op
zk_op_set_acl(const char *path, struct zk_slice acl, int32_t version)
{
    struct zk_op o = op_versioned(OP_SET_ACL, path, version);

    o.acl = acl;
    return o;
}

struct zk_op
zk_op_sync(const char *path)
{
    return op_on(OP_SYNC, path);
}

struct zk_op
zk_op_check(const char *path, int32_t version)
{
    return op_versioned(OP_CHECK, path, version);
}

struct zk_op
zk_op_multi(const struct zk_op *ops, size_t n)
{
    return op_of_many(OP_MULTI, ops, n);
}

struct zk_op
zk_op_multi_read(const struct zk_op *ops, size_t n)
{
    return op_of_many(OP_MULTI_READ, ops, n);
}

struct zk_op
zk_op_auth(const char *scheme, struct zk_slice auth)
{
    struct zk_op o = op_on(OP_AUTH, NULL);

    o.scheme = scheme;
    o.data = auth;
    return o;
}

struct zk_op
zk_op_add_watch(const char *path, enum zk_watch_mode mode)
{
    return op_flagged(OP_ADD_WATCH, path, (int32_t) mode);
}

struct zk_op
zk_op_check_watches(const char *path, enum zk_watcher_type type)
{
    return op_flagged(OP_CHECK_WATCHES, path, (int32_t) type);
}

struct zk_op
zk_op_remove_watches(const char *path, enum zk_watcher_type type, bool local)
{
    struct zk_op o = op_flagged(OP_REMOVE_WATCHES, path, (int32_t) type);

    o.local = local;
    return o;
}

struct zk_op
zk_op_get_ephemerals(const char *prefix)
{
    return op_on(OP_GET_EPHEMERALS, prefix);
}

struct zk_op
zk_op_get_all_children_number(const char *path)
{
    return op_on(OP_GET_ALL_CHILDREN_NUMBER, path);
}

struct zk_op
zk_op_who_am_i(void)
{
    return op_on(OP_WHO_AM_I, NULL);
}

struct zk_op
zk_op_reconfig(const char *joining, const char *leaving, const char *members,
               int64_t config_id)
{
    struct zk_op o = op_on(OP_RECONFIG, NULL);

    o.joining = joining;
    o.leaving = leaving;
    o.members = members;
    o.config_id = config_id;
    return o;
}

struct zk_op
zk_op_get_config(bool watch)
{
    struct zk_op o = op_watched(OP_GET_DATA, "/zookeeper/config", watch);

    o.absolute = true;
    return o;
}

/* ---- what is told ------------------------------------------------------- */

void
zk_result_init(struct zk_result *r, int32_t op, int32_t err)
{
    *r = (struct zk_result) {
        .op = op,
        .err = err,
        .zxid = -1,
        .path = ZK_SLICE_NULL,
        .data = ZK_SLICE_NULL,
        .acl = ZK_SLICE_NULL,
    };
}

void
zk_result_fini(struct zk_result *r)
{
    jute_vec_slice_fini(&r->names);
    jute_vec_client_info_fini(&r->who);
    for (int32_t i = 0; i < r->n_results; i++) {
        jute_vec_slice_fini(&r->results[i].children);
    }
    free(r->results);
    r->results = NULL;
    r->n_results = 0;
    zk_buf_fini(&r->mem);
}

/* A multi that failed: KE_OK before the op that did it,
 * KE_RUNTIME_INCONSISTENCY behind. */
int32_t
zk_result_multi_err(const struct zk_result *r, int32_t *at)
{
    for (int32_t i = 0; i < r->n_results; i++) {
        if (r->results[i].type == OP_ERROR && r->results[i].err != KE_OK) {
            if (at != NULL) {
                *at = i;
            }
            return r->results[i].err;
        }
    }
    return KE_OK;
}
