/* SPDX-License-Identifier: Apache-2.0 */
/* The log: its lines, levels, places, and what happens under pressure. */
#include <config.h>

#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <sys/stat.h>

#include "util/zk_lock.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

#include "../lib/zk_test.h"
#include "../lib/zk_test_child.h"

#define FLOOD 20000

static struct zk_test_child child;

static bool
matches(const char *text, const char *pattern)
{
    regex_t re;
    bool yes;

    if (regcomp(&re, pattern, REG_EXTENDED | REG_NEWLINE | REG_NOSUB) != 0) {
        return false;
    }
    yes = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return yes;
}

static size_t
count_lines(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++) {
        n += *text == '\n';
    }
    return n;
}

/* No configuration of the machine's decides what a test sees. */
static void
start_log(const char *dir, const char *root)
{
    struct zk_log_options opts = { .root_logger = root, .log_dir = dir,
                                   .log4crc_dir = dir };

    zk_log_start(&opts);
}

static void
log_some(void *arg)
{
    (void) arg;
    start_log(NULL, "INFO,CONSOLE");
    zk_log_set_myid("3");
    zk_thread_set_name("SyncThread:3");
    zk_debug(sync, "not to be seen");
    zk_info(sync, "zxid 0x%lx", 0x100000005ul);
    zk_warn(cnxn, "warned");
    zk_error(leader, "failed");
    zk_log_stop();
}

#define STAMP                                                             \
    "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2},[0-9]{3} "

static void
test_lines_look_like_apaches(void)
{
    zk_test_child_run(&child, log_some, NULL);
    CU_ASSERT_TRUE(zk_test_child_ok(&child));
    CU_ASSERT_TRUE(matches(child.out, STAMP
                           "\\[myid:3\\] - INFO \\[SyncThread:3:"
                           "SyncRequestProcessor@[0-9]+\\] - "
                           "zxid 0x100000005$"));
    CU_ASSERT_TRUE(matches(child.out, "- WARN \\[SyncThread:3:"
                                      "NIOServerCnxn@[0-9]+\\] - warned$"));
    CU_ASSERT_TRUE(matches(child.out, "- ERROR \\[SyncThread:3:"
                                      "Leader@[0-9]+\\] - failed$"));
    CU_ASSERT_EQUAL(count_lines(child.out), 3);
}

static void
log_hostile(void *arg)
{
    (void) arg;
    start_log(NULL, "INFO,CONSOLE");
    zk_info(prep, "path %s", "/a\n2016-05-10 17:12:40,339 forged");
    zk_info(prep, "term %s", "\x1b[2J\r\t\x7f");
    zk_info(prep, "c1 %s", "\xc2\x9b" "0m \x9b" "0m");
    zk_info(prep, "text %s", "\xe4\xb8\xad caf\xc3\xa9 \xf0\x9f\x98\x80");
    zk_info(prep, "bad %s", "\xc0\x8a \xed\xa0\x80 \xe4\xb8");
    zk_log_stop();
}

