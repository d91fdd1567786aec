/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_codec.h: bodies of client requests that carry ACLs, read without
 * allocating.  (Bodies without vectors decode by the generated
 * jute_*_request_decode, which does not allocate for them either.)
 *
 * All slices are borrowed from the body.  A body may be longer than its
 * record; what follows is ignored, as Java does.
 */
#ifndef PROTO_REQUEST_CODEC_H
#define PROTO_REQUEST_CODEC_H

#include "jute/input_archive.h"

/* The flags of a create request (Java: CreateMode). */
enum create_flags {
    CREATE_PERSISTENT = 0,
    CREATE_EPHEMERAL = 1,
    CREATE_PERSISTENT_SEQUENTIAL = 2,
    CREATE_EPHEMERAL_SEQUENTIAL = 3,
    CREATE_CONTAINER = 4,
    CREATE_PERSISTENT_WITH_TTL = 5,
    CREATE_PERSISTENT_SEQUENTIAL_WITH_TTL = 6,
};

/* No other number is a mode: KE_BAD_ARGUMENTS. */
static inline bool
create_flags_valid(int32_t flags)
{
    return flags >= CREATE_PERSISTENT
           && flags <= CREATE_PERSISTENT_SEQUENTIAL_WITH_TTL;
}

static inline bool
create_flags_ephemeral(int32_t flags)
{
    return flags == CREATE_EPHEMERAL || flags == CREATE_EPHEMERAL_SEQUENTIAL;
}

static inline bool
create_flags_sequential(int32_t flags)
{
    return flags == CREATE_PERSISTENT_SEQUENTIAL
           || flags == CREATE_EPHEMERAL_SEQUENTIAL
           || flags == CREATE_PERSISTENT_SEQUENTIAL_WITH_TTL;
}

static inline bool
create_flags_ttl(int32_t flags)
{
    return flags == CREATE_PERSISTENT_WITH_TTL
           || flags == CREATE_PERSISTENT_SEQUENTIAL_WITH_TTL;
}

/* create, create2, createContainer, createTTL. */
struct create_view {
    struct zk_slice path;       /* May be null, as the client sent it. */
    struct zk_slice data;
    struct zk_slice acl;        /* Raw; see acl_codec.h. */
    int32_t flags;              /* Not checked. */
    int64_t ttl;                /* -1 for all but createTTL. */
};

/* Reads a create body of operation 'op' (one of the four OP_CREATE*) from
 * 'ia'.  Returns ia->err. */
int create_view_decode(struct create_view *v, int32_t op,
                       struct input_archive *ia);

/* setACL. */
struct set_acl_view {
    struct zk_slice path;
    struct zk_slice acl;        /* Raw. */
    int32_t version;            /* -1: any. */
};

/* Reads a setACL body.  Returns ia->err. */
int set_acl_view_decode(struct set_acl_view *v, struct input_archive *ia);

#endif
