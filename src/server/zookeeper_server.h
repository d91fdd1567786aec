/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zookeeper_server.h: one server: its database, sessions and request path
 * (Java: ZooKeeperServer).  Only life cycle and wiring; the stages are in
 * files of their own.
 *
 * Standalone chain:  intake -> Prep -> Sync -> Final
 * (each arrow is a blocking queue and a thread).  In an ensemble the role
 * builds what stands between intake and Final (server_role.h).
 *
 * Life cycle: create, load (restore, kill orphans; not for a role), start
 * (threads), stop, destroy; all on one thread.
 */
#ifndef SERVER_ZOOKEEPER_SERVER_H
#define SERVER_ZOOKEEPER_SERVER_H

#include "auth/auth_provider.h"
#include "config/server_config.h"
#include "server/request_processor.h"
#include "server/server_stats.h"
#include "server/zk_database.h"
#include "session/session_tracker.h"

struct zookeeper_server;

enum server_state {
    SERVER_INITIAL,
    SERVER_RUNNING,
    SERVER_STOPPING,
    SERVER_STOPPED,
};

/* What the connections above do for the server. */
struct cnxn_env {
    void *self;
    /* Wakes each selector that has connections marked to be flushed. */
    void (*wake)(void *self);
    /* Closes the connection of a session, if this server has one. */
    void (*close_session)(void *self, int64_t session_id,
                          enum disconnect_reason why);
    size_t (*connection_count)(void *self);
};

/* 'config' is borrowed for the life of the server. */
struct zookeeper_server *
zookeeper_server_create(const struct server_config *config);
/* A server that is a role of an ensemble: over a database that is loaded
 * already and outlives it; 'role' is copied.  No load; start, stop, destroy
 * as ever.
 *
 * start tracks the sessions of the tree as it is then (the leader's get their
 * full timeouts), has role->build build the chain, and on a leader submits a
 * closeSession for every session that owns ephemerals and is not in the
 * session table.  stop ends the chain and forgets what prep had outstanding;
 * what the chain dropped belongs to connections that the caller has closed or
 * will. */
struct server_role;
struct zookeeper_server *
zookeeper_server_create_role(const struct server_config *config,
                             struct zk_database *db,
                             const struct server_role *role);
/* Once, at any time; 'env' is copied. */
void zookeeper_server_attach(struct zookeeper_server *zks,
                             const struct cnxn_env *env);
/* Opens the folders and restores the state.  Exit codes of failures: the
 * return value is ZK_ECONFIG when a folder cannot be used (exit 3), anything
 * else is exit 1; 'em' says why. */
