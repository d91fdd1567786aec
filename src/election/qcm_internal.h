/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qcm_internal.h: what the files of the election links share.
 *
 *   ListenerHandler --accepts--> a thread per hello, at most CNX_HELLOS
 *   that thread     --welcome--> hands the stream to its peer, or has the
 *                                peer called back
 *   SendWorker      one per peer, for as long as the peer is known: owner of
 *                   the link.  Connects, says hello, takes over what was
 *                   accepted, starts and joins the RecvWorker, sends, hangs
 *                   up.  All others only leave it a note and wake it.
 *   RecvWorker      one per link: reads messages into the receive queue
 *
 * Everything but what a comment names is under the manager's lock.
 */
#ifndef ELECTION_QCM_INTERNAL_H
#define ELECTION_QCM_INTERNAL_H

#include "election/cnx_listener.h"
#include "election/initial_message.h"
#include "election/quorum_cnx_manager.h"
#include "net/link_options.h"
#include "util/log_limit.h"
#include "util/rate_limit.h"
#include "util/zk_thread.h"

/* Peers in all; strangers give way to others when they have no link. */
#define QCM_MAX_PEERS 255
/* Between two attempts to connect to a peer. */
#define QCM_ATTEMPT_GAP_MS 50
/* So long is waited for the other side to hang up; it does as soon as it has
 * read the hello. */
#define QCM_FINISH_MS 1000
/* How long a larger sid may take to call back before it is asked again: a
 * second hello would end the link that is being made. */
#define QCM_CALL_BACK_MS 200
/* Messages to one peer: so many at once, then one every so often.  Nothing is
 * lost by it, since the queue keeps the newest; and a peer that answers each
 * answer (a 3.8.0 observer without a leader) does not keep both sides
 * busy. */
#define QCM_SEND_BURST 64
#define QCM_SEND_GAP_MS 20
/* Lines of log that others can cause: the same. */
#define QCM_LOG_BURST 64
#define QCM_LOG_GAP_MS 1000

struct qcm_settings {
    int64_t connect_timeout_ms; /* zookeeper.cnxTimeout */
    int64_t read_timeout_ms;    /* zookeeper.quorumCnxnTimeoutMs, or
                                 * syncLimit ticks */
    int64_t bind_tries;         /* zookeeper.electionPortBindRetry; 0: no
                                 * limit */
    struct net_options net;     /* Without a cancel. */
};

/* A message with its length in front, as it is sent. */
struct qcm_block {
    size_t len;
    uint8_t data[];
};

struct qcm_peer {
    unsigned magic;
#define QCM_PEER_MAGIC 0x51635065
    struct quorum_cnx_manager *qcm;
    int64_t sid;                /* Negative: an observer without an id. */
    const struct server_address *config;    /* NULL: a stranger. */
    struct zk_thread sender;    /* Joined by whoever takes the peer away. */
    struct net_cancel cancel;   /* Of the connect under way. */
    struct zk_cond wakeup;      /* Its SendWorker waits here. */

    /* The SendWorker's own. */
    struct zk_thread receiver;
    struct qcm_block *last;     /* Sent last, or NULL. */
    struct rate_limit pace;

    /* Written by the SendWorker, under the lock. */
    struct net_stream *stream;  /* The link, or NULL. */

    struct net_stream *incoming ZK_GUARDED; /* To be the link; or NULL. */
    struct qcm_block *pending ZK_GUARDED;   /* To be sent, or NULL. */
    bool broken ZK_GUARDED;     /* The link is to be ended. */
    bool wanted ZK_GUARDED;     /* Somebody asked for a link. */
    bool linked_before ZK_GUARDED;  /* By this process, ever. */
    bool used ZK_GUARDED;       /* There was a message or a link. */
    bool doomed ZK_GUARDED;     /* No longer in the table. */
    int64_t connect_at_ms ZK_GUARDED;   /* The next attempt; not before. */
    int64_t called_back_ms ZK_GUARDED;  /* It asked for it the last time. */
    int64_t failed_ms ZK_GUARDED;   /* When the last attempt began, if it
                                     * failed; else INT64_MIN. */
    uint64_t turn ZK_GUARDED;   /* Its newest connection that said hello. */
    int64_t seen_ms ZK_GUARDED;     /* Its last hello or end of a link. */
    struct host_port learned[INITIAL_MESSAGE_ADDRESSES] ZK_GUARDED;
    size_t n_learned ZK_GUARDED;
    struct qcm_peer *next_doomed ZK_GUARDED;
};

struct quorum_cnx_manager {
    unsigned magic;
#define QUORUM_CNX_MANAGER_MAGIC 0x51436e78

    /* Set before the start, never changed. */
    const struct server_config *config;
    struct qcm_env env;
    int64_t my_sid;
    struct qcm_settings settings;
    struct zk_buf hello;        /* Ours. */
    struct cnx_listener *listener;

    struct zk_mutex lock;
    bool stopping ZK_GUARDED;
    struct zk_cond stop_wakeup; /* A start that waits for its port. */
    struct qcm_peer *peers[QCM_MAX_PEERS] ZK_GUARDED;
    size_t n_peers ZK_GUARDED;
    struct qcm_peer *doomed ZK_GUARDED; /* To be joined and freed. */
    int64_t next_observer ZK_GUARDED;   /* -1, -2, ... */
    struct bq_list received ZK_GUARDED;
    struct zk_cond received_wakeup;

    struct log_limit log_limit;
};

/* ZK_ECONFIG names the property. */
int qcm_settings_read(const struct server_config *config,
                      struct tls_context *tls, struct qcm_settings *out,
                      struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* A line that the other side can cause. */
#define qcm_note(qcm, level, ...)                                         \
    log_limit_at(&(qcm)->log_limit, cnx_manager, level, __VA_ARGS__)
/* Takes 'msg' into the receive queue. */
void qcm_receive(struct quorum_cnx_manager *qcm, struct qcm_message *msg);
/* Somebody said hello on the connection that was accepted as the 'turn'th;
 * takes the stream. */
void qcm_welcome(struct quorum_cnx_manager *qcm, struct net_stream *s,
                 const struct initial_message *hello, uint64_t turn);

/* The peer, or NULL. */
struct qcm_peer *qcm_find_locked(struct quorum_cnx_manager *qcm, int64_t sid)
    ZK_REQUIRES(qcm->lock);
/* The peer, made if need be; NULL: there is no room for it, in the table or in
 * the system, as 'em' says. */
struct qcm_peer *qcm_get_locked(struct quorum_cnx_manager *qcm, int64_t sid,
                                struct zk_errmsg *em) ZK_REQUIRES(qcm->lock);
/* Has its SendWorker look at what has changed. */
void qcm_wake_locked(struct quorum_cnx_manager *qcm, struct qcm_peer *p)
    ZK_REQUIRES(qcm->lock);
/* Has it connect if there is no link. */
void qcm_want_locked(struct quorum_cnx_manager *qcm, struct qcm_peer *p)
    ZK_REQUIRES(qcm->lock);
/* Takes the peer out of the table; its SendWorker ends. */
void qcm_doom_locked(struct quorum_cnx_manager *qcm, struct qcm_peer *p)
    ZK_REQUIRES(qcm->lock);
/* Joins and frees the peers that were taken out of the table. */
void qcm_reap(struct quorum_cnx_manager *qcm);
/* Drops the addresses it gave of itself; the lock is held, or nobody else
 * knows it. */
void qcm_forget_learned(struct qcm_peer *p);

/* The threads; 'arg' is the peer. */
void send_worker_run(void *arg);
void recv_worker_run(void *arg);

#endif
