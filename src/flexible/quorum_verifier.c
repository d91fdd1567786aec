/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "flexible/quorum_verifier.h"

#include <stdlib.h>
#include <string.h>

#include "util/zk_obj.h"

#define QUORUM_VERIFIER_MAGIC 0x51566572

struct quorum_verifier {
    unsigned magic;
    bool hierarchical;
    int64_t version;
    size_t n, voters;
    struct quorum_member *members;      /* By sid; what does not count (the
                                         * weight of an observer, groups of a
                                         * majority) is normalised. */
};

struct quorum_verifier *
quorum_verifier_create(int64_t version, bool hierarchical)
{
    struct quorum_verifier *qv = zk_xcalloc(1, sizeof *qv);

    qv->magic = QUORUM_VERIFIER_MAGIC;
    qv->version = version;
    qv->hierarchical = hierarchical;
    return qv;
}

void
quorum_verifier_destroy(struct quorum_verifier *qv)
{
    if (qv == NULL) {
        return;
    }
    ZK_CHECK(qv, QUORUM_VERIFIER_MAGIC);
    qv->magic = 0;
    free(qv->members);
    free(qv);
}

/* Where 'sid' is, or belongs. */
static size_t
qv_place(const struct quorum_verifier *qv, int64_t sid)
{
    size_t i = 0;

    while (i < qv->n && qv->members[i].sid < sid) {
        i++;
    }
    return i;
}

static const struct quorum_member *
qv_find(const struct quorum_verifier *qv, int64_t sid)
{
    size_t i;

    ZK_CHECK(qv, QUORUM_VERIFIER_MAGIC);
    i = qv_place(qv, sid);
    return i < qv->n && qv->members[i].sid == sid ? &qv->members[i] : NULL;
}

void
quorum_verifier_add(struct quorum_verifier *qv,
                    const struct quorum_member *m)
{
    size_t at;

    zk_assert(qv_find(qv, m->sid) == NULL);
    zk_assert(m->weight >= 0);
    at = qv_place(qv, m->sid);
    qv->members = zk_xrealloc(qv->members,
                              (qv->n + 1) * sizeof qv->members[0]);
    memmove(&qv->members[at + 1], &qv->members[at],
            (qv->n - at) * sizeof qv->members[0]);
    qv->members[at] = *m;
    if (!qv->hierarchical) {
        qv->members[at].weight = 1;
        qv->members[at].group = -1;
    }
    if (!m->voter) {
        qv->members[at].weight = 0;
    }
    qv->n++;
    qv->voters += m->voter;
}

int64_t
quorum_verifier_version(const struct quorum_verifier *qv)
{
    ZK_CHECK(qv, QUORUM_VERIFIER_MAGIC);
    return qv->version;
}

size_t
quorum_verifier_members(const struct quorum_verifier *qv,
                        const struct quorum_member **out)
{
    ZK_CHECK(qv, QUORUM_VERIFIER_MAGIC);
    *out = qv->members;
    return qv->n;
}

size_t
quorum_verifier_voters(const struct quorum_verifier *qv)
{
    ZK_CHECK(qv, QUORUM_VERIFIER_MAGIC);
    return qv->voters;
}

bool
quorum_verifier_is_voter(const struct quorum_verifier *qv, int64_t sid)
{
    const struct quorum_member *m = qv_find(qv, sid);

    return m != NULL && m->voter;
}

bool
quorum_verifier_is_member(const struct quorum_verifier *qv, int64_t sid)
{
    return qv_find(qv, sid) != NULL;
}

int64_t
quorum_verifier_weight(const struct quorum_verifier *qv, int64_t sid)
{
    const struct quorum_member *m = qv_find(qv, sid);

    return m != NULL ? m->weight : 0;
}

static bool
qv_among(int64_t sid, const int64_t *sids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (sids[i] == sid) {
            return true;
        }
    }
    return false;
}

static bool
qv_majority(const struct quorum_verifier *qv, const int64_t *sids, size_t n)
{
    size_t in = 0;

    for (size_t i = 0; i < qv->n; i++) {
        if (qv->members[i].voter && qv_among(qv->members[i].sid, sids, n)) {
            in++;
        }
    }
    return in > qv->voters / 2;
}

/* Weights are any numbers somebody wrote into a file: no wrapping around. */
static void
qv_add_weight(uint64_t *sum, int64_t weight)
{
    if (__builtin_add_overflow(*sum, (uint64_t) weight, sum)) {
        *sum = UINT64_MAX;
    }
}

/* Does an earlier member stand for this one's group? */
static bool
qv_group_seen(const struct quorum_verifier *qv, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (qv->members[k].group == qv->members[i].group) {
            return true;
        }
    }
    return false;
}

static bool
qv_hierarchical(const struct quorum_verifier *qv, const int64_t *sids,
                size_t n)
{
    size_t groups = 0, won = 0;

    for (size_t i = 0; i < qv->n; i++) {
        uint64_t in = 0, out = 0;

        if (qv_group_seen(qv, i)) {
            continue;
        }
        for (size_t k = i; k < qv->n; k++) {
            const struct quorum_member *m = &qv->members[k];

            if (m->group == qv->members[i].group) {
                qv_add_weight(qv_among(m->sid, sids, n) ? &in : &out,
                              m->weight);
            }
        }
        groups += in > 0 || out > 0;
        won += in > out;
    }
    return won > groups / 2;
}

bool
quorum_verifier_contains_quorum(const struct quorum_verifier *qv,
                                const int64_t *sids, size_t n)
{
    ZK_CHECK(qv, QUORUM_VERIFIER_MAGIC);
    return qv->hierarchical ? qv_hierarchical(qv, sids, n)
                            : qv_majority(qv, sids, n);
}
