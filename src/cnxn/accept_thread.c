/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cnxn/accept_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cnxn/server_cnxn.h"
#include "cnxn/tls_handshaker.h"
#include "metrics/server_metrics.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

/* Connections taken between two looks at the stop flag. */
#define AT_BATCH 64
/* The pause after an accept that failed for want of something. */
#define AT_PAUSE_MS 50
/* Between two lines of log about refused connections. */
#define AT_LOG_MS 1000

struct accept_thread {
    unsigned magic;
#define ACCEPT_THREAD_MAGIC 0x41636370

    /* Set before the start, never changed. */
    struct cnxn_context *ctx;
    enum accept_kind kind;
    int listen_fd;              /* -1 once closed. */
    int event_fd;
    int port;
    char *address;
    struct zk_thread thread;

    atomic_bool stopping;

    /* Owned by the thread. */
    int spare_fd;               /* -1: it could not be had. */
    int64_t logged_ms;
    uint64_t unlogged;          /* Refused since then. */
};

/* ---- the socket -------------------------------------------------------- */

static int
at_bind(int fd, const struct sockaddr *sa, socklen_t len, int backlog)
{
    int on = 1;

    (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, sa, len) != 0) {
        return -1;
    }
    return listen(fd, backlog > 0 ? backlog : SOMAXCONN);
}

/* A listening socket, or -1 and errno. */
static int
at_listen(const struct sockaddr *sa, socklen_t len, int backlog)
{
    int fd = socket(sa->sa_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int off = 0, err;

    if (fd < 0) {
        return -1;
    }
    if (sa->sa_family == AF_INET6) {
        (void) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (at_bind(fd, sa, len, backlog) != 0) {
        err = errno;
        close(fd);
        errno = err;
        return -1;
    }
    return fd;
}

/* Both families by one socket where the system has IPv6. */
static int
at_listen_any(int port, int backlog)
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
    int fd = at_listen((const struct sockaddr *) &v6, sizeof v6, backlog);

    if (fd < 0 && errno != EADDRINUSE && errno != EACCES) {
        fd = at_listen((const struct sockaddr *) &v4, sizeof v4, backlog);
    }
    return fd;
}

/* The first IPv4 address of a name, or else its first (Java takes the first
 * and sorts IPv4 to the front). */
static const struct addrinfo *
at_choose(const struct addrinfo *all)
{
    for (const struct addrinfo *ai = all; ai != NULL; ai = ai->ai_next) {
        if (ai->ai_family == AF_INET) {
            return ai;
        }
    }
    return all;
}

static int
at_listen_host(const char *key, const struct host_port *where, int backlog,
               int *fd, struct zk_errmsg *em)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
    };
    const struct addrinfo *ai;
    struct addrinfo *all;
    char service[16];
    int err;

    snprintf(service, sizeof service, "%d", where->port);
    err = getaddrinfo(where->host, service, &hints, &all);
    if (err != 0) {
        return zk_fail(em, ZK_ECONFIG,
                       "%s %s cannot be resolved: %s", key, where->host,
                       gai_strerror(err));
    }
    ai = at_choose(all);
    *fd = at_listen(ai->ai_addr, ai->ai_addrlen, backlog);
    err = errno;
    freeaddrinfo(all);
    errno = err;
    return ZK_OK;
}

static int
at_port_in_use(int fd)
{
    struct sockaddr_storage sa;
    struct cnxn_address a;
    socklen_t len = sizeof sa;

    zk_assert(getsockname(fd, (struct sockaddr *) &sa, &len) == 0);
    cnxn_address_set(&a, &sa);
    return a.port;
}

static int
at_open(struct accept_thread *at, const struct host_port *where,
        struct zk_errmsg *em)
{
    int backlog = at->ctx->config->cnxn.listen_backlog;
    int rv = ZK_OK;

