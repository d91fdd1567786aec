/* SPDX-License-Identifier: Apache-2.0 */
/* A client's decisions, without threads, clock or network: sessions, links,
 * servers.  test_client_requests.c has what is asked. */
#include <config.h>

#include "test/unit/client_rig.h"

/* ---- sessions ----------------------------------------------------------- */

static void
test_new_session(void)
{
    struct jute_connect_request cr;
    struct client_step step;
    bool read_only;

    begin_with((struct zk_client_config) { .read_only = true });
    client_core_next(core, now, &step);
    CU_ASSERT_EQUAL(step.todo, CLIENT_CONNECT);
    CU_ASSERT_STRING_EQUAL(step.to->host, "one");
    CU_ASSERT_EQUAL(step.to->port, 1);
    CU_ASSERT_EQUAL(step.until_ms, now + TIMEOUT);
    client_core_connected(core, now);
    cr = hello(&read_only);
    CU_ASSERT_TRUE(read_only);
    CU_ASSERT_EQUAL(cr.time_out, TIMEOUT);
    CU_ASSERT_EQUAL(cr.session_id, 0);
    CU_ASSERT_EQUAL(cr.passwd.len, 16);
    CU_ASSERT_EQUAL(core->state, ZK_CLIENT_CONNECTING);
    welcome(4000, 0x22, false);
    CU_ASSERT_EQUAL(core->state, ZK_CLIENT_CONNECTED);
    CU_ASSERT_EQUAL(core->session_id, 0x22);
    CU_ASSERT_EQUAL(core->timeout_ms, 4000);
    TOLD("[SyncConnected] ");
    end();
}

static void
test_resumes_a_session(void)
{
    struct zk_client_config cfg = { .session_id = 0x77 };
    struct jute_connect_request cr;

    memcpy(cfg.password, "fedcba9876543210", 16);
    begin_with(cfg);
    cr = connected();
    CU_ASSERT_EQUAL(cr.session_id, 0x77);
    CU_ASSERT_TRUE(zk_slice_eq_str(cr.passwd, "fedcba9876543210"));
    end();
}

static void
test_expires(void)
{
    begin(NULL);
    (void) ask("a", zk_op_exists("/a", false));
    lose();
    TOLD("a=ConnectionLoss [Disconnected] ");
    (void) ask("b", zk_op_exists("/b", false));
    CU_ASSERT_EQUAL(connected().session_id, 0x10);
    welcome(0, 0, false);
    CU_ASSERT_EQUAL(core->state, ZK_CLIENT_EXPIRED);
    drop();
    TOLD("[Expired] b=Session expired ");
    CU_ASSERT_EQUAL(todo(), CLIENT_END);
    CU_ASSERT_PTR_NULL(ask("c", zk_op_exists("/c", false)));
    TOLD("c=Session expired ");
    end();
}

static void
test_comes_back_by_itself(void)
{
    struct jute_connect_request cr;

    begin(NULL);
    (void) ask("a", zk_op_exists("/a", false));
    SENT(1, OP_EXISTS);
    reply_stat(1, 0x500);
    TOLD("a=ok ");
    lose();
    TOLD("[Disconnected] ");
    CU_ASSERT_EQUAL(core->state, ZK_CLIENT_CONNECTING);
    /* All servers (one) were tried: a second, and up to one more. */
    CU_ASSERT(core->retry_ms >= now + 1000 && core->retry_ms < now + 2000);
    CU_ASSERT_EQUAL(todo(), CLIENT_WAIT);
    cr = connected();
    CU_ASSERT_EQUAL(cr.session_id, 0x10);
    CU_ASSERT_EQUAL(cr.last_zxid_seen, 0x500);
    CU_ASSERT_TRUE(zk_slice_eq_str(cr.passwd, "0123456789abcdef"));
    welcome(TIMEOUT, 0x10, false);
    TOLD("[SyncConnected] ");
    end();
}

static void
test_failed_connects(void)
{
    begin_with((struct zk_client_config) { .connect_string
                                           = "one:1,two:2,three:3" });
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(core->retry_ms, now);   /* No wait in between. */
        (void) ask("a", zk_op_exists("/a", false));
        CU_ASSERT_EQUAL(todo(), CLIENT_CONNECT);
        TOLD("");                       /* It goes on to wait. */
        now += 10;
        client_core_dropped(core, now);
    }
    TOLD("a=ConnectionLoss a=ConnectionLoss a=ConnectionLoss ");
    CU_ASSERT_EQUAL(core->retry_ms, now + 1000);
    end();
}

