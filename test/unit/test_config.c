/* SPDX-License-Identifier: Apache-2.0 */
/* The verdicts were compared with those of Apache 3.8.0 where it has one. */
#include <config.h>

#include "config/server_config.h"

#include <math.h>
#include <sys/stat.h>

#include "config/environment.h"
#include "test/lib/zk_test.h"
#include "util/zk_buf.h"
#include "util/zk_io.h"
#include "util/zk_log.h"

/* ---- help -------------------------------------------------------------- */

/* The folder of the running test: zoo.cfg and the data are in it. */
static char *dir;

static void
write_file(const char *name, const char *text)
{
    char *path = zk_xasprintf("%s/%s", dir, name);
    FILE *f = fopen(path, "w");

    if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0) {
        perror(path);
        exit(99);
    }
    free(path);
}

/* 'text' with each "$D" replaced by the folder. */
static char *
with_dir(const char *text)
{
    struct zk_buf out = { 0 };
    char *result;

    for (; *text != '\0'; text++) {
        if (strncmp(text, "$D", 2) == 0) {
            zk_buf_append(&out, dir, strlen(dir));
            text++;
        } else {
            zk_buf_append(&out, text, 1);
        }
    }
    zk_buf_append(&out, "", 1);
    result = zk_xstrdup((const char *) out.data);
    zk_buf_fini(&out);
    return result;
}

static struct zk_errmsg em;

/* Reads 'text' as zoo.cfg over the -D options, a list ended by NULL. */
static int
read_config(const char *text, const char *const *options,
            struct server_config **out)
{
    struct system_properties *props = system_properties_create();
    char *cfg = with_dir(text);
    char *path = zk_xasprintf("%s/zoo.cfg", dir);
    int rv;

    write_file("zoo.cfg", cfg);
    for (; options != NULL && *options != NULL; options++) {
        CU_ASSERT(system_properties_take_option(props, *options));
    }
    memset(&em, 0, sizeof em);
    *out = NULL;
    rv = server_config_read(path, props, out, &em);
    free(path);
    free(cfg);
    return rv;
}

static struct server_config *
must_read_over(const char *text, const char *const *options)
{
    struct server_config *c;

    if (read_config(text, options, &c) != ZK_OK) {
        fprintf(stderr, "\n%s\n%s\n", text, em.text);
        CU_FAIL_FATAL("a configuration that must be read is refused");
    }
    return c;
}

static struct server_config *
must_read(const char *text)
{
    return must_read_over(text, NULL);
}

/* ZK_ECONFIG with exactly this message. */
static void
must_refuse(const char *text, const char *const *options,
            const char *message)
{
    struct server_config *c;
    char *want = with_dir(message);
    int rv = read_config(text, options, &c);

    CU_ASSERT_EQUAL(rv, ZK_ECONFIG);
    if (rv == ZK_OK) {
        server_config_destroy(c);
    } else if (strcmp(em.text, want) != 0) {
        fprintf(stderr, "\nwant: %s\n got: %s\n", want, em.text);
        CU_FAIL("another message");
    }
    free(want);
}

#define BASE "dataDir=$D\nclientPort=2181\n"
#define QUORUM \
    "server.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n"

/* ---- zoo.cfg: what is taken --------------------------------------------- */

