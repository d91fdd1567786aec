/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * tool_snapshot.c: zktool snapshot (Java: SnapshotFormatter,
 * SnapshotRecursiveSummary).
 */
#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "persistence/file_list.h"
#include "tools/progress.h"
#include "tools/snap_print.h"

/* Nodes between two reports of how far the printing is. */
#define TS_PROGRESS 4096

static const char ts_usage[] =
    "Usage: zktool snapshot [-d | -json] [--partial] FILE\n"
    "       zktool snapshot --summary NODE [--depth N] [--partial] FILE\n"
    "  -d, --data       the data of each znode, in base64\n"
    "  -json, --json    names and sizes, in the format of ncdu\n"
    "  --summary NODE   znodes and bytes below NODE and each of its "
    "descendants\n"
    "  --depth N        so many levels below NODE are shown (0: all)\n"
    "  --partial        of a damaged file, what stands before the damage\n"
    "A snapshot may be compressed (.gz, .snappy).\n";

struct ts_options {
    bool data;
    bool json;
    bool partial;
    const char *summary;
    int32_t depth;
    const char *file;
};

enum { TS_SUMMARY = 256, TS_DEPTH, TS_PARTIAL };

static const struct option ts_long_options[] = {
    { "data", no_argument, NULL, 'd' },
    { "json", no_argument, NULL, 'j' },
    { "summary", required_argument, NULL, TS_SUMMARY },
    { "depth", required_argument, NULL, TS_DEPTH },
    { "partial", no_argument, NULL, TS_PARTIAL },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static int
ts_invalid(const char *why)
{
    if (why != NULL) {
        fprintf(stderr, "%s\n", why);
    }
    fputs(ts_usage, stderr);
    return TOOL_EXIT_INVALID;
}

/* False when the arguments are wrong, or with *code when there is nothing
 * more to do. */
static bool
ts_parse(int argc, char **argv, struct ts_options *o, int *code)
{
    int c;

    *code = -1;
    opterr = 0;
    optind = 1;
    while ((c = getopt_long_only(argc, argv, "dh", ts_long_options, NULL))
           != -1) {
        switch (c) {
        case 'd':
            o->data = true;
            break;
        case 'j':
            o->json = true;
            break;
        case TS_SUMMARY:
            o->summary = optarg;
            break;
        case TS_DEPTH:
            if (!tool_parse_int(optarg, &o->depth)) {
                return false;
            }
            break;
        case TS_PARTIAL:
            o->partial = true;
            break;
        case 'h':
            fputs(ts_usage, stdout);
            *code = TOOL_EXIT_OK;
            return false;
        default:
            tool_refuse_option(argv);
            return false;
        }
    }
    o->file = argv[optind];
    return argc - optind == 1;
}

/* Java: ZKUtil.validateFileInput. */
static bool
ts_check_file(const char *path)
{
    char *whole = realpath(path, NULL);
    const char *shown = whole != NULL ? whole : path;
    struct stat st;
    bool ok = false;

    if (stat(path, &st) != 0) {
        fprintf(stderr, "File '%s' does not exist.\n", shown);
    } else if (access(path, R_OK) != 0) {
        fprintf(stderr, "Read permission is denied on the file '%s'\n",
                shown);
    } else if (S_ISDIR(st.st_mode)) {
        fprintf(stderr, "'%s' is a directory. it must be a file.\n", shown);
    } else {
        ok = true;
    }
    free(whole);
    return ok;
}

/* ---- printing ---------------------------------------------------------- */

static int
ts_print_nodes(struct snap_index *ix, struct tool_out *out, bool data,
               int64_t *last_zxid, struct zk_errmsg *em)
{
    struct snap_print sp = { .ix = ix, .out = out, .data = data };
    struct progress bar;
    int64_t done = 0;
    uint32_t node = 0, up;
    int rv = ZK_OK;

    progress_start(&bar, "printing",
                   out->terminal ? 0 : snap_index_count(ix));
    sp.last_zxid = INT64_MIN;
    while (node != SNAP_INDEX_NONE && rv == ZK_OK && !out->broken) {
        rv = snap_print_node(&sp, node, em);
        node = snap_index_next(ix, 0, node, &up);
        if (++done % TS_PROGRESS == 0) {
            progress_update(&bar, done);
        }
    }
    progress_end(&bar);
    snap_print_fini(&sp);
    *last_zxid = sp.last_zxid;
    return rv;
}

/* Java: SnapshotFormatter.printDetails. */
static int
ts_print_details(struct snap_index *ix, struct tool_out *out,
                 const struct ts_options *o, struct zk_errmsg *em)
{
    const char *slash = strrchr(o->file, '/');
    int64_t named = zk_file_name_zxid(slash != NULL ? slash + 1 : o->file,
                                      "snapshot");
    int64_t last;
    int rv;

    /* Java counts the root twice. */
    zk_buf_printf(&out->buf, "ZNode Details (count=%" PRIu32 "):\n",
                  snap_index_count(ix) + 1);
    rv = ts_print_nodes(ix, out, o->data, &last, em);
    if (rv != ZK_OK) {
        return rv;
    }
    tool_append(&out->buf, "----\n");
    snap_print_sessions(ix, out);
    zk_buf_printf(&out->buf, "----\nLast zxid: 0x%" PRIx64 "\n",
                  (uint64_t) (named > last ? named : last));
    return ZK_OK;
}

/* Java: SnapshotFormatter.printSnapshotJson; ncdu's export format. */
static void
ts_print_json(struct snap_index *ix, struct tool_out *out)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    zk_buf_printf(&out->buf, "[1,0,{\"progname\":\"SnapshotFormatter.java\","
                  "\"progver\":\"0.01\",\"timestamp\":%lld}",
                  (long long) now.tv_sec * 1000 + now.tv_nsec / 1000000);
    snap_print_json(ix, out);
    tool_append(&out->buf, "]");
}

