/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cnxn/tls_handshaker.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cnxn/ask_queue.h"
#include "cnxn/cnxn_context.h"
#include "cnxn/server_cnxn.h"
#include "metrics/server_metrics.h"
#include "tls/tls_conn.h"
#include "util/log_limit.h"
#include "util/net_cancel.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

#define TH_EARLY_DROP \
    "zookeeper.netty.server.earlyDropSecureConnectionHandshakes"
/* zkd's own; 10 s is what Netty's SslHandler gives. */
#define TH_TIMEOUT "zookeeper.zkd.handshakeTimeoutMs"
#define TH_TIMEOUT_DEFAULT_MS 10000

/* Threads: a quarter of the processors, but more where a step may wait for a
 * name server; and those that wait for who tells what is revoked. */
#define TH_THREADS_MAX 4
#define TH_THREADS_WAITING 8
#define TH_ASKERS 16
/* Of them one place takes so many at most: whoever needs another one does not
 * wait for one that hangs, or is slow. */
#define TH_ASKERS_A_PLACE (TH_ASKERS / 4)
/* What they are behind the selectors: a tenth of the share of a processor
 * when both want it. */
#define TH_NICE 10
#define TH_EVENTS 64
/* Enough to see what a client speaks. */
#define TH_SNIFF_BYTES 8
/* Where no limit is given, handshakes leave half of the descriptors to
 * connections that have done theirs, but these are always allowed. */
#define TH_LIMIT_MIN 64
/* Lines of log about clients: so many at once, then two a second. */
#define TH_LOG_BURST 20
#define TH_LOG_GAP_MS 500

struct handshake {
    struct handshake *next, *prev;  /* In order of the deadline; 'next' alone
                                     * in an inbox. */
    struct ask ask;             /* Once others have to be asked. */
    struct tls_conn *tls;       /* NULL: nothing to go by has come yet. */
    int64_t deadline_ms;        /* monotonic */
    struct cnxn_address from;
    int fd;
    bool unified;
};

struct th_thread {
    struct tls_handshaker *owner;
    int epoll_fd, event_fd;     /* -1: not there */
    struct zk_thread thread;

    struct zk_mutex lock;       /* leaf */
    struct handshake *inbox ZK_GUARDED;         /* by next, FIFO */
    struct handshake **inbox_last ZK_GUARDED;

    /* Owned by the thread. */
    struct handshake *first, *last;
};

struct tls_handshaker {
    unsigned magic;
#define TLS_HANDSHAKER_MAGIC 0x54486e64

    /* Set at create, never changed. */
    struct cnxn_context *ctx;
    struct tls_context *tls;
    bool early_drop;
    size_t limit;
    int64_t timeout_ms;
    struct th_thread *threads;
    unsigned n_threads, n_askers;

    /* Handshakes of which others have to be asked. */
    struct zk_mutex ask_lock;   /* leaf */
    struct zk_cond ask_more;
    struct ask_queue asks ZK_GUARDED;
    bool ask_stops ZK_GUARDED;
    struct zk_thread askers[TH_ASKERS];

    bool started;               /* main thread */
    atomic_bool stopping;
    struct net_cancel stop;     /* Of who waits for others. */
    atomic_uint next;           /* Whose turn it is. */
    atomic_size_t under_way;
    _Atomic uint64_t failed;
    struct log_limit log;
};

/* ---- create ------------------------------------------------------------ */

/* The descriptors that this process may have open. */
static size_t
th_descriptors(void)
{
    struct rlimit rl;

    if (getrlimit(RLIMIT_NOFILE, &rl) != 0 || rl.rlim_cur == RLIM_INFINITY
        || rl.rlim_cur > INT_MAX) {
        return INT_MAX;
    }
    return (size_t) rl.rlim_cur;
}

static size_t
th_limit(int given)
{
    size_t half = th_descriptors() / 2;

    if (given > 0) {
        return (size_t) given;
    }
    return half > TH_LIMIT_MIN ? half : TH_LIMIT_MIN;
}

