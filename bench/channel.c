/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

#include <config.h>

#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common.h"
#include "tls/tls_conn.h"

struct channel {
    struct tls_conn *conn;      /* NULL: none on this descriptor. */
    bool blocking;
};

static struct tls_context *context;     /* NULL: plain text. */
static struct tls_config config;
static struct channel *channels;        /* By descriptor. */
static int n_channels;

static struct channel *
find(int fd)
{
    return fd < n_channels && channels[fd].conn ? &channels[fd] : NULL;
}

static void
set_store(struct system_properties *props, const char *name,
          const char *location, const char *password)
{
    char key[64];

    if (location == NULL) {
        return;
    }
    snprintf(key, sizeof key, TLS_CLIENT_PREFIX "%s.location", name);
    system_properties_set(props, key, location);
    if (password) {
        snprintf(key, sizeof key, TLS_CLIENT_PREFIX "%s.password", name);
        system_properties_set(props, key, password);
    }
}

void
channel_use_tls(const struct channel_tls *tls)
{
    struct system_properties *props = system_properties_create();
    struct zk_errmsg em;

    set_store(props, "trustStore", tls->trust, tls->password);
    set_store(props, "keyStore", tls->key, tls->password);
    if (tls_config_read(props, TLS_CLIENT_PREFIX, &config, &em) != ZK_OK
        || tls_context_create(&config, TLS_SIDE_CLIENT, &context, &em)
               != ZK_OK) {
        fail("TLS: %s", em.text);
    }
    system_properties_destroy(props);
}

/* Waits for the socket as long as its SO_RCVTIMEO says; false with errno
 * EAGAIN after that. */
static bool
await(int fd, enum tls_result want)
{
    struct pollfd p = {
        .fd = fd,
        .events = want == TLS_WANT_WRITE ? POLLOUT : POLLIN
    };
    struct timeval tv = { 0 };
    socklen_t length = sizeof tv;
    int ms = -1;

    if (getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &length) == 0
        && (tv.tv_sec != 0 || tv.tv_usec != 0)) {
        ms = (int) (tv.tv_sec * 1000 + tv.tv_usec / 1000);
    }
    if (poll(&p, 1, ms) <= 0) {
        errno = EAGAIN;
        return false;
    }
    return true;
}

static void
make_room(int fd)
{
    while (fd >= n_channels) {
        int more = n_channels ? n_channels * 2 : 256;

        channels = realloc(channels, (size_t) more * sizeof *channels);
        if (channels == NULL) {
            fail("out of memory");
        }
        memset(channels + n_channels, 0,
               (size_t) (more - n_channels) * sizeof *channels);
        n_channels = more;
    }
}

bool
channel_begin(int fd, const char *host)
{
    enum tls_result r = TLS_WANT_WRITE;
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    struct zk_errmsg em;

    if (context == NULL) {
        return true;
    }
    if (getpeername(fd, (struct sockaddr *) &peer, &length) != 0
        || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        return false;
    }
    make_room(fd);
    channels[fd].conn = tls_conn_connect(context, fd, host, &peer);
    channels[fd].blocking = true;
    while (r != TLS_DONE) {
        r = tls_conn_handshake(channels[fd].conn, &em);
        if (r == TLS_FAILED || r == TLS_EOF) {
            fprintf(stderr, "zkbench: TLS: %s\n",
                    r == TLS_EOF ? "closed by the server" : em.text);
            errno = EPROTO;
            return false;
        }
        if (r != TLS_DONE && !await(fd, r)) {
            return false;
        }
    }
    return true;
}

/* What a call that moved nothing means to one who thinks of a socket: true to
 * try again, or false with *n and errno set. */
static bool
again(const struct channel *c, int fd, enum tls_result r, int flags,
      ssize_t *n)
{
    *n = -1;
    switch (r) {
    case TLS_WANT_READ:
    case TLS_WANT_WRITE:
        if (c->blocking && (flags & MSG_DONTWAIT) == 0) {
            return await(fd, r);
        }
        errno = EAGAIN;
        return false;
    case TLS_EOF:
        *n = 0;
        return false;
    case TLS_FAILED:
    case TLS_DONE:
        break;
    }
    errno = EPROTO;
    return false;
}

/* All there is, as a socket that is readable is known by nothing else. */
ssize_t
channel_recv(int fd, void *p, size_t n, int flags)
{
    struct channel *c = find(fd);
    enum tls_result r;
    struct zk_errmsg em;
    size_t have = 0, got;
    ssize_t rv;

    if (c == NULL) {
        return recv(fd, p, n, flags);
    }
    do {
        for (r = TLS_DONE; have < n && r == TLS_DONE;) {
            r = tls_conn_read(c->conn, (char *) p + have, n - have, &got,
                              &em);
            have += r == TLS_DONE ? got : 0;
        }
        if (have > 0) {
            return (ssize_t) have;
        }
    } while (again(c, fd, r, flags, &rv));
    return rv;
}

ssize_t
channel_send(int fd, const void *p, size_t n, int flags)
{
    struct channel *c = find(fd);
    enum tls_result r;
    struct zk_errmsg em;
    size_t put;
    ssize_t rv;

    if (c == NULL) {
        return send(fd, p, n, flags | MSG_NOSIGNAL);
    }
    do {
        r = tls_conn_write(c->conn, p, n, &put, &em);
        if (r == TLS_DONE) {
            return (ssize_t) put;
        }
    } while (again(c, fd, r, flags, &rv));
    return rv;
}

void
channel_close(int fd)
{
    struct channel *c = find(fd);

    if (c) {
        tls_conn_close_notify(c->conn);
        tls_conn_destroy(c->conn);
        c->conn = NULL;
    }
    close(fd);
}

bool
channel_set_blocking(int fd, bool on)
{
    struct channel *c = find(fd);

    if (c) {
        c->blocking = on;
        return true;
    }
    return fcntl(fd, F_SETFL, on ? 0 : O_NONBLOCK) == 0;
}
