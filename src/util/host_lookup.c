/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "util/host_lookup.h"

#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "util/zk_thread.h"

/* One name on its way; owned by the caller, then by the list of those left
 * behind. */
struct lookup_job {
    struct zk_thread thread;
    struct net_cancel ready;    /* Fired once it is done. */
    atomic_bool done;           /* What was found is set. */
    enum host_lookup_use use;
    int err;                    /* EAI_... */
    struct addrinfo *found;
    struct sockaddr_storage address;    /* To be named; AF_UNSPEC: 'host' is
                                         * looked up. */
    char name[NI_MAXHOST];
    struct lookup_job *next;
    char service[16];
    char host[];                /* For messages, too. */
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

    if (job->address.ss_family == AF_UNSPEC) {
        job->err = hl_resolve(job->host, job->service, 0, &job->found);
    } else {
        job->err = getnameinfo((const struct sockaddr *) &job->address,
                               sizeof job->address, job->name,
                               sizeof job->name, NULL, 0, NI_NAMEREQD);
    }
    atomic_store(&job->done, true);
    net_cancel_fire(&job->ready);
}

/* NULL is none; waits for its end. */
static void
hl_destroy(struct lookup_job *job)
{
    if (job == NULL) {
        return;
    }
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
hl_create(enum host_lookup_use use, const char *host)
{
    size_t len = strlen(host) + 1;
    struct lookup_job *job = zk_xcalloc(1, sizeof *job + len);

    job->use = use;
    job->ready.fd = -1;
    memcpy(job->host, host, len);
    return job;
}

static bool
hl_start(struct lookup_job *job, struct zk_errmsg *em)
{
    if (net_cancel_init(&job->ready, em) != ZK_OK) {
        return false;
    }
    if (!zk_thread_try_start(&job->thread, hl_run, job, "Lookup")) {
        (void) zk_fail_errno(em, "a thread");
        return false;
    }
    return true;
}

/* What a job that is over came to. */
static int
hl_result(struct lookup_job *job, struct zk_errmsg *em)
{
    zk_thread_join(&job->thread);
    if (job->err != 0
        || (job->found == NULL && job->address.ss_family == AF_UNSPEC)) {
        return zk_fail(em, ZK_ENOTFOUND, "%s cannot be resolved: %s",
                       job->host, gai_strerror(job->err));
    }
    return ZK_OK;
}

/* Plays it to its end, or until it is given up: then it is left behind, and
 * '*job' is NULL. */
static int
hl_play(struct lookup_job **job, int64_t deadline_ms,
        struct net_cancel *cancel, struct zk_errmsg *em)
{
    struct lookup_job *j = *job;
    struct zk_errmsg why = { "" };
    int rv = ZK_OK;

    if (hl_reap(j->use, 0) >= HOST_LOOKUP_LEFT) {
        return zk_fail(em, ZK_ETORN, "%s cannot be resolved: %d earlier "
                       "lookups have no answer yet", j->host,
                       HOST_LOOKUP_LEFT);
    }
    if (!hl_start(j, &why)) {
        return zk_fail(em, ZK_EIO, "cannot start a lookup of %s: %s",
                       j->host, why.text);
    }
    switch (net_cancel_wait(cancel, j->ready.fd, POLLIN, deadline_ms)) {
    case NET_READY:
        return hl_result(j, em);
    case NET_CANCELLED:
        rv = zk_fail(em, ZK_ESTOPPED, "the lookup of %s was cancelled",
                     j->host);
        break;
    case NET_LATE:
        rv = zk_fail(em, ZK_ETORN, "%s cannot be resolved: no answer in time",
                     j->host);
        break;
    }
    hl_leave(j);
    *job = NULL;
    return rv;
}

int
host_lookup(enum host_lookup_use use, const char *host, int port,
            int64_t deadline_ms, struct net_cancel *cancel,
            struct addrinfo **out, struct zk_errmsg *em)
{
    struct lookup_job *job;
    char service[16] = "";
    int rv;

    snprintf(service, sizeof service, "%d", port);
    if (hl_resolve(host, service, AI_NUMERICHOST | AI_NUMERICSERV, out)
        == 0) {
        return ZK_OK;
    }
    job = hl_create(use, host);
    memcpy(job->service, service, sizeof job->service);
    rv = hl_play(&job, deadline_ms, cancel, em);
    if (rv == ZK_OK) {
        *out = job->found;
        job->found = NULL;
    }
    hl_destroy(job);
    return rv;
}

int
host_lookup_reverse(enum host_lookup_use use,
                    const struct sockaddr_storage *address,
                    int64_t deadline_ms, struct net_cancel *cancel,
                    char out[NI_MAXHOST], struct zk_errmsg *em)
{
    char host[INET6_ADDRSTRLEN + IF_NAMESIZE] = "?";
    struct lookup_job *job;
    int rv;

    (void) getnameinfo((const struct sockaddr *) address, sizeof *address,
                       host, sizeof host, NULL, 0, NI_NUMERICHOST);
    job = hl_create(use, host);
    job->address = *address;
    rv = hl_play(&job, deadline_ms, cancel, em);
    if (rv == ZK_OK) {
        memcpy(out, job->name, sizeof job->name);
    }
    hl_destroy(job);
    return rv;
}
