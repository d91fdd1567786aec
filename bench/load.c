/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

#include <config.h>

#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"
#include "common.h"

#define EVENTS_AT_ONCE 256
#define RECEIVE_BUFFER (256U * 1024)

/* One request that waits for its reply. */
struct outstanding {
    uint64_t sent_ns;
    uint64_t number;            /* Of the znode, for messages. */
    unsigned kind;
};

struct connection {
    int fd;
    unsigned index;

    int32_t next_xid;           /* To send; 1.. and again. */
    int32_t reply_xid;          /* To come. */
    uint64_t sent;              /* Slot of a request: its count & mask. */
    uint64_t answered;
    struct outstanding *slots;

    uint64_t next_number;       /* LOAD_PICK_NEXT. */
    uint64_t quota_left;
    uint64_t sent_in_phase;
    uint64_t last_zxid;

    uint8_t *in;                /* Head of a reply cut by the last recv. */
    size_t in_length;
    uint8_t *out;               /* Requests the socket did not take yet. */
    size_t out_at;
    size_t out_length;
    bool wants_out;             /* Registered for EPOLLOUT. */
};

struct worker {
    struct load *load;
    const struct load_phase *phase;
    pthread_t thread;

    struct connection *connections;
    unsigned n_connections;
    uint64_t slot_mask;
    int epoll_fd;               /* -1 with a single connection. */

    uint8_t *in;
    size_t in_size;
    uint8_t *out;
    size_t out_size;
    uint8_t *pattern;           /* What getData must return. */

    uint64_t random;
    uint64_t from_ns;           /* Replies in [from, to) are counted. */
    uint64_t to_ns;
    bool issuing;
    uint64_t total_outstanding;
    unsigned finished;          /* Connections with nothing left to do. */
    uint64_t last_reply_ns;
    uint64_t longest_gap_ns;
    struct histogram kind[2];
};

struct load {
    const int *fds;
    unsigned count;
    unsigned n_workers;
    struct worker *workers;
    struct connection *connections;
    size_t slots;               /* Allocated per connection. */
};

/* xorshift64*: only to spread keys, quality is of no concern. */
static inline uint64_t
next_random(struct worker *w)
{
    uint64_t x = w->random;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    w->random = x;
    return x * UINT64_C(0x2545F4914F6CDD1D) >> 32;
}

static inline int32_t
xid_after(int32_t xid)
{
    return xid == INT32_MAX ? 1 : xid + 1;
}

static inline void
put_digits(uint8_t *at, uint64_t number)
{
    for (unsigned i = LOAD_DIGITS; i-- > 0;) {
        at[i] = (uint8_t) ('0' + number % 10);
        number /= 10;
    }
}

/* Ends the process with what was expected of connection 'c' and what came. */
static void __attribute__((noreturn))
wrong_reply(const struct worker *w, const struct connection *c,
            const struct outstanding *o, const uint8_t *body, uint32_t length)
{
    const struct load_phase *ph = w->phase;
    struct jute_reply_header h = client_peek_header(body);
    const char *op = o ? op_code_name(ph->op[o->kind]) : "nothing";
    uint64_t number = o ? o->number : 0;

    fail("connection %u: wrong reply: expected xid %" PRId32 " for %s (number "
         "%" PRIu64 "), %zu bytes, err 0, zxid >= 0x%" PRIx64 "; got xid "
         "%" PRId32 ", %" PRIu32 " bytes, err %" PRId32 ", zxid 0x%" PRIx64
         "%s", c->index,
         o && ph->op[o->kind] == OP_PING ? XID_PING : c->reply_xid, op,
         number, o ? ph->request[o->kind]->reply_length : 0, c->last_zxid,
         h.xid, length, h.err, (uint64_t) h.zxid,
         ph->check_data ? ", or other data than was written" : "");
}