int zookeeper_server_load(struct zookeeper_server *zks,
                          struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Starts the threads; connections may submit from now on. */
void zookeeper_server_start(struct zookeeper_server *zks);
/* Takes no more requests, finishes and answers those it has, syncs, ends the
 * threads.  Connections are still there and must be closed before destroy. */
void zookeeper_server_stop(struct zookeeper_server *zks);
void zookeeper_server_destroy(struct zookeeper_server *zks);

/* What the server is made of, borrowed for its life.  The state may be stale
 * once it is returned. */
enum server_state zookeeper_server_state(const struct zookeeper_server *zks);
static inline bool
zookeeper_server_state_running(enum server_state s)
{
    return s == SERVER_RUNNING;
}
const struct server_config *
zookeeper_server_config(const struct zookeeper_server *zks);
struct zk_database *zookeeper_server_database(struct zookeeper_server *zks);
struct session_tracker *
zookeeper_server_sessions(struct zookeeper_server *zks);
struct server_stats *zookeeper_server_stats(struct zookeeper_server *zks);
const struct auth_options *
zookeeper_server_auth(const struct zookeeper_server *zks);
/* "standalone", "leader", "follower", "observer", "read-only". */
const char *zookeeper_server_mode(const struct zookeeper_server *zks);
/* NULL: standalone. */
const struct server_role *
zookeeper_server_role(const struct zookeeper_server *zks);
/* From so many requests in the pipeline on, connections that have some in it
 * are not read (zookeeper.globalOutstandingLimit; a voter of an ensemble has
 * its share of it only). */
int zookeeper_server_outstanding_limit(const struct zookeeper_server *zks);
/* Requests that are in the pipeline. */
int64_t zookeeper_server_in_process(const struct zookeeper_server *zks);

/* ---- intake: called by selectors -------------------------------------- */

/*
 * A selector hands over what it decoded in one go:
 *
 *   intake_begin                 (takes the database lock, shared)
 *     intake_frame ...           (replies of reads go to 'out')
 *   intake_end                   (drops the lock, submits the rest)
 *
 * Reads of a connection that has nothing in the pipeline are answered at
 * once; everything else becomes a request.  Between begin and end the
 * selector must not block.  'out' is the selector's own scratch for one
 * connection; it appends it to the connection (out_begin/out_end) before it
 * goes on to the next one or ends the batch, so that replies and events of
 * later transactions keep their order.
 */
struct intake_renewal;
struct intake {
    struct zookeeper_server *zks;
    struct bq_list submitted;
    struct intake_renewal *renewals;    /* For the leader to decide on. */
    int64_t now_us;
    bool running;               /* The server takes requests. */
    struct intake_stats {       /* Of this batch, for the server's stats. */
        uint64_t packets_received;
    } stats;
};

enum intake_verdict {
    INTAKE_OK,
    INTAKE_CLOSE,               /* Close once 'out' is sent. */
    INTAKE_CLOSE_NOW,           /* Close without sending anything more. */
    INTAKE_PAUSE,               /* OK, but read no more from this connection
                                 * until its outstanding requests are done
                                 * (global limit). */
};

/* Begins a batch on the calling selector; see above. */
void zookeeper_server_intake_begin(struct zookeeper_server *zks,
                                   struct intake *in);
/* One whole frame (without its length) of a connection whose session is set
 * up or being set up.  'outcome' (n of them appended to *outcomes is not
 * kept: each answered read is reported through 'done'). */
enum intake_verdict
zookeeper_server_intake_frame(struct intake *in, struct client_sink *sink,
                              const uint8_t *frame, size_t len,
                              struct zk_buf *out,
                              void (*done)(struct client_sink *sink,
                                           const struct request_outcome *o));
/* The ConnectRequest of a connection: 'timeout_ms' as asked.  Sets
 * sink->session_id and timeout_ms.  For a new session a createSession is
 * submitted and session_ready comes later from Final; for an old one, and for
 * a new local one, session_ready is called at once, except that a learner
 * asks its leader first: then it comes from zookeeper_server_revalidated.
 * INTAKE_CLOSE_NOW: refused without an answer (a client that has seen later
 * zxids than this server; what a read-only server cannot give). */
enum intake_verdict
zookeeper_server_intake_connect(struct intake *in, struct client_sink *sink,
                                int64_t last_zxid_seen, int32_t timeout_ms,
                                int64_t session_id, struct zk_slice passwd);
void zookeeper_server_intake_end(struct intake *in);

/* ---- learners ---------------------------------------------------------- */

/* The leader's answer to role->revalidate; gives the reference of 'sink' back.
 * Any thread, no lock of the server's held. */
void zookeeper_server_revalidated(struct zookeeper_server *zks,
                                  struct client_sink *sink,
                                  int64_t session_id, bool valid);
/* What the stages that a role builds need of its server. */
struct prep_env;
struct sync_env;
void zookeeper_server_prep_env(struct zookeeper_server *zks,
                               struct prep_env *out);
void zookeeper_server_sync_env(struct zookeeper_server *zks,
                               struct sync_env *out);

/* Submits requests made by the server itself (session tracker, container
 * manager).  False when it is not running: the list is freed. */
bool zookeeper_server_submit(struct zookeeper_server *zks,
                             struct bq_list *requests);

#endif
