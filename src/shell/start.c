/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "shell/start.h"

#include <limits.h>
#include <string.h>

#include "config/server_address.h"
#include "config/zk_properties.h"

#define START_TIMEOUT_MS 30000
/* Some ten million znodes. */
#define START_TREE_BYTES (INT64_C(1) << 30)

const char start_help[] =
    "Usage: zkcli [OPTION]... [COMMAND [WORD]...]\n"
    "\n"
    "Runs one command of the ZooKeeper shell, or reads commands from\n"
    "standard input.  \"zkcli help\" lists the commands.\n"
    "\n"
    "  -server HOST[:PORT][,...][/CHROOT]  where to connect (localhost:2181)\n"
    "  -timeout MS                         of the session (30000)\n"
    "  -r                                  a read-only server will do, too\n"
    "  -waitforconnection                  wait for the server first\n"
    "  -client-configuration FILE          properties, TLS among them\n"
    "  -Dname=value                        one property\n"
    "  -o json|text                        how answers are printed (text)\n"
    "  --help, --version\n"
    "\n"
    "The exit code is 0, or 1 after a command that failed, or 127 for an\n"
    "unknown one; when lines are read, that of the last command.  zkcli(1)\n"
    "tells the rest.\n";

/* ---- words -------------------------------------------------------------- */

static int
start_bad(struct zk_errmsg *em, const char *option, const char *value,
          const char *why)
{
    return zk_fail(em, ZK_ECONFIG, "%s %s: %s", option, value, why);
}

static int
start_take_timeout(struct start *s, const char *value, struct zk_errmsg *em)
{
    int ms;

    if (!config_parse_int(value, &ms) || ms <= 0) {
        return start_bad(em, "-timeout", value,
                         "not a number of milliseconds above 0");
    }
    s->set.timeout_ms = ms;
    return ZK_OK;
}

static int
start_take_output(struct start *s, const char *value, struct zk_errmsg *em)
{
    if (strcmp(value, "json") != 0 && strcmp(value, "text") != 0) {
        return start_bad(em, "-o", value, "json and text are known");
    }
    s->json = strcmp(value, "json") == 0;
    return ZK_OK;
}

/* What the file says counts more than -D (Java: ZKClientConfig). */
static int
start_take_file(struct start *s, const char *path, struct zk_errmsg *em)
{
    struct zk_properties file = { 0 };
    int rv = zk_properties_read(path, &file, em);

    for (size_t i = 0; i < file.n && rv == ZK_OK; i++) {
        system_properties_set(s->props, file.all[i].key, file.all[i].value);
    }
    zk_properties_fini(&file);
    return rv;
}

/* Options with a value. */
enum start_option {
    START_NONE,
    START_SERVER,
    START_TIMEOUT,
    START_FILE,
    START_OUTPUT,
};

static enum start_option
start_option_of(const char *name)
{
    static const struct {
        const char *name;
        enum start_option option;
    } all[] = {
        { "server", START_SERVER }, { "timeout", START_TIMEOUT },
        { "client-configuration", START_FILE }, { "o", START_OUTPUT },
        { "output", START_OUTPUT },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(all); i++) {
        if (strcmp(all[i].name, name) == 0) {
            return all[i].option;
        }
    }
    return START_NONE;
}

/* An option without a value; false: it is none. */
static bool
start_take_flag(struct start *s, const char *name)
{
    if (strcmp(name, "r") == 0) {
        s->set.read_only = true;
    } else if (strcmp(name, "waitforconnection") == 0) {
        s->set.wait_for_connection = true;
    } else if (strcmp(name, "help") == 0 || strcmp(name, "h") == 0) {
        s->help = true;
    } else if (strcmp(name, "version") == 0) {
        s->version = true;
    } else {
        return false;
    }
    return true;
}

/* Takes the option argv[*i], and its value.  '*file' is that of
 * -client-configuration. */
