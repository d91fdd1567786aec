/* SPDX-License-Identifier: Apache-2.0 */
/* System properties, TLS among them.  The verdicts were compared with those of
 * Apache 3.8.0 where it has one. */
#include <config.h>

#include "test/unit/config_case.h"

#include <math.h>


/* ---- properties --------------------------------------------------------- */

static void
test_properties_of_a_server(void)
{
    static const char *const options[] = {
        "-Djute.maxbuffer=4194304", "-Dfsync.warningthresholdms=5",
        "-Dznode.container.maxPerMinute=9", "-Dreadonlymode.enabled=true",
        "-Dzookeeper.globalOutstandingLimit=0x10", NULL
    };
    struct server_config *c = cfg_takes_with(
        BASE "jute.maxbuffer=77\njute.maxbuffer.extrasize=10\n"
        "preAllocSize=100\nforceSync=no\nskipACL=yes\nleaderServes=no\n"
        "snapshot.compression.method=GZ\nflushDelay=30\nmaxCnxns=5\n"
        "DigestAuthenticationProvider.superDigest=super:x\n"
        "DigestAuthenticationProvider.digestAlg=SHA-256\n"
        "extendedTypesEnabled=true\nenforceQuota=true\n"
        "nio.numSelectorThreads=4\nadmin.enableServer=false\n"
        "admin.serverPort=9\ndigest.enabled=false\n", options);

    CU_ASSERT_EQUAL(c->cnxn.jute_max_buffer, 4194304);
    CU_ASSERT_EQUAL(c->storage.max_record, 4194304 + 1024);
    CU_ASSERT_EQUAL(c->storage.fsync_warning_ms, 5);
    CU_ASSERT_EQUAL(c->request.container_max_per_minute, 9);
    CU_ASSERT(c->quorum.read_only_mode);
    CU_ASSERT_EQUAL(c->cnxn.global_outstanding_limit, 16);
    CU_ASSERT_EQUAL(c->storage.pre_alloc_kb, 100);
    CU_ASSERT_FALSE(c->storage.force_sync);
    CU_ASSERT(c->auth.skip_acl);
    CU_ASSERT_FALSE(c->quorum.leader_serves);
    CU_ASSERT_STRING_EQUAL(c->storage.snapshot_compression, "gz");
    CU_ASSERT_EQUAL(c->request.flush_delay_ms, 30);
    CU_ASSERT_EQUAL(c->request.max_write_queue_poll_ms, 10);
    CU_ASSERT_STRING_EQUAL(c->auth.super_digest, "super:x");
    CU_ASSERT_STRING_EQUAL(c->auth.digest_alg, "SHA-256");
    CU_ASSERT(c->storage.extended_types_enabled);
    CU_ASSERT(c->request.enforce_quota);
    CU_ASSERT_EQUAL(c->cnxn.selector_threads, 4);
    CU_ASSERT_FALSE(c->admin_enabled);
    CU_ASSERT_EQUAL(c->admin.port, 9);
    CU_ASSERT_FALSE(c->storage.digest_enabled);
    server_config_destroy(c);
}

static void
test_floors(void)
{
    static const char *const options[] = {
        "-Dfsync.warningthresholdms=5", "-Djute.maxbuffer=2147483647",
        "-Dznode.container.checkIntervalMs=9223372036854775807", NULL
    };
    struct server_config *c = cfg_takes_with(
        BASE "snapCount=1\ncommitLogCount=10\nmaxCnxns=-3\n"
        "maxBatchSize=-1\nsnapSizeLimitInKb=-9223372036854775808\n"
        "preAllocSize=-5\nlargeRequestThreshold=0\nlargeRequestMaxBytes=0\n"
        "snapshot.compression.method=zip\nfsync.warningthresholdms=6\n",
        options);

    CU_ASSERT_EQUAL(c->storage.snap_count, 2);
    CU_ASSERT_EQUAL(c->storage.commit_log_count, 500);
    CU_ASSERT_EQUAL(c->cnxn.max_cnxns, 0);
    CU_ASSERT_EQUAL(c->storage.pre_alloc_kb, 0);
    CU_ASSERT_EQUAL(c->storage.max_batch_size, 1000);
    /* What is this large must still fit when it is in bytes, or a time. */
    CU_ASSERT(c->storage.snap_size_limit_kb < 0
              && c->storage.snap_size_limit_kb >= INT64_MIN / 1024);
    CU_ASSERT(c->request.container_check_interval_ms > INT32_MAX
              && c->request.container_check_interval_ms
                     <= INT64_MAX / 1024);
    CU_ASSERT_EQUAL(c->cnxn.large_request_threshold, -1);
    CU_ASSERT_EQUAL(c->cnxn.large_request_max_bytes, 104857600);
    CU_ASSERT_STRING_EQUAL(c->storage.snapshot_compression, "");
    CU_ASSERT_EQUAL(c->storage.max_record, INT32_MAX);
    /* The name with zookeeper. goes first. */
    CU_ASSERT_EQUAL(c->storage.fsync_warning_ms, 6);
    server_config_destroy(c);
}

