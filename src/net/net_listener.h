/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_listener.h: listening sockets of a server-to-server port: one per
 * address, accepted on one thread of the caller.
 */
#ifndef NET_NET_LISTENER_H
#define NET_NET_LISTENER_H

#include "config/server_config.h"
#include "net/net_stream.h"

struct net_listener;

/* Binds host:port of each of the 'n' addresses (a NULL host, or 'all_ips':
 * every address) with SO_REUSEADDR.  ZK_EIO names the one that failed.
 * ZK_EEXIST when it is in use. */
int net_listener_create(const struct host_port *at, size_t n, bool all_ips,
                        struct net_listener **out, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Waits for a connection; its descriptor in '*fd' (close-on-exec).
 * ZK_ESTOPPED after shutdown; ZK_EIO (out of descriptors, say) after a pause
 * in which nothing spins. */
int net_listener_accept(struct net_listener *l, int *fd,
                        struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Makes accept return; any thread. */
void net_listener_shutdown(struct net_listener *l);
/* Closes the sockets; nobody may be accepting. */
void net_listener_destroy(struct net_listener *l);
/* The port of the first address (for port 0 in tests). */
int net_listener_port(const struct net_listener *l);

#endif
