/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "zab/learner_core.h"

#include "proto/op_code.h"
#include "proto/txn_codec.h"
#include "test/lib/zk_test.h"
#include "test/unit/learner_recorder.h"
#include "util/zk_log.h"

/* ---- discovery --------------------------------------------------------- */

static int
send_and_look(void *self, int32_t type, int64_t zxid, struct zk_slice data,
              struct zk_errmsg *em)
{
    static const uint8_t want[] = {
        0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9,
    };

    (void) em;
    CU_ASSERT_EQUAL(type, *(int32_t *) self);
    CU_ASSERT_EQUAL(zxid, Z(1, 0));
    CU_ASSERT_EQUAL_FATAL(data.len, (int32_t) sizeof want);
    CU_ASSERT_EQUAL(memcmp(data.p, want, sizeof want), 0);
    return ZK_OK;
}

static void
test_first_packet_says_who_we_are(void)
{
    for (int observer = 0; observer <= 1; observer++) {
        int32_t type = observer ? QP_OBSERVERINFO : QP_FOLLOWERINFO;
        const struct learner_env env = { .self = &type,
                                         .send = send_and_look };
        struct learner_core_options o = options(observer);
        struct learner_core *lc;
        struct zk_errmsg em;

        o.config_version = Z(1, 9);
        lc = learner_core_create(&env, &o);
        CU_ASSERT_EQUAL(learner_core_start(lc, &em), ZK_OK);
        CU_ASSERT_EQUAL(learner_core_epoch(lc), -1);
        learner_core_destroy(lc);
    }
}

static void
test_epoch_is_durable_before_it_is_acked(void)
{
    struct learner_test t;

    start_at(&t, 1);
    leader_info(&t, 4);
    ok(&t);
    expect(&t, "accept(4) ACKEPOCH(1.5,1)");
    CU_ASSERT_EQUAL(learner_core_epoch(t.lc), 4);
    destroy(&t);
}

static void
test_epoch_accepted_before_does_not_count(void)
{
    struct learner_test t;

    start_at(&t, 4);
    leader_info(&t, 4);
    ok(&t);
    expect(&t, "ACKEPOCH(1.5,-1)");
    destroy(&t);
}

static void
test_older_epoch_is_refused(void)
{
    struct learner_test t;

    start_at(&t, 4);
    leader_info(&t, 3);
    refused(&t, ZK_ECORRUPT);
    expect(&t, "");
    destroy(&t);

    start_at(&t, 4);
    leader_info(&t, 0x80000000);
    refused(&t, ZK_ECORRUPT);
    expect(&t, "");
    destroy(&t);
}

static void
test_leaders_before_3_4_are_refused(void)
{
    static const struct zk_slice data[] = {
        { NULL, -1 }, { "\0\1\0", 3 }, { "\0\0\xff\xff", 4 },
        { "\0\0\0\1", 4 },
    };
    struct learner_test t;

    for (size_t i = 0; i < ZK_ARRAY_SIZE(data); i++) {
        start_at(&t, 1);
        raw(&t, QP_LEADERINFO, Z(2, 0), data[i]);
        refused(&t, ZK_EMARSHAL);
        expect(&t, "");
        destroy(&t);
    }
    /* They begin with NEWLEADER. */
    start_at(&t, 1);
    new_leader(&t, 2);
    refused(&t, ZK_EMARSHAL);
    expect(&t, "");
    destroy(&t);
}

/* ---- history ----------------------------------------------------------- */

/* ZOOKEEPER-3911, -4646, -3023: all of it is durable and applied before the
 * ack; ZOOKEEPER-4643, -4785: before the epoch, too. */
static void
test_diff_is_durable_before_the_epoch_and_the_ack(void)
{
    struct learner_test t;

    discovered(&t, false);
    bare(&t, QP_DIFF, Z(2, 1));
    pair(&t, Z(1, 6));
    proposal(&t, Z(1, 7));
    proposal(&t, Z(2, 1));
    commit(&t, Z(1, 7));
    commit(&t, Z(2, 1));
    ok(&t);
    expect(&t, "");
    CU_ASSERT_FALSE(learner_core_is_synced(t.lc));
    new_leader(&t, 2);
    ok(&t);
    expect(&t, "append(1.6) append(1.7) append(2.1) sync "
               "apply(1.6) apply(1.7) apply(2.1) current(2) ACK(2.0)");
    CU_ASSERT_TRUE(learner_core_is_synced(t.lc));
    CU_ASSERT_FALSE(learner_core_is_serving(t.lc));
    up_to_date(&t);
    ok(&t);
    expect(&t, "ACK(2.0) serve(2)");
    CU_ASSERT_TRUE(learner_core_is_serving(t.lc));
    destroy(&t);
}

