/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tree/node_pool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tree/pool_feeder.h"
#include "util/zk_assert.h"
#include "util/zk_obj.h"

#if defined(__SANITIZE_ADDRESS__)
#define POOL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_ASAN 1
#endif
#endif

#ifdef POOL_ASAN
#include <sanitizer/asan_interface.h>
#define POOL_REDZONE 16
#define ASAN_IS_POISONED(p) __asan_address_is_poisoned(p)
#else
#define POOL_ASAN 0
#define POOL_REDZONE 0
#define ASAN_IS_POISONED(p) false
#define ASAN_POISON_MEMORY_REGION(p, n) ((void) (p), (void) (n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void) (p), (void) (n))
#endif

#define POOL_RUN ((size_t) 64 << 10)
#define POOL_RUNS (NODE_POOL_CHUNK / POOL_RUN)
#define POOL_ALL_FREE UINT32_MAX
/* Sizes up to here go in steps of 8. */
#define POOL_FINE 512
/* Chunks before the first that is a huge page. */
#define POOL_SMALL_CHUNKS 4
/* A thread that feeds is worth its while when a tree has these. */
#define POOL_FED_CHUNKS 8

struct pool_run {
    struct pool_run *next, *prev;   /* Of its class, while it has room. */
    void *free;                     /* Blocks that came back. */
    uint32_t size;                  /* Of its blocks. */
    uint16_t used;
    uint16_t fresh;                 /* Blocks from here on never were. */
};

struct pool_chunk {
    unsigned magic;
#define POOL_CHUNK_MAGIC 0x506f4368
    uint32_t free_runs;             /* One bit each. */
    struct pool_chunk *next, *prev;
    struct pool_chunk *next_open, *prev_open;   /* While it has a free run. */
    struct pool_run runs[POOL_RUNS];
};

/* Run 0 begins behind the head of its chunk. */
#define POOL_HEAD ((sizeof(struct pool_chunk) + 63) / 64 * 64)

struct pool_large {
    struct pool_large *next, *prev;
    unsigned char block[];
};

_Static_assert(POOL_RUNS == 32, "free_runs has a bit for each");

/* The class of a length, and what its blocks are long. */
static unsigned
pool_class(size_t len, uint32_t *size)
{
    unsigned shift, step;

    zk_assert(len > 0 && len <= NODE_POOL_MAX);
    if (len <= POOL_FINE) {
        *size = (uint32_t) ((len + 7) / 8 * 8);
        return *size / 8 - 1;
    }
    /* 0 from 513 to 1024, 1 to 2048, and so on. */
    shift = 22 - (unsigned) __builtin_clz((unsigned) len - 1);
    step = (unsigned) (len - 1 - ((size_t) POOL_FINE << shift))
           >> (shift + 4);
    *size = (POOL_FINE << shift) + ((step + 1) << (shift + 4));
    return POOL_FINE / 8 + shift * 32 + step;
}

/* ---- chunks -------------------------------------------------------------- */

/* Memory for a chunk.  The first ones are of small pages. */
static struct pool_chunk *
pool_map(struct node_pool *pool)
{
    void *p;

    if (pool->feeding && pool->feeder == NULL
        && pool->n_chunks >= POOL_FED_CHUNKS) {
        pool->feeder = pool_feeder_create(NODE_POOL_CHUNK);
        pool->feeding = pool->feeder != NULL;
    }
    p = pool->feeder != NULL ? pool_feeder_take(pool->feeder) : NULL;
    return p != NULL ? p : pool_map_chunk(NODE_POOL_CHUNK,
                                          pool->n_chunks
                                              >= POOL_SMALL_CHUNKS);
}

static void
pool_open(struct node_pool *pool, struct pool_chunk *c)
{
    c->prev_open = NULL;
    c->next_open = pool->open;
    if (pool->open != NULL) {
        pool->open->prev_open = c;
    }
    pool->open = c;
}

static void
pool_close(struct node_pool *pool, struct pool_chunk *c)
{
    if (c->prev_open != NULL) {
        c->prev_open->next_open = c->next_open;
    } else {
        pool->open = c->next_open;
    }
    if (c->next_open != NULL) {
        c->next_open->prev_open = c->prev_open;
    }
}

