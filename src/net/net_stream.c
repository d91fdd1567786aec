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

#include "net/net_address.h"
#include "net/net_tls.h"
#include "util/host_lookup.h"
#include "util/net_connect.h"
#include "util/zk_time.h"

/* So much of a connection tells whether it is TLS. */
#define NS_SNIFF_BYTES 5

struct net_stream {
    unsigned magic;
#define NET_STREAM_MAGIC 0x4e537472
    int fd;
    atomic_bool down;           /* net_stream_shutdown was called. */
    char peer[NET_ADDRESS_MAX];
    char local[NET_ADDRESS_MAX];
    struct sockaddr_storage peer_address;

    /* What it is, or NS_OPEN until the handshake has found out. */
    enum ns_kind { NS_PLAIN, NS_TLS, NS_OPEN } kind;
    struct tls_context *context;    /* Unless plain. */
    bool accept_plain;
    struct net_tls tls;
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
    socklen_t len = sizeof s->peer_address;

    (void) getpeername(s->fd, (struct sockaddr *) &s->peer_address, &len);
    net_address_print(&s->peer_address, s->peer);
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
    s->kind = opts->tls != NULL ? NS_OPEN : NS_PLAIN;
    s->context = opts->tls;
    s->accept_plain = opts->accept_plain;
    net_tls_init(&s->tls, fd, &s->down);
    return s;
}

/* Does the handshake that the options want of a new connection. */
static int
ns_connect_tls(struct net_stream *s, const char *host, int64_t deadline_ms,
               const struct net_options *opts, struct zk_errmsg *em)
{
    int rv;

    if (!opts->connect_tls) {
        s->kind = NS_PLAIN;
        return ZK_OK;
    }
    zk_assert(opts->tls != NULL);
    if (opts->handshake_ms > 0) {
        deadline_ms = zk_time_mono_ms() + opts->handshake_ms;
    }
    rv = net_tls_handshake(&s->tls,
                           tls_conn_connect(s->context, s->fd, host,
                                            &s->peer_address),
                           opts->cancel, deadline_ms, em);
    s->kind = NS_TLS;
    return rv;
}

int
net_stream_connect(const char *host, int port, int64_t deadline_ms,
                   const struct net_options *opts, struct net_stream **out,
                   struct zk_errmsg *em)
{
    struct net_stream *s = NULL;
    struct addrinfo *all;
    struct zk_errmsg why = { "" };
    int rv, err, fd;

    rv = host_lookup(HOST_LOOKUP_SERVERS, host, port, deadline_ms,
                     opts->cancel, &all, &why);
    if (rv == ZK_OK) {
        err = net_connect(all, deadline_ms, opts->cancel, &fd);
        freeaddrinfo(all);
        if (err != 0) {
            errno = err;
            (void) zk_fail_errno(em, "cannot connect to %s:%d", host, port);
            return err == ECANCELED ? ZK_ESTOPPED : ZK_EIO;
        }
        s = net_stream_of_fd(fd, opts);
        rv = ns_connect_tls(s, host, deadline_ms, opts, &why);
    }
    if (rv != ZK_OK) {
        net_stream_destroy(s);
        return zk_fail(em, rv == ZK_ESTOPPED ? rv : ZK_EIO,
                       "cannot connect to %s:%d: %s", host, port, why.text);
    }
    *out = s;
    return ZK_OK;
}

void
net_stream_shutdown(struct net_stream *s)
{
    ZK_CHECK(s, NET_STREAM_MAGIC);
    atomic_store(&s->down, true);
    net_tls_say_goodbye(&s->tls);
    (void) shutdown(s->fd, SHUT_RDWR);
}

void
net_stream_destroy(struct net_stream *s)
{
    if (s == NULL) {
        return;
    }
    ZK_CHECK(s, NET_STREAM_MAGIC);
    net_tls_fini(&s->tls);
    close(s->fd);
    s->magic = 0;
    free(s);
}

/* ---- plain or TLS ------------------------------------------------------ */

/* Waits until more than 'have' bytes are there, or the end.  ZK_ETORN: neither
 * came in time; ZK_ESTOPPED: shut down. */
static int
ns_await_bytes(struct net_stream *s, int have, int64_t deadline_ms,
               struct zk_errmsg *em)
{
    int low = have + 1, one = 1;
    enum net_wait waited;

    /* What has come stays where it is, and must not wake. */
    (void) setsockopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low);
    waited = net_cancel_wait(NULL, s->fd, POLLIN, deadline_ms);
    (void) setsockopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one);
    if (atomic_load(&s->down)) {
        return zk_fail(em, ZK_ESTOPPED, "the connection was shut down");
    }
    return waited == NET_LATE ? ZK_ETORN : ZK_OK;
}

/* Looks at the first bytes and leaves them where they are.  TLS_SNIFF_MORE:
 * the connection has ended or failed before it could be told. */
