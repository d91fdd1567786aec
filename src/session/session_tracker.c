/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "session/session_tracker.h"

#include <inttypes.h>
#include <stdlib.h>

#include "proto/keeper_error.h"
#include "session/expiry_queue.h"
#include "session/java_date.h"
#include "util/zk_bytes.h"
#include "util/zk_lock.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

#define uthash_malloc(size) zk_xmalloc(size)
#include <uthash.h>
#include <utlist.h>

/* What owns container nodes; no session may look like it. */
#define CONTAINER_OWNER INT64_MIN

struct session {
    int64_t id;
    const void *owner;          /* NULL: nobody yet. */
    struct expiry_elem expiry;  /* In no bucket once it has expired, and when
                                 * it expires elsewhere. */
    struct session *touched_next, *touched_prev;
    int32_t timeout_ms;         /* Of the last touch. */
    bool closing;               /* It has expired, or ended. */
    bool ended;                 /* All that comes now is too late. */
    bool local;                 /* Only this server knows it. */
    bool touched;               /* In the list of the touched. */
    UT_hash_handle hh;
};

struct session_tracker {
    unsigned magic;
#define SESSION_TRACKER_MAGIC 0x53657373

    /* Set at create, never changed. */
    struct session_tracker_env env;
    int64_t tick_ms;
    uint8_t server_id;          /* The high byte of ids made here. */
    int64_t first_id;           /* The first one of those. */
    bool learner;
    bool allows_local;
    struct zk_thread thread;    /* Of start and stop. */

    /* How often the touched were taken.  0 but for a learner. */
    _Atomic int64_t generation;

    struct zk_mutex lock;       /* ZK_LOCK_session_tracker */
    struct zk_cond wakeup;      /* Only to stop. */
    struct session *sessions ZK_GUARDED;    /* uthash by id */
    size_t n_local ZK_GUARDED;
    struct expiry_queue queue ZK_GUARDED;   /* Not a learner's. */
    struct expiry_queue local_queue ZK_GUARDED;
    struct session *touched ZK_GUARDED;     /* Only a learner's. */
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
    st->server_id = (uint8_t) server_id;
    zk_mutex_init(&st->lock, ZK_LOCK_session_tracker);
    zk_cond_init(&st->wakeup);
    st->first_id = session_id_first(server_id, zk_time_wall_ms());
    zk_lock(&st->lock);
    st->next_id = st->first_id;
    expiry_queue_init(&st->queue, tick_ms, zk_time_mono_ms());
    expiry_queue_init(&st->local_queue, tick_ms, zk_time_mono_ms());
    zk_unlock(&st->lock);
    return st;
}

void
session_tracker_set_learner(struct session_tracker *st)
{
    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_assert(!st->thread.started);
    st->learner = true;
}

void
session_tracker_allow_local(struct session_tracker *st)
{
    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_assert(!st->thread.started);
    st->allows_local = true;
}

static struct expiry_queue *
st_queue_locked(struct session_tracker *st, const struct session *s)
    ZK_REQUIRES(st->lock)
{
    return s->local ? &st->local_queue : &st->queue;
}

static void
st_untouch_locked(struct session_tracker *st, struct session *s)
    ZK_REQUIRES(st->lock)
{
    if (s->touched) {
        DL_DELETE2(st->touched, s, touched_prev, touched_next);
        s->touched = false;
    }
}

static void
st_free_locked(struct session_tracker *st, struct session *s)
    ZK_REQUIRES(st->lock)
{
    expiry_queue_remove(st_queue_locked(st, s), &s->expiry);
    st_untouch_locked(st, s);
    st->n_local -= s->local;
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
    expiry_queue_fini(&st->local_queue);
    zk_unlock(&st->lock);
    zk_cond_fini(&st->wakeup);
    zk_mutex_fini(&st->lock);
    st->magic = 0;
    free(st);
}

/* --- the thread --- */