/* What waits is sent once, to the server that takes us. */
static void
test_first_servers_are_down(void)
{
    begin_with((struct zk_client_config) { .connect_string
                                           = "one:1,two:2,three:3" });
    (void) ask("a", zk_op_exists("/a", false));
    CU_ASSERT_EQUAL(todo(), CLIENT_CONNECT);
    client_core_dropped(core, now);
    (void) connected();
    client_core_broken(core, "closed without a word");
    drop();
    TOLD("");
    (void) connected();
    welcome(TIMEOUT, 0x10, false);
    SENT(1, OP_EXISTS);
    no_more_sent();
    reply_stat(1, 0x500);
    TOLD("[SyncConnected] a=ok ");
    end();
}

/* The server that was lost is one of those that are tried: it may be back. */
static void
test_lost_server_is_back(void)
{
    begin("one:1,two:2");
    lose();
    (void) ask("a", zk_op_exists("/a", false));
    now += 2000;
    CU_ASSERT_EQUAL(todo(), CLIENT_CONNECT);
    client_core_dropped(core, now);
    TOLD("[Disconnected] ");
    CU_ASSERT(core->retry_ms >= now + 1000);
    (void) connected();
    welcome(TIMEOUT, 0x10, false);
    SENT(1, OP_EXISTS);
    reply_stat(1, 0x500);
    TOLD("[SyncConnected] a=ok ");
    /* When neither is there: */
    lose();
    (void) ask("b", zk_op_exists("/b", false));
    for (int i = 0; i < 2; i++) {
        TOLD(i == 0 ? "[Disconnected] " : "");
        now += 2000;
        CU_ASSERT_EQUAL(todo(), CLIENT_CONNECT);
        client_core_dropped(core, now);
    }
    TOLD("b=ConnectionLoss ");
    end();
}

static void
test_handshake_has_a_limit(void)
{
    begin_with((struct zk_client_config) { .connect_string
                                           = "one:1,two:2,three:3" });
    (void) connected();
    CU_ASSERT_EQUAL(until(), now + TIMEOUT / 3);
    now += TIMEOUT / 3 - 1;
    CU_ASSERT_EQUAL(todo(), CLIENT_WAIT);
    now += 1;
    drop();
    end();
}

static void
test_closes(void)
{
    const struct client_asker asker = asker_named("close");

    begin(NULL);
    (void) ask("a", zk_op_exists("/a", false));
    client_core_close(core, &asker);
    CU_ASSERT_PTR_NULL(ask("late", zk_op_exists("/b", false)));
    TOLD("late=ConnectionLoss ");
    SENT(1, OP_EXISTS);
    SENT(2, OP_CLOSE_SESSION);
    no_more_sent();
    CU_ASSERT_EQUAL(reply(1, 5, KE_NO_NODE), ZK_OK);
    CU_ASSERT_EQUAL(reply(2, 6, KE_OK), ZK_OK);
    TOLD("a=NoNode [Closed] close=ok ");
    drop();
    CU_ASSERT_EQUAL(todo(), CLIENT_END);
    TOLD("");
    end();
}

static void
test_closes_without_a_server(void)
{
    const struct client_asker asker = asker_named("close");

    begin(NULL);
    lose();
    TOLD("[Disconnected] ");
    (void) ask("a", zk_op_exists("/a", false));
    client_core_close(core, &asker);
    TOLD("a=ConnectionLoss close=ConnectionLoss [Closed] ");
    CU_ASSERT_EQUAL(todo(), CLIENT_END);
    client_core_close(core, &asker);
    TOLD("close=Session expired ");
    end();
}

static void
test_link_lost_while_closing(void)
{
    const struct client_asker asker = asker_named("close");

    begin(NULL);
    client_core_close(core, &asker);
    lose();
    TOLD("close=ConnectionLoss [Closed] ");
    CU_ASSERT_EQUAL(todo(), CLIENT_END);
    end();
}

static void
test_abandons(void)
{
    begin(NULL);
    (void) ask("a", zk_op_exists("/a", false));
    client_core_abandon(core);
    TOLD("a=ConnectionLoss [Closed] ");
    drop();
    CU_ASSERT_EQUAL(todo(), CLIENT_END);
    TOLD("");
    end();
}

