/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "main/quorum_server_main.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "admin/four_letter_words.h"
#include "cnxn/server_cnxn_factory.h"
#include "config/environment.h"
#include "main/quorum_tls.h"
#include "main/server_signals.h"
#include "main/zookeeper_server_main.h"
#include "quorum/quorum_peer.h"
#include "util/zk_log.h"

/* The parts of a running member, in order of creation. */
struct member_parts {
    struct tls_context *tls;    /* NULL: plain links. */
    struct four_letter_words *words;
    struct server_cnxn_factory *factory;    /* NULL: no port for clients. */
    struct quorum_peer *peer;
};

/* ---- what is not there ------------------------------------------------- */

static int
qsm_refuse(const struct server_config *c, const char *key, const char *why,
           struct zk_errmsg *em)
{
    return zk_fail(em, ZK_ECONFIG, "%s: %s: %s", c->config_file, key, why);
}

static void
qsm_warn(const struct server_config *c, bool asked, const char *key,
         const char *what)
{
    if (asked) {
        zk_warn(main, "%s: %s: %s", c->config_file, key, what);
    }
}

static bool
qsm_is_listed(const struct quorum_config *q, int64_t sid)
{
    for (size_t i = 0; i < q->n_servers; i++) {
        if (q->servers[i].sid == sid) {
            return true;
        }
    }
    return false;
}

int
quorum_server_main_check(const struct server_config *c, struct zk_errmsg *em)
{
    const struct quorum_config *q = &c->quorum;

    if (!qsm_is_listed(q, c->myid)) {
        return zk_fail(em, ZK_ECONFIG, "%s: My id %" PRId64 " not in the "
                       "peer list (%s/myid says %" PRId64 ", and there is no "
                       "line server.%" PRId64 ")",
                       q->dynamic_config_file != NULL
                           ? q->dynamic_config_file : c->config_file,
                       c->myid, c->storage.data_dir, c->myid, c->myid);
    }
    if (q->sasl_enabled) {
        return qsm_refuse(c, "quorum.auth.enableSasl=true", "SASL between "
                          "servers is not supported in this version", em);
    }
    qsm_warn(c, q->oracle_path != NULL, "oraclePath",
             "not supported: a majority decides");
    qsm_warn(c, q->observer_master_port > 0, "observerMasterPort",
             "not supported: observers connect to the leader");
    qsm_warn(c, q->reconfig_enabled, "reconfigEnabled=true",
             "not supported: reconfig is refused, the members stay those of "
             "the configuration");
    return ZK_OK;
}

/* ---- between the parts ------------------------------------------------- */

/* A word that is being answered keeps the server until it is done; so it goes
 * from the words first. */
static void
qsm_set_server(void *self, struct zookeeper_server *zks)
{
    struct member_parts *m = self;

    if (m->factory == NULL) {
        return;
    }
    if (zks != NULL) {
        server_cnxn_factory_set_server(m->factory, zks);
        four_letter_words_serve(m->words, zks, m->factory);
    } else {
        four_letter_words_serve(m->words, NULL, NULL);
        server_cnxn_factory_set_server(m->factory, NULL);
    }
}

/* "following - broadcast" (Java: QuorumPeer.getDetailedPeerState), and whom an
 * observer has its data from. */
static void
qsm_mntr(void *self, struct zk_buf *out)
{
    struct member_parts *m = self;
    struct quorum_peer_status st;

    quorum_peer_get_status(m->peer, &st);
    zk_buf_printf(out, "zk_peer_state\t");
    for (const char *p = peer_state_name(st.state); *p != '\0'; p++) {
        zk_buf_printf(out, "%c", tolower((unsigned char) *p));
    }
    zk_buf_printf(out, "%s\n", st.broadcasting ? " - broadcast" : "");
    if (st.state == PEER_OBSERVING) {
        zk_buf_printf(out, "zk_observer_master_id\t%" PRId64 "\n",
                      st.leader);
    }
}

/* ---- life -------------------------------------------------------------- */

static int
qsm_fail(int exit_code, const char *what, const struct zk_errmsg *em)
{
    zk_error(main, "%s, exiting abnormally: %s", what, em->text);
    fprintf(stderr, "%s, exiting abnormally\n%s\n", what, em->text);
    return exit_code;
}

static void
qsm_log_config(const struct server_config *c)
{
    zk_info(main, "Starting quorum peer, myid=%" PRId64, c->myid);
    environment_log(c->props);
    zk_info(main, "tickTime %d ms initLimit %d syncLimit %d "
            "minSessionTimeout %d ms maxSessionTimeout %d ms dataLogdir "
            "%s/version-2 snapdir %s/version-2", c->tick_time_ms,
            c->quorum.init_limit, c->quorum.sync_limit,
            c->min_session_timeout_ms, c->max_session_timeout_ms,
            c->storage.data_log_dir, c->storage.data_dir);
}

