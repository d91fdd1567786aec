/* SPDX-License-Identifier: Apache-2.0 */
/* A real learner and a leader that is played packet by packet. */
#include <config.h>

#include <sys/socket.h>

#include "metrics/server_metrics.h"
#include "persistence/file_list.h"
#include "proto/txn_codec.h"
#include "test/lib/zk_test.h"
#include "test/lib/zk_test_ports.h"
#include "test/unit/java_snapshot.h"
#include "test/unit/learner_bench.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

/* The role ended, and another leader may be followed. */
static bool
goes_on(int rv)
{
    return rv != ZK_OK && rv != ZK_ESTOPPED && rv != ZK_ECORRUPT
           && rv != ZK_ENOSPC;
}

/* Follows through these words, until the leader closes the link. */
static void
play_role(struct learner_bench *b, const char *words)
{
    lb_follow(b);
    lb_play(b, words);
    CU_ASSERT(goes_on(lb_end(b)));
}

/* ---- discovery --------------------------------------------------------- */

static void
test_it_says_who_it_is_and_what_it_has(void)
{
    struct learner_info li;
    struct learner_bench b;

    lb_open(&b, "");
    lb_follow(&b);
    sl_expect(&b.lead, QP_FOLLOWERINFO, 0);
    CU_ASSERT_EQUAL(b.lead.qp.data.len, 20);
    learner_info_decode(&li, b.lead.qp.data);
    CU_ASSERT_EQUAL(li.sid, 1);
    CU_ASSERT_EQUAL(li.protocol_version, 0x10000);
    sl_send(&b.lead, QP_LEADERINFO, LB_EPOCH, zk_slice("\0\1\0", 4));
    sl_expect(&b.lead, QP_ACKEPOCH, 0);
    CU_ASSERT(zk_slice_eq(b.lead.qp.data, zk_slice("\0\0\0", 4)));
    CU_ASSERT_EQUAL(b.epochs.accepted, 1);
    CU_ASSERT_EQUAL(b.epochs.current, 0);
    CU_ASSERT_EQUAL(learner_sync_time_ms(b.l), -1);
    lb_play(&b, "D0 L A0");
    CU_ASSERT_EQUAL(b.epochs.current, 1);
    CU_ASSERT_PTR_NULL(atomic_load(&b.zks));
    lb_play(&b, "U A0 p e");
    CU_ASSERT_PTR_NOT_NULL(atomic_load(&b.zks));
    CU_ASSERT_EQUAL(atomic_load(&b.vote_epoch), 1);
    CU_ASSERT(learner_sync_time_ms(b.l) >= 0);
    CU_ASSERT(goes_on(lb_end(&b)));
    CU_ASSERT_EQUAL(b.epochs.current, 1);
    /* Once more: the epoch is accepted already and does not count. */
    lb_follow(&b);
    lb_discover(&b, QP_FOLLOWERINFO, LB_EPOCH, 0);
    CU_ASSERT(zk_slice_eq(b.lead.qp.data, zk_slice("\xff\xff\xff\xff", 4)));
    CU_ASSERT(goes_on(lb_end(&b)));
    /* An older one is refused. */
    b.epochs.accepted = 2;
    lb_follow(&b);
    sl_expect(&b.lead, QP_FOLLOWERINFO, 2 * LB_EPOCH);
    sl_send(&b.lead, QP_LEADERINFO, LB_EPOCH, zk_slice("\0\1\0", 4));
    CU_ASSERT(sl_ends(&b.lead));
    CU_ASSERT(goes_on(lb_end(&b)));
    lb_close(&b);
}

static void
test_a_leader_that_never_comes_is_given_up(void)
{
    int64_t begin_ms = zk_time_mono_ms();
    struct learner_bench b;
    int64_t ms;

    lb_open(&b, "");
    close(b.listener);
    b.listener = zk_test_bind(b.port);
    lb_start(&b, false);
    CU_ASSERT(goes_on(lb_ended(&b)));
    ms = zk_time_mono_ms() - begin_ms;
    CU_ASSERT(ms >= 1500 && ms < 10000);
    lb_close(&b);
}

static bool
has_passed(void *arg)
{
    return zk_time_mono_ms() > *(int64_t *) arg;
}

