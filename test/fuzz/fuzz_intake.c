/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * fuzz_intake: the whole request path of a server over a folder of its own,
 * with clients that are a buffer each.  The first byte chooses options; then
 * come the steps of intake_steps.h.
 *
 * Checked: replies come in the order of the requests and, as long as the
 * session lives, to all of them; every digest that prep foretold is the
 * tree's; the snapshot and the log that are left restore to the same tree.
 */
#include <config.h>

#include <sched.h>
#include <stdlib.h>

#include "jute/zookeeper_records.h"
#include "proto/op_code.h"
#include "server/zookeeper_server_internal.h"
#include "test/fuzz/fuzz.h"
#include "test/fuzz/intake_steps.h"
#include "util/zk_time.h"

#define CONNS 4
#define MAX_EXPECTED 4096
/* No session ends by itself. */
#define TIMEOUT_MS 86400000
/* The pipeline takes no longer for what one input holds. */
#define DRAIN_MS 60000

enum {
    OPT_QUOTA = 1, OPT_SNAPSHOTS = 2, OPT_SKIP_ACL = 4, OPT_ENFORCE = 8,
    OPT_NO_SESSION_TXN = 16, OPT_BATCH = 32,
};

struct fake_cnxn {
    struct client_sink sink;
    atomic_uint refs;
    bool open;                  /* Owned by the test's thread. */

    struct zk_mutex lock;
    struct zk_buf out;          /* What it would have sent. */
    bool ready;
    bool valid;
    bool ending;

    /* The xids whose replies are to come, in order; the test's thread. */
    struct fake_request {
        int32_t xid;            /* Of the reply. */
        int32_t op;
        bool answered;
    } expected[MAX_EXPECTED];
    size_t n_expected;
};

struct fake_server {
    struct server_config *config;
    struct zookeeper_server *zks;
    struct intake in;
    struct zk_buf scratch;
    struct fake_cnxn *conns[CONNS];     /* NULL: never connected. */
    int64_t last_session;
};

/* ---- the sink ----------------------------------------------------------- */

static struct fake_cnxn *
fi_of(struct client_sink *sink)
{
    return ZK_CONTAINER_OF(sink, struct fake_cnxn, sink);
}

ZK_NO_ANALYSIS static struct zk_buf *
fi_out_begin(struct client_sink *sink)
{
    struct fake_cnxn *c = fi_of(sink);

    zk_lock(&c->lock);
    if (c->ending) {
        zk_unlock(&c->lock);
        return NULL;
    }
    return &c->out;
}

ZK_NO_ANALYSIS static void
fi_out_end(struct client_sink *sink, const struct request_outcome *outcome)
{
    (void) outcome;
    zk_unlock(&fi_of(sink)->lock);
}

static void
fi_session_ready(struct client_sink *sink, bool valid)
{
    struct fake_cnxn *c = fi_of(sink);

    zk_lock(&c->lock);
    zk_assert(!c->ready);
    c->ready = true;
    c->valid = valid;
    c->ending = c->ending || !valid;
    zk_unlock(&c->lock);
}

static void
fi_close(struct client_sink *sink, enum disconnect_reason why)
{
    struct fake_cnxn *c = fi_of(sink);

    (void) why;
    zk_lock(&c->lock);
    c->ending = true;
    atomic_store(&sink->gone, true);
    zk_unlock(&c->lock);
}

static void
fi_ref(struct client_sink *sink)
{
    atomic_fetch_add(&fi_of(sink)->refs, 1);
}

static void
fi_unref(struct client_sink *sink)
{
    struct fake_cnxn *c = fi_of(sink);

    if (atomic_fetch_sub(&c->refs, 1) > 1) {
        return;
    }
    zk_assert(sink->watcher.rows == NULL);
    auth_info_unref(sink->auth);
    zk_mutex_fini(&c->lock);
    zk_buf_fini(&c->out);
    free(c);
}

static const struct client_sink_ops fi_ops = {
    .out_begin = fi_out_begin,
    .out_end = fi_out_end,
    .session_ready = fi_session_ready,
    .close = fi_close,
    .ref = fi_ref,
    .unref = fi_unref,
};

