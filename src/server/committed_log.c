/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/committed_log.h"

#include <stdlib.h>

#include "util/zk_lock.h"

struct committed_log {
    unsigned magic;
#define COMMITTED_LOG_MAGIC 0x436c6f67

    struct zk_mutex lock;
    struct txn_bytes **ring ZK_GUARDED;     /* 'limit' places. */
    size_t limit;
    size_t first ZK_GUARDED;                /* The oldest one's place. */
    size_t n ZK_GUARDED;
};

struct committed_log *
committed_log_create(size_t limit)
{
    struct committed_log *cl = zk_xcalloc(1, sizeof *cl);

    zk_assert(limit > 0);
    cl->magic = COMMITTED_LOG_MAGIC;
    zk_mutex_init(&cl->lock, ZK_LOCK_committed_log);
    cl->limit = limit;
    zk_lock(&cl->lock);
    cl->ring = zk_xcalloc(limit, sizeof cl->ring[0]);
    zk_unlock(&cl->lock);
    return cl;
}

void
committed_log_destroy(struct committed_log *cl)
{
    if (cl == NULL) {
        return;
    }
    ZK_CHECK(cl, COMMITTED_LOG_MAGIC);
    committed_log_clear(cl);
    zk_lock(&cl->lock);
    free(cl->ring);
    zk_unlock(&cl->lock);
    zk_mutex_fini(&cl->lock);
    cl->magic = 0;
    free(cl);
}

/* The i-th oldest; the lock is held. */
static struct txn_bytes *clog_at(const struct committed_log *cl, size_t i)
    ZK_REQUIRES(cl->lock);

static struct txn_bytes *
clog_at(const struct committed_log *cl, size_t i)
{
    return cl->ring[(cl->first + i) % cl->limit];
}

/* One follows the other: the next of its epoch, or of a later epoch. */
static bool
clog_follows(int64_t zxid, int64_t before)
{
    return zxid == before + 1
           || (uint64_t) zxid >> 32 > (uint64_t) before >> 32;
}

void
committed_log_add(struct committed_log *cl, struct txn_bytes *txn)
{
    struct txn_bytes *dropped = NULL;
    bool repeated;

    ZK_CHECK(cl, COMMITTED_LOG_MAGIC);
    zk_lock(&cl->lock);
    repeated = cl->n > 0 && clog_at(cl, cl->n - 1)->zxid == txn->zxid;
    if (!repeated) {
        zk_assert(cl->n == 0
                  || clog_follows(txn->zxid,
                                  clog_at(cl, cl->n - 1)->zxid));
        if (cl->n == cl->limit) {
            dropped = cl->ring[cl->first];
            cl->first = (cl->first + 1) % cl->limit;
            cl->n--;
        }
        cl->ring[(cl->first + cl->n) % cl->limit] = txn_bytes_ref(txn);
        cl->n++;
    }
    zk_unlock(&cl->lock);
    txn_bytes_unref(dropped);
}

size_t
committed_log_size(struct committed_log *cl)
{
    size_t n;

    ZK_CHECK(cl, COMMITTED_LOG_MAGIC);
    zk_lock(&cl->lock);
    n = cl->n;
    zk_unlock(&cl->lock);
    return n;
}

void
committed_log_bounds(struct committed_log *cl, int64_t *min_zxid,
                     int64_t *max_zxid)
{
    ZK_CHECK(cl, COMMITTED_LOG_MAGIC);
    zk_lock(&cl->lock);
    *min_zxid = cl->n > 0 ? clog_at(cl, 0)->zxid : 0;
    *max_zxid = cl->n > 0 ? clog_at(cl, cl->n - 1)->zxid : 0;
    zk_unlock(&cl->lock);
}

void
committed_log_each(struct committed_log *cl, int64_t after,
                   void (*each)(void *arg, struct txn_bytes *txn), void *arg)
{
    ZK_CHECK(cl, COMMITTED_LOG_MAGIC);
    zk_lock(&cl->lock);
    for (size_t i = 0; i < cl->n; i++) {
        if (clog_at(cl, i)->zxid > after) {
            each(arg, clog_at(cl, i));
        }
    }
    zk_unlock(&cl->lock);
}

void
committed_log_clear(struct committed_log *cl)
{
    ZK_CHECK(cl, COMMITTED_LOG_MAGIC);
    zk_lock(&cl->lock);
    for (size_t i = 0; i < cl->n; i++) {
        txn_bytes_unref(clog_at(cl, i));
    }
    cl->first = cl->n = 0;
    zk_unlock(&cl->lock);
}