/* As Java's, which decides a little later than we do. */
static void
test_a_leader_that_binds_late_is_found(void)
{
    struct learner_bench b;
    int64_t until_ms;

    lb_open(&b, "");
    close(b.listener);
    b.listener = zk_test_bind(b.port);
    lb_start(&b, false);
    until_ms = zk_time_mono_ms() + 300;
    CU_ASSERT(cc_until(has_passed, &until_ms));
    zk_test_must(listen(b.listener, 1) == 0, "listen");
    lb_connect(&b);
    lb_play(&b, "H D0 L A0 U A0 p e");
    CU_ASSERT(goes_on(lb_end(&b)));
    lb_close(&b);
}

static void
test_shutdown_ends_it_wherever_it_is(void)
{
    static const char *const stages[] = {
        NULL, "", "H", "H D0 P1 C1", "H D0 L A0", "H D0 L A0 U A0 P1 A1",
    };
    struct learner_bench b;
    int64_t begin_ms;

    lb_open(&b, "");
    close(b.listener);
    b.listener = zk_test_bind(b.port);
    for (size_t i = 0; i < ZK_ARRAY_SIZE(stages); i++) {
        begin_ms = zk_time_mono_ms();
        lb_start(&b, false);
        if (stages[i] != NULL) {
            zk_test_must(listen(b.listener, 1) == 0, "listen");
            lb_connect(&b);
            lb_play(&b, stages[i]);
        }
        learner_shutdown(b.l);
        CU_ASSERT_EQUAL(lb_ended(&b), ZK_ESTOPPED);
        sl_close(&b.lead);
        /* Connecting alone takes 2 s when nothing ends it. */
        CU_ASSERT(zk_time_mono_ms() - begin_ms < 1500);
    }
    CU_ASSERT(lb_is_at(&b, 1));
    lb_close(&b);
}

static void
test_a_leader_that_says_nothing_is_given_up(void)
{
    struct learner_bench b;
    int64_t begin_ms;

    lb_open(&b, "");
    b.s.config->quorum.init_limit = 2;      /* Ticks of 500 ms. */
    b.s.config->quorum.sync_limit = 1;
    begin_ms = zk_time_mono_ms();
    lb_follow(&b);
    CU_ASSERT_EQUAL(lb_ended(&b), ZK_ETORN);
    CU_ASSERT(zk_time_mono_ms() - begin_ms >= 1000);
    sl_close(&b.lead);
    b.s.config->quorum.init_limit = 40;
    lb_follow(&b);
    lb_play(&b, "H D0 L A0 U A0");
    begin_ms = zk_time_mono_ms();
    CU_ASSERT_EQUAL(lb_ended(&b), ZK_ETORN);
    CU_ASSERT(zk_time_mono_ms() - begin_ms < 10000);
    lb_close(&b);
}

/* ---- all that a leader may send (protocol: appendix 14.1) --------------- */

static void
test_what_followers_must_take(void)
{
    static const struct {
        const char *words;
        int64_t at;             /* Then, and after a restart. */
    } scripts[] = {
        { "H D0 L A0 U A0 P1 C1 A1 P2 A2 C2", 2 },
        /* PINGs before the history are nobody's business, and behind UPTODATE
         * are echoed. */
        { "H p D0 p L A0 p U A0 p e", 0 },
        /* Committed before NEWLEADER: durable before its ack, and not acked
         * by themselves; the open one keeps its place (ZOOKEEPER-4394). */
        { "H D2 P1 C1 P2 L A0 C2 U A0 A2", 2 },
        { "H D2 P1 C1 P2 C2 L A0 U A0 P3 C3 A3", 3 },
        { "H D0 L A0 P1 C1 U A0 A1", 1 },
        { "H D0 P1 P2 P3 L A0 U A0 A1 A2 A3 C1 C2 C3", 3 },
        { "H D0 L A0 U A0 P1 P2 P3 C1 C2 C3 A1 A2 A3", 3 },
        /* One zxid twice (Java 3.9): logged once, acked twice. */
        { "H D0 L A0 U A0 P1 P1 A1 A1 C1 P2 C2 A2", 2 },
        { "H D0 P1 P1 C1 L A0 U A0 P2 C2 A2", 2 },
        { "H D0 L A0 U A0 C7 S X P1 C1 A1", 1 },
        { "H D0 X L A0 X U A0 G1 C1 A1", 1 },
        { "H D0 O A0 U A0 P1 C1 A1 U P2 C2 A2", 2 },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(scripts); i++) {
        struct learner_bench b;

        lb_open(&b, "");
        lb_follow(&b);
        lb_play(&b, scripts[i].words);
        if (scripts[i].at > 0 && !lb_until(&b, scripts[i].at)) {
            CU_FAIL("the tree does not get there");
        }
        CU_ASSERT(goes_on(lb_end(&b)));
        if (!lb_is_at(&b, scripts[i].at)) {
            fprintf(stderr, "after: %s\n", scripts[i].words);
            CU_FAIL("the wrong history");
        }
        lb_close(&b);
    }
}