static void
fi_event(struct watcher *w, const struct watched_event *event)
{
    zk_assert(ZK_CONTAINER_OF(w, struct client_sink, watcher)->ops
              == &fi_ops);
    zk_assert(event->path.len > 0 && event->path.p[0] == '/');
}

static int64_t
fi_session(const struct watcher *w)
{
    return ZK_CONTAINER_OF_CONST(w, struct client_sink, watcher)->session_id;
}

/* ---- what the server wants of its connections --------------------------- */

static void
fi_wake(void *self)
{
    (void) self;
}

static void
fi_close_session(void *self, int64_t session_id, enum disconnect_reason why)
{
    struct fake_server *fs = self;

    for (size_t i = 0; i < CONNS; i++) {
        struct fake_cnxn *c = fs->conns[i];

        if (c != NULL && c->sink.session_id == session_id) {
            fi_close(&c->sink, why);
        }
    }
}

static size_t
fi_count(void *self)
{
    (void) self;
    return CONNS;
}

/* ---- connections -------------------------------------------------------- */

static struct fake_cnxn *
fi_cnxn_create(void)
{
    struct fake_cnxn *c = zk_xcalloc(1, sizeof *c);

    c->sink.ops = &fi_ops;
    c->sink.watcher.process = fi_event;
    c->sink.watcher.session_id = fi_session;
    c->sink.auth = auth_info_create("ip", "127.0.0.1");
    atomic_init(&c->refs, 1);
    zk_mutex_init(&c->lock, ZK_LOCK_server_cnxn);
    c->open = true;
    return c;
}

static bool
fi_is_ending(struct fake_cnxn *c)
{
    bool ending;

    zk_lock(&c->lock);
    ending = c->ending;
    zk_unlock(&c->lock);
    return ending;
}

/* Hands over what was read and waits for the answers. */
static void
fi_settle(struct fake_server *fs)
{
    int64_t deadline = zk_time_mono_ms() + DRAIN_MS;

    zookeeper_server_intake_end(&fs->in);
    while (zookeeper_server_in_process(fs->zks) > 0) {
        zk_assert(zk_time_mono_ms() < deadline);
        sched_yield();
    }
}

/* The reply at 'p' is to the first request whose xid it has; those before it
 * have none. */
static size_t
fi_match(struct fake_cnxn *c, size_t from, int32_t xid)
{
    while (from < c->n_expected && c->expected[from].xid != xid) {
        from++;
    }
    if (from == c->n_expected) {
        zk_panic("a reply of xid %d that nobody asked for", xid);
    }
    c->expected[from].answered = true;
    return from + 1;
}

static void
fi_check_all_answered(const struct fake_cnxn *c)
{
    for (size_t i = 0; i < c->n_expected; i++) {
        if (!c->expected[i].answered) {
            zk_panic("request %zu of %zu, xid %d, %s (%d), has no reply", i,
                     c->n_expected, c->expected[i].xid,
                     op_code_name(c->expected[i].op), c->expected[i].op);
        }
    }
}

/* All that came is whole frames, in order.  Nothing may be missing while the
 * connection and its session live. */
static void
fi_check_replies(struct fake_server *fs, struct fake_cnxn *c)
{
    size_t at = 0, next = 0;
    bool lives = session_tracker_is_tracked(
        zookeeper_server_sessions(fs->zks), c->sink.session_id);

    zk_lock(&c->lock);
    while (at < c->out.len) {
        uint32_t len;
        int32_t xid;

        zk_assert(c->out.len - at >= 4);
        len = zk_get_be32(c->out.data + at);
        zk_assert(len >= 16 && len <= c->out.len - at - 4);
        xid = (int32_t) zk_get_be32(c->out.data + at + 4);
        if (xid != XID_NOTIFICATION && xid != XID_AUTH) {
            next = fi_match(c, next, xid);
        }
        at += 4 + len;
    }
    if (lives && c->open && !c->ending) {
        fi_check_all_answered(c);
    }
    zk_buf_clear(&c->out);
    c->n_expected = 0;
    zk_unlock(&c->lock);
}