static void
test_abandons_when_refused(void)
{
    const struct client_asker asker = asker_named("close");

    begin(NULL);
    (void) ask("a", zk_op_exists("/a", false));
    (void) ask("auth", zk_op_auth("none", ZK_SLICE_NULL));
    client_core_close(core, &asker);
    CU_ASSERT_EQUAL(reply(XID_AUTH, 0, KE_AUTH_FAILED), ZK_OK);
    TOLD("[AuthFailed] auth=AuthFailed ");
    /* The link is broken, and nobody has dropped it yet. */
    client_core_abandon(core);
    TOLD("a=AuthFailed close=AuthFailed ");
    CU_ASSERT_EQUAL(core->state, ZK_CLIENT_AUTH_FAILED);
    drop();
    CU_ASSERT_EQUAL(todo(), CLIENT_END);
    TOLD("");
    end();
}

/* ---- time --------------------------------------------------------------- */

static void
test_pings_and_silence(void)
{
    int64_t heard;

    begin(NULL);
    heard = now;
    CU_ASSERT_EQUAL(until(), heard + PING_AFTER);
    no_more_sent();
    now += PING_AFTER;
    CU_ASSERT_EQUAL(until(), now + PING_AFTER);
    SENT(XID_PING, OP_PING);
    CU_ASSERT_EQUAL(reply(XID_PING, 1, KE_OK), ZK_OK);
    now += 500;                 /* A request is as good as a ping. */
    (void) ask("a", zk_op_exists("/a", false));
    SENT(1, OP_EXISTS);
    CU_ASSERT_EQUAL(until(), now + PING_AFTER);
    heard = now - 500;
    now = heard + READ_TIMEOUT - 1;
    CU_ASSERT_EQUAL(todo(), CLIENT_WAIT);
    now += 1;
    TOLD("");
    drop();
    TOLD("a=ConnectionLoss [Disconnected] ");
    end();
}

/* Long sessions are pinged every ten seconds, short ones in time. */
static void
test_ping_gaps(void)
{
    static const struct {
        int32_t session, gap;
    } cases[] = {
        { 300000, 10000 }, { 30000, 9000 }, { 4000, 1001 }, { 3000, 1000 },
        { 300, 100 }, { 1, 1 },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(cases); i++) {
        begin_with((struct zk_client_config) {
            .session_timeout_ms = cases[i].session });
        (void) connected();
        welcome(cases[i].session, 1, false);
        if (cases[i].session > 1) {
            CU_ASSERT_EQUAL(until(), now + cases[i].gap);
        }
        end();
    }
}

/* ---- who we are --------------------------------------------------------- */

static void
test_auth(void)
{
    begin(NULL);
    (void) ask("a", zk_op_exists("/a", false));
    (void) ask("auth", zk_op_auth("digest", ZK_SLICE_LIT("u:p")));
    SENT(1, OP_EXISTS);
    SENT(XID_AUTH, OP_AUTH);
    /* It is answered before what was asked before it. */
    CU_ASSERT_EQUAL(reply(XID_AUTH, 0, KE_OK), ZK_OK);
    TOLD("auth=ok ");
    lose();
    TOLD("a=ConnectionLoss [Disconnected] ");
    (void) ask("auth2", zk_op_auth("digest", ZK_SLICE_LIT("v:p")));
    (void) connected();
    welcome(TIMEOUT, 0x10, false);
    SENT(XID_AUTH, OP_AUTH);
    SENT(XID_AUTH, OP_AUTH);
    no_more_sent();
    CU_ASSERT_EQUAL(reply(XID_AUTH, 0, KE_OK), ZK_OK);
    TOLD("[SyncConnected] ");
    CU_ASSERT_EQUAL(reply(XID_AUTH, 0, KE_OK), ZK_OK);
    TOLD("auth2=ok ");
    end();
}

static void
test_auth_fails(void)
{
    begin(NULL);
    (void) ask("a", zk_op_exists("/a", false));
    (void) ask("auth", zk_op_auth("none", ZK_SLICE_NULL));
    CU_ASSERT_EQUAL(reply(XID_AUTH, 0, KE_AUTH_FAILED), ZK_OK);
    CU_ASSERT_EQUAL(core->state, ZK_CLIENT_AUTH_FAILED);
    drop();
    TOLD("[AuthFailed] auth=AuthFailed a=AuthFailed ");
    CU_ASSERT_PTR_NULL(ask("b", zk_op_exists("/b", false)));
    TOLD("b=AuthFailed ");
    CU_ASSERT_EQUAL(todo(), CLIENT_END);
    end();
}

/* ---- read-only servers -------------------------------------------------- */