static int
ts_print(struct snap_index *ix, struct tool_out *out,
         const struct ts_options *o, struct zk_errmsg *em)
{
    if (o->summary != NULL) {
        return snap_print_summary(ix, out, o->summary, o->depth, em);
    }
    if (o->json) {
        ts_print_json(ix, out);
        return ZK_OK;
    }
    return ts_print_details(ix, out, o, em);
}

static int
ts_run(const struct tool *t, const struct ts_options *o)
{
    const struct snap_index_options opts = {
        .max_buffer = t->max_record, .partial = o->partial,
        .content = o->summary == NULL && !o->json,
    };
    struct zk_errmsg damage = { "" };
    struct zk_errmsg em;
    struct snap_index *ix;
    struct tool_out out;
    int code;

    if (snap_index_read(o->file, &opts, &ix, &damage, &em) != ZK_OK) {
        return tool_fail("%s%s", em.text,
                         damage.text[0] == '\0' ? "" : " (--partial prints "
                         "those)");
    }
    tool_out_init(&out);
    code = ts_print(ix, &out, o, &em);
    if (code != ZK_OK) {
        tool_fail("%s", em.text);
    }
    snap_index_destroy(ix);
    if (tool_out_fini(&out) != TOOL_EXIT_OK || code != ZK_OK) {
        return TOOL_EXIT_FAILED;
    }
    return damage.text[0] == '\0' ? TOOL_EXIT_OK
                                  : tool_fail("%s", damage.text);
}

int
tool_snapshot_main(const struct tool *t, int argc, char **argv)
{
    struct ts_options o = { .depth = 0 };
    int code;

    if (!ts_parse(argc, argv, &o, &code)) {
        return code >= 0 ? code : ts_invalid(NULL);
    }
    if (!ts_check_file(o.file)) {
        return TOOL_EXIT_INVALID;
    }
    if (o.data && o.json) {
        return ts_invalid("Cannot specify both data dump (-d) and json mode "
                          "(-json) in same call");
    }
    if (o.summary != NULL && (o.data || o.json)) {
        return ts_invalid("--summary shows neither data nor json");
    }
    return ts_run(t, &o);
}
