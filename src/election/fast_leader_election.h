/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fast_leader_election.h: the threads around fle_core (Java:
 * FastLeaderElection with its Messenger): WorkerReceiver takes messages from
 * the links and gives them to the core, WorkerSender encodes and sends what
 * the core asks for, and look() waits on the QuorumPeer thread for the
 * outcome.
 *
 * The core stands under this object's lock (rank election).
 */
#ifndef ELECTION_FAST_LEADER_ELECTION_H
#define ELECTION_FAST_LEADER_ELECTION_H

#include "config/server_config.h"
#include "election/vote.h"
#include "util/zk_error.h"

struct fast_leader_election;
struct tls_context;

/* 'config' and 'qv' are borrowed for its life; makes its own
 * quorum_cnx_manager.  'membership' is the text sent with each message,
 * copied; 'tls' as in qcm_env. */
struct fast_leader_election *
fast_leader_election_create(const struct server_config *config,
                            const struct quorum_verifier *qv,
                            const char *membership,
                            struct tls_context *tls);
/* Before the start: fn(arg, sid) is called when a server looks again by whose
 * vote this one leads.  On WorkerReceiver, no lock held. */
void fast_leader_election_on_voter_looks(
    struct fast_leader_election *fle, void (*fn)(void *arg, int64_t sid),
    void *arg);
/* Binds the election port and starts the threads. */
int fast_leader_election_start(struct fast_leader_election *fle,
                               struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Ends everything; a look under way returns ZK_ESTOPPED. */
void fast_leader_election_stop(struct fast_leader_election *fle);
void fast_leader_election_destroy(struct fast_leader_election *fle);

/* Begins an election with this server's history and waits for its end.
 * 'until_ms' (zk_time_mono_ms; INT64_MAX: for ever): returns ZK_ETORN with
 * the election still going on; the next call with resume=true goes on with
 * it.  ZK_OK: *vote is who leads, vote->state what we are. */
int fast_leader_election_look(struct fast_leader_election *fle,
                              int64_t last_zxid, int64_t current_epoch,
                              bool resume, int64_t until_ms,
                              struct vote *vote) ZK_WARN_UNUSED;
/* See fle_core_set_epoch. */
void fast_leader_election_set_epoch(struct fast_leader_election *fle,
                                    int64_t epoch);
/* How long the last election took, ms; -1: none yet. */
int64_t fast_leader_election_time_ms(struct fast_leader_election *fle);

#endif
