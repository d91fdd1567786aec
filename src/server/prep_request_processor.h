/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prep_request_processor.h: the first stage, one thread, total order (Java:
 * PrepRequestProcessor).
 *
 * For a write: checks it against the tree as it will be once everything on
 * its way is applied, gives it the next zxid, encodes its transaction once
 * (with the digest the tree will then have) and notes what it changes.  A
 * write that fails still uses a zxid: its transaction is an error.  For
 * anything else: checks the session.
 *
 * No zxid is ever skipped, and every body is decoded whole before anything
 * of it counts (ZOOKEEPER-4575's poison: a body that does not decode gets a
 * zxid of its own).
 */
#ifndef SERVER_PREP_REQUEST_PROCESSOR_H
#define SERVER_PREP_REQUEST_PROCESSOR_H

#include "auth/auth_provider.h"
#include "config/server_config.h"
#include "server/request_processor.h"
#include "server/zk_database.h"
#include "session/session_tracker.h"

/* What prep needs of its server; all borrowed for its life. */
struct prep_env {
    struct zk_database *db;
    struct session_tracker *sessions;
    const struct auth_options *auth;
    const struct server_config *config;
    /* How many servers of 3.4 follow: while there are any, operations that
     * would end them are refused with KE_UNIMPLEMENTED.  NULL: none ever. */
    atomic_int *old_learners;
};

/* 'first_zxid' is the last zxid that is used: the next write gets the one
 * behind it.  The thread starts at once. */
struct request_processor *
prep_request_processor_create(const struct prep_env *env, int64_t last_zxid,
                              struct request_processor *next);

#endif
