/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "main/server_signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/zk_assert.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"

/* How long a stop after a fatal error may take, in seconds. */
#define SS_FATAL_STOP_S 30
/* Between our own threads: zk_fatal wakes the main thread. */
#define SS_WAKE SIGUSR2

static pthread_t ss_main;
/* 0 until something is fatal. */
static _Atomic int ss_fatal_code;

static void
ss_fatal(int exit_code, const char *why)
{
    (void) why;                 /* zk_fatal has logged it. */
    atomic_store(&ss_fatal_code, exit_code);
    pthread_kill(ss_main, SS_WAKE);
}

/* The time of a stop after a fatal error is over. */
static void
ss_alarm(int signal)
{
    static const char text[] =
        "the stop after a fatal error did not come to an end\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);

    (void) signal;
    (void) ignored;
    _exit(atomic_load(&ss_fatal_code));
}

static void
ss_set(int signal, void (*handler)(int))
{
    struct sigaction sa;

    memset(&sa, 0, sizeof sa);
    sa.sa_handler = handler;
    sigemptyset(&sa.sa_mask);
    zk_assert(sigaction(signal, &sa, NULL) == 0);
}

void
server_signals_init(void)
{
    ss_main = pthread_self();
    ss_set(SIGPIPE, SIG_IGN);
    ss_set(SIGHUP, SIG_IGN);
    ss_set(SIGALRM, ss_alarm);
    /* A parent may have left these ignored; sigwait needs them. */
    ss_set(SIGTERM, SIG_DFL);
    ss_set(SIGINT, SIG_DFL);
    ss_set(SIGUSR1, SIG_DFL);
    ss_set(SS_WAKE, SIG_DFL);
    zk_thread_block_signals();
    zk_fatal_handler_set(ss_fatal);
}

static void
ss_start_alarm(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    alarm(SS_FATAL_STOP_S);
}

int
server_signals_wait(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SS_WAKE);
    while (atomic_load(&ss_fatal_code) == 0) {
        int signal, err = sigwait(&set, &signal);

        zk_assert(err == 0 || err == EINTR);
        if (err == EINTR) {
            continue;
        }
        if (signal == SIGTERM || signal == SIGINT) {
            zk_info(main, "%s: the server ends",
                    signal == SIGTERM ? "SIGTERM" : "SIGINT");
            return 0;
        }
        if (signal == SIGUSR1) {
            zk_dump_state(stderr);
        }
    }
    ss_start_alarm();
    return atomic_load(&ss_fatal_code);
}

int
server_signals_exit_code(void)
{
    return atomic_load(&ss_fatal_code);
}
