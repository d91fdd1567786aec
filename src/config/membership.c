/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "config/config_reader.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/server_address.h"
#include "util/zk_io.h"
#include "util/zk_log.h"

#define MB_NONE INT64_C(-1)
/* myid is one number: what is longer is something else. */
#define MB_MYID_MAX 4096

/* One file of membership lines while it is read. */
struct mb_reader {
    struct config_reader *r;
    const char *path;           /* zoo.cfg or the dynamic file. */
    struct quorum_config *q;
    /* What weight.N gave to servers that have no line (yet). */
    struct mb_weight {
        int64_t sid, weight;
    } *weights;
    size_t n_weights;
    struct mb_group {
        int64_t sid, group;
    } *groups;
    size_t n_groups;
};

static int
mb_fail(const struct mb_reader *m, const struct zk_property *p,
        const char *why)
{
    return zk_fail(m->r->em, ZK_ECONFIG, "%s:%d: %s=%s: %s", m->path,
                   p->line, p->key, p->value, why);
}

static bool
mb_starts(const char *key, const char *prefix)
{
    return strncmp(key, prefix, strlen(prefix)) == 0;
}

/* The number behind the dot of "server.3"; false when there is none. */
static bool
mb_number(const char *key, int64_t *out)
{
    const char *dot = strchr(key, '.');

    return dot != NULL && config_parse_long(dot + 1, out) && *out >= 0;
}

/* ---- lines -------------------------------------------------------------- */

static int
mb_take_server(struct mb_reader *m, const struct zk_property *p, int64_t sid)
{
    struct quorum_config *q = m->q;
    struct zk_errmsg why;
    struct server_address a;
    size_t i = q->n_servers;
    int rv;

    rv = server_address_parse(sid, p->value, q->multi_address_enabled, &a,
                              &why);
    if (rv != ZK_OK) {
        server_address_fini(&a);
        return mb_fail(m, p, why.text);
    }
    q->servers = zk_xrealloc(q->servers,
                             (q->n_servers + 1) * sizeof q->servers[0]);
    while (i > 0 && q->servers[i - 1].sid > sid) {
        q->servers[i] = q->servers[i - 1];
        i--;
    }
    q->servers[i] = a;
    q->n_servers++;
    if (i > 0 && q->servers[i - 1].sid == sid) {
        return mb_fail(m, p, "there is a line for that server already");
    }
    return ZK_OK;
}

static int
mb_take_member(struct mb_reader *m, const struct zk_property *p,
               const char *text, int64_t group)
{
    int64_t sid;

    if (!config_parse_long(text, &sid)) {
        return mb_fail(m, p, "not server ids with ':' between them");
    }
    for (size_t i = 0; i < m->n_groups; i++) {
        if (m->groups[i].sid == sid) {
            return mb_fail(m, p, "a server of it is in another group too");
        }
    }
    m->groups = zk_xrealloc(m->groups,
                            (m->n_groups + 1) * sizeof m->groups[0]);
    m->groups[m->n_groups++] = (struct mb_group) { sid, group };
    return ZK_OK;
}

static int
mb_take_group(struct mb_reader *m, const struct zk_property *p,
              int64_t group)
{
    char *copy = zk_xstrdup(p->value), *rest = copy, *part;
    int rv = ZK_OK;

    while (rv == ZK_OK && (part = strsep(&rest, ":")) != NULL) {
        if (*part == '\0' && rest == NULL && part != copy) {
            break;              /* "1:2:" has two parts, as in Java. */
        }
        rv = mb_take_member(m, p, part, group);
    }
    free(copy);
    return rv;
}

static int
mb_take_weight(struct mb_reader *m, const struct zk_property *p, int64_t sid)
{
    int64_t weight;

    if (!config_parse_long(p->value, &weight) || weight < 0) {
        return mb_fail(m, p, "not a weight");
    }
    m->weights = zk_xrealloc(m->weights,
                             (m->n_weights + 1) * sizeof m->weights[0]);
    m->weights[m->n_weights++] = (struct mb_weight) { sid, weight };
    return ZK_OK;
}

static int
mb_take_version(struct mb_reader *m, const struct zk_property *p)
{
    char *end;

    errno = 0;
    m->q->version = strtoll(p->value, &end, 16);
    if (end == p->value || *end != '\0' || errno != 0) {
        return mb_fail(m, p, "not a hexadecimal number");
    }
    return ZK_OK;
}

