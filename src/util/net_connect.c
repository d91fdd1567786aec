/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "util/net_connect.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/zk_time.h"

/* The error of a connect that has come to its end; 0: it stands. */
static int
nc_result(int fd)
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
nc_connect_fd(int fd, const struct addrinfo *ai, int64_t deadline_ms,
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
        return nc_result(fd);
    case NET_CANCELLED:
        return ECANCELED;
    case NET_LATE:
        break;
    }
    return ETIMEDOUT;
}

static int
nc_connect_one(const struct addrinfo *ai, int64_t deadline_ms,
               struct net_cancel *cancel, int *out)
{
    int fd = socket(ai->ai_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int err;

    if (fd < 0) {
        return errno;
    }
    err = nc_connect_fd(fd, ai, deadline_ms, cancel);
    if (err != 0) {
        close(fd);
        return err;
    }
    *out = fd;
    return 0;
}

int
net_connect(const struct addrinfo *all, int64_t deadline_ms,
            struct net_cancel *cancel, int *fd)
{
    int err = EHOSTUNREACH;
    int64_t n = 0;

    for (const struct addrinfo *ai = all; ai != NULL; ai = ai->ai_next) {
        n++;
    }
    for (const struct addrinfo *ai = all; ai != NULL; ai = ai->ai_next) {
        int64_t now_ms = zk_time_mono_ms();

        err = nc_connect_one(ai, now_ms + (deadline_ms - now_ms) / n--,
                             cancel, fd);
        if (err == 0 || err == ECANCELED) {
            break;
        }
    }
    return err;
}
