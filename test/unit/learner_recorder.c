/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "test/unit/learner_recorder.h"

#include <stdio.h>

#include <CUnit/CUnit.h>

#include "proto/op_code.h"
#include "proto/txn_codec.h"

static int
rec_call(struct recorder *rec, struct zk_errmsg *em, const char *fmt, ...)
    ZK_PRINTF(3, 4);

static int
rec_call(struct recorder *rec, struct zk_errmsg *em, const char *fmt, ...)
{
    char text[80];
    va_list ap;

    CU_ASSERT_FALSE(rec->failed);   /* Nothing is asked after a failure. */
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    zk_buf_printf(&rec->calls, "%s%s", rec->calls.len > 0 ? " " : "", text);
    if (rec->n++ == rec->fail_at) {
        rec->failed = true;
        return zk_fail(em, INJECTED, "%s fails", text);
    }
    return ZK_OK;
}

static unsigned
ep(int64_t zxid)
{
    return (unsigned) zxid_epoch(zxid);
}

static unsigned
ct(int64_t zxid)
{
    return (unsigned) zxid_counter(zxid);
}

static int64_t
txn_zxid(struct zk_slice txn)
{
    struct txn_view v = { 0 };

    CU_ASSERT_EQUAL(txn_view_decode_header(&v, txn.p, (size_t) txn.len),
                    ZK_OK);
    return v.zxid;
}

static int
rec_set_accepted_epoch(void *self, int64_t epoch, struct zk_errmsg *em)
{
    struct recorder *rec = self;

    CU_ASSERT_TRUE(epoch > rec->accepted);
    rec->accepted = epoch;
    return rec_call(rec, em, "accept(%u)", (unsigned) epoch);
}

static int
rec_set_current_epoch(void *self, int64_t epoch, struct zk_errmsg *em)
{
    struct recorder *rec = self;

    /* ZOOKEEPER-4643: the history is durable before the epoch says so. */
    CU_ASSERT_EQUAL(rec->appended, 0);
    CU_ASSERT_FALSE(rec->snap_unsaved);
    CU_ASSERT_TRUE(epoch <= rec->accepted);
    rec->current = epoch;
    return rec_call(rec, em, "current(%u)", (unsigned) epoch);
}

static int
rec_send(void *self, int32_t type, int64_t zxid, struct zk_slice data,
         struct zk_errmsg *em)
{
    struct recorder *rec = self;

    if (type == QP_ACKEPOCH) {
        CU_ASSERT_EQUAL_FATAL(data.len, 4);
        return rec_call(rec, em, "ACKEPOCH(%u.%u,%d)", ep(zxid), ct(zxid),
                        (int) zk_get_be32(data.p));
    }
    if (type == QP_ACK) {
        CU_ASSERT_TRUE(zk_slice_is_null(data));
        CU_ASSERT_EQUAL(zxid, zxid_make(rec->current, 0));
        rec->acked = true;
    }
    return rec_call(rec, em, "%s(%u.%u)", quorum_packet_name(type),
                    ep(zxid), ct(zxid));
}

static int
rec_load_snapshot(void *self, int64_t zxid, struct zk_errmsg *em)
{
    struct recorder *rec = self;

    rec->snap_unsaved = true;
    return rec_call(rec, em, "load(%u.%u)", ep(zxid), ct(zxid));
}

static int
rec_save_snapshot(void *self, struct zk_errmsg *em)
{
    struct recorder *rec = self;

    CU_ASSERT_TRUE(rec->snap_unsaved);
    rec->snap_unsaved = false;
    return rec_call(rec, em, "save");
}

static int
rec_truncate(void *self, int64_t zxid, struct zk_errmsg *em)
{
    return rec_call(self, em, "trunc(%u.%u)", ep(zxid), ct(zxid));
}

static int
rec_apply(void *self, struct zk_slice txn, struct zk_errmsg *em)
{
    struct recorder *rec = self;
    int64_t zxid = txn_zxid(txn);

    /* The tree is never ahead of the disk, but for a tree that has none. */
    CU_ASSERT_TRUE(rec->appended == 0 || rec->snap_unsaved);
    CU_ASSERT_FALSE(rec->serving);
    return rec_call(rec, em, "apply(%u.%u)", ep(zxid), ct(zxid));
}

