/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole elections over random networks.  A failure prints its seed;
 * ZK_TEST_SEED runs that one alone.
 */
#include <config.h>

#include "test/lib/zk_test.h"
#include "test/unit/fle_world.h"

#define SEEDS 1000
/* More deliveries in a tenth of a second than any election can need. */
#define STORM 1500
/* After bad times all are settled within this time, milliseconds. */
#define HEALED_MS 30000

/* Runs 'check' for each seed until one fails. */
static void
for_seeds(bool (*check)(uint64_t seed))
{
    const char *one = getenv("ZK_TEST_SEED");
    uint64_t first = one != NULL ? strtoull(one, NULL, 0) : 1;
    uint64_t last = one != NULL ? first : SEEDS;
    bool good = true;

    for (uint64_t seed = first; seed <= last && good; seed++) {
        good = check(seed);
        if (!good) {
            fprintf(stderr, "ZK_TEST_SEED=%llu\n", (unsigned long long) seed);
        }
    }
    CU_ASSERT_TRUE(good);
}

/* While leaders do not write they know as much as any quorum. */
static bool
sound(const struct fle_world *w)
{
    return w->serve || fle_world_leaders_know_enough(w);
}

/* Ends a run: says what stands when the outcome is bad. */
static bool
finish(struct fle_world *w, bool good)
{
    good = good && sound(w) && w->most_recent < STORM;
    if (!good) {
        fle_world_print(w);
    }
    fle_world_fini(w);
    return good;
}

/* Hands over messages and nothing else: no timer is ever called. */
static void
drain(struct fle_world *w)
{
    while (fle_world_step(w) && w->delivered < 100000) {
        continue;
    }
}

/* The server with the best history, by the order of votes. */
static int64_t
best_of(const struct fle_world *w)
{
    size_t best = w->n;

    for (size_t i = 0; i < w->voters; i++) {
        const struct fw_host *h = &w->hosts[i], *b = &w->hosts[best];

        if (h->fc != NULL
            && (best == w->n || h->epoch > b->epoch
                || (h->epoch == b->epoch && h->zxid >= b->zxid))) {
            best = i;
        }
    }
    return (int64_t) best + 1;
}

static bool
best_leads(const struct fle_world *w)
{
    const struct fw_host *h = &w->hosts[best_of(w) - 1];

    return fle_core_state(h->fc, NULL) == PEER_LEADING;
}

/* Boots all voters, in any order, some messages apart; each looks up to
 * 'tries' times before anybody hears of it. */
static void
boot_all(struct fle_world *w, uint64_t tries)
{
    size_t left = w->voters;

    while (left > 0) {
        size_t i = fle_world_random(w, w->voters);
        uint64_t steps = fle_world_random(w, 4);

        if (w->hosts[i].fc != NULL) {
            continue;
        }
        w->loss = tries > 0 ? 100 : 0;
        fle_world_boot(w, i);
        for (uint64_t k = fle_world_random(w, tries + 1); k > 1; k--) {
            fle_world_look(w, i);
        }
        if (tries > 0) {
            w->loss = 0;
            fle_world_look(w, i);
        }
        left--;
        while (steps-- > 0) {
            fle_world_step(w);
        }
    }
}

static bool
check_start(uint64_t seed)
{
    static const size_t sizes[] = { 1, 2, 3, 5, 3, 5, 4, 6, 7 };
    struct fle_world w;

    fle_world_init(&w, sizes[seed % 9], 0, seed);
    w.max_delay_ms = 20;
    boot_all(&w, 0);
    drain(&w);
    return finish(&w, w.timers == 0 && fle_world_agrees(&w)
                          && best_leads(&w));
}

static void
test_a_start_needs_no_timer(void)
{
    for_seeds(check_start);
}

static bool
check_rounds(uint64_t seed)
{
    struct fle_world w;

    fle_world_init(&w, 3 + 2 * (seed & 1), 0, seed);
    w.max_delay_ms = 20;
    boot_all(&w, 4);
    drain(&w);
    return finish(&w, w.timers == 0 && fle_world_agrees(&w)
                          && best_leads(&w));
}

