/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

#include <config.h>

#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

#include "channel.h"
#include "common.h"

#define ANSWER_TIMEOUT_MS 60000
#define SESSION_TIMEOUT_MS 30000

/* Java's server listens with a queue of 50; a SYN that is dropped comes back
 * only after a second. */
#define HANDSHAKES_AT_ONCE 32

const char *
address_parse(struct address *a, const char *text)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found;
    char host[128] = "127.0.0.1";
    const char *port = "2181";
    const char *colon = strrchr(text, ':');
    size_t host_length = 0;

    if (strlen(text) >= sizeof a->text) {
        return "the address is too long";
    }
    memcpy(a->text, text, strlen(text) + 1);
    if (text[strspn(text, "0123456789")] == '\0') {
        port = text;
    } else if (colon && (text[0] != '[' || colon[-1] == ']')) {
        port = colon + 1;
        host_length = (size_t) (colon - text);
    } else {
        host_length = strlen(text);
    }
    if (host_length > 2 && text[0] == '[') {
        text++;
        host_length -= 2;
    }
    if (host_length > 0) {
        memcpy(host, text, host_length);
        host[host_length] = '\0';
    }
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        return "the address is not known";
    }
    memcpy(a->host, host, sizeof a->host);
    memcpy(&a->sa, found->ai_addr, found->ai_addrlen);
    a->length = found->ai_addrlen;
    freeaddrinfo(found);
    return NULL;
}

bool
address_is_loopback(const struct address *a)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (a->sa.ss_family == AF_INET) {
        memcpy(&v4, &a->sa, sizeof v4);
        return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    }
    memcpy(&v6, &a->sa, sizeof v6);
    return a->sa.ss_family == AF_INET6
        && (IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr)
            || (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)
                && v6.sin6_addr.s6_addr[12] == 127));
}

/* Reads exactly 'n' bytes; false on end, error or timeout. */
static bool
read_exactly(int fd, uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t got = channel_recv(fd, p, n, 0);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        p += got;
        n -= (size_t) got;
    }
    return true;
}

static bool
write_exactly(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = channel_send(fd, p, n, 0);

        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return false;
        }
        p += sent;
        n -= (size_t) sent;
    }
    return true;
}

int
session_start(const struct address *a, unsigned timeout_ms)
{
    struct timeval tv = { .tv_sec = timeout_ms / 1000,
                          .tv_usec = timeout_ms % 1000 * 1000 };
    static const char no_password[16];
    const struct jute_connect_request cr = {
        .time_out = SESSION_TIMEOUT_MS,
        .passwd = { no_password, sizeof no_password },
    };
    struct zk_buf hello = { 0 };
    int saved = 0;
    int one = 1;
    int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
    client_encode_connect(&hello, &cr, false);
    if (connect(fd, (const struct sockaddr *) &a->sa, a->length) != 0
        || !channel_begin(fd, a->host)
        || !write_exactly(fd, hello.data, hello.len)) {
        saved = errno;
        channel_close(fd);
        fd = -1;
    }
    zk_buf_fini(&hello);
    errno = saved;
    return fd;
}

bool
session_response_grants(const uint8_t *frame)
{
    struct jute_connect_response cr;
    bool read_only;

    return zk_get_be32(frame) == SESSION_RESPONSE - 4
        && client_decode_connect(frame + 4, SESSION_RESPONSE - 4, &cr,
                                 &read_only) == ZK_OK
        && cr.time_out != 0 && cr.session_id != 0;
}

void
sessions_open(const struct address *a, unsigned n, unsigned count, int *fds)
{
    uint8_t in[SESSION_RESPONSE];
    unsigned granted = 0;

    for (unsigned started = 0; granted < count;) {
        if (started < count && started - granted < HANDSHAKES_AT_ONCE) {
            fds[started] = session_start(&a[started % n], ANSWER_TIMEOUT_MS);
            if (fds[started] < 0) {
                fail("connection %u to %s: %s", started, a[started % n].text,
                     strerror(errno));
            }
            started++;
            continue;
        }
        if (!read_exactly(fds[granted], in, sizeof in)
            || !session_response_grants(in)) {
            fail("connection %u to %s: no session granted", granted,
                 a[granted % n].text);
        }
        granted++;
    }
}

/* Sends one request with xid 1 and reads its reply.  Returns false if the
 * connection or the reply is not as it should be. */
static bool
call(int fd, int32_t op, const char *path, size_t data_length,
     int32_t *err)
{
    struct wire_request request;
    uint8_t head[4 + JUTE_REPLY_HEADER_LEN];
    uint8_t rest[4096];
    size_t left;
    bool ok;

    wire_request_init(&request, op, path, data_length);
    zk_put_be32(request.bytes + CLIENT_XID_AT, 1);
    ok = write_exactly(fd, request.bytes, request.length)
        && read_exactly(fd, head, sizeof head)
        && client_peek_header(head + 4).xid == 1;
    if (ok) {
        *err = client_peek_header(head + 4).err;
        left = zk_get_be32(head) - JUTE_REPLY_HEADER_LEN;
        ok = left == (*err == 0
                      ? request.reply_length - JUTE_REPLY_HEADER_LEN : 0);
        while (ok && left > 0) {
            size_t n = left < sizeof rest ? left : sizeof rest;

            ok = read_exactly(fd, rest, n);
            left -= n;
        }
    }
    wire_request_fini(&request);
    return ok;
}

void
sessions_close(unsigned count, const int *fds)
{
    struct wire_request request;
    uint8_t reply[4 + JUTE_REPLY_HEADER_LEN];

    wire_request_init(&request, OP_CLOSE_SESSION, "", 0);
    zk_put_be32(request.bytes + CLIENT_XID_AT, 0x7fffffff);
    for (unsigned i = 0; i < count; i++) {
        if (!write_exactly(fds[i], request.bytes, request.length)) {
            fail("connection %u: closeSession: %s", i, strerror(errno));
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (!read_exactly(fds[i], reply, sizeof reply)
            || zk_get_be32(reply) != JUTE_REPLY_HEADER_LEN
            || client_peek_header(reply + 4).xid != 0x7fffffff
            || client_peek_header(reply + 4).err != KE_OK) {
            fail("connection %u: closeSession was not answered as it should "
                 "be", i);
        }
        channel_close(fds[i]);
    }
    wire_request_fini(&request);
}

int32_t
session_call(int fd, int32_t op, const char *path, size_t data_length,
             int32_t allowed_err)
{
    int32_t err = 0;

    if (!call(fd, op, path, data_length, &err)) {
        fail("%s %s: no answer, or not the one to this request",
             op_code_name(op), path);
    }
    if (err != 0 && err != allowed_err) {
        fail("%s %s: err %" PRId32, op_code_name(op), path, err);
    }
    return err;
}

void
session_make_path(int fd, const char *path)
{
    char part[1024];
    size_t length = strlen(path);

    if (length >= sizeof part) {
        fail("the path is longer than %zu characters", sizeof part - 1);
    }
    for (size_t i = 1; i <= length; i++) {
        if (path[i] == '/' || path[i] == '\0') {
            memcpy(part, path, i);
            part[i] = '\0';
            session_call(fd, OP_CREATE, part, 0, KE_NODE_EXISTS);
        }
    }
}