static void
test_empty_diff_touches_only_the_epoch(void)
{
    struct learner_test t;

    serving(&t, false);
    CU_ASSERT_FALSE(learner_core_leader_is_old(t.lc));
    destroy(&t);
}

/* ZOOKEEPER-2355: nothing here follows from the zxid of DIFF. */
static void
test_zxid_of_diff_means_nothing(void)
{
    static const int64_t zxids[] = { 0, Z(1, 5), Z(2, 9), Z(9, 9), -1 };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(zxids); i++) {
        struct learner_test t;

        discovered(&t, false);
        bare(&t, QP_DIFF, zxids[i]);
        ok(&t);
        expect(&t, "");
        proposal(&t, Z(1, 6));      /* Follows what is here. */
        ok(&t);
        destroy(&t);
    }
}

/* ZOOKEEPER-4394: b is open when NEWLEADER comes, and ZOOKEEPER-4685: it is
 * not acked before NEWLEADER is. */
static void
test_open_proposal_survives_new_leader(void)
{
    struct learner_test t;

    discovered(&t, false);
    bare(&t, QP_DIFF, Z(2, 1));
    pair(&t, Z(2, 1));
    proposal(&t, Z(2, 2));
    new_leader(&t, 2);
    ok(&t);
    expect(&t, "append(2.1) sync apply(2.1) current(2) ACK(2.0)");
    commit(&t, Z(2, 2));
    ok(&t);
    expect(&t, "");
    up_to_date(&t);
    ok(&t);
    expect(&t, "ACK(2.0) serve(2) propose(2.2) commit(2.2)");
    destroy(&t);
}

static void
test_open_proposal_survives_up_to_date(void)
{
    struct learner_test t;

    discovered(&t, false);
    bare(&t, QP_DIFF, Z(1, 5));
    proposal(&t, Z(2, 1));
    new_leader(&t, 2);
    proposal(&t, Z(2, 2));
    proposal(&t, Z(2, 3));
    commit(&t, Z(2, 1));
    commit(&t, Z(2, 2));
    up_to_date(&t);
    ok(&t);
    expect(&t, "current(2) ACK(2.0) ACK(2.0) serve(2) propose(2.1) "
               "propose(2.2) propose(2.3) commit(2.1) commit(2.2)");
    commit(&t, Z(2, 3));
    ok(&t);
    expect(&t, "commit(2.3)");
    destroy(&t);
}

/* ZOOKEEPER-3104: the snapshot on disk is taken of what the stream and the
 * txns behind it made. */
static void
test_snapshot_is_saved_with_what_came_behind_it(void)
{
    struct learner_test t;

    discovered(&t, false);
    bare(&t, QP_SNAP, Z(2, 0));
    pair(&t, Z(2, 1));
    pair(&t, Z(2, 2));
    new_leader(&t, 2);
    ok(&t);
    expect(&t, "load(2.0) apply(2.1) apply(2.2) save current(2) ACK(2.0)");
    pair(&t, Z(2, 3));
    up_to_date(&t);
    expect(&t, "ACK(2.0) serve(2) propose(2.3) commit(2.3)");
    destroy(&t);
}

static void
test_snapshot_alone_is_saved_as_well(void)
{
    struct learner_test t;

    discovered(&t, false);
    bare(&t, QP_SNAP, Z(1, 2));
    new_leader(&t, 2);
    ok(&t);
    expect(&t, "load(1.2) save current(2) ACK(2.0)");
    destroy(&t);
}

