/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "client/client_core_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/client_codec.h"
#include "util/zk_log.h"

/* ---- life --------------------------------------------------------------- */

static void
cc_set_target(struct client_core *core, const struct host_port *to)
{
    struct host_port copy = { zk_xstrdup(to->host), to->port };

    free(core->target.host);
    core->target = copy;
}

/* Which server is next, and from when on. */
static void
cc_choose(struct client_core *core, int64_t now_ms)
{
    bool round = false;
    bool found = core->probe_found
                 && host_provider_has(&core->hosts, &core->probed);

    core->retry_ms = now_ms;
    core->probe_found = false;
    if (found) {
        cc_set_target(core, &core->probed);
    } else {
        cc_set_target(core, host_provider_next(&core->hosts, &round));
    }
    if (round) {
        core->retry_ms += CLIENT_ROUND_WAIT_MS;
    }
    if (core->primed) {
        core->retry_ms += (int64_t) (host_provider_random(&core->hosts)
                                     % CLIENT_CHANCE_MS);
    }
}

int
client_core_create(const struct zk_client_config *cfg, uint64_t seed,
                   int64_t now_ms, struct client_core **out,
                   struct zk_errmsg *em)
{
    struct host_provider hosts;
    struct client_core *core;
    int rv;

    if (cfg->session_timeout_ms <= 0) {
        return zk_fail(em, ZK_ECONFIG, "the session time-out must be above 0 "
                       "ms, not %d", cfg->session_timeout_ms);
    }
    if (cfg->max_buffer < 0) {
        return zk_fail(em, ZK_ECONFIG, "jute.maxbuffer must not be below 0, "
                       "as %d is", cfg->max_buffer);
    }
    rv = host_provider_init(&hosts, cfg->connect_string, seed, em);
    if (rv != ZK_OK) {
        return rv;
    }
    core = zk_xcalloc(1, sizeof *core);
    core->magic = CLIENT_CORE_MAGIC;
    core->hosts = hosts;
    core->asked_timeout_ms = cfg->session_timeout_ms;
    core->read_only = cfg->read_only;
    core->max_buffer = cfg->max_buffer > 0 ? cfg->max_buffer
                                           : JUTE_MAX_BUFFER_DEFAULT;
    core->state = ZK_CLIENT_CONNECTING;
    core->told_state = ZK_KEEPER_DISCONNECTED;
    if (cfg->session_id != 0) {
        core->session_id = cfg->session_id;
        core->seen_rw = true;
        memcpy(core->password, cfg->password, sizeof core->password);
    }
    core->next_xid = 1;
    core->heard_ms = core->sent_ms = now_ms;
    cc_choose(core, now_ms);
    *out = core;
    return ZK_OK;
}

static void
cc_free_requests(struct bq_list *list)
{
    struct bq_node *node;

    while ((node = bq_list_pop(list)) != NULL) {
        struct client_request *req
            = ZK_CONTAINER_OF(node, struct client_request, node);

        free(req->watch_path);
        free(req);
    }
}

void
client_delivery_free(struct client_delivery *d)
{
    zk_result_fini(&d->result);
    free(d);
}

void
client_core_destroy(struct client_core *core)
{
    struct bq_node *node;

    if (core == NULL) {
        return;
    }
    ZK_CHECK(core, CLIENT_CORE_MAGIC);
    cc_free_requests(&core->pending);
    cc_free_requests(&core->auth_pending);
    while ((node = bq_list_pop(&core->deliveries)) != NULL) {
        client_delivery_free(
            ZK_CONTAINER_OF(node, struct client_delivery, node));
    }
    for (size_t i = 0; i < core->n_auths; i++) {
        free(core->auths[i].scheme);
        zk_buf_fini(&core->auths[i].proof);
    }
    free(core->auths);
    client_watches_fini(&core->watches);
    host_provider_fini(&core->hosts);
    free(core->target.host);
    free(core->probed.host);
    zk_buf_fini(&core->in);
    zk_buf_fini(&core->out);
    zk_buf_fini(&core->held);
    core->magic = 0;
    free(core);
}

bool
client_state_is_final(enum zk_client_state state)
{
    return state == ZK_CLIENT_CLOSED || state == ZK_CLIENT_AUTH_FAILED
           || state == ZK_CLIENT_EXPIRED;
}

/* ---- what to do next ---------------------------------------------------- */

static int32_t
cc_read_timeout(const struct client_core *core)
{
    return (int32_t) ((int64_t) core->timeout_ms * 2 / 3);
}

