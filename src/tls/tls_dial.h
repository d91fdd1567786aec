/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_dial.h: a connection to a place, as a BIO whose reads and writes wait,
 * but not beyond a deadline, nor once they are cancelled.
 *
 * OpenSSL's own connections try one that is refused again until their time is
 * over, know no stop, count whole seconds, write without MSG_NOSIGNAL, and are
 * never late with who sends without a pause.
 *
 * Thread-safety: any thread, with a BIO of its own.
 */
#ifndef TLS_TLS_DIAL_H
#define TLS_TLS_DIAL_H

#include <openssl/bio.h>

#include "util/net_cancel.h"
#include "util/zk_error.h"

/* Connects to one of the addresses that the host has now; all of the BIO's
 * life is over at 'deadline_ms' (zk_time_mono_ms), or when 'cancel' (borrowed;
 * may be NULL) is fired.  The BIO closes the connection when it is freed.
 * ZK_ENOTFOUND: nobody is there; ZK_ETORN: not in time; ZK_ESTOPPED:
 * cancelled; ZK_EIO: this machine cannot. */
int tls_dial(const char *host, int port, int64_t deadline_ms,
             struct net_cancel *cancel, BIO **out, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Why a read or a write has failed: ZK_ETORN, ZK_ESTOPPED or ZK_EIO, with a
 * text.  ZK_OK: none has; the place may have ended the connection. */
int tls_dial_failure(BIO *bio, struct zk_errmsg *em) ZK_WARN_UNUSED;

#endif
