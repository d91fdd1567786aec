/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selector_thread.h: one thread that reads, decodes, answers and sends for
 * its connections (Java: NIOServerCnxnFactory's SelectorThread, its worker
 * pool, and the first half of ZooKeeperServer.processPacket).
 *
 * One round of its loop: wait; take what others put on its lists; read each
 * ready connection and hand the frames to the server inside an intake that
 * is ended after a bounded number of connections, frames or bytes, so that
 * transactions get their turn; send, one call for each connection; look at
 * connections whose reading was paused.
 *
 * Before it sleeps it looks for work for a short while, if that has paid off
 * lately: on many machines waking a thread costs more than a request.
 *
 * Waking: who puts something on a list sets 'posted' and then looks at
 * 'asleep'; the selector sets 'asleep' and then looks at 'posted'.  Both in
 * sequential consistency, so one of them sees the other.
 */
#ifndef CNXN_SELECTOR_THREAD_H
#define CNXN_SELECTOR_THREAD_H

#include "cnxn/cnxn_context.h"

struct selector_thread;

/* Not yet started; destroy after stop, or when it never was. */
struct selector_thread *selector_thread_create(struct cnxn_context *ctx,
                                               unsigned index,
                                               struct zk_errmsg *em);
void selector_thread_destroy(struct selector_thread *sel);
void selector_thread_start(struct selector_thread *sel);
/* Sends what is appended for at most a second, closes all its connections,
 * ends the thread.  Nobody adds connections any more. */
void selector_thread_stop(struct selector_thread *sel);

/* The server that connections talk to, NULL for none.  Closes those that
 * talked to the one before, what is appended to them is sent if it can be at
 * once; on return the selector uses that one no more.  Not on the selector
 * itself. */
void selector_thread_set_server(struct selector_thread *sel,
                                struct zookeeper_server *zks);
/* Reads from nobody any more. */
void selector_thread_pause(struct selector_thread *sel);

/* ---- any thread -------------------------------------------------------- */

/* A new connection, already in the table; its reference goes along. */
void selector_thread_add(struct selector_thread *sel, struct server_cnxn *c);
/* Lists a connection to be sent, with a reference (its lock is held). */
void selector_thread_list(struct selector_thread *sel,
                          struct server_cnxn *c);
/* Wakes it if it sleeps; and the same if there is something on its lists. */
void selector_thread_wake(struct selector_thread *sel);
void selector_thread_wake_if_posted(struct selector_thread *sel);

/* ---- on the selector --------------------------------------------------- */

/* Its idea of the time: not older than some dozen frames. */
int64_t selector_thread_now_us(const struct selector_thread *sel);

#endif
