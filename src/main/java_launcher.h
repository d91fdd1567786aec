/* SPDX-License-Identifier: Apache-2.0 */
/*
 * java_launcher.h: the program under the name `java`.
 *
 * Scripts that start ZooKeeper through JAVA= look later whether the process
 * is that program (start-stop-daemon compares /proc/PID/exe).  So the `java`
 * that is installed for them is a link to zkd; called by it, zkd hands over
 * to the launcher script, which understands Java's command lines and in the
 * end runs zkd again, by its own name.
 */
#ifndef MAIN_JAVA_LAUNCHER_H
#define MAIN_JAVA_LAUNCHER_H

#include <stdbool.h>

/* False when argv[0] is no path of a `java`.  Otherwise it does not return,
 * but for a launcher that cannot be run: true, and the exit code. */
bool java_launcher_run(char **argv, int *code);

#endif
