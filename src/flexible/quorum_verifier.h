/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quorum_verifier.h: who belongs to the ensemble, who of them votes, and
 * which sets of voters are a quorum (Java: QuorumVerifier, QuorumMaj,
 * QuorumHierarchical).
 *
 * Majority: more than half of the voters.  Hierarchical: more than half of
 * the groups that have weight at all, each with more than half of its weight
 * (observers have no weight; a voter may have weight 0).
 *
 * Pure; never changed once it is shared.
 */
#ifndef FLEXIBLE_QUORUM_VERIFIER_H
#define FLEXIBLE_QUORUM_VERIFIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct quorum_member {
    int64_t sid;
    bool voter;                 /* A participant; false: an observer. */
    int64_t weight;             /* Hierarchical only; otherwise 1. */
    int64_t group;              /* Hierarchical only; otherwise -1. */
};

struct quorum_verifier;

/* 'version' is that of the configuration (0 for a static one). */
struct quorum_verifier *quorum_verifier_create(int64_t version,
                                               bool hierarchical);
/* NULL is fine. */
void quorum_verifier_destroy(struct quorum_verifier *qv);
/* Before it is shared; the sid must be new. */
void quorum_verifier_add(struct quorum_verifier *qv,
                         const struct quorum_member *m);

/* That of the configuration. */
int64_t quorum_verifier_version(const struct quorum_verifier *qv);
/* Members in order of sid; borrowed. */
size_t quorum_verifier_members(const struct quorum_verifier *qv,
                               const struct quorum_member **out);
size_t quorum_verifier_voters(const struct quorum_verifier *qv);
bool quorum_verifier_is_voter(const struct quorum_verifier *qv, int64_t sid);
bool quorum_verifier_is_member(const struct quorum_verifier *qv,
                               int64_t sid);
/* 0 for those who do not vote. */
int64_t quorum_verifier_weight(const struct quorum_verifier *qv,
                               int64_t sid);
/* Is this set a quorum?  Strangers, observers and repetitions in it do not
 * count. */
bool quorum_verifier_contains_quorum(const struct quorum_verifier *qv,
                                     const int64_t *sids, size_t n);

#endif
