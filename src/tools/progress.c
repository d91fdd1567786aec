/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tools/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "util/zk_time.h"

#define PROGRESS_WIDTH 30
/* What is done sooner needs no bar. */
#define PROGRESS_FIRST_MS 500
#define PROGRESS_EACH_MS 100

void
progress_start(struct progress *p, const char *what, int64_t total)
{
    *p = (struct progress) {
        .on = total > 0 && isatty(STDERR_FILENO), .what = what,
        .total = total, .next_ms = zk_time_mono_ms() + PROGRESS_FIRST_MS,
    };
}

void
progress_update(struct progress *p, int64_t done)
{
    int64_t now;
    int full;

    if (!p->on) {
        return;
    }
    now = zk_time_mono_ms();
    if (now < p->next_ms) {
        return;
    }
    p->next_ms = now + PROGRESS_EACH_MS;
    p->drawn = true;
    done = done > p->total ? p->total : done;
    full = (int) ((double) done / (double) p->total * PROGRESS_WIDTH);
    fprintf(stderr, "\r%.40s [%.*s%*s] %3d %%", p->what, full,
            "##############################", PROGRESS_WIDTH - full, "",
            (int) ((double) done / (double) p->total * 100));
    fflush(stderr);
}

void
progress_end(struct progress *p)
{
    if (p->drawn) {
        fputs("\r\033[K", stderr);
        p->drawn = false;
    }
    p->on = false;
}
