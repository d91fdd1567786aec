/* SPDX-License-Identifier: Apache-2.0 */
/* zookeeper_server_internal.h: the server as its own files see it. */
#ifndef SERVER_ZOOKEEPER_SERVER_INTERNAL_H
#define SERVER_ZOOKEEPER_SERVER_INTERNAL_H

#include "server/container_manager.h"
#include "server/zookeeper_server.h"

struct zookeeper_server {
    unsigned magic;
#define ZOOKEEPER_SERVER_MAGIC 0x5a6b5376

    /* Set before start, never changed. */
    const struct server_config *config;
    struct auth_options auth;
    const char *enforced_schemes;   /* csv; NULL: nobody must authenticate */
    struct cnxn_env cnxns;
    struct zk_database *db;
    struct session_tracker *sessions;
    struct request_processor *first;    /* Where requests go in. */
    struct request_processor *throttler;    /* NULL unless it is on. */
    struct request_processor *prep, *sync, *final;
    struct container_manager *containers;

    _Atomic int state;              /* enum server_state */
    bool loaded_anew;               /* The database was empty. */
    atomic_bool disk_full;
    _Atomic int64_t in_process;     /* Requests in the pipeline. */
    atomic_int submitting;          /* Threads inside submit. */
    struct server_stats stats;
};

#endif
