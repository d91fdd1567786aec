/* SPDX-License-Identifier: Apache-2.0 */
/* zookeeper_server_internal.h: the server as its own files see it. */
#ifndef SERVER_ZOOKEEPER_SERVER_INTERNAL_H
#define SERVER_ZOOKEEPER_SERVER_INTERNAL_H

#include "server/container_manager.h"
#include "server/server_role.h"
#include "server/zookeeper_server.h"

struct zookeeper_server {
    unsigned magic;
#define ZOOKEEPER_SERVER_MAGIC 0x5a6b5376

    /* Set before start, never changed. */
    const struct server_config *config;
    struct auth_options auth;
    const char *enforced_schemes;   /* csv; NULL: nobody must authenticate */
    bool has_role;
    struct server_role role;    /* All zero without. */
    bool local_sessions;        /* New sessions are local. */
    int outstanding_limit;
    struct zk_database *db;     /* Its own unless it has a role. */
    struct session_tracker *sessions;
    struct request_processor *first;    /* Where requests go in. */
    struct request_processor *throttler;    /* NULL unless it is on. */
    struct request_processor *chain;    /* What stands behind it. */
    struct request_processor *prep, *sync;  /* Standalone: the chain. */
    struct request_processor *final;
    struct container_manager *containers;   /* NULL on learners. */

    struct cnxn_env cnxns;          /* Only once 'attached' says so. */
    atomic_bool attached;
    _Atomic int state;              /* enum server_state */
    bool loaded_anew;               /* The database was empty. */
    atomic_bool disk_full;
    _Atomic int64_t in_process;     /* Requests in the pipeline. */
    atomic_int submitting;          /* Threads inside submit. */
    struct server_stats stats;
};

/* As zookeeper_server_submit, for requests that have 'counted' set. */
bool zks_submit_counted(struct zookeeper_server *zks,
                        struct bq_list *requests);
/* Closes the connection of a session, if there is one here. */
void zks_close_session(void *self, int64_t session_id,
                       enum disconnect_reason why);
void zks_wake(void *self);
/* The server takes requests until zks_leave; false: it does not. */
bool zks_enter(struct zookeeper_server *zks);
void zks_leave(struct zookeeper_server *zks);

#endif