static void
test_weights_of_the_connection_throttle(void)
{
    struct server_config *c = cfg_takes(
        BASE "connection_throttle_tokens=10\n"
        "connection_throttle_fill_count=2\n"
        "connection_throttle_weight_enabled=true\n"
        "connection_throttle_local_session_weight=5\n"
        "connection_throttle_renew_session_weight=0\n"
        "connection_throttle_drop_increase=0.5\n");

    CU_ASSERT_EQUAL(c->cnxn.throttle_weight_global, 5);
    CU_ASSERT_EQUAL(c->cnxn.throttle_weight_renew, 5);
    CU_ASSERT_EQUAL(c->cnxn.throttle_tokens, 50);
    CU_ASSERT_EQUAL(c->cnxn.throttle_fill_count, 10);
    CU_ASSERT(fabs(c->cnxn.throttle_drop_increase - 0.5) < 1e-9);
    server_config_destroy(c);
}

static void
test_bad_properties(void)
{
    static const char *const jute[] = { "-Djute.maxbuffer=0", NULL };
    static const char *const slow[] = { "-Dfsync.warningthresholdms=x",
                                        NULL };
    static const char *const none[] = { "-Dznode.container.maxPerMinute=0",
                                        NULL };
    static const char *const always[] = {
        "-Dznode.container.checkIntervalMs=-1", NULL
    };

    cfg_refuses(BASE "snapCount=100k\n",
                "property zookeeper.snapCount=100k: not a number");
    cfg_refuses(BASE "snapCount=3000000000\n",
                "property zookeeper.snapCount=3000000000: not a number of "
                "32 bits");
    cfg_refuses(BASE "flushDelay=1ms\n",
                "property zookeeper.flushDelay=1ms: not a number");
    cfg_refuses(BASE "connection_throttle_drop_increase=a\n",
                "property zookeeper.connection_throttle_drop_increase=a: "
                "not a number");
    cfg_refuses(BASE "nio.numSelectorThreads=0\n",
                "property zookeeper.nio.numSelectorThreads=0: must be at "
                "least 1");
    cfg_refuses(BASE "intBufferStartingSizeBytes=31\n",
                "property zookeeper.intBufferStartingSizeBytes=31: must be "
                "at least 32");
    cfg_refuses(BASE "maxWriteQueuePollTime=x\n",
                "property zookeeper.maxWriteQueuePollTime=x: not a number");
    cfg_refuses_with(BASE, none, "property znode.container.maxPerMinute=0: "
                     "must be at least 1");
    cfg_refuses_with(BASE, always, "property znode.container.checkIntervalMs="
                     "-1: must be at least 1");
    cfg_refuses(BASE "request_throttle_stall_time=0\n",
                "property zookeeper.request_throttle_stall_time=0: must be "
                "at least 1");
    cfg_refuses_with(BASE, jute, "property jute.maxbuffer=0: no request "
                     "would fit");
    cfg_refuses_with(BASE, slow, "property fsync.warningthresholdms=x: not "
                     "a number");
}

/* ---- TLS --------------------------------------------------------------- */

