/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * fuzz_zoo_cfg: configurations.  The input is a zoo.cfg; what stands behind a
 * line "%%dynamic" is the file "dynamic" beside it, behind "%%myid" the file
 * "myid".  The words @DIR@ become the folder that they are in.  What is read
 * keeps to the ranges that the rest of the server counts on.
 */
#include <config.h>

#include <stdlib.h>

#include "config/server_config.h"
#include "test/fuzz/fuzz.h"

#define DYNAMIC_MARK "%%dynamic\n"
#define MYID_MARK "%%myid\n"
#define DIR_MARK "@DIR@"

/* Where 'mark' begins in the input, or its end. */
static const uint8_t *
fz_find(const uint8_t *p, const uint8_t *end, const char *mark)
{
    size_t len = strlen(mark);

    for (; (size_t) (end - p) >= len; p++) {
        if (memcmp(p, mark, len) == 0) {
            return p;
        }
    }
    return end;
}

/* The bytes with each DIR_MARK replaced, into a file. */
static void
fz_write(const char *name, const uint8_t *p, const uint8_t *end)
{
    struct zk_buf b = { 0 };
    char *path = fuzz_path(name);

    while (p < end) {
        const uint8_t *mark = fz_find(p, end, DIR_MARK);

        zk_buf_append(&b, p, (size_t) (mark - p));
        p = mark;
        if (mark < end) {
            zk_buf_printf(&b, "%s", fuzz_folder());
            p += strlen(DIR_MARK);
        }
    }
    fuzz_write_file(path, b.data, b.len);
    zk_buf_fini(&b);
    free(path);
}

static const uint8_t *
fz_behind(const uint8_t *mark, const uint8_t *end, const char *text)
{
    return mark < end ? mark + strlen(text) : end;
}

static void
fz_write_all(const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size;
    const uint8_t *myid = fz_find(data, end, MYID_MARK);
    const uint8_t *dynamic = fz_find(data, myid, DYNAMIC_MARK);

    fuzz_clear_folder();
    fz_write("zoo.cfg", data, dynamic);
    if (dynamic < myid) {
        fz_write("dynamic", fz_behind(dynamic, myid, DYNAMIC_MARK), myid);
    }
    if (myid < end) {
        fz_write("myid", fz_behind(myid, end, MYID_MARK), end);
    }
}

static void
fz_check_server(const struct server_address *a)
{
    zk_assert(a->n > 0 && a->text != NULL);
    for (size_t i = 0; i < a->n; i++) {
        zk_assert(a->quorum[i].host != NULL);
        zk_assert(a->quorum[i].port >= 0 && a->quorum[i].port <= 65535);
        zk_assert(a->election[i].port >= 0 && a->election[i].port <= 65535);
    }
}

static void
fz_check(const struct server_config *c)
{
    char *text = server_config_membership(c);

    zk_assert(text != NULL);
    zk_assert(c->storage.data_dir != NULL && c->storage.data_log_dir != NULL);
    zk_assert(c->tick_time_ms > 0);
    zk_assert(c->min_session_timeout_ms <= c->max_session_timeout_ms);
    zk_assert(c->storage.snap_count >= 2);
    zk_assert(c->storage.max_record > 0);
    zk_assert(c->storage.pre_alloc_kb >= 0);
    zk_assert(c->storage.snap_retain_count >= 3);
    zk_assert(c->cnxn.client.port <= 65535);
    zk_assert(c->cnxn.secure_client.port <= 65535);
    zk_assert(c->cnxn.jute_max_buffer >= 0);
    zk_assert(c->cnxn.global_outstanding_limit > 0);
    zk_assert(c->storage.max_batch_size > 0);
    for (size_t i = 0; i < c->quorum.n_servers; i++) {
        fz_check_server(&c->quorum.servers[i]);
        zk_assert(i == 0 || c->quorum.servers[i - 1].sid
                                < c->quorum.servers[i].sid);
    }
    zk_assert(!server_config_is_distributed(c) || c->quorum.n_servers > 0);
    free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *path = fuzz_path("zoo.cfg");
    struct server_config *config = NULL;
    struct zk_errmsg em = { "" };

    fuzz_quiet();
    fz_write_all(data, size);
    if (server_config_read(path, system_properties_create(), &config, &em)
        == ZK_OK) {
        fz_check(config);
        server_config_destroy(config);
    } else {
        zk_assert(em.text[0] != '\0');
    }
    free(path);
    return 0;
}
