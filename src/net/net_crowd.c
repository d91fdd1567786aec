/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "net/net_crowd.h"

#include <stdbool.h>
#include <string.h>

#include "util/zk_assert.h"

/* The length of the address without its port. */
static size_t
ncw_host_length(const char *peer)
{
    const char *colon = strrchr(peer, ':');

    return colon == NULL ? strlen(peer) : (size_t) (colon - peer);
}

static bool
ncw_is_same_host(const char *a, const char *b)
{
    size_t len = ncw_host_length(a);

    return len == ncw_host_length(b) && memcmp(a, b, len) == 0;
}

/* How many its address holds. */
static size_t
ncw_count(const struct net_crowd_one *all, size_t n, const char *newcomer,
          const char *peer)
{
    size_t count = ncw_is_same_host(newcomer, peer);

    for (size_t i = 0; i < n; i++) {
        count += ncw_is_same_host(all[i].peer, peer);
    }
    return count;
}

size_t
net_crowd_choose(const struct net_crowd_one *all, size_t n,
                 const char *newcomer)
{
    size_t chosen = 0, most = 0;

    zk_assert(n > 0);
    for (size_t i = 0; i < n; i++) {
        size_t count = ncw_count(all, n, newcomer, all[i].peer);

        if (count > most
            || (count == most && all[i].turn < all[chosen].turn)) {
            chosen = i;
            most = count;
        }
    }
    return chosen;
}
