/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/* What a responder says again later, with other dates, on a clock of the
 * test's own. */
#include <config.h>

#include "tls/tls_revocation.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "test/tls/tls_rig.h"
#include "tls/tls_memory.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

#define LATE_MS 60000
#define REQUEST_MAX 4096
#define HOUR_S 3600

/* ---- a clock that jumps -------------------------------------------------- */

static _Atomic time_t clock_ahead_s;

/* In place of the C library's: timers are ahead, the date is not. */
int
clock_gettime(clockid_t id, struct timespec *ts)
{
    typedef int gettime(clockid_t, struct timespec *);
    gettime *real;
    void *symbol = dlsym(RTLD_NEXT, "clock_gettime");
    int rv;

    memcpy(&real, &symbol, sizeof real);
    rv = real(id, ts);
    if (id == CLOCK_MONOTONIC) {
        ts->tv_sec += atomic_load(&clock_ahead_s);
    }
    return rv;
}

/* What was said is not fresh any more. */
static void
pass_a_minute(void)
{
    atomic_fetch_add(&clock_ahead_s, TLS_MEMORY_FRESH_MS / 1000);
}

/* ---- another check ------------------------------------------------------- */

/* What comes between, once, when a list is about to be kept. */
static void (*comes_between)(void *);
static void *comes_between_arg;

/* In place of OpenSSL's, which is asked for its length then. */
int
i2d_X509_CRL(const X509_CRL *crl, unsigned char **out)
{
    typedef int encode(const X509_CRL *, unsigned char **);
    encode *real;
    void *symbol = dlsym(RTLD_NEXT, "i2d_X509_CRL");
    void (*what)(void *) = comes_between;

    comes_between = NULL;
    if (what != NULL) {
        what(comes_between_arg);
    }
    memcpy(&real, &symbol, sizeof real);
    return real(crl, out);
}

/* ---- a responder --------------------------------------------------------- */

struct world {
    struct tls_config config;
    struct tls_revocation *revocation;
    X509 *ca, *cert;
    EVP_PKEY *ca_key;
    STACK_OF(X509) *chain;      /* Borrows both. */
    int responder;
    struct zk_thread thread;

    /* What it says. */
    atomic_int status;          /* V_OCSP_CERTSTATUS_*; -1: "try later". */
    atomic_long from_s, until_s;    /* Count from now. */
};

/* The request of one connection, up to its end. */
static OCSP_REQUEST *
read_question(int fd)
{
    char text[REQUEST_MAX + 1];
    size_t len = 0, want = REQUEST_MAX;
    const unsigned char *p;
    OCSP_REQUEST *request;

    while (len < want) {
        ssize_t n = recv(fd, text + len, want - len, 0);
        const char *body, *length;

        rig_must(n > 0, "a question");
        len += (size_t) n;
        text[len] = '\0';
        body = strstr(text, "\r\n\r\n");
        length = strstr(text, "Content-Length: ");
        if (body != NULL && length != NULL) {
            want = (size_t) (body + 4 - text) + strtoul(length + 16, NULL,
                                                        10);
            rig_must(want <= REQUEST_MAX, "a short question");
        }
    }
    p = (const unsigned char *) strstr(text, "\r\n\r\n") + 4;
    request = d2i_OCSP_REQUEST(NULL, &p,
                               (long) (text + len - (const char *) p));
    rig_must(request != NULL, "d2i_OCSP_REQUEST");
    return request;
}

static OCSP_RESPONSE *
make_answer(const struct world *w, OCSP_REQUEST *request)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    ASN1_TIME *from = X509_gmtime_adj(NULL, w->from_s);
    ASN1_TIME *until = X509_gmtime_adj(NULL, w->until_s);
    bool revoked = w->status == V_OCSP_CERTSTATUS_REVOKED;
    OCSP_RESPONSE *answer;

    if (w->status < 0) {
        answer = OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, NULL);
    } else {
        OCSP_CERTID *id = OCSP_onereq_get0_id(
            OCSP_request_onereq_get0(request, 0));

        rig_must(OCSP_basic_add1_status(basic, id, w->status, 0,
                                        revoked ? from : NULL, from, until)
                     != NULL
                 && OCSP_basic_sign(basic, w->ca, w->ca_key, EVP_sha256(),
                                    NULL, 0), "an answer");
        answer = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL,
                                      basic);
    }
    rig_must(answer != NULL, "OCSP_response_create");
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    OCSP_BASICRESP_free(basic);
    return answer;
}

