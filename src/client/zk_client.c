/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads of a client.  client_core decides; here bytes are moved, and
 * those are woken who wait.
 *
 * The stream belongs to SendThread, which alone makes and destroys it (under
 * the lock, so that others may look at it or shut it down there); RecvThread
 * lives as long as the stream and is joined before it goes.  Whoever learns
 * that the link is broken shuts it down (zc_route): SendThread may be in the
 * middle of a write.
 */
#include <config.h>

#include "client/zk_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client_core.h"
#include "util/sip_hash.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

#define ZC_READ_SIZE 65536
/* So much of the output has the read time-out to be taken: whoever takes it
 * byte by byte is left, and a slow line that moves is not. */
#define ZC_WRITE_SIZE 65536

struct zk_client {
    unsigned magic;
#define ZK_CLIENT_MAGIC 0x7a6b436c

    /* Set at create. */
    struct net_options net;
    struct net_cancel cancel;   /* Ends a connect. */
    zk_client_event_fn *on_event;
    void *arg;
    int32_t call_timeout_ms;

    struct zk_mutex lock;
    struct zk_cond wake;        /* SendThread has something to do. */
    struct zk_cond changed;     /* The state is another one. */
    struct client_core *core ZK_GUARDED;
    struct net_stream *stream ZK_GUARDED;
    struct net_stream *probe ZK_GUARDED;    /* SendThread's, as the stream is;
                                             * lives while it asks isro. */
    enum zk_client_state seen ZK_GUARDED;   /* What 'changed' told. */

    struct blocking_queue events;   /* struct client_delivery. */
    struct zk_thread send_thread;
    struct zk_thread recv_thread;   /* SendThread starts and joins it. */
    struct zk_thread event_thread;
    struct zk_buf sending;          /* SendThread's; so much of it is */
    size_t sent;                    /* ... written. */
};

/* A thread that waits in zk_client_call; on its stack. */
struct zc_waiter {
    struct zk_cond answered;
    bool done;
    struct zk_result result;
};

/* ---- telling ------------------------------------------------------------ */

/* Stands in for the function of a caller that waits; never called. */
static void
zc_waits(void *arg, const struct zk_result *r)
{
    (void) arg;
    (void) r;
}

static void
zc_free_list(struct bq_list *list)
{
    struct bq_node *node;

    while ((node = bq_list_pop(list)) != NULL) {
        client_delivery_free(
            ZK_CONTAINER_OF(node, struct client_delivery, node));
    }
}

/* After each call of the core: hands out what it has to tell, and ends a
 * link that is broken. */
static void
zc_route(struct zk_client *c) ZK_REQUIRES(c->lock)
{
    struct bq_list events = { NULL, NULL, 0 };
    struct bq_node *node;

    while ((node = bq_list_pop(&c->core->deliveries)) != NULL) {
        struct client_delivery *d
            = ZK_CONTAINER_OF(node, struct client_delivery, node);

        if (d->asker.waits) {
            struct zc_waiter *w = d->asker.arg;

            w->result = d->result;
            w->done = true;
            zk_cond_signal(&w->answered);
            free(d);
        } else if (d->asker.done == NULL && c->on_event == NULL) {
            client_delivery_free(d);
        } else {
            bq_list_append(&events, node);
        }
    }
    if (events.n > 0 && !blocking_queue_put_list(&c->events, &events)) {
        zc_free_list(&events);
    }
    if (c->core->link == CLIENT_LINK_BROKEN && c->stream != NULL) {
        net_stream_shutdown(c->stream);
    }
    if (c->seen != c->core->state) {
        c->seen = c->core->state;
        zk_cond_broadcast(&c->changed);
    }
}

static void
zc_event_run(void *arg)
{
    struct zk_client *c = arg;
    struct bq_list list = { NULL, NULL, 0 };

    while (blocking_queue_take_all(&c->events, &list)) {
        struct bq_node *node;

        while ((node = bq_list_pop(&list)) != NULL) {
            struct client_delivery *d
                = ZK_CONTAINER_OF(node, struct client_delivery, node);

            if (d->asker.done != NULL) {
                d->asker.done(d->asker.arg, &d->result);
            } else {
                c->on_event(c->arg, &d->event);
            }
            client_delivery_free(d);
        }
    }
}