/* As leaders of 3.4 do: back in epoch 1, then on in epoch 2. */
static void
test_trunc_may_be_followed_by_another_epoch(void)
{
    struct learner_test t;

    discovered(&t, false);
    bare(&t, QP_TRUNC, Z(1, 3));
    ok(&t);
    expect(&t, "trunc(1.3)");
    pair(&t, Z(2, 1));
    pair(&t, Z(2, 2));
    bare(&t, QP_NEWLEADER, Z(2, 0));
    ok(&t);
    expect(&t, "append(2.1) append(2.2) sync apply(2.1) apply(2.2) "
               "current(2) ACK(2.0)");
    CU_ASSERT_TRUE(learner_core_leader_is_old(t.lc));
    destroy(&t);
}

static void
test_trunc_sets_where_the_history_goes_on(void)
{
    struct learner_test t;

    discovered(&t, false);
    bare(&t, QP_TRUNC, Z(1, 3));
    pair(&t, Z(1, 4));
    proposal(&t, Z(1, 6));
    refused(&t, ZK_ECORRUPT);
    destroy(&t);
}

/* ZOOKEEPER-3701. */
static void
test_failed_trunc_ends_the_link(void)
{
    struct learner_test t;

    discovered(&t, false);
    t.rec.fail_at = t.rec.n;
    bare(&t, QP_TRUNC, Z(1, 3));
    CU_ASSERT_STRING_EQUAL(t.em.text, "trunc(1.3) fails");
    refused(&t, INJECTED);
    expect(&t, "trunc(1.3)");
    destroy(&t);
}

static void
test_history_cannot_end_anywhere(void)
{
    static const struct {
        int32_t type;
        int64_t zxid;
    } cases[] = {
        { QP_TRUNC, Z(1, 6) }, { QP_TRUNC, -1 }, { QP_TRUNC, INT64_MAX },
        { QP_SNAP, Z(3, 1) }, { QP_SNAP, -1 }, { QP_SNAP, INT64_MAX },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        struct learner_test t;

        discovered(&t, false);
        bare(&t, cases[i].type, cases[i].zxid);
        refused(&t, ZK_ECORRUPT);
        expect(&t, "");
        destroy(&t);
    }
}

/* A long DIFF is not held in memory; what is logged early is committed. */
static void
test_long_diff_is_logged_in_pieces(void)
{
    static char filler[1 << 20];
    struct learner_test t;

    discovered(&t, false);
    bare(&t, QP_DIFF, Z(1, 20));
    for (int64_t c = 6; c <= 11; c++) {
        txn_packet(&t, QP_PROPOSAL, Z(1, c), ZK_SLICE_LIT(""),
                   zk_slice(filler, sizeof filler));
        commit(&t, Z(1, c));
        ok(&t);
    }
    expect(&t, "append(1.6) append(1.7) append(1.8) append(1.9) sync "
               "apply(1.6) apply(1.7) apply(1.8) apply(1.9)");
    new_leader(&t, 2);
    ok(&t);
    expect(&t, "append(1.10) append(1.11) sync apply(1.10) apply(1.11) "
               "current(2) ACK(2.0)");
    destroy(&t);
}

/* What comes behind NEWLEADER is not history any more, however much it is. */
static void
test_nothing_is_logged_between_the_ack_and_up_to_date(void)
{
    static char filler[1 << 20];
    struct learner_test t;

    discovered(&t, false);
    bare(&t, QP_DIFF, Z(1, 5));
    new_leader(&t, 2);
    expect(&t, "current(2) ACK(2.0)");
    for (int64_t c = 1; c <= 5; c++) {
        txn_packet(&t, QP_PROPOSAL, Z(2, c), ZK_SLICE_LIT(""),
                   zk_slice(filler, sizeof filler));
        commit(&t, Z(2, c));
        ok(&t);
    }
    expect(&t, "");
    destroy(&t);
}

static void
test_new_leader_must_be_of_the_epoch(void)
{
    static const int64_t zxids[] = { Z(1, 0), Z(3, 0), Z(2, 1), -1 };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(zxids); i++) {
        struct learner_test t;

        discovered(&t, false);
        bare(&t, QP_DIFF, Z(1, 5));
        pair(&t, Z(1, 6));
        bare(&t, QP_NEWLEADER, zxids[i]);
        refused(&t, ZK_ECORRUPT);
        expect(&t, "");
        destroy(&t);
    }
}

/* ---- what a leader must not send --------------------------------------- */

static const char *
gap_text(struct learner_test *t)
{
    return strstr(t->em.text, "0x100000007")
           && strstr(t->em.text, "0x100000006") ? "both" : t->em.text;
}

