/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cnxn_address.h: where a client comes from, in the forms that the server
 * needs: a key to count by, the id of the scheme "ip", the text for people.
 *
 * Thread-safety: pure functions.
 */
#ifndef CNXN_CNXN_ADDRESS_H
#define CNXN_CNXN_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/socket.h>

struct cnxn_address {
    uint8_t ip[16];             /* IPv4 as ::ffff:a.b.c.d */
    uint8_t secure;             /* 1: it came to the secure port; the two
                                 * ports are counted apart. */
    uint16_t port;              /* host order */
};

/* Room for an address without and with its port. */
#define CNXN_HOST_MAX 48
#define CNXN_REMOTE_MAX 64

/* An AF_INET or AF_INET6 address; anything else becomes "::", port 0. */
void cnxn_address_set(struct cnxn_address *a,
                      const struct sockaddr_storage *from);
/* The way back; IPv4 where it is that. */
void cnxn_address_sockaddr(const struct cnxn_address *a,
                           struct sockaddr_storage *out);
/* 127.0.0.0/8 or ::1 */
bool cnxn_address_is_loopback(const struct cnxn_address *a);
/* "127.0.0.1", or "0:0:0:0:0:0:0:1": all eight groups, as Java prints
 * them; an IPv4 address that came by IPv6 is shown as IPv4. */
void cnxn_address_host(const struct cnxn_address *a,
                       char out[CNXN_HOST_MAX]);
/* "/127.0.0.1:53082" */
void cnxn_address_remote(const struct cnxn_address *a,
                         char out[CNXN_REMOTE_MAX]);

#endif
