/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "tls/tls_store.h"

#include "test/tls/tls_rig.h"
#include "tls/tls_error.h"
#include "tls/tls_name.h"

static const char *const kinds[] = { ".pem", ".p12", ".jks" };

/* A store, by name; its password is the usual one. */
struct given {
    struct tls_store_config config;
    struct tls_store store;
    struct zk_errmsg em;
    int rv;
};

static void
read_as(struct given *g, enum tls_store_use use, const char *name,
        const char *type, const char *password, const char *password_file)
{
    memset(g, 0, sizeof *g);
    g->config.location = zk_xstrdup(rig_path(name));
    g->config.type = type == NULL ? NULL : zk_xstrdup(type);
    g->config.password = password == NULL ? NULL : zk_xstrdup(password);
    g->config.password_path =
        password_file == NULL ? NULL : zk_xstrdup(rig_path(password_file));
    g->rv = use == TLS_USE_KEYS
            ? tls_store_read_keys(&g->config, TLS_CLIENT_PREFIX, &g->store,
                                  &g->em)
            : tls_store_read_trust(&g->config, TLS_CLIENT_PREFIX, &g->store,
                                   &g->em);
}

static void
read_keys(struct given *g, const char *name)
{
    read_as(g, TLS_USE_KEYS, name, NULL, "changeit", NULL);
}

static void
read_trust(struct given *g, const char *name)
{
    read_as(g, TLS_USE_TRUST, name, NULL, "changeit", NULL);
}

static void
done(struct given *g)
{
    free(g->config.location);
    free(g->config.type);
    free(g->config.password);
    free(g->config.password_path);
    tls_store_fini(&g->store);
}

static bool
is_of(const X509 *cert, const char *name)
{
    char text[TLS_CERT_TEXT];

    tls_cert_print(cert, text);
    return strcmp(text, name) == 0;
}

/* One identity of that name, with so many certificates above it. */
static void
check_identity(const struct given *g, const char *name, int chain)
{
    CU_ASSERT_EQUAL_FATAL(g->rv, ZK_OK);
    CU_ASSERT_EQUAL_FATAL(g->store.n_ids, 1);
    CU_ASSERT_TRUE(is_of(g->store.ids[0].cert, name));
    CU_ASSERT_EQUAL(sk_X509_num(g->store.ids[0].chain), chain);
    CU_ASSERT_EQUAL(X509_check_private_key(g->store.ids[0].cert,
                                           g->store.ids[0].key), 1);
}

static void
check_key_store(const char *name, const char *subject, int chain)
{
    struct given g;

    read_keys(&g, name);
    check_identity(&g, subject, chain);
    done(&g);
}

/* ---- what is read -------------------------------------------------------- */

static void
test_key_stores(void)
{
    for (size_t i = 0; i < ZK_ARRAY_SIZE(kinds); i++) {
        char name[64];

        snprintf(name, sizeof name, "server%s", kinds[i]);
        check_key_store(name, "CN=server,O=zkd tests", 0);
        snprintf(name, sizeof name, "rsa%s", kinds[i]);
        check_key_store(name, "CN=rsa,O=zkd tests", 0);
    }
}

static void
test_chains(void)
{
    static const char *const names[] = { "chained.pem", "chained.p12",
                                         "chained.jks", "shuffled.pem" };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(names); i++) {
        struct given g;
        bool root = strcmp(names[i], "shuffled.pem") == 0;

        read_keys(&g, names[i]);
        check_identity(&g, "CN=chained,O=zkd tests", root ? 2 : 1);
        CU_ASSERT_TRUE(is_of(sk_X509_value(g.store.ids[0].chain, 0),
                             "CN=sub-ca,O=zkd tests"));
        done(&g);
    }
}

static void
test_trust_stores(void)
{
    for (size_t i = 0; i < ZK_ARRAY_SIZE(kinds); i++) {
        struct given g;
        char name[64];

        snprintf(name, sizeof name, "trust-both%s", kinds[i]);
        read_trust(&g, name);
        CU_ASSERT_EQUAL_FATAL(g.rv, ZK_OK);
        CU_ASSERT_EQUAL_FATAL(sk_X509_num(g.store.trusted), 2);
        CU_ASSERT_EQUAL(is_of(sk_X509_value(g.store.trusted, 0),
                              "CN=ca,O=zkd tests")
                        + is_of(sk_X509_value(g.store.trusted, 1),
                                "CN=ca,O=zkd tests"), 1);
        done(&g);
    }
}

static void
test_pem_keys(void)
{
    check_key_store("encrypted.pem", "CN=server,O=zkd tests", 0);
    check_key_store("scrypt.pem", "CN=server,O=zkd tests", 0);
    check_key_store("sec1.pem", "CN=server,O=zkd tests", 0);
    check_key_store("sec1-encrypted.pem", "CN=server,O=zkd tests", 0);
    check_key_store("pkcs1.pem", "CN=rsa,O=zkd tests", 0);
    check_key_store("key-behind.pem", "CN=server,O=zkd tests", 0);
}

