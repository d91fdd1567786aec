/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "zab/learner_sync.h"

#include "zab/leader_core.h"

/* The bounds are those of the list itself, at each use: kept apart from it
 * they were found to lie (ZOOKEEPER-4352, ZOOKEEPER-3526). */
static int64_t
ls_min(const struct sync_history *h)
{
    return h->n > 0 ? h->zxids[0] : h->last;
}

static int64_t
ls_max(const struct sync_history *h)
{
    return h->n > 0 ? h->zxids[h->n - 1] : h->last;
}

static struct sync_choice
ls_snap(void)
{
    return (struct sync_choice) { .kind = SYNC_SNAP };
}

static struct sync_choice
ls_diff(const struct sync_history *h, int64_t after, bool from_disk)
{
    return (struct sync_choice) {
        .kind = SYNC_DIFF,
        .zxid = ls_max(h),
        .after = after,
        .from_disk = from_disk,
    };
}

/* Only back to a txn that is in the learner's log: <e,0> never is, and who is
 * sent there may keep what stands behind it. */
static struct sync_choice
ls_trunc(int64_t zxid)
{
    if (zxid_counter(zxid) == 0) {
        return ls_snap();
    }
    return (struct sync_choice) {
        .kind = SYNC_TRUNC,
        .zxid = zxid,
        .after = zxid,
    };
}

/* The place of the first zxid >= 'zxid'; n if there is none. */
static size_t
ls_lower_bound(const struct sync_history *h, int64_t zxid)
{
    size_t lo = 0;
    size_t hi = h->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (h->zxids[mid] < zxid) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

/* Does nothing lack between 'after' and the list from 'i' on?  A list with a
 * hole would take committed txns from the learner (ZOOKEEPER-4925). */
static bool
ls_is_gapless(const struct sync_history *h, size_t i, int64_t after)
{
    for (; i < h->n; i++) {
        int64_t zxid = h->zxids[i];

        if (zxid_epoch(zxid) == zxid_epoch(after) && zxid > after + 1) {
            return false;
        }
        after = zxid;
    }
    return true;
}

/* min <= peer <= max: looks for the peer's end in the list. */
static struct sync_choice
ls_walk(const struct sync_history *h, int64_t peer)
{
    size_t i = ls_lower_bound(h, peer);
    struct sync_choice c;

    /* peer <= max: there is such an entry. */
    if (h->zxids[i] == peer || zxid_counter(peer) == 0) {
        c = ls_diff(h, peer, false);
    } else if (zxid_epoch(h->zxids[i]) != zxid_epoch(peer)) {
        return ls_snap();       /* The tail of an epoch that lost. */
    } else {
        /* min < peer: there is one before. */
        c = ls_trunc(h->zxids[i - 1]);
    }
    return ls_is_gapless(h, ls_lower_bound(h, c.after + 1), c.after)
               ? c : ls_snap();
}

struct sync_choice
learner_sync_choose(const struct sync_history *h, int64_t peer)
{
    bool new_epoch = zxid_counter(peer) == 0;

    if (h->force_snapshot) {
        return ls_snap();
    }
    if (peer == h->last) {
        return (struct sync_choice) {
            .kind = SYNC_DIFF,
            .zxid = peer,
            .after = peer,
        };
    }
    if (peer <= 0) {
        return ls_snap();       /* Empty, or it asks for a snapshot. */
    }
    if (peer > ls_max(h)) {
        /* A tail that nobody else has.  <e,0> is the mark of an epoch without
         * txns, not a tail; what is before it cannot be told. */
        return new_epoch ? ls_snap() : ls_trunc(ls_max(h));
    }
    if (peer >= ls_min(h)) {
        return ls_walk(h, peer);
    }
    /* The log files are of use only back to where they are known to have
     * neither branch nor gap (ZOOKEEPER-2846).  That the same zxid is the
     * same txn holds because histories are cut before they are joined
     * (ZOOKEEPER-2832). */
    if (peer >= h->disk_from && ls_is_gapless(h, 0, ls_min(h))) {
        return ls_diff(h, peer, true);
    }
    return ls_snap();
}
