/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "election/cnx_listener.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "election/qcm_internal.h"
#include "net/net_address.h"
#include "net/net_crowd.h"
#include "util/zk_time.h"

struct hello_slot {
    struct cnx_listener *cl;
    struct zk_thread thread;    /* The ListenerHandler starts and joins. */
    uint64_t turn;              /* Which connection it is, */
    char peer[NET_ADDRESS_MAX]; /* ... and from where.  Both are the
                                 * ListenerHandler's. */
    struct net_stream *stream ZK_GUARDED;   /* Until the hello is over. */
    bool busy ZK_GUARDED;
};

struct cnx_listener {
    unsigned magic;
#define CNX_LISTENER_MAGIC 0x434c6973
    struct quorum_cnx_manager *qcm;
    struct net_listener *port;
    struct zk_thread thread;
    uint64_t turn;              /* The ListenerHandler's. */

    struct zk_mutex lock;       /* Class leaf. */
    struct hello_slot slots[CNX_HELLOS];
};

/* ---- one hello --------------------------------------------------------- */

/* The time that nobody else may wait in. */
static int
cl_shake_hands(const struct cnx_listener *cl, struct net_stream *s,
               struct zk_errmsg *em)
{
    return net_stream_handshake(s, zk_time_mono_ms()
                                + cl->qcm->settings.connect_timeout_ms, em);
}

/* ZK_ETORN once the deadline has passed, whatever came until then. */
static int
cl_read_more(struct net_stream *s, uint8_t *p, size_t len,
             int64_t deadline_ms, struct zk_errmsg *em)
{
    while (len > 0) {
        int64_t left_ms = deadline_ms - zk_time_mono_ms();
        size_t got;
        int rv;

        if (left_ms <= 0) {
            return zk_fail(em, ZK_ETORN, "its hello takes too long");
        }
        rv = net_stream_read(s, p, len, left_ms, &got, em);
        if (rv != ZK_OK) {
            return rv;
        }
        if (got == 0) {
            return zk_fail(em, ZK_EIO, "it ended within its hello");
        }
        p += got;
        len -= got;
    }
    return ZK_OK;
}

/* As the hello of a server of 3.4 it would have an id of 19 digits. */
static bool
cl_is_tls(const uint8_t *p, size_t len)
{
    return *link_options_hint(p, len) != '\0';
}

static int
cl_read_hello(struct net_stream *s, int64_t timeout_ms,
              struct initial_message *hello, struct zk_errmsg *em)
{
    int64_t deadline_ms = zk_time_mono_ms() + timeout_ms;
    uint8_t bytes[INITIAL_MESSAGE_MAX];
    size_t len = 0, need;
    int rv = initial_message_need(bytes, len, &need, em);

    while (rv == ZK_OK && len < need) {
        rv = cl_read_more(s, bytes + len, need - len, deadline_ms, em);
        if (rv == ZK_OK) {
            len = need;
            rv = cl_is_tls(bytes, len)
                     ? zk_fail(em, ZK_EMARSHAL, "that is no hello%s",
                               link_options_hint(bytes, len))
                     : initial_message_need(bytes, len, &need, em);
        }
    }
    return rv == ZK_OK ? initial_message_decode(hello, bytes, len, em) : rv;
}

static void
cl_hello_run(void *arg)
{
    struct hello_slot *slot = arg;
    struct cnx_listener *cl = slot->cl;
    struct initial_message hello = { 0 };
    struct zk_errmsg em = { "" };
    struct net_stream *s;
    int rv;

    zk_lock(&cl->lock);
    s = slot->stream;
    zk_unlock(&cl->lock);
    rv = cl_shake_hands(cl, s, &em);
    if (rv == ZK_OK) {
        rv = cl_read_hello(s, cl->qcm->settings.read_timeout_ms, &hello,
                           &em);
    }
    /* From here on nobody closes it but who owns it. */
    zk_lock(&cl->lock);
    slot->stream = NULL;
    zk_unlock(&cl->lock);
    if (rv == ZK_OK) {
        qcm_welcome(cl->qcm, s, &hello, slot->turn);
    } else {
        if (rv != ZK_ESTOPPED) {
            qcm_note(cl->qcm, ZK_LOG_WARN, "Closing the connection from %s: "
                     "%s", net_stream_peer(s), em.text);
        }
        net_stream_destroy(s);
    }
    initial_message_fini(&hello);
    zk_lock(&cl->lock);
    slot->busy = false;
    zk_unlock(&cl->lock);
}

