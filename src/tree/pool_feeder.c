/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tree/pool_feeder.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/zk_obj.h"
#include "util/zk_lock.h"
#include "util/zk_thread.h"

/* How many are ready at most; what a load leaves over was for nothing. */
#define FEEDER_READY 4

struct pool_feeder {
    unsigned magic;
#define POOL_FEEDER_MAGIC 0x706f4664
    size_t len;
    struct zk_thread thread;

    struct zk_mutex lock;
    struct zk_cond taken;       /* One was, or stopping. */
    void *ready[FEEDER_READY];
    size_t n_ready;
    bool stopping;
};

/* NULL: there is no memory. */
static void *
pf_map(size_t len, bool huge)
{
    const int prot = PROT_READ | PROT_WRITE;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    void *p = mmap(NULL, len, prot, flags, -1, 0);
    uintptr_t at, begin;

    if (p != MAP_FAILED && (uintptr_t) p % len != 0) {
        munmap(p, len);
        p = mmap(NULL, 2 * len, prot, flags, -1, 0);
        if (p != MAP_FAILED) {
            begin = (uintptr_t) p;
            at = (begin + len - 1) / len * len;
            if (at > begin) {
                munmap(p, at - begin);
            }
            munmap((void *) (at + len), begin + len - at);
            p = (void *) at;
        }
    }
    if (p == MAP_FAILED) {
        return NULL;
    }
    if (huge) {
        /* A system without huge pages is slower, no more. */
        (void) madvise(p, len, MADV_HUGEPAGE);
    }
    return p;
}

void *
pool_map_chunk(size_t len, bool huge)
{
    void *p = pf_map(len, huge);

    if (p == NULL) {
        zk_panic("out of memory: %zu bytes for znodes", len);
    }
    return p;
}

static void *
pf_make(const struct pool_feeder *f)
{
    volatile unsigned char *p = pf_map(f->len, true);
    size_t page = (size_t) sysconf(_SC_PAGESIZE);

    for (size_t at = 0; p != NULL && at < f->len; at += page) {
        p[at] = 0;
    }
    return (void *) (uintptr_t) p;
}

static void
pf_run(void *arg)
{
    struct pool_feeder *f = arg;

    zk_lock(&f->lock);
    while (!f->stopping) {
        if (f->n_ready == FEEDER_READY) {
            zk_cond_wait(&f->taken, &f->lock);
        } else {
            void *chunk;

            zk_unlock(&f->lock);
            chunk = pf_make(f);
            zk_lock(&f->lock);
            if (chunk == NULL) {
                break;          /* Perhaps nobody needs it. */
            }
            f->ready[f->n_ready++] = chunk;
        }
    }
    zk_unlock(&f->lock);
}

struct pool_feeder *
pool_feeder_create(size_t len)
{
    struct pool_feeder *f = zk_xcalloc(1, sizeof *f);

    f->magic = POOL_FEEDER_MAGIC;
    f->len = len;
    zk_mutex_init(&f->lock, ZK_LOCK_leaf);
    zk_cond_init(&f->taken);
    if (!zk_thread_try_start(&f->thread, pf_run, f, "PoolFeeder")) {
        pool_feeder_destroy(f);
        return NULL;
    }
    return f;
}

void *
pool_feeder_take(struct pool_feeder *f)
{
    void *chunk = NULL;

    ZK_CHECK(f, POOL_FEEDER_MAGIC);
    zk_lock(&f->lock);
    if (f->n_ready > 0) {
        chunk = f->ready[--f->n_ready];
        zk_cond_signal(&f->taken);
    }
    zk_unlock(&f->lock);
    return chunk;
}

void
pool_feeder_destroy(struct pool_feeder *f)
{
    if (f == NULL) {
        return;
    }
    ZK_CHECK(f, POOL_FEEDER_MAGIC);
    zk_lock(&f->lock);
    f->stopping = true;
    zk_cond_signal(&f->taken);
    zk_unlock(&f->lock);
    zk_thread_join(&f->thread);
    while (f->n_ready > 0) {
        munmap(f->ready[--f->n_ready], f->len);
    }
    zk_cond_fini(&f->taken);
    zk_mutex_fini(&f->lock);
    f->magic = 0;
    free(f);
}
