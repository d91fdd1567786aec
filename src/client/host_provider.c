/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "client/host_provider.h"

#include <stdlib.h>
#include <string.h>

#include "client/zk_client.h"
#include "proto/path_utils.h"

/* splitmix64. */
uint64_t
host_provider_random(struct host_provider *hp)
{
    uint64_t x = hp->random += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* ---- reading ------------------------------------------------------------ */

static bool
hp_port(const char *text, size_t len, int *port)
{
    *port = 0;
    if (len == 0 || len > 5) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        *port = *port * 10 + (text[i] - '0');
    }
    return *port > 0 && *port <= 65535;
}

/* "[v6]", "[v6]:port", "host", "host:" or "host:port". */
static int
hp_server(struct host_provider *hp, const char *text, size_t len,
          struct zk_errmsg *em)
{
    const char *end = text + len;
    const char *host = text, *host_end = end, *colon = NULL;
    struct host_port *one;
    int port = ZK_CLIENT_DEFAULT_PORT;

    if (*text == '[' && (host_end = memchr(text, ']', len)) != NULL) {
        host = text + 1;
        if (host_end + 1 < end && host_end[1] != ':') {
            host_end = NULL;
        } else if (host_end + 1 < end) {
            colon = host_end + 1;
        }
    } else if (*text != '[' && (colon = memrchr(text, ':', len)) != NULL) {
        host_end = colon;
    }
    if (host_end == NULL
        || (colon != NULL && colon + 1 < end
            && !hp_port(colon + 1, (size_t) (end - colon) - 1, &port))) {
        return zk_fail(em, ZK_ECONFIG, "'%.*s' is not a server: it must be "
                       "host, host:port or [IPv6]:port", (int) len, text);
    }
    hp->v = zk_xrealloc(hp->v, (hp->n + 1) * sizeof *hp->v);
    one = &hp->v[hp->n++];
    one->port = port;
    one->host = host == host_end ? zk_xstrdup("localhost")
                                 : zk_xstrndup(host,
                                               (size_t) (host_end - host));
    return ZK_OK;
}

static int
hp_servers(struct host_provider *hp, const char *text, const char *end,
           struct zk_errmsg *em)
{
    while (text < end) {
        const char *comma = memchr(text, ',', (size_t) (end - text));
        const char *next = comma != NULL ? comma : end;
        const char *last = next;
        int rv;

        text += strspn(text, " \t");
        while (last > text && (last[-1] == ' ' || last[-1] == '\t')) {
            last--;
        }
        if (last > text) {      /* Java leaves empty ones out. */
            rv = hp_server(hp, text, (size_t) (last - text), em);
            if (rv != ZK_OK) {
                return rv;
            }
        }
        text = next + 1;
    }
    return hp->n > 0 ? ZK_OK
                     : zk_fail(em, ZK_ECONFIG, "there is no server in the "
                               "connect string");
}

static void
hp_shuffle(struct host_provider *hp)
{
    for (size_t i = hp->n; i > 1; i--) {
        size_t j = host_provider_random(hp) % i;
        struct host_port one = hp->v[j];

        hp->v[j] = hp->v[i - 1];
        hp->v[i - 1] = one;
    }
}

int
host_provider_init(struct host_provider *hp, const char *connect_string,
                   uint64_t seed, struct zk_errmsg *em)
{
    const char *slash;
    const char *wrong;
    int rv;

    *hp = (struct host_provider) { .random = seed };
    if (connect_string == NULL) {
        return zk_fail(em, ZK_ECONFIG, "there is no connect string");
    }
    slash = connect_string + strcspn(connect_string, "/");
    if (slash[0] == '\0' || slash[1] == '\0') {
        hp->chroot = zk_xstrdup("");
    } else if ((wrong = path_validate(zk_slice_str(slash))) != NULL) {
        return zk_fail(em, ZK_ECONFIG, "the chroot '%s' of the connect "
                       "string: %s", slash, wrong);
    } else {
        hp->chroot = zk_xstrdup(slash);
    }
    rv = hp_servers(hp, connect_string, slash, em);
    if (rv != ZK_OK) {
        host_provider_fini(hp);
        return rv;
    }
    hp_shuffle(hp);
    hp->current = hp->last = hp->n;
    return ZK_OK;
}

static void
hp_free_servers(struct host_provider *hp)
{
    for (size_t i = 0; i < hp->n; i++) {
        free(hp->v[i].host);
    }
    free(hp->v);
    hp->v = NULL;
    hp->n = 0;
}

void
host_provider_fini(struct host_provider *hp)
{
    hp_free_servers(hp);
    free(hp->chroot);
    hp->chroot = NULL;
}

/* ---- using -------------------------------------------------------------- */

const struct host_port *
host_provider_next(struct host_provider *hp, bool *round)
{
    hp->current = hp->current + 1 < hp->n ? hp->current + 1 : 0;
    *round = hp->current == hp->last;
    if (hp->last == hp->n) {    /* The very first is not to wait for. */
        hp->last = 0;
    }
    return &hp->v[hp->current];
}

void
host_provider_connected(struct host_provider *hp)
{
    hp->last = hp->current;
}

/* Where it is; hp->n: nowhere. */
static size_t
hp_find(const struct host_provider *hp, const struct host_port *which)
{
    size_t i = 0;

    while (i < hp->n && (hp->v[i].port != which->port
                         || strcmp(hp->v[i].host, which->host) != 0)) {
        i++;
    }
    return i;
}

bool
host_provider_has(const struct host_provider *hp,
                  const struct host_port *which)
{
    return hp_find(hp, which) < hp->n;
}

int
host_provider_update(struct host_provider *hp, const char *connect_string,
                     const struct host_port *used, bool *kept,
                     struct zk_errmsg *em)
{
    struct host_provider other;
    size_t at;
    int rv = host_provider_init(&other, connect_string,
                                host_provider_random(hp), em);

    if (rv != ZK_OK) {
        return rv;
    }
    if (strcmp(other.chroot, hp->chroot) != 0) {
        (void) zk_fail(em, ZK_ECONFIG, "the chroot cannot change from '%s' "
                       "to '%s'", hp->chroot, other.chroot);
        host_provider_fini(&other);
        return ZK_ECONFIG;
    }
    at = hp_find(&other, used);
    *kept = at < other.n;
    if (*kept) {
        other.current = other.last = at;
    }
    host_provider_fini(hp);
    *hp = other;
    return ZK_OK;
}
