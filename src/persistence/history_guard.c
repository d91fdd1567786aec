/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "persistence/history_guard.h"

#include <stdlib.h>

#include "util/zk_lock.h"
#include "util/zk_obj.h"
#include "util/zk_time.h"

/* How often a purge that waits looks whether it is to stop. */
#define HG_POLL_MS 50

struct history_guard {
    unsigned magic;
#define HISTORY_GUARD_MAGIC 0x48734764

    struct zk_mutex lock;       /* ZK_LOCK_history */
    struct zk_cond changed;
    uint64_t version ZK_GUARDED;
    bool changing ZK_GUARDED;   /* Between begin and end. */
    bool removing ZK_GUARDED;   /* Between enter and leave. */
};

struct history_guard *
history_guard_create(void)
{
    struct history_guard *g = zk_xcalloc(1, sizeof *g);

    g->magic = HISTORY_GUARD_MAGIC;
    zk_mutex_init(&g->lock, ZK_LOCK_history);
    zk_cond_init(&g->changed);
    return g;
}

void
history_guard_destroy(struct history_guard *g)
{
    if (g == NULL) {
        return;
    }
    ZK_CHECK(g, HISTORY_GUARD_MAGIC);
    zk_cond_fini(&g->changed);
    zk_mutex_fini(&g->lock);
    g->magic = 0;
    free(g);
}

void
history_guard_begin(struct history_guard *g)
{
    if (g == NULL) {
        return;
    }
    ZK_CHECK(g, HISTORY_GUARD_MAGIC);
    zk_lock(&g->lock);
    zk_assert(!g->changing);
    g->changing = true;
    g->version++;
    while (g->removing) {
        zk_cond_wait(&g->changed, &g->lock);
    }
    zk_unlock(&g->lock);
}

void
history_guard_end(struct history_guard *g)
{
    if (g == NULL) {
        return;
    }
    ZK_CHECK(g, HISTORY_GUARD_MAGIC);
    zk_lock(&g->lock);
    zk_assert(g->changing);
    g->changing = false;
    zk_cond_broadcast(&g->changed);
    zk_unlock(&g->lock);
}

uint64_t
history_guard_version(struct history_guard *g, const atomic_bool *stop)
{
    uint64_t version;

    if (g == NULL) {
        return 0;
    }
    ZK_CHECK(g, HISTORY_GUARD_MAGIC);
    zk_lock(&g->lock);
    while (g->changing && (stop == NULL || !atomic_load(stop))) {
        (void) zk_cond_wait_until(&g->changed, &g->lock,
                                  zk_time_mono_ms() + HG_POLL_MS);
    }
    version = g->version;
    zk_unlock(&g->lock);
    return version;
}

bool
history_guard_enter(struct history_guard *g, uint64_t version)
{
    bool may;

    if (g == NULL) {
        return true;
    }
    ZK_CHECK(g, HISTORY_GUARD_MAGIC);
    zk_lock(&g->lock);
    may = !g->changing && g->version == version;
    g->removing = may;
    zk_unlock(&g->lock);
    return may;
}

void
history_guard_leave(struct history_guard *g)
{
    if (g == NULL) {
        return;
    }
    ZK_CHECK(g, HISTORY_GUARD_MAGIC);
    zk_lock(&g->lock);
    g->removing = false;
    zk_cond_broadcast(&g->changed);
    zk_unlock(&g->lock);
}