/* Checks one reply body and counts it. */
static inline void
take_reply(struct worker *w, struct connection *c, const uint8_t *body,
           uint32_t length, uint64_t now, bool counted)
{
    const struct load_phase *ph = w->phase;
    const struct outstanding *o = &c->slots[c->answered & w->slot_mask];
    const struct wire_request *r = ph->request[o->kind];
    struct jute_reply_header h = client_peek_header(body);
    int32_t xid = ph->op[o->kind] == OP_PING ? XID_PING : c->reply_xid;

    if (c->answered == c->sent) {
        wrong_reply(w, c, NULL, body, length);
    }
    if (length != r->reply_length || h.xid != xid || h.err != KE_OK
        || (uint64_t) h.zxid < c->last_zxid) {
        wrong_reply(w, c, o, body, length);
    }
    if (ph->op[o->kind] == OP_GET_DATA) {
        size_t data = r->reply_length - JUTE_REPLY_HEADER_LEN - 4
                      - JUTE_STAT_LEN;

        if (zk_get_be32(body + JUTE_REPLY_HEADER_LEN) != data
            || (ph->check_data
                && memcmp(body + JUTE_REPLY_HEADER_LEN + 4, w->pattern,
                          data) != 0)) {
            wrong_reply(w, c, o, body, length);
        }
    }
    c->last_zxid = (uint64_t) h.zxid;
    c->answered++;
    c->reply_xid = xid_after(c->reply_xid);
    if (counted) {
        histogram_record(&w->kind[o->kind], now - o->sent_ns);
    }
}

/* Takes the whole replies in 'p' and returns how many bytes they were. */
static size_t
take_replies(struct worker *w, struct connection *c, const uint8_t *p,
             size_t n, uint64_t now)
{
    bool counted = now >= w->from_ns && now < w->to_ns;
    uint64_t before = c->answered;
    size_t used = 0;

    while (n - used >= 4 + JUTE_REPLY_HEADER_LEN) {
        uint32_t length = zk_get_be32(p + used);

        if (length < JUTE_REPLY_HEADER_LEN || length > w->in_size / 2) {
            fail("connection %u: a reply of %" PRIu32 " bytes", c->index,
                 length);
        }
        if (n - used - 4 < length) {
            break;
        }
        take_reply(w, c, p + used + 4, length, now, counted);
        used += 4 + length;
    }
    w->total_outstanding -= c->answered - before;
    if (c->answered != before) {
        if (counted && w->last_reply_ns >= w->from_ns
            && now - w->last_reply_ns > w->longest_gap_ns) {
            w->longest_gap_ns = now - w->last_reply_ns;
        }
        w->last_reply_ns = now;
    }
    return used;
}

/* Appends one request to w->out at 'at' and returns its length. */
static inline size_t
make_request(struct worker *w, struct connection *c, uint8_t *at, uint64_t now)
{
    const struct load_phase *ph = w->phase;
    struct outstanding *o = &c->slots[c->sent & w->slot_mask];
    unsigned kind = ph->percent0 < 100
        && next_random(w) % 100 >= ph->percent0;
    const struct wire_request *r = ph->request[kind];
    uint8_t *path = at + CLIENT_PATH_AT;

    memcpy(at, r->bytes, r->length);
    zk_put_be32(at + CLIENT_XID_AT, ph->op[kind] == OP_PING
               ? (uint32_t) XID_PING : (uint32_t) c->next_xid);
    o->kind = kind;
    o->sent_ns = now;
    if (ph->pick != LOAD_PICK_NONE) {
        if (ph->pick == LOAD_PICK_RANDOM) {
            o->number = next_random(w) * ph->keys >> 32;
        } else {
            o->number = c->next_number;
            c->next_number += w->load->count;
        }
        put_digits(path + ph->numbering.at, o->number);
        if (ph->numbering.group_at != 0) {
            put_digits(path + ph->numbering.group_at,
                       o->number / ph->numbering.per_group);
        }
    }
    c->next_xid = xid_after(c->next_xid);
    c->sent++;
    return r->length;
}

/* Registers or drops interest in writability. */
static void
watch_out(struct worker *w, struct connection *c, bool on)
{
    struct epoll_event ev = {
        .events = EPOLLIN | (on ? (uint32_t) EPOLLOUT : 0),
        .data = { .ptr = c }
    };

    if (c->wants_out == on) {
        return;
    }
    c->wants_out = on;
    if (w->epoll_fd >= 0
        && epoll_ctl(w->epoll_fd, EPOLL_CTL_MOD, c->fd, &ev) != 0) {
        fail("epoll_ctl: %s", strerror(errno));
    }
}

