/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of zoo.cfg, and arguments instead of it.  The verdicts were
 * compared with those of Apache 3.8.0 where it has one. */
#include <config.h>

#include "test/unit/config_case.h"

#include <math.h>

#include "config/environment.h"
#include "util/zk_buf.h"

/* ---- zoo.cfg: what is taken --------------------------------------------- */

static void
test_defaults(void)
{
    struct server_config *c = cfg_takes(BASE);

    CU_ASSERT_EQUAL(c->myid, -1);
    CU_ASSERT_EQUAL(c->tick_time_ms, 3000);
    CU_ASSERT_EQUAL(c->min_session_timeout_ms, 6000);
    CU_ASSERT_EQUAL(c->max_session_timeout_ms, 60000);
    CU_ASSERT_EQUAL(c->cnxn.client.port, 2181);
    CU_ASSERT_PTR_NULL(c->cnxn.client.host);
    CU_ASSERT_EQUAL(c->cnxn.secure_client.port, 0);
    CU_ASSERT_EQUAL(c->cnxn.max_client_cnxns, 60);
    CU_ASSERT_EQUAL(c->cnxn.max_cnxns, 0);
    CU_ASSERT_EQUAL(c->cnxn.listen_backlog, -1);
    CU_ASSERT_EQUAL(c->cnxn.selector_threads, 0);
    CU_ASSERT_EQUAL(c->cnxn.sessionless_timeout_ms, 10000);
    CU_ASSERT_EQUAL(c->cnxn.jute_max_buffer, 1048575);
    CU_ASSERT_EQUAL(c->cnxn.large_request_max_bytes, 104857600);
    CU_ASSERT_EQUAL(c->cnxn.large_request_threshold, -1);
    CU_ASSERT_EQUAL(c->cnxn.global_outstanding_limit, 1000);
    CU_ASSERT_PTR_NULL(c->cnxn.whitelist_4lw);
    CU_ASSERT_EQUAL(c->cnxn.throttle_tokens, 0);
    CU_ASSERT_EQUAL(c->cnxn.throttle_freeze_time_ms, -1);
    CU_ASSERT(fabs(c->cnxn.throttle_drop_increase - 0.02) < 1e-9);
    CU_ASSERT(fabs(c->cnxn.throttle_drop_decrease - 0.002) < 1e-9);
    CU_ASSERT_EQUAL(c->request.request_throttle_limit, 0);
    CU_ASSERT_EQUAL(c->request.request_throttle_stall_ms, 100);
    CU_ASSERT(c->request.request_throttle_drop_stale);
    CU_ASSERT(c->request.request_stale_connection_check);
    CU_ASSERT_FALSE(c->request.request_stale_latency_check);
    CU_ASSERT_EQUAL(c->storage.max_batch_size, 1000);
    CU_ASSERT(c->request.close_session_txn);
    CU_ASSERT_FALSE(c->request.enforce_quota);
    CU_ASSERT_EQUAL(c->request.container_check_interval_ms, 60000);
    CU_ASSERT_EQUAL(c->request.container_max_per_minute, 10000);
    server_config_destroy(c);
}

