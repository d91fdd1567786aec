/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cnxn/cnxn_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t ca_v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

void
cnxn_address_set(struct cnxn_address *a, const struct sockaddr_storage *from)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    memset(a, 0, sizeof *a);
    if (from->ss_family == AF_INET) {
        memcpy(&v4, from, sizeof v4);
        memcpy(a->ip, ca_v4_prefix, sizeof ca_v4_prefix);
        memcpy(a->ip + 12, &v4.sin_addr, 4);
        a->port = ntohs(v4.sin_port);
    } else if (from->ss_family == AF_INET6) {
        memcpy(&v6, from, sizeof v6);
        memcpy(a->ip, &v6.sin6_addr, 16);
        a->port = ntohs(v6.sin6_port);
    }
}

void
cnxn_address_host(const struct cnxn_address *a, char out[CNXN_HOST_MAX])
{
    const uint8_t *ip = a->ip;
    size_t at = 0;

    if (memcmp(ip, ca_v4_prefix, sizeof ca_v4_prefix) == 0) {
        snprintf(out, CNXN_HOST_MAX, "%u.%u.%u.%u", ip[12], ip[13], ip[14],
                 ip[15]);
        return;
    }
    for (int i = 0; i < 16; i += 2) {
        at += (size_t) snprintf(out + at, CNXN_HOST_MAX - at, "%s%x",
                                i == 0 ? "" : ":",
                                (unsigned) ip[i] << 8 | ip[i + 1]);
    }
}

void
cnxn_address_remote(const struct cnxn_address *a, char out[CNXN_REMOTE_MAX])
{
    char host[CNXN_HOST_MAX];

    cnxn_address_host(a, host);
    snprintf(out, CNXN_REMOTE_MAX, "/%s:%u", host, (unsigned) a->port);
}