static int64_t
cc_connect_timeout(const struct client_core *core)
{
    int32_t whole = core->timeout_ms > 0 ? core->timeout_ms
                                         : core->asked_timeout_ms;
    int64_t share = whole / (int64_t) core->hosts.n;

    return share > 0 ? share : 1;
}

static void
cc_late(struct client_core *core, int64_t ms)
{
    char why[128];

    snprintf(why, sizeof why, "nothing came for %" PRId64 " ms", ms);
    client_core_broken(core, why);
}

/* How long after the last request a ping is due: at half of the read
 * time-out, or up to a second earlier (Java: so that it is not missed). */
static int64_t
cc_ping_gap(const struct client_core *core)
{
    int64_t gap = cc_read_timeout(core) / 2;

    if (gap > 1000) {
        gap = gap - 1000 > 1001 ? gap - 1000 : 1001;
    }
    gap = gap < CLIENT_PING_MAX_MS ? gap : CLIENT_PING_MAX_MS;
    return gap > 0 ? gap : 1;
}

/* Sends a ping when it is time; returns when the next one is due. */
static int64_t
cc_ping(struct client_core *core, int64_t now_ms)
{
    int64_t gap = cc_ping_gap(core);

    if (now_ms - core->sent_ms >= gap) {
        client_encode_plain(&core->out, XID_PING, OP_PING);
        core->sent_ms = now_ms;
    }
    return core->sent_ms + gap;
}

static void
cc_next_up(struct client_core *core, int64_t now_ms, struct client_step *step)
{
    int64_t late_ms = core->heard_ms + cc_read_timeout(core);
    int64_t ping_ms;
    bool round;

    if (now_ms >= late_ms) {
        cc_late(core, now_ms - core->heard_ms);
        return;
    }
    ping_ms = cc_ping(core, now_ms);
    step->until_ms = ping_ms < late_ms ? ping_ms : late_ms;
    if (core->state != ZK_CLIENT_CONNECTED_READ_ONLY || core->closing) {
        return;
    }
    if (now_ms >= core->probe_at_ms) {
        const struct host_port *to
            = host_provider_next(&core->hosts, &round);

        free(core->probed.host);
        core->probed = (struct host_port) { zk_xstrdup(to->host), to->port };
        step->todo = CLIENT_PROBE;
        step->to = &core->probed;
        step->until_ms = now_ms + CLIENT_ROUND_WAIT_MS;
    } else if (core->probe_at_ms < step->until_ms) {
        step->until_ms = core->probe_at_ms;
    }
}

static void
cc_next_none(struct client_core *core, int64_t now_ms,
             struct client_step *step)
{
    if (client_state_is_final(core->state)) {
        step->todo = CLIENT_END;
    } else if (now_ms < core->retry_ms) {
        step->until_ms = core->retry_ms;
    } else {
        core->link = CLIENT_LINK_CONNECTING;
        core->state = ZK_CLIENT_CONNECTING;
        core->sent_ms = now_ms;
        step->todo = CLIENT_CONNECT;
        step->to = &core->target;
        step->until_ms = now_ms + cc_connect_timeout(core);
    }
}

void
client_core_next(struct client_core *core, int64_t now_ms,
                 struct client_step *step)
{
    ZK_CHECK(core, CLIENT_CORE_MAGIC);
    *step = (struct client_step) { .todo = CLIENT_WAIT,
                                   .until_ms = INT64_MAX };
    switch (core->link) {
    case CLIENT_LINK_NONE:
        cc_next_none(core, now_ms, step);
        break;
    case CLIENT_LINK_CONNECTING:        /* The owner knows until when. */
        break;
    case CLIENT_LINK_HANDSHAKE:
        step->until_ms = core->sent_ms + cc_connect_timeout(core);
        if (now_ms >= step->until_ms) {
            cc_late(core, now_ms - core->sent_ms);
        }
        break;
    case CLIENT_LINK_UP:
        cc_next_up(core, now_ms, step);
        break;
    case CLIENT_LINK_BROKEN:
        break;
    }
    if (core->link == CLIENT_LINK_BROKEN) {
        step->todo = CLIENT_DROP;
        step->why = core->why;
    }
}

/* ---- the link ----------------------------------------------------------- */

