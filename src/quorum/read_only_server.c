/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "quorum/read_only_server.h"

#include <stdlib.h>

#include "proto/keeper_error.h"
#include "proto/op_code.h"
#include "server/server_role.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"

/* The one stage before Final (Java: ReadOnlyRequestProcessor): refuses what
 * would change something, or asks a leader. */
struct ro_stage {
    struct request_processor base;
    unsigned magic;
#define RO_STAGE_MAGIC 0x526f5374

    struct request_processor *final;
    struct zk_thread thread;
    struct blocking_queue inbox;
};

struct read_only_server {
    unsigned magic;
#define READ_ONLY_SERVER_MAGIC 0x526f5376

    const struct server_config *config;
    struct zookeeper_server *zks;
};

/* ---- the stage --------------------------------------------------------- */

static struct ro_stage *
ros_of(struct request_processor *base)
{
    struct ro_stage *st = ZK_CONTAINER_OF(base, struct ro_stage, base);

    ZK_CHECK(st, RO_STAGE_MAGIC);
    return st;
}

static void
ros_submit(struct request_processor *base, struct bq_list *requests)
{
    if (!blocking_queue_put_list(&ros_of(base)->inbox, requests)) {
        zk_panic("a request was submitted to a stage that was shut down");
    }
}

static void
ros_run(void *arg)
{
    struct ro_stage *st = arg;
    struct bq_list in = { 0 };

    while (blocking_queue_take_all(&st->inbox, &in)) {
        for (struct bq_node *n = in.first; n != NULL; n = n->next) {
            struct request *r = request_of(n);

            if ((op_code_is_write(r->type) || r->type == OP_SYNC)
                && !r->local_session) {
                r->err = KE_NOT_READ_ONLY;
            }
        }
        st->final->submit(st->final, &in);
    }
}

static void
ros_shutdown(struct request_processor *base)
{
    struct ro_stage *st = ros_of(base);

    blocking_queue_close(&st->inbox);
    zk_thread_join(&st->thread);
    st->final->shutdown(st->final);
}

static void
ros_destroy(struct request_processor *base)
{
    struct ro_stage *st = ros_of(base);

    blocking_queue_fini(&st->inbox);
    st->magic = 0;
    free(st);
}

/* server_role.build */
static struct request_processor *
ros_build(void *self, struct zookeeper_server *zks,
          struct request_processor *final)
{
    struct read_only_server *ro = self;
    struct ro_stage *st = zk_xcalloc(1, sizeof *st);

    (void) zks;
    st->magic = RO_STAGE_MAGIC;
    st->base.name = "ReadOnlyRequestProcessor";
    st->base.submit = ros_submit;
    st->base.shutdown = ros_shutdown;
    st->base.destroy = ros_destroy;
    st->final = final;
    blocking_queue_init(&st->inbox, st->base.name);
    zk_thread_start(&st->thread, ros_run, st,
                    "ReadOnlyRequestProcessor:%ld", (long) ro->config->myid);
    return &st->base;
}

/* ---- the server -------------------------------------------------------- */

struct read_only_server *
read_only_server_start(const struct server_config *config,
                       struct zk_database *db)
{
    struct read_only_server *ro = zk_xcalloc(1, sizeof *ro);
    const struct server_role role = {
        .self = ro,
        .mode = "read-only",
        .sid = config->myid,
        .learner = true,
        .read_only = true,
        .build = ros_build,
    };

    ro->magic = READ_ONLY_SERVER_MAGIC;
    ro->config = config;
    ro->zks = zookeeper_server_create_role(config, db, &role);
    zookeeper_server_start(ro->zks);
    zk_info(peer, "Read-only server started");
    return ro;
}

struct zookeeper_server *
read_only_server_zks(struct read_only_server *ro)
{
    ZK_CHECK(ro, READ_ONLY_SERVER_MAGIC);
    return ro->zks;
}

void
read_only_server_stop(struct read_only_server *ro)
{
    ZK_CHECK(ro, READ_ONLY_SERVER_MAGIC);
    zookeeper_server_stop(ro->zks);
    zookeeper_server_destroy(ro->zks);
    ro->magic = 0;
    free(ro);
}
