/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cnxn_context.h: what the parts of one factory share.
 */
#ifndef CNXN_CNXN_CONTEXT_H
#define CNXN_CNXN_CONTEXT_H

#include "cnxn/cnxn_limits.h"
#include "cnxn/cnxn_table.h"
#include "cnxn/connection_expirer.h"
#include "cnxn/server_cnxn_factory.h"
#include "util/log_limit.h"

/* Output that waits for a client: past the first bound nothing more is read
 * from it; past the second it is closed.  What is in the pipeline already,
 * and events, may still be appended in between, so the second is what a
 * client costs that asks much and reads nothing (Java has no such bound and
 * runs out of heap).  One reply, however long, always goes. */
#define CNXN_OUTPUT_PAUSE ((size_t) 1 << 20)
#define CNXN_OUTPUT_MAX_DEFAULT ((int64_t) 256 << 20)

/* Lines of log that clients can cause: so many at once, then one every so
 * often. */
#define CNXN_LOG_BURST 100
#define CNXN_LOG_GAP_MS 1000

struct selector_thread;
struct tls_handshaker;

struct cnxn_context {
    /* Set at create, never changed. */
    const struct server_config *config;
    struct tls_handshaker *handshaker;  /* NULL: no port takes TLS. */
    struct selector_thread **selectors;
    unsigned n_selectors;
    struct four_letter_hook words;
    unsigned spin_us;           /* zookeeper.zkd.spinUs */
    size_t output_max;          /* zookeeper.zkd.outputMaxBytes */

    atomic_uint next_selector;  /* Whose turn it is. */
    atomic_bool serving;        /* A server stands behind the ports. */
    _Atomic uint64_t plain_local, plain_remote; /* Ever taken without TLS. */

    struct cnxn_table table;
    struct connection_expirer expirer;
    struct large_requests large;
    struct log_limit log_limit; /* Of lines that clients can cause. */

    struct zk_mutex throttle_lock;  /* leaf */
    struct connection_throttle throttle ZK_GUARDED;
};

#endif
