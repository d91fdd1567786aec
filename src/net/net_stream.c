/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "net/net_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/host_lookup.h"
#include "net/net_address.h"
#include "util/zk_time.h"

struct net_stream {
    unsigned magic;
#define NET_STREAM_MAGIC 0x4e537472
    int fd;
    atomic_bool down;           /* net_stream_shutdown was called. */
    char peer[NET_ADDRESS_MAX];
    char local[NET_ADDRESS_MAX];
};

/* ---- making one -------------------------------------------------------- */

static void
ns_set_options(int fd, const struct net_options *opts)
{
    int on = 1;

    /* A connection without them is slower to move or to be missed, and
     * still right. */
    if (opts->nodelay) {
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (opts->keepalive) {
        (void) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
}

static void
ns_name(struct net_stream *s)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t len = sizeof sa;

    (void) getpeername(s->fd, (struct sockaddr *) &sa, &len);
    net_address_print(&sa, s->peer);
    sa = (struct sockaddr_storage) { 0 };
    len = sizeof sa;
    (void) getsockname(s->fd, (struct sockaddr *) &sa, &len);
    net_address_print(&sa, s->local);
}

struct net_stream *
net_stream_of_fd(int fd, const struct net_options *opts)
{
    struct net_stream *s = zk_xcalloc(1, sizeof *s);

    zk_assert(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    ns_set_options(fd, opts);
    s->magic = NET_STREAM_MAGIC;
    s->fd = fd;
    atomic_init(&s->down, false);
    ns_name(s);
    return s;
}

/* The error of a connect that has come to its end; 0: it stands. */
static int
ns_connect_result(int fd)
{
    int err = 0;
    socklen_t len = sizeof err;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0) {
        return errno;
    }
    return err;
}

/* errno of one attempt; 0: connected; ECANCELED. */
static int
ns_connect_fd(int fd, const struct addrinfo *ai, int64_t deadline_ms,
              struct net_cancel *cancel)
{
    if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0) {
        return 0;
    }
    if (errno != EINPROGRESS && errno != EINTR) {
        return errno;
    }
    switch (net_cancel_wait(cancel, fd, POLLOUT, deadline_ms)) {
    case NET_READY:
        return ns_connect_result(fd);
    case NET_CANCELLED:
        return ECANCELED;
    case NET_LATE:
        break;
    }
    return ETIMEDOUT;
}

