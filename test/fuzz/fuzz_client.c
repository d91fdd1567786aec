/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_client: what a server sends, as a client takes it; see client_steps.h.
 *
 * Whatever comes, each request is answered once, and what the program is told
 * lies in the memory that it is given.
 */
#include <config.h>

#include <stdlib.h>

#include "client/client_core.h"
#include "test/fuzz/client_steps.h"
#include "test/fuzz/fuzz.h"

static unsigned asked, answered;

static void
fc_answered(void *arg, const struct zk_result *r)
{
    (void) arg;
    (void) r;
}

/* Null, empty, in the result's memory, or the "/" that stands for a chroot. */
static void
fc_slice(const struct zk_result *r, struct zk_slice s)
{
    const char *begin = (const char *) r->mem.data;

    zk_assert(s.len >= -1);
    if (s.len > 0 && !zk_slice_eq_str(s, "/")) {
        zk_assert(s.p >= begin && s.p + s.len <= begin + r->mem.len);
    }
}

static void
fc_names(const struct zk_result *r, const struct jute_vec_slice *names)
{
    for (int32_t i = 0; i < names->n; i++) {
        fc_slice(r, names->v[i]);
    }
}

static void
fc_result(const struct zk_result *r)
{
    struct acl_iter it;
    struct acl_entry e;

    answered++;
    fc_slice(r, r->path);
    fc_slice(r, r->data);
    fc_names(r, &r->names);
    acl_iter_init(&it, r->acl);
    while (acl_iter_next(&it, &e)) {
        fc_slice(r, e.id);
    }
    for (int32_t i = 0; i < r->who.n; i++) {
        fc_slice(r, r->who.v[i].auth_scheme);
        fc_slice(r, r->who.v[i].user);
    }
    for (int32_t i = 0; i < r->n_results; i++) {
        fc_slice(r, r->results[i].path);
        fc_slice(r, r->results[i].data);
        fc_names(r, &r->results[i].children);
    }
    (void) zk_result_multi_err(r, NULL);
}

static void
fc_hear(struct client_core *core)
{
    struct bq_node *node;

    while ((node = bq_list_pop(&core->deliveries)) != NULL) {
        struct client_delivery *d
            = ZK_CONTAINER_OF(node, struct client_delivery, node);

        if (d->asker.done != NULL) {
            fc_result(&d->result);
        } else if (d->event.type == ZK_EVENT_NONE) {
            zk_assert(zk_slice_is_null(d->event.path));
        } else {
            zk_assert(d->event.path.len > 0);
        }
        client_delivery_free(d);
    }
}

static const struct client_asker asker = { .done = fc_answered };

static void
fc_ask(struct client_core *core, uint8_t which)
{
    const struct zk_op sub[] = { zk_op_get_data("/a", false),
                                 zk_op_get_children("/", false) };
    const struct zk_op all[] = {
        zk_op_create("/a", ZK_SLICE_LIT("x"), ZK_SLICE_NULL, 0, 0),
        zk_op_create2("/a", ZK_SLICE_NULL, ZK_SLICE_NULL, 3, 0),
        zk_op_create("/a", ZK_SLICE_NULL, ZK_SLICE_NULL, 5, 9),
        zk_op_delete("/a", 1),
        zk_op_exists("/a", true),
        zk_op_get_data("/a/b", true),
        zk_op_set_data("/a", ZK_SLICE_LIT("y"), 1),
        zk_op_get_children("/", true),
        zk_op_get_acl("/a"),
        zk_op_set_acl("/a", acl_raw_open, 1),
        zk_op_sync("/a"),
        zk_op_multi(NULL, 0),
        zk_op_multi_read(sub, 2),
        zk_op_auth("digest", ZK_SLICE_LIT("u:p")),
        zk_op_add_watch("/a", ZK_WATCH_PERSISTENT),
        zk_op_add_watch("/", ZK_WATCH_PERSISTENT_RECURSIVE),
        zk_op_check_watches("/a", ZK_WATCHER_ANY),
        zk_op_remove_watches("/a", ZK_WATCHER_ANY, false),
        zk_op_remove_watches("/a", ZK_WATCHER_DATA, true),
        zk_op_get_ephemerals("/"),
        zk_op_get_all_children_number("/"),
        zk_op_who_am_i(),
        zk_op_reconfig(NULL, NULL, "server.1=x", -1),
        zk_op_get_config(true),
        zk_op_exists("not a path", true),
    };

    asked++;
    (void) client_core_submit(core, &all[which % ZK_ARRAY_SIZE(all)],
                              &asker);
}

