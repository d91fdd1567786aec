/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota_gauges.h: limits and usage of quotas, summed up by the first
 * component of the paths that they are for (Java: QuotaMetricsUtils):
 *
 *   <component>_quota_count_limit_per_namespace, ..._bytes_limit_...,
 *   ..._count_usage_..., ..._bytes_usage_...
 *
 * A hard limit counts in place of the soft one; -1 stands for none, and is
 * added up like any other number.  A quota on the root comes under the names
 * of its own two nodes, zookeeper_limits and zookeeper_stats.
 */
#ifndef ADMIN_QUOTA_GAUGES_H
#define ADMIN_QUOTA_GAUGES_H

struct four_letter_words;

/* Puts the four sets into the registry of metrics, and takes them out; see
 * server_gauges.h. */
void quota_gauges_register(struct four_letter_words *w);
void quota_gauges_unregister(struct four_letter_words *w);

#endif