static void
fi_cnxn_close(struct fake_server *fs, unsigned i)
{
    struct fake_cnxn *c = fs->conns[i];

    if (c == NULL) {
        return;
    }
    fi_close(&c->sink, DISCONNECT_EOF);
    c->open = false;
    watch_manager_remove_watcher(zookeeper_server_database(fs->zks)->watches,
                                 &c->sink.watcher);
    fs->conns[i] = NULL;
    fi_unref(&c->sink);
}

/* After a settling: looks at all replies, closes what was to be closed. */
static void
fi_look(struct fake_server *fs)
{
    for (unsigned i = 0; i < CONNS; i++) {
        if (fs->conns[i] != NULL) {
            fi_check_replies(fs, fs->conns[i]);
            if (fi_is_ending(fs->conns[i])) {
                fi_cnxn_close(fs, i);
            }
        }
    }
}

/* ---- steps -------------------------------------------------------------- */

static void
fi_done(struct client_sink *sink, const struct request_outcome *o)
{
    zk_assert(sink->ops == &fi_ops && o->received_us > 0);
}

static void
fi_append(struct fake_server *fs, struct fake_cnxn *c)
{
    struct zk_buf *out = fi_out_begin(&c->sink);

    if (out != NULL) {
        zk_buf_append(out, fs->scratch.data, fs->scratch.len);
        fi_out_end(&c->sink, NULL);
    }
    zk_buf_clear(&fs->scratch);
}

static void
fi_verdict(struct fake_server *fs, unsigned i, enum intake_verdict verdict)
{
    if (verdict == INTAKE_CLOSE || verdict == INTAKE_CLOSE_NOW) {
        fi_settle(fs);
        fi_cnxn_close(fs, i);
        zookeeper_server_intake_begin(fs->zks, &fs->in);
    }
}

/* Notes what a frame is to be answered with.  Auth packets are answered at
 * once, out of the order, so they get the xid that clients give them, and
 * nothing else has it.  A reply of xid -1 would look like an event. */
static void
fi_expect(struct fake_cnxn *c, uint8_t *frame)
{
    int32_t xid = (int32_t) zk_get_be32(frame);
    int32_t op = (int32_t) zk_get_be32(frame + 4);

    if (op == OP_AUTH || xid == XID_AUTH) {
        xid = op == OP_AUTH ? XID_AUTH : 4;
        zk_put_be32(frame, (uint32_t) xid);
    }
    if (op == OP_PING) {
        xid = XID_PING;
    }
    if (xid != XID_NOTIFICATION && xid != XID_AUTH) {
        c->expected[c->n_expected++] = (struct fake_request) {
            .xid = xid, .op = op,
        };
    }
}

static void
fi_frame(struct fake_server *fs, unsigned i, struct zk_slice frame)
{
    struct fake_cnxn *c = fs->conns[i];
    enum intake_verdict verdict;
    uint8_t *copy;

    if (c == NULL || fi_is_ending(c)) {
        return;
    }
    if (!c->ready || c->n_expected == MAX_EXPECTED) {
        fi_settle(fs);
        fi_look(fs);
        zookeeper_server_intake_begin(fs->zks, &fs->in);
        c = fs->conns[i];
        if (c == NULL) {
            return;
        }
    }
    copy = fuzz_copy(frame);
    if (frame.len >= 8) {
        fi_expect(c, copy);
    }
    verdict = zookeeper_server_intake_frame(&fs->in, &c->sink, copy,
                                            (size_t) frame.len, &fs->scratch,
                                            fi_done);
    fi_append(fs, c);
    free(copy);
    fi_verdict(fs, i, verdict);
}

static void
fi_connect(struct fake_server *fs, unsigned i, struct fuzz_input *in)
{
    struct jute_connect_request req = { .time_out = 1000 };
    uint8_t kind = fuzz_u8(in) % 3;
    uint8_t passwd[16];
    struct fake_cnxn *c;

    if (kind == CONNECT_RENEW) {
        req.session_id = fs->last_session;
        session_password(req.session_id, passwd);
        req.passwd = zk_slice(passwd, sizeof passwd);
    } else if (kind == CONNECT_RAW) {
        struct zk_slice bytes = fuzz_piece(in);
        struct input_archive ia;

        input_archive_init(&ia, bytes.p, (size_t) bytes.len, FUZZ_MAX_LEN);
        if (jute_connect_request_decode(&ia, &req) != ZK_OK) {
            return;
        }
    }
    if (fs->conns[i] != NULL) {
        return;
    }
    c = fs->conns[i] = fi_cnxn_create();
    fi_verdict(fs, i, zookeeper_server_intake_connect(
                          &fs->in, &c->sink, req.last_zxid_seen,
                          req.time_out, req.session_id, req.passwd));
    if (fs->conns[i] == c && c->sink.session_id != 0) {
        fs->last_session = c->sink.session_id;
    }
}

