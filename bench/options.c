/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

#include <config.h>

#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "common.h"

static const char *const mode_names[MODE_COUNT] = {
    "read", "write", "mixed", "create", "ping", "fill", "first-answer", "rss"
};

static const char help_text[] =
"Usage: zkbench [OPTION]... MODE [HOST:PORT]\n"
"Puts load on a ZooKeeper server, checks every reply, and measures.\n"
"HOST:PORT is 127.0.0.1:2181 unless given; several, with commas between, are\n"
      "the members of one ensemble: sessions are spread over them.\n"
"\n"
"Modes\n"
"  read          getData of random znodes\n"
"  write         setData of random znodes\n"
"  mixed         both, see -r\n"
"  create        create znodes, deleted again at the end\n"
"  ping          ping\n"
"  fill          create -n znodes below --path and leave them there\n"
"  first-answer  wait until a server that is being started answers exists on\n"
"                --path (here / unless given), and tell that moment\n"
"  rss           memory of the process --pid\n"
"\n"
"Load\n"
"  -c, --connections N    sessions [16]\n"
"  -p, --outstanding N    requests in flight on each [16]\n"
"  -t, --threads N        threads that share the sessions [1]\n"
"  -s, --size BYTES       data of each znode [100]\n"
"  -k, --keys N           znodes made for read, write and mixed [1000]\n"
"  -r, --read-percent N   share of reads in mixed [90]\n"
"  -d, --duration SEC     measured time [5]\n"
"  -n, --operations N     stop after N operations instead (fill: [1000000])\n"
"  -w, --warm-up SEC      run before measuring; not with -n [1]\n"
"      --path PATH        parent of everything that is created [/zkbench]\n"
"      --per-parent N     fill: at most N znodes per parent [0: no limit]\n"
"      --filled N         read, write, mixed: use the first N znodes that a\n"
"                         fill with the same -s, --path, --per-parent made\n"
"      --keep             leave the znodes that were created\n"
"      --check-data       compare the bytes that getData returns\n"
"      --spin             poll the sockets instead of sleeping\n"
"      --stall SEC        fail when no reply comes for so long [30]\n"
"      --pid PID          the server's process: adds its memory and\n"
"                         processor time to the report\n"
"\n"
"      --tls              speak TLS\n"
"      --tls-trust STORE  whom to trust (zookeeper.ssl.trustStore.location)\n"
"      --tls-key STORE    key and certificate to show, if asked for\n"
"      --tls-password PW  of these stores\n"
"\n"
"first-answer\n"
"      --timeout SEC      give up after this [120]\n"
"      --pause-us N       microseconds between attempts [1000]\n"
"\n"
"      --json             report as one JSON object\n"
"      --allow-remote     accept an address outside this host's loopback\n"
"      --help             this text\n"
"\n"
"Exit status: 0 all replies right; 1 a wrong or missing reply; 2 usage.\n";

enum {
    OPT_PATH = 256, OPT_PER_PARENT, OPT_FILLED, OPT_KEEP, OPT_CHECK_DATA,
    OPT_SPIN, OPT_STALL, OPT_PID, OPT_TIMEOUT, OPT_PAUSE_US, OPT_JSON,
    OPT_ALLOW_REMOTE, OPT_TLS, OPT_TLS_TRUST, OPT_TLS_KEY, OPT_TLS_PASSWORD,
    OPT_HELP
};

static const struct option long_options[] = {
    { "connections", required_argument, NULL, 'c' },
    { "outstanding", required_argument, NULL, 'p' },
    { "threads", required_argument, NULL, 't' },
    { "size", required_argument, NULL, 's' },
    { "keys", required_argument, NULL, 'k' },
    { "read-percent", required_argument, NULL, 'r' },
    { "duration", required_argument, NULL, 'd' },
    { "operations", required_argument, NULL, 'n' },
    { "warm-up", required_argument, NULL, 'w' },
    { "path", required_argument, NULL, OPT_PATH },
    { "per-parent", required_argument, NULL, OPT_PER_PARENT },
    { "filled", required_argument, NULL, OPT_FILLED },
    { "keep", no_argument, NULL, OPT_KEEP },
    { "check-data", no_argument, NULL, OPT_CHECK_DATA },
    { "spin", no_argument, NULL, OPT_SPIN },
    { "stall", required_argument, NULL, OPT_STALL },
    { "pid", required_argument, NULL, OPT_PID },
    { "timeout", required_argument, NULL, OPT_TIMEOUT },
    { "pause-us", required_argument, NULL, OPT_PAUSE_US },
    { "json", no_argument, NULL, OPT_JSON },
    { "allow-remote", no_argument, NULL, OPT_ALLOW_REMOTE },
    { "tls", no_argument, NULL, OPT_TLS },
    { "tls-trust", required_argument, NULL, OPT_TLS_TRUST },
    { "tls-key", required_argument, NULL, OPT_TLS_KEY },
    { "tls-password", required_argument, NULL, OPT_TLS_PASSWORD },
    { "help", no_argument, NULL, OPT_HELP },
    { NULL, 0, NULL, 0 }
};

