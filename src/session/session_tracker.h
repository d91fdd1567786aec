/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_tracker.h: which sessions live, and when they die (Java:
 * SessionTrackerImpl, LeaderSessionTracker, LearnerSessionTracker).
 *
 * Its thread wakes at each tick, marks the sessions of the due buckets
 * closing and hands each to env->expire, which submits a closeSession.
 * A closing session can be touched by nobody.
 *
 * The owner of a session is an opaque value (a connection, a learner's
 * link): requests of another owner are answered KE_SESSION_MOVED.
 *
 * Thread-safety: all functions, from any thread; own lock.
 */
#ifndef SESSION_SESSION_TRACKER_H
#define SESSION_SESSION_TRACKER_H

#include "util/zk_buf.h"

struct session_tracker;

struct session_tracker_env {
    void *self;
    /* Called without the tracker's lock, on its thread. */
    void (*expire)(void *self, int64_t session_id);
};

/* 'server_id' becomes the high byte of new ids; 'tick_ms' the width of a
 * bucket. */
struct session_tracker *
session_tracker_create(const struct session_tracker_env *env,
                       int64_t server_id, int64_t tick_ms);
/* Before start: a learner's tracker (Java: LearnerSessionTracker).  Sessions
 * of the ensemble do not expire here, touching them only notes them for the
 * leader; local ones expire as ever. */
void session_tracker_set_learner(struct session_tracker *st);
/* Before start: there may be local sessions (localSessionsEnabled), here and
 * on other servers. */
void session_tracker_allow_local(struct session_tracker *st);
void session_tracker_start(struct session_tracker *st);
/* Ends the thread; expire is not called any more. */
void session_tracker_stop(struct session_tracker *st);
void session_tracker_destroy(struct session_tracker *st);

/* The first id of a server that starts at 'wall_ms':
 * (wall_ms << 24) >>> 8 | server_id << 56. */
int64_t session_id_first(int64_t server_id, int64_t wall_ms);
/* The 16 bytes that prove a session (java.util.Random seeded with
 * id ^ 0xB3415C00: every server computes the same). */
void session_password(int64_t session_id, uint8_t out[16]);
/* Compares in constant time; never true for id 0. */
bool session_password_ok(int64_t session_id, const void *passwd, size_t len);

/* A new id (never 0x8000000000000000), tracked with this timeout; on a learner
 * not yet: it is added when its createSession is applied. */
int64_t session_tracker_create_session(struct session_tracker *st,
                                       int32_t timeout_ms);
/* Tracks an id made elsewhere or found on disk; false when it was tracked
 * already (then only its timeout is refreshed, and a local session becomes a
 * global one). */
bool session_tracker_add(struct session_tracker *st, int64_t id,
                         int32_t timeout_ms);
/* Moves the session to the bucket of now + timeout.  False when it is
 * unknown or closing.  *bucket_ms (may be NULL) is the bucket's time, so
 * that a caller can leave out touches that would not move it. */
bool session_tracker_touch(struct session_tracker *st, int64_t id,
                           int32_t timeout_ms, int64_t *bucket_ms);
/* The bucket a touch at 'now' would give; no lock. */
int64_t session_tracker_bucket(const struct session_tracker *st,
                               int64_t now_ms, int32_t timeout_ms);
/* Its closeSession is prepared, or has passed all that was asked before. */
void session_tracker_set_closing(struct session_tracker *st, int64_t id);
bool session_tracker_is_tracked(struct session_tracker *st, int64_t id);
void session_tracker_remove(struct session_tracker *st, int64_t id);
/* KE_OK; KE_SESSION_EXPIRED: unknown or set_closing was called (that it has
 * expired is not enough: until a closeSession stands before what is asked, its
 * end might never be committed); KE_SESSION_MOVED: owned by somebody else.  A
 * session without an owner becomes 'owner''s.  Where there may be local
 * sessions, an unknown one with another server's id passes: it may be that
 * server's. */
int session_tracker_check(struct session_tracker *st, int64_t id,
                          const void *owner);
/* The same for what only a global session may do; any other is expired. */
int session_tracker_check_global(struct session_tracker *st, int64_t id,
                                 const void *owner);
void session_tracker_set_owner(struct session_tracker *st, int64_t id,
                               const void *owner);
/* A learner's: appends {long session, int timeout} of each session touched
 * since the last call, for the answer to a PING.  From then on the bucket of
 * session_tracker_bucket is another one, so that touches are noted again. */
void session_tracker_take_touched(struct session_tracker *st,
                                  struct zk_buf *out);
/* Local sessions (localSessionsEnabled): made and expired by this server
 * alone, on any role.  upgrade makes one global and gives its timeout; false
 * when it is not (or no longer) local, or closing. */
int64_t session_tracker_create_local(struct session_tracker *st,
                                     int32_t timeout_ms);
bool session_tracker_is_local(struct session_tracker *st, int64_t id);
/* Where none is upgraded (a read-only server): whether this tracker made it,
 * so that it has ended if it is not tracked any more. */
bool session_tracker_made_local(struct session_tracker *st, int64_t id);
bool session_tracker_upgrade(struct session_tracker *st, int64_t id,
                             int32_t *timeout_ms);
/* Global sessions, and local ones. */
size_t session_tracker_count(struct session_tracker *st);
size_t session_tracker_local_count(struct session_tracker *st);
/* "Session Sets (...)" block of the dump word; dates as Java prints them
 * ("Sun Nov 22 14:11:09 UTC 2026").  A learner's: "Global Sessions(N):". */
void session_tracker_dump(struct session_tracker *st, struct zk_buf *out);

#endif
