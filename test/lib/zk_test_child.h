/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zk_test_child.h: runs a function in a child process, for what is meant to
 * end a process (panics, crash points) or may run only once in one.  Call it
 * while no other thread runs.
 */
#ifndef TEST_ZK_TEST_CHILD_H
#define TEST_ZK_TEST_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct zk_test_child {
    int status;                 /* As waitpid gives it. */
    size_t len;
    char out[65536];            /* Standard output and error, then NUL. */
};

/* Reads the child's output to its end and waits for it. */
static inline void
zk_test_child_finish(struct zk_test_child *c, pid_t pid, int fd)
{
    ssize_t n;

    c->len = 0;
    while (c->len < sizeof c->out - 1
           && (n = read(fd, c->out + c->len, sizeof c->out - 1 - c->len))
                  > 0) {
        c->len += (size_t) n;
    }
    c->out[c->len] = '\0';
    close(fd);
    if (waitpid(pid, &c->status, 0) != pid) {
        perror("waitpid");
        exit(99);
    }
}

/* Runs 'run(arg)' in a child that then exits with 0. */
static inline void
zk_test_child_run(struct zk_test_child *c, void (*run)(void *arg), void *arg)
{
    const struct rlimit no_core = { 0, 0 };
    int fds[2];
    pid_t pid;

    fflush(NULL);
    if (pipe(fds) != 0 || (pid = fork()) < 0) {
        perror("fork");
        exit(99);
    }
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        dup2(fds[1], STDOUT_FILENO);
        dup2(fds[1], STDERR_FILENO);
        close(fds[0]);
        close(fds[1]);
        run(arg);
        fflush(NULL);
        _exit(0);
    }
    close(fds[1]);
    zk_test_child_finish(c, pid, fds[0]);
}

/* True if it ended by that signal. */
static inline bool
zk_test_child_killed_by(const struct zk_test_child *c, int sig)
{
    return WIFSIGNALED(c->status) && WTERMSIG(c->status) == sig;
}

/* True if it came to its end by itself. */
static inline bool
zk_test_child_ok(const struct zk_test_child *c)
{
    return WIFEXITED(c->status) && WEXITSTATUS(c->status) == 0;
}

#endif
