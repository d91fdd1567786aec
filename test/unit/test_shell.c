/* SPDX-License-Identifier: Apache-2.0 */
/* The plain functions of the shell: words, options, texts, completion. */
#include <config.h>

#include <time.h>

#include "shell/acl_text.h"
#include "shell/command.h"
#include "shell/complete.h"
#include "shell/format.h"
#include "shell/java_path.h"
#include "shell/options.h"
#include "shell/quota_text.h"
#include "test/lib/zk_test.h"

static struct zk_errmsg em;

/* The text of a buffer, which is then empty; valid until the next call. */
static const char *
text_of(struct zk_buf *b)
{
    static char text[4096];

    snprintf(text, sizeof text, "%.*s", (int) b->len,
             b->len > 0 ? (const char *) b->data : "");
    zk_buf_fini(b);
    return text;
}

/* Joined by '|'. */
static const char *
joined(const struct word_list *w)
{
    struct zk_buf b = { 0 };

    for (size_t i = 0; i < w->n; i++) {
        zk_buf_printf(&b, "%s%s", i == 0 ? "" : "|", w->v[i]);
    }
    return text_of(&b);
}

/* ---- words -------------------------------------------------------------- */

static void
check_words(const char *line, const char *expected)
{
    struct word_list w = { 0 };

    words_split(line, &w);
    CU_ASSERT_STRING_EQUAL(joined(&w), expected);
    words_fini(&w);
}

static void
test_words_stand_between_blanks(void)
{
    check_words("", "");
    check_words("  \t ", "");
    check_words("ls /", "ls|/");
    check_words("  ls \t /a  ", "ls|/a");
}

static void
test_words_in_quotes(void)
{
    check_words("set /a \"b c\"", "set|/a|b c");
    check_words("set /a 'b \"c'", "set|/a|b \"c");
    check_words("set /a \"\"", "set|/a|");
    check_words("'a'b", "a|b");
    check_words("a'b c'", "a'b|c'");
    check_words("\"a\"\"b\"", "a|b");
}

static void
test_words_with_a_quote_left_open(void)
{
    /* As the regular expression of Apache's shell has it. */
    check_words("get \"abc", "get|abc");
    check_words("\"", "");
    check_words("  \"abc d", " \"abc|d");
    check_words("get /a'b", "get|/a'b");
}

/* ---- options ------------------------------------------------------------ */

static const struct option_spec some_specs[] = {
    { "s", false, "stats" },
    { "v", true, "version" },
    { "file", true, "a file" },
    { "w", false, "watch" },
};
static const struct option_table some = { some_specs, 4, false, false };
static const struct option_spec group_specs[] = {
    { "n", true, "number" },
    { "b", true, "bytes" },
};
static const struct option_table group = { group_specs, 2, true, true };

/* "args;options" or the error. */
static const char *
parsed(const struct option_table *table, const char *text)
{
    struct word_list words = { 0 };
    struct parsed_line line;
    struct zk_buf b = { 0 };

    words_split(text, &words);
    if (options_parse(table, &words, &line, &em) != ZK_OK) {
        const char *colon = strchr(em.text, ':');

        zk_buf_printf(&b, "%s", colon + 2);
    } else {
        for (size_t i = 0; i < line.args.n; i++) {
            zk_buf_printf(&b, "%s%s", i == 0 ? "" : " ", line.args.v[i]);
        }
        for (size_t i = 0; i < table->n; i++) {
            if (line.seen[i]) {
                zk_buf_printf(&b, ";%s%s%s", table->specs[i].name,
                              line.values[i] == NULL ? "" : "=",
                              line.values[i] == NULL ? "" : line.values[i]);
            }
        }
    }
    options_fini(&line);
    words_fini(&words);
    return text_of(&b);
}

static void
test_options_anywhere(void)
{
    CU_ASSERT_STRING_EQUAL(parsed(&some, "get /a"), "get /a");
    CU_ASSERT_STRING_EQUAL(parsed(&some, "get -s /a"), "get /a;s");
    CU_ASSERT_STRING_EQUAL(parsed(&some, "get /a -s -w"), "get /a;s;w");
    CU_ASSERT_STRING_EQUAL(parsed(&some, "get -sw /a"), "get /a;s;w");
    CU_ASSERT_STRING_EQUAL(parsed(&some, "get -s -- -w"), "get -w;s");
    CU_ASSERT_STRING_EQUAL(parsed(&some, "get - -s"), "get -;s");
}

