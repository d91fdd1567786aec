/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_remover.h: getting rid of large files without holding others up.
 *
 * To unlink a snapshot of 1 GB is one change of the file system, of up to a
 * second, and every fsync on that disk waits for it: those of the log, and
 * those of the epochs in an election.  So a large file first loses its name,
 * which is quick, and then shrinks from its end, step by step with rests.
 * What a crash or the end of the server leaves of it goes at the next start.
 *
 * Whoever has it open meanwhile (a copy of the folder that is under way) has
 * it whole: then it is unlinked as it is, and its room is free when the last
 * one closes it.
 */
#ifndef PERSISTENCE_FILE_REMOVER_H
#define PERSISTENCE_FILE_REMOVER_H

#include <stdatomic.h>
#include <stdbool.h>

/* Names of files that are on their way out. */
#define FILE_REMOVER_PREFIX "tmp.removed."

/* The file loses its name: it is gone, or, of some size, is left to
 * file_remover_sweep under another name in the same folder.  0, or errno with
 * the file as it was. */
int file_remover_set_aside(const char *path);
/* The same, for who goes on to drain: *aside is its other name, NULL: it is
 * gone. */
int file_remover_take(const char *path, char **aside);
/* Removes what was taken (and frees the name; NULL is fine), which takes a
 * second for each GB.  The rest is left to a sweep once *stop (NULL: never) is
 * true. */
void file_remover_drain(char *aside, const atomic_bool *stop);
/* Removes what was set aside in a folder, until *stop is true. */
void file_remover_sweep(const char *dir, const atomic_bool *stop);

#endif
