/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

/*
 * Connections with a ZooKeeper session, used synchronously: opening many at
 * once, single calls for preparing a tree, and closing.  The load engine
 * takes over the sockets in between (see load.h).
 */

#ifndef BENCH_SESSION_H
#define BENCH_SESSION_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "wire.h"

struct address {
    struct sockaddr_storage sa;
    socklen_t length;
    char text[128];             /* As given by the user. */
    char host[128];             /* Of that, or what stands for it. */
};

/* Parses "HOST:PORT", "[V6]:PORT", "HOST" or "PORT" (missing parts are
 * 127.0.0.1 and 2181).  Returns NULL, or a message when it cannot be used. */
const char *address_parse(struct address *a, const char *text);

/* True if 'a' is this host's loopback (127.0.0.0/8 or ::1). */
bool address_is_loopback(const struct address *a);

/* Opens 'count' connections with a session each, to the 'n' addresses in turn,
 * and writes their blocking sockets to 'fds'.  Handshakes overlap, but only as many as a server's
 * listen queue takes without dropping.  Ends the process on any failure. */
void sessions_open(const struct address *a, unsigned n, unsigned count,
                   int *fds);

/* Ends each session with closeSession, waits for the answers and closes the
 * sockets, which must be blocking and have nothing outstanding. */
void sessions_close(unsigned count, const int *fds);

/* Connects and sends the request for a new session, waiting at most
 * 'timeout_ms' here and in each later send or receive.  Returns the socket,
 * or -1 with errno set. */
int session_start(const struct address *a, unsigned timeout_ms);

/* Length of a ConnectResponse frame with its length word, and whether the one
 * at 'frame' grants a session. */
#define SESSION_RESPONSE 41
bool session_response_grants(const uint8_t *frame);

/* Sends 'op' on 'path' and waits for the answer.  Returns its err, which is 0
 * or one of 'allowed_err'; ends the process on anything else. */
int32_t session_call(int fd, int32_t op, const char *path,
                     size_t data_length, int32_t allowed_err);

/* Creates 'path' and every missing parent of it. */
void session_make_path(int fd, const char *path);

#endif
