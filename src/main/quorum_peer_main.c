/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quorum_peer_main.c: the program zkd (Java: QuorumPeerMain).
 */
#include <config.h>

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth_provider.h"
#include "config/environment.h"
#include "main/four_letter_word_main.h"
#include "main/java_launcher.h"
#include "main/quorum_server_main.h"
#include "main/server_signals.h"
#include "main/zookeeper_server_main.h"
#include "util/crash_point.h"
#include "util/zk_io.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"

/* Heaps of the allocator.  By default each of our dozen threads may get one,
 * and what one has freed is of no use to the others. */
#ifdef ZK_JEMALLOC
/* Read by jemalloc before main.  A request is allocated by a selector and
 * freed by a later processor: four heaps keep these off each other's locks,
 * more would only hold more memory. */
extern const char *malloc_conf;
const char *malloc_conf = "narenas:4";
#else
#define QPM_ARENAS 2
#endif
/* Enough for every thread here; the system's 8 MB count against limits. */
#define QPM_STACK_BYTES (1024u * 1024)
/* Any digest in base64. */
#define QPM_DIGEST_TEXT_MAX 128

static const char qpm_usage[] =
    "Usage: zkd [-Dname=value]... configfile\n"
    "       zkd [-Dname=value]... port datadir [ticktime [maxcnxns]]\n"
    "       zkd --four-letter-word host:port word\n"
    "       zkd --help | --version\n";

/* What the command line says. */
struct command_line {
    struct system_properties *props;
    int argc;                   /* Behind the -D options. */
    char **argv;
};

static int
qpm_print_help(void)
{
    fputs(qpm_usage, stdout);
    fputs("\n"
          "Runs a ZooKeeper server in the foreground, until SIGTERM or\n"
          "SIGINT ends it.  -D sets a property by the name that Apache\n"
          "ZooKeeper has for it.  zkd(8) and zoo.cfg(5) tell the rest.\n",
          stdout);
    return EXIT_CODE_FINISHED;
}

static int
qpm_print_version(void)
{
    printf("%s %s\nApache ZooKeeper, version %s %s\n", PACKAGE_NAME,
           PACKAGE_VERSION, ZOOKEEPER_VERSION, environment_build_time());
    return EXIT_CODE_FINISHED;
}

static int
qpm_fail_usage(const char *why)
{
    if (why != NULL) {
        fprintf(stderr, "zkd: %s\n", why);
    }
    fputs(qpm_usage, stderr);
    return EXIT_CODE_INVALID;
}

/* A property, else a variable of the environment; NULL where it is empty. */
static const char *
qpm_setting(const struct system_properties *props, const char *property,
            const char *variable)
{
    const char *value = system_properties_get(props, property);

    if (value == NULL || *value == '\0') {
        value = getenv(variable);
    }
    return value == NULL || *value == '\0' ? NULL : value;
}

static void
qpm_start_log(const struct system_properties *props)
{
    const struct zk_log_options opts = {
        .root_logger = qpm_setting(props, "zookeeper.root.logger",
                                   "ZOO_LOG4J_PROP"),
        .log_dir = qpm_setting(props, "zookeeper.log.dir", "ZOO_LOG_DIR"),
        .log_file = qpm_setting(props, "zookeeper.log.file",
                                "ZOO_LOG_FILE"),
    };

    zk_log_start(&opts);
}

static void
qpm_limit_memory(void)
{
    pthread_attr_t attr;

#ifndef ZK_JEMALLOC
    (void) mallopt(M_ARENA_MAX, QPM_ARENAS);
#endif
    if (pthread_attr_init(&attr) == 0) {
        if (pthread_attr_setstacksize(&attr, QPM_STACK_BYTES) == 0) {
            (void) pthread_setattr_default_np(&attr);
        }
        pthread_attr_destroy(&attr);
    }
}

/* Without it nobody could say who he is, and nobody would know before. */
static int
qpm_check_digest(const struct server_config *c, struct zk_errmsg *em)
{
    const struct auth_options opts = { .digest_alg = c->auth.digest_alg };
    char text[QPM_DIGEST_TEXT_MAX];

    if (c->auth.digest_enabled
        && !digest_auth_generate(&opts, ZK_SLICE_LIT(""), text,
                                 sizeof text)) {
        return zk_fail(em, ZK_ECONFIG, "property zookeeper."
                       "DigestAuthenticationProvider.digestAlg=%s: there is "
                       "no such algorithm", c->auth.digest_alg);
    }
    return ZK_OK;
}

