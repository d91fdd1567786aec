/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start.h: the command line of zkcli and what it brings along: -D properties
 * and the file of -client-configuration (Java: ZooKeeperMain.parseOptions,
 * ZKClientConfig).
 *
 * Thread-safety: none; the first thread, before there are others.
 */
#ifndef SHELL_START_H
#define SHELL_START_H

#include "config/system_properties.h"
#include "config/tls_config.h"
#include "net/net_stream.h"
#include "shell/shell.h"

struct start {
    struct shell_settings set;
    struct system_properties *props;
    struct tls_config tls;
    struct net_options net;     /* Its context is ours. */
    struct word_list command;   /* Empty: lines are read. */
    bool json;
    bool secure;                /* zookeeper.client.secure */
    bool help, version;
};

/* Fills 'out', which holds nothing.  ZK_ECONFIG: what is wrong with the words
 * or a property.  'out' must be finished in any case; the words and 'out'
 * itself must outlive out->set. */
int start_parse(int argc, char **argv, struct start *out,
                struct zk_errmsg *em) ZK_WARN_UNUSED;
void start_fini(struct start *s);

/* The lines of --help. */
extern const char start_help[];

#endif