void
client_core_connected(struct client_core *core, int64_t now_ms)
{
    struct jute_connect_request cr = {
        .last_zxid_seen = core->last_zxid,
        .time_out = core->asked_timeout_ms,
        .session_id = core->seen_rw ? core->session_id : 0,
        .passwd = zk_slice(core->password, ZK_CLIENT_PASSWORD_LEN),
    };

    ZK_CHECK(core, CLIENT_CORE_MAGIC);
    if (core->link != CLIENT_LINK_CONNECTING) {
        return;                 /* Abandoned meanwhile. */
    }
    core->link = CLIENT_LINK_HANDSHAKE;
    core->primed = true;
    core->sent_ms = core->heard_ms = now_ms;
    client_encode_connect(&core->out, &cr, core->read_only);
}

void
client_core_broken(struct client_core *core, const char *why)
{
    ZK_CHECK(core, CLIENT_CORE_MAGIC);
    if (core->link == CLIENT_LINK_NONE || core->link == CLIENT_LINK_BROKEN) {
        return;
    }
    core->link = CLIENT_LINK_BROKEN;
    snprintf(core->why, sizeof core->why, "%s", why);
}

/* A server did not take us, or is lost: may what has no answer go on to wait
 * for another?  Not if it was sent, which it was only if the session stood on
 * this link; nor when each server was tried for it. */
static bool
cc_goes_on_waiting(struct client_core *core)
{
    if (core->state != ZK_CLIENT_CONNECTING || core->closing
        || core->pending.n + core->auth_pending.n == 0) {
        core->tried = 0;
        return false;
    }
    core->tried = core->tried + 1 < core->hosts.n ? core->tried + 1 : 0;
    return core->tried > 0;
}

void
client_core_dropped(struct client_core *core, int64_t now_ms)
{
    bool waits;

    ZK_CHECK(core, CLIENT_CORE_MAGIC);
    waits = cc_goes_on_waiting(core);
    core->link = CLIENT_LINK_NONE;
    zk_buf_fini(&core->in);
    zk_buf_clear(&core->out);
    if (!client_state_is_final(core->state)) {
        core->state = ZK_CLIENT_CONNECTING;
        cc_choose(core, now_ms);
    }
    if (!waits) {
        client_core_fail_all(core);
    }
    if (core->state == ZK_CLIENT_CONNECTING && core->closing) {
        core->state = ZK_CLIENT_CLOSED;
    }
    if (core->state == ZK_CLIENT_CONNECTING) {
        client_core_tell_state(core, ZK_KEEPER_DISCONNECTED);
    } else if (core->state == ZK_CLIENT_CLOSED) {
        client_core_tell_state(core, ZK_KEEPER_CLOSED);
    }
}

void
client_core_probed(struct client_core *core, int64_t now_ms, bool read_write)
{
    ZK_CHECK(core, CLIENT_CORE_MAGIC);
    if (core->link != CLIENT_LINK_UP
        || core->state != ZK_CLIENT_CONNECTED_READ_ONLY) {
        return;
    }
    if (read_write) {
        core->probe_found = true;
        client_core_broken(core, "there is a server with a quorum");
        return;
    }
    core->probe_gap_ms = core->probe_gap_ms * 2 < CLIENT_PROBE_MAX_MS
                             ? core->probe_gap_ms * 2 : CLIENT_PROBE_MAX_MS;
    core->probe_at_ms = now_ms + core->probe_gap_ms;
}

bool
client_core_output(struct client_core *core, int64_t now_ms,
                   struct zk_buf *out)
{
    struct zk_buf empty = *out;

    ZK_CHECK(core, CLIENT_CORE_MAGIC);
    if (core->out.len == 0 || (core->link != CLIENT_LINK_HANDSHAKE
                               && core->link != CLIENT_LINK_UP)) {
        return false;
    }
    core->sent_ms = now_ms;
    if (out->len > 0) {
        zk_buf_append(out, core->out.data, core->out.len);
        zk_buf_clear(&core->out);
    } else {
        *out = core->out;
        core->out = empty;
    }
    return true;
}

/* ---- the session -------------------------------------------------------- */

static void
cc_expired(struct client_core *core)
{
    core->state = ZK_CLIENT_EXPIRED;
    client_core_tell_state(core, ZK_KEEPER_EXPIRED);
    client_core_broken(core, "the session has expired");
}