/* ZOOKEEPER-4925: a hole would stay a hole for those whom we lead later. */
static void
test_gap_ends_the_link(void)
{
    struct learner_test t;

    discovered(&t, false);
    bare(&t, QP_DIFF, Z(1, 7));
    proposal(&t, Z(1, 7));
    CU_ASSERT_STRING_EQUAL(gap_text(&t), "both");
    refused(&t, ZK_ECORRUPT);
    expect(&t, "");
    destroy(&t);

    discovered(&t, false);
    bare(&t, QP_DIFF, Z(1, 9));
    pair(&t, Z(1, 6));
    proposal(&t, Z(1, 8));
    refused(&t, ZK_ECORRUPT);
    destroy(&t);

    serving(&t, false);
    proposal(&t, Z(2, 1));
    proposal(&t, Z(2, 7));
    refused(&t, ZK_ECORRUPT);
    expect(&t, "propose(2.1)");
    destroy(&t);

    serving(&t, true);
    inform(&t, Z(2, 1));
    inform(&t, Z(2, 3));
    refused(&t, ZK_ECORRUPT);
    expect(&t, "propose(2.1) commit(2.1)");
    destroy(&t);
}

static void
test_epoch_may_begin_anywhere_but_not_later_than_its_leader(void)
{
    struct learner_test t;

    discovered(&t, false);
    bare(&t, QP_DIFF, Z(2, 9));
    pair(&t, Z(2, 8));
    pair(&t, Z(2, 9));
    proposal(&t, Z(1, 10));
    refused(&t, ZK_ECORRUPT);
    destroy(&t);

    discovered(&t, false);
    bare(&t, QP_DIFF, Z(2, 9));
    proposal(&t, Z(3, 1));
    refused(&t, ZK_ECORRUPT);
    destroy(&t);
}

static void
test_commit_of_another_than_the_first_ends_the_link(void)
{
    struct learner_test t;

    discovered(&t, false);
    bare(&t, QP_DIFF, Z(1, 7));
    proposal(&t, Z(1, 6));
    proposal(&t, Z(1, 7));
    commit(&t, Z(1, 7));
    CU_ASSERT_STRING_EQUAL(gap_text(&t), "both");
    refused(&t, ZK_ECORRUPT);
    expect(&t, "");
    destroy(&t);

    serving(&t, false);
    proposal(&t, Z(2, 1));
    proposal(&t, Z(2, 2));
    commit(&t, Z(2, 2));
    refused(&t, ZK_ECORRUPT);
    expect(&t, "propose(2.1) propose(2.2)");
    destroy(&t);
}

static void
test_commit_with_nothing_open_is_ignored(void)
{
    struct learner_test t;

    discovered(&t, false);
    bare(&t, QP_DIFF, Z(1, 7));
    commit(&t, Z(1, 9));
    ok(&t);
    pair(&t, Z(1, 6));
    commit(&t, Z(1, 6));
    ok(&t);
    new_leader(&t, 2);
    commit(&t, Z(1, 6));
    ok(&t);
    up_to_date(&t);
    expect(&t, "append(1.6) sync apply(1.6) current(2) ACK(2.0) ACK(2.0) "
               "serve(2)");
    commit(&t, Z(2, 1));
    ok(&t);
    expect(&t, "");
    pair(&t, Z(2, 1));
    expect(&t, "propose(2.1) commit(2.1)");
    destroy(&t);
}

static void
test_txn_that_does_not_decode_ends_the_link(void)
{
    struct learner_test t;
    struct zk_buf b = { 0 };

    serving(&t, false);
    bare(&t, QP_PROPOSAL, Z(2, 1));
    refused(&t, ZK_EMARSHAL);
    destroy(&t);

    txn_encode_header(&b, 77, 1, Z(2, 1), 1234, 77);
    serving(&t, false);
    raw(&t, QP_PROPOSAL, Z(2, 1), zk_slice(b.data, (int32_t) b.len));
    refused(&t, ZK_EMARSHAL);
    destroy(&t);

    for (int32_t len = 0; len < (int32_t) b.len; len++) {
        serving(&t, false);
        raw(&t, QP_PROPOSAL, Z(2, 1), zk_slice(b.data, len));
        refused(&t, ZK_EMARSHAL);
        expect(&t, "");
        destroy(&t);
    }
    zk_buf_fini(&b);
}

