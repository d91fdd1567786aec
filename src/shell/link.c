/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "shell/link.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "util/zk_lock.h"
#include "util/zk_time.h"

#define SHELL_LINK_MAGIC 0x5a6b4c6bu
/* How long the server may take to end the session. */
#define SHELL_LINK_CLOSE_MS 5000

/* An event that nobody has been told of yet. */
struct link_event {
    struct link_event *next;
    struct zk_event ev;         /* Its path is the copy below. */
    char path[];
};

enum link_call_state {
    LINK_CALL_WAITING,
    LINK_CALL_DONE,
    LINK_CALL_DROPPED,          /* The callback frees it. */
};

struct link_call {
    struct shell_link *link;
    enum link_call_state state;     /* The link's lock. */
    int64_t deadline_ms;
    struct link_answer answer;
};

struct shell_link {
    unsigned magic;             /* SHELL_LINK_MAGIC */
    struct zk_client *client;
    struct link_env env;
    int32_t timeout_ms, call_timeout_ms;
    int wake_fd;                /* Something below is new. */

    struct zk_mutex lock;
    struct link_event *first, **last;
    size_t held;                /* Bytes of these. */
    size_t lost;                /* Events behind them that were too many. */
};

/* ---- the client's threads ----------------------------------------------- */

static void
sl_wake(struct shell_link *l)
{
    uint64_t one = 1;
    ssize_t n;

    do {
        n = write(l->wake_fd, &one, sizeof one);
    } while (n < 0 && errno == EINTR);
}

/* Puts it down, if there is room.  Behind one that was lost there is none
 * until all were told; a change of the state always has some. */
static bool
sl_put_event(struct shell_link *l, struct link_event *e, size_t size)
{
    bool ok;

    zk_lock(&l->lock);
    ok = e->ev.type == ZK_EVENT_NONE
         || (l->lost == 0 && l->held + size <= LINK_EVENTS_MAX);
    if (ok) {
        *l->last = e;
        l->last = &e->next;
        l->held += size;
    } else {
        l->lost++;
    }
    zk_unlock(&l->lock);
    return ok;
}

static void
sl_on_event(void *arg, const struct zk_event *ev)
{
    struct shell_link *l = arg;
    size_t len = ev->path.len > 0 ? (size_t) ev->path.len : 0;
    struct link_event *e = zk_xmalloc(sizeof *e + len);

    e->next = NULL;
    e->ev = *ev;
    if (len > 0) {
        memcpy(e->path, ev->path.p, len);
        e->ev.path.p = e->path;
    }
    if (sl_put_event(l, e, sizeof *e + len)) {
        sl_wake(l);
    } else {
        free(e);                /* The bell has rung for those before. */
    }
}

/* A copy that the answer owns; null stays null. */
static struct zk_slice
sl_dup(struct zk_slice s)
{
    if (zk_slice_is_null(s)) {
        return ZK_SLICE_NULL;
    }
    return zk_slice(zk_xstrndup(s.len > 0 ? s.p : "", (size_t) s.len),
                    s.len);
}

static void
sl_copy_answer(const struct zk_result *r, struct link_answer *a)
{
    a->err = r->err;
    if (r->err != KE_OK) {
        return;
    }
    if (r->op == OP_MULTI) {
        a->err = zk_result_multi_err(r, NULL);
    }
    if (r->path.len >= 0 && r->path.p != NULL) {
        a->path = zk_xstrndup(r->path.p, (size_t) r->path.len);
    }
    a->data = r->data.p == NULL ? ZK_SLICE_NULL : sl_dup(r->data);
    a->acl = r->acl.p == NULL ? ZK_SLICE_NULL : sl_dup(r->acl);
    a->stat = r->stat;
    a->number = r->number;
    for (int32_t i = 0; i < r->names.n; i++) {
        words_add_slice(&a->names, r->names.v[i]);
    }
    for (int32_t i = 0; i < r->who.n; i++) {
        words_add_slice(&a->who, r->who.v[i].auth_scheme);
        words_add_slice(&a->who, r->who.v[i].user);
    }
}