/* The link ends, the process lives, the history is what was durable. */
static void
test_what_followers_must_not_take(void)
{
    static const struct {
        const char *words;
        int64_t at;
    } scripts[] = {
        { "D0", 0 },                            /* No LEADERINFO. */
        { "H L", 0 },                           /* No opening. */
        { "H D0 U", 0 },                        /* No NEWLEADER. */
        { "H D0 P1 C1 P3", 0 },                 /* A gap. */
        { "H D0 L A0 U A0 P1 A1 C1 P7", 1 },
        { "H D0 L A0 U A0 P1 P2 A1 A2 C2", 2 }, /* Not the first one. */
        { "H T9", 0 },                          /* Beyond our log. */
        { "H D0 L A0 U A0 P1 C1 A1 I2", 1 },    /* For observers. */
        { "H D0 L A0 U A0 P1 C1 A1 D0", 1 },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(scripts); i++) {
        struct learner_bench b;

        lb_open(&b, "");
        lb_follow(&b);
        lb_play(&b, scripts[i].words);
        CU_ASSERT(sl_ends(&b.lead));
        CU_ASSERT(goes_on(lb_ended(&b)));
        if (!lb_is_at(&b, scripts[i].at)) {
            fprintf(stderr, "after: %s\n", scripts[i].words);
            CU_FAIL("the wrong history");
        }
        lb_close(&b);
    }
}

/* What the words cannot say. */
static void
test_a_txn_that_does_not_decode_ends_the_link(void)
{
    struct zk_buf txn = { 0 };
    struct learner_bench b;

    lb_open(&b, "");
    lb_follow(&b);
    lb_play(&b, "H D0 L A0 U A0 P1 A1 C1");
    txn_encode_header(&txn, 1, 1, LB_EPOCH + 2, 1, 77);
    sl_send(&b.lead, QP_PROPOSAL, LB_EPOCH + 2,
            zk_slice(txn.data, (int32_t) txn.len));
    CU_ASSERT(sl_ends(&b.lead));
    CU_ASSERT(goes_on(lb_ended(&b)));
    CU_ASSERT(lb_is_at(&b, 1));
    zk_buf_fini(&txn);
    lb_close(&b);
}

/* ---- SNAP -------------------------------------------------------------- */

static void
put_snap(struct zk_buf *b, int64_t zxid)
{
    quorum_packet_encode(b, QP_SNAP, zxid, ZK_SLICE_NULL);
    java_snapshot_put(b);
}

static bool
has_node(struct learner_bench *b, const char *path)
{
    bool has;

    zk_read_lock(&b->db->lock);
    has = data_tree_find(b->db->tree, zk_slice_str(path)) != NULL;
    zk_read_unlock(&b->db->lock);
    return has;
}

static bool
has_file(struct learner_bench *b, const char *prefix, int64_t zxid)
{
    const char *dir = file_txn_snap_log_snap_dir(b->db->files);
    struct zk_file_list l;
    bool has = false;

    zk_assert(zk_file_list_read(dir, prefix, &l, NULL) == ZK_OK);
    for (size_t i = 0; i < l.n; i++) {
        has = has || l.v[i].zxid == zxid;
    }
    zk_file_list_fini(&l);
    return has;
}

/* A setData of /s1 as txn 'zxid'. */
static void
put_set(struct zk_buf *out, int64_t zxid)
{
    struct zk_buf t = { 0 };

    txn_encode_header(&t, 0x300, 1, zxid, 1, 5);
    txn_encode_set_data(&t, ZK_SLICE_LIT("/s1"), ZK_SLICE_LIT("new"), 1);
    quorum_packet_encode(out, QP_PROPOSAL, zxid,
                         zk_slice(t.data, (int32_t) t.len));
    quorum_packet_encode(out, QP_COMMIT, zxid, ZK_SLICE_NULL);
    zk_buf_fini(&t);
}

