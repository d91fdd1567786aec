/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tls/tls_error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tls/tls_name.h"

/* ---- OpenSSL's queue ----------------------------------------------------- */

const char *
tls_reason(void)
{
    unsigned long e = ERR_peek_error();
    const char *why = e == 0 ? NULL : ERR_reason_error_string(e);

    ERR_clear_error();
    return why == NULL ? "no reason is known" : why;
}

int
tls_fail(struct zk_errmsg *em, int code, const char *fmt, ...)
{
    const char *why = tls_reason();
    va_list ap;
    char *text;

    va_start(ap, fmt);
    text = zk_xvasprintf(fmt, ap);
    va_end(ap);
    zk_fail(em, code, "%s: %s", text, why);
    free(text);
    return code;
}

/* ---- certificates -------------------------------------------------------- */

void
tls_cert_print(const X509 *cert, char out[TLS_CERT_TEXT])
{
    struct zk_buf b = { 0 };

    tls_name_print(X509_get_subject_name(cert), &b);
    if (b.len == 0) {
        snprintf(out, TLS_CERT_TEXT, "somebody without a name");
    } else if (b.len >= TLS_CERT_TEXT) {
        snprintf(out, TLS_CERT_TEXT, "%.*s...", TLS_CERT_TEXT - 4,
                 (const char *) b.data);
    } else {
        snprintf(out, TLS_CERT_TEXT, "%.*s", (int) b.len,
                 (const char *) b.data);
    }
    for (char *p = out; *p != '\0'; p++) {
        if ((unsigned char) *p < ' ' || *p == 0x7f) {
            *p = '?';           /* It goes into logs. */
        }
    }
    zk_buf_fini(&b);
}

void
tls_time_print(const ASN1_TIME *when, char out[16])
{
    struct tm tm;

    if (when == NULL || !ASN1_TIME_to_tm(when, &tm)
        || strftime(out, 16, "%Y-%m-%d", &tm) == 0) {
        snprintf(out, 16, "?");
    }
}

bool
tls_time_get(const ASN1_TIME *when, int64_t *seconds)
{
    struct tm tm;

    if (!ASN1_TIME_to_tm(when, &tm)) {
        ERR_clear_error();
        return false;
    }
    *seconds = timegm(&tm);
    return true;
}

void
tls_verify_print(int error, const X509 *cert, const char *trust, char *out,
                 size_t size)
{
    char name[TLS_CERT_TEXT] = "?";
    char date[16] = "?";

    if (cert != NULL) {
        tls_cert_print(cert, name);
    }
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        tls_time_print(cert == NULL ? NULL : X509_get0_notAfter(cert), date);
        snprintf(out, size, "certificate expired %s: %s", date, name);
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        tls_time_print(cert == NULL ? NULL : X509_get0_notBefore(cert), date);
        snprintf(out, size, "certificate is not valid before %s: %s", date,
                 name);
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        snprintf(out, size, "self-signed certificate that is not in %s: %s",
                 trust, name);
        break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        snprintf(out, size, "self-signed certificate in chain: not in %s: %s",
                 trust, name);
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        snprintf(out, size, "the issuer of the certificate is not in %s: %s",
                 trust, name);
        break;
    case X509_V_ERR_CERT_REVOKED:
        snprintf(out, size, "certificate is revoked: %s", name);
        break;
    case X509_V_ERR_INVALID_PURPOSE:
        snprintf(out, size, "certificate is not meant for this use (key "
                 "usage): %s", name);
        break;
    default:
        snprintf(out, size, "%s: %s", X509_verify_cert_error_string(error),
                 name);
        break;
    }
}

/* ---- handshakes ---------------------------------------------------------- */

static const struct te_text {
    int reason;
    const char *text;
} te_texts[] = {
    { SSL_R_HTTP_REQUEST, "plain text (HTTP) on a TLS port" },
    { SSL_R_HTTPS_PROXY_REQUEST, "plain text (HTTP) on a TLS port" },
    { SSL_R_WRONG_VERSION_NUMBER, "plain text where TLS is spoken" },
    { SSL_R_UNSUPPORTED_PROTOCOL, "no protocol in common" },
    { SSL_R_UNKNOWN_PROTOCOL, "no protocol in common" },
    { SSL_R_VERSION_TOO_LOW, "no protocol in common" },
    { SSL_R_NO_PROTOCOLS_AVAILABLE, "no protocol in common" },
    { SSL_R_NO_SHARED_CIPHER, "no cipher suite in common" },
    { SSL_R_NO_SUITABLE_KEY_SHARE, "no key exchange in common" },
    { SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM,
      "no signature algorithm in common" },
    { SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "peer sent no certificate" },
    { SSL_R_UNEXPECTED_EOF_WHILE_READING, "peer ended the connection" },
    { SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
      "peer refuses our certificate (bad certificate)" },
    { SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
      "peer refuses our certificate (unsupported)" },
    { SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED,
      "peer refuses our certificate (revoked)" },
    { SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
      "peer refuses our certificate (expired)" },
    { SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
      "peer refuses our certificate (certificate unknown)" },
    { SSL_R_TLSV1_ALERT_UNKNOWN_CA,
      "peer does not trust the issuer of our certificate" },
    { SSL_R_TLSV1_ALERT_ACCESS_DENIED,
      "peer refuses our certificate (access denied)" },
    { SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
      "peer wants a certificate, and there is none in keyStore" },
    { SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
      "peer refuses: nothing in common, or it wants a certificate" },
    { SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
      "no protocol in common, says the peer" },
    { SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY,
      "no cipher suite in common, says the peer" },
    { SSL_R_TLSV1_ALERT_INTERNAL_ERROR,
      "peer has an error of its own (internal error)" },
    { SSL_R_TLSV1_UNRECOGNIZED_NAME, "peer does not serve that name" },
};

void
tls_handshake_print(char *out, size_t size)
{
    unsigned long e = ERR_peek_error();

    if (ERR_GET_LIB(e) == ERR_LIB_SSL) {
        for (size_t i = 0; i < ZK_ARRAY_SIZE(te_texts); i++) {
            if (te_texts[i].reason == ERR_GET_REASON(e)) {
                snprintf(out, size, "%s", te_texts[i].text);
                ERR_clear_error();
                return;
            }
        }
    }
    snprintf(out, size, "%s", tls_reason());
}
