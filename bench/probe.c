/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

#include <config.h>

#include "probe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common.h"

#define ATTEMPT_TIMEOUT_MS 5000

static FILE *
process_file_open(pid_t pid, const char *name)
{
    char path[64];
    FILE *f;

    snprintf(path, sizeof path, "/proc/%ld/%s", (long) pid, name);
    f = fopen(path, "re");
    if (f == NULL) {
        fail("%s cannot be read: is there a process %ld?", path, (long) pid);
    }
    return f;
}

void
process_memory_get(pid_t pid, struct process_memory *m)
{
    FILE *f = process_file_open(pid, "status");
    char line[256];

    m->rss_kb = m->hwm_kb = 0;
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            m->rss_kb = strtoull(line + 6, NULL, 10);
        } else if (strncmp(line, "VmHWM:", 6) == 0) {
            m->hwm_kb = strtoull(line + 6, NULL, 10);
        }
    }
    fclose(f);
}

double
process_cpu_get(pid_t pid)
{
    FILE *f = process_file_open(pid, "stat");
    char line[1024] = "";
    const char *p;
    uint64_t user = 0;
    uint64_t system = 0;

    (void) fgets(line, sizeof line, f);
    fclose(f);
    /* The program's name may hold blanks and brackets: count from its end.
     * utime and stime are the 12th and 13th field after it. */
    p = strrchr(line, ')');
    for (unsigned i = 0; p && i < 12; i++) {
        p = strchr(p + 1, ' ');
    }
    if (p == NULL
        || sscanf(p, "%" SCNu64 " %" SCNu64, &user, &system) != 2) {
        fail("/proc/%ld/stat is not understood", (long) pid);
    }
    return (double) (user + system) / (double) sysconf(_SC_CLK_TCK);
}

uint64_t
first_answer(const struct address *a, const char *path, unsigned pause_us,
             unsigned timeout_s, uint64_t *attempts)
{
    struct timespec pause = { .tv_sec = pause_us / 1000000,
                              .tv_nsec = (long) (pause_us % 1000000) * 1000 };
    uint64_t deadline = now_ns() + timeout_s * NS_PER_SEC;
    uint64_t answered = 0;

    for (*attempts = 0; now_ns() < deadline; ++*attempts) {
        if (session_try_exists(a, path, ATTEMPT_TIMEOUT_MS, &answered)) {
            return answered;
        }
        nanosleep(&pause, NULL);
    }
    fail("%s did not answer exists %s within %u s (%" PRIu64 " attempts)",
         a->text, path, timeout_s, *attempts);
}
