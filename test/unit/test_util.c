/* SPDX-License-Identifier: Apache-2.0 */
/* Memory, errors, buffers, clocks, files, panics and crash points. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "util/crash_point.h"
#include "util/zk_buf.h"
#include "util/zk_bytes.h"
#include "util/zk_error.h"
#include "util/zk_io.h"
#include "util/zk_obj.h"
#include "util/zk_slice.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

#include "../lib/zk_test.h"
#include "../lib/zk_test_child.h"

static struct zk_test_child child;

static void
test_copies_are_exact(void)
{
    char *s = zk_xasprintf("%s-%d", "n", 7);
    char *t = zk_xstrndup("abcdef", 3);
    char *d = zk_xmemdup("a\0b", 3);

    CU_ASSERT_STRING_EQUAL(s, "n-7");
    CU_ASSERT_STRING_EQUAL(t, "abc");
    CU_ASSERT_EQUAL(memcmp(d, "a\0b", 3), 0);
    free(s);
    free(t);
    free(d);
    free(zk_xmalloc(0));
    free(zk_xcalloc(0, 8));
}

static void
ask_for_too_much(void *arg)
{
    size_t *too_much = arg;

    free(zk_xmalloc(*too_much));
}

static void
test_no_memory_panics(void)
{
    size_t too_much = SIZE_MAX / 4;

    setenv("ASAN_OPTIONS", "allocator_may_return_null=1", 1);
    zk_test_child_run(&child, ask_for_too_much, &too_much);
    CU_ASSERT_FALSE(zk_test_child_ok(&child));
}

struct object {
    unsigned magic;
#define OBJECT_MAGIC 0x4f626a74
};

static void
check_wrong_magic(void *arg)
{
    ZK_CHECK((struct object *) arg, OBJECT_MAGIC);
}

static void
test_magic_is_checked(void)
{
    struct object good = { OBJECT_MAGIC };
    struct object bad = { OBJECT_MAGIC + 1 };

    ZK_CHECK(&good, OBJECT_MAGIC);
    zk_test_child_run(&child, check_wrong_magic, &bad);
    CU_ASSERT_TRUE(zk_test_child_killed_by(&child, SIGABRT));
    CU_ASSERT_PTR_NOT_NULL(strstr(child.out, "magic == (0x4f626a74)"));
    CU_ASSERT_PTR_NOT_NULL(strstr(child.out, "test_util.c:"));
}

static void
say_hook(FILE *out, void *arg)
{
    fprintf(out, "hook says %s\n", (const char *) arg);
}

static char hook_kept[] = "kept";
static char hook_gone[] = "gone";

static void
panic_with_hooks(void *arg)
{
    (void) arg;
    zk_dump_hook_add("first", say_hook, hook_kept);
    zk_dump_hook_add("second", say_hook, hook_gone);
    zk_dump_hook_remove(say_hook, hook_gone);
    zk_thread_set_name("Panicker:%d", 4);
    zk_panic("the answer is %d", 41);
}

static void
test_panic_tells_thread_text_and_hooks(void)
{
    zk_test_child_run(&child, panic_with_hooks, NULL);
    CU_ASSERT_TRUE(zk_test_child_killed_by(&child, SIGABRT));
    CU_ASSERT_PTR_NOT_NULL(strstr(child.out, "thread Panicker:4: "
                                             "the answer is 41"));
    CU_ASSERT_PTR_NOT_NULL(strstr(child.out, "hook says kept"));
    CU_ASSERT_PTR_NULL(strstr(child.out, "hook says gone"));
}

static void
panicking_hook(FILE *out, void *arg)
{
    (void) out;
    (void) arg;
    zk_panic("from the hook");
}

static void
panic_twice(void *arg)
{
    (void) arg;
    zk_dump_hook_add("bad", panicking_hook, NULL);
    zk_panic("outer");
}

static void
test_panic_in_a_dump_still_aborts(void)
{
    zk_test_child_run(&child, panic_twice, NULL);
    CU_ASSERT_TRUE(zk_test_child_killed_by(&child, SIGABRT));
    CU_ASSERT_PTR_NOT_NULL(strstr(child.out, "outer"));
    CU_ASSERT_PTR_NOT_NULL(strstr(child.out, "from the hook"));
}

static void
hanging_hook(FILE *out, void *arg)
{
    (void) out;
    (void) arg;
    for (;;) {
        pause();
    }
}

static void
panic_and_hang(void *arg)
{
    (void) arg;
    zk_thread_block_signals();
    zk_dump_hook_add("hangs", hanging_hook, NULL);
    zk_panic("stuck");
}

static void
test_panic_whose_dump_hangs_still_aborts(void)
{
    zk_test_child_run(&child, panic_and_hang, NULL);
    CU_ASSERT_TRUE(zk_test_child_killed_by(&child, SIGABRT));
}

static void
test_errors_carry_code_and_text(void)
{
    struct zk_errmsg em;

    CU_ASSERT_EQUAL(zk_fail(&em, ZK_ETORN, "log.%x at %d", 0x1f, 20),
                    ZK_ETORN);
    CU_ASSERT_STRING_EQUAL(em.text, "log.1f at 20");
    CU_ASSERT_EQUAL(zk_fail(NULL, ZK_EMARSHAL, "x"), ZK_EMARSHAL);
    errno = ENOSPC;
    CU_ASSERT_EQUAL(zk_fail_errno(&em, "/d/f: write"), ZK_ENOSPC);
    CU_ASSERT_STRING_EQUAL(em.text, "/d/f: write: No space left on device");
    errno = EDQUOT;
    CU_ASSERT_EQUAL(zk_fail_errno(NULL, "x"), ZK_ENOSPC);
    errno = EACCES;
    CU_ASSERT_EQUAL(zk_fail_errno(&em, "x"), ZK_EIO);
    errno = EEXIST;
    CU_ASSERT_EQUAL(zk_fail_errno(&em, "x"), ZK_EEXIST);
    CU_ASSERT_STRING_EQUAL(zk_error_name(ZK_ECORRUPT), "ZK_ECORRUPT");
    CU_ASSERT_STRING_EQUAL(zk_error_name(-77), "ZK_?");
}

static void
test_long_error_text_is_cut(void)
{
    struct zk_errmsg em;
    char long_text[2000];

    memset(long_text, 'a', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    errno = EIO;
    CU_ASSERT_EQUAL(zk_fail_errno(&em, "%s", long_text), ZK_EIO);
    CU_ASSERT_EQUAL(strlen(em.text), sizeof em.text - 1);
}

static void
test_buffer_grows_and_keeps_its_bytes(void)
{
    struct zk_buf b = { 0 };

    for (int i = 0; i < 10000; i++) {
        uint8_t byte = (uint8_t) (i % 251);

        zk_buf_append(&b, &byte, 1);
    }
    CU_ASSERT_EQUAL(b.len, 10000);
    CU_ASSERT_TRUE(b.cap >= b.len && b.cap < 4 * b.len);
    for (size_t i = 0; i < 10000; i++) {
        if (b.data[i] != i % 251) {
            CU_FAIL("a byte changed");
            break;
        }
    }
    zk_buf_consume(&b, 9998);
    CU_ASSERT_EQUAL(b.len, 2);
    CU_ASSERT_EQUAL(b.data[0], 9998 % 251);
    zk_buf_clear(&b);
    CU_ASSERT_EQUAL(b.len, 0);
    zk_buf_fini(&b);
    CU_ASSERT_PTR_NULL(b.data);
}

static void
test_buffer_prints_of_any_length(void)
{
    struct zk_buf b = { 0 };

    zk_buf_printf(&b, "%s", "");
    CU_ASSERT_EQUAL(b.len, 0);
    for (int width = 1; width < 300; width += 7) {
        zk_buf_printf(&b, "%*d,", width, 5);
    }
    CU_ASSERT_EQUAL(b.data[b.len], '\0');
    CU_ASSERT_EQUAL(strlen((char *) b.data), b.len);
    CU_ASSERT_EQUAL(b.data[b.len - 1], ',');
    zk_buf_fini(&b);
}

static void
test_reserve_of_nothing_gives_a_place(void)
{
    struct zk_buf b = { 0 };

    CU_ASSERT_PTR_NOT_NULL(zk_buf_reserve(&b, 0));
    zk_buf_fini(&b);
}

static void
reserve_too_much(void *arg)
{
    struct zk_buf b = { 0 };

    (void) arg;
    zk_buf_append(&b, "x", 1);
    zk_buf_reserve(&b, SIZE_MAX);
}

static void
test_buffer_over_the_address_space_panics(void)
{
    zk_test_child_run(&child, reserve_too_much, NULL);
    CU_ASSERT_TRUE(zk_test_child_killed_by(&child, SIGABRT));
}

static void
test_bytes_are_big_endian(void)
{
    uint8_t raw[9] = { 0 };

    zk_put_be64(raw + 1, 0x0102030405060708);
    CU_ASSERT_EQUAL(raw[1], 1);
    CU_ASSERT_EQUAL(raw[8], 8);
    CU_ASSERT_EQUAL(zk_get_be64(raw + 1), 0x0102030405060708);
    CU_ASSERT_EQUAL(zk_get_be32(raw + 5), 0x05060708);
    zk_put_be32(raw, 0xfffefdfc);
    CU_ASSERT_EQUAL(raw[3], 0xfc);
}

static void
test_null_slice_is_not_empty(void)
{
    CU_ASSERT_TRUE(zk_slice_is_null(zk_slice_str(NULL)));
    CU_ASSERT_FALSE(zk_slice_is_null(zk_slice_str("")));
    CU_ASSERT_FALSE(zk_slice_eq(zk_slice_str(""), ZK_SLICE_NULL));
    CU_ASSERT_TRUE(zk_slice_eq_str(ZK_SLICE_LIT("/a"), "/a"));
    CU_ASSERT_TRUE(zk_slice_starts_with(ZK_SLICE_LIT("/a/b"),
                                        ZK_SLICE_LIT("/a")));
    CU_ASSERT_FALSE(zk_slice_starts_with(ZK_SLICE_LIT("/"),
                                         ZK_SLICE_LIT("/a")));
}

static void
test_clocks_agree_and_do_not_go_back(void)
{
    int64_t ms = zk_time_mono_ms();
    int64_t us = zk_time_mono_us();

    CU_ASSERT_TRUE(us / 1000 >= ms && us / 1000 < ms + 5000);
    CU_ASSERT_TRUE(zk_time_mono_us() >= us);
    CU_ASSERT_TRUE(zk_time_wall_ms() > INT64_C(1600000000000));
}

/* The text of a small file, in static memory; "" if it is not there. */
static const char *
text_of(const char *dir, const char *name)
{
    static char text[256];
    char path[600];
    size_t n = 0;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "r");
    if (f != NULL) {
        n = fread(text, 1, sizeof text - 1, f);
        fclose(f);
    }
    text[n] = '\0';
    return text;
}