static void
test_different_rounds_need_no_timer(void)
{
    for_seeds(check_rounds);
}

/* The others notice one after the other; those who have not yet answer as
 * before. */
static bool
check_failover(uint64_t seed)
{
    struct fle_world w;
    size_t dead, left;

    fle_world_init(&w, 3 + 2 * (seed & 1), 0, seed);
    fle_world_fill(&w);
    w.max_delay_ms = 20;
    w.notice_down = true;
    for (size_t i = 0; i < w.n; i++) {
        fle_world_boot(&w, i);
    }
    drain(&w);
    dead = (size_t) best_of(&w) - 1;
    fle_world_crash(&w, dead);
    for (left = w.n - 1; left > 0;) {
        size_t i = fle_world_random(&w, w.n);
        uint64_t steps = fle_world_random(&w, 4);

        if (i == dead
            || fle_core_state(w.hosts[i].fc, NULL) == PEER_LOOKING) {
            continue;
        }
        fle_world_look(&w, i);
        left--;
        while (steps-- > 0) {
            fle_world_step(&w);
        }
    }
    drain(&w);
    return finish(&w, w.timers == 0 && fle_world_agrees(&w)
                          && best_leads(&w));
}

static void
test_a_failover_needs_no_timer(void)
{
    for_seeds(check_failover);
}

static bool
check_join(uint64_t seed)
{
    struct fle_world w;
    size_t late;

    fle_world_init(&w, 3 + seed % 5, seed % 3, seed);
    fle_world_fill(&w);
    w.max_delay_ms = 20;
    w.notice_down = true;
    late = fle_world_random(&w, w.n);
    for (size_t i = 0; i < w.n; i++) {
        if (i != late) {
            fle_world_boot(&w, i);
        }
    }
    fle_world_run(&w, 5000);
    if (!fle_world_agrees(&w)) {
        return finish(&w, false);
    }
    fle_world_boot(&w, late);
    w.timers = 0;
    drain(&w);
    return finish(&w, w.timers == 0 && fle_world_agrees(&w));
}

static void
test_joining_needs_no_timer(void)
{
    for_seeds(check_join);
}

/* --- bad networks --- */

static void
disturb(struct fle_world *w)
{
    size_t i = fle_world_random(w, w->n);
    bool up = w->hosts[i].fc != NULL;

    switch (fle_world_random(w, 4)) {
    case 0:
        if (up) {
            fle_world_crash(w, i);
        }
        break;
    case 1:
    case 2:
        if (!up) {
            fle_world_boot(w, i);
        }
        break;
    default:
        if (up) {
            fle_world_look(w, i);
        }
    }
}

static void
make_bad(struct fle_world *w)
{
    w->loss = (unsigned) fle_world_random(w, 90);
    w->max_delay_ms = 1 + (int64_t) fle_world_random(w, 700);
    w->reorder = fle_world_random(w, 2) == 0;
    w->notice_down = fle_world_random(w, 2) == 0;
}

static void
make_good(struct fle_world *w)
{
    w->loss = 0;
    w->max_delay_ms = 20;
    w->reorder = false;
    w->notice_down = true;
    for (size_t i = 0; i < w->n; i++) {
        if (w->hosts[i].fc == NULL) {
            fle_world_boot(w, i);
        }
    }
}

static uint64_t disks_lost;

/* A voter that is down loses its disk. */
static void
lose_a_disk(struct fle_world *w)
{
    size_t i = fle_world_random(w, w->voters);

    if (w->hosts[i].fc == NULL && w->committed_epoch > 0) {
        disks_lost += fle_world_wipe(w, i);
    }
}

