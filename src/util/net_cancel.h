/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_cancel.h: lets one thread end what another waits for: an accept, a
 * lookup, a connect.
 *
 * Thread-safety: fire from any thread; the others as they say.
 */
#ifndef UTIL_NET_CANCEL_H
#define UTIL_NET_CANCEL_H

#include <stdint.h>

#include "util/zk_error.h"

struct net_cancel {
    int fd;                     /* -1: none. */
    int socket;                 /* -1: none. */
};

/* Not fired.  ZK_EIO: the system has no descriptor for it; then there is
 * nothing to finish, and nothing must wait by it. */
int net_cancel_init(struct net_cancel *c, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Nobody may be waiting. */
void net_cancel_fini(struct net_cancel *c);
/* From now on every wait ends at once. */
void net_cancel_fire(struct net_cancel *c);
/* Waits work again. */
void net_cancel_reset(struct net_cancel *c);

/* One that has been fired when 'c' (may be NULL) has, and also once the socket
 * was shut down both ways, or has failed.  Both are borrowed: there is nothing
 * to finish, and nothing to fire. */
void net_cancel_join(struct net_cancel *out, const struct net_cancel *c,
                     int socket);

/* Waits until 'fd' (-1: none) is ready for 'events' (POLLIN, POLLOUT), 'c'
 * (may be NULL) is fired or 'deadline_ms' (INT64_MAX: never) has come. */
enum net_wait { NET_READY, NET_CANCELLED, NET_LATE };
enum net_wait net_cancel_wait(struct net_cancel *c, int fd, short events,
                              int64_t deadline_ms);

#endif