static void
test_small_file_is_replaced_whole(void)
{
    char *dir = zk_test_mkdir();
    char *path = zk_xasprintf("%s/currentEpoch", dir);
    struct zk_errmsg em;

    CU_ASSERT_EQUAL(zk_atomic_file_replace(path, "12345", 5, &em), ZK_OK);
    CU_ASSERT_EQUAL(zk_atomic_file_replace(path, "6", 1, &em), ZK_OK);
    CU_ASSERT_STRING_EQUAL(text_of(dir, "currentEpoch"), "6");
    CU_ASSERT_STRING_EQUAL(text_of(dir, "currentEpoch.tmp"), "");
    free(path);
    zk_test_rmdir(dir);
    free(dir);
}

static void
test_failed_replace_keeps_the_old_and_names_the_file(void)
{
    char *dir = zk_test_mkdir();
    char *path = zk_xasprintf("%s/there/f", dir);
    char *sub = zk_xasprintf("%s/there", dir);
    struct zk_errmsg em;

    CU_ASSERT_EQUAL(zk_atomic_file_replace(path, "x", 1, &em), ZK_ENOTFOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, path));
    /* A folder cannot be replaced by a file. */
    CU_ASSERT_EQUAL(zk_mkdirs(path, &em), ZK_OK);
    CU_ASSERT_EQUAL(zk_atomic_file_replace(path, "x", 1, &em), ZK_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "rename"));
    CU_ASSERT_STRING_EQUAL(text_of(sub, "f.tmp"), "");
    free(sub);
    free(path);
    zk_test_rmdir(dir);
    free(dir);
}

