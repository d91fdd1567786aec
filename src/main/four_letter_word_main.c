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

#include "tls/tls_conn.h"
#include "util/zk_time.h"

#define FLW_TIMEOUT_MS 5000

/* What is asked, and through what. */
struct flw_call {
    const char *host, *port, *word;
    struct tls_context *tls;    /* NULL: plain text. */
    int64_t deadline_ms;
    int fd;
    struct tls_conn *conn;      /* NULL: plain text. */
};

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

/* What a call of TLS asks for: ZK_OK once it may be made again. */
static int
flw_tls_wait(const struct flw_call *c, enum tls_result r,
             struct zk_errmsg *em)
{
    switch (r) {
    case TLS_DONE:
        return ZK_OK;
    case TLS_WANT_READ:
        return flw_wait(c->fd, POLLIN, c->deadline_ms, em);
    case TLS_WANT_WRITE:
        return flw_wait(c->fd, POLLOUT, c->deadline_ms, em);
    case TLS_EOF:
        return zk_fail(em, ZK_EIO, "the server has closed the connection");
    case TLS_FAILED:
        return ZK_EIO;
    }
    return ZK_EIO;
}

static int
flw_handshake(struct flw_call *c, struct zk_errmsg *em)
{
    enum tls_result r = TLS_WANT_WRITE;
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    int rv = ZK_OK;

    if (getpeername(c->fd, (struct sockaddr *) &peer, &len) != 0) {
        return zk_fail_errno(em, "getpeername");
    }
    c->conn = tls_conn_connect(c->tls, c->fd, c->host, &peer);
    while (rv == ZK_OK && r != TLS_DONE) {
        r = tls_conn_handshake(c->conn, em);
        rv = flw_tls_wait(c, r, em);
    }
    return rv;
}

/* As send: how much went out, or -1 with 'rv' what comes of waiting. */
static ssize_t
flw_put(struct flw_call *c, const char *p, size_t len, int *rv,
        struct zk_errmsg *em)
{
    enum tls_result r;
    ssize_t n;
    size_t put;

    if (c->conn != NULL) {
        r = tls_conn_write(c->conn, p, len, &put, em);
        *rv = flw_tls_wait(c, r, em);
        return r == TLS_DONE ? (ssize_t) put : -1;
    }
    n = send(c->fd, p, len, MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR) {
        *rv = errno == EAGAIN
              ? flw_wait(c->fd, POLLOUT, c->deadline_ms, em)
              : zk_fail_errno(em, "send");
    }
    return n;
}

/* The same for recv; 0 at the end. */
static ssize_t
flw_get(struct flw_call *c, char *p, size_t room, int *rv,
        struct zk_errmsg *em)
{
    enum tls_result r;
    ssize_t n;
    size_t got;

    if (c->conn != NULL) {
        r = tls_conn_read(c->conn, p, room, &got, em);
        if (r == TLS_EOF) {
            return 0;
        }
        *rv = flw_tls_wait(c, r, em);
        return r == TLS_DONE ? (ssize_t) got : -1;
    }
    n = recv(c->fd, p, room, 0);
    if (n < 0 && errno != EINTR) {
        *rv = errno == EAGAIN ? flw_wait(c->fd, POLLIN, c->deadline_ms, em)
                              : zk_fail_errno(em, "receive");
    }
    return n;
}

static int
flw_send(struct flw_call *c, struct zk_errmsg *em)
{
    const char *p = c->word;
    size_t len = strlen(p);
    int rv = ZK_OK;

    while (rv == ZK_OK && len > 0) {
        ssize_t n = flw_put(c, p, len, &rv, em);

        if (n > 0) {
            p += n;
            len -= (size_t) n;
        }
    }
    if (rv == ZK_OK && c->conn == NULL) {
        /* As nc and Java do: a server that takes the word for something else
         * then sees the end and does not wait for more. */
        (void) shutdown(c->fd, SHUT_WR);
    }
    return rv;
}

static int
flw_print_answer(struct flw_call *c, struct zk_errmsg *em)
{
    char buf[8192];
    int rv = ZK_OK;

    while (rv == ZK_OK) {
        ssize_t n = flw_get(c, buf, sizeof buf, &rv, em);

        if (n == 0) {
            return ZK_OK;
        }
        if (n > 0 && fwrite(buf, 1, (size_t) n, stdout) != (size_t) n) {
            return zk_fail_errno(em, "stdout");
        }
    }
    return rv;
}

static int
flw_ask(struct flw_call *c, struct zk_errmsg *em)
{
    int rv;

    c->deadline_ms = zk_time_mono_ms() + FLW_TIMEOUT_MS;
    rv = flw_connect(c->host, c->port, c->deadline_ms, &c->fd, em);
    if (rv != ZK_OK) {
        return rv;
    }
    if (c->tls != NULL) {
        rv = flw_handshake(c, em);
    }
    if (rv == ZK_OK) {
        rv = flw_send(c, em);
    }
    if (rv == ZK_OK) {
        rv = flw_print_answer(c, em);
    }
    tls_conn_destroy(c->conn);
    close(c->fd);
    if (rv == ZK_OK && fflush(stdout) != 0) {
        rv = zk_fail_errno(em, "stdout");
    }
    return rv;
}

/* The same with what zookeeper.ssl.* says. */
static int
flw_ask_by_tls(struct flw_call *c, const struct system_properties *props,
               struct zk_errmsg *em)
{
    struct tls_config config = { 0 };
    int rv = tls_config_read(props, TLS_CLIENT_PREFIX, &config, em);

    if (rv == ZK_OK) {
        rv = tls_context_create(&config, TLS_SIDE_CLIENT, &c->tls, em);
    }
    if (rv == ZK_OK) {
        rv = flw_ask(c, em);
        tls_context_unref(c->tls);
    }
    tls_config_fini(&config);
    return rv;
}

int
four_letter_word_main(const char *place, const char *word,
                      const struct system_properties *props)
{
    char *copy = zk_xstrdup(place);
    struct flw_call c = { .word = word, .fd = -1 };
    struct zk_errmsg em;
    char *host, *port;
    int rv;

    if (!flw_split(copy, &host, &port)) {
        rv = zk_fail(&em, ZK_ECONFIG, "not host:port");
    } else {
        c.host = host;
        c.port = port;
        rv = system_properties_bool(props, "zookeeper.client.secure", false)
             ? flw_ask_by_tls(&c, props, &em)
             : flw_ask(&c, &em);
    }
    if (rv != ZK_OK) {
        fprintf(stderr, "zkd: %s: %s\n", place, em.text);
    }
    free(copy);
    return rv == ZK_OK ? 0 : 1;
}
