/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.h: one request on its way through the server.
 *
 * Life of a request:
 *
 *   made by       the intake (a client's frame), the session tracker
 *                 (closeSession), the container manager (deleteContainer),
 *                 a learner's link
 *   Prep          session checked; for writes the transaction is made and
 *                 encoded once (txn), or err says why the read is refused
 *   Sync          txn is on disk
 *   Final         txn is applied, the reply appended, the request freed
 *
 * A request that comes to a stage with err set was refused on its way there:
 * it keeps its place in the order, gets no zxid, is not sent to a leader and
 * waits for nothing.  The same holds for one of a local session's end.
 *
 * Ownership: whoever holds it; a put into a queue hands it over.
 */
#ifndef SERVER_REQUEST_H
#define SERVER_REQUEST_H

#include "server/client_sink.h"
#include "util/blocking_queue.h"
#include "util/zk_slice.h"

/* A transaction's bytes, encoded once and shared by log, proposals and the
 * committed log. */
struct txn_bytes {
    atomic_uint refs;
    uint32_t len;
    int64_t zxid;
    uint8_t data[];
};

struct request {
    struct bq_node link;
    unsigned magic;
#define REQUEST_MAGIC 0x52657175

    /* Set when made. */
    int32_t type;               /* op code */
    int32_t cxid;               /* the client's xid */
    int64_t session_id;         /* 0: the server itself */
    struct client_sink *sink;   /* NULL: nobody waits for a reply.  A
                                 * reference is held. */
    struct auth_info *auth;     /* NULL: the server itself.  A reference. */
    bool internal;              /* The server's own: no session is checked. */
    const void *owner;          /* Who must own the session. */
    int64_t received_us;
    int64_t queued_us;          /* When the commit stage got it; 0: not
                                 * yet. */
    int64_t passed_us;          /* When it left that one; 0: not yet. */
    struct zk_slice body;       /* Behind this struct. */
    bool local_session;         /* OP_CLOSE_SESSION of a session that only
                                 * this server knows: no txn. */
    bool counted;               /* In the server's number of requests in the
                                 * pipeline. */

    /* Set by who refuses it: intake, throttler, a learner, Prep. */
    int32_t err;                /* KE_OK, or the reply's error. */

    /* Set by Prep. */
    int64_t zxid;
    struct txn_bytes *txn;      /* NULL: nothing to log or apply. */

    uint8_t bytes[];            /* The body. */
};

/* Copies the body; takes references of 'sink' and 'auth' (each may be NULL).
 * The owner is 'sink'; without one the request is internal. */
struct request *request_create(int32_t type, int64_t session_id,
                               int32_t cxid, struct zk_slice body,
                               struct client_sink *sink,
                               struct auth_info *auth);
/* NULL is fine. */
void request_free(struct request *r);

/* As metrics have it: what is a transaction, or was to become one. */
bool request_is_write(const struct request *r);

static inline struct request *
request_of(struct bq_node *node)
{
    return ZK_CONTAINER_OF(node, struct request, link);
}

/* A copy of an encoded transaction, shared by counting: create and ref each
 * give one reference, to be given back by unref. */
struct txn_bytes *txn_bytes_create(int64_t zxid, const void *p, size_t len);
struct txn_bytes *txn_bytes_ref(struct txn_bytes *t);
/* NULL is fine. */
void txn_bytes_unref(struct txn_bytes *t);

#endif