/* What the threads would do; 'luck' is whether it works. */
static void
fc_do(struct client_core *core, int64_t now_ms, bool luck)
{
    struct zk_buf out = { 0 };
    struct client_step step;

    client_core_next(core, now_ms, &step);
    switch (step.todo) {
    case CLIENT_CONNECT:
        if (luck) {
            client_core_connected(core, now_ms);
        } else {
            client_core_dropped(core, now_ms);
        }
        break;
    case CLIENT_DROP:
        client_core_dropped(core, now_ms);
        break;
    case CLIENT_PROBE:
        client_core_probed(core, now_ms, luck);
        break;
    case CLIENT_WAIT:
        zk_assert(step.until_ms > now_ms);
        (void) client_core_output(core, now_ms, &out);
        break;
    case CLIENT_END:
        zk_assert(client_state_is_final(core->state));
        break;
    }
    zk_buf_fini(&out);
}

static void
fc_bytes(struct client_core *core, int64_t now_ms, struct zk_slice s)
{
    uint8_t *copy = fuzz_copy(s);
    struct zk_errmsg em;
    int rv = client_core_input(core, now_ms, copy, (size_t) s.len, &em);

    zk_assert(rv == ZK_OK || core->link == CLIENT_LINK_BROKEN);
    zk_assert(core->in.len <= 4 + FUZZ_MAX_LEN + (size_t) s.len);
    free(copy);
}

static void
fc_servers(struct client_core *core, struct zk_slice s)
{
    char *text = zk_xstrndup(s.p, (size_t) s.len);
    struct zk_errmsg em;

    (void) !client_core_update_servers(core, text, &em);
    free(text);
}

static void
fc_step(struct client_core *core, int64_t *now_ms, struct fuzz_input *in)
{
    uint8_t byte = fuzz_u8(in);
    uint8_t arg = byte >> 4;

    switch ((byte & 15) % CLIENT_STEPS) {
    case CLIENT_STEP_ASK:
        fc_ask(core, fuzz_u8(in));
        break;
    case CLIENT_STEP_BYTES:
        fc_bytes(core, *now_ms, fuzz_piece(in));
        break;
    case CLIENT_STEP_DO:
        fc_do(core, *now_ms, arg == 0);
        break;
    case CLIENT_STEP_LOSE:
        client_core_broken(core, "lost");
        break;
    case CLIENT_STEP_LATER:
        *now_ms += arg * 1000;
        break;
    case CLIENT_STEP_CLOSE:
        asked++;
        client_core_close(core, &asker);
        break;
    case CLIENT_STEP_SERVERS:
        fc_servers(core, fuzz_piece(in));
        break;
    }
    fc_hear(core);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = fuzz_input(data, size);
    uint8_t opts = fuzz_u8(&in);
    const struct zk_client_config cfg = {
        .connect_string = opts & CLIENT_OPT_CHROOT ? "a:1,b:2/a" : "a:1",
        .session_timeout_ms = 6000,
        .read_only = opts & CLIENT_OPT_READ_ONLY,
        .session_id = opts & CLIENT_OPT_RESUME,
        .max_buffer = FUZZ_MAX_LEN,
    };
    struct client_core *core;
    int64_t now_ms = 1;

    fuzz_quiet();
    asked = answered = 0;
    zk_assert(client_core_create(&cfg, 1, now_ms, &core, NULL) == ZK_OK);
    while (in.left > 0) {
        fc_step(core, &now_ms, &in);
    }
    client_core_abandon(core);
    fc_do(core, now_ms, true);
    fc_hear(core);
    zk_assert(client_state_is_final(core->state));
    zk_assert(answered == asked);
    client_core_destroy(core);
    return 0;
}
