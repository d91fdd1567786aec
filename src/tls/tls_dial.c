/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tls/tls_dial.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/host_lookup.h"
#include "util/net_connect.h"
#include "util/zk_time.h"

struct td_state {
    int fd;
    int64_t deadline_ms;
    struct net_cancel *cancel;
    int rv;                     /* Of what failed, for good. */
    struct zk_errmsg why;
};

/* ---- the BIO ------------------------------------------------------------- */

static int
td_late(struct zk_errmsg *em)
{
    return zk_fail(em, ZK_ETORN, "no answer in time");
}

static int
td_stopped(struct zk_errmsg *em)
{
    return zk_fail(em, ZK_ESTOPPED, "given up, as nobody waits for it any more");
}

/* Waits after a call that moved nothing; false: it has failed. */
static bool
td_wait(struct td_state *s, short events)
{
    if (errno == EINTR) {
        return true;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
        (void) zk_fail_errno(&s->why, "its connection");
        s->rv = ZK_EIO;
        return false;
    }
    switch (net_cancel_wait(s->cancel, s->fd, events, s->deadline_ms)) {
    case NET_READY:
        break;
    case NET_CANCELLED:
        s->rv = td_stopped(&s->why);
        break;
    case NET_LATE:
        s->rv = td_late(&s->why);
        break;
    }
    return s->rv == ZK_OK;
}

/* Who sends without a pause is never waited for. */
static bool
td_has_time(struct td_state *s)
{
    if (s->rv == ZK_OK && zk_time_mono_ms() >= s->deadline_ms) {
        s->rv = td_late(&s->why);
    }
    return s->rv == ZK_OK;
}

static int
td_read(BIO *bio, char *p, size_t len, size_t *got)
{
    struct td_state *s = BIO_get_data(bio);
    ssize_t n = -1;

    BIO_clear_retry_flags(bio);
    *got = 0;
    if (!td_has_time(s)) {
        return 0;
    }
    do {
        n = recv(s->fd, p, len, 0);
    } while (n < 0 && td_wait(s, POLLIN));
    *got = n > 0 ? (size_t) n : 0;
    return n > 0;
}

static int
td_write(BIO *bio, const char *p, size_t len, size_t *put)
{
    struct td_state *s = BIO_get_data(bio);
    ssize_t n = -1;

    BIO_clear_retry_flags(bio);
    *put = 0;
    if (!td_has_time(s)) {
        return 0;
    }
    do {
        n = send(s->fd, p, len, MSG_NOSIGNAL);
    } while (n < 0 && td_wait(s, POLLOUT));
    *put = n > 0 ? (size_t) n : 0;
    return n > 0;
}

static long
td_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void) bio;
    (void) num;
    (void) ptr;
    return cmd == BIO_CTRL_FLUSH;
}

static int
td_destroy(BIO *bio)
{
    struct td_state *s = BIO_get_data(bio);

    close(s->fd);
    free(s);
    BIO_set_data(bio, NULL);
    return 1;
}

static BIO_METHOD *td_method;
static pthread_once_t td_once = PTHREAD_ONCE_INIT;

/* Kept until the end of the process. */
static void
td_make_method(void)
{
    td_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
                             "zkd call");
    zk_assert(td_method != NULL);
    BIO_meth_set_read_ex(td_method, td_read);
    BIO_meth_set_write_ex(td_method, td_write);
    BIO_meth_set_ctrl(td_method, td_ctrl);
    BIO_meth_set_destroy(td_method, td_destroy);
}

static BIO *
td_create(int fd, int64_t deadline_ms, struct net_cancel *cancel)
{
    struct td_state *s = zk_xcalloc(1, sizeof *s);
    BIO *bio;

    pthread_once(&td_once, td_make_method);
    bio = BIO_new(td_method);
    zk_assert(bio != NULL);
    s->fd = fd;
    s->deadline_ms = deadline_ms;
    s->cancel = cancel;
    s->rv = ZK_OK;
    BIO_set_data(bio, s);
    BIO_set_init(bio, 1);
    return bio;
}

int
tls_dial_failure(BIO *bio, struct zk_errmsg *em)
{
    const struct td_state *s = BIO_get_data(bio);

    if (s->rv != ZK_OK) {
        *em = s->why;
    }
    return s->rv;
}

/* ---- connecting ---------------------------------------------------------- */

/* An errno of net_connect. */
static int
td_fail(int err, struct zk_errmsg *em)
{
    switch (err) {
    case ECANCELED:
        return td_stopped(em);
    case ETIMEDOUT:
        return td_late(em);
    default:
        errno = err;
        (void) zk_fail_errno(em, "cannot connect");
        return err == EMFILE || err == ENFILE || err == ENOMEM
               || err == ENOBUFS || err == EADDRNOTAVAIL ? ZK_EIO
                                                         : ZK_ENOTFOUND;
    }
}

int
tls_dial(const char *host, int port, int64_t deadline_ms,
         struct net_cancel *cancel, BIO **out, struct zk_errmsg *em)
{
    struct addrinfo *all;
    int fd, err, rv;

    rv = host_lookup(HOST_LOOKUP_RESPONDERS, host, port, deadline_ms, cancel,
                     &all, em);
    if (rv != ZK_OK) {
        return rv;
    }
    err = net_connect(all, deadline_ms, cancel, &fd);
    freeaddrinfo(all);
    if (err != 0) {
        return td_fail(err, em);
    }
    *out = td_create(fd, deadline_ms, cancel);
    return ZK_OK;
}
