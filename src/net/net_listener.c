/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "net/net_listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net_address.h"
#include "util/zk_time.h"

/* The pause after an accept that failed for want of something. */
#define NL_PAUSE_MS 100

struct net_listener {
    unsigned magic;
#define NET_LISTENER_MAGIC 0x4e4c6973
    struct net_cancel stop;
    atomic_bool stopped;
    struct pollfd *fds;         /* One more than 'n': the last is stop's. */
    size_t n;
    size_t turn;                /* Whose turn it is to be looked at first. */
};

/* ---- binding ----------------------------------------------------------- */

/* Names the address; ZK_EEXIST when it is in use. */
static int
nl_fail(int err, const struct host_port *at, struct zk_errmsg *em)
{
    char text[512];

    net_address_print_host(at->host, at->port, text, sizeof text);
    errno = err;
    (void) zk_fail_errno(em, "cannot listen on %s", text);
    return err == EADDRINUSE ? ZK_EEXIST : ZK_EIO;
}

static int
nl_listen(const struct sockaddr *sa, socklen_t len, int *out)
{
    int fd = socket(sa->sa_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, off = 0, err;

    if (fd < 0) {
        return errno;
    }
    (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (sa->sa_family == AF_INET6) {
        (void) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (bind(fd, sa, len) != 0 || listen(fd, SOMAXCONN) != 0) {
        err = errno;
        close(fd);
        return err;
    }
    *out = fd;
    return 0;
}

/* Both families by one socket where the system has IPv6. */
static int
nl_listen_all(int port, int *out)
{
    struct sockaddr_in6 v6 = {
        .sin6_family = AF_INET6,
        .sin6_addr = IN6ADDR_ANY_INIT,
        .sin6_port = htons((uint16_t) port),
    };
    struct sockaddr_in v4 = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_ANY),
        .sin_port = htons((uint16_t) port),
    };
    int err = nl_listen((const struct sockaddr *) &v6, sizeof v6, out);

    if (err != 0 && err != EADDRINUSE && err != EACCES) {
        err = nl_listen((const struct sockaddr *) &v4, sizeof v4, out);
    }
    return err;
}

/* The first IPv4 address of a name, or else its first, as Java takes it. */
static const struct addrinfo *
nl_choose(const struct addrinfo *all)
{
    for (const struct addrinfo *ai = all; ai != NULL; ai = ai->ai_next) {
        if (ai->ai_family == AF_INET) {
            return ai;
        }
    }
    return all;
}

static int
nl_listen_host(const struct host_port *at, int *out, struct zk_errmsg *em)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE,
    };
    const struct addrinfo *ai;
    struct addrinfo *all;
    char service[16];
    int err;

    snprintf(service, sizeof service, "%d", at->port);
    err = getaddrinfo(at->host, service, &hints, &all);
    if (err != 0) {
        return zk_fail(em, ZK_EIO, "cannot listen on %s:%d: %s", at->host,
                       at->port, gai_strerror(err));
    }
    ai = nl_choose(all);
    err = nl_listen(ai->ai_addr, ai->ai_addrlen, out);
    freeaddrinfo(all);
    return err == 0 ? ZK_OK : nl_fail(err, at, em);
}

static int
nl_bind(struct net_listener *l, const struct host_port *at, bool all_ips,
        struct zk_errmsg *em)
{
    const struct host_port all = { .host = NULL, .port = at->port };
    int fd = -1, rv = ZK_OK, err;

    if (at->host == NULL || all_ips) {
        err = nl_listen_all(at->port, &fd);
        rv = err == 0 ? ZK_OK : nl_fail(err, &all, em);
    } else {
        rv = nl_listen_host(at, &fd, em);
    }
    if (rv == ZK_OK) {
        l->fds[l->n++] = (struct pollfd) { .fd = fd, .events = POLLIN };
    }
    return rv;
}

/* Was the same port bound for all addresses already? */
static bool
nl_is_repeated(const struct host_port *at, size_t i, bool all_ips)
{
    for (size_t k = 0; all_ips && k < i; k++) {
        if (at[k].port == at[i].port) {
            return true;
        }
    }
    return false;
}

