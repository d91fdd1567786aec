/* SPDX-License-Identifier: Apache-2.0 */
/* watch_manager_priv.h: the manager's insides.  For watch/ alone. */
#ifndef WATCH_WATCH_MANAGER_PRIV_H
#define WATCH_WATCH_MANAGER_PRIV_H

#include "util/zk_lock.h"
#include "watch/watch_table.h"

struct watch_manager {
    unsigned magic;
#define WATCH_MANAGER_MAGIC 0x57744d67

    /* table.n_rows, to be read without the lock. */
    _Atomic size_t n_rows;

    struct zk_mutex lock;       /* ZK_LOCK_watch_manager */
    struct watch_table table ZK_GUARDED;
    uint64_t event ZK_GUARDED;  /* Number of the last event. */
};

#endif
