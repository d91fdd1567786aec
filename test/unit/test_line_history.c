/* SPDX-License-Identifier: Apache-2.0 */
/* The file of the shell's history, and what is none. */
#include <config.h>

#include <sys/stat.h>

#include "shell/line_history.h"
#include "test/lib/zk_test.h"

static char *folder;
static char file[600], other[600];

static void
begin(void)
{
    folder = zk_test_mkdir();
    snprintf(file, sizeof file, "%s/history", folder);
    snprintf(other, sizeof other, "%s/other", folder);
}

static void
end(void)
{
    zk_test_rmdir(folder);
    free(folder);
}

static void
put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT(fputs(text, f) >= 0);
    CU_ASSERT_EQUAL(fclose(f), 0);
}

/* The lines that the file holds, each with a '|' behind it. */
static const char *
kept(const char *path)
{
    static char text[65536];
    struct line_history *h = line_history_create(path);
    HistEvent ev;
    int rv;

    text[0] = '\0';
    for (rv = history(line_history_lines(h), &ev, H_LAST); rv >= 0;
         rv = history(line_history_lines(h), &ev, H_PREV)) {
        size_t at = strlen(text);

        snprintf(text + at, sizeof text - at, "%.*s|",
                 (int) strcspn(ev.str, "\n"), ev.str);
    }
    line_history_destroy(h);
    return text;
}

/* A shell in which these lines are typed. */
static bool
typed(const char *path, const char *one, const char *two)
{
    struct line_history *h = line_history_create(path);
    bool ok;

    line_history_add(h, one);
    line_history_add(h, two);
    ok = line_history_save(h);
    line_history_destroy(h);
    return ok;
}

static mode_t
mode_of(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 ? st.st_mode : 0;
}

/* ---- the tests ---------------------------------------------------------- */

static void
test_a_file_that_is_not_there(void)
{
    begin();
    CU_ASSERT(typed(file, "ls /", "get /a"));
    CU_ASSERT_EQUAL(mode_of(file), S_IFREG | 0600);
    CU_ASSERT_STRING_EQUAL(kept(file), "ls /|get /a|");
    CU_ASSERT(typed(file, "ls /b", "ls /b"));
    CU_ASSERT_STRING_EQUAL(kept(file), "ls /|get /a|ls /b|");
    put(other, "");
    CU_ASSERT(typed(other, "ls /", "   "));
    CU_ASSERT_STRING_EQUAL(kept(other), "ls /|");
    end();
}

static void
test_what_is_no_history_stays(void)
{
    char text[100] = "";
    FILE *f;

    begin();
    /* A device, as /dev/null is, but for one that everybody may make. */
    CU_ASSERT_EQUAL(mkfifo(file, 0600), 0);
    CU_ASSERT(typed(file, "ls /", "get /a"));
    CU_ASSERT_EQUAL(mode_of(file), S_IFIFO | 0600);
    CU_ASSERT_STRING_EQUAL(kept(file), "");
    CU_ASSERT(typed("/dev/null", "ls /", "get /a"));
    CU_ASSERT(S_ISCHR(mode_of("/dev/null")));
    CU_ASSERT(typed(folder, "ls /", "get /a"));
    CU_ASSERT(S_ISDIR(mode_of(folder)));
    put(other, "root:x:0:0\n");
    CU_ASSERT(typed(other, "ls /", "get /a"));
    f = fopen(other, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_PTR_NOT_NULL(fgets(text, sizeof text, f));
    CU_ASSERT_STRING_EQUAL(text, "root:x:0:0\n");
    fclose(f);
    end();
}

static void
test_links_are_followed(void)
{
    begin();
    CU_ASSERT_EQUAL(symlink(other, file), 0);
    CU_ASSERT(typed(file, "ls /", "get /a"));       /* It leads nowhere. */
    CU_ASSERT(S_ISLNK(mode_of(file)));
    CU_ASSERT(S_ISREG(mode_of(other)));
    CU_ASSERT(typed(file, "ls /b", "ls /c"));
    CU_ASSERT(S_ISLNK(mode_of(file)));
    CU_ASSERT_STRING_EQUAL(kept(other), "ls /|get /a|ls /b|ls /c|");
    end();
}

static void
test_two_shells_at_a_time(void)
{
    struct line_history *a, *b;

    begin();
    CU_ASSERT(typed(file, "before", ""));
    a = line_history_create(file);
    b = line_history_create(file);
    line_history_add(a, "a1");
    line_history_add(b, "b1");
    line_history_add(a, "a2");
    CU_ASSERT(line_history_save(a));
    CU_ASSERT(line_history_save(b));
    CU_ASSERT_STRING_EQUAL(kept(file), "before|a1|a2|b1|");
    CU_ASSERT(line_history_save(b));
    line_history_add(b, "b2");
    CU_ASSERT(line_history_save(b));
    CU_ASSERT_STRING_EQUAL(kept(file), "before|a1|a2|b1|b2|");
    line_history_destroy(a);
    line_history_destroy(b);
    end();
}

static void
test_it_does_not_grow_for_ever(void)
{
    struct line_history *h;
    size_t n = 0;

    begin();
    for (int round = 0; round < 2; round++) {
        h = line_history_create(file);
        for (int i = 0; i < 700; i++) {
            char line[32];

            snprintf(line, sizeof line, "ls /%d/%d", round, i);
            line_history_add(h, line);
        }
        CU_ASSERT(line_history_save(h));
        line_history_destroy(h);
    }
    for (const char *p = kept(file); *p != '\0'; p++) {
        n += *p == '|';
    }
    CU_ASSERT_EQUAL(n, LINE_HISTORY_MAX);
    CU_ASSERT_EQUAL(strncmp(kept(file), "ls /0/400|", 10), 0);
    end();
}

static void
test_passwords_are_not_kept(void)
{
    begin();
    CU_ASSERT(typed(file, "addauth digest bob:secret",
                    "'addauth' digest bob:secret"));
    CU_ASSERT(typed(file, "\"addauth\"digest bob:secret",
                    "\"addauth digest bob:secret"));
    CU_ASSERT(typed(file, "\v\f\raddauth\vdigest bob:secret",
                    "addauthority is no command"));
    CU_ASSERT_STRING_EQUAL(kept(file), "addauthority is no command|");
    end();
}

static void
test_a_folder_that_is_not_there(void)
{
    begin();
    snprintf(file, sizeof file, "%s/none/history", folder);
    CU_ASSERT_FALSE(typed(file, "ls /", "get /a"));
    CU_ASSERT(typed(NULL, "ls /", "get /a"));
    end();
}

static const struct zk_test tests[] = {
    { "a file that is not there is made", test_a_file_that_is_not_there },
    { "what is no history stays as it is", test_what_is_no_history_stays },
    { "links are followed and stay", test_links_are_followed },
    { "two shells at a time lose nothing", test_two_shells_at_a_time },
    { "it does not grow for ever", test_it_does_not_grow_for_ever },
    { "passwords are not kept", test_passwords_are_not_kept },
    { "a folder that is not there", test_a_folder_that_is_not_there },
};

ZK_TEST_MAIN("line_history", tests)