static int
th_read_properties(struct tls_handshaker *h, struct zk_errmsg *em)
{
    const struct system_properties *props = h->ctx->config->props;
    int rv = system_properties_long(props, TH_TIMEOUT, TH_TIMEOUT_DEFAULT_MS,
                                    &h->timeout_ms, em);

    if (rv == ZK_OK && (h->timeout_ms < 1 || h->timeout_ms > INT_MAX)) {
        rv = zk_fail(em, ZK_ECONFIG, TH_TIMEOUT " is %ld, not between 1 and "
                     "%d", (long) h->timeout_ms, INT_MAX);
    }
    h->limit = th_limit(h->ctx->config->cnxn.handshake_limit);
    h->early_drop = system_properties_bool(props, TH_EARLY_DROP, false);
    return rv;
}

static unsigned
th_threads(const struct tls_config *c)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN) / 4;

    if (c->client_hostname_verification && c->allow_reverse_dns) {
        return TH_THREADS_WAITING;
    }
    return n < 1 ? 1 : n > TH_THREADS_MAX ? TH_THREADS_MAX : (unsigned) n;
}

static int
th_open(struct th_thread *t, struct zk_errmsg *em)
{
    struct epoll_event ev = { .events = EPOLLIN | EPOLLET };

    t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    t->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (t->epoll_fd < 0 || t->event_fd < 0
        || epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, t->event_fd, &ev) != 0) {
        return zk_fail_errno(em, "epoll for TLS handshakes");
    }
    return ZK_OK;
}

static int
th_create_threads(struct tls_handshaker *h, struct zk_errmsg *em)
{
    const struct tls_config *c = &h->ctx->config->client_tls;
    unsigned want = th_threads(c);
    int rv = ZK_OK;

    h->n_askers = c->crl || c->ocsp ? TH_ASKERS : 0;
    h->threads = zk_xcalloc(want, sizeof *h->threads);
    while (rv == ZK_OK && h->n_threads < want) {
        struct th_thread *t = &h->threads[h->n_threads++];

        t->owner = h;
        t->epoll_fd = t->event_fd = -1;
        zk_mutex_init(&t->lock, ZK_LOCK_leaf);
        zk_lock(&t->lock);
        t->inbox_last = &t->inbox;
        zk_unlock(&t->lock);
        rv = th_open(t, em);
    }
    return rv;
}

int
tls_handshaker_create(struct cnxn_context *ctx, struct tls_handshaker **out,
                      struct zk_errmsg *em)
{
    struct tls_handshaker *h = zk_xcalloc(1, sizeof *h);
    int rv;

    h->magic = TLS_HANDSHAKER_MAGIC;
    h->ctx = ctx;
    log_limit_init(&h->log, TH_LOG_BURST, TH_LOG_GAP_MS);
    zk_mutex_init(&h->ask_lock, ZK_LOCK_leaf);
    zk_cond_init(&h->ask_more);
    zk_lock(&h->ask_lock);
    ask_queue_init(&h->asks, TH_ASKERS_A_PLACE);
    zk_unlock(&h->ask_lock);
    rv = net_cancel_init(&h->stop, em);
    if (rv == ZK_OK) {
        rv = th_read_properties(h, em);
    }
    if (rv == ZK_OK) {
        rv = tls_context_create(&ctx->config->client_tls, TLS_SIDE_SERVER,
                                &h->tls, em);
    }
    if (rv == ZK_OK) {
        rv = th_create_threads(h, em);
    }
    if (rv != ZK_OK) {
        tls_handshaker_destroy(h);
        return rv;
    }
    zk_info(factory, "TLS for clients: at most %zu handshakes at a time, "
            "%ld ms each, on %u thread(s), and %u that ask who is revoked",
            h->limit, (long) h->timeout_ms, h->n_threads, h->n_askers);
    *out = h;
    return ZK_OK;
}

static void
th_close_thread(struct th_thread *t)
{
    zk_assert(t->first == NULL);
    if (t->event_fd >= 0) {
        close(t->event_fd);
    }
    if (t->epoll_fd >= 0) {
        close(t->epoll_fd);
    }
    zk_mutex_fini(&t->lock);
}

