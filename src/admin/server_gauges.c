/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "admin/server_gauges.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "admin/quota_gauges.h"
#include "admin/words.h"
#include "metrics/server_metrics.h"
#include "util/zk_time.h"

/* ---- what is asked ----------------------------------------------------- */

static const struct server_stats *
sg_stats(const struct word_call *call)
{
    return zookeeper_server_stats(call->zks);
}

static int64_t
sg_max_latency(const struct word_call *call)
{
    return atomic_load(&sg_stats(call)->max_latency_ms);
}

static int64_t
sg_min_latency(const struct word_call *call)
{
    return server_stats_min_latency(sg_stats(call));
}

static int64_t
sg_packets_received(const struct word_call *call)
{
    return (int64_t) atomic_load(&sg_stats(call)->packets_received);
}

static int64_t
sg_packets_sent(const struct word_call *call)
{
    return (int64_t) atomic_load(&sg_stats(call)->packets_sent);
}

static int64_t
sg_num_alive_connections(const struct word_call *call)
{
    return (int64_t) server_cnxn_factory_count(call->factory);
}

static int64_t
sg_outstanding_requests(const struct word_call *call)
{
    return zookeeper_server_in_process(call->zks);
}

static int64_t
sg_uptime(const struct word_call *call)
{
    return zk_time_mono_ms() - call->since_ms;
}

static int64_t
sg_of_tree(const struct word_call *call,
           int64_t (*get)(const struct data_tree *tree))
{
    struct zk_database *db = zookeeper_server_database(call->zks);
    int64_t n;

    zk_read_lock(&db->lock);
    n = get(db->tree);
    zk_read_unlock(&db->lock);
    return n;
}

static int64_t
sg_znode_count(const struct word_call *call)
{
    return sg_of_tree(call, data_tree_node_count);
}

static int64_t
sg_ephemerals_count(const struct word_call *call)
{
    return sg_of_tree(call, data_tree_ephemeral_count);
}

static int64_t
sg_approximate_data_size(const struct word_call *call)
{
    return sg_of_tree(call, data_tree_approximate_size);
}

/* Both tables, unlike wchs. */
static int64_t
sg_watch_count(const struct word_call *call)
{
    struct watch_counts c;

    watch_manager_counts(zookeeper_server_database(call->zks)->watches, &c);
    return (int64_t) (c.data_rows + c.child_rows);
}

static int64_t
sg_global_sessions(const struct word_call *call)
{
    return (int64_t) session_tracker_count(
        zookeeper_server_sessions(call->zks));
}

/* What is in /proc/self/fd but for the descriptor that reads it; -1 when it
 * cannot be read. */
static int64_t
sg_open_file_descriptor_count(const struct word_call *call)
{
    DIR *dir = opendir("/proc/self/fd");
    const struct dirent *ent;
    int64_t n = -1;

    (void) call;
    if (dir == NULL) {
        return -1;
    }
    while ((ent = readdir(dir)) != NULL) {
        n += ent->d_name[0] != '.';
    }
    closedir(dir);
    return n;
}

static int64_t
sg_max_file_descriptor_count(const struct word_call *call)
{
    struct rlimit limit;

    (void) call;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return -1;
    }
    return limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t) limit.rlim_cur;
}

static int64_t
sg_last_client_response_size(const struct word_call *call)
{
    return atomic_load(&sg_stats(call)->last_response_size);
}

static int64_t
sg_max_client_response_size(const struct word_call *call)
{
    return atomic_load(&sg_stats(call)->max_response_size);
}

static int64_t
sg_min_client_response_size(const struct word_call *call)
{
    return atomic_load(&sg_stats(call)->min_response_size);
}

static int64_t
sg_auth_failed_count(const struct word_call *call)
{
    struct cnxn_tls_counts tls;

    server_cnxn_factory_tls_counts(call->factory, &tls);
    return (int64_t) (atomic_load(&sg_stats(call)->auth_failed)
                      + tls.failed);
}

static int64_t
sg_outstanding_tls_handshake(const struct word_call *call)
{
    struct cnxn_tls_counts tls;

    server_cnxn_factory_tls_counts(call->factory, &tls);
    return (int64_t) tls.under_way;
}

static int64_t
sg_non_mtls_remote_conn_count(const struct word_call *call)
{
    struct cnxn_tls_counts tls;

    server_cnxn_factory_tls_counts(call->factory, &tls);
    return (int64_t) tls.plain_remote;
}

static int64_t
sg_non_mtls_local_conn_count(const struct word_call *call)
{
    struct cnxn_tls_counts tls;

    server_cnxn_factory_tls_counts(call->factory, &tls);
    return (int64_t) tls.plain_local;
}

static int64_t
sg_local_sessions(const struct word_call *call)
{
    return (int64_t) session_tracker_local_count(
        zookeeper_server_sessions(call->zks));
}

/* Those who vote. */
static int64_t
sg_quorum_size(const struct word_call *call)
{
    const struct quorum_config *q = &call->config->quorum;
    int64_t n = 0;

    for (size_t i = 0; i < q->n_servers; i++) {
        n += q->servers[i].type == LEARNER_PARTICIPANT;
    }
    return n;
}

