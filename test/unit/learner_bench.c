/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "test/unit/learner_bench.h"

#include <sys/socket.h>

#include "jute/output_archive.h"
#include "test/lib/zk_test.h"
#include "test/lib/zk_test_ports.h"
#include "test/persist/txn_script.h"
#include "util/zk_log.h"

#define LB_SID 1
#define LB_LEADER 3
#define LB_UNKNOWN_TYPE 55

static void
must(bool ok, const char *what, const struct zk_errmsg *em)
{
    if (!ok) {
        fprintf(stderr, "%s: %s\n", what, em != NULL ? em->text : "");
        exit(99);
    }
}

const struct lb_history *
lb_history(void)
{
    static struct lb_history h;
    struct txn_script s;

    if (h.txns[1].len > 0) {
        return &h;
    }
    txn_script_init(&s);
    h.digests[0] = data_tree_digest(s.tree);
    txn_script_epoch(&s, 1);
    for (int k = 1; k <= LB_TXNS; k++) {
        txn_script_next(&s, &h.txns[k]);
        h.digests[k] = data_tree_digest(s.tree);
    }
    txn_script_fini(&s);
    return &h;
}

/* ---- the learner's side ------------------------------------------------ */

static void
lb_set_server(void *self, struct zookeeper_server *zks)
{
    struct learner_bench *b = self;

    server_cnxn_factory_set_server(b->s.f, zks);
    if (zks != NULL) {
        atomic_store(&b->mode, zookeeper_server_mode(zks));
    }
    atomic_store(&b->zks, zks);
}

static void
lb_set_vote_epoch(void *self, int64_t epoch)
{
    struct learner_bench *b = self;

    atomic_store(&b->vote_epoch, epoch);
}

static void
lb_config(struct learner_bench *b, const char *more)
{
    char *path = zk_xasprintf("%s/zoo.cfg", b->s.dir);
    char *myid = zk_xasprintf("%s/myid", b->s.dir);
    struct zk_errmsg em = { "" };
    FILE *f = fopen(path, "w");

    must(f != NULL, path, NULL);
    fprintf(f, "tickTime=500\ninitLimit=20\nsyncLimit=20\ndataDir=%s\n"
            "clientPort=2181\nmaxClientCnxns=0\nforceSync=no\n%s\n"
            "server.1=127.0.0.1:1:2\nserver.2=127.0.0.1:1:2\n"
            "server.3=127.0.0.1:%d:2\n", b->s.dir, more, b->port);
    fclose(f);
    f = fopen(myid, "w");
    must(f != NULL, myid, NULL);
    fprintf(f, "%d\n", LB_SID);
    fclose(f);
    must(server_config_read(path, system_properties_create(), &b->s.config,
                            &em)
             == ZK_OK,
         path, &em);
    b->s.config->cnxn.client.port = 0;
    b->s.config->storage.pre_alloc_kb = 64;
    free(path);
    free(myid);
}

static void
lb_load(struct learner_bench *b)
{
    struct restore_result res = { 0 };
    struct zk_errmsg em = { "" };

    b->db = zk_database_create(&b->s.config->storage);
    must(zk_database_load(b->db, &res, &em) == ZK_OK, "load", &em);
    must(zab_epochs_load(&b->epochs,
                         file_txn_snap_log_snap_dir(b->db->files),
                         data_tree_last_zxid(b->db->tree), &em)
             == ZK_OK,
         "epochs", &em);
    b->peer.db = b->db;
}

void
lb_open(struct learner_bench *b, const char *more)
{
    memset(b, 0, sizeof *b);
    b->s.dir = zk_test_mkdir();
    b->listener = zk_test_listen(0, 8);
    b->port = zk_test_port_of(b->listener);
    b->lead.fd = -1;
    lb_config(b, more);
    b->qv = quorum_verifier_create(0, false);
    for (int sid = 1; sid <= 3; sid++) {
        quorum_verifier_add(b->qv, &(struct quorum_member) {
                                       .sid = sid, .voter = true,
                                       .weight = 1, .group = -1 });
    }
    b->peer = (struct zab_peer) {
        .self = b,
        .config = b->s.config,
        .qv = b->qv,
        .membership = "server.1=one\nversion=0",
        .epochs = &b->epochs,
        .sid = LB_SID,
        .set_server = lb_set_server,
        .set_vote_epoch = lb_set_vote_epoch,
    };
    lb_load(b);
    test_server_start(&b->s, false);
}

