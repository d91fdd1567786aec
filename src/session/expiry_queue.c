/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "session/expiry_queue.h"

#include <stdlib.h>

#define uthash_malloc(size) zk_xmalloc(size)
#include <uthash.h>

/* Exists as long as it has elements. */
struct expiry_bucket {
    int64_t time_ms;
    struct expiry_elem *first;
    size_t n;
    UT_hash_handle hh;
};

/* The first multiple of a tick after 'ms'. */
static int64_t
eq_round(const struct expiry_queue *q, int64_t ms)
{
    return (ms / q->tick_ms + 1) * q->tick_ms;
}

void
expiry_queue_init(struct expiry_queue *q, int64_t tick_ms, int64_t now_ms)
{
    zk_assert(tick_ms > 0 && now_ms >= 0);
    q->tick_ms = tick_ms;
    q->next_expiry_ms = eq_round(q, now_ms);
    q->buckets = NULL;
    q->n = 0;
}

void
expiry_queue_fini(struct expiry_queue *q)
{
    while (q->buckets != NULL) {
        expiry_queue_remove(q, q->buckets->first);
    }
    zk_assert(q->n == 0);
}

int64_t
expiry_queue_bucket(const struct expiry_queue *q, int64_t now_ms,
                    int64_t timeout_ms)
{
    return eq_round(q, now_ms + (timeout_ms > 0 ? timeout_ms : 0));
}

static struct expiry_bucket *
eq_get_bucket(struct expiry_queue *q, int64_t time_ms)
{
    struct expiry_bucket *b;

    HASH_FIND(hh, q->buckets, &time_ms, sizeof time_ms, b);
    if (b == NULL) {
        b = zk_xcalloc(1, sizeof *b);
        b->time_ms = time_ms;
        HASH_ADD(hh, q->buckets, time_ms, sizeof b->time_ms, b);
    }
    return b;
}

int64_t
expiry_queue_update(struct expiry_queue *q, struct expiry_elem *e,
                    int64_t now_ms, int64_t timeout_ms)
{
    int64_t time_ms = expiry_queue_bucket(q, now_ms, timeout_ms);
    struct expiry_bucket *b;

    if (time_ms < q->next_expiry_ms) {
        /* That bucket was polled already: nobody would look there. */
        time_ms = q->next_expiry_ms;
    }
    if (e->bucket != NULL && e->bucket->time_ms == time_ms) {
        return time_ms;
    }
    expiry_queue_remove(q, e);
    b = eq_get_bucket(q, time_ms);
    e->bucket = b;
    e->prev = NULL;
    e->next = b->first;
    if (e->next != NULL) {
        e->next->prev = e;
    }
    b->first = e;
    b->n++;
    q->n++;
    return time_ms;
}

void
expiry_queue_remove(struct expiry_queue *q, struct expiry_elem *e)
{
    struct expiry_bucket *b = e->bucket;

    if (b == NULL) {
        return;
    }
    if (e->prev != NULL) {
        e->prev->next = e->next;
    } else {
        zk_assert(b->first == e);
        b->first = e->next;
    }
    if (e->next != NULL) {
        e->next->prev = e->prev;
    }
    e->next = e->prev = NULL;
    e->bucket = NULL;
    q->n--;
    if (--b->n == 0) {
        HASH_DELETE(hh, q->buckets, b);
        free(b);
    }
}

int64_t
expiry_queue_wait_ms(const struct expiry_queue *q, int64_t now_ms)
{
    return now_ms < q->next_expiry_ms ? q->next_expiry_ms - now_ms : 0;
}

struct expiry_elem *
expiry_queue_poll(struct expiry_queue *q, int64_t now_ms)
{
    while (q->next_expiry_ms <= now_ms) {
        struct expiry_bucket *b;

        HASH_FIND(hh, q->buckets, &q->next_expiry_ms,
                  sizeof q->next_expiry_ms, b);
        if (b != NULL) {
            struct expiry_elem *e = b->first;

            expiry_queue_remove(q, e);
            return e;
        }
        /* With nothing to find, the ticks that passed need no look each. */
        q->next_expiry_ms = q->n == 0 ? eq_round(q, now_ms)
                                      : q->next_expiry_ms + q->tick_ms;
    }
    return NULL;
}

static int
eq_compare_times(const void *a, const void *b)
{
    const struct expiry_bucket *x = *(struct expiry_bucket *const *) a;
    const struct expiry_bucket *y = *(struct expiry_bucket *const *) b;

    return (x->time_ms > y->time_ms) - (x->time_ms < y->time_ms);
}

void
expiry_queue_each(const struct expiry_queue *q,
                  void (*each)(void *arg, int64_t bucket_ms,
                               size_t bucket_size,
                               const struct expiry_elem *e),
                  void *arg)
{
    size_t n = expiry_queue_buckets(q);
    struct expiry_bucket **sorted = zk_xmalloc((n + 1) * sizeof *sorted);
    size_t i = 0;

    for (struct expiry_bucket *b = q->buckets; b != NULL; b = b->hh.next) {
        sorted[i++] = b;
    }
    qsort(sorted, n, sizeof *sorted, eq_compare_times);
    for (i = 0; i < n; i++) {
        const struct expiry_elem *e;

        for (e = sorted[i]->first; e != NULL; e = e->next) {
            each(arg, sorted[i]->time_ms, sorted[i]->n, e);
        }
    }
    free(sorted);
}

size_t
expiry_queue_buckets(const struct expiry_queue *q)
{
    return HASH_COUNT(q->buckets);
}
