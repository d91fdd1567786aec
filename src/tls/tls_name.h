/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_name.h: names in certificates.
 *
 * Thread-safety: pure functions.
 */
#ifndef TLS_TLS_NAME_H
#define TLS_TLS_NAME_H

#include <sys/socket.h>

#include <openssl/x509.h>

#include "util/zk_buf.h"

/* Appends the name byte for byte as Java's X500Principal.getName() prints it
 * (RFC 2253), since ACLs hold that text; a NUL follows that does not count.
 *
 * The last RDN comes first.  Only CN, C, L, ST, O, OU, STREET, DC and UID
 * have names; other types (emailAddress) are dotted numbers, and their
 * values, like those that are no text to Java (UniversalString), the DER in
 * hex behind a '#'.  Bytes of all other values are taken as UTF-8, whatever
 * the string's type says. */
void tls_name_print(const X509_NAME *name, struct zk_buf *out);

/* Is the certificate one of that host, as ZKHostnameVerifier has it?  'host'
 * is a name or the text of an address.  If there are alternative names (DNS
 * or IP) only they count, otherwise the last common name.  A '*' stands for
 * what is between its neighbours, without dots. */
bool tls_name_matches_host(X509 *cert, const char *host);
/* The same for an address. */
bool tls_name_matches_address(X509 *cert, const struct sockaddr_storage *sa);
/* Is it the text of an address ("10.0.0.1", "::1", "[::1]")? */
bool tls_name_is_address(const char *host);

#endif