static void
sl_on_done(void *arg, const struct zk_result *r)
{
    struct link_call *call = arg;
    struct shell_link *l = call->link;
    struct link_answer a = { 0 };
    bool dropped;

    sl_copy_answer(r, &a);
    zk_lock(&l->lock);
    dropped = call->state == LINK_CALL_DROPPED;
    if (!dropped) {
        call->answer = a;
        call->state = LINK_CALL_DONE;
    }
    zk_unlock(&l->lock);
    if (dropped) {
        link_answer_fini(&a);
        free(call);
    } else {
        sl_wake(l);
    }
}

/* ---- waiting ------------------------------------------------------------ */

void
shell_link_tell(struct shell_link *l)
{
    struct link_event *e;
    uint64_t count;
    size_t lost;

    if (l == NULL) {
        return;
    }
    /* First the bell, then what it rang for: nothing is missed. */
    if (read(l->wake_fd, &count, sizeof count) < 0) {
        count = 0;
    }
    zk_lock(&l->lock);
    e = l->first;
    l->first = NULL;
    l->last = &l->first;
    lost = l->lost;
    l->held = l->lost = 0;
    zk_unlock(&l->lock);
    while (e != NULL) {
        struct link_event *next = e->next;

        l->env.on_event(l->env.arg, &e->ev);
        free(e);
        e = next;
    }
    if (lost > 0) {
        l->env.on_lost(l->env.arg, lost);
    }
}

/* Waits until something came, or the deadline; tells the events.  False: the
 * deadline has passed or the user interrupted ('*interrupted'). */
static bool
sl_wait(struct shell_link *l, int64_t deadline_ms, bool *interrupted)
{
    struct pollfd p[2] = {
        { .fd = l->wake_fd, .events = POLLIN },
        { .fd = l->env.interrupt_fd, .events = POLLIN },
    };
    int64_t left = deadline_ms - zk_time_mono_ms();
    int n;

    *interrupted = false;
    if (left <= 0) {
        return false;
    }
    n = poll(p, 2, left > INT_MAX ? INT_MAX : (int) left);
    if (n > 0 && p[1].revents != 0 && l->env.interrupted(l->env.arg)) {
        *interrupted = true;
        return false;
    }
    if (n > 0 && p[0].revents != 0) {
        shell_link_tell(l);
    }
    return true;
}

bool
shell_link_wait_connected(struct shell_link *l, int32_t timeout_ms)
{
    int64_t deadline_ms = zk_time_mono_ms() + timeout_ms;
    bool interrupted;

    ZK_CHECK(l, SHELL_LINK_MAGIC);
    for (;;) {
        enum zk_client_state state = zk_client_state(l->client);

        if (state != ZK_CLIENT_CONNECTING) {
            /* The news of it may be on its way; it stands before the output
             * of what comes next. */
            shell_link_tell(l);
            return shell_link_alive(l);
        }
        if (!sl_wait(l, deadline_ms, &interrupted)) {
            return false;
        }
    }
}

int32_t
shell_link_finish(struct shell_link *l, struct link_call *call,
                  struct link_answer *out)
{
    ZK_CHECK(l, SHELL_LINK_MAGIC);
    for (;;) {
        enum link_call_state state;
        bool interrupted;

        zk_lock(&l->lock);
        state = call->state;
        zk_unlock(&l->lock);
        if (state == LINK_CALL_DONE) {
            shell_link_tell(l);
            *out = call->answer;
            free(call);
            return out->err;
        }
        if (!sl_wait(l, call->deadline_ms, &interrupted)) {
            shell_link_drop(l, call);
            *out = (struct link_answer) {
                .err = interrupted ? LINK_INTERRUPTED : KE_REQUEST_TIMEOUT,
            };
            return out->err;
        }
    }
}

void
shell_link_drop(struct shell_link *l, struct link_call *call)
{
    bool done;

    zk_lock(&l->lock);
    done = call->state == LINK_CALL_DONE;
    call->state = LINK_CALL_DROPPED;
    zk_unlock(&l->lock);
    if (done) {
        link_answer_fini(&call->answer);
        free(call);
    }
}

/* ---- asking ------------------------------------------------------------- */

static struct link_call *
sl_new_call(struct shell_link *l, int32_t timeout_ms)
{
    struct link_call *call = zk_xcalloc(1, sizeof *call);

    call->link = l;
    call->deadline_ms = zk_time_mono_ms() + timeout_ms;
    return call;
}