static int
ns_sniff(struct net_stream *s, int64_t deadline_ms, enum tls_sniff *out,
         struct zk_errmsg *em)
{
    unsigned char first[NS_SNIFF_BYTES];
    int have = 0, rv;

    for (;;) {
        ssize_t n = recv(s->fd, first, sizeof first, MSG_PEEK);

        *out = n > 0 ? tls_sniff(first, (size_t) n) : TLS_SNIFF_MORE;
        if (*out != TLS_SNIFF_MORE || n == 0 || (have > 0 && n == have)
            || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            return ZK_OK;
        }
        have = n > 0 ? (int) n : have;
        rv = ns_await_bytes(s, have, deadline_ms, em);
        if (rv != ZK_OK) {
            return rv;
        }
    }
}

/* What an accepted connection is. */
static int
ns_find_out(struct net_stream *s, int64_t deadline_ms, struct zk_errmsg *em)
{
    int64_t limit_ms = INT64_MAX;
    enum tls_sniff sniff;
    int rv;

    if (s->accept_plain) {
        limit_ms = zk_time_mono_ms()
                   + tls_context_config(s->context)->detection_timeout_ms;
    }
    rv = ns_sniff(s, limit_ms < deadline_ms ? limit_ms : deadline_ms, &sniff,
                  em);
    if (rv == ZK_OK && sniff == TLS_SNIFF_TLS) {
        s->kind = NS_TLS;
    } else if (rv != ZK_ESTOPPED && s->accept_plain) {
        s->kind = NS_PLAIN;
        rv = ZK_OK;
    } else if (rv == ZK_ETORN) {
        rv = zk_fail(em, rv, "it has not begun the TLS handshake in time");
    } else if (rv == ZK_OK && sniff == TLS_SNIFF_PLAIN) {
        rv = zk_fail(em, ZK_EIO, "it does not speak TLS, and plain text is "
                     "not taken here (portUnification=false)");
    } else if (rv == ZK_OK) {
        rv = zk_fail(em, ZK_EIO, "it ended before the TLS handshake");
    }
    return rv;
}

int
net_stream_handshake(struct net_stream *s, int64_t deadline_ms,
                     struct zk_errmsg *em)
{
    struct zk_errmsg why = { "" };
    int rv = ZK_OK;

    ZK_CHECK(s, NET_STREAM_MAGIC);
    if (s->kind != NS_OPEN) {
        return ZK_OK;
    }
    rv = ns_find_out(s, deadline_ms, &why);
    if (rv == ZK_OK && s->kind == NS_TLS) {
        rv = net_tls_handshake(&s->tls,
                               tls_conn_accept(s->context, s->fd,
                                               &s->peer_address),
                               NULL, deadline_ms, &why);
    }
    return rv == ZK_OK ? rv : zk_fail(em, rv, "%s: %s", s->peer, why.text);
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

/* What a call that returned -1 means: ZK_OK to try again; ZK_ETORN, without
 * a text, after 'deadline_ms'. */
static int
ns_wait_until(struct net_stream *s, int err, short events,
              int64_t deadline_ms, struct zk_errmsg *em)
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
    return net_cancel_wait(NULL, s->fd, events, deadline_ms) == NET_LATE
               ? ZK_ETORN : ZK_OK;
}

/* The same, with 'timeout_ms' from now on. */
static int
ns_wait(struct net_stream *s, int err, short events, int64_t timeout_ms,
        struct zk_errmsg *em)
{
    int rv = ns_wait_until(s, err, events, ns_deadline(timeout_ms), em);

    return rv == ZK_ETORN
               ? zk_fail(em, rv, "%s: nothing %s for %ld ms", s->peer,
                         events == POLLIN ? "came" : "could be sent",
                         (long) timeout_ms)
               : rv;
}

/* ZK_ETORN in words, and the peer's name before what is of no stream's. */
static int
ns_name_failure(const struct net_stream *s, int rv, const char *what,
                int64_t timeout_ms, const struct zk_errmsg *why,
                struct zk_errmsg *em)
{
    if (rv == ZK_ETORN) {
        return zk_fail(em, rv, "%s: nothing %s for %ld ms", s->peer, what,
                       (long) timeout_ms);
    }
    return zk_fail(em, rv, "%s: %s", s->peer, why->text);
}

static int
ns_read_tls(struct net_stream *s, void *p, size_t len, int64_t timeout_ms,
            size_t *got, struct zk_errmsg *em)
{
    struct zk_errmsg why = { "" };
    int rv = net_tls_read(&s->tls, p, len, NULL, ns_deadline(timeout_ms), got,
                          &why);

    return rv == ZK_OK ? rv : ns_name_failure(s, rv, "came", timeout_ms,
                                              &why, em);
}

