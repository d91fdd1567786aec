/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expiry_queue.h: who expires when, in buckets of one tick (Java:
 * ExpiryQueue).  Pure: the caller brings the clock and the lock.
 *
 * An element embeds a struct expiry_elem.  Its bucket is
 * ((now + timeout) / tick + 1) * tick, so it expires within
 * (timeout, timeout + tick].  Update is O(1).
 */
#ifndef SESSION_EXPIRY_QUEUE_H
#define SESSION_EXPIRY_QUEUE_H

#include "util/zk_obj.h"

struct expiry_bucket;

struct expiry_elem {
    struct expiry_elem *next;
    struct expiry_elem *prev;
    struct expiry_bucket *bucket;   /* NULL: in no queue. */
};

struct expiry_queue {
    int64_t tick_ms;            /* > 0 */
    int64_t next_expiry_ms;     /* The bucket that is due next. */
    struct expiry_bucket *buckets;
    size_t n;                   /* Elements in all buckets. */
};

/* An empty queue whose buckets are 'tick_ms' apart, the first after now. */
void expiry_queue_init(struct expiry_queue *q, int64_t tick_ms,
                       int64_t now_ms);
/* Takes out what is left and frees the buckets. */
void expiry_queue_fini(struct expiry_queue *q);
/* The bucket time for something touched at 'now_ms'. */
int64_t expiry_queue_bucket(const struct expiry_queue *q, int64_t now_ms,
                            int64_t timeout_ms);
/* Puts the element into its bucket or moves it there.  Returns that bucket's
 * time. */
int64_t expiry_queue_update(struct expiry_queue *q, struct expiry_elem *e,
                            int64_t now_ms, int64_t timeout_ms);
/* Nothing if it is in no bucket. */
void expiry_queue_remove(struct expiry_queue *q, struct expiry_elem *e);
/* Milliseconds until the next bucket is due; 0 when it is. */
int64_t expiry_queue_wait_ms(const struct expiry_queue *q, int64_t now_ms);
/* Takes one element out of the buckets that are due and returns it; NULL
 * when nothing (more) is due: then the next bucket is being waited for. */
struct expiry_elem *expiry_queue_poll(struct expiry_queue *q,
                                      int64_t now_ms);
/* Calls 'each' for every element in order of bucket time. */
void expiry_queue_each(const struct expiry_queue *q,
                       void (*each)(void *arg, int64_t bucket_ms,
                                    size_t bucket_size,
                                    const struct expiry_elem *e),
                       void *arg);
size_t expiry_queue_buckets(const struct expiry_queue *q);

#endif
