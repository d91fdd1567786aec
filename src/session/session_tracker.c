/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "session/session_tracker.h"

#include <inttypes.h>
#include <stdlib.h>

#include "proto/keeper_error.h"
#include "session/expiry_queue.h"
#include "session/java_date.h"
#include "util/zk_lock.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

#define uthash_malloc(size) zk_xmalloc(size)
#include <uthash.h>

/* What owns container nodes; no session may look like it. */
#define CONTAINER_OWNER INT64_MIN

struct session {
    int64_t id;
    const void *owner;          /* NULL: nobody yet. */
    struct expiry_elem expiry;  /* In no bucket once it has expired. */
    int32_t timeout_ms;         /* Of the last touch. */
    bool closing;
    UT_hash_handle hh;
};

struct session_tracker {
    unsigned magic;
#define SESSION_TRACKER_MAGIC 0x53657373

    /* Set at create, never changed. */
    struct session_tracker_env env;
    int64_t tick_ms;
    struct zk_thread thread;    /* Of start and stop. */

    struct zk_mutex lock;       /* ZK_LOCK_session_tracker */
    struct zk_cond wakeup;      /* Only to stop. */
    struct session *sessions ZK_GUARDED;    /* uthash by id */
    struct expiry_queue queue ZK_GUARDED;
    int64_t next_id ZK_GUARDED;
    bool stopping ZK_GUARDED;
};

struct session_tracker *
session_tracker_create(const struct session_tracker_env *env,
                       int64_t server_id, int64_t tick_ms)
{
    struct session_tracker *st = zk_xcalloc(1, sizeof *st);

    st->magic = SESSION_TRACKER_MAGIC;
    st->env = *env;
    st->tick_ms = tick_ms;
    zk_mutex_init(&st->lock, ZK_LOCK_session_tracker);
    zk_cond_init(&st->wakeup);
    zk_lock(&st->lock);
    st->next_id = session_id_first(server_id, zk_time_wall_ms());
    expiry_queue_init(&st->queue, tick_ms, zk_time_mono_ms());
    zk_unlock(&st->lock);
    return st;
}

static void
st_free_locked(struct session_tracker *st, struct session *s)
    ZK_REQUIRES(st->lock)
{
    expiry_queue_remove(&st->queue, &s->expiry);
    HASH_DELETE(hh, st->sessions, s);
    free(s);
}

void
session_tracker_destroy(struct session_tracker *st)
{
    if (st == NULL) {
        return;
    }
    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_lock(&st->lock);
    while (st->sessions != NULL) {
        st_free_locked(st, st->sessions);
    }
    expiry_queue_fini(&st->queue);
    zk_unlock(&st->lock);
    zk_cond_fini(&st->wakeup);
    zk_mutex_fini(&st->lock);
    st->magic = 0;
    free(st);
}

/* --- the thread --- */

/* Marks what is due closing and gives the ids, *n of them; NULL when nothing
 * is. */
static int64_t *
st_take_due_locked(struct session_tracker *st, int64_t now_ms, size_t *n)
    ZK_REQUIRES(st->lock)
{
    struct expiry_elem *e;
    int64_t *ids = NULL;
    size_t cap = 0;

    *n = 0;
    while ((e = expiry_queue_poll(&st->queue, now_ms)) != NULL) {
        struct session *s = ZK_CONTAINER_OF(e, struct session, expiry);

        s->closing = true;
        zk_info(session,
                "Expiring session 0x%" PRIx64 ", timeout of %" PRId32
                "ms exceeded", (uint64_t) s->id, s->timeout_ms);
        if (*n == cap) {
            cap = cap == 0 ? 16 : cap * 2;
            ids = zk_xrealloc(ids, cap * sizeof *ids);
        }
        ids[(*n)++] = s->id;
    }
    return ids;
}

