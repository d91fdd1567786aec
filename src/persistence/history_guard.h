/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_guard.h: in one process, a purge and what makes another history of
 * the files (a leader's TRUNC or SNAP) exclude each other.
 *
 * A purge takes its time: it reads a whole snapshot before anything goes, and
 * large files go in steps.  So it does not keep others out: it goes by what
 * the history was, asks again before each file that goes, and begins anew
 * when that is another one by then.  TRUNC or SNAP waits for one rename or
 * unlink at most.
 */
#ifndef PERSISTENCE_HISTORY_GUARD_H
#define PERSISTENCE_HISTORY_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct history_guard;

/* All functions but create take NULL: nobody else is there.  Any thread. */
struct history_guard *history_guard_create(void);
void history_guard_destroy(struct history_guard *g);

/* TRUNC or SNAP, one at a time: between these no purge removes anything, nor
 * by what it had read before. */
void history_guard_begin(struct history_guard *g);
void history_guard_end(struct history_guard *g);

/* Purge: which history it is.  Waits while that is being changed, until *stop
 * (may be NULL) is true. */
uint64_t history_guard_version(struct history_guard *g,
                               const atomic_bool *stop);
/* May a file go by what was read of this version?  If so the caller is quick
 * and then leaves. */
bool history_guard_enter(struct history_guard *g, uint64_t version);
void history_guard_leave(struct history_guard *g);

#endif
