/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "util/zk_thread.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/zk_log.h"

/* Of the kernel's name, with the NUL (TASK_COMM_LEN). */
#define ZKTH_KERNEL_NAME 16

/* The live threads.  A plain mutex outside the ranks, since a panic and a
 * start may come under any lock; nothing is called while it is held. */
static pthread_mutex_t zkth_lock = PTHREAD_MUTEX_INITIALIZER;
static struct zk_thread *zkth_live;
static unsigned zkth_live_n;

static void (*zkth_fatal_handler)(int exit_code, const char *why);
static atomic_flag zkth_fatal_begun = ATOMIC_FLAG_INIT;

static _Thread_local char zkth_name[ZK_THREAD_NAME] = "main";

static void
zkth_use_name(const char *name)
{
    char kernel_name[ZKTH_KERNEL_NAME];

    snprintf(zkth_name, sizeof zkth_name, "%s", name);
    snprintf(kernel_name, sizeof kernel_name, "%.*s", ZKTH_KERNEL_NAME - 1,
             name);
    /* Only helps people who look at ps or a debugger. */
    (void) pthread_setname_np(pthread_self(), kernel_name);
}

static void
zkth_unlist(struct zk_thread *t)
{
    struct zk_thread **p = &zkth_live;

    pthread_mutex_lock(&zkth_lock);
    while (*p != t) {
        p = &(*p)->next_live;
    }
    *p = t->next_live;
    zkth_live_n--;
    pthread_mutex_unlock(&zkth_lock);
}

static void *
zkth_main(void *arg)
{
    struct zk_thread *t = arg;

    zkth_use_name(t->name);
    pthread_mutex_lock(&zkth_lock);
    t->kernel_tid = syscall(SYS_gettid);
    pthread_mutex_unlock(&zkth_lock);
    t->run(t->arg);
    zkth_unlist(t);
    return NULL;
}

/* 't' is listed before it starts, so that its own end finds it there. */
static int
zkth_start(struct zk_thread *t, void (*run)(void *), void *arg)
{
    int err;

    t->run = run;
    t->arg = arg;
    t->kernel_tid = 0;
    pthread_mutex_lock(&zkth_lock);
    t->next_live = zkth_live;
    zkth_live = t;
    zkth_live_n++;
    pthread_mutex_unlock(&zkth_lock);
    t->started = true;
    err = pthread_create(&t->tid, NULL, zkth_main, t);
    if (err != 0) {
        t->started = false;
        zkth_unlist(t);
    }
    return err;
}

void
zk_thread_start(struct zk_thread *t, void (*run)(void *), void *arg,
                const char *fmt, ...)
{
    va_list ap;
    int err;

    va_start(ap, fmt);
    vsnprintf(t->name, sizeof t->name, fmt, ap);
    va_end(ap);
    err = zkth_start(t, run, arg);
    if (err != 0) {
        errno = err;
        zk_panic("cannot start thread %s: %m", t->name);
    }
}

bool
zk_thread_try_start(struct zk_thread *t, void (*run)(void *), void *arg,
                    const char *fmt, ...)
{
    va_list ap;
    int err;

    va_start(ap, fmt);
    vsnprintf(t->name, sizeof t->name, fmt, ap);
    va_end(ap);
    err = zkth_start(t, run, arg);
    errno = err;
    return err == 0;
}

void
zk_thread_join(struct zk_thread *t)
{
    int err;

    if (!t->started) {
        return;
    }
    err = pthread_join(t->tid, NULL);
    if (err != 0) {
        errno = err;
        zk_panic("cannot join thread %s: %m", t->name);
    }
    t->started = false;
}

const char *
zk_thread_name(void)
{
    return zkth_name;
}

void
zk_thread_set_name(const char *fmt, ...)
{
    char name[sizeof zkth_name];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(name, sizeof name, fmt, ap);
    va_end(ap);
    zkth_use_name(name);
}

void
zk_thread_block_signals(void)
{
    sigset_t all;

    sigfillset(&all);
    zk_assert(pthread_sigmask(SIG_BLOCK, &all, NULL) == 0);
}

unsigned
zk_thread_count(void)
{
    unsigned n;

    pthread_mutex_lock(&zkth_lock);
    n = zkth_live_n;
    pthread_mutex_unlock(&zkth_lock);
    return n;
}

void
zk_thread_dump(FILE *out)
{
    pthread_mutex_lock(&zkth_lock);
    fprintf(out, "%u threads besides the main thread\n", zkth_live_n);
    for (const struct zk_thread *t = zkth_live; t != NULL;
         t = t->next_live) {
        fprintf(out, "  %s (tid %ld)\n", t->name, t->kernel_tid);
    }
    pthread_mutex_unlock(&zkth_lock);
}

void
zk_fatal_handler_set(void (*handler)(int exit_code, const char *why))
{
    zkth_fatal_handler = handler;
}

void
zk_fatal(int exit_code, const char *fmt, ...)
{
    char why[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    zk_error(util, "Severe unrecoverable error, from thread %s: %s",
             zkth_name, why);
    if (atomic_flag_test_and_set(&zkth_fatal_begun)) {
        return;
    }
    if (zkth_fatal_handler == NULL) {
        /* A program without a server to stop in order. */
        zk_log_stop();
        _exit(exit_code);
    }
    zkth_fatal_handler(exit_code, why);
}
