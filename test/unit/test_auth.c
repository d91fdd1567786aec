/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "auth/acl_check.h"

#include <stdlib.h>

#include "auth/providers.h"
#include "proto/keeper_error.h"
#include "test/lib/zk_test.h"
#include "util/zk_thread.h"
#include "util/utf8.h"

#define DIGEST_A "a:3OptnM09ILoVSfbZtd3mB0IViII="       /* of a:b */
#define DIGEST_C "c:JW0uwAqVIVi/U/OdKDCihoUkdus="       /* of c:d */
#define SUPER_DIGEST "super:D/InIHSb7yEEbrWz8b9l71RjZJU="   /* super:test */

static const struct auth_options plain = { .digest_enabled = true };
static const struct auth_options all_on = {
    .digest_enabled = true,
    .super_digest = SUPER_DIGEST,
    .x509_enabled = true,
    .sasl_enabled = true,
    .ensemble_enabled = true,
};

/* --- ACLs as text: "31 world anyone; 1 ip 10.0.0.0/8" --- */

/* Appends one list.  A word "~" is null, "-" is empty. */
static void
acl_of_text(struct zk_buf *b, const char *text)
{
    char *copy = strdup(text);
    size_t at = acl_encode_begin(b);
    char *rest = copy;
    char *entry;

    while ((entry = strsep(&rest, ";")) != NULL) {
        struct zk_slice word[3] = {
            ZK_SLICE_NULL, ZK_SLICE_NULL, ZK_SLICE_NULL
        };

        for (int i = 0; i < 3 && entry != NULL; i++) {
            char *w;

            entry += strspn(entry, " ");
            w = strsep(&entry, " ");
            word[i] = strcmp(w, "~") == 0 ? ZK_SLICE_NULL
                      : strcmp(w, "-") == 0 ? ZK_SLICE_LIT("")
                                            : zk_slice_str(w);
        }
        if (word[0].len > 0) {
            acl_encode_add(b, at, atoi(word[0].p), word[1], word[2]);
        }
    }
    free(copy);
}

static struct zk_slice
buf_slice(const struct zk_buf *b)
{
    return zk_slice(b->data, (int32_t) b->len);
}

static bool
check(const struct auth_options *opts, const char *acl, int perm,
      const struct auth_info *info)
{
    struct zk_buf b = { 0 };
    bool ok;

    acl_of_text(&b, acl);
    ok = acl_check(opts, buf_slice(&b), perm, info);
    zk_buf_fini(&b);
    return ok;
}

/* Runs the fix-up; on success the result must be 'want'. */
static int
fixup(const struct auth_options *opts, const char *acl,
      const struct auth_info *info, const char *want)
{
    struct zk_buf in = { 0 };
    struct zk_buf expected = { 0 };
    struct zk_buf out = { 0 };
    int rv;

    zk_buf_append(&out, "before", 6);
    acl_of_text(&in, acl);
    rv = acl_fixup(opts, buf_slice(&in), info, &out);
    CU_ASSERT(memcmp(out.data, "before", 6) == 0);
    if (rv == KE_OK) {
        acl_of_text(&expected, want);
        CU_ASSERT(zk_slice_eq(zk_slice(out.data + 6, (int32_t) out.len - 6),
                              buf_slice(&expected)));
    } else {
        CU_ASSERT_EQUAL(out.len, 6);
    }
    zk_buf_fini(&in);
    zk_buf_fini(&expected);
    zk_buf_fini(&out);
    return rv;
}

static struct auth_info *
local(void)
{
    return auth_info_create("ip", "127.0.0.1");
}

/* The list after an auth packet; frees the old one. */
static struct auth_info *
after_auth(const struct auth_options *opts, struct auth_info *info,
           const char *scheme, struct zk_slice data)
{
    struct auth_info *next = NULL;

    CU_ASSERT_EQUAL(auth_packet(opts, info, zk_slice_str(scheme), data,
                                &next), KE_OK);
    if (next == NULL) {
        return info;
    }
    auth_info_unref(info);
    return next;
}

static int
packet(const struct auth_options *opts, struct auth_info *info,
       const char *scheme, const char *data)
{
    struct auth_info *next = NULL;
    int rv = auth_packet(opts, info, zk_slice_str(scheme),
                         zk_slice_str(data), &next);

    CU_ASSERT_EQUAL(next != NULL, rv == KE_OK);
    auth_info_unref(next);
    return rv;
}

/* --- auth_info --- */

static void
test_info_starts_with_one_id_and_one_reference(void)
{
    struct auth_info *info = local();

    CU_ASSERT_EQUAL(info->n, 1);
    CU_ASSERT_STRING_EQUAL(info->ids[0].scheme, "ip");
    CU_ASSERT_STRING_EQUAL(info->ids[0].id, "127.0.0.1");
    CU_ASSERT_EQUAL(info->ids[0].id_len, 9);
    CU_ASSERT_FALSE(info->super);
    CU_ASSERT_PTR_EQUAL(auth_info_ref(info), info);
    auth_info_unref(info);
    CU_ASSERT_TRUE(auth_info_has_scheme(info, "ip"));
    CU_ASSERT_FALSE(auth_info_has_scheme(info, "digest"));
    CU_ASSERT_FALSE(auth_info_has_scheme(NULL, "ip"));
    auth_info_unref(info);
    auth_info_unref(NULL);
}

