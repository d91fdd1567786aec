/* SPDX-License-Identifier: Apache-2.0 */
/* What zoo.cfg is made of: the syntax of properties, numbers, server lines. */
#include <config.h>

#include "config/server_address.h"
#include "config/system_properties.h"
#include "config/zk_properties.h"
#include "test/lib/zk_test.h"
#include "util/zk_buf.h"

static struct zk_errmsg em;

/* ---- the syntax --------------------------------------------------------- */

static const char *
value_of(const struct zk_properties *p, const char *key)
{
    const struct zk_property *found = zk_properties_find(p, key);

    return found == NULL ? "<none>" : found->value;
}

static void
check_properties(const char *text, const char *key, const char *value,
                 int line)
{
    struct zk_properties p = { 0 };

    CU_ASSERT_EQUAL(zk_properties_parse(text, strlen(text), "f", &p, &em),
                    ZK_OK);
    CU_ASSERT_STRING_EQUAL(value_of(&p, key), value);
    if (zk_properties_find(&p, key) != NULL) {
        CU_ASSERT_EQUAL(zk_properties_find(&p, key)->line, line);
    }
    zk_properties_fini(&p);
}

static void
test_properties_separators(void)
{
    check_properties("k=v", "k", "v", 1);
    check_properties("k:v\n", "k", "v", 1);
    check_properties("k v\n", "k", "v", 1);
    check_properties("\t k \t = \t v \t \n", "k", "v", 1);
    check_properties("k = = v\n", "k", "= v", 1);
    check_properties("k\n", "k", "", 1);
    check_properties("k=\n", "k", "", 1);
    check_properties("=v\n", "", "v", 1);
    check_properties("a\\=b\\:c\\ d=v\n", "a=b:c d", "v", 1);
    check_properties("k=a:b=c\n", "k", "a:b=c", 1);
    check_properties("k\f=\fv\n", "k", "v", 1);
}

static void
test_properties_lines_and_comments(void)
{
    check_properties("# k=1\n ! k=2\n\n\r\n k=3", "k", "3", 5);
    check_properties("a=1\rb=2\r\nc=3\n", "b", "2", 2);
    check_properties("a=1\rb=2\r\nc=3\n", "c", "3", 3);
    check_properties("k=a\\\n   b\\\r\n\tc\nd=1\n", "k", "abc", 1);
    check_properties("k=a\\\n   b\\\r\n\tc\nd=1\n", "d", "1", 4);
    /* A comment sign in a continuation is text, and a comment ends with its
     * line whatever stands before the end. */
    check_properties("k=a\\\n#b\n", "k", "a#b", 1);
    check_properties("# c \\\nk=v\n", "k", "v", 2);
    check_properties("k=a\\\\\nl=b\n", "l", "b", 2);
    check_properties("k=a\\", "k", "a", 1);
    check_properties("k=a\\\n\nl=b\n", "k", "a", 1);
    check_properties("k=1#2\n", "k", "1#2", 1);
}

static void
test_properties_last_one_counts(void)
{
    check_properties("k=1\nj=x\nk=2\n", "k", "2", 3);
    check_properties("k=1\nj=x\nk=2\nk=3", "j", "x", 2);
}

static void
test_properties_escapes(void)
{
    struct zk_properties p = { 0 };

    check_properties("k=a\\tb\\nc\\qd", "k", "a\tb\ncqd", 1);
    check_properties("k=\\u0041\\u00e9\\u20ac", "k", "A\xc3\xa9\xe2\x82\xac",
                     1);
    check_properties("k=\\ud83d\\ude00", "k", "\xf0\x9f\x98\x80", 1);
    check_properties("k=x\\ud83d!", "k", "x?!", 1);
    /* Latin-1, as Java reads the file. */
    check_properties("k=\xe9", "k", "\xc3\xa9", 1);
    CU_ASSERT_EQUAL(zk_properties_parse("a=1\nk=\\u12g4", 12, "f", &p, &em),
                    ZK_ECONFIG);
    CU_ASSERT_STRING_EQUAL(em.text, "f:2: a \\u escape without four "
                           "hexadecimal digits, or a NUL");
    zk_properties_fini(&p);
    CU_ASSERT_EQUAL(zk_properties_parse("k=\\u12", 6, "f", &p, &em),
                    ZK_ECONFIG);
    zk_properties_fini(&p);
    CU_ASSERT_EQUAL(zk_properties_parse("k=\\u0000", 8, "f", &p, &em),
                    ZK_ECONFIG);
    zk_properties_fini(&p);
    CU_ASSERT_EQUAL(zk_properties_parse("k=a\0b", 5, "f", &p, &em),
                    ZK_ECONFIG);
    zk_properties_fini(&p);
}

