/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zk_test_ports.h: ports of 127.0.0.1 that nobody else gets.  Each stays
 * bound, without listening, by a socket with SO_REUSEADDR: the server under
 * test can bind it too, the kernel gives it to no other, and who connects
 * while nobody listens is refused.
 */
#ifndef TEST_ZK_TEST_PORTS_H
#define TEST_ZK_TEST_PORTS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* No wait of a test is longer. */
#define ZK_TEST_WAIT_S 20

static inline struct sockaddr_in
zk_test_loopback(int port)
{
    return (struct sockaddr_in) {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t) port),
    };
}

static inline void
zk_test_must(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(99);
    }
}

/* A socket bound to 127.0.0.1:port (0: a free one). */
static inline int
zk_test_bind(int port)
{
    struct sockaddr_in sa = zk_test_loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval wait = { .tv_sec = ZK_TEST_WAIT_S };
    int on = 1;

    zk_test_must(fd >= 0, "socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    zk_test_must(bind(fd, (struct sockaddr *) &sa, sizeof sa) == 0, "bind");
    return fd;
}

static inline int
zk_test_port_of(int fd)
{
    struct sockaddr_in sa;
    socklen_t len = sizeof sa;

    zk_test_must(getsockname(fd, (struct sockaddr *) &sa, &len) == 0,
                 "getsockname");
    return ntohs(sa.sin_port);
}

/* A port that is this process's until it ends. */
static inline int
zk_test_port(void)
{
    return zk_test_port_of(zk_test_bind(0));
}

/* Listens; accept on it waits no longer than ZK_TEST_WAIT_S. */
static inline int
zk_test_listen(int port, int backlog)
{
    int fd = zk_test_bind(port);

    zk_test_must(listen(fd, backlog) == 0, "listen");
    return fd;
}

/* A connection to 127.0.0.1:port whose reads give up in time; -1: refused. */
static inline int
zk_test_connect(int port)
{
    struct sockaddr_in sa = zk_test_loopback(port);
    struct timeval wait = { .tv_sec = ZK_TEST_WAIT_S };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    zk_test_must(fd >= 0, "socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (connect(fd, (struct sockaddr *) &sa, sizeof sa) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* A port at which connects neither succeed nor fail: its queue is full. */
struct zk_test_dead_host {
    int port;
    int fds[8];
};

static inline void
zk_test_dead_host_open(struct zk_test_dead_host *h, int port)
{
    struct sockaddr_in sa;

    h->fds[0] = zk_test_listen(port, 0);
    h->port = zk_test_port_of(h->fds[0]);
    sa = zk_test_loopback(h->port);
    for (size_t i = 1; i < 8; i++) {
        h->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK
                           | SOCK_CLOEXEC, 0);
        (void) !connect(h->fds[i], (struct sockaddr *) &sa, sizeof sa);
    }
}

static inline void
zk_test_dead_host_close(struct zk_test_dead_host *h)
{
    for (size_t i = 0; i < 8; i++) {
        close(h->fds[i]);
    }
}

#endif
