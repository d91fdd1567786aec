/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/request.h"

#include <stdlib.h>
#include <string.h>

#include "proto/op_code.h"

struct request *
request_create(int32_t type, int64_t session_id, int32_t cxid,
               struct zk_slice body, struct client_sink *sink,
               struct auth_info *auth)
{
    size_t len = body.len > 0 ? (size_t) body.len : 0;
    struct request *r = zk_xmalloc(sizeof *r + len);

    memset(r, 0, sizeof *r);
    r->magic = REQUEST_MAGIC;
    r->type = type;
    r->cxid = cxid;
    r->session_id = session_id;
    r->sink = sink;
    if (sink != NULL) {
        sink->ops->ref(sink);
    }
    r->auth = auth != NULL ? auth_info_ref(auth) : NULL;
    r->internal = sink == NULL;
    r->owner = sink;
    if (len > 0) {
        memcpy(r->bytes, body.p, len);
    }
    r->body = zk_slice(r->bytes, (int32_t) len);
    return r;
}

void
request_free(struct request *r)
{
    if (r == NULL) {
        return;
    }
    ZK_CHECK(r, REQUEST_MAGIC);
    if (r->sink != NULL) {
        r->sink->ops->unref(r->sink);
    }
    auth_info_unref(r->auth);
    txn_bytes_unref(r->txn);
    r->magic = 0;
    free(r);
}

bool
request_is_write(const struct request *r)
{
    return r->txn != NULL || op_code_is_write(r->type);
}

struct txn_bytes *
txn_bytes_create(int64_t zxid, const void *p, size_t len)
{
    struct txn_bytes *t = zk_xmalloc(sizeof *t + len);

    zk_assert(len <= INT32_MAX);
    atomic_init(&t->refs, 1);
    t->len = (uint32_t) len;
    t->zxid = zxid;
    memcpy(t->data, p, len);
    return t;
}

struct txn_bytes *
txn_bytes_ref(struct txn_bytes *t)
{
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void
txn_bytes_unref(struct txn_bytes *t)
{
    if (t != NULL
        && atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel)
               == 1) {
        free(t);
    }
}
