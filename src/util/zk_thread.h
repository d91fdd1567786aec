/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zk_thread.h: named threads.
 *
 * main blocks all signals before it starts any thread, so that one thread
 * alone waits for them.  A thread has a full name for the log ("SyncThread:1")
 * and a 15-character one for the kernel.  The registry behind it lists the
 * live threads for state dumps.
 *
 * A critical thread that cannot go on calls zk_fatal: the handler that main
 * registered then begins an orderly stop with that exit code (Java:
 * ZooKeeperCriticalThread).
 */
#ifndef UTIL_ZK_THREAD_H
#define UTIL_ZK_THREAD_H

#include <pthread.h>

#include "util/zk_obj.h"

/* Longer names are cut off; Java's of a quorum peer has two addresses. */
#define ZK_THREAD_NAME 160

struct zk_thread {
    pthread_t tid;
    bool started;
    char name[ZK_THREAD_NAME];
    void (*run)(void *arg);
    void *arg;
    long kernel_tid;            /* 0 until it runs; under the registry. */
    struct zk_thread *next_live;    /* The registry's list. */
};

/* Starts 'run(arg)' under a name (printf format).  't' must live until
 * zk_thread_join.  Panics when the system has no more threads to give:
 * callers that can do without use zk_thread_try_start. */
void zk_thread_start(struct zk_thread *t, void (*run)(void *), void *arg,
                     const char *fmt, ...) ZK_PRINTF(4, 5);
/* The same; false (errno set) instead of a panic. */
bool zk_thread_try_start(struct zk_thread *t, void (*run)(void *),
                         void *arg, const char *fmt, ...) ZK_PRINTF(4, 5);
/* Waits for its end; nothing if it was never started or already joined. */
void zk_thread_join(struct zk_thread *t);
/* The calling thread's name; "main" where none was set. */
const char *zk_thread_name(void);
void zk_thread_set_name(const char *fmt, ...) ZK_PRINTF(1, 2);
/* Blocks all signals in the calling thread and those it will start. */
void zk_thread_block_signals(void);
/* How many threads of zk_thread_start live. */
unsigned zk_thread_count(void);
void zk_thread_dump(FILE *out);

/* Registered once by main, before threads start; called on any thread, at
 * most once with effect; must only set a flag and wake the main thread. */
void zk_fatal_handler_set(void (*handler)(int exit_code, const char *why));
void zk_fatal(int exit_code, const char *fmt, ...) ZK_PRINTF(2, 3);

#endif