static void
test_txn_must_be_that_of_its_packet(void)
{
    struct learner_test t;
    struct zk_buf b = { 0 };

    txn_encode_header(&b, 77, 1, Z(2, 2), 1234, OP_CREATE_SESSION);
    txn_encode_create_session(&b, 30000);
    serving(&t, false);
    raw(&t, QP_PROPOSAL, Z(2, 1), zk_slice(b.data, (int32_t) b.len));
    refused(&t, ZK_ECORRUPT);
    expect(&t, "");
    destroy(&t);
    zk_buf_fini(&b);
}

static void
test_bytes_behind_a_txn_are_ignored(void)
{
    struct learner_test t;

    serving(&t, false);
    txn_packet(&t, QP_PROPOSAL, Z(2, 1), ZK_SLICE_LIT(""),
               ZK_SLICE_LIT("8garbage"));
    ok(&t);
    commit(&t, Z(2, 1));
    ok(&t);
    expect(&t, "propose(2.1) commit(2.1)");
    destroy(&t);
}

/* Java's 3.9 gives a write that does not decode the zxid before. */
static void
test_zxid_that_comes_twice_is_logged_once(void)
{
    struct learner_test t;

    discovered(&t, false);
    bare(&t, QP_DIFF, Z(1, 7));
    pair(&t, Z(1, 6));
    pair(&t, Z(1, 6));
    proposal(&t, Z(1, 7));
    proposal(&t, Z(1, 7));
    commit(&t, Z(1, 7));
    commit(&t, Z(1, 7));
    ok(&t);
    new_leader(&t, 2);
    expect(&t, "append(1.6) append(1.7) sync apply(1.6) apply(1.7) "
               "current(2) ACK(2.0)");
    up_to_date(&t);
    expect(&t, "ACK(2.0) serve(2)");
    proposal(&t, Z(2, 1));
    proposal(&t, Z(2, 1));
    proposal(&t, Z(2, 2));
    ok(&t);
    expect(&t, "propose(2.1) again(2.1) propose(2.2)");
    commit(&t, Z(2, 1));
    commit(&t, Z(2, 1));
    commit(&t, Z(2, 2));
    ok(&t);
    expect(&t, "commit(2.1) commit(2.2)");
    destroy(&t);
}

static void
test_packets_out_of_their_place_end_the_link(void)
{
    static const struct {
        int place;              /* After so many of the packets below. */
        int32_t type;
    } cases[] = {
        { 0, QP_DIFF }, { 0, QP_PROPOSAL }, { 0, QP_UPTODATE },
        { 0, QP_COMMIT },
        { 1, QP_LEADERINFO }, { 1, QP_NEWLEADER }, { 1, QP_PROPOSAL },
        { 1, QP_INFORM }, { 1, QP_COMMIT }, { 1, QP_UPTODATE },
        { 2, QP_DIFF }, { 2, QP_SNAP }, { 2, QP_UPTODATE },
        { 2, QP_LEADERINFO }, { 2, QP_INFORM },
        { 3, QP_NEWLEADER }, { 3, QP_TRUNC }, { 3, QP_LEADERINFO },
        { 4, QP_NEWLEADER }, { 4, QP_SNAP }, { 4, QP_DIFF },
        { 4, QP_INFORM }, { 4, QP_INFORMANDACTIVATE },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        struct learner_test t;

        start_at(&t, 1);
        for (int k = 0; k < cases[i].place; k++) {
            k == 0 ? leader_info(&t, 2)
            : k == 1 ? bare(&t, QP_DIFF, Z(1, 5))
            : k == 2 ? new_leader(&t, 2) : up_to_date(&t);
            ok(&t);
        }
        zk_buf_clear(&t.rec.calls);
        if (cases[i].type == QP_LEADERINFO) {
            leader_info(&t, 2);
        } else if (cases[i].type == QP_NEWLEADER) {
            new_leader(&t, 2);
        } else {
            txn_packet(&t, cases[i].type, Z(1, 6), ZK_SLICE_LIT(""),
                       ZK_SLICE_LIT(""));
        }
        refused(&t, ZK_EMARSHAL);
        expect(&t, "");
        destroy(&t);
    }
}