/* ---- accepting --------------------------------------------------------- */

static bool
cl_is_busy(struct cnx_listener *cl, struct hello_slot *slot)
{
    bool busy;

    zk_lock(&cl->lock);
    busy = slot->busy;
    zk_unlock(&cl->lock);
    return busy;
}

static void
cl_interrupt(struct cnx_listener *cl, struct hello_slot *slot)
{
    zk_lock(&cl->lock);
    if (slot->stream != NULL) {
        net_stream_shutdown(slot->stream);
    }
    zk_unlock(&cl->lock);
}

/* A slot without a thread, for the connection of 'peer'. */
static struct hello_slot *
cl_free_slot(struct cnx_listener *cl, const char *peer)
{
    struct net_crowd_one crowd[CNX_HELLOS];
    struct hello_slot *goes;

    for (size_t i = 0; i < CNX_HELLOS; i++) {
        struct hello_slot *slot = &cl->slots[i];

        if (!cl_is_busy(cl, slot)) {
            zk_thread_join(&slot->thread);
            return slot;
        }
        crowd[i] = (struct net_crowd_one) { slot->peer, slot->turn };
    }
    goes = &cl->slots[net_crowd_choose(crowd, CNX_HELLOS, peer)];
    cl_interrupt(cl, goes);
    zk_thread_join(&goes->thread);
    qcm_note(cl->qcm, ZK_LOG_WARN, "More than %d connections have not said "
             "who they are: that from %s is closed", CNX_HELLOS, goes->peer);
    return goes;
}

static void
cl_take(struct cnx_listener *cl, int fd)
{
    struct net_stream *s = net_stream_of_fd(fd, &cl->qcm->settings.net);
    struct hello_slot *slot = cl_free_slot(cl, net_stream_peer(s));

    slot->turn = ++cl->turn;
    snprintf(slot->peer, sizeof slot->peer, "%s", net_stream_peer(s));
    zk_lock(&cl->lock);
    slot->stream = s;
    slot->busy = true;
    zk_unlock(&cl->lock);
    if (!zk_thread_try_start(&slot->thread, cl_hello_run, slot,
                             "QuorumConnectionThread-[myid=%" PRId64 "]-%"
                             PRIu64, cl->qcm->my_sid, slot->turn)) {
        qcm_note(cl->qcm, ZK_LOG_WARN, "Closing the connection from %s: no "
                 "thread can be started", net_stream_peer(s));
        zk_lock(&cl->lock);
        slot->stream = NULL;
        slot->busy = false;
        zk_unlock(&cl->lock);
        net_stream_destroy(s);
    }
}

static void
cl_run(void *arg)
{
    struct cnx_listener *cl = arg;

    for (;;) {
        struct zk_errmsg em = { "" };
        int fd;
        int rv = net_listener_accept(cl->port, &fd, &em);

        if (rv == ZK_ESTOPPED) {
            return;
        }
        if (rv == ZK_OK) {
            cl_take(cl, fd);
        } else {
            qcm_note(cl->qcm, ZK_LOG_ERROR, "Error on the election port: "
                     "%s", em.text);
        }
    }
}

struct cnx_listener *
cnx_listener_start(struct quorum_cnx_manager *qcm, struct net_listener *l,
                   const char *address)
{
    struct cnx_listener *cl = zk_xcalloc(1, sizeof *cl);

    cl->magic = CNX_LISTENER_MAGIC;
    cl->qcm = qcm;
    cl->port = l;
    zk_mutex_init(&cl->lock, ZK_LOCK_leaf);
    for (size_t i = 0; i < CNX_HELLOS; i++) {
        cl->slots[i].cl = cl;
    }
    zk_thread_start(&cl->thread, cl_run, cl, "ListenerHandler-%s", address);
    return cl;
}

void
cnx_listener_stop(struct cnx_listener *cl)
{
    ZK_CHECK(cl, CNX_LISTENER_MAGIC);
    net_listener_shutdown(cl->port);
    zk_thread_join(&cl->thread);
    for (size_t i = 0; i < CNX_HELLOS; i++) {
        cl_interrupt(cl, &cl->slots[i]);
        zk_thread_join(&cl->slots[i].thread);
    }
    net_listener_destroy(cl->port);
    zk_mutex_fini(&cl->lock);
    cl->magic = 0;
    free(cl);
}