static void
answer_one(const struct world *w, int fd)
{
    static const char head[] = "HTTP/1.0 200 OK\r\n"
        "Content-Type: application/ocsp-response\r\n\r\n";
    OCSP_REQUEST *request = read_question(fd);
    OCSP_RESPONSE *answer = make_answer(w, request);
    unsigned char *der = NULL;
    int len = i2d_OCSP_RESPONSE(answer, &der);

    rig_must(len > 0
             && send(fd, head, sizeof head - 1, MSG_NOSIGNAL)
                == (ssize_t) sizeof head - 1
             && send(fd, der, (size_t) len, MSG_NOSIGNAL) == len, "send");
    OPENSSL_free(der);
    OCSP_RESPONSE_free(answer);
    OCSP_REQUEST_free(request);
}

static void
respond(void *arg)
{
    const struct world *w = arg;
    int fd;

    while ((fd = accept(w->responder, NULL, NULL)) >= 0) {
        answer_one(w, fd);
        close(fd);
    }
}

static int
open_responder(char url[64])
{
    struct sockaddr_in sa = { .sin_family = AF_INET };
    socklen_t len = sizeof sa;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    rig_must(fd >= 0 && bind(fd, (struct sockaddr *) &sa, len) == 0
             && listen(fd, 8) == 0
             && getsockname(fd, (struct sockaddr *) &sa, &len) == 0,
             "a responder");
    snprintf(url, 64, "OCSP;URI:http://127.0.0.1:%d/", ntohs(sa.sin_port));
    return fd;
}

static void
add_serial(X509_CRL *crl, ASN1_INTEGER *serial, ASN1_TIME *when)
{
    X509_REVOKED *entry = X509_REVOKED_new();

    rig_must(X509_REVOKED_set_serialNumber(entry, serial)
             && X509_REVOKED_set_revocationDate(entry, when)
             && X509_CRL_add0_revoked(crl, entry), "X509_REVOKED");
}

/* Writes the list of that moment (it counts from now), on which the
 * certificate stands or nobody. */
static void
write_list(const struct world *w, bool revoked, long from_s)
{
    const char *path = rig_path("judged.crl");
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *from = X509_gmtime_adj(NULL, from_s);
    ASN1_TIME *until = X509_gmtime_adj(NULL, HOUR_S);
    FILE *file = fopen(path, "wb");

    rig_must(file != NULL
             && X509_CRL_set_version(crl, X509_CRL_VERSION_2)
             && X509_CRL_set_issuer_name(crl, X509_get_subject_name(w->ca))
             && X509_CRL_set1_lastUpdate(crl, from)
             && X509_CRL_set1_nextUpdate(crl, until), path);
    if (revoked) {
        add_serial(crl, X509_get_serialNumber(w->cert), from);
    }
    rig_must(X509_CRL_sign(crl, w->ca_key, EVP_sha256()) > 0
             && i2d_X509_CRL_fp(file, crl) && fclose(file) == 0, path);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    X509_CRL_free(crl);
}

static void
world_open(struct world *w, bool has_list)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    char *list = has_list ? zk_xasprintf("URI:file://%s",
                                         rig_path("judged.crl")) : NULL;
    char url[64];

    memset(w, 0, sizeof *w);
    w->config.ocsp = true;
    w->revocation = tls_revocation_create(&w->config);
    rig_authority(&w->ca, &w->ca_key);
    w->responder = open_responder(url);
    w->cert = rig_issue("judged", key, w->ca, w->ca_key, 86400, url, list);
    write_list(w, false, -HOUR_S);
    w->chain = sk_X509_new_null();
    rig_must(sk_X509_push(w->chain, w->cert) > 0
             && sk_X509_push(w->chain, w->ca) > 0, "a chain");
    zk_thread_start(&w->thread, respond, w, "responder");
    EVP_PKEY_free(key);
    free(list);
}

static void
world_close(struct world *w)
{
    shutdown(w->responder, SHUT_RDWR);
    zk_thread_join(&w->thread);
    close(w->responder);
    tls_revocation_destroy(w->revocation);
    sk_X509_free(w->chain);
    X509_free(w->cert);
    X509_free(w->ca);
    EVP_PKEY_free(w->ca_key);
}

/* ---- what becomes of it -------------------------------------------------- */

/* A check while the responder says that: X509_V_*. */
static int
check(struct world *w, int status, long from_s, long until_s)
{
    const struct tls_revocation_limit limit = {
        TLS_ASK_ANYBODY, zk_time_mono_ms() + LATE_MS, NULL,
    };
    struct tls_inquiry inquiry = { .told = NULL };
    char why[512] = "";
    int error;

    w->status = status;
    w->from_s = from_s;
    w->until_s = until_s;
    error = tls_revocation_check(w->revocation, w->chain, &limit, &inquiry,
                                 why, sizeof why);
    tls_inquiry_fini(&inquiry);
    if (error != X509_V_OK && error != X509_V_ERR_CERT_REVOKED) {
        fprintf(stderr, "%s\n", why);
    }
    return error;
}