/* ---- what a leader may send at any time -------------------------------- */

static void
noise(struct learner_test *t)
{
    static const int32_t types[] = {
        QP_PING, QP_SYNC, QP_REVALIDATE, 55, -1, 0, QP_ACK, QP_REQUEST,
        QP_FOLLOWERINFO, QP_ACKEPOCH,
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(types); i++) {
        bare(t, types[i], 0);
        ok(t);
    }
}

static void
test_noise_before_up_to_date_is_ignored(void)
{
    struct learner_test t;

    start_at(&t, 1);
    noise(&t);
    leader_info(&t, 2);
    expect(&t, "accept(2) ACKEPOCH(1.5,1)");
    noise(&t);
    bare(&t, QP_DIFF, Z(1, 6));
    noise(&t);
    pair(&t, Z(1, 6));
    noise(&t);
    new_leader(&t, 2);
    noise(&t);
    up_to_date(&t);
    ok(&t);
    expect(&t, "append(1.6) sync apply(1.6) current(2) ACK(2.0) ACK(2.0) "
               "serve(2)");
    destroy(&t);
}

static void
test_broadcast(void)
{
    struct learner_test t;

    serving(&t, false);
    proposal(&t, Z(2, 1));
    bare(&t, QP_PING, Z(2, 1));
    proposal(&t, Z(2, 2));
    commit(&t, Z(2, 1));
    bare(&t, QP_SYNC, 0);
    raw(&t, QP_REVALIDATE, -1, zk_slice("123456789", 9));
    commit(&t, Z(2, 2));
    bare(&t, 55, 0);
    bare(&t, QP_UPTODATE, -1);
    ok(&t);
    expect(&t, "propose(2.1) ping(2.1) propose(2.2) commit(2.1) synced "
               "revalidated(9) commit(2.2)");
    destroy(&t);
}

static void
test_reconfig_is_committed_like_any_txn(void)
{
    struct learner_test t;

    serving(&t, false);
    proposal(&t, Z(2, 1));
    raw(&t, QP_COMMITANDACTIVATE, Z(2, 1), zk_slice("\0\0\0\0\0\0\0\1", 8));
    ok(&t);
    expect(&t, "propose(2.1) commit(2.1)");
    destroy(&t);

    serving(&t, true);
    txn_packet(&t, QP_INFORMANDACTIVATE, Z(2, 1),
               zk_slice("\0\0\0\0\0\0\0\1", 8), ZK_SLICE_LIT(""));
    ok(&t);
    expect(&t, "propose(2.1) commit(2.1)");
    raw(&t, QP_INFORMANDACTIVATE, Z(2, 2), zk_slice("\0\0\0\0\0\0\0", 7));
    refused(&t, ZK_EMARSHAL);
    destroy(&t);
}

/* ---- observers --------------------------------------------------------- */

static void
test_observer_logs_what_it_is_informed_of(void)
{
    struct learner_test t;

    discovered(&t, true);
    bare(&t, QP_DIFF, Z(2, 1));
    pair(&t, Z(1, 6));              /* The history comes as pairs, too. */
    inform(&t, Z(1, 7));
    inform(&t, Z(2, 1));
    ok(&t);
    new_leader(&t, 2);
    ok(&t);
    expect(&t, "append(1.6) append(1.7) append(2.1) sync "
               "apply(1.6) apply(1.7) apply(2.1) current(2) ACK(2.0)");
    inform(&t, Z(2, 2));
    txn_packet(&t, QP_INFORMANDACTIVATE, Z(2, 3),
               zk_slice("\0\0\0\0\0\0\0\1", 8), ZK_SLICE_LIT(""));
    ok(&t);
    up_to_date(&t);
    ok(&t);
    expect(&t, "ACK(2.0) serve(2) propose(2.2) propose(2.3) "
               "commit(2.2) commit(2.3)");
    inform(&t, Z(2, 4));
    inform(&t, Z(2, 4));
    ok(&t);
    expect(&t, "propose(2.4) commit(2.4)");
    destroy(&t);
}

static void
test_observer_takes_a_snapshot(void)
{
    struct learner_test t;

    discovered(&t, true);
    bare(&t, QP_SNAP, Z(2, 4));
    inform(&t, Z(2, 5));
    new_leader(&t, 2);
    ok(&t);
    expect(&t, "load(2.4) apply(2.5) save current(2) ACK(2.0)");
    destroy(&t);
}

