/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zk_client.h: a client of ZooKeeper (Java: ZooKeeper, ClientCnxn).
 *
 * One handle is one session.  It finds a server of its connect string, keeps
 * the session alive by pings, goes on to another server when the link breaks,
 * and then says again what the session watches and who it is.  Requests are
 * pipelined: what is asked first is answered first.
 *
 * An operation is a struct zk_op (client_op.h), made by zk_op_*; its answer
 * is a struct zk_result.  Each can be asked in two ways: zk_client_submit
 * calls a function when the answer is there, zk_client_call waits for it.
 *
 * Three threads move bytes around client_core, which decides everything:
 * SendThread connects, writes and keeps the time, RecvThread reads,
 * EventThread calls the functions of the program, one at a time, in the order
 * in which the server spoke: the event of a change comes before the answer of
 * a submitted request that already shows it.  zk_client_call does not go by
 * the EventThread, so it may be used inside those functions; it can return
 * before the event of something older has been delivered.
 *
 * When a link breaks, everything that was asked and not answered ends with
 * KE_CONNECTION_LOSS, also what was not sent yet: it may or may not have
 * happened.  What is asked while a server is looked for waits until one has
 * taken us, or all were tried.  Nothing waits for ever: a server that says
 * nothing for two thirds of the session time-out is left.
 *
 * Paths are those of the program: the chroot of the connect string is put in
 * front on the way out and taken off on the way in.
 *
 * Thread-safety: all functions from any thread, but for create and destroy.
 */
#ifndef CLIENT_ZK_CLIENT_H
#define CLIENT_ZK_CLIENT_H

#include "client/client_op.h"
#include "net/net_stream.h"
#include "util/zk_error.h"

#define ZK_CLIENT_PASSWORD_LEN 16
#define ZK_CLIENT_DEFAULT_PORT 2181

enum zk_client_state {
    ZK_CLIENT_CONNECTING,       /* No server now; looking for one. */
    ZK_CLIENT_CONNECTED,
    ZK_CLIENT_CONNECTED_READ_ONLY,
    ZK_CLIENT_CLOSED,           /* By close, abandon or destroy. */
    ZK_CLIENT_AUTH_FAILED,      /* Final, as are the other two. */
    ZK_CLIENT_EXPIRED,
};

/* Java: Watcher.Event.EventType. */
enum zk_event_type {
    ZK_EVENT_NONE = -1,         /* The state changed; no path. */
    ZK_EVENT_CREATED = 1,
    ZK_EVENT_DELETED = 2,
    ZK_EVENT_DATA_CHANGED = 3,
    ZK_EVENT_CHILDREN_CHANGED = 4,
    ZK_EVENT_DATA_WATCH_REMOVED = 5,
    ZK_EVENT_CHILD_WATCH_REMOVED = 6,
    ZK_EVENT_PERSISTENT_WATCH_REMOVED = 7,
};

/* Java: Watcher.Event.KeeperState. */
enum zk_keeper_state {
    ZK_KEEPER_DISCONNECTED = 0,
    ZK_KEEPER_SYNC_CONNECTED = 3,
    ZK_KEEPER_AUTH_FAILED = 4,
    ZK_KEEPER_CONNECTED_READ_ONLY = 5,
    ZK_KEEPER_SASL_AUTHENTICATED = 6,
    ZK_KEEPER_CLOSED = 7,
    ZK_KEEPER_EXPIRED = -112,
};

struct zk_event {
    int32_t type;               /* enum zk_event_type. */
    int32_t state;              /* enum zk_keeper_state. */
    struct zk_slice path;       /* Null for ZK_EVENT_NONE; no NUL behind it.
                                 * Lives until the function returns. */
    int64_t zxid;               /* Of the change; -1: the server does not say
                                 * (before 3.9, after a reconnect). */
};

/* On the EventThread.  A node's event comes once, however many watches of
 * this client it sets off, and only for what this client watches. */
typedef void zk_client_event_fn(void *arg, const struct zk_event *ev);
/* On the EventThread; 'r' lives until the function returns. */
typedef void zk_client_done_fn(void *arg, const struct zk_result *r);

struct zk_client;

