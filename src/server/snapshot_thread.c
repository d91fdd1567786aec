/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/snapshot_thread.h"

#include <stdlib.h>

#include "util/crash_point.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"

struct snapshot_thread {
    unsigned magic;
#define SNAPSHOT_THREAD_MAGIC 0x536e7054

    struct zk_database *db;
    struct zk_thread thread;

    struct zk_mutex lock;
    struct zk_cond wakeup;
    bool wanted ZK_GUARDED;     /* Asked for or under way. */
    bool stopping ZK_GUARDED;
};

static void
st_run(void *arg)
{
    struct snapshot_thread *st = arg;
    struct zk_errmsg em;
    int rv;

    zk_lock(&st->lock);
    for (;;) {
        while (!st->wanted && !st->stopping) {
            zk_cond_wait(&st->wakeup, &st->lock);
        }
        if (!st->wanted) {
            break;
        }
        zk_unlock(&st->lock);
        rv = zk_database_snapshot(st->db, &em);
        if (rv == ZK_OK) {
            CRASH_HERE(start_snapshot_done);
        } else if (rv == ZK_ESTOPPED) {
            zk_info(snap, "no snapshot was taken: the role ends");
        } else {
            zk_error(snap, "no snapshot was taken: %s", em.text);
        }
        zk_lock(&st->lock);
        st->wanted = false;
    }
    zk_unlock(&st->lock);
}

struct snapshot_thread *
snapshot_thread_create(struct zk_database *db)
{
    struct snapshot_thread *st = zk_xcalloc(1, sizeof *st);

    st->magic = SNAPSHOT_THREAD_MAGIC;
    st->db = db;
    zk_mutex_init(&st->lock, ZK_LOCK_leaf);
    zk_cond_init(&st->wakeup);
    zk_thread_start(&st->thread, st_run, st, "SnapshotThread");
    return st;
}

bool
snapshot_thread_request(struct snapshot_thread *st)
{
    bool idle;

    ZK_CHECK(st, SNAPSHOT_THREAD_MAGIC);
    zk_lock(&st->lock);
    idle = !st->wanted && !st->stopping;
    if (idle) {
        st->wanted = true;
        zk_cond_signal(&st->wakeup);
    }
    zk_unlock(&st->lock);
    return idle;
}

void
snapshot_thread_destroy(struct snapshot_thread *st, bool give_up)
{
    if (st == NULL) {
        return;
    }
    ZK_CHECK(st, SNAPSHOT_THREAD_MAGIC);
    zk_lock(&st->lock);
    st->stopping = true;
    zk_cond_signal(&st->wakeup);
    zk_unlock(&st->lock);
    if (give_up) {
        atomic_store(&st->db->give_up, true);
    }
    zk_database_hurry(st->db);
    zk_thread_join(&st->thread);
    atomic_store(&st->db->give_up, false);
    zk_cond_fini(&st->wakeup);
    zk_mutex_fini(&st->lock);
    st->magic = 0;
    free(st);
}
