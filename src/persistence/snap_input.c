/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "persistence/snap_input.h"

#include <fcntl.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "persistence/file_snap.h"
#include "persistence/snap_xerial.h"
#include "util/checksum.h"
#include "util/zk_bytes.h"
#include "util/zk_io.h"
#include "util/zk_lock.h"
#include "util/zk_thread.h"

#define SNAP_CHUNK (1 << 20)
/* Room in front of a chunk for what is left of the one before it. */
#define SNAP_HEADROOM 65536
#define SNAP_CHUNKS 4
/* Smaller files are not worth a thread. */
#define SNAP_THREAD_MIN (2 * SNAP_CHUNK)
#define SNAP_THREAD_MIN_PACKED (SNAP_CHUNK / 8)

struct snap_chunk {
    uint8_t *base;              /* SNAP_HEADROOM, then the bytes; NULL until
                                 * first filled. */
    size_t len;
    uint32_t adler;             /* At its end. */
    bool last;
    int rv;                     /* Not ZK_OK: why there is no more. */
};

struct snap_reader {
    unsigned magic;
#define SNAP_READER_MAGIC 0x536e5264

    /* Set at open, never changed. */
    char *path;
    int fd;                     /* -1: a stream. */
    enum snap_compression comp;
    bool threaded;
    const struct stream_reader *from;   /* A stream's; else NULL, */
    struct zk_buf *buffered;            /* as this. */

    /* Shared, under 'lock'. */
    struct zk_mutex lock;       /* ZK_LOCK_leaf */
    struct zk_cond moved;
    size_t filled ZK_GUARDED;   /* Chunks ever filled. */
    size_t released ZK_GUARDED; /* Chunks ever given back. */
    bool stopping ZK_GUARDED;

    /* A chunk belongs to the filling side from its release on, and to the
     * owner from its filling on. */
    struct snap_chunk chunks[SNAP_CHUNKS];

    /* Owned by the filling side. */
    uint32_t adler;
    struct zk_buf raw;          /* Compressed bytes not yet used. */
    bool raw_end;               /* The file has no more. */
    z_stream z;
    bool z_open;
    bool z_ended;               /* At the end of a gzip member. */
    struct zk_buf block;        /* A decompressed snappy block... */
    size_t block_at;            /* ...used up to here. */
    bool header_seen;           /* xerial's. */
    struct zk_errmsg why;       /* With a chunk's rv. */

    /* Owned by the parsing side. */
    size_t taken;               /* Chunks ever taken. */
    bool holding;               /* The window is in chunk taken - 1. */
    bool at_last;
    uint32_t end_adler;         /* At the end of the window. */
    int64_t end_offset;
    struct zk_buf joined;       /* The window of a record too long. */
    struct zk_thread thread;
};

/* ---- the filling side ------------------------------------------------- */

/* Reads more of the file behind what is in 'raw'. */
static int
sr_more_raw(struct snap_reader *r, size_t want)
{
    size_t got;
    int rv;

    rv = zk_read_full(r->fd, zk_buf_reserve(&r->raw, want), want, &got,
                      r->path, &r->why);
    if (rv == ZK_OK) {
        r->raw.len += got;
        r->raw_end = got < want;
    }
    return rv;
}

static int
sr_damaged(struct snap_reader *r, const char *what)
{
    return zk_fail(&r->why, ZK_ECORRUPT, "%s: %s", r->path, what);
}

/* A gzip file may hold several members, as java.util.zip reads them. */
static int
sr_inflate(struct snap_reader *r, uint8_t *p, size_t len, size_t *got)
{
    int rv;
    int z;

    r->z.next_out = p;
    r->z.avail_out = (uInt) len;
    while (r->z.avail_out > 0) {
        if (r->raw.len == 0 && !r->raw_end) {
            rv = sr_more_raw(r, 262144);
            if (rv != ZK_OK) {
                return rv;
            }
        }
        if (r->raw.len == 0) {
            break;
        }
        if (r->z_ended) {
            inflateReset(&r->z);
            r->z_ended = false;
        }
        r->z.next_in = r->raw.data;
        r->z.avail_in = (uInt) r->raw.len;
        z = inflate(&r->z, Z_NO_FLUSH);
        if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR) {
            return sr_damaged(r, "damaged gzip data");
        }
        zk_buf_consume(&r->raw, r->raw.len - r->z.avail_in);
        r->z_ended = z == Z_STREAM_END;
    }
    *got = len - r->z.avail_out;
    return ZK_OK;
}