/* ---- reading ------------------------------------------------------------ */

/* Reads once; false: the link is at its end. */
static bool
zc_read(struct zk_client *c, struct net_stream *s, uint8_t *buf)
{
    struct zk_errmsg em;
    size_t got = 0;
    int rv = net_stream_read(s, buf, ZC_READ_SIZE, 0, &got, &em);

    zk_lock(&c->lock);
    if (rv == ZK_OK && got == 0) {
        rv = zk_fail(&em, ZK_EIO, "the server has closed the connection");
    }
    if (rv == ZK_OK) {
        rv = client_core_input(c->core, zk_time_mono_ms(), buf, got, &em);
    }
    if (rv != ZK_OK) {
        client_core_broken(c->core, em.text);
    }
    if (c->core->link == CLIENT_LINK_BROKEN) {
        rv = ZK_ESTOPPED;
    }
    zc_route(c);
    /* Only for what SendThread is to do: it looks at the time by itself. */
    if (rv != ZK_OK || c->core->out.len > 0) {
        zk_cond_signal(&c->wake);
    }
    zk_unlock(&c->lock);
    return rv == ZK_OK;
}

static void
zc_recv_run(void *arg)
{
    struct zk_client *c = arg;
    uint8_t *buf = zk_xmalloc(ZC_READ_SIZE);
    struct net_stream *s;

    zk_lock(&c->lock);
    s = c->stream;
    zk_unlock(&c->lock);
    while (zc_read(c, s, buf)) {
    }
    free(buf);
}

/* ---- sending ------------------------------------------------------------ */

static void
zc_connect(struct zk_client *c, const struct client_step *step)
    ZK_REQUIRES(c->lock)
{
    struct net_stream *s = NULL;
    struct zk_errmsg em;
    int rv;

    zk_unlock(&c->lock);
    zk_info(client, "opening a connection to server %s:%d", step->to->host,
            step->to->port);
    rv = net_stream_connect(step->to->host, step->to->port, step->until_ms,
                            &c->net, &s, &em);
    zk_lock(&c->lock);
    if (rv != ZK_OK) {
        zk_warn(client, "session 0x%" PRIx64 ": %s",
                (uint64_t) c->core->session_id, em.text);
        client_core_dropped(c->core, zk_time_mono_ms());
        return;
    }
    c->stream = s;
    client_core_connected(c->core, zk_time_mono_ms());
    zk_thread_start(&c->recv_thread, zc_recv_run, c, "RecvThread(%s)",
                    net_stream_peer(s));
}

static void
zc_drop(struct zk_client *c, const struct client_step *step)
    ZK_REQUIRES(c->lock)
{
    struct net_stream *s = c->stream;

    if (client_state_is_final(c->core->state)) {
        zk_info(client, "session 0x%" PRIx64 ": closing the connection: %s",
                (uint64_t) c->core->session_id, step->why);
    } else {
        zk_warn(client, "session 0x%" PRIx64 " for server %s:%d: closing the "
                "connection: %s", (uint64_t) c->core->session_id,
                c->core->target.host, c->core->target.port, step->why);
    }
    zk_unlock(&c->lock);
    if (s != NULL) {
        net_stream_shutdown(s);
        zk_thread_join(&c->recv_thread);
    }
    zk_lock(&c->lock);
    c->stream = NULL;
    net_stream_destroy(s);
    zk_buf_clear(&c->sending);
    c->sent = 0;
    client_core_dropped(c->core, zk_time_mono_ms());
}

