/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "util/zk_time.h"

#include <time.h>

#include "util/zk_assert.h"

static struct timespec
zkt_now(clockid_t clock)
{
    struct timespec ts;

    zk_assert(clock_gettime(clock, &ts) == 0);
    return ts;
}

int64_t
zk_time_mono_ms(void)
{
    struct timespec ts = zkt_now(CLOCK_MONOTONIC);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
zk_time_mono_us(void)
{
    struct timespec ts = zkt_now(CLOCK_MONOTONIC);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
zk_time_wall_ms(void)
{
    struct timespec ts = zkt_now(CLOCK_REALTIME);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
zk_time_pause_us(int64_t us)
{
    const struct timespec t = {
        .tv_sec = us / 1000000,
        .tv_nsec = us % 1000000 * 1000,
    };

    (void) nanosleep(&t, NULL);
}