static void __attribute__((noreturn, format(printf, 1, 2)))
usage(const char *format, ...)
{
    va_list args;

    fputs("zkbench: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("\nTry 'zkbench --help'.\n", stderr);
    exit(EXIT_USAGE);
}

static uint64_t
parse_number(const char *what, const char *text, uint64_t low, uint64_t high)
{
    char *end;
    unsigned long long v;

    errno = 0;
    v = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-'
        || v < low || v > high) {
        usage("%s: '%s' is not a number from %llu to %llu", what, text,
              (unsigned long long) low, (unsigned long long) high);
    }
    return v;
}

static double
parse_seconds(const char *what, const char *text)
{
    char *end;
    double v = strtod(text, &end);

    if (end == text || *end != '\0' || !isfinite(v) || v < 0 || v > 86400) {
        usage("%s: '%s' is not a number of seconds from 0 to 86400", what,
              text);
    }
    return v;
}

const char *
mode_name(enum mode mode)
{
    return mode_names[mode];
}

static enum mode
parse_mode(const char *text)
{
    for (unsigned i = 0; i < MODE_COUNT; i++) {
        if (strcmp(text, mode_names[i]) == 0) {
            return (enum mode) i;
        }
    }
    usage("there is no mode '%s'", text);
}

static const char *
parse_path(const char *text)
{
    size_t n = strlen(text);

    if (text[0] != '/' || n > 512 || strstr(text, "//")
        || (n > 1 && text[n - 1] == '/')) {
        usage("--path: '%s' is not the path of a znode", text);
    }
    return text;
}

/* Numbers and paths; false if 'c' is not one of them. */
static bool
parse_load_option(struct options *o, int c, const char *arg)
{
    switch (c) {
    case 'c':
        o->connections = (unsigned) parse_number("-c", arg, 1, 60000);
        return true;
    case 'p':
        o->outstanding = (unsigned) parse_number("-p", arg, 1, 100000);
        return true;
    case 't':
        o->threads = (unsigned) parse_number("-t", arg, 1, 256);
        return true;
    case 's':
        o->data_size = parse_number("-s", arg, 0, 64U * 1024 * 1024);
        return true;
    case 'k':
        o->keys = parse_number("-k", arg, 1, UINT32_MAX);
        return true;
    case 'r':
        o->read_percent = (unsigned) parse_number("-r", arg, 0, 100);
        return true;
    case 'd':
        o->duration_s = parse_seconds("-d", arg);
        return true;
    case 'n':
        o->operations = parse_number("-n", arg, 1, 9999999999);
        return true;
    case 'w':
        o->warm_s = parse_seconds("-w", arg);
        return true;
    case OPT_PATH:
        o->path = parse_path(arg);
        return true;
    case OPT_PER_PARENT:
        o->per_parent = parse_number("--per-parent", arg, 0, UINT32_MAX);
        return true;
    case OPT_FILLED:
        o->filled = parse_number("--filled", arg, 1, UINT32_MAX);
        return true;
    default:
        return false;
    }
}

static bool
parse_tls_option(struct options *o, int c, const char *arg)
{
    o->use_tls = o->use_tls || c == OPT_TLS;
    switch (c) {
    case OPT_TLS:
        return true;
    case OPT_TLS_TRUST:
        o->tls.trust = arg;
        return true;
    case OPT_TLS_KEY:
        o->tls.key = arg;
        return true;
    case OPT_TLS_PASSWORD:
        o->tls.password = arg;
        return true;
    default:
        return false;
    }
}