static void
test_properties_of_nothing(void)
{
    struct zk_properties p = { 0 };

    CU_ASSERT_EQUAL(zk_properties_parse("", 0, "f", &p, &em), ZK_OK);
    CU_ASSERT_EQUAL(p.n, 0);
    zk_properties_fini(&p);
    CU_ASSERT_EQUAL(zk_properties_parse(" \\", 2, "f", &p, &em), ZK_OK);
    zk_properties_fini(&p);
}

/* ---- system properties -------------------------------------------------- */

static void
test_system_properties_keep_their_order(void)
{
    struct system_properties *p = system_properties_create();

    system_properties_set(p, "b", "2");
    system_properties_set(p, "a", "1");
    system_properties_set(p, "c", "3");
    system_properties_set(p, "b", "4");
    CU_ASSERT_STRING_EQUAL(system_properties_get(p, "a"), "1");
    CU_ASSERT_STRING_EQUAL(system_properties_get(p, "b"), "4");
    CU_ASSERT_PTR_NULL(system_properties_get(p, "d"));
    CU_ASSERT(system_properties_take_option(p, "-Dx=y=z"));
    CU_ASSERT_STRING_EQUAL(system_properties_get(p, "x"), "y=z");
    CU_ASSERT(system_properties_take_option(p, "-Dflag"));
    CU_ASSERT_STRING_EQUAL(system_properties_get(p, "flag"), "");
    CU_ASSERT_FALSE(system_properties_take_option(p, "-D"));
    CU_ASSERT_FALSE(system_properties_take_option(p, "-D=1"));
    CU_ASSERT_FALSE(system_properties_take_option(p, "zoo.cfg"));
    system_properties_destroy(p);
}

static void
check_long(const char *text, bool good, int64_t want)
{
    struct system_properties *p = system_properties_create();
    int64_t v = 77;
    int rv;

    system_properties_set(p, "n", text);
    rv = system_properties_long(p, "n", 5, &v, &em);
    CU_ASSERT_EQUAL(rv, good ? ZK_OK : ZK_ECONFIG);
    if (good) {
        CU_ASSERT_EQUAL(v, want);
    } else {
        char *message = zk_xasprintf("property n=%s: not a number", text);

        CU_ASSERT_STRING_EQUAL(em.text, message);
        free(message);
    }
    system_properties_destroy(p);
}

static void
test_system_properties_numbers_as_long_decode(void)
{
    check_long("12", true, 12);
    check_long("-12", true, -12);
    check_long("+12", true, 12);
    check_long("0", true, 0);
    check_long("0x1F", true, 31);
    check_long("-0x10", true, -16);
    check_long("#ff", true, 255);
    check_long("010", true, 8);
    check_long("", true, 5);
    check_long("9223372036854775807", true, INT64_MAX);
    check_long("-9223372036854775808", true, INT64_MIN);
    check_long("9223372036854775808", false, 0);
    check_long("08", false, 0);
    check_long("0x", false, 0);
    check_long("0x0x1", false, 0);
    check_long("1 ", false, 0);
    check_long("--1", false, 0);
    check_long("1.5", false, 0);
    check_long("abc", false, 0);
}

static void
test_system_properties_switches(void)
{
    struct system_properties *p = system_properties_create();

    CU_ASSERT(system_properties_bool(p, "b", true));
    CU_ASSERT_FALSE(system_properties_bool(p, "b", false));
    system_properties_set(p, "b", "TRUE");
    CU_ASSERT(system_properties_bool(p, "b", false));
    system_properties_set(p, "b", "yes");
    CU_ASSERT_FALSE(system_properties_bool(p, "b", true));
    system_properties_destroy(p);
}

/* ---- server lines ------------------------------------------------------- */

static void
check_address(const char *text, const char *printed)
{
    struct server_address a;
    struct zk_buf out = { 0 };

    CU_ASSERT_EQUAL_FATAL(server_address_parse(1, text, true, &a, &em),
                          ZK_OK);
    server_address_print(&a, &out);
    zk_buf_append(&out, "", 1);
    CU_ASSERT_STRING_EQUAL((const char *) out.data, printed);
    CU_ASSERT_STRING_EQUAL(a.text, text);
    zk_buf_fini(&out);
    server_address_fini(&a);
}

