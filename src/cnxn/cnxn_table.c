/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cnxn/cnxn_table.h"

#include <stdlib.h>
#include <string.h>

#include "cnxn/server_cnxn.h"

/* What is counted together: an address at one of the ports. */
#define CT_KEY_BYTES (sizeof ((struct cnxn_address *) NULL)->ip + 1)

/* How many connections an address has; exists as long as it has some. */
struct cnxn_of_address {
    uint8_t key[CT_KEY_BYTES];
    int n;
    UT_hash_handle hh;
};

void
cnxn_table_init(struct cnxn_table *t)
{
    zk_mutex_init(&t->lock, ZK_LOCK_cnxn_table);
    zk_lock(&t->lock);
    t->sessions = NULL;
    t->addresses = NULL;
    t->first = NULL;
    memset(t->n_admitted, 0, sizeof t->n_admitted);
    zk_unlock(&t->lock);
    atomic_init(&t->n, 0);
}

void
cnxn_table_fini(struct cnxn_table *t)
{
    zk_lock(&t->lock);
    zk_assert(t->addresses == NULL);
    zk_unlock(&t->lock);
    zk_mutex_fini(&t->lock);
}

/* ---- counting ---------------------------------------------------------- */

static void
ct_key(const struct cnxn_address *a, uint8_t key[CT_KEY_BYTES])
{
    memcpy(key, a->ip, sizeof a->ip);
    key[sizeof a->ip] = a->secure;
}

static struct cnxn_of_address *
ct_find_locked(struct cnxn_table *t, const struct cnxn_address *a)
    ZK_REQUIRES(t->lock)
{
    struct cnxn_of_address *found;
    uint8_t key[CT_KEY_BYTES];

    ct_key(a, key);
    HASH_FIND(hh, t->addresses, key, sizeof key, found);
    return found;
}

static void
ct_count_locked(struct cnxn_table *t, const struct cnxn_address *a)
    ZK_REQUIRES(t->lock)
{
    struct cnxn_of_address *of = ct_find_locked(t, a);

    if (of == NULL) {
        of = zk_xcalloc(1, sizeof *of);
        ct_key(a, of->key);
        HASH_ADD(hh, t->addresses, key, sizeof of->key, of);
    }
    of->n++;
    t->n_admitted[a->secure]++;
}

static void
ct_uncount_locked(struct cnxn_table *t, const struct cnxn_address *a)
    ZK_REQUIRES(t->lock)
{
    struct cnxn_of_address *of = ct_find_locked(t, a);

    zk_assert(of != NULL);
    if (--of->n == 0) {
        HASH_DELETE(hh, t->addresses, of);
        free(of);
    }
    t->n_admitted[a->secure]--;
}

enum cnxn_admission
cnxn_table_admit(struct cnxn_table *t, const struct cnxn_address *from,
                 int max_of_address, int max)
{
    enum cnxn_admission verdict = CNXN_ADMITTED;
    const struct cnxn_of_address *of;

    zk_lock(&t->lock);
    of = ct_find_locked(t, from);
    if (max > 0 && t->n_admitted[from->secure] >= (size_t) max) {
        verdict = CNXN_TOO_MANY;
    } else if (max_of_address > 0 && of != NULL
               && of->n >= max_of_address) {
        verdict = CNXN_TOO_MANY_OF_ADDRESS;
    } else {
        ct_count_locked(t, from);
    }
    zk_unlock(&t->lock);
    return verdict;
}

void
cnxn_table_forget(struct cnxn_table *t, const struct cnxn_address *from)
{
    zk_lock(&t->lock);
    ct_uncount_locked(t, from);
    zk_unlock(&t->lock);
}

size_t
cnxn_table_count(const struct cnxn_table *t)
{
    return atomic_load_explicit(&t->n, memory_order_relaxed);
}

/* ---- the list ---------------------------------------------------------- */

void
cnxn_table_add(struct cnxn_table *t, struct server_cnxn *c)
{
    zk_lock(&t->lock);
    c->table_prev = NULL;
    c->table_next = t->first;
    if (t->first != NULL) {
        t->first->table_prev = c;
    }
    t->first = c;
    atomic_fetch_add(&t->n, 1);
    zk_unlock(&t->lock);
}

void
cnxn_table_remove(struct cnxn_table *t, struct server_cnxn *c)
{
    zk_lock(&t->lock);
    if (c->in_sessions) {
        HASH_DELETE(by_session, t->sessions, c);
        c->in_sessions = false;
    }
    if (c->table_prev != NULL) {
        c->table_prev->table_next = c->table_next;
    } else {
        zk_assert(t->first == c);
        t->first = c->table_next;
    }
    if (c->table_next != NULL) {
        c->table_next->table_prev = c->table_prev;
    }
    atomic_fetch_sub(&t->n, 1);
    ct_uncount_locked(t, &c->peer);
    zk_unlock(&t->lock);
}

struct server_cnxn **
cnxn_table_all(struct cnxn_table *t, size_t *n)
{
    struct server_cnxn **all;
    size_t i = 0;

    zk_lock(&t->lock);
    all = zk_xmalloc((cnxn_table_count(t) + 1) * sizeof(struct server_cnxn *));
    for (struct server_cnxn *c = t->first; c != NULL; c = c->table_next) {
        server_cnxn_ref(c);
        all[i++] = c;
    }
    zk_assert(i == cnxn_table_count(t));
    zk_unlock(&t->lock);
    *n = i;
    return all;
}

/* ---- sessions ---------------------------------------------------------- */

/* Takes the session off its connection; that one with a reference. */
static struct server_cnxn *
ct_take_locked(struct cnxn_table *t, int64_t session_id)
    ZK_REQUIRES(t->lock)
{
    struct server_cnxn *c;

    HASH_FIND(by_session, t->sessions, &session_id, sizeof session_id, c);
    if (c != NULL) {
        HASH_DELETE(by_session, t->sessions, c);
        c->in_sessions = false;
        server_cnxn_ref(c);
    }
    return c;
}

struct server_cnxn *
cnxn_table_set_session(struct cnxn_table *t, struct server_cnxn *c,
                       int64_t session_id)
{
    struct server_cnxn *before;

    zk_lock(&t->lock);
    zk_assert(!c->in_sessions);
    before = ct_take_locked(t, session_id);
    c->table_session_id = session_id;
    HASH_ADD(by_session, t->sessions, table_session_id,
             sizeof c->table_session_id, c);
    c->in_sessions = true;
    zk_unlock(&t->lock);
    return before;
}

struct server_cnxn *
cnxn_table_take_session(struct cnxn_table *t, int64_t session_id)
{
    struct server_cnxn *c;

    zk_lock(&t->lock);
    c = ct_take_locked(t, session_id);
    zk_unlock(&t->lock);
    return c;
}
