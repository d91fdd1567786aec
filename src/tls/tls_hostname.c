/* SPDX-License-Identifier: Apache-2.0 */
/* Whose certificate it is; see tls_name.h. */
#include <config.h>

#include "tls/tls_name.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/x509v3.h>

/* An address in the form that certificates have it: 4 or 16 bytes. */
struct th_address {
    uint8_t bytes[16];
    size_t len;                 /* 0: none */
};

static void
th_set(struct th_address *a, const void *bytes, size_t len)
{
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                        0xff, 0xff };
    const uint8_t *p = bytes;

    if (len == 16 && memcmp(p, mapped, sizeof mapped) == 0) {
        p += sizeof mapped;
        len = 4;
    }
    memcpy(a->bytes, p, len);
    a->len = len;
}

/* "10.0.0.1", "::1", "[::1]"; a zone ("%eth0") does not count. */
static bool
th_parse(const char *host, struct th_address *out)
{
    struct in_addr v4;
    struct in6_addr v6;
    char copy[INET6_ADDRSTRLEN + 1];
    size_t len;

    if (inet_pton(AF_INET, host, &v4) == 1) {
        th_set(out, &v4, sizeof v4);
        return true;
    }
    host += *host == '[' ? 1 : 0;
    len = strcspn(host, "]%");
    if (len >= sizeof copy || strchr(host, ':') == NULL) {
        return false;
    }
    memcpy(copy, host, len);
    copy[len] = '\0';
    if (inet_pton(AF_INET6, copy, &v6) != 1) {
        return false;
    }
    th_set(out, &v6, sizeof v6);
    return true;
}

/* Does 'host' fit 'pattern', which may have one '*'? */
static bool
th_fits(const char *host, const char *pattern)
{
    const char *star = strchr(pattern, '*');
    size_t len = strlen(host), head, tail;

    if (star == NULL) {
        return strcasecmp(host, pattern) == 0;
    }
    head = (size_t) (star - pattern);
    tail = strlen(star + 1);
    return len >= head + tail
           && strncasecmp(host, pattern, head) == 0
           && strcasecmp(host + len - tail, star + 1) == 0
           && memchr(host + head, '.', len - head - tail) == NULL;
}

/* The same for a string of a certificate; one with a NUL inside fits
 * nothing. */
static bool
th_fits_string(const char *host, const ASN1_STRING *pattern)
{
    unsigned char *text = NULL;
    int len = ASN1_STRING_to_UTF8(&text, pattern);
    bool ok = len >= 0 && memchr(text, '\0', (size_t) len) == NULL
              && th_fits(host, (const char *) text);

    OPENSSL_free(text);
    return ok;
}

static bool
th_fits_common_name(const X509 *cert, const char *host)
{
    const X509_NAME *name = X509_get_subject_name(cert);
    int last = -1, i = -1;

    while ((i = X509_NAME_get_index_by_NID(name, NID_commonName, i)) >= 0) {
        last = i;
    }
    return last >= 0
           && th_fits_string(host, X509_NAME_ENTRY_get_data(
                                       X509_NAME_get_entry(name, last)));
}

static bool
th_fits_alternative(const GENERAL_NAME *n, const char *host,
                    const struct th_address *a)
{
    if (n->type == GEN_IPADD) {
        const ASN1_OCTET_STRING *ip = n->d.iPAddress;
        struct th_address given = { .len = 0 };

        if (ASN1_STRING_length(ip) == 4 || ASN1_STRING_length(ip) == 16) {
            th_set(&given, ASN1_STRING_get0_data(ip),
                   (size_t) ASN1_STRING_length(ip));
        }
        return a->len > 0 && a->len == given.len
               && memcmp(a->bytes, given.bytes, a->len) == 0;
    }
    return n->type == GEN_DNS && a->len == 0
           && th_fits_string(host, n->d.dNSName);
}

static bool
th_matches(X509 *cert, const char *host, const struct th_address *a)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL,
                                            NULL);
    bool any = false, ok = false;

    for (int i = 0; !ok && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

        any = any || n->type == GEN_DNS || n->type == GEN_IPADD;
        ok = th_fits_alternative(n, host, a);
    }
    GENERAL_NAMES_free(names);
    return any ? ok : th_fits_common_name(cert, host);
}

bool
tls_name_matches_host(X509 *cert, const char *host)
{
    struct th_address a = { .len = 0 };

    th_parse(host, &a);
    return th_matches(cert, host, &a);
}

bool
tls_name_matches_address(X509 *cert, const struct sockaddr_storage *sa)
{
    struct th_address a = { .len = 0 };
    char host[INET6_ADDRSTRLEN];

    if (sa->ss_family == AF_INET) {
        th_set(&a, &((const struct sockaddr_in *) sa)->sin_addr, 4);
    } else if (sa->ss_family == AF_INET6) {
        th_set(&a, &((const struct sockaddr_in6 *) sa)->sin6_addr, 16);
    } else {
        return false;
    }
    inet_ntop(a.len == 4 ? AF_INET : AF_INET6, a.bytes, host, sizeof host);
    return th_matches(cert, host, &a);
}

bool
tls_name_is_address(const char *host)
{
    struct th_address a;

    return th_parse(host, &a);
}