/* Sends "isro" and reads the answer: "rw", and the end of the connection. */
static bool
zc_read_isro(struct net_stream *s, int64_t deadline_ms, struct zk_errmsg *em)
{
    char answer[3] = "";
    size_t have = 0, got = 1;
    int rv = net_stream_write_until(s, "isro", 4, deadline_ms, em);

    while (rv == ZK_OK && have < 2) {
        int64_t left_ms = deadline_ms - zk_time_mono_ms();

        rv = left_ms > 0
                 ? net_stream_read(s, answer + have, 2 - have, left_ms, &got,
                                   em)
                 : zk_fail(em, ZK_ETORN, "not in time");
        if (rv == ZK_OK && got == 0) {
            rv = zk_fail(em, ZK_EIO, "the server has closed the connection");
        }
        have += rv == ZK_OK ? got : 0;
    }
    return rv == ZK_OK && strcmp(answer, "rw") == 0;
}

/* Shows the probe's stream to those who may shut it down; false: the client
 * has ended meanwhile. */
static bool
zc_show_probe(struct zk_client *c, struct net_stream *s)
{
    bool on;

    zk_lock(&c->lock);
    on = !client_state_is_final(c->core->state);
    c->probe = on ? s : NULL;
    zk_unlock(&c->lock);
    return on;
}

static bool
zc_ask_isro(struct zk_client *c, const struct client_step *step)
{
    struct zk_errmsg em = { "" };
    struct net_stream *s;
    bool found = false;
    int rv = net_stream_connect(step->to->host, step->to->port,
                                step->until_ms, &c->net, &s, &em);

    if (rv == ZK_OK) {
        found = zc_show_probe(c, s) && zc_read_isro(s, step->until_ms, &em);
        (void) zc_show_probe(c, NULL);
        net_stream_destroy(s);
    }
    if (em.text[0] != '\0') {
        zk_debug(client, "no answer to isro: %s", em.text);
    }
    return found;
}

static void
zc_probe(struct zk_client *c, const struct client_step *step)
    ZK_REQUIRES(c->lock)
{
    bool found;

    zk_unlock(&c->lock);
    found = zc_ask_isro(c, step);
    zk_lock(&c->lock);
    client_core_probed(c->core, zk_time_mono_ms(), found);
}

static bool
zc_take_output(struct zk_client *c) ZK_REQUIRES(c->lock)
{
    zk_buf_clear(&c->sending);
    c->sent = 0;
    return client_core_output(c->core, zk_time_mono_ms(), &c->sending);
}

/* Writes a piece of what there is; false: nothing.  The core is asked between
 * the pieces, so that a server that is silent is left all the same. */
static bool
zc_write(struct zk_client *c) ZK_REQUIRES(c->lock)
{
    struct net_stream *s = c->stream;
    struct zk_errmsg em;
    int64_t piece_ms;
    size_t n;
    int rv;

    if (s == NULL
        || (c->sent == c->sending.len && !zc_take_output(c))) {
        return false;
    }
    /* As long as a server may say nothing. */
    piece_ms = (int64_t) (c->core->timeout_ms > 0
                          ? c->core->timeout_ms
                          : c->core->asked_timeout_ms) * 2 / 3 + 1;
    n = c->sending.len - c->sent;
    n = n < ZC_WRITE_SIZE ? n : ZC_WRITE_SIZE;
    zk_unlock(&c->lock);
    rv = net_stream_write_until(s, c->sending.data + c->sent, n,
                                zk_time_mono_ms() + piece_ms, &em);
    c->sent += n;
    zk_lock(&c->lock);
    if (rv != ZK_OK) {
        client_core_broken(c->core, em.text);
    }
    return true;
}

static void
zc_send_run(void *arg)
{
    struct zk_client *c = arg;
    struct client_step step;

    zk_lock(&c->lock);
    do {
        client_core_next(c->core, zk_time_mono_ms(), &step);
        switch (step.todo) {
        case CLIENT_CONNECT:
            zc_connect(c, &step);
            break;
        case CLIENT_DROP:
            zc_drop(c, &step);
            break;
        case CLIENT_PROBE:
            (void) zc_write(c);
            zc_probe(c, &step);
            break;
        case CLIENT_WAIT:
            if (!zc_write(c)) {
                (void) zk_cond_wait_until(&c->wake, &c->lock,
                                          step.until_ms);
            }
            break;
        case CLIENT_END:
            break;
        }
        zc_route(c);
    } while (step.todo != CLIENT_END);
    zk_unlock(&c->lock);
}

