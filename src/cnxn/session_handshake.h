/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_handshake.h: the first bytes of a connection: a four-letter word
 * or the ConnectRequest, and the answer to the latter.
 *
 * Clients before 3.4 (in C before 3.5) leave out the last byte of the
 * ConnectRequest, and are answered without it.
 */
#ifndef CNXN_SESSION_HANDSHAKE_H
#define CNXN_SESSION_HANDSHAKE_H

#include "server/zookeeper_server.h"

struct server_cnxn;

/* The word with an argument behind it: eight bytes. */
#define FOUR_LETTER_STMK 0x73746d6bU    /* "stmk" */

struct connect_request {
    int64_t last_zxid_seen;
    int32_t timeout_ms;
    int64_t session_id;
    struct zk_slice passwd;     /* Points into the frame. */
    bool old_form;
    bool read_only;             /* The client takes a read-only server. */
};

/* Decodes a frame (without its length).  ZK_EMARSHAL, ZK_ETOOBIG. */
int connect_request_decode(const uint8_t *frame, size_t len,
                           int32_t max_record, struct connect_request *req)
    ZK_WARN_UNUSED;
/* Appends the whole answer.  Not valid: zeros. */
void connect_response_append(struct zk_buf *out,
                             const struct client_sink *sink, bool valid,
                             bool with_read_only, bool read_only);
/* Does this server only read? */
bool session_handshake_read_only(const struct zookeeper_server *zks);
/* Handles a connection's first frame inside an intake; the checks come in
 * Java's order.  Anything but INTAKE_OK: refused, close without an answer.
 * On its selector. */
enum intake_verdict session_handshake_connect(struct server_cnxn *c,
                                              struct intake *in,
                                              const uint8_t *frame,
                                              size_t len);

#endif
