/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "main/four_letter_word_main.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/zk_time.h"

#define FLW_TIMEOUT_MS 5000

/* Waits until 'fd' is ready for 'events', at most until the deadline. */
static int
flw_wait(int fd, short events, int64_t deadline_ms, struct zk_errmsg *em)
{
    struct pollfd p = { .fd = fd, .events = events };

    for (;;) {
        int64_t left = deadline_ms - zk_time_mono_ms();
        int n = left <= 0 ? 0 : poll(&p, 1, (int) left);

        if (n > 0) {
            return ZK_OK;
        }
        if (n == 0) {
            return zk_fail(em, ZK_EIO, "no answer within %d s",
                           FLW_TIMEOUT_MS / 1000);
        }
        if (errno != EINTR) {
            return zk_fail_errno(em, "poll");
        }
    }
}

/* Splits "host:port" or "[host]:port" in place. */
static bool
flw_split(char *place, char **host, char **port)
{
    char *colon = strrchr(place, ':');
    size_t len;

    if (colon == NULL || colon == place || colon[1] == '\0') {
        return false;
    }
    *colon = '\0';
    *port = colon + 1;
    *host = place;
    len = strlen(place);
    if (place[0] == '[' && place[len - 1] == ']') {
        place[len - 1] = '\0';
        *host = place + 1;
    }
    return strspn(*port, "0123456789") == strlen(*port);
}

static int
flw_connect_one(const struct addrinfo *ai, int64_t deadline_ms, int *out,
                struct zk_errmsg *em)
{
    int err = 0;
    socklen_t len = sizeof err;
    int fd, rv = ZK_OK;

    fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                0);
    if (fd < 0) {
        return zk_fail_errno(em, "socket");
    }
    if (connect(fd, ai->ai_addr, ai->ai_addrlen) != 0) {
        err = errno;
        if (err == EINPROGRESS) {
            rv = flw_wait(fd, POLLOUT, deadline_ms, em);
            if (rv == ZK_OK
                && getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0) {
                err = errno;
            }
        }
        if (rv == ZK_OK && err != 0) {
            errno = err;
            rv = zk_fail_errno(em, "connect");
        }
    }
    if (rv != ZK_OK) {
        close(fd);
        return rv;
    }
    *out = fd;
    return ZK_OK;
}

/* Tries each address of the host; 'em' speaks of the last one. */
static int
flw_connect(const char *host, const char *port, int64_t deadline_ms,
            int *out, struct zk_errmsg *em)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *all = NULL;
    int rv, err = getaddrinfo(host, port, &hints, &all);

    if (err != 0) {
        return zk_fail(em, ZK_EIO, "%s", gai_strerror(err));
    }
    rv = zk_fail(em, ZK_EIO, "no address");
    for (const struct addrinfo *ai = all; ai != NULL; ai = ai->ai_next) {
        rv = flw_connect_one(ai, deadline_ms, out, em);
        if (rv == ZK_OK) {
            break;
        }
    }
    freeaddrinfo(all);
    return rv;
}

static int
flw_send(int fd, const char *word, int64_t deadline_ms, struct zk_errmsg *em)
{
    size_t len = strlen(word);

    while (len > 0) {
        ssize_t n = send(fd, word, len, MSG_NOSIGNAL);

        if (n >= 0) {
            word += n;
            len -= (size_t) n;
        } else if (errno == EAGAIN) {
            int rv = flw_wait(fd, POLLOUT, deadline_ms, em);

            if (rv != ZK_OK) {
                return rv;
            }
        } else if (errno != EINTR) {
            return zk_fail_errno(em, "send");
        }
    }
    /* As nc and Java do: a server that takes the word for something else
     * then sees the end and does not wait for more. */
    (void) shutdown(fd, SHUT_WR);
    return ZK_OK;
}

static int
flw_print_answer(int fd, int64_t deadline_ms, struct zk_errmsg *em)
{
    char buf[8192];

    for (;;) {
        ssize_t n = recv(fd, buf, sizeof buf, 0);

        if (n == 0) {
            return ZK_OK;
        }
        if (n > 0) {
            if (fwrite(buf, 1, (size_t) n, stdout) != (size_t) n) {
                return zk_fail_errno(em, "stdout");
            }
        } else if (errno == EAGAIN) {
            int rv = flw_wait(fd, POLLIN, deadline_ms, em);

            if (rv != ZK_OK) {
                return rv;
            }
        } else if (errno != EINTR) {
            return zk_fail_errno(em, "receive");
        }
    }
}

static int
flw_ask(const char *host, const char *port, const char *word,
        struct zk_errmsg *em)
{
    int64_t deadline_ms = zk_time_mono_ms() + FLW_TIMEOUT_MS;
    int fd = -1, rv = flw_connect(host, port, deadline_ms, &fd, em);

    if (rv != ZK_OK) {
        return rv;
    }
    rv = flw_send(fd, word, deadline_ms, em);
    if (rv == ZK_OK) {
        rv = flw_print_answer(fd, deadline_ms, em);
    }
    close(fd);
    if (rv == ZK_OK && fflush(stdout) != 0) {
        rv = zk_fail_errno(em, "stdout");
    }
    return rv;
}

int
four_letter_word_main(const char *place, const char *word,
                      const struct system_properties *props)
{
    char *copy, *host, *port;
    struct zk_errmsg em;
    int rv;

    if (system_properties_bool(props, "zookeeper.client.secure", false)) {
        fprintf(stderr, "zkd: %s: this version has no TLS to ask with\n",
                place);
        return 1;
    }
    copy = zk_xstrdup(place);
    if (flw_split(copy, &host, &port)) {
        rv = flw_ask(host, port, word, &em);
    } else {
        rv = zk_fail(&em, ZK_ECONFIG, "not host:port");
    }
    if (rv != ZK_OK) {
        fprintf(stderr, "zkd: %s: %s\n", place, em.text);
    }
    free(copy);
    return rv == ZK_OK ? 0 : 1;
}