/* ---- life --------------------------------------------------------------- */

int
zk_client_create(const struct zk_client_config *cfg, struct zk_client **out,
                 struct zk_errmsg *em)
{
    uint64_t seed = cfg->shuffle_seed;
    struct net_cancel cancel;
    struct client_core *core;
    struct zk_client *c;
    struct sip_key chance;
    int rv;

    if (seed == 0) {
        sip_key_random(&chance);
        seed = chance.k0;
    }
    rv = net_cancel_init(&cancel, em);
    if (rv != ZK_OK) {
        return rv;
    }
    rv = client_core_create(cfg, seed, zk_time_mono_ms(), &core, em);
    if (rv != ZK_OK) {
        net_cancel_fini(&cancel);
        return rv;
    }
    c = zk_xcalloc(1, sizeof *c);
    c->magic = ZK_CLIENT_MAGIC;
    if (cfg->net != NULL) {
        c->net = *cfg->net;
    }
    c->net.nodelay = true;
    c->net.cancel = &c->cancel;
    c->cancel = cancel;
    c->on_event = cfg->on_event;
    c->arg = cfg->arg;
    c->call_timeout_ms = cfg->call_timeout_ms;
    zk_mutex_init(&c->lock, ZK_LOCK_client);
    zk_cond_init(&c->wake);
    zk_cond_init(&c->changed);
    zk_lock(&c->lock);
    c->core = core;
    c->seen = core->state;
    zk_unlock(&c->lock);
    blocking_queue_init(&c->events, "client events");
    zk_thread_start(&c->event_thread, zc_event_run, c, "EventThread");
    zk_thread_start(&c->send_thread, zc_send_run, c, "SendThread");
    *out = c;
    return ZK_OK;
}

/* Whatever SendThread and RecvThread wait for ends now. */
static void
zc_abandon(struct zk_client *c) ZK_REQUIRES(c->lock)
{
    client_core_abandon(c->core);
    net_cancel_fire(&c->cancel);
    if (c->stream != NULL) {
        net_stream_shutdown(c->stream);
    }
    if (c->probe != NULL) {
        net_stream_shutdown(c->probe);
    }
    zc_route(c);
    zk_cond_signal(&c->wake);
}

void
zk_client_abandon(struct zk_client *c)
{
    ZK_CHECK(c, ZK_CLIENT_MAGIC);
    zk_lock(&c->lock);
    zc_abandon(c);
    zk_unlock(&c->lock);
}

void
zk_client_submit_close(struct zk_client *c, zk_client_done_fn *done,
                       void *arg)
{
    const struct client_asker asker = { done, arg, false };

    ZK_CHECK(c, ZK_CLIENT_MAGIC);
    zk_lock(&c->lock);
    client_core_close(c->core, &asker);
    zc_route(c);
    zk_cond_signal(&c->wake);
    zk_unlock(&c->lock);
}

int32_t
zk_client_close(struct zk_client *c, int32_t timeout_ms)
{
    int64_t deadline_ms = zk_time_mono_ms() + (timeout_ms > 0 ? timeout_ms
                                                              : 0);
    struct zc_waiter w = { .done = false };
    const struct client_asker asker = { zc_waits, &w, true };
    int32_t err;

    ZK_CHECK(c, ZK_CLIENT_MAGIC);
    zk_cond_init(&w.answered);
    zk_lock(&c->lock);
    client_core_close(c->core, &asker);
    zc_route(c);
    zk_cond_signal(&c->wake);
    while (!w.done
           && zk_cond_wait_until(&w.answered, &c->lock, deadline_ms)) {
    }
    if (!w.done) {
        zc_abandon(c);          /* Answers it, too. */
    }
    zk_assert(w.done);
    zk_unlock(&c->lock);
    zk_cond_fini(&w.answered);
    err = w.result.err;
    zk_result_fini(&w.result);
    return err;
}

