/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cnxn_client.h: a server with a client port in the test's own process, and
 * a client that speaks to it byte by byte.  Whatever takes longer than
 * CC_DEADLINE_MS ends the test program: nothing here waits for ever.
 */
#ifndef TEST_CNXN_CLIENT_H
#define TEST_CNXN_CLIENT_H

#include "cnxn/server_cnxn_factory.h"

#define CC_DEADLINE_MS 20000

struct test_server {
    char *dir;
    struct server_config *config;   /* May be changed before start. */
    struct zookeeper_server *zks;
    struct server_cnxn_factory *f;
    atomic_int words;               /* Answered so far. */
};

/* A configuration over a fresh folder; port 0, no limits of connections. */
void test_server_init(struct test_server *s);
/* Starts it; without 'with_zks' the port is open and no server behind it.
 * Words: "ruok" is answered "imok", "stmk" the argument in hex, "slow" 8 MB
 * of 's'. */
void test_server_start(struct test_server *s, bool with_zks);
void test_server_stop(struct test_server *s);

struct cc_reply {
    int32_t xid;
    int64_t zxid;
    int32_t err;
    struct zk_buf frame;        /* All of it, without the length. */
};

/* A connected socket (127.0.0.1). */
int cc_connect(const struct test_server *s);
/* Sends all, or ends the program. */
void cc_send(int fd, const void *p, size_t len);
/* Appends 'len' bytes to 'b'; false at the end of the stream or on a
 * reset. */
bool cc_recv(int fd, size_t len, struct zk_buf *b);
/* The other side has closed: no byte comes, but the end. */
bool cc_is_closed(int fd);
/* Reads a frame; false at the end of the stream. */
bool cc_frame(int fd, struct zk_buf *b);
/* Reads a reply or event into 'r', whose frame is cleared first. */
bool cc_reply(int fd, struct cc_reply *r);
/* Waits until 'ok(arg)' is true; false when the deadline passed. */
bool cc_until(bool (*ok)(void *arg), void *arg);

/* Appends frames to 'b'. */
void cc_put_connect(struct zk_buf *b, int64_t session_id,
                    const uint8_t *passwd, int64_t last_zxid, bool old_form,
                    bool read_only);
void cc_put_create(struct zk_buf *b, int32_t xid, const char *path,
                   size_t data_len);
void cc_put_set(struct zk_buf *b, int32_t xid, const char *path,
                size_t data_len);
void cc_put_get(struct zk_buf *b, int32_t xid, const char *path, bool watch);
/* ping, closeSession: without a body. */
void cc_put_plain(struct zk_buf *b, int32_t xid, int32_t type);
/* Sends what 'b' holds and empties it. */
void cc_send_buf(int fd, struct zk_buf *b);

struct cc_session {
    int64_t id;
    int32_t timeout_ms;
    uint8_t passwd[16];
};

/* Reads a ConnectResponse of 36 (old form) or 37 bytes. */
bool cc_read_session(int fd, struct cc_session *s, size_t *len);
/* A socket with a new session. */
int cc_new_session(const struct test_server *s, struct cc_session *session);
/* Sends one request and reads its reply; the error, or 1 at the end. */
int cc_call(int fd, struct zk_buf *request);

#endif
