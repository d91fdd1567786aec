/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/snapshot_thread.h"

#include <stdlib.h>

#include "util/crash_point.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

/* How long a snapshot that failed (no room, a learner's is under way) waits for
 * its next try. */
#define ST_RETRY_MS 10000

struct snapshot_thread {
    unsigned magic;
#define SNAPSHOT_THREAD_MAGIC 0x536e7054

    struct zk_database *db;
    struct zk_thread thread;
    atomic_bool busy;           /* No time to remove files. */

    struct zk_mutex lock;
    struct zk_cond changed;
    bool wanted ZK_GUARDED;     /* Asked for or under way. */
    bool stopping ZK_GUARDED;
    bool sweep ZK_GUARDED;      /* There may be files to remove. */
    bool held ZK_GUARDED;
    int64_t go_on_ms ZK_GUARDED;    /* Monotonic; not before this. */
};

static bool
st_is_in_a_hurry(struct snapshot_thread *st)
{
    return atomic_load(&st->db->give_up) || atomic_load(&st->db->hurry);
}

/* False when there is no time for another try. */
static bool
st_wait_for_retry(struct snapshot_thread *st)
{
    int64_t until_ms = zk_time_mono_ms() + ST_RETRY_MS;

    zk_lock(&st->lock);
    while (!st_is_in_a_hurry(st)
           && zk_cond_wait_until(&st->changed, &st->lock, until_ms)) {
    }
    zk_unlock(&st->lock);
    return !st_is_in_a_hurry(st);
}

static int
st_try(struct snapshot_thread *st)
{
    struct zk_errmsg em;
    int rv = ZK_ESTOPPED;

    snapshot_thread_rest(st);
    if (!atomic_load(&st->db->give_up)) {
        rv = zk_database_snapshot(st->db, &em);
    }
    if (rv == ZK_ESTOPPED) {
        zk_info(snap, "the snapshot under way was given up");
    } else if (rv != ZK_OK) {
        zk_error(snap, "no snapshot was taken: %s", em.text);
    }
    return rv;
}

static void
st_take(struct snapshot_thread *st)
{
    int rv = st_try(st);

    while (rv != ZK_OK && rv != ZK_ESTOPPED && st_wait_for_retry(st)) {
        rv = st_try(st);
    }
    if (rv == ZK_OK) {
        CRASH_HERE(start_snapshot_done);
    } else {
        atomic_store(&st->db->snapshot_missed, true);
    }
}

static void
st_run(void *arg)
{
    struct snapshot_thread *st = arg;

    zk_lock(&st->lock);
    st->sweep = true;           /* A crash may have left something. */
    for (;;) {
        while (!st->wanted && !st->stopping && !st->sweep) {
            zk_cond_wait(&st->changed, &st->lock);
        }
        if (!st->wanted && st->stopping) {
            break;
        }
        if (st->wanted) {
            zk_unlock(&st->lock);
            st_take(st);
            zk_lock(&st->lock);
            st->wanted = false;
            atomic_store(&st->db->give_up, false);
            st->sweep = true;
            atomic_store(&st->busy, st->stopping);
            zk_cond_broadcast(&st->changed);
            continue;
        }
        /* Broken off for a snapshot it comes again behind that. */
        st->sweep = false;
        zk_unlock(&st->lock);
        file_txn_snap_log_sweep(st->db->files, &st->busy);
        zk_lock(&st->lock);
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
    zk_cond_init(&st->changed);
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
        atomic_store(&st->busy, true);
        zk_cond_broadcast(&st->changed);
    }
    zk_unlock(&st->lock);
    return idle;
}

void
snapshot_thread_sweep(struct snapshot_thread *st)
{
    if (st != NULL) {
        ZK_CHECK(st, SNAPSHOT_THREAD_MAGIC);
        zk_lock(&st->lock);
        st->sweep = true;
        zk_cond_broadcast(&st->changed);
        zk_unlock(&st->lock);
    }
}

/* ---- between roles ------------------------------------------------------ */

void
snapshot_thread_hold(struct snapshot_thread *st)
{
    if (st != NULL) {
        ZK_CHECK(st, SNAPSHOT_THREAD_MAGIC);
        zk_lock(&st->lock);
        st->held = true;
        zk_unlock(&st->lock);
    }
}

void
snapshot_thread_go_on(struct snapshot_thread *st, int64_t after_ms)
{
    if (st != NULL) {
        ZK_CHECK(st, SNAPSHOT_THREAD_MAGIC);
        zk_lock(&st->lock);
        st->held = false;
        st->go_on_ms = zk_time_mono_ms() + after_ms;
        zk_cond_broadcast(&st->changed);
        zk_unlock(&st->lock);
    }
}

void
snapshot_thread_rest(struct snapshot_thread *st)
{
    if (st == NULL) {
        return;
    }
    ZK_CHECK(st, SNAPSHOT_THREAD_MAGIC);
    zk_lock(&st->lock);
    while (st->wanted && !atomic_load(&st->db->give_up)) {
        if (st->held) {
            zk_cond_wait(&st->changed, &st->lock);
        } else if (atomic_load(&st->db->hurry)
                   || zk_time_mono_ms() >= st->go_on_ms) {
            break;
        } else {
            (void) zk_cond_wait_until(&st->changed, &st->lock, st->go_on_ms);
        }
    }
    zk_unlock(&st->lock);
}

/* ---- the end of a snapshot ---------------------------------------------- */

static void
st_await_idle_locked(struct snapshot_thread *st) ZK_REQUIRES(st->lock)
{
    zk_cond_broadcast(&st->changed);
    while (st->wanted) {
        zk_cond_wait(&st->changed, &st->lock);
    }
}

void
snapshot_thread_finish(struct snapshot_thread *st)
{
    ZK_CHECK(st, SNAPSHOT_THREAD_MAGIC);
    zk_lock(&st->lock);
    atomic_store(&st->db->hurry, true);
    st_await_idle_locked(st);
    atomic_store(&st->db->hurry, false);
    zk_unlock(&st->lock);
}

void
snapshot_thread_give_up(struct snapshot_thread *st)
{
    if (st == NULL) {
        return;
    }
    ZK_CHECK(st, SNAPSHOT_THREAD_MAGIC);
    zk_lock(&st->lock);
    atomic_store(&st->db->give_up, st->wanted);
    st_await_idle_locked(st);
    zk_unlock(&st->lock);
}

void
snapshot_thread_give_up_resting(struct snapshot_thread *st)
{
    if (st == NULL) {
        return;
    }
    ZK_CHECK(st, SNAPSHOT_THREAD_MAGIC);
    zk_lock(&st->lock);
    if (st->wanted
        && (st->held || zk_time_mono_ms() < st->go_on_ms)) {
        atomic_store(&st->db->give_up, true);
        zk_cond_broadcast(&st->changed);
    }
    zk_unlock(&st->lock);
}

void
snapshot_thread_destroy(struct snapshot_thread *st)
{
    if (st == NULL) {
        return;
    }
    ZK_CHECK(st, SNAPSHOT_THREAD_MAGIC);
    zk_lock(&st->lock);
    st->stopping = true;
    atomic_store(&st->busy, true);
    zk_unlock(&st->lock);
    snapshot_thread_give_up(st);
    zk_thread_join(&st->thread);
    zk_cond_fini(&st->changed);
    zk_mutex_fini(&st->lock);
    st->magic = 0;
    free(st);
}