static void
pool_add_chunk(struct node_pool *pool)
{
    struct pool_chunk *c = pool_map(pool);

    c->magic = POOL_CHUNK_MAGIC;
    c->free_runs = POOL_ALL_FREE;
    c->prev = NULL;
    c->next = pool->chunks;
    if (pool->chunks != NULL) {
        pool->chunks->prev = c;
    }
    pool->chunks = c;
    pool->n_chunks++;
    pool->n_empty++;
    pool_open(pool, c);
    ASAN_POISON_MEMORY_REGION((unsigned char *) c + POOL_HEAD,
                              NODE_POOL_CHUNK - POOL_HEAD);
}

static void
pool_unmap(struct pool_chunk *c)
{
    ASAN_UNPOISON_MEMORY_REGION(c, NODE_POOL_CHUNK);
    c->magic = 0;
    munmap(c, NODE_POOL_CHUNK);
}

static void
pool_remove_chunk(struct node_pool *pool, struct pool_chunk *c)
{
    pool_close(pool, c);
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        pool->chunks = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
    pool->n_chunks--;
    pool->n_empty--;
    pool_unmap(c);
}

static struct pool_chunk *
pool_chunk_of(const void *block)
{
    struct pool_chunk *c =
        (void *) ((uintptr_t) block & ~(uintptr_t) (NODE_POOL_CHUNK - 1));

    ZK_CHECK(c, POOL_CHUNK_MAGIC);
    return c;
}

/* ---- runs ---------------------------------------------------------------- */

static unsigned char *
pool_run_begin(struct pool_run *r)
{
    struct pool_chunk *c = pool_chunk_of(r);
    size_t i = (size_t) (r - c->runs);

    return (unsigned char *) c + (i == 0 ? POOL_HEAD : i * POOL_RUN);
}

/* How many blocks it has. */
static unsigned
pool_run_blocks(const struct pool_run *r)
{
    size_t len = r == pool_chunk_of(r)->runs ? POOL_RUN - POOL_HEAD
                                             : POOL_RUN;

    return (unsigned) (len / r->size);
}

static void
pool_link(struct node_pool *pool, unsigned class, struct pool_run *r)
{
    r->prev = NULL;
    r->next = pool->partial[class];
    if (r->next != NULL) {
        r->next->prev = r;
    }
    pool->partial[class] = r;
}

static void
pool_unlink(struct node_pool *pool, unsigned class, struct pool_run *r)
{
    if (r->prev != NULL) {
        r->prev->next = r->next;
    } else {
        pool->partial[class] = r->next;
    }
    if (r->next != NULL) {
        r->next->prev = r->prev;
    }
}

/* Gives a class a run. */
static void
pool_take_run(struct node_pool *pool, unsigned class, uint32_t size)
{
    struct pool_chunk *c;
    struct pool_run *r;
    int i;

    if (pool->open == NULL) {
        pool_add_chunk(pool);
    }
    c = pool->open;
    if (c->free_runs == POOL_ALL_FREE) {
        pool->n_empty--;
    }
    i = __builtin_ctz(c->free_runs);
    c->free_runs &= c->free_runs - 1;
    if (c->free_runs == 0) {
        pool_close(pool, c);
    }
    r = &c->runs[i];
    *r = (struct pool_run) { .size = size };
    pool_link(pool, class, r);
}

/* Its last block was freed. */
static void
pool_give_run(struct node_pool *pool, unsigned class, struct pool_run *r)
{
    struct pool_chunk *c = pool_chunk_of(r);

    pool_unlink(pool, class, r);
    if (c->free_runs == 0) {
        pool_open(pool, c);
    }
    c->free_runs |= UINT32_C(1) << (r - c->runs);
    if (c->free_runs == POOL_ALL_FREE) {
        pool->n_empty++;
        /* One is kept: a tree may go up and down by one node for long. */
        if (pool->n_empty > 1) {
            pool_remove_chunk(pool, c);
        }
    }
}

/* ---- long blocks --------------------------------------------------------- */

static void
pool_large_link(struct node_pool *pool, struct pool_large *l)
{
    l->prev = NULL;
    l->next = pool->large;
    if (l->next != NULL) {
        l->next->prev = l;
    }
    pool->large = l;
}

