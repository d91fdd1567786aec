/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "test/unit/cnxn_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "jute/output_archive.h"
#include "proto/op_code.h"
#include "test/lib/zk_test.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

static void
cc_die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(99);
}

/* ---- the server -------------------------------------------------------- */

static bool
ts_known(void *self, uint32_t word)
{
    (void) self;
    return word == 0x72756f6b || word == 0x73746d6b || word == 0x736c6f77;
}

static void
ts_answer(void *self, uint32_t word, uint64_t arg, bool secure,
          struct zk_buf *out)
{
    struct test_server *s = self;

    (void) secure;
    atomic_fetch_add(&s->words, 1);
    if (word == 0x72756f6b) {
        zk_buf_append(out, "imok", 4);
    } else if (word == 0x73746d6b) {
        zk_buf_printf(out, "%lx", (unsigned long) arg);
    } else {
        size_t len = (size_t) 8 << 20;

        memset(zk_buf_reserve(out, len), 's', len);
        out->len += len;
    }
}

void
test_server_init(struct test_server *s)
{
    struct zk_errmsg em;
    char path[600];
    FILE *f;

    memset(s, 0, sizeof *s);
    s->dir = zk_test_mkdir();
    snprintf(path, sizeof path, "%s/zoo.cfg", s->dir);
    f = fopen(path, "w");
    if (f == NULL) {
        cc_die(path);
    }
    fprintf(f, "tickTime=1000\ndataDir=%s\nclientPort=2181\n"
            "maxClientCnxns=0\nforceSync=no\n", s->dir);
    fclose(f);
    if (server_config_read(path, system_properties_create(), &s->config, &em)
        != ZK_OK) {
        fprintf(stderr, "%s\n", em.text);
        exit(99);
    }
    s->config->cnxn.client.port = 0;
    free(s->config->cnxn.client.host);
    s->config->cnxn.client.host = NULL;
    s->config->storage.pre_alloc_kb = 64;
}

void
test_server_start(struct test_server *s, bool with_zks)
{
    const struct four_letter_hook words = { s, ts_known, ts_answer };
    struct zk_errmsg em;

    if (server_cnxn_factory_create(s->config, &words, &s->f, &em) != ZK_OK) {
        fprintf(stderr, "%s\n", em.text);
        exit(99);
    }
    if (with_zks) {
        s->zks = zookeeper_server_create(s->config);
        if (zookeeper_server_load(s->zks, &em) != ZK_OK) {
            fprintf(stderr, "%s\n", em.text);
            exit(99);
        }
        server_cnxn_factory_set_server(s->f, s->zks);
        zookeeper_server_start(s->zks);
    }
    server_cnxn_factory_start(s->f);
}

void
test_server_stop(struct test_server *s)
{
    if (s->f != NULL) {
        server_cnxn_factory_pause(s->f);
        if (s->zks != NULL) {
            zookeeper_server_stop(s->zks);
        }
        server_cnxn_factory_stop(s->f);
        server_cnxn_factory_destroy(s->f);
        zookeeper_server_destroy(s->zks);
    }
    server_config_destroy(s->config);
    zk_test_rmdir(s->dir);
    free(s->dir);
}

/* ---- bytes ------------------------------------------------------------- */

int
cc_connect(const struct test_server *s)
{
    const struct timeval limit = { .tv_sec = CC_DEADLINE_MS / 1000 };
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t) server_cnxn_factory_port(s->f)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0 || connect(fd, (struct sockaddr *) &to, sizeof to) != 0) {
        cc_die("connect");
    }
    (void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    (void) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

void
cc_send(int fd, const void *p, size_t len)
{
    const char *at = p;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

        if (n <= 0) {
            cc_die("send");
        }
        at += n;
        len -= (size_t) n;
    }
}

bool
cc_recv(int fd, size_t len, struct zk_buf *b)
{
    while (len > 0) {
        ssize_t n = recv(fd, zk_buf_reserve(b, len), len, 0);

        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            cc_die("nothing came in time");
        }
        if (n <= 0) {
            return false;
        }
        b->len += (size_t) n;
        len -= (size_t) n;
    }
    return true;
}

bool
cc_is_closed(int fd)
{
    struct zk_buf b = { 0 };
    bool more = cc_recv(fd, 1, &b);

    zk_buf_fini(&b);
    return !more;
}

bool
cc_frame(int fd, struct zk_buf *b)
{
    size_t len;

    zk_buf_clear(b);
    if (!cc_recv(fd, 4, b)) {
        return false;
    }
    len = zk_get_be32(b->data);
    zk_buf_clear(b);
    return cc_recv(fd, len, b);
}

