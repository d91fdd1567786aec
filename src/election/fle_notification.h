/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fle_notification.h: the wire form of election messages, every version since
 * 3.4.0 (protocol: "Notification payload").  Pure.
 *
 *   28 bytes  before 3.3: peerEpoch is taken from the zxid
 *   36 bytes  3.4.0 to 3.4.5: no version
 *   40 bytes  3.4.6 to 3.4.14: version 1 at the end (a vote of version 0 to
 *             the counting rules, as 3.5 and later read it)
 *   44 + n    3.5 on: version 2, n bytes of membership text
 */
#ifndef ELECTION_FLE_NOTIFICATION_H
#define ELECTION_FLE_NOTIFICATION_H

#include "election/fle_core.h"
#include "util/zk_buf.h"
#include "util/zk_error.h"

/* 'config' of the result borrows from 'p'.  ZK_EMARSHAL with the reason for
 * what must be dropped (short, negative or oversized lengths, unknown
 * state); unknown bytes at the end are ignored. */
int fle_notification_decode(struct fle_notification *n, int64_t from,
                            const void *p, size_t len, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Appends the newest form, which all versions read. */
void fle_notification_encode(const struct fle_notification *n,
                             struct zk_buf *out);

#endif
