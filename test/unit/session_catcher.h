/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_catcher.h: a session tracker under test, and what it lets expire.
 */
#ifndef TEST_SESSION_CATCHER_H
#define TEST_SESSION_CATCHER_H

#include "session/session_tracker.h"
#include "test/lib/zk_test.h"
#include "util/zk_lock.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

#define CATCH_DEADLINE_MS 20000

/* Collects what expires. */
struct catcher {
    struct zk_mutex lock;
    struct zk_cond wakeup;
    int64_t ids[64];
    size_t n;
    struct session_tracker *st;
    bool remove;                /* As the closeSession would do in time. */
};

static struct catcher got;

static inline void
catch_expired(void *self, int64_t session_id)
{
    struct catcher *c = self;

    CU_ASSERT_STRING_EQUAL(zk_thread_name(), "SessionTracker");
    if (c->remove) {
        session_tracker_remove(c->st, session_id);
    }
    zk_lock(&c->lock);
    if (c->n < ZK_ARRAY_SIZE(c->ids)) {
        c->ids[c->n] = session_id;
    }
    c->n++;
    zk_cond_broadcast(&c->wakeup);
    zk_unlock(&c->lock);
}

static inline struct session_tracker *
begin(int64_t tick_ms)
{
    struct session_tracker_env env = { &got, catch_expired };

    memset(&got, 0, sizeof got);
    zk_mutex_init(&got.lock, ZK_LOCK_leaf);
    zk_cond_init(&got.wakeup);
    got.st = session_tracker_create(&env, 1, tick_ms);
    return got.st;
}

static inline void
end(void)
{
    session_tracker_stop(got.st);
    session_tracker_destroy(got.st);
    zk_cond_fini(&got.wakeup);
    zk_mutex_fini(&got.lock);
}

/* True once 'n' sessions have expired; false when that takes too long. */
static inline bool
wait_expired(size_t n)
{
    int64_t deadline = zk_time_mono_ms() + CATCH_DEADLINE_MS;
    bool ok;

    zk_lock(&got.lock);
    while (got.n < n
           && zk_cond_wait_until(&got.wakeup, &got.lock, deadline)) {
    }
    ok = got.n >= n;
    zk_unlock(&got.lock);
    return ok;
}

#endif
