/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_watches.h: what a client watches, by the server's paths (Java:
 * ZKWatchManager).
 *
 * The server has the same watches; this table is what is said to the next
 * server when the link is lost, and what keeps away events that nobody asked
 * for.
 *
 * Thread-safety: none; one owner.
 */
#ifndef CLIENT_CLIENT_WATCHES_H
#define CLIENT_CLIENT_WATCHES_H

#include "util/zk_buf.h"
#include "util/zk_slice.h"

/* A sum. */
enum client_watch_kind {
    CLIENT_WATCH_DATA = 1,      /* getData; exists of what exists. */
    CLIENT_WATCH_EXIST = 2,     /* exists of what does not. */
    CLIENT_WATCH_CHILD = 4,
    CLIENT_WATCH_PERSISTENT = 8,
    CLIENT_WATCH_RECURSIVE = 16,
    CLIENT_WATCH_ALL = 31,
};

/* A setWatches is sent when its paths come to so many bytes (Java:
 * SET_WATCHES_MAX_LENGTH). */
#define CLIENT_SET_WATCHES_MAX (128 * 1024)

struct client_watch;

struct client_watches {
    struct client_watch *map;   /* uthash by path */
};

/* An all-zero struct is an empty table. */
void client_watches_fini(struct client_watches *w);
/* 'kinds' for 'path' from now on. */
void client_watches_add(struct client_watches *w, const char *path,
                        unsigned kinds);
/* Those of 'kinds' that 'path' has. */
unsigned client_watches_get(const struct client_watches *w,
                            const char *path, unsigned kinds);
/* The same, and takes them off. */
unsigned client_watches_remove(struct client_watches *w, const char *path,
                               unsigned kinds);
/* An event of 'type' (enum zk_event_type) came for 'path': is it for
 * somebody?  Watches that fire once are gone then. */
bool client_watches_fire(struct client_watches *w, int32_t type,
                         struct zk_slice path);
/* How many paths are watched. */
size_t client_watches_count(const struct client_watches *w);
/* Appends the requests that tell a server of all of them: it answers with the
 * events of what changed after 'relative_zxid'. */
void client_watches_encode(const struct client_watches *w,
                           int64_t relative_zxid, struct zk_buf *out);

#endif
