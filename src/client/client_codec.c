/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "client/client_codec.h"

#include <stdlib.h>

/* ---- requests ----------------------------------------------------------- */

void
client_encode_connect(struct zk_buf *b, const struct jute_connect_request *cr,
                      bool read_only)
{
    size_t at = output_archive_frame_begin(b);

    jute_connect_request_encode(b, cr);
    output_archive_bool(b, read_only);
    output_archive_frame_end(b, at);
}

static size_t
request_begin(struct zk_buf *b, int32_t xid, int32_t type)
{
    size_t at = output_archive_frame_begin(b);
    struct jute_request_header h = { .xid = xid, .type = type };

    jute_request_header_encode(b, &h);
    return at;
}

void
client_encode_plain(struct zk_buf *b, int32_t xid, int32_t op)
{
    output_archive_frame_end(b, request_begin(b, xid, op));
}

static const char *
chroot_of(const char *chroot, const struct zk_op *op)
{
    return op->absolute ? "" : chroot;
}

char *
client_server_path(const char *chroot, const struct zk_op *op)
{
    chroot = chroot_of(chroot, op);
    return *chroot != '\0' && strcmp(op->path, "/") == 0
               ? zk_xstrdup(chroot)
               : zk_xasprintf("%s%s", chroot, op->path);
}

static void
put_path(struct zk_buf *b, const char *chroot, const struct zk_op *op)
{
    const char *path = op->path;
    size_t n, m;

    if (path == NULL) {
        output_archive_slice(b, ZK_SLICE_NULL);
        return;
    }
    chroot = chroot_of(chroot, op);
    n = strlen(chroot);
    m = n > 0 && strcmp(path, "/") == 0 ? 0 : strlen(path);
    output_archive_int(b, (int32_t) (n + m));
    zk_buf_append(b, chroot, n);
    zk_buf_append(b, path, m);
}

static void
put_create(struct zk_buf *b, const char *chroot, const struct zk_op *op)
{
    put_path(b, chroot, op);
    output_archive_slice(b, op->data);
    acl_raw_append(b, op->acl);
    output_archive_int(b, op->flags);
    if (op->op == OP_CREATE_TTL) {
        output_archive_long(b, op->ttl);
    }
}

static void
put_auth(struct zk_buf *b, const struct zk_op *op)
{
    struct jute_auth_packet ap = {
        .scheme = zk_slice_str(op->scheme),
        .auth = op->data,
    };

    jute_auth_packet_encode(b, &ap);
}

static void
put_reconfig(struct zk_buf *b, const struct zk_op *op)
{
    struct jute_reconfig_request rr = {
        .joining_servers = zk_slice_str(op->joining),
        .leaving_servers = zk_slice_str(op->leaving),
        .new_members = zk_slice_str(op->members),
        .cur_config_id = op->config_id,
    };

    jute_reconfig_request_encode(b, &rr);
}

/* Whether a multi, or a multiRead, takes it. */
static bool
fits_multi(int32_t multi, int32_t op)
{
    switch (op) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
    case OP_DELETE:
    case OP_SET_DATA:
    case OP_CHECK:
        return multi == OP_MULTI;
    case OP_GET_DATA:
    case OP_GET_CHILDREN:
    case OP_GET_CHILDREN2:
        return multi == OP_MULTI_READ;
    default:
        return false;
    }
}

static bool put_body(struct zk_buf *b, const char *chroot,
                     const struct zk_op *op);

static bool
put_multi(struct zk_buf *b, const char *chroot, const struct zk_op *op)
{
    struct jute_multi_header h = { .err = -1 };

    for (size_t i = 0; i < op->n_ops; i++) {
        const struct zk_op *sub = &op->ops[i];

        if (!fits_multi(op->op, sub->op)) {
            return false;
        }
        /* A multiRead has the getChildren without a Stat only. */
        h.type = sub->op == OP_GET_CHILDREN2 ? OP_GET_CHILDREN : sub->op;
        jute_multi_header_encode(b, &h);
        (void) put_body(b, chroot, sub);
    }
    h = (struct jute_multi_header) { .type = -1, .done = true, .err = -1 };
    jute_multi_header_encode(b, &h);
    return true;
}

