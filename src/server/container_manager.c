/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "server/container_manager.h"

#include <stdlib.h>

#include "jute/output_archive.h"
#include "proto/op_code.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

struct container_manager {
    unsigned magic;
#define CONTAINER_MANAGER_MAGIC 0x436e744d

    struct container_env env;
    struct zk_thread thread;

    struct zk_mutex lock;
    struct zk_cond wakeup;
    bool stopping ZK_GUARDED;

    struct bq_list found;       /* Owned by the thread. */
};

/* Waits until 'deadline'; false when the manager is to stop. */
static bool
cm_wait(struct container_manager *cm, int64_t deadline)
{
    bool stopping;

    zk_lock(&cm->lock);
    while (!cm->stopping
           && zk_cond_wait_until(&cm->wakeup, &cm->lock, deadline)) {
    }
    stopping = cm->stopping;
    zk_unlock(&cm->lock);
    return !stopping;
}

static void
cm_found(void *arg, struct zk_slice path)
{
    struct container_manager *cm = arg;
    struct zk_buf body = { 0 };
    struct request *r;

    output_archive_slice(&body, path);
    r = request_create(OP_DELETE_CONTAINER, 0, 0,
                       zk_slice(body.data, (int32_t) body.len), NULL, NULL);
    r->received_us = zk_time_mono_us();
    bq_list_append(&cm->found, &r->link);
    zk_buf_fini(&body);
}

static void
cm_drop_found(struct container_manager *cm)
{
    struct bq_node *node;

    while ((node = bq_list_pop(&cm->found)) != NULL) {
        request_free(request_of(node));
    }
}

/* Submits what was found, one by one and evenly over time (Java:
 * checkContainers waits between deletions). */
static bool
cm_submit_found(struct container_manager *cm)
{
    int64_t pause = 60000 / cm->env.config->container_max_per_minute;
    int64_t next = zk_time_mono_ms();
    struct bq_node *node;

    while ((node = bq_list_pop(&cm->found)) != NULL) {
        struct bq_list one = { 0 };

        bq_list_append(&one, node);
        if (!cm->env.submit(cm->env.self, &one)) {
            return false;
        }
        next += pause;
        if (pause > 0 && cm->found.n > 0 && !cm_wait(cm, next)) {
            return false;
        }
    }
    return true;
}

static void
cm_run(void *arg)
{
    struct container_manager *cm = arg;
    int64_t next = zk_time_mono_ms();

    for (;;) {
        next += cm->env.config->container_check_interval_ms;
        if (!cm_wait(cm, next)) {
            break;
        }
        zk_read_lock(&cm->env.db->lock);
        data_tree_expired_each(
            cm->env.db->tree, zk_time_wall_ms(),
            cm->env.config->container_max_never_used_ms, cm_found, cm);
        zk_read_unlock(&cm->env.db->lock);
        if (cm->found.n > 0) {
            zk_info(container, "%zu empty containers and expired TTL nodes "
                    "are to be deleted", cm->found.n);
        }
        if (!cm_submit_found(cm)) {
            break;
        }
        if (next < zk_time_mono_ms()) {
            next = zk_time_mono_ms();
        }
    }
    cm_drop_found(cm);
}

struct container_manager *
container_manager_start(const struct container_env *env)
{
    struct container_manager *cm = zk_xcalloc(1, sizeof *cm);

    zk_assert(env->config->container_max_per_minute > 0);
    cm->magic = CONTAINER_MANAGER_MAGIC;
    cm->env = *env;
    zk_mutex_init(&cm->lock, ZK_LOCK_container_manager);
    zk_cond_init(&cm->wakeup);
    zk_thread_start(&cm->thread, cm_run, cm, "ContainerManagerTask");
    return cm;
}

void
container_manager_stop(struct container_manager *cm)
{
    if (cm == NULL) {
        return;
    }
    ZK_CHECK(cm, CONTAINER_MANAGER_MAGIC);
    zk_lock(&cm->lock);
    cm->stopping = true;
    zk_cond_signal(&cm->wakeup);
    zk_unlock(&cm->lock);
    zk_thread_join(&cm->thread);
    zk_cond_fini(&cm->wakeup);
    zk_mutex_fini(&cm->lock);
    cm->magic = 0;
    free(cm);
}
