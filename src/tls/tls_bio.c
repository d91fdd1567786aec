/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tls/tls_bio.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "util/zk_buf.h"

struct tb_state {
    int fd;
    int error;                  /* An errno. */
    bool eof;
    bool keeps;
    struct zk_buf kept;
};

/* Sets the flags of a call that moved nothing. */
static void
tb_failed(BIO *bio, int retry)
{
    struct tb_state *s = BIO_get_data(bio);

    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
        BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
    } else {
        s->error = errno;
    }
}

static int
tb_read(BIO *bio, char *p, size_t len, size_t *got)
{
    struct tb_state *s = BIO_get_data(bio);
    ssize_t n;

    BIO_clear_retry_flags(bio);
    do {
        n = recv(s->fd, p, len, 0);
    } while (n < 0 && errno == EINTR);
    *got = n > 0 ? (size_t) n : 0;
    if (n < 0) {
        tb_failed(bio, BIO_FLAGS_READ);
    }
    s->eof = s->eof || n == 0;
    return n > 0;
}

/* As much as goes; -1 when that is nothing. */
static ssize_t
tb_send(const struct tb_state *s, const void *p, size_t len)
{
    ssize_t n;

    do {
        n = send(s->fd, p, len, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* Sends what goes and keeps the rest. */
static int
tb_write_whole(BIO *bio, const char *p, size_t len, size_t *put)
{
    struct tb_state *s = BIO_get_data(bio);
    ssize_t n = s->kept.len > 0 ? 0 : tb_send(s, p, len);

    *put = 0;
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
        s->error = errno;
        return 0;
    }
    n = n < 0 ? 0 : n;
    if (s->kept.len + len - (size_t) n > TLS_BIO_MAX_KEPT) {
        s->error = ENOBUFS;
        return 0;
    }
    zk_buf_append(&s->kept, p + n, len - (size_t) n);
    *put = len;
    return 1;
}

static int
tb_write(BIO *bio, const char *p, size_t len, size_t *put)
{
    const struct tb_state *s = BIO_get_data(bio);
    ssize_t n;

    BIO_clear_retry_flags(bio);
    if (s->keeps) {
        return tb_write_whole(bio, p, len, put);
    }
    n = tb_send(s, p, len);
    *put = n > 0 ? (size_t) n : 0;
    if (n < 0) {
        tb_failed(bio, BIO_FLAGS_WRITE);
    }
    return n > 0;
}

static long
tb_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    const struct tb_state *s = BIO_get_data(bio);

    (void) num;
    (void) ptr;
    switch (cmd) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return s->eof ? 1 : 0;
    default:
        return 0;
    }
}

static int
tb_destroy(BIO *bio)
{
    struct tb_state *s = BIO_get_data(bio);

    zk_buf_fini(&s->kept);
    free(s);
    BIO_set_data(bio, NULL);
    return 1;
}

static BIO_METHOD *tb_method;
static pthread_once_t tb_once = PTHREAD_ONCE_INIT;

/* Kept until the end of the process. */
static void
tb_make_method(void)
{
    tb_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
                             "zkd socket");
    zk_assert(tb_method != NULL);
    BIO_meth_set_read_ex(tb_method, tb_read);
    BIO_meth_set_write_ex(tb_method, tb_write);
    BIO_meth_set_ctrl(tb_method, tb_ctrl);
    BIO_meth_set_destroy(tb_method, tb_destroy);
}

BIO *
tls_bio_create(int fd)
{
    struct tb_state *s = zk_xcalloc(1, sizeof *s);
    BIO *bio;

    pthread_once(&tb_once, tb_make_method);
    bio = BIO_new(tb_method);
    zk_assert(bio != NULL);
    s->fd = fd;
    BIO_set_data(bio, s);
    BIO_set_init(bio, 1);
    return bio;
}

void
tls_bio_keep(BIO *bio)
{
    struct tb_state *s = BIO_get_data(bio);

    s->keeps = true;
}

int
tls_bio_flush(BIO *bio)
{
    struct tb_state *s = BIO_get_data(bio);
    ssize_t n;

    if (s->kept.len == 0) {
        return 1;
    }
    n = tb_send(s, s->kept.data, s->kept.len);
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
        s->error = errno;
        return -1;
    }
    if (n > 0) {
        zk_buf_consume(&s->kept, (size_t) n);
    }
    if (s->kept.len > 0) {
        return 0;
    }
    zk_buf_fini(&s->kept);      /* It is seldom needed. */
    return 1;
}

int
tls_bio_errno(BIO *bio)
{
    const struct tb_state *s = BIO_get_data(bio);

    return s->error;
}
