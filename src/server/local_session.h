/* SPDX-License-Identifier: Apache-2.0 */
/*
 * local_session.h: sessions that only one server of the ensemble knows
 * (localSessionsEnabled; Java: checkUpgradeSession of QuorumZooKeeperServer).
 *
 * Such a session cannot own an ephemeral: the first one makes it a session
 * of the ensemble, or is refused.
 */
#ifndef SERVER_LOCAL_SESSION_H
#define SERVER_LOCAL_SESSION_H

#include "server/zookeeper_server.h"

/* Looks at a request that is about to be submitted for 'sink'.  KE_OK;
 * *upgrade is then NULL or a createSession that must go in front of it.
 * KE_EPHEMERAL_ON_LOCAL_SESSION: upgrading is off. */
int local_session_upgrade(struct zookeeper_server *zks,
                          struct client_sink *sink, const struct request *r,
                          struct request **upgrade);

#endif
