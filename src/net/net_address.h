/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_address.h: addresses of servers as text.
 *
 * Thread-safety: pure functions.
 */
#ifndef NET_NET_ADDRESS_H
#define NET_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include <sys/socket.h>

/* Room for a numeric address with its port. */
#define NET_ADDRESS_MAX 96

/* "127.0.0.1:2888" or "[::1]:2888"; IPv4 that came by IPv6 as IPv4; "?" for
 * what is no address. */
void net_address_print(const struct sockaddr_storage *sa,
                       char out[NET_ADDRESS_MAX]);
/* "host:port", with brackets around a host that holds colons; a NULL host is
 * 0.0.0.0.  Cut off when 'size' is too small. */
void net_address_print_host(const char *host, int port, char *out,
                            size_t size);
/* Is it the text of an address that stands for all of this machine's? */
bool net_address_is_wildcard(const char *host);
/* The port of an address; 0 for what is none. */
int net_address_port(const struct sockaddr_storage *sa);

#endif
