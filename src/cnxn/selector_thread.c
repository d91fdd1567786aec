/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cnxn/selector_thread.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cnxn/cnxn_tls.h"
#include "cnxn/selector_internal.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

/* Ready connections taken from the kernel at one time. */
#define SEL_EVENTS 512
/* How long a selector that stops waits for slow readers. */
#define SEL_STOP_MS 1000

/* ---- life -------------------------------------------------------------- */

static int
sel_open(struct selector_thread *sel, struct zk_errmsg *em)
{
    struct epoll_event ev = { .events = EPOLLIN | EPOLLET };

    sel->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (sel->epoll_fd < 0) {
        return zk_fail_errno(em, "epoll_create1");
    }
    sel->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (sel->event_fd < 0) {
        return zk_fail_errno(em, "eventfd");
    }
    if (epoll_ctl(sel->epoll_fd, EPOLL_CTL_ADD, sel->event_fd, &ev) != 0) {
        return zk_fail_errno(em, "epoll_ctl");
    }
    return ZK_OK;
}

struct selector_thread *
selector_thread_create(struct cnxn_context *ctx, unsigned index,
                       struct zk_errmsg *em)
{
    struct selector_thread *sel = zk_xcalloc(1, sizeof *sel);

    sel->magic = SELECTOR_THREAD_MAGIC;
    sel->ctx = ctx;
    sel->index = index;
    sel->epoll_fd = sel->event_fd = -1;
    zk_mutex_init(&sel->lock, ZK_LOCK_selector);
    zk_cond_init(&sel->done);
    zk_lock(&sel->lock);
    sel->flush_last = &sel->flush_first;
    zk_unlock(&sel->lock);
    cnxn_tally_clear(&sel->tally);
    sel->read_buf = zk_xmalloc(SEL_READ_BYTES);
    if (sel_open(sel, em) != ZK_OK) {
        selector_thread_destroy(sel);
        return NULL;
    }
    return sel;
}

void
selector_thread_destroy(struct selector_thread *sel)
{
    ZK_CHECK(sel, SELECTOR_THREAD_MAGIC);
    zk_assert(sel->first == NULL);
    if (sel->event_fd >= 0) {
        close(sel->event_fd);
    }
    if (sel->epoll_fd >= 0) {
        close(sel->epoll_fd);
    }
    while (sel->pool_n > 0) {
        zk_buf_fini(&sel->pool[--sel->pool_n]);
    }
    zk_buf_fini(&sel->scratch);
    free(sel->read_buf);
    free(sel->again_list);
    zk_cond_fini(&sel->done);
    zk_mutex_fini(&sel->lock);
    sel->magic = 0;
    free(sel);
}

int64_t
selector_thread_now_us(const struct selector_thread *sel)
{
    return sel->now_us;
}

/* ---- lists and waking -------------------------------------------------- */

void
selector_thread_wake(struct selector_thread *sel)
{
    static const uint64_t one = 1;

    if (atomic_load(&sel->asleep) && atomic_exchange(&sel->asleep, false)) {
        /* It can only fail when the count is full: then it is awake. */
        (void) !write(sel->event_fd, &one, sizeof one);
    }
}

void
selector_thread_wake_if_posted(struct selector_thread *sel)
{
    if (atomic_load(&sel->posted)) {
        selector_thread_wake(sel);
    }
}

void
selector_thread_list(struct selector_thread *sel, struct server_cnxn *c)
{
    zk_lock(&sel->lock);
    c->flush_next = NULL;
    *sel->flush_last = c;
    sel->flush_last = &c->flush_next;
    atomic_store(&sel->posted, true);
    zk_unlock(&sel->lock);
}

void
selector_thread_add(struct selector_thread *sel, struct server_cnxn *c)
{
    ZK_CHECK(sel, SELECTOR_THREAD_MAGIC);
    zk_lock(&sel->lock);
    c->next = sel->new_first;
    sel->new_first = c;
    atomic_store(&sel->posted, true);
    zk_unlock(&sel->lock);
    selector_thread_wake(sel);
}

/* ---- orders ------------------------------------------------------------ */

