/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "net/link_options.h"

#include "tls/tls_conn.h"

struct net_options
link_options(const struct server_config *config, struct tls_context *tls)
{
    const struct quorum_config *q = &config->quorum;

    /* Who asked for TLS must not get links without it. */
    zk_assert(tls != NULL || !q->ssl_quorum);
    return (struct net_options) {
        .keepalive = config->props != NULL
                     && system_properties_bool(config->props,
                                               "zookeeper.tcpKeepAlive",
                                               false),
        .nodelay = true,
        .tls = tls,
        .connect_tls = q->ssl_quorum,
        .accept_plain = q->port_unification || !q->ssl_quorum,
    };
}

const char *
link_options_hint(const void *first, size_t len)
{
    return tls_sniff(first, len) == TLS_SNIFF_TLS
               ? " (it speaks TLS, and this server takes none here: "
                 "sslQuorum and portUnification are off)"
               : "";
}