static void
test_full_disk_is_told_apart(void)
{
    struct zk_errmsg em;
    int fd = open("/dev/full", O_WRONLY);

    CU_ASSERT_TRUE_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(zk_write_all(fd, "x", 1, "/dev/full", &em), ZK_ENOSPC);
    CU_ASSERT_EQUAL(zk_pwrite_all(fd, "x", 1, 4, "/dev/full", &em),
                    ZK_ENOSPC);
    CU_ASSERT_PTR_NOT_NULL(strstr(em.text, "/dev/full: write at 4"));
    close(fd);
}

static void
test_files_are_read_up_to_a_limit(void)
{
    char *dir = zk_test_mkdir();
    char *path = zk_xasprintf("%s/f", dir);
    uint8_t *big = zk_xcalloc(1, 200000);
    struct zk_buf b = { 0 };
    struct zk_errmsg em;

    big[199999] = 9;
    CU_ASSERT_EQUAL(zk_atomic_file_replace(path, big, 200000, &em), ZK_OK);
    zk_buf_append(&b, "ab", 2);
    CU_ASSERT_EQUAL(zk_read_file(path, 199999, &b, &em), ZK_ETOOBIG);
    CU_ASSERT_EQUAL(b.len, 2);
    CU_ASSERT_EQUAL(zk_read_file(path, 200000, &b, &em), ZK_OK);
    CU_ASSERT_EQUAL(b.len, 200002);
    CU_ASSERT_EQUAL(b.data[200001], 9);
    CU_ASSERT_EQUAL(zk_dir_size(dir), 200000);
    free(path);
    path = zk_xasprintf("%s/none", dir);
    CU_ASSERT_EQUAL(zk_read_file(path, 10, &b, &em), ZK_ENOTFOUND);
    CU_ASSERT_EQUAL(zk_dir_size(path), 0);
    zk_buf_fini(&b);
    free(big);
    free(path);
    zk_test_rmdir(dir);
    free(dir);
}

