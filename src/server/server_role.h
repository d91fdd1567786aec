/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_role.h: what a zookeeper_server is told of its place in an ensemble
 * by the layers above it (Java: the subclasses of ZooKeeperServer).
 *
 * A standalone server has none.
 */
#ifndef SERVER_SERVER_ROLE_H
#define SERVER_SERVER_ROLE_H

#include "server/request_processor.h"

struct zookeeper_server;

struct server_role {
    void *self;
    const char *mode;           /* "leader", "follower", "observer",
                                 * "read-only" */
    int64_t sid;                /* The high byte of session ids made here. */
    bool learner;               /* The leader decides on sessions: touches are
                                 * gathered for it, none of its sessions
                                 * expires here (local ones do). */
    bool read_only;
    /* Builds the stages in front of 'final' and returns the first.  Its
     * shutdown goes through all of them to final; destroy frees all but
     * final.  Called by zookeeper_server_start, before any request comes. */
    struct request_processor *(*build)(void *self,
                                       struct zookeeper_server *zks,
                                       struct request_processor *final);
    /* Learners: asks the leader whether the session lives (its password was
     * right).  Leaders, of a session that this server does not know: whether
     * it has ended; one that was deposed unawares does not know what the next
     * one does.  Called on a selector, no lock held.  The reference of 'sink'
     * that comes along goes back by zookeeper_server_revalidated, or, if the
     * link or the role ends before, by sink->ops->close and unref (nobody may
     * be told that a session expired only because a link broke).  NULL: this
     * server's own sessions tell. */
    void (*revalidate)(void *self, struct client_sink *sink,
                       int64_t session_id, int32_t timeout_ms);
    /* Appends "key\tvalue\n" lines of mntr that only this role has, and the
     * lines of srvr behind "Node count:" (leader: proposal sizes).  NULL:
     * none. */
    void (*mntr)(void *self, struct zk_buf *out);
    void (*srvr)(void *self, struct zk_buf *out);
};

#endif
