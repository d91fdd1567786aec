/* SPDX-License-Identifier: Apache-2.0 */
/* How a leader brings those that join up to date. */
#include <config.h>

#include "test/unit/leader_case.h"

#include "test/lib/zk_test_ports.h"

static void
test_a_learner_gets_what_it_lacks(void)
{
    struct leader_case c;

    lc_serve(&c, "");
    lc_session(&c);
    lc_create_many(&c, z(1, 2), 5, 10);
    /* Its own log may lag. */
    CU_ASSERT(lc_until(&c, lc_tree_zxid, z(1, 6)));

    lc_discover(&c, &c.t, 2, false, z(1, 4));   /* Behind. */
    sl_expect(&c.t, QP_DIFF, z(1, 6));
    lc_expect_pairs(&c.t, z(1, 5), z(1, 6));
    lc_up(&c.t);
    sl_close(&c.t);

    lc_discover(&c, &c.t, 2, false, z(1, 9));   /* Too far. */
    sl_expect(&c.t, QP_TRUNC, z(1, 6));
    lc_up(&c.t);
    sl_close(&c.t);

    lc_discover(&c, &c.t, 9, true, z(1, 5));    /* An observer. */
    sl_expect(&c.t, QP_DIFF, z(1, 6));
    sl_expect(&c.t, QP_INFORM, z(1, 6));
    lc_up(&c.t);
    sl_close(&c.t);

    lc_discover(&c, &c.t, 2, false, 0); /* Empty. */
    sl_expect(&c.t, QP_SNAP, z(1, 6));
    CU_ASSERT(sl_skip_stream(&c.t) > 300);
    lc_up(&c.t);
    lc_fini(&c);
}

static void
test_open_proposals_come_behind_newleader(void)
{
    struct leader_case c;

    lc_serve(&c, "");
    lc_session(&c);
    sl_create(&c.s, LC_SESSION, 1, "/a", 1);
    sl_expect(&c.s, QP_PROPOSAL, z(1, 2));
    lc_discover(&c, &c.t, 2, false, z(1, 1));
    sl_expect(&c.t, QP_DIFF, z(1, 1));
    sl_expect(&c.t, QP_NEWLEADER, z(1, 0));
    sl_expect(&c.t, QP_PROPOSAL, z(1, 2));  /* ZOOKEEPER-4394 */
    sl_ack(&c.t, z(1, 0));
    sl_expect(&c.t, QP_UPTODATE, -1);
    sl_ack(&c.t, z(1, 2));      /* The other one is slow. */
    sl_expect(&c.t, QP_COMMIT, z(1, 2));
    sl_expect(&c.s, QP_COMMIT, z(1, 2));
    lc_fini(&c);
}

static void
test_the_log_files_help_who_is_far_behind(void)
{
    struct leader_case c;

    /* The committed log holds 500; no snapshot is small enough otherwise. */
    lc_serve(&c, "snapshotSizeFactor=1000");
    lc_session(&c);
    lc_create_many(&c, z(1, 2), 600, 10);
    lc_discover(&c, &c.t, 2, false, z(1, 3));
    sl_expect(&c.t, QP_DIFF, z(1, 601));
    lc_expect_pairs(&c.t, z(1, 4), z(1, 601));
    lc_up(&c.t);
    lc_fini(&c);
}

static void
test_a_small_snapshot_beats_a_long_log(void)
{
    struct leader_case c;

    lc_serve(&c, "");
    lc_session(&c);
    lc_create_many(&c, z(1, 2), 600, 10);
    lc_discover(&c, &c.t, 2, false, z(1, 3));
    sl_expect(&c.t, QP_SNAP, z(1, 601));
    (void) sl_skip_stream(&c.t);
    lc_up(&c.t);
    lc_fini(&c);
}

/* Reads a little, so that the link never stands still for long. */
static void
trickle_run(void *arg)
{
    struct scripted_learner *s = arg;
    char some[1024];

    do {
        zk_time_pause_us(100000);
    } while (recv(s->fd, some, sizeof some, 0) > 0);
}

