/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_cnxn.h: one client's connection (Java: NIOServerCnxn).
 *
 * A connection belongs to one selector for its life: that thread alone reads,
 * decodes, sends and closes.  Other threads append replies and events to
 * 'out', and ask for the end; both only put the connection on its selector's
 * list.  After the end was asked for nothing more is appended; what was
 * appended before is sent first.
 *
 * References: the selector holds one until the connection is closed, each
 * request in the pipeline one, each place in a selector's list one.
 *
 * An idle connection holds no buffers.
 */
#ifndef CNXN_SERVER_CNXN_H
#define CNXN_SERVER_CNXN_H

#include "cnxn/cnxn_address.h"
#include "cnxn/server_cnxn_factory.h"
#include "server/client_sink.h"
#include "session/expiry_queue.h"

#define uthash_malloc(size) zk_xmalloc(size)
#include <uthash.h>

struct cnxn_context;
struct selector_thread;
struct tls_conn;

enum cnxn_state {
    CNXN_FRESH,                 /* A word or a ConnectRequest comes first. */
    CNXN_CONNECTING,            /* The session is being made. */
    CNXN_OPEN,
    CNXN_DRAINING,              /* To be closed once all is sent. */
    CNXN_CLOSED,
};

/* Why nothing is read at the moment. */
enum cnxn_pause {
    CNXN_PAUSE_SESSION = 1,     /* The session is being made. */
    CNXN_PAUSE_LIMIT = 2,       /* Too many requests in the pipeline. */
    CNXN_PAUSE_OUTPUT = 4,      /* The client does not read. */
    CNXN_PAUSE_SERVER = 8,      /* The server reads from nobody. */
};

/* What cons shows.  Latencies are in ms. */
struct cnxn_counters {
    int64_t received, sent;
    int32_t last_op;
    int64_t last_cxid, last_zxid;
    int64_t last_response_ms;
    int64_t latency_last, latency_min, latency_max, latency_sum;
    int64_t latency_count;
};

/* What a selector counted for one connection between two appends. */
struct cnxn_tally {
    int64_t received, sent;
    uint32_t answered;          /* Replies that had an outcome. */
    int32_t last_op;
    int64_t last_cxid, last_zxid;
    int64_t latency_last_us, latency_min_us, latency_max_us, latency_sum_us;
};

/* A large request in the pipeline, the nth that the connection submitted. */
struct large_request {
    struct large_request *next;
    uint64_t nth;
    int32_t len;
};

struct server_cnxn {
    unsigned magic;
#define SERVER_CNXN_MAGIC 0x436e786e

    /* Set at create, never changed. */
    struct cnxn_context *ctx;
    struct selector_thread *selector;
    struct cnxn_address peer;
    int64_t established_ms;     /* wall clock */
    /* Set when the selector takes it over, before anything is read. */
    struct zookeeper_server *zks;   /* NULL: there is none. */

    struct client_sink sink;    /* Its header says who owns what. */
    atomic_uint refs;
    atomic_int interest;        /* cnxn_info.interest_ops */
    _Atomic int64_t shown_session_id;   /* sink.session_id, for others */

    /* Shared, under 'lock'. */
    struct zk_mutex lock;
    struct zk_buf out ZK_GUARDED;
    size_t out_mark ZK_GUARDED;     /* out.len at out_begin */
    size_t in_flight ZK_GUARDED;    /* Taken to be sent, not yet sent. */
    bool session_up ZK_GUARDED;
    bool ending ZK_GUARDED;         /* Nothing is appended any more. */
    bool abandoned ZK_GUARDED;      /* and nobody waits for the client. */
    bool flush_listed ZK_GUARDED;
    enum disconnect_reason why ZK_GUARDED;
    struct cnxn_counters counters ZK_GUARDED;
    uint64_t answered ZK_GUARDED;   /* Submitted requests, answered. */
    struct large_request *large ZK_GUARDED;     /* In order. */

    /* Under the selector's lock. */
    struct server_cnxn *flush_next;

    /* Under the table's lock. */
    struct server_cnxn *table_next, *table_prev;
    int64_t table_session_id;
    bool in_sessions;
    UT_hash_handle by_session;

    /* Under the expirer's lock. */
    struct expiry_elem expiry;

