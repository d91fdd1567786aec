/* SPDX-License-Identifier: Apache-2.0 */
/* The stage that makes transactions durable, in one role after another over
 * the same database. */
#include <config.h>

#include "server/sync_request_processor.h"

#include "persistence/file_list.h"
#include "proto/acl_codec.h"
#include "proto/op_code.h"
#include "server/zk_database_sync.h"
#include "test/lib/zk_test.h"
#include "util/zk_log.h"

#define SNAP_COUNT 100

static struct {
    char *dir;
    struct server_config *config;
    struct zk_database *db;
    struct request_processor *sync;
    struct request_processor base;      /* The stage behind. */
    atomic_int slow;            /* Syncs that were reported. */
    int64_t zxid;               /* The last one made. */
    int64_t applied;
    bool shut;
} t;

static void
next_submit(struct request_processor *base, struct bq_list *list)
{
    struct file_txn_log *log = file_txn_snap_log_log(t.db->files);
    struct bq_node *node;

    (void) base;
    while ((node = bq_list_pop(list)) != NULL) {
        struct request *r = request_of(node);
        struct txn_result res = { 0 };
        struct txn_view txn;

        CU_ASSERT(file_txn_log_last_synced(log) >= r->txn->zxid);
        CU_ASSERT_EQUAL(r->txn->zxid, t.applied + 1);
        t.applied = r->txn->zxid;
        CU_ASSERT_EQUAL(txn_view_decode(&txn, r->txn->data, r->txn->len,
                                        1 << 20, NULL), ZK_OK);
        zk_write_lock(&t.db->lock);
        zk_database_apply(t.db, r->txn, &txn, &res);
        zk_write_unlock(&t.db->lock);
        txn_result_fini(&res);
        request_free(r);
    }
}

static void
next_shutdown(struct request_processor *base)
{
    (void) base;
    t.shut = true;
}

static void
disk_full(void *self, bool full)
{
    (void) self;
    (void) full;
}

static void
slow_sync(void *self)
{
    (void) self;
    atomic_fetch_add(&t.slow, 1);
}

static void
begin(void)
{
    struct restore_result res = { 0 };
    char port[] = "0";
    char *args[2] = { port, NULL };
    struct zk_errmsg em;

    memset(&t, 0, sizeof t);
    t.dir = args[1] = zk_test_mkdir();
    if (server_config_from_args(2, args, system_properties_create(),
                                &t.config, &em) != ZK_OK) {
        fprintf(stderr, "%s\n", em.text);
        exit(99);
    }
    t.config->storage.snap_count = SNAP_COUNT;
    t.config->storage.pre_alloc_kb = 0;
    t.config->storage.fsync_warning_ms = -1;    /* All are slow. */
    t.base.submit = next_submit;
    t.base.shutdown = next_shutdown;
    t.db = zk_database_create(&t.config->storage);
    if (zk_database_load(t.db, &res, &em) != ZK_OK) {
        fprintf(stderr, "%s\n", em.text);
        exit(99);
    }
}

static void
end(void)
{
    zk_database_destroy(t.db);
    server_config_destroy(t.config);
    zk_test_rmdir(t.dir);
    free(t.dir);
}

static void
start_role(void)
{
    const struct sync_env env = {
        .db = t.db,
        .config = t.config,
        .disk_full = disk_full,
        .slow_sync = slow_sync,
    };

    t.sync = sync_request_processor_create(&env, &t.base);
}

/* Waits for a snapshot that is under way. */
static void
end_role(void)
{
    t.sync->shutdown(t.sync);
    CU_ASSERT_TRUE(t.shut);
    t.sync->destroy(t.sync);
    CU_ASSERT_EQUAL(t.applied, t.zxid);
}