static void
test_defaults(void)
{
    struct server_config *c = must_read(BASE);

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
    struct server_config *c = must_read(BASE);

    CU_ASSERT_STRING_EQUAL(c->storage.data_dir, dir);
    CU_ASSERT_STRING_EQUAL(c->storage.data_log_dir, dir);
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
    struct server_config *c = must_read(
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
    struct server_config *c = must_read_over(
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
    struct server_config *c = must_read(BASE "electionAlg=1\n"
                                        "electionAlg=3\ntickTime=x\n"
                                        "tickTime=+2000\n");

    CU_ASSERT_EQUAL(c->tick_time_ms, 2000);
    server_config_destroy(c);
}

static void
test_low_retain_count_is_raised(void)
{
    struct server_config *c = must_read(BASE
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
        { "2147483647d", INT64_C(2147483647) * 86400000 }, { "-1d", -86400000 },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(all); i++) {
        char *text = zk_xasprintf(BASE "autopurge.purgeInterval=%s\n",
                                  all[i].text);
        struct server_config *c = must_read(text);

        CU_ASSERT_EQUAL(c->storage.purge_interval_ms, all[i].ms);
        server_config_destroy(c);
        free(text);
    }
}

static void
test_ports(void)
{
    struct server_config *c = must_read("dataDir=$D\n");

    CU_ASSERT_EQUAL(c->cnxn.client.port, -1);
    server_config_destroy(c);
    c = must_read("dataDir=$D\nclientPort=0\nsecureClientPort=2281\n"
                  "secureClientPortAddress=127.0.0.1\n");
    CU_ASSERT_EQUAL(c->cnxn.client.port, 0);
    CU_ASSERT_EQUAL(c->cnxn.secure_client.port, 2281);
    CU_ASSERT_STRING_EQUAL(
        system_properties_get(c->props, "zookeeper.authProvider.x509"),
        "org.apache.zookeeper.server.auth.X509AuthenticationProvider");
    server_config_destroy(c);
    c = must_read("dataDir=$D\nsecureClientPort=2281\nssl.authProvider=my\n"
                  "authProvider.my=a.b.X509AuthenticationProvider\n");
    CU_ASSERT_PTR_NULL(
        system_properties_get(c->props, "zookeeper.authProvider.x509"));
    server_config_destroy(c);
}

/* ---- zoo.cfg: what is refused ------------------------------------------- */

static void
test_bad_values_of_keys(void)
{
    must_refuse(BASE "tickTime=abc\n", NULL,
                "$D/zoo.cfg:3: tickTime=abc: not a number of 32 bits");
    must_refuse(BASE "tickTime=2 000\n", NULL,
                "$D/zoo.cfg:3: tickTime=2 000: not a number of 32 bits");
    must_refuse(BASE "\n#x\ninitLimit=3000000000\n", NULL,
                "$D/zoo.cfg:5: initLimit=3000000000: not a number of 32 "
                "bits");
    must_refuse(BASE "maxClientCnxns=\n", NULL,
                "$D/zoo.cfg:3: maxClientCnxns=: not a number of 32 bits");
    must_refuse(BASE "jvm.pause.sleep.time.ms=1s\n", NULL,
                "$D/zoo.cfg:3: jvm.pause.sleep.time.ms=1s: not a number of "
                "64 bits");
    must_refuse(BASE "autopurge.purgeInterval=1w\n", NULL,
                "$D/zoo.cfg:3: autopurge.purgeInterval=1w: not a number of "
                "32 bits, with ms, s, m, h or d behind it or nothing");
    must_refuse(BASE "autopurge.purgeInterval=h\n", NULL,
                "$D/zoo.cfg:3: autopurge.purgeInterval=h: not a number of "
                "32 bits, with ms, s, m, h or d behind it or nothing");
    must_refuse(BASE "autopurge.purgeInterval=3000000000d\n", NULL,
                "$D/zoo.cfg:3: autopurge.purgeInterval=3000000000d: not a "
                "number of 32 bits, with ms, s, m, h or d behind it or "
                "nothing");
    must_refuse(BASE "syncEnabled=yes\n", NULL,
                "$D/zoo.cfg:3: syncEnabled=yes: must be true or false");
    must_refuse(BASE "standaloneEnabled=\n", NULL,
                "$D/zoo.cfg:3: standaloneEnabled=: must be true or false");
    must_refuse(BASE "jvm.pause.monitor=1\n", NULL,
                "$D/zoo.cfg:3: jvm.pause.monitor=1: must be true or false");
    must_refuse(BASE "peerType=leader\n", NULL,
                "$D/zoo.cfg:3: peerType=leader: must be participant or "
                "observer");
    must_refuse(BASE "electionAlg=0\n", NULL,
                "$D/zoo.cfg:3: electionAlg=0: only algorithm 3 is "
                "supported");
    must_refuse("dataDir=$D\nclientPort=70000\n", NULL,
                "$D/zoo.cfg:2: clientPort=70000: the port is out of range");
    must_refuse("dataDir=$D\nclientPort=-1\n", NULL,
                "$D/zoo.cfg:2: clientPort=-1: the port is out of range");
    must_refuse(BASE "foo=\\uxyz\n", NULL,
                "$D/zoo.cfg:3: a \\u escape without four hexadecimal "
                "digits, or a NUL");
}

static void
test_values_that_do_not_fit_together(void)
{
    must_refuse("clientPort=2181\n", NULL,
                "$D/zoo.cfg: dataDir is not set");
    must_refuse("clientPort=2181\ndataDir=\n", NULL,
                "$D/zoo.cfg: dataDir is not set");
    must_refuse(BASE "dataLogDir=\n", NULL,
                "$D/zoo.cfg: dataLogDir is empty");
    must_refuse(BASE "tickTime=0\n", NULL,
                "$D/zoo.cfg: tickTime=0: must be more than 0");
    must_refuse(BASE "tickTime=200000000\n", NULL,
                "$D/zoo.cfg: tickTime=200000000: 20 ticks do not fit a "
                "session timeout");
    must_refuse(BASE "minSessionTimeout=9000\nmaxSessionTimeout=8000\n",
                NULL, "$D/zoo.cfg: minSessionTimeout=9000 is larger than "
                "maxSessionTimeout=8000");
    must_refuse(BASE "minSessionTimeout=60001\n", NULL,
                "$D/zoo.cfg: minSessionTimeout=60001 is larger than "
                "maxSessionTimeout=60000");
    must_refuse("dataDir=$D\nclientPortAddress=127.0.0.1\n", NULL,
                "$D/zoo.cfg: clientPortAddress is set but clientPort is "
                "not");
    must_refuse(BASE "secureClientPortAddress=127.0.0.1\n", NULL,
                "$D/zoo.cfg: secureClientPortAddress is set but "
                "secureClientPort is not");
    must_refuse(BASE "secureClientPort=2281\nssl.authProvider=my\n", NULL,
                "$D/zoo.cfg: zookeeper.ssl.authProvider=my, but "
                "zookeeper.authProvider.my is not set");
    must_refuse(BASE "secureClientPort=2281\nssl.authProvider=my\n"
                "authProvider.my=a.b.C\n", NULL,
                "$D/zoo.cfg: zookeeper.authProvider.my=a.b.C: only "
                "X509AuthenticationProvider can tell who a client of the TLS "
                "port is");
    must_refuse(BASE "client.portUnification=true\nssl.authProvider=my\n",
                NULL, "$D/zoo.cfg: zookeeper.ssl.authProvider=my, but "
                "zookeeper.authProvider.my is not set");
    must_refuse(BASE "metricsProvider.className=a.b.C\n", NULL,
                "$D/zoo.cfg: metricsProvider.className=a.b.C: there is no "
                "such metrics provider");
    must_refuse(BASE "quorum.auth.serverRequireSasl=true\n", NULL,
                "$D/zoo.cfg: quorum.auth.serverRequireSasl is true, but "
                "quorum.auth.enableSasl is not");
    must_refuse(BASE "quorum.auth.learnerRequireSasl=true\n", NULL,
                "$D/zoo.cfg: quorum.auth.learnerRequireSasl is true, but "
                "quorum.auth.enableSasl is not");
    must_refuse(BASE "quorum.auth.enableSasl=true\n"
                "quorum.auth.serverRequireSasl=true\n", NULL,
                "$D/zoo.cfg: quorum.auth.serverRequireSasl is true, but "
                "quorum.auth.learnerRequireSasl is not");
}

static void
test_addresses_must_resolve(void)
{
    static const char want[] = "zoo.cfg: clientPortAddress=no such host: ";
    struct server_config *c;

    CU_ASSERT_EQUAL(read_config(BASE "clientPortAddress=no such host\n",
                                NULL, &c), ZK_ECONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, want));
}

static void
test_files_that_are_not_there(void)
{
    struct server_config *c = NULL;
    char *path = zk_xasprintf("%s/none", dir), *want;

    want = zk_xasprintf("%s file is missing", path);
    CU_ASSERT_EQUAL(server_config_read(path, system_properties_create(), &c,
                                       &em), ZK_ECONFIG);
    CU_ASSERT_STRING_EQUAL(em.text, want);
    CU_ASSERT_EQUAL(server_config_read(dir, system_properties_create(), &c,
                                       &em), ZK_ECONFIG);
    free(want);
    free(path);
    must_refuse(BASE "dynamicConfigFile=$D/none\n", NULL,
                "$D/none: open: No such file or directory");
}

/* ---- membership --------------------------------------------------------- */

static void
test_one_server_line_is_standalone(void)
{
    struct server_config *c = must_read(BASE "server.1=h:2888:3888\n");
    char *text = server_config_membership(c);

    CU_ASSERT_FALSE(server_config_is_distributed(c));
    CU_ASSERT_EQUAL(c->quorum.n_servers, 1);
    CU_ASSERT_STRING_EQUAL(text, "server.1=h:2888:3888:participant\n"
                           "version=0");
    free(text);
    server_config_destroy(c);
    c = must_read(BASE);
    text = server_config_membership(c);
    CU_ASSERT_STRING_EQUAL(text, "");
    free(text);
    server_config_destroy(c);
}

static void
test_ensemble(void)
{
    struct server_config *c;
    char *text;

    write_file("myid", "2\nmore\n");
    c = must_read("dataDir=$D\ninitLimit=5\nsyncLimit=2\n"
                  "server.10=c:1:2:observer\nserver.2=b:1:2;127.0.0.1:2182\n"
                  "server.1=[::1]:1:2;2181\nversion=1f\n");
    CU_ASSERT(server_config_is_distributed(c));
    CU_ASSERT_EQUAL(c->myid, 2);
    /* Its own line says where it serves clients. */
    CU_ASSERT_EQUAL(c->cnxn.client.port, 2182);
    CU_ASSERT_STRING_EQUAL(c->cnxn.client.host, "127.0.0.1");
    text = server_config_membership(c);
    CU_ASSERT_STRING_EQUAL(text,
                           "server.1=[::1]:1:2:participant;0.0.0.0:2181\n"
                           "server.2=b:1:2:participant;127.0.0.1:2182\n"
                           "server.10=c:1:2:observer\nversion=1f");
    free(text);
    server_config_destroy(c);
}

static void
test_groups_and_weights(void)
{
    struct server_config *c;
    char *text;

    write_file("myid", "1");
    c = must_read(BASE "initLimit=5\nsyncLimit=2\n" QUORUM
                  "group.1=1:3\ngroup.2=2\nweight.3=0\n");
    CU_ASSERT(c->quorum.hierarchical);
    text = server_config_membership(c);
    CU_ASSERT_STRING_EQUAL(text, "server.1=a:2888:3888:participant\n"
                           "server.2=b:2888:3888:participant\n"
                           "server.3=c:2888:3888:participant\n"
                           "group.1=1:3\ngroup.2=2\n"
                           "weight.1=1\nweight.2=1\nweight.3=0\nversion=0");
    free(text);
    server_config_destroy(c);
}

static void
test_mistakes_in_membership(void)
{
    must_refuse(BASE "server.x=h:1:2\n", NULL,
                "$D/zoo.cfg:3: server.x=h:1:2: no server or group number "
                "behind the dot");
    must_refuse(BASE "server.-1=h:1:2\n", NULL,
                "$D/zoo.cfg:3: server.-1=h:1:2: no server or group number "
                "behind the dot");
    must_refuse(BASE "server.1=h:1\n", NULL,
                "$D/zoo.cfg:3: server.1=h:1: not host:quorumPort:"
                "electionPort[:role] with [;[host:]clientPort] behind it");
    must_refuse(BASE "server.1=h:1:2\nserver.01=h:3:4\n", NULL,
                "$D/zoo.cfg:4: server.01=h:3:4: there is a line for that "
                "server already");
    must_refuse(BASE "groupie=1\n", NULL,
                "$D/zoo.cfg:3: groupie=1: no server or group number behind "
                "the dot");
    must_refuse(BASE "server.1=h:1:2\ngroup.1=1:x\n", NULL,
                "$D/zoo.cfg:4: group.1=1:x: not server ids with ':' between "
                "them");
    must_refuse(BASE "server.1=h:1:2\ngroup.1=1\ngroup.2=1\n", NULL,
                "$D/zoo.cfg:5: group.2=1: a server of it is in another "
                "group too");
    must_refuse(BASE "server.1=h:1:2\ngroup.1=2\n", NULL,
                "$D/zoo.cfg: group.1 names server 2, which has no line");
    must_refuse(BASE "server.1=h:1:2\nweight.1=1\n", NULL,
                "$D/zoo.cfg: server 1 is in no group");
    must_refuse(BASE "server.1=h:1:2\ngroup.1=1\nweight.1=-1\n", NULL,
                "$D/zoo.cfg:5: weight.1=-1: not a weight");
    must_refuse(BASE "version=zz\n", NULL,
                "$D/zoo.cfg:3: version=zz: not a hexadecimal number");
}

static void
test_servers_that_make_no_ensemble(void)
{
    must_refuse(BASE "server.1=h:1:2:observer\n", NULL,
                "$D/zoo.cfg: there are observers but no participant");
    must_refuse(BASE "server.1=h:1:2\nserver.2=h:1:2:observer\n", NULL,
                "$D/zoo.cfg: observers need more than one participant");
    must_refuse(BASE "standaloneEnabled=false\n", NULL,
                "$D/zoo.cfg: standaloneEnabled=false needs at least one "
                "participant");
    must_refuse(BASE "standaloneEnabled=false\nserver.1=h:1:2\n", NULL,
                "$D/zoo.cfg: initLimit is not set");
    must_refuse(BASE QUORUM, NULL, "$D/zoo.cfg: initLimit is not set");
    must_refuse(BASE QUORUM "initLimit=5\n", NULL,
                "$D/zoo.cfg: syncLimit is not set");
    must_refuse(BASE QUORUM "initLimit=-5\nsyncLimit=2\n", NULL,
                "$D/zoo.cfg: initLimit must be more than 0");
    must_refuse(BASE QUORUM "initLimit=5\nsyncLimit=-2\n", NULL,
                "$D/zoo.cfg: syncLimit must be more than 0");
    must_refuse(BASE QUORUM "initLimit=5\nsyncLimit=2\n", NULL,
                "$D/zoo.cfg: the myid file is missing: $D/myid");
}

static void
test_myid(void)
{
    static const struct {
        const char *text;
        int64_t id;
        const char *message;
    } cases[] = {
        { "7", 7, NULL },
        { "7\r\n", 7, NULL },
        { "+7\nxyz", 7, NULL },
        { "", 0, "$D/myid: serverid  is not a number" },
        { "7 \n", 0, "$D/myid: serverid 7  is not a number" },
        { "abc", 0, "$D/myid: serverid abc is not a number" },
        { "99999999999999999999", 0,
          "$D/myid: serverid 99999999999999999999 is not a number" },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        write_file("myid", cases[i].text);
        if (cases[i].message != NULL) {
            must_refuse(BASE, NULL, cases[i].message);
        } else {
            struct server_config *c = must_read(BASE);

            CU_ASSERT_EQUAL(c->myid, cases[i].id);
            server_config_destroy(c);
        }
    }
}

static void
test_own_client_address_may_not_contradict(void)
{
    write_file("myid", "1\n");
    must_refuse(BASE "server.1=h:1:2;2191\n", NULL,
                "$D/zoo.cfg: server.1 serves clients at 0.0.0.0:2191, but "
                "clientPort says 0.0.0.0:2181");
    must_refuse(BASE "clientPortAddress=127.0.0.1\n"
                "server.1=h:1:2;127.0.0.2:2181\n", NULL,
                "$D/zoo.cfg: server.1 serves clients at 127.0.0.2:2181, but "
                "clientPort says 127.0.0.1:2181");
    server_config_destroy(must_read(BASE "server.1=h:1:2;127.0.0.2:2181\n"));
    server_config_destroy(must_read(BASE "server.2=h:1:2;2191\n"));
}

static void
test_several_addresses(void)
{
    static const char *const options[] = {
        "-Dzookeeper.multiAddress.enabled=true", NULL
    };
    static const char lines[] = BASE "server.1=a:1:2|b:1:2\n";

    must_refuse(lines, NULL,
                "$D/zoo.cfg:3: server.1=a:1:2|b:1:2: several addresses, but "
                "multiAddress.enabled is not true");
    server_config_destroy(must_read_over(lines, options));
    server_config_destroy(must_read(BASE "multiAddress.enabled=true\n"
                                    "server.1=a:1:2|b:1:2\n"));
}

static void
test_dynamic_file(void)
{
    static const char cfg[] = "dataDir=$D\ninitLimit=5\nsyncLimit=2\n"
                              "dynamicConfigFile=$D/zoo.cfg.dynamic.1a\n";
    struct server_config *c;
    char *text;

    write_file("myid", "1\n");
    write_file("zoo.cfg.dynamic.1a", "server.1=a:1:2:participant;2181\n"
               "server.2=b:1:2:participant;2181");
    c = must_read(cfg);
    CU_ASSERT(server_config_is_distributed(c));
    CU_ASSERT_EQUAL(c->quorum.version, 0x1a);
    CU_ASSERT_EQUAL(c->cnxn.client.port, 2181);
    text = server_config_membership(c);
    CU_ASSERT_STRING_EQUAL(text,
                           "server.1=a:1:2:participant;0.0.0.0:2181\n"
                           "server.2=b:1:2:participant;0.0.0.0:2181\n"
                           "version=1a");
    free(text);
    server_config_destroy(c);
    write_file("zoo.cfg.dynamic.1a", "server.1=a:1:2\nversion=1\n");
    must_refuse(cfg, NULL, "$D/zoo.cfg.dynamic.1a:2: version=1: the version "
                "stands in the name of a dynamic file, not in it");
    write_file("zoo.cfg.dynamic.1a", "server.1=a:1:2\ntickTime=1\n");
    must_refuse(cfg, NULL, "$D/zoo.cfg.dynamic.1a:2: tickTime=1: unknown "
                "key in a dynamic file");
    must_refuse("dataDir=$D\ndynamicConfigFile=$D/dyn\nweight.1=1\n", NULL,
                "$D/zoo.cfg:3: weight.1=1: must be in the file that "
                "dynamicConfigFile names, not here");
    write_file("dyn", "server.1=a:1:2\n");
    c = must_read(BASE "dynamicConfigFile=$D/dyn\n");
    CU_ASSERT_EQUAL(c->quorum.version, 0);
    CU_ASSERT_FALSE(server_config_is_distributed(c));
    server_config_destroy(c);
}

/* ---- properties --------------------------------------------------------- */

static void
test_properties_of_a_server(void)
{
    static const char *const options[] = {
        "-Djute.maxbuffer=4194304", "-Dfsync.warningthresholdms=5",
        "-Dznode.container.maxPerMinute=9", "-Dreadonlymode.enabled=true",
        "-Dzookeeper.globalOutstandingLimit=0x10", NULL
    };
    struct server_config *c = must_read_over(
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
    struct server_config *c = must_read_over(
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
    struct server_config *c = must_read(
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

    must_refuse(BASE "snapCount=100k\n", NULL,
                "property zookeeper.snapCount=100k: not a number");
    must_refuse(BASE "snapCount=3000000000\n", NULL,
                "property zookeeper.snapCount=3000000000: not a number of "
                "32 bits");
    must_refuse(BASE "flushDelay=1ms\n", NULL,
                "property zookeeper.flushDelay=1ms: not a number");
    must_refuse(BASE "connection_throttle_drop_increase=a\n", NULL,
                "property zookeeper.connection_throttle_drop_increase=a: "
                "not a number");
    must_refuse(BASE "nio.numSelectorThreads=0\n", NULL,
                "property zookeeper.nio.numSelectorThreads=0: must be at "
                "least 1");
    must_refuse(BASE "intBufferStartingSizeBytes=31\n", NULL,
                "property zookeeper.intBufferStartingSizeBytes=31: must be "
                "at least 32");
    must_refuse(BASE "maxWriteQueuePollTime=x\n", NULL,
                "property zookeeper.maxWriteQueuePollTime=x: not a number");
    must_refuse(BASE, none, "property znode.container.maxPerMinute=0: must "
                "be at least 1");
    must_refuse(BASE, always, "property znode.container.checkIntervalMs=-1: "
                "must be at least 1");
    must_refuse(BASE "request_throttle_stall_time=0\n", NULL,
                "property zookeeper.request_throttle_stall_time=0: must be "
                "at least 1");
    must_refuse(BASE, jute, "property jute.maxbuffer=0: no request would "
                "fit");
    must_refuse(BASE, slow, "property fsync.warningthresholdms=x: not a "
                "number");
}

/* ---- TLS ----------------------------------------------------------------- */

static void
test_tls(void)
{
    static const char *const options[] = {
        "-Dzookeeper.ssl.keyStore.location=/by/option",
        "-Dzookeeper.ssl.trustStore.location=/trust.p12",
        "-Dzookeeper.ssl.quorum.clientAuth=WANT", NULL
    };
    struct server_config *c;

    c = must_read_over(BASE "ssl.keyStore.location=/key.pem\n"
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
        struct server_config *c = must_read(text);

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

            must_refuse(used, NULL, message);
            /* Java does not look at what it does not need. */
            server_config_destroy(must_read(line));
            free(line);
            free(used);
            free(message);
        }
    }
    must_refuse(BASE "secureClientPort=2281\nssl.sslProvider=BORING\n", NULL,
                "property zookeeper.ssl.sslProvider=BORING: must be JDK or "
                "OPENSSL");
    must_refuse(BASE "netty.server.outstandingHandshake.limit=x\n", NULL,
                "property zookeeper.netty.server.outstandingHandshake.limit="
                "x: not a number");
}

static void
test_enforced_schemes(void)
{
    struct server_config *c = must_read(
        BASE "enforce.auth.enabled=true\n"
        "enforce.auth.schemes=digest, x509,sasl,ip\n"
        "authProvider.1=org.apache.zookeeper.server.auth."
        "SASLAuthenticationProvider\nauthProvider.x509=org.apache."
        "zookeeper.server.auth.X509AuthenticationProvider\n");

    CU_ASSERT(c->request.enforce_auth);
    server_config_destroy(c);
    must_refuse(BASE "enforce.auth.enabled=true\n", NULL,
                "property zookeeper.enforce.auth.enabled=true, but "
                "zookeeper.enforce.auth.schemes is not set");
    must_refuse(BASE "enforce.auth.enabled=true\n"
                "enforce.auth.schemes=digest,foo\n", NULL,
                "property zookeeper.enforce.auth.schemes=digest,foo: scheme "
                "\"foo\" has no provider");
    must_refuse(BASE "sessionRequireClientSASLAuth=true\n", NULL,
                "property zookeeper.enforce.auth.schemes=sasl: scheme "
                "\"sasl\" has no provider");
    must_refuse(BASE "enforce.auth.enabled=true\nenforce.auth.schemes="
                "digest\nDigestAuthenticationProvider.enabled=false\n", NULL,
                "property zookeeper.enforce.auth.schemes=digest: scheme "
                "\"digest\" has no provider");
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
                                 &em);
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
        CU_ASSERT_STRING_EQUAL(em.text, cases[i].message);
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

/* ---- running ------------------------------------------------------------ */

/* Each test in a folder of its own. */
#define IN_DIR(test)                                                      \
    static void                                                           \
    test##_in_dir(void)                                                   \
    {                                                                     \
        dir = zk_test_mkdir();                                            \
        test();                                                           \
        zk_test_rmdir(dir);                                               \
        free(dir);                                                        \
    }
#define TESTS                                                             \
    T(test_defaults, "defaults")                                          \
    T(test_defaults_of_storage_and_the_rest, "defaults of the rest")      \
    T(test_keys_are_taken, "keys are taken")                              \
    T(test_unknown_keys_become_properties,                                \
      "unknown keys become properties")                                   \
    T(test_last_of_equal_keys_is_checked,                                 \
      "only the last of equal keys is checked")                           \
    T(test_low_retain_count_is_raised, "a low retain count is raised")    \
    T(test_units_of_the_purge_interval, "units of the purge interval")    \
    T(test_ports, "ports may be missing, or 0")                           \
    T(test_bad_values_of_keys, "bad values of keys")                      \
    T(test_values_that_do_not_fit_together,                               \
      "values that do not fit together")                                  \
    T(test_addresses_must_resolve, "addresses must resolve")              \
    T(test_files_that_are_not_there, "files that are not there")          \
    T(test_one_server_line_is_standalone,                                 \
      "one server line makes no ensemble")                                \
    T(test_ensemble, "an ensemble")                                       \
    T(test_groups_and_weights, "groups and weights")                      \
    T(test_mistakes_in_membership, "mistakes in membership lines")        \
    T(test_servers_that_make_no_ensemble,                                 \
      "server lines that make no ensemble")                               \
    T(test_myid, "myid is one number")                                    \
    T(test_own_client_address_may_not_contradict,                         \
      "the own client address agrees with clientPort")                    \
    T(test_several_addresses, "several addresses must be allowed")        \
    T(test_dynamic_file, "the dynamic file")                              \
    T(test_properties_of_a_server, "properties are taken")                \
    T(test_floors, "floors of properties")                                \
    T(test_weights_of_the_connection_throttle,                            \
      "weights of the connection throttle")                               \
    T(test_bad_properties, "bad properties are named")                    \
    T(test_tls, "what ssl.* and ssl.quorum.* say")                          \
    T(test_tls_by_fips_mode, "what fips-mode changes")                    \
    T(test_bad_tls, "mistakes in ssl.*, where there is TLS")              \
    T(test_enforced_schemes, "enforced schemes need a provider")          \
    T(test_arguments, "arguments instead of a file")                      \
    T(test_bad_arguments, "bad arguments")

#define T(test, name) IN_DIR(test)
TESTS
#undef T

static const struct zk_test tests[] = {
    { "environment: Java's keys in Java's order", test_environment },
#define T(test, name) { name, test##_in_dir },
    TESTS
#undef T
};

int
main(void)
{
    zk_log_set_level(ZK_LOG_OFF);
    return zk_test_main("config", tests, ZK_ARRAY_SIZE(tests));
}
