/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "election/initial_message.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/server_address.h"
#include "net/net_address.h"
#include "util/zk_bytes.h"
#include "util/zk_slice.h"

#define IM_VERSION_1 INT64_C(-65536)
#define IM_VERSION_2 INT64_C(-65535)

#define IM_LONG 8
#define IM_HEAD (IM_LONG + IM_LONG + 4)
/* A name of the DNS has fewer. */
#define IM_HOST_MAX 255

static int64_t
im_long(const void *p)
{
    return (int64_t) zk_get_be64(p);
}

int
initial_message_need(const void *p, size_t len, size_t *need,
                     struct zk_errmsg *em)
{
    const uint8_t *b = p;
    int64_t first;
    int32_t n;

    *need = IM_LONG;
    if (len < IM_LONG) {
        return ZK_OK;
    }
    first = im_long(b);
    if (first >= 0) {
        return ZK_OK;
    }
    if (first != IM_VERSION_1 && first != IM_VERSION_2) {
        return zk_fail(em, ZK_EMARSHAL, "protocol version %" PRId64
                       " is not known", first);
    }
    *need = IM_HEAD;
    if (len < IM_HEAD) {
        return ZK_OK;
    }
    n = (int32_t) zk_get_be32(b + 2 * IM_LONG);
    if (n <= 0 || n > INITIAL_MESSAGE_ADDRESS_LEN) {
        return zk_fail(em, ZK_EMARSHAL, "its addresses have %" PRId32
                       " bytes, not 1 to %d", n, INITIAL_MESSAGE_ADDRESS_LEN);
    }
    *need = IM_HEAD + (size_t) n;
    return ZK_OK;
}

/* Names and addresses are printable; anything else would only get into the
 * log and the resolver. */
static bool
im_is_host(struct zk_slice s)
{
    if (s.len < 1 || s.len > IM_HOST_MAX) {
        return false;
    }
    for (int32_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char) s.p[i];

        if (c <= ' ' || c == 0x7f || c == '[' || c == ']') {
            return false;
        }
    }
    return true;
}

static bool
im_port(struct zk_slice s, int *out)
{
    char text[8];

    if (s.len < 1 || (size_t) s.len >= sizeof text) {
        return false;
    }
    memcpy(text, s.p, (size_t) s.len);
    text[s.len] = '\0';
    return config_parse_int(text, out) && *out > 0 && *out <= 65535;
}

/* Takes "host:port" or "[host]:port" apart. */
static bool
im_split(struct zk_slice s, struct zk_slice *host, int *port)
{
    const char *end = s.p + s.len;
    const char *colon;

    if (s.len > 0 && s.p[0] == '[') {
        const char *close = memchr(s.p, ']', (size_t) s.len);

        if (close == NULL || close + 1 == end || close[1] != ':') {
            return false;
        }
        *host = zk_slice(s.p + 1, (int32_t) (close - s.p) - 1);
        colon = close + 1;
    } else {
        colon = s.len > 0 ? memchr(s.p, ':', (size_t) s.len) : NULL;
        if (colon == NULL) {
            return false;
        }
        *host = zk_slice(s.p, (int32_t) (colon - s.p));
    }
    return im_is_host(*host)
           && im_port(zk_slice(colon + 1, (int32_t) (end - colon) - 1), port);
}

static int
im_add_address(struct initial_message *m, struct zk_slice s,
               struct zk_errmsg *em)
{
    struct zk_slice host;
    char *text;
    int port;

    if (!im_split(s, &host, &port)) {
        return zk_fail(em, ZK_EMARSHAL, "an address of server %" PRId64
                       " is not host:port", m->sid);
    }
    text = zk_xstrndup(host.p, (size_t) host.len);
    if (m->n == INITIAL_MESSAGE_ADDRESSES || net_address_is_wildcard(text)) {
        free(text);
        return ZK_OK;
    }
    m->address[m->n++] = (struct host_port) { .host = text, .port = port };
    return ZK_OK;
}

static int
im_add_addresses(struct initial_message *m, const char *p, size_t len,
                 struct zk_errmsg *em)
{
    const char *end = p + len;
    int rv = ZK_OK;

    while (rv == ZK_OK) {
        const char *bar = memchr(p, '|', (size_t) (end - p));
        const char *stop = bar != NULL ? bar : end;

        rv = im_add_address(m, zk_slice(p, (int32_t) (stop - p)), em);
        if (bar == NULL) {
            break;
        }
        p = bar + 1;
    }
    return rv;
}

int
initial_message_decode(struct initial_message *m, const void *p, size_t len,
                       struct zk_errmsg *em)
{
    const uint8_t *b = p;
    size_t need;
    int rv;

    m->sid = 0;
    m->n = 0;
    rv = initial_message_need(p, len, &need, em);
    if (rv != ZK_OK) {
        return rv;
    }
    if (need != len) {
        return zk_fail(em, ZK_EMARSHAL, "%zu bytes are no whole hello", len);
    }
    m->sid = im_long(b);
    if (len == IM_LONG) {
        return ZK_OK;
    }
    m->sid = im_long(b + IM_LONG);
    if (m->sid < 0) {
        return zk_fail(em, ZK_EMARSHAL, "%" PRId64 " is not the id of a "
                       "server", m->sid);
    }
    return im_add_addresses(m, (const char *) b + IM_HEAD, len - IM_HEAD,
                            em);
}

void
initial_message_fini(struct initial_message *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->address[i].host);
    }
    m->n = 0;
}

void
initial_message_encode(int64_t sid, const struct host_port *address,
                       size_t n, bool multi, struct zk_buf *out)
{
    size_t start = out->len;
    uint8_t head[IM_HEAD];
    char text[512];

    zk_assert(n > 0);
    zk_put_be64(head, (uint64_t) (multi ? IM_VERSION_2 : IM_VERSION_1));
    zk_put_be64(head + IM_LONG, (uint64_t) sid);
    zk_buf_append(out, head, sizeof head);
    for (size_t i = 0; i < (multi ? n : 1); i++) {
        size_t text_len;

        net_address_print_host(address[i].host, address[i].port, text,
                               sizeof text);
        text_len = strlen(text);
        /* More would be refused whole. */
        if (out->len - start - IM_HEAD + text_len + 1
            > INITIAL_MESSAGE_ADDRESS_LEN) {
            break;
        }
        zk_buf_printf(out, "%s%s", i > 0 ? "|" : "", text);
    }
    zk_put_be32(out->data + start + 2 * IM_LONG,
                (uint32_t) (out->len - start - IM_HEAD));
}
