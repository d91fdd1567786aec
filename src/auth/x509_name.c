/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which texts are distinguished names: RFC 1779 and 2253 as Java's
 * X500Principal reads them, since that is what decides whether an ACL of
 * scheme x509 is accepted.  "CN=a, OU=b+L=c; O=\"d,e\"" is one.
 */
#include <config.h>

#include <string.h>
#include <strings.h>

#include "auth/providers.h"

/* What is left to read. */
struct dn_reader {
    const char *p;
    const char *end;
};

static bool
dn_at_end(const struct dn_reader *r)
{
    return r->p == r->end;
}

static bool
dn_at_any(const struct dn_reader *r, const char *set)
{
    return !dn_at_end(r) && *r->p != '\0' && strchr(set, *r->p) != NULL;
}

static void
dn_skip(struct dn_reader *r, const char *set)
{
    while (dn_at_any(r, set)) {
        r->p++;
    }
}

static int
dn_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
dn_at_hex_pair(const struct dn_reader *r)
{
    return r->end - r->p >= 2 && dn_hex_digit(r->p[0]) >= 0
           && dn_hex_digit(r->p[1]) >= 0;
}

/* "2.5.4.3": two or more numbers; the first at most 2, and below 2 the
 * second at most 39. */
static bool
dn_oid_valid(const char *p, size_t len)
{
    unsigned value = 0;
    unsigned first = 0;
    unsigned n = 0;
    bool digits = false;

    for (size_t i = 0; i <= len; i++) {
        if (i < len && p[i] >= '0' && p[i] <= '9') {
            value = value > 100000 ? value
                                   : value * 10 + (unsigned) (p[i] - '0');
            digits = true;
            continue;
        }
        if ((i < len && p[i] != '.') || !digits || (n == 0 && value > 2)
            || (n == 1 && first < 2 && value > 39)) {
            return false;
        }
        if (n++ == 0) {
            first = value;
        }
        value = 0;
        digits = false;
    }
    return n >= 2;
}

static bool
dn_keyword_valid(const char *p, size_t len)
{
    static const char *const known[] = {
        "CN", "C", "L", "S", "ST", "O", "OU", "T", "IP", "STREET", "DC",
        "DNQUALIFIER", "DNQ", "SURNAME", "GIVENNAME", "INITIALS",
        "GENERATION", "EMAIL", "EMAILADDRESS", "UID", "SERIALNUMBER",
    };

    while (len > 0 && (unsigned char) *p <= ' ') {
        p++;
        len--;
    }
    while (len > 0 && (unsigned char) p[len - 1] <= ' ') {
        len--;
    }
    if (len > 0 && *p >= '0' && *p <= '9') {
        return dn_oid_valid(p, len);
    }
    if (len > 4 && strncasecmp(p, "OID.", 4) == 0) {
        return dn_oid_valid(p + 4, len - 4);
    }
    for (size_t i = 0; i < ZK_ARRAY_SIZE(known); i++) {
        if (strlen(known[i]) == len && strncasecmp(p, known[i], len) == 0) {
            return true;
        }
    }
    return false;
}

/* Is one DER element, and nothing else, in 'len' bytes?  Only its length is
 * looked at. */
static bool
dn_der_valid(const uint8_t *b, size_t len)
{
    size_t body = 0;
    size_t head = 2;

    if (len < 2) {
        return false;
    }
    if (b[1] < 0x80) {
        return b[1] == len - 2;
    }
    head += b[1] & 0x7f;
    if (head == 2 || head > 6 || head > len) {
        return false;
    }
    for (size_t i = 2; i < head; i++) {
        body = body << 8 | b[i];
    }
    return body == len - head;
}

/* "#04024869": the value's DER in hex. */
static bool
dn_read_hex(struct dn_reader *r)
{
    struct zk_buf der = { 0 };
    bool ok;

    while (dn_at_hex_pair(r)) {
        uint8_t byte = (uint8_t) (dn_hex_digit(r->p[0]) << 4
                                  | dn_hex_digit(r->p[1]));

        zk_buf_append(&der, &byte, 1);
        r->p += 2;
    }
    ok = (dn_at_end(r) || dn_at_any(r, ",;+"))
         && dn_der_valid(der.data, der.len);
    zk_buf_fini(&der);
    return ok;
}

/* Behind a backslash: two hex digits, or one character of 'set'. */
static bool
dn_read_escaped(struct dn_reader *r, const char *set)
{
    if (dn_at_hex_pair(r)) {
        r->p += 2;
        return true;
    }
    if (dn_at_any(r, set)) {
        r->p++;
        return true;
    }
    return false;
}

/* Behind the opening quote. */
static bool
dn_read_quoted(struct dn_reader *r)
{
    while (!dn_at_end(r) && *r->p != '"') {
        if (*r->p++ == '\\' && !dn_read_escaped(r, ",=\n+<>#;\\\"")) {
            return false;
        }
    }
    if (dn_at_end(r)) {
        return false;
    }
    r->p++;
    dn_skip(r, " \n");
    return dn_at_end(r) || dn_at_any(r, ",;+");
}

static bool
dn_read_plain(struct dn_reader *r)
{
    while (!dn_at_end(r) && !dn_at_any(r, ",;+")) {
        if (*r->p == '\\') {
            r->p++;
            if (!dn_read_escaped(r, ",=\n+<>#;\\\" ")) {
                return false;
            }
        } else if (dn_at_any(r, "<>\"")) {
            return false;
        } else {
            r->p++;
        }
    }
    return true;
}

/* "keyword=value", up to the ',', ';' or '+' behind it or the end. */
static bool
dn_read_attribute(struct dn_reader *r)
{
    const char *keyword = r->p;

    while (!dn_at_end(r) && *r->p != '=') {
        r->p++;
    }
    if (dn_at_end(r)
        || !dn_keyword_valid(keyword, (size_t) (r->p - keyword))) {
        return false;
    }
    r->p++;
    dn_skip(r, " \n");
    if (dn_at_any(r, "#")) {
        r->p++;
        return dn_read_hex(r);
    }
    if (dn_at_any(r, "\"")) {
        r->p++;
        return dn_read_quoted(r);
    }
    return dn_read_plain(r);
}

bool
x509_name_valid(struct zk_slice name)
{
    struct dn_reader r;

    if (name.len <= 0) {
        return name.len == 0;
    }
    r.p = name.p;
    r.end = name.p + name.len;
    for (;;) {
        if (!dn_read_attribute(&r)) {
            return false;
        }
        if (dn_at_end(&r)) {
            return true;
        }
        r.p++;
    }
}
