/* SPDX-License-Identifier: Apache-2.0 */
/* The four-letter words over a real server and a client port made up here. */
#include <config.h>

#include "admin/four_letter_words.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "config/environment.h"
#include "golden_metrics.h"
#include "metrics/server_metrics.h"
#include "proto/op_code.h"
#include "test/lib/zk_test.h"
#include "util/zk_io.h"
#include "util/zk_lock.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

#define DEADLINE_MS 20000
#define ALL "4lw.commands.whitelist=*\n"
#define NOT_SERVING \
    "This ZooKeeper instance is not currently serving requests"

/* ---- a client port ----------------------------------------------------- */

struct server_cnxn_factory {
    struct cnxn_info cnxns[3];
    size_t n;
    int resets;
    bool hold;                  /* count() waits until 'release'. */
    struct zk_mutex lock;
    struct zk_cond changed;
    bool held ZK_GUARDED;
    bool release ZK_GUARDED;
    atomic_bool left;           /* count() has returned. */
};

static struct server_cnxn_factory port;
static int plain_port = 2181, secure_port = -1;

int
server_cnxn_factory_port(const struct server_cnxn_factory *f)
{
    (void) f;
    return plain_port;
}

size_t
server_cnxn_factory_count(struct server_cnxn_factory *f)
{
    if (f->hold) {
        zk_lock(&f->lock);
        f->held = true;
        zk_cond_broadcast(&f->changed);
        while (!f->release) {
            zk_cond_wait(&f->changed, &f->lock);
        }
        zk_unlock(&f->lock);
        atomic_store(&f->left, true);
    }
    return f->n;
}

int
server_cnxn_factory_secure_port(const struct server_cnxn_factory *f)
{
    (void) f;
    return secure_port;
}

void
server_cnxn_factory_tls_counts(const struct server_cnxn_factory *f,
                               struct cnxn_tls_counts *out)
{
    (void) f;
    *out = (struct cnxn_tls_counts) { 3, 5, 7, 11 };
}

double
server_cnxn_factory_drop_chance(struct server_cnxn_factory *f)
{
    (void) f;
    return 0.25;
}

void
server_cnxn_factory_each(struct server_cnxn_factory *f, bool secure,
                         void (*each)(void *arg,
                                      const struct cnxn_info *info),
                         void *arg)
{
    for (size_t i = 0; !secure && i < f->n; i++) {
        each(arg, &f->cnxns[i]);
    }
}

void
server_cnxn_factory_reset_stats(struct server_cnxn_factory *f, bool secure)
{
    (void) secure;
    f->resets++;
}

void
server_cnxn_factory_dump(struct server_cnxn_factory *f, struct zk_buf *out)
{
    (void) f;
    zk_buf_printf(out, "Connections Sets (0)/(0):\n");
}

/* ---- a server ---------------------------------------------------------- */

static char *folder;
static char *log_folder;
static struct server_config *config;
static struct zookeeper_server *zks;
static struct four_letter_words *words;
static struct zk_buf answer;

static void
no_wake(void *self)
{
    (void) self;
}

static void
no_close(void *self, int64_t session_id, enum disconnect_reason why)
{
    (void) self;
    (void) session_id;
    (void) why;
}

static size_t
no_connections(void *self)
{
    (void) self;
    return 0;
}

/* What a zoo.cfg of these lines asks for; it lies in a folder of its own,
 * since the server's may be named relative to somewhere. */
static void
configure(const char *lines)
{
    char *base = zk_test_mkdir();
    char *path = zk_xasprintf("%s/zoo.cfg", base);
    FILE *f = fopen(path, "w");
    struct zk_errmsg em;

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fprintf(f, "clientPort=2181\ntickTime=2000\n%s", lines);
    CU_ASSERT_EQUAL_FATAL(fclose(f), 0);
    if (server_config_read(path, system_properties_create(), &config, &em)
        != ZK_OK) {
        CU_FAIL_FATAL("zoo.cfg is refused");
    }
    zk_test_rmdir(base);
    free(path);
    free(base);
}

/* Words without a server. */
static void
begin_idle(const char *lines)
{
    char *all = zk_xasprintf("dataDir=/nowhere\n%s", lines);

    zk_log_set_level(ZK_LOG_ERROR);
    memset(&port, 0, sizeof port);
    zk_mutex_init(&port.lock, ZK_LOCK_leaf);
    zk_cond_init(&port.changed);
    configure(all);
    words = four_letter_words_create(config);
    free(all);
}

