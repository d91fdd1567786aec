/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "test/tls/tls_rig.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "util/zk_lock.h"

/* A machine that does much else. */
#define RIG_WAIT_MS 60000
#define RIG_PATHS 256
#define RIG_STEPS 10000

static char *rig_folder;
static char *rig_paths[RIG_PATHS];
static struct zk_mutex rig_lock;        /* Guards rig_paths. */

void
rig_must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "rig: %s\n", what);
        exit(99);
    }
}

/* At exit, also of rig_must: the folder holds private keys. */
static void
rig_remove(void)
{
    zk_test_rmdir(rig_folder);
    free(rig_folder);
}

int
rig_main(const char *set, const char *suite, const struct zk_test *tests,
         size_t n)
{
    const char *top = getenv("top_srcdir");
    char *command;
    int status, rv;

    zk_mutex_init(&rig_lock, ZK_LOCK_leaf);
    rig_folder = zk_test_mkdir();
    rig_must(atexit(rig_remove) == 0, "atexit");
    command = zk_xasprintf("/usr/bin/python3 '%s/test/tls/fixtures.py' %s "
                           "'%s'", top == NULL ? "." : top, set, rig_folder);
    status = system(command);
    free(command);
    rig_must(WIFEXITED(status), "fixtures.py");
    rv = WEXITSTATUS(status);
    if (rv == 0) {
        rv = zk_test_main(suite, tests, n);
    } else if (rv != 77) {
        rv = 99;
    }
    for (size_t i = 0; i < RIG_PATHS; i++) {
        free(rig_paths[i]);
    }
    zk_mutex_fini(&rig_lock);
    return rv;
}

const char *
rig_path(const char *name)
{
    char *path = zk_xasprintf("%s/%s", rig_folder, name);
    size_t i = 0;

    zk_lock(&rig_lock);
    while (i < RIG_PATHS && rig_paths[i] != NULL
           && strcmp(rig_paths[i], path) != 0) {
        i++;
    }
    rig_must(i < RIG_PATHS, "too many paths");
    if (rig_paths[i] == NULL) {
        rig_paths[i] = path;
    } else {
        free(path);
        path = rig_paths[i];
    }
    zk_unlock(&rig_lock);
    return path;
}

/* ---- certificates -------------------------------------------------------- */

void
rig_authority(X509 **cert, EVP_PKEY **key)
{
    FILE *file = fopen(rig_path("world/ca.key"), "r");

    rig_must(file != NULL, "world/ca.key");
    *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    file = fopen(rig_path("world/ca.crt"), "r");
    rig_must(file != NULL, "world/ca.crt");
    *cert = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    rig_must(*key != NULL && *cert != NULL, "the authority");
}

static void
rig_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509_EXTENSION *e;
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    rig_must(e != NULL && X509_add_ext(cert, e, -1), value);
    X509_EXTENSION_free(e);
}

X509 *
rig_issue(const char *name, EVP_PKEY *key, X509 *issuer,
          EVP_PKEY *issuer_key, long seconds, const char *responder,
          const char *list)
{
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);

    rig_must(X509_set_version(cert, X509_VERSION_3)
             && ASN1_INTEGER_set(X509_get_serialNumber(cert), 7)
             && X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                           (const unsigned char *) name, -1,
                                           -1, 0)
             && X509_set_issuer_name(cert, X509_get_subject_name(issuer))
             && X509_gmtime_adj(X509_getm_notBefore(cert), -60) != NULL
             && X509_gmtime_adj(X509_getm_notAfter(cert), seconds) != NULL
             && X509_set_pubkey(cert, key), "a certificate");
    rig_extend(cert, issuer, NID_basic_constraints, "critical,CA:TRUE");
    rig_extend(cert, issuer, NID_key_usage,
                  "critical,keyCertSign,digitalSignature");
    if (responder != NULL) {
        rig_extend(cert, issuer, NID_info_access, responder);
    }
    if (list != NULL) {
        rig_extend(cert, issuer, NID_crl_distribution_points, list);
    }
    rig_must(X509_sign(cert, issuer_key, EVP_sha256()) > 0, "X509_sign");
    return cert;
}

/* ---- contexts ------------------------------------------------------------ */

static void
rig_set(struct system_properties *props, const char *prefix,
        const char *name, const char *value)
{
    char *full = strcmp(name, "fips-mode") == 0
                 ? zk_xstrdup("zookeeper.fips-mode")
                 : zk_xasprintf("%s%s", prefix, name);

    system_properties_set(props, full,
                          *value == '@' ? rig_path(value + 1) : value);
    free(full);
}

static struct system_properties *
rig_props(const char *prefix, const char *text)
{
    struct system_properties *props = system_properties_create();
    char *copy = zk_xstrdup(text);
    char *rest = copy, *line;

    rig_set(props, prefix, "fips-mode", "false");
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *value = strchr(line, '=');

        if (value != NULL) {
            *value++ = '\0';
            rig_set(props, prefix, line, value);
        }
    }
    free(copy);
    return props;
}

