/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "util/net_cancel.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "util/zk_time.h"

/* After a poll for which the kernel had no memory. */
#define NC_PAUSE_US 10000

int
net_cancel_init(struct net_cancel *c, struct zk_errmsg *em)
{
    c->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    c->socket = -1;
    if (c->fd < 0) {
        (void) zk_fail_errno(em, "eventfd");
        return ZK_EIO;
    }
    return ZK_OK;
}

void
net_cancel_fini(struct net_cancel *c)
{
    if (c->fd >= 0) {
        close(c->fd);
    }
    c->fd = -1;
}

void
net_cancel_fire(struct net_cancel *c)
{
    static const uint64_t one = 1;

    /* Only a full counter is refused, and that is fired already. */
    (void) !write(c->fd, &one, sizeof one);
}

void
net_cancel_reset(struct net_cancel *c)
{
    uint64_t n;

    (void) !read(c->fd, &n, sizeof n);
}

void
net_cancel_join(struct net_cancel *out, const struct net_cancel *c,
                int socket)
{
    out->fd = c != NULL ? c->fd : -1;
    out->socket = socket;
}

static int
nc_poll_ms(int64_t deadline_ms)
{
    int64_t left_ms;

    if (deadline_ms == INT64_MAX) {
        return -1;
    }
    left_ms = deadline_ms - zk_time_mono_ms();
    return left_ms <= 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int) left_ms;
}

enum net_wait
net_cancel_wait(struct net_cancel *c, int fd, short events,
                int64_t deadline_ms)
{
    for (;;) {
        /* Of a socket without events its end alone is told. */
        struct pollfd fds[3] = {
            { .fd = c != NULL ? c->fd : -1, .events = POLLIN },
            { .fd = c != NULL ? c->socket : -1 },
            { .fd = fd, .events = events },
        };
        int n = poll(fds, 3, nc_poll_ms(deadline_ms));

        if (n > 0) {
            return fds[0].revents != 0 || fds[1].revents != 0
                       ? NET_CANCELLED : NET_READY;
        }
        if (n < 0 && errno != EINTR) {
            zk_time_pause_us(NC_PAUSE_US);
        }
        if (nc_poll_ms(deadline_ms) == 0) {
            return NET_LATE;
        }
    }
}
