/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "persistence/snap_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <snappy-c.h>

#include "persistence/snap_xerial.h"
#include "util/checksum.h"
#include "util/crash_point.h"
#include "util/zk_bytes.h"
#include "util/zk_io.h"

#define SINK_PIECE (1 << 20)
/* How much is left to write-back at a time. */
#define SINK_WINDOW (4 << 20)

void
snap_sink_init(struct snap_sink *s, int fd, const char *path,
               enum snap_compression comp)
{
    *s = (struct snap_sink) { .fd = fd, .path = path, .comp = comp };
    s->adler = CHECKSUM_ADLER32_INIT;
    if (comp == SNAP_GZ) {
        /* 16: a gzip header and trailer. */
        int rv = deflateInit2(&s->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
                              MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);

        zk_assert(rv == Z_OK);
    } else if (comp == SNAP_SNAPPY) {
        xerial_header_encode(&s->out);
    }
}

bool
snap_sink_full(const struct snap_sink *s)
{
    return s->in.len >= SINK_PIECE;
}

/* Begins write-back of what was written since the last time and waits for
 * the window before it. */
static int
sink_push(struct snap_sink *s, struct zk_errmsg *em)
{
    off_t before = s->pushed - SINK_WINDOW;
    int rv;

    if (s->written - s->pushed < SINK_WINDOW) {
        return ZK_OK;
    }
    rv = sync_file_range(s->fd, s->pushed, s->written - s->pushed,
                         SYNC_FILE_RANGE_WRITE);
    if (rv == 0 && s->pushed > 0) {
        before = before > 0 ? before : 0;
        rv = sync_file_range(s->fd, before, s->pushed - before,
                             SYNC_FILE_RANGE_WAIT_BEFORE
                             | SYNC_FILE_RANGE_WRITE
                             | SYNC_FILE_RANGE_WAIT_AFTER);
    }
    s->pushed = s->written;
    /* A file system that has no such call syncs it all at the end. */
    if (rv != 0 && errno != EINVAL && errno != ENOSYS && errno != ESPIPE) {
        return zk_fail_errno(em, "%s: write-back", s->path);
    }
    return ZK_OK;
}

static int
sink_write(struct snap_sink *s, struct zk_buf *b, struct zk_errmsg *em)
{
    int rv;

    rv = zk_write_all(s->fd, b->data, b->len, s->path, em);
    if (rv != ZK_OK) {
        return rv;
    }
    s->written += (off_t) b->len;
    zk_buf_clear(b);
    return sink_push(s, em);
}

static void
sink_deflate(struct snap_sink *s, int flush)
{
    int rv;

    s->z.next_in = s->in.data;
    s->z.avail_in = (uInt) s->in.len;
    do {
        s->z.next_out = zk_buf_reserve(&s->out, 65536);
        s->z.avail_out = 65536;
        rv = deflate(&s->z, flush);
        zk_assert(rv == Z_OK || rv == Z_STREAM_END || rv == Z_BUF_ERROR);
        s->out.len += 65536 - s->z.avail_out;
    } while (s->z.avail_out == 0);
    zk_assert(s->z.avail_in == 0);
}

static void
sink_snappy(struct snap_sink *s)
{
    size_t at = 0;

    while (at < s->in.len) {
        size_t n = s->in.len - at;
        size_t len;
        uint8_t *p;

        n = n < XERIAL_BLOCK ? n : XERIAL_BLOCK;
        len = snappy_max_compressed_length(n);
        p = zk_buf_reserve(&s->out, 4 + len);
        if (snappy_compress((const char *) s->in.data + at, n,
                            (char *) p + 4, &len) != SNAPPY_OK) {
            zk_panic("snappy_compress of %zu bytes failed", n);
        }
        zk_put_be32(p, (uint32_t) len);
        s->out.len += 4 + len;
        at += n;
    }
}

/* Checksum and compression of s->in; returns the buffer to be written. */
static struct zk_buf *
sink_encode(struct snap_sink *s, int flush)
{
    s->adler = checksum_adler32(s->adler, s->in.data, s->in.len);
    switch (s->comp) {
    case SNAP_PLAIN:
        return &s->in;
    case SNAP_GZ:
        sink_deflate(s, flush);
        break;
    case SNAP_SNAPPY:
        sink_snappy(s);
        break;
    }
    zk_buf_clear(&s->in);
    return &s->out;
}

int
snap_sink_take(struct snap_sink *s, struct zk_errmsg *em)
{
    return sink_write(s, sink_encode(s, Z_NO_FLUSH), em);
}

int
snap_sink_finish(struct snap_sink *s, struct zk_errmsg *em)
{
    struct zk_buf *b = sink_encode(s, Z_FINISH);
    size_t half = b->len / 2;
    int rv;

    rv = zk_write_all(s->fd, b->data, half, s->path, em);
    if (rv != ZK_OK) {
        return rv;
    }
    CRASH_HERE(snap_half);
    s->written += (off_t) half;
    zk_buf_consume(b, half);
    return sink_write(s, b, em);
}

void
snap_sink_fini(struct snap_sink *s)
{
    if (s->comp == SNAP_GZ) {
        deflateEnd(&s->z);
    }
    zk_buf_fini(&s->in);
    zk_buf_fini(&s->out);
}
