/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_signals.h: how a running server is told to end.
 *
 *   SIGTERM, SIGINT   an orderly stop, exit 0
 *   SIGUSR1           the state of threads, locks and queues on stderr
 *   SIGHUP, SIGPIPE   ignored
 *
 * and zk_fatal on any thread: an orderly stop with that exit code.  Such a
 * stop has a time limit, since what failed may never finish.
 *
 * Thread-safety: all on the main thread.
 */
#ifndef MAIN_SERVER_SIGNALS_H
#define MAIN_SERVER_SIGNALS_H

/* Blocks all signals for this thread and those it will start, and takes over
 * zk_fatal.  First thing of a server, before any thread. */
void server_signals_init(void);
/* Sleeps until the server is to end, and says with which exit code. */
int server_signals_wait(void);
/* The code to exit with after the stop: a fatal error during it counts. */
int server_signals_exit_code(void);

#endif