/* Gives an order and waits until it is carried out (STOP: taken). */
static void
sel_order(struct selector_thread *sel, enum selector_order order,
          struct zookeeper_server *zks)
{
    ZK_CHECK(sel, SELECTOR_THREAD_MAGIC);
    zk_lock(&sel->lock);
    while (sel->order != SEL_ORDER_NONE) {
        zk_cond_wait(&sel->done, &sel->lock);
    }
    sel->order = order;
    sel->order_zks = zks;
    atomic_store(&sel->posted, true);
    selector_thread_wake(sel);
    while (sel->order != SEL_ORDER_NONE) {
        zk_cond_wait(&sel->done, &sel->lock);
    }
    zk_unlock(&sel->lock);
}

void
selector_thread_set_server(struct selector_thread *sel,
                           struct zookeeper_server *zks)
{
    if (sel->thread.started) {
        sel_order(sel, SEL_ORDER_SET_SERVER, zks);
    } else {
        sel->zks = zks;
    }
}

void
selector_thread_pause(struct selector_thread *sel)
{
    if (sel->thread.started) {
        sel_order(sel, SEL_ORDER_PAUSE, NULL);
    }
}

void
selector_thread_stop(struct selector_thread *sel)
{
    if (sel->thread.started) {
        sel_order(sel, SEL_ORDER_STOP, NULL);
        zk_thread_join(&sel->thread);
    }
}

/* What the one before has answered still goes out, as far as the kernel takes
 * it at once.  Connections that have said nothing yet stay. */
static void
sel_do_set_server(struct selector_thread *sel, struct zookeeper_server *zks)
{
    struct server_cnxn *next;

    for (struct server_cnxn *c = sel->first; c != NULL; c = next) {
        next = c->next;
        if (c->zks != NULL) {
            sel_flush(sel, c);
            sel_close(sel, c, DISCONNECT_SERVER_SHUTDOWN);
        } else if (c->state == CNXN_FRESH) {
            c->zks = zks;
        }
    }
    sel->zks = zks;
}

static void
sel_do_pause(struct selector_thread *sel)
{
    sel->reading_off = true;
    for (struct server_cnxn *c = sel->first; c != NULL; c = c->next) {
        sel_pause(sel, c, CNXN_PAUSE_SERVER);
        sel_set_events(sel, c, c->events & ~(uint32_t) EPOLLIN);
    }
}

static void
sel_do_stop(struct selector_thread *sel)
{
    sel_do_pause(sel);
    sel->stop_at_ms = zk_time_mono_ms() + SEL_STOP_MS;
    for (struct server_cnxn *c = sel->first; c != NULL; c = c->next) {
        server_cnxn_end(c, DISCONNECT_SERVER_SHUTDOWN);
    }
}

static void
sel_obey(struct selector_thread *sel, enum selector_order order,
         struct zookeeper_server *zks)
{
    switch (order) {
    case SEL_ORDER_NONE:
        return;
    case SEL_ORDER_SET_SERVER:
        sel_do_set_server(sel, zks);
        break;
    case SEL_ORDER_PAUSE:
        sel_do_pause(sel);
        break;
    case SEL_ORDER_STOP:
        sel_do_stop(sel);
        break;
    }
    zk_lock(&sel->lock);
    sel->order = SEL_ORDER_NONE;
    zk_cond_broadcast(&sel->done);
    zk_unlock(&sel->lock);
}

/* ---- one round --------------------------------------------------------- */

static void
sel_adopt(struct selector_thread *sel, struct server_cnxn *c)
{
    struct epoll_event ev = {
        .events = sel->reading_off ? 0 : EPOLLIN,
        .data.ptr = c,
    };

    c->zks = sel->zks;
    c->prev = NULL;
    c->next = sel->first;
    if (sel->first != NULL) {
        sel->first->prev = c;
    }
    sel->first = c;
    c->events = ev.events;
    atomic_store(&c->interest, sel->reading_off ? 0 : 1);
    if (epoll_ctl(sel->epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) != 0) {
        zk_error(cnxn, "epoll_ctl on a new connection: errno %d", errno);
        sel_close(sel, c, DISCONNECT_IO_ERROR);
        return;
    }
    sel_touch(sel, c);
    if (c->tls_flags & CNXN_TLS_MORE) {
        sel_look_again(sel, c);
    }
    if (sel->reading_off) {
        sel_pause(sel, c, CNXN_PAUSE_SERVER);
    }
    if (sel->stop_at_ms != 0) {
        server_cnxn_end(c, DISCONNECT_SERVER_SHUTDOWN);
    }
}