static void
test_a_snapshot_takes_the_place_of_the_history(void)
{
    const struct data_node *node;
    struct zk_buf out = { 0 };
    struct learner_bench b;

    lb_open(&b, "");
    /* A history of its own, which goes. */
    lb_follow(&b);
    lb_play(&b, "H D0 L A0 U A0 P1 P2 P3 C1 C2 C3 A1 A2 A3");
    CU_ASSERT(lb_until(&b, 3));
    CU_ASSERT(goes_on(lb_end(&b)));

    lb_follow(&b);
    lb_play(&b, "H");
    put_snap(&out, LB_EPOCH + 1);
    put_set(&out, LB_EPOCH + 2);
    sl_send_raw(&b.lead, out.data, out.len);
    lb_play(&b, "L A0");
    /* One that was in the log already, and that of the leader is not. */
    CU_ASSERT(has_file(&b, "snapshot", LB_EPOCH + 2));
    lb_play(&b, "U A0");
    zk_buf_clear(&out);
    put_set(&out, LB_EPOCH + 3);
    sl_send_raw(&b.lead, out.data, out.len);
    lb_play(&b, "A3");
    CU_ASSERT(lb_until(&b, 3));
    CU_ASSERT(has_node(&b, "/e1") && has_node(&b, "/zookeeper/config"));
    CU_ASSERT(!has_node(&b, "/p"));
    zk_read_lock(&b.db->lock);
    node = data_tree_find(b.db->tree, ZK_SLICE_LIT("/zookeeper/config"));
    CU_ASSERT(zk_slice_eq(data_node_data(node),
                          zk_slice_str(b.peer.membership)));
    zk_read_unlock(&b.db->lock);
    CU_ASSERT(goes_on(lb_end(&b)));
    lb_reopen(&b);
    CU_ASSERT_EQUAL(lb_tree(&b), LB_EPOCH + 3);
    CU_ASSERT(has_node(&b, "/e1") && !has_node(&b, "/p"));
    zk_buf_fini(&out);
    lb_close(&b);
}

/* The old history is back (ZOOKEEPER-3642). */
static void
test_a_snapshot_without_newleader_is_thrown_away(void)
{
    struct zk_buf out = { 0 };
    struct learner_bench b;

    lb_open(&b, "");
    play_role(&b, "H D0 P1 C1 P2 C2 L A0 U A0");
    lb_follow(&b);
    lb_play(&b, "H");
    put_snap(&out, LB_EPOCH + 2);
    put_set(&out, LB_EPOCH + 3);
    sl_send_raw(&b.lead, out.data, out.len);
    CU_ASSERT(lb_until(&b, 3));
    CU_ASSERT(goes_on(lb_end(&b)));
    CU_ASSERT(lb_is_at(&b, 2));
    zk_buf_fini(&out);
    lb_close(&b);
}

/* ---- TRUNC ------------------------------------------------------------- */

/* The snapshot that holds what is undone goes too (ZOOKEEPER-4837). */
static void
test_truncate_drops_log_tree_and_snapshot(void)
{
    struct zk_errmsg em = { "" };
    struct learner_bench b;

    lb_open(&b, "");
    play_role(&b, "H D0 P1 C1 P2 C2 P3 C3 P4 C4 L A0 U A0");
    zk_assert(zk_database_snapshot(b.db, &em) == ZK_OK);
    CU_ASSERT(has_file(&b, "snapshot", LB_EPOCH + 4));
    play_role(&b, "H T2 L A0 U A0");
    CU_ASSERT(!has_file(&b, "snapshot", LB_EPOCH + 4));
    CU_ASSERT(lb_is_at(&b, 2));
    /* Followed by a history, as leaders of 3.4 do. */
    play_role(&b, "H T1 P2 C2 P3 C3 L A0 U A0 P4 C4 A4");
    CU_ASSERT(lb_is_at(&b, 4));
    lb_close(&b);
}

