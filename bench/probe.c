/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

#include <config.h>

#include "probe.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common.h"

/* Attempts that hang are joined by another one after this, up to a number;
 * then the oldest gives way. */
#define ATTEMPT_PATIENCE_NS (10 * NS_PER_MS)
#define ATTEMPTS_AT_ONCE 32
#define SEND_TIMEOUT_MS 1000

struct attempt {
    int fd;
    bool granted;               /* exists has been sent. */
    size_t length;
    uint8_t in[4 + JUTE_REPLY_HEADER_LEN + JUTE_STAT_LEN];
};

struct prober {
    const struct address *address;
    struct wire_request exists;
    struct attempt attempts[ATTEMPTS_AT_ONCE];
    unsigned n;
    uint64_t failed;
};

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

/* Drops attempt 'i', keeping the order of the others. */
static void
attempt_drop(struct prober *p, unsigned i)
{
    close(p->attempts[i].fd);
    p->n--;
    memmove(&p->attempts[i], &p->attempts[i + 1],
            (p->n - i) * sizeof p->attempts[0]);
    p->failed++;
}

static void
attempt_start(struct prober *p)
{
    int fd = session_start(p->address, SEND_TIMEOUT_MS);

    if (fd < 0) {
        p->failed++;
        return;
    }
    if (p->n == ATTEMPTS_AT_ONCE) {
        attempt_drop(p, 0);
    }
    p->attempts[p->n++] = (struct attempt) { .fd = fd };
}

/* Reads what came for 'at'.  Returns 1 when exists was answered with err 0,
 * 0 to go on, -1 if the attempt failed. */
static int
attempt_read(struct prober *p, struct attempt *at)
{
    size_t wanted = at->granted ? sizeof at->in : SESSION_RESPONSE;
    ssize_t got = recv(at->fd, at->in + at->length, wanted - at->length,
                       MSG_DONTWAIT);

    if (got <= 0) {
        return -1;
    }
    at->length += (size_t) got;
    if (at->length >= 4 && zk_get_be32(at->in) != wanted - 4) {
        return -1;
    }
    if (at->length < wanted) {
        return 0;
    }
    if (at->granted) {
        return client_peek_header(at->in + 4).xid == 1
            && client_peek_header(at->in + 4).err == KE_OK
            ? 1 : -1;
    }
    if (!session_response_grants(at->in)
        || send(at->fd, p->exists.bytes, p->exists.length, MSG_NOSIGNAL)
           != (ssize_t) p->exists.length) {
        return -1;
    }
    at->granted = true;
    at->length = 0;
    return 0;
}

/* Waits up to 'ms' and serves all attempts.  Returns true when one won. */
static bool
attempts_serve(struct prober *p, int ms, uint64_t *answered_ns)
{
    struct pollfd pfds[ATTEMPTS_AT_ONCE];

    for (unsigned i = 0; i < p->n; i++) {
        pfds[i] = (struct pollfd) { .fd = p->attempts[i].fd,
                                    .events = POLLIN };
    }
    if (poll(pfds, p->n, ms) <= 0) {
        return false;
    }
    for (unsigned i = p->n; i-- > 0;) {
        int rv = pfds[i].revents ? attempt_read(p, &p->attempts[i]) : 0;

        if (rv > 0) {
            *answered_ns = now_ns();
            return true;
        }
        if (rv < 0) {
            attempt_drop(p, i);
        }
    }
    return false;
}

/* Closes all attempts, asking for the end of those sessions that are known to
 * be granted; nobody waits for it, any other session ends by its timeout. */
static void
attempts_close(struct prober *p)
{
    struct wire_request request;

    wire_request_init(&request, OP_CLOSE_SESSION, "", 0);
    zk_put_be32(request.bytes + CLIENT_XID_AT, 2);
    for (unsigned i = 0; i < p->n; i++) {
        if (p->attempts[i].granted) {
            (void) send(p->attempts[i].fd, request.bytes, request.length,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        close(p->attempts[i].fd);
    }
    wire_request_fini(&request);
}

uint64_t
first_answer(const struct address *a, const char *path, unsigned pause_us,
             unsigned timeout_s, uint64_t *attempts)
{
    struct timespec pause = { .tv_sec = pause_us / 1000000,
                              .tv_nsec = (long) (pause_us % 1000000) * 1000 };
    uint64_t deadline = now_ns() + timeout_s * NS_PER_SEC;
    uint64_t last_start = 0;
    uint64_t answered = 0;
    struct prober p = { .address = a };

    wire_request_init(&p.exists, OP_EXISTS, path, 0);
    zk_put_be32(p.exists.bytes + CLIENT_XID_AT, 1);
    for (;;) {
        uint64_t now = now_ns();

        if (now >= deadline) {
            fail("%s did not answer exists %s within %u s (%" PRIu64
                 " attempts failed)", a->text, path, timeout_s, p.failed);
        }
        if (p.n == 0 || now - last_start >= ATTEMPT_PATIENCE_NS) {
            last_start = now;
            attempt_start(&p);
        }
        if (p.n > 0 && attempts_serve(&p, 1, &answered)) {
            break;
        }
        if (p.n == 0) {
            nanosleep(&pause, NULL);
        }
    }
    *attempts = p.failed;
    attempts_close(&p);
    wire_request_fini(&p.exists);
    return answered;
}