static bool
has_more(const struct scripted_learner *s)
{
    char c;

    return recv(s->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Whoever takes next to nothing of a snapshot that another waits for loses
 * it. */
static void
test_a_slow_learner_does_not_keep_the_snapshot(void)
{
    int small = 4096;
    struct zk_thread slow;
    int64_t deadline_ms;
    struct leader_case c;

    lc_init(&c, "forceSnapshotSync=true");
    lc_discover(&c, &c.s, 1, false, 0);
    sl_expect_type(&c.s, QP_SNAP);
    (void) sl_skip_stream(&c.s);
    lc_up(&c.s);
    lc_session(&c);
    /* More than buffers on its way. */
    lc_create_many(&c, z(1, 2), 12, 500000);
    sl_connect(&c.o, c.port, 9);
    zk_test_must(setsockopt(c.o.fd, SOL_SOCKET, SO_RCVBUF, &small,
                            sizeof small) == 0, "SO_RCVBUF");
    sl_info(&c.o, QP_OBSERVERINFO, 0, 20);
    sl_expect(&c.o, QP_LEADERINFO, z(1, 0));
    sl_ack_epoch(&c.o, 0, 0);
    sl_expect_type(&c.o, QP_SNAP);
    zk_thread_start(&slow, trickle_run, &c.o, "trickle");
    lc_discover(&c, &c.t, 10, true, 0);
    deadline_ms = zk_time_mono_ms() + SL_DEADLINE_MS;
    while (!has_more(&c.t) && zk_time_mono_ms() < deadline_ms) {
        CU_ASSERT(sl_is_silent(&c.s, 1));
    }
    sl_expect_type(&c.t, QP_SNAP);
    shutdown(c.o.fd, SHUT_RDWR);
    zk_thread_join(&slow);
    lc_fini(&c);
}

static void
test_observers_wait_where_too_many_are_brought_up(void)
{
    struct leader_case c;

    /* Participants are exempt. */
    lc_serve(&c, "leader.maxConcurrentDiffSyncs=0");
    lc_discover(&c, &c.t, 9, true, 0);
    CU_ASSERT(sl_ends(&c.t));
    lc_fini(&c);
}

/* ---- while others write ------------------------------------------------ */

#define LOAD_WINDOW 64          /* Requests on their way. */
#define LOAD_JOINS 12
#define LOAD_STAY 200           /* Transactions that a joiner stays for. */
/* So many more are written for each join: on a busy machine what joins would
 * never get to the end of a tree that grows without end. */
#define LOAD_JOIN 10000

/* A follower that writes without a pause. */
struct load {
    struct scripted_learner *s;
    struct zk_thread thread;
    atomic_bool stop;
    _Atomic int64_t allowed;    /* To be written in all. */
};

static void
load_run(void *arg)
{
    struct load *load = arg;
    int64_t sent = 0, done = 0;

    while (!atomic_load(&load->stop) || done < sent) {
        while (!atomic_load(&load->stop) && sent - done < LOAD_WINDOW
               && sent < atomic_load(&load->allowed)) {
            char *path = zk_xasprintf("/n%ld", (long) ++sent);

            sl_create(load->s, LC_SESSION, (int32_t) sent, path, 100);
            free(path);
        }
        /* A PING, too, is a moment to go on. */
        zk_test_must(sl_next_of_all(load->s), "the load's link");
        if (load->s->qp.type == QP_PING) {
            sl_send(load->s, QP_PING, load->s->qp.zxid, zk_slice("", 0));
        } else if (load->s->qp.type == QP_PROPOSAL) {
            sl_ack(load->s, load->s->qp.zxid);
        } else {
            done += load->s->qp.type == QP_COMMIT;
        }
    }
}

/* What a follower has seen of one history. */
struct history {
    int64_t proposed, committed;
    bool new_leader, up;
    long wrong;
};

static void
history_take(struct history *h, struct scripted_learner *s)
{
    switch (s->qp.type) {
    case QP_PROPOSAL:
        /* Before NEWLEADER none is open (ZOOKEEPER-4394). */
        h->wrong += s->qp.zxid != h->proposed + 1
                    || (!h->new_leader && h->committed != h->proposed);
        h->proposed = s->qp.zxid;
        if (h->up) {
            sl_ack(s, s->qp.zxid);
        }
        break;
    case QP_COMMIT:
        h->wrong += s->qp.zxid != h->committed + 1
                    || s->qp.zxid > h->proposed;
        h->committed = s->qp.zxid;
        break;
    case QP_INFORM:
        h->wrong += s->qp.zxid != h->committed + 1;
        h->proposed = h->committed = s->qp.zxid;
        break;
    case QP_NEWLEADER:
        h->wrong += h->new_leader || h->committed != h->proposed;
        h->new_leader = true;
        sl_ack(s, s->qp.zxid);
        break;
    case QP_UPTODATE:
        h->wrong += h->up || !h->new_leader;
        h->up = true;
        sl_ack(s, h->proposed);
        break;
    default:
        h->wrong++;
    }
}

/* Joins at 'peer', stays for a while, and leaves; its end. */
static int64_t
join_and_stay(struct leader_case *c, struct load *load, bool observer,
              int64_t peer)
{
    struct history h = { .proposed = peer, .committed = peer };
    int64_t until_zxid;

    atomic_fetch_add(&load->allowed, LOAD_JOIN);
    lc_discover(c, &c->t, observer ? 9 : 2, observer, peer);
    CU_ASSERT(sl_next(&c->t));
    if (c->t.qp.type == QP_SNAP) {
        h.proposed = h.committed = c->t.qp.zxid;
        (void) sl_skip_stream(&c->t);
    } else {
        CU_ASSERT_EQUAL(c->t.qp.type, QP_DIFF);
    }
    until_zxid = INT64_MAX;
    while (h.committed < until_zxid && h.wrong == 0 && sl_next(&c->t)) {
        history_take(&h, &c->t);
        if (h.wrong != 0) {
            fprintf(stderr, "%s 0x%lx came behind PROPOSAL 0x%lx and COMMIT "
                    "0x%lx\n", quorum_packet_name(c->t.qp.type),
                    (long) c->t.qp.zxid, (long) h.proposed,
                    (long) h.committed);
        }
        if (h.up && until_zxid == INT64_MAX) {
            until_zxid = h.committed + LOAD_STAY;
            atomic_fetch_add(&load->allowed, LOAD_STAY);
        }
    }
    CU_ASSERT_EQUAL(h.wrong, 0);
    CU_ASSERT_EQUAL(h.committed, until_zxid);
    sl_close(&c->t);
    return h.committed;
}

static void
test_joins_while_others_write_lose_nothing(void)
{
    int64_t peer = 0, observed = 0;
    struct leader_case c;
    struct load load = { .s = &c.s };

    /* The log files may help as far as they go.  A joiner that a busy machine
     * has not let run for a while is none that hangs. */
    lc_serve(&c, "snapshotSizeFactor=10\ninitLimit=600\nsyncLimit=600");
    lc_session(&c);
    /* <1,1> does not follow 0. */
    CU_ASSERT(lc_until(&c, lc_tree_zxid, z(1, 1)));
    zk_thread_start(&load.thread, load_run, &load, "Load");
    for (int i = 0; i < LOAD_JOINS; i++) {
        peer = join_and_stay(&c, &load, false, i % 3 == 2 ? 0 : peer);
        observed = join_and_stay(&c, &load, true, i % 4 == 3 ? 0 : observed);
    }
    atomic_store(&load.stop, true);
    zk_thread_join(&load.thread);
    lc_fini(&c);
}

static const struct zk_test tests[] = {
    { "a learner gets what it lacks", test_a_learner_gets_what_it_lacks },
    { "open proposals come behind NEWLEADER",
      test_open_proposals_come_behind_newleader },
    { "the log files help who is far behind",
      test_the_log_files_help_who_is_far_behind },
    { "a small snapshot beats a long log",
      test_a_small_snapshot_beats_a_long_log },
    { "a slow learner does not keep the snapshot",
      test_a_slow_learner_does_not_keep_the_snapshot },
    { "observers wait where too many are brought up",
      test_observers_wait_where_too_many_are_brought_up },
    { "joins while others write lose nothing",
      test_joins_while_others_write_lose_nothing },
};

ZK_TEST_MAIN("leader_joins", tests)
