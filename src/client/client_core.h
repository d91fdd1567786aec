/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_core.h: one session of a client as plain decisions (Java: ClientCnxn,
 * without its threads).
 *
 * No thread, clock, lock or socket: the owner asks what to do next
 * (client_core_next), does it, and tells what came of it; it takes the bytes
 * to be sent (client_core_output), brings those that came (client_core_input)
 * and hands out what is to be told to the program (core->deliveries).
 *
 * Times, as Java's: a server is left when nothing came for 2/3 of the session
 * time-out, a ping is sent after 1/3 of it without a request (10 s at most),
 * a connect with its handshake may take the session time-out divided by the
 * number of servers.  A lost link is followed by up to a second of chance (so
 * that not all clients come back at once), and by a second more when all
 * servers were tried.
 *
 * Differences to Java: what waits for a session (auth, setWatches, requests)
 * is sent behind the server's ConnectResponse, not along with the request, so
 * that it is not half done in a session that has expired.  It goes on to wait
 * when a server does not take us, until all were tried: one server that is
 * down fails nothing.
 *
 * Invariants: out holds bytes only while link is HANDSHAKE or UP; held only
 * while it is not UP; everything in pending was submitted before anything
 * behind it.
 */
#ifndef CLIENT_CLIENT_CORE_H
#define CLIENT_CLIENT_CORE_H

#include "client/client_watches.h"
#include "client/host_provider.h"
#include "client/zk_client.h"
#include "util/blocking_queue.h"

/* Milliseconds. */
#define CLIENT_PING_MAX_MS 10000
#define CLIENT_ROUND_WAIT_MS 1000
#define CLIENT_CHANCE_MS 1000
#define CLIENT_PROBE_MIN_MS 100
#define CLIENT_PROBE_MAX_MS 60000

enum client_link {
    CLIENT_LINK_NONE,           /* Until retry_ms. */
    CLIENT_LINK_CONNECTING,     /* The owner connects. */
    CLIENT_LINK_HANDSHAKE,      /* ConnectRequest is out. */
    CLIENT_LINK_UP,
    CLIENT_LINK_BROKEN,         /* The owner is to drop it. */
};

/* What the owner is to do. */
enum client_todo {
    CLIENT_WAIT,                /* Until until_ms, or something happens. */
    CLIENT_CONNECT,             /* To host:port, until until_ms. */
    CLIENT_DROP,                /* End the link, then client_core_dropped. */
    CLIENT_PROBE,               /* Ask host:port "isro" until until_ms, then
                                 * client_core_probed. */
    CLIENT_END,                 /* Nothing any more. */
};

struct client_step {
    enum client_todo todo;
    int64_t until_ms;           /* INT64_MAX: no end. */
    const struct host_port *to; /* CONNECT, PROBE; the core's. */
    const char *why;            /* DROP: for the log; the core's. */
};

/* Who wants to know the answer. */
struct client_asker {
    zk_client_done_fn *done;    /* NULL: nobody. */
    void *arg;
    bool waits;                 /* A thread waits: not by the EventThread. */
};

/* A request that has no answer yet. */
struct client_request {
    struct bq_node node;
    int32_t xid;
    int32_t op;
    int32_t flags;              /* As in struct zk_op. */
    bool local;
    char *watch_path;           /* The server's path, where a watch may come
                                 * or go; else NULL. */
    struct client_asker asker;
};

/* Something to tell the program: an answer, or an event when asker.done is
 * NULL.  Whoever takes it off the list frees it. */
struct client_delivery {
    struct bq_node node;
    struct client_asker asker;
    struct zk_result result;
    struct zk_event event;
    char path[];                /* event.path points here. */
};

struct client_auth {
    char *scheme;
    struct zk_buf proof;
    bool null_proof;
};

struct client_core {
    unsigned magic;
#define CLIENT_CORE_MAGIC 0x7a6b4363

    /* Set at create. */
    int32_t asked_timeout_ms;
    bool read_only;
    int32_t max_buffer;

