/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container_manager.h: deletes empty containers and expired TTL nodes, by
 * deleteContainer requests (Java: ContainerManager).  Leader and standalone
 * server only.
 */
#ifndef SERVER_CONTAINER_MANAGER_H
#define SERVER_CONTAINER_MANAGER_H

#include "config/server_config.h"
#include "server/zk_database.h"

struct container_manager;

struct container_env {
    void *self;
    struct zk_database *db;
    const struct request_config *config;
    /* Submits a list of requests of the server itself. */
    bool (*submit)(void *self, struct bq_list *requests);
};

/* Starts its thread, which looks every container_check_interval_ms and asks
 * for at most container_max_per_minute deletions a minute. */
struct container_manager *
container_manager_start(const struct container_env *env);
/* Ends and joins it; NULL is fine. */
void container_manager_stop(struct container_manager *cm);

#endif
