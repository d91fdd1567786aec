/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "net/net_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* An address of ::ffff:0:0/96 as what it is. */
static void
na_unmap(const struct sockaddr_storage *sa, struct sockaddr_storage *out)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) sa;
    struct sockaddr_in v4 = { .sin_family = AF_INET };

    *out = *sa;
    if (sa->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        v4.sin_port = v6->sin6_port;
        memcpy(&v4.sin_addr, &v6->sin6_addr.s6_addr[12], 4);
        memcpy(out, &v4, sizeof v4);
    }
}

void
net_address_print(const struct sockaddr_storage *sa,
                  char out[NET_ADDRESS_MAX])
{
    struct sockaddr_storage plain;
    char host[NET_ADDRESS_MAX - 16];
    socklen_t len;

    na_unmap(sa, &plain);
    len = plain.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                      : sizeof(struct sockaddr_in);
    if (getnameinfo((const struct sockaddr *) &plain, len, host, sizeof host,
                    NULL, 0, NI_NUMERICHOST) != 0) {
        snprintf(out, NET_ADDRESS_MAX, "?");
        return;
    }
    net_address_print_host(host, net_address_port(&plain), out,
                           NET_ADDRESS_MAX);
}

void
net_address_print_host(const char *host, int port, char *out, size_t size)
{
    bool v6 = host != NULL && strchr(host, ':') != NULL;

    snprintf(out, size, "%s%s%s:%d", v6 ? "[" : "",
             host != NULL ? host : "0.0.0.0", v6 ? "]" : "", port);
}

bool
net_address_is_wildcard(const char *host)
{
    struct in6_addr v6;
    struct in_addr v4;

    if (inet_pton(AF_INET, host, &v4) == 1) {
        return v4.s_addr == htonl(INADDR_ANY);
    }
    return inet_pton(AF_INET6, host, &v6) == 1
           && (IN6_IS_ADDR_UNSPECIFIED(&v6)
               || (IN6_IS_ADDR_V4MAPPED(&v6)
                   && memcmp(&v6.s6_addr[12], "\0\0\0\0", 4) == 0));
}

int
net_address_port(const struct sockaddr_storage *sa)
{
    if (sa->ss_family == AF_INET) {
        return ntohs(((const struct sockaddr_in *) sa)->sin_port);
    }
    if (sa->ss_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *) sa)->sin6_port);
    }
    return 0;
}