static int
mb_take(struct mb_reader *m, const struct zk_property *p)
{
    bool server = mb_starts(p->key, "server.");
    bool group = mb_starts(p->key, "group");
    int64_t number = 0;

    if (strcmp(p->key, "version") == 0) {
        return mb_take_version(m, p);
    }
    if (!server && !group && !mb_starts(p->key, "weight")) {
        return ZK_OK;           /* Of the static file; taken already. */
    }
    if (!mb_number(p->key, &number)) {
        return mb_fail(m, p, "no server or group number behind the dot");
    }
    if (server) {
        return mb_take_server(m, p, number);
    }
    m->q->hierarchical = true;
    return group ? mb_take_group(m, p, number) : mb_take_weight(m, p, number);
}

static struct server_address *
mb_find(struct quorum_config *q, int64_t sid)
{
    for (size_t i = 0; i < q->n_servers; i++) {
        if (q->servers[i].sid == sid) {
            return &q->servers[i];
        }
    }
    return NULL;
}

/* Groups and weights to the servers they speak of. */
static int
mb_join_groups(struct mb_reader *m)
{
    struct quorum_config *q = m->q;
    struct server_address *a;

    for (size_t i = 0; i < m->n_groups; i++) {
        a = mb_find(q, m->groups[i].sid);
        if (a == NULL) {
            return zk_fail(m->r->em, ZK_ECONFIG, "%s: group.%" PRId64
                           " names server %" PRId64 ", which has no line",
                           m->path, m->groups[i].group, m->groups[i].sid);
        }
        a->group = m->groups[i].group;
    }
    for (size_t i = 0; i < m->n_weights; i++) {
        a = mb_find(q, m->weights[i].sid);
        if (a != NULL) {
            a->weight = m->weights[i].weight;
        }
    }
    for (size_t i = 0; q->hierarchical && i < q->n_servers; i++) {
        a = &q->servers[i];
        if (a->type == LEARNER_PARTICIPANT && a->group == MB_NONE) {
            return zk_fail(m->r->em, ZK_ECONFIG, "%s: server %" PRId64
                           " is in no group", m->path, a->sid);
        }
    }
    return ZK_OK;
}

/* ---- what the lines must add up to -------------------------------------- */

static size_t
mb_participants(const struct quorum_config *q)
{
    size_t n = 0;

    for (size_t i = 0; i < q->n_servers; i++) {
        n += q->servers[i].type == LEARNER_PARTICIPANT;
    }
    return n;
}

static int
mb_check_counts(const struct mb_reader *m)
{
    const struct quorum_config *q = m->q;
    size_t voting = mb_participants(q);
    size_t observing = q->n_servers - voting;

    if (voting == 0 && !q->standalone_enabled) {
        return zk_fail(m->r->em, ZK_ECONFIG, "%s: standaloneEnabled=false "
                       "needs at least one participant", m->path);
    }
    if (voting == 0) {
        return observing == 0
               ? ZK_OK
               : zk_fail(m->r->em, ZK_ECONFIG,
                         "%s: there are observers but no participant",
                         m->path);
    }
    if (voting == 1 && q->standalone_enabled) {
        zk_error(config, "Invalid configuration, only one server specified "
                 "(ignoring)");
        return observing == 0
               ? ZK_OK
               : zk_fail(m->r->em, ZK_ECONFIG, "%s: observers need more than "
                         "one participant", m->path);
    }
    if (voting <= 2) {
        zk_warn(config, "No server failure will be tolerated. You need at "
                "least 3 servers.");
    } else if (voting % 2 == 0) {
        zk_warn(config, "Non-optimal configuration, consider an odd number "
                "of servers.");
    }
    return ZK_OK;
}

static int
mb_check_distributed(const struct mb_reader *m)
{
    const struct server_config *c = m->r->config;
    const char *what = NULL;

    if (!server_config_is_distributed(c)) {
        return ZK_OK;
    }
    if (c->quorum.init_limit == 0) {
        what = "initLimit is not set";
    } else if (c->quorum.sync_limit == 0) {
        what = "syncLimit is not set";
    } else if (c->quorum.init_limit < 0) {
        what = "initLimit must be more than 0";
    } else if (c->quorum.sync_limit < 0) {
        what = "syncLimit must be more than 0";
    } else if (c->myid == MB_NONE) {
        return zk_fail(m->r->em, ZK_ECONFIG, "%s: the myid file is missing: "
                       "%s/myid", m->r->path, c->storage.data_dir);
    }
    return what == NULL ? ZK_OK
                        : zk_fail(m->r->em, ZK_ECONFIG, "%s: %s",
                                  m->r->path, what);
}

