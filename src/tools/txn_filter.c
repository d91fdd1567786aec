/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tools/txn_filter.h"

#include "proto/op_code.h"

static bool
tf_path(const struct txn_filter *f, struct zk_slice path)
{
    return zk_slice_starts_with(path, f->path)
           && (path.len == f->path.len || f->path.len <= 1
               || path.p[f->path.len] == '/');
}

static bool
tf_any_path(const struct txn_filter *f, const struct txn_view *txn)
{
    struct txn_multi_iter multi;
    struct txn_paths_iter paths;
    struct txn_view sub;
    struct zk_slice path;

    if (txn->type == OP_MULTI) {
        (void) txn_multi_begin(&multi, txn);
        while (txn_multi_next(&multi, &sub)) {
            if (tf_path(f, sub.path)) {
                return true;
            }
        }
        return false;
    }
    if (txn->type == OP_CLOSE_SESSION && zk_slice_is_null(txn->paths)) {
        return true;
    }
    if (txn->type == OP_CLOSE_SESSION) {
        (void) txn_paths_begin(&paths, txn->paths);
        while (txn_paths_next(&paths, &path)) {
            if (tf_path(f, path)) {
                return true;
            }
        }
        return false;
    }
    return tf_path(f, txn->path);
}

bool
txn_filter_wants(const struct txn_filter *f, const struct txn_view *txn)
{
    return txn->zxid >= f->from && txn->zxid <= f->to
           && (!f->has_session || txn->client_id == f->session)
           && (zk_slice_is_null(f->path) || tf_any_path(f, txn));
}