    at->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (at->event_fd < 0) {
        return zk_fail_errno(em, "eventfd");
    }
    if (where->host == NULL) {
        at->listen_fd = at_listen_any(where->port, backlog);
    } else {
        rv = at_listen_host(at->kind == ACCEPT_SECURE
                                ? "secureClientPortAddress"
                                : "clientPortAddress",
                            where, backlog, &at->listen_fd, em);
    }
    if (rv == ZK_OK && at->listen_fd < 0) {
        rv = zk_fail_errno(em, "cannot listen for clients on %s:%d",
                           where->host ? where->host : "0.0.0.0",
                           where->port);
        rv = rv == ZK_ENOTFOUND ? ZK_EIO : rv;
    }
    return rv;
}

int
accept_thread_create(struct cnxn_context *ctx, enum accept_kind kind,
                     const struct host_port *where,
                     struct accept_thread **out, struct zk_errmsg *em)
{
    struct accept_thread *at = zk_xcalloc(1, sizeof *at);
    int rv;

    at->magic = ACCEPT_THREAD_MAGIC;
    at->ctx = ctx;
    at->kind = kind;
    at->listen_fd = at->event_fd = at->spare_fd = -1;
    rv = at_open(at, where, em);
    if (rv != ZK_OK) {
        accept_thread_destroy(at);
        return rv;
    }
    at->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    at->port = at_port_in_use(at->listen_fd);
    at->address = zk_xasprintf("%s:%d",
                               where->host ? where->host : "0.0.0.0",
                               at->port);
    zk_info(factory, "binding to port %s%s", at->address,
            kind == ACCEPT_SECURE    ? " for TLS"
            : kind == ACCEPT_UNIFIED ? " for plain text and TLS"
                                     : "");
    *out = at;
    return ZK_OK;
}

