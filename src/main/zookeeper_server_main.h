/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zookeeper_server_main.h: a standalone server from its configuration to its
 * end (Java: ZooKeeperServerMain.runFromConfig).
 */
#ifndef MAIN_ZOOKEEPER_SERVER_MAIN_H
#define MAIN_ZOOKEEPER_SERVER_MAIN_H

#include "config/server_config.h"

/* Java's ExitCode. */
enum exit_code {
    EXIT_CODE_FINISHED = 0,
    EXIT_CODE_UNEXPECTED = 1,
    EXIT_CODE_INVALID = 2,
    EXIT_CODE_DATADIR = 3,
    EXIT_CODE_QUORUM_PORT = 14,
};

/* Serves until a signal or a fatal error ends it; server_signals_init has
 * been called.  Returns the exit code.  What goes wrong is in the log, and
 * Java's line for it on stderr.  Main thread. */
int zookeeper_server_main_run(struct server_config *config);

#endif
