/* SPDX-License-Identifier: Apache-2.0 */
/* prep_multi.c: several writes under one zxid, all or none. */
#include <config.h>

#include "server/prep_internal.h"

#include "proto/multi_codec.h"

static int
pm_one(struct prep_request_processor *prp, const struct prep_op *op,
       const struct multi_op *mo)
{
    struct create_view c;

    switch (mo->type) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        c = (struct create_view) { mo->path, mo->data, mo->acl, mo->flags,
                                   mo->ttl };
        return prep_create(prp, op, mo->type, &c);
    case OP_DELETE:
        return prep_delete(prp, op, mo->path, mo->version);
    case OP_SET_DATA:
        return prep_set_data(prp, op, mo->path, mo->data, mo->version);
    case OP_CHECK:
        return prep_check_version(prp, op, mo->path, mo->version);
    default:
        return KE_MARSHALLING;  /* multi_request_next lets no other in. */
    }
}

static void
pm_add_error(struct prep_request_processor *prp, size_t list_at, int err)
{
    size_t at = txn_encode_multi_add_begin(&prp->txn, list_at, OP_ERROR);

    txn_encode_error(&prp->txn, err);
    txn_encode_multi_add_end(&prp->txn, at);
}

int
prep_multi(struct prep_request_processor *prp, const struct prep_op *op)
{
    const struct zk_slice body = op->r->body;
    const int32_t max = prp->env.config->storage.max_record;
    struct multi_request mr;
    struct multi_op mo;
    int64_t digest = prp->digest;
    size_t list_at;
    int failed = KE_OK;

    if (multi_request_count(OP_MULTI, body.p, (size_t) body.len, max) < 0) {
        return KE_MARSHALLING;
    }
    list_at = txn_encode_multi_begin(&prp->txn);
    multi_request_init(&mr, OP_MULTI, body.p, (size_t) body.len, max);
    while (multi_request_next(&mr, &mo) == 1) {
        size_t len = prp->txn.len, at;
        int err;

        if (failed != KE_OK) {
            pm_add_error(prp, list_at, KE_RUNTIME_INCONSISTENCY);
            continue;
        }
        at = txn_encode_multi_add_begin(&prp->txn, list_at, mo.type);
        err = pm_one(prp, op, &mo);
        if (err == KE_OK) {
            txn_encode_multi_add_end(&prp->txn, at);
            if (prp->txn.len > (size_t) max) {
                /* Could not be read back, and with "auth" in its ACLs each
                 * part may be as long as a whole request. */
                outstanding_changes_rollback(prp->env.db->changes, op->zxid);
                return KE_MARSHALLING;
            }
            continue;
        }
        /* Take the begun part back: its place goes to the error.  The count
         * was raised by add_begin, so it is put right as well. */
        prp->txn.len = len;
        zk_put_be32(prp->txn.data + list_at,
                    zk_get_be32(prp->txn.data + list_at) - 1);
        pm_add_error(prp, list_at, err);
        failed = err;
        outstanding_changes_rollback(prp->env.db->changes, op->zxid);
        prp->digest = digest;
    }
    return KE_OK;
}