/* Takes what others left.  Returns those to be sent to. */
static struct server_cnxn *
sel_take_posted(struct selector_thread *sel)
{
    struct server_cnxn *flush, *fresh, *next;
    struct zookeeper_server *zks;
    enum selector_order order;

    if (!atomic_load_explicit(&sel->posted, memory_order_relaxed)) {
        return NULL;
    }
    zk_lock(&sel->lock);
    atomic_store(&sel->posted, false);
    flush = sel->flush_first;
    sel->flush_first = NULL;
    sel->flush_last = &sel->flush_first;
    fresh = sel->new_first;
    sel->new_first = NULL;
    order = sel->order;
    zks = sel->order_zks;
    zk_unlock(&sel->lock);
    for (; fresh != NULL; fresh = next) {
        next = fresh->next;
        sel_adopt(sel, fresh);
    }
    sel_obey(sel, order, zks);
    return flush;
}

/* The client takes what waits for it.  While that is too much, its pings are
 * not read: this stands for them, or a long answer over a slow line would
 * cost the session. */
static void
sel_writable(struct selector_thread *sel, struct server_cnxn *c)
{
    struct session_tracker *st;

    sel_touch(sel, c);
    if ((c->paused & CNXN_PAUSE_OUTPUT) && c->sink.session_id != 0) {
        st = zookeeper_server_sessions(c->zks);
        if (session_tracker_bucket(st, sel->now_us / 1000,
                                   c->sink.timeout_ms)
            != c->sink.touched_bucket_ms) {
            (void) session_tracker_touch(st, c->sink.session_id,
                                         c->sink.timeout_ms,
                                         &c->sink.touched_bucket_ms);
        }
    }
    sel_hold_end(sel);
    sel_flush(sel, c);
}

static void
sel_event(struct selector_thread *sel, struct server_cnxn *c,
          uint32_t events)
{
    bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;

    if (c->state == CNXN_CLOSED) {
        return;
    }
    if (c->tls_flags != 0) {
        events = cnxn_tls_events(c, events);
    }
    if (events & EPOLLOUT) {
        sel_writable(sel, c);
        if (c->state == CNXN_CLOSED) {
            return;
        }
    }
    if (c->paused == 0 && c->state != CNXN_DRAINING) {
        if (broken || (events & EPOLLIN)) {
            sel_read(sel, c);
        }
    } else if (broken) {
        sel_hold_end(sel);
        sel_close(sel, c, DISCONNECT_IO_ERROR);
    } else if ((events & EPOLLIN)
               && !(c->tls_flags & CNXN_TLS_WRITE_READS)) {
        sel_set_events(sel, c, c->events & ~(uint32_t) EPOLLIN);
    }
}

/* Sends to those that others appended to, and gives their places back. */
static void
sel_flush_list(struct selector_thread *sel, struct server_cnxn *flush)
{
    struct server_cnxn *next;

    for (; flush != NULL; flush = next) {
        next = flush->flush_next;
        server_cnxn_unlist(flush);
        sel_flush(sel, flush);
        server_cnxn_unref(flush);
    }
}

/* Connections that are paused: those to which something happened, and now
 * and then all. */
static void
sel_look_at_paused(struct selector_thread *sel)
{
    size_t n = sel->again_n;

    for (size_t i = 0; i < n; i++) {
        struct server_cnxn *c = sel->again_list[i];

        c->again = false;
        if (c->paused != 0) {
            sel_resume(sel, c);
        } else if ((c->tls_flags & CNXN_TLS_MORE) && sel_is_live(c)) {
            sel_read(sel, c);
        }
    }
    if (n > 0) {
        sel->again_n -= n;
        memmove(sel->again_list, sel->again_list + n,
                sel->again_n * sizeof(struct server_cnxn *));
    }
    sel_hold_end(sel);
    if (sel->paused != NULL
        && sel->now_us / 1000 - sel->paused_seen_ms >= SEL_PAUSED_MS) {
        sel->paused_seen_ms = sel->now_us / 1000;
        for (struct server_cnxn *c = sel->paused; c != NULL;
             c = c->paused_next) {
            if (c->paused != CNXN_PAUSE_SERVER) {
                sel_look_again(sel, c);
            }
        }
    }
}