/* As in Java a member need not take clients: it votes, and holds the data. */
static int
qsm_open_port(struct member_parts *m, const struct server_config *config)
{
    const struct cnxn_config *c = &config->cnxn;
    struct zk_errmsg em;
    int rv;

    if (c->client.port < 0 && c->secure_client.port == 0) {
        zk_info(main, "clientPort is not set: this member takes no clients");
        return EXIT_CODE_FINISHED;
    }
    rv = server_cnxn_factory_create(config, four_letter_words_hook(m->words),
                                    &m->factory, &em);
    if (rv != ZK_OK) {
        m->factory = NULL;
        return rv == ZK_ECONFIG
               ? qsm_fail(EXIT_CODE_INVALID, "Invalid config", &em)
               : qsm_fail(EXIT_CODE_UNEXPECTED, "Unexpected exception", &em);
    }
    return EXIT_CODE_FINISHED;
}

static int
qsm_open(struct member_parts *m, const struct server_config *config)
{
    const struct quorum_peer_env env = {
        m, m->tls, qsm_set_server,
    };
    const struct ensemble_words ensemble = { m, qsm_mntr };
    struct zk_errmsg em;
    int rv;

    m->words = four_letter_words_create(config);
    rv = qsm_open_port(m, config);
    if (rv != EXIT_CODE_FINISHED) {
        return rv;
    }
    m->peer = quorum_peer_create(config, &env);
    four_letter_words_set_ensemble(m->words, &ensemble);
    rv = quorum_peer_load(m->peer, &em);
    if (rv == ZK_ECONFIG) {
        return qsm_fail(EXIT_CODE_DATADIR, "Unable to access datadir", &em);
    }
    return rv == ZK_OK ? EXIT_CODE_FINISHED
                       : qsm_fail(EXIT_CODE_UNEXPECTED,
                                  "Unexpected exception", &em);
}

static void
qsm_close_port(struct member_parts *m)
{
    if (m->factory != NULL) {
        server_cnxn_factory_stop(m->factory);
    }
}

/* Before any port: nobody is let in by what cannot be read. */
static int
qsm_read_keys(struct member_parts *m, const struct server_config *config)
{
    struct zk_errmsg em;

    return quorum_tls_open(config, &m->tls, &em) == ZK_OK
               ? EXIT_CODE_FINISHED
               : qsm_fail(EXIT_CODE_INVALID, "Invalid config", &em);
}

/* The port answers words before there is a leader; other connections are
 * closed until then. */
static int
qsm_start(struct member_parts *m, const struct server_config *config)
{
    struct zk_errmsg em;
    int code = qsm_read_keys(m, config);
    int rv;

    if (code == EXIT_CODE_FINISHED) {
        code = qsm_open(m, config);
    }
    if (code != EXIT_CODE_FINISHED) {
        return code;
    }
    if (m->factory != NULL) {
        server_cnxn_factory_start(m->factory);
    }
    rv = quorum_peer_start(m->peer, &em);
    if (rv != ZK_OK) {
        qsm_close_port(m);
    }
    if (rv == ZK_ECONFIG) {
        return qsm_fail(EXIT_CODE_INVALID, "Invalid config", &em);
    }
    if (rv != ZK_OK) {
        return qsm_fail(EXIT_CODE_QUORUM_PORT, "Unable to bind to quorum "
                        "port", &em);
    }
    if (m->factory != NULL) {
        zk_info(main, "takes clients at %s once there is a leader",
                server_cnxn_factory_address(m->factory));
    }
    return EXIT_CODE_FINISHED;
}

static void
qsm_destroy(struct member_parts *m, const struct server_config *config)
{
    quorum_peer_destroy(m->peer);
    if (m->factory != NULL) {
        server_cnxn_factory_destroy(m->factory);
    }
    four_letter_words_destroy(m->words);
    quorum_tls_close(config, m->tls);
}

int
quorum_server_main_run(struct server_config *config)
{
    struct member_parts m = { NULL, NULL, NULL, NULL };
    int code;

    qsm_log_config(config);
    code = qsm_start(&m, config);
    if (code == EXIT_CODE_FINISHED) {
        (void) server_signals_wait();
        if (m.factory != NULL) {
            server_cnxn_factory_pause(m.factory);
        }
        quorum_peer_stop(m.peer);
        qsm_close_port(&m);
    }
    qsm_destroy(&m, config);
    return code != EXIT_CODE_FINISHED ? code : server_signals_exit_code();
}
