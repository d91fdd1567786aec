/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tls/tls_memory.h"

#include <stdlib.h>
#include <string.h>

#include "util/zk_obj.h"

void
tls_memory_fini(struct tls_memory *m)
{
    for (size_t i = 0; i < TLS_MEMORY_PLACES; i++) {
        free(m->places[i].url);
        m->places[i] = (struct tls_place) { .url = NULL };
    }
}

/* ---- answers ------------------------------------------------------------- */

/* The index of what is known of it; TLS_MEMORY_ANSWERS: nothing. */
static size_t
tm_search(const struct tls_memory *m,
          const unsigned char key[TLS_MEMORY_KEY])
{
    size_t i = 0;

    while (i < TLS_MEMORY_ANSWERS
           && (!m->answers[i].used
               || memcmp(m->answers[i].key, key, TLS_MEMORY_KEY) != 0)) {
        i++;
    }
    return i;
}

enum tls_recall
tls_memory_recall(const struct tls_memory *m,
                  const unsigned char key[TLS_MEMORY_KEY], int64_t now_ms,
                  int64_t now_s, bool *revoked)
{
    size_t i = tm_search(m, key);

    if (i == TLS_MEMORY_ANSWERS || now_s >= m->answers[i].until_s) {
        return TLS_RECALL_NONE;
    }
    *revoked = m->answers[i].revoked;
    return now_ms - m->answers[i].asked_ms < TLS_MEMORY_FRESH_MS
               ? TLS_RECALL_FRESH : TLS_RECALL_OLD;
}

/* Is 'a' the better one to do without? */
static bool
tm_is_less_use(const struct tls_answer *a, const struct tls_answer *b,
               int64_t now_s)
{
    bool a_over = !a->used || a->until_s <= now_s;
    bool b_over = !b->used || b->until_s <= now_s;

    return a_over != b_over ? a_over : a->asked_ms < b->asked_ms;
}

/* The entry that is the best one to do without. */
static size_t
tm_room_for_answer(const struct tls_memory *m, int64_t now_s)
{
    size_t at = 0;

    for (size_t i = 1; i < TLS_MEMORY_ANSWERS; i++) {
        if (tm_is_less_use(&m->answers[i], &m->answers[at], now_s)) {
            at = i;
        }
    }
    return at;
}

/* Does what is known outweigh what is said?  A "good" whose time is over is
 * nothing to go by. */
static bool
tm_outweighs(const struct tls_answer *known, const struct tls_answer *said,
             int64_t now_s)
{
    if (!known->revoked && known->until_s <= now_s) {
        return false;
    }
    return known->from_s != said->from_s ? known->from_s > said->from_s
                                         : known->revoked && !said->revoked;
}

bool
tls_memory_keep(struct tls_memory *m,
                const unsigned char key[TLS_MEMORY_KEY],
                const struct tls_said *said, int64_t now_ms, int64_t now_s)
{
    struct tls_answer new = {
        .from_s = said->from_s < now_s ? said->from_s : now_s,
        .until_s = said->until_s, .asked_ms = now_ms,
        .revoked = said->revoked, .used = true,
    };
    size_t at = tm_search(m, key);

    if (at == TLS_MEMORY_ANSWERS) {
        at = tm_room_for_answer(m, now_s);
    } else if (tm_outweighs(&m->answers[at], &new, now_s)) {
        m->answers[at].asked_ms = now_ms;
        return m->answers[at].revoked;
    }
    m->answers[at] = new;
    memcpy(m->answers[at].key, key, TLS_MEMORY_KEY);
    return new.revoked;
}

void
tls_memory_forget(struct tls_memory *m,
                  const unsigned char key[TLS_MEMORY_KEY], int64_t from_s)
{
    size_t i = tm_search(m, key);

    if (i < TLS_MEMORY_ANSWERS && m->answers[i].from_s <= from_s) {
        m->answers[i] = (struct tls_answer) { .used = false };
    }
}

void
tls_memory_renew(struct tls_memory *m,
                 const unsigned char key[TLS_MEMORY_KEY], int64_t now_ms)
{
    size_t i = tm_search(m, key);

    if (i < TLS_MEMORY_ANSWERS) {
        m->answers[i].asked_ms = now_ms;
    }
}

/* ---- places -------------------------------------------------------------- */

/* The index of the place; TLS_MEMORY_PLACES: it has not failed. */
static size_t
tm_search_place(const struct tls_memory *m, const char *url)
{
    size_t i = 0;

    while (i < TLS_MEMORY_PLACES
           && (m->places[i].url == NULL
               || strcmp(m->places[i].url, url) != 0)) {
        i++;
    }
    return i;
}

bool
tls_memory_rests(const struct tls_memory *m, const char *url, int64_t now_ms,
                 int64_t *ago_ms)
{
    size_t i = tm_search_place(m, url);

    if (i == TLS_MEMORY_PLACES || now_ms >= m->places[i].pause_until_ms) {
        return false;
    }
    *ago_ms = now_ms - m->places[i].failed_ms;
    return true;
}

bool
tls_memory_try(struct tls_memory *m, const char *url, int64_t now_ms,
               int64_t *ago_ms)
{
    size_t i = tm_search_place(m, url);

    if (tls_memory_rests(m, url, now_ms, ago_ms)) {
        return false;
    }
    if (i < TLS_MEMORY_PLACES) {
        m->places[i].pause_until_ms = now_ms + TLS_MEMORY_PAUSE_MS;
        m->places[i].tried = true;
    }
    return true;
}

/* A free entry; that of the oldest failure if need be. */
static struct tls_place *
tm_room(struct tls_memory *m)
{
    struct tls_place *room = &m->places[0];

    for (size_t i = 1; i < TLS_MEMORY_PLACES && room->url != NULL; i++) {
        struct tls_place *p = &m->places[i];

        if (p->url == NULL || p->failed_ms < room->failed_ms) {
            room = p;
        }
    }
    free(room->url);
    return room;
}

static void
tm_note_failure(struct tls_memory *m, const char *url, int64_t now_ms,
                int64_t pause_ms)
{
    size_t i = tm_search_place(m, url);
    struct tls_place *p;

    if (i < TLS_MEMORY_PLACES) {
        p = &m->places[i];
    } else {
        p = tm_room(m);
        *p = (struct tls_place) { .url = zk_xstrdup(url) };
    }
    p->failed_ms = now_ms;
    p->pause_until_ms = now_ms + pause_ms;
    p->tried = false;
}

void
tls_memory_tell(struct tls_memory *m, const char *url,
                enum tls_outcome outcome, int64_t now_ms)
{
    size_t i = tm_search_place(m, url);

    switch (outcome) {
    case TLS_OUTCOME_FAILURE:
        tm_note_failure(m, url, now_ms, TLS_MEMORY_PAUSE_MS);
        break;
    case TLS_OUTCOME_REFUSAL:
        tm_note_failure(m, url, now_ms, TLS_MEMORY_REFUSED_MS);
        break;
    case TLS_OUTCOME_ANSWER:
        if (i < TLS_MEMORY_PLACES) {
            free(m->places[i].url);
            m->places[i] = (struct tls_place) { .url = NULL };
        }
        break;
    case TLS_OUTCOME_NOTHING:
        /* Of the one that tries, not of others that began before it. */
        if (i < TLS_MEMORY_PLACES && m->places[i].tried) {
            m->places[i].pause_until_ms = now_ms;
            m->places[i].tried = false;
        }
        break;
    }
}