static struct expiry_elem *
st_poll_locked(struct session_tracker *st, int64_t now_ms)
    ZK_REQUIRES(st->lock)
{
    struct expiry_elem *e = expiry_queue_poll(&st->queue, now_ms);

    return e != NULL ? e : expiry_queue_poll(&st->local_queue, now_ms);
}

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
    while ((e = st_poll_locked(st, now_ms)) != NULL) {
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

static int64_t
st_wait_ms_locked(const struct session_tracker *st, int64_t now_ms)
    ZK_REQUIRES(st->lock)
{
    int64_t global_ms = expiry_queue_wait_ms(&st->queue, now_ms);
    int64_t local_ms = expiry_queue_wait_ms(&st->local_queue, now_ms);

    return global_ms < local_ms ? global_ms : local_ms;
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
            (void) zk_cond_wait_until(&st->wakeup, &st->lock,
                                      now_ms + st_wait_ms_locked(st, now_ms));
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

static void
st_note_touched_locked(struct session_tracker *st, struct session *s)
    ZK_REQUIRES(st->lock)
{
    if (!s->touched) {
        s->touched = true;
        DL_APPEND2(st->touched, s, touched_prev, touched_next);
    }
}

static int64_t
st_touch_locked(struct session_tracker *st, struct session *s,
                int32_t timeout_ms) ZK_REQUIRES(st->lock)
{
    s->timeout_ms = timeout_ms;
    if (st->learner && !s->local) {
        st_note_touched_locked(st, s);
        return session_tracker_bucket(st, zk_time_mono_ms(), timeout_ms);
    }
    return expiry_queue_update(st_queue_locked(st, s), &s->expiry,
                               zk_time_mono_ms(), timeout_ms)
           + atomic_load_explicit(&st->generation, memory_order_relaxed);
}

/* A learner is told of its sessions; all others begin to count down. */
static void
st_add_locked(struct session_tracker *st, int64_t id, int32_t timeout_ms,
              bool local) ZK_REQUIRES(st->lock)
{
    struct session *s = zk_xcalloc(1, sizeof *s);

    s->id = id;
    s->local = local;
    st->n_local += local;
    s->timeout_ms = timeout_ms;
    HASH_ADD(hh, st->sessions, id, sizeof s->id, s);
    if (local || !st->learner) {
        st_touch_locked(st, s, timeout_ms);
    }
}

static int64_t
st_next_id_locked(struct session_tracker *st) ZK_REQUIRES(st->lock)
{
    int64_t id;

    do {
        id = st->next_id;
        st->next_id = (int64_t) ((uint64_t) id + 1);
    } while (id == 0 || id == CONTAINER_OWNER
             || st_find_locked(st, id) != NULL);
    return id;
}

int64_t
session_tracker_create_session(struct session_tracker *st,
                               int32_t timeout_ms)
{
    int64_t id;

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_lock(&st->lock);
    id = st_next_id_locked(st);
    if (!st->learner) {
        st_add_locked(st, id, timeout_ms, false);
    }
    zk_unlock(&st->lock);
    return id;
}

int64_t
session_tracker_create_local(struct session_tracker *st, int32_t timeout_ms)
{
    int64_t id;

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_assert(st->allows_local);
    zk_lock(&st->lock);
    id = st_next_id_locked(st);
    st_add_locked(st, id, timeout_ms, true);
    zk_unlock(&st->lock);
    return id;
}

/* From now on it is the ensemble's: it expires where those do. */
static void
st_make_global_locked(struct session_tracker *st, struct session *s)
    ZK_REQUIRES(st->lock)
{
    expiry_queue_remove(&st->local_queue, &s->expiry);
    s->local = false;
    st->n_local--;
    st_touch_locked(st, s, s->timeout_ms);
}

bool
session_tracker_upgrade(struct session_tracker *st, int64_t id,
                        int32_t *timeout_ms)
{
    struct session *s;
    bool ok;

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_lock(&st->lock);
    s = st_find_open_locked(st, id);
    ok = s != NULL && s->local;
    if (ok) {
        *timeout_ms = s->timeout_ms;
        st_make_global_locked(st, s);
    }
    zk_unlock(&st->lock);
    return ok;
}

bool
session_tracker_is_local(struct session_tracker *st, int64_t id)
{
    const struct session *s;
    bool local;

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    if (!st->allows_local) {
        return false;
    }
    zk_lock(&st->lock);
    s = st_find_locked(st, id);
    local = s != NULL && s->local;
    zk_unlock(&st->lock);
    return local;
}

bool
session_tracker_made_local(struct session_tracker *st, int64_t id)
{
    const struct session *s;
    bool made;

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_lock(&st->lock);
    s = st_find_locked(st, id);
    made = (uint64_t) id - (uint64_t) st->first_id
               < (uint64_t) st->next_id - (uint64_t) st->first_id
           && (s == NULL || s->local);
    zk_unlock(&st->lock);
    return made;
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
        st_add_locked(st, id, timeout_ms, false);
    } else if (!s->closing) {
        s->timeout_ms = timeout_ms;
        if (s->local) {
            st_make_global_locked(st, s);
        } else if (!st->learner) {
            st_touch_locked(st, s, timeout_ms);
        }
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
    /* Neither ever falls, so the sum changes whenever one of them does. */
    return expiry_queue_bucket(&ticks, now_ms, timeout_ms)
           + atomic_load_explicit(&st->generation, memory_order_relaxed);
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
        s->closing = s->ended = true;
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

static int
st_check_owner(struct session *s, const void *owner)
{
    if (s->owner == NULL) {
        s->owner = owner;
    }
    return s->owner == owner ? KE_OK : KE_SESSION_MOVED;
}

/* May it be a local session of another server? */
static bool
st_foreign(const struct session_tracker *st, int64_t id)
{
    return st->allows_local
           && (uint8_t) ((uint64_t) id >> 56) != st->server_id;
}

int
session_tracker_check(struct session_tracker *st, int64_t id,
                      const void *owner)
{
    struct session *s;
    int rv;

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_lock(&st->lock);
    s = st_find_locked(st, id);
    if (s != NULL) {
        rv = s->ended ? KE_SESSION_EXPIRED : st_check_owner(s, owner);
    } else {
        rv = st_foreign(st, id) ? KE_OK : KE_SESSION_EXPIRED;
    }
    zk_unlock(&st->lock);
    return rv;
}

int
session_tracker_check_global(struct session_tracker *st, int64_t id,
                             const void *owner)
{
    struct session *s;
    int rv = KE_SESSION_EXPIRED;

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_lock(&st->lock);
    s = st_find_locked(st, id);
    if (s != NULL && !s->local && !s->ended) {
        rv = st_check_owner(s, owner);
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

void
session_tracker_take_touched(struct session_tracker *st, struct zk_buf *out)
{
    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_assert(st->learner);
    zk_lock(&st->lock);
    atomic_fetch_add(&st->generation, 1);
    while (st->touched != NULL) {
        struct session *s = st->touched;
        uint8_t *p = zk_buf_reserve(out, 12);

        zk_put_be64(p, (uint64_t) s->id);
        zk_put_be32(p + 8, (uint32_t) s->timeout_ms);
        out->len += 12;
        st_untouch_locked(st, s);
    }
    zk_unlock(&st->lock);
}

size_t
session_tracker_count(struct session_tracker *st)
{
    size_t n;

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_lock(&st->lock);
    n = HASH_COUNT(st->sessions) - st->n_local;
    zk_unlock(&st->lock);
    return n;
}

size_t
session_tracker_local_count(struct session_tracker *st)
{
    size_t n;

    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_lock(&st->lock);
    n = st->n_local;
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

static void
st_dump_queue(const struct expiry_queue *q, struct zk_buf *out)
{
    struct st_dump d = { .out = out, .bucket_ms = -1 };

    d.wall_minus_mono_ms = zk_time_wall_ms() - zk_time_mono_ms();
    zk_buf_printf(out, "Session Sets (%zu)/(%zu):\n",
                  expiry_queue_buckets(q), q->n);
    expiry_queue_each(q, st_dump_one, &d);
}

static int
st_compare_ids(const void *a, const void *b)
{
    const struct session *x = *(struct session *const *) a;
    const struct session *y = *(struct session *const *) b;

    return (x->id > y->id) - (x->id < y->id);
}

/* What a learner knows of the ensemble's sessions. */
static void
st_dump_global_locked(struct session_tracker *st, struct zk_buf *out)
    ZK_REQUIRES(st->lock)
{
    size_t cap = HASH_COUNT(st->sessions) + 1, n = 0;
    struct session **sorted = zk_xmalloc(cap * sizeof *sorted);

    for (struct session *s = st->sessions; s != NULL; s = s->hh.next) {
        if (!s->local) {
            sorted[n++] = s;
        }
    }
    qsort(sorted, n, sizeof *sorted, st_compare_ids);
    zk_buf_printf(out, "Global Sessions(%zu):\n", n);
    for (size_t i = 0; i < n; i++) {
        zk_buf_printf(out, "0x%" PRIx64 "\t%" PRId32 "ms\n",
                      (uint64_t) sorted[i]->id, sorted[i]->timeout_ms);
    }
    free(sorted);
}

void
session_tracker_dump(struct session_tracker *st, struct zk_buf *out)
{
    ZK_CHECK(st, SESSION_TRACKER_MAGIC);
    zk_lock(&st->lock);
    if (st->allows_local) {
        zk_buf_printf(out, "Local ");
        st_dump_queue(&st->local_queue, out);
    }
    if (st->learner) {
        st_dump_global_locked(st, out);
    } else {
        if (st->allows_local) {
            zk_buf_printf(out, "Global ");
        }
        st_dump_queue(&st->queue, out);
    }
    zk_unlock(&st->lock);
}