/* All is copied, but for what 'net' points at. */
struct zk_client_config {
    /* "h1:p1,[::1]:p2,h3/chroot"; the port is 2181 where none is. */
    const char *connect_string;
    int32_t session_timeout_ms; /* What to ask for; > 0. */
    bool read_only;             /* A server without a quorum will do. */
    /* A session to go on with; 0: a new one. */
    int64_t session_id;
    uint8_t password[ZK_CLIENT_PASSWORD_LEN];
    /* jute.maxbuffer: longer answers break the link, as in Java; requests
     * are the server's to judge.  0: JUTE_MAX_BUFFER_DEFAULT. */
    int32_t max_buffer;
    /* How long zk_client_call waits (Java: zookeeper.request.timeout); 0: as
     * long as the link holds. */
    int32_t call_timeout_ms;
    /* How to connect, TLS included; NULL: plain.  nodelay is always on,
     * 'cancel' is not looked at. */
    const struct net_options *net;
    /* The order in which servers are tried is shuffled; 0: by chance. */
    uint64_t shuffle_seed;
    zk_client_event_fn *on_event;   /* NULL: events are dropped. */
    void *arg;
};

/* Starts the threads and returns at once, in state CONNECTING.  ZK_ECONFIG:
 * the connect string or a number makes no sense ('em' says what). */
int zk_client_create(const struct zk_client_config *cfg,
                     struct zk_client **out, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Ends the session: sends closeSession behind what was submitted and waits
 * for its answer, for 'timeout_ms' at most; what is still open then ends with
 * KE_CONNECTION_LOSS.  Returns KE_OK when the server has answered;
 * KE_CONNECTION_LOSS when it has not, when there is none, or, at once, when
 * another close is under way; in a final state what every request is answered
 * there.  But for that second close the state is final then:
 * ZK_CLIENT_CLOSED, unless the session has expired or was refused. */
int32_t zk_client_close(struct zk_client *c, int32_t timeout_ms);
/* The same without waiting: 'done' is called once on the EventThread, when
 * the server has answered or the client has come to its end otherwise, by
 * abandon or destroy at the latest. */
void zk_client_submit_close(struct zk_client *c, zk_client_done_fn *done,
                            void *arg);
/* Drops the link without a word; the session is left to time out or to be
 * gone on with.  What is still open ends with KE_CONNECTION_LOSS.  Does
 * nothing in a final state but answer what is open. */
void zk_client_abandon(struct zk_client *c);
/* Frees it.  The session is abandoned if it was not closed.  Returns when no
 * function of the program runs any more, so it must not be called by one. */
void zk_client_destroy(struct zk_client *c);

/* What it is now; may be another when this returns. */
enum zk_client_state zk_client_state(struct zk_client *c);
/* "CONNECTED", as Java's ZooKeeper.States. */
const char *zk_client_state_name(enum zk_client_state state);
/* Waits until a server has taken the session (or a final state is there), for
 * 'timeout_ms' at most (< 0: without limit).  True: CONNECTED or
 * CONNECTED_READ_ONLY. */
bool zk_client_wait_connected(struct zk_client *c, int32_t timeout_ms);
/* 0 until a server has given one. */
int64_t zk_client_session_id(struct zk_client *c);
void zk_client_password(struct zk_client *c,
                        uint8_t out[ZK_CLIENT_PASSWORD_LEN]);
/* What server and client agreed on, ms; 0 before. */
int32_t zk_client_session_timeout(struct zk_client *c);
/* The server's address, "127.0.0.1:2181", into 'out'; "" without a link. */
void zk_client_server(struct zk_client *c, char *out, size_t size);
/* That of the last answer to a request which had one above 0 (events and
 * pings do not count), be it the largest or not; 0 before.  The next server is
 * told it as what this client has seen. */
int64_t zk_client_last_zxid(struct zk_client *c);
/* Replaces the servers (Java: updateServerList, without its rebalancing: the
 * link is kept when its server is in the new list).  The chroot must be the
 * one that was.  ZK_ECONFIG as for create. */
int zk_client_update_servers(struct zk_client *c, const char *connect_string,
                             struct zk_errmsg *em) ZK_WARN_UNUSED;

/* Asks; 'done' (NULL: nobody cares) is called once, whatever happens, on the
 * EventThread.  'op' is not kept.  An op that cannot be sent (a bad path, a
 * final state) is answered the same way. */
void zk_client_submit(struct zk_client *c, const struct zk_op *op,
                      zk_client_done_fn *done, void *arg);
/* Asks and waits.  Returns out->err.  The caller frees 'out' by
 * zk_result_fini, whatever came; 'out' may be NULL.  KE_REQUEST_TIMEOUT: no
 * answer within cfg.call_timeout_ms (it may still happen). */
int32_t zk_client_call(struct zk_client *c, const struct zk_op *op,
                       struct zk_result *out);
/* The same with a time-out of its own, ms (<= 0: while the link holds). */
int32_t zk_client_call_for(struct zk_client *c, const struct zk_op *op,
                           int32_t timeout_ms, struct zk_result *out);

/* Java's names: "NodeDataChanged", "SyncConnected"; "Unknown". */
const char *zk_event_type_name(int32_t type);
const char *zk_keeper_state_name(int32_t state);

#endif