/* What this version cannot do although the configuration may say it. */
static int
qpm_check_supported(const struct server_config *c, struct zk_errmsg *em)
{
    int rv = server_config_is_distributed(c)
             ? quorum_server_main_check(c, em)
             : ZK_OK;

    if (rv == ZK_OK) {
        rv = qpm_check_digest(c, em);
    }
    if (rv != ZK_OK) {
        return rv;
    }
    if (!server_config_is_distributed(c) && c->cnxn.client.port < 0
        && c->cnxn.secure_client.port == 0) {
        return zk_fail(em, ZK_ECONFIG, "%s sets no clientPort: nobody could "
                       "connect", c->config_file);
    }
    if (strstr(c->metrics_provider, "PrometheusMetricsProvider") != NULL) {
        zk_warn(main, "metricsProvider.className=%s is accepted, but this "
                "version opens no port for it: mntr has the metrics",
                c->metrics_provider);
    }
    return ZK_OK;
}

static int
qpm_invalid_config(const struct zk_errmsg *em)
{
    zk_error(main, "Invalid config, exiting abnormally: %s", em->text);
    fprintf(stderr, "Invalid config, exiting abnormally\n%s\n", em->text);
    return EXIT_CODE_INVALID;
}

static int
qpm_run_server(struct server_config *config)
{
    char myid[24];

    if (config->myid >= 0) {
        snprintf(myid, sizeof myid, "%lld", (long long) config->myid);
        zk_log_set_myid(myid);
    }
    if (server_config_is_distributed(config)) {
        return quorum_server_main_run(config);
    }
    zk_warn(main, "Either no config or no quorum defined in config, running "
            "in standalone mode");
    return zookeeper_server_main_run(config);
}

/* Takes the properties over. */
static int
qpm_serve(const struct command_line *cl)
{
    struct server_config *config = NULL;
    struct zk_errmsg em;
    int rv, code;

    if (cl->argc == 1) {
        rv = server_config_read(cl->argv[0], cl->props, &config, &em);
    } else {
        rv = server_config_from_args(cl->argc, cl->argv, cl->props, &config,
                                     &em);
    }
    if (rv == ZK_OK) {
        rv = qpm_check_supported(config, &em);
    }
    if (rv == ZK_OK) {
        code = qpm_run_server(config);
    } else if (cl->argc == 1) {
        code = qpm_invalid_config(&em);
    } else {
        zk_error(main, "Invalid arguments, exiting abnormally: %s", em.text);
        code = qpm_fail_usage(em.text);
    }
    if (code == EXIT_CODE_FINISHED) {
        zk_info(main, "Exiting normally");
    }
    server_config_destroy(config);
    return code;
}

static int
qpm_run(const struct command_line *cl)
{
    int code;

    qpm_limit_memory();
    server_signals_init();
    crash_point_arm();
    qpm_start_log(cl->props);
    code = qpm_serve(cl);
    zk_log_stop();
    return code;
}

/* The tools; -1 when the command line asks for a server. */
static int
qpm_run_tool(const struct command_line *cl)
{
    const char *word = cl->argv[0];

    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        return qpm_print_help();
    }
    if (strcmp(word, "--version") == 0) {
        return qpm_print_version();
    }
    if (strcmp(word, "--four-letter-word") == 0) {
        return cl->argc == 3
               ? four_letter_word_main(cl->argv[1], cl->argv[2], cl->props)
               : qpm_fail_usage("--four-letter-word takes host:port and a "
                                "word");
    }
    if (word[0] == '-') {
        fprintf(stderr, "zkd: unknown option %s\n", word);
        return qpm_fail_usage(NULL);
    }
    return -1;
}

int
main(int argc, char **argv)
{
    struct command_line cl = { system_properties_create(), argc - 1,
                               argv + 1 };
    int code;

    zk_open_std_fds();
    if (java_launcher_run(argv, &code)) {
        return code;
    }
    while (cl.argc > 0
           && system_properties_take_option(cl.props, cl.argv[0])) {
        cl.argc--;
        cl.argv++;
    }
    if (cl.argc == 0) {
        code = qpm_fail_usage("a configuration file, or a port and a data "
                              "folder, must be given");
    } else {
        code = qpm_run_tool(&cl);
    }
    if (code < 0) {
        return qpm_run(&cl);
    }
    system_properties_destroy(cl.props);
    return code;
}
