/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_conn.h: TLS over one non-blocking socket that somebody else owns.
 *
 * No call waits for the peer: each does what can be done now and tells what
 * to poll for.  Life: create, handshake until TLS_DONE, read and write,
 * close_notify, destroy.
 *
 * Thread-safety: none, as OpenSSL's SSL has none; callers with two threads
 * lock around the calls (and wait outside of the lock).
 */
#ifndef TLS_TLS_CONN_H
#define TLS_TLS_CONN_H

#include <stddef.h>

#include "tls/tls_context.h"

struct net_cancel;
struct sockaddr_storage;
struct tls_conn;

enum tls_result {
    TLS_DONE,                   /* read, write: at least a byte moved. */
    TLS_WANT_READ,              /* Call again once the socket is readable, */
    TLS_WANT_WRITE,             /* ... writable. */
    TLS_EOF,                    /* The peer has ended the connection. */
    TLS_FAILED,                 /* 'em' says why; only destroy is left. */
};

/* Our side is the server of an accepted connection.  'peer' (copied) is whom
 * client_hostname_verification compares the certificate with. */
struct tls_conn *tls_conn_accept(struct tls_context *ctx, int fd,
                                 const struct sockaddr_storage *peer);
/* Our side is the client; 'host' (copied) is the name or address that it was
 * told to connect to, for SNI and hostname_verification. */
struct tls_conn *tls_conn_connect(struct tls_context *ctx, int fd,
                                  const char *host,
                                  const struct sockaddr_storage *peer);
/* Does not touch the socket; NULL is none. */
void tls_conn_destroy(struct tls_conn *c);

/* The handshake is of no use to anybody from 'deadline_ms' (zk_time_mono_ms)
 * on: it asks nobody about the peer's certificate for longer. */
void tls_conn_set_deadline(struct tls_conn *c, int64_t deadline_ms);

/* Whoever is asked about the peer's certificate is waited for until 'cancel'
 * (borrowed; may be NULL) is fired, or the socket is shut down. */
void tls_conn_set_cancel(struct tls_conn *c, const struct net_cancel *cancel);
/* The handshake asks nobody whether the peer's certificate is revoked: where
 * what is kept does not tell, it goes on to its end, and tls_conn_ask has to
 * follow. */
void tls_conn_ask_later(struct tls_conn *c);

/* Goes on with the handshake; TLS_DONE once it is complete and the peer is
 * who it should be.  May look up a name or, unless that is for later, ask an
 * OCSP responder where the configuration wants that, so it is called on
 * threads that serve nobody else. */
enum tls_result tls_conn_handshake(struct tls_conn *c, struct zk_errmsg *em);
/* Has somebody to be asked, after TLS_DONE and before anything is read? */
bool tls_conn_has_to_ask(const struct tls_conn *c);
/* Where?  "host:port" or another text (tls_fetch_place), while somebody has to
 * be asked; borrowed until the next call. */
const char *tls_conn_place_to_ask(const struct tls_conn *c);
/* Asks there, and nowhere else, on a thread that may wait: TLS_DONE, behind
 * which somebody else may have to be asked, or TLS_FAILED.  A peer that is
 * refused so late is not told why: OpenSSL sends no alert behind a
 * handshake. */
enum tls_result tls_conn_ask(struct tls_conn *c, struct zk_errmsg *em);
/* Reads up to 'len' > 0 bytes.  Reads what is there until it says
 * TLS_WANT_*: bytes that OpenSSL holds already do not make a socket
 * readable. */
enum tls_result tls_conn_read(struct tls_conn *c, void *p, size_t len,
                              size_t *got, struct zk_errmsg *em);
/* Writes up to 'len' > 0 bytes.  After TLS_WANT_* the bytes given next begin
 * with the same ones (from whatever memory). */
enum tls_result tls_conn_write(struct tls_conn *c, const void *p, size_t len,
                               size_t *put, struct zk_errmsg *em);
/* Tells the peer that nothing more comes; tries once. */
void tls_conn_close_notify(struct tls_conn *c);

/* The subject of the peer's certificate as Java's X500Principal.getName()
 * prints it (RFC 2253); NULL: it showed none.  Borrowed. */
const char *tls_conn_peer_subject(const struct tls_conn *c);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384", for logs.  Borrowed. */
const char *tls_conn_cipher(const struct tls_conn *c);

/* Do the first 'n' bytes of a connection begin TLS?  Neither a ConnectRequest,
 * a word, a hello nor a FOLLOWERINFO can begin so (0x16 0x03). */
enum tls_sniff { TLS_SNIFF_PLAIN, TLS_SNIFF_TLS, TLS_SNIFF_MORE };
enum tls_sniff tls_sniff(const unsigned char *p, size_t n);

#endif
