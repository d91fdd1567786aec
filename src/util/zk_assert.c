/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "util/zk_assert.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util/zk_lock.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"

#define ZKA_HOOKS_MAX 64
/* A dump that hangs (the panic may stand inside any lock) ends here. */
#define ZKA_DUMP_SECONDS 5

struct zka_hook {
    const char *name;
    void (*dump)(FILE *out, void *arg);
    void *arg;
};

/* Held while hooks run, so that a hook that was removed is not running any
 * more.  Outside the ranks: it is taken before all others, and hooks neither
 * add nor remove hooks. */
static pthread_mutex_t zka_hooks_lock = PTHREAD_MUTEX_INITIALIZER;
static struct zka_hook zka_hooks[ZKA_HOOKS_MAX];
static size_t zka_hooks_n;

static atomic_flag zka_panic_begun = ATOMIC_FLAG_INIT;
static _Thread_local bool zka_panicking;

bool
zk_panicking(void)
{
    return zka_panicking;
}

void
zk_dump_hook_add(const char *name, void (*dump)(FILE *out, void *arg),
                 void *arg)
{
    pthread_mutex_lock(&zka_hooks_lock);
    if (zka_hooks_n == ZKA_HOOKS_MAX) {
        pthread_mutex_unlock(&zka_hooks_lock);
        zk_panic("more than %d dump hooks", ZKA_HOOKS_MAX);
    }
    zka_hooks[zka_hooks_n++] = (struct zka_hook) { name, dump, arg };
    pthread_mutex_unlock(&zka_hooks_lock);
}

void
zk_dump_hook_remove(void (*dump)(FILE *out, void *arg), void *arg)
{
    size_t i;

    pthread_mutex_lock(&zka_hooks_lock);
    for (i = 0; i < zka_hooks_n; i++) {
        if (zka_hooks[i].dump == dump && zka_hooks[i].arg == arg) {
            zka_hooks_n--;
            memmove(&zka_hooks[i], &zka_hooks[i + 1],
                    (zka_hooks_n - i) * sizeof zka_hooks[0]);
            break;
        }
    }
    pthread_mutex_unlock(&zka_hooks_lock);
}

static void
zka_run_hooks(FILE *out)
{
    for (size_t i = 0; i < zka_hooks_n; i++) {
        fprintf(out, "--- %s\n", zka_hooks[i].name);
        zka_hooks[i].dump(out, zka_hooks[i].arg);
    }
}

void
zk_dump_state(FILE *out)
{
    zk_thread_dump(out);
    zk_lock_dump(out);
    pthread_mutex_lock(&zka_hooks_lock);
    zka_run_hooks(out);
    pthread_mutex_unlock(&zka_hooks_lock);
    fflush(out);
}

/* Lets SIGABRT end the process when the dump waits for what the panicking
 * thread itself holds. */
static void
zka_set_deadman(void)
{
    struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
                           .sigev_signo = SIGABRT };
    struct itimerspec when = { .it_value = { .tv_sec = ZKA_DUMP_SECONDS } };
    timer_t timer;
    sigset_t abrt;

    sigemptyset(&abrt);
    sigaddset(&abrt, SIGABRT);
    pthread_sigmask(SIG_UNBLOCK, &abrt, NULL);
    if (timer_create(CLOCK_MONOTONIC, &ev, &timer) == 0) {
        timer_settime(timer, 0, &when, NULL);
    }
}

void
zk_panic_at(const char *file, int line, const char *func, const char *fmt,
            ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fprintf(stderr, "panic in %s at %s:%d, thread %s: %s\n", func, file,
            line, zk_thread_name(), text);
    if (zka_panicking) {
        abort();                /* The dump itself stumbled. */
    }
    zka_panicking = true;
    if (atomic_flag_test_and_set(&zka_panic_begun)) {
        for (;;) {              /* Another thread's dump ends us all. */
            pause();
        }
    }
    zka_set_deadman();
    zk_log_panic(text);
    zk_thread_dump(stderr);
    zk_lock_dump(stderr);
    if (pthread_mutex_trylock(&zka_hooks_lock) == 0) {
        zka_run_hooks(stderr);
        pthread_mutex_unlock(&zka_hooks_lock);
    }
    fflush(stderr);
    abort();
}