/* ---- myid --------------------------------------------------------------- */

/* Only the first line counts, and it is the number and nothing else.  A
 * standalone server needs none, but one that is no number is refused. */
static int
mb_read_myid(struct config_reader *r)
{
    char *path = zk_xasprintf("%s/myid", r->config->storage.data_dir);
    struct zk_buf text = { 0 };
    struct stat st;
    int rv = ZK_OK;
    char *line;

    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        free(path);
        return ZK_OK;
    }
    rv = zk_read_file(path, MB_MYID_MAX, &text, r->em);
    if (rv == ZK_OK) {
        zk_buf_append(&text, "", 1);
        line = (char *) text.data;
        line[strcspn(line, "\r\n")] = '\0';
        if (!config_parse_long(line, &r->config->myid)) {
            rv = zk_fail(r->em, ZK_ECONFIG,
                         "%s: serverid %.64s is not a number", path, line);
        }
    } else {
        rv = ZK_ECONFIG;        /* The text says why. */
    }
    zk_buf_fini(&text);
    free(path);
    return rv;
}

/* ---- this server's own line --------------------------------------------- */

static bool
mb_is_any(const char *host)
{
    struct in6_addr v6;
    struct in_addr v4;

    if (host == NULL) {
        return true;
    }
    if (inet_pton(AF_INET, host, &v4) == 1) {
        return v4.s_addr == 0;
    }
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_UNSPECIFIED(&v6);
}

/* The client address of its own server line, if it has one, is the one that
 * is served; it may not contradict clientPort. */
static int
mb_take_own_address(struct mb_reader *m)
{
    struct host_port *given = &m->r->config->cnxn.client;
    const struct server_address *own = mb_find(m->q, m->r->config->myid);

    if (own == NULL || own->client.host == NULL) {
        return ZK_OK;
    }
    if (given->port != CONFIG_NO_PORT
        && (given->port != own->client.port
            || (!mb_is_any(given->host)
                && strcmp(given->host, own->client.host) != 0))) {
        return zk_fail(m->r->em, ZK_ECONFIG, "%s: server.%" PRId64 " serves "
                       "clients at %s:%d, but clientPort says %s:%d",
                       m->path, own->sid, own->client.host, own->client.port,
                       given->host == NULL ? "0.0.0.0" : given->host,
                       given->port);
    }
    config_set_string(&given->host, own->client.host);
    given->port = own->client.port;
    return ZK_OK;
}

/* The server lines decide; peerType only has to agree. */
static void
mb_take_own_role(struct mb_reader *m)
{
    static const char *const names[] = { "PARTICIPANT", "OBSERVER" };
    const struct server_address *own = mb_find(m->q, m->r->config->myid);
    enum learner_type role = own == NULL ? LEARNER_PARTICIPANT : own->type;

    if (role != m->q->peer_type) {
        zk_warn(config, "Peer type from servers list (%s) doesn't match "
                "peerType (%s). Defaulting to servers list.", names[role],
                names[m->q->peer_type]);
        m->q->peer_type = role;
    }
}

/* ---- files -------------------------------------------------------------- */

static int
mb_setup(struct mb_reader *m, const struct zk_properties *lines)
{
    int rv = ZK_OK;

    for (size_t i = 0; rv == ZK_OK && i < lines->n; i++) {
        rv = mb_take(m, &lines->all[i]);
    }
    if (rv == ZK_OK) {
        rv = mb_join_groups(m);
    }
    if (rv == ZK_OK) {
        rv = mb_check_counts(m);
    }
    if (rv == ZK_OK) {
        rv = mb_read_myid(m->r);
    }
    if (rv == ZK_OK) {
        rv = mb_take_own_address(m);
    }
    if (rv == ZK_OK) {
        mb_take_own_role(m);
        rv = mb_check_distributed(m);
    }
    free(m->groups);
    free(m->weights);
    return rv;
}