static void
at_close(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

void
accept_thread_destroy(struct accept_thread *at)
{
    if (at == NULL) {
        return;
    }
    ZK_CHECK(at, ACCEPT_THREAD_MAGIC);
    accept_thread_stop(at);
    at_close(&at->listen_fd);
    at_close(&at->event_fd);
    at_close(&at->spare_fd);
    free(at->address);
    at->magic = 0;
    free(at);
}

int
accept_thread_port(const struct accept_thread *at)
{
    return at->port;
}

const char *
accept_thread_address(const struct accept_thread *at)
{
    return at->address;
}

/* ---- refusing ---------------------------------------------------------- */

/* A line about what was refused, not too often. */
static void
at_log(struct accept_thread *at, const char *why)
{
    int64_t now_ms = zk_time_mono_ms();

    if (at->logged_ms != 0 && now_ms - at->logged_ms < AT_LOG_MS) {
        at->unlogged++;
        return;
    }
    if (at->unlogged > 0) {
        zk_warn(factory, "Error accepting new connection: %s (and %lu more "
                "refused since the last such line)", why,
                (unsigned long) at->unlogged);
    } else {
        zk_warn(factory, "Error accepting new connection: %s", why);
    }
    at->logged_ms = now_ms;
    at->unlogged = 0;
}

/* Closes at once, throwing away what is on its way. */
static void
at_slam(int fd)
{
    const struct linger now = { .l_onoff = 1, .l_linger = 0 };

    (void) setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

static void
at_refuse(struct accept_thread *at, int fd, const struct cnxn_address *from,
          enum cnxn_admission why)
{
    const struct cnxn_config *config = &at->ctx->config->cnxn;
    char host[CNXN_HOST_MAX];
    char text[128];

    cnxn_address_host(from, host);
    if (why == CNXN_TOO_MANY) {
        snprintf(text, sizeof text, "Too many connections max allowed is %d",
                 config->max_cnxns);
    } else {
        snprintf(text, sizeof text,
                 "Too many connections from /%s - max is %d", host,
                 config->max_client_cnxns);
    }
    server_metrics_inc(METRIC_connection_rejected);
    at_log(at, text);
    at_slam(fd);
}

/* No descriptor is left: gives the spare one up to get rid of a client.
 * False when that did not help. */
static bool
at_without_descriptors(struct accept_thread *at, int err)
{
    char text[128];
    int fd;

    snprintf(text, sizeof text, "%s",
             err == EMFILE ? "this process has no descriptor left"
                           : "the system has no descriptor left");
    server_metrics_inc(METRIC_connection_rejected);
    at_log(at, text);
    if (at->spare_fd < 0) {
        at->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return false;
    }
    at_close(&at->spare_fd);
    fd = accept4(at->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
        at_slam(fd);
    }
    at->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

/* ---- accepting --------------------------------------------------------- */

static void
at_socket_options(const struct accept_thread *at, int fd)
{
    int on = 1;

    (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (at->ctx->config->cnxn.tcp_keepalive) {
        (void) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
}

static void
at_welcome(struct accept_thread *at, int fd,
           const struct sockaddr_storage *sa)
{
    const struct cnxn_config *config = &at->ctx->config->cnxn;
    enum cnxn_admission verdict;
    char remote[CNXN_REMOTE_MAX];
    struct cnxn_address from;

    cnxn_address_set(&from, sa);
    from.secure = at->kind == ACCEPT_SECURE;
    verdict = cnxn_table_admit(&at->ctx->table, &from,
                               config->max_client_cnxns, config->max_cnxns);
    if (verdict != CNXN_ADMITTED) {
        at_refuse(at, fd, &from, verdict);
        return;
    }
    if (zk_log_enabled(factory, ZK_LOG_DEBUG)) {
        cnxn_address_remote(&from, remote);
        zk_debug(factory, "Accepted socket connection from %s", remote);
    }
    at_socket_options(at, fd);
    if (at->kind == ACCEPT_PLAIN) {
        server_cnxn_begin(at->ctx, fd, &from, NULL);
    } else {
        tls_handshaker_add(at->ctx->handshaker, fd, &from,
                           at->kind == ACCEPT_UNIFIED);
    }
}

/* Errors of the connection that was to be accepted, not of ours. */
static bool
at_is_passing(int err)
{
    return err == ECONNABORTED || err == EPROTO || err == EINTR
           || err == EPERM || err == ENETDOWN || err == ENOPROTOOPT
           || err == EHOSTDOWN || err == ENONET || err == EHOSTUNREACH
           || err == EOPNOTSUPP || err == ENETUNREACH;
}

/* Takes what waits.  False when the thread should pause. */
static bool
at_accept_some(struct accept_thread *at)
{
    for (int i = 0; i < AT_BATCH; i++) {
        struct sockaddr_storage sa = { 0 };
        socklen_t len = sizeof sa;
        int fd = accept4(at->listen_fd, (struct sockaddr *) &sa, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            at_welcome(at, fd, &sa);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return true;
        } else if (errno == EMFILE || errno == ENFILE) {
            if (!at_without_descriptors(at, errno)) {
                return false;
            }
        } else if (!at_is_passing(errno)) {
            char text[128];

            snprintf(text, sizeof text, "accept failed with errno %d",
                     errno);
            at_log(at, text);
            return false;
        }
    }
    return true;
}

static void
at_run(void *arg)
{
    struct accept_thread *at = arg;
    bool pause = false;

    while (!atomic_load(&at->stopping)) {
        struct pollfd fds[2] = {
            { .fd = at->event_fd, .events = POLLIN },
            { .fd = pause ? -1 : at->listen_fd, .events = POLLIN },
        };

        (void) poll(fds, 2, pause ? AT_PAUSE_MS : -1);
        pause = !at_accept_some(at);
    }
}

void
accept_thread_start(struct accept_thread *at)
{
    ZK_CHECK(at, ACCEPT_THREAD_MAGIC);
    zk_thread_start(&at->thread, at_run, at, "Accept:%d", at->port);
}

void
accept_thread_stop(struct accept_thread *at)
{
    static const uint64_t one = 1;

    ZK_CHECK(at, ACCEPT_THREAD_MAGIC);
    atomic_store(&at->stopping, true);
    if (at->thread.started) {
        (void) !write(at->event_fd, &one, sizeof one);
        zk_thread_join(&at->thread);
    }
    at_close(&at->listen_fd);
}
