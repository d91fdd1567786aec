/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "zab/learner_link.h"

#include "util/zk_log.h"

/* Room for one read; under load it takes many packets at once. */
#define LL_READ_SIZE (256 * 1024)
/* Buffers that grew past this are given back once they are empty. */
#define LL_BUF_KEEP (4 << 20)
#define LL_MAX_OUT ((size_t) 256 << 20)

static void ll_run(void *arg);

void
learner_link_init(struct learner_link *ll, struct net_stream *stream,
                  int32_t max_len, int64_t timeout_ms)
{
    *ll = (struct learner_link) { .stream = stream, .max_len = max_len };
    atomic_init(&ll->timeout_ms, timeout_ms);
    zk_mutex_init(&ll->lock, ZK_LOCK_leaf);
    zk_cond_init(&ll->wakeup);
    zk_thread_start(&ll->sender, ll_run, ll, "LearnerSender-%s",
                    net_stream_peer(stream));
}

void
learner_link_shutdown(struct learner_link *ll)
{
    net_stream_shutdown(ll->stream);
}

void
learner_link_fini(struct learner_link *ll)
{
    net_stream_shutdown(ll->stream);
    zk_lock(&ll->lock);
    ll->closing = true;
    zk_cond_signal(&ll->wakeup);
    zk_unlock(&ll->lock);
    zk_thread_join(&ll->sender);
    net_stream_destroy(ll->stream);
    jute_quorum_packet_fini(&ll->packet);
    zk_buf_fini(&ll->in);
    zk_buf_fini(&ll->out);
    zk_cond_fini(&ll->wakeup);
    zk_mutex_fini(&ll->lock);
}

/* ---- reading ----------------------------------------------------------- */

int
learner_link_more(struct learner_link *ll, struct zk_buf *out,
                  int64_t timeout_ms, struct zk_errmsg *em)
{
    uint8_t *p = zk_buf_reserve(out, LL_READ_SIZE);
    size_t got;
    int rv;

    rv = net_stream_read(ll->stream, p, out->cap - out->len, timeout_ms,
                         &got, em);
    if (rv != ZK_OK) {
        return rv;
    }
    if (got == 0) {
        return zk_fail(em, ZK_EIO, "%s: the leader ended the connection",
                       net_stream_peer(ll->stream));
    }
    out->len += got;
    return ZK_OK;
}

struct zk_buf *
learner_link_raw(struct learner_link *ll)
{
    if (ll->in_at == ll->in.len && ll->in.cap > LL_BUF_KEEP) {
        zk_buf_fini(&ll->in);
    } else if (ll->in_at == ll->in.len) {
        zk_buf_clear(&ll->in);
    } else {
        zk_buf_consume(&ll->in, ll->in_at);
    }
    ll->in_at = 0;
    return &ll->in;
}

int
learner_link_read(struct learner_link *ll, int64_t timeout_ms,
                  struct zk_errmsg *em)
{
    return learner_link_more(ll, learner_link_raw(ll), timeout_ms, em);
}

int
learner_link_next(struct learner_link *ll,
                  const struct jute_quorum_packet **qp, struct zk_errmsg *em)
{
    size_t have = ll->in.len - ll->in_at;
    struct input_archive ia;
    size_t size;
    int rv;

    if (have == 0) {
        return 0;
    }
    rv = quorum_packet_size(ll->in.data + ll->in_at, have, ll->max_len,
                            &size);
    if (rv == ZK_ETORN || (rv == ZK_OK && size > have)) {
        return 0;
    }
    if (rv == ZK_OK) {
        jute_quorum_packet_fini(&ll->packet);
        ll->packet = (struct jute_quorum_packet) { 0 };
        input_archive_init(&ia, ll->in.data + ll->in_at, size, ll->max_len);
        rv = jute_quorum_packet_decode(&ia, &ll->packet);
    }
    if (rv != ZK_OK) {
        return zk_fail(em, rv, "%s: what the leader sends is no packet",
                       net_stream_peer(ll->stream));
    }
    ll->in_at += size;
    *qp = &ll->packet;
    return 1;
}

/* ---- writing ----------------------------------------------------------- */

void
learner_link_append(struct learner_link *ll, const void *p, size_t len)
{
    bool was_empty, too_much;

    zk_lock(&ll->lock);
    was_empty = ll->out.len == 0;
    too_much = ll->out.len > LL_MAX_OUT;
    if (!too_much) {
        zk_buf_append(&ll->out, p, len);
    }
    if (was_empty) {
        zk_cond_signal(&ll->wakeup);
    }
    zk_unlock(&ll->lock);
    if (too_much) {
        zk_warn(learner, "%s: the leader does not read", net_stream_peer(
                    ll->stream));
        net_stream_shutdown(ll->stream);
    }
}

void
learner_link_send(struct learner_link *ll, int32_t type, int64_t zxid,
                  struct zk_slice data)
{
    struct zk_buf b = { 0 };

    quorum_packet_encode(&b, type, zxid, data);
    learner_link_append(ll, b.data, b.len);
    zk_buf_fini(&b);
}

/* Everything that waits, in exchange for an empty buffer; false at the
 * end. */
static bool
ll_take(struct learner_link *ll, struct zk_buf *bytes)
{
    struct zk_buf empty = *bytes;
    bool closing;

    zk_lock(&ll->lock);
    while (ll->out.len == 0 && !ll->closing) {
        zk_cond_wait(&ll->wakeup, &ll->lock);
    }
    closing = ll->closing;
    *bytes = ll->out;
    ll->out = empty;
    zk_unlock(&ll->lock);
    return !closing;
}

static void
ll_run(void *arg)
{
    struct learner_link *ll = arg;
    struct zk_buf bytes = { 0 };
    struct zk_errmsg em;
    bool broken = false;

    while (ll_take(ll, &bytes)) {
        if (!broken
            && net_stream_write(ll->stream, bytes.data, bytes.len,
                                atomic_load(&ll->timeout_ms), &em) != ZK_OK) {
            zk_info(learner, "the link to the leader ends: %s", em.text);
            net_stream_shutdown(ll->stream);
            broken = true;
        }
        if (bytes.cap > LL_BUF_KEEP) {
            zk_buf_fini(&bytes);
        } else {
            zk_buf_clear(&bytes);
        }
    }
    zk_buf_fini(&bytes);
}