bool
cc_reply(int fd, struct cc_reply *r)
{
    if (!cc_frame(fd, &r->frame)) {
        return false;
    }
    if (r->frame.len < 16) {
        cc_die("a reply without a header");
    }
    r->xid = (int32_t) zk_get_be32(r->frame.data);
    r->zxid = (int64_t) zk_get_be64(r->frame.data + 4);
    r->err = (int32_t) zk_get_be32(r->frame.data + 12);
    return true;
}

bool
cc_until(bool (*ok)(void *arg), void *arg)
{
    int64_t deadline = zk_time_mono_ms() + CC_DEADLINE_MS;

    while (!ok(arg)) {
        if (zk_time_mono_ms() > deadline) {
            return false;
        }
        (void) poll(NULL, 0, 1);
    }
    return true;
}

/* ---- requests ---------------------------------------------------------- */

void
cc_put_connect(struct zk_buf *b, int64_t session_id, const uint8_t *passwd,
               int64_t last_zxid, bool old_form, bool read_only)
{
    size_t at = output_archive_frame_begin(b);

    output_archive_int(b, 0);
    output_archive_long(b, last_zxid);
    output_archive_int(b, 10000);
    output_archive_long(b, session_id);
    output_archive_slice(b, zk_slice(passwd, passwd != NULL ? 16 : -1));
    if (!old_form) {
        output_archive_bool(b, read_only);
    }
    output_archive_frame_end(b, at);
}

static void
cc_put_bytes(struct zk_buf *b, size_t len)
{
    output_archive_int(b, (int32_t) len);
    memset(zk_buf_reserve(b, len), 'd', len);
    b->len += len;
}

void
cc_put_create(struct zk_buf *b, int32_t xid, const char *path,
              size_t data_len)
{
    size_t at = output_archive_frame_begin(b);

    output_archive_int(b, xid);
    output_archive_int(b, OP_CREATE);
    output_archive_slice(b, zk_slice_str(path));
    cc_put_bytes(b, data_len);
    output_archive_int(b, 1);
    output_archive_int(b, 31);
    output_archive_slice(b, ZK_SLICE_LIT("world"));
    output_archive_slice(b, ZK_SLICE_LIT("anyone"));
    output_archive_int(b, 0);
    output_archive_frame_end(b, at);
}

void
cc_put_set(struct zk_buf *b, int32_t xid, const char *path, size_t data_len)
{
    size_t at = output_archive_frame_begin(b);

    output_archive_int(b, xid);
    output_archive_int(b, OP_SET_DATA);
    output_archive_slice(b, zk_slice_str(path));
    cc_put_bytes(b, data_len);
    output_archive_int(b, -1);
    output_archive_frame_end(b, at);
}

void
cc_put_get(struct zk_buf *b, int32_t xid, const char *path, bool watch)
{
    size_t at = output_archive_frame_begin(b);

    output_archive_int(b, xid);
    output_archive_int(b, OP_GET_DATA);
    output_archive_slice(b, zk_slice_str(path));
    output_archive_bool(b, watch);
    output_archive_frame_end(b, at);
}

void
cc_put_plain(struct zk_buf *b, int32_t xid, int32_t type)
{
    size_t at = output_archive_frame_begin(b);

    output_archive_int(b, xid);
    output_archive_int(b, type);
    output_archive_frame_end(b, at);
}

void
cc_send_buf(int fd, struct zk_buf *b)
{
    cc_send(fd, b->data, b->len);
    zk_buf_clear(b);
}

/* ---- sessions ---------------------------------------------------------- */

bool
cc_read_session(int fd, struct cc_session *s, size_t *len)
{
    struct zk_buf b = { 0 };
    bool ok = cc_frame(fd, &b) && b.len >= 36;

    if (ok) {
        s->timeout_ms = (int32_t) zk_get_be32(b.data + 4);
        s->id = (int64_t) zk_get_be64(b.data + 8);
        memcpy(s->passwd, b.data + 20, 16);
        *len = b.len;
    }
    zk_buf_fini(&b);
    return ok;
}

int
cc_new_session(const struct test_server *s, struct cc_session *session)
{
    int fd = cc_connect(s);
    struct zk_buf b = { 0 };
    size_t len;

    cc_put_connect(&b, 0, NULL, 0, false, false);
    cc_send_buf(fd, &b);
    zk_buf_fini(&b);
    if (!cc_read_session(fd, session, &len) || session->id == 0) {
        cc_die("no session");
    }
    return fd;
}

int
cc_call(int fd, struct zk_buf *request)
{
    struct cc_reply r = { 0 };
    int err = 1;

    cc_send_buf(fd, request);
    if (cc_reply(fd, &r)) {
        err = r.err;
    }
    zk_buf_fini(&r.frame);
    return err;
}
