/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "net/net_tls.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>

#include "util/zk_time.h"

void
net_tls_init(struct net_tls *t, int fd, const atomic_bool *down)
{
    t->fd = fd;
    t->down = down;
    atomic_init(&t->up, false);
    zk_mutex_init(&t->lock, ZK_LOCK_net_stream);
}

void
net_tls_fini(struct net_tls *t)
{
    if (!atomic_load(t->down)) {
        net_tls_say_goodbye(t);
    }
    tls_conn_destroy(t->conn);
    zk_mutex_fini(&t->lock);
}

/* ---- waiting ----------------------------------------------------------- */

static int
nt_stopped(struct zk_errmsg *em)
{
    return zk_fail(em, ZK_ESTOPPED, "the connection was shut down");
}

/* Waits for what a call wants.  'own': what such a call wants as a rule; the
 * other direction is watched by the other thread as well. */
static int
nt_wait(struct net_tls *t, enum tls_result wanted, enum tls_result own,
        struct net_cancel *cancel, int64_t deadline_ms, struct zk_errmsg *em)
{
    short events = wanted == TLS_WANT_WRITE ? POLLOUT : POLLIN;
    int64_t now_ms = zk_time_mono_ms();
    int64_t until_ms = deadline_ms;

    if (atomic_load(t->down)) {
        return nt_stopped(em);
    }
    if (wanted != own && until_ms - now_ms > NET_TLS_CROSS_MS) {
        until_ms = now_ms + NET_TLS_CROSS_MS;
    }
    switch (net_cancel_wait(cancel, t->fd, events, until_ms)) {
    case NET_CANCELLED:
        return zk_fail(em, ZK_ESTOPPED, "cancelled");
    case NET_LATE:
        if (until_ms == deadline_ms) {
            return ZK_ETORN;
        }
        break;
    case NET_READY:
        break;
    }
    return ZK_OK;
}

/* Only the end is left to it.  After a write that was given up OpenSSL would
 * take the bytes that come next for those that it still owes. */
static void
nt_break(struct net_tls *t, const struct zk_errmsg *why)
{
    zk_lock(&t->lock);
    if (!t->failed) {
        t->failed = true;
        t->why = *why;
    }
    zk_unlock(&t->lock);
}

/* ---- the handshake ----------------------------------------------------- */

/* Was it one of us who ended it? */
static bool
nt_is_ours(const struct net_tls *t, struct net_cancel *cancel)
{
    return atomic_load(t->down)
           || (cancel != NULL
               && net_cancel_wait(cancel, -1, 0, zk_time_mono_ms())
                  == NET_CANCELLED);
}

/* No other thread is here yet, and a call may take long: no lock. */
static int
nt_shake(struct net_tls *t, struct net_cancel *cancel, int64_t deadline_ms,
         struct zk_errmsg *em)
{
    int rv = ZK_OK;

    while (rv == ZK_OK) {
        enum tls_result result = tls_conn_handshake(t->conn, em);

        switch (result) {
        case TLS_DONE:
            return ZK_OK;
        case TLS_WANT_READ:
        case TLS_WANT_WRITE:
            rv = nt_wait(t, result, result, cancel, deadline_ms, em);
            break;
        case TLS_EOF:
            rv = atomic_load(t->down)
                     ? nt_stopped(em)
                     : zk_fail(em, ZK_EIO, "TLS handshake: the peer has "
                               "ended the connection");
            break;
        case TLS_FAILED:
            rv = nt_is_ours(t, cancel) ? nt_stopped(em) : ZK_EIO;
            break;
        }
    }
    return rv == ZK_ETORN
               ? zk_fail(em, rv, "TLS handshake: the peer does not go on "
                         "with it in time")
               : rv;
}

int
net_tls_handshake(struct net_tls *t, struct tls_conn *conn,
                  struct net_cancel *cancel, int64_t deadline_ms,
                  struct zk_errmsg *em)
{
    int rv;

    zk_assert(t->conn == NULL);
    t->conn = conn;
    tls_conn_set_deadline(conn, deadline_ms);
    tls_conn_set_cancel(conn, cancel);
    rv = nt_shake(t, cancel, deadline_ms, em);
    if (rv != ZK_OK) {
        nt_break(t, em);
        return rv;
    }
    snprintf(t->cipher, sizeof t->cipher, "%s", tls_conn_cipher(conn));
    atomic_store(&t->up, true);
    return ZK_OK;
}

