/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "zab/zab_peer.h"

#include "persistence/epoch_file.h"
#include "test/lib/zk_test.h"
#include "util/zk_log.h"
#include "zab/leader_core.h"

#define NONE (-7)

struct epochs_test {
    char *dir;
    struct zab_epochs e;
    struct zk_errmsg em;
};

static void
write_text(const char *dir, const char *name, const char *text)
{
    char path[600];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs(text, f);
    fclose(f);
}

static bool
is_there(const char *dir, const char *name)
{
    char path[600];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

/* NONE: no file. */
static struct epochs_test
setup(int64_t accepted, int64_t current)
{
    struct epochs_test t = { .dir = zk_test_mkdir() };

    if (accepted != NONE) {
        CU_ASSERT_EQUAL(epoch_file_write(t.dir, "acceptedEpoch", accepted,
                                         &t.em), ZK_OK);
    }
    if (current != NONE) {
        CU_ASSERT_EQUAL(epoch_file_write(t.dir, "currentEpoch", current,
                                         &t.em), ZK_OK);
    }
    return t;
}

static void
teardown(struct epochs_test *t)
{
    zk_test_rmdir(t->dir);
    free(t->dir);
}

static int
load(struct epochs_test *t, int64_t last_epoch)
{
    return zab_epochs_load(&t->e, t->dir, zxid_make(last_epoch, 3), &t->em);
}

static void
on_disk(struct epochs_test *t, int64_t accepted, int64_t current)
{
    int64_t epoch;

    CU_ASSERT_EQUAL(t->e.accepted, accepted);
    CU_ASSERT_EQUAL(t->e.current, current);
    CU_ASSERT_EQUAL(epoch_file_read(t->dir, "acceptedEpoch", &epoch, &t->em),
                    ZK_OK);
    CU_ASSERT_EQUAL(epoch, accepted);
    CU_ASSERT_EQUAL(epoch_file_read(t->dir, "currentEpoch", &epoch, &t->em),
                    ZK_OK);
    CU_ASSERT_EQUAL(epoch, current);
}

static void
test_both_are_read(void)
{
    struct epochs_test t = setup(7, 5);

    CU_ASSERT_EQUAL(load(&t, 4), ZK_OK);
    on_disk(&t, 7, 5);
    CU_ASSERT_EQUAL(load(&t, 5), ZK_OK);
    on_disk(&t, 7, 5);
    teardown(&t);
}

static void
test_missing_ones_are_the_epoch_of_the_history(void)
{
    struct epochs_test t = setup(NONE, NONE);

    CU_ASSERT_EQUAL(load(&t, 3), ZK_OK);
    on_disk(&t, 3, 3);
    teardown(&t);

    t = setup(9, NONE);
    CU_ASSERT_EQUAL(load(&t, 3), ZK_OK);
    on_disk(&t, 9, 3);
    teardown(&t);

    t = setup(NONE, 3);
    CU_ASSERT_EQUAL(load(&t, 3), ZK_OK);
    on_disk(&t, 3, 3);
    teardown(&t);
}

static void
test_current_above_accepted_is_refused(void)
{
    struct epochs_test t = setup(4, 5);

    CU_ASSERT_EQUAL(load(&t, 4), ZK_ECORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(t.em.text, t.dir));
    teardown(&t);

    t = setup(NONE, 5);
    CU_ASSERT_EQUAL(load(&t, 4), ZK_ECORRUPT);
    teardown(&t);
}

static void
test_history_above_accepted_is_refused(void)
{
    struct epochs_test t = setup(4, 4);

    CU_ASSERT_EQUAL(load(&t, 5), ZK_ECORRUPT);
    teardown(&t);
}

/* NEWLEADER: the history is durable before currentEpoch is. */
static void
test_crash_between_history_and_epoch_is_mended(void)
{
    struct epochs_test t = setup(6, 3);

    CU_ASSERT_EQUAL(load(&t, 5), ZK_OK);
    on_disk(&t, 6, 5);
    teardown(&t);

    /* What old servers of Java leave behind, and newer ones. */
    t = setup(6, 5);
    write_text(t.dir, "updatingEpoch", "");
    CU_ASSERT_EQUAL(load(&t, 6), ZK_OK);
    on_disk(&t, 6, 6);
    teardown(&t);

    t = setup(6, 5);
    write_text(t.dir, "currentEpoch.tmp", "6");
    CU_ASSERT_EQUAL(load(&t, 6), ZK_OK);
    on_disk(&t, 6, 6);
    CU_ASSERT_FALSE(is_there(t.dir, "currentEpoch.tmp"));
    teardown(&t);
}

static void
test_files_that_hold_no_epoch_are_refused(void)
{
    static const char *const texts[] = {
        "", "x", "5x", "-1", "2147483648", "99999999999999999999",
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(texts); i++) {
        struct epochs_test t = setup(5, 5);

        write_text(t.dir, "currentEpoch", texts[i]);
        CU_ASSERT_EQUAL(load(&t, 5), ZK_ECORRUPT);
        CU_ASSERT_PTR_NOT_NULL(strstr(t.em.text, "currentEpoch"));
        teardown(&t);

        t = setup(5, 5);
        write_text(t.dir, "acceptedEpoch", texts[i]);
        CU_ASSERT_EQUAL(load(&t, 5), ZK_ECORRUPT);
        CU_ASSERT_PTR_NOT_NULL(strstr(t.em.text, "acceptedEpoch"));
        teardown(&t);
    }
}

static void
test_epochs_go_up_on_disk_first(void)
{
    struct epochs_test t = setup(5, 5);

    CU_ASSERT_EQUAL(load(&t, 5), ZK_OK);
    CU_ASSERT_EQUAL(zab_epochs_accept(&t.e, 8, &t.em), ZK_OK);
    on_disk(&t, 8, 5);
    CU_ASSERT_EQUAL(zab_epochs_establish(&t.e, 8, &t.em), ZK_OK);
    on_disk(&t, 8, 8);
    teardown(&t);
}

static void
test_same_epoch_writes_nothing(void)
{
    struct epochs_test t = setup(5, 5);

    CU_ASSERT_EQUAL(load(&t, 5), ZK_OK);
    zk_test_rmdir(t.dir);       /* A write would fail. */
    CU_ASSERT_EQUAL(zab_epochs_accept(&t.e, 5, &t.em), ZK_OK);
    CU_ASSERT_EQUAL(zab_epochs_establish(&t.e, 5, &t.em), ZK_OK);
    CU_ASSERT_NOT_EQUAL(zab_epochs_accept(&t.e, 6, &t.em), ZK_OK);
    CU_ASSERT_EQUAL(t.e.accepted, 5);
    t.e.accepted = 6;
    CU_ASSERT_NOT_EQUAL(zab_epochs_establish(&t.e, 6, &t.em), ZK_OK);
    CU_ASSERT_EQUAL(t.e.current, 5);
    free(t.dir);
}

static const struct zk_test tests[] = {
    { "both are read", test_both_are_read },
    { "missing ones are the epoch of the history",
      test_missing_ones_are_the_epoch_of_the_history },
    { "current above accepted is refused",
      test_current_above_accepted_is_refused },
    { "a history above accepted is refused",
      test_history_above_accepted_is_refused },
    { "a crash between history and epoch is mended",
      test_crash_between_history_and_epoch_is_mended },
    { "files that hold no epoch are refused",
      test_files_that_hold_no_epoch_are_refused },
    { "epochs go up on disk first", test_epochs_go_up_on_disk_first },
    { "the same epoch writes nothing", test_same_epoch_writes_nothing },
};

int
main(void)
{
    zk_log_set_level(ZK_LOG_OFF);
    return zk_test_main("zab_epochs", tests, ZK_ARRAY_SIZE(tests));
}