static void
make_txn(struct zk_buf *b, int64_t zxid)
{
    char path[32];

    zk_buf_clear(b);
    snprintf(path, sizeof path, "/n%ld", (long) zxid);
    txn_encode_header(b, 1, 1, zxid, 1, OP_CREATE);
    txn_encode_create(b, zk_slice_str(path), ZK_SLICE_NULL, acl_raw_open,
                      false, -1);
}

/* As a proposal comes to a follower: no sink, no body. */
static void
log_some(int n)
{
    struct zk_buf b = { 0 };

    for (int i = 0; i < n; i++) {
        struct request *r = request_create(OP_CREATE, 0, 0, ZK_SLICE_NULL,
                                           NULL, NULL);
        struct bq_list list = { 0 };

        make_txn(&b, ++t.zxid);
        r->txn = txn_bytes_create(t.zxid, b.data, b.len);
        bq_list_append(&list, &r->link);
        t.sync->submit(t.sync, &list);
    }
    zk_buf_fini(&b);
}

/* Besides the one that every new database has. */
static size_t
snapshots(void)
{
    char *dir = zk_xasprintf("%s/version-2", t.dir);
    struct zk_file_list l;
    struct zk_errmsg em;
    size_t n;

    CU_ASSERT_EQUAL_FATAL(zk_file_list_read(dir, "snapshot", &l, &em),
                          ZK_OK);
    n = l.n;
    zk_file_list_fini(&l);
    free(dir);
    return n - 1;
}

/* Roles that never live long enough for a snapshot of their own. */
static void
test_snapshots_come_in_spite_of_short_roles(void)
{
    begin();
    for (int i = 0; i < 20; i++) {
        start_role();
        log_some(SNAP_COUNT / 4);
        end_role();
    }
    CU_ASSERT(snapshots() >= 4);
    CU_ASSERT(snapshots() <= 10);
    end();
}

static void
test_a_snapshot_that_was_given_up_is_due(void)
{
    begin();
    start_role();
    log_some(1);
    end_role();
    CU_ASSERT_EQUAL(snapshots(), 0);
    t.db->snapshot_missed = true;
    start_role();
    log_some(1);
    end_role();
    CU_ASSERT_EQUAL(snapshots(), 1);
    start_role();
    log_some(1);
    end_role();
    CU_ASSERT_EQUAL(snapshots(), 1);
    end();
}

/* What a learner logs between its roles counts as well, and tells nothing to
 * a stage that is no more. */
static void
test_the_log_outlives_the_stage(void)
{
    struct zk_buf b = { 0 };
    struct zk_errmsg em;
    int slow;

    begin();
    start_role();
    log_some(1);
    end_role();
    slow = atomic_load(&t.slow);
    CU_ASSERT(slow >= 1);
    for (int i = 0; i < SNAP_COUNT; i++) {
        make_txn(&b, ++t.zxid);
        CU_ASSERT_EQUAL(zk_database_log(
                            t.db, zk_slice(b.data, (int32_t) b.len),
                            i == SNAP_COUNT - 1, &em), ZK_OK);
        CU_ASSERT_EQUAL(zk_database_apply_one(
                            t.db, zk_slice(b.data, (int32_t) b.len), &em),
                        ZK_OK);
        t.applied = t.zxid;
    }
    CU_ASSERT_EQUAL(atomic_load(&t.slow), slow);
    CU_ASSERT_EQUAL(snapshots(), 0);
    start_role();
    log_some(1);
    end_role();
    CU_ASSERT_EQUAL(snapshots(), 1);
    zk_buf_fini(&b);
    end();
}

static const struct zk_test tests[] = {
    { "snapshots come in spite of short roles",
      test_snapshots_come_in_spite_of_short_roles },
    { "a snapshot that was given up is due",
      test_a_snapshot_that_was_given_up_is_due },
    { "the log outlives the stage", test_the_log_outlives_the_stage },
};

int
main(void)
{
    zk_log_set_level(ZK_LOG_OFF);
    return zk_test_main("sync stage", tests, ZK_ARRAY_SIZE(tests));
}
