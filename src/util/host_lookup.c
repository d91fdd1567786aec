/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "util/host_lookup.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "util/zk_thread.h"

/* One name on its way; owned by the caller, then by the list of those left
 * behind. */
struct lookup_job {
    struct zk_thread thread;
    struct net_cancel ready;    /* Fired once the two below are set. */
    atomic_bool done;
    int err;                    /* EAI_... */
    struct addrinfo *found;
    enum host_lookup_use use;
    struct lookup_job *next;
    char service[16];
    char host[];
};

/* Left behind, by use.  Plain lists under a lock of their own would need
 * somebody to initialise it: each is a stack that is taken and put back
 * whole. */
static _Atomic(struct lookup_job *) hl_left[HOST_LOOKUP_USES];

static int
hl_resolve(const char *host, const char *service, int flags,
           struct addrinfo **out)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = flags,
    };

    return getaddrinfo(host, service, &hints, out);
}

static void
hl_run(void *arg)
{
    struct lookup_job *job = arg;

    job->err = hl_resolve(job->host, job->service, 0, &job->found);
    atomic_store(&job->done, true);
    net_cancel_fire(&job->ready);
}

static void
hl_destroy(struct lookup_job *job)
{
    zk_thread_join(&job->thread);
    if (job->err == 0 && job->found != NULL) {
        freeaddrinfo(job->found);
    }
    net_cancel_fini(&job->ready);
    free(job);
}

static void
hl_leave(struct lookup_job *job)
{
    _Atomic(struct lookup_job *) *left = &hl_left[job->use];

    job->next = atomic_load(left);
    while (!atomic_compare_exchange_weak(left, &job->next, job)) {
    }
}

/* Frees those of that use left behind that have ended, or do so by
 * 'deadline_ms' (0: does not wait, INT64_MAX: waits for each); how many are
 * still there. */
static unsigned
hl_reap(enum host_lookup_use use, int64_t deadline_ms)
{
    struct lookup_job *job = atomic_exchange(&hl_left[use], NULL);
    unsigned n = 0;

    while (job != NULL) {
        struct lookup_job *next = job->next;

        if (atomic_load(&job->done)
            || (deadline_ms > 0
                && net_cancel_wait(NULL, job->ready.fd, POLLIN, deadline_ms)
                   == NET_READY)) {
            hl_destroy(job);
        } else {
            hl_leave(job);
            n++;
        }
        job = next;
    }
    return n;
}

void
host_lookup_join_all(void)
{
    (void) host_lookup_join_until(INT64_MAX);
}

bool
host_lookup_join_until(int64_t deadline_ms)
{
    unsigned n = 0;

    for (int use = 0; use < HOST_LOOKUP_USES; use++) {
        n += hl_reap((enum host_lookup_use) use, deadline_ms);
    }
    return n == 0;
}

static struct lookup_job *
hl_start(enum host_lookup_use use, const char *host, const char *service,
         struct zk_errmsg *em)
{
    size_t len = strlen(host) + 1;
    struct lookup_job *job = zk_xcalloc(1, sizeof *job + len);

    job->use = use;
    memcpy(job->host, host, len);
    memcpy(job->service, service, sizeof job->service);
    if (net_cancel_init(&job->ready, em) != ZK_OK) {
        hl_destroy(job);
        return NULL;
    }
    if (!zk_thread_try_start(&job->thread, hl_run, job, "Lookup")) {
        (void) zk_fail_errno(em, "a thread");
        hl_destroy(job);
        return NULL;
    }
    return job;
}

/* The result of a job that is over; frees it. */
static int
hl_take(struct lookup_job *job, struct addrinfo **out, struct zk_errmsg *em)
{
    int rv = ZK_OK;

    zk_thread_join(&job->thread);
    if (job->err != 0 || job->found == NULL) {
        rv = zk_fail(em, ZK_ENOTFOUND, "%s cannot be resolved: %s", job->host,
                     gai_strerror(job->err));
    } else {
        *out = job->found;
        job->found = NULL;
    }
    hl_destroy(job);
    return rv;
}

static int
hl_by_name(enum host_lookup_use use, const char *host, const char *service,
           int64_t deadline_ms, struct net_cancel *cancel,
           struct addrinfo **out, struct zk_errmsg *em)
{
    struct zk_errmsg why = { "" };
    struct lookup_job *job;

    if (hl_reap(use, 0) >= HOST_LOOKUP_LEFT) {
        return zk_fail(em, ZK_ETORN, "%s cannot be resolved: %d earlier "
                       "lookups have no answer yet", host, HOST_LOOKUP_LEFT);
    }
    job = hl_start(use, host, service, &why);
    if (job == NULL) {
        return zk_fail(em, ZK_EIO, "cannot start a lookup of %s: %s", host,
                       why.text);
    }
    switch (net_cancel_wait(cancel, job->ready.fd, POLLIN, deadline_ms)) {
    case NET_READY:
        return hl_take(job, out, em);
    case NET_CANCELLED:
        hl_leave(job);
        return zk_fail(em, ZK_ESTOPPED, "the lookup of %s was cancelled",
                       host);
    case NET_LATE:
        break;
    }
    hl_leave(job);
    return zk_fail(em, ZK_ETORN, "%s cannot be resolved: no answer in time",
                   host);
}

int
host_lookup(enum host_lookup_use use, const char *host, int port,
            int64_t deadline_ms, struct net_cancel *cancel,
            struct addrinfo **out, struct zk_errmsg *em)
{
    char service[16] = "";

    snprintf(service, sizeof service, "%d", port);
    if (hl_resolve(host, service, AI_NUMERICHOST | AI_NUMERICSERV, out)
        == 0) {
        return ZK_OK;
    }
    return hl_by_name(use, host, service, deadline_ms, cancel, out, em);
}