static void
test_looks_for_a_server_with_a_quorum(void)
{
    struct client_step step;

    begin_with((struct zk_client_config) { .connect_string = "one:1,two:2",
                                           .read_only = true });
    (void) connected();
    welcome(TIMEOUT, 0x1ff, true);
    CU_ASSERT_EQUAL(core->state, ZK_CLIENT_CONNECTED_READ_ONLY);
    TOLD("[ConnectedReadOnly] ");
    CU_ASSERT_EQUAL(until(), now + 100);
    now += 100;
    CU_ASSERT_EQUAL(todo(), CLIENT_PROBE);
    client_core_probed(core, now, false);
    CU_ASSERT_EQUAL(until(), now + 200);
    now += 200;
    client_core_next(core, now, &step);
    CU_ASSERT_EQUAL(step.todo, CLIENT_PROBE);
    client_core_probed(core, now, true);
    drop();
    TOLD("[Disconnected] ");
    CU_ASSERT_STRING_EQUAL(core->target.host, core->probed.host);
    /* A session of a read-only server is none that an ensemble knows. */
    CU_ASSERT_EQUAL(connected().session_id, 0);
    welcome(TIMEOUT, 0x20, false);
    TOLD("[SyncConnected] ");
    CU_ASSERT_EQUAL(core->session_id, 0x20);
    end();
}

static void
test_keeps_its_session_over_a_read_only_server(void)
{
    begin_with((struct zk_client_config) { .read_only = true });
    (void) connected();
    welcome(TIMEOUT, 0x20, false);
    lose();
    CU_ASSERT_EQUAL(connected().session_id, 0x20);
    welcome(TIMEOUT, 0x20, true);
    TOLD("[SyncConnected] [Disconnected] [ConnectedReadOnly] ");
    lose();
    CU_ASSERT_EQUAL(connected().session_id, 0x20);
    end();
}

/* ---- servers ------------------------------------------------------------ */

static void
test_connect_strings(void)
{
    static const struct {
        const char *text, *first_host, *chroot;
        int first_port;
        size_t n;
    } good[] = {
        { "a", "a", "", 2181, 1 },
        { "a:", "a", "", 2181, 1 },
        { "a:99/", "a", "", 99, 1 },
        { "a:99/b/c", "a", "/b/c", 99, 1 },
        { "[::1]", "::1", "", 2181, 1 },
        { "[::1]:77", "::1", "", 77, 1 },
        { " a:1 , ,", "a", "", 1, 1 },
        { ":5", "localhost", "", 5, 1 },
    };
    static const char *const bad[] = {
        "", "/a", ",", "a:x", "a:0", "a:65536", "a:-1", "a:1/b/", "a:1//b",
        "[::1", "[::1]x", "a:123456789012345678901",
    };
    struct host_provider hp;
    struct zk_errmsg em;
    unsigned seen = 0;
    bool round;

    for (size_t i = 0; i < ZK_ARRAY_SIZE(good); i++) {
        CU_ASSERT_EQUAL_FATAL(
            host_provider_init(&hp, good[i].text, i, &em), ZK_OK);
        CU_ASSERT_EQUAL(hp.n, good[i].n);
        CU_ASSERT_STRING_EQUAL(hp.v[0].host, good[i].first_host);
        CU_ASSERT_EQUAL(hp.v[0].port, good[i].first_port);
        CU_ASSERT_STRING_EQUAL(hp.chroot, good[i].chroot);
        host_provider_fini(&hp);
    }
    for (size_t i = 0; i < ZK_ARRAY_SIZE(bad); i++) {
        CU_ASSERT_EQUAL(host_provider_init(&hp, bad[i], i, &em),
                        ZK_ECONFIG);
    }
    CU_ASSERT_EQUAL(host_provider_init(&hp, NULL, 0, &em), ZK_ECONFIG);

    /* Each order comes up. */
    for (uint64_t seed = 1; seed < 100; seed++) {
        CU_ASSERT_EQUAL(host_provider_init(&hp, "a:1,b:2,[::1]:3", seed,
                                           &em), ZK_OK);
        CU_ASSERT_EQUAL(hp.v[0].port + hp.v[1].port + hp.v[2].port, 6);
        seen |= 1U << (hp.v[0].port * 3 + hp.v[1].port);
        (void) host_provider_next(&hp, &round);
        CU_ASSERT_FALSE(round);
        host_provider_fini(&hp);
    }
    CU_ASSERT_EQUAL(__builtin_popcount(seen), 6);
}

