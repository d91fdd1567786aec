/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "config/server_address.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* More parts than any address has. */
#define SA_PARTS_MAX 64

bool
config_parse_long(const char *text, int64_t *out)
{
    const char *digits = *text == '-' || *text == '+' ? text + 1 : text;
    char *end;

    if (*digits == '\0' || strspn(digits, "0123456789") != strlen(digits)) {
        return false;
    }
    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0';
}

bool
config_parse_int(const char *text, int *out)
{
    int64_t v;

    if (!config_parse_long(text, &v) || v < INT_MIN || v > INT_MAX) {
        return false;
    }
    *out = (int) v;
    return true;
}

/* Cuts 's' in place at each 'sep'; empty parts at the end do not count, as
 * in String.split.  Returns how many there are, SA_PARTS_MAX at most. */
static size_t
sa_split(char *s, char sep, char **parts)
{
    size_t n = 0;

    for (;;) {
        char *at = strchr(s, sep);

        parts[n++] = s;
        if (at == NULL || n == SA_PARTS_MAX) {
            break;
        }
        *at = '\0';
        s = at + 1;
    }
    while (n > 1 && parts[n - 1][0] == '\0') {
        n--;
    }
    return n;
}

/* Splits "host:a:b" or "[v6]:a:b" in place. */
static int
sa_split_host(char *s, char *parts[SA_PARTS_MAX], size_t *n,
              struct zk_errmsg *em)
{
    char *close;

    if (*s != '[') {
        *n = sa_split(s, ':', parts);
        return ZK_OK;
    }
    close = strchr(s, ']');
    if (close == NULL) {
        return zk_fail(em, ZK_ECONFIG, "%s: '[' without ']'", s);
    }
    if (close[1] != '\0' && close[2] == '\0') {
        return zk_fail(em, ZK_ECONFIG, "%s: no port after the colon", s);
    }
    if (close[1] != '\0' && close[1] != ':') {
        return zk_fail(em, ZK_ECONFIG, "%s: no ':' after ']'", s);
    }
    *close = '\0';
    parts[0] = s + 1;
    *n = 1;
    if (close[1] == ':') {
        *n += sa_split(close + 2, ':', parts + 1);
    }
    return ZK_OK;
}

static int
sa_port(const char *host, const char *text, int *out, struct zk_errmsg *em)
{
    if (!config_parse_int(text, out)) {
        return zk_fail(em, ZK_ECONFIG, "%s:%s: the port is not a number",
                       host, text);
    }
    if (*out < 0 || *out > 65535) {
        return zk_fail(em, ZK_ECONFIG, "%s:%s: the port is out of range",
                       host, text);
    }
    return ZK_OK;
}

/* "port" or "host:port"; the host is 0.0.0.0 unless given. */
static int
sa_parse_client(char *text, struct host_port *out, struct zk_errmsg *em)
{
    char *parts[SA_PARTS_MAX + 1];
    size_t n;
    int rv = sa_split_host(text, parts, &n, em);

    if (rv != ZK_OK) {
        return rv;
    }
    if (n > 2) {
        return zk_fail(em, ZK_ECONFIG,
                       "the part behind ';' is neither a port nor host:port");
    }
    out->host = zk_xstrdup(n == 2 ? parts[0] : "0.0.0.0");
    return sa_port(out->host, parts[n - 1], &out->port, em);
}

static int
sa_parse_role(const char *text, enum learner_type *out,
              struct zk_errmsg *em)
{
    size_t blanks = strspn(text, " \t");
    size_t len = strcspn(text + blanks, " \t");

    text += blanks;
    if (len == strlen("observer")
        && strncasecmp(text, "observer", len) == 0) {
        *out = LEARNER_OBSERVER;
    } else if (len == strlen("participant")
               && strncasecmp(text, "participant", len) == 0) {
        *out = LEARNER_PARTICIPANT;
    } else {
        return zk_fail(em, ZK_ECONFIG, "unknown role %s", text);
    }
    return ZK_OK;
}

/* One "host:q:e[:role]" as the i-th address; *has_role tells whether an
 * earlier one named the role. */