/* Only membership stands in a dynamic file; its version is in its name. */
static int
mb_check_dynamic(const struct mb_reader *m, const struct zk_properties *lines)
{
    for (size_t i = 0; i < lines->n; i++) {
        const struct zk_property *p = &lines->all[i];

        if (strcmp(p->key, "version") == 0) {
            return mb_fail(m, p, "the version stands in the name of a "
                           "dynamic file, not in it");
        }
        if (!mb_starts(p->key, "server.") && !mb_starts(p->key, "group")
            && !mb_starts(p->key, "weight")) {
            return mb_fail(m, p, "unknown key in a dynamic file");
        }
    }
    return ZK_OK;
}

/* "zoo.cfg.dynamic.1001" has version 0x1001; other names have 0. */
static int64_t
mb_version_of_name(const char *path)
{
    const char *dot = strrchr(path, '.');
    char *end;
    long long v;

    if (dot == NULL || dot[1] == '\0') {
        return 0;
    }
    errno = 0;
    v = strtoll(dot + 1, &end, 16);
    return *end == '\0' && errno == 0 ? v : 0;
}

static int
mb_read_dynamic(struct config_reader *r)
{
    struct quorum_config *q = &r->config->quorum;
    struct mb_reader m = { .r = r, .path = q->dynamic_config_file, .q = q };
    struct zk_properties lines = { 0 };
    int rv = zk_properties_read(m.path, &lines, r->em);

    if (rv != ZK_OK) {
        rv = ZK_ECONFIG;        /* The text says why. */
    } else {
        rv = mb_check_dynamic(&m, &lines);
    }
    if (rv == ZK_OK) {
        q->version = mb_version_of_name(m.path);
        rv = mb_setup(&m, &lines);
    }
    zk_properties_fini(&lines);
    return rv;
}

int
config_read_membership(struct config_reader *r,
                       const struct zk_properties *cfg)
{
    struct mb_reader m = { .r = r, .path = r->path,
                           .q = &r->config->quorum };

    if (r->config->quorum.dynamic_config_file != NULL) {
        return mb_read_dynamic(r);
    }
    return mb_setup(&m, cfg);
}

bool
server_config_is_distributed(const struct server_config *c)
{
    if (c->config_file == NULL) {
        return false;           /* PORT DATADIR is always alone. */
    }
    return !c->quorum.standalone_enabled || mb_participants(&c->quorum) > 1;
}

/* "group.G=a:b\n" for each group, "weight.N=w\n" for each participant. */
static void
mb_print_groups(const struct quorum_config *q, struct zk_buf *out)
{
    for (size_t i = 0; i < q->n_servers; i++) {
        int64_t group = q->servers[i].group;
        bool first = group != MB_NONE;

        for (size_t j = 0; j < i; j++) {
            first = first && q->servers[j].group != group;
        }
        if (!first) {
            continue;
        }
        zk_buf_printf(out, "group.%" PRId64 "=%" PRId64, group,
                      q->servers[i].sid);
        for (size_t j = i + 1; j < q->n_servers; j++) {
            if (q->servers[j].group == group) {
                zk_buf_printf(out, ":%" PRId64, q->servers[j].sid);
            }
        }
        zk_buf_append(out, "\n", 1);
    }
    for (size_t i = 0; i < q->n_servers; i++) {
        if (q->servers[i].type == LEARNER_PARTICIPANT) {
            zk_buf_printf(out, "weight.%" PRId64 "=%" PRId64 "\n",
                          q->servers[i].sid, q->servers[i].weight);
        }
    }
}

char *
server_config_membership(const struct server_config *c)
{
    const struct quorum_config *q = &c->quorum;
    struct zk_buf out = { 0 };
    char *text;

    for (size_t i = 0; i < q->n_servers; i++) {
        zk_buf_printf(&out, "server.%" PRId64 "=", q->servers[i].sid);
        server_address_print(&q->servers[i], &out);
        zk_buf_append(&out, "\n", 1);
    }
    if (q->n_servers > 0) {
        if (q->hierarchical) {
            mb_print_groups(q, &out);
        }
        zk_buf_printf(&out, "version=%" PRIx64, (uint64_t) q->version);
    }
    text = zk_xstrndup(out.len == 0 ? "" : (const char *) out.data, out.len);
    zk_buf_fini(&out);
    return text;
}