static bool
chaos(uint64_t seed, bool serve, bool wipe)
{
    struct fle_world w;
    int64_t healed;
    bool good = true;

    fle_world_init(&w, 3 + seed % 5, seed / 5 % 3, seed);
    w.serve = serve;
    w.last_epoch = 3;
    for (int phase = 0; phase < 30 && good; phase++) {
        make_bad(&w);
        disturb(&w);
        if (wipe) {
            lose_a_disk(&w);
        }
        fle_world_run(&w, w.now_ms + (int64_t) fle_world_random(&w, 2000));
        good = sound(&w);
    }
    make_good(&w);
    healed = w.now_ms;
    while (good && !fle_world_agrees(&w)
           && w.now_ms < healed + HEALED_MS) {
        fle_world_run(&w, w.now_ms + 100);
    }
    /* And so it stays, in silence. */
    good = good && fle_world_agrees(&w) && fle_world_nothing_lost(&w);
    fle_world_run(&w, w.now_ms + FW_PATIENCE_MS);
    drain(&w);
    w.delivered = w.timers = 0;
    fle_world_run(&w, w.now_ms + 2 * FLE_MAX_POLL_MS);
    return finish(&w, good && fle_world_agrees(&w) && w.delivered == 0
                          && w.timers == 0);
}

static bool
check_chaos(uint64_t seed)
{
    return chaos(seed, false, false);
}

static void
test_a_healed_network_ends_with_one_leader(void)
{
    for_seeds(check_chaos);
}

static bool
check_serving(uint64_t seed)
{
    return chaos(seed, true, false);
}

static void
test_a_leader_has_what_was_committed(void)
{
    for_seeds(check_serving);
}

static bool
check_wiped(uint64_t seed)
{
    return chaos(seed, true, true);
}

static void
test_a_lost_disk_loses_no_commit(void)
{
    for_seeds(check_wiped);
    CU_ASSERT_TRUE(getenv("ZK_TEST_SEED") != NULL || disks_lost > SEEDS / 10);
}

/* Nobody dies, but messages are lost, for ever: it takes longer, and then as
 * long as the dice say. */
static bool
check_loss(uint64_t seed)
{
    struct fle_world w;

    fle_world_init(&w, 3 + 2 * (seed & 1), 1, seed);
    w.loss = 30;
    w.max_delay_ms = 50;
    w.reorder = true;
    for (size_t i = 0; i < w.n; i++) {
        fle_world_boot(&w, i);
    }
    while (!fle_world_agrees(&w) && w.now_ms < 100 * FLE_MAX_POLL_MS) {
        fle_world_run(&w, w.now_ms + 100);
    }
    return finish(&w, fle_world_agrees(&w));
}

static void
test_lost_messages_only_cost_time(void)
{
    for_seeds(check_loss);
}

/* Without a quorum nobody leads, and the talk dies down. */
static bool
check_minority(uint64_t seed)
{
    struct fle_world w;
    bool good = true;

    fle_world_init(&w, 4 + seed % 4, 1, seed);
    w.max_delay_ms = 50;
    for (size_t i = 0; i < w.voters / 2; i++) {
        fle_world_boot(&w, i);
    }
    fle_world_boot(&w, w.n - 1);
    fle_world_run(&w, 4 * FLE_MAX_POLL_MS);
    w.sent = 0;
    fle_world_run(&w, w.now_ms + 4 * FLE_MAX_POLL_MS);
    for (size_t i = 0; i < w.n; i++) {
        good = good && (w.hosts[i].fc == NULL
                        || fle_core_state(w.hosts[i].fc, NULL)
                               == PEER_LOOKING);
    }
    return finish(&w, good && w.sent < 200);
}

static void
test_a_minority_elects_nobody(void)
{
    for_seeds(check_minority);
}

static const struct zk_test tests[] = {
    { "a start needs no timer", test_a_start_needs_no_timer },
    { "different rounds need no timer", test_different_rounds_need_no_timer },
    { "a failover needs no timer", test_a_failover_needs_no_timer },
    { "joining needs no timer", test_joining_needs_no_timer },
    { "a healed network ends with one leader",
      test_a_healed_network_ends_with_one_leader },
    { "a leader has what was committed",
      test_a_leader_has_what_was_committed },
    { "a lost disk loses no commit", test_a_lost_disk_loses_no_commit },
    { "lost messages only cost time", test_lost_messages_only_cost_time },
    { "a minority elects nobody", test_a_minority_elects_nobody },
};

ZK_TEST_MAIN("fle_election", tests)