/* A replica that has not heard of it, or an old answer that is sent again. */
static void
test_older_good_does_not_count(void)
{
    struct world w;

    world_open(&w, false);
    CU_ASSERT_EQUAL(check(&w, V_OCSP_CERTSTATUS_REVOKED, -60, HOUR_S),
                    X509_V_ERR_CERT_REVOKED);
    pass_a_minute();
    CU_ASSERT_EQUAL(check(&w, V_OCSP_CERTSTATUS_GOOD, -120, HOUR_S),
                    X509_V_ERR_CERT_REVOKED);
    CU_ASSERT_EQUAL(check(&w, -1, 0, 0), X509_V_ERR_CERT_REVOKED);
    pass_a_minute();
    /* Nor does what an even older one would forget. */
    CU_ASSERT_EQUAL(check(&w, V_OCSP_CERTSTATUS_UNKNOWN, -180, HOUR_S),
                    X509_V_ERR_CERT_REVOKED);
    /* A hold that is over. */
    CU_ASSERT_EQUAL(check(&w, V_OCSP_CERTSTATUS_GOOD, -30, HOUR_S),
                    X509_V_OK);
    pass_a_minute();
    CU_ASSERT_EQUAL(check(&w, V_OCSP_CERTSTATUS_REVOKED, -10, HOUR_S),
                    X509_V_ERR_CERT_REVOKED);
    world_close(&w);
}

/* The list from before does not know it yet. */
static void
test_older_list_does_not_count(void)
{
    struct world w;

    world_open(&w, true);
    CU_ASSERT_EQUAL(check(&w, -1, 0, 0), X509_V_OK);
    CU_ASSERT_EQUAL(check(&w, V_OCSP_CERTSTATUS_REVOKED, -60, HOUR_S),
                    X509_V_ERR_CERT_REVOKED);
    pass_a_minute();
    CU_ASSERT_EQUAL(check(&w, -1, 0, 0), X509_V_ERR_CERT_REVOKED);
    CU_ASSERT_EQUAL(check(&w, V_OCSP_CERTSTATUS_GOOD, -120, HOUR_S),
                    X509_V_ERR_CERT_REVOKED);
    world_close(&w);
}

/* Of two lists the one that was made last counts, too. */
static void
test_older_list_does_not_replace(void)
{
    struct world w;

    world_open(&w, true);
    write_list(&w, true, -60);
    CU_ASSERT_EQUAL(check(&w, -1, 0, 0), X509_V_ERR_CERT_REVOKED);
    pass_a_minute();
    write_list(&w, false, -120);
    CU_ASSERT_EQUAL(check(&w, -1, 0, 0), X509_V_ERR_CERT_REVOKED);
    pass_a_minute();
    CU_ASSERT_EQUAL(check(&w, -1, 0, 0), X509_V_ERR_CERT_REVOKED);
    pass_a_minute();
    write_list(&w, false, -30);
    CU_ASSERT_EQUAL(check(&w, -1, 0, 0), X509_V_OK);
    pass_a_minute();
    write_list(&w, true, -10);
    CU_ASSERT_EQUAL(check(&w, -1, 0, 0), X509_V_ERR_CERT_REVOKED);
    world_close(&w);
}

/* A place whose clock is ahead does not speak for the time to come. */
static void
test_list_from_the_future(void)
{
    struct world w;

    world_open(&w, true);
    write_list(&w, false, 800);
    CU_ASSERT_EQUAL(check(&w, -1, 0, 0), X509_V_OK);
    pass_a_minute();
    write_list(&w, true, 400);
    CU_ASSERT_EQUAL(check(&w, -1, 0, 0), X509_V_ERR_CERT_REVOKED);
    world_close(&w);
}

static void
meet_newer_list(void *arg)
{
    struct world *w = arg;

    write_list(w, true, -60);
    CU_ASSERT_EQUAL(check(w, -1, 0, 0), X509_V_ERR_CERT_REVOKED);
}

/* A check has read an older list; before it is done another one reads, and
 * keeps, the newer. */
static void
test_older_list_comes_late(void)
{
    struct world w;

    world_open(&w, true);
    comes_between = meet_newer_list;
    comes_between_arg = &w;
    CU_ASSERT_EQUAL(check(&w, -1, 0, 0), X509_V_ERR_CERT_REVOKED);
    CU_ASSERT_PTR_NULL(comes_between);
    CU_ASSERT_EQUAL(check(&w, -1, 0, 0), X509_V_ERR_CERT_REVOKED);
    world_close(&w);
}

static const struct zk_test tests[] = {
    { "an older good answer does not count", test_older_good_does_not_count },
    { "an older list does not count", test_older_list_does_not_count },
    { "an older list does not replace a newer one",
      test_older_list_does_not_replace },
    { "a list from the future", test_list_from_the_future },
    { "an older list that comes late does not either",
      test_older_list_comes_late },
};

int
main(void)
{
    return rig_main("peers", "tls answers", tests, ZK_ARRAY_SIZE(tests));
}
