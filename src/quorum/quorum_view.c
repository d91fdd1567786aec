/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "quorum/quorum_view.h"

struct quorum_verifier *
quorum_view_create(const struct quorum_config *q)
{
    struct quorum_verifier *qv = quorum_verifier_create(q->version,
                                                        q->hierarchical);

    for (size_t i = 0; i < q->n_servers; i++) {
        const struct server_address *a = &q->servers[i];
        const struct quorum_member m = {
            .sid = a->sid,
            .voter = a->type == LEARNER_PARTICIPANT,
            .weight = q->hierarchical ? a->weight : 1,
            .group = q->hierarchical ? a->group : -1,
        };

        quorum_verifier_add(qv, &m);
    }
    return qv;
}
