/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tls/tls_bio.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "util/zk_obj.h"

struct tb_state {
    int fd;
    int error;                  /* An errno. */
    bool eof;
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

static int
tb_write(BIO *bio, const char *p, size_t len, size_t *put)
{
    struct tb_state *s = BIO_get_data(bio);
    ssize_t n;

    BIO_clear_retry_flags(bio);
    do {
        n = send(s->fd, p, len, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
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
    free(BIO_get_data(bio));
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

int
tls_bio_errno(BIO *bio)
{
    const struct tb_state *s = BIO_get_data(bio);

    return s->error;
}
