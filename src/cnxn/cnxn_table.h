/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cnxn_table.h: all connections of one factory: by session, counted by
 * address, and as a list.
 *
 * An address is counted from cnxn_table_admit on, which comes before there
 * is a connection; whoever drops the socket gives the count back.  The plain
 * and the secure port are counted apart, as Java has a factory for each.
 *
 * Thread-safety: all functions; own lock (cnxn_table).
 */
#ifndef CNXN_CNXN_TABLE_H
#define CNXN_CNXN_TABLE_H

#include "cnxn/cnxn_address.h"
#include "util/zk_lock.h"

struct server_cnxn;
struct cnxn_of_address;

struct cnxn_table {
    struct zk_mutex lock;
    struct server_cnxn *sessions ZK_GUARDED;    /* uthash by session id */
    struct cnxn_of_address *addresses ZK_GUARDED;   /* uthash by address */
    struct server_cnxn *first ZK_GUARDED;       /* Those added. */
    size_t n_admitted[2] ZK_GUARDED;            /* by cnxn_address.secure */
    _Atomic size_t n;           /* Listed; to be read without the lock. */
};

enum cnxn_admission {
    CNXN_ADMITTED,
    CNXN_TOO_MANY_OF_ADDRESS,
    CNXN_TOO_MANY,
};

/* No connections; for fini there must be none left. */
void cnxn_table_init(struct cnxn_table *t);
void cnxn_table_fini(struct cnxn_table *t);

/* Counts a new socket unless one of the limits (0: none) of its port is
 * reached. */
enum cnxn_admission cnxn_table_admit(struct cnxn_table *t,
                                     const struct cnxn_address *from,
                                     int max_of_address, int max);
/* Gives the count of one that was admitted back, if it is never added. */
void cnxn_table_forget(struct cnxn_table *t, const struct cnxn_address *from);
/* Lists an admitted connection.  The table holds no reference: it is removed
 * before the last one goes. */
void cnxn_table_add(struct cnxn_table *t, struct server_cnxn *c);
/* Forgets it, and its count.  Once for each that was added. */
void cnxn_table_remove(struct cnxn_table *t, struct server_cnxn *c);

/* The session is this connection's from now on.  Returns the connection that
 * it was of, with a reference, or NULL. */
struct server_cnxn *cnxn_table_set_session(struct cnxn_table *t,
                                           struct server_cnxn *c,
                                           int64_t session_id);
/* Takes the session from its connection and returns that one with a
 * reference, or NULL. */
struct server_cnxn *cnxn_table_take_session(struct cnxn_table *t,
                                            int64_t session_id);
/* Connections that are listed now; may be stale when read. */
size_t cnxn_table_count(const struct cnxn_table *t);
/* All that are listed, each with a reference, in memory that the caller
 * frees; *n says how many. */
struct server_cnxn **cnxn_table_all(struct cnxn_table *t, size_t *n);

#endif
