/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_gauges.h: the gauges of a running server, for mntr and whatever
 * else reads the metrics registry (Java: ZooKeeperServer.registerMetrics,
 * QuotaMetricsUtils).
 *
 * A gauge asks the server when it is read.  One that is read while no server
 * runs (a reader may hold it a moment longer than the registry does) says 0.
 */
#ifndef ADMIN_SERVER_GAUGES_H
#define ADMIN_SERVER_GAUGES_H

#include <stdbool.h>

struct four_letter_words;
struct server_gauges;

/* The gauges of whatever server 'w' speaks of; not registered yet. */
struct server_gauges *server_gauges_create(struct four_letter_words *w);
/* Nobody may read metrics any more that saw them registered. */
void server_gauges_destroy(struct server_gauges *g);
/* Puts them into the registry of metrics, and takes them out.  'member': with
 * those of a server that plays a role in an ensemble. */
void server_gauges_register(struct server_gauges *g, bool member);
void server_gauges_unregister(struct server_gauges *g);

#endif
