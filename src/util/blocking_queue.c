/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "util/blocking_queue.h"

#include <inttypes.h>
#include <unistd.h>

#include "util/zk_time.h"

/* Pauses between two looks at the clock while spinning. */
#define BQ_PAUSES 64

static inline void
bq_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("yield");
#endif
}

void
blocking_queue_init(struct blocking_queue *q, const char *name)
{
    q->magic = BLOCKING_QUEUE_MAGIC;
    q->name = name;
    zk_mutex_init(&q->lock, ZK_LOCK_blocking_queue);
    zk_cond_init(&q->wakeup);
    zk_lock(&q->lock);
    q->list = (struct bq_list) { 0 };
    q->closed = false;
    q->waiting = 0;
    q->woken = false;
    q->taken = 0;
    zk_unlock(&q->lock);
    q->spin_us = 0;
    atomic_init(&q->spin_now, UINT32_MAX);
    atomic_init(&q->size, 0);
}

void
blocking_queue_fini(struct blocking_queue *q)
{
    ZK_CHECK(q, BLOCKING_QUEUE_MAGIC);
    zk_lock(&q->lock);
    zk_assert(q->list.n == 0);
    zk_assert(q->waiting == 0);
    zk_unlock(&q->lock);
    zk_cond_fini(&q->wakeup);
    zk_mutex_fini(&q->lock);
    q->magic = 0;
}

/* True if the caller has to signal once it let go of the lock.  One signal
 * is enough until a consumer has seen it: who wakes takes everything. */
static bool
bq_wake_locked(struct blocking_queue *q) ZK_REQUIRES(q->lock)
{
    if (q->waiting == 0 || q->woken) {
        return false;
    }
    q->woken = true;
    return true;
}

static void
bq_note_size_locked(struct blocking_queue *q) ZK_REQUIRES(q->lock)
{
    atomic_store_explicit(&q->size, q->list.n, memory_order_relaxed);
}

bool
blocking_queue_put(struct blocking_queue *q, struct bq_node *node)
{
    struct bq_list one = { 0 };

    bq_list_append(&one, node);
    return blocking_queue_put_list(q, &one);
}

bool
blocking_queue_put_list(struct blocking_queue *q, struct bq_list *list)
{
    bool wake;

    ZK_CHECK(q, BLOCKING_QUEUE_MAGIC);
    zk_lock(&q->lock);
    if (q->closed) {
        zk_unlock(&q->lock);
        return false;
    }
    if (list->n == 0) {
        zk_unlock(&q->lock);
        return true;
    }
    bq_list_concat(&q->list, list);
    bq_note_size_locked(q);
    wake = bq_wake_locked(q);
    zk_unlock(&q->lock);
    if (wake) {
        zk_cond_signal(&q->wakeup);
    }
    return true;
}

/* Looks for an element for a while, without the lock.  How long adapts: a
 * spin that found something makes the next one as long as allowed, one that
 * did not halves it, down to an eighth. */
static void
bq_spin(struct blocking_queue *q)
{
    unsigned budget = atomic_load_explicit(&q->spin_now,
                                           memory_order_relaxed);
    int64_t until;

    if (atomic_load_explicit(&q->size, memory_order_relaxed) > 0) {
        return;
    }
    budget = budget < q->spin_us ? budget : q->spin_us;
    until = zk_time_mono_us() + budget;
    do {
        for (int i = 0; i < BQ_PAUSES; i++) {
            if (atomic_load_explicit(&q->size, memory_order_relaxed) > 0) {
                atomic_store_explicit(&q->spin_now, UINT32_MAX,
                                      memory_order_relaxed);
                return;
            }
            bq_pause();
        }
    } while (zk_time_mono_us() < until);
    budget /= 2;
    if (budget < q->spin_us / 8) {
        budget = q->spin_us / 8;
    }
    atomic_store_explicit(&q->spin_now, budget, memory_order_relaxed);
}

/* One sleep; false once the deadline (negative: none) has passed. */
static bool
bq_sleep_locked(struct blocking_queue *q, int64_t deadline_ms)
    ZK_REQUIRES(q->lock)
{
    bool in_time = true;

    q->waiting++;
    if (deadline_ms < 0) {
        zk_cond_wait(&q->wakeup, &q->lock);
    } else {
        in_time = zk_cond_wait_until(&q->wakeup, &q->lock, deadline_ms);
    }
    q->waiting--;
    q->woken = false;
    return in_time;
}

static bool
bq_take(struct blocking_queue *q, struct bq_list *out, int64_t deadline_ms)
{
    bool in_time = deadline_ms != 0;
    bool open;

    ZK_CHECK(q, BLOCKING_QUEUE_MAGIC);
    if (q->spin_us > 0 && in_time) {
        bq_spin(q);
    }
    zk_lock(&q->lock);
    while (q->list.n == 0 && !q->closed && in_time) {
        in_time = bq_sleep_locked(q, deadline_ms);
    }
    open = q->list.n > 0 || !q->closed;
    q->taken += q->list.n;
    bq_list_concat(out, &q->list);
    bq_note_size_locked(q);
    zk_unlock(&q->lock);
    return open;
}

bool
blocking_queue_take_all(struct blocking_queue *q, struct bq_list *out)
{
    return bq_take(q, out, -1);
}

bool
blocking_queue_take_until(struct blocking_queue *q, struct bq_list *out,
                          int64_t deadline_ms)
{
    return bq_take(q, out, deadline_ms > 0 ? deadline_ms : 0);
}

void
blocking_queue_close(struct blocking_queue *q)
{
    ZK_CHECK(q, BLOCKING_QUEUE_MAGIC);
    zk_lock(&q->lock);
    q->closed = true;
    zk_unlock(&q->lock);
    zk_cond_broadcast(&q->wakeup);
}

size_t
blocking_queue_size(const struct blocking_queue *q)
{
    return atomic_load_explicit(&q->size, memory_order_relaxed);
}

void
blocking_queue_dump(struct blocking_queue *q, FILE *out)
{
    ZK_CHECK(q, BLOCKING_QUEUE_MAGIC);
    /* The one that panics may hold it. */
    if (!zk_trylock(&q->lock)) {
        fprintf(out, "queue %s: %zu in it, its lock is held\n", q->name,
                blocking_queue_size(q));
        return;
    }
    fprintf(out, "queue %s: %zu in it, %" PRIu64 " taken, %u consumers "
            "asleep%s\n", q->name, q->list.n, q->taken, q->waiting,
            q->closed ? ", closed" : "");
    zk_unlock(&q->lock);
}
