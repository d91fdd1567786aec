/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "test/unit/config_case.h"

#include "util/zk_buf.h"
#include "util/zk_log.h"

char *cfg_dir;
struct zk_errmsg cfg_em;

void
cfg_write(const char *name, const char *text)
{
    zk_test_put_file(cfg_dir, name, text, strlen(text));
}

/* 'text' with each "$D" replaced by the folder. */
static char *
with_dir(const char *text)
{
    struct zk_buf out = { 0 };
    char *result;

    for (; *text != '\0'; text++) {
        if (strncmp(text, "$D", 2) == 0) {
            zk_buf_append(&out, cfg_dir, strlen(cfg_dir));
            text++;
        } else {
            zk_buf_append(&out, text, 1);
        }
    }
    zk_buf_append(&out, "", 1);
    result = zk_xstrdup((const char *) out.data);
    zk_buf_fini(&out);
    return result;
}

int
cfg_read(const char *text, const char *const *options,
         struct server_config **out)
{
    struct system_properties *props = system_properties_create();
    char *cfg = with_dir(text);
    char *path = zk_xasprintf("%s/zoo.cfg", cfg_dir);
    int rv;

    cfg_write("zoo.cfg", cfg);
    for (; options != NULL && *options != NULL; options++) {
        CU_ASSERT(system_properties_take_option(props, *options));
    }
    memset(&cfg_em, 0, sizeof cfg_em);
    *out = NULL;
    rv = server_config_read(path, props, out, &cfg_em);
    free(path);
    free(cfg);
    return rv;
}

struct server_config *
cfg_takes_with(const char *text, const char *const *options)
{
    struct server_config *c;

    if (cfg_read(text, options, &c) != ZK_OK) {
        fprintf(stderr, "\n%s\n%s\n", text, cfg_em.text);
        CU_FAIL_FATAL("a configuration that must be read is refused");
    }
    return c;
}

struct server_config *
cfg_takes(const char *text)
{
    return cfg_takes_with(text, NULL);
}

void
cfg_refuses_with(const char *text, const char *const *options,
                 const char *message)
{
    struct server_config *c;
    char *want = with_dir(message);
    int rv = cfg_read(text, options, &c);

    CU_ASSERT_EQUAL(rv, ZK_ECONFIG);
    if (rv == ZK_OK) {
        server_config_destroy(c);
    } else if (strcmp(cfg_em.text, want) != 0) {
        fprintf(stderr, "\nwant: %s\n got: %s\n", want, cfg_em.text);
        CU_FAIL("another message");
    }
    free(want);
}

void
cfg_refuses(const char *text, const char *message)
{
    cfg_refuses_with(text, NULL, message);
}

static void
cfg_open_dir(void)
{
    cfg_dir = zk_test_mkdir();
}

static void
cfg_close_dir(void)
{
    zk_test_rmdir(cfg_dir);
    free(cfg_dir);
}

int
config_case_main(const char *suite_name, const struct zk_test *tests,
                 size_t n)
{
    zk_log_set_level(ZK_LOG_OFF);
    return zk_test_main_around(suite_name, tests, n, cfg_open_dir,
                               cfg_close_dir);
}
