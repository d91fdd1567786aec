/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_tls.h: the TLS half of a net_stream; for net_stream.c alone.
 *
 * OpenSSL's object is for one thread at a time, and no call of tls_conn waits.
 * So each call is made under the lock, and what it wants is waited for
 * outside of it: reader and writer never wait for each other, and a third
 * thread that shuts the socket down wakes both.
 *
 * A read may want to write, and a write to read (a key update, say).  Then the
 * other thread may do in its own call what this one waits for, and leave
 * nothing behind for it in the socket.  Who waits in the other direction
 * therefore looks again every NET_TLS_CROSS_MS.
 */
#ifndef NET_NET_TLS_H
#define NET_NET_TLS_H

#include "tls/tls_conn.h"
#include "util/net_cancel.h"
#include "util/zk_lock.h"

#define NET_TLS_CROSS_MS 20

struct net_tls {
    /* Set at init, never changed. */
    int fd;
    const atomic_bool *down;    /* The stream was shut down. */

    /* Set by the handshake, before there is a second thread. */
    struct tls_conn *conn;
    char cipher[64];
    atomic_bool up;             /* The handshake is complete. */

    struct zk_mutex lock;       /* ZK_LOCK_net_stream: calls of 'conn'. */
    bool failed ZK_GUARDED;     /* It is good for nothing but destroy. */
    struct zk_errmsg why ZK_GUARDED;
};

/* No connection yet.  'fd' and 'down' are the stream's. */
void net_tls_init(struct net_tls *t, int fd, const atomic_bool *down);
/* Nobody may be using it.  Tells the peer, if it was up to now. */
void net_tls_fini(struct net_tls *t);
/* Takes 'conn' over and does its handshake.  Text without the peer's name. */
int net_tls_handshake(struct net_tls *t, struct tls_conn *conn,
                      struct net_cancel *cancel, int64_t deadline_ms,
                      struct zk_errmsg *em) ZK_WARN_UNUSED;
/* As net_stream_read and net_stream_write, but for texts without the peer's
 * name; a timeout's is the caller's.  A write has 'timeout_ms' (<= 0: no limit)
 * for each record that it sends and 'deadline_ms' for all of them, a read
 * 'deadline_ms' for all of the record that it waits for. */
int net_tls_read(struct net_tls *t, void *p, size_t len,
                 struct net_cancel *cancel, int64_t deadline_ms, size_t *got,
                 struct zk_errmsg *em) ZK_WARN_UNUSED;
int net_tls_write(struct net_tls *t, const void *p, size_t len,
                  int64_t timeout_ms, int64_t deadline_ms,
                  struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Tells the peer that nothing more comes.  Any thread, whatever locks it
 * holds: while another one is at work here nothing is told. */
void net_tls_say_goodbye(struct net_tls *t);

#endif
