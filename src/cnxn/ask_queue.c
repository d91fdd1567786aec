/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cnxn/ask_queue.h"

#include <stdlib.h>
#include <string.h>

#include "util/zk_obj.h"

struct ask_place {
    struct ask_place *next;
    struct ask *first, *last;   /* Those that wait; the earliest deadline is
                                 * the last one's. */
    unsigned under_way;
    char name[];
};

void
ask_queue_init(struct ask_queue *q, unsigned limit)
{
    zk_assert(limit > 0);
    q->first = NULL;
    q->last = &q->first;
    q->limit = limit;
}

void
ask_queue_fini(struct ask_queue *q)
{
    zk_assert(q->first == NULL);
}

/* ---- places -------------------------------------------------------------- */

static void
aq_append(struct ask_queue *q, struct ask_place *p)
{
    p->next = NULL;
    *q->last = p;
    q->last = &p->next;
}

/* Takes '*at' out of the row. */
static struct ask_place *
aq_unlink(struct ask_queue *q, struct ask_place **at)
{
    struct ask_place *p = *at;

    *at = p->next;
    if (q->last == &p->next) {
        q->last = at;
    }
    return p;
}

static struct ask_place *
aq_place(struct ask_queue *q, const char *name)
{
    size_t len = strlen(name) + 1;
    struct ask_place *p = q->first;

    while (p != NULL && strcmp(p->name, name) != 0) {
        p = p->next;
    }
    if (p == NULL) {
        p = zk_xcalloc(1, sizeof *p + len);
        memcpy(p->name, name, len);
        aq_append(q, p);
    }
    return p;
}

/* Forgets the place of '*at' if nobody waits for it or asks it. */
static void
aq_tidy(struct ask_queue *q, struct ask_place **at)
{
    if ((*at)->first == NULL && (*at)->under_way == 0) {
        free(aq_unlink(q, at));
    }
}

/* ---- questions ----------------------------------------------------------- */

void
ask_queue_add(struct ask_queue *q, struct ask *a, const char *place)
{
    struct ask_place *p = aq_place(q, place);
    struct ask *after = NULL, *before = p->first;

    /* Most have more time than all others. */
    while (before != NULL && before->deadline_ms >= a->deadline_ms) {
        after = before;
        before = before->next;
    }
    a->place = p;
    a->prev = after;
    a->next = before;
    *(after != NULL ? &after->next : &p->first) = a;
    *(before != NULL ? &before->prev : &p->last) = a;
}

/* Takes it out of those that wait; it keeps its place. */
static struct ask *
aq_pop(struct ask *a)
{
    struct ask_place *p = a->place;

    *(a->prev != NULL ? &a->prev->next : &p->first) = a->next;
    *(a->next != NULL ? &a->next->prev : &p->last) = a->prev;
    a->next = a->prev = NULL;
    return a;
}

/* Is the time of one that waits over? */
static bool
aq_is_late(const struct ask_place *p, int64_t now_ms)
{
    return p->last != NULL && p->last->deadline_ms <= now_ms;
}

static bool
aq_may_go(const struct ask_queue *q, const struct ask_place *p,
          int64_t now_ms)
{
    return aq_is_late(p, now_ms)
           || (p->first != NULL && p->under_way < q->limit);
}

struct ask *
ask_queue_take(struct ask_queue *q, int64_t now_ms)
{
    struct ask_place **at = &q->first, *p;

    while (*at != NULL && !aq_may_go(q, *at, now_ms)) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        return NULL;
    }
    p = aq_unlink(q, at);
    aq_append(q, p);            /* Now it is the others' turn. */
    p->under_way++;
    return aq_pop(aq_is_late(p, now_ms) ? p->last : p->first);
}

void
ask_queue_done(struct ask_queue *q, struct ask *a)
{
    struct ask_place **at = &q->first;

    while (*at != a->place) {
        zk_assert(*at != NULL);
        at = &(*at)->next;
    }
    zk_assert((*at)->under_way > 0);
    (*at)->under_way--;
    a->place = NULL;
    aq_tidy(q, at);
}

int64_t
ask_queue_deadline(const struct ask_queue *q)
{
    int64_t first_ms = INT64_MAX;

    for (const struct ask_place *p = q->first; p != NULL; p = p->next) {
        if (p->last != NULL && p->last->deadline_ms < first_ms) {
            first_ms = p->last->deadline_ms;
        }
    }
    return first_ms;
}

struct ask *
ask_queue_drop(struct ask_queue *q)
{
    struct ask_place **at = &q->first;
    struct ask *a;

    while (*at != NULL && (*at)->first == NULL) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        return NULL;
    }
    a = aq_pop((*at)->first);
    a->place = NULL;
    aq_tidy(q, at);
    return a;
}