static void
test_defaults_of_storage_and_the_rest(void)
{
    struct server_config *c = cfg_takes(BASE);

    CU_ASSERT_STRING_EQUAL(c->storage.data_dir, cfg_dir);
    CU_ASSERT_STRING_EQUAL(c->storage.data_log_dir, cfg_dir);
    CU_ASSERT(c->storage.datadir_autocreate);
    CU_ASSERT(c->storage.db_autocreate);
    CU_ASSERT_FALSE(c->storage.snapshot_trust_empty);
    CU_ASSERT_EQUAL(c->storage.max_record, 2 * 1048575);
    CU_ASSERT_EQUAL(c->storage.snap_count, 100000);
    CU_ASSERT_EQUAL(c->storage.snap_size_limit_kb, 4194304);
    CU_ASSERT_EQUAL(c->storage.txn_log_size_limit_kb, -1);
    CU_ASSERT_EQUAL(c->storage.pre_alloc_kb, 65536);
    CU_ASSERT(c->storage.force_sync);
    CU_ASSERT_EQUAL(c->storage.fsync_warning_ms, 1000);
    CU_ASSERT_STRING_EQUAL(c->storage.snapshot_compression, "");
    CU_ASSERT_EQUAL(c->storage.commit_log_count, 500);
    CU_ASSERT_EQUAL(c->storage.snap_retain_count, 3);
    CU_ASSERT_EQUAL(c->storage.purge_interval_ms, 0);
    CU_ASSERT(c->storage.digest_enabled);
    CU_ASSERT_FALSE(c->auth.skip_acl);
    CU_ASSERT(c->auth.digest_enabled);
    CU_ASSERT_STRING_EQUAL(c->auth.digest_alg, "SHA1");
    CU_ASSERT_EQUAL(c->quorum.election_alg, 3);
    CU_ASSERT(c->quorum.sync_enabled);
    CU_ASSERT(c->quorum.standalone_enabled);
    CU_ASSERT_FALSE(c->quorum.reconfig_enabled);
    CU_ASSERT(c->quorum.leader_serves);
    CU_ASSERT_FALSE(c->quorum.read_only_mode);
    CU_ASSERT(c->admin_enabled);
    CU_ASSERT_EQUAL(c->admin.port, 8080);
    CU_ASSERT_STRING_EQUAL(c->admin.host, "0.0.0.0");
    CU_ASSERT_STRING_EQUAL(c->admin_url, "/commands");
    CU_ASSERT_FALSE(server_config_is_distributed(c));
    server_config_destroy(c);
}

static void
test_keys_are_taken(void)
{
    struct server_config *c = cfg_takes(
        "dataDir = $D \ndataLogDir=./logs\nclientPort: 2182\n"
        "clientPortAddress=127.0.0.1\nclientPortListenBacklog=7\n"
        "tickTime=2000\nmaxClientCnxns=0\nminSessionTimeout=100\n"
        "maxSessionTimeout=-1\ninitLimit=10\nsyncLimit=5\n"
        "connectToLearnerMasterLimit=3\nautopurge.snapRetainCount=5\n"
        "autopurge.purgeInterval=2\nreconfigEnabled=TRUE\n"
        "localSessionsEnabled=true\npeerType=Participant\n"
        "metricsProvider.className="
        "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider\n"
        "metricsProvider.httpPort=7000\noraclePath=/o\n"
        "quorum.cnxn.threads.size=30\njvm.pause.monitor=false\n"
        "jvm.pause.warn-threshold.ms=1\nobserverMasterPort=2191\n");

    CU_ASSERT_STRING_EQUAL(c->storage.data_log_dir, "./logs");
    CU_ASSERT_EQUAL(c->cnxn.client.port, 2182);
    CU_ASSERT_STRING_EQUAL(c->cnxn.client.host, "127.0.0.1");
    CU_ASSERT_EQUAL(c->cnxn.listen_backlog, 7);
    CU_ASSERT_EQUAL(c->cnxn.max_client_cnxns, 0);
    CU_ASSERT_EQUAL(c->tick_time_ms, 2000);
    CU_ASSERT_EQUAL(c->min_session_timeout_ms, 100);
    CU_ASSERT_EQUAL(c->max_session_timeout_ms, 40000);
    CU_ASSERT_EQUAL(c->quorum.init_limit, 10);
    CU_ASSERT_EQUAL(c->quorum.sync_limit, 5);
    CU_ASSERT_EQUAL(c->quorum.connect_to_learner_master_limit, 3);
    CU_ASSERT_EQUAL(c->storage.snap_retain_count, 5);
    CU_ASSERT_EQUAL(c->storage.purge_interval_ms, 2 * 3600000);
    CU_ASSERT(c->quorum.reconfig_enabled);
    CU_ASSERT(c->quorum.local_sessions_enabled);
    CU_ASSERT_STRING_EQUAL(
        system_properties_get(c->metrics_props, "httpPort"), "7000");
    CU_ASSERT_STRING_EQUAL(c->quorum.oracle_path, "/o");
    CU_ASSERT_EQUAL(c->quorum.cnxn_threads, 30);
    CU_ASSERT_EQUAL(c->quorum.observer_master_port, 2191);
    server_config_destroy(c);
}

