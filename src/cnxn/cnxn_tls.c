/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cnxn/cnxn_tls.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "cnxn/cnxn_context.h"
#include "cnxn/selector_internal.h"
#include "tls/tls_conn.h"
#include "util/zk_log.h"

/* ---- who it is --------------------------------------------------------- */

static void
ctl_add_id(struct server_cnxn *c, const char *scheme, const char *id)
{
    struct auth_info *before = c->sink.auth;

    c->sink.auth = auth_info_add(before, scheme,
                                 zk_slice(id, (int32_t) strlen(id)));
    auth_info_unref(before);
}

void
cnxn_tls_begin(struct server_cnxn *c, struct tls_conn *tls)
{
    const char *super = c->ctx->config->auth.x509_super_user;
    const char *subject = tls_conn_peer_subject(tls);
    char remote[CNXN_REMOTE_MAX];

    c->tls = tls;
    /* The client's first request may have come with its last handshake
     * message. */
    c->tls_flags = CNXN_TLS_MORE;
    if (subject != NULL) {
        if (super != NULL && strcmp(subject, super) == 0) {
            ctl_add_id(c, "super", subject);
        }
        ctl_add_id(c, "x509", subject);
    }
    if (zk_log_enabled(cnxn, ZK_LOG_DEBUG)) {
        cnxn_address_remote(&c->peer, remote);
        zk_debug(cnxn, "client %s speaks %s and is %s", remote,
                 tls_conn_cipher(tls),
                 subject != NULL ? subject : "without a certificate");
    }
}

/* ---- bytes ------------------------------------------------------------- */

/* Remembers what a call has told, beyond the bytes that it moved. */
static void
ctl_note(struct server_cnxn *c, enum tls_result r, const struct zk_errmsg *em)
{
    char remote[CNXN_REMOTE_MAX];

    if (r == TLS_EOF) {
        c->tls_flags |= CNXN_TLS_ENDED;
    } else if (r == TLS_FAILED) {
        c->tls_flags |= CNXN_TLS_BROKEN;
        cnxn_address_remote(&c->peer, remote);
        zk_info(cnxn, "TLS with client %s, session 0x%lx: %s", remote,
                (long) c->sink.session_id, em->text);
    }
}

/* What recv or send returns where nothing was moved. */
static ssize_t
ctl_nothing(const struct server_cnxn *c, int on_end)
{
    if (c->tls_flags & CNXN_TLS_BROKEN) {
        errno = EPROTO;
        return -1;
    }
    if (c->tls_flags & CNXN_TLS_ENDED) {
        errno = EPIPE;
        return on_end;
    }
    errno = EAGAIN;
    return -1;
}

static bool
ctl_is_over(const struct server_cnxn *c)
{
    return (c->tls_flags & (CNXN_TLS_ENDED | CNXN_TLS_BROKEN)) != 0;
}

ssize_t
cnxn_tls_recv(struct server_cnxn *c, void *p, size_t room)
{
    enum tls_result r = TLS_DONE;
    struct zk_errmsg em;
    size_t n = 0, got;

    c->tls_flags &= ~(unsigned) (CNXN_TLS_MORE | CNXN_TLS_READ_WRITES);
    while (n < room && !ctl_is_over(c)) {
        r = tls_conn_read(c->tls, (char *) p + n, room - n, &got, &em);
        if (r != TLS_DONE) {
            ctl_note(c, r, &em);
            break;
        }
        n += got;
    }
    if (r == TLS_WANT_WRITE) {
        c->tls_flags |= CNXN_TLS_READ_WRITES;
        sel_set_events(c->selector, c, c->events | EPOLLOUT);
    } else if (n > 0 && r != TLS_WANT_READ) {
        /* There was no more room, or the end is to be told behind these. */
        c->tls_flags |= CNXN_TLS_MORE;
        sel_look_again(c->selector, c);
    }
    return n > 0 ? (ssize_t) n : ctl_nothing(c, 0);
}

ssize_t
cnxn_tls_send(struct server_cnxn *c, const void *p, size_t len)
{
    enum tls_result r = TLS_DONE;
    struct zk_errmsg em;
    size_t n = 0, put;

    c->tls_flags &= ~(unsigned) CNXN_TLS_WRITE_READS;
    while (n < len && !(c->tls_flags & CNXN_TLS_BROKEN)) {
        r = tls_conn_write(c->tls, (const char *) p + n, len - n, &put, &em);
        if (r != TLS_DONE) {
            ctl_note(c, r, &em);
            break;
        }
        n += put;
    }
    if (r == TLS_WANT_READ) {
        c->tls_flags |= CNXN_TLS_WRITE_READS;
    }
    return n > 0 ? (ssize_t) n : ctl_nothing(c, -1);
}

uint32_t
cnxn_tls_events(struct server_cnxn *c, uint32_t events)
{
    uint32_t more = 0;

    if ((events & EPOLLOUT) && (c->tls_flags & CNXN_TLS_READ_WRITES)) {
        more |= EPOLLIN;
    }
    if ((events & EPOLLIN) && (c->tls_flags & CNXN_TLS_WRITE_READS)) {
        more |= EPOLLOUT;
    }
    return events | more;
}

void
cnxn_tls_end(struct server_cnxn *c, bool graceful)
{
    if (graceful && !(c->tls_flags & CNXN_TLS_BROKEN)) {
        tls_conn_close_notify(c->tls);
    }
    tls_conn_destroy(c->tls);
    c->tls = NULL;
}
