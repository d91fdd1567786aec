/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_disk.h: what a server keeps over a crash: a log of which a beginning is
 * durable, snapshots, and the two epochs, which are durable when written.
 *
 * Each of the changing functions is a moment at which the server may crash:
 * they return false, and do nothing more, when it does.
 */
#ifndef TEST_SIM_SIM_DISK_H
#define TEST_SIM_SIM_DISK_H

#include "sim_history.h"

#define SIM_SNAPSHOTS 8

struct sim_node;

struct sim_snapshot {
    const struct sim_state *state;
    int64_t zxid;               /* Its name: state->zxid, or <e,0>. */
    int64_t fuzzy_upto;         /* Above zxid: it has some of what follows
                                 * up to there (ZOOKEEPER-3104). */
};

struct sim_disk {
    struct sim_node *node;
    int64_t accepted, current;
    const struct sim_txn **log;
    size_t n, n_durable, cap;
    struct sim_snapshot snapshots[SIM_SNAPSHOTS];  /* Rising. */
    size_t n_snapshots;
    /* What a loss of power would leave, kept up to date. */
    struct sim_snapshot durable;
};

/* What a server finds when it starts. */
struct sim_loaded {
    struct sim_snapshot end;
    int64_t snapshot_zxid;
    size_t replayed;            /* The last so many log records. */
};

/* Empty, with the snapshot of an empty tree. */
void sim_disk_init(struct sim_disk *d, struct sim_node *n);
void sim_disk_fini(struct sim_disk *d);
/* What was not synced is lost, but for a beginning of it. */
void sim_disk_lose_power(struct sim_disk *d);
/* Reads all; what is read becomes durable. */
void sim_disk_load(struct sim_disk *d, struct sim_loaded *out);
/* What a load would find, without doing it. */
struct sim_snapshot sim_disk_end(const struct sim_disk *d);

bool sim_disk_accept(struct sim_disk *d, int64_t epoch) ZK_WARN_UNUSED;
bool sim_disk_establish(struct sim_disk *d, int64_t epoch) ZK_WARN_UNUSED;
bool sim_disk_append(struct sim_disk *d, const struct sim_txn *t)
    ZK_WARN_UNUSED;
/* The records up to this zxid are durable. */
bool sim_disk_sync(struct sim_disk *d, int64_t upto) ZK_WARN_UNUSED;
/* A snapshot beside the log; old ones, and the log before them, may go. */
bool sim_disk_snapshot(struct sim_disk *d, const struct sim_snapshot *s)
    ZK_WARN_UNUSED;
/* Steps of file_txn_snap_log_replace and _truncate. */
bool sim_disk_cut_log(struct sim_disk *d, int64_t above) ZK_WARN_UNUSED;
bool sim_disk_add_snapshot(struct sim_disk *d, const struct sim_snapshot *s)
    ZK_WARN_UNUSED;
bool sim_disk_drop_snapshots(struct sim_disk *d, int64_t above)
    ZK_WARN_UNUSED;
/* Is there a way back to 'zxid'?  If not, nothing short of a snapshot will
 * do. */
bool sim_disk_can_truncate(const struct sim_disk *d, int64_t zxid);
/* The place of the record with this zxid (for <e,0> that of the record before
 * the epoch's first); false: it is not there.  -1 stands before all. */
bool sim_disk_find(const struct sim_disk *d, int64_t zxid, int64_t *at);
static inline int64_t
sim_disk_last(const struct sim_disk *d)
{
    return d->n > 0 ? d->log[d->n - 1]->zxid : 0;
}

#endif
