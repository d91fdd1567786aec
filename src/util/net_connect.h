/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_connect.h: a TCP connection to whichever of some addresses takes it.
 *
 * Thread-safety: any thread.
 */
#ifndef UTIL_NET_CONNECT_H
#define UTIL_NET_CONNECT_H

#include <netdb.h>

#include "util/net_cancel.h"

/* Tries the addresses in turn until 'deadline_ms' (zk_time_mono_ms) at the
 * latest; none gets more than its share of the time.  0, and a descriptor that
 * does not block (close-on-exec), which is the caller's; or the errno of the
 * last one: ETIMEDOUT, or ECANCELED once 'cancel' (may be NULL) was fired. */
int net_connect(const struct addrinfo *all, int64_t deadline_ms,
                struct net_cancel *cancel, int *fd) ZK_WARN_UNUSED;

#endif
