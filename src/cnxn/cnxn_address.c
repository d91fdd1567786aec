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

static bool
ca_is_v4(const struct cnxn_address *a)
{
    return memcmp(a->ip, ca_v4_prefix, sizeof ca_v4_prefix) == 0;
}

void
cnxn_address_sockaddr(const struct cnxn_address *a,
                      struct sockaddr_storage *out)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

    memset(out, 0, sizeof *out);
    if (ca_is_v4(a)) {
        memcpy(&v4.sin_addr, a->ip + 12, 4);
        v4.sin_port = htons(a->port);
        memcpy(out, &v4, sizeof v4);
    } else {
        memcpy(&v6.sin6_addr, a->ip, 16);
        v6.sin6_port = htons(a->port);
        memcpy(out, &v6, sizeof v6);
    }
}

bool
cnxn_address_is_loopback(const struct cnxn_address *a)
{
    static const uint8_t v6_loopback[16] = { [15] = 1 };

    return ca_is_v4(a) ? a->ip[12] == 127
                       : memcmp(a->ip, v6_loopback, 16) == 0;
}

void
cnxn_address_host(const struct cnxn_address *a, char out[CNXN_HOST_MAX])
{
    const uint8_t *ip = a->ip;
    size_t at = 0;

    if (ca_is_v4(a)) {
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