/* A password is hashed in UTF-16. */
static void
test_letters(void)
{
    struct given g;

    read_as(&g, TLS_USE_KEYS, "letters.jks", NULL,
            "p\xc3\xa4ss\xe2\x82\xacw\xf0\x9f\x98\x80rd", NULL);
    check_identity(&g, "CN=server,O=zkd tests", 0);
    done(&g);
}

static void
test_old_pkcs12(void)
{
    struct given g;

    check_key_store("legacy.p12", "CN=server,O=zkd tests", 0);
    check_key_store("no-mac.p12", "CN=server,O=zkd tests", 0);
    read_as(&g, TLS_USE_KEYS, "no-password.p12", NULL, NULL, NULL);
    check_identity(&g, "CN=server,O=zkd tests", 0);
    done(&g);
}

/* What may be trusted in stores that hold more, or no mark of Java's. */
static void
test_what_is_trusted(void)
{
    struct given g;

    read_trust(&g, "no-keys.p12");
    CU_ASSERT_EQUAL(g.rv, ZK_OK);
    CU_ASSERT_EQUAL(sk_X509_num(g.store.trusted), 1);
    done(&g);
    read_trust(&g, "both-uses.jks");
    CU_ASSERT_EQUAL_FATAL(g.rv, ZK_OK);
    CU_ASSERT_EQUAL(sk_X509_num(g.store.trusted), 1);
    CU_ASSERT_TRUE(is_of(sk_X509_value(g.store.trusted, 0),
                         "CN=ca,O=zkd tests"));
    done(&g);
    check_key_store("both-uses.jks", "CN=server,O=zkd tests", 0);
    read_trust(&g, "own-chain.p12");
    CU_ASSERT_EQUAL(g.rv, ZK_ECONFIG);
    done(&g);
}

/* Java takes either for either, and goes by the extension; so what is said
 * matters less than what is there. */
static void
test_types(void)
{
    static const struct {
        const char *name, *type;
        bool ok;
    } cases[] = {
        { "server.p12", "JKS", true },
        { "server.jks", "PKCS12", true },
        { "server.jks", "jks", true },
        { "server.pem", "PEM", true },
        { "server.pem", "", true },
        { "server.pem", "JKS", false },
        { "server.p12", "PEM", false },
        { "server.p12", "BCFKS", false },
        { "server.p12", "JCEKS", false },
        { "server.p12", "DKS", false },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        struct given g;

        read_as(&g, TLS_USE_KEYS, cases[i].name, cases[i].type, "changeit",
                NULL);
        CU_ASSERT_EQUAL(g.rv, cases[i].ok ? ZK_OK : ZK_ECONFIG);
        done(&g);
    }
}

static void
test_password_files(void)
{
    static const struct {
        const char *file;
        bool ok;
    } cases[] = {
        { "password", true },           /* With a newline. */
        { "password-bare", true },
        { "password-twice", false },    /* Only one is taken off. */
        { "no-such-file", false },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        struct given g;

        /* The file goes first (X509Util). */
        read_as(&g, TLS_USE_KEYS, "server.p12", NULL, "wrong",
                cases[i].file);
        CU_ASSERT_EQUAL(g.rv, cases[i].ok ? ZK_OK : ZK_ECONFIG);
        done(&g);
    }
}

/* ---- what is not --------------------------------------------------------- */