void
tls_handshaker_destroy(struct tls_handshaker *h)
{
    if (h == NULL) {
        return;
    }
    ZK_CHECK(h, TLS_HANDSHAKER_MAGIC);
    zk_assert(!h->started);
    for (unsigned i = 0; i < h->n_threads; i++) {
        th_close_thread(&h->threads[i]);
    }
    free(h->threads);
    zk_lock(&h->ask_lock);
    ask_queue_fini(&h->asks);
    zk_unlock(&h->ask_lock);
    zk_cond_fini(&h->ask_more);
    zk_mutex_fini(&h->ask_lock);
    tls_context_unref(h->tls);
    net_cancel_fini(&h->stop);
    log_limit_fini(&h->log);
    h->magic = 0;
    free(h);
}

size_t
tls_handshaker_under_way(const struct tls_handshaker *h)
{
    return atomic_load_explicit(&h->under_way, memory_order_relaxed);
}

uint64_t
tls_handshaker_failed(const struct tls_handshaker *h)
{
    return atomic_load_explicit(&h->failed, memory_order_relaxed);
}

/* ---- the end of one ---------------------------------------------------- */

static void
th_unlink(struct th_thread *t, struct handshake *hs)
{
    *(hs->prev != NULL ? &hs->prev->next : &t->first) = hs->next;
    *(hs->next != NULL ? &hs->next->prev : &t->last) = hs->prev;
}

/* It is under way no more; its socket and its TLS are somebody else's, or
 * closed. */
static void
th_free(struct tls_handshaker *h, struct handshake *hs)
{
    atomic_fetch_sub_explicit(&h->under_way, 1, memory_order_relaxed);
    free(hs);
}

static void
th_drop(struct tls_handshaker *h, struct handshake *hs)
{
    tls_conn_destroy(hs->tls);
    close(hs->fd);
    cnxn_table_forget(&h->ctx->table, &hs->from);
    th_free(h, hs);
}

/* A handshake that did not come to its end by the client's doing; it is on no
 * list. */
static void
th_refuse(struct tls_handshaker *h, struct handshake *hs, int level,
          const char *why)
{
    char remote[CNXN_REMOTE_MAX];

    cnxn_address_remote(&hs->from, remote);
    log_limit_at(&h->log, factory, level,
                 "closing the connection of client %s: %s", remote, why);
    server_metrics_inc(METRIC_unsuccessful_handshake);
    atomic_fetch_add_explicit(&h->failed, 1, memory_order_relaxed);
    th_drop(h, hs);
}

/* The same for one of the thread's own; when it is time to stop, it may have
 * failed for that alone. */
static void
th_fail(struct th_thread *t, struct handshake *hs, int level,
        const char *why)
{
    th_unlink(t, hs);
    if (atomic_load(&t->owner->stopping)) {
        th_drop(t->owner, hs);
    } else {
        th_refuse(t->owner, hs, level, why);
    }
}

/* It goes on without us, to a selector. */
static void
th_begin_cnxn(struct tls_handshaker *h, struct handshake *hs)
{
    server_cnxn_begin(h->ctx, hs->fd, &hs->from, hs->tls);
    th_free(h, hs);
}

static void
th_queue_ask(struct tls_handshaker *h, struct handshake *hs)
{
    hs->ask.deadline_ms = hs->deadline_ms;
    zk_lock(&h->ask_lock);
    ask_queue_add(&h->asks, &hs->ask, tls_conn_place_to_ask(hs->tls));
    zk_unlock(&h->ask_lock);
    zk_cond_signal(&h->ask_more);
}

/* It is complete, or needs no TLS; others may have to be asked about it. */
static void
th_pass_on(struct th_thread *t, struct handshake *hs)
{
    if (epoll_ctl(t->epoll_fd, EPOLL_CTL_DEL, hs->fd, NULL) != 0) {
        zk_panic("epoll_ctl on a handshake that is done: %m");
    }
    th_unlink(t, hs);
    if (hs->tls != NULL && tls_conn_has_to_ask(hs->tls)) {
        th_queue_ask(t->owner, hs);
    } else {
        th_begin_cnxn(t->owner, hs);
    }
}

/* Who says nothing at all and goes is a load balancer that looks whether the
 * port is open. */
static void
th_gone(struct th_thread *t, struct handshake *hs)
{
    th_fail(t, hs, hs->tls == NULL ? ZK_LOG_DEBUG : ZK_LOG_WARN,
            "TLS handshake: the client has closed the connection");
}

