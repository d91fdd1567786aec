/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_quorum_packet: the bytes of a learner as its leader reads them: whole
 * packets one after the other, LearnerInfo in the first, requests of clients
 * in REQUEST.
 */
#include <config.h>

#include <stdlib.h>

#include "proto/op_code.h"
#include "test/fuzz/fuzz.h"
#include "zab/learner_handler.h"

/* A request that is let through can be prepared: it has a type that a learner
 * may ask for, and is never taken for the server's own. */
static void
fq_request(const struct jute_quorum_packet *qp)
{
    struct request *r = learner_request_decode(qp, FUZZ_MAX_LEN);

    if (r == NULL) {
        return;
    }
    zk_assert(r->type == OP_SYNC || op_code_is_write(r->type));
    zk_assert(r->type != OP_CHECK && r->type != OP_DELETE_CONTAINER
              && r->type != OP_ERROR);
    zk_assert(!r->internal && r->auth != NULL && r->sink == NULL);
    zk_assert(r->body.len >= 0 && r->body.len + 16 <= qp->data.len);
    for (size_t i = 0; i < r->auth->n; i++) {
        const struct auth_id *id = &r->auth->ids[i];

        zk_assert(id->scheme[id->scheme_len] == '\0');
        zk_assert(id->id[id->id_len] == '\0');
    }
    request_free(r);
}

static void
fq_info(const struct jute_quorum_packet *qp)
{
    struct learner_info li;

    learner_info_decode(&li, qp->data);
    zk_assert(qp->data.len >= 8 || li.sid == -1);
    zk_assert(li.has_config_version == (qp->data.len >= 20));
}

/* The packet decodes in the length that was announced. */
static void
fq_packet(const uint8_t *p, size_t size)
{
    struct jute_quorum_packet qp;
    struct input_archive ia;

    input_archive_init(&ia, p, size, FUZZ_MAX_LEN);
    zk_assert(jute_quorum_packet_decode(&ia, &qp) == ZK_OK);
    zk_assert(input_archive_left(&ia) == 0);
    fq_info(&qp);
    fq_request(&qp);
    jute_quorum_packet_fini(&qp);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *p = fuzz_copy(zk_slice(data, (int32_t) size));
    size_t at = 0, len;

    fuzz_quiet();
    while (at < size
           && quorum_packet_size(p + at, size - at, FUZZ_MAX_LEN, &len)
                  == ZK_OK
           && len <= size - at) {
        fq_packet(p + at, len);
        at += len;
    }
    free(p);
    return 0;
}
