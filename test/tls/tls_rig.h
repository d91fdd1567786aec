/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_rig.h: what the tests of TLS share: files that fixtures.py makes,
 * contexts from properties, and two ends over a socket pair.
 */
#ifndef TEST_TLS_RIG_H
#define TEST_TLS_RIG_H

#include <openssl/x509.h>

#include "test/lib/zk_test.h"
#include "tls/tls_conn.h"

/* Makes the files of that set of fixtures.py and runs the tests; the files go
 * when the program exits.  main returns this (77: what makes them is not
 * installed). */
int rig_main(const char *set, const char *suite,
             const struct zk_test *tests, size_t n);
/* "<folder>/<name>"; lives until the end. */
const char *rig_path(const char *name);
/* Ends the program with a message unless it holds. */
void rig_must(bool ok, const char *what);

/* The authority of the set "peers", which is in trust.pem; the caller frees
 * both. */
void rig_authority(X509 **cert, EVP_PKEY **key);
/* A certificate for all uses, with 'key', signed by 'issuer', that is valid
 * for so many seconds; 'responder' and 'list' (may be NULL) are the values of
 * its authorityInfoAccess and crlDistributionPoints.  The caller frees it. */
X509 *rig_issue(const char *name, EVP_PKEY *key, X509 *issuer,
                EVP_PKEY *issuer_key, long seconds, const char *responder,
                const char *list);

/* A context with the configuration it borrows. */
struct rig_side {
    struct tls_config config;
    struct tls_context *ctx;    /* NULL: it could not be made. */
    struct zk_errmsg em;        /* Why. */
};

/* Reads properties: "name=value" by lines, without the prefix; "@name" at the
 * start of a value is rig_path(name).  fips-mode is false unless it is
 * given. */
void rig_side_open(struct rig_side *s, const char *prefix, unsigned sides,
                   const char *properties);
void rig_side_close(struct rig_side *s);

/* Both ends of a link. */
struct rig_pair {
    int fd[2];
    struct tls_conn *server, *client;
    enum tls_result server_result, client_result;
    char server_why[512], client_why[512];
};

/* Plays the handshake to its end on both sides; the client has connected to
 * 'host' at 'address'. */
void rig_pair_open(struct rig_pair *p, struct rig_side *server,
                   struct rig_side *client, const char *host,
                   const char *address);
void rig_pair_close(struct rig_pair *p);
/* Are both ends up, and does a byte go each way? */
bool rig_pair_works(struct rig_pair *p);
/* Waits until the file is ready for 'result' (TLS_WANT_*); ends the program
 * when it takes too long. */
void rig_wait(int fd, enum tls_result result);
/* Opens sides and a pair with these properties, and closes them: the last two
 * lines of a test that only looks at texts.  The results stay in 'p'. */
void rig_try(struct rig_pair *p, const char *server, const char *client,
             const char *host);

#endif