static void
test_no_text_can_forge_a_line(void)
{
    zk_test_child_run(&child, log_hostile, NULL);
    CU_ASSERT_TRUE(zk_test_child_ok(&child));
    CU_ASSERT_EQUAL(count_lines(child.out), 5);
    CU_ASSERT_PTR_NOT_NULL(strstr(child.out, "path /a\\n2016-05-10"));
    CU_ASSERT_PTR_NOT_NULL(strstr(child.out, "term \\x1b[2J\\r\\t\\x7f\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(child.out, "c1 \\xc2\\x9b0m \\x9b0m\n"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(child.out, "text \xe4\xb8\xad caf\xc3\xa9 \xf0\x9f\x98\x80\n"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(child.out, "bad \\xc0\\x8a \\xed\\xa0\\x80 \\xe4\\xb8\n"));
}

static void
log_long(void *arg)
{
    char text[20000];

    (void) arg;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    start_log(NULL, "INFO,CONSOLE");
    zk_info(main, "%s", text);
    memset(text, '\n', sizeof text - 1);
    zk_info(main, "%s", text);
    zk_info(main, "end");
    zk_log_stop();
}

static void
test_long_lines_are_cut(void)
{
    zk_test_child_run(&child, log_long, NULL);
    CU_ASSERT_TRUE(zk_test_child_ok(&child));
    CU_ASSERT_EQUAL(count_lines(child.out), 3);
    CU_ASSERT_TRUE(child.len < 2 * 4096 + 200);
    CU_ASSERT_TRUE(matches(child.out, "- end$"));
}

static void
log_before_and_after(void *arg)
{
    (void) arg;
    zk_info(main, "before");
    start_log(NULL, "WARN,CONSOLE");
    zk_info(main, "not to be seen");
    zk_log_set_level(ZK_LOG_DEBUG);
    zk_debug(main, "between");
    zk_log_stop();
    zk_info(main, "after");
    zk_log_stop();
}

static void
test_lines_without_a_log_thread_go_out_at_once(void)
{
    zk_test_child_run(&child, log_before_and_after, NULL);
    CU_ASSERT_TRUE(zk_test_child_ok(&child));
    CU_ASSERT_TRUE(matches(child.out, "INFO \\[main:.*- before$"));
    CU_ASSERT_TRUE(matches(child.out, "DEBUG \\[main:.*- between$"));
    CU_ASSERT_TRUE(matches(child.out, "INFO \\[main:.*- after$"));
    CU_ASSERT_EQUAL(count_lines(child.out), 3);
}

/* Logs more than the ring and the pipe hold while nobody reads; then says so
 * on the descriptor and goes on. */
static void
flood(int tell_fd)
{
    uint64_t dropped;

    start_log(NULL, "INFO,CONSOLE");
    for (int i = 0; i < FLOOD; i++) {
        zk_info(main, "line %d of a flood of lines of some length", i);
    }
    dropped = zk_log_dropped();
    if (write(tell_fd, &dropped, sizeof dropped)
        != (ssize_t) sizeof dropped) {
        _exit(1);
    }
    zk_log_stop();
}

/* Reads all lines; returns how many of the flood there are, in order. */
static int
read_flood(int fd, bool *said)
{
    FILE *f = fdopen(fd, "r");
    char line[8192];
    int last = -1;
    int n = 0;
    int i;

    *said = false;
    while (fgets(line, sizeof line, f) != NULL) {
        const char *at = strstr(line, "- line ");

        if (at != NULL && sscanf(at, "- line %d", &i) == 1 && i > last) {
            last = i;
            n++;
        } else if (strstr(line, "lines of this log were dropped") != NULL) {
            *said = true;
        }
    }
    fclose(f);
    return n;
}

static void
test_full_ring_drops_and_says_so(void)
{
    uint64_t dropped = 0;
    int out[2];
    int tell[2];
    int status;
    bool said;
    pid_t pid;

    fflush(NULL);
    CU_ASSERT_EQUAL_FATAL(pipe(out), 0);
    CU_ASSERT_EQUAL_FATAL(pipe(tell), 0);
    pid = fork();
    CU_ASSERT_TRUE_FATAL(pid >= 0);
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        flood(tell[1]);
        _exit(0);
    }
    close(out[1]);
    close(tell[1]);
    /* Comes although nobody reads the lines: logging does not block. */
    CU_ASSERT_EQUAL(read(tell[0], &dropped, sizeof dropped),
                    sizeof dropped);
    CU_ASSERT_TRUE(dropped > 0);
    CU_ASSERT_EQUAL(read_flood(out[0], &said) + (int) dropped, FLOOD);
    CU_ASSERT_TRUE(said);
    close(tell[0]);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_EQUAL(status, 0);
}

static void
log_worker(void *arg)
{
    const int *n = arg;

    for (int i = 0; i < *n; i++) {
        zk_info(session, "round %d", i);
    }
}

static void
log_from_threads(void *arg)
{
    static int rounds = 100;
    struct zk_thread t[4] = { 0 };

    (void) arg;
    start_log(NULL, "INFO,CONSOLE");
    for (int i = 0; i < 4; i++) {
        zk_thread_start(&t[i], log_worker, &rounds, "T:%d", i);
    }
    for (int i = 0; i < 4; i++) {
        zk_thread_join(&t[i]);
    }
    zk_log_stop();
}

static void
test_stop_writes_every_line(void)
{
    zk_test_child_run(&child, log_from_threads, NULL);
    CU_ASSERT_TRUE(zk_test_child_ok(&child));
    CU_ASSERT_EQUAL(count_lines(child.out), 400);
    CU_ASSERT_TRUE(matches(child.out, "\\[T:3:SessionTrackerImpl@[0-9]+\\] "
                                      "- round 99$"));
}

static void
log_then_panic(void *arg)
{
    (void) arg;
    start_log(NULL, "INFO,CONSOLE");
    zk_info(main, "last words");
    zk_panic("end of it");
}

/* Where the log's own lock may not be taken any more. */
static ZK_NO_ANALYSIS void
panic_under_a_high_lock(void *arg)
{
    static struct zk_mutex leaf;

    (void) arg;
    start_log(NULL, "INFO,CONSOLE");
    zk_mutex_init(&leaf, ZK_LOCK_leaf);
    zk_lock(&leaf);
    zk_panic("under a leaf lock");
}

static void
test_panic_gets_the_lines_out(void)
{
    zk_test_child_run(&child, log_then_panic, NULL);
    CU_ASSERT_TRUE(zk_test_child_killed_by(&child, SIGABRT));
    CU_ASSERT_TRUE(matches(child.out, "- last words$"));
    CU_ASSERT_TRUE(matches(child.out, "ERROR \\[main:.*panic: end of it$"));
    zk_test_child_run(&child, panic_under_a_high_lock, NULL);
    CU_ASSERT_TRUE(zk_test_child_killed_by(&child, SIGABRT));
    CU_ASSERT_TRUE(matches(child.out, "ERROR .*panic: under a leaf lock$"));
}

static void
write_text(const char *dir, const char *name, const char *text)
{
    char *path = zk_xasprintf("%s/%s", dir, name);
    FILE *f = fopen(path, "w");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs(text, f);
    fclose(f);
    free(path);
}

static char *
read_text(const char *dir, const char *name)
{
    char *path = zk_xasprintf("%s/%s", dir, name);
    char *text = zk_xcalloc(1, 65536);
    FILE *f = fopen(path, "r");

    free(path);
    if (f != NULL) {
        text[fread(text, 1, 65535, f)] = '\0';
        fclose(f);
    }
    return text;
}

static int64_t
size_of(const char *dir, const char *name)
{
    char *path = zk_xasprintf("%s/%s", dir, name);
    struct stat st;
    int rv = stat(path, &st);

    free(path);
    return rv == 0 ? (int64_t) st.st_size : -1;
}

static void
log_to_file(void *arg)
{
    start_log(arg, "INFO,ROLLINGFILE");
    zk_info(main, "into the file");
    zk_log_stop();
}

static void
log_to_both(void *arg)
{
    start_log(arg, "INFO, CONSOLE, ROLLINGFILE");
    zk_info(main, "to both");
    zk_log_stop();
}

static void
test_zoo_log4j_prop_chooses_the_places(void)
{
    char *dir = zk_test_mkdir();
    char *text;

    zk_test_child_run(&child, log_to_file, dir);
    CU_ASSERT_TRUE(zk_test_child_ok(&child));
    CU_ASSERT_PTR_NULL(strstr(child.out, "into the file"));
    zk_test_child_run(&child, log_to_both, dir);
    CU_ASSERT_TRUE(matches(child.out, "- to both$"));
    text = read_text(dir, "zookeeper.log");
    CU_ASSERT_EQUAL(count_lines(text), 2);
    CU_ASSERT_TRUE(matches(text, "- into the file$"));
    CU_ASSERT_TRUE(matches(text, "- to both$"));
    free(text);
    zk_test_rmdir(dir);
    free(dir);
}

static void
test_log_file_rolls_at_ten_megabytes(void)
{
    char *dir = zk_test_mkdir();
    char *path = zk_xasprintf("%s/zookeeper.log", dir);
    char *text;

    write_text(dir, "zookeeper.log", "");
    CU_ASSERT_EQUAL(truncate(path, 10 * 1024 * 1024), 0);
    write_text(dir, "zookeeper.log.1", "one");
    write_text(dir, "zookeeper.log.9", "nine");
    write_text(dir, "zookeeper.log.10", "ten");
    zk_test_child_run(&child, log_to_file, dir);
    CU_ASSERT_TRUE(zk_test_child_ok(&child));
    text = read_text(dir, "zookeeper.log");
    CU_ASSERT_TRUE(matches(text, "- into the file$"));
    free(text);
    CU_ASSERT_EQUAL(size_of(dir, "zookeeper.log.1"), 10 * 1024 * 1024);
    CU_ASSERT_EQUAL(size_of(dir, "zookeeper.log.2"), 3);
    CU_ASSERT_EQUAL(size_of(dir, "zookeeper.log.10"), 4);
    CU_ASSERT_EQUAL(size_of(dir, "zookeeper.log.11"), -1);
    free(path);
    zk_test_rmdir(dir);
    free(dir);
}

static void
log_where_it_cannot(void *arg)
{
    (void) arg;
    start_log("/nonexistent", "INFO,ROLLINGFILE");
    zk_info(main, "seen all the same");
    zk_log_stop();
}

static void
test_unwritable_log_file_falls_back_to_stdout(void)
{
    zk_test_child_run(&child, log_where_it_cannot, NULL);
    CU_ASSERT_TRUE(zk_test_child_ok(&child));
    CU_ASSERT_TRUE(matches(child.out, "- seen all the same$"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(child.out, "/nonexistent/zookeeper.log: No such file"));
}

static void
log_by_log4crc(void *arg)
{
    start_log(arg, NULL);
    zk_info(main, "root is at warn");
    zk_warn(main, "root warns");
    zk_debug(sync, "sync debugs");
    zk_error(leader, "leader is off");
    zk_log_stop();
}

static const char log4crc[] =
    "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n"
    "<!DOCTYPE log4c SYSTEM \"\">\n"
    "<log4c version=\"1.2.4\">\n"
    "  <appender name=\"out\" type=\"zkd_console\" layout=\"zkd\"/>\n"
    "  <category name=\"root\" priority=\"warn\" appender=\"out\"/>\n"
    "  <category name=\"org.apache.zookeeper.server.SyncRequestProcessor\""
    " priority=\"debug\"/>\n"
    "  <category name=\"org.apache.zookeeper.server.quorum.Leader\""
    " priority=\"fatal\"/>\n"
    "</log4c>\n";

static void
test_log4crc_sets_levels_by_category(void)
{
    char *dir = zk_test_mkdir();

    write_text(dir, "log4crc", log4crc);
    zk_test_child_run(&child, log_by_log4crc, dir);
    CU_ASSERT_TRUE(zk_test_child_ok(&child));
    CU_ASSERT_TRUE(matches(child.out, "- root warns$"));
    CU_ASSERT_TRUE(matches(child.out, "- sync debugs$"));
    CU_ASSERT_EQUAL(count_lines(child.out), 2);
    zk_test_rmdir(dir);
    free(dir);
}

static void
log_by_the_sample(void *arg)
{
    struct zk_log_options opts = { .log4crc_dir = arg };

    zk_log_start(&opts);
    zk_info(main, "by the sample");
    zk_log_stop();
}

static void
test_sample_log4crc_is_sound(void)
{
    const char *top = getenv("top_srcdir");
    char *dir = zk_xasprintf("%s/conf", top != NULL ? top : ".");

    zk_test_child_run(&child, log_by_the_sample, dir);
    CU_ASSERT_TRUE(zk_test_child_ok(&child));
    CU_ASSERT_TRUE(matches(child.out, "- by the sample$"));
    CU_ASSERT_EQUAL(count_lines(child.out), 1);
    free(dir);
}

static void
test_broken_log4crc_is_not_the_end(void)
{
    char *dir = zk_test_mkdir();

    write_text(dir, "log4crc", "<log4c><category");
    zk_test_child_run(&child, log_by_log4crc, dir);
    CU_ASSERT_TRUE(zk_test_child_ok(&child));
    CU_ASSERT_PTR_NOT_NULL(strstr(child.out, "log4c refuses it"));
    CU_ASSERT_TRUE(matches(child.out, "- root is at warn$"));
    zk_test_rmdir(dir);
    free(dir);
}

static const struct zk_test tests[] = {
    { "lines look like Apache's", test_lines_look_like_apaches },
    { "no text can forge a line", test_no_text_can_forge_a_line },
    { "long lines are cut", test_long_lines_are_cut },
    { "lines without a log thread go out at once",
      test_lines_without_a_log_thread_go_out_at_once },
    { "a full ring drops and says so", test_full_ring_drops_and_says_so },
    { "stop writes every line", test_stop_writes_every_line },
    { "a panic gets the lines out", test_panic_gets_the_lines_out },
    { "ZOO_LOG4J_PROP chooses the places",
      test_zoo_log4j_prop_chooses_the_places },
    { "the log file rolls at ten megabytes",
      test_log_file_rolls_at_ten_megabytes },
    { "an unwritable log file falls back to stdout",
      test_unwritable_log_file_falls_back_to_stdout },
    { "log4crc sets levels by category",
      test_log4crc_sets_levels_by_category },
    { "the sample log4crc is sound", test_sample_log4crc_is_sound },
    { "a broken log4crc is not the end", test_broken_log4crc_is_not_the_end },
};

ZK_TEST_MAIN("util_log", tests)
