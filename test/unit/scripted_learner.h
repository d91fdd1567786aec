/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scripted_learner.h: a learner that a test plays packet by packet against a
 * real leader over loopback (protocol: section 14.3).  What does not come
 * within SL_DEADLINE_MS ends the test program.
 */
#ifndef TEST_SCRIPTED_LEARNER_H
#define TEST_SCRIPTED_LEARNER_H

#include "proto/quorum_packet.h"

#define SL_DEADLINE_MS 20000

struct scripted_learner {
    int fd;                     /* -1: closed. */
    int64_t sid;
    bool mute;                  /* PINGs are not answered. */
    struct zk_buf in;
    size_t at;
    size_t pings;               /* Seen so far. */
    struct jute_quorum_packet qp;   /* The last one read. */
    bool has_qp;
};

/* Either end of the link will do: a test that plays the leader sets 'fd' (of
 * zk_test_ports.h, so that reads end in time) and 'mute', rest 0. */

/* Waits for the port to be open. */
void sl_connect(struct scripted_learner *s, int port, int64_t sid);
void sl_close(struct scripted_learner *s);
/* Sends bytes, or a packet. */
void sl_send_raw(struct scripted_learner *s, const void *p, size_t len);
void sl_send(struct scripted_learner *s, int32_t type, int64_t zxid,
             struct zk_slice data);
/* Reads the next packet that is no PING into s->qp, answering PINGs on the
 * way; false at the end of the link. */
bool sl_next(struct scripted_learner *s);
/* The same, but for PINGs: nothing is skipped or answered. */
bool sl_next_of_all(struct scripted_learner *s);
/* sl_next; ends the program unless it is of this type. */
void sl_expect_type(struct scripted_learner *s, int32_t type);
void sl_expect(struct scripted_learner *s, int32_t type, int64_t zxid);
/* The link ends, whatever comes before that. */
bool sl_ends(struct scripted_learner *s);
/* Whether something has come that was not read. */
bool sl_has_more(const struct scripted_learner *s);
/* The link stands and nothing but PINGs comes before the 'n'th next PING. */
bool sl_is_silent(struct scripted_learner *s, size_t n);
/* Skips a snapshot stream up to and with its signature; its length. */
size_t sl_skip_stream(struct scripted_learner *s);

/* FOLLOWERINFO or OBSERVERINFO with 'len' bytes of LearnerInfo. */
void sl_info(struct scripted_learner *s, int32_t type, int64_t accepted,
             int32_t len);
void sl_ack_epoch(struct scripted_learner *s, int32_t current,
                  int64_t last_zxid);
void sl_ack(struct scripted_learner *s, int64_t zxid);
/* From the info to UPTODATE with an empty DIFF at 'last_zxid': the epoch. */
int64_t sl_join(struct scripted_learner *s, bool observer,
                int64_t last_zxid);

/* ids of a REQUEST. */
enum sl_ids {
    SL_IDS_NULL,
    SL_IDS_NONE,
    SL_IDS_IP,
};
void sl_request(struct scripted_learner *s, int64_t session, int32_t cxid,
                int32_t type, enum sl_ids ids, const struct zk_buf *body);
/* A create of a persistent node with an open ACL and 'len' bytes of data; first
 * its body alone, which serves for create2, too. */
void sl_put_create(struct zk_buf *b, const char *path, size_t len);
void sl_create(struct scripted_learner *s, int64_t session, int32_t cxid,
               const char *path, size_t len);
void sl_create_session(struct scripted_learner *s, int64_t session);
/* The PROPOSAL or INFORM in hand: type of its txn, and an error txn's err. */
int32_t sl_txn_type(const struct scripted_learner *s);
int32_t sl_txn_err(const struct scripted_learner *s);

#endif