static int
rec_log_append(void *self, struct zk_slice txn, struct zk_errmsg *em)
{
    struct recorder *rec = self;
    int64_t zxid = txn_zxid(txn);

    CU_ASSERT_FALSE(rec->acked);
    rec->appended++;
    return rec_call(rec, em, "append(%u.%u)", ep(zxid), ct(zxid));
}

static int
rec_log_sync(void *self, struct zk_errmsg *em)
{
    struct recorder *rec = self;

    rec->appended = 0;
    return rec_call(rec, em, "sync");
}

static int
rec_serve(void *self, int64_t epoch, struct zk_errmsg *em)
{
    struct recorder *rec = self;

    CU_ASSERT_TRUE(rec->acked);
    rec->serving = true;
    return rec_call(rec, em, "serve(%u)", (unsigned) epoch);
}

static int
rec_propose(void *self, int64_t zxid, struct zk_slice txn,
            struct zk_errmsg *em)
{
    struct recorder *rec = self;

    CU_ASSERT_TRUE(rec->serving);
    if (zk_slice_is_null(txn)) {
        CU_ASSERT_TRUE(zxid == rec->proposed || rec->proposed == 0);
        return rec_call(rec, em, "again(%u.%u)", ep(zxid), ct(zxid));
    }
    CU_ASSERT_EQUAL(txn_zxid(txn), zxid);
    CU_ASSERT_TRUE(zxid > rec->proposed);
    rec->proposed = zxid;
    return rec_call(rec, em, "propose(%u.%u)", ep(zxid), ct(zxid));
}

static int
rec_commit(void *self, int64_t zxid, struct zk_errmsg *em)
{
    struct recorder *rec = self;

    CU_ASSERT_TRUE(zxid > rec->committed && zxid <= rec->proposed);
    rec->committed = zxid;
    return rec_call(rec, em, "commit(%u.%u)", ep(zxid), ct(zxid));
}

static int
rec_ping(void *self, int64_t zxid, struct zk_errmsg *em)
{
    return rec_call(self, em, "ping(%u.%u)", ep(zxid), ct(zxid));
}

static int
rec_revalidated(void *self, struct zk_slice data, struct zk_errmsg *em)
{
    return rec_call(self, em, "revalidated(%d)", (int) data.len);
}

static int
rec_synced(void *self, struct zk_errmsg *em)
{
    return rec_call(self, em, "synced");
}

/* ---- a learner and its leader ------------------------------------------ */

void
create(struct learner_test *t, const struct learner_core_options *o)
{
    const struct learner_env env = {
        &t->rec, rec_set_accepted_epoch, rec_set_current_epoch, rec_send,
        rec_load_snapshot, rec_save_snapshot, rec_truncate, rec_apply,
        rec_log_append, rec_log_sync, rec_serve, rec_propose, rec_commit,
        rec_ping, rec_revalidated, rec_synced,
    };

    *t = (struct learner_test) { .rec = {
        .fail_at = NEVER,
        .accepted = o->accepted_epoch,
        .current = o->current_epoch,
    } };
    t->lc = learner_core_create(&env, o);
}

struct learner_core_options
options(bool observer)
{
    return (struct learner_core_options) {
        .sid = 2,
        .observer = observer,
        .accepted_epoch = 1,
        .current_epoch = 1,
        .last_zxid = Z(1, 5),
        .max_len = 1 << 20,
    };
}

void
destroy(struct learner_test *t)
{
    learner_core_destroy(t->lc);
    zk_buf_fini(&t->rec.calls);
}

void
expect(struct learner_test *t, const char *want)
{
    const char *got = t->rec.calls.len > 0
                          ? (const char *) t->rec.calls.data : "";

    if (strcmp(got, want) != 0) {
        printf("\n  got  %s\n  want %s\n", got, want);
    }
    CU_ASSERT_STRING_EQUAL(got, want);
    zk_buf_clear(&t->rec.calls);
}

