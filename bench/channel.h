/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

/*
 * The way of a session's bytes: its socket, or TLS over it when the command
 * line asks for that.  The load engine knows descriptors only; what TLS holds
 * for one is found here.
 *
 * Not thread-safe in opening and closing; each descriptor is used by one
 * thread at a time.
 */

#ifndef BENCH_CHANNEL_H
#define BENCH_CHANNEL_H 1

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Stores, PEM or what the server takes, too; NULL: none. */
struct channel_tls {
    const char *trust;          /* Whom we trust. */
    const char *key;            /* Who we are. */
    const char *password;       /* Of both stores. */
};

/* From here on channels speak TLS.  Ends the process when a store cannot be
 * read. */
void channel_use_tls(const struct channel_tls *tls);

/* Shakes hands over a socket that is connected to 'host' and blocks; false
 * with errno set on failure, which is told. */
bool channel_begin(int fd, const char *host);
/* As recv, send, close and a fcntl of O_NONBLOCK.  MSG_DONTWAIT is the only
 * flag that matters. */
ssize_t channel_recv(int fd, void *p, size_t n, int flags);
ssize_t channel_send(int fd, const void *p, size_t n, int flags);
void channel_close(int fd);
/* False with errno set. */
bool channel_set_blocking(int fd, bool on);

#endif