/* The rest; false if 'c' is none of them either. */
static bool
parse_other_option(struct options *o, int c, const char *arg)
{
    switch (c) {
    case OPT_KEEP:
        o->keep = true;
        return true;
    case OPT_CHECK_DATA:
        o->check_data = true;
        return true;
    case OPT_SPIN:
        o->spin = true;
        return true;
    case OPT_STALL:
        o->stall_s = (unsigned) parse_number("--stall", arg, 1, 86400);
        return true;
    case OPT_PID:
        o->pid = (pid_t) parse_number("--pid", arg, 1, INT32_MAX);
        return true;
    case OPT_TIMEOUT:
        o->timeout_s = (unsigned) parse_number("--timeout", arg, 1, 86400);
        return true;
    case OPT_PAUSE_US:
        o->pause_us = (unsigned) parse_number("--pause-us", arg, 0, 10000000);
        return true;
    case OPT_JSON:
        o->json = true;
        return true;
    default:
        return false;
    }
}

/* What only makes sense together, and defaults that depend on the mode. */
static void
check_together(struct options *o)
{
    if (o->mode == MODE_RSS && o->pid == 0) {
        usage("rss needs --pid");
    }
    if (o->filled != 0 && o->mode > MODE_MIXED) {
        usage("--filled is for read, write and mixed");
    }
    if (o->path == NULL) {
        o->path = o->mode == MODE_FIRST_ANSWER ? "/" : "/zkbench";
    }
    if (o->path[1] == '\0' && o->mode != MODE_FIRST_ANSWER) {
        usage("--path must not be the root");
    }
    if (o->mode == MODE_FILL && o->operations == 0) {
        o->operations = 1000000;
    }
    if (o->operations == 0 && o->duration_s <= 0) {
        usage("-d must be more than 0");
    }
    if (o->filled != 0) {
        o->keys = o->filled;
    }
}

/* "HOST:PORT[,HOST:PORT...]" */
static void
parse_addresses(struct options *o, const char *text, bool allow_remote)
{
    char copy[1024];
    char *rest = copy, *one;

    if ((size_t) snprintf(copy, sizeof copy, "%s", text) >= sizeof copy) {
        usage("'%s' is too long", text);
    }
    while ((one = strsep(&rest, ",")) != NULL) {
        struct address *a = &o->addresses[o->n_addresses];
        const char *bad = o->n_addresses == ADDRESSES_MAX
                              ? "more addresses than can be used"
                              : address_parse(a, one);

        if (bad) {
            usage("'%s': %s", one, bad);
        }
        if (!allow_remote && !address_is_loopback(a)) {
            usage("%s is not this host's loopback; --allow-remote if the "
                  "load is welcome there", a->text);
        }
        o->n_addresses++;
    }
}

void
options_parse(struct options *o, int argc, char **argv)
{
    bool allow_remote = false;
    bool warm_given = false;
    int c;

    *o = (struct options) {
        .connections = 16, .outstanding = 16, .threads = 1, .data_size = 100,
        .keys = 1000, .read_percent = 90, .duration_s = 5, .warm_s = 1,
        .stall_s = 30, .timeout_s = 120, .pause_us = 1000
    };
    while ((c = getopt_long(argc, argv, "c:p:t:s:k:r:d:n:w:", long_options,
                            NULL)) != -1) {
        if (c == OPT_HELP) {
            fputs(help_text, stdout);
            exit(EXIT_SUCCESS);
        } else if (c == OPT_ALLOW_REMOTE) {
            allow_remote = true;
        } else if (!parse_load_option(o, c, optarg)
                   && !parse_tls_option(o, c, optarg)
                   && !parse_other_option(o, c, optarg)) {
            fputs("Try 'zkbench --help'.\n", stderr);
            exit(EXIT_USAGE);
        }
        warm_given = warm_given || c == 'w';
    }
    if (optind >= argc || argc - optind > 2) {
        usage(optind >= argc ? "which mode?" : "too many arguments");
    }
    o->mode = parse_mode(argv[optind]);
    parse_addresses(o, optind + 1 < argc ? argv[optind + 1]
                    : "127.0.0.1:2181", allow_remote);
    if (o->operations != 0 && warm_given) {
        usage("-w goes with -d, not with -n");
    }
    check_together(o);
}
