/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format.h: what the shell prints, as text: Stats, ACLs, events, data.  The
 * forms are those of Apache's shell (Java: org.apache.zookeeper.cli,
 * WatchedEvent, ZKUtil).
 *
 * Thread-safety: none needed; pure functions over the caller's memory, but
 * for the time zone.
 */
#ifndef SHELL_FORMAT_H
#define SHELL_FORMAT_H

#include "jute/zookeeper_records.h"
#include "util/zk_buf.h"
#include "util/zk_slice.h"

/* Appends the moment as Java's Date.toString has it, in the zone of TZ:
 * "Thu Jan 01 00:00:00 UTC 1970". */
void format_date(int64_t ms, struct zk_buf *out);
/* Appends the eleven lines of a Stat, from cZxid to numChildren. */
void format_stat(const struct jute_stat *stat, struct zk_buf *out);
/* The letters of permissions, "cdrwa"; 'out' has room for six bytes. */
void format_perms(int32_t perms, char out[6]);
/* Appends "WatchedEvent state:S type:T path:P zxid: Z"; a null path is
 * "null". */
void format_event(const char *state, const char *type, struct zk_slice path,
                  int64_t zxid, struct zk_buf *out);
/* Appends a dump with sixteen bytes a line, in a frame (Java: Netty's
 * prettyHexDump); nothing for no bytes. */
void format_hex_dump(struct zk_slice data, struct zk_buf *out);
/* Appends the bytes in base64 (RFC 4648, padded). */
void format_base64(struct zk_slice data, struct zk_buf *out);
/* Appends the bytes that 'text' stands for; false: it is no base64. */
bool format_unbase64(const char *text, struct zk_buf *out);
/* Appends the text with everything that could change the state of a terminal
 * as \xNN: control characters (but newline and tab) and bytes that are no
 * UTF-8. */
void format_safe(struct zk_slice text, struct zk_buf *out);

#endif
