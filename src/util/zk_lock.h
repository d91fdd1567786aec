/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zk_lock.h: mutexes, conditions and reader-writer locks that know their rank
 * and owner.
 *
 * Every lock belongs to a class of include/zookeeper/tbl/locks.h.  With
 * --enable-lock-checks each thread keeps the ranks it holds, and taking a
 * rank that does not rise (same class included, unless initialised by
 * zk_mutex_init_nested) panics.  A pthread error always panics.  No lock is
 * recursive.
 *
 * A condition wait stands in a loop on its predicate and looks at a stop
 * flag guarded by the same lock.  Deadlines are monotonic milliseconds
 * (zk_time_mono_ms).
 */
#ifndef UTIL_ZK_LOCK_H
#define UTIL_ZK_LOCK_H

#include <pthread.h>
#include <stdatomic.h>

#include "util/zk_obj.h"

#if defined(__clang__)
#define ZK_CAPABILITY __attribute__((lockable))
#define ZK_GUARDED __attribute__((guarded_var))
#define ZK_REQUIRES(l) __attribute__((exclusive_locks_required(l)))
#define ZK_REQUIRES_SHARED(l) __attribute__((shared_locks_required(l)))
#define ZK_ACQUIRES(l) __attribute__((exclusive_lock_function(l)))
#define ZK_ACQUIRES_SHARED(l) __attribute__((shared_lock_function(l)))
#define ZK_RELEASES(l) __attribute__((unlock_function(l)))
#define ZK_TRYLOCK(ok, l) __attribute__((exclusive_trylock_function(ok, l)))
#define ZK_NO_ANALYSIS __attribute__((no_thread_safety_analysis))
#else
#define ZK_CAPABILITY
#define ZK_GUARDED
#define ZK_REQUIRES(l)
#define ZK_REQUIRES_SHARED(l)
#define ZK_ACQUIRES(l)
#define ZK_ACQUIRES_SHARED(l)
#define ZK_RELEASES(l)
#define ZK_TRYLOCK(ok, l)
#define ZK_NO_ANALYSIS
#endif

enum zk_lock_class {
#define LOCK(rank, name, guards) ZK_LOCK_##name,
#include "zookeeper/tbl/locks.h"
#undef LOCK
    ZK_LOCK_CLASSES
};

struct ZK_CAPABILITY zk_mutex {
    pthread_mutex_t m;
    enum zk_lock_class cls;
    bool nested;                /* May be taken under others of its class. */
    _Atomic(void *) owner;      /* The holder's thread key; for asserts. */
};

struct zk_cond {
    pthread_cond_t c;           /* On CLOCK_MONOTONIC. */
};

struct ZK_CAPABILITY zk_rwlock {
    pthread_rwlock_t rw;        /* Waiting writers go first. */
    enum zk_lock_class cls;
    _Atomic(void *) writer;
};

/* A free mutex of that class. */
void zk_mutex_init(struct zk_mutex *m, enum zk_lock_class cls);
/* The same for a mutex that may be taken while others of its class are held:
 * the caller says where it is used what order they are taken in. */
void zk_mutex_init_nested(struct zk_mutex *m, enum zk_lock_class cls);
/* Nobody may hold it. */
void zk_mutex_fini(struct zk_mutex *m);
/* Waits for it; counts that it had to wait. */
void zk_lock(struct zk_mutex *m) ZK_ACQUIRES(*m);
void zk_unlock(struct zk_mutex *m) ZK_RELEASES(*m);
/* False at once when somebody holds it; looks at no rank. */
bool zk_trylock(struct zk_mutex *m) ZK_TRYLOCK(true, *m);
/* Panics unless the calling thread holds it. */
void zk_assert_held(const struct zk_mutex *m);

/* A condition, on the monotonic clock; nobody may wait when it goes. */
void zk_cond_init(struct zk_cond *c);
void zk_cond_fini(struct zk_cond *c);
/* Lets go of 'm' (held), sleeps, takes it again; may wake without cause. */
void zk_cond_wait(struct zk_cond *c, struct zk_mutex *m) ZK_REQUIRES(*m);
/* False once 'deadline_ms' (zk_time_mono_ms) has passed. */
bool zk_cond_wait_until(struct zk_cond *c, struct zk_mutex *m,
                        int64_t deadline_ms) ZK_REQUIRES(*m);
/* Wakes one waiter, or all of them; the mutex need not be held. */
void zk_cond_signal(struct zk_cond *c);
void zk_cond_broadcast(struct zk_cond *c);

/* A free lock of that class; a waiting writer goes before new readers. */
void zk_rwlock_init(struct zk_rwlock *l, enum zk_lock_class cls);
void zk_rwlock_fini(struct zk_rwlock *l);
/* Many readers or one writer.  Both count when they had to wait. */
void zk_read_lock(struct zk_rwlock *l) ZK_ACQUIRES_SHARED(*l);
void zk_read_unlock(struct zk_rwlock *l) ZK_RELEASES(*l);
void zk_write_lock(struct zk_rwlock *l) ZK_ACQUIRES(*l);
void zk_write_unlock(struct zk_rwlock *l) ZK_RELEASES(*l);
/* Panics unless the calling thread holds it for writing. */
void zk_assert_write_held(const struct zk_rwlock *l);

/* Prints the classes that the calling thread holds (lock-check builds), and
 * how often each class was waited for. */
void zk_lock_dump(FILE *out);
/* How often taking a lock of the class had to wait since the start. */
uint64_t zk_lock_contended(enum zk_lock_class cls);
const char *zk_lock_class_name(enum zk_lock_class cls);

#endif
