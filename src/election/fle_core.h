/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fle_core.h: fast leader election as plain decisions (Java:
 * FastLeaderElection; protocol: "Election loop").
 *
 * No thread, clock, lock or socket: the owner brings messages and the time,
 * calls from one thread at a time, and sends what the core asks it to send.
 * The same code runs in the server and in the simulator.
 *
 * The round (logical clock) only grows while the process lives.
 *
 * Differences to Java:
 * - When a quorum agrees Java waits finalizeWait (200 ms) of silence for a
 *   better vote.  Here the wait ends at once when every voter of the view has
 *   sent exactly this vote in this round or is known to be unreachable, or
 *   when this server alone is a quorum: nobody is left who could bring a
 *   better one.  It also ends after 2 s, whatever is said meanwhile.
 * - Votes that come during the wait count, and a later round interrupts it.
 * - A worse vote of this round is answered with our proposal: who sent it may
 *   have been settled still when we made it.  With this and the first one
 *   an election over links that lose nothing needs no timer.
 * - Who has no vote answers nobody, and strangers get an answer only while
 *   they look, never of an older round than theirs.  In Java observers and
 *   voters can keep answering each other as fast as the net carries it.
 * - Followers that name this server their leader are believed only if their
 *   vote has the history that it brings to this election.  In Java a leader
 *   that comes back before they miss it takes the place it had, if its round
 *   is the same by chance, and nobody leads until initLimit is over.
 * - Joining a settled ensemble of a smaller round does not take the round
 *   back (but the vote is of the round of that election).
 * - A voter that is empty (last zxid 0 and current epoch 0) may be a new one,
 *   or have lost what it once acknowledged: then its vote could make a leader
 *   of a server that lags behind, and cut off what was committed.  It
 *   proposes itself and other empty ones as ever, but a server with a history
 *   only once every voter has spoken in this round: then it knows the best of
 *   all histories.  Until then it does not end a round in which anybody has a
 *   history, either.  It may always join a leader that is settled.
 * - Notifications are repeated after 2 s at the latest, not a minute: a server
 *   that was cut off for long must come back within seconds.
 */
#ifndef ELECTION_FLE_CORE_H
#define ELECTION_FLE_CORE_H

#include "election/vote.h"
#include "util/zk_slice.h"

/* Milliseconds. */
#define FLE_FINALIZE_WAIT_MS 200
#define FLE_MAX_FINALIZE_MS 2000
/* Defaults of struct fle_timings. */
#define FLE_MIN_POLL_MS 200
#define FLE_MAX_POLL_MS 2000

/* vote.version of what this server sends. */
#define FLE_VERSION 2

/* One message of an election (protocol: "Notification payload"). */
struct fle_notification {
    int64_t sid;                /* Who sent it; not on the wire. */
    struct vote vote;           /* vote.state is the sender's. */
    struct zk_slice config;     /* Membership text; null: none. */
};

struct fle_env {
    void *self;
    /* Sends to one server, itself excepted (the core counts its own vote by
     * itself); 'config' is filled in by the sender. */
    void (*send)(void *self, int64_t to, const struct fle_notification *n);
    /* Has any peer taken a message off its queue since it was filled (Java:
     * haveDelivered)?  Decides between sending again and connecting anew. */
    bool (*delivered)(void *self);
    /* Connects to every peer that has a message waiting and no link. */
    void (*connect_all)(void *self);
    /* There is no link to this voter and the last try to make one failed
     * after this election began. */
    bool (*unreachable)(void *self, int64_t sid);
    /* This server is empty and holds its vote back, since these voters have
     * not spoken yet ('sids' is the core's).  At most once an election, when
     * it was time to repeat the notifications; may be NULL. */
    void (*holds_back)(void *self, const int64_t *sids, size_t n);
    /* This server leads by the vote of this one, which looks again.  May be
     * NULL. */
    void (*voter_looks)(void *self, int64_t sid);
};

/* Notifications of an election that takes long are repeated: first after
 * min_poll_ms, then after twice the time each, up to max_poll_ms.
 * 1 <= min_poll_ms <= max_poll_ms <= INT_MAX. */
struct fle_timings {
    int64_t min_poll_ms, max_poll_ms;
};

struct fle_core;

/* 'my_sid' may be outside of 'qv' (it never wins then).  'env' is copied,
 * 'qv' borrowed. */
struct fle_core *fle_core_create(const struct fle_env *env, int64_t my_sid,
                                 const struct quorum_verifier *qv);
void fle_core_destroy(struct fle_core *fc);
/* Before the first start; without it the defaults hold. */
void fle_core_set_timings(struct fle_core *fc, const struct fle_timings *t);

/* Begins a new round: state LOOKING, the proposal is this server with its
 * history (VOTE_NOBODY for who does not vote); sends it to all voters. */
void fle_core_start(struct fle_core *fc, int64_t now_ms, int64_t last_zxid,
                    int64_t current_epoch);
/* A message came, in any state.  Settled servers answer those who look. */
void fle_core_receive(struct fle_core *fc, int64_t now_ms,
                      const struct fle_notification *n);
/* The time fle_core_deadline named has come (earlier calls do nothing). */
void fle_core_timer(struct fle_core *fc, int64_t now_ms);
/* A link came up or went down, or a connection failed. */
void fle_core_links_changed(struct fle_core *fc, int64_t now_ms);
/* When to call timer next; INT64_MAX: not needed. */
int64_t fle_core_deadline(const struct fle_core *fc);

/* LOOKING until the election is decided; then LEADING, FOLLOWING or
 * OBSERVING, with the vote that won in *out (may be NULL). */
enum peer_state fle_core_state(const struct fle_core *fc, struct vote *out);
/* The leader's new epoch, once this server has taken part in establishing it:
 * from now on the current vote carries it. */
void fle_core_set_epoch(struct fle_core *fc, int64_t epoch);
int64_t fle_core_round(const struct fle_core *fc);

#endif
