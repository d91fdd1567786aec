/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheme "ip": every connection holds its address, ACLs hold
 * "address[/bits]" of either family (Java: IPAuthenticationProvider, IPv6
 * from 3.9.4 on).
 */
#include <config.h>

#include <string.h>

#include "auth/providers.h"
#include "proto/keeper_error.h"

struct ip_net {
    uint8_t addr[16];
    unsigned len;               /* 4 or 16 bytes. */
    unsigned bits;              /* Leading bits that count; <= 8 * len. */
};

/* Where 'c' first stands in the text, or -1. */
static int32_t
ip_find(struct zk_slice text, char c)
{
    const char *p = text.len > 0 ? memchr(text.p, c, (size_t) text.len)
                                 : NULL;

    return p != NULL ? (int32_t) (p - text.p) : -1;
}

/* Takes the text before the next 'c' (or all that is left) off 'rest';
 * without a 'c', 'rest' becomes null. */
static struct zk_slice
ip_cut(struct zk_slice *rest, char c)
{
    int32_t at = ip_find(*rest, c);
    struct zk_slice part = *rest;

    if (at < 0) {
        *rest = ZK_SLICE_NULL;
        return part;
    }
    part.len = at;
    *rest = zk_slice(rest->p + at + 1, rest->len - at - 1);
    return part;
}

/* A number as Java reads it: a sign and leading zeros may stand before it.
 * False when it is none, or not between 0 and 'max'. */
static bool
ip_decimal(struct zk_slice text, unsigned max, unsigned *value)
{
    bool minus = text.len > 0 && text.p[0] == '-';
    int32_t i = text.len > 0 && (minus || text.p[0] == '+') ? 1 : 0;

    *value = 0;
    if (i >= text.len) {
        return false;
    }
    for (; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            return false;
        }
        *value = *value * 10 + (unsigned) (text.p[i] - '0');
        if (*value > max) {
            return false;
        }
    }
    return !minus || *value == 0;
}

static bool
ip_parse_v4(struct zk_slice text, struct ip_net *net)
{
    unsigned value;

    net->len = 4;
    for (unsigned i = 0; i < 4; i++) {
        if (zk_slice_is_null(text)
            || !ip_decimal(ip_cut(&text, '.'), 255, &value)) {
            return false;
        }
        net->addr[i] = (uint8_t) value;
    }
    return zk_slice_is_null(text);
}

/* One group of an IPv6 address: one to four hex digits. */
static bool
ip_hex_group(struct zk_slice text, uint8_t out[2])
{
    unsigned value = 0;

    if (text.len < 1 || text.len > 4) {
        return false;
    }
    for (int32_t i = 0; i < text.len; i++) {
        char c = text.p[i];

        value <<= 4;
        if (c >= '0' && c <= '9') {
            value |= (unsigned) (c - '0');
        } else if (c >= 'a' && c <= 'f') {
            value |= (unsigned) (c - 'a' + 10);
        } else if (c >= 'A' && c <= 'F') {
            value |= (unsigned) (c - 'A' + 10);
        } else {
            return false;
        }
    }
    out[0] = (uint8_t) (value >> 8);
    out[1] = (uint8_t) value;
    return true;
}

/* Groups between ':'; an empty text has none.  Returns their number, or -1
 * when one is malformed or there are more than eight. */
static int
ip_hex_groups(struct zk_slice text, uint8_t out[16])
{
    int n = 0;

    if (text.len == 0) {
        return 0;
    }
    while (!zk_slice_is_null(text)) {
        if (n == 8 || !ip_hex_group(ip_cut(&text, ':'), out + 2 * n)) {
            return -1;
        }
        n++;
    }
    return n;
}

/* Eight groups, or fewer around one "::"; no embedded IPv4. */
static bool
ip_parse_v6(struct zk_slice text, struct ip_net *net)
{
    const char *gap = memmem(text.p, (size_t) text.len, "::", 2);
    uint8_t tail[16];
    int n_head;
    int n_tail;

    net->len = 16;
    memset(net->addr, 0, sizeof net->addr);
    if (gap == NULL) {
        return ip_hex_groups(text, net->addr) == 8;
    }
    n_head = ip_hex_groups(zk_slice(text.p, (int32_t) (gap - text.p)),
                           net->addr);
    n_tail = ip_hex_groups(
        zk_slice(gap + 2, text.len - (int32_t) (gap - text.p) - 2), tail);
    if (n_head < 0 || n_tail < 0 || n_head + n_tail > 7) {
        return false;
    }
    memcpy(net->addr + 16 - 2 * n_tail, tail, (size_t) n_tail * 2);
    return true;
}

static bool
ip_parse(struct zk_slice text, struct ip_net *net)
{
    struct zk_slice bits = text;
    struct zk_slice addr = ip_cut(&bits, '/');

    if (addr.len <= 0
        || !(ip_find(addr, ':') >= 0 ? ip_parse_v6(addr, net)
                                     : ip_parse_v4(addr, net))) {
        return false;
    }
    net->bits = net->len * 8;
    return zk_slice_is_null(bits)
           || ip_decimal(bits, net->len * 8, &net->bits);
}

static bool
ip_is_valid(struct zk_slice id)
{
    struct ip_net net;

    return ip_parse(id, &net);
}

static bool
ip_matches(const struct auth_options *opts, struct zk_slice id,
           struct zk_slice acl_id)
{
    struct ip_net net;
    struct ip_net addr;
    unsigned whole;
    unsigned mask;

    (void) opts;
    if (ip_find(id, '/') >= 0 || !ip_parse(acl_id, &net)
        || !ip_parse(id, &addr) || net.len != addr.len) {
        return false;
    }
    whole = net.bits / 8;
    mask = 0xffU << (8 - net.bits % 8) & 0xff;
    return memcmp(net.addr, addr.addr, whole) == 0
           && (mask == 0
               || ((net.addr[whole] ^ addr.addr[whole]) & mask) == 0);
}

/* The connection has its address from the start: nothing to prove. */
static int
ip_authenticate(const struct auth_options *opts, const struct auth_info *info,
                struct zk_slice data, struct auth_info **out)
{
    (void) opts;
    (void) data;
    *out = auth_info_copy(info);
    return KE_OK;
}

const struct auth_provider ip_auth_provider = {
    .scheme = "ip",
    .authenticated = false,
    .is_valid = ip_is_valid,
    .matches = ip_matches,
    .authenticate = ip_authenticate,
    .user_name = auth_whole_id,
};