static void
sel_free_dead(struct selector_thread *sel)
{
    struct server_cnxn *c = sel->dead;

    sel->dead = NULL;
    while (c != NULL) {
        struct server_cnxn *next = c->dead_next;

        if (c->again) {
            c->dead_next = sel->dead;   /* In the list: next round. */
            sel->dead = c;
        } else {
            server_cnxn_unref(c);
        }
        c = next;
    }
}

/* ---- waiting ----------------------------------------------------------- */

/* Looks for work for a while instead of sleeping. */
static int
sel_spin(struct selector_thread *sel, struct epoll_event *events)
{
    int64_t until = zk_time_mono_us() + sel->spin_now_us;
    int n;

    do {
        n = epoll_wait(sel->epoll_fd, events, SEL_EVENTS, 0);
        if (n != 0
            || atomic_load_explicit(&sel->posted, memory_order_relaxed)) {
            return n;
        }
        sched_yield();
    } while (zk_time_mono_us() < until);
    sel->spin_now_us /= 2;      /* It did not pay. */
    return 0;
}

static int
sel_sleep_ms(const struct selector_thread *sel)
{
    if (sel->stop_at_ms != 0) {
        int64_t left = sel->stop_at_ms - zk_time_mono_ms();

        return left > 0 ? (int) left : 0;
    }
    return sel->paused != NULL && !sel->reading_off ? SEL_PAUSED_MS : -1;
}

static int
sel_sleep(struct selector_thread *sel, struct epoll_event *events)
{
    int64_t begin_us = zk_time_mono_us();
    int n = 0;

    atomic_store(&sel->asleep, true);
    if (!atomic_load(&sel->posted)) {
        n = epoll_wait(sel->epoll_fd, events, SEL_EVENTS,
                       sel_sleep_ms(sel));
    }
    atomic_store(&sel->asleep, false);
    if (zk_time_mono_us() - begin_us <= 2 * (int64_t) sel->ctx->spin_us) {
        sel->spin_now_us = sel->ctx->spin_us;   /* It would have paid. */
    }
    return n;
}

static int
sel_wait(struct selector_thread *sel, struct epoll_event *events)
{
    int n = epoll_wait(sel->epoll_fd, events, SEL_EVENTS, 0);

    if (n == 0 && sel->again_n == 0
        && !atomic_load_explicit(&sel->posted, memory_order_relaxed)) {
        if (sel->spin_now_us > 0) {
            n = sel_spin(sel, events);
        }
        if (n == 0) {
            n = sel_sleep(sel, events);
        }
    }
    if (n < 0 && errno != EINTR) {
        zk_panic("epoll_wait: %m");
    }
    sel->now_us = zk_time_mono_us();
    return n < 0 ? 0 : n;
}

static bool
sel_goes_on(const struct selector_thread *sel)
{
    return sel->stop_at_ms == 0
           || (sel->first != NULL && zk_time_mono_ms() < sel->stop_at_ms);
}

static void
sel_run(void *arg)
{
    struct selector_thread *sel = arg;
    struct epoll_event events[SEL_EVENTS];

    while (sel_goes_on(sel)) {
        int n = sel_wait(sel, events);
        struct server_cnxn *flush = sel_take_posted(sel);

        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr != NULL) {
                sel_event(sel, events[i].data.ptr, events[i].events);
            }
        }
        sel_hold_end(sel);
        sel_flush_list(sel, flush);
        sel_look_at_paused(sel);
        sel_free_dead(sel);
    }
    while (sel->first != NULL) {
        sel_close(sel, sel->first, DISCONNECT_IO_ERROR);
    }
    sel_flush_list(sel, sel_take_posted(sel));
    sel->again_n = 0;
    for (struct server_cnxn *c = sel->dead; c != NULL; c = c->dead_next) {
        c->again = false;
    }
    sel_free_dead(sel);
}

void
selector_thread_start(struct selector_thread *sel)
{
    ZK_CHECK(sel, SELECTOR_THREAD_MAGIC);
    zk_thread_start(&sel->thread, sel_run, sel, "Selector:%u", sel->index);
}
