/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_cnxn_factory.h: the client ports, plain and secure: accept threads,
 * TLS handshakes, selector threads, connection expirer (Java:
 * ServerCnxnFactory, NIOServerCnxnFactory, NettyServerCnxnFactory; one factory
 * here for what are two there).
 *
 * The ports may be open while no server stands behind them: four-letter words
 * are then still answered, other connections are closed.
 *
 * Life cycle, on the main thread: create (binds the ports), set_server, start,
 * [pause, stop of the server,] stop, destroy.  In an ensemble set_server comes
 * at any time between start and stop, from one thread at a time.
 */
#ifndef CNXN_SERVER_CNXN_FACTORY_H
#define CNXN_SERVER_CNXN_FACTORY_H

#include "config/server_config.h"
#include "server/zookeeper_server.h"

struct server_cnxn_factory;

/* Four-letter words live above; this is how a connection reaches them. */
struct four_letter_hook {
    void *self;
    /* Is this word (its four bytes as a big-endian int) known? */
    bool (*known)(void *self, uint32_t word);
    /* Appends the answer; 'arg' are the 8 bytes behind stmk, 'secure' says to
     * which port the word came.  Runs on the selector thread without any
     * lock; the connection is closed behind. */
    void (*answer)(void *self, uint32_t word, uint64_t arg, bool secure,
                   struct zk_buf *out);
};

/* Reads keys and trust where a port takes TLS; binds and listens on every
 * address asked for.  ZK_ECONFIG or ZK_EIO name the file or the address. */
int server_cnxn_factory_create(const struct server_config *config,
                               const struct four_letter_hook *words,
                               struct server_cnxn_factory **out,
                               struct zk_errmsg *em) ZK_WARN_UNUSED;
/* The server that connections talk to; NULL: none.  Attaches the factory's
 * cnxn_env to it.  Connections of the one before are closed (see
 * selector_thread_set_server); once it returns nothing here uses that one any
 * more, and the port has stayed open.  No lock held. */
void server_cnxn_factory_set_server(struct server_cnxn_factory *f,
                                    struct zookeeper_server *zks);
/* Starts the threads. */
void server_cnxn_factory_start(struct server_cnxn_factory *f);
/* Accepts and reads no more; what is appended is still sent. */
void server_cnxn_factory_pause(struct server_cnxn_factory *f);
/* Sends what is appended (for at most a second), closes all connections,
 * ends the threads, and drops the server. */
void server_cnxn_factory_stop(struct server_cnxn_factory *f);
void server_cnxn_factory_destroy(struct server_cnxn_factory *f);

/* The port in use, -1 where there is none of this kind. */
int server_cnxn_factory_port(const struct server_cnxn_factory *f);
int server_cnxn_factory_secure_port(const struct server_cnxn_factory *f);
/* "host:port" as Java's status lines have it, of the plain client port, or of
 * the secure one where that is the only one. */
const char *server_cnxn_factory_address(const struct server_cnxn_factory *f);
/* Connections that are open, without those that still shake hands. */
size_t server_cnxn_factory_count(struct server_cnxn_factory *f);
/* The chance, 0 to 1, that connection_throttle drops the next session
 * (mntr: connection_drop_probability). */
double server_cnxn_factory_drop_chance(struct server_cnxn_factory *f);

/* What mntr tells of TLS. */
struct cnxn_tls_counts {
    uint64_t under_way;         /* handshakes now */
    uint64_t failed;            /* handshakes ever */
    uint64_t plain_local, plain_remote; /* connections without TLS ever */
};
void server_cnxn_factory_tls_counts(const struct server_cnxn_factory *f,
                                    struct cnxn_tls_counts *out);

/* ---- for the words stat, cons, crst, dump -------------------------------- */

/* One connection, copied under its lock. */
struct cnxn_info {
    char remote[64];            /* "/127.0.0.1:53082", IPv6 as Java prints
                                 * it: "/0:0:0:0:0:0:0:1:53082" */
    int interest_ops;           /* NIO's: 1 read, 4 write; 0 none */
    int64_t outstanding;
    int64_t packets_received, packets_sent;
    int64_t session_id;         /* 0: none yet */
    int32_t last_op;            /* op code; 0: none */
    int64_t established_ms;     /* wall clock */
    int32_t timeout_ms;
    int64_t last_cxid;          /* -1: none */
    int64_t last_zxid;
    int64_t last_response_ms;   /* monotonic */
    int64_t last_latency, min_latency, avg_latency, max_latency;    /* ms */
};
/* Of one port: Java's words tell of the factory that they came to. */
void server_cnxn_factory_each(struct server_cnxn_factory *f, bool secure,
                              void (*each)(void *arg,
                                           const struct cnxn_info *info),
                              void *arg);
/* crst */
void server_cnxn_factory_reset_stats(struct server_cnxn_factory *f,
                                     bool secure);
/* "Connections dump:" part of the word dump, behind its title. */
void server_cnxn_factory_dump(struct server_cnxn_factory *f,
                              struct zk_buf *out);

#endif