void
zk_client_destroy(struct zk_client *c)
{
    struct client_core *core;

    if (c == NULL) {
        return;
    }
    ZK_CHECK(c, ZK_CLIENT_MAGIC);
    zk_lock(&c->lock);
    zc_abandon(c);
    core = c->core;
    zk_unlock(&c->lock);
    zk_thread_join(&c->send_thread);
    blocking_queue_close(&c->events);
    zk_thread_join(&c->event_thread);
    blocking_queue_fini(&c->events);
    client_core_destroy(core);
    net_cancel_fini(&c->cancel);
    zk_cond_fini(&c->wake);
    zk_cond_fini(&c->changed);
    zk_mutex_fini(&c->lock);
    zk_buf_fini(&c->sending);
    c->magic = 0;
    free(c);
}

/* ---- asking ------------------------------------------------------------- */

void
zk_client_submit(struct zk_client *c, const struct zk_op *op,
                 zk_client_done_fn *done, void *arg)
{
    const struct client_asker asker = { done, arg, false };

    ZK_CHECK(c, ZK_CLIENT_MAGIC);
    zk_lock(&c->lock);
    (void) client_core_submit(c->core, op, &asker);
    zc_route(c);
    zk_cond_signal(&c->wake);
    zk_unlock(&c->lock);
}

int32_t
zk_client_call_for(struct zk_client *c, const struct zk_op *op,
                   int32_t timeout_ms, struct zk_result *out)
{
    int64_t deadline_ms = timeout_ms > 0 ? zk_time_mono_ms() + timeout_ms
                                         : INT64_MAX;
    struct zc_waiter w = { .done = false };
    const struct client_asker asker = { zc_waits, &w, true };
    struct client_request *req;
    int32_t err;

    ZK_CHECK(c, ZK_CLIENT_MAGIC);
    zk_cond_init(&w.answered);
    zk_lock(&c->lock);
    req = client_core_submit(c->core, op, &asker);
    zc_route(c);
    zk_cond_signal(&c->wake);
    while (!w.done
           && zk_cond_wait_until(&w.answered, &c->lock, deadline_ms)) {
    }
    if (!w.done) {
        client_core_forget(req);
        zk_result_init(&w.result, op->op, KE_REQUEST_TIMEOUT);
    }
    zk_unlock(&c->lock);
    zk_cond_fini(&w.answered);
    err = w.result.err;
    if (out != NULL) {
        *out = w.result;
    } else {
        zk_result_fini(&w.result);
    }
    return err;
}

int32_t
zk_client_call(struct zk_client *c, const struct zk_op *op,
               struct zk_result *out)
{
    return zk_client_call_for(c, op, c->call_timeout_ms, out);
}

/* ---- looking ------------------------------------------------------------ */

enum zk_client_state
zk_client_state(struct zk_client *c)
{
    enum zk_client_state state;

    ZK_CHECK(c, ZK_CLIENT_MAGIC);
    zk_lock(&c->lock);
    state = c->core->state;
    zk_unlock(&c->lock);
    return state;
}

static bool
zc_is_connected(enum zk_client_state state)
{
    return state == ZK_CLIENT_CONNECTED
           || state == ZK_CLIENT_CONNECTED_READ_ONLY;
}

bool
zk_client_wait_connected(struct zk_client *c, int32_t timeout_ms)
{
    int64_t deadline_ms = timeout_ms < 0 ? INT64_MAX
                                         : zk_time_mono_ms() + timeout_ms;
    bool ok;

    ZK_CHECK(c, ZK_CLIENT_MAGIC);
    zk_lock(&c->lock);
    while (!zc_is_connected(c->core->state)
           && !client_state_is_final(c->core->state)
           && zk_cond_wait_until(&c->changed, &c->lock, deadline_ms)) {
    }
    ok = zc_is_connected(c->core->state);
    zk_unlock(&c->lock);
    return ok;
}

int64_t
zk_client_session_id(struct zk_client *c)
{
    int64_t id;

    ZK_CHECK(c, ZK_CLIENT_MAGIC);
    zk_lock(&c->lock);
    id = c->core->session_id;
    zk_unlock(&c->lock);
    return id;
}

