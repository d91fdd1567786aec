/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cnx_listener.h: accepts election links and reads their hellos (Java:
 * QuorumCnxManager.Listener with its ListenerHandler).
 *
 * A hello may come slowly or never, and the TLS handshake before it, so each
 * is read on a thread of its own.
 * There are at most CNX_HELLOS of them: one more, and of those that are still
 * in their hello the oldest one of the address that holds most is closed
 * (net_crowd.h).
 */
#ifndef ELECTION_CNX_LISTENER_H
#define ELECTION_CNX_LISTENER_H

#include "net/net_listener.h"

#define CNX_HELLOS 64

struct cnx_listener;
struct quorum_cnx_manager;

/* Takes 'l' and starts the thread, named after 'address'.  By the manager's
 * settings a handshake has the time of a connect, and the whole hello behind
 * it that of a read. */
struct cnx_listener *cnx_listener_start(struct quorum_cnx_manager *qcm,
                                        struct net_listener *l,
                                        const char *address);
/* Ends the threads, closes what is in its hello and the port, frees it. */
void cnx_listener_stop(struct cnx_listener *cl);

#endif
