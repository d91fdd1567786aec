/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_handshaker.h: sockets of a port that takes TLS, between their accept
 * and their selector (Java: the SslHandler and the DualModeSslHandler of
 * NettyServerCnxnFactory).
 *
 * A handshake costs a thousand times what a request does, and may take as
 * long as the client likes; so it is done by threads of its own, which run at
 * a lower priority: a flood of handshakes takes what the selectors leave.  A
 * selector gets a connection when nothing but its requests is left to do.
 *
 * A socket costs a hundred bytes or so until its first byte has come; only
 * then is there a TLS connection for it.  All have the same time to finish,
 * counted from the accept, however their bytes drip in.
 *
 * Where others have to be asked whether a client's certificate is revoked, the
 * handshake goes on to its end, and then waits for threads that do nothing but
 * ask.  One place takes a part of them at most (ask_queue.h): so whoever is
 * asked and hangs holds up those alone who need the same.
 *
 * The first bytes are looked at before any is read.  Plain text is handed on
 * where the port takes that, too (zookeeper.client.portUnification).
 */
#ifndef CNXN_TLS_HANDSHAKER_H
#define CNXN_TLS_HANDSHAKER_H

#include "cnxn/cnxn_address.h"
#include "config/server_config.h"

struct cnxn_context;
struct tls_handshaker;

/* Reads keys and trust (zookeeper.ssl.*) and its own properties.  ZK_ECONFIG
 * or ZK_EIO say what is wrong. */
int tls_handshaker_create(struct cnxn_context *ctx,
                          struct tls_handshaker **out, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
void tls_handshaker_destroy(struct tls_handshaker *h);
/* Starts the threads, and the watch over the stores where that is asked for
 * (zookeeper.client.certReload).  The selectors run already. */
void tls_handshaker_start(struct tls_handshaker *h);
/* Closes what is under way and ends the threads.  The ports take nobody any
 * more; nothing if that was done. */
void tls_handshaker_stop(struct tls_handshaker *h);

/* Takes an accepted socket over that the table has admitted; it may close it
 * at once.  Any thread. */
void tls_handshaker_add(struct tls_handshaker *h, int fd,
                        const struct cnxn_address *from, bool unified);
/* Handshakes under way; may be stale when read. */
size_t tls_handshaker_under_way(const struct tls_handshaker *h);
/* Those that failed so far. */
uint64_t tls_handshaker_failed(const struct tls_handshaker *h);

#endif