/* Sends 'n' bytes as far as the socket takes them; returns how many. */
static size_t
send_some(const struct connection *c, const uint8_t *p, size_t n)
{
    ssize_t sent;

    do {
        sent = channel_send(c->fd, p, n, MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        if (errno != EAGAIN) {
            fail("connection %u: send: %s", c->index, strerror(errno));
        }
        return 0;
    }
    return (size_t) sent;
}

/* Sends what an earlier send left over. */
static void
flush_out(struct worker *w, struct connection *c)
{
    c->out_at += send_some(c, c->out + c->out_at, c->out_length - c->out_at);
    if (c->out_at == c->out_length) {
        free(c->out);
        c->out = NULL;
        c->out_at = c->out_length = 0;
        watch_out(w, c, false);
    }
}

/* Fills the connection's window with new requests and sends them. */
static void
issue(struct worker *w, struct connection *c, uint64_t now)
{
    uint64_t room = w->phase->window - (c->sent - c->answered);
    uint64_t before = c->sent;
    size_t n = 0;
    size_t sent;

    if (c->out || !w->issuing) {
        return;
    }
    if (room > c->quota_left) {
        room = c->quota_left;
    }
    if (room == 0) {
        return;
    }
    while (room > 0) {
        n += make_request(w, c, w->out + n, now);
        room--;
    }
    c->quota_left -= c->sent - before;
    c->sent_in_phase += c->sent - before;
    w->total_outstanding += c->sent - before;
    sent = send_some(c, w->out, n);
    if (sent < n) {
        c->out = xcalloc(1, n - sent);
        c->out_length = n - sent;
        memcpy(c->out, w->out + sent, n - sent);
        watch_out(w, c, true);
    }
}

/* Receives what is there, takes the replies and sends new requests.  Returns
 * false if nothing was there. */
static bool
receive(struct worker *w, struct connection *c, int flags)
{
    uint8_t *in = w->in;
    ssize_t got;
    size_t used;
    size_t n;
    uint64_t now;

    if (c->in_length > 0) {
        memcpy(in, c->in, c->in_length);
    }
    got = channel_recv(c->fd, in + c->in_length, w->in_size - c->in_length,
                       flags);
    if (got <= 0) {
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return false;
        }
        fail("connection %u: %s", c->index, got == 0
             ? "closed by the server" : strerror(errno));
    }
    now = now_ns();
    n = c->in_length + (size_t) got;
    used = take_replies(w, c, in, n, now);
    c->in_length = n - used;
    if (c->in_length > 0) {
        if (c->in == NULL) {
            c->in = xcalloc(1, w->in_size);
        }
        memcpy(c->in, in + used, c->in_length);
    }
    issue(w, c, now);
    if (c->quota_left == 0 && c->answered == c->sent) {
        w->finished++;
    }
    return true;
}

/* True while the phase has something to send or to wait for. */
static bool
worker_busy(struct worker *w, uint64_t now)
{
    if (w->issuing && (now >= w->to_ns || w->finished == w->n_connections)) {
        w->issuing = false;
    }
    if (!w->issuing && w->total_outstanding == 0) {
        return false;
    }
    if (now > w->last_reply_ns
        && now - w->last_reply_ns > w->phase->stall_s * NS_PER_SEC) {
        fail("no reply on any of %u connections for %u seconds, %" PRIu64
             " requests outstanding", w->n_connections, w->phase->stall_s,
             w->total_outstanding);
    }
    return true;
}

/* The loop of a thread with one connection: no epoll, just recv. */
static void
worker_loop_single(struct worker *w)
{
    struct connection *c = w->connections;

    while (worker_busy(w, w->phase->spin ? now_ns() : w->last_reply_ns)) {
        struct pollfd pfd = { .fd = c->fd, .events = POLLIN };

        if (c->out) {
            pfd.events |= POLLOUT;
            if (poll(&pfd, 1, 100) > 0 && (pfd.revents & POLLOUT) != 0) {
                flush_out(w, c);
            }
            (void) receive(w, c, MSG_DONTWAIT);
        } else if (w->phase->spin) {
            (void) receive(w, c, MSG_DONTWAIT);
        } else if (!receive(w, c, 0)) {
            (void) worker_busy(w, now_ns());
        }
    }
}

