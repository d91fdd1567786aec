/* SPDX-License-Identifier: Apache-2.0 */
/* words_stat.c: srvr, stat, cons, crst, srst: counts of the server and of
 * its connections (Java: StatCommand, ConsCommand, ServerStats,
 * ServerCnxn). */
#include <config.h>

#include "admin/words.h"

#include <inttypes.h>
#include <string.h>

#include "config/environment.h"
#include "proto/op_code.h"
#include "server/server_role.h"

/* Where a line about a connection goes, and how much it says. */
struct ws_lines {
    struct zk_buf *out;
    bool brief;
};

/* What a connection with a session has done. */
static void
ws_session(const struct cnxn_info *c, struct zk_buf *out)
{
    zk_buf_printf(out, ",sid=0x%" PRIx64 ",lop=%s,est=%" PRId64 ",to=%d",
                  (uint64_t) c->session_id, op_code_lop(c->last_op),
                  c->established_ms, (int) c->timeout_ms);
    if (c->last_cxid >= 0) {
        zk_buf_printf(out, ",lcxid=0x%" PRIx64, (uint64_t) c->last_cxid);
    }
    zk_buf_printf(out,
                  ",lzxid=0x%" PRIx64 ",lresp=%" PRId64 ",llat=%" PRId64
                  ",minlat=%" PRId64 ",avglat=%" PRId64 ",maxlat=%" PRId64,
                  (uint64_t) c->last_zxid, c->last_response_ms,
                  c->last_latency, c->min_latency, c->avg_latency,
                  c->max_latency);
}

static void
ws_connection(void *arg, const struct cnxn_info *c)
{
    const struct ws_lines *l = arg;

    zk_buf_printf(l->out,
                  " %s[%x](queued=%" PRId64 ",recved=%" PRId64
                  ",sent=%" PRId64,
                  c->remote, (unsigned) c->interest_ops, c->outstanding,
                  c->packets_received, c->packets_sent);
    if (!l->brief && c->session_id != 0) {
        ws_session(c, l->out);
    }
    zk_buf_append(l->out, ")\n", 2);
}

static void
ws_connections(const struct word_call *call, bool brief, struct zk_buf *out)
{
    struct ws_lines l = { out, brief };

    server_cnxn_factory_each(call->factory, call->secure, ws_connection, &l);
    zk_buf_append(out, "\n", 1);
}

static void
ws_version(const struct word_call *call, struct zk_buf *out)
{
    zk_buf_printf(out, "Zookeeper version: %s\n", environment_version());
    if (strcmp(zookeeper_server_mode(call->zks), "read-only") == 0) {
        zk_buf_printf(out, "READ-ONLY mode; serving only read-only "
                      "clients\n");
    }
}

static void
ws_counts(const struct word_call *call, struct zk_buf *out)
{
    const struct server_stats *s = zookeeper_server_stats(call->zks);
    struct zk_database *db = zookeeper_server_database(call->zks);
    char avg[32];
    int64_t zxid, nodes;

    zk_read_lock(&db->lock);
    zxid = data_tree_last_zxid(db->tree);
    nodes = data_tree_node_count(db->tree);
    zk_read_unlock(&db->lock);
    server_stats_avg_latency(s, avg, sizeof avg);
    zk_buf_printf(out, "Latency min/avg/max: %" PRId64 "/%s/%" PRId64 "\n",
                  server_stats_min_latency(s), avg,
                  (int64_t) atomic_load(&s->max_latency_ms));
    zk_buf_printf(out, "Received: %" PRIu64 "\nSent: %" PRIu64 "\n",
                  (uint64_t) atomic_load(&s->packets_received),
                  (uint64_t) atomic_load(&s->packets_sent));
    zk_buf_printf(out, "Connections: %zu\nOutstanding: %" PRId64 "\n",
                  server_cnxn_factory_count(call->factory),
                  zookeeper_server_in_process(call->zks));
    zk_buf_printf(out, "Zxid: 0x%" PRIx64 "\nMode: %s\n", (uint64_t) zxid,
                  zookeeper_server_mode(call->zks));
    zk_buf_printf(out, "Node count: %" PRId64 "\n", nodes);
}

/* A leader's "Proposal sizes last/min/max: 1/2/3". */
static void
ws_role(const struct word_call *call, struct zk_buf *out)
{
    const struct server_role *role = zookeeper_server_role(call->zks);

    if (role != NULL && role->srvr != NULL) {
        role->srvr(role->self, out);
    }
}

void
word_srvr(const struct word_call *call, struct zk_buf *out)
{
    ws_version(call, out);
    ws_counts(call, out);
    ws_role(call, out);
}

void
word_stat(const struct word_call *call, struct zk_buf *out)
{
    ws_version(call, out);
    zk_buf_printf(out, "Clients:\n");
    ws_connections(call, true, out);
    ws_counts(call, out);
    ws_role(call, out);
}

void
word_cons(const struct word_call *call, struct zk_buf *out)
{
    ws_connections(call, false, out);
}

void
word_crst(const struct word_call *call, struct zk_buf *out)
{
    server_cnxn_factory_reset_stats(call->factory, call->secure);
    zk_buf_printf(out, "Connection stats reset.\n");
}

void
word_srst(const struct word_call *call, struct zk_buf *out)
{
    server_stats_reset(zookeeper_server_stats(call->zks));
    zk_buf_printf(out, "Server stats reset.\n");
}