static int
sa_parse_address(struct server_address *a, size_t i, char *text,
                 bool *has_role, struct zk_errmsg *em)
{
    char *parts[SA_PARTS_MAX + 1];
    enum learner_type role = LEARNER_PARTICIPANT;
    size_t n;
    int rv = sa_split_host(text, parts, &n, em);

    if (rv != ZK_OK) {
        return rv;
    }
    if (n < 3 || n > 4) {
        return zk_fail(em, ZK_ECONFIG, "not host:quorumPort:electionPort"
                       "[:role] with [;[host:]clientPort] behind it");
    }
    a->quorum[i].host = zk_xstrdup(parts[0]);
    a->election[i].host = zk_xstrdup(parts[0]);
    rv = sa_port(parts[0], parts[1], &a->quorum[i].port, em);
    if (rv == ZK_OK) {
        rv = sa_port(parts[0], parts[2], &a->election[i].port, em);
    }
    if (rv == ZK_OK && a->quorum[i].port == a->election[i].port) {
        rv = zk_fail(em, ZK_ECONFIG, "quorum port and election port are "
                     "the same, %d", a->quorum[i].port);
    }
    if (rv != ZK_OK || n == 3) {
        return rv;
    }
    rv = sa_parse_role(parts[3], &role, em);
    if (rv == ZK_OK && *has_role && role != a->type) {
        rv = zk_fail(em, ZK_ECONFIG, "its addresses name different roles");
    }
    a->type = role;
    *has_role = true;
    return rv;
}

static int
sa_parse_servers(struct server_address *a, char *text, bool multi,
                 struct zk_errmsg *em)
{
    char *parts[SA_PARTS_MAX];
    size_t n = sa_split(text, '|', parts);
    bool has_role = false;
    int rv = ZK_OK;

    if (n > 1 && !multi) {
        return zk_fail(em, ZK_ECONFIG, "several addresses, but "
                       "multiAddress.enabled is not true");
    }
    a->n = n;
    a->quorum = zk_xcalloc(n, sizeof a->quorum[0]);
    a->election = zk_xcalloc(n, sizeof a->election[0]);
    for (size_t i = 0; rv == ZK_OK && i < n; i++) {
        rv = sa_parse_address(a, i, parts[i], &has_role, em);
    }
    return rv;
}

int
server_address_parse(int64_t sid, const char *text, bool multi,
                     struct server_address *out, struct zk_errmsg *em)
{
    char *copy = zk_xstrdup(text);
    char *parts[SA_PARTS_MAX];
    size_t n = sa_split(copy, ';', parts);
    int rv = ZK_OK;

    memset(out, 0, sizeof *out);
    out->sid = sid;
    out->text = zk_xstrdup(text);
    out->type = LEARNER_PARTICIPANT;
    out->group = -1;
    out->weight = 1;
    if (n > 3) {
        rv = zk_fail(em, ZK_ECONFIG, "more than two parts behind ';'");
    }
    if (rv == ZK_OK && n >= 2) {
        rv = sa_parse_client(parts[1], &out->client, em);
    }
    if (rv == ZK_OK && n == 3) {
        rv = sa_parse_client(parts[2], &out->secure_client, em);
    }
    if (rv == ZK_OK) {
        rv = sa_parse_servers(out, parts[0], multi, em);
    }
    free(copy);
    return rv;
}

void
server_address_fini(struct server_address *a)
{
    for (size_t i = 0; i < a->n; i++) {
        free(a->quorum[i].host);
        free(a->election[i].host);
    }
    free(a->quorum);
    free(a->election);
    free(a->client.host);
    free(a->secure_client.host);
    free(a->text);
    memset(a, 0, sizeof *a);
}

static void
sa_print_host(const char *host, struct zk_buf *out)
{
    zk_buf_printf(out, strchr(host, ':') != NULL ? "[%s]" : "%s", host);
}

static void
sa_print_client(const struct host_port *hp, struct zk_buf *out)
{
    if (hp->host != NULL) {
        zk_buf_append(out, ";", 1);
        sa_print_host(hp->host, out);
        zk_buf_printf(out, ":%d", hp->port);
    }
}

void
server_address_print(const struct server_address *a, struct zk_buf *out)
{
    for (size_t i = 0; i < a->n; i++) {
        if (i > 0) {
            zk_buf_append(out, "|", 1);
        }
        sa_print_host(a->quorum[i].host, out);
        zk_buf_printf(out, ":%d:%d", a->quorum[i].port, a->election[i].port);
    }
    zk_buf_printf(out, a->type == LEARNER_OBSERVER ? ":observer"
                                                   : ":participant");
    sa_print_client(&a->client, out);
    sa_print_client(&a->secure_client, out);
}
