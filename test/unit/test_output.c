/* SPDX-License-Identifier: Apache-2.0 */
/* What the shell says, to terminals, pipes and readers of JSON. */
#include <config.h>

#include "shell/output.h"
#include "test/lib/zk_test.h"

#define FOREIGN "\033[2J\177\xc2\x9b!"
#define SAFE "\\x1b[2J\\x7f\\xc2\\x9b!"
#define IN_JSON "\\u001B[2J\\u007F\\u009B!"

static struct output o;
static char *out, *err;
static size_t out_len, err_len;

static void
begin(bool json, bool escape_out, bool escape_err)
{
    o = (struct output) {
        .out = open_memstream(&out, &out_len),
        .err = open_memstream(&err, &err_len),
        .json = json, .escape_out = escape_out, .escape_err = escape_err,
    };
    output_begin(&o, "test");
}

static void
end(const char *want_out, const char *want_err)
{
    output_end(&o, true);
    fclose(o.out);
    fclose(o.err);
    CU_ASSERT_STRING_EQUAL(out, want_out);
    CU_ASSERT_STRING_EQUAL(err, want_err);
    if (strcmp(out, want_out) != 0 || strcmp(err, want_err) != 0) {
        fprintf(stderr, "out: %s\nerr: %s\n", out, err);
    }
    free(out);
    free(err);
}

static void
say_all(void)
{
    output_printf(&o, "%s\n", FOREIGN);
    output_failed(&o, "/n", "NOAUTH", FOREIGN);
    output_warn(&o, "%s", FOREIGN);
    output_say(&o, "%s", FOREIGN);
    output_error(&o, NULL, FOREIGN);
}

static void
test_each_stream_has_its_rule(void)
{
    begin(false, true, false);
    say_all();
    end(SAFE "\n" SAFE "\n" SAFE "\n", FOREIGN "\n" FOREIGN "\n");
    begin(false, false, true);
    say_all();
    end(FOREIGN "\n" FOREIGN "\n" FOREIGN "\n", SAFE "\n" SAFE "\n");
}

static void
test_json_has_no_control_characters(void)
{
    begin(true, false, true);
    say_all();
    end("{\"command\":\"test\",\"failed\":[{\"path\":\"/n\",\"code\":"
        "\"NOAUTH\",\"error\":\"" IN_JSON "\"}],\"warnings\":[\"" IN_JSON
        "\"],\"error\":\"" IN_JSON "\",\"ok\":true}\n",
        SAFE "\n" SAFE "\n");
    begin(true, false, false);
    output_text(&o, "text", "\xc2\xa0\xc3\x9b");    /* Letters stay. */
    end("{\"command\":\"test\",\"text\":\"\xc2\xa0\xc3\x9b\",\"ok\":true}\n",
        "");
}

static void
test_data_is_as_it_is(void)
{
    static const char data[] = "a\0\xff\xe2\x82\033b";

    begin(false, false, true);
    output_data(&o, zk_slice(data, sizeof data - 1), OUTPUT_PLAIN);
    fflush(o.out);
    CU_ASSERT_EQUAL(out_len, sizeof data);
    CU_ASSERT_EQUAL(memcmp(out, data, sizeof data - 1), 0);
    end("a", "");
    begin(false, true, false);
    output_data(&o, zk_slice(data, sizeof data - 1), OUTPUT_PLAIN);
    end("a\\x00\\xff\\xe2\\x82\\x1bb\n", "");
    begin(false, false, false);
    output_data(&o, zk_slice("", 0), OUTPUT_PLAIN);
    output_data(&o, ZK_SLICE_NULL, OUTPUT_PLAIN);
    end("\nnull\n", "");
}

static const struct zk_test tests[] = {
    { "each stream has its rule", test_each_stream_has_its_rule },
    { "JSON has no control characters",
      test_json_has_no_control_characters },
    { "data is as it is, but in a terminal", test_data_is_as_it_is },
};

ZK_TEST_MAIN("output", tests)