static void
test_inform_does_not_overtake_a_proposal(void)
{
    struct learner_test t;

    discovered(&t, true);
    bare(&t, QP_DIFF, Z(2, 1));
    proposal(&t, Z(1, 6));
    inform(&t, Z(1, 7));
    CU_ASSERT_STRING_EQUAL(gap_text(&t), "both");
    refused(&t, ZK_ECORRUPT);
    expect(&t, "");
    destroy(&t);
}

/* ---- failures ---------------------------------------------------------- */

/* All kinds of calls; each packet is given only while nothing failed. */
static void
life(struct learner_test *t, int32_t opening)
{
    t->rv = learner_core_start(t->lc, &t->em);
    for (int i = 0; i <= 16 && t->rv == ZK_OK; i++) {
        switch (i) {
        case 0: leader_info(t, 2); break;
        case 1: bare(t, opening, Z(1, 4)); break;
        case 2: proposal(t, Z(2, 1)); break;
        case 3: proposal(t, Z(2, 2)); break;
        case 4: commit(t, Z(2, 1)); break;
        case 5: commit(t, Z(2, 2)); break;
        case 6: proposal(t, Z(2, 3)); break;
        case 7: new_leader(t, 2); break;
        case 8: commit(t, Z(2, 3)); break;
        case 9: proposal(t, Z(2, 4)); break;
        case 10: up_to_date(t); break;
        case 11: commit(t, Z(2, 4)); break;
        case 12: bare(t, QP_PING, 0); break;
        case 13: bare(t, QP_REVALIDATE, 0); break;
        case 14: bare(t, QP_SYNC, 0); break;
        case 15: proposal(t, Z(2, 5)); break;
        default: commit(t, Z(2, 5));
        }
    }
}

/* ZOOKEEPER-3642 among them: a SNAP that was not saved is followed by
 * nothing.  The recorder holds the order and that nothing is asked after a
 * failure. */
static void
test_failure_of_any_call_ends_the_link(void)
{
    static const int32_t openings[] = { QP_DIFF, QP_TRUNC, QP_SNAP };
    const struct learner_core_options o = options(false);
    struct learner_test t;

    for (size_t i = 0; i < ZK_ARRAY_SIZE(openings); i++) {
        int n;

        create(&t, &o);
        life(&t, openings[i]);
        ok(&t);
        n = t.rec.n;
        destroy(&t);
        CU_ASSERT_TRUE(n > 16);
        for (int k = 0; k < n; k++) {
            create(&t, &o);
            t.rec.fail_at = k;
            life(&t, openings[i]);
            CU_ASSERT_TRUE(t.rec.failed);
            CU_ASSERT_EQUAL(t.rec.n, k + 1);
            CU_ASSERT_PTR_NOT_NULL(strstr(t.em.text, "fails"));
            refused(&t, INJECTED);
            destroy(&t);
        }
    }
}

/* ---- any leader at all ------------------------------------------------- */

static uint32_t
next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t) (*state >> 33);
}

/* Whatever comes, the recorder's rules hold and nothing breaks.  Types are
 * drawn so that many get far. */
static void
random_leader(uint64_t seed)
{
    uint64_t state = seed;
    struct learner_test t;
    const struct learner_core_options o = options(next_random(&state) % 2);
    int64_t zxid = next_random(&state) % 2 ? Z(1, 5) : Z(2, 0);

    create(&t, &o);
    CU_ASSERT_EQUAL(learner_core_start(t.lc, &t.em), ZK_OK);
    t.rv = ZK_OK;
    leader_info(&t, 2);
    for (int i = 0; i < 40 && t.rv == ZK_OK; i++) {
        uint32_t r = next_random(&state) % 100;

        if (i == 0) {
            int32_t type = r < 40 ? QP_DIFF : r < 70 ? QP_SNAP : QP_TRUNC;

            bare(&t, type, r % 7 == 0 ? Z(2, 0) : Z(1, 5) - r % 5);
        } else if (r < 45) {
            zxid += r < 40;
            o.observer && r < 30 ? inform(&t, zxid) : proposal(&t, zxid);
        } else if (r < 75) {
            commit(&t, zxid - (int64_t) (r % 4));
        } else if (r < 82) {
            new_leader(&t, 2);
        } else if (r < 90) {
            up_to_date(&t);
        } else {
            bare(&t, (int32_t) (r % 21), zxid);
        }
    }
    destroy(&t);
}