/* Makes 'n' raw bytes available; *ok is false at the end of the file. */
static int
sr_need_raw(struct snap_reader *r, size_t n, bool *ok)
{
    int rv = ZK_OK;

    if (r->raw.len < n && !r->raw_end) {
        rv = sr_more_raw(r, n < 262144 ? 262144 : n - r->raw.len);
    }
    *ok = r->raw.len >= n;
    return rv;
}

/* Decompresses the block whose length is 'len' and which stands behind its
 * length in 'raw'. */
static int
sr_snappy_decode(struct snap_reader *r, size_t len)
{
    const char *p = (const char *) r->raw.data + 4;
    size_t out;

    if (snappy_uncompressed_length(p, len, &out) != SNAPPY_OK
        || out > XERIAL_MAX_BLOCK) {
        return sr_damaged(r, "damaged snappy block");
    }
    zk_buf_clear(&r->block);
    r->block_at = 0;
    if (snappy_uncompress(p, len, (char *) zk_buf_reserve(&r->block, out + 1),
                          &out) != SNAPPY_OK) {
        return sr_damaged(r, "damaged snappy block");
    }
    r->block.len = out;
    zk_buf_consume(&r->raw, 4 + len);
    return ZK_OK;
}

/* The next snappy block into 'block'; empty at the end. */
static int
sr_snappy_block(struct snap_reader *r)
{
    uint32_t len;
    bool ok;
    int rv;

    zk_buf_clear(&r->block);
    r->block_at = 0;
    for (;;) {
        rv = sr_need_raw(r, r->header_seen ? 4 : XERIAL_HEADER_LEN, &ok);
        if (rv != ZK_OK || (r->raw.len == 0 && r->raw_end)) {
            return rv;
        }
        len = ok ? zk_get_be32(r->raw.data) : 0;
        if (len == XERIAL_MAGIC_INT) {
            rv = sr_need_raw(r, XERIAL_HEADER_LEN, &ok);
            if (rv != ZK_OK) {
                return rv;
            }
            if (!ok || memcmp(r->raw.data, XERIAL_MAGIC,
                              XERIAL_MAGIC_LEN) != 0) {
                return sr_damaged(r, "damaged snappy header");
            }
            zk_buf_consume(&r->raw, XERIAL_HEADER_LEN);
            r->header_seen = true;
            continue;
        }
        if (!ok || !r->header_seen || len > XERIAL_MAX_BLOCK) {
            return sr_damaged(r, "damaged snappy framing");
        }
        rv = sr_need_raw(r, 4 + (size_t) len, &ok);
        if (rv == ZK_OK && !ok) {
            rv = sr_damaged(r, "ends inside a snappy block");
        }
        return rv != ZK_OK ? rv : sr_snappy_decode(r, len);
    }
}

static int
sr_unsnappy(struct snap_reader *r, uint8_t *p, size_t len, size_t *got)
{
    size_t n;
    int rv;

    *got = 0;
    while (*got < len) {
        if (r->block_at == r->block.len) {
            rv = sr_snappy_block(r);
            if (rv != ZK_OK) {
                return rv;
            }
            if (r->block.len == 0) {
                break;
            }
        }
        n = r->block.len - r->block_at;
        n = n < len - *got ? n : len - *got;
        memcpy(p + *got, r->block.data + r->block_at, n);
        r->block_at += n;
        *got += n;
    }
    return ZK_OK;
}

/* No more than came: what is behind a stream is not waited for. */
static void
sr_fill_from_stream(struct snap_reader *r, struct snap_chunk *c)
{
    c->rv = ZK_OK;
    if (r->buffered->len == 0) {
        c->rv = r->from->more(r->from->self, r->buffered, &r->why);
    }
    if (c->rv == ZK_OK) {
        c->len = r->buffered->len < SNAP_CHUNK ? r->buffered->len
                                               : SNAP_CHUNK;
        memcpy(c->base + SNAP_HEADROOM, r->buffered->data, c->len);
        zk_buf_consume(r->buffered, c->len);
    }
    c->last = c->rv != ZK_OK;
}