static void
test_unknown_keys_become_properties(void)
{
    static const char *const options[] = {
        "-Dzookeeper.snapCount=10", "-Dzookeeper.maxCnxns=11", NULL
    };
    struct server_config *c = cfg_takes_with(
        BASE "snapCount=20\n4lw.commands.whitelist = stat, ruok \n"
        "some.key=some value\n", options);

    CU_ASSERT_STRING_EQUAL(
        system_properties_get(c->props, "zookeeper.some.key"), "some value");
    CU_ASSERT_STRING_EQUAL(c->cnxn.whitelist_4lw, "stat, ruok");
    /* zoo.cfg is read later than the command line, and wins. */
    CU_ASSERT_EQUAL(c->storage.snap_count, 20);
    CU_ASSERT_EQUAL(c->cnxn.max_cnxns, 11);
    server_config_destroy(c);
}

static void
test_last_of_equal_keys_is_checked(void)
{
    struct server_config *c = cfg_takes(BASE "electionAlg=1\n"
                                        "electionAlg=3\ntickTime=x\n"
                                        "tickTime=+2000\n");

    CU_ASSERT_EQUAL(c->tick_time_ms, 2000);
    server_config_destroy(c);
}

static void
test_low_retain_count_is_raised(void)
{
    struct server_config *c = cfg_takes(BASE
                                        "autopurge.snapRetainCount=1\n");

    CU_ASSERT_EQUAL(c->storage.snap_retain_count, 3);
    server_config_destroy(c);
}

static void
test_units_of_the_purge_interval(void)
{
    static const struct {
        const char *text;
        int64_t ms;
    } all[] = {
        { "24", 24 * INT64_C(3600000) }, { "500ms", 500 }, { "7S", 7000 },
        { "90m", 90 * 60000 }, { "12h", 12 * INT64_C(3600000) },
        { "2147483647d", INT64_C(2147483647) * 86400000 },
        { "-1d", -86400000 },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(all); i++) {
        char *text = zk_xasprintf(BASE "autopurge.purgeInterval=%s\n",
                                  all[i].text);
        struct server_config *c = cfg_takes(text);

        CU_ASSERT_EQUAL(c->storage.purge_interval_ms, all[i].ms);
        server_config_destroy(c);
        free(text);
    }
}

static void
test_ports(void)
{
    struct server_config *c = cfg_takes("dataDir=$D\n");

    CU_ASSERT_EQUAL(c->cnxn.client.port, -1);
    server_config_destroy(c);
    c = cfg_takes("dataDir=$D\nclientPort=0\nsecureClientPort=2281\n"
                  "secureClientPortAddress=127.0.0.1\n");
    CU_ASSERT_EQUAL(c->cnxn.client.port, 0);
    CU_ASSERT_EQUAL(c->cnxn.secure_client.port, 2281);
    CU_ASSERT_STRING_EQUAL(
        system_properties_get(c->props, "zookeeper.authProvider.x509"),
        "org.apache.zookeeper.server.auth.X509AuthenticationProvider");
    server_config_destroy(c);
    c = cfg_takes("dataDir=$D\nsecureClientPort=2281\nssl.authProvider=my\n"
                  "authProvider.my=a.b.X509AuthenticationProvider\n");
    CU_ASSERT_PTR_NULL(
        system_properties_get(c->props, "zookeeper.authProvider.x509"));
    server_config_destroy(c);
}

/* ---- zoo.cfg: what is refused ------------------------------------------- */

