/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask_queue.h: questions that wait for who is to be asked, by place: which may
 * go next?
 *
 * A place has no more than so many questions under way, so that one that
 * hangs, or is slow, takes a part of those who ask: questions for others go
 * ahead of those that wait for it, and places take turns.  At one place who
 * has most time left goes first: where more come than it can answer, those who
 * wait longest would be asked about with no time left for the answer, and in
 * the end nobody would have one.  Whoever's time is over goes at once, to be
 * told so.
 *
 * As many wait as their owner lets in; a place is known here while somebody
 * waits for it or asks it.
 *
 * Thread-safety: none; pure, time is given (zk_time_mono_ms).
 */
#ifndef CNXN_ASK_QUEUE_H
#define CNXN_ASK_QUEUE_H

#include <stdint.h>

struct ask_place;

/* Embedded by its owner, who sets the deadline. */
struct ask {
    struct ask *next, *prev;    /* The queue's, as is the place. */
    struct ask_place *place;
    int64_t deadline_ms;
};

struct ask_queue {
    struct ask_place *first;    /* The one whose turn it is next. */
    struct ask_place **last;
    unsigned limit;
};

/* 'limit' > 0: questions under way at one place. */
void ask_queue_init(struct ask_queue *q, unsigned limit);
/* Nobody waits, and nothing is under way. */
void ask_queue_fini(struct ask_queue *q);

/* It waits for the place (copied). */
void ask_queue_add(struct ask_queue *q, struct ask *a, const char *place);
/* The next one, which is then under way; NULL: none may go now. */
struct ask *ask_queue_take(struct ask_queue *q, int64_t now_ms);
/* It is under way no more, whatever came of it. */
void ask_queue_done(struct ask_queue *q, struct ask *a);
/* When the time of one that waits is over next; INT64_MAX: nobody waits. */
int64_t ask_queue_deadline(const struct ask_queue *q);
/* Any one of those that wait, which is then forgotten; NULL: there is none. */
struct ask *ask_queue_drop(struct ask_queue *q);

#endif