/* False: there is no such request. */
static bool
put_body(struct zk_buf *b, const char *chroot, const struct zk_op *op)
{
    switch (op->op) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        put_create(b, chroot, op);
        return true;
    case OP_DELETE:
    case OP_CHECK:
        put_path(b, chroot, op);
        output_archive_int(b, op->version);
        return true;
    case OP_EXISTS:
    case OP_GET_DATA:
    case OP_GET_CHILDREN:
    case OP_GET_CHILDREN2:
        put_path(b, chroot, op);
        output_archive_bool(b, op->watch);
        return true;
    case OP_SET_DATA:
        put_path(b, chroot, op);
        output_archive_slice(b, op->data);
        output_archive_int(b, op->version);
        return true;
    case OP_SET_ACL:
        put_path(b, chroot, op);
        acl_raw_append(b, op->acl);
        output_archive_int(b, op->version);
        return true;
    case OP_GET_ACL:
    case OP_SYNC:
    case OP_GET_EPHEMERALS:
    case OP_GET_ALL_CHILDREN_NUMBER:
        put_path(b, chroot, op);
        return true;
    case OP_ADD_WATCH:
    case OP_CHECK_WATCHES:
    case OP_REMOVE_WATCHES:
        put_path(b, chroot, op);
        output_archive_int(b, op->flags);
        return true;
    case OP_MULTI:
    case OP_MULTI_READ:
        return put_multi(b, chroot, op);
    case OP_AUTH:
        put_auth(b, op);
        return true;
    case OP_RECONFIG:
        put_reconfig(b, op);
        return true;
    case OP_WHO_AM_I:
    case OP_PING:
    case OP_CLOSE_SESSION:
        return true;
    default:
        return false;
    }
}

int32_t
client_encode_op(struct zk_buf *b, int32_t xid, const struct zk_op *op,
                 const char *chroot)
{
    size_t at = request_begin(b, xid, op->op);

    /* check is for multis alone; on its own it ends the connection. */
    if (op->op == OP_CHECK || !put_body(b, chroot, op)
        || b->len - at > INT32_MAX) {
        b->len = at;
        return KE_MARSHALLING;
    }
    output_archive_frame_end(b, at);
    return KE_OK;
}

void
client_encode_set_watches(struct zk_buf *b, const struct jute_set_watches2 *sw)
{
    bool two = sw->persistent_watches.n > 0
               || sw->persistent_recursive_watches.n > 0;
    size_t at = request_begin(b, XID_SET_WATCHES,
                              two ? OP_SET_WATCHES2 : OP_SET_WATCHES);

    if (two) {
        jute_set_watches2_encode(b, sw);
    } else {
        struct jute_set_watches old = {
            .relative_zxid = sw->relative_zxid,
            .data_watches = sw->data_watches,
            .exist_watches = sw->exist_watches,
            .child_watches = sw->child_watches,
        };

        jute_set_watches_encode(b, &old);
    }
    output_archive_frame_end(b, at);
}

/* ---- what a server sends ------------------------------------------------ */

int
client_decode_connect(const void *p, size_t len,
                      struct jute_connect_response *cr, bool *read_only)
{
    struct input_archive ia;

    input_archive_init(&ia, p, len, JUTE_MAX_BUFFER_DEFAULT);
    if (jute_connect_response_decode(&ia, cr) != ZK_OK) {
        return ia.err;
    }
    *read_only = input_archive_left(&ia) > 0 && input_archive_bool(&ia);
    return ZK_OK;
}

int
client_decode_header(const void *p, size_t len, struct jute_reply_header *h,
                     struct zk_slice *body)
{
    struct input_archive ia;

    input_archive_init(&ia, p, len, 0);
    (void) jute_reply_header_decode(&ia, h);
    *body = zk_slice(ia.p, (int32_t) input_archive_left(&ia));
    return ia.err;
}

struct zk_slice
client_own_path(const char *chroot, struct zk_slice path)
{
    struct zk_slice root = zk_slice_str(chroot);

    if (root.len == 0 || !zk_slice_starts_with(path, root)) {
        return path;
    }
    if (path.len == root.len) {
        return ZK_SLICE_LIT("/");
    }
    if (path.p[root.len] != '/') {
        return path;
    }
    return zk_slice(path.p + root.len, path.len - root.len);
}