static void
test_bad_values_of_keys(void)
{
    cfg_refuses(BASE "tickTime=abc\n",
                "$D/zoo.cfg:3: tickTime=abc: not a number of 32 bits");
    cfg_refuses(BASE "tickTime=2 000\n",
                "$D/zoo.cfg:3: tickTime=2 000: not a number of 32 bits");
    cfg_refuses(BASE "\n#x\ninitLimit=3000000000\n",
                "$D/zoo.cfg:5: initLimit=3000000000: not a number of 32 "
                "bits");
    cfg_refuses(BASE "maxClientCnxns=\n",
                "$D/zoo.cfg:3: maxClientCnxns=: not a number of 32 bits");
    cfg_refuses(BASE "jvm.pause.sleep.time.ms=1s\n",
                "$D/zoo.cfg:3: jvm.pause.sleep.time.ms=1s: not a number of "
                "64 bits");
    cfg_refuses(BASE "autopurge.purgeInterval=1w\n",
                "$D/zoo.cfg:3: autopurge.purgeInterval=1w: not a number of "
                "32 bits, with ms, s, m, h or d behind it or nothing");
    cfg_refuses(BASE "autopurge.purgeInterval=h\n",
                "$D/zoo.cfg:3: autopurge.purgeInterval=h: not a number of "
                "32 bits, with ms, s, m, h or d behind it or nothing");
    cfg_refuses(BASE "autopurge.purgeInterval=3000000000d\n",
                "$D/zoo.cfg:3: autopurge.purgeInterval=3000000000d: not a "
                "number of 32 bits, with ms, s, m, h or d behind it or "
                "nothing");
    cfg_refuses(BASE "syncEnabled=yes\n",
                "$D/zoo.cfg:3: syncEnabled=yes: must be true or false");
    cfg_refuses(BASE "standaloneEnabled=\n",
                "$D/zoo.cfg:3: standaloneEnabled=: must be true or false");
    cfg_refuses(BASE "jvm.pause.monitor=1\n",
                "$D/zoo.cfg:3: jvm.pause.monitor=1: must be true or false");
    cfg_refuses(BASE "peerType=leader\n",
                "$D/zoo.cfg:3: peerType=leader: must be participant or "
                "observer");
    cfg_refuses(BASE "electionAlg=0\n",
                "$D/zoo.cfg:3: electionAlg=0: only algorithm 3 is "
                "supported");
    cfg_refuses("dataDir=$D\nclientPort=70000\n",
                "$D/zoo.cfg:2: clientPort=70000: the port is out of range");
    cfg_refuses("dataDir=$D\nclientPort=-1\n",
                "$D/zoo.cfg:2: clientPort=-1: the port is out of range");
    cfg_refuses(BASE "foo=\\uxyz\n",
                "$D/zoo.cfg:3: a \\u escape without four hexadecimal "
                "digits, or a NUL");
}

