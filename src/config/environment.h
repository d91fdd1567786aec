/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment.h: what the server knows of where it runs (Java: Environment):
 * the lines at the start of the log and the answer to envi.
 *
 * Thread-safety: any thread.
 */
#ifndef CONFIG_ENVIRONMENT_H
#define CONFIG_ENVIRONMENT_H

#include "config/system_properties.h"
#include "util/zk_obj.h"

/* What this server calls itself, as srvr and mntr show it:
 * "3.9.4-zkd-0.1.0, built on 2026-01-31 12:00 UTC". */
const char *environment_version(void);
/* The part behind "built on": the time of the build, or SOURCE_DATE_EPOCH. */
const char *environment_build_time(void);
/* Calls each(arg, key, value) in Java's order: zookeeper.version, host.name,
 * java.* ("<NA>" unless 'props', which may be NULL, has it), os.*, user.*,
 * os.memory.free, .max and .total ("NMB"). */
void environment_each(const struct system_properties *props,
                      void (*each)(void *arg, const char *key,
                                   const char *value), void *arg);
/* Logs each as "Server environment:<key>=<value>". */
void environment_log(const struct system_properties *props);

#endif
