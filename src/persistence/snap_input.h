/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snap_input.h: the bytes of a snapshot file, decompressed, with a running
 * Adler-32, or those that a leader sends.
 *
 * A second thread reads, decompresses and sums chunks ahead while the owner
 * parses (small files: the owner does all).  The owner sees a window of
 * bytes that snap_input_need makes long enough for a whole record, so
 * nothing is copied but what straddles two chunks.
 *
 * Adler-32 can be run backwards, so the sum at any place of the window
 * follows from the one at its end: the reading thread need not know where
 * the seals stand.
 *
 * Thread-safety: one owner; the thread inside is its own affair.
 */
#ifndef PERSISTENCE_SNAP_INPUT_H
#define PERSISTENCE_SNAP_INPUT_H

#include "util/zk_buf.h"
#include "util/zk_error.h"

/* A source of bytes: appends some to 'out' or fails. */
struct stream_reader {
    void *self;
    int (*more)(void *self, struct zk_buf *out, struct zk_errmsg *em);
};

struct snap_input {
    const uint8_t *p;           /* Next byte of the window. */
    const uint8_t *end;
    struct snap_reader *reader;
};

/* How the file is compressed follows from its name. */
int snap_input_open(struct snap_input *in, const char *path,
                    struct zk_errmsg *em) ZK_WARN_UNUSED;
/* The bytes of 'buffered', then those of 'from', called 'name' in messages;
 * all three are borrowed until close, which leaves what was not used in
 * 'buffered'.  Nothing is summed. */
void snap_input_open_stream(struct snap_input *in, const char *name,
                            struct zk_buf *buffered,
                            const struct stream_reader *from);
void snap_input_close(struct snap_input *in);
/* Makes at least 'n' bytes readable at in->p (which may move).  ZK_ETORN
 * when the file ends before, with all that is left in the window; ZK_EIO,
 * ZK_ECORRUPT (compression) with the reason; of a stream, what its source
 * says. */
int snap_input_fill(struct snap_input *in, size_t n, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Adler-32 of all bytes before in->p. */
uint32_t snap_input_adler(const struct snap_input *in);
/* How many bytes are before in->p, decompressed. */
int64_t snap_input_offset(const struct snap_input *in);
const char *snap_input_path(const struct snap_input *in);
/* How many bytes of the file itself were read so far, compressed as they
 * are; the reading thread is somewhat ahead of in->p.  0 for a stream. */
int64_t snap_input_bytes_read(const struct snap_input *in);

static inline int
snap_input_need(struct snap_input *in, size_t n, struct zk_errmsg *em)
{
    if (__builtin_expect((size_t) (in->end - in->p) >= n, 1)) {
        return ZK_OK;
    }
    return snap_input_fill(in, n, em);
}

#endif
