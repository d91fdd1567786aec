/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snap_sink.h: where the bytes of a snapshot go: checksum, compression,
 * and a file that is pushed to the disk steadily.
 *
 * The running Adler-32 is over the uncompressed bytes.  Writes are large;
 * every few MB the kernel is told to begin with write-back and the piece
 * before is waited for, so that at the end no great fsync is left that would
 * stall the transaction log's on the same disk.
 *
 * Thread-safety: one owner.
 */
#ifndef PERSISTENCE_SNAP_SINK_H
#define PERSISTENCE_SNAP_SINK_H

#include <sys/types.h>

#include <zlib.h>

#include "persistence/file_snap.h"

struct snap_sink {
    int fd;
    const char *path;           /* Borrowed; for messages. */
    enum snap_compression comp;
    uint32_t adler;             /* Of all bytes taken from 'in'. */
    struct zk_buf in;           /* Appended by the caller. */
    struct zk_buf out;          /* Compressed, not yet written. */
    off_t written;
    off_t pushed;               /* Write-back was begun up to here. */
    z_stream z;
};

/* 'fd' is an empty file, owned by the caller. */
void snap_sink_init(struct snap_sink *s, int fd, const char *path,
                    enum snap_compression comp);
/* Whether s->in has grown enough to be worth a snap_sink_take. */
bool snap_sink_full(const struct snap_sink *s);
/* Takes what is in s->in: checksum, compression, write. */
int snap_sink_take(struct snap_sink *s, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Takes the rest and ends the compressed stream.  Does not sync. */
int snap_sink_finish(struct snap_sink *s, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
void snap_sink_fini(struct snap_sink *s);

#endif
