/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "zab/follower_request_processor.h"

#include <stdlib.h>

#include "jute/output_archive.h"
#include "proto/keeper_error.h"
#include "proto/multi_codec.h"
#include "proto/op_code.h"
#include "proto/request_codec.h"

struct follower_request_processor {
    struct request_processor base;
    unsigned magic;
#define FOLLOWER_REQUEST_PROCESSOR_MAGIC 0x466f6c6c

    struct follower_env env;    /* Set at create, never changed. */
    struct zk_mutex order;      /* ZK_LOCK_learner: from the commit stage to
                                 * the link. */
};

static struct follower_request_processor *
flr_of(struct request_processor *base)
{
    struct follower_request_processor *flr =
        ZK_CONTAINER_OF(base, struct follower_request_processor, base);

    ZK_CHECK(flr, FOLLOWER_REQUEST_PROCESSOR_MAGIC);
    return flr;
}

/* ---- what may go to the leader ----------------------------------------- */

static bool
flr_is_new(int32_t type)
{
    return type == OP_CREATE2 || type == OP_CREATE_CONTAINER
           || type == OP_CREATE_TTL || type == OP_RECONFIG;
}

/* createTTL without TTL flags makes Java's leaders log what they cannot
 * apply. */
static int
flr_check_create(struct input_archive *ia, int32_t type)
{
    struct create_view c;

    if (create_view_decode(&c, type, ia) != ZK_OK) {
        return KE_MARSHALLING;
    }
    return type == OP_CREATE_TTL && !create_flags_ttl(c.flags)
               ? KE_BAD_ARGUMENTS
               : KE_OK;
}

static int
flr_check_multi(const struct follower_request_processor *flr,
                struct zk_slice body)
{
    struct multi_request mr;
    struct multi_op mo;
    int err = KE_OK;
    int rv;

    multi_request_init(&mr, OP_MULTI, body.p, (size_t) body.len,
                       flr->env.max_record);
    while ((rv = multi_request_next(&mr, &mo)) == 1) {
        if (flr->env.leader_is_old && flr_is_new(mo.type)) {
            err = KE_UNIMPLEMENTED;
        }
    }
    return rv < 0 ? KE_MARSHALLING : err;
}

static int
flr_check_body(const struct follower_request_processor *flr,
               const struct request *r)
{
    struct jute_delete_request del;
    struct jute_set_data_request set;
    struct jute_reconfig_request reconfig;
    struct set_acl_view acl;
    struct input_archive ia;
    int rv = ZK_OK;

    input_archive_init(&ia, r->body.p, (size_t) r->body.len,
                       flr->env.max_record);
    switch (r->type) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        return flr_check_create(&ia, r->type);
    case OP_MULTI:
        return flr_check_multi(flr, r->body);
    case OP_DELETE:
        rv = jute_delete_request_decode(&ia, &del);
        break;
    case OP_SET_DATA:
        rv = jute_set_data_request_decode(&ia, &set);
        break;
    case OP_SET_ACL:
        rv = set_acl_view_decode(&acl, &ia);
        break;
    case OP_RECONFIG:
        rv = jute_reconfig_request_decode(&ia, &reconfig);
        break;
    case OP_SYNC:
    case OP_CREATE_SESSION:
    case OP_CLOSE_SESSION:
        break;                  /* Made here, or not looked at. */
    default:
        return KE_UNIMPLEMENTED;
    }
    return rv == ZK_OK ? KE_OK : KE_MARSHALLING;
}

/* Is it for the leader?  If it must not go there, r->err says why. */
static bool
flr_is_for_leader(const struct follower_request_processor *flr,
                  struct request *r)
{
    if (r->err != KE_OK || r->local_session
        || (!op_code_is_write(r->type) && r->type != OP_SYNC)) {
        return false;
    }
    r->err = flr->env.leader_is_old && flr_is_new(r->type)
                 ? KE_UNIMPLEMENTED
                 : flr_check_body(flr, r);
    return r->err == KE_OK;
}

/* ---- sending ----------------------------------------------------------- */

/* With null ids a leader refuses all but createSession; an empty list is
 * fine. */
static void
flr_put_ids(struct zk_buf *b, const struct auth_info *who)
{
    output_archive_int(b, who != NULL ? (int32_t) who->n : 0);
    for (size_t i = 0; who != NULL && i < who->n; i++) {
        output_archive_slice(b, auth_id_scheme(&who->ids[i]));
        output_archive_slice(b, auth_id_text(&who->ids[i]));
    }
}

static void
flr_put_request(struct zk_buf *b, const struct request *r)
{
    output_archive_int(b, QP_REQUEST);
    output_archive_long(b, -1);
    output_archive_int(b, 8 + 4 + 4 + r->body.len);
    output_archive_long(b, r->session_id);
    output_archive_int(b, r->cxid);
    output_archive_int(b, r->type);
    if (r->body.len > 0) {
        zk_buf_append(b, r->body.p, (size_t) r->body.len);
    }
    flr_put_ids(b, r->auth);
}

static void
flr_submit(struct request_processor *base, struct bq_list *requests)
{
    struct follower_request_processor *flr = flr_of(base);
    struct request_processor *commit = flr->env.commit;
    struct zk_buf b = { 0 };

    for (struct bq_node *node = requests->first; node != NULL;
         node = node->next) {
        struct request *r = request_of(node);

        if (flr_is_for_leader(flr, r)) {
            flr_put_request(&b, r);
        }
    }
    if (b.len == 0) {
        commit->submit(commit, requests);
        return;
    }
    zk_lock(&flr->order);
    commit->submit(commit, requests);
    learner_link_append(flr->env.link, b.data, b.len);
    zk_unlock(&flr->order);
    zk_buf_fini(&b);
}

/* ---- life -------------------------------------------------------------- */

static void
flr_shutdown(struct request_processor *base)
{
    struct follower_request_processor *flr = flr_of(base);

    /* The log first: what it still makes durable may pass the commit
     * stage. */
    if (flr->env.sync != NULL) {
        flr->env.sync->shutdown(flr->env.sync);
    }
    flr->env.commit->shutdown(flr->env.commit);
}

static void
flr_destroy(struct request_processor *base)
{
    struct follower_request_processor *flr = flr_of(base);

    if (flr->env.sync != NULL) {
        flr->env.sync->destroy(flr->env.sync);
        flr->env.send_ack->destroy(flr->env.send_ack);
    }
    flr->env.commit->destroy(flr->env.commit);
    zk_mutex_fini(&flr->order);
    flr->magic = 0;
    free(flr);
}

struct request_processor *
follower_request_processor_create(const struct follower_env *env)
{
    struct follower_request_processor *flr = zk_xcalloc(1, sizeof *flr);

    flr->magic = FOLLOWER_REQUEST_PROCESSOR_MAGIC;
    flr->base.name = "FollowerRequestProcessor";
    flr->base.submit = flr_submit;
    flr->base.shutdown = flr_shutdown;
    flr->base.destroy = flr_destroy;
    flr->env = *env;
    zk_mutex_init(&flr->order, ZK_LOCK_learner);
    return &flr->base;
}