/* Fills one chunk. */
static void
sr_fill_chunk(struct snap_reader *r, struct snap_chunk *c)
{
    uint8_t *p;

    if (c->base == NULL) {
        c->base = zk_xmalloc(SNAP_HEADROOM + SNAP_CHUNK);
    }
    p = c->base + SNAP_HEADROOM;
    c->len = 0;
    if (r->from != NULL) {
        sr_fill_from_stream(r, c);
        return;
    }
    switch (r->comp) {
    case SNAP_PLAIN:
        c->rv = zk_read_full(r->fd, p, SNAP_CHUNK, &c->len, r->path,
                             &r->why);
        break;
    case SNAP_GZ:
        c->rv = sr_inflate(r, p, SNAP_CHUNK, &c->len);
        break;
    case SNAP_SNAPPY:
        c->rv = sr_unsnappy(r, p, SNAP_CHUNK, &c->len);
        break;
    }
    r->adler = checksum_adler32(r->adler, p, c->len);
    c->adler = r->adler;
    c->last = c->rv != ZK_OK || c->len < SNAP_CHUNK;
}

static void
sr_run(void *arg)
{
    struct snap_reader *r = arg;
    struct snap_chunk *c;
    bool last = false;

    while (!last) {
        zk_lock(&r->lock);
        while (r->filled - r->released == SNAP_CHUNKS && !r->stopping) {
            zk_cond_wait(&r->moved, &r->lock);
        }
        if (r->stopping) {
            zk_unlock(&r->lock);
            return;
        }
        c = &r->chunks[r->filled % SNAP_CHUNKS];
        zk_unlock(&r->lock);

        sr_fill_chunk(r, c);
        last = c->last;

        zk_lock(&r->lock);
        r->filled++;
        zk_cond_signal(&r->moved);
        zk_unlock(&r->lock);
    }
}

/* ---- the parsing side ------------------------------------------------- */

/* Gives the chunk that holds the window back. */
static void
si_release(struct snap_reader *r)
{
    if (!r->holding) {
        return;
    }
    r->holding = false;
    zk_lock(&r->lock);
    r->released++;
    zk_cond_signal(&r->moved);
    zk_unlock(&r->lock);
}

static struct snap_chunk *
si_take(struct snap_reader *r)
{
    struct snap_chunk *c = &r->chunks[r->taken % SNAP_CHUNKS];

    if (!r->threaded) {
        sr_fill_chunk(r, c);
        zk_lock(&r->lock);
        r->filled++;
        zk_unlock(&r->lock);
    } else {
        zk_lock(&r->lock);
        while (r->filled == r->taken) {
            zk_cond_wait(&r->moved, &r->lock);
        }
        zk_unlock(&r->lock);
    }
    r->taken++;
    return c;
}

/* Moves the window on: what is left of it, then the next chunk. */
static void
si_advance(struct snap_input *in, struct snap_chunk *c)
{
    struct snap_reader *r = in->reader;
    size_t left = (size_t) (in->end - in->p);
    uint8_t *at = c->base + SNAP_HEADROOM;

    if (left <= SNAP_HEADROOM) {
        if (left > 0) {
            memcpy(at - left, in->p, left);
        }
        si_release(r);
        zk_buf_clear(&r->joined);
        in->p = at - left;
        in->end = at + c->len;
        r->holding = true;
        return;
    }
    if (r->joined.len > 0) {
        zk_buf_consume(&r->joined, r->joined.len - left);
    } else {
        zk_buf_append(&r->joined, in->p, left);
        si_release(r);
    }
    zk_buf_append(&r->joined, at, c->len);
    r->holding = true;
    si_release(r);
    in->p = r->joined.data;
    in->end = r->joined.data + r->joined.len;
}

int
snap_input_fill(struct snap_input *in, size_t n, struct zk_errmsg *em)
{
    struct snap_reader *r = in->reader;
    struct snap_chunk *c;
    uint32_t adler;
    size_t len;
    bool last;
    int rv;

    ZK_CHECK(r, SNAP_READER_MAGIC);
    while ((size_t) (in->end - in->p) < n) {
        if (r->at_last) {
            return zk_fail(em, ZK_ETORN, "%s: ends at %lld, in the middle",
                           r->path, (long long) r->end_offset);
        }
        c = si_take(r);
        rv = c->rv;
        len = c->len;
        adler = c->adler;
        last = c->last;
        if (rv != ZK_OK) {
            /* Nothing is filled behind a failure, so 'why' is at rest. */
            return zk_fail(em, rv, "%s", r->why.text);
        }
        si_advance(in, c);
        r->end_adler = adler;
        r->end_offset += (int64_t) len;
        r->at_last = last;
    }
    return ZK_OK;
}