static void
test_options_with_values(void)
{
    CU_ASSERT_STRING_EQUAL(parsed(&some, "d -v 5 /a"), "d /a;v=5");
    CU_ASSERT_STRING_EQUAL(parsed(&some, "d -v5 /a"), "d /a;v=5");
    CU_ASSERT_STRING_EQUAL(parsed(&some, "d -v=5 /a"), "d /a;v=5");
    CU_ASSERT_STRING_EQUAL(parsed(&some, "d -sv5 /a"), "d /a;s;v=5");
    CU_ASSERT_STRING_EQUAL(parsed(&some, "d -v -5 /a"), "d /a;v=-5");
    CU_ASSERT_STRING_EQUAL(parsed(&some, "d -v 1 -v 2"), "d;v=1");
    CU_ASSERT_STRING_EQUAL(parsed(&some, "d -file x"), "d;file=x");
    CU_ASSERT_STRING_EQUAL(parsed(&some, "d -v '\"q\"'"), "d;v=q");
}

static void
test_options_that_are_wrong(void)
{
    CU_ASSERT_STRING_EQUAL(parsed(&some, "d -x"), "Unrecognized option: -x");
    CU_ASSERT_STRING_EQUAL(parsed(&some, "d -sx"),
                           "Unrecognized option: -sx");
    CU_ASSERT_STRING_EQUAL(parsed(&some, "d --s"),
                           "Unrecognized option: --s");
    CU_ASSERT_STRING_EQUAL(parsed(&some, "d -5"), "Unrecognized option: -5");
    CU_ASSERT_STRING_EQUAL(parsed(&some, "d -s=1"),
                           "Unrecognized option: -s=1");
    CU_ASSERT_STRING_EQUAL(parsed(&some, "d -v"),
                           "Missing argument for option: v");
    CU_ASSERT_STRING_EQUAL(parsed(&some, "d -v -s"),
                           "Missing argument for option: v");
}

static void
test_options_of_which_one(void)
{
    CU_ASSERT_STRING_EQUAL(parsed(&group, "q -n 1 /a"), "q /a;n=1");
    CU_ASSERT_STRING_EQUAL(parsed(&group, "q -b 1 /a"), "q /a;b=1");
    CU_ASSERT_STRING_EQUAL(parsed(&group, "q /a"), "Missing required option: "
                           "[-n number, -b bytes]");
    CU_ASSERT_STRING_EQUAL(parsed(&group, "q -n 1 -b 2"),
                           "The option 'b' was specified but an option from "
                           "this group has already been selected: 'n'");
}

static void
test_options_described(void)
{
    struct zk_buf b = { 0 };

    options_describe(&some, &b);
    CU_ASSERT_STRING_EQUAL(text_of(&b), " -file <arg>   a file\n"
                                        " -s            stats\n"
                                        " -v <arg>      version\n"
                                        " -w            watch\n");
}

/* ---- commands ----------------------------------------------------------- */

static void
test_commands_are_in_order(void)
{
    for (size_t i = 0; i < command_count; i++) {
        const struct command *c = &command_table[i];

        CU_ASSERT_PTR_EQUAL(command_find(c->name), c);
        CU_ASSERT(c->options.n <= OPTIONS_MAX);
        CU_ASSERT(i == 0 || strcmp(command_table[i - 1].name, c->name) < 0);
    }
    CU_ASSERT_PTR_NULL(command_find("LS"));
    CU_ASSERT_PTR_NULL(command_find(""));
}

static void
test_command_usage(void)
{
    struct zk_buf b = { 0 };

    command_usage(command_find("delete"), &b);
    CU_ASSERT_STRING_EQUAL(text_of(&b), "delete [-v version] path\n");
    command_usage(command_find("set"), &b);
    CU_ASSERT_STRING_EQUAL(text_of(&b),
                           "set path data [-s] [-v version] [-b]\n"
                           " -b         Supply data in base64 format\n"
                           " -s         Print znode stats additionally\n"
                           " -v <arg>   Set with an expected version\n\n");
}

static void
check_mask(const char *line, const char *expected)
{
    char *shown = command_mask(line);

    CU_ASSERT_STRING_EQUAL(shown, expected);
    CU_ASSERT_EQUAL(command_is_secret(line), strcmp(line, expected) != 0);
    free(shown);
}

static void
test_commands_with_passwords(void)
{
    check_mask("addauth digest bob:secret", "addauth digest ***");
    check_mask("  'addauth' digest bob:secret more", "addauth digest ***");
    check_mask("\vaddauth\fdigest\rbob:secret", "addauth digest ***");
    check_mask("get /addauth", "get /addauth");
    check_mask("addauths digest bob:secret", "addauths digest bob:secret");
    check_mask("", "");
}

/* ---- texts -------------------------------------------------------------- */

