/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LOCK(rank, name, guards): take only in rising rank; --enable-lock-checks
 * asserts it.  No lock is held across fsync, connect, a blocking read or a
 * call out to another module's callback that may block.
 */
LOCK(10, quorum_peer,         "role, committed and proposed view, epochs")
LOCK(15, learner,             "a learner's server and what it waits for")
LOCK(20, client,              "a client's session and what waits for it")
LOCK(25, election,            "the state of the election")
LOCK(30, quorum_cnx_manager,  "peer -> worker and queue maps")
LOCK(35, container_manager,   "its timer")
LOCK(36, prep,                "the prep stage: the last zxid, the digest")
LOCK(37, leader,              "proposals and acks, learner list")
LOCK(38, commit,              "requests and commits that wait for each other")
LOCK(40, database,            "data tree, sessions with timeouts, and what "
                              "prep has outstanding: one writer, many readers")
LOCK(45, committed_log,       "the recent proposals that DIFF is made of")
LOCK(60, watch_manager,       "watch tables")
LOCK(65, session_tracker,     "sessions and expiry buckets")
LOCK(68, cnxn_table,          "connections by session and by address")
LOCK(70, server_cnxn,         "one connection's outgoing bytes and its state")
LOCK(72, selector,            "a selector's list of connections to flush")
LOCK(75, connection_expirer,  "idle connections by bucket")
LOCK(80, history,             "who may take files of the history away")
LOCK(85, metrics,             "registry of metrics")
LOCK(88, net_stream,          "the TLS object of one link between servers")
LOCK(90, blocking_queue,      "leaf: never call out while held")
LOCK(95, log,                 "ring of log lines on their way to log4c")
LOCK(99, leaf,                "small private locks that call nothing")
