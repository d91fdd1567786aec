/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "util/zk_lock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    int rank;
    const char *name;
} zkl_classes[ZK_LOCK_CLASSES] = {
#define LOCK(rank, name, guards) { rank, #name },
#include "zookeeper/tbl/locks.h"
#undef LOCK
};

static _Atomic uint64_t zkl_contended[ZK_LOCK_CLASSES];

/* Its address tells threads apart. */
static _Thread_local char zkl_self;

/* A pthread call that fails is a mistake of ours (or memory is gone). */
static void
zkl_must(int err, const char *call, enum zk_lock_class cls)
{
    if (__builtin_expect(err != 0, 0)) {
        errno = err;
        zk_panic("%s on a lock of class %s: %m", call,
                 zk_lock_class_name(cls));
    }
}

#ifdef ZK_LOCK_CHECKS
#define ZKL_HELD_MAX 32

struct zkl_held {
    const void *lock;
    enum zk_lock_class cls;
};

/* What this thread holds, in the order it was taken. */
static _Thread_local struct zkl_held zkl_held[ZKL_HELD_MAX];
static _Thread_local size_t zkl_held_n;

/* Panics unless a lock of 'cls' may be taken now. */
static void
zkl_check_rank(const void *lock, enum zk_lock_class cls, bool nested)
{
    const struct zkl_held *h;

    if (zk_panicking()) {
        return;
    }
    for (size_t i = 0; i < zkl_held_n; i++) {
        h = &zkl_held[i];
        if (h->lock == lock) {
            zk_panic("lock %s is taken twice", zk_lock_class_name(cls));
        }
        if (zkl_classes[h->cls].rank > zkl_classes[cls].rank
            || (zkl_classes[h->cls].rank == zkl_classes[cls].rank
                && !nested)) {
            zk_panic("lock %s (rank %d) is taken under %s (rank %d)",
                     zkl_classes[cls].name, zkl_classes[cls].rank,
                     zkl_classes[h->cls].name, zkl_classes[h->cls].rank);
        }
    }
}

static void
zkl_note_taken(const void *lock, enum zk_lock_class cls)
{
    zk_assert(zkl_held_n < ZKL_HELD_MAX);
    zkl_held[zkl_held_n++] = (struct zkl_held) { lock, cls };
}

static void
zkl_note_released(const void *lock, enum zk_lock_class cls)
{
    for (size_t i = zkl_held_n; i-- > 0;) {
        if (zkl_held[i].lock == lock) {
            zkl_held_n--;
            memmove(&zkl_held[i], &zkl_held[i + 1],
                    (zkl_held_n - i) * sizeof zkl_held[0]);
            return;
        }
    }
    zk_panic("a lock of class %s is released by a thread that does not "
             "hold it", zk_lock_class_name(cls));
}

static void
zkl_dump_held(FILE *out)
{
    fprintf(out, "this thread holds:");
    for (size_t i = 0; i < zkl_held_n; i++) {
        fprintf(out, " %s", zk_lock_class_name(zkl_held[i].cls));
    }
    fprintf(out, "%s\n", zkl_held_n == 0 ? " no lock" : "");
}
#else
#define zkl_check_rank(lock, cls, nested) ((void) 0)
#define zkl_note_taken(lock, cls) ((void) 0)
#define zkl_note_released(lock, cls) ((void) 0)
#define zkl_dump_held(out) ((void) 0)
#endif

static void
zkl_count_wait(enum zk_lock_class cls)
{
    atomic_fetch_add_explicit(&zkl_contended[cls], 1, memory_order_relaxed);
}

/* The owner is only ever compared with the reader's own key, so relaxed
 * order is enough: a thread sees its own stores. */
static inline void
zkl_set_owner(_Atomic(void *) *owner, void *who)
{
    atomic_store_explicit(owner, who, memory_order_relaxed);
}

static inline bool
zkl_is_owner(const _Atomic(void *) *owner)
{
    return atomic_load_explicit(owner, memory_order_relaxed)
           == (void *) &zkl_self;
}