static int
start_take_option(struct start *s, int argc, char **argv, int *i,
                  const char **file, struct zk_errmsg *em)
{
    const char *word = argv[*i];
    const char *name = word + (word[1] == '-' ? 2 : 1);
    enum start_option option = start_option_of(name);

    if (system_properties_take_option(s->props, word)
        || start_take_flag(s, name)) {
        return ZK_OK;
    }
    if (option == START_NONE) {
        return zk_fail(em, ZK_ECONFIG, "unknown option %s", word);
    }
    if (*i + 1 >= argc) {
        return zk_fail(em, ZK_ECONFIG, "Error: no argument found for option "
                       "%s", word);
    }
    (*i)++;
    switch (option) {
    case START_SERVER:
        s->set.server = argv[*i];
        return ZK_OK;
    case START_TIMEOUT:
        return start_take_timeout(s, argv[*i], em);
    case START_OUTPUT:
        return start_take_output(s, argv[*i], em);
    default:
        *file = argv[*i];
        return ZK_OK;
    }
}

/* ---- properties --------------------------------------------------------- */

/* How the client connects: plain, or by TLS when the properties ask for it
 * (zookeeper.client.secure; zookeeper.ssl.* name keys and trust).
 * zookeeper.clientCnxnSocket tells Java which of its classes can do TLS; here
 * all can, and it means nothing. */
static int
start_set_net(struct start *s, struct zk_errmsg *em)
{
    int rv = ZK_OK;

    s->net.nodelay = true;
    s->set.net = &s->net;
    s->secure = system_properties_bool(s->props, "zookeeper.client.secure",
                                       false);
    if (s->secure) {
        rv = tls_config_read(s->props, TLS_CLIENT_PREFIX, &s->tls, em);
    }
    if (s->secure && rv == ZK_OK) {
        rv = tls_context_create(&s->tls, TLS_SIDE_CLIENT, &s->net.tls, em);
        s->net.connect_tls = true;
    }
    return rv;
}

static int
start_take_number(struct start *s, const char *name, int32_t *out,
                  struct zk_errmsg *em)
{
    int64_t value;
    int rv = system_properties_long(s->props, name, *out, &value, em);

    if (rv == ZK_OK && (value < 0 || value > INT32_MAX)) {
        rv = zk_fail(em, ZK_ECONFIG, "%s=%s is out of range", name,
                     system_properties_get(s->props, name));
    }
    *out = rv == ZK_OK ? (int32_t) value : *out;
    return rv;
}

static int
start_take_properties(struct start *s, struct zk_errmsg *em)
{
    int rv = start_take_number(s, "zookeeper.request.timeout",
                               &s->set.call_timeout_ms, em);

    if (rv == ZK_OK) {
        rv = start_take_number(s, "jute.maxbuffer", &s->set.max_buffer, em);
    }
    if (rv == ZK_OK) {
        rv = system_properties_long(s->props, "zkd.treeMaxBytes",
                                    START_TREE_BYTES,
                                    &s->set.tree_max_bytes, em);
    }
    if (s->set.call_timeout_ms == 0) {
        /* A server that lives and does not answer: no wait without an end. */
        s->set.call_timeout_ms = s->set.timeout_ms > START_TIMEOUT_MS
                                 ? s->set.timeout_ms
                                 : START_TIMEOUT_MS;
    }
    return rv == ZK_OK ? start_set_net(s, em) : rv;
}

int
start_parse(int argc, char **argv, struct start *out, struct zk_errmsg *em)
{
    const char *file = NULL;
    int i, rv = ZK_OK;

    *out = (struct start) {
        .set = { .server = "localhost:2181",
                 .timeout_ms = START_TIMEOUT_MS },
        .props = system_properties_create(),
    };
    for (i = 1; i < argc && argv[i][0] == '-' && rv == ZK_OK; i++) {
        rv = start_take_option(out, argc, argv, &i, &file, em);
    }
    for (; i < argc; i++) {
        words_add(&out->command, argv[i], strlen(argv[i]));
    }
    if (rv == ZK_OK && file != NULL) {
        rv = start_take_file(out, file, em);
    }
    if (rv == ZK_OK && !out->help && !out->version) {
        rv = start_take_properties(out, em);
    }
    return rv;
}

void
start_fini(struct start *s)
{
    words_fini(&s->command);
    tls_context_unref(s->net.tls);
    tls_config_fini(&s->tls);
    system_properties_destroy(s->props);
}
