/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota_text.h: what is in the nodes zookeeper_limits and zookeeper_stats
 * (Java: StatsTrack), and where they are (Quotas).
 *
 *   count=N,bytes=M[=;byteHardLimit=X][;countHardLimit=Y]
 *
 * The odd '=' makes readers of before 3.7 pass over what follows.
 *
 * Thread-safety: none needed; pure functions over the caller's memory.
 */
#ifndef SHELL_QUOTA_TEXT_H
#define SHELL_QUOTA_TEXT_H

#include "util/zk_buf.h"
#include "util/zk_slice.h"

#define QUOTA_ROOT "/zookeeper/quota"
#define QUOTA_LIMITS "zookeeper_limits"
#define QUOTA_STATS "zookeeper_stats"

/* -1: none.  'has_*': the text names it, be it with -1. */
struct quota_text {
    int64_t count, bytes;
    int64_t byte_hard, count_hard;
    bool has_byte_hard, has_count_hard;
};

/* All -1. */
void quota_text_init(struct quota_text *q);
/* False when a part of it is no number. */
bool quota_text_parse(struct zk_slice text, struct quota_text *out);
/* Appends it. */
void quota_text_print(const struct quota_text *q, struct zk_buf *out);

#endif
