/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_stream.h: a connection between servers, read and written by blocking
 * calls with deadlines, closed from any thread.
 *
 * Plain TCP, or TLS over it (net_tls.c).  One thread reads, one thread writes;
 * net_stream_shutdown may come from a third and makes both return at once.
 *
 * Life of an accepted one: net_stream_of_fd on the thread that accepts, which
 * waits for nothing; net_stream_handshake on a thread that serves nobody
 * else; then reads and writes.  net_stream_connect does all of it.
 */
#ifndef NET_NET_STREAM_H
#define NET_NET_STREAM_H

#include "tls/tls_context.h"
#include "util/net_cancel.h"
#include "util/zk_buf.h"
#include "util/zk_error.h"

struct net_stream;

/* The context is borrowed for the life of the stream. */
struct net_options {
    bool keepalive;
    bool nodelay;
    struct net_cancel *cancel;  /* Ends a connect early; NULL: nothing does. */
    struct tls_context *tls;    /* NULL: plain TCP. */
    bool connect_tls;           /* Connects by TLS; else plain. */
    bool accept_plain;          /* What is accepted may be plain, too, as its
                                 * first bytes tell (Java: portUnification);
                                 * else it has to be TLS. */
    int64_t handshake_ms;       /* A connect's TLS handshake has so long, from
                                 * the moment that TCP connects; <= 0: until
                                 * the deadline of the connect. */
};

/* Resolves host now and connects to the addresses in turn until 'deadline_ms'
 * (zk_time_mono_ms) at the latest; no address gets more than its share of the
 * time.  By TLS (connect_tls): the handshake is complete, and the server is
 * the one that the certificate names.  In TLS 1.3 the server may still refuse
 * ours, which the first read tells.  ZK_EIO names host, port and reason;
 * ZK_ESTOPPED: cancelled. */
int net_stream_connect(const char *host, int port, int64_t deadline_ms,
                       const struct net_options *opts,
                       struct net_stream **out, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Takes an accepted descriptor over; waits for nothing. */
struct net_stream *net_stream_of_fd(int fd, const struct net_options *opts);
/* What an accepted one needs before it is read or written: finds out whether
 * it is plain or TLS, and if it is, does the handshake, until 'deadline_ms'
 * (zk_time_mono_ms).  Without a context there is nothing to do; what was done
 * is not done again.  What is silent, or does not say enough, for
 * handshakeDetectionTimeoutMillis counts as plain where that is accepted.
 * ZK_EIO or ZK_ETORN with peer and reason: only shutdown and destroy are left.
 * ZK_ESTOPPED as net_stream_read. */
int net_stream_handshake(struct net_stream *s, int64_t deadline_ms,
                         struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Behind the last write: tells the peer that nothing more comes, and waits
 * until it has closed its side, so that nothing of what was sent gets lost and
 * its refusal of our certificate is heard (ZK_EIO).  What it sends is
 * dropped.  ZK_ETORN: it has not by 'deadline_ms'; ZK_ESTOPPED: shut down, or
 * 'cancel' (may be NULL) was fired.  A plain one has nothing to wait for. */
int net_stream_finish(struct net_stream *s, int64_t deadline_ms,
                      struct net_cancel *cancel, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
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
/* The same, but gives up (ZK_ETORN) when not all is written by 'deadline_ms'
 * (zk_time_mono_ms): a peer that reads byte by byte cannot hold it. */
int net_stream_write_until(struct net_stream *s, const void *p, size_t len,
                           int64_t deadline_ms, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* "127.0.0.1:2888", IPv6 in brackets; of the other side.  Borrowed. */
const char *net_stream_peer(const struct net_stream *s);
/* The same of our side, for the leader's port checks and logs. */
const char *net_stream_local(const struct net_stream *s);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384" or "plain", for logs; known once the
 * handshake is complete.  Borrowed. */
const char *net_stream_security(const struct net_stream *s);

#endif