static const char *
date_of(int64_t ms)
{
    struct zk_buf b = { 0 };

    format_date(ms, &b);
    return text_of(&b);
}

static void
test_dates(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
    CU_ASSERT_STRING_EQUAL(date_of(0), "Thu Jan 01 00:00:00 UTC 1970");
    CU_ASSERT_STRING_EQUAL(date_of(-1), "Wed Dec 31 23:59:59 UTC 1969");
    CU_ASSERT_STRING_EQUAL(date_of(1709210096789),
                           "Thu Feb 29 12:34:56 UTC 2024");
    CU_ASSERT_STRING_EQUAL(date_of(INT64_MAX),
                           "Sun Aug 17 07:12:55 UTC 292278994");
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    CU_ASSERT_STRING_EQUAL(date_of(1720000000000),
                           "Wed Jul 03 11:46:40 CEST 2024");
    setenv("TZ", "UTC", 1);
    tzset();
}

static void
test_stat(void)
{
    const struct jute_stat stat = {
        .czxid = 0x1f, .mzxid = -1, .pzxid = INT64_MIN, .version = 1,
        .cversion = 2, .aversion = 3, .ephemeral_owner = 0x100012345,
        .data_length = 4, .num_children = 5,
    };
    struct zk_buf b = { 0 };

    format_stat(&stat, &b);
    CU_ASSERT_STRING_EQUAL(text_of(&b),
                           "cZxid = 0x1f\n"
                           "ctime = Thu Jan 01 00:00:00 UTC 1970\n"
                           "mZxid = 0xffffffffffffffff\n"
                           "mtime = Thu Jan 01 00:00:00 UTC 1970\n"
                           "pZxid = 0x8000000000000000\n"
                           "cversion = 2\ndataVersion = 1\naclVersion = 3\n"
                           "ephemeralOwner = 0x100012345\n"
                           "dataLength = 4\nnumChildren = 5\n");
}

static void
test_perms(void)
{
    char out[6];

    format_perms(ACL_PERM_ALL, out);
    CU_ASSERT_STRING_EQUAL(out, "cdrwa");
    format_perms(ACL_PERM_READ | ACL_PERM_ADMIN, out);
    CU_ASSERT_STRING_EQUAL(out, "ra");
    format_perms(0, out);
    CU_ASSERT_STRING_EQUAL(out, "");
}

static void
test_events(void)
{
    struct zk_buf b = { 0 };

    format_event("SyncConnected", "None", ZK_SLICE_NULL, -1, &b);
    CU_ASSERT_STRING_EQUAL(text_of(&b), "WatchedEvent state:SyncConnected "
                           "type:None path:null zxid: -1");
    format_event("S", "NodeCreated", ZK_SLICE_LIT("/a"), 77, &b);
    CU_ASSERT_STRING_EQUAL(text_of(&b), "WatchedEvent state:S "
                           "type:NodeCreated path:/a zxid: 77");
}

static void
check_unbase64(const char *text, const char *bytes)
{
    struct zk_buf b = { 0 };
    bool ok = format_unbase64(text, &b);

    CU_ASSERT_EQUAL(ok, bytes != NULL);
    if (bytes != NULL) {
        CU_ASSERT_STRING_EQUAL(text_of(&b), bytes);
    }
    zk_buf_fini(&b);
}

static void
test_base64(void)
{
    struct zk_buf b = { 0 };

    format_base64(ZK_SLICE_LIT("\xff\xfe"), &b);
    CU_ASSERT_STRING_EQUAL(text_of(&b), "//4=");
    format_base64(ZK_SLICE_LIT(""), &b);
    CU_ASSERT_STRING_EQUAL(text_of(&b), "");
    check_unbase64("", "");
    check_unbase64("YQ==", "a");
    check_unbase64("YWI=", "ab");
    check_unbase64("YWJj", "abc");
    check_unbase64("YWJjZA", "abcd");
    check_unbase64("YWJjZ", NULL);
    check_unbase64("YW=", NULL);
    check_unbase64("=", NULL);
    check_unbase64("====", NULL);
    check_unbase64("Y Q=", NULL);
    check_unbase64("YQ==YQ==", NULL);
    check_unbase64("!!!!", NULL);
}

static void
test_hex_dump(void)
{
    struct zk_buf b = { 0 };

    format_hex_dump(ZK_SLICE_LIT(""), &b);
    CU_ASSERT_EQUAL(b.len, 0);
    format_hex_dump(ZK_SLICE_LIT("0123456789abcdef\n"), &b);
    CU_ASSERT_PTR_NOT_NULL(strstr(text_of(&b),
        "\n|00000000| 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66 "
        "|0123456789abcdef|"
        "\n|00000010| 0a                                              "
        "|.               |\n"));
}