static void
test_read_full_joins_short_reads(void)
{
    struct zk_errmsg em;
    char in[8] = "";
    size_t got;
    int fds[2];

    CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
    CU_ASSERT_EQUAL(write(fds[1], "abc", 3), 3);
    CU_ASSERT_EQUAL(write(fds[1], "de", 2), 2);
    close(fds[1]);
    CU_ASSERT_EQUAL(zk_read_full(fds[0], in, 4, &got, "pipe", &em), ZK_OK);
    CU_ASSERT_EQUAL(got, 4);
    CU_ASSERT_EQUAL(zk_read_full(fds[0], in, 8, &got, "pipe", &em), ZK_OK);
    CU_ASSERT_EQUAL(got, 1);
    CU_ASSERT_EQUAL(in[0], 'e');
    close(fds[0]);
    CU_ASSERT_EQUAL(zk_read_full(fds[0], in, 1, &got, "pipe", &em), ZK_EIO);
    CU_ASSERT_STRING_EQUAL(em.text, "pipe: read: Bad file descriptor");
}

static void
test_mkdirs_makes_parents(void)
{
    char *dir = zk_test_mkdir();
    char *deep = zk_xasprintf("%s/a//b/c/", dir);
    char *file = zk_xasprintf("%s/a/f", dir);
    char *under_file = zk_xasprintf("%s/g", file);
    struct zk_errmsg em;
    struct stat st;

    CU_ASSERT_EQUAL(zk_mkdirs(deep, &em), ZK_OK);
    CU_ASSERT_EQUAL(zk_mkdirs(deep, &em), ZK_OK);
    CU_ASSERT_TRUE(stat(deep, &st) == 0 && S_ISDIR(st.st_mode));
    CU_ASSERT_EQUAL(zk_atomic_file_replace(file, "x", 1, &em), ZK_OK);
    CU_ASSERT_EQUAL(zk_mkdirs(file, &em), ZK_EEXIST);
    CU_ASSERT_EQUAL(zk_mkdirs(under_file, &em), ZK_EEXIST);
    CU_ASSERT_EQUAL(zk_mkdirs("", &em), ZK_ECONFIG);
    free(under_file);
    free(file);
    free(deep);
    zk_test_rmdir(dir);
    free(dir);
}

