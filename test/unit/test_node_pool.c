/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a tree's nodes. */
#include <config.h>

#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "test/lib/zk_test.h"
#include "tree/node_pool.h"
#include "tree/pool_feeder.h"
#include "util/zk_obj.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

#define BLOCKS 20000

struct block {
    unsigned char *p;
    size_t len;
    unsigned char fill;
};

static struct block blocks[BLOCKS];
static uint64_t rng = 1;

static size_t
below(size_t n)
{
    rng = rng * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (size_t) (rng >> 33) % n;
}

/* Mostly as short as nodes are, now and then long. */
static size_t
random_len(void)
{
    size_t max[] = { 64, 200, 600, 1200, NODE_POOL_MAX + 4000 };

    return 1 + below(max[below(ZK_ARRAY_SIZE(max))]);
}

static bool
holds(const struct block *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (b->p[i] != b->fill) {
            return false;
        }
    }
    return true;
}

static void
fill(struct block *b)
{
    b->fill = (unsigned char) below(256);
    memset(b->p, b->fill, b->len);
}

static void
change(struct node_pool *pool, struct block *b)
{
    size_t len = random_len();

    if (b->p == NULL) {
        b->p = node_pool_alloc(pool, len);
        CU_ASSERT_EQUAL((uintptr_t) b->p % 8, 0);
        b->len = len;
        fill(b);
        return;
    }
    CU_ASSERT(holds(b, b->len));
    if (below(2) == 0) {
        node_pool_free(pool, b->p, b->len);
        b->p = NULL;
        return;
    }
    b->p = node_pool_resize(pool, b->p, b->len, len);
    CU_ASSERT(holds(b, len < b->len ? len : b->len));
    b->len = len;
    fill(b);
}

static void
test_blocks_keep_what_they_hold(void)
{
    struct node_pool pool = { 0 };

    for (size_t i = 0; i < BLOCKS * 10; i++) {
        change(&pool, &blocks[below(BLOCKS)]);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        CU_ASSERT(blocks[i].p == NULL || holds(&blocks[i], blocks[i].len));
        node_pool_free(&pool, blocks[i].p, blocks[i].len);
        blocks[i].p = NULL;
    }
    /* One chunk is kept for the next block. */
    CU_ASSERT_EQUAL(node_pool_mapped(&pool), NODE_POOL_CHUNK);
    node_pool_clear(&pool);
    CU_ASSERT_EQUAL(node_pool_mapped(&pool), 0);
}

/* Every length up to the longest and a bit beyond, at both ends. */
static void
test_every_length(void)
{
    struct node_pool pool = { 0 };

    for (size_t len = 1; len <= NODE_POOL_MAX + 64; len++) {
        unsigned char *a = node_pool_alloc(&pool, len);
        unsigned char *b = node_pool_alloc(&pool, len);

        memset(a, 1, len);
        memset(b, 2, len);
        CU_ASSERT(a[0] == 1 && a[len - 1] == 1);
        node_pool_free(&pool, a, len);
        CU_ASSERT(b[0] == 2 && b[len - 1] == 2);
        node_pool_free(&pool, b, len);
    }
    node_pool_clear(&pool);
}

static void
allocate_all(struct node_pool *pool, size_t len)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i].p = node_pool_alloc(pool, len);
        blocks[i].p[0] = 1;
    }
}

static void
free_all(struct node_pool *pool, size_t len)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        node_pool_free(pool, blocks[i].p, len);
        blocks[i].p = NULL;
    }
}

/* Blocks of 1060 bytes cost no more than 1060 and a few per cent. */
static void
test_little_is_lost(void)
{
    const size_t lens[] = { 24, 152, 520, 1060, 2200 };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(lens); i++) {
        struct node_pool pool = { 0 };

        allocate_all(&pool, lens[i]);
#ifndef __SANITIZE_ADDRESS__
        CU_ASSERT(node_pool_mapped(&pool)
                  < BLOCKS * lens[i] * 104 / 100 + NODE_POOL_CHUNK);
#endif
        free_all(&pool, lens[i]);
        node_pool_clear(&pool);
    }
}

/* What blocks of one size leave is taken by those of another. */
static void
test_a_tree_that_shrinks_gives_back(void)
{
    struct node_pool pool = { 0 };
    size_t full;

    allocate_all(&pool, 1000);
    full = node_pool_mapped(&pool);
    CU_ASSERT(full >= BLOCKS * (size_t) 1000);
    free_all(&pool, 1000);
    CU_ASSERT_EQUAL(node_pool_mapped(&pool), NODE_POOL_CHUNK);
    for (int round = 0; round < 10; round++) {
        size_t len = 300 + (size_t) round * 70;

        allocate_all(&pool, len);
        CU_ASSERT(node_pool_mapped(&pool) <= full + NODE_POOL_CHUNK);
        free_all(&pool, len);
    }
    CU_ASSERT_EQUAL(node_pool_mapped(&pool), NODE_POOL_CHUNK);
    node_pool_clear(&pool);
}

static void
test_clear_frees_what_is_in_use(void)
{
    struct node_pool pool = { 0 };
    void *first = node_pool_alloc(&pool, 100);
    unsigned char vec;

    (void) node_pool_alloc(&pool, NODE_POOL_MAX * 3);
    (void) node_pool_alloc(&pool, NODE_POOL_MAX * 2);
    CU_ASSERT_EQUAL(node_pool_mapped(&pool), NODE_POOL_CHUNK);
    node_pool_clear(&pool);
    CU_ASSERT_EQUAL(node_pool_mapped(&pool), 0);
    first = (void *) ((uintptr_t) first & ~(uintptr_t) 4095);
    CU_ASSERT_NOT_EQUAL(mincore(first, 1, &vec), 0);
}