struct link_call *
shell_link_submit(struct shell_link *l, const struct zk_op *op)
{
    struct link_call *call;

    ZK_CHECK(l, SHELL_LINK_MAGIC);
    call = sl_new_call(l, l->call_timeout_ms);
    zk_client_submit(l->client, op, sl_on_done, call);
    return call;
}

int32_t
shell_link_call(struct shell_link *l, const struct zk_op *op,
                struct link_answer *out)
{
    struct link_call *call = shell_link_submit(l, op);

    /* The client looks for a server as long as a session's time-out. */
    if (zk_client_state(l->client) == ZK_CLIENT_CONNECTING) {
        call->deadline_ms += l->timeout_ms;
    }
    return shell_link_finish(l, call, out);
}

int32_t
shell_link_try(struct shell_link *l, const struct zk_op *op,
               int32_t timeout_ms, struct link_answer *out)
{
    struct link_call *call = shell_link_submit(l, op);

    call->deadline_ms = zk_time_mono_ms() + timeout_ms;
    return shell_link_finish(l, call, out);
}

void
link_answer_fini(struct link_answer *a)
{
    free(a->path);
    free((char *) (uintptr_t) a->data.p);
    free((char *) (uintptr_t) a->acl.p);
    words_fini(&a->names);
    words_fini(&a->who);
    *a = (struct link_answer) { 0 };
}

/* ---- life --------------------------------------------------------------- */

int
shell_link_open(const struct link_config *cfg, const struct link_env *env,
                struct shell_link **out, struct zk_errmsg *em)
{
    struct shell_link *l = zk_xcalloc(1, sizeof *l);
    struct zk_client_config client = {
        .connect_string = cfg->server,
        .session_timeout_ms = cfg->timeout_ms,
        .read_only = cfg->read_only,
        .max_buffer = cfg->max_buffer,
        .net = cfg->net,
        .on_event = sl_on_event,
        .arg = l,
    };
    int rv;

    l->magic = SHELL_LINK_MAGIC;
    l->env = *env;
    l->timeout_ms = cfg->timeout_ms;
    l->call_timeout_ms = cfg->call_timeout_ms;
    l->last = &l->first;
    zk_mutex_init(&l->lock, ZK_LOCK_leaf);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rv = l->wake_fd < 0 ? zk_fail_errno(em, "eventfd")
                        : zk_client_create(&client, &l->client, em);
    if (rv != ZK_OK) {
        shell_link_close(l);
        return rv;
    }
    *out = l;
    return ZK_OK;
}

/* Asks the server to end the session; waits for it, unless the user does not
 * want to. */
static void
sl_end_session(struct shell_link *l)
{
    struct link_call *call = sl_new_call(l, l->timeout_ms
                                                < SHELL_LINK_CLOSE_MS
                                            ? l->timeout_ms
                                            : SHELL_LINK_CLOSE_MS);
    struct link_answer a;

    zk_client_submit_close(l->client, sl_on_done, call);
    (void) shell_link_finish(l, call, &a);
    link_answer_fini(&a);
}

void
shell_link_close(struct shell_link *l)
{
    if (l == NULL) {
        return;
    }
    ZK_CHECK(l, SHELL_LINK_MAGIC);
    if (l->client != NULL) {
        if (zk_client_state(l->client) != ZK_CLIENT_CONNECTING) {
            sl_end_session(l);
        }                       /* Else there is nobody to be told. */
        zk_client_destroy(l->client);
    }
    shell_link_tell(l);
    if (l->wake_fd >= 0) {
        close(l->wake_fd);
    }
    zk_mutex_fini(&l->lock);
    l->magic = 0;
    free(l);
}

bool
shell_link_alive(const struct shell_link *l)
{
    return l != NULL && zk_client_state(l->client) < ZK_CLIENT_CLOSED;
}

const char *
shell_link_state(const struct shell_link *l)
{
    return zk_client_state_name(l == NULL ? ZK_CLIENT_CLOSED
                                          : zk_client_state(l->client));
}

int
shell_link_fd(const struct shell_link *l)
{
    return l == NULL ? -1 : l->wake_fd;
}