static bool
st_is_stopping(struct session_tracker *st)
{
    bool stopping;

    zk_lock(&st->lock);
    stopping = st->stopping;
    zk_unlock(&st->lock);
    return stopping;
}

static void
st_expire(struct session_tracker *st, const int64_t *ids, size_t n)
{
    for (size_t i = 0; i < n && !st_is_stopping(st); i++) {
        st->env.expire(st->env.self, ids[i]);
    }
}

static void
st_run(void *arg)
{
    struct session_tracker *st = arg;

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_lock(&st->lock);
    while (!st->stopping) {
        int64_t now_ms = zk_time_mono_ms();
        size_t n;
        int64_t *ids = st_take_due_locked(st, now_ms, &n);

        if (n == 0) {
            int64_t wait_ms = expiry_queue_wait_ms(&st->queue, now_ms);

            (void) zk_cond_wait_until(&st->wakeup, &st->lock,
                                      now_ms + wait_ms);
            continue;
        }
        zk_unlock(&st->lock);
        st_expire(st, ids, n);
        free(ids);
        zk_lock(&st->lock);
    }
    zk_unlock(&st->lock);
}

void
session_tracker_start(struct session_tracker *st)
{
    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_thread_start(&st->thread, st_run, st, "SessionTracker");
}

void
session_tracker_stop(struct session_tracker *st)
{
    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_lock(&st->lock);
    st->stopping = true;
    zk_cond_broadcast(&st->wakeup);
    zk_unlock(&st->lock);
    zk_thread_join(&st->thread);
}

/* --- sessions --- */

static struct session *
st_find_locked(struct session_tracker *st, int64_t id) ZK_REQUIRES(st->lock)
{
    struct session *s;

    HASH_FIND(hh, st->sessions, &id, sizeof id, s);
    return s;
}

/* A session that requests may still use, or NULL. */
static struct session *
st_find_open_locked(struct session_tracker *st, int64_t id)
    ZK_REQUIRES(st->lock)
{
    struct session *s = st_find_locked(st, id);

    return s != NULL && !s->closing ? s : NULL;
}

static int64_t
st_touch_locked(struct session_tracker *st, struct session *s,
                int32_t timeout_ms) ZK_REQUIRES(st->lock)
{
    s->timeout_ms = timeout_ms;
    return expiry_queue_update(&st->queue, &s->expiry, zk_time_mono_ms(),
                               timeout_ms);
}

static void
st_add_locked(struct session_tracker *st, int64_t id, int32_t timeout_ms)
    ZK_REQUIRES(st->lock)
{
    struct session *s = zk_xcalloc(1, sizeof *s);

    s->id = id;
    HASH_ADD(hh, st->sessions, id, sizeof s->id, s);
    st_touch_locked(st, s, timeout_ms);
}

int64_t
session_tracker_create_session(struct session_tracker *st,
                               int32_t timeout_ms)
{
    int64_t id;

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_lock(&st->lock);
    do {
        id = st->next_id;
        st->next_id = (int64_t) ((uint64_t) id + 1);
    } while (id == 0 || id == CONTAINER_OWNER
             || st_find_locked(st, id) != NULL);
    st_add_locked(st, id, timeout_ms);
    zk_unlock(&st->lock);
    return id;
}

bool
session_tracker_add(struct session_tracker *st, int64_t id,
                    int32_t timeout_ms)
{
    struct session *s;

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_lock(&st->lock);
    s = st_find_locked(st, id);
    if (s == NULL) {
        st_add_locked(st, id, timeout_ms);
    } else if (!s->closing) {
        st_touch_locked(st, s, timeout_ms);
    }
    zk_unlock(&st->lock);
    return s == NULL;
}

bool
session_tracker_touch(struct session_tracker *st, int64_t id,
                      int32_t timeout_ms, int64_t *bucket_ms)
{
    struct session *s;
    int64_t at = 0;

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_lock(&st->lock);
    s = st_find_open_locked(st, id);
    if (s != NULL) {
        at = st_touch_locked(st, s, timeout_ms);
    }
    zk_unlock(&st->lock);
    if (bucket_ms != NULL) {
        *bucket_ms = at;
    }
    return s != NULL;
}