static void
test_errors(void)
{
    static const struct {
        enum tls_store_use use;
        const char *name, *password, *text;
    } cases[] = {
        { TLS_USE_KEYS, "none.pem", "", "none.pem: open: No such file" },
        { TLS_USE_KEYS, "world", "", "Is a directory" },
        { TLS_USE_KEYS, "empty.p12", "", "the file is empty" },
        { TLS_USE_KEYS, "junk.dat", "",
          "damaged, or not a PEM, PKCS12 or JKS store" },
        { TLS_USE_KEYS, "server.p12", "wrong", "wrong password or damaged "
          "store: its integrity check failed" },
        { TLS_USE_KEYS, "server.jks", "wrong", "wrong password or damaged "
          "store: its integrity check failed" },
        { TLS_USE_KEYS, "server.p12", "", "no password is given, or the "
          "store is damaged: its integrity check failed" },
        { TLS_USE_TRUST, "trust.jks", "", "no password is given, or the "
          "store is damaged: its integrity check failed" },
        { TLS_USE_KEYS, "damaged-server.p12", "changeit", "damaged" },
        { TLS_USE_KEYS, "damaged-server.jks", "changeit", "wrong password or "
          "damaged store" },
        { TLS_USE_KEYS, "short-server.p12", "changeit", "damaged, or not "
          "PKCS12" },
        { TLS_USE_KEYS, "short-server.jks", "changeit", "wrong password or "
          "damaged store" },
        { TLS_USE_KEYS, "encrypted.pem", "", "the private key is encrypted, "
          "but no password is given" },
        { TLS_USE_KEYS, "encrypted.pem", "wrong", "wrong password: the "
          "private key cannot be decrypted" },
        { TLS_USE_KEYS, "sec1-encrypted.pem", "", "the private key is "
          "encrypted, but no password is given" },
        { TLS_USE_KEYS, "sec1-encrypted.pem", "wrong", "wrong password" },
        { TLS_USE_KEYS, "rounds.pem", "changeit", "too many rounds" },
        { TLS_USE_KEYS, "no-mac.p12", "wrong", "cannot be decrypted" },
        { TLS_USE_KEYS, "other-password.jks", "changeit", "(its password "
          "must be the store's)" },
        { TLS_USE_KEYS, "server.jceks", "changeit", "JCEKS stores are not "
          "supported" },
        { TLS_USE_KEYS, "mismatch.pem", "", "the private key does not belong "
          "to the certificate of CN=client,O=zkd tests" },
        { TLS_USE_KEYS, "no-cert.pem", "", "holds a private key but no "
          "certificate for it" },
        { TLS_USE_KEYS, "no-key.pem", "", "holds no private key with a "
          "certificate" },
        { TLS_USE_KEYS, "trust.p12", "changeit", "holds no private key" },
        { TLS_USE_KEYS, "trust.jks", "changeit", "holds no private key" },
        { TLS_USE_TRUST, "server.jks", "changeit", "holds no trusted "
          "certificate" },
        { TLS_USE_TRUST, "server.p12", "changeit", "holds no trusted "
          "certificate" },
        { TLS_USE_TRUST, "no-cert.pem", "", "holds no trusted certificate" },
        { TLS_USE_KEYS, "cut.pem", "", "block 2 cannot be read" },
        { TLS_USE_KEYS, "broken.pem", "", "block 2, CERTIFICATE, cannot be "
          "read" },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        const char *property = cases[i].use == TLS_USE_KEYS
                               ? "zookeeper.ssl.keyStore.location"
                               : "zookeeper.ssl.trustStore.location";
        struct given g;

        read_as(&g, cases[i].use, cases[i].name, NULL, cases[i].password,
                NULL);
        CU_ASSERT_EQUAL(g.rv, ZK_ECONFIG);
        CU_ASSERT_PTR_NOT_NULL(strstr(g.em.text, cases[i].text));
        CU_ASSERT_PTR_EQUAL(strstr(g.em.text, property), g.em.text);
        CU_ASSERT_PTR_NOT_NULL(strstr(g.em.text, rig_path(cases[i].name)));
        if (strstr(g.em.text, cases[i].text) == NULL) {
            fprintf(stderr, "%s\ninstead of: %s\n", g.em.text,
                    cases[i].text);
        }
        done(&g);
    }
}

/* No file that was cut somewhere is taken, or does harm. */
static void
test_cut_files(void)
{
    static const char *const names[] = { "both-uses.jks", "server.p12",
                                         "trust-both.p12" };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(names); i++) {
        FILE *file = fopen(rig_path(names[i]), "rb");
        uint8_t bytes[8192];
        size_t len = fread(bytes, 1, sizeof bytes, file);

        fclose(file);
        for (size_t n = 0; n < len; n += i == 0 ? 1 : 37) {
            uint8_t *copy = zk_xmemdup(bytes, n == 0 ? 1 : n);
            struct tls_store s = { 0 };
            struct zk_errmsg em = { "" };
            int rv = i == 0
                     ? tls_jks_parse_entries(copy, n, TLS_USE_KEYS,
                                             "changeit", &s, &em)
                     : tls_pkcs12_parse(copy, n, TLS_USE_KEYS, "changeit",
                                        &s, &em);

            CU_ASSERT_TRUE(rv != ZK_OK || n == len - 20);
            CU_ASSERT_TRUE(rv == ZK_OK || em.text[0] != '\0');
            tls_store_fini(&s);
            free(copy);
        }
    }
}

static const struct zk_test tests[] = {
    { "each kind of store gives key and certificate", test_key_stores },
    { "chains come in order, however the file has them", test_chains },
    { "all trusted certificates of a store are found", test_trust_stores },
    { "private keys in PEM: each form, encrypted or not", test_pem_keys },
    { "passwords with letters of all kinds", test_letters },
    { "PKCS12 of before 2021, without MAC, without password",
      test_old_pkcs12 },
    { "trusted is what Java would trust", test_what_is_trusted },
    { "JKS may be PKCS12 and the other way round", test_types },
    { "passwords from files", test_password_files },
    { "errors name property, file and reason", test_errors },
    { "cut files", test_cut_files },
};

int
main(void)
{
    return rig_main("stores", "tls stores", tests, ZK_ARRAY_SIZE(tests));
}