/* ---- steps ------------------------------------------------------------- */

static void
th_plain(struct th_thread *t, struct handshake *hs)
{
    if (hs->unified) {
        th_pass_on(t, hs);
    } else {
        th_fail(t, hs, ZK_LOG_WARN,
                "it sent plain text to the port for TLS");
    }
}

/* Looks at the first bytes.  True when they begin TLS; otherwise there is
 * nothing more to do for now, and 'hs' may be gone. */
static bool
th_sniff(struct th_thread *t, struct handshake *hs, uint32_t events)
{
    unsigned char p[TH_SNIFF_BYTES];
    ssize_t n = recv(hs->fd, p, sizeof p, MSG_PEEK | MSG_DONTWAIT);
    struct sockaddr_storage peer;

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK
                  || errno == EINTR)) {
        return false;
    }
    if (n <= 0) {
        th_gone(t, hs);
        return false;
    }
    switch (tls_sniff(p, (size_t) n)) {
    case TLS_SNIFF_PLAIN:
        th_plain(t, hs);
        return false;
    case TLS_SNIFF_MORE:
        if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
            th_gone(t, hs);
        }
        return false;
    case TLS_SNIFF_TLS:
        break;
    }
    cnxn_address_sockaddr(&hs->from, &peer);
    hs->tls = tls_conn_accept(t->owner->tls, hs->fd, &peer);
    tls_conn_set_deadline(hs->tls, hs->deadline_ms);
    tls_conn_set_cancel(hs->tls, &t->owner->stop);
    tls_conn_ask_later(hs->tls);
    return true;
}

static void
th_step(struct th_thread *t, struct handshake *hs, uint32_t events)
{
    struct zk_errmsg em;

    if (hs->deadline_ms <= zk_time_mono_ms()) {
        return;                 /* Steps of others took its time: it expires. */
    }
    if (hs->tls == NULL && !th_sniff(t, hs, events)) {
        return;
    }
    switch (tls_conn_handshake(hs->tls, &em)) {
    case TLS_DONE:
        th_pass_on(t, hs);
        return;
    case TLS_WANT_READ:
    case TLS_WANT_WRITE:
        return;                 /* An edge of the socket comes. */
    case TLS_EOF:
        th_gone(t, hs);
        return;
    case TLS_FAILED:
        th_fail(t, hs, ZK_LOG_WARN, em.text);
        return;
    }
}

/* ---- the threads ------------------------------------------------------- */

/* Behind whatever priority the process has.  Not being let is no harm. */
static void
th_step_back(void)
{
    static const struct sched_param none;
    int now;

    errno = 0;
    now = getpriority(PRIO_PROCESS, 0);
    if (errno == 0) {
        (void) setpriority(PRIO_PROCESS, 0,
                           now + TH_NICE < 19 ? now + TH_NICE : 19);
    }
    /* Does not push others aside when it wakes. */
    (void) sched_setscheduler(0, SCHED_BATCH, &none);
}

/* Takes the next one in; edges only, so that a byte that does not tell yet
 * is not looked at again and again. */
static void
th_begin(struct th_thread *t, struct handshake *hs)
{
    struct epoll_event ev = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
        .data.ptr = hs,
    };

    hs->next = NULL;
    hs->prev = t->last;
    *(t->last != NULL ? &t->last->next : &t->first) = hs;
    t->last = hs;
    if (epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, hs->fd, &ev) != 0) {
        zk_error(factory, "epoll_ctl on a new connection: errno %d", errno);
        th_unlink(t, hs);
        th_drop(t->owner, hs);
    }
}

static void
th_take_inbox(struct th_thread *t)
{
    struct handshake *hs, *next;

    zk_lock(&t->lock);
    hs = t->inbox;
    t->inbox = NULL;
    t->inbox_last = &t->inbox;
    zk_unlock(&t->lock);
    for (; hs != NULL; hs = next) {
        next = hs->next;
        th_begin(t, hs);
    }
}

