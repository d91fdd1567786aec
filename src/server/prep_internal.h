/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prep_internal.h: what the files of the prep stage share.
 *
 * All functions run with prp->work and the database lock (shared) held, mostly
 * on the PrepThread.
 * Those that return an int give KE_OK or the error the write fails with;
 * they add change records and bytes to prp->txn only once nothing can fail.
 */
#ifndef SERVER_PREP_INTERNAL_H
#define SERVER_PREP_INTERNAL_H

#include "proto/keeper_error.h"
#include "proto/op_code.h"
#include "proto/request_codec.h"
#include "server/prep_request_processor.h"
#include "util/zk_thread.h"

struct prep_request_processor {
    struct request_processor base;
    unsigned magic;
#define PREP_REQUEST_PROCESSOR_MAGIC 0x50726570

    /* Set at create, never changed. */
    struct prep_env env;
    struct request_processor *next;
    struct zk_thread thread;

    struct blocking_queue inbox;
    _Atomic size_t waiting;     /* Put into inbox and not yet done. */

    /* Held by whoever works: the PrepThread, or a thread that submits a short
     * list while nothing waits.  Guards all below. */
    struct zk_mutex work;
    int64_t zxid;               /* The last one used. */
    int64_t time;               /* Of the transaction in hand: wall ms. */
    int64_t digest;             /* Of the tree after all that is on its way. */
    struct zk_buf txn;          /* The transaction in hand. */
    struct zk_buf acl;          /* Scratch: a fixed-up ACL. */
    struct zk_buf path;         /* Scratch: a path with its sequence. */
};

/* A write being prepared, alone or as part of a multi. */
struct prep_op {
    const struct request *r;
    int64_t zxid;
};

/* How 'path' will look; false (and out->exists false) when it will not be
 * there.  out->acl is borrowed until the records are next changed. */
bool prep_state_get(struct prep_request_processor *prp, struct zk_slice path,
                    struct node_state *out);
/* Notes a change and moves the digest: from 'before' (NULL: the node is new)
 * to 'after' (exists false: the node is gone). */
void prep_state_put(struct prep_request_processor *prp, int64_t zxid,
                    struct zk_slice path, const struct node_state *before,
                    const struct node_state *after);
/* CRC-32 of path and data, what the digest of a node starts from; 0 with
 * digests off. */
uint32_t prep_prefix_crc(const struct prep_request_processor *prp,
                         struct zk_slice path, struct zk_slice data);
/* What world:anyone may do under a raw list. */
int prep_world_perms(struct zk_slice acl);
/* May the requester do what a bit of 'perm' stands for? */
int prep_check_acl(struct prep_request_processor *prp,
                   const struct request *r, const struct node_state *node,
                   int perm);
/* The request's session lives and is the requester's. */
int prep_check_session(struct prep_request_processor *prp,
                       const struct request *r);
/* The same, for what a local session may not do. */
int prep_check_global_session(struct prep_request_processor *prp,
                              const struct request *r);
/* The raw list of a request as it is to be stored, in prp->acl. */
int prep_fixup_acl(struct prep_request_processor *prp,
                   const struct request *r, struct zk_slice acl,
                   struct zk_slice *out);
/* Would 'path' with so many more nodes and bytes break a hard quota? */
int prep_check_quota(struct prep_request_processor *prp, struct zk_slice path,
                     int64_t more_nodes, int64_t more_bytes);

/* The parent's share of a child that comes (+1) or goes (-1). */
void prep_change_parent(struct prep_request_processor *prp, int64_t zxid,
                        struct zk_slice parent_path,
                        const struct node_state *parent, int change);

/* One each for the writes; bodies behind the arguments are encoded into
 * prp->txn (without a header). */
int prep_create(struct prep_request_processor *prp, const struct prep_op *op,
                int32_t type, const struct create_view *c);
int prep_delete(struct prep_request_processor *prp, const struct prep_op *op,
                struct zk_slice path, int32_t version);
int prep_delete_container(struct prep_request_processor *prp,
                          const struct prep_op *op, struct zk_slice path);
int prep_set_data(struct prep_request_processor *prp,
                  const struct prep_op *op, struct zk_slice path,
                  struct zk_slice data, int32_t version);
int prep_set_acl(struct prep_request_processor *prp,
                 const struct prep_op *op, struct zk_slice path,
                 struct zk_slice acl, int32_t version);
int prep_check_version(struct prep_request_processor *prp,
                       const struct prep_op *op, struct zk_slice path,
                       int32_t version);
int prep_close_session(struct prep_request_processor *prp,
                       const struct prep_op *op);
/* The whole multi.  KE_OK also when a part failed: then the body lists the
 * errors and nothing is noted.  KE_MARSHALLING when it does not decode. */
int prep_multi(struct prep_request_processor *prp, const struct prep_op *op);

#endif