/* It asks for a whole snapshot then, until it has got one. */
static void
test_truncate_to_what_is_not_there_asks_for_a_snapshot(void)
{
    struct zk_buf out = { 0 };
    struct learner_bench b;

    lb_open(&b, "");
    play_role(&b, "H D0 P1 C1 P2 C2 L A0 U A0");
    lb_follow(&b);
    lb_play(&b, "H T0");
    CU_ASSERT(sl_ends(&b.lead));
    CU_ASSERT(goes_on(lb_ended(&b)));
    CU_ASSERT(b.peer.need_snapshot);
    sl_close(&b.lead);
    lb_follow(&b);
    lb_discover(&b, QP_FOLLOWERINFO, LB_EPOCH, 0);
    put_snap(&out, LB_EPOCH);
    sl_send_raw(&b.lead, out.data, out.len);
    lb_play(&b, "L A0 U A0");
    CU_ASSERT(goes_on(lb_end(&b)));
    CU_ASSERT(!b.peer.need_snapshot);
    CU_ASSERT_EQUAL(lb_tree(&b), LB_EPOCH);
    CU_ASSERT(!has_node(&b, "/p"));
    lb_follow(&b);
    lb_discover(&b, QP_FOLLOWERINFO, LB_EPOCH, LB_EPOCH);
    CU_ASSERT(goes_on(lb_end(&b)));
    zk_buf_fini(&out);
    lb_close(&b);
}

/* ---- the end of a role ------------------------------------------------- */

/* What was acked and never committed is history for the next vote, and the
 * tree is not loaded anew for it (ZOOKEEPER-2845). */
static void
test_the_durable_tail_is_in_the_tree_at_the_end(void)
{
    const struct data_tree *tree;
    struct learner_bench b;

    lb_open(&b, "");
    tree = b.db->tree;
    lb_follow(&b);
    lb_play(&b, "H D0 P1 C1 L A0 U A0 P2 P3 P4 P5 C2 C3 A2 A3 A4 A5");
    CU_ASSERT(lb_until(&b, 3));
    CU_ASSERT(goes_on(lb_end(&b)));
    CU_ASSERT_EQUAL(lb_tree(&b), LB_EPOCH + 5);
    CU_ASSERT_PTR_EQUAL(b.db->tree, tree);
    CU_ASSERT_EQUAL(committed_log_size(b.db->committed), 5);
    /* The next leader has less, or goes on from there. */
    play_role(&b, "H D5 L A0 U A0 P6 C6 A6");
    CU_ASSERT(lb_is_at(&b, 6));
    lb_close(&b);
}

static uint64_t
count_of(enum metric m)
{
    struct metric_figures f;

    server_metrics_get(m, &f);
    return server_metrics_kind(m) == METRIC_KIND_COUNTER ? (uint64_t) f.sum
                                                         : f.count;
}

/* Commits that came with the packet that broke the link count. */
static void
test_a_batch_counts_up_to_its_bad_packet(void)
{
    struct zk_buf out = { 0 };
    struct learner_bench b;

    server_metrics_reset();
    lb_open(&b, "");
    lb_follow(&b);
    lb_play(&b, "H D0 L A0 U A0 P1 P2 A1 A2");
    lb_put(&out, "C1 P3 C2 C3 P9");
    sl_send_raw(&b.lead, out.data, out.len);
    CU_ASSERT(sl_ends(&b.lead));
    CU_ASSERT(goes_on(lb_ended(&b)));
    CU_ASSERT(lb_is_at(&b, 3));
    CU_ASSERT_EQUAL(count_of(METRIC_learner_proposal_received_count), 3);
    CU_ASSERT_EQUAL(count_of(METRIC_learner_commit_received_count), 3);
    CU_ASSERT_EQUAL(count_of(METRIC_proposal_latency), 3);
    CU_ASSERT_EQUAL(count_of(METRIC_commit_propagation_latency), 3);
    zk_buf_fini(&out);
    lb_close(&b);
}

/* A promise that cannot be kept must not be made: the process ends
 * (ZOOKEEPER-3701). */
static void
test_a_fault_of_the_own_disk_is_said_to_be_one(void)
{
    struct learner_bench b;
    const char *dir;

    lb_open(&b, "");
    dir = b.epochs.dir;
    b.epochs.dir = "/nowhere/at/all";
    lb_follow(&b);
    sl_expect(&b.lead, QP_FOLLOWERINFO, 0);
    sl_send(&b.lead, QP_LEADERINFO, LB_EPOCH, zk_slice("\0\1\0", 4));
    CU_ASSERT(!sl_next(&b.lead));       /* No ACKEPOCH. */
    CU_ASSERT_EQUAL(lb_ended(&b), ZK_ECORRUPT);
    CU_ASSERT(strstr(b.why.text, "/nowhere/at/all") != NULL);
    sl_close(&b.lead);
    /* At NEWLEADER: no ack either. */
    b.epochs.dir = dir;
    lb_follow(&b);
    lb_play(&b, "H D0 P1 C1");
    b.epochs.dir = "/nowhere/at/all";
    lb_play(&b, "L");
    CU_ASSERT(!sl_next(&b.lead));
    CU_ASSERT_EQUAL(lb_ended(&b), ZK_ECORRUPT);
    b.epochs.dir = dir;
    lb_close(&b);
}