static void
zkl_mutex_init(struct zk_mutex *m, enum zk_lock_class cls, bool nested)
{
    zk_assert((unsigned) cls < ZK_LOCK_CLASSES);
    zkl_must(pthread_mutex_init(&m->m, NULL), "pthread_mutex_init", cls);
    m->cls = cls;
    m->nested = nested;
    atomic_init(&m->owner, NULL);
}

void
zk_mutex_init(struct zk_mutex *m, enum zk_lock_class cls)
{
    zkl_mutex_init(m, cls, false);
}

void
zk_mutex_init_nested(struct zk_mutex *m, enum zk_lock_class cls)
{
    zkl_mutex_init(m, cls, true);
}

void
zk_mutex_fini(struct zk_mutex *m)
{
    zkl_must(pthread_mutex_destroy(&m->m), "pthread_mutex_destroy", m->cls);
}

ZK_NO_ANALYSIS void
zk_lock(struct zk_mutex *m)
{
    int err;

    zkl_check_rank(m, m->cls, m->nested);
    err = pthread_mutex_trylock(&m->m);
    if (err != 0) {
        zkl_must(err == EBUSY ? 0 : err, "pthread_mutex_trylock", m->cls);
        zkl_count_wait(m->cls);
        zkl_must(pthread_mutex_lock(&m->m), "pthread_mutex_lock", m->cls);
    }
    zkl_set_owner(&m->owner, &zkl_self);
    zkl_note_taken(m, m->cls);
}

ZK_NO_ANALYSIS bool
zk_trylock(struct zk_mutex *m)
{
    int err = pthread_mutex_trylock(&m->m);

    if (err != 0) {
        zkl_must(err == EBUSY ? 0 : err, "pthread_mutex_trylock", m->cls);
        return false;
    }
    /* No look at the rank: what does not wait cannot deadlock. */
    zkl_set_owner(&m->owner, &zkl_self);
    zkl_note_taken(m, m->cls);
    return true;
}

ZK_NO_ANALYSIS void
zk_unlock(struct zk_mutex *m)
{
    zkl_note_released(m, m->cls);
    zkl_set_owner(&m->owner, NULL);
    zkl_must(pthread_mutex_unlock(&m->m), "pthread_mutex_unlock", m->cls);
}

void
zk_assert_held(const struct zk_mutex *m)
{
    if (!zkl_is_owner(&m->owner)) {
        zk_panic("a lock of class %s should be held here",
                 zk_lock_class_name(m->cls));
    }
}