static void
test_info_add_leaves_the_old_list_alone(void)
{
    struct auth_info *a = local();
    struct auth_info *b = auth_info_add(a, "digest", ZK_SLICE_LIT("x\0y"));
    struct auth_info *c = auth_info_add(b, "digest", ZK_SLICE_LIT("x\0y"));
    struct auth_info *d = auth_info_add(b, "super", ZK_SLICE_LIT(""));

    CU_ASSERT_EQUAL(a->n, 1);
    CU_ASSERT_EQUAL(b->n, 2);
    CU_ASSERT_EQUAL(c->n, 2);
    CU_ASSERT_EQUAL(d->n, 3);
    CU_ASSERT_EQUAL(b->ids[1].id_len, 3);
    CU_ASSERT(memcmp(c->ids[1].id, "x\0y", 4) == 0);
    CU_ASSERT_STRING_EQUAL(d->ids[0].id, "127.0.0.1");
    CU_ASSERT_FALSE(b->super);
    CU_ASSERT_TRUE(d->super);
    auth_info_unref(a);
    CU_ASSERT_STRING_EQUAL(b->ids[0].id, "127.0.0.1");
    auth_info_unref(b);
    auth_info_unref(c);
    auth_info_unref(d);
}

static void
ref_run(void *arg)
{
    for (int i = 0; i < 20000; i++) {
        auth_info_unref(auth_info_ref(arg));
    }
    auth_info_unref(arg);
}

static void
test_info_references_count_across_threads(void)
{
    struct auth_info *info = local();
    struct zk_thread t[3];

    memset(t, 0, sizeof t);
    for (size_t i = 0; i < ZK_ARRAY_SIZE(t); i++) {
        zk_thread_start(&t[i], ref_run, auth_info_ref(info), "ref:%zu", i);
    }
    for (size_t i = 0; i < ZK_ARRAY_SIZE(t); i++) {
        zk_thread_join(&t[i]);
    }
    CU_ASSERT_EQUAL(atomic_load(&info->refs), 1);
    auth_info_unref(info);
}

/* --- digest --- */

static void
expect_digest(const char *alg, const char *text, const char *want)
{
    struct auth_options opts = { .digest_alg = alg };
    char out[128];

    CU_ASSERT_TRUE(digest_auth_generate(&opts, zk_slice_str(text), out,
                                        sizeof out));
    CU_ASSERT_STRING_EQUAL(out, want);
}

