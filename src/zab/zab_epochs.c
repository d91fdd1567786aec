/* SPDX-License-Identifier: Apache-2.0 */
/* The epochs that this server has promised and reached (Java: QuorumPeer's
 * loadDataBase and set*Epoch; protocol: "Epoch files"). */
#include <config.h>

#include <inttypes.h>

#include "persistence/epoch_file.h"
#include "util/zk_log.h"
#include "zab/leader_core.h"
#include "zab/zab_peer.h"

#define ACCEPTED_EPOCH "acceptedEpoch"
#define CURRENT_EPOCH "currentEpoch"

static int
ze_read(const char *dir, const char *name, int64_t *epoch,
        struct zk_errmsg *em)
{
    int rv = epoch_file_read(dir, name, epoch, em);

    if (rv == ZK_OK && (*epoch < 0 || *epoch > ZXID_MAX_EPOCH)) {
        rv = zk_fail(em, ZK_ECORRUPT, "%s/%s: %" PRId64 " is not an epoch",
                     dir, name, *epoch);
    }
    return rv;
}

/* Where there is no file, 'missing' becomes its content, if 'write' says
 * so. */
static int
ze_read_or_write(const char *dir, const char *name, int64_t missing,
                 bool write, int64_t *epoch, struct zk_errmsg *em)
{
    int rv = ze_read(dir, name, epoch, em);

    if (rv == ZK_ENOTFOUND && !write) {
        *epoch = missing;
        return ZK_OK;
    }
    if (rv == ZK_ENOTFOUND) {
        zk_info(peer, "%s/%s: not there, taken to be %" PRId64, dir, name,
                missing);
        *epoch = missing;
        rv = epoch_file_write(dir, name, missing, em);
    }
    return rv;
}

static int
ze_load(struct zab_epochs *e, const char *dir, int64_t last_zxid, bool write,
        struct zk_errmsg *em)
{
    int64_t history_epoch = zxid_epoch(last_zxid);
    int rv;

    e->dir = dir;
    rv = ze_read_or_write(dir, CURRENT_EPOCH, history_epoch, write,
                          &e->current, em);
    if (rv == ZK_OK) {
        rv = ze_read_or_write(dir, ACCEPTED_EPOCH, history_epoch, write,
                              &e->accepted, em);
    }
    if (rv != ZK_OK) {
        return rv;
    }
    if (e->current > e->accepted || history_epoch > e->accepted) {
        return zk_fail(em, ZK_ECORRUPT,
                       "%s: " ACCEPTED_EPOCH " is %" PRId64
                       ", but " CURRENT_EPOCH " is %" PRId64
                       " and the history ends in epoch %" PRId64,
                       dir, e->accepted, e->current, history_epoch);
    }
    if (history_epoch > e->current && !write) {
        e->current = history_epoch;
    } else if (history_epoch > e->current) {
        /* The server ended while it took over a leader's history, which is
         * durable before currentEpoch is (Java servers before 3.6 leave
         * updatingEpoch then, later ones perhaps currentEpoch.tmp).  What is
         * there is the beginning of that history, so a follower of
         * history_epoch that has come this far is no different. */
        zk_warn(peer, "%s: " CURRENT_EPOCH " %" PRId64 " becomes %" PRId64
                ", the epoch that the history ends in: the server ended while "
                "it took it over", dir, e->current, history_epoch);
        rv = zab_epochs_establish(e, history_epoch, em);
    }
    return rv;
}

int
zab_epochs_load(struct zab_epochs *e, const char *dir, int64_t last_zxid,
                struct zk_errmsg *em)
{
    return ze_load(e, dir, last_zxid, true, em);
}

int
zab_epochs_peek(struct zab_epochs *e, const char *dir, int64_t last_zxid,
                struct zk_errmsg *em)
{
    return ze_load(e, dir, last_zxid, false, em);
}

int
zab_epochs_accept(struct zab_epochs *e, int64_t epoch, struct zk_errmsg *em)
{
    int rv = ZK_OK;

    zk_assert(epoch >= e->accepted && epoch <= ZXID_MAX_EPOCH);
    if (epoch > e->accepted) {
        rv = epoch_file_write(e->dir, ACCEPTED_EPOCH, epoch, em);
    }
    if (rv == ZK_OK) {
        e->accepted = epoch;
    }
    return rv;
}

int
zab_epochs_establish(struct zab_epochs *e, int64_t epoch,
                     struct zk_errmsg *em)
{
    int rv = ZK_OK;

    zk_assert(epoch >= e->current && epoch <= e->accepted);
    if (epoch > e->current) {
        rv = epoch_file_write(e->dir, CURRENT_EPOCH, epoch, em);
    }
    if (rv == ZK_OK) {
        e->current = epoch;
    }
    return rv;
}