int64_t
session_tracker_bucket(const struct session_tracker *st, int64_t now_ms,
                       int32_t timeout_ms)
{
    const struct expiry_queue ticks = { .tick_ms = st->tick_ms };

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    return expiry_queue_bucket(&ticks, now_ms, timeout_ms);
}

/* It stays in its bucket: should its closeSession get lost, expiry submits
 * another. */
void
session_tracker_set_closing(struct session_tracker *st, int64_t id)
{
    struct session *s;

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_lock(&st->lock);
    s = st_find_locked(st, id);
    if (s != NULL) {
        s->closing = true;
    }
    zk_unlock(&st->lock);
}

bool
session_tracker_is_tracked(struct session_tracker *st, int64_t id)
{
    bool tracked;

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_lock(&st->lock);
    tracked = st_find_locked(st, id) != NULL;
    zk_unlock(&st->lock);
    return tracked;
}

void
session_tracker_remove(struct session_tracker *st, int64_t id)
{
    struct session *s;

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_lock(&st->lock);
    s = st_find_locked(st, id);
    if (s != NULL) {
        st_free_locked(st, s);
    }
    zk_unlock(&st->lock);
}

int
session_tracker_check(struct session_tracker *st, int64_t id,
                      const void *owner)
{
    struct session *s;
    int rv = KE_OK;

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_lock(&st->lock);
    s = st_find_open_locked(st, id);
    if (s == NULL) {
        rv = KE_SESSION_EXPIRED;
    } else if (s->owner == NULL) {
        s->owner = owner;
    } else if (s->owner != owner) {
        rv = KE_SESSION_MOVED;
    }
    zk_unlock(&st->lock);
    return rv;
}

void
session_tracker_set_owner(struct session_tracker *st, int64_t id,
                          const void *owner)
{
    struct session *s;

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_lock(&st->lock);
    s = st_find_open_locked(st, id);
    if (s != NULL) {
        s->owner = owner;
    }
    zk_unlock(&st->lock);
}

size_t
session_tracker_count(struct session_tracker *st)
{
    size_t n;

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_lock(&st->lock);
    n = HASH_COUNT(st->sessions);
    zk_unlock(&st->lock);
    return n;
}

/* --- dump --- */

struct st_dump {
    struct zk_buf *out;
    int64_t wall_minus_mono_ms;
    int64_t bucket_ms;          /* The one printed last. */
};

static void
st_dump_one(void *arg, int64_t bucket_ms, size_t bucket_size,
            const struct expiry_elem *e)
{
    const struct session *s;
    struct st_dump *d = arg;

    s = ZK_CONTAINER_OF_CONST(e, struct session, expiry);
    if (bucket_ms != d->bucket_ms) {
        d->bucket_ms = bucket_ms;
        zk_buf_printf(d->out, "%zu expire at ", bucket_size);
        java_date_append(d->out, bucket_ms + d->wall_minus_mono_ms);
        zk_buf_printf(d->out, ":\n");
    }
    zk_buf_printf(d->out, "\t0x%" PRIx64 "\n", (uint64_t) s->id);
}

void
session_tracker_dump(struct session_tracker *st, struct zk_buf *out)
{
    struct st_dump d = { .out = out, .bucket_ms = -1 };

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    d.wall_minus_mono_ms = zk_time_wall_ms() - zk_time_mono_ms();
    zk_lock(&st->lock);
    zk_buf_printf(out, "Session Sets (%zu)/(%zu):\n",
                  expiry_queue_buckets(&st->queue), st->queue.n);
    expiry_queue_each(&st->queue, st_dump_one, &d);
    zk_unlock(&st->lock);
}