static void
test_text_for_terminals(void)
{
    struct zk_buf b = { 0 };

    format_safe(ZK_SLICE_LIT("a\tb\n\x1b[2J\x7f\xc3\xa4\xff\xc2\x9b\r"), &b);
    CU_ASSERT_STRING_EQUAL(text_of(&b),
                           "a\tb\n\\x1b[2J\\x7f\xc3\xa4\\xff\\xc2\\x9b\\x0d");
}

/* ---- ACLs, quotas, paths ------------------------------------------------ */

static void
check_acl(const char *text, const char *acl, const char *complaints)
{
    struct zk_buf raw = { 0 }, said = { 0 }, out = { 0 };
    struct acl_iter it;
    struct acl_entry e;

    acl_text_parse(text, &raw, &said);
    acl_iter_init(&it, zk_slice(raw.data, (int32_t) raw.len));
    while (acl_iter_next(&it, &e)) {
        acl_text_print(&e, &out);
    }
    CU_ASSERT_STRING_EQUAL(text_of(&out), acl);
    CU_ASSERT_STRING_EQUAL(text_of(&said), complaints);
    zk_buf_fini(&raw);
}

static void
test_acls(void)
{
    check_acl("world:anyone:cdrwa", "'world,'anyone\n: cdrwa\n", "");
    check_acl("digest:u:h=:rw,ip:::1:r",
              "'digest,'u:h=\n: rw\n'ip,'::1\n: r\n", "");
    check_acl("a:b:", "'a,'b\n: \n", "");
    check_acl("x509:CN=a}%\n:r", "'x509,'CN=a%7D%25%0A\n: r\n", "");
    check_acl("x,a:b:r,", "'a,'b\n: r\n",
              "x does not have the form scheme:id:perm\n");
    check_acl("", "", " does not have the form scheme:id:perm\n");
    check_acl("a:r", "", "a:r does not have the form scheme:id:perm\n");
    check_acl("a:b:rx", "'a,'b\n: r\n", "Unknown perm type: x\n");
}

static void
check_quota(const char *text, const char *printed)
{
    struct zk_buf b = { 0 };
    struct quota_text q;
    bool ok = quota_text_parse(zk_slice_str(text), &q);

    CU_ASSERT_EQUAL(ok, printed != NULL);
    if (ok) {
        quota_text_print(&q, &b);
        CU_ASSERT_STRING_EQUAL(text_of(&b), printed);
    }
}

static void
test_quotas(void)
{
    check_quota("count=3,bytes=-1", "count=3,bytes=-1");
    check_quota("count=1,bytes=2=;byteHardLimit=3;countHardLimit=4",
                "count=1,bytes=2=;byteHardLimit=3;countHardLimit=4");
    check_quota("count=1,bytes=2=;countHardLimit=-1",
                "count=1,bytes=2=;countHardLimit=-1");
    check_quota("", "count=-1,bytes=-1");
    check_quota("bytes=7", "count=-1,bytes=7");
    check_quota("count=x", NULL);
    check_quota("hello", NULL);
}

static void
check_path(const char *path, const char *why)
{
    int rv = java_path_check(path, &em);

    CU_ASSERT_EQUAL(rv == ZK_OK, why == NULL);
    if (why != NULL) {
        CU_ASSERT_STRING_EQUAL(em.text, why);
    }
}

static void
test_paths(void)
{
    check_path("/", NULL);
    check_path("/a/..b/.c", NULL);
    check_path("", "Path length must be > 0");
    check_path("a", "Path must start with / character");
    check_path("/a/", "Path must not end with / character");
    check_path("/a//b", "Invalid path string \"/a//b\" caused by empty node "
                        "name specified @3");
    check_path("/./b", "Invalid path string \"/./b\" caused by relative "
                       "paths not allowed @1");
    check_path("/a/..", "Invalid path string \"/a/..\" caused by relative "
                        "paths not allowed @4");
    check_path("/\xc3\xa4\x01", "Invalid path string \"/\xc3\xa4\x01\" "
                                "caused by invalid character @2");
    CU_ASSERT_EQUAL(java_path_check_sequential("/a/", &em), ZK_OK);
    CU_ASSERT_EQUAL(java_path_check_sequential("a", &em), ZK_ECONFIG);
}

/* ---- completion --------------------------------------------------------- */