/* ---- a link that is cut, bytes that are wrong --------------------------- */

/* All that a leader sends, its bytes and where packets end. */
struct talk {
    struct zk_buf bytes;
    size_t ends[64];
    size_t n;
};

static void
talk_add(struct talk *t, const char *words)
{
    while (*words != '\0') {
        char word[8] = "";

        words += strspn(words, " ");
        memcpy(word, words, strcspn(words, " "));
        words += strlen(word);
        lb_put(&t->bytes, word);
        t->ends[t->n++] = t->bytes.len;
    }
}

static void
talk_add_snap(struct talk *t, int64_t zxid)
{
    put_snap(&t->bytes, zxid);
    t->ends[t->n++] = t->bytes.len;
}

/* Sends these bytes and closes; whatever comes of it, tree and log agree, and
 * a restart finds the same. */
static void
play_bytes(struct learner_bench *b, const uint8_t *p, size_t len)
{
    int64_t zxid, digest;
    int rv;

    lb_follow(b);
    sl_send_raw(&b->lead, p, len);
    shutdown(b->lead.fd, SHUT_WR);
    rv = lb_ended(b);
    CU_ASSERT(goes_on(rv));
    sl_close(&b->lead);
    zxid = lb_tree(b);
    digest = data_tree_digest(b->db->tree);
    CU_ASSERT(!b->db->unsaved);
    CU_ASSERT_EQUAL(
        zxid, file_txn_log_last_synced(file_txn_snap_log_log(b->db->files)));
    lb_reopen(b);
    CU_ASSERT_EQUAL(lb_tree(b), zxid);
    CU_ASSERT_EQUAL(data_tree_digest(b->db->tree), digest);
}

/* A history of four txns to start from. */
static void
open_with_history(struct learner_bench *b)
{
    lb_open(b, "");
    play_role(b, "H D0 P1 C1 P2 C2 P3 C3 P4 C4 L A0 U A0");
}

static void
cut_everywhere(const struct talk *t, bool snap)
{
    size_t begin = 0;

    for (size_t i = 0; i < t->n; i++) {
        const size_t cuts[] = { begin + (t->ends[i] - begin) / 2,
                                t->ends[i] };

        for (size_t k = 0; k < 2; k++) {
            struct learner_bench b;
            int64_t at;

            open_with_history(&b);
            play_bytes(&b, t->bytes.data, cuts[k]);
            at = lb_tree(&b) & 0xff;
            if (!snap || b.epochs.current == 0 || at >= 4) {
                CU_ASSERT_EQUAL(data_tree_digest(b.db->tree),
                                lb_history()->digests[at]);
            }
            lb_close(&b);
        }
        begin = t->ends[i];
    }
}

static void
test_the_link_may_be_cut_at_every_packet(void)
{
    static const char *const words[] = {
        "H D6 P5 C5 P6 C6 P7 L C7 U P8 P9 C8 p C9 P10",
        "H T2 P3 C3 P4 C4 L P5 C5 U P6 C6 P7",
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(words); i++) {
        struct talk t = { 0 };

        talk_add(&t, words[i]);
        cut_everywhere(&t, false);
        zk_buf_fini(&t.bytes);
    }
}

static void
test_the_link_may_be_cut_in_a_snapshot(void)
{
    struct talk t = { 0 };

    talk_add(&t, "H");
    talk_add_snap(&t, LB_EPOCH + 1);
    for (size_t len = t.ends[0]; len < t.ends[1]; len += 19) {
        struct learner_bench b;

        open_with_history(&b);
        play_bytes(&b, t.bytes.data, len);
        CU_ASSERT(lb_is_at(&b, 4));
        lb_close(&b);
    }
    zk_buf_fini(&t.bytes);
}