static struct pool_large *
pool_large_unlink(struct node_pool *pool, void *block)
{
    struct pool_large *l = ZK_CONTAINER_OF(block, struct pool_large, block);

    if (l->prev != NULL) {
        l->prev->next = l->next;
    } else {
        pool->large = l->next;
    }
    if (l->next != NULL) {
        l->next->prev = l->prev;
    }
    return l;
}

static bool
pool_is_large(size_t len)
{
    return len + POOL_REDZONE > NODE_POOL_MAX;
}

/* ---- blocks -------------------------------------------------------------- */

void *
node_pool_alloc(struct node_pool *pool, size_t len)
{
    struct pool_large *l;
    struct pool_run *r;
    unsigned class;
    uint32_t size;
    void *p;

    if (pool_is_large(len)) {
        l = zk_xmalloc(sizeof *l + len);
        pool_large_link(pool, l);
        return l->block;
    }
    class = pool_class(len + POOL_REDZONE, &size);
    if (pool->partial[class] == NULL) {
        pool_take_run(pool, class, size);
    }
    r = pool->partial[class];
    /* AddressSanitizer sees most where a block rests for long. */
    if (r->free != NULL
        && !(POOL_ASAN && r->fresh < pool_run_blocks(r))) {
        p = r->free;
        ASAN_UNPOISON_MEMORY_REGION(p, sizeof(void *));
        memcpy(&r->free, p, sizeof r->free);
    } else {
        p = pool_run_begin(r) + (size_t) r->fresh++ * size;
    }
    ASAN_UNPOISON_MEMORY_REGION(p, len);
    if (++r->used == pool_run_blocks(r)) {
        pool_unlink(pool, class, r);
    }
    return p;
}

void
node_pool_free(struct node_pool *pool, void *block, size_t len)
{
    struct pool_chunk *c;
    struct pool_run *r;
    unsigned class;
    uint32_t size;

    if (block == NULL) {
        return;
    }
    if (pool_is_large(len)) {
        free(pool_large_unlink(pool, block));
        return;
    }
    class = pool_class(len + POOL_REDZONE, &size);
    c = pool_chunk_of(block);
    r = &c->runs[((uintptr_t) block & (NODE_POOL_CHUNK - 1)) / POOL_RUN];
    zk_assert(r->size == size && r->used > 0);
    zk_assert(!ASAN_IS_POISONED(block));
    ASAN_UNPOISON_MEMORY_REGION(block, sizeof(void *));
    memcpy(block, &r->free, sizeof r->free);
    r->free = block;
    ASAN_POISON_MEMORY_REGION(block, size);
    if (r->used-- == pool_run_blocks(r)) {
        pool_link(pool, class, r);
    }
    if (r->used == 0) {
        pool_give_run(pool, class, r);
    }
}

static bool
pool_same_block(size_t a, size_t b)
{
    uint32_t size;

    return !POOL_ASAN && !pool_is_large(a) && !pool_is_large(b)
           && pool_class(a, &size) == pool_class(b, &size);
}

void *
node_pool_resize(struct node_pool *pool, void *block, size_t old_len,
                 size_t len)
{
    struct pool_large *l;
    void *p;

    if (block == NULL) {
        return node_pool_alloc(pool, len);
    }
    if (pool_same_block(old_len, len)) {
        return block;
    }
    if (pool_is_large(old_len) && pool_is_large(len)) {
        l = pool_large_unlink(pool, block);
        l = zk_xrealloc(l, sizeof *l + len);
        pool_large_link(pool, l);
        return l->block;
    }
    p = node_pool_alloc(pool, len);
    memcpy(p, block, old_len < len ? old_len : len);
    node_pool_free(pool, block, old_len);
    return p;
}

void
node_pool_feed(struct node_pool *pool, bool on)
{
    pool->feeding = on;
    if (!on) {
        pool_feeder_destroy(pool->feeder);
        pool->feeder = NULL;
    }
}

void
node_pool_clear(struct node_pool *pool)
{
    struct pool_chunk *c;
    struct pool_large *l;

    node_pool_feed(pool, false);
    while ((c = pool->chunks) != NULL) {
        pool->chunks = c->next;
        pool_unmap(c);
    }
    while ((l = pool->large) != NULL) {
        pool->large = l->next;
        free(l);
    }
    *pool = (struct node_pool) { 0 };
}

size_t
node_pool_mapped(const struct node_pool *pool)
{
    return pool->n_chunks * NODE_POOL_CHUNK;
}
