/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cnxn/ask_queue.h"

#include <stdlib.h>
#include <string.h>

#include "util/zk_obj.h"

struct ask_place {
    struct ask_place *next;
    struct ask *first, *last;   /* Those that wait, by deadline. */
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
    struct ask **at = &p->first;

    /* Most come behind all others. */
    if (p->last != NULL && p->last->deadline_ms <= a->deadline_ms) {
        at = &p->last->next;
    }
    while (*at != NULL && (*at)->deadline_ms <= a->deadline_ms) {
        at = &(*at)->next;
    }
    a->place = p;
    a->next = *at;
    *at = a;
    if (a->next == NULL) {
        p->last = a;
    }
}

static struct ask *
aq_pop(struct ask_place *p)
{
    struct ask *a = p->first;

    p->first = a->next;
    if (p->first == NULL) {
        p->last = NULL;
    }
    a->next = NULL;
    return a;
}

static bool
aq_may_go(const struct ask_queue *q, const struct ask_place *p,
          int64_t now_ms)
{
    return p->first != NULL
           && (p->under_way < q->limit || p->first->deadline_ms <= now_ms);
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
    return aq_pop(p);
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
        if (p->first != NULL && p->first->deadline_ms < first_ms) {
            first_ms = p->first->deadline_ms;
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
    a = aq_pop(*at);
    a->place = NULL;
    aq_tidy(q, at);
    return a;
}
