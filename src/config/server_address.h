/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_address.h: the value of a server.N line (Java:
 * QuorumPeer.QuorumServer).
 *
 *   address[|address...][;[host:]clientPort[;[host:]securePort]]
 *   address = host:quorumPort:electionPort[:participant|:observer]
 *
 * An IPv6 address stands in brackets.
 *
 * Thread-safety: none; plain functions over one struct.
 */
#ifndef CONFIG_SERVER_ADDRESS_H
#define CONFIG_SERVER_ADDRESS_H

#include "config/server_config.h"
#include "util/zk_buf.h"

/* Fills 'out' (which holds nothing); more than one address only with
 * 'multi'.  ZK_ECONFIG says what is wrong with the text; the caller adds
 * where it stands.  'out' must be finished in any case. */
int server_address_parse(int64_t sid, const char *text, bool multi,
                         struct server_address *out, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Frees what is in it. */
void server_address_fini(struct server_address *a);
/* Appends "h:q:e[|h:q:e]:role[;host:port][;host:port]". */
void server_address_print(const struct server_address *a,
                          struct zk_buf *out);
/* Java's Integer.parseInt and Long.parseLong: decimal digits after an
 * optional sign, nothing else.  False when it is not that or too large. */
bool config_parse_int(const char *text, int *out);
bool config_parse_long(const char *text, int64_t *out);

#endif
