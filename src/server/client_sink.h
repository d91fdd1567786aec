/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_sink.h: what the request path knows of a client's connection.
 *
 * The connection itself (cnxn/server_cnxn.h) embeds a struct client_sink; the
 * request path below it appends replies, counts, and asks for its end.
 *
 * Replies leave in the order in which requests came: a request that was
 * submitted to the pipeline counts in 'outstanding' until its reply is
 * appended, and while that is not zero the connection's reads go through the
 * pipeline too.
 *
 * Appending from a thread other than the connection's selector only marks
 * the connection; the appender wakes the selectors once for all it did, by
 * the server's waker (zookeeper_server.h).
 *
 * Lock: out_begin takes the connection's (rank server_cnxn), out_end drops
 * it.  Both may be called with the database lock held.
 */
#ifndef SERVER_CLIENT_SINK_H
#define SERVER_CLIENT_SINK_H

#include <stdatomic.h>
#include <stdbool.h>

#include "auth/auth_info.h"
#include "util/zk_buf.h"
#include "watch/watcher.h"

struct client_sink;

/* One finished request, for the connection's and the server's counters. */
struct request_outcome {
    int32_t type;               /* op code */
    int32_t cxid;
    int64_t zxid;               /* As in the reply's header. */
    int32_t err;
    int64_t received_us;        /* When it was read: zk_time_mono_us. */
};

enum disconnect_reason {
    DISCONNECT_CLIENT_CLOSED_SESSION,
    DISCONNECT_CLIENT_RECONNECT,
    DISCONNECT_SESSION_EXPIRED,
    DISCONNECT_SESSION_MOVED,
    DISCONNECT_AUTH_FAILED,
    DISCONNECT_PROTOCOL_ERROR,
    DISCONNECT_RENEW_REFUSED,
    DISCONNECT_SERVER_SHUTDOWN,
    DISCONNECT_EOF,
    DISCONNECT_IO_ERROR,
    DISCONNECT_IDLE,
    DISCONNECT_LIMIT,
};

struct client_sink_ops {
    /* The buffer that replies are appended to, its lock held; NULL (no lock
     * held) when the connection is closed. */
    struct zk_buf *(*out_begin)(struct client_sink *sink);
    /* Ends what a successful out_begin began and marks the connection to be
     * flushed.  'outcome' (may be NULL) is counted. */
    void (*out_end)(struct client_sink *sink,
                    const struct request_outcome *outcome);
    /* The session of the connection is decided: appends the
     * ConnectResponse.  Not valid: id and password are zeros, and the
     * connection is closed behind it. */
    void (*session_ready)(struct client_sink *sink, bool valid);
    /* Ends the connection; what was appended before is sent first. */
    void (*close)(struct client_sink *sink, enum disconnect_reason why);
    void (*ref)(struct client_sink *sink);
    void (*unref)(struct client_sink *sink);
};

struct client_sink {
    const struct client_sink_ops *ops;
    struct watcher watcher;         /* Its rows; process() appends events. */

    /* Set by the selector before the session is submitted, then fixed. */
    int64_t session_id;
    int32_t timeout_ms;             /* negotiated */

    /* Owned by the selector: the expiry bucket of the last touch. */
    int64_t touched_bucket_ms;

    /* Requests of the connection that are in the pipeline. */
    atomic_int outstanding;

    /* The connection is closed: nobody reads what is appended. */
    atomic_bool gone;

    /* Owned by the selector thread (requests carry their own reference). */
    struct auth_info *auth;
};

#endif