static int
cc_take_connect(struct client_core *core, int64_t now_ms, const uint8_t *p,
                size_t len, struct zk_errmsg *em)
{
    struct jute_connect_response cr;
    bool read_only;

    if (client_decode_connect(p, len, &cr, &read_only) != ZK_OK
        || (cr.time_out > 0 && cr.passwd.len != ZK_CLIENT_PASSWORD_LEN)) {
        return zk_fail(em, ZK_EMARSHAL, "the answer to ConnectRequest does "
                       "not decode (%zu bytes)", len);
    }
    if (cr.time_out <= 0) {
        cc_expired(core);
        return ZK_OK;
    }
    if (read_only && !core->read_only) {
        zk_error(client, "%s:%d is a read-only server, which was not asked "
                 "for", core->target.host, core->target.port);
    }
    core->timeout_ms = cr.time_out;
    core->session_id = cr.session_id;
    memcpy(core->password, cr.passwd.p, sizeof core->password);
    core->seen_rw |= !read_only;
    core->link = CLIENT_LINK_UP;
    core->state = read_only ? ZK_CLIENT_CONNECTED_READ_ONLY
                            : ZK_CLIENT_CONNECTED;
    host_provider_connected(&core->hosts);
    core->probe_gap_ms = CLIENT_PROBE_MIN_MS;
    core->probe_at_ms = now_ms + core->probe_gap_ms;
    client_core_tell_state(core, read_only ? ZK_KEEPER_CONNECTED_READ_ONLY
                                           : ZK_KEEPER_SYNC_CONNECTED);
    client_core_flush_held(core);
    return ZK_OK;
}

/* The whole frames at the beginning; '*used' are their bytes. */
static int
cc_take_frames(struct client_core *core, int64_t now_ms, const uint8_t *p,
               size_t len, size_t *used, struct zk_errmsg *em)
{
    int rv = ZK_OK;

    *used = 0;
    while (rv == ZK_OK && len - *used >= 4
           && (core->link == CLIENT_LINK_HANDSHAKE
               || core->link == CLIENT_LINK_UP)) {
        const uint8_t *frame = p + *used + 4;
        int32_t n = (int32_t) zk_get_be32(p + *used);

        if (n < 0 || n > core->max_buffer) {
            return zk_fail(em, ZK_ETOOBIG, "a packet of %" PRId32 " bytes is "
                           "out of range (jute.maxbuffer is %" PRId32 ")",
                           n, core->max_buffer);
        }
        if (len - *used - 4 < (size_t) n) {
            break;
        }
        *used += 4 + (size_t) n;
        rv = core->link == CLIENT_LINK_UP
                 ? client_core_take_reply(core, frame, (size_t) n, em)
                 : cc_take_connect(core, now_ms, frame, (size_t) n, em);
    }
    return rv;
}

int
client_core_input(struct client_core *core, int64_t now_ms, const void *p,
                  size_t len, struct zk_errmsg *em)
{
    struct zk_errmsg why;
    size_t used;
    int rv;

    ZK_CHECK(core, CLIENT_CORE_MAGIC);
    if (core->link != CLIENT_LINK_HANDSHAKE
        && core->link != CLIENT_LINK_UP) {
        return ZK_OK;           /* Too late to matter. */
    }
    core->heard_ms = now_ms;
    if (core->in.len > 0) {
        zk_buf_append(&core->in, p, len);
        rv = cc_take_frames(core, now_ms, core->in.data, core->in.len, &used,
                            &why);
        zk_buf_consume(&core->in, used);
    } else {
        rv = cc_take_frames(core, now_ms, p, len, &used, &why);
        if (used < len) {
            zk_buf_append(&core->in, (const uint8_t *) p + used, len - used);
        }
    }
    if (rv != ZK_OK) {
        client_core_broken(core, why.text);
        return zk_fail(em, rv, "%s", why.text);
    }
    return ZK_OK;
}

void
client_core_abandon(struct client_core *core)
{
    ZK_CHECK(core, CLIENT_CORE_MAGIC);
    /* Also in a final state: what is open there waits for the link's end,
     * and whoever closes the client no longer does. */
    client_core_fail_all(core);
    if (client_state_is_final(core->state)) {
        return;
    }
    core->state = ZK_CLIENT_CLOSED;
    client_core_tell_state(core, ZK_KEEPER_CLOSED);
    client_core_broken(core, "the client was closed");
}

int
client_core_update_servers(struct client_core *core,
                           const char *connect_string, struct zk_errmsg *em)
{
    bool kept;
    int rv;

    ZK_CHECK(core, CLIENT_CORE_MAGIC);
    rv = host_provider_update(&core->hosts, connect_string, &core->target,
                              &kept, em);
    if (rv == ZK_OK && !kept) {
        client_core_broken(core, "its server is not in the new list");
        if (core->link == CLIENT_LINK_NONE) {
            bool round;

            cc_set_target(core, host_provider_next(&core->hosts, &round));
        }
    }
    return rv;
}