static void
end_idle(void)
{
    four_letter_words_destroy(words);
    words = NULL;
    server_config_destroy(config);
    zk_buf_fini(&answer);
    zk_cond_fini(&port.changed);
    zk_mutex_fini(&port.lock);
}

/* Words that speak of a server in 'folder' and 'log_folder'. */
static void
begin_server(void)
{
    const struct cnxn_env env = {
        .wake = no_wake,
        .close_session = no_close,
        .connection_count = no_connections,
    };
    char *lines = zk_xasprintf("dataDir=%s\ndataLogDir=%s\n"
                               "4lw.commands.whitelist=*\n"
                               "maxClientCnxns=60\n", folder, log_folder);

    begin_idle(lines);
    free(lines);
    zks = zookeeper_server_create(config);
    zookeeper_server_attach(zks, &env);
    four_letter_words_serve(words, zks, &port);
}

/* And the server runs. */
static void
begin_in_folders(void)
{
    struct zk_errmsg em;

    begin_server();
    CU_ASSERT_EQUAL_FATAL(zookeeper_server_load(zks, &em), ZK_OK);
    zookeeper_server_start(zks);
}

static void
begin(void)
{
    folder = zk_test_mkdir();
    log_folder = zk_test_mkdir();
    begin_in_folders();
}

static void
end(void)
{
    four_letter_words_serve(words, NULL, NULL);
    zookeeper_server_stop(zks);
    zookeeper_server_destroy(zks);
    zks = NULL;
    end_idle();
    zk_test_rmdir(folder);
    zk_test_rmdir(log_folder);
    free(folder);
    free(log_folder);
    folder = log_folder = NULL;
}

static uint32_t
code_of(const char *word)
{
    const unsigned char *p = (const unsigned char *) word;

    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | (uint32_t) p[3];
}

/* The answer, until the next one. */
static const char *
ask_code(uint32_t code, uint64_t arg)
{
    const struct four_letter_hook *hook = four_letter_words_hook(words);

    zk_buf_clear(&answer);
    hook->answer(hook->self, code, arg, false, &answer);
    zk_buf_append(&answer, "", 1);
    return (const char *) answer.data;
}

static const char *
ask(const char *word)
{
    return ask_code(code_of(word), 0);
}

#define EXPECT(word, text) CU_ASSERT_STRING_EQUAL(ask(word), text)

/* ---- which words are answered ------------------------------------------ */

static void
only_srvr_is_allowed_by_default(void)
{
    begin_idle("");
    CU_ASSERT(four_letter_words_allowed(words, "srvr"));
    CU_ASSERT(!four_letter_words_allowed(words, "ruok"));
    CU_ASSERT(!four_letter_words_allowed(words, "isro"));
    EXPECT("ruok",
           "ruok is not executed because it is not in the whitelist.\n");
    EXPECT("stmk",
           "stmk is not executed because it is not in the whitelist.\n");
    EXPECT("srvr", NOT_SERVING "\n");
    end_idle();
}

static void
read_only_mode_allows_isro(void)
{
    begin_idle("");
    four_letter_words_destroy(words);
    config->quorum.read_only_mode = true;
    words = four_letter_words_create(config);
    CU_ASSERT(four_letter_words_allowed(words, "isro"));
    CU_ASSERT(!four_letter_words_allowed(words, "ruok"));
    end_idle();
}

static void
a_whitelist_is_names_between_commas(void)
{
    begin_idle("4lw.commands.whitelist= ruok,,\tmntr ,conf x,RUOK, wchs\n");
    CU_ASSERT(four_letter_words_allowed(words, "ruok"));
    CU_ASSERT(four_letter_words_allowed(words, "mntr"));
    CU_ASSERT(four_letter_words_allowed(words, "wchs"));
    CU_ASSERT(four_letter_words_allowed(words, "srvr"));
    CU_ASSERT(!four_letter_words_allowed(words, "conf"));
    CU_ASSERT(!four_letter_words_allowed(words, "wchp"));
    EXPECT("ruok", "imok");
    end_idle();
}