static void
test_no_leader_breaks_the_rules(void)
{
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        random_leader(seed);
    }
}

static const struct zk_test tests[] = {
    { "the first packet says who we are",
      test_first_packet_says_who_we_are },
    { "the epoch is durable before it is acked",
      test_epoch_is_durable_before_it_is_acked },
    { "an epoch accepted before does not count",
      test_epoch_accepted_before_does_not_count },
    { "an older epoch is refused", test_older_epoch_is_refused },
    { "leaders before 3.4 are refused",
      test_leaders_before_3_4_are_refused },
    { "DIFF is durable before the epoch and the ack (ZOOKEEPER-3911, -4646, "
      "-4643, -4785, -3023)",
      test_diff_is_durable_before_the_epoch_and_the_ack },
    { "an empty DIFF touches only the epoch",
      test_empty_diff_touches_only_the_epoch },
    { "the zxid of DIFF means nothing (ZOOKEEPER-2355)",
      test_zxid_of_diff_means_nothing },
    { "an open proposal survives NEWLEADER (ZOOKEEPER-4394, -4685)",
      test_open_proposal_survives_new_leader },
    { "an open proposal survives UPTODATE",
      test_open_proposal_survives_up_to_date },
    { "a snapshot is saved with what came behind it (ZOOKEEPER-3104)",
      test_snapshot_is_saved_with_what_came_behind_it },
    { "a snapshot alone is saved as well",
      test_snapshot_alone_is_saved_as_well },
    { "TRUNC may be followed by another epoch",
      test_trunc_may_be_followed_by_another_epoch },
    { "TRUNC sets where the history goes on",
      test_trunc_sets_where_the_history_goes_on },
    { "a failed TRUNC ends the link (ZOOKEEPER-3701)",
      test_failed_trunc_ends_the_link },
    { "a history cannot end just anywhere",
      test_history_cannot_end_anywhere },
    { "a long DIFF is logged in pieces",
      test_long_diff_is_logged_in_pieces },
    { "nothing is logged between the ack and UPTODATE",
      test_nothing_is_logged_between_the_ack_and_up_to_date },
    { "NEWLEADER must be of the epoch",
      test_new_leader_must_be_of_the_epoch },
    { "a gap ends the link (ZOOKEEPER-4925)", test_gap_ends_the_link },
    { "an epoch may begin anywhere, but not later than its leader's",
      test_epoch_may_begin_anywhere_but_not_later_than_its_leader },
    { "the commit of another than the first ends the link",
      test_commit_of_another_than_the_first_ends_the_link },
    { "a commit with nothing open is ignored",
      test_commit_with_nothing_open_is_ignored },
    { "a txn that does not decode ends the link",
      test_txn_that_does_not_decode_ends_the_link },
    { "a txn must be that of its packet",
      test_txn_must_be_that_of_its_packet },
    { "bytes behind a txn are ignored",
      test_bytes_behind_a_txn_are_ignored },
    { "a zxid that comes twice is logged once",
      test_zxid_that_comes_twice_is_logged_once },
    { "packets out of their place end the link",
      test_packets_out_of_their_place_end_the_link },
    { "noise before UPTODATE is ignored",
      test_noise_before_up_to_date_is_ignored },
    { "broadcast", test_broadcast },
    { "a reconfig is committed like any txn",
      test_reconfig_is_committed_like_any_txn },
    { "an observer logs what it is informed of",
      test_observer_logs_what_it_is_informed_of },
    { "an observer takes a snapshot", test_observer_takes_a_snapshot },
    { "INFORM does not overtake a proposal",
      test_inform_does_not_overtake_a_proposal },
    { "the failure of any call ends the link (ZOOKEEPER-3642)",
      test_failure_of_any_call_ends_the_link },
    { "no leader breaks the rules", test_no_leader_breaks_the_rules },
};

int
main(void)
{
    zk_log_set_level(ZK_LOG_OFF);
    return zk_test_main("learner_core", tests, ZK_ARRAY_SIZE(tests));
}