    /* The session. */
    enum zk_client_state state;
    int64_t session_id;
    uint8_t password[ZK_CLIENT_PASSWORD_LEN];
    bool seen_rw;               /* The id is one that an ensemble knows. */
    int32_t timeout_ms;         /* Agreed on; 0 before. */
    int64_t last_zxid;
    bool closing;               /* closeSession was asked for. */
    int32_t told_state;         /* Of the last state event. */

    /* The link. */
    enum client_link link;
    struct host_provider hosts;
    struct host_port target;    /* Own copy. */
    size_t tried;               /* Servers in a row that did not take us while
                                 * something waited. */
    bool primed;                /* Some server has taken a connection. */
    int64_t retry_ms;
    int64_t sent_ms;            /* When something was sent, */
    int64_t heard_ms;           /* ... or came. */
    int64_t probe_at_ms;        /* Read-only: when to look for a server that
                                 * is not. */
    int32_t probe_gap_ms;
    struct host_port probed;
    bool probe_found;           /* Its server is the next to connect to. */
    char why[256];              /* Why it is BROKEN. */

    /* Bytes. */
    struct zk_buf in;           /* A frame that is not all there. */
    struct zk_buf out;
    struct zk_buf held;         /* Requests that wait for the session. */

    /* Requests. */
    int32_t next_xid;
    struct bq_list pending;     /* struct client_request, sent or held. */
    struct bq_list auth_pending;
    size_t auth_repeated;       /* Replies to auths that nobody waits for,
                                 * before those of auth_pending. */
    struct client_auth *auths;
    size_t n_auths;
    struct client_watches watches;

    struct bq_list deliveries;  /* struct client_delivery; the owner's. */
};

/* 'cfg' is copied.  ZK_ECONFIG as zk_client_create.  'seed' decides what is
 * left to chance. */
int client_core_create(const struct zk_client_config *cfg, uint64_t seed,
                       int64_t now_ms, struct client_core **out,
                       struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Whoever waits is not told; the deliveries are freed. */
void client_core_destroy(struct client_core *core);

/* What to do now; may append a ping to the output. */
void client_core_next(struct client_core *core, int64_t now_ms,
                      struct client_step *step);
/* The connection that was asked for stands. */
void client_core_connected(struct client_core *core, int64_t now_ms);
/* The connect failed, or the link was ended.  What was sent gets an answer;
 * what was not, too, when as many servers as there are were tried in vain. */
void client_core_dropped(struct client_core *core, int64_t now_ms);
/* Something is wrong with the link; 'why' is for the log. */
void client_core_broken(struct client_core *core, const char *why);
/* What the probed server said: is it one with a quorum? */
void client_core_probed(struct client_core *core, int64_t now_ms,
                        bool read_write);

/* Moves what is to be sent behind 'out'; false: nothing. */
bool client_core_output(struct client_core *core, int64_t now_ms,
                        struct zk_buf *out);
/* Bytes that came.  An error (also kept as why the link is broken) when they
 * are not what a server sends. */
int client_core_input(struct client_core *core, int64_t now_ms,
                      const void *p, size_t len, struct zk_errmsg *em)
    ZK_WARN_UNUSED;

/* Asks; the request, until its answer is among the deliveries, or NULL if
 * that is so at once. */
struct client_request *client_core_submit(struct client_core *core,
                                          const struct zk_op *op,
                                          const struct client_asker *asker);
/* Nobody waits for it any more. */
void client_core_forget(struct client_request *req);
/* Ends the session once the server has answered closeSession, or when there
 * is no server now. */
void client_core_close(struct client_core *core,
                       const struct client_asker *asker);
/* Ends the client at once, whatever the server knows; all that was asked has
 * its answer then, in whatever state it was. */
void client_core_abandon(struct client_core *core);
/* Other servers; the link breaks when its server is not among them. */
int client_core_update_servers(struct client_core *core,
                               const char *connect_string,
                               struct zk_errmsg *em) ZK_WARN_UNUSED;

/* No way leads out of it. */
bool client_state_is_final(enum zk_client_state state);
void client_delivery_free(struct client_delivery *d);

#endif
