/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quorum_cnx_manager.h: the links of the election, one per pair of servers
 * (Java: QuorumCnxManager, its Listener, SendWorker and RecvWorker;
 * protocol: "Links").
 *
 * The link opened by the larger sid stays.  Towards a larger sid we say
 * hello and hang up: it calls back.  A hello from a smaller sid ends the link
 * there was, and it is called back, in every state of the server.
 *
 * Each peer has a queue of one message: a new one replaces one that was not
 * sent; the last one sent is sent again on a new link.  Everything received
 * goes into one queue of 100, the oldest dropped.
 *
 * Nothing here waits for a peer but that peer's own threads: connects are
 * made by each peer's SendWorker, so a dead host holds nobody up
 * (ZOOKEEPER-2164, -3756, -3900); names are resolved anew at each connect.
 * Whatever bytes come, the worst is that the link they came on is closed with
 * one line in the log.  Accepted connections that do not finish their hello
 * are bounded in number and time.
 *
 * By TLS (link_options.h) each handshake is made on the thread that waits for
 * this one peer alone.  Who hangs up behind a hello waits for the other side
 * to do so, too: a TLS server writes when the client thinks that all is said,
 * and a connection that is closed then may take the hello with it.
 *
 * Thread-safety: all functions from any thread; own lock.
 */
#ifndef ELECTION_QUORUM_CNX_MANAGER_H
#define ELECTION_QUORUM_CNX_MANAGER_H

#include "config/server_config.h"
#include "util/blocking_queue.h"

#define QCM_MAX_MESSAGE 524288
#define QCM_RECV_CAPACITY 100

struct quorum_cnx_manager;

struct qcm_message {
    struct bq_node link;
    int64_t sid;                /* The sender. */
    uint32_t len;
    uint8_t data[];
};

struct qcm_env {
    void *self;
    struct tls_context *tls;    /* Borrowed; see link_options. */
    /* A link to 'sid' came up or went down, or a connection attempt failed.
     * Called without locks, on a thread of this module. */
    void (*link_changed)(void *self, int64_t sid);
};

/* 'config' is borrowed, 'env' copied. */
struct quorum_cnx_manager *
quorum_cnx_manager_create(const struct server_config *config,
                          const struct qcm_env *env);
/* Binds the election port(s) of this server (three tries a second apart, as
 * electionPortBindRetry says) and starts the listeners.  ZK_EIO or ZK_ECONFIG
 * names the address. */
int quorum_cnx_manager_start(struct quorum_cnx_manager *qcm,
                             struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Closes all links, ends all threads; take wakes with nothing. */
void quorum_cnx_manager_stop(struct quorum_cnx_manager *qcm);
void quorum_cnx_manager_destroy(struct quorum_cnx_manager *qcm);

/* Queues a message (without its length) for a peer and has it connected to if
 * there is no link.  To our own sid: straight into the receive queue. */
void quorum_cnx_manager_send(struct quorum_cnx_manager *qcm, int64_t sid,
                             const void *p, size_t len);
/* Waits for messages; each is a struct qcm_message of the caller's to free.
 * False once stopped. */
bool quorum_cnx_manager_take(struct quorum_cnx_manager *qcm,
                             struct bq_list *out) ZK_WARN_UNUSED;
/* Connects to every peer that has no link and that there ever was a message
 * for, without waiting. */
void quorum_cnx_manager_connect_all(struct quorum_cnx_manager *qcm);
/* Has any peer an empty queue (Java: haveDelivered)? */
bool quorum_cnx_manager_delivered(struct quorum_cnx_manager *qcm);
/* No link, and a connection attempt that began at 'since_ms'
 * (zk_time_mono_ms) or later has failed.  False while nobody has tried, and
 * for a peer that this process never had a link to: when all start together
 * it may be up in a moment. */
bool quorum_cnx_manager_unreachable(struct quorum_cnx_manager *qcm,
                                    int64_t sid, int64_t since_ms);
bool quorum_cnx_manager_connected(struct quorum_cnx_manager *qcm,
                                  int64_t sid);

#endif
