/* SPDX-License-Identifier: Apache-2.0 */
/* zk_database_logged.c: what the log files hold, for a learner that is behind
 * the committed log (protocol: section 6.3, case 5; Java:
 * ZKDatabase.getProposalsFromTxnLog). */
#include <config.h>

#include "server/zk_database_sync.h"

#include <inttypes.h>

#include "persistence/file_list.h"
#include "persistence/file_txn_iterator.h"

struct dbl_read {
    int64_t after, upto;
    int64_t left;               /* Bytes that may still be read. */
    int64_t prev;               /* The last one given, or 'after'. */
    bool joined;                /* 'after' was met. */
};

/* The record at which the reading begins: 'after' itself, or the first of the
 * epoch that 'after' is the beginning of. */
static bool
dbl_joins(const struct dbl_read *r, int64_t zxid)
{
    bool epoch_start = (r->after & INT64_C(0xffffffff)) == 0;

    return zxid == r->after || (epoch_start && zxid == r->after + 1);
}

/* The iterator lets zxids skip from one epoch to another only; the same zxid
 * twice in a row (a Java leader's error txn) cannot be sent on. */
static int
dbl_check(struct dbl_read *r, int64_t zxid, struct zk_errmsg *em)
{
    if (!r->joined && !dbl_joins(r, zxid)) {
        return zk_fail(em, ZK_ENOTFOUND, "the log does not hold zxid 0x%"
                       PRIx64, (uint64_t) r->after);
    }
    if (r->joined && zxid == r->prev) {
        return zk_fail(em, ZK_ENOTFOUND, "the log holds zxid 0x%" PRIx64
                       " twice", (uint64_t) zxid);
    }
    r->joined = true;
    r->prev = zxid;
    return ZK_OK;
}

static int
dbl_each(struct file_txn_iterator *it, struct dbl_read *r,
         void (*each)(void *arg, struct txn_bytes *txn), void *arg,
         struct zk_errmsg *em)
{
    struct zk_slice bytes;
    struct txn_view txn;
    int rv;

    /* Behind 'upto' the log may be growing at this moment. */
    while (r->prev < r->upto || !r->joined) {
        rv = file_txn_iterator_next(it, &bytes, &txn, em);
        if (rv == ZK_ENOTFOUND) {
            break;
        }
        if (rv == ZK_OK && txn.zxid > r->upto) {
            break;
        }
        if (rv == ZK_OK) {
            rv = dbl_check(r, txn.zxid, em);
        }
        if (rv != ZK_OK) {
            return rv;
        }
        r->left -= bytes.len;
        if (r->left < 0) {
            return zk_fail(em, ZK_ENOTFOUND, "too much of the log would have "
                           "to be sent");
        }
        if (txn.zxid > r->after) {
            struct txn_bytes *t = txn_bytes_create(txn.zxid, bytes.p,
                                                   (size_t) bytes.len);

            each(arg, t);
            txn_bytes_unref(t);
        }
    }
    if (!r->joined) {
        return zk_fail(em, ZK_ENOTFOUND, "the log does not hold zxid 0x%"
                       PRIx64, (uint64_t) r->after);
    }
    return ZK_OK;
}

int
zk_database_each_logged(struct zk_database *db, int64_t after, int64_t upto,
                        int64_t max_bytes,
                        void (*each)(void *arg, struct txn_bytes *txn),
                        void *arg, struct zk_errmsg *em)
{
    struct dbl_read r = {
        .after = after, .upto = upto, .left = max_bytes, .prev = after,
    };
    struct file_txn_iterator *it;
    int rv;

    ZK_CHECK(db, ZK_DATABASE_MAGIC);
    if (after < db->continuous_from) {
        return zk_fail(em, ZK_ENOTFOUND, "the log files are of use from zxid "
                       "0x%" PRIx64 " on only",
                       (uint64_t) db->continuous_from);
    }
    rv = file_txn_iterator_open(file_txn_snap_log_log_dir(db->files), after,
                                db->storage->max_record, &it, em);
    if (rv != ZK_OK) {
        return rv;
    }
    rv = dbl_each(it, &r, each, arg, em);
    file_txn_iterator_close(it);
    return rv;
}

int64_t
zk_database_snapshot_size(struct zk_database *db)
{
    struct zk_file_list files;
    struct zk_errmsg em;
    int64_t size = 0;

    ZK_CHECK(db, ZK_DATABASE_MAGIC);
    if (zk_file_list_read(file_txn_snap_log_snap_dir(db->files), "snapshot",
                          &files, &em) != ZK_OK) {
        return 0;
    }
    if (files.n > 0) {
        size = files.v[files.n - 1].size;
    }
    zk_file_list_fini(&files);
    return size;
}