static void
test_values_that_do_not_fit_together(void)
{
    cfg_refuses("clientPort=2181\n",
                "$D/zoo.cfg: dataDir is not set");
    cfg_refuses("clientPort=2181\ndataDir=\n",
                "$D/zoo.cfg: dataDir is not set");
    cfg_refuses(BASE "dataLogDir=\n",
                "$D/zoo.cfg: dataLogDir is empty");
    cfg_refuses(BASE "tickTime=0\n",
                "$D/zoo.cfg: tickTime=0: must be more than 0");
    cfg_refuses(BASE "tickTime=200000000\n",
                "$D/zoo.cfg: tickTime=200000000: 20 ticks do not fit a "
                "session timeout");
    cfg_refuses(BASE "minSessionTimeout=9000\nmaxSessionTimeout=8000\n",
                "$D/zoo.cfg: minSessionTimeout=9000 is larger than "
                "maxSessionTimeout=8000");
    cfg_refuses(BASE "minSessionTimeout=60001\n",
                "$D/zoo.cfg: minSessionTimeout=60001 is larger than "
                "maxSessionTimeout=60000");
    cfg_refuses("dataDir=$D\nclientPortAddress=127.0.0.1\n",
                "$D/zoo.cfg: clientPortAddress is set but clientPort is "
                "not");
    cfg_refuses(BASE "secureClientPortAddress=127.0.0.1\n",
                "$D/zoo.cfg: secureClientPortAddress is set but "
                "secureClientPort is not");
    cfg_refuses(BASE "secureClientPort=2281\nssl.authProvider=my\n",
                "$D/zoo.cfg: zookeeper.ssl.authProvider=my, but "
                "zookeeper.authProvider.my is not set");
    cfg_refuses(BASE "secureClientPort=2281\nssl.authProvider=my\n"
                "authProvider.my=a.b.C\n",
                "$D/zoo.cfg: zookeeper.authProvider.my=a.b.C: only "
                "X509AuthenticationProvider can tell who a client of the TLS "
                "port is");
    cfg_refuses(BASE "client.portUnification=true\nssl.authProvider=my\n",
                "$D/zoo.cfg: zookeeper.ssl.authProvider=my, but "
                "zookeeper.authProvider.my is not set");
    cfg_refuses(BASE "metricsProvider.className=a.b.C\n",
                "$D/zoo.cfg: metricsProvider.className=a.b.C: there is no "
                "such metrics provider");
    cfg_refuses(BASE "quorum.auth.serverRequireSasl=true\n",
                "$D/zoo.cfg: quorum.auth.serverRequireSasl is true, but "
                "quorum.auth.enableSasl is not");
    cfg_refuses(BASE "quorum.auth.learnerRequireSasl=true\n",
                "$D/zoo.cfg: quorum.auth.learnerRequireSasl is true, but "
                "quorum.auth.enableSasl is not");
    cfg_refuses(BASE "quorum.auth.enableSasl=true\n"
                "quorum.auth.serverRequireSasl=true\n",
                "$D/zoo.cfg: quorum.auth.serverRequireSasl is true, but "
                "quorum.auth.learnerRequireSasl is not");
}

static void
test_addresses_must_resolve(void)
{
    static const char want[] = "zoo.cfg: clientPortAddress=no such host: ";
    struct server_config *c;

    CU_ASSERT_EQUAL(cfg_read(BASE "clientPortAddress=no such host\n",
                                NULL, &c), ZK_ECONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(cfg_em.text, want));
}

static void
test_files_that_are_not_there(void)
{
    struct server_config *c = NULL;
    char *path = zk_xasprintf("%s/none", cfg_dir), *want;

    want = zk_xasprintf("%s file is missing", path);
    CU_ASSERT_EQUAL(server_config_read(path, system_properties_create(), &c,
                                       &cfg_em), ZK_ECONFIG);
    CU_ASSERT_STRING_EQUAL(cfg_em.text, want);
    CU_ASSERT_EQUAL(server_config_read(cfg_dir, system_properties_create(), &c,
                                       &cfg_em), ZK_ECONFIG);
    free(want);
    free(path);
    cfg_refuses(BASE "dynamicConfigFile=$D/none\n",
                "$D/none: open: No such file or directory");
}

/* ---- arguments ---------------------------------------------------------- */

static int
read_args(const char *const *args, struct server_config **out)
{
    char *argv[8];
    int n = 0, rv;

    for (; args[n] != NULL; n++) {
        argv[n] = zk_xstrdup(args[n]);
    }
    *out = NULL;
    rv = server_config_from_args(n, argv, system_properties_create(), out,
                                 &cfg_em);
    for (int i = 0; i < n; i++) {
        free(argv[i]);
    }
    return rv;
}

static void
test_arguments(void)
{
    static const char *const two[] = { "2181", "/data", NULL };
    static const char *const four[] = { "0", "/data", "500", "9", NULL };
    struct server_config *c;

    CU_ASSERT_EQUAL_FATAL(read_args(two, &c), ZK_OK);
    CU_ASSERT_EQUAL(c->cnxn.client.port, 2181);
    CU_ASSERT_STRING_EQUAL(c->storage.data_dir, "/data");
    CU_ASSERT_STRING_EQUAL(c->storage.data_log_dir, "/data");
    CU_ASSERT_EQUAL(c->tick_time_ms, 3000);
    CU_ASSERT_EQUAL(c->cnxn.max_client_cnxns, 0);
    CU_ASSERT_EQUAL(c->storage.snap_count, 100000);
    CU_ASSERT_FALSE(server_config_is_distributed(c));
    server_config_destroy(c);
    CU_ASSERT_EQUAL_FATAL(read_args(four, &c), ZK_OK);
    CU_ASSERT_EQUAL(c->cnxn.client.port, 0);
    CU_ASSERT_EQUAL(c->tick_time_ms, 500);
    CU_ASSERT_EQUAL(c->max_session_timeout_ms, 10000);
    CU_ASSERT_EQUAL(c->cnxn.max_client_cnxns, 9);
    server_config_destroy(c);
}