/* A small tree has no page that it does not use. */
static void
test_a_small_pool_is_small(void)
{
    struct node_pool pool = { 0 };
    unsigned char vec[NODE_POOL_CHUNK / 4096];
    unsigned resident = 0;
    uintptr_t at = (uintptr_t) node_pool_alloc(&pool, 100);

    CU_ASSERT_EQUAL(
        mincore((void *) (at & ~(uintptr_t) (NODE_POOL_CHUNK - 1)),
                NODE_POOL_CHUNK, vec), 0);
    for (size_t i = 0; i < sizeof vec; i++) {
        resident += vec[i] & 1;
    }
    CU_ASSERT(resident <= 4);
    node_pool_clear(&pool);
}

/* A fed pool is one like others, and its thread ends with it. */
static void
test_a_pool_that_is_fed(void)
{
    struct node_pool pool = { 0 };
    unsigned threads = zk_thread_count();

    node_pool_feed(&pool, true);
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i].len = 1000 + below(2000);
        blocks[i].p = node_pool_alloc(&pool, blocks[i].len);
        fill(&blocks[i]);
        if (i == 10) {          /* A small tree needs no thread. */
            CU_ASSERT_EQUAL(zk_thread_count(), threads);
        }
    }
    CU_ASSERT_EQUAL(zk_thread_count(), threads + 1);
    for (size_t i = 0; i < BLOCKS; i++) {
        CU_ASSERT(holds(&blocks[i], blocks[i].len));
    }
    node_pool_feed(&pool, false);
    CU_ASSERT_EQUAL(zk_thread_count(), threads);
    CU_ASSERT(holds(&blocks[BLOCKS - 1], blocks[BLOCKS - 1].len));
    node_pool_clear(&pool);
    CU_ASSERT_EQUAL(pool.n_chunks, 0);
}

static void
test_a_pool_that_is_cleared_while_it_is_fed(void)
{
    struct node_pool pool = { 0 };
    unsigned threads = zk_thread_count();

    node_pool_feed(&pool, true);
    for (size_t i = 0; i < BLOCKS; i++) {
        (void) node_pool_alloc(&pool, 1000);
    }
    CU_ASSERT_EQUAL(zk_thread_count(), threads + 1);
    node_pool_clear(&pool);
    CU_ASSERT_EQUAL(zk_thread_count(), threads);
}

/* What is taken is aligned and was touched already. */
static void
test_what_a_feeder_gives(void)
{
    struct pool_feeder *f = pool_feeder_create(NODE_POOL_CHUNK);
    int64_t deadline_ms = zk_time_mono_ms() + 30000;

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    for (int taken = 0; taken < 6; ) {  /* More than it has at a time. */
        unsigned char vec[NODE_POOL_CHUNK / 4096];
        unsigned resident = 0;
        void *chunk = pool_feeder_take(f);

        if (chunk == NULL) {
            CU_ASSERT_FATAL(zk_time_mono_ms() < deadline_ms);
            continue;
        }
        CU_ASSERT_EQUAL((uintptr_t) chunk % NODE_POOL_CHUNK, 0);
        CU_ASSERT_EQUAL(mincore(chunk, NODE_POOL_CHUNK, vec), 0);
        for (size_t i = 0; i < sizeof vec; i++) {
            resident += vec[i] & 1;
        }
        CU_ASSERT_EQUAL(resident, sizeof vec);
        munmap(chunk, NODE_POOL_CHUNK);
        taken++;
    }
    pool_feeder_destroy(f);
    pool_feeder_destroy(NULL);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* Bytes that this process has mapped. */
static rlim_t
mapped(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL_FATAL(fscanf(f, "%lu", &pages), 1);
    fclose(f);
    return (rlim_t) pages * (rlim_t) sysconf(_SC_PAGESIZE);
}

/* Memory that nobody has asked for yet may be had or not. */
static void
test_a_feeder_without_memory(void)
{
    unsigned threads = zk_thread_count();
    struct pool_feeder *f = pool_feeder_create(NODE_POOL_CHUNK);
    int64_t deadline_ms = zk_time_mono_ms() + 30000;
    struct rlimit before, little;
    void *taken[16];
    size_t n = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_AS, &before), 0);
    little = before;
    little.rlim_cur = mapped() + 2 * NODE_POOL_CHUNK;
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_AS, &little), 0);
    while (zk_thread_count() > threads && n < ZK_ARRAY_SIZE(taken)
           && zk_time_mono_ms() < deadline_ms) {
        taken[n] = pool_feeder_take(f);
        n += taken[n] != NULL;
    }
    (void) setrlimit(RLIMIT_AS, &before);
    CU_ASSERT_EQUAL(zk_thread_count(), threads);
    pool_feeder_destroy(f);
    while (n > 0) {
        munmap(taken[--n], NODE_POOL_CHUNK);
    }
}
#endif

static const struct zk_test tests[] = {
    { "blocks keep what they hold", test_blocks_keep_what_they_hold },
    { "every length", test_every_length },
    { "little is lost", test_little_is_lost },
    { "a tree that shrinks gives memory back",
      test_a_tree_that_shrinks_gives_back },
    { "clear frees what is in use", test_clear_frees_what_is_in_use },
    { "a small pool is small", test_a_small_pool_is_small },
    { "a pool that is fed", test_a_pool_that_is_fed },
    { "a pool that is cleared while it is fed",
      test_a_pool_that_is_cleared_while_it_is_fed },
    { "what a feeder gives", test_what_a_feeder_gives },
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    { "a feeder without memory", test_a_feeder_without_memory },
#endif
};

int
main(void)
{
    return zk_test_main("node pool", tests, ZK_ARRAY_SIZE(tests));
}
