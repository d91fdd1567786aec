/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * fuzz_election: what comes on the election port, in the order in which it
 * comes there: a hello, then messages, each behind its length of two bytes.
 */
#include <config.h>

#include <stdlib.h>

#include "election/fle_notification.h"
#include "election/initial_message.h"
#include "net/net_address.h"
#include "test/fuzz/fuzz.h"
#include "util/zk_error.h"

/* How long the hello is, as it is read: piece by piece.  0: it is none. */
static size_t
fe_hello_len(const uint8_t *data, size_t size)
{
    struct zk_errmsg em = { "" };
    size_t len = 0, need = 0;

    for (;;) {
        /* Of its own size, so that a look beyond what was read shows. */
        uint8_t *known = fuzz_copy(zk_slice(data, (int32_t) len));
        int rv = initial_message_need(known, len, &need, &em);

        free(known);
        zk_assert(rv == ZK_OK || em.text[0] != '\0');
        zk_assert(rv != ZK_OK || (need >= len
                                  && need <= INITIAL_MESSAGE_MAX));
        if (rv != ZK_OK || need > size) {
            return 0;
        }
        if (need == len) {
            return len;
        }
        len = need;
    }
}

/* What we would say of the same addresses comes to the same. */
static void
fe_say_again(const struct initial_message *m)
{
    struct initial_message again;
    struct zk_buf b = { 0 };
    struct zk_errmsg em;

    if (m->n == 0) {
        return;
    }
    initial_message_encode(m->sid, m->address, m->n, true, &b);
    zk_assert(b.len <= INITIAL_MESSAGE_MAX);
    zk_assert(initial_message_decode(&again, b.data, b.len, &em) == ZK_OK);
    zk_assert(again.sid == m->sid && again.n <= m->n && again.n > 0);
    for (size_t i = 0; i < again.n; i++) {
        zk_assert(strcmp(again.address[i].host, m->address[i].host) == 0);
        zk_assert(again.address[i].port == m->address[i].port);
    }
    initial_message_fini(&again);
    zk_buf_fini(&b);
}

static void
fe_hello(const uint8_t *data, size_t len)
{
    uint8_t *copy = fuzz_copy(zk_slice(data, (int32_t) len));
    struct zk_errmsg em = { "" };
    struct initial_message m;

    if (initial_message_decode(&m, copy, len, &em) == ZK_OK) {
        zk_assert(m.sid >= 0 && m.n <= INITIAL_MESSAGE_ADDRESSES);
        for (size_t i = 0; i < m.n; i++) {
            zk_assert(!net_address_is_wildcard(m.address[i].host));
            zk_assert(m.address[i].port > 0 && m.address[i].port <= 65535);
        }
        fe_say_again(&m);
    } else {
        zk_assert(em.text[0] != '\0');
    }
    initial_message_fini(&m);
    free(copy);
}

static void
fe_notification(struct zk_slice bytes)
{
    uint8_t *copy = fuzz_copy(bytes);
    struct fle_notification n = { 0 }, again = { 0 };
    struct zk_errmsg em = { "" };
    struct zk_buf b = { 0 };

    if (fle_notification_decode(&n, 7, copy, (size_t) bytes.len, &em)
        != ZK_OK) {
        zk_assert(em.text[0] != '\0');
        free(copy);
        return;
    }
    zk_assert(n.sid == 7);
    zk_assert(n.vote.state >= PEER_LOOKING && n.vote.state <= PEER_OBSERVING);
    zk_assert(n.config.len <= bytes.len);
    fle_notification_encode(&n, &b);
    zk_assert(fle_notification_decode(&again, 7, b.data, b.len, &em)
              == ZK_OK);
    zk_assert(again.vote.leader == n.vote.leader);
    zk_assert(again.vote.zxid == n.vote.zxid);
    zk_assert(again.vote.round == n.vote.round);
    zk_assert(again.vote.peer_epoch == n.vote.peer_epoch);
    zk_assert(again.vote.state == n.vote.state);
    zk_buf_fini(&b);
    free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t len = fe_hello_len(data, size);
    struct fuzz_input in = fuzz_input(data + len, size - len);

    fuzz_quiet();
    if (len > 0) {
        fe_hello(data, len);
    }
    while (in.left > 0) {
        fe_notification(fuzz_piece(&in));
    }
    return 0;
}
