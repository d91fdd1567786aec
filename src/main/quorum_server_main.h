/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quorum_server_main.h: a member of an ensemble from its configuration to its
 * end (Java: QuorumPeerMain.runFromConfig).
 */
#ifndef MAIN_QUORUM_SERVER_MAIN_H
#define MAIN_QUORUM_SERVER_MAIN_H

#include "config/server_config.h"

/* What a configuration asks for that this version's ensembles do not have:
 * ZK_ECONFIG names file and key where the ensemble would be another one than
 * was asked for (less protected, say); what is only missed is warned of. */
int quorum_server_main_check(const struct server_config *config,
                             struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Takes part until a signal or a fatal error ends it; server_signals_init has
 * been called.  Returns the exit code.  What goes wrong is in the log, and
 * Java's line for it on stderr.  Main thread. */
int quorum_server_main_run(struct server_config *config);

#endif
