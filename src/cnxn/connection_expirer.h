/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection_expirer.h: closes connections that are silent for too long
 * (Java: NIOServerCnxnFactory's ConnectionExpirerThread): without a session,
 * for the sessionless timeout; with one, for the session's.
 *
 * Buckets are one sessionless timeout wide, as in Java, so a connection goes
 * between its timeout and that much later.
 *
 * Thread-safety: all functions; own lock (connection_expirer).  A member is
 * removed before it is freed.
 */
#ifndef CNXN_CONNECTION_EXPIRER_H
#define CNXN_CONNECTION_EXPIRER_H

#include "session/expiry_queue.h"
#include "util/zk_buf.h"
#include "util/zk_lock.h"
#include "util/zk_thread.h"

struct server_cnxn;

struct connection_expirer {
    /* Called for each that is due, without the lock, with a reference that
     * it gives back. */
    void (*expire)(struct server_cnxn *c);
    struct zk_thread thread;

    struct zk_mutex lock;
    struct zk_cond wakeup;
    struct expiry_queue queue ZK_GUARDED;
    bool stopping ZK_GUARDED;
};

/* Nobody in it; 'timeout_ms' > 0 is the width of a bucket. */
void connection_expirer_init(struct connection_expirer *x,
                             int64_t timeout_ms,
                             void (*expire)(struct server_cnxn *c));
/* The thread has ended, or was never started. */
void connection_expirer_fini(struct connection_expirer *x);
/* Begins and ends the thread. */
void connection_expirer_start(struct connection_expirer *x);
void connection_expirer_stop(struct connection_expirer *x);

/* The connection lives for timeout_ms from now at least.  Returns the time
 * (monotonic ms) before which another touch with the same timeout changes
 * nothing. */
int64_t connection_expirer_touch(struct connection_expirer *x,
                                 struct server_cnxn *c, int64_t now_ms,
                                 int64_t timeout_ms);
/* It will not be expired any more. */
void connection_expirer_remove(struct connection_expirer *x,
                               struct server_cnxn *c);
/* The "Connections Sets" block of the word dump. */
void connection_expirer_dump(struct connection_expirer *x,
                             struct zk_buf *out);

#endif