static void
test_bad_arguments(void)
{
    static const struct {
        const char *args[6];
        const char *message;
    } cases[] = {
        { { "2181", NULL }, "1 arguments instead of 2 to 4" },
        { { "1", "/d", "2", "3", "4", NULL },
          "5 arguments instead of 2 to 4" },
        { { "x", "/d", NULL }, "port x: not a number" },
        { { "65536", "/d", NULL }, "port 65536: out of range" },
        { { "2181", "/d", "x", NULL }, "tickTime x: not a number" },
        { { "2181", "/d", "2000", "x", NULL },
          "maxClientCnxns x: not a number" },
        { { "2181", "", NULL }, "arguments: dataDir is not set" },
    };
    struct server_config *c;

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        CU_ASSERT_EQUAL(read_args(cases[i].args, &c), ZK_ECONFIG);
        CU_ASSERT_STRING_EQUAL(cfg_em.text, cases[i].message);
    }
}

/* ---- environment -------------------------------------------------------- */

static void
take_line(void *arg, const char *key, const char *value)
{
    zk_buf_printf(arg, "%s=%s\n", key, value);
}

static void
test_environment(void)
{
    static const char *const keys[] = {
        "zookeeper.version", "host.name", "java.version", "java.vendor",
        "java.home", "java.class.path", "java.library.path",
        "java.io.tmpdir", "java.compiler", "os.name", "os.arch",
        "os.version", "user.name", "user.home", "user.dir",
        "os.memory.free", "os.memory.max", "os.memory.total",
    };
    struct zk_buf out = { 0 };
    const char *p;

    environment_each(NULL, take_line, &out);
    p = (const char *) out.data;
    for (size_t i = 0; i < ZK_ARRAY_SIZE(keys); i++) {
        CU_ASSERT_EQUAL(strncmp(p, keys[i], strlen(keys[i])), 0);
        CU_ASSERT_EQUAL(p[strlen(keys[i])], '=');
        p += strcspn(p, "\n") + 1;
    }
    CU_ASSERT_EQUAL(*p, '\0');
    CU_ASSERT_PTR_NOT_NULL(strstr((const char *) out.data,
                                  "java.version=<NA>\n"));
    CU_ASSERT_EQUAL(strncmp(environment_version(), "3.9.", 4), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(environment_version(), ", built on 20"));
    zk_buf_fini(&out);
}

static const struct zk_test tests[] = {
    { "defaults", test_defaults },
    { "defaults of the rest", test_defaults_of_storage_and_the_rest },
    { "keys are taken", test_keys_are_taken },
    { "unknown keys become properties", test_unknown_keys_become_properties },
    { "only the last of equal keys is checked",
      test_last_of_equal_keys_is_checked },
    { "a low retain count is raised", test_low_retain_count_is_raised },
    { "units of the purge interval", test_units_of_the_purge_interval },
    { "ports may be missing, or 0", test_ports },
    { "bad values of keys", test_bad_values_of_keys },
    { "values that do not fit together",
      test_values_that_do_not_fit_together },
    { "addresses must resolve", test_addresses_must_resolve },
    { "files that are not there", test_files_that_are_not_there },
    { "arguments instead of a file", test_arguments },
    { "bad arguments", test_bad_arguments },
    { "environment: Java's keys in Java's order", test_environment },
};

CONFIG_CASE_MAIN("config", tests)