/* ---- reading and writing ----------------------------------------------- */

/* What a call came to, if it did not move a byte. */
static int
nt_failed_locked(struct net_tls *t, enum tls_result result,
                 const struct zk_errmsg *why, struct zk_errmsg *em)
    ZK_REQUIRES(t->lock)
{
    if (result == TLS_FAILED && !t->failed) {
        t->failed = true;
        t->why = *why;
    }
    if (atomic_load(t->down)) {
        return nt_stopped(em);
    }
    return zk_fail(em, ZK_EIO, "%s", t->failed ? t->why.text : why->text);
}

/* One call; ZK_OK also when it wants something. */
static int
nt_read_once(struct net_tls *t, void *p, size_t len, size_t *got,
             enum tls_result *result, struct zk_errmsg *em)
{
    struct zk_errmsg why = { "" };
    int rv = ZK_OK;

    *got = 0;
    zk_lock(&t->lock);
    *result = t->failed ? TLS_FAILED
                        : tls_conn_read(t->conn, p, len, got, &why);
    if (*result == TLS_FAILED
        || (*result == TLS_EOF && atomic_load(t->down))) {
        rv = nt_failed_locked(t, *result, &why, em);
    }
    zk_unlock(&t->lock);
    return rv;
}

int
net_tls_read(struct net_tls *t, void *p, size_t len,
             struct net_cancel *cancel, int64_t deadline_ms, size_t *got,
             struct zk_errmsg *em)
{
    for (;;) {
        enum tls_result result;
        int rv = nt_read_once(t, p, len, got, &result, em);

        if (rv != ZK_OK || result == TLS_DONE || result == TLS_EOF) {
            return rv;
        }
        rv = nt_wait(t, result, TLS_WANT_READ, cancel, deadline_ms, em);
        if (rv != ZK_OK) {
            return rv;
        }
    }
}

static int
nt_write_once(struct net_tls *t, const void *p, size_t len, size_t *put,
              enum tls_result *result, struct zk_errmsg *em)
{
    struct zk_errmsg why = { "" };
    int rv = ZK_OK;

    *put = 0;
    zk_lock(&t->lock);
    *result = t->failed ? TLS_FAILED
                        : tls_conn_write(t->conn, p, len, put, &why);
    if (*result == TLS_FAILED || *result == TLS_EOF) {
        if (*result == TLS_EOF) {
            (void) zk_fail(&why, ZK_EIO, "the peer has ended the "
                           "connection");
        }
        rv = nt_failed_locked(t, *result, &why, em);
    }
    zk_unlock(&t->lock);
    return rv;
}

int
net_tls_write(struct net_tls *t, const void *p, size_t len,
              int64_t timeout_ms, int64_t deadline_ms, struct zk_errmsg *em)
{
    const uint8_t *at = p;
    int64_t moved_ms = zk_time_mono_ms();

    while (len > 0) {
        int64_t limit_ms = deadline_ms;
        enum tls_result result;
        size_t put;
        int rv = nt_write_once(t, at, len, &put, &result, em);

        if (rv == ZK_OK && result == TLS_DONE) {
            at += put;
            len -= put;
            moved_ms = zk_time_mono_ms();
        } else if (rv == ZK_OK) {
            if (timeout_ms > 0 && moved_ms + timeout_ms < limit_ms) {
                limit_ms = moved_ms + timeout_ms;
            }
            rv = nt_wait(t, result, TLS_WANT_WRITE, NULL, limit_ms, em);
            if (rv != ZK_OK) {
                const struct zk_errmsg why = {
                    "a write was given up half way"
                };

                nt_break(t, &why);
            }
        }
        if (rv != ZK_OK) {
            return rv;
        }
    }
    return ZK_OK;
}

void
net_tls_say_goodbye(struct net_tls *t)
{
    if (!atomic_load(&t->up) || !zk_trylock(&t->lock)) {
        return;
    }
    if (!t->failed) {
        tls_conn_close_notify(t->conn);
    }
    zk_unlock(&t->lock);
}
