/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_reader.h: what the parts that fill a server_config share while a
 * configuration is read:
 *
 *   zoo_cfg_keys.c         keys of zoo.cfg, one by one
 *   zoo_cfg_checks.c       what must fit together, defaults
 *   membership.c           server, group and weight lines, the dynamic file,
 *                          myid
 *   server_config_props.c  system properties
 *
 * in that order, which is Java's (QuorumPeerConfig.parse); server_config.c
 * calls them.
 */
#ifndef CONFIG_CONFIG_READER_H
#define CONFIG_CONFIG_READER_H

#include "config/server_config.h"
#include "config/zk_properties.h"

/* A port that no key gave. */
#define CONFIG_NO_PORT (-1)

struct config_reader {
    struct server_config *config;
    const char *path;           /* zoo.cfg; for messages. */
    struct zk_errmsg *em;
    int64_t purge_ms;           /* autopurge.purgeInterval */
};

/* Takes every key of zoo.cfg: known ones into the config, unknown ones into
 * the properties as zookeeper.<key>. */
int zoo_cfg_take_keys(struct config_reader *r,
                      const struct zk_properties *cfg) ZK_WARN_UNUSED;
/* What parseProperties checks after the keys; fills defaults. */
int zoo_cfg_check(struct config_reader *r) ZK_WARN_UNUSED;
/* Reads the membership from 'cfg', or from the dynamic file that it names,
 * and myid, and checks both. */
int config_read_membership(struct config_reader *r,
                           const struct zk_properties *cfg) ZK_WARN_UNUSED;
/* Fills all that system properties decide, from config->props. */
int config_take_properties(struct server_config *c, struct zk_errmsg *em)
    ZK_WARN_UNUSED;

/* Replaces a string of the config by a copy of 'value'. */
void config_set_string(char **at, const char *value);

#endif
