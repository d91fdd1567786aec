/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zk_assert.h: broken invariants of our own end the process.
 *
 * Assertions stay on in every build.  They are for mistakes of this program
 * (a lock not held, an impossible state), never for bytes that came from a
 * client, a peer or a disk.  A panic prints the text, the thread's name, the
 * locks it holds and what registered dump hooks add, then aborts.
 */
#ifndef UTIL_ZK_ASSERT_H
#define UTIL_ZK_ASSERT_H

#include <stdbool.h>
#include <stdio.h>

#define zk_assert(cond)                                                   \
    do {                                                                  \
        if (__builtin_expect(!(cond), 0)) {                               \
            zk_panic_at(__FILE__, __LINE__, __func__,                     \
                        "assertion failed: %s", #cond);                   \
        }                                                                 \
    } while (0)

#define zk_panic(...) zk_panic_at(__FILE__, __LINE__, __func__, __VA_ARGS__)

/* Prints the message and the state of the process to stderr and aborts. */
void zk_panic_at(const char *file, int line, const char *func,
                 const char *fmt, ...)
    __attribute__((noreturn, format(printf, 4, 5)));

/* True on the thread that is writing the panic's dump: checks that could
 * panic again hold their peace there. */
bool zk_panicking(void);

/* Adds 'dump(out, arg)' to what a panic and a state dump (SIGUSR1) print.
 * 'dump' must not block for long; it may run on any thread.  At most 64
 * hooks; 'name' is borrowed for the life of the hook. */
void zk_dump_hook_add(const char *name, void (*dump)(FILE *out, void *arg),
                      void *arg);
void zk_dump_hook_remove(void (*dump)(FILE *out, void *arg), void *arg);
/* Runs all hooks: the stand-in for jstack. */
void zk_dump_state(FILE *out);

#endif