int
net_listener_create(const struct host_port *at, size_t n, bool all_ips,
                    struct net_listener **out, struct zk_errmsg *em)
{
    struct net_listener *l = zk_xcalloc(1, sizeof *l);
    int rv;

    zk_assert(n > 0);
    l->magic = NET_LISTENER_MAGIC;
    l->fds = zk_xcalloc(n + 1, sizeof *l->fds);
    atomic_init(&l->stopped, false);
    rv = net_cancel_init(&l->stop, em);
    for (size_t i = 0; i < n && rv == ZK_OK; i++) {
        if (!nl_is_repeated(at, i, all_ips)) {
            rv = nl_bind(l, &at[i], all_ips, em);
        }
    }
    if (rv != ZK_OK) {
        net_listener_destroy(l);
        return rv;
    }
    l->fds[l->n] = (struct pollfd) { .fd = l->stop.fd, .events = POLLIN };
    *out = l;
    return ZK_OK;
}

void
net_listener_destroy(struct net_listener *l)
{
    if (l == NULL) {
        return;
    }
    ZK_CHECK(l, NET_LISTENER_MAGIC);
    for (size_t i = 0; i < l->n; i++) {
        close(l->fds[i].fd);
    }
    net_cancel_fini(&l->stop);
    free(l->fds);
    l->magic = 0;
    free(l);
}

int
net_listener_port(const struct net_listener *l)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;

    ZK_CHECK(l, NET_LISTENER_MAGIC);
    zk_assert(getsockname(l->fds[0].fd, (struct sockaddr *) &sa, &len) == 0);
    return net_address_port(&sa);
}

/* ---- accepting --------------------------------------------------------- */

void
net_listener_shutdown(struct net_listener *l)
{
    ZK_CHECK(l, NET_LISTENER_MAGIC);
    atomic_store(&l->stopped, true);
    net_cancel_fire(&l->stop);
}

/* Errors of the connection that was to be accepted, not of ours. */
static bool
nl_is_passing(int err)
{
    return err == EAGAIN || err == EWOULDBLOCK || err == ECONNABORTED
           || err == EPROTO || err == EINTR || err == EPERM
           || err == ENETDOWN || err == ENOPROTOOPT || err == EHOSTDOWN
           || err == ENONET || err == EHOSTUNREACH || err == EOPNOTSUPP
           || err == ENETUNREACH;
}

/* Looks at each socket that is ready, another one first each time.  ZK_OK
 * with *fd -1: there was nothing after all. */
static int
nl_accept_ready(struct net_listener *l, int *fd, struct zk_errmsg *em)
{
    *fd = -1;
    for (size_t i = 0; i < l->n && *fd < 0; i++) {
        const struct pollfd *p = &l->fds[l->turn];

        l->turn = (l->turn + 1) % l->n;
        if (p->revents == 0) {
            continue;
        }
        *fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC);
        if (*fd < 0 && !nl_is_passing(errno)) {
            (void) zk_fail_errno(em, "accept");
            /* Out of descriptors or memory: whoever waits goes on waiting. */
            (void) net_cancel_wait(&l->stop, -1, 0,
                                   zk_time_mono_ms() + NL_PAUSE_MS);
            return ZK_EIO;
        }
    }
    return ZK_OK;
}

int
net_listener_accept(struct net_listener *l, int *fd, struct zk_errmsg *em)
{
    int rv;

    ZK_CHECK(l, NET_LISTENER_MAGIC);
    for (;;) {
        if (atomic_load(&l->stopped)) {
            return zk_fail(em, ZK_ESTOPPED, "the listener was shut down");
        }
        if (poll(l->fds, l->n + 1, -1) < 0) {
            if (errno == EINTR) {
                continue;
            }
            (void) zk_fail_errno(em, "poll");
            zk_time_pause_us(NL_PAUSE_MS * INT64_C(1000));
            return ZK_EIO;
        }
        rv = nl_accept_ready(l, fd, em);
        if (rv != ZK_OK || *fd >= 0) {
            return rv;
        }
    }
}