static int
ns_read_plain(struct net_stream *s, void *p, size_t len, int64_t timeout_ms,
              size_t *got, struct zk_errmsg *em)
{
    int rv = ZK_OK;

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
net_stream_read(struct net_stream *s, void *p, size_t len,
                int64_t timeout_ms, size_t *got, struct zk_errmsg *em)
{
    ZK_CHECK(s, NET_STREAM_MAGIC);
    zk_assert(len > 0 && s->kind != NS_OPEN);
    return s->kind == NS_TLS ? ns_read_tls(s, p, len, timeout_ms, got, em)
                             : ns_read_plain(s, p, len, timeout_ms, got, em);
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

static int
ns_write_tls(struct net_stream *s, const void *p, size_t len,
             int64_t timeout_ms, struct zk_errmsg *em)
{
    struct zk_errmsg why = { "" };
    int rv = net_tls_write(&s->tls, p, len, timeout_ms, INT64_MAX, &why);

    return rv == ZK_OK ? rv : ns_name_failure(s, rv, "could be sent",
                                              timeout_ms, &why, em);
}

static int
ns_write_plain(struct net_stream *s, const void *p, size_t len,
               int64_t timeout_ms, struct zk_errmsg *em)
{
    const uint8_t *at = p;
    int rv = ZK_OK;

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

int
net_stream_write(struct net_stream *s, const void *p, size_t len,
                 int64_t timeout_ms, struct zk_errmsg *em)
{
    ZK_CHECK(s, NET_STREAM_MAGIC);
    zk_assert(s->kind != NS_OPEN);
    return s->kind == NS_TLS ? ns_write_tls(s, p, len, timeout_ms, em)
                             : ns_write_plain(s, p, len, timeout_ms, em);
}

static int
ns_write_plain_until(struct net_stream *s, const void *p, size_t len,
                     int64_t deadline_ms, struct zk_errmsg *em)
{
    const uint8_t *at = p;
    int rv = ZK_OK;

    while (len > 0 && rv == ZK_OK) {
        ssize_t n = send(s->fd, at, len, MSG_NOSIGNAL);

        if (n >= 0) {
            at += n;
            len -= (size_t) n;
        } else {
            rv = ns_wait_until(s, errno, POLLOUT, deadline_ms, em);
        }
    }
    return rv;
}

int
net_stream_write_until(struct net_stream *s, const void *p, size_t len,
                       int64_t deadline_ms, struct zk_errmsg *em)
{
    struct zk_errmsg why = { "" };
    int rv;

    ZK_CHECK(s, NET_STREAM_MAGIC);
    zk_assert(s->kind != NS_OPEN);
    rv = s->kind == NS_TLS
             ? net_tls_write(&s->tls, p, len, 0, deadline_ms, &why)
             : ns_write_plain_until(s, p, len, deadline_ms, em);
    if (rv == ZK_ETORN) {
        return zk_fail(em, rv, "%s: it does not take what is sent in time",
                       s->peer);
    }
    return rv != ZK_OK && s->kind == NS_TLS
               ? zk_fail(em, rv, "%s: %s", s->peer, why.text) : rv;
}

/* Who reads without ever having to wait must look at the clock himself. */
static int
ns_time_left(struct net_cancel *cancel, int64_t deadline_ms,
             struct zk_errmsg *em)
{
    int64_t now_ms = zk_time_mono_ms();

    if (cancel != NULL
        && net_cancel_wait(cancel, -1, 0, now_ms) == NET_CANCELLED) {
        return zk_fail(em, ZK_ESTOPPED, "cancelled");
    }
    return now_ms >= deadline_ms ? ZK_ETORN : ZK_OK;
}

int
net_stream_finish(struct net_stream *s, int64_t deadline_ms,
                  struct net_cancel *cancel, struct zk_errmsg *em)
{
    struct zk_errmsg why = { "" };
    char dropped[512];
    size_t got = 1;
    int rv = ZK_OK;

    ZK_CHECK(s, NET_STREAM_MAGIC);
    zk_assert(s->kind != NS_OPEN);
    if (s->kind == NS_PLAIN) {
        return ZK_OK;
    }
    net_tls_say_goodbye(&s->tls);
    (void) shutdown(s->fd, SHUT_WR);
    while (rv == ZK_OK && got > 0) {
        rv = ns_time_left(cancel, deadline_ms, &why);
        if (rv == ZK_OK) {
            rv = net_tls_read(&s->tls, dropped, sizeof dropped, cancel,
                              deadline_ms, &got, &why);
        }
    }
    if (rv == ZK_ETORN) {
        (void) zk_fail(&why, rv, "it does not end the connection");
    }
    return rv == ZK_OK ? rv : zk_fail(em, rv, "%s: %s", s->peer, why.text);
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

const char *
net_stream_security(const struct net_stream *s)
{
    ZK_CHECK(s, NET_STREAM_MAGIC);
    return s->kind == NS_TLS ? s->tls.cipher : "plain";
}
