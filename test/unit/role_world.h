/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role_world.h: a server that plays a role, with a client port, and an
 * ensemble behind it that does what the test's thread says.
 *
 * As a learner: the first stage notes what a leader would be sent; the test
 * takes it from there and commits transactions.  As a leader: Prep is in
 * front, and each transaction is committed at once unless it is held back;
 * questions for sessions are noted.
 */
#ifndef TEST_ROLE_WORLD_H
#define TEST_ROLE_WORLD_H

#include "server/server_role.h"
#include "test/unit/cnxn_client.h"

#define ROLE_SID 3

enum role_kind {
    ROLE_LEADER,
    ROLE_FOLLOWER,
    ROLE_READ_ONLY,
};

/* What a learner asked of its leader, or a leader of its quorum. */
struct role_asked {
    int32_t type;               /* op code; 0: revalidate */
    int64_t session_id;
    int32_t cxid;
    int32_t timeout_ms;         /* createSession, revalidate */
    struct client_sink *sink;   /* revalidate: a reference */
};

struct role_world {
    struct test_server s;       /* s.zks: the role's server. */
    struct zk_database *db;
    struct request_processor *commit, *prep;
    struct zk_mutex lock;
    struct role_asked asked[64];
    size_t n_asked, n_taken;
    int64_t zxid;               /* Learner: the last one committed. */
    bool hold;                  /* Leader: nothing is committed. */
    int64_t proposed;           /* Leader: the last one made. */
};

/* Opens port and database; options may be set before. */
void role_init(struct role_world *w);
void role_open(struct role_world *w);
/* One role after the other. */
void role_start(struct role_world *w, enum role_kind kind);
/* As a role ends: connections first. */
void role_end(struct role_world *w);
void role_close(struct role_world *w);

/* Waits until the leader is asked for something, in order. */
struct role_asked role_take(struct role_world *w);
/* Nothing was asked that was not taken. */
bool role_asked_nothing(struct role_world *w);
/* Commits what 'body' holds as the answer to (session, cxid), which may be
 * nobody's here. */
void role_commit(struct role_world *w, int64_t session, int32_t cxid,
                 int32_t type, const struct zk_buf *body);
/* The same, for some kinds. */
void role_commit_create_session(struct role_world *w, int64_t session,
                                int32_t timeout_ms);
void role_commit_close_session(struct role_world *w, int64_t session,
                               int32_t cxid);
void role_commit_create(struct role_world *w, int64_t session, int32_t cxid,
                        const char *path, bool ephemeral);
void role_commit_error(struct role_world *w, int64_t session, int32_t cxid,
                       int err);
void role_answer_sync(struct role_world *w);
/* Leader: commits all that was proposed. */
void role_release(struct role_world *w);

#endif
