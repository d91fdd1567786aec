/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_lookup.h: names to addresses, and back, with a deadline.
 *
 * The resolver of the system cannot be told to hurry, so each name is looked
 * up on a thread of its own, which is left behind when it takes too long.
 * Those left behind are bounded: while HOST_LOOKUP_LEFT of them wait for a
 * name server that does not answer, further lookups fail at once.  Each use
 * has a bound of its own: names of strangers that hang are not in the way of
 * the servers of an ensemble.
 *
 * Thread-safety: any thread.
 */
#ifndef UTIL_HOST_LOOKUP_H
#define UTIL_HOST_LOOKUP_H

#include <netdb.h>
#include <sys/socket.h>

#include "util/net_cancel.h"
#include "util/zk_error.h"

#define HOST_LOOKUP_LEFT 32

/* Whose names they are. */
enum host_lookup_use {
    HOST_LOOKUP_SERVERS,
    HOST_LOOKUP_CLIENTS,
    HOST_LOOKUP_RESPONDERS,     /* Who tells what is revoked. */
    HOST_LOOKUP_USES,
};

/* The TCP addresses of host:port in the system's order; the caller frees
 * them with freeaddrinfo.  ZK_ENOTFOUND: no such name, ZK_ETORN: no answer by
 * 'deadline_ms' (zk_time_mono_ms), ZK_ESTOPPED: 'cancel' (may be NULL) was
 * fired. */
int host_lookup(enum host_lookup_use use, const char *host, int port,
                int64_t deadline_ms, struct net_cancel *cancel,
                struct addrinfo **out, struct zk_errmsg *em) ZK_WARN_UNUSED;
/* The name that an address has, with a NUL; the same results. */
int host_lookup_reverse(enum host_lookup_use use,
                        const struct sockaddr_storage *address,
                        int64_t deadline_ms, struct net_cancel *cancel,
                        char out[NI_MAXHOST], struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Waits for the lookups that were left behind, until 'deadline_ms'; false:
 * some are not at their end, and their threads still run. */
bool host_lookup_join_until(int64_t deadline_ms);
/* The same without a limit; for tests. */
void host_lookup_join_all(void);

#endif