static void
worker_loop(struct worker *w)
{
    struct epoll_event events[EVENTS_AT_ONCE];

    while (worker_busy(w, now_ns())) {
        int n = epoll_wait(w->epoll_fd, events, EVENTS_AT_ONCE,
                           w->phase->spin ? 0 : 100);

        if (n < 0 && errno != EINTR) {
            fail("epoll_wait: %s", strerror(errno));
        }
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;

            if ((events[i].events & EPOLLOUT) != 0 && c->out) {
                flush_out(w, c);
            }
            if ((events[i].events & (uint32_t) ~EPOLLOUT) != 0) {
                (void) receive(w, c, MSG_DONTWAIT);
            }
        }
    }
}

static void *
worker_main(void *arg)
{
    struct worker *w = arg;
    uint64_t now = now_ns();

    w->last_reply_ns = now;
    for (unsigned i = 0; i < w->n_connections; i++) {
        if (w->connections[i].quota_left == 0) {
            w->finished++;
        }
        issue(w, &w->connections[i], now_ns());
    }
    if (w->n_connections == 1) {
        worker_loop_single(w);
    } else {
        worker_loop(w);
    }
    return NULL;
}

/* Prepares a worker's connections and buffers for 'phase'. */
static void
worker_prepare(struct worker *w, const struct load_phase *phase,
               uint64_t start_ns)
{
    const struct wire_request *a = phase->request[0];
    const struct wire_request *b = phase->request[1];
    size_t reply = 4 + (b && b->reply_length > a->reply_length
                        ? b->reply_length : a->reply_length);
    size_t request = b && b->length > a->length ? b->length : a->length;
    uint64_t all = w->load->count;

    w->phase = phase;
    w->out_size = request * phase->window;
    free(w->out);
    w->out = xcalloc(1, w->out_size);
    if (w->in_size < 2 * reply) {
        w->in_size = 2 * reply;
        free(w->in);
        w->in = xcalloc(1, w->in_size);
        for (unsigned i = 0; i < w->n_connections; i++) {
            free(w->connections[i].in);
            w->connections[i].in = NULL;
        }
    }
    for (unsigned i = 0; i < w->n_connections; i++) {
        struct connection *c = &w->connections[i];

        c->next_number = c->index;
        if (phase->resume) {
            c->quota_left = c->sent_in_phase;
        } else if (phase->duration_ns > 0) {
            c->quota_left = UINT64_MAX;
        } else {
            c->quota_left = (phase->quota + all - 1 - c->index) / all;
        }
        c->sent_in_phase = 0;
    }
    if (phase->check_data) {
        free(w->pattern);
        w->pattern = xcalloc(1, reply);
        wire_data(w->pattern, reply);
    }
    memset(w->kind, 0, sizeof w->kind);
    w->from_ns = phase->duration_ns > 0 ? start_ns + phase->warm_ns : 0;
    w->to_ns = phase->duration_ns > 0 ? w->from_ns + phase->duration_ns
        : UINT64_MAX;
    w->issuing = true;
    w->finished = 0;
    w->longest_gap_ns = 0;
}

static void
connection_init(struct connection *c, int fd, unsigned index, bool single)
{
    c->fd = fd;
    c->index = index;
    c->next_xid = c->reply_xid = 1;
    /* A lone connection blocks in recv, waking up now and then to look at
     * the clock. */
    if (single) {
        struct timeval tv = { .tv_usec = 100000 };

        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    } else if (!channel_set_blocking(fd, false)) {
        fail("fcntl: %s", strerror(errno));
    }
}

static void
worker_init(struct worker *w, struct load *load, unsigned first, unsigned n)
{
    w->load = load;
    w->connections = load->connections + first;
    w->n_connections = n;
    w->random = UINT64_C(0x9E3779B97F4A7C15) * (first + 1);
    w->in_size = RECEIVE_BUFFER;
    w->in = xcalloc(1, w->in_size);
    w->epoll_fd = -1;
    if (n > 1) {
        w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (w->epoll_fd < 0) {
            fail("epoll_create1: %s", strerror(errno));
        }
    }
    for (unsigned i = 0; i < n; i++) {
        struct connection *c = &w->connections[i];
        struct epoll_event ev = { .events = EPOLLIN, .data = { .ptr = c } };

        connection_init(c, load->fds[first + i], first + i, n == 1);
        if (n > 1 && epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) != 0) {
            fail("epoll_ctl: %s", strerror(errno));
        }
    }
}