#ifdef ZK_CRASH_POINTS
struct crash_run {
    const char *spec;
    const char *path;
};

/* Writes "one", then "two". */
static void
replace_twice(void *arg)
{
    const struct crash_run *run = arg;
    struct zk_errmsg em;

    setenv("ZKD_CRASH_POINT", run->spec, 1);
    crash_point_arm();
    if (zk_atomic_file_replace(run->path, "one", 3, &em) != ZK_OK
        || zk_atomic_file_replace(run->path, "two", 3, &em) != ZK_OK) {
        _exit(1);
    }
}

static void
check_crash(const char *spec, int sig, const char *left, const char *tmp)
{
    char *dir = zk_test_mkdir();
    char *path = zk_xasprintf("%s/f", dir);
    struct crash_run run = { spec, path };

    zk_test_child_run(&child, replace_twice, &run);
    if (sig == 0) {
        CU_ASSERT_TRUE(zk_test_child_ok(&child));
    } else {
        CU_ASSERT_TRUE(zk_test_child_killed_by(&child, sig));
    }
    CU_ASSERT_STRING_EQUAL(text_of(dir, "f"), left);
    CU_ASSERT_STRING_EQUAL(text_of(dir, "f.tmp"), tmp);
    free(path);
    zk_test_rmdir(dir);
    free(dir);
}

static void
test_crash_leaves_the_old_or_the_new_file(void)
{
    check_crash("", 0, "two", "");
    check_crash("small_file_written", SIGKILL, "", "one");
    check_crash("small_file_written:2", SIGKILL, "one", "two");
    check_crash("small_file_renamed", SIGKILL, "one", "");
    check_crash("small_file_renamed:2", SIGKILL, "two", "");
    check_crash("small_file_renamed:3", 0, "two", "");
}

static void
test_unknown_crash_point_is_refused(void)
{
    check_crash("small_file", SIGABRT, "", "");
    CU_ASSERT_PTR_NOT_NULL(strstr(child.out, "no crash point 'small_file'"));
    check_crash("small_file_written:0", SIGABRT, "", "");
    check_crash("small_file_written:1x", SIGABRT, "", "");
}
#endif

static const struct zk_test tests[] = {
    { "copies are exact", test_copies_are_exact },
    { "no memory panics", test_no_memory_panics },
    { "magic is checked", test_magic_is_checked },
    { "a panic tells thread, text and hooks",
      test_panic_tells_thread_text_and_hooks },
    { "a panic in a dump still aborts", test_panic_in_a_dump_still_aborts },
    { "a panic whose dump hangs still aborts",
      test_panic_whose_dump_hangs_still_aborts },
    { "errors carry code and text", test_errors_carry_code_and_text },
    { "a long error text is cut", test_long_error_text_is_cut },
    { "a buffer grows and keeps its bytes",
      test_buffer_grows_and_keeps_its_bytes },
    { "a buffer prints texts of any length",
      test_buffer_prints_of_any_length },
    { "reserve of nothing gives a place",
      test_reserve_of_nothing_gives_a_place },
    { "a buffer over the address space panics",
      test_buffer_over_the_address_space_panics },
    { "bytes are big-endian", test_bytes_are_big_endian },
    { "a null slice is not empty", test_null_slice_is_not_empty },
    { "clocks agree and do not go back",
      test_clocks_agree_and_do_not_go_back },
    { "a small file is replaced whole", test_small_file_is_replaced_whole },
    { "a failed replace keeps the old and names the file",
      test_failed_replace_keeps_the_old_and_names_the_file },
    { "a full disk is told apart", test_full_disk_is_told_apart },
    { "files are read up to a limit", test_files_are_read_up_to_a_limit },
    { "zk_read_full joins short reads", test_read_full_joins_short_reads },
    { "zk_mkdirs makes parents", test_mkdirs_makes_parents },
#ifdef ZK_CRASH_POINTS
    { "a crash leaves the old or the new file",
      test_crash_leaves_the_old_or_the_new_file },
    { "an unknown crash point is refused",
      test_unknown_crash_point_is_refused },
#endif
};

ZK_TEST_MAIN("util", tests)
