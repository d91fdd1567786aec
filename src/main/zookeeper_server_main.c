/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "main/zookeeper_server_main.h"

#include <stdio.h>

#include "admin/four_letter_words.h"
#include "cnxn/server_cnxn_factory.h"
#include "config/environment.h"
#include "main/server_signals.h"
#include "server/zookeeper_server.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

/* The parts of a running server, in order of creation. */
struct server_parts {
    struct four_letter_words *words;
    struct server_cnxn_factory *factory;
    struct zookeeper_server *zks;
};

static int
zsm_fail(int exit_code, const char *what, const struct zk_errmsg *em)
{
    zk_error(standalone, "%s, exiting abnormally: %s", what, em->text);
    fprintf(stderr, "%s, exiting abnormally\n%s\n", what, em->text);
    return exit_code;
}

static void
zsm_log_config(const struct server_config *c)
{
    zk_info(standalone, "Starting server");
    environment_log(c->props);
    zk_info(server, "Created server with tickTime %d ms minSessionTimeout %d "
            "ms maxSessionTimeout %d ms clientPortListenBacklog %d "
            "dataLogdir %s/version-2 snapdir %s/version-2",
            c->tick_time_ms, c->min_session_timeout_ms,
            c->max_session_timeout_ms, c->cnxn.listen_backlog,
            c->storage.data_log_dir, c->storage.data_dir);
}

/*
 * The port is bound before the data folder is touched: a second server that
 * is started by mistake on the folder of a living one ends there, and not
 * after it has cut what looks like a torn log.  Clients that connect while
 * the data load wait in the queue of the listening socket.
 */
static int
zsm_start(struct server_parts *s, const struct server_config *config)
{
    struct zk_errmsg em;
    int rv;

    s->words = four_letter_words_create(config);
    rv = server_cnxn_factory_create(config, four_letter_words_hook(s->words),
                                    &s->factory, &em);
    if (rv != ZK_OK) {
        s->factory = NULL;
        return rv == ZK_ECONFIG
               ? zsm_fail(EXIT_CODE_INVALID, "Invalid config", &em)
               : zsm_fail(EXIT_CODE_UNEXPECTED, "Unexpected exception", &em);
    }
    s->zks = zookeeper_server_create(config);
    rv = zookeeper_server_load(s->zks, &em);
    if (rv == ZK_ECONFIG) {
        return zsm_fail(EXIT_CODE_DATADIR, "Unable to access datadir", &em);
    }
    if (rv != ZK_OK) {
        return zsm_fail(EXIT_CODE_UNEXPECTED, "Unexpected exception", &em);
    }
    server_cnxn_factory_set_server(s->factory, s->zks);
    zookeeper_server_start(s->zks);
    four_letter_words_serve(s->words, s->zks, s->factory);
    server_cnxn_factory_start(s->factory);
    return EXIT_CODE_FINISHED;
}

/* Every request that was read is finished and answered before its connection
 * is closed. */
static void
zsm_stop(struct server_parts *s)
{
    server_cnxn_factory_pause(s->factory);
    zookeeper_server_stop(s->zks);
    four_letter_words_serve(s->words, NULL, NULL);
    server_cnxn_factory_stop(s->factory);
}

static void
zsm_destroy(struct server_parts *s)
{
    if (s->factory != NULL) {
        server_cnxn_factory_destroy(s->factory);
    }
    zookeeper_server_destroy(s->zks);
    four_letter_words_destroy(s->words);
}

int
zookeeper_server_main_run(struct server_config *config)
{
    struct server_parts s = { NULL, NULL, NULL };
    int64_t begin_ms = zk_time_mono_ms();
    int code;

    zsm_log_config(config);
    code = zsm_start(&s, config);
    if (code == EXIT_CODE_FINISHED) {
        zk_info(standalone, "serving clients at %s after %ld ms",
                server_cnxn_factory_address(s.factory),
                (long) (zk_time_mono_ms() - begin_ms));
        (void) server_signals_wait();
        zsm_stop(&s);
    }
    zsm_destroy(&s);
    return code != EXIT_CODE_FINISHED ? code : server_signals_exit_code();
}