static void
th_expire(struct th_thread *t)
{
    int64_t now_ms = zk_time_mono_ms();
    char why[128];

    while (t->first != NULL && t->first->deadline_ms <= now_ms) {
        snprintf(why, sizeof why, "TLS handshake: %s after %ld ms",
                 t->first->tls == NULL ? "nothing has come"
                                       : "not complete",
                 (long) t->owner->timeout_ms);
        th_fail(t, t->first, ZK_LOG_WARN, why);
    }
}

static int
th_wait_ms(const struct th_thread *t)
{
    int64_t left;

    if (t->first == NULL) {
        return -1;
    }
    left = t->first->deadline_ms - zk_time_mono_ms();
    return left < 0 ? 0 : (int) left;
}

static void
th_run(void *arg)
{
    struct th_thread *t = arg;
    struct epoll_event events[TH_EVENTS];

    th_step_back();
    while (!atomic_load(&t->owner->stopping)) {
        int n = epoll_wait(t->epoll_fd, events, TH_EVENTS, th_wait_ms(t));

        if (n < 0 && errno != EINTR) {
            zk_panic("epoll_wait: %m");
        }
        /* A step may wait for a name: none begins when it is time to stop. */
        for (int i = 0; i < n && !atomic_load(&t->owner->stopping); i++) {
            if (events[i].data.ptr != NULL) {
                th_step(t, events[i].data.ptr, events[i].events);
            }
        }
        th_expire(t);
        th_take_inbox(t);
    }
    th_take_inbox(t);
    while (t->first != NULL) {
        struct handshake *hs = t->first;

        th_unlink(t, hs);
        th_drop(t->owner, hs);
    }
}

/* ---- asking ------------------------------------------------------------ */

/* The next one of which others have to be asked; NULL: it is time to stop. */
static struct handshake *
th_next_ask(struct tls_handshaker *h)
{
    struct ask *a = NULL;

    zk_lock(&h->ask_lock);
    while (!h->ask_stops
           && (a = ask_queue_take(&h->asks, zk_time_mono_ms())) == NULL) {
        int64_t until_ms = ask_queue_deadline(&h->asks);

        if (until_ms == INT64_MAX) {
            zk_cond_wait(&h->ask_more, &h->ask_lock);
        } else {
            (void) zk_cond_wait_until(&h->ask_more, &h->ask_lock, until_ms);
        }
    }
    zk_unlock(&h->ask_lock);
    return a == NULL ? NULL : ZK_CONTAINER_OF(a, struct handshake, ask);
}

/* Asks at its place. */
static enum tls_result
th_ask(struct tls_handshaker *h, struct handshake *hs, struct zk_errmsg *em)
{
    enum tls_result result = TLS_FAILED;

    if (hs->deadline_ms > zk_time_mono_ms()) {
        result = tls_conn_ask(hs->tls, em);
    } else {
        zk_fail(em, ZK_ETORN, "TLS handshake: nobody could be asked about its "
                "certificate for %ld ms; it waits for %.280s",
                (long) h->timeout_ms, tls_conn_place_to_ask(hs->tls));
    }
    zk_lock(&h->ask_lock);
    ask_queue_done(&h->asks, &hs->ask);
    zk_unlock(&h->ask_lock);
    return result;
}

/* The asker looks for its next one behind this: it has made room for one. */
static void
th_asked(struct tls_handshaker *h, struct handshake *hs,
         enum tls_result result, const char *why)
{
    if (result == TLS_DONE && tls_conn_has_to_ask(hs->tls)) {
        th_queue_ask(h, hs);    /* At another place. */
    } else if (result == TLS_DONE) {
        th_begin_cnxn(h, hs);
    } else if (atomic_load(&h->stopping)) {
        th_drop(h, hs);         /* It was given up for that. */
    } else {
        th_refuse(h, hs, ZK_LOG_WARN, why);
    }
}

static void
th_ask_run(void *arg)
{
    struct tls_handshaker *h = arg;
    struct handshake *hs;

    th_step_back();
    while ((hs = th_next_ask(h)) != NULL) {
        struct zk_errmsg em = { "" };
        enum tls_result result = th_ask(h, hs, &em);

        th_asked(h, hs, result, em.text);
    }
}