/* As other threads of the server do it: without the database lock. */
static void
fi_submit(struct fake_server *fs, struct bq_list *requests)
{
    zookeeper_server_intake_end(&fs->in);
    if (requests->n > 0) {
        (void) zookeeper_server_submit(fs->zks, requests);
    }
    zookeeper_server_intake_begin(fs->zks, &fs->in);
}

/* What the session tracker does. */
static void
fi_expire(struct fake_server *fs, unsigned i)
{
    struct fake_cnxn *c = fs->conns[i];
    struct bq_list one = { 0 };
    struct request *r;

    if (c == NULL || c->sink.session_id == 0) {
        return;
    }
    session_tracker_set_closing(zookeeper_server_sessions(fs->zks),
                                c->sink.session_id);
    r = request_create(OP_CLOSE_SESSION, c->sink.session_id, 0,
                       ZK_SLICE_NULL, NULL, NULL);
    bq_list_append(&one, &r->link);
    fi_submit(fs, &one);
}

static void
fi_reap_one(void *arg, struct zk_slice path)
{
    struct bq_list *found = arg;
    struct zk_buf body = { 0 };
    struct request *r;

    output_archive_slice(&body, path);
    r = request_create(OP_DELETE_CONTAINER, 0, 0,
                       zk_slice(body.data, (int32_t) body.len), NULL, NULL);
    bq_list_append(found, &r->link);
    zk_buf_fini(&body);
}

/* What the container manager does; the database lock is held, shared. */
static void
fi_reap(struct fake_server *fs)
{
    struct bq_list found = { 0 };

    data_tree_expired_each(zookeeper_server_database(fs->zks)->tree,
                           INT64_MAX, 1, fi_reap_one, &found);
    fi_submit(fs, &found);
}

static void
fi_step(struct fake_server *fs, struct fuzz_input *in)
{
    uint8_t step = fuzz_u8(in);
    unsigned i = step & STEP_CONN;

    switch (step & STEP_KIND) {
    case STEP_CONNECT:
        fi_connect(fs, i, in);
        break;
    case STEP_BATCH:
        zookeeper_server_intake_end(&fs->in);
        zookeeper_server_intake_begin(fs->zks, &fs->in);
        break;
    case STEP_DRAIN:
        fi_settle(fs);
        fi_look(fs);
        zookeeper_server_intake_begin(fs->zks, &fs->in);
        break;
    case STEP_DROP:
        zookeeper_server_intake_end(&fs->in);
        fi_cnxn_close(fs, i);
        zookeeper_server_intake_begin(fs->zks, &fs->in);
        break;
    case STEP_EXPIRE:
        fi_expire(fs, i);
        break;
    case STEP_REAP:
        fi_reap(fs);
        break;
    default:
        fi_frame(fs, i, fuzz_piece(in));
        break;
    }
}

/* ---- the server --------------------------------------------------------- */

static struct server_config *
fi_config_read(void)
{
    static const char *const props[][2] = {
        { "zookeeper.preAllocSize", "0" },
        { "zookeeper.forceSync", "no" },
        { "zookeeper.extendedTypesEnabled", "true" },
        { "zookeeper.admin.enableServer", "false" },
        { "zookeeper.DigestAuthenticationProvider.superDigest",
          "super:D/InIHSb7yEEbrWz8b9l71RjZJU=" },
    };
    struct system_properties *sp = system_properties_create();
    struct server_config *config;
    struct zk_errmsg em;
    char port[] = "0";
    char *dir = zk_xstrdup(fuzz_folder());
    char *args[] = { port, dir };

    for (size_t i = 0; i < sizeof props / sizeof props[0]; i++) {
        system_properties_set(sp, props[i][0], props[i][1]);
    }
    if (server_config_from_args(2, args, sp, &config, &em) != ZK_OK) {
        zk_panic("the configuration: %s", em.text);
    }
    config->min_session_timeout_ms = TIMEOUT_MS;
    config->max_session_timeout_ms = TIMEOUT_MS;
    config->storage.max_record = FUZZ_MAX_LEN;
    free(dir);
    return config;
}

