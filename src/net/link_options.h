/* SPDX-License-Identifier: Apache-2.0 */
/* link_options.h: what the configuration says of links between servers. */
#ifndef NET_LINK_OPTIONS_H
#define NET_LINK_OPTIONS_H

#include "config/server_config.h"
#include "net/net_stream.h"

/*
 *                       connects by     accepts
 *   neither             plain           plain
 *   portUnification     plain           both
 *   sslQuorum           TLS             TLS
 *   both                TLS             both
 *
 * 'tls' (borrowed) holds the keys of ssl.quorum.*; NULL only without
 * sslQuorum.  zookeeper.tcpKeepAlive is in it, too; no handshake_ms and no
 * cancel.  Pure. */
struct net_options link_options(const struct server_config *config,
                                struct tls_context *tls);

/* Why what begins with these bytes is not what it should be, for a link that
 * is plain: " (it speaks TLS, ...)" or "". */
const char *link_options_hint(const void *first, size_t len);

#endif
