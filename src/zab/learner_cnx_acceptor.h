/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learner_cnx_acceptor.h: takes connections of learners on the quorum port
 * (Java: Leader.LearnerCnxAcceptor).
 *
 * An error of the socket never ends it silently (ZOOKEEPER-4203): it goes on
 * until it is stopped.
 */
#ifndef ZAB_LEARNER_CNX_ACCEPTOR_H
#define ZAB_LEARNER_CNX_ACCEPTOR_H

#include "net/net_listener.h"

struct learner_cnx_acceptor;

/* Starts the thread; connected(arg, fd) is called on it and takes the
 * descriptor over.  'listener' is borrowed. */
struct learner_cnx_acceptor *
learner_cnx_acceptor_start(struct net_listener *listener,
                           void (*connected)(void *arg, int fd), void *arg);
/* Shuts the listener down, joins and frees; NULL is fine. */
void learner_cnx_acceptor_stop(struct learner_cnx_acceptor *a);

#endif