struct load *
load_create(const int *fds, unsigned count, unsigned threads)
{
    struct load *load = xcalloc(1, sizeof *load);
    unsigned first = 0;

    load->fds = fds;
    load->count = count;
    load->n_workers = threads < count ? threads : count;
    load->workers = xcalloc(load->n_workers, sizeof *load->workers);
    load->connections = xcalloc(count, sizeof *load->connections);
    for (unsigned i = 0; i < load->n_workers; i++) {
        unsigned n = (count - first) / (load->n_workers - i);

        worker_init(&load->workers[i], load, first, n);
        first += n;
    }
    return load;
}

void
load_destroy(struct load *load)
{
    struct timeval forever = { 0 };

    for (unsigned i = 0; i < load->count; i++) {
        struct connection *c = &load->connections[i];

        (void) channel_set_blocking(c->fd, true);
        setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof forever);
        free(c->slots);
        free(c->in);
        free(c->out);
    }
    for (unsigned i = 0; i < load->n_workers; i++) {
        if (load->workers[i].epoll_fd >= 0) {
            close(load->workers[i].epoll_fd);
        }
        free(load->workers[i].in);
        free(load->workers[i].out);
        free(load->workers[i].pattern);
    }
    free(load->workers);
    free(load->connections);
    free(load);
}

/* Gives each connection room for 'window' outstanding requests. */
static void
grow_slots(struct load *load, unsigned window)
{
    size_t slots = 1;

    while (slots < window) {
        slots *= 2;
    }
    if (slots <= load->slots) {
        return;
    }
    load->slots = slots;
    for (unsigned i = 0; i < load->count; i++) {
        free(load->connections[i].slots);
        load->connections[i].slots = xcalloc(slots,
                                             sizeof(struct outstanding));
    }
    for (unsigned i = 0; i < load->n_workers; i++) {
        load->workers[i].slot_mask = slots - 1;
    }
}

static double
process_cpu_seconds(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double) (u.ru_utime.tv_sec + u.ru_stime.tv_sec)
        + (double) (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Sleeps until 'at_ns' on the clock of now_ns(). */
static void
sleep_until(uint64_t at_ns)
{
    struct timespec ts = { .tv_sec = (time_t) (at_ns / NS_PER_SEC),
                           .tv_nsec = (long) (at_ns % NS_PER_SEC) };

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL)
           == EINTR) {
        continue;
    }
}

void
load_run(struct load *load, const struct load_phase *phase,
         struct load_result *result, void (*at_start)(void *arg),
         void (*at_end)(void *arg), void *arg)
{
    uint64_t start = now_ns();
    uint64_t from = start + phase->warm_ns;
    double cpu;

    grow_slots(load, phase->window);
    memset(result, 0, sizeof *result);
    for (unsigned i = 0; i < load->n_workers; i++) {
        struct worker *w = &load->workers[i];

        worker_prepare(w, phase, start);
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
            fail("pthread_create failed");
        }
    }
    sleep_until(from);
    cpu = process_cpu_seconds();
    if (at_start) {
        at_start(arg);
    }
    if (phase->duration_ns > 0) {
        sleep_until(from + phase->duration_ns);
        result->client_cpu_seconds = process_cpu_seconds() - cpu;
        if (at_end) {
            at_end(arg);
        }
    }
    for (unsigned i = 0; i < load->n_workers; i++) {
        struct worker *w = &load->workers[i];

        pthread_join(w->thread, NULL);
        histogram_merge(&result->kind[0], &w->kind[0]);
        histogram_merge(&result->kind[1], &w->kind[1]);
        if ((double) w->longest_gap_ns / 1e9 > result->longest_gap_s) {
            result->longest_gap_s = (double) w->longest_gap_ns / 1e9;
        }
    }
    result->seconds = (double) phase->duration_ns / 1e9;
    if (phase->duration_ns == 0) {
        result->seconds = (double) (now_ns() - start) / 1e9;
        result->client_cpu_seconds = process_cpu_seconds() - cpu;
        if (at_end) {
            at_end(arg);
        }
    }
}
