/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_provider.h: the servers a client may use, and which one is next
 * (Java: ConnectStringParser, StaticHostProvider).
 *
 * The servers are tried in an order that is shuffled once, round and round.
 * Who comes back to the server that it was connected to last (or to the first
 * one, when there was none) has tried them all and shall wait.
 *
 * Thread-safety: none; one owner.
 */
#ifndef CLIENT_HOST_PROVIDER_H
#define CLIENT_HOST_PROVIDER_H

#include "util/zk_error.h"

struct host_port {
    char *host;                 /* A name, or an address without brackets. */
    int port;
};

struct host_provider {
    struct host_port *v;
    size_t n;                   /* >= 1 */
    char *chroot;               /* "" or "/a/b". */

    size_t current;             /* The one that next gave; n: none yet. */
    size_t last;                /* Connected last; n: none tried yet. */
    uint64_t random;
};

/* Reads "h1:p1,[::1]:p2,h3/chroot" and shuffles by 'seed'.  ZK_ECONFIG says
 * what is wrong; 'hp' then needs no fini. */
int host_provider_init(struct host_provider *hp, const char *connect_string,
                       uint64_t seed, struct zk_errmsg *em) ZK_WARN_UNUSED;
void host_provider_fini(struct host_provider *hp);
/* Goes on to the next server.  '*round' tells whether all were tried since
 * the last that took us.  Borrowed until update or fini. */
const struct host_port *host_provider_next(struct host_provider *hp,
                                           bool *round);
/* The current one has taken us. */
void host_provider_connected(struct host_provider *hp);
/* Is it one of them? */
bool host_provider_has(const struct host_provider *hp,
                       const struct host_port *which);
/* Takes other servers, as for init; the chroot stays as it was.  '*kept'
 * tells whether the server that is 'used' (not hp's own memory; the current
 * one may be another, which is only looked at) is among them: it is then the
 * current one. */
int host_provider_update(struct host_provider *hp, const char *connect_string,
                         const struct host_port *used, bool *kept,
                         struct zk_errmsg *em) ZK_WARN_UNUSED;
/* The next number of the generator behind the shuffling; for other choices
 * of the client that need not be good. */
uint64_t host_provider_random(struct host_provider *hp);

#endif