/* Nothing comes to ask any more. */
static void
th_stop_asking(struct tls_handshaker *h)
{
    struct ask *a;

    zk_lock(&h->ask_lock);
    h->ask_stops = true;
    zk_unlock(&h->ask_lock);
    zk_cond_broadcast(&h->ask_more);
    for (unsigned i = 0; i < h->n_askers; i++) {
        zk_thread_join(&h->askers[i]);
    }
    do {
        zk_lock(&h->ask_lock);
        a = ask_queue_drop(&h->asks);
        zk_unlock(&h->ask_lock);
        if (a != NULL) {
            th_drop(h, ZK_CONTAINER_OF(a, struct handshake, ask));
        }
    } while (a != NULL);
}

void
tls_handshaker_start(struct tls_handshaker *h)
{
    ZK_CHECK(h, TLS_HANDSHAKER_MAGIC);
    zk_assert(!h->started);
    h->started = true;
    for (unsigned i = 0; i < h->n_threads; i++) {
        zk_thread_start(&h->threads[i].thread, th_run, &h->threads[i],
                        "TlsHandshake:%u", i);
    }
    for (unsigned i = 0; i < h->n_askers; i++) {
        zk_thread_start(&h->askers[i], th_ask_run, h, "TlsRevocation:%u", i);
    }
    if (h->ctx->config->cnxn.cert_reload) {
        tls_context_watch_start(h->tls);
    }
}

static void
th_wake(struct th_thread *t)
{
    static const uint64_t one = 1;

    /* It can only fail when the count is full: then it is awake. */
    (void) !write(t->event_fd, &one, sizeof one);
}

void
tls_handshaker_stop(struct tls_handshaker *h)
{
    ZK_CHECK(h, TLS_HANDSHAKER_MAGIC);
    if (!h->started) {
        return;
    }
    atomic_store(&h->stopping, true);
    net_cancel_fire(&h->stop);
    if (h->ctx->config->cnxn.cert_reload) {
        tls_context_watch_stop(h->tls);
    }
    for (unsigned i = 0; i < h->n_threads; i++) {
        th_wake(&h->threads[i]);
        zk_thread_join(&h->threads[i].thread);
    }
    th_stop_asking(h);
    h->started = false;
}

/* ---- from the accept threads ------------------------------------------- */

/* Why a socket is closed before its handshake begins; NULL: it is not. */
static const char *
th_refusal(struct tls_handshaker *h, bool unified)
{
    if (h->early_drop && !unified && !atomic_load(&h->ctx->serving)) {
        server_metrics_inc(METRIC_cnxn_closed_without_zk_server_running);
        return "no server is running";
    }
    if (atomic_fetch_add_explicit(&h->under_way, 1, memory_order_relaxed)
        >= h->limit) {
        atomic_fetch_sub_explicit(&h->under_way, 1, memory_order_relaxed);
        server_metrics_inc(METRIC_tls_handshake_exceeded);
        return "too many TLS handshakes are under way";
    }
    return NULL;
}

static void
th_post(struct th_thread *t, struct handshake *hs)
{
    bool first;

    zk_lock(&t->lock);
    first = t->inbox == NULL;
    *t->inbox_last = hs;
    t->inbox_last = &hs->next;
    zk_unlock(&t->lock);
    if (first) {
        th_wake(t);
    }
}

void
tls_handshaker_add(struct tls_handshaker *h, int fd,
                   const struct cnxn_address *from, bool unified)
{
    const char *why = th_refusal(h, unified);
    char remote[CNXN_REMOTE_MAX];
    struct handshake *hs;

    ZK_CHECK(h, TLS_HANDSHAKER_MAGIC);
    if (why != NULL) {
        cnxn_address_remote(from, remote);
        log_limit_at(&h->log, factory, ZK_LOG_WARN,
                     "closing the connection of client %s: %s", remote, why);
        cnxn_table_forget(&h->ctx->table, from);
        close(fd);
        return;
    }
    hs = zk_xcalloc(1, sizeof *hs);
    hs->fd = fd;
    hs->from = *from;
    hs->unified = unified;
    hs->deadline_ms = zk_time_mono_ms() + h->timeout_ms;
    th_post(&h->threads[atomic_fetch_add(&h->next, 1) % h->n_threads], hs);
}