static void
get_paths(struct input_archive *ia, struct zk_result *r, const char *chroot)
{
    (void) jute_vec_slice_decode(ia, &r->names);
    for (int32_t i = 0; i < r->names.n; i++) {
        r->names.v[i] = client_own_path(chroot, r->names.v[i]);
    }
}

static void
get_stat(struct input_archive *ia, struct zk_result *r)
{
    (void) jute_stat_decode(ia, &r->stat);
    r->has_stat = true;
}

static void
get_sub_result(struct input_archive *ia, struct zk_op_result *s,
               const char *chroot)
{
    switch (s->type) {
    case OP_CREATE:
        s->path = client_own_path(chroot, input_archive_slice(ia));
        break;
    case OP_CREATE2:
        s->path = client_own_path(chroot, input_archive_slice(ia));
        (void) jute_stat_decode(ia, &s->stat);
        break;
    case OP_DELETE:
    case OP_CHECK:
        break;
    case OP_SET_DATA:
        (void) jute_stat_decode(ia, &s->stat);
        break;
    case OP_GET_DATA:
        s->data = input_archive_slice(ia);
        (void) jute_stat_decode(ia, &s->stat);
        break;
    case OP_GET_CHILDREN:
        (void) jute_vec_slice_decode(ia, &s->children);
        break;
    case OP_ERROR:
        s->err = input_archive_int(ia);
        break;
    default:
        input_archive_fail(ia, ZK_EMARSHAL);
        break;
    }
}

/* Each result is 9 bytes at least, so the frame bounds what is allocated. */
static void
get_results(struct input_archive *ia, struct zk_result *r, const char *chroot)
{
    int32_t room = 0;

    for (;;) {
        struct jute_multi_header h;

        if (jute_multi_header_decode(ia, &h) != ZK_OK || h.done) {
            return;
        }
        if (r->n_results == room) {
            room = room * 2 + 8;
            r->results = zk_xrealloc(r->results,
                                     (size_t) room * sizeof *r->results);
        }
        r->results[r->n_results] = (struct zk_op_result) {
            .type = h.type,
            .path = ZK_SLICE_NULL,
            .data = ZK_SLICE_NULL,
        };
        get_sub_result(ia, &r->results[r->n_results++], chroot);
    }
}

static void
get_body(struct input_archive *ia, struct zk_result *r, const char *chroot)
{
    switch (r->op) {
    case OP_CREATE:
    case OP_SYNC:
        r->path = client_own_path(chroot, input_archive_slice(ia));
        break;
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        r->path = client_own_path(chroot, input_archive_slice(ia));
        get_stat(ia, r);
        break;
    case OP_EXISTS:
    case OP_SET_DATA:
    case OP_SET_ACL:
        get_stat(ia, r);
        break;
    case OP_GET_DATA:
    case OP_RECONFIG:
        r->data = input_archive_slice(ia);
        get_stat(ia, r);
        break;
    case OP_GET_ACL:
        (void) acl_raw_read(ia, &r->acl);
        get_stat(ia, r);
        break;
    case OP_GET_CHILDREN:
        (void) jute_vec_slice_decode(ia, &r->names);
        break;
    case OP_GET_CHILDREN2:
        (void) jute_vec_slice_decode(ia, &r->names);
        get_stat(ia, r);
        break;
    case OP_GET_EPHEMERALS:
        get_paths(ia, r, chroot);
        break;
    case OP_GET_ALL_CHILDREN_NUMBER:
        r->number = input_archive_int(ia);
        break;
    case OP_WHO_AM_I:
        (void) jute_vec_client_info_decode(ia, &r->who);
        break;
    case OP_MULTI:
    case OP_MULTI_READ:
        get_results(ia, r, chroot);
        break;
    default:                    /* There is nothing in it to be told. */
        break;
    }
}

int
client_decode_result(struct zk_result *r, struct zk_slice body,
                     const char *chroot, int32_t max_len)
{
    struct zk_result was = *r;
    struct input_archive ia;

    zk_buf_append(&r->mem, body.p, (size_t) body.len);
    input_archive_init(&ia, r->mem.data, r->mem.len, max_len);
    get_body(&ia, r, chroot);
    if (ia.err != ZK_OK) {
        zk_result_fini(r);
        *r = was;
    }
    return ia.err;
}