void
raw(struct learner_test *t, int32_t type, int64_t zxid, struct zk_slice data)
{
    const struct jute_quorum_packet qp = {
        .type = type, .zxid = zxid, .data = data,
    };

    t->em.text[0] = '\0';
    t->rv = learner_core_packet(t->lc, &qp, &t->em);
    CU_ASSERT_TRUE((t->rv == ZK_OK) == (t->em.text[0] == '\0'));
}

void
bare(struct learner_test *t, int32_t type, int64_t zxid)
{
    raw(t, type, zxid, ZK_SLICE_NULL);
}

void
ok(struct learner_test *t)
{
    CU_ASSERT_EQUAL(t->rv, ZK_OK);
    if (t->rv != ZK_OK) {
        printf("\n  %s\n", t->em.text);
    }
}

void
refused(struct learner_test *t, int rv)
{
    CU_ASSERT_EQUAL(t->rv, rv);
    bare(t, QP_PING, 0);
    CU_ASSERT_EQUAL(t->rv, ZK_ESTOPPED);
    CU_ASSERT_FALSE(learner_core_is_synced(t->lc));
    CU_ASSERT_FALSE(learner_core_is_serving(t->lc));
}

void
leader_info(struct learner_test *t, int64_t epoch)
{
    raw(t, QP_LEADERINFO, zxid_make(epoch, 0),
        zk_slice("\0\1\0\0", 4));
}

void
txn_packet(struct learner_test *t, int32_t type, int64_t zxid,
           struct zk_slice before, struct zk_slice behind)
{
    struct zk_buf b = { 0 };

    zk_buf_append(&b, before.p, (size_t) before.len);
    txn_encode_header(&b, 77, 1, zxid, 1234, OP_CREATE_SESSION);
    txn_encode_create_session(&b, 30000);
    zk_buf_append(&b, behind.p, (size_t) behind.len);
    raw(t, type, zxid, zk_slice(b.data, (int32_t) b.len));
    zk_buf_fini(&b);
}

void
proposal(struct learner_test *t, int64_t zxid)
{
    txn_packet(t, QP_PROPOSAL, zxid, ZK_SLICE_LIT(""), ZK_SLICE_LIT(""));
}

void
inform(struct learner_test *t, int64_t zxid)
{
    txn_packet(t, QP_INFORM, zxid, ZK_SLICE_LIT(""), ZK_SLICE_LIT(""));
}

void
commit(struct learner_test *t, int64_t zxid)
{
    bare(t, QP_COMMIT, zxid);
}

void
pair(struct learner_test *t, int64_t zxid)
{
    proposal(t, zxid);
    ok(t);
    commit(t, zxid);
    ok(t);
}

void
new_leader(struct learner_test *t, int64_t epoch)
{
    raw(t, QP_NEWLEADER, zxid_make(epoch, 0), ZK_SLICE_LIT("server.1=..."));
}

void
up_to_date(struct learner_test *t)
{
    bare(t, QP_UPTODATE, -1);
}

void
discovered(struct learner_test *t, bool observer)
{
    const struct learner_core_options o = options(observer);

    create(t, &o);
    CU_ASSERT_EQUAL(learner_core_start(t->lc, &t->em), ZK_OK);
    leader_info(t, 2);
    ok(t);
    expect(t, observer ? "OBSERVERINFO(1.0) accept(2) ACKEPOCH(1.5,1)"
                       : "FOLLOWERINFO(1.0) accept(2) ACKEPOCH(1.5,1)");
}

void
serving(struct learner_test *t, bool observer)
{
    discovered(t, observer);
    bare(t, QP_DIFF, Z(1, 5));
    new_leader(t, 2);
    up_to_date(t);
    ok(t);
    expect(t, "current(2) ACK(2.0) ACK(2.0) serve(2)");
}

void
start_at(struct learner_test *t, int64_t accepted)
{
    struct learner_core_options o = options(false);

    o.accepted_epoch = accepted;
    create(t, &o);
    CU_ASSERT_EQUAL(learner_core_start(t->lc, &t->em), ZK_OK);
    zk_buf_clear(&t->rec.calls);
}