static void
check_bad_address(const char *text, const char *message)
{
    struct server_address a;

    CU_ASSERT_EQUAL(server_address_parse(1, text, false, &a, &em),
                    ZK_ECONFIG);
    CU_ASSERT_STRING_EQUAL(em.text, message);
    server_address_fini(&a);
}

static void
test_address_forms(void)
{
    check_address("h:1:2", "h:1:2:participant");
    check_address("h:1:2:observer", "h:1:2:observer");
    check_address("h:1:2: Participant ", "h:1:2:participant");
    check_address("h:1:2;2181", "h:1:2:participant;0.0.0.0:2181");
    check_address("h:1:2;c:2181", "h:1:2:participant;c:2181");
    check_address("h:1:2:observer;c:2181;2281",
                  "h:1:2:observer;c:2181;0.0.0.0:2281");
    check_address("[::1]:1:2:participant;[::]:2181",
                  "[::1]:1:2:participant;[::]:2181");
    check_address("a:1:2|b:3:4", "a:1:2|b:3:4:participant");
    check_address("a:1:2:observer|[::2]:3:4:observer;5",
                  "a:1:2|[::2]:3:4:observer;0.0.0.0:5");
    /* Empty parts at the end are none. */
    check_address("h:1:2::", "h:1:2:participant");
    check_address("h:1:2;", "h:1:2:participant");
}

static void
test_address_mistakes(void)
{
    static const char form[] = "not host:quorumPort:electionPort[:role] with "
                               "[;[host:]clientPort] behind it";

    check_bad_address("h", form);
    check_bad_address("h:1", form);
    check_bad_address("", form);
    check_bad_address(";2181", form);
    check_bad_address("h:1:2:observer:3", form);
    check_bad_address("h:x:2", "h:x: the port is not a number");
    check_bad_address("h:1:2x", "h:2x: the port is not a number");
    check_bad_address("h:1:65536", "h:65536: the port is out of range");
    check_bad_address("h:-1:2", "h:-1: the port is out of range");
    check_bad_address("h:5:5", "quorum port and election port are the same, "
                               "5");
    check_bad_address("h:1:2:leader", "unknown role leader");
    check_bad_address("h:1:2;a:b:c", "the part behind ';' is neither a port "
                                     "nor host:port");
    check_bad_address("h:1:2;a:x", "a:x: the port is not a number");
    check_bad_address("h:1:2;1;2;3", "more than two parts behind ';'");
    check_bad_address("[::1:1:2", "[::1:1:2: '[' without ']'");
    check_bad_address("[::1]:", "[::1]:: no port after the colon");
    check_bad_address("[::1]x1:2", "[::1]x1:2: no ':' after ']'");
    check_bad_address("a:1:2|b:1:2", "several addresses, but "
                                     "multiAddress.enabled is not true");
}

static void
test_address_of_many_parts(void)
{
    struct zk_buf text = { 0 };
    struct server_address a;

    for (int i = 0; i < 500; i++) {
        zk_buf_printf(&text, "%s", i % 2 ? "h:1:2:" : "|;:");
    }
    zk_buf_append(&text, "", 1);
    CU_ASSERT_EQUAL(server_address_parse(1, (const char *) text.data, true,
                                         &a, &em), ZK_ECONFIG);
    server_address_fini(&a);
    zk_buf_fini(&text);
}

static void
test_address_roles_agree(void)
{
    struct server_address a;

    CU_ASSERT_EQUAL(server_address_parse(
                        1, "a:1:2:observer|b:1:2:participant", true, &a, &em),
                    ZK_ECONFIG);
    CU_ASSERT_STRING_EQUAL(em.text, "its addresses name different roles");
    server_address_fini(&a);
}

static const struct zk_test tests[] = {
    { "properties: separators", test_properties_separators },
    { "properties: lines and comments", test_properties_lines_and_comments },
    { "properties: the last one counts", test_properties_last_one_counts },
    { "properties: escapes", test_properties_escapes },
    { "properties: of nothing", test_properties_of_nothing },
    { "system properties keep their order",
      test_system_properties_keep_their_order },
    { "system properties: numbers as Long.decode",
      test_system_properties_numbers_as_long_decode },
    { "system properties: switches", test_system_properties_switches },
    { "address: forms", test_address_forms },
    { "address: mistakes", test_address_mistakes },
    { "address: many parts", test_address_of_many_parts },
    { "address: roles agree", test_address_roles_agree },
};

ZK_TEST_MAIN("config syntax", tests)