uint32_t
snap_input_adler(const struct snap_input *in)
{
    uint32_t s1 = in->reader->end_adler & 0xffff;
    uint32_t s2 = in->reader->end_adler >> 16;

    for (const uint8_t *q = in->end; q > in->p; q--) {
        s2 = (s2 + 65521 - s1) % 65521;
        s1 = (s1 + 65521 - q[-1]) % 65521;
    }
    return s2 << 16 | s1;
}

int64_t
snap_input_offset(const struct snap_input *in)
{
    return in->reader->end_offset - (in->end - in->p);
}

const char *
snap_input_path(const struct snap_input *in)
{
    return in->reader->path;
}

int64_t
snap_input_bytes_read(const struct snap_input *in)
{
    off_t at = in->reader->fd >= 0 ? lseek(in->reader->fd, 0, SEEK_CUR) : 0;

    return at > 0 ? (int64_t) at : 0;
}

static enum snap_compression
si_compression(const char *path)
{
    const char *dot = strrchr(path, '.');

    if (dot != NULL && strcmp(dot, ".gz") == 0) {
        return SNAP_GZ;
    }
    return dot != NULL && strcmp(dot, ".snappy") == 0 ? SNAP_SNAPPY
                                                      : SNAP_PLAIN;
}

static struct snap_reader *
si_create(const char *path, int fd)
{
    struct snap_reader *r = zk_xcalloc(1, sizeof *r);

    r->magic = SNAP_READER_MAGIC;
    r->path = zk_xstrdup(path);
    r->fd = fd;
    r->adler = CHECKSUM_ADLER32_INIT;
    r->end_adler = r->adler;
    zk_mutex_init(&r->lock, ZK_LOCK_leaf);
    zk_cond_init(&r->moved);
    return r;
}

void
snap_input_open_stream(struct snap_input *in, const char *name,
                       struct zk_buf *buffered,
                       const struct stream_reader *from)
{
    struct snap_reader *r = si_create(name, -1);

    r->from = from;
    r->buffered = buffered;
    *in = (struct snap_input) { .reader = r };
}

int
snap_input_open(struct snap_input *in, const char *path,
                struct zk_errmsg *em)
{
    struct snap_reader *r;
    struct stat st;
    int fd;

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return zk_fail_errno(em, "%s: open", path);
    }
    r = si_create(path, fd);
    r->comp = si_compression(path);
    if (r->comp == SNAP_GZ) {
        zk_assert(inflateInit2(&r->z, MAX_WBITS + 16) == Z_OK);
        r->z_open = true;
    }
    if (fstat(fd, &st) == 0
        && st.st_size >= (r->comp == SNAP_PLAIN ? SNAP_THREAD_MIN
                                                : SNAP_THREAD_MIN_PACKED)) {
        r->threaded = zk_thread_try_start(&r->thread, sr_run, r,
                                          "SnapLoader");
    }
    *in = (struct snap_input) { .reader = r };
    return ZK_OK;
}

/* What the window still holds goes back in front of what is buffered. */
static void
si_give_back(struct snap_input *in)
{
    struct zk_buf *buffered = in->reader->buffered;
    size_t left = (size_t) (in->end - in->p);

    if (left == 0) {
        return;
    }
    zk_buf_reserve(buffered, left);
    memmove(buffered->data + left, buffered->data, buffered->len);
    memcpy(buffered->data, in->p, left);
    buffered->len += left;
}

void
snap_input_close(struct snap_input *in)
{
    struct snap_reader *r = in->reader;

    ZK_CHECK(r, SNAP_READER_MAGIC);
    if (r->from != NULL) {
        si_give_back(in);
    }
    if (r->threaded) {
        zk_lock(&r->lock);
        r->stopping = true;
        zk_cond_signal(&r->moved);
        zk_unlock(&r->lock);
        zk_thread_join(&r->thread);
    }
    for (size_t i = 0; i < SNAP_CHUNKS; i++) {
        free(r->chunks[i].base);
    }
    if (r->z_open) {
        inflateEnd(&r->z);
    }
    zk_cond_fini(&r->moved);
    zk_mutex_fini(&r->lock);
    zk_buf_fini(&r->raw);
    zk_buf_fini(&r->block);
    zk_buf_fini(&r->joined);
    if (r->fd >= 0) {
        close(r->fd);
    }
    free(r->path);
    r->magic = 0;
    free(r);
    in->reader = NULL;
}