static void
a_star_allows_all(void)
{
    begin_idle("4lw.commands.whitelist=ruok, *\n");
#define FOUR_LETTER_WORD(word, idle, what) \
    CU_ASSERT(four_letter_words_allowed(words, #word));
#include "zookeeper/tbl/four_letter_words.h"
#undef FOUR_LETTER_WORD
    CU_ASSERT(!four_letter_words_allowed(words, "kill"));
    end_idle();
}

static void
words_are_known_whether_allowed_or_not(void)
{
    const struct four_letter_hook *hook;

    begin_idle("");
    hook = four_letter_words_hook(words);
#define FOUR_LETTER_WORD(word, idle, what) \
    CU_ASSERT(hook->known(hook->self, code_of(#word)));
#include "zookeeper/tbl/four_letter_words.h"
#undef FOUR_LETTER_WORD
    CU_ASSERT(hook->known(hook->self, FOUR_LETTER_TELNET_CLOSE));
    CU_ASSERT(!hook->known(hook->self, code_of("RUOK")));
    CU_ASSERT(!hook->known(hook->self, code_of("kill")));
    CU_ASSERT(!hook->known(hook->self, 44));
    CU_ASSERT(!hook->known(hook->self, 0));
    end_idle();
}

static void
telnet_close_says_nothing_unless_forbidden(void)
{
    begin_idle(ALL);
    CU_ASSERT_STRING_EQUAL(ask_code(FOUR_LETTER_TELNET_CLOSE, 0), "");
    end_idle();
    begin_idle("4lw.commands.whitelist=telnet close\n");
    CU_ASSERT_STRING_EQUAL(ask_code(FOUR_LETTER_TELNET_CLOSE, 0), "");
    end_idle();
    begin_idle("");
    CU_ASSERT_STRING_EQUAL(ask_code(FOUR_LETTER_TELNET_CLOSE, 0),
                           "telnet close is not executed because it is not "
                           "in the whitelist.\n");
    end_idle();
}

/* ---- without a server -------------------------------------------------- */

static void
without_a_server_most_words_say_so(void)
{
    static const char *const refuse[] = {
        "srvr", "stat", "mntr", "conf", "cons", "dump", "dirs", "wchs",
        "wchp", "wchc", "crst", "srst",
    };

    begin_idle(ALL);
    for (size_t i = 0; i < ZK_ARRAY_SIZE(refuse); i++) {
        EXPECT(refuse[i], NOT_SERVING "\n");
    }
    EXPECT("hash", NOT_SERVING);
    EXPECT("isro", "null");
    EXPECT("ruok", "imok");
    EXPECT("gtmk", "306");
    CU_ASSERT_PTR_NOT_NULL(strstr(ask("envi"), "\nuser.dir="));
    end_idle();
}

static void
a_server_that_does_not_run_yet_is_none(void)
{
    folder = zk_test_mkdir();
    log_folder = zk_test_mkdir();
    begin_server();
    EXPECT("srvr", NOT_SERVING "\n");
    EXPECT("conf", NOT_SERVING "\n");
    EXPECT("isro", "null");
    end();
}

static void
stmk_sets_what_gtmk_shows(void)
{
    begin_idle(ALL);
    CU_ASSERT_STRING_EQUAL(ask_code(code_of("stmk"), 511), "511");
    EXPECT("gtmk", "511");
    CU_ASSERT_STRING_EQUAL(ask_code(code_of("stmk"), UINT64_MAX), "-1");
    EXPECT("gtmk", "-1");
    end_idle();
}

/* ---- the server -------------------------------------------------------- */

/* An asking connection, one with a session, one whose session did nothing
 * since crst. */
static void
connections(void)
{
    port.cnxns[0] = (struct cnxn_info) {
        .remote = "/127.0.0.1:59922",
        .packets_received = 1,
        .last_cxid = -1,
    };
    port.cnxns[1] = (struct cnxn_info) {
        .remote = "/127.0.0.1:60014",
        .interest_ops = 1,
        .packets_received = 4,
        .packets_sent = 4,
        .session_id = 0x10000321b120000,
        .last_op = OP_GET_DATA,
        .established_ms = 1795368713633,
        .timeout_ms = 20000,
        .last_cxid = 3,
        .last_zxid = 6,
        .last_response_ms = 3284057,
        .last_latency = 1,
        .min_latency = 0,
        .avg_latency = 8,
        .max_latency = 15,
    };
    port.cnxns[2] = (struct cnxn_info) {
        .remote = "/0:0:0:0:0:0:0:1:54300",
        .interest_ops = 5,
        .outstanding = 12,
        .session_id = (int64_t) 0xf000035681400000U,
        .established_ms = 1795368929841,
        .timeout_ms = 20000,
        .last_cxid = -1,
        .last_zxid = -1,
    };
    port.n = 3;
}

/* As a standalone 3.8.0 server printed them. */
static void
cons_tells_all_of_sessions(void)
{
    begin();
    connections();
    EXPECT("cons",
           " /127.0.0.1:59922[0](queued=0,recved=1,sent=0)\n"
           " /127.0.0.1:60014[1](queued=0,recved=4,sent=4,"
           "sid=0x10000321b120000,lop=GETD,est=1795368713633,to=20000,"
           "lcxid=0x3,lzxid=0x6,lresp=3284057,llat=1,minlat=0,avglat=8,"
           "maxlat=15)\n"
           " /0:0:0:0:0:0:0:1:54300[5](queued=12,recved=0,sent=0,"
           "sid=0xf000035681400000,lop=NA,est=1795368929841,to=20000,"
           "lzxid=0xffffffffffffffff,lresp=0,llat=0,minlat=0,avglat=0,"
           "maxlat=0)\n"
           "\n");
    end();
}

static void
stat_is_srvr_with_connections(void)
{
    struct server_stats *s;
    char want[1024];
    const char *version;

    begin();
    connections();
    version = environment_version();
    s = zookeeper_server_stats(zks);
    atomic_store(&s->packets_received, 149);
    atomic_store(&s->packets_sent, 150);
    for (int i = 0; i < 6; i++) {
        server_stats_latency(s, 5000);
    }
    server_stats_latency(s, 10000);
    snprintf(want, sizeof want, "Zookeeper version: %s\n"
             "Clients:\n"
             " /127.0.0.1:59922[0](queued=0,recved=1,sent=0)\n"
             " /127.0.0.1:60014[1](queued=0,recved=4,sent=4)\n"
             " /0:0:0:0:0:0:0:1:54300[5](queued=12,recved=0,sent=0)\n"
             "\n"
             "Latency min/avg/max: 5/5.7143/10\nReceived: 149\nSent: 150\n"
             "Connections: 3\nOutstanding: 0\nZxid: 0x0\nMode: standalone\n"
             "Node count: 5\n", version);
    EXPECT("stat", want);
    EXPECT("crst", "Connection stats reset.\n");
    CU_ASSERT_EQUAL(port.resets, 1);
    EXPECT("srst", "Server stats reset.\n");
    snprintf(want, sizeof want, "Zookeeper version: %s\n"
             "Latency min/avg/max: 0/0.0/0\nReceived: 0\nSent: 0\n"
             "Connections: 3\nOutstanding: 0\nZxid: 0x0\nMode: standalone\n"
             "Node count: 5\n", version);
    EXPECT("srvr", want);
    end();
}

static void
the_version_starts_as_clients_expect(void)
{
    unsigned year, month, day, hour, minute;
    char zone[4];

    begin();
    CU_ASSERT_EQUAL(sscanf(ask("srvr"), "Zookeeper version: "
                           ZOOKEEPER_VERSION ", built on %4u-%2u-%2u "
                           "%2u:%2u %3s\n", &year, &month, &day, &hour,
                           &minute, zone), 6);
    CU_ASSERT_STRING_EQUAL(zone, "UTC");
    CU_ASSERT(strncmp(ZOOKEEPER_VERSION, "3.9.", 4) == 0);
    end();
}

static void
conf_tells_what_the_server_was_told(void)
{
    char want[2048];

    begin();
    snprintf(want, sizeof want, "clientPort=2181\nsecureClientPort=-1\n"
             "dataDir=%s/version-2\ndataDirSize=%" PRId64 "\n"
             "dataLogDir=%s/version-2\ndataLogSize=%" PRId64 "\n"
             "tickTime=2000\nmaxClientCnxns=60\nminSessionTimeout=4000\n"
             "maxSessionTimeout=40000\nclientPortListenBacklog=-1\n"
             "serverId=0\n", folder, zk_dir_size(folder), log_folder,
             zk_dir_size(log_folder));
    EXPECT("conf", want);
    snprintf(want, sizeof want, "datadir_size: %" PRId64 "\n"
             "logdir_size: %" PRId64 "\n", zk_dir_size(folder),
             zk_dir_size(log_folder));
    EXPECT("dirs", want);
    CU_ASSERT(zk_dir_size(folder) > 0);
    end();
}

static void
conf_shows_folders_as_absolute_paths(void)
{
    static char data_dir[] = "data//of//";
    static char log_dir[] = "./logs/";
    char *base = zk_test_mkdir();
    char *back = getcwd(NULL, 0);
    char *want;
    const char *got;

    CU_ASSERT_EQUAL_FATAL(chdir(base), 0);
    folder = zk_xstrdup(data_dir);
    log_folder = zk_xstrdup(log_dir);
    begin_in_folders();
    got = ask("conf");
    want = zk_xasprintf("\ndataDir=%s/data/of/version-2\n", base);
    CU_ASSERT_PTR_NOT_NULL(strstr(got, want));
    free(want);
    want = zk_xasprintf("\ndataLogDir=%s/./logs/version-2\n", base);
    CU_ASSERT_PTR_NOT_NULL(strstr(got, want));
    free(want);
    end();
    CU_ASSERT_EQUAL(chdir(back), 0);
    zk_test_rmdir(base);
    free(base);
    free(back);
}

static void
a_server_alone_has_no_id_and_no_port_that_is_off(void)
{
    begin();
    config->myid = 7;
    plain_port = -1;
    secure_port = 2281;
    CU_ASSERT_PTR_NOT_NULL(strstr(ask("conf"), "\nserverId=0\n"));
    CU_ASSERT(strncmp(ask("conf"), "clientPort=-1\nsecureClientPort=2281\n",
                      36) == 0);
    plain_port = 2181;
    secure_port = -1;
    end();
}

static void
a_server_that_writes_is_rw(void)
{
    begin();
    EXPECT("isro", "rw");
    end();
}

/* ---- the tree ---------------------------------------------------------- */

#define SESSION 0x10000321b120000

struct node {
    const char *path;
    const char *data;
    int64_t owner;
};

static void
load_tree(const struct node *nodes, size_t n)
{
    struct data_tree *tree = zookeeper_server_database(zks)->tree;
    struct zk_database *db = zookeeper_server_database(zks);

    zk_write_lock(&db->lock);
    data_tree_load_begin(tree);
    data_tree_load_session(tree, SESSION, 4000);
    for (size_t i = 0; i < n; i++) {
        struct jute_stat_persisted st = { .ephemeral_owner = nodes[i].owner };

        CU_ASSERT_EQUAL(data_tree_load_node(tree, zk_slice_str(nodes[i].path),
                                            zk_slice_str(nodes[i].data), -1,
                                            &st, NULL), ZK_OK);
    }
    CU_ASSERT_EQUAL(data_tree_load_end(tree, 0x20, NULL, NULL), ZK_OK);
    zk_write_unlock(&db->lock);
}

static void
dump_lists_who_owns_ephemerals(void)
{
    static const struct node nodes[] = {
        { "", "", 0 }, { "/a", "x", 0 }, { "/a/e", "x", SESSION },
    };

    begin();
    load_tree(nodes, ZK_ARRAY_SIZE(nodes));
    EXPECT("dump",
           "SessionTracker dump:\n"
           "Session Sets (0)/(0):\n"
           "ephemeral nodes dump:\n"
           "Sessions with Ephemerals (1):\n"
           "0x10000321b120000:\n"
           "\t/a/e\n"
           "Connections dump:\n"
           "Connections Sets (0)/(0):\n");
    end();
}

static void
hash_lists_digests_from_the_oldest(void)
{
    struct zk_database *db;
    const char *got;

    begin();
    EXPECT("hash", "");
    db = zookeeper_server_database(zks);
    zk_write_lock(&db->lock);
    db->digest_log[0] = (struct digest_log_entry) { 0x80, 256756237989 };
    db->digest_log[1] = (struct digest_log_entry) { 0x100000080, -5 };
    db->digest_log_at = db->digest_log_n = 2;
    zk_write_unlock(&db->lock);
    EXPECT("hash", "80: 256756237989\n100000080: -5\n");

    zk_write_lock(&db->lock);
    for (size_t i = 0; i < DIGEST_LOG_LIMIT; i++) {
        db->digest_log[i] = (struct digest_log_entry) { 0x1000, 1 };
    }
    db->digest_log[2].zxid = 0xa;
    db->digest_log[1].zxid = 0xf;
    db->digest_log_n = DIGEST_LOG_LIMIT;
    zk_write_unlock(&db->lock);
    got = ask("hash");
    CU_ASSERT_EQUAL(strncmp(got, "a: 1\n1000: 1\n", 13), 0);
    CU_ASSERT_STRING_EQUAL(got + strlen(got) - 13, "1000: 1\nf: 1\n");
    end();
}

static int64_t
watcher_session(const struct watcher *w)
{
    (void) w;
    return SESSION;
}

static void
watches_of_the_data_table_are_shown(void)
{
    struct watcher w = { .session_id = watcher_session };
    struct watch_manager *wm;

    begin();
    wm = zookeeper_server_database(zks)->watches;
    EXPECT("wchp", "\n");
    EXPECT("wchc", "\n");
    watch_manager_add(wm, ZK_SLICE_LIT("/a"), &w, WATCH_KIND_DATA);
    watch_manager_add(wm, ZK_SLICE_LIT("/a"), &w, WATCH_KIND_CHILD);
    EXPECT("wchs", "1 connections watching 1 paths\nTotal watches:1\n");
    EXPECT("wchp", "/a\n\t0x10000321b120000\n\n");
    EXPECT("wchc", "0x10000321b120000\n\t/a\n\n");
    CU_ASSERT_PTR_NOT_NULL(strstr(ask("mntr"), "\nzk_watch_count\t2\n"));
    watch_manager_remove_watcher(wm, &w);
    end();
}

/* ---- mntr -------------------------------------------------------------- */

static bool
line_starts(const char *text, const char *key)
{
    char *want = zk_xasprintf("\nzk_%s\t", key);
    const bool found = strstr(text, want) != NULL;

    free(want);
    return found;
}

static void
mntr_has_every_name_of_a_standalone_server(void)
{
    char *want = NULL;
    const char *got;
    const char *p;

    begin();
    got = ask("mntr");
    want = zk_xasprintf("zk_version\t%s\nzk_server_state\tstandalone\n",
                        environment_version());
    CU_ASSERT_EQUAL(strncmp(got, want, strlen(want)), 0);
    /* Each gauge once, before all else. */
    p = got + strlen(want) - 1;
    for (size_t i = 0; i < ZK_ARRAY_SIZE(golden_gauges); i++) {
        CU_ASSERT(line_starts(got, golden_gauges[i]));
        p = strchr(p + 1, '\n');
    }
    CU_ASSERT(!line_starts(p, "uptime"));
    for (size_t i = 0; i < ZK_ARRAY_SIZE(golden_gauges); i++) {
        CU_ASSERT(!line_starts(p, golden_gauges[i]));
    }
    for (size_t i = 0; i < ZK_ARRAY_SIZE(golden_metrics); i++) {
        CU_ASSERT(line_starts(p, golden_metrics[i]));
    }
    free(want);
    end();
}

static void
gauges_ask_the_server(void)
{
    static const struct node nodes[] = {
        { "", "", 0 }, { "/a", "xyz", 0 }, { "/a/e", "", SESSION },
    };
    static const char *const want[] = {
        "\nzk_avg_latency\t1.5\n",
        "\nzk_max_latency\t2\n",
        "\nzk_min_latency\t1\n",
        "\nzk_packets_received\t7\n",
        "\nzk_packets_sent\t6\n",
        "\nzk_num_alive_connections\t3\n",
        "\nzk_outstanding_requests\t0\n",
        "\nzk_znode_count\t7\n",
        "\nzk_ephemerals_count\t1\n",
        "\nzk_approximate_data_size\t53\n",
        "\nzk_global_sessions\t1\n",
        "\nzk_local_sessions\t0\n",
        "\nzk_connection_drop_probability\t0.25\n",
        "\nzk_last_client_response_size\t20\n",
        "\nzk_max_client_response_size\t30\n",
        "\nzk_min_client_response_size\t20\n",
        "\nzk_auth_failed_count\t9\n",     /* 4, and 5 by TLS */
        "\nzk_outstanding_tls_handshake\t3\n",
        "\nzk_non_mtls_local_conn_count\t7\n",
        "\nzk_non_mtls_remote_conn_count\t11\n",
    };
    struct server_stats *s;
    const char *got;
    char *fd_line;
    int fd;

    begin();
    connections();
    load_tree(nodes, ZK_ARRAY_SIZE(nodes));
    session_tracker_add(zookeeper_server_sessions(zks), SESSION, 4000);
    s = zookeeper_server_stats(zks);
    got = ask("mntr");
    CU_ASSERT_PTR_NOT_NULL(strstr(got, "\nzk_last_client_response_size\t-1"));
    CU_ASSERT_PTR_NOT_NULL(strstr(got, "\nzk_min_client_response_size\t-1"));
    CU_ASSERT_PTR_NOT_NULL(strstr(got, "\nzk_avg_latency\t0.0\n"));
    server_stats_latency(s, 1000);
    server_stats_latency(s, 2000);
    server_stats_response(s, 30);
    server_stats_response(s, 20);
    atomic_store(&s->packets_received, 7);
    atomic_store(&s->packets_sent, 6);
    atomic_store(&s->auth_failed, 4);
    got = ask("mntr");
    for (size_t i = 0; i < ZK_ARRAY_SIZE(want); i++) {
        if (strstr(got, want[i]) == NULL) {
            printf("missing: %s", want[i]);
        }
        CU_ASSERT_PTR_NOT_NULL(strstr(got, want[i]));
    }
    /* One more descriptor shows as one more. */
    got = strstr(got, "\nzk_open_file_descriptor_count\t");
    CU_ASSERT_PTR_NOT_NULL_FATAL(got);
    fd = dup(0);
    fd_line = zk_xasprintf("\nzk_open_file_descriptor_count\t%ld\n",
                           strtol(strchr(got, '\t') + 1, NULL, 10) + 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(ask("mntr"), fd_line));
    close(fd);
    free(fd_line);
    end();
}

static void
quotas_are_summed_up_by_first_component(void)
{
#define Q "/zookeeper/quota"
    static const struct node nodes[] = {
        { "", "", 0 }, { "/zookeeper", "", 0 }, { Q, "", 0 },
        { Q "/q", "", 0 }, { Q "/q/r", "", 0 }, { Q "/q/s", "", 0 },
        { Q "/q/r/zookeeper_limits",
          "count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=7", 0 },
        { Q "/q/r/zookeeper_stats", "count=1,bytes=2", 0 },
        { Q "/q/s/zookeeper_limits", "count=3,bytes=100", 0 },
        { Q "/q/s/zookeeper_stats", "count=10,bytes=20", 0 },
        { Q "/none", "", 0 },
        { Q "/odd", "", 0 }, { Q "/odd/zookeeper_limits", "what?", 0 },
        { Q "/zookeeper_limits", "count=9,bytes=9", 0 },
    };
    const char *got;

    begin();
    CU_ASSERT_PTR_NULL(strstr(ask("mntr"), "_limit_per_namespace"));
    load_tree(nodes, ZK_ARRAY_SIZE(nodes));
    got = ask("mntr");
    CU_ASSERT_PTR_NOT_NULL(
        strstr(got, "\nzk_q_quota_count_limit_per_namespace\t10\n"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(got, "\nzk_q_quota_bytes_limit_per_namespace\t99\n"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(got, "\nzk_q_quota_count_usage_per_namespace\t"));
    CU_ASSERT_PTR_NOT_NULL(strstr(
        got, "\nzk_zookeeper_limits_quota_bytes_limit_per_namespace\t9\n"));
    CU_ASSERT_PTR_NULL(strstr(got, "zk_none_quota"));
    CU_ASSERT_PTR_NULL(strstr(got, "zk_odd_quota"));
    end();
#undef Q
}

/* ---- end of a server --------------------------------------------------- */

static void
count_line(void *arg, const struct metric_line *line)
{
    int *n = arg;

    *n += line->type == METRIC_LINE_GAUGE;
}

static void
gauges_go_with_the_server(void)
{
    int n = 0;

    begin();
    server_metrics_visit(count_line, &n);
    CU_ASSERT_EQUAL(n, ZK_ARRAY_SIZE(golden_gauges));
    four_letter_words_serve(words, NULL, NULL);
    n = 0;
    server_metrics_visit(count_line, &n);
    CU_ASSERT_EQUAL(n, 0);
    EXPECT("srvr", NOT_SERVING "\n");
    four_letter_words_serve(words, zks, &port);
    n = 0;
    server_metrics_visit(count_line, &n);
    CU_ASSERT_EQUAL(n, ZK_ARRAY_SIZE(golden_gauges));
    end();
}

static void
ask_srvr(void *arg)
{
    const struct four_letter_hook *hook = four_letter_words_hook(words);

    hook->answer(hook->self, code_of("srvr"), 0, false, arg);
}

static void
end_service(void *arg)
{
    atomic_bool *in_time = arg;

    four_letter_words_serve(words, NULL, NULL);
    atomic_store(in_time, atomic_load(&port.left));
}

/* The answer is held inside the client port while somebody ends the
 * service: that must wait, or the port could go away below the answer. */
static void
the_end_waits_for_answers_under_way(void)
{
    const int64_t deadline = zk_time_mono_ms() + DEADLINE_MS;
    struct zk_thread asker = { 0 }, ender = { 0 };
    struct zk_buf out = { 0 };
    atomic_bool in_time = false;

    begin();
    port.hold = true;
    zk_thread_start(&asker, ask_srvr, &out, "Asker");
    zk_lock(&port.lock);
    while (!port.held
           && zk_cond_wait_until(&port.changed, &port.lock, deadline)) {
    }
    CU_ASSERT(port.held);
    zk_unlock(&port.lock);
    zk_thread_start(&ender, end_service, &in_time, "Ender");
    while (strcmp(ask("isro"), "null") != 0
           && zk_time_mono_ms() < deadline) {
    }
    EXPECT("isro", "null");
    zk_lock(&port.lock);
    port.release = true;
    zk_cond_broadcast(&port.changed);
    zk_unlock(&port.lock);
    zk_thread_join(&asker);
    zk_thread_join(&ender);
    CU_ASSERT(atomic_load(&in_time));
    CU_ASSERT(out.len > 0 && memcmp(out.data, "Zookeeper version", 17) == 0);
    zk_buf_fini(&out);
    port.hold = false;
    end();
}

static const struct zk_test tests[] = {
    { "only srvr is allowed by default", only_srvr_is_allowed_by_default },
    { "read-only mode allows isro", read_only_mode_allows_isro },
    { "a whitelist is names between commas",
      a_whitelist_is_names_between_commas },
    { "a star allows all", a_star_allows_all },
    { "words are known whether allowed or not",
      words_are_known_whether_allowed_or_not },
    { "telnet close says nothing unless forbidden",
      telnet_close_says_nothing_unless_forbidden },
    { "without a server most words say so",
      without_a_server_most_words_say_so },
    { "a server that does not run yet is none",
      a_server_that_does_not_run_yet_is_none },
    { "stmk sets what gtmk shows", stmk_sets_what_gtmk_shows },
    { "cons tells all of sessions", cons_tells_all_of_sessions },
    { "stat is srvr with connections", stat_is_srvr_with_connections },
    { "the version starts as clients expect",
      the_version_starts_as_clients_expect },
    { "conf tells what the server was told",
      conf_tells_what_the_server_was_told },
    { "conf shows folders as absolute paths",
      conf_shows_folders_as_absolute_paths },
    { "a server alone has no id, and no port that is off",
      a_server_alone_has_no_id_and_no_port_that_is_off },
    { "a server that writes is rw", a_server_that_writes_is_rw },
    { "dump lists who owns ephemerals", dump_lists_who_owns_ephemerals },
    { "hash lists digests from the oldest",
      hash_lists_digests_from_the_oldest },
    { "watches of the data table are shown",
      watches_of_the_data_table_are_shown },
    { "mntr has every name of a standalone server",
      mntr_has_every_name_of_a_standalone_server },
    { "gauges ask the server", gauges_ask_the_server },
    { "quotas are summed up by first component",
      quotas_are_summed_up_by_first_component },
    { "gauges go with the server", gauges_go_with_the_server },
    { "the end waits for answers under way",
      the_end_waits_for_answers_under_way },
};

ZK_TEST_MAIN("words", tests)