/* The chance that connection_throttle drops a new session. */
static double
sg_drop_probability(const struct word_call *call)
{
    return server_cnxn_factory_drop_chance(call->factory);
}

static double
sg_avg_latency(const struct word_call *call)
{
    char text[32];

    server_stats_avg_latency(sg_stats(call), text, sizeof text);
    return strtod(text, NULL);
}

/* ---- their names ------------------------------------------------------- */

struct sg_kind {
    const char *name;
    int64_t (*ask)(const struct word_call *call);
    double (*ask_double)(const struct word_call *call);
    bool of_members;            /* Not shown by a server that is alone. */
};

static const struct sg_kind sg_kinds[] = {
    { "avg_latency", NULL, sg_avg_latency, false },
    { "max_latency", sg_max_latency, NULL, false },
    { "min_latency", sg_min_latency, NULL, false },
    { "packets_received", sg_packets_received, NULL, false },
    { "packets_sent", sg_packets_sent, NULL, false },
    { "num_alive_connections", sg_num_alive_connections, NULL, false },
    { "outstanding_requests", sg_outstanding_requests, NULL, false },
    { "uptime", sg_uptime, NULL, false },
    { "znode_count", sg_znode_count, NULL, false },
    { "watch_count", sg_watch_count, NULL, false },
    { "ephemerals_count", sg_ephemerals_count, NULL, false },
    { "approximate_data_size", sg_approximate_data_size, NULL, false },
    { "global_sessions", sg_global_sessions, NULL, false },
    { "local_sessions", sg_local_sessions, NULL, false },
    { "open_file_descriptor_count", sg_open_file_descriptor_count, NULL,
      false },
    { "max_file_descriptor_count", sg_max_file_descriptor_count, NULL,
      false },
    { "connection_drop_probability", NULL, sg_drop_probability, false },
    { "last_client_response_size", sg_last_client_response_size, NULL, false },
    { "max_client_response_size", sg_max_client_response_size, NULL, false },
    { "min_client_response_size", sg_min_client_response_size, NULL, false },
    { "outstanding_tls_handshake", sg_outstanding_tls_handshake, NULL,
      false },
    { "auth_failed_count", sg_auth_failed_count, NULL, false },
    { "non_mtls_remote_conn_count", sg_non_mtls_remote_conn_count, NULL,
      false },
    { "non_mtls_local_conn_count", sg_non_mtls_local_conn_count, NULL,
      false },
    { "quorum_size", sg_quorum_size, NULL, true },
};

#define N_KINDS ZK_ARRAY_SIZE(sg_kinds)

/* What the registry calls back with. */
struct sg_gauge {
    struct four_letter_words *words;
    const struct sg_kind *kind;
};

struct server_gauges {
    unsigned magic;
#define SERVER_GAUGES_MAGIC 0x47617567

    /* Set at create, never changed. */
    struct sg_gauge gauges[N_KINDS];
    struct four_letter_words *words;
};

static int64_t
sg_read(void *arg)
{
    const struct sg_gauge *g = arg;
    struct word_call call;
    int64_t value = 0;

    if (words_enter(g->words, &call)) {
        value = g->kind->ask(&call);
        words_leave(&call);
    }
    return value;
}

static double
sg_read_double(void *arg)
{
    const struct sg_gauge *g = arg;
    struct word_call call;
    double value = 0.0;

    if (words_enter(g->words, &call)) {
        value = g->kind->ask_double(&call);
        words_leave(&call);
    }
    return value;
}

/* ---- life -------------------------------------------------------------- */

struct server_gauges *
server_gauges_create(struct four_letter_words *w)
{
    struct server_gauges *g = zk_xcalloc(1, sizeof *g);

    g->magic = SERVER_GAUGES_MAGIC;
    g->words = w;
    for (size_t i = 0; i < N_KINDS; i++) {
        g->gauges[i].words = w;
        g->gauges[i].kind = &sg_kinds[i];
    }
    return g;
}

void
server_gauges_destroy(struct server_gauges *g)
{
    ZK_CHECK(g, SERVER_GAUGES_MAGIC);
    g->magic = 0;
    free(g);
}

void
server_gauges_register(struct server_gauges *g, bool member)
{
    ZK_CHECK(g, SERVER_GAUGES_MAGIC);
    for (size_t i = 0; i < N_KINDS; i++) {
        struct sg_gauge *gauge = &g->gauges[i];

        if (gauge->kind->of_members && !member) {
            continue;
        }
        if (gauge->kind->ask != NULL) {
            server_metrics_gauge_register(gauge->kind->name, sg_read, gauge);
        } else {
            server_metrics_gauge_register_double(gauge->kind->name,
                                                 sg_read_double, gauge);
        }
    }
    quota_gauges_register(g->words);
}

void
server_gauges_unregister(struct server_gauges *g)
{
    ZK_CHECK(g, SERVER_GAUGES_MAGIC);
    for (size_t i = 0; i < N_KINDS; i++) {
        server_metrics_gauge_unregister(&g->gauges[i]);
    }
    quota_gauges_unregister(g->words);
}
