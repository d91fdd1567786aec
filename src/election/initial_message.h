/* SPDX-License-Identifier: Apache-2.0 */
/*
 * initial_message.h: the hello at the start of an election link, by which
 * who connects says who it is (Java: QuorumCnxManager.InitialMessage;
 * protocol: "Links").  Pure.
 *
 *   before 3.5  long sid
 *   3.5 on      long -65536, long sid, int n, n bytes "host:port"
 *   3.6 on      long -65535, the same with addresses joined by '|', when
 *               multiAddress is enabled
 *
 * The bytes behind a hello belong to somebody else, so it is read in pieces:
 * initial_message_need says how far it goes, as more of it is known.
 */
#ifndef ELECTION_INITIAL_MESSAGE_H
#define ELECTION_INITIAL_MESSAGE_H

#include "config/server_config.h"
#include "util/zk_buf.h"
#include "util/zk_error.h"

/* What an observer without an id of its own calls itself. */
#define INITIAL_MESSAGE_NO_SID INT64_MAX
/* Bytes of address text: 1 to this. */
#define INITIAL_MESSAGE_ADDRESS_LEN 2048
/* The longest hello. */
#define INITIAL_MESSAGE_MAX (20 + INITIAL_MESSAGE_ADDRESS_LEN)
/* Addresses that are kept of a longer list. */
#define INITIAL_MESSAGE_ADDRESSES 16

struct initial_message {
    int64_t sid;                /* >= 0 */
    size_t n;                   /* Addresses, without wildcards. */
    struct host_port address[INITIAL_MESSAGE_ADDRESSES];
};

/* '*need' is how many bytes the hello has at least, as the first 'len' of it
 * show; it is complete when that is 'len'.  Begins with 8.  ZK_EMARSHAL: it
 * is none, for the reason given. */
int initial_message_need(const void *p, size_t len, size_t *need,
                         struct zk_errmsg *em) ZK_WARN_UNUSED;
/* Fills 'm' (which holds nothing) from a complete hello; to be finished in
 * any case.  ZK_EMARSHAL with the reason for what must be refused. */
int initial_message_decode(struct initial_message *m, const void *p,
                           size_t len, struct zk_errmsg *em) ZK_WARN_UNUSED;
void initial_message_fini(struct initial_message *m);

/* Appends the hello of server 'sid' with 'n' > 0 election addresses: the form
 * of 3.5 with the first of them, or with 'multi' that of 3.6 with all. */
void initial_message_encode(int64_t sid, const struct host_port *address,
                            size_t n, bool multi, struct zk_buf *out);

#endif
