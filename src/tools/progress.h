/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.h: a bar on stderr for work that takes long, when a terminal is
 * there to show it.
 */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool on;                    /* stderr is a terminal. */
    bool drawn;
    const char *what;           /* Borrowed. */
    int64_t total;
    int64_t next_ms;            /* Not drawn again before. */
};

/* 'total' in any unit; 0: not known, nothing is shown. */
void progress_start(struct progress *p, const char *what, int64_t total);
/* So much of it is done.  Cheap: draws ten times a second. */
void progress_update(struct progress *p, int64_t done);
/* Takes the bar away. */
void progress_end(struct progress *p);

#endif
