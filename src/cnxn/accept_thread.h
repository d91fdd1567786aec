/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accept_thread.h: listens on a client port, turns connections away that are
 * over a limit, and deals the others out to the selectors in turn, or leaves
 * them to the handshaker where the port takes TLS (Java: NIOServerCnxnFactory's
 * AcceptThread).
 *
 * When the process has no descriptor left, one that is kept for that is
 * given up for a moment, so that the client is told by a close and the
 * thread does not run in circles.
 */
#ifndef CNXN_ACCEPT_THREAD_H
#define CNXN_ACCEPT_THREAD_H

#include "cnxn/selector_thread.h"

struct accept_thread;

enum accept_kind {
    ACCEPT_PLAIN,
    ACCEPT_UNIFIED,             /* The plain port, and TLS is taken, too. */
    ACCEPT_SECURE,
};

/* Binds and listens.  ZK_ECONFIG: the address is not one; ZK_EIO: the system
 * refuses; 'em' names it. */
int accept_thread_create(struct cnxn_context *ctx, enum accept_kind kind,
                         const struct host_port *where,
                         struct accept_thread **out, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
void accept_thread_destroy(struct accept_thread *at);
/* Selectors, and handshaker where it needs one, run already. */
void accept_thread_start(struct accept_thread *at);
/* Ends the thread and closes the port; nothing if that was done. */
void accept_thread_stop(struct accept_thread *at);

/* The port in use. */
int accept_thread_port(const struct accept_thread *at);
/* "0.0.0.0:2181": the address as it was given, and the port in use. */
const char *accept_thread_address(const struct accept_thread *at);

#endif