    /* Owned by the selector. */
    int fd;
    enum cnxn_state state;
    unsigned tls_flags;         /* enum cnxn_tls_flag */
    struct tls_conn *tls;       /* NULL: plain text. */
    unsigned paused;            /* enum cnxn_pause */
    uint32_t events;            /* As epoll has it. */
    bool touched;               /* In the selector's list of this batch. */
    bool again;                 /* In its list to be looked at again. */
    bool discard;               /* Close without sending what is left. */
    bool old_form;              /* ConnectRequest without readOnly. */
    bool is_new;                /* It asked for a new session. */
    bool is_word;               /* A four-letter word came. */
    int64_t idle_timeout_ms;
    int64_t touch_after_ms;     /* No touch before moves anything. */
    int64_t connect_us;         /* When the ConnectRequest was read. */
    uint64_t submitted;         /* Requests put into the pipeline. */
    struct zk_buf in;           /* Read, not yet decoded. */
    struct zk_buf sending;      /* Taken from 'out'. */
    size_t sent;                /* Of 'sending'. */
    struct server_cnxn *next, *prev;            /* All of the selector. */
    struct server_cnxn *paused_next, *paused_prev;  /* While paused. */
    struct server_cnxn *dead_next;
};

/* A connection over an accepted socket, which becomes its own; one
 * reference. */
struct server_cnxn *server_cnxn_create(struct cnxn_context *ctx,
                                       struct selector_thread *selector,
                                       int fd,
                                       const struct cnxn_address *peer);
/* The same for an admitted socket, which is put into the table and handed to
 * the selector whose turn it is.  'tls' (its own, too) is what the handshake
 * left, NULL: the client speaks plain text.  Any thread. */
void server_cnxn_begin(struct cnxn_context *ctx, int fd,
                       const struct cnxn_address *peer, struct tls_conn *tls);
/* The last one frees it; the selector has closed it before. */
struct server_cnxn *server_cnxn_ref(struct server_cnxn *c);
void server_cnxn_unref(struct server_cnxn *c);

static inline struct server_cnxn *
server_cnxn_of(struct client_sink *sink)
{
    return ZK_CONTAINER_OF(sink, struct server_cnxn, sink);
}

/* ---- any thread -------------------------------------------------------- */

/* Asks for its end, and wakes its selector.  Returns at once; nothing is
 * appended any more. */
void server_cnxn_end(struct server_cnxn *c, enum disconnect_reason why);
/* A copy of what cons shows. */
void server_cnxn_info(struct server_cnxn *c, struct cnxn_info *info);
void server_cnxn_reset_stats(struct server_cnxn *c);
/* "client has closed", for the log. */
const char *disconnect_reason_text(enum disconnect_reason why);

/* ---- its selector only ------------------------------------------------- */

/* A tally without anything in it. */
void cnxn_tally_clear(struct cnxn_tally *t);
/* Appends 'bytes' (taking its memory over when it can, so it may come back
 * with other memory) and adds the tally up.  Returns how many bytes wait to
 * be sent. */
size_t server_cnxn_append(struct server_cnxn *c, struct zk_buf *bytes,
                          const struct cnxn_tally *tally);
/* It stands on its selector's list no more, so that the next append puts it
 * there again. */
void server_cnxn_unlist(struct server_cnxn *c);
/* Moves all that was appended to c->sending, which is empty.  True when the
 * end was asked for: *why says the reason. */
bool server_cnxn_take(struct server_cnxn *c, enum disconnect_reason *why);
/* Remembers how much of c->sending is not sent; returns how many bytes wait
 * in all. */
size_t server_cnxn_pending(struct server_cnxn *c);
/* It is to end without waiting until the client takes what is there. */
bool server_cnxn_abandoned(struct server_cnxn *c,
                           enum disconnect_reason *why);
/* Was its ConnectResponse appended? */
bool server_cnxn_session_up(struct server_cnxn *c);
/* No more appends, and memory and room of large requests given back; the
 * descriptor is closed.  'graceful': the client gets all that the kernel
 * holds. */
void server_cnxn_shut(struct server_cnxn *c, bool graceful);
/* Remembers that the frame just submitted was large. */
void server_cnxn_note_large(struct server_cnxn *c, int32_t len);

/* The bytes' way in and out, through TLS where there is that: as recv and
 * send of a non-blocking socket. */
ssize_t server_cnxn_recv(struct server_cnxn *c, void *p, size_t room);
ssize_t server_cnxn_send(struct server_cnxn *c, const void *p, size_t len);

#endif