void
zk_client_password(struct zk_client *c, uint8_t out[ZK_CLIENT_PASSWORD_LEN])
{
    ZK_CHECK(c, ZK_CLIENT_MAGIC);
    zk_lock(&c->lock);
    memcpy(out, c->core->password, ZK_CLIENT_PASSWORD_LEN);
    zk_unlock(&c->lock);
}

int32_t
zk_client_session_timeout(struct zk_client *c)
{
    int32_t ms;

    ZK_CHECK(c, ZK_CLIENT_MAGIC);
    zk_lock(&c->lock);
    ms = c->core->timeout_ms;
    zk_unlock(&c->lock);
    return ms;
}

void
zk_client_server(struct zk_client *c, char *out, size_t size)
{
    bool up;

    ZK_CHECK(c, ZK_CLIENT_MAGIC);
    zk_lock(&c->lock);
    up = c->stream != NULL && c->core->link == CLIENT_LINK_UP;
    snprintf(out, size, "%s", up ? net_stream_peer(c->stream) : "");
    zk_unlock(&c->lock);
}

int64_t
zk_client_last_zxid(struct zk_client *c)
{
    int64_t zxid;

    ZK_CHECK(c, ZK_CLIENT_MAGIC);
    zk_lock(&c->lock);
    zxid = c->core->last_zxid;
    zk_unlock(&c->lock);
    return zxid;
}

int
zk_client_update_servers(struct zk_client *c, const char *connect_string,
                         struct zk_errmsg *em)
{
    int rv;

    ZK_CHECK(c, ZK_CLIENT_MAGIC);
    zk_lock(&c->lock);
    rv = client_core_update_servers(c->core, connect_string, em);
    zc_route(c);
    zk_cond_signal(&c->wake);
    zk_unlock(&c->lock);
    return rv;
}

/* ---- names -------------------------------------------------------------- */

const char *
zk_client_state_name(enum zk_client_state state)
{
    switch (state) {
    case ZK_CLIENT_CONNECTING:
        return "CONNECTING";
    case ZK_CLIENT_CONNECTED:
        return "CONNECTED";
    case ZK_CLIENT_CONNECTED_READ_ONLY:
        return "CONNECTEDREADONLY";
    case ZK_CLIENT_CLOSED:
    case ZK_CLIENT_EXPIRED:     /* Java has no state of its own for it. */
        return "CLOSED";
    case ZK_CLIENT_AUTH_FAILED:
        return "AUTH_FAILED";
    }
    return "UNKNOWN";
}

const char *
zk_event_type_name(int32_t type)
{
    switch (type) {
    case ZK_EVENT_NONE:
        return "None";
    case ZK_EVENT_CREATED:
        return "NodeCreated";
    case ZK_EVENT_DELETED:
        return "NodeDeleted";
    case ZK_EVENT_DATA_CHANGED:
        return "NodeDataChanged";
    case ZK_EVENT_CHILDREN_CHANGED:
        return "NodeChildrenChanged";
    case ZK_EVENT_DATA_WATCH_REMOVED:
        return "DataWatchRemoved";
    case ZK_EVENT_CHILD_WATCH_REMOVED:
        return "ChildWatchRemoved";
    case ZK_EVENT_PERSISTENT_WATCH_REMOVED:
        return "PersistentWatchRemoved";
    default:
        return "Unknown";
    }
}

const char *
zk_keeper_state_name(int32_t state)
{
    switch (state) {
    case ZK_KEEPER_DISCONNECTED:
        return "Disconnected";
    case ZK_KEEPER_SYNC_CONNECTED:
        return "SyncConnected";
    case ZK_KEEPER_AUTH_FAILED:
        return "AuthFailed";
    case ZK_KEEPER_CONNECTED_READ_ONLY:
        return "ConnectedReadOnly";
    case ZK_KEEPER_SASL_AUTHENTICATED:
        return "SaslAuthenticated";
    case ZK_KEEPER_CLOSED:
        return "Closed";
    case ZK_KEEPER_EXPIRED:
        return "Expired";
    default:
        return "Unknown";
    }
}
