/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_crowd.h: who has to go when there are too many connections that have not
 * said who they are: the oldest one of the address that holds most of them.  So
 * a flood from one address drives out itself, and not the server that has just
 * connected from another.
 *
 * Thread-safety: pure.
 */
#ifndef NET_NET_CROWD_H
#define NET_NET_CROWD_H

#include <stddef.h>
#include <stdint.h>

struct net_crowd_one {
    const char *peer;           /* As net_address_print has it. */
    uint64_t turn;              /* The smallest one is the oldest. */
};

/* The index of the one that goes for 'newcomer', which counts with those of
 * its address; n > 0.  Among addresses that hold as many the oldest of all. */
size_t net_crowd_choose(const struct net_crowd_one *all, size_t n,
                        const char *newcomer);

#endif