static void
fi_server_start(struct fake_server *fs, uint8_t options)
{
    static struct server_config *config;
    const struct cnxn_env env = {
        .self = fs, .wake = fi_wake, .close_session = fi_close_session,
        .connection_count = fi_count,
    };
    struct zk_errmsg em;

    if (config == NULL) {
        config = fi_config_read();
    }
    memset(fs, 0, sizeof *fs);
    fuzz_clear_folder();
    config->request.enforce_quota = options & OPT_QUOTA;
    config->storage.snap_count = options & OPT_SNAPSHOTS ? 8 : 100000;
    config->auth.skip_acl = options & OPT_SKIP_ACL;
    config->request.enforce_auth = options & OPT_ENFORCE;
    free(config->request.enforce_auth_schemes);
    config->request.enforce_auth_schemes =
        options & OPT_ENFORCE ? zk_xstrdup("digest") : NULL;
    config->request.close_session_txn = !(options & OPT_NO_SESSION_TXN);
    config->storage.max_batch_size = options & OPT_BATCH ? 2 : 1000;
    fs->config = config;
    fs->zks = zookeeper_server_create(config);
    zookeeper_server_attach(fs->zks, &env);
    if (zookeeper_server_load(fs->zks, &em) != ZK_OK) {
        zk_panic("an empty folder: %s", em.text);
    }
    zookeeper_server_start(fs->zks);
}

/* The database goes, its tree stays. */
static struct data_tree *
fi_take_tree(struct zk_database *db)
{
    struct data_tree *tree = db->tree;

    data_tree_set_watch_manager(tree, NULL);
    db->tree = fuzz_tree_create();
    return tree;
}

/* What is on disk now, as another server would find it. */
static struct data_tree *
fi_restore(const struct server_config *config)
{
    struct zk_database *db = zk_database_create(&config->storage);
    struct restore_result res;
    struct data_tree *tree;
    struct zk_errmsg em;

    if (zk_database_load(db, &res, &em) != ZK_OK) {
        zk_panic("what the server left: %s", em.text);
    }
    zk_assert(res.note[0] == '\0');
    zk_assert(res.digest_mismatches == 0);
    tree = fi_take_tree(db);
    zk_database_destroy(db);
    return tree;
}

static void
fi_server_stop(struct fake_server *fs, uint8_t options)
{
    struct zk_database *db = zookeeper_server_database(fs->zks);
    struct data_tree *live;
    struct data_tree *restored;

    for (unsigned i = 0; i < CONNS; i++) {
        fi_cnxn_close(fs, i);
    }
    zookeeper_server_stop(fs->zks);
    zk_assert(db->digest_mismatches == 0);
    live = fi_take_tree(db);
    zookeeper_server_destroy(fs->zks);
    zk_buf_fini(&fs->scratch);
    restored = fi_restore(fs->config);
    if (!(options & OPT_SNAPSHOTS)) {
        fuzz_trees_equal(live, restored);
    }
    zk_assert(data_tree_last_zxid(live) == data_tree_last_zxid(restored));
    zk_assert(data_tree_digest(live) == data_tree_digest(restored));
    zk_assert(data_tree_node_count(live) == data_tree_node_count(restored));
    zk_assert(data_tree_session_count(live)
              == data_tree_session_count(restored));
    fuzz_tree_check(live);
    data_tree_destroy(live);
    data_tree_destroy(restored);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = fuzz_input(data, size);
    uint8_t options = fuzz_u8(&in);
    static struct fake_server fs;

    fuzz_quiet();
    fi_server_start(&fs, options);
    zookeeper_server_intake_begin(fs.zks, &fs.in);
    while (in.left > 0) {
        fi_step(&fs, &in);
    }
    fi_settle(&fs);
    fi_look(&fs);
    fi_server_stop(&fs, options);
    return 0;
}