static void
test_tls(void)
{
    static const char *const options[] = {
        "-Dzookeeper.ssl.keyStore.location=/by/option",
        "-Dzookeeper.ssl.trustStore.location=/trust.p12",
        "-Dzookeeper.ssl.quorum.clientAuth=WANT", NULL
    };
    struct server_config *c;

    c = cfg_takes_with(BASE "ssl.keyStore.location=/key.pem\n"
                       "ssl.keyStore.password=secret\n"
                       "ssl.keyStore.passwordPath=/password\n"
                       "ssl.keyStore.type=PEM\n"
                       "ssl.trustStore.type=\n"
                       "ssl.enabledProtocols=TLSv1.2,TLSv1.3\n"
                       "ssl.clientAuth=none\n"
                       "ssl.sslProvider=OPENSSL\n"
                       "ssl.crl=true\n"
                       "ssl.handshakeDetectionTimeoutMillis=0\n"
                       "ssl.quorum.keyStore.location=/quorum.jks\n"
                       "ssl.quorum.ciphersuites=A,B\n"
                       "ssl.quorum.ocsp=TRUE\n"
                       "ssl.quorum.allowReverseDnsLookup=true\n"
                       "ssl.quorum.handshakeDetectionTimeoutMillis=700\n"
                       "client.portUnification=true\n"
                       "client.certReload=true\n"
                       "netty.server.outstandingHandshake.limit=17\n",
                       options);
    /* zoo.cfg is read behind the options and goes over them. */
    CU_ASSERT_STRING_EQUAL(c->client_tls.key.location, "/key.pem");
    CU_ASSERT_STRING_EQUAL(c->client_tls.key.password, "secret");
    CU_ASSERT_STRING_EQUAL(c->client_tls.key.password_path, "/password");
    CU_ASSERT_STRING_EQUAL(c->client_tls.key.type, "PEM");
    CU_ASSERT_STRING_EQUAL(c->client_tls.trust.location, "/trust.p12");
    CU_ASSERT_PTR_NULL(c->client_tls.trust.password);
    CU_ASSERT_PTR_NULL(c->client_tls.trust.type);
    CU_ASSERT_STRING_EQUAL(c->client_tls.enabled_protocols,
                           "TLSv1.2,TLSv1.3");
    CU_ASSERT_EQUAL(c->client_tls.client_auth, TLS_CLIENT_AUTH_NONE);
    CU_ASSERT_TRUE(c->client_tls.crl);
    CU_ASSERT_FALSE(c->client_tls.ocsp);
    CU_ASSERT_EQUAL(c->client_tls.detection_timeout_ms, 5000);
    CU_ASSERT_STRING_EQUAL(c->quorum_tls.key.location, "/quorum.jks");
    CU_ASSERT_PTR_NULL(c->quorum_tls.trust.location);
    CU_ASSERT_STRING_EQUAL(c->quorum_tls.ciphersuites, "A,B");
    CU_ASSERT_EQUAL(c->quorum_tls.client_auth, TLS_CLIENT_AUTH_WANT);
    CU_ASSERT_FALSE(c->quorum_tls.crl);
    CU_ASSERT_TRUE(c->quorum_tls.ocsp);
    CU_ASSERT_TRUE(c->quorum_tls.allow_reverse_dns);
    CU_ASSERT_EQUAL(c->quorum_tls.detection_timeout_ms, 700);
    CU_ASSERT_TRUE(c->cnxn.port_unification);
    CU_ASSERT_TRUE(c->cnxn.cert_reload);
    CU_ASSERT_EQUAL(c->cnxn.handshake_limit, 17);
    CU_ASSERT_TRUE(server_config_has_client_tls(c));
    CU_ASSERT_FALSE(server_config_has_quorum_tls(c));
    server_config_destroy(c);
}

/* Which names are compared, and the protocol between servers. */
static void
test_tls_by_fips_mode(void)
{
    static const struct {
        const char *lines;
        bool client_port, clients, servers, members;
        const char *protocol;
    } cases[] = {
        /* Of servers by our clients, of clients, of servers and of members
         * by each other. */
        { "", true, false, false, false, "TLSv1.2" },
        { "fips-mode=false\n", true, false, true, true, NULL },
        { "ssl.quorum.hostnameVerification=true\n", true, false, true, true,
          "TLSv1.2" },
        { "ssl.quorum.hostnameVerification=true\n"
          "ssl.quorum.clientHostnameVerification=false\n", true, false, true,
          false, "TLSv1.2" },
        { "fips-mode=false\nssl.quorum.hostnameVerification=false\n"
          "ssl.quorum.clientHostnameVerification=true\n", true, false, false,
          false, NULL },
        { "ssl.hostnameVerification=false\n"
          "ssl.clientHostnameVerification=true\n", false, false, false,
          false, "TLSv1.2" },
        { "ssl.clientHostnameVerification=true\n", true, true, false, false,
          "TLSv1.2" },
        { "ssl.quorum.protocol=TLSv1.3\n", true, false, false, false,
          "TLSv1.3" },
        { "ssl.quorum.enabledProtocols=TLSv1.3\n", true, false, false, false,
          NULL },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        char *text = zk_xasprintf(BASE "%s", cases[i].lines);
        struct server_config *c = cfg_takes(text);

        CU_ASSERT_EQUAL(c->client_tls.hostname_verification,
                        cases[i].client_port);
        CU_ASSERT_EQUAL(c->client_tls.client_hostname_verification,
                        cases[i].clients);
        CU_ASSERT_EQUAL(c->quorum_tls.hostname_verification,
                        cases[i].servers);
        CU_ASSERT_EQUAL(c->quorum_tls.client_hostname_verification,
                        cases[i].members);
        CU_ASSERT_PTR_NULL(c->client_tls.protocol);
        if (cases[i].protocol == NULL) {
            CU_ASSERT_PTR_NULL(c->quorum_tls.protocol);
        } else {
            CU_ASSERT_STRING_EQUAL(c->quorum_tls.protocol,
                                   cases[i].protocol);
        }
        server_config_destroy(c);
        free(text);
    }
}

