/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_stream.h: a connection between servers, read and written by blocking
 * calls with deadlines, closed from any thread.
 *
 * Plain TCP here; TLS is another implementation of the same functions.  One
 * thread reads, one thread writes; net_stream_shutdown may come from a third
 * and makes both return at once.
 */
#ifndef NET_NET_STREAM_H
#define NET_NET_STREAM_H

#include "net/net_cancel.h"
#include "util/zk_buf.h"
#include "util/zk_error.h"

struct net_stream;

struct net_options {
    bool keepalive;
    bool nodelay;
    struct net_cancel *cancel;  /* Ends a connect early; NULL: nothing does. */
};

/* Resolves host now and connects to the addresses in turn until 'deadline_ms'
 * (zk_time_mono_ms) at the latest; no address gets more than its share of the
 * time.  ZK_EIO names host, port and reason; ZK_ESTOPPED: cancelled. */
int net_stream_connect(const char *host, int port, int64_t deadline_ms,
                       const struct net_options *opts,
                       struct net_stream **out, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Takes an accepted descriptor over. */
struct net_stream *net_stream_of_fd(int fd, const struct net_options *opts);
/* Ends reading and writing, now and later; any thread. */
void net_stream_shutdown(struct net_stream *s);
/* Nobody may be using it. */
void net_stream_destroy(struct net_stream *s);

/* Reads at least one and up to 'len' bytes; '*got' 0 with ZK_OK: the peer
 * ended the connection.  ZK_ETORN: nothing came within 'timeout_ms' (<= 0:
 * waits for ever); ZK_ESTOPPED: shut down by net_stream_shutdown; ZK_EIO. */
int net_stream_read(struct net_stream *s, void *p, size_t len,
                    int64_t timeout_ms, size_t *got, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* All of 'len' bytes, else an error (the end of the connection is ZK_EIO);
 * gives up when no byte comes for 'timeout_ms'. */
int net_stream_read_full(struct net_stream *s, void *p, size_t len,
                         int64_t timeout_ms, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Writes everything; gives up (ZK_ETORN) when no byte moves for 'timeout_ms'
 * (<= 0: waits for ever). */
int net_stream_write(struct net_stream *s, const void *p, size_t len,
                     int64_t timeout_ms, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* "127.0.0.1:2888", IPv6 in brackets; of the other side.  Borrowed. */
const char *net_stream_peer(const struct net_stream *s);
/* The same of our side, for the leader's port checks and logs. */
const char *net_stream_local(const struct net_stream *s);

#endif
