/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cnxn/connection_expirer.h"

#include "cnxn/server_cnxn.h"
#include "session/java_date.h"
#include "util/zk_time.h"

void
connection_expirer_init(struct connection_expirer *x, int64_t timeout_ms,
                        void (*expire)(struct server_cnxn *c))
{
    zk_mutex_init(&x->lock, ZK_LOCK_connection_expirer);
    zk_cond_init(&x->wakeup);
    x->expire = expire;
    zk_lock(&x->lock);
    expiry_queue_init(&x->queue, timeout_ms, zk_time_mono_ms());
    x->stopping = false;
    zk_unlock(&x->lock);
}

void
connection_expirer_fini(struct connection_expirer *x)
{
    zk_lock(&x->lock);
    zk_assert(x->queue.n == 0);
    expiry_queue_fini(&x->queue);
    zk_unlock(&x->lock);
    zk_cond_fini(&x->wakeup);
    zk_mutex_fini(&x->lock);
}

/* The next that is due, with a reference; sleeps until there is one.  NULL
 * when it is over. */
static struct server_cnxn *
cx_next(struct connection_expirer *x)
{
    struct expiry_elem *e = NULL;
    struct server_cnxn *c = NULL;

    zk_lock(&x->lock);
    while (!x->stopping && e == NULL) {
        int64_t now_ms = zk_time_mono_ms();

        e = expiry_queue_poll(&x->queue, now_ms);
        if (e == NULL) {
            int64_t wait_ms = expiry_queue_wait_ms(&x->queue, now_ms);

            (void) zk_cond_wait_until(&x->wakeup, &x->lock,
                                      now_ms + wait_ms);
        }
    }
    if (e != NULL) {
        /* It is alive: it leaves the queue under this lock. */
        c = ZK_CONTAINER_OF(e, struct server_cnxn, expiry);
        server_cnxn_ref(c);
    }
    zk_unlock(&x->lock);
    return c;
}

static void
cx_run(void *arg)
{
    struct connection_expirer *x = arg;
    struct server_cnxn *c;

    while ((c = cx_next(x)) != NULL) {
        x->expire(c);
    }
}

void
connection_expirer_start(struct connection_expirer *x)
{
    zk_thread_start(&x->thread, cx_run, x, "ConnectionExpirer");
}

void
connection_expirer_stop(struct connection_expirer *x)
{
    zk_lock(&x->lock);
    x->stopping = true;
    zk_cond_broadcast(&x->wakeup);
    zk_unlock(&x->lock);
    zk_thread_join(&x->thread);
}

int64_t
connection_expirer_touch(struct connection_expirer *x, struct server_cnxn *c,
                         int64_t now_ms, int64_t timeout_ms)
{
    int64_t bucket_ms;

    zk_lock(&x->lock);
    bucket_ms = expiry_queue_update(&x->queue, &c->expiry, now_ms,
                                    timeout_ms);
    zk_unlock(&x->lock);
    return bucket_ms - timeout_ms;
}

void
connection_expirer_remove(struct connection_expirer *x,
                          struct server_cnxn *c)
{
    zk_lock(&x->lock);
    expiry_queue_remove(&x->queue, &c->expiry);
    zk_unlock(&x->lock);
}

struct cx_dump {
    struct zk_buf *out;
    int64_t to_wall_ms;         /* What makes a wall-clock time of ours. */
    int64_t bucket_ms;          /* The last one printed. */
};

static void
cx_dump_one(void *arg, int64_t bucket_ms, size_t bucket_size,
            const struct expiry_elem *e)
{
    struct cx_dump *d = arg;
    const struct server_cnxn *c =
        ZK_CONTAINER_OF_CONST(e, struct server_cnxn, expiry);
    char remote[CNXN_REMOTE_MAX];

    if (bucket_ms != d->bucket_ms) {
        zk_buf_printf(d->out, "%zu expire at ", bucket_size);
        java_date_append(d->out, bucket_ms + d->to_wall_ms);
        zk_buf_append(d->out, ":\n", 2);
        d->bucket_ms = bucket_ms;
    }
    cnxn_address_remote(&c->peer, remote);
    zk_buf_printf(d->out, "\tip: %s sessionId: 0x%lx\n", remote,
                  (unsigned long) atomic_load(&c->shown_session_id));
}

void
connection_expirer_dump(struct connection_expirer *x, struct zk_buf *out)
{
    struct cx_dump d = {
        .out = out,
        .to_wall_ms = zk_time_wall_ms() - zk_time_mono_ms(),
        .bucket_ms = -1,
    };

    zk_lock(&x->lock);
    zk_buf_printf(out, "Connections Sets (%zu)/(%zu):\n",
                  expiry_queue_buckets(&x->queue), x->queue.n);
    expiry_queue_each(&x->queue, cx_dump_one, &d);
    zk_unlock(&x->lock);
}
