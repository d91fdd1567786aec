/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tls/tls_name.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/objects.h>

#include "util/utf8.h"

/* The types that RFC 2253 names, and UID. */
static const struct tn_keyword {
    int nid;
    const char *text;
} tn_keywords[] = {
    { NID_commonName, "CN" },
    { NID_countryName, "C" },
    { NID_localityName, "L" },
    { NID_stateOrProvinceName, "ST" },
    { NID_organizationName, "O" },
    { NID_organizationalUnitName, "OU" },
    { NID_streetAddress, "STREET" },
    { NID_domainComponent, "DC" },
    { NID_userId, "UID" },
};

/* Appends the type; true if it is a keyword. */
static bool
tn_print_type(const ASN1_OBJECT *type, struct zk_buf *out)
{
    int nid = OBJ_obj2nid(type);
    int len;

    for (size_t i = 0; i < ZK_ARRAY_SIZE(tn_keywords); i++) {
        if (tn_keywords[i].nid == nid) {
            zk_buf_printf(out, "%s", tn_keywords[i].text);
            return true;
        }
    }
    len = OBJ_obj2txt(NULL, 0, type, 1);
    if (len > 0) {
        char *to = (char *) zk_buf_reserve(out, (size_t) len + 1);

        OBJ_obj2txt(to, len + 1, type, 1);
        out->len += (size_t) len;
    }
    return false;
}

/* Of the types that OpenSSL lets be in a name, as the JVM has them. */
static bool
tn_is_text(const ASN1_STRING *value)
{
    switch (ASN1_STRING_type(value)) {
    case V_ASN1_IA5STRING:
    case V_ASN1_T61STRING:
    case V_ASN1_PRINTABLESTRING:
    case V_ASN1_BMPSTRING:
    case V_ASN1_UTF8STRING:
        return true;
    default:
        return false;
    }
}

static void
tn_print_hex(const ASN1_STRING *value, struct zk_buf *out)
{
    /* An ANY of the type that the string has. */
    ASN1_TYPE *any = ASN1_TYPE_new();
    uint8_t *der = NULL;
    int len;

    zk_assert(any != NULL);
    ASN1_TYPE_set1(any, ASN1_STRING_type(value), value);
    len = i2d_ASN1_TYPE(any, &der);
    zk_buf_append(out, "#", 1);
    for (int i = 0; i < len; i++) {
        zk_buf_printf(out, "%02x", der[i]);
    }
    OPENSSL_free(der);
    ASN1_TYPE_free(any);
}

static bool
tn_is_blank(uint8_t c)
{
    return c == ' ' || c == '\r';
}

/* Blanks at both ends, and what has a meaning, get a backslash. */
static void
tn_print_text(const ASN1_STRING *value, struct zk_buf *out)
{
    struct zk_buf text = { 0 };
    size_t lead = 0, trail;

    utf8_repair(zk_slice(ASN1_STRING_get0_data(value),
                            ASN1_STRING_length(value)), &text);
    trail = text.len;
    while (lead < text.len && tn_is_blank(text.data[lead])) {
        lead++;
    }
    while (trail > 0 && tn_is_blank(text.data[trail - 1])) {
        trail--;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (c == '\0') {
            zk_buf_append(out, "\\00", 3);
            continue;
        }
        if (i < lead || i >= trail || strchr(",=+<>#;\"\\", c) != NULL) {
            zk_buf_append(out, "\\", 1);
        }
        zk_buf_append(out, &c, 1);
    }
    zk_buf_fini(&text);
}

static void
tn_print_attribute(const X509_NAME_ENTRY *e, struct zk_buf *out)
{
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(e);
    bool keyword = tn_print_type(X509_NAME_ENTRY_get_object(e), out);

    zk_buf_append(out, "=", 1);
    if (keyword && tn_is_text(value)) {
        tn_print_text(value, out);
    } else {
        tn_print_hex(value, out);
    }
}

/* The first entry of the RDN that ends before 'end'. */
static int
tn_rdn_begin(const X509_NAME *name, int end)
{
    int set = X509_NAME_ENTRY_set(X509_NAME_get_entry(name, end - 1));
    int begin = end - 1;

    while (begin > 0
           && X509_NAME_ENTRY_set(X509_NAME_get_entry(name, begin - 1))
              == set) {
        begin--;
    }
    return begin;
}

void
tls_name_print(const X509_NAME *name, struct zk_buf *out)
{
    int end = X509_NAME_entry_count(name);
    int begin;

    for (; end > 0; end = begin) {
        begin = tn_rdn_begin(name, end);
        for (int i = begin; i < end; i++) {
            if (i > begin) {
                zk_buf_append(out, "+", 1);
            }
            tn_print_attribute(X509_NAME_get_entry(name, i), out);
        }
        if (begin > 0) {
            zk_buf_append(out, ",", 1);
        }
    }
    *zk_buf_reserve(out, 1) = '\0';
}