/* The kind, where the word begins, and the candidates or the folder. */
static const char *
completed(const char *line)
{
    static char out[4096];
    struct completion c;

    complete_line(line, strlen(line), &c);
    snprintf(out, sizeof out, "%c%zu %s",
             c.kind == COMPLETE_PATH ? 'p' : c.kind == COMPLETE_WORDS ? 'w'
                                                                      : '-',
             c.start, c.kind == COMPLETE_PATH ? c.dir : joined(&c.words));
    complete_fini(&c);
    return out;
}

static void
test_complete_kinds(void)
{
    CU_ASSERT_STRING_EQUAL(completed("getA"),
                           "w0 getAcl|getAllChildrenNumber");
    CU_ASSERT_STRING_EQUAL(completed("  sy"), "w2 sync");
    CU_ASSERT_STRING_EQUAL(completed("help sy"), "w5 sync");
    CU_ASSERT_STRING_EQUAL(completed("delete -"), "w7 -v");
    CU_ASSERT_STRING_EQUAL(completed("printwatches "), "w13 off|on");
    CU_ASSERT_STRING_EQUAL(completed("addWatch -m PERSISTENT_"),
                           "w12 PERSISTENT_RECURSIVE");
    CU_ASSERT_STRING_EQUAL(completed("get /"), "p4 /");
    CU_ASSERT_STRING_EQUAL(completed("get -s /a/b/c"), "p7 /a/b");
    CU_ASSERT_STRING_EQUAL(completed("get \"/a b/c"), "p4 /a b");
    CU_ASSERT_STRING_EQUAL(completed("get "), "p4 /");
    CU_ASSERT_STRING_EQUAL(completed("get x"), "-4 ");
    CU_ASSERT_STRING_EQUAL(completed("nonsense -"), "-9 ");
    CU_ASSERT_STRING_EQUAL(completed("nonsense /a"), "p9 /");
    CU_ASSERT_STRING_EQUAL(completed("get 'a' /x"), "p8 /");
}

static void
test_complete_children(void)
{
    const char *const names[] = { "beta", "be\x1b", "bell", "x", "be ar",
                                  "be\"a r", "be\nx", "be\tx" };
    struct word_list list = { 0 };
    struct completion c;
    struct zk_buf b = { 0 };
    char *quoted;

    for (size_t i = 0; i < ZK_ARRAY_SIZE(names); i++) {
        words_add(&list, names[i], strlen(names[i]));
    }
    complete_line("ls /p/be", 8, &c);
    complete_children(&c, &list);
    CU_ASSERT_STRING_EQUAL(joined(&c.words), "/p/be ar|/p/bell|/p/beta");
    CU_ASSERT_EQUAL(complete_common(&c.words), 5);
    complete_columns(&c, 14, &b);
    CU_ASSERT_STRING_EQUAL(text_of(&b), "be ar  beta\nbell\n");
    quoted = complete_quote(&c, c.words.v[0], 8, true);
    CU_ASSERT_STRING_EQUAL(quoted, "\"/p/be ar\"");
    free(quoted);
    quoted = complete_quote(&c, c.words.v[1], 5, false);
    CU_ASSERT_STRING_EQUAL(quoted, "/p/be");
    free(quoted);
    complete_fini(&c);
    words_fini(&list);
}

static void
test_complete_common_ends_between_characters(void)
{
    struct word_list w = { 0 };

    CU_ASSERT_EQUAL(complete_common(&w), 0);
    words_add(&w, "/\xc3\xa4", 3);
    words_add(&w, "/\xc3\xb6", 3);
    CU_ASSERT_EQUAL(complete_common(&w), 1);
    words_fini(&w);
}

static const struct zk_test tests[] = {
    { "words stand between blanks", test_words_stand_between_blanks },
    { "words in quotes", test_words_in_quotes },
    { "a quote that is left open", test_words_with_a_quote_left_open },
    { "options anywhere", test_options_anywhere },
    { "options with values", test_options_with_values },
    { "options that are wrong", test_options_that_are_wrong },
    { "options of which one is needed", test_options_of_which_one },
    { "options described", test_options_described },
    { "commands are in order", test_commands_are_in_order },
    { "usage of commands", test_command_usage },
    { "dates", test_dates },
    { "stats", test_stat },
    { "permissions", test_perms },
    { "events", test_events },
    { "base64", test_base64 },
    { "hex dumps", test_hex_dump },
    { "text for terminals", test_text_for_terminals },
    { "commands with passwords", test_commands_with_passwords },
    { "ACLs", test_acls },
    { "quotas", test_quotas },
    { "paths", test_paths },
    { "what is completed", test_complete_kinds },
    { "children as candidates", test_complete_children },
    { "what candidates have in common",
      test_complete_common_ends_between_characters },
};

ZK_TEST_MAIN("shell", tests)