void
lb_reopen(struct learner_bench *b)
{
    zk_assert(!b->running);
    zk_database_destroy(b->db);
    lb_load(b);
}

void
lb_close(struct learner_bench *b)
{
    zk_assert(!b->running);
    sl_close(&b->lead);
    if (b->listener >= 0) {
        close(b->listener);
    }
    zk_database_destroy(b->db);
    quorum_verifier_destroy(b->qv);
    test_server_stop(&b->s);
}

static void
lb_run(void *arg)
{
    struct learner_bench *b = arg;

    b->rv = learner_run(b->l, &b->why);
}

void
lb_start(struct learner_bench *b, bool observer)
{
    b->why.text[0] = '\0';
    b->l = learner_create(&b->peer, LB_LEADER, observer, &b->why);
    must(b->l != NULL, "learner_create", NULL);
    b->running = true;
    zk_thread_start(&b->thread, lb_run, b, "QuorumPeer");
}

void
lb_connect(struct learner_bench *b)
{
    struct timeval wait = { .tv_sec = ZK_TEST_WAIT_S };

    b->lead = (struct scripted_learner) { .sid = LB_SID, .mute = true };
    b->lead.fd = accept(b->listener, NULL, NULL);
    zk_test_must(b->lead.fd >= 0, "accept");
    setsockopt(b->lead.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(b->lead.fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
}

int
lb_ended(struct learner_bench *b)
{
    zk_thread_join(&b->thread);
    learner_destroy(b->l);
    b->l = NULL;
    b->running = false;
    must(b->why.text[0] != '\0', "a role ended without a reason", NULL);
    must(atomic_load(&b->zks) == NULL, "clients still have a server", NULL);
    return b->rv;
}

int
lb_end(struct learner_bench *b)
{
    sl_close(&b->lead);
    return lb_ended(b);
}

/* ---- the leader's side ------------------------------------------------- */

static void
lb_put_txn(struct zk_buf *out, int32_t type, int64_t k, bool garbage)
{
    const struct zk_buf *t = &lb_history()->txns[k];
    struct zk_buf b = { 0 };

    zk_buf_append(&b, t->data, t->len);
    if (garbage) {
        zk_buf_append(&b, "\1\2\3\4\5\6\7\10", 8);
    }
    quorum_packet_encode(out, type, LB_EPOCH + k,
                         zk_slice(b.data, (int32_t) b.len));
    zk_buf_fini(&b);
}

static void
lb_put_word(struct zk_buf *out, char what, int64_t k)
{
    static const char version[] = { 0, 1, 0, 0 };

    switch (what) {
    case 'H':
        quorum_packet_encode(out, QP_LEADERINFO, LB_EPOCH,
                             zk_slice(version, 4));
        break;
    case 'D':
        quorum_packet_encode(out, QP_DIFF, LB_EPOCH + k, ZK_SLICE_NULL);
        break;
    case 'T':
        quorum_packet_encode(out, QP_TRUNC, LB_EPOCH + k, ZK_SLICE_NULL);
        break;
    case 'P':
    case 'G':
        lb_put_txn(out, QP_PROPOSAL, k, what == 'G');
        break;
    case 'I':
        lb_put_txn(out, QP_INFORM, k, false);
        break;
    case 'C':
        quorum_packet_encode(out, QP_COMMIT, LB_EPOCH + k, ZK_SLICE_NULL);
        break;
    case 'L':
    case 'O':
        quorum_packet_encode(out, QP_NEWLEADER, LB_EPOCH,
                             what == 'O' ? ZK_SLICE_NULL
                                         : ZK_SLICE_LIT("version=0"));
        break;
    case 'U':
        quorum_packet_encode(out, QP_UPTODATE, -1, ZK_SLICE_NULL);
        break;
    case 'p':
        quorum_packet_encode(out, QP_PING, LB_EPOCH, ZK_SLICE_NULL);
        break;
    case 'S':
        quorum_packet_encode(out, QP_SYNC, 0, ZK_SLICE_NULL);
        break;
    case 'X':
        quorum_packet_encode(out, LB_UNKNOWN_TYPE, 0, ZK_SLICE_NULL);
        break;
    case 'A':
    case 'e':
        break;                  /* What the learner sends. */
    default:
        must(false, "no such word", NULL);
    }
}

/* The next word; false at the end. */
static bool
lb_word(const char **words, char *what, int64_t *k)
{
    char *end;

    *words += strspn(*words, " ");
    if (**words == '\0') {
        return false;
    }
    *what = *(*words)++;
    *k = strtol(*words, &end, 10);
    *words = end;
    return true;
}

void
lb_put(struct zk_buf *out, const char *words)
{
    int64_t k;
    char what;

    while (lb_word(&words, &what, &k)) {
        lb_put_word(out, what, k);
    }
}

static void
lb_send(struct learner_bench *b, struct zk_buf *out)
{
    sl_send_raw(&b->lead, out->data, out->len);
    zk_buf_clear(out);
}

void
lb_discover(struct learner_bench *b, int32_t type, int64_t accepted,
            int64_t last)
{
    static const char version[] = { 0, 1, 0, 0 };

    sl_expect(&b->lead, type, accepted);
    sl_send(&b->lead, QP_LEADERINFO, LB_EPOCH, zk_slice(version, 4));
    sl_expect(&b->lead, QP_ACKEPOCH, last);
}

static void
lb_expect_info(struct learner_bench *b)
{
    must(sl_next(&b->lead), "no FOLLOWERINFO", NULL);
    must(b->lead.qp.type == QP_FOLLOWERINFO
             || b->lead.qp.type == QP_OBSERVERINFO,
         quorum_packet_name(b->lead.qp.type), NULL);
}

static void
lb_expect_echo(struct learner_bench *b)
{
    must(sl_next_of_all(&b->lead) && b->lead.qp.type == QP_PING
             && b->lead.qp.zxid == LB_EPOCH && b->lead.qp.data.len == 0,
         "no echo of a PING", NULL);
}

void
lb_play(struct learner_bench *b, const char *words)
{
    struct zk_buf out = { 0 };
    int64_t k;
    char what;

    while (lb_word(&words, &what, &k)) {
        if (what == 'H') {
            lb_send(b, &out);
            lb_expect_info(b);
        }
        lb_put_word(&out, what, k);
        if (what == 'H') {
            lb_send(b, &out);
            sl_expect_type(&b->lead, QP_ACKEPOCH);
        } else if (what == 'A') {
            lb_send(b, &out);
            sl_expect(&b->lead, QP_ACK, LB_EPOCH + k);
        } else if (what == 'e') {
            lb_send(b, &out);
            lb_expect_echo(b);
        }
    }
    lb_send(b, &out);
    zk_buf_fini(&out);
}

/* ---- looking ----------------------------------------------------------- */

int64_t
lb_tree(struct learner_bench *b)
{
    int64_t zxid;

    zk_read_lock(&b->db->lock);
    zxid = data_tree_last_zxid(b->db->tree);
    zk_read_unlock(&b->db->lock);
    return zxid;
}

struct lb_place {
    struct learner_bench *b;
    int64_t zxid;
};

static bool
lb_is_there(void *arg)
{
    struct lb_place *p = arg;

    return lb_tree(p->b) == p->zxid;
}

bool
lb_until(struct learner_bench *b, int64_t k)
{
    struct lb_place p = { b, LB_EPOCH + k };

    return cc_until(lb_is_there, &p);
}

static bool
lb_tree_is_at(struct learner_bench *b, int64_t k)
{
    int64_t zxid = k == 0 ? 0 : LB_EPOCH + k;
    int64_t digest = data_tree_digest(b->db->tree);

    if (lb_tree(b) != zxid || digest != lb_history()->digests[k]) {
        fprintf(stderr, "at 0x%lx with digest 0x%lx, not 0x%lx, 0x%lx\n",
                (long) lb_tree(b), (long) digest, (long) zxid,
                (long) lb_history()->digests[k]);
        return false;
    }
    return true;
}

bool
lb_is_at(struct learner_bench *b, int64_t k)
{
    bool ok = lb_tree_is_at(b, k);

    lb_reopen(b);
    return lb_tree_is_at(b, k) && ok;
}