static int
ns_connect_one(const struct addrinfo *ai, int64_t deadline_ms,
               const struct net_options *opts, struct net_stream **out)
{
    int fd = socket(ai->ai_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int err;

    if (fd < 0) {
        return errno;
    }
    err = ns_connect_fd(fd, ai, deadline_ms, opts->cancel);
    if (err != 0) {
        close(fd);
        return err;
    }
    *out = net_stream_of_fd(fd, opts);
    return 0;
}

static int
ns_connect_each(const struct addrinfo *all, int64_t deadline_ms,
                const struct net_options *opts, struct net_stream **out)
{
    int err = EHOSTUNREACH;
    int64_t n = 0;

    for (const struct addrinfo *ai = all; ai != NULL; ai = ai->ai_next) {
        n++;
    }
    for (const struct addrinfo *ai = all; ai != NULL; ai = ai->ai_next) {
        int64_t now_ms = zk_time_mono_ms();

        err = ns_connect_one(ai, now_ms + (deadline_ms - now_ms) / n--, opts,
                             out);
        if (err == 0 || err == ECANCELED) {
            break;
        }
    }
    return err;
}

int
net_stream_connect(const char *host, int port, int64_t deadline_ms,
                   const struct net_options *opts, struct net_stream **out,
                   struct zk_errmsg *em)
{
    struct addrinfo *all;
    struct zk_errmsg why = { "" };
    int rv, err;

    rv = host_lookup(host, port, deadline_ms, opts->cancel, &all, &why);
    if (rv != ZK_OK) {
        return zk_fail(em, rv == ZK_ESTOPPED ? rv : ZK_EIO,
                       "cannot connect to %s:%d: %s", host, port, why.text);
    }
    err = ns_connect_each(all, deadline_ms, opts, out);
    freeaddrinfo(all);
    if (err == 0) {
        return ZK_OK;
    }
    errno = err;
    (void) zk_fail_errno(em, "cannot connect to %s:%d", host, port);
    return err == ECANCELED ? ZK_ESTOPPED : ZK_EIO;
}

void
net_stream_shutdown(struct net_stream *s)
{
    ZK_CHECK(s, NET_STREAM_MAGIC);
    atomic_store(&s->down, true);
    (void) shutdown(s->fd, SHUT_RDWR);
}

void
net_stream_destroy(struct net_stream *s)
{
    if (s == NULL) {
        return;
    }
    ZK_CHECK(s, NET_STREAM_MAGIC);
    close(s->fd);
    s->magic = 0;
    free(s);
}

/* ---- using it ---------------------------------------------------------- */

static int64_t
ns_deadline(int64_t timeout_ms)
{
    return timeout_ms <= 0 ? INT64_MAX : zk_time_mono_ms() + timeout_ms;
}

static int
ns_stopped(const struct net_stream *s, struct zk_errmsg *em)
{
    return zk_fail(em, ZK_ESTOPPED, "%s: the connection was shut down",
                   s->peer);
}

/* What a call that returned -1 means: ZK_OK to try again. */
static int
ns_wait(struct net_stream *s, int err, short events, int64_t timeout_ms,
        struct zk_errmsg *em)
{
    if (atomic_load(&s->down)) {
        return ns_stopped(s, em);
    }
    if (err == EINTR) {
        return ZK_OK;
    }
    if (err != EAGAIN && err != EWOULDBLOCK) {
        errno = err;
        (void) zk_fail_errno(em, "%s: %s", s->peer,
                             events == POLLIN ? "read" : "write");
        return ZK_EIO;
    }
    if (net_cancel_wait(NULL, s->fd, events, ns_deadline(timeout_ms))
        == NET_LATE) {
        return zk_fail(em, ZK_ETORN, "%s: nothing %s for %ld ms", s->peer,
                       events == POLLIN ? "came" : "could be sent",
                       (long) timeout_ms);
    }
    return ZK_OK;
}

int
net_stream_read(struct net_stream *s, void *p, size_t len,
                int64_t timeout_ms, size_t *got, struct zk_errmsg *em)
{
    int rv = ZK_OK;

    ZK_CHECK(s, NET_STREAM_MAGIC);
    zk_assert(len > 0);
    while (rv == ZK_OK) {
        ssize_t n = recv(s->fd, p, len, 0);

        if (n > 0 || (n == 0 && !atomic_load(&s->down))) {
            *got = (size_t) n;
            return ZK_OK;
        }
        rv = n == 0 ? ns_stopped(s, em)
                    : ns_wait(s, errno, POLLIN, timeout_ms, em);
    }
    return rv;
}

int
net_stream_read_full(struct net_stream *s, void *p, size_t len,
                     int64_t timeout_ms, struct zk_errmsg *em)
{
    uint8_t *at = p;

    while (len > 0) {
        size_t got;
        int rv = net_stream_read(s, at, len, timeout_ms, &got, em);

        if (rv != ZK_OK) {
            return rv;
        }
        if (got == 0) {
            return zk_fail(em, ZK_EIO, "%s: the peer has closed the "
                           "connection", s->peer);
        }
        at += got;
        len -= got;
    }
    return ZK_OK;
}

int
net_stream_write(struct net_stream *s, const void *p, size_t len,
                 int64_t timeout_ms, struct zk_errmsg *em)
{
    const uint8_t *at = p;
    int rv = ZK_OK;

    ZK_CHECK(s, NET_STREAM_MAGIC);
    while (len > 0 && rv == ZK_OK) {
        ssize_t n = send(s->fd, at, len, MSG_NOSIGNAL);

        if (n >= 0) {
            at += n;
            len -= (size_t) n;
        } else {
            rv = ns_wait(s, errno, POLLOUT, timeout_ms, em);
        }
    }
    return rv;
}

const char *
net_stream_peer(const struct net_stream *s)
{
    ZK_CHECK(s, NET_STREAM_MAGIC);
    return s->peer;
}

const char *
net_stream_local(const struct net_stream *s)
{
    ZK_CHECK(s, NET_STREAM_MAGIC);
    return s->local;
}