void
zk_cond_init(struct zk_cond *c)
{
    pthread_condattr_t attr;

    zk_assert(pthread_condattr_init(&attr) == 0);
    zk_assert(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    zk_assert(pthread_cond_init(&c->c, &attr) == 0);
    pthread_condattr_destroy(&attr);
}

void
zk_cond_fini(struct zk_cond *c)
{
    zk_assert(pthread_cond_destroy(&c->c) == 0);
}

ZK_NO_ANALYSIS void
zk_cond_wait(struct zk_cond *c, struct zk_mutex *m)
{
    zk_assert_held(m);
    zkl_set_owner(&m->owner, NULL);
    zkl_must(pthread_cond_wait(&c->c, &m->m), "pthread_cond_wait", m->cls);
    zkl_set_owner(&m->owner, &zkl_self);
}

ZK_NO_ANALYSIS bool
zk_cond_wait_until(struct zk_cond *c, struct zk_mutex *m,
                   int64_t deadline_ms)
{
    int64_t ms = deadline_ms > 0 ? deadline_ms : 0;
    struct timespec ts = { .tv_sec = (time_t) (ms / 1000),
                           .tv_nsec = (long) (ms % 1000) * 1000000 };
    int err;

    zk_assert_held(m);
    zkl_set_owner(&m->owner, NULL);
    err = pthread_cond_timedwait(&c->c, &m->m, &ts);
    zkl_set_owner(&m->owner, &zkl_self);
    zkl_must(err == ETIMEDOUT ? 0 : err, "pthread_cond_timedwait", m->cls);
    return err == 0;
}

void
zk_cond_signal(struct zk_cond *c)
{
    zk_assert(pthread_cond_signal(&c->c) == 0);
}

void
zk_cond_broadcast(struct zk_cond *c)
{
    zk_assert(pthread_cond_broadcast(&c->c) == 0);
}

void
zk_rwlock_init(struct zk_rwlock *l, enum zk_lock_class cls)
{
    pthread_rwlockattr_t attr;

    zk_assert((unsigned) cls < ZK_LOCK_CLASSES);
    zkl_must(pthread_rwlockattr_init(&attr), "pthread_rwlockattr_init", cls);
    /* Readers come all the time; a writer must not wait for a gap. */
    zkl_must(pthread_rwlockattr_setkind_np(
                 &attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP),
             "pthread_rwlockattr_setkind_np", cls);
    zkl_must(pthread_rwlock_init(&l->rw, &attr), "pthread_rwlock_init", cls);
    pthread_rwlockattr_destroy(&attr);
    l->cls = cls;
    atomic_init(&l->writer, NULL);
}

void
zk_rwlock_fini(struct zk_rwlock *l)
{
    zkl_must(pthread_rwlock_destroy(&l->rw), "pthread_rwlock_destroy",
             l->cls);
}

ZK_NO_ANALYSIS void
zk_read_lock(struct zk_rwlock *l)
{
    int err;

    zkl_check_rank(l, l->cls, false);
    err = pthread_rwlock_tryrdlock(&l->rw);
    if (err != 0) {
        zkl_must(err == EBUSY ? 0 : err, "pthread_rwlock_tryrdlock", l->cls);
        zkl_count_wait(l->cls);
        zkl_must(pthread_rwlock_rdlock(&l->rw), "pthread_rwlock_rdlock",
                 l->cls);
    }
    zkl_note_taken(l, l->cls);
}

ZK_NO_ANALYSIS void
zk_read_unlock(struct zk_rwlock *l)
{
    zkl_note_released(l, l->cls);
    zkl_must(pthread_rwlock_unlock(&l->rw), "pthread_rwlock_unlock", l->cls);
}

ZK_NO_ANALYSIS void
zk_write_lock(struct zk_rwlock *l)
{
    int err;

    zkl_check_rank(l, l->cls, false);
    err = pthread_rwlock_trywrlock(&l->rw);
    if (err != 0) {
        zkl_must(err == EBUSY ? 0 : err, "pthread_rwlock_trywrlock", l->cls);
        zkl_count_wait(l->cls);
        zkl_must(pthread_rwlock_wrlock(&l->rw), "pthread_rwlock_wrlock",
                 l->cls);
    }
    zkl_set_owner(&l->writer, &zkl_self);
    zkl_note_taken(l, l->cls);
}

ZK_NO_ANALYSIS void
zk_write_unlock(struct zk_rwlock *l)
{
    zk_assert_write_held(l);
    zkl_note_released(l, l->cls);
    zkl_set_owner(&l->writer, NULL);
    zkl_must(pthread_rwlock_unlock(&l->rw), "pthread_rwlock_unlock", l->cls);
}

void
zk_assert_write_held(const struct zk_rwlock *l)
{
    if (!zkl_is_owner(&l->writer)) {
        zk_panic("a lock of class %s should be held for writing here",
                 zk_lock_class_name(l->cls));
    }
}

void
zk_lock_dump(FILE *out)
{
    uint64_t n;

    zkl_dump_held(out);
    for (size_t i = 0; i < ZK_LOCK_CLASSES; i++) {
        n = zk_lock_contended((enum zk_lock_class) i);
        if (n > 0) {
            fprintf(out, "lock %s: waited for %llu times\n",
                    zkl_classes[i].name, (unsigned long long) n);
        }
    }
}

uint64_t
zk_lock_contended(enum zk_lock_class cls)
{
    zk_assert((unsigned) cls < ZK_LOCK_CLASSES);
    return atomic_load_explicit(&zkl_contended[cls], memory_order_relaxed);
}

const char *
zk_lock_class_name(enum zk_lock_class cls)
{
    return (unsigned) cls < ZK_LOCK_CLASSES ? zkl_classes[cls].name : "?";
}