static void
test_no_byte_of_a_leader_harms(void)
{
    static const uint8_t wrong[] = { 0x01, 0x10, 0x80, 0xff };
    struct talk t = { 0 };
    size_t k = 0;

    talk_add(&t, "H D6 P5 C5 L C7 U P6 C6 p S P7");
    for (size_t i = 0; i < t.bytes.len; i += 7) {
        struct learner_bench b;

        open_with_history(&b);
        t.bytes.data[i] ^= wrong[k];
        play_bytes(&b, t.bytes.data, t.bytes.len);
        t.bytes.data[i] ^= wrong[k];
        k = (k + 1) % ZK_ARRAY_SIZE(wrong);
        lb_close(&b);
    }
    zk_buf_fini(&t.bytes);
}

/* ---- observers --------------------------------------------------------- */

static void
test_an_observer_applies_and_acks_nothing(void)
{
    struct learner_bench b;

    lb_open(&b, "");
    lb_start(&b, true);
    lb_connect(&b);
    lb_discover(&b, QP_OBSERVERINFO, 0, 0);
    lb_play(&b, "D2 I1 I2 L A0 I3 U A0 I4 I5 p");
    /* No ack stands before the echo. */
    CU_ASSERT(sl_next_of_all(&b.lead));
    CU_ASSERT_EQUAL(b.lead.qp.type, QP_PING);
    CU_ASSERT(lb_until(&b, 5));
    CU_ASSERT_STRING_EQUAL(atomic_load(&b.mode), "observer");
    CU_ASSERT(goes_on(lb_end(&b)));
    CU_ASSERT(lb_is_at(&b, 5));
    lb_close(&b);
}

static void
test_an_observer_without_a_log_forgets_nothing(void)
{
    struct learner_bench b;

    lb_open(&b, "syncEnabled=false");
    for (int64_t k = 1; k < 7; k += 3) {
        char words[96];

        lb_start(&b, true);
        lb_connect(&b);
        snprintf(words, sizeof words, "H D0 I%ld L A0 U A0 I%ld I%ld",
                 (long) k, (long) k + 1, (long) k + 2);
        lb_play(&b, words);
        CU_ASSERT(lb_until(&b, k + 2));
        CU_ASSERT(goes_on(lb_end(&b)));
        CU_ASSERT(lb_is_at(&b, k + 2));
    }
    lb_close(&b);
}

static const struct zk_test tests[] = {
    { "it says who it is and what it has",
      test_it_says_who_it_is_and_what_it_has },
    { "a leader that never comes is given up",
      test_a_leader_that_never_comes_is_given_up },
    { "a leader that binds late is found",
      test_a_leader_that_binds_late_is_found },
    { "shutdown ends it wherever it is",
      test_shutdown_ends_it_wherever_it_is },
    { "a leader that says nothing is given up",
      test_a_leader_that_says_nothing_is_given_up },
    { "what followers must take", test_what_followers_must_take },
    { "what followers must not take", test_what_followers_must_not_take },
    { "a txn that does not decode ends the link",
      test_a_txn_that_does_not_decode_ends_the_link },
    { "a snapshot takes the place of the history",
      test_a_snapshot_takes_the_place_of_the_history },
    { "a snapshot without NEWLEADER is thrown away",
      test_a_snapshot_without_newleader_is_thrown_away },
    { "TRUNC drops log, tree and snapshot",
      test_truncate_drops_log_tree_and_snapshot },
    { "TRUNC to what is not there asks for a snapshot",
      test_truncate_to_what_is_not_there_asks_for_a_snapshot },
    { "the durable tail is in the tree at the end",
      test_the_durable_tail_is_in_the_tree_at_the_end },
    { "a batch counts up to its bad packet",
      test_a_batch_counts_up_to_its_bad_packet },
    { "a fault of the own disk is said to be one",
      test_a_fault_of_the_own_disk_is_said_to_be_one },
    { "the link may be cut at every packet",
      test_the_link_may_be_cut_at_every_packet },
    { "the link may be cut in a snapshot",
      test_the_link_may_be_cut_in_a_snapshot },
    { "no byte of a leader harms", test_no_byte_of_a_leader_harms },
    { "an observer applies and acks nothing",
      test_an_observer_applies_and_acks_nothing },
    { "an observer without a log forgets nothing",
      test_an_observer_without_a_log_forgets_nothing },
};

ZK_TEST_MAIN("learner", tests)
