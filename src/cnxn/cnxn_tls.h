/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cnxn_tls.h: what is different about a connection that speaks TLS.
 *
 * A socket that is readable says little then: OpenSSL may hold bytes that it
 * has read already, reading may want to write and the reverse.  What is left
 * to do stands in server_cnxn.tls_flags.
 *
 * Thread-safety: the connection's selector only; cnxn_tls_begin before it has
 * one.
 */
#ifndef CNXN_CNXN_TLS_H
#define CNXN_CNXN_TLS_H

#include <sys/types.h>

#include "util/zk_obj.h"

struct server_cnxn;
struct tls_conn;

enum cnxn_tls_flag {
    CNXN_TLS_MORE = 1,          /* There may be bytes that the socket does
                                 * not tell of: the connection stands on its
                                 * selector's list to be looked at again, or
                                 * is paused. */
    CNXN_TLS_READ_WRITES = 2,   /* A read waits until it can write. */
    CNXN_TLS_WRITE_READS = 4,   /* A write waits until it can read. */
    CNXN_TLS_ENDED = 8,         /* The client has ended it, */
    CNXN_TLS_BROKEN = 16,       /* ... or it failed; nothing moves. */
};

/* The handshake is done: the connection takes 'tls' over, and the ids of the
 * client's certificate behind that of its address (Java:
 * X509AuthenticationProvider). */
void cnxn_tls_begin(struct server_cnxn *c, struct tls_conn *tls);
/* As recv and send of a non-blocking socket; EPROTO when TLS is broken, which
 * the log then says. */
ssize_t cnxn_tls_recv(struct server_cnxn *c, void *p, size_t room);
ssize_t cnxn_tls_send(struct server_cnxn *c, const void *p, size_t len);
/* What epoll tells of the socket, put as what the selector is to do. */
uint32_t cnxn_tls_events(struct server_cnxn *c, uint32_t events);
/* The socket is about to be closed.  'graceful': the client is told. */
void cnxn_tls_end(struct server_cnxn *c, bool graceful);

#endif