static void
test_bad_tls(void)
{
    static const struct {
        const char *line, *message;
    } cases[] = {
        { "clientAuth=yes", "clientAuth=yes: must be need, want or none" },
        { "handshakeDetectionTimeoutMillis=5s",
          "handshakeDetectionTimeoutMillis=5s: not a number" },
        { "context.supplier.class=a.B", "context.supplier.class=a.B: a class "
          "of Java cannot be used; set keyStore.* and trustStore.* instead" },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        static const struct {
            const char *prefix, *use;
        } kinds[] = {
            { "ssl.", "secureClientPort=2281\n" },
            { "ssl.quorum.", "sslQuorum=true\n" },
            { "ssl.quorum.", "portUnification=true\n" },
        };

        for (size_t k = 0; k < ZK_ARRAY_SIZE(kinds); k++) {
            char *line = zk_xasprintf(BASE "%s%s\n", kinds[k].prefix,
                                      cases[i].line);
            char *used = zk_xasprintf("%s%s", line, kinds[k].use);
            char *message = zk_xasprintf("property zookeeper.%s%s",
                                         kinds[k].prefix, cases[i].message);

            cfg_refuses(used, message);
            /* Java does not look at what it does not need. */
            server_config_destroy(cfg_takes(line));
            free(line);
            free(used);
            free(message);
        }
    }
    cfg_refuses(BASE "secureClientPort=2281\nssl.sslProvider=BORING\n",
                "property zookeeper.ssl.sslProvider=BORING: must be JDK or "
                "OPENSSL");
    cfg_refuses(BASE "netty.server.outstandingHandshake.limit=x\n",
                "property zookeeper.netty.server.outstandingHandshake.limit="
                "x: not a number");
}

static void
test_enforced_schemes(void)
{
    struct server_config *c = cfg_takes(
        BASE "enforce.auth.enabled=true\n"
        "enforce.auth.schemes=digest, x509,sasl,ip\n"
        "authProvider.1=org.apache.zookeeper.server.auth."
        "SASLAuthenticationProvider\nauthProvider.x509=org.apache."
        "zookeeper.server.auth.X509AuthenticationProvider\n");

    CU_ASSERT(c->request.enforce_auth);
    server_config_destroy(c);
    cfg_refuses(BASE "enforce.auth.enabled=true\n",
                "property zookeeper.enforce.auth.enabled=true, but "
                "zookeeper.enforce.auth.schemes is not set");
    cfg_refuses(BASE "enforce.auth.enabled=true\n"
                "enforce.auth.schemes=digest,foo\n",
                "property zookeeper.enforce.auth.schemes=digest,foo: scheme "
                "\"foo\" has no provider");
    cfg_refuses(BASE "sessionRequireClientSASLAuth=true\n",
                "property zookeeper.enforce.auth.schemes=sasl: scheme "
                "\"sasl\" has no provider");
    cfg_refuses(BASE "enforce.auth.enabled=true\nenforce.auth.schemes="
                "digest\nDigestAuthenticationProvider.enabled=false\n",
                "property zookeeper.enforce.auth.schemes=digest: scheme "
                "\"digest\" has no provider");
}

static const struct zk_test tests[] = {
    { "properties are taken", test_properties_of_a_server },
    { "floors of properties", test_floors },
    { "weights of the connection throttle",
      test_weights_of_the_connection_throttle },
    { "bad properties are named", test_bad_properties },
    { "what ssl.* and ssl.quorum.* say", test_tls },
    { "what fips-mode changes", test_tls_by_fips_mode },
    { "mistakes in ssl.*, where there is TLS", test_bad_tls },
    { "enforced schemes need a provider", test_enforced_schemes },
};

CONFIG_CASE_MAIN("config_props", tests)
