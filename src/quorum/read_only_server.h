/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_only_server.h: what a member serves that has no leader for a while,
 * when readonlymode.enabled=true (Java: ReadOnlyZooKeeperServer): reads of
 * clients that asked for it, from the tree as it is.
 *
 * Nothing is logged, proposed or expired.  Sessions are local ones
 * (localSessionsEnabled); without those new sessions are refused.
 */
#ifndef QUORUM_READ_ONLY_SERVER_H
#define QUORUM_READ_ONLY_SERVER_H

#include "server/zookeeper_server.h"

struct read_only_server;

/* Over a database that no other server uses; both are borrowed. */
struct read_only_server *
read_only_server_start(const struct server_config *config,
                       struct zk_database *db);
/* The server, for the client port; stays until stop. */
struct zookeeper_server *
read_only_server_zks(struct read_only_server *ro);
/* Ends and frees it; no connection may use it any more. */
void read_only_server_stop(struct read_only_server *ro);

#endif