static void
test_other_servers(void)
{
    struct zk_errmsg em;

    begin("one:1");
    CU_ASSERT_EQUAL(client_core_update_servers(core, "two:2,one:1", &em),
                    ZK_OK);
    CU_ASSERT_EQUAL(todo(), CLIENT_WAIT);
    CU_ASSERT_EQUAL(client_core_update_servers(core, "two:2/x", &em),
                    ZK_ECONFIG);
    CU_ASSERT_EQUAL(client_core_update_servers(core, "two:2", &em), ZK_OK);
    drop();
    CU_ASSERT_STRING_EQUAL(core->target.host, "two");
    TOLD("[Disconnected] ");
    CU_ASSERT_EQUAL(client_core_update_servers(core, "three:3", &em), ZK_OK);
    CU_ASSERT_STRING_EQUAL(core->target.host, "three");
    end();
}

static void
test_other_servers_while_looking_for_one(void)
{
    struct zk_errmsg em;
    struct client_step step;
    char list[64];

    begin_with((struct zk_client_config) { .connect_string = "one:1,two:2",
                                           .read_only = true });
    (void) connected();
    welcome(TIMEOUT, 0x1ff, true);
    TOLD("[ConnectedReadOnly] ");
    now += CLIENT_PROBE_MIN_MS;
    client_core_next(core, now, &step);
    CU_ASSERT_EQUAL_FATAL(step.todo, CLIENT_PROBE);
    CU_ASSERT_STRING_NOT_EQUAL(step.to->host, core->target.host);
    client_core_probed(core, now, false);
    /* The one that was asked goes, the one that we are at stays. */
    snprintf(list, sizeof list, "%s:%d", core->target.host,
             core->target.port);
    CU_ASSERT_EQUAL(client_core_update_servers(core, list, &em), ZK_OK);
    CU_ASSERT_EQUAL(todo(), CLIENT_WAIT);
    /* And the other way round. */
    snprintf(list, sizeof list, "%s:%d", core->probed.host,
             core->probed.port);
    CU_ASSERT_EQUAL(client_core_update_servers(core, list, &em), ZK_OK);
    CU_ASSERT_EQUAL(todo(), CLIENT_DROP);
    drop();
    CU_ASSERT_STRING_EQUAL(core->target.host, core->probed.host);
    TOLD("[Disconnected] ");
    end();
}

/* The list is replaced while the server that answers is still asked. */
static void
test_found_a_server_that_is_no_longer_wanted(void)
{
    struct zk_errmsg em;
    struct client_step step;
    char list[64];

    begin_with((struct zk_client_config) { .connect_string = "one:1,two:2",
                                           .read_only = true });
    (void) connected();
    welcome(TIMEOUT, 0x1ff, true);
    now += CLIENT_PROBE_MIN_MS;
    client_core_next(core, now, &step);
    CU_ASSERT_EQUAL_FATAL(step.todo, CLIENT_PROBE);
    snprintf(list, sizeof list, "%s:%d", core->target.host,
             core->target.port);
    CU_ASSERT_EQUAL(client_core_update_servers(core, list, &em), ZK_OK);
    client_core_probed(core, now, true);
    CU_ASSERT_EQUAL(todo(), CLIENT_DROP);
    drop();
    CU_ASSERT_STRING_NOT_EQUAL(core->target.host, core->probed.host);
    TOLD("[ConnectedReadOnly] [Disconnected] ");
    end();
}

static const struct zk_test tests[] = {
    { "a new session", test_new_session },
    { "a session is gone on with", test_resumes_a_session },
    { "a session expires", test_expires },
    { "a lost link is made again, the session stays",
      test_comes_back_by_itself },
    { "servers that are not there", test_failed_connects },
    { "the first servers are down", test_first_servers_are_down },
    { "the server that was lost is back", test_lost_server_is_back },
    { "a handshake has a limit", test_handshake_has_a_limit },
    { "closes behind what was asked", test_closes },
    { "closes without a server", test_closes_without_a_server },
    { "the link is lost while it closes", test_link_lost_while_closing },
    { "abandons", test_abandons },
    { "abandons when it was refused", test_abandons_when_refused },
    { "pings, and leaves who is silent", test_pings_and_silence },
    { "when pings are due", test_ping_gaps },
    { "auth, and again to the next server", test_auth },
    { "auth fails", test_auth_fails },
    { "read-only: looks for a server with a quorum",
      test_looks_for_a_server_with_a_quorum },
    { "read-only: keeps its session",
      test_keeps_its_session_over_a_read_only_server },
    { "connect strings", test_connect_strings },
    { "other servers", test_other_servers },
    { "other servers while one with a quorum is looked for",
      test_other_servers_while_looking_for_one },
    { "one with a quorum that is no longer wanted",
      test_found_a_server_that_is_no_longer_wanted },
};

ZK_TEST_MAIN("client_core", tests)
