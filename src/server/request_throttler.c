/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/request_throttler.h"

#include <stdlib.h>

#include "metrics/server_metrics.h"
#include "proto/keeper_error.h"
#include "proto/op_code.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

struct request_throttler {
    struct request_processor base;
    unsigned magic;
#define REQUEST_THROTTLER_MAGIC 0x54687254

    struct throttler_env env;
    struct request_processor *next;
    struct zk_thread thread;
    struct blocking_queue inbox;

    struct zk_mutex lock;
    struct zk_cond wakeup;
    bool stopping ZK_GUARDED;
    _Atomic int64_t passed;     /* Let through and not yet finished. */
};

static struct request_throttler *
rt_of(struct request_processor *base)
{
    struct request_throttler *rt =
        ZK_CONTAINER_OF(base, struct request_throttler, base);

    ZK_CHECK(rt, REQUEST_THROTTLER_MAGIC);
    return rt;
}

static void
rt_submit(struct request_processor *base, struct bq_list *list)
{
    if (!blocking_queue_put_list(&rt_of(base)->inbox, list)) {
        zk_panic("a request was submitted to a stage that was shut down");
    }
}

static void
rt_shutdown(struct request_processor *base)
{
    struct request_throttler *rt = rt_of(base);

    zk_lock(&rt->lock);
    rt->stopping = true;
    zk_cond_broadcast(&rt->wakeup);
    zk_unlock(&rt->lock);
    blocking_queue_close(&rt->inbox);
    zk_thread_join(&rt->thread);
    rt->next->shutdown(rt->next);
}

static void
rt_destroy(struct request_processor *base)
{
    struct request_throttler *rt = rt_of(base);

    blocking_queue_fini(&rt->inbox);
    zk_cond_fini(&rt->wakeup);
    zk_mutex_fini(&rt->lock);
    rt->magic = 0;
    free(rt);
}

/* Waits until there is room in the pipeline, or the server stops (then what
 * is left goes through at once). */
static void
rt_wait_for_room(struct request_throttler *rt)
{
    const struct request_config *rc = rt->env.config;

    zk_lock(&rt->lock);
    while (!rt->stopping
           && atomic_load(&rt->passed) >= rc->request_throttle_limit) {
        server_metrics_inc(METRIC_request_throttle_wait_count);
        (void) zk_cond_wait_until(&rt->wakeup, &rt->lock,
                                  zk_time_mono_ms()
                                      + rc->request_throttle_stall_ms);
    }
    zk_unlock(&rt->lock);
}

static bool
rt_is_stale(const struct request_throttler *rt, const struct request *r)
{
    const struct request_config *rc = rt->env.config;
    int64_t age_ms = (zk_time_mono_us() - r->received_us) / 1000;

    if (r->sink == NULL || r->type == OP_CLOSE_SESSION) {
        return false;
    }
    if (rc->request_stale_connection_check
        && atomic_load(&r->sink->gone)) {
        return true;
    }
    return rc->request_stale_latency_check && age_ms > r->sink->timeout_ms;
}

static void
rt_one(struct request_throttler *rt, struct request *r)
{
    const struct request_config *rc = rt->env.config;
    struct bq_list one = { 0 };
    int64_t waited_ms;

    rt_wait_for_room(rt);
    waited_ms = (zk_time_mono_us() - r->received_us) / 1000;
    server_metrics_add(METRIC_request_throttle_queue_time_ms, waited_ms);
    if (rt_is_stale(rt, r)) {
        server_metrics_inc(METRIC_stale_requests);
        if (rc->request_throttle_drop_stale) {
            server_metrics_inc(METRIC_stale_requests_dropped);
            rt->env.dropped(rt->env.self, r);
            request_free(r);
            return;
        }
    }
    if (rc->throttled_op_wait_ms > 0 && waited_ms > rc->throttled_op_wait_ms
        && r->sink != NULL && op_code_from_client(r->type)
        && r->type != OP_CLOSE_SESSION) {
        server_metrics_inc(METRIC_throttled_ops);
        r->err = KE_THROTTLED_OP;
    }
    atomic_fetch_add(&rt->passed, 1);
    bq_list_append(&one, &r->link);
    rt->next->submit(rt->next, &one);
}

static void
rt_run(void *arg)
{
    struct request_throttler *rt = arg;
    struct bq_list in = { 0 };
    struct bq_node *node;

    while (blocking_queue_take_all(&rt->inbox, &in)) {
        while ((node = bq_list_pop(&in)) != NULL) {
            rt_one(rt, request_of(node));
        }
    }
}

struct request_processor *
request_throttler_create(const struct throttler_env *env,
                         struct request_processor *next)
{
    struct request_throttler *rt = zk_xcalloc(1, sizeof *rt);

    rt->magic = REQUEST_THROTTLER_MAGIC;
    rt->base.name = "RequestThrottler";
    rt->base.submit = rt_submit;
    rt->base.shutdown = rt_shutdown;
    rt->base.destroy = rt_destroy;
    rt->env = *env;
    rt->next = next;
    blocking_queue_init(&rt->inbox, "RequestThrottler");
    zk_mutex_init(&rt->lock, ZK_LOCK_leaf);
    zk_cond_init(&rt->wakeup);
    zk_thread_start(&rt->thread, rt_run, rt, "RequestThrottler");
    return &rt->base;
}

void
request_throttler_finished(struct request_processor *throttler, size_t n)
{
    struct request_throttler *rt = rt_of(throttler);

    atomic_fetch_sub(&rt->passed, (int64_t) n);
    zk_lock(&rt->lock);
    zk_cond_signal(&rt->wakeup);
    zk_unlock(&rt->lock);
}
