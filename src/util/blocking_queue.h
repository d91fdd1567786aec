/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blocking_queue.h: the queue between two threads of the server.
 *
 * Intrusive: an element embeds a struct bq_node, so queueing allocates
 * nothing.  Producers put one element or a whole list under one lock;
 * consumers take everything that is there at once.  FIFO.  A closed queue
 * takes no more elements; consumers drain what is left and then get nothing.
 *
 * A consumer that finds nothing may look again for up to 'spin_us'
 * microseconds before it sleeps (only worth it while another core works for
 * it; 0 turns it off): waking a sleeping thread costs more than most
 * requests.
 */
#ifndef UTIL_BLOCKING_QUEUE_H
#define UTIL_BLOCKING_QUEUE_H

#include "util/zk_lock.h"

struct bq_node {
    struct bq_node *next;
};

/* A list under one owner's hand, in order.  All zero: empty. */
struct bq_list {
    struct bq_node *first;
    struct bq_node *last;
    size_t n;
};

struct blocking_queue {
    unsigned magic;
#define BLOCKING_QUEUE_MAGIC 0x42515565
    const char *name;           /* Borrowed; for dumps. */
    struct zk_mutex lock;
    struct zk_cond wakeup;
    struct bq_list list ZK_GUARDED;
    bool closed ZK_GUARDED;
    unsigned waiting ZK_GUARDED;    /* Consumers asleep. */
    bool woken ZK_GUARDED;      /* A signal is on its way to a consumer. */
    unsigned spin_us;           /* Set before the first take. */
    _Atomic unsigned spin_now;  /* Halves while spinning finds nothing. */
    _Atomic size_t size;        /* list.n, to be read without the lock. */
    uint64_t taken ZK_GUARDED;  /* Elements ever taken; a stall shows here. */
};

static inline void
bq_list_append(struct bq_list *l, struct bq_node *node)
{
    node->next = NULL;
    if (l->last == NULL) {
        l->first = node;
    } else {
        l->last->next = node;
    }
    l->last = node;
    l->n++;
}

/* Moves all of 'from' behind 'to'. */
static inline void
bq_list_concat(struct bq_list *to, struct bq_list *from)
{
    if (from->first == NULL) {
        return;
    }
    if (to->last == NULL) {
        to->first = from->first;
    } else {
        to->last->next = from->first;
    }
    to->last = from->last;
    to->n += from->n;
    from->first = from->last = NULL;
    from->n = 0;
}

/* Takes the first element off, or NULL. */
static inline struct bq_node *
bq_list_pop(struct bq_list *l)
{
    struct bq_node *node = l->first;

    if (node != NULL) {
        l->first = node->next;
        if (l->first == NULL) {
            l->last = NULL;
        }
        l->n--;
        node->next = NULL;
    }
    return node;
}

/* An empty, open queue without spinning.  'name' is borrowed for its life. */
void blocking_queue_init(struct blocking_queue *q, const char *name);
/* The queue must be empty and nobody waiting. */
void blocking_queue_fini(struct blocking_queue *q);
/* False when the queue is closed: the caller keeps the element(s). */
bool blocking_queue_put(struct blocking_queue *q, struct bq_node *node)
    ZK_WARN_UNUSED;
/* Puts the whole list and empties it; all or nothing. */
bool blocking_queue_put_list(struct blocking_queue *q, struct bq_list *list)
    ZK_WARN_UNUSED;
/* Waits until there is something and moves all of it behind 'out'.  False
 * once the queue is closed and drained. */
bool blocking_queue_take_all(struct blocking_queue *q, struct bq_list *out)
    ZK_WARN_UNUSED;
/* The same, but returns true with nothing taken once 'deadline_ms'
 * (zk_time_mono_ms; 0: at once) has passed. */
bool blocking_queue_take_until(struct blocking_queue *q, struct bq_list *out,
                               int64_t deadline_ms) ZK_WARN_UNUSED;
/* No more puts; wakes all consumers. */
void blocking_queue_close(struct blocking_queue *q);
/* Elements now in it; may be stale when read. */
size_t blocking_queue_size(const struct blocking_queue *q);
void blocking_queue_dump(struct blocking_queue *q, FILE *out);

#endif