void
rig_side_open(struct rig_side *s, const char *prefix, unsigned sides,
              const char *properties)
{
    struct system_properties *props = rig_props(prefix, properties);

    memset(s, 0, sizeof *s);
    if (tls_config_read(props, prefix, &s->config, &s->em) == ZK_OK
        && tls_context_create(&s->config, sides, &s->ctx, &s->em) != ZK_OK) {
        rig_must(s->ctx == NULL, "a context in spite of an error");
    }
    system_properties_destroy(props);
}

void
rig_side_close(struct rig_side *s)
{
    tls_context_unref(s->ctx);
    tls_config_fini(&s->config);
    s->ctx = NULL;
}

/* ---- pairs --------------------------------------------------------------- */

void
rig_wait(int fd, enum tls_result result)
{
    struct pollfd p = {
        .fd = fd,
        .events = result == TLS_WANT_WRITE ? POLLOUT : POLLIN,
    };

    rig_must(poll(&p, 1, RIG_WAIT_MS) > 0, "nothing comes");
}

static bool
rig_is_over(enum tls_result r)
{
    return r == TLS_DONE || r == TLS_FAILED;
}

static void
rig_step(struct tls_conn *c, enum tls_result *result, char why[512])
{
    struct zk_errmsg em = { "" };

    if (!rig_is_over(*result)) {
        *result = tls_conn_handshake(c, &em);
        snprintf(why, 512, "%s", em.text);
    }
}

static void
rig_handshake(struct rig_pair *p)
{
    for (int i = 0; i < RIG_STEPS; i++) {
        rig_step(p->client, &p->client_result, p->client_why);
        rig_step(p->server, &p->server_result, p->server_why);
        if (p->client_result == TLS_FAILED) {
            shutdown(p->fd[1], SHUT_WR);
        }
        if (p->server_result == TLS_FAILED) {
            shutdown(p->fd[0], SHUT_WR);
        }
        if (rig_is_over(p->client_result) && rig_is_over(p->server_result)) {
            return;
        }
    }
    rig_must(false, "the handshake does not end");
}

void
rig_pair_open(struct rig_pair *p, struct rig_side *server,
              struct rig_side *client, const char *host, const char *address)
{
    struct sockaddr_storage sa;
    struct sockaddr_in *v4 = (struct sockaddr_in *) (void *) &sa;

    memset(p, 0, sizeof *p);
    memset(&sa, 0, sizeof sa);
    sa.ss_family = AF_INET;
    rig_must(inet_pton(AF_INET, address, &v4->sin_addr) == 1, address);
    rig_must(server->ctx != NULL, server->em.text);
    rig_must(client->ctx != NULL, client->em.text);
    rig_must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p->fd) == 0,
             "socketpair");
    p->server = tls_conn_accept(server->ctx, p->fd[0], &sa);
    p->client = tls_conn_connect(client->ctx, p->fd[1], host, &sa);
    p->server_result = p->client_result = TLS_WANT_READ;
    rig_handshake(p);
}

void
rig_pair_close(struct rig_pair *p)
{
    tls_conn_destroy(p->server);
    tls_conn_destroy(p->client);
    for (int i = 0; i < 2; i++) {
        if (p->fd[i] > 0) {
            close(p->fd[i]);
        }
    }
}

/* One byte from there to here. */
static bool
rig_carries(struct tls_conn *from, struct tls_conn *to, int to_fd)
{
    struct zk_errmsg em = { "" };
    enum tls_result r;
    size_t n = 0;
    char c = 0;

    r = tls_conn_write(from, "x", 1, &n, &em);
    if (r != TLS_DONE || n != 1) {
        fprintf(stderr, "rig: write: %s\n", em.text);
        return false;
    }
    while ((r = tls_conn_read(to, &c, 1, &n, &em)) == TLS_WANT_READ) {
        rig_wait(to_fd, r);
    }
    if (r != TLS_DONE) {
        fprintf(stderr, "rig: read: %s\n", em.text);
    }
    return r == TLS_DONE && n == 1 && c == 'x';
}

bool
rig_pair_works(struct rig_pair *p)
{
    if (p->server_result != TLS_DONE || p->client_result != TLS_DONE) {
        fprintf(stderr, "rig: server \"%s\", client \"%s\"\n",
                p->server_why, p->client_why);
        return false;
    }
    return rig_carries(p->client, p->server, p->fd[0])
           && rig_carries(p->server, p->client, p->fd[1]);
}

/* Behind a handshake of TLS 1.3 the client learns by reading that it is
 * refused. */
static void
rig_read_refusal(struct rig_pair *p)
{
    struct zk_errmsg em = { "" };
    size_t n;
    char c;

    if (p->client_result == TLS_DONE && p->server_result == TLS_FAILED) {
        p->client_result = tls_conn_read(p->client, &c, 1, &n, &em);
        snprintf(p->client_why, sizeof p->client_why, "%s", em.text);
    }
}

void
rig_try(struct rig_pair *p, const char *server, const char *client,
        const char *host)
{
    struct rig_side s, c;

    rig_side_open(&s, TLS_CLIENT_PREFIX, TLS_SIDE_SERVER, server);
    rig_side_open(&c, TLS_QUORUM_PREFIX, TLS_SIDE_CLIENT, client);
    rig_pair_open(p, &s, &c, host, "127.0.0.1");
    rig_read_refusal(p);
    rig_pair_close(p);
    rig_side_close(&s);
    rig_side_close(&c);
}
