/* SPDX-License-Identifier: Apache-2.0 */
/*
 * final_request_processor.h: the last stage, one thread: applies durable
 * transactions, in order, and answers (Java: FinalRequestProcessor).
 *
 * Submitted to by one thread only (the stage before it).  A short batch with
 * nothing before it is worked off by that thread itself, as Java always does.
 *
 * A batch is applied and its replies are appended under one hold of the
 * database lock; the selectors are woken once behind it.  Events of a
 * transaction are appended before its reply and before anything read later.
 */
#ifndef SERVER_FINAL_REQUEST_PROCESSOR_H
#define SERVER_FINAL_REQUEST_PROCESSOR_H

#include "server/request_processor.h"
#include "server/read_ops.h"
#include "session/session_tracker.h"

struct final_env {
    void *self;
    struct zk_database *db;
    struct session_tracker *sessions;
    const struct auth_options *auth;
    const struct server_config *config;
    bool learner;               /* Sessions come by transactions alone. */
    /* See struct cnxn_env. */
    void (*wake)(void *self);
    void (*close_session)(void *self, int64_t session_id,
                          enum disconnect_reason why);
    /* So many requests that were counted left the pipeline. */
    void (*done)(void *self, size_t n);
};

/* 'env' is copied; the thread starts at once. */
struct request_processor *
final_request_processor_create(const struct final_env *env);

#endif