static void
test_digest_golden(void)
{
    expect_digest(NULL, "super:test", &SUPER_DIGEST[6]);
    expect_digest("SHA1", "a:b", &DIGEST_A[2]);
    expect_digest("SHA-1", "a:b", &DIGEST_A[2]);
    expect_digest(NULL, "", "2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
    expect_digest("SHA-256", "a:b",
                  "Z4OjHqv2jMwGYPk1wIJigr3SJB86gKny0Q1Zrqnrtdg=");
    expect_digest("SHA256", "a:b",
                  "Z4OjHqv2jMwGYPk1wIJigr3SJB86gKny0Q1Zrqnrtdg=");
    expect_digest("SHA3-256", "a:b",
                  "ejvga8z66+WtMLJrmlP4mB2ikyi0ZnEdX7dJ2QqhVbg=");
    expect_digest("SHA-512/256", "a:b",
                  "OZzjuYX0pZ3N7Wm6zdI/j+Of9drLfO2EMf9IylYc9kQ=");
}

static void
test_digest_unknown_algorithm_or_short_room_fails(void)
{
    struct auth_options opts = { .digest_alg = "SHA-999" };
    struct auth_info *info = local();
    char out[29];

    CU_ASSERT_FALSE(digest_auth_generate(&opts, ZK_SLICE_LIT("a"), out,
                                         sizeof out));
    opts.digest_alg = NULL;
    CU_ASSERT_TRUE(digest_auth_generate(&opts, ZK_SLICE_LIT("a"), out, 29));
    CU_ASSERT_FALSE(digest_auth_generate(&opts, ZK_SLICE_LIT("a"), out, 28));
    opts.digest_alg = "SHA-999";
    opts.digest_enabled = true;
    CU_ASSERT_EQUAL(packet(&opts, info, "digest", "a:b"), KE_AUTH_FAILED);
    auth_info_unref(info);
}

/* Ids as a Java server gave them for these packets. */
static void
test_digest_packet_makes_javas_id(void)
{
    static const struct {
        struct zk_slice data;
        struct zk_slice id;
        const char *user;
    } cases[] = {
#define CASE(data, id, user)                                              \
    { ZK_SLICE_LIT(data), ZK_SLICE_LIT(id), user }
        CASE("a:b", DIGEST_A, "a"),
        CASE("", ":2jmj7l5rSw0yVb/vlWAYkK/YBwk=", ""),
        CASE("abc", "abc:qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", "abc"),
        CASE("a:b:c", "a:cLzgnoJ6mP5qz3w+mwvPE2vDgu0=", "a"),
        CASE("a\0b:c", "a\0b:K5LQelXvWRlglzOWOWZFUmLrWBY=", "a"),
        CASE("\xe9:\xff", "\xef\xbf\xbd:ipNoT9MRIoSM4DrYkmqaDGEYOsE=",
             "\xef\xbf\xbd"),
        CASE("\xed\xa0\x80:\xc0\x80",
             "\xef\xbf\xbd:VNPZ5MF9GzVmeLHy1ULRZDVWWCs=",
             "\xef\xbf\xbd"),
        CASE("\xe2\x82:\xf4\x90\x80\x80",
             "\xef\xbf\xbd:VLj7zM8nm5v4GFMKJcpT8+rYMfc=",
             "\xef\xbf\xbd"),
#undef CASE
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        struct auth_info *info = after_auth(&plain, local(), "digest",
                                            cases[i].data);
        struct zk_slice user;

        CU_ASSERT_EQUAL_FATAL(info->n, 2);
        CU_ASSERT_STRING_EQUAL(info->ids[1].scheme, "digest");
        CU_ASSERT(zk_slice_eq(auth_id_text(&info->ids[1]), cases[i].id));
        user = auth_user_name(&plain, &info->ids[1]);
        CU_ASSERT(user.len >= (int32_t) strlen(cases[i].user)
                  && memcmp(user.p, cases[i].user, strlen(cases[i].user))
                     == 0);
        auth_info_unref(info);
    }
}

static void
test_super_digest_adds_super_once(void)
{
    struct auth_info *info = local();

    info = after_auth(&all_on, info, "digest", ZK_SLICE_LIT("a:b"));
    CU_ASSERT_FALSE(info->super);
    info = after_auth(&all_on, info, "digest", ZK_SLICE_LIT("super:test"));
    CU_ASSERT_TRUE(info->super);
    CU_ASSERT_EQUAL_FATAL(info->n, 4);
    CU_ASSERT_STRING_EQUAL(info->ids[2].scheme, "super");
    CU_ASSERT_STRING_EQUAL(info->ids[2].id, "");
    CU_ASSERT_STRING_EQUAL(info->ids[3].id, SUPER_DIGEST);
    CU_ASSERT_EQUAL(auth_user_name(&all_on, &info->ids[2]).len, 0);
    info = after_auth(&all_on, info, "digest", ZK_SLICE_LIT("super:test"));
    CU_ASSERT_EQUAL(info->n, 4);
    auth_info_unref(info);

    info = after_auth(&plain, local(), "digest", ZK_SLICE_LIT("super:test"));
    CU_ASSERT_FALSE(info->super);
    auth_info_unref(info);
    info = after_auth(&all_on, local(), "digest",
                      ZK_SLICE_LIT("super:test2"));
    CU_ASSERT_FALSE(info->super);
    auth_info_unref(info);
}

static void
test_utf8_is_repaired_as_java_does(void)
{
    static const char *const cases[][2] = {
        { "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
          "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
        { "\xf0\x9f\x98\x80\xf0\x9f\xc3:", "\xf0\x9f\x98\x80??:" },
        { "\xed\xa0\x80", "?" },
        { "\xed\xa0", "?" },
        { "\xe0\x80\x80", "???" },
        { "\xe2\x28\xa1", "?(?" },
        { "\xf4\x90\x80\x80", "????" },
        { "\xf8\x88\x80\x80\x80:x", "?????:x" },
        { "\xc1\x81", "??" },
        { "\xe2\x82", "?" },
        { "\xf0\x9f\x98", "?" },
        { "\xf0\x9f\x98x", "?x" },
        { "\xc3", "?" },
        { "\x80", "?" },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        struct zk_buf got = { 0 };
        struct zk_buf want = { 0 };

        utf8_repair(zk_slice_str(cases[i][0]), &got);
        for (const char *p = cases[i][1]; *p != '\0'; p++) {
            if (*p == '?') {
                zk_buf_append(&want, "\xef\xbf\xbd", 3);
            } else {
                zk_buf_append(&want, p, 1);
            }
        }
        CU_ASSERT(zk_slice_eq(buf_slice(&got), buf_slice(&want)));
        zk_buf_fini(&got);
        zk_buf_fini(&want);
    }
}

/* --- auth packets --- */

static void
test_packet_of_unknown_scheme_fails(void)
{
    static const char *const schemes[] = {
        "world", "auth", "super", "sasl", "x509", "ensemble", "key", "foo",
        "", NULL
    };
    struct auth_options off = { .digest_enabled = false };
    struct auth_info *info = local();

    for (size_t i = 0; i < ZK_ARRAY_SIZE(schemes); i++) {
        CU_ASSERT_EQUAL(packet(&plain, info, schemes[i], "x"),
                        KE_AUTH_FAILED);
    }
    CU_ASSERT_EQUAL(packet(&plain, info, "digest", NULL), KE_AUTH_FAILED);
    CU_ASSERT_EQUAL(packet(&off, info, "digest", "a:b"), KE_AUTH_FAILED);
    auth_info_unref(info);
}

static void
test_packet_of_ip_changes_nothing(void)
{
    struct auth_info *info;

    info = after_auth(&plain, local(), "ip", ZK_SLICE_LIT("1.2.3.4"));
    CU_ASSERT_EQUAL(info->n, 1);
    CU_ASSERT_STRING_EQUAL(info->ids[0].id, "127.0.0.1");
    auth_info_unref(info);
}

static void
test_packet_of_x509_needs_a_certificate(void)
{
    struct auth_info *info = local();
    struct auth_info *tls = auth_info_add(info, "x509",
                                          ZK_SLICE_LIT("CN=c"));

    CU_ASSERT_EQUAL(packet(&all_on, info, "x509", ""), KE_AUTH_FAILED);
    CU_ASSERT_EQUAL(packet(&all_on, tls, "x509", ""), KE_OK);
    CU_ASSERT_EQUAL(packet(&all_on, info, "sasl", "x"), KE_AUTH_FAILED);
    auth_info_unref(info);
    auth_info_unref(tls);
}

static void
test_packet_of_ensemble_compares_names(void)
{
    struct auth_options opts = all_on;
    struct auth_info *info = local();

    CU_ASSERT_EQUAL(packet(&opts, info, "ensemble", "any"), KE_OK);
    opts.ensemble_names = "east, west ,";
    CU_ASSERT_EQUAL(packet(&opts, info, "ensemble", "east"), KE_OK);
    CU_ASSERT_EQUAL(packet(&opts, info, "ensemble", "west"), KE_OK);
    CU_ASSERT_EQUAL(packet(&opts, info, "ensemble", ""), KE_OK);
    CU_ASSERT_EQUAL(packet(&opts, info, "ensemble", NULL), KE_OK);
    CU_ASSERT_EQUAL(packet(&opts, info, "ensemble", "eas"),
                    KE_BAD_ARGUMENTS);
    CU_ASSERT_EQUAL(packet(&opts, info, "ensemble", "easter"),
                    KE_BAD_ARGUMENTS);
    auth_info_unref(info);
}

static void
test_packet_count_of_ids_is_bounded(void)
{
    struct auth_info *info = local();

    for (int i = 1; i < AUTH_MAX_IDS; i++) {
        char data[16];

        snprintf(data, sizeof data, "u%d:p", i);
        info = after_auth(&plain, info, "digest", zk_slice_str(data));
    }
    CU_ASSERT_EQUAL(info->n, AUTH_MAX_IDS);
    CU_ASSERT_EQUAL(packet(&plain, info, "digest", "more:p"),
                    KE_AUTH_FAILED);
    auth_info_unref(info);
}

/* --- which ids are legal in ACLs --- */

struct validity {
    const char *id;
    bool ok;
};

static void
expect_validity(const char *scheme, const struct validity *v, size_t n)
{
    const struct auth_provider *p = auth_provider_find(&all_on,
                                                       zk_slice_str(scheme));

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    for (size_t i = 0; i < n; i++) {
        if (p->is_valid(zk_slice_str(v[i].id)) != v[i].ok) {
            fprintf(stderr, "%s:'%s'\n", scheme, v[i].id);
            CU_FAIL("wrong verdict");
        }
    }
}

static void
test_valid_digest_ids(void)
{
    static const struct validity v[] = {
        { "", 0 }, { "a", 0 }, { "a:", 0 }, { "a:b", 1 }, { ":b", 1 },
        { "a:b:", 1 }, { "a:b::", 1 }, { "a:b:c", 0 }, { ":", 0 },
        { "::", 0 }, { "a::", 0 }, { "a::b", 0 }, { "::b", 0 },
        { " : ", 1 },
    };

    expect_validity("digest", v, ZK_ARRAY_SIZE(v));
}

static void
test_valid_ip_ids(void)
{
    static const struct validity v[] = {
        { "", 0 }, { "1.2.3.4", 1 }, { "1.2.3", 0 }, { "1.2.3.4.5", 0 },
        { "1.2.3.", 0 }, { ".1.2.3", 0 }, { "256.1.1.1", 0 },
        { "+1.2.3.4", 1 }, { "-0.1.1.1", 1 }, { "-1.1.1.1", 0 },
        { "01.002.3.0004", 1 }, { "1.2.3.4/", 0 }, { "1.2.3.4/0", 1 },
        { "1.2.3.4/32", 1 }, { "1.2.3.4/33", 0 }, { "1.2.3.4/-1", 0 },
        { "1.2.3.4/+8", 1 }, { "1.2.3.4/8/9", 0 }, { "1.2.3.4/08", 1 },
        { "1.2.3.4/ 8", 0 }, { " 1.2.3.4", 0 }, { "/8", 0 },
        { "localhost", 0 }, { "99999999999999999999.1.1.1", 0 },
        { "1.2.3.4/99999999999999999999", 0 },
        { "::", 1 }, { "::1", 1 }, { "1::", 1 }, { "fe80::/10", 1 },
        { "1:2:3:4:5:6:7:8", 1 }, { "1:2:3:4:5:6:7", 0 },
        { "1:2:3:4:5:6:7:8:9", 0 }, { "1:2:3:4:5:6:7::", 1 },
        { "1:2:3:4:5:6:7::8", 0 }, { "::2:3:4:5:6:7:8", 1 },
        { "1::2::3", 0 }, { ":::", 0 }, { "::::", 0 }, { ":1", 0 },
        { "1:", 0 }, { ":", 0 }, { "12345::", 0 }, { "g::", 0 },
        { "::1.2.3.4", 0 }, { "AbCd::fF", 1 }, { "::/128", 1 },
        { "::/129", 0 }, { "::/", 0 }, { "fe80::1%eth0", 0 },
    };

    expect_validity("ip", v, ZK_ARRAY_SIZE(v));
}

static void
test_valid_sasl_ids(void)
{
    static const struct validity v[] = {
        { "", 1 }, { "a", 1 }, { "a@B", 1 }, { "a/b@C", 1 },
        { "a/b/c@D", 0 }, { "a@b@c", 0 }, { "@", 1 }, { "a@", 1 },
        { "@R", 1 }, { "a/b", 1 }, { "//", 1 }, { "a/b/c", 1 },
        { "a@b/c", 0 },
    };

    expect_validity("sasl", v, ZK_ARRAY_SIZE(v));
}

/* As Java's X500Principal answered. */
static void
test_valid_x509_ids(void)
{
    static const struct validity v[] = {
        { "", 1 }, { " ", 0 }, { "CN=a", 1 }, { "cn=a", 1 },
        { "CN=a,O=b", 1 }, { "CN=a, O=b", 1 }, { "CN=a;O=b", 1 },
        { "CN=a+O=b", 1 }, { "a", 0 }, { "=a", 0 }, { "CN=", 1 },
        { "CN", 0 }, { "CN=a,", 0 }, { "CN=a,,O=b", 0 }, { "foo=bar", 0 },
        { "1.2.3=x", 1 }, { "OID.1.2.3=x", 1 }, { "oid.1.2=a", 1 },
        { "OID.1=a", 0 }, { "9.9.9=x", 0 }, { "1=x", 0 }, { "3.1=x", 0 },
        { "1.40.1=x", 0 }, { "2.999=a", 1 }, { "1..2=a", 0 },
        { "1.2.=a", 0 }, { "1.2.3.a=a", 0 }, { "01.2=a", 1 },
        { "E=a", 0 }, { "SN=a", 0 }, { "TITLE=a", 0 }, { "S=a", 1 },
        { "EMAILADDRESS=a@b", 1 }, { "DNQ=x", 1 }, { "C N=a", 0 },
        { "CN =a", 1 }, { "CN= a", 1 }, { "\nCN=a", 1 }, { "CN\n=a", 1 },
        { "CN= ", 1 }, { "CN=a ", 1 }, { "CN=a, ", 0 },
        { "CN=\"a,b\"", 1 }, { "CN=\"\"", 1 }, { "CN=\"a\" ", 1 },
        { "CN=\"a\"b", 0 }, { "CN=\"a", 0 }, { "CN=\"a\\z\"", 0 },
        { "CN=\"a\\ \"", 0 }, { "CN=\"a\\\n\"", 1 }, { "CN=\"<\"", 1 },
        { "CN=\"a\" + O=b", 1 }, { "CN=a + O=b", 1 },
        { "CN=a\\,b", 1 }, { "CN=a\\", 0 }, { "CN=a\\z", 0 },
        { "CN=\\41", 1 }, { "CN=\\4", 0 }, { "CN=\\ a\\ ", 1 },
        { "CN=a=b", 1 }, { "CN=<a>", 0 }, { "CN=a>", 0 },
        { "CN=a\"b", 0 }, { "CN=a#b", 1 }, { "CN=a\nb", 1 },
        { "CN=a+b", 0 }, { "CN=+", 0 }, { "CN=,O=a", 1 },
        { "CN=#04024869", 1 }, { "CN=#0402", 0 }, { "CN=#zz", 0 },
        { "CN=#", 0 }, { "CN=#0402486", 0 }, { "CN=#04024869 ", 0 },
        { "CN=#0500,O=a", 1 }, { "CN=#050000", 0 },
        { "CN=#0481024869", 1 }, { "CN=#04814869", 0 }, { "CN=#1f", 0 },
        { "C=US, ST=CA, L=x, O=y, OU=z, CN=w", 1 },
    };

    expect_validity("x509", v, ZK_ARRAY_SIZE(v));
}

/* --- acl_check --- */

static void
test_check_world_by_permission(void)
{
    CU_ASSERT_TRUE(check(&plain, "31 world anyone", ACL_PERM_READ, NULL));
    CU_ASSERT_TRUE(check(&plain, "1 world anyone", ACL_PERM_READ, NULL));
    CU_ASSERT_FALSE(check(&plain, "1 world anyone", ACL_PERM_WRITE, NULL));
    CU_ASSERT_FALSE(check(&plain, "0 world anyone", ACL_PERM_ALL, NULL));
    CU_ASSERT_TRUE(check(&plain, "16 world anyone",
                         ACL_PERM_READ | ACL_PERM_ADMIN, NULL));
    CU_ASSERT_FALSE(check(&plain, "31 world -", ACL_PERM_READ, NULL));
}

static void
test_check_empty_and_null_lists_are_open(void)
{
    CU_ASSERT_TRUE(acl_check(&plain, ZK_SLICE_NULL, ACL_PERM_WRITE, NULL));
    CU_ASSERT_TRUE(acl_check(&plain, acl_raw_empty, ACL_PERM_WRITE, NULL));
    CU_ASSERT_TRUE(acl_check(&plain, ZK_SLICE_LIT("\377\377\377\377"),
                             ACL_PERM_WRITE, NULL));
    CU_ASSERT_TRUE(acl_check(&plain, acl_raw_open, ACL_PERM_ADMIN, NULL));
    CU_ASSERT_FALSE(acl_check(&plain, acl_raw_read_only, ACL_PERM_ADMIN,
                              NULL));
}

static void
test_check_skip_acl_and_super_open_all(void)
{
    struct auth_options skip = { .skip_acl = true };
    struct auth_info *info = local();
    struct auth_info *super = auth_info_add(info, "super",
                                            ZK_SLICE_LIT("x"));

    CU_ASSERT_TRUE(check(&skip, "31 digest " DIGEST_A, 1, NULL));
    CU_ASSERT_FALSE(check(&plain, "31 digest " DIGEST_A, 1, info));
    CU_ASSERT_TRUE(check(&plain, "31 digest " DIGEST_A, 1, super));
    CU_ASSERT_TRUE(check(&plain, "0 digest " DIGEST_A, 1, super));
    auth_info_unref(info);
    auth_info_unref(super);
}

static void
test_check_digest_matches_by_equality(void)
{
    struct auth_options off = { .digest_enabled = false };
    struct auth_info *info;

    info = after_auth(&plain, local(), "digest", ZK_SLICE_LIT("a:b"));
    CU_ASSERT_TRUE(check(&plain, "31 digest " DIGEST_A, 1, info));
    CU_ASSERT_FALSE(check(&plain, "31 digest " DIGEST_C, 1, info));
    CU_ASSERT_FALSE(check(&plain, "31 digest ~", 1, info));
    CU_ASSERT_FALSE(check(&plain, "31 ~ ~", 1, info));
    CU_ASSERT_FALSE(check(&plain, "31 sasl " DIGEST_A, 1, info));
    CU_ASSERT_TRUE(check(&plain, "2 digest " DIGEST_A "; 1 digest "
                         DIGEST_C "; 1 digest " DIGEST_A, 1, info));
    CU_ASSERT_FALSE(check(&off, "31 digest " DIGEST_A, 1, info));
    info = after_auth(&plain, info, "digest", ZK_SLICE_LIT("c:d"));
    CU_ASSERT_TRUE(check(&plain, "31 digest " DIGEST_C, 1, info));
    auth_info_unref(info);
}

static void
expect_ip(const char *addr, const char *acl_id, bool want)
{
    struct auth_info *info = auth_info_create("ip", addr);
    char acl[128];

    snprintf(acl, sizeof acl, "1 ip %s", acl_id);
    if (check(&plain, acl, 1, info) != want) {
        fprintf(stderr, "%s against %s\n", addr, acl_id);
        CU_FAIL("wrong verdict");
    }
    auth_info_unref(info);
}

static void
test_check_ip_compares_leading_bits(void)
{
    static const char loopback[] = "0:0:0:0:0:0:0:1";

    expect_ip("10.1.2.3", "10.1.2.3", true);
    expect_ip("10.1.2.3", "10.1.2.4", false);
    expect_ip("10.1.2.3", "10.0.0.0/8", true);
    expect_ip("11.1.2.3", "10.0.0.0/8", false);
    expect_ip("10.1.2.3", "10.1.2.0/23", true);
    expect_ip("10.1.3.3", "10.1.2.0/23", true);
    expect_ip("10.1.4.3", "10.1.2.0/23", false);
    expect_ip("10.1.2.3", "10.1.2.2/31", true);
    expect_ip("10.1.2.3", "10.1.2.1/31", false);
    expect_ip("10.1.2.3", "99.0.0.0/0", true);
    expect_ip("10.1.2.3", "010.1.2.3", true);
    expect_ip("10.1.2.3", "10.1.2.3/32", true);
    expect_ip("10.1.2.3", "10.1.2.3/33", false);
    expect_ip("10.1.2.3", "::/0", false);
    expect_ip(loopback, "0.0.0.0/0", false);
    expect_ip(loopback, "::1", true);
    expect_ip(loopback, "::1/128", true);
    expect_ip(loopback, "::2/126", true);
    expect_ip(loopback, "::4/126", false);
    expect_ip(loopback, "::/0", true);
    expect_ip("fe80:0:0:0:1:2:3:4", "fe80::/10", true);
    expect_ip("febf:0:0:0:1:2:3:4", "fe80::/10", true);
    expect_ip("fec0:0:0:0:1:2:3:4", "fe80::/10", false);
    expect_ip("fe80:0:0:0:1:2:3:4%eth0", "fe80::/10", false);
    expect_ip("10.1.2.3/8", "10.0.0.0/8", false);
}

static void
test_check_sasl_and_x509_when_on(void)
{
    struct auth_options any = all_on;
    struct auth_info *ip = local();
    struct auth_info *sasl = auth_info_add(ip, "sasl", ZK_SLICE_LIT("bob"));
    struct auth_info *x509 = auth_info_add(ip, "x509", ZK_SLICE_LIT("CN=c"));

    CU_ASSERT_TRUE(check(&all_on, "1 sasl bob", 1, sasl));
    CU_ASSERT_FALSE(check(&all_on, "1 sasl alice", 1, sasl));
    CU_ASSERT_FALSE(check(&plain, "1 sasl bob", 1, sasl));
    CU_ASSERT_TRUE(check(&all_on, "1 x509 CN=c", 1, x509));
    CU_ASSERT_FALSE(check(&all_on, "1 x509 CN=d", 1, x509));
    any.sasl_any_user = "alice";
    CU_ASSERT_TRUE(check(&any, "1 sasl alice", 1, sasl));
    CU_ASSERT_FALSE(check(&any, "1 sasl carol", 1, sasl));
    CU_ASSERT_FALSE(check(&any, "1 sasl alice", 1, ip));
    any.x509_super_user = "CN=c";
    CU_ASSERT_TRUE(check(&any, "1 x509 CN=d", 1, x509));
    auth_info_unref(ip);
    auth_info_unref(sasl);
    auth_info_unref(x509);
}

/* --- acl_fixup; answers as a Java server gave them --- */

static void
test_fixup_keeps_what_is_valid(void)
{
    static const char *const good[] = {
        "31 world anyone", "0 world anyone", "-1 world anyone",
        "31 ip 1.2.3.4/8", "31 ip ::1", "31 digest a:b",
        "1 world anyone; 31 digest a:b; 2 ip 10.0.0.1",
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(good); i++) {
        CU_ASSERT_EQUAL(fixup(&plain, good[i], NULL, good[i]), KE_OK);
    }
}

static void
test_fixup_refuses_what_is_not(void)
{
    static const char *const bad[] = {
        "", "31 world x", "31 world -", "31 x509 a:b", "31 sasl a:b",
        "31 key a:b", "31 ensemble a:b", "31 super a:b", "31 foo a:b",
        "31 - a:b", "31 ~ a:b", "31 ~ ~", "31 foo ~", "31 digest a",
        "31 ip 1.2.3", "31 auth -", "31 auth ~",
        "31 world anyone; 31 foo x", "31 ensemble x",
    };
    struct auth_info *info = local();
    struct zk_buf out = { 0 };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(bad); i++) {
        CU_ASSERT_EQUAL(fixup(&plain, bad[i], info, ""), KE_INVALID_ACL);
    }
    CU_ASSERT_EQUAL(fixup(&all_on, "31 ensemble x", info, ""),
                    KE_INVALID_ACL);
    CU_ASSERT_EQUAL(acl_fixup(&plain, ZK_SLICE_NULL, info, &out),
                    KE_INVALID_ACL);
    CU_ASSERT_EQUAL(acl_fixup(&plain, ZK_SLICE_LIT("\377\377\377\377"), info,
                              &out), KE_INVALID_ACL);
    CU_ASSERT_EQUAL(out.len, 0);
    zk_buf_fini(&out);
    auth_info_unref(info);
}

static void
test_fixup_null_id_is_a_marshalling_error(void)
{
    CU_ASSERT_EQUAL(fixup(&plain, "31 digest ~", NULL, ""), KE_MARSHALLING);
    CU_ASSERT_EQUAL(fixup(&plain, "31 world ~", NULL, ""), KE_MARSHALLING);
}

static void
test_fixup_schemes_follow_the_options(void)
{
    struct auth_options off = { .digest_enabled = false };

    CU_ASSERT_EQUAL(fixup(&all_on, "31 x509 CN=a; 1 sasl a@B", NULL,
                          "31 x509 CN=a; 1 sasl a@B"), KE_OK);
    CU_ASSERT_EQUAL(fixup(&all_on, "31 x509 a:b", NULL, ""), KE_INVALID_ACL);
    CU_ASSERT_EQUAL(fixup(&off, "31 digest a:b", NULL, ""), KE_INVALID_ACL);
}

static void
test_fixup_drops_duplicates_keeps_order(void)
{
    CU_ASSERT_EQUAL(fixup(&plain, "31 world anyone; 31 world anyone;"
                          "1 world anyone; 31 digest a:b; 31 world anyone",
                          NULL, "31 world anyone; 1 world anyone;"
                          "31 digest a:b"), KE_OK);
}

static void
test_fixup_many_duplicates(void)
{
    struct zk_buf in = { 0 };
    struct zk_buf want = { 0 };

    for (int i = 0; i < 3000; i++) {
        zk_buf_printf(&in, "%s%d digest u%d:p", i ? ";" : "", i % 7,
                      i * 7919 % 100);
    }
    for (int i = 0; i < 700; i++) {
        zk_buf_printf(&want, "%s%d digest u%d:p", i ? ";" : "", i % 7,
                      i * 7919 % 100);
    }
    CU_ASSERT_EQUAL(fixup(&plain, (const char *) in.data, NULL,
                          (const char *) want.data), KE_OK);
    zk_buf_fini(&in);
    zk_buf_fini(&want);
}

static void
test_fixup_auth_becomes_the_ids(void)
{
    struct auth_info *info = local();

    info = after_auth(&plain, info, "digest", ZK_SLICE_LIT("a:b"));
    CU_ASSERT_EQUAL(fixup(&plain, "31 auth -", info,
                          "31 digest " DIGEST_A), KE_OK);
    CU_ASSERT_EQUAL(fixup(&plain, "31 auth ~", info,
                          "31 digest " DIGEST_A), KE_OK);
    info = after_auth(&plain, info, "digest", ZK_SLICE_LIT("c:d"));
    CU_ASSERT_EQUAL(fixup(&plain, "31 auth zz; 1 auth -; 31 digest "
                          DIGEST_A, info,
                          "31 digest " DIGEST_A "; 31 digest " DIGEST_C
                          "; 1 digest " DIGEST_A "; 1 digest " DIGEST_C
                          "; 31 digest " DIGEST_A), KE_OK);
    auth_info_unref(info);
}

static void
test_fixup_super_is_no_id_of_an_acl(void)
{
    struct auth_info *info;

    info = after_auth(&all_on, local(), "digest",
                      ZK_SLICE_LIT("super:test"));
    CU_ASSERT_EQUAL(fixup(&all_on, "31 auth -", info,
                          "31 digest " SUPER_DIGEST), KE_OK);
    auth_info_unref(info);
}

static void
test_fixup_growth_is_bounded(void)
{
    struct auth_info *info = local();
    struct zk_buf acl = { 0 };

    for (int i = 0; i < 900; i++) {
        char data[16];

        snprintf(data, sizeof data, "u%d:p", i);
        info = after_auth(&plain, info, "digest", zk_slice_str(data));
    }
    for (int i = 0; i < 100; i++) {
        zk_buf_printf(&acl, "%s%d auth -", i ? ";" : "", i);
    }
    CU_ASSERT_EQUAL(fixup(&plain, (const char *) acl.data, info, ""),
                    KE_INVALID_ACL);
    zk_buf_fini(&acl);
    auth_info_unref(info);
}

static const struct zk_test tests[] = {
    { "a list starts with one id and one reference",
      test_info_starts_with_one_id_and_one_reference },
    { "adding leaves the old list alone",
      test_info_add_leaves_the_old_list_alone },
    { "references count across threads",
      test_info_references_count_across_threads },
    { "digest golden values", test_digest_golden },
    { "an unknown algorithm or too little room fails",
      test_digest_unknown_algorithm_or_short_room_fails },
    { "a digest packet makes Java's id", test_digest_packet_makes_javas_id },
    { "superDigest adds super, once", test_super_digest_adds_super_once },
    { "UTF-8 is repaired as Java does it",
      test_utf8_is_repaired_as_java_does },
    { "packets of unknown schemes fail",
      test_packet_of_unknown_scheme_fails },
    { "an ip packet changes nothing", test_packet_of_ip_changes_nothing },
    { "an x509 packet needs a certificate",
      test_packet_of_x509_needs_a_certificate },
    { "an ensemble packet compares names",
      test_packet_of_ensemble_compares_names },
    { "the number of ids is bounded", test_packet_count_of_ids_is_bounded },
    { "valid digest ids", test_valid_digest_ids },
    { "valid ip ids", test_valid_ip_ids },
    { "valid sasl ids", test_valid_sasl_ids },
    { "valid x509 ids", test_valid_x509_ids },
    { "world is checked by permission", test_check_world_by_permission },
    { "empty and null lists are open",
      test_check_empty_and_null_lists_are_open },
    { "skipACL and super open all", test_check_skip_acl_and_super_open_all },
    { "digest matches by equality", test_check_digest_matches_by_equality },
    { "ip compares leading bits", test_check_ip_compares_leading_bits },
    { "sasl and x509 match when they are on",
      test_check_sasl_and_x509_when_on },
    { "fix-up keeps what is valid", test_fixup_keeps_what_is_valid },
    { "fix-up refuses what is not", test_fixup_refuses_what_is_not },
    { "a null id is a marshalling error",
      test_fixup_null_id_is_a_marshalling_error },
    { "schemes follow the options", test_fixup_schemes_follow_the_options },
    { "duplicates go, order stays", test_fixup_drops_duplicates_keeps_order },
    { "many duplicates go as well", test_fixup_many_duplicates },
    { "auth becomes the requester's ids", test_fixup_auth_becomes_the_ids },
    { "super is no id of an ACL", test_fixup_super_is_no_id_of_an_acl },
    { "the growth of auth is bounded", test_fixup_growth_is_bounded },
};

ZK_TEST_MAIN("auth", tests)
