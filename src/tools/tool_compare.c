/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * tool_compare.c: zktool compare (Java: SnapshotComparer): where two
 * snapshots differ by many bytes or many nodes, level by level.
 */
#include <config.h>

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/snap_levels.h"
#include "tools/tool.h"

static const char tc_usage[] =
    "Usage: zktool compare -l FILE -r FILE -b BYTES -n NODES [-d] [-i]\n"
    "  -l, --left FILE      one snapshot...\n"
    "  -r, --right FILE     ...and the other, compressed or not\n"
    "  -b, --bytes BYTES    subtrees are shown that differ by more bytes\n"
    "  -n, --nodes NODES    ...or by more nodes\n"
    "  -d, --debug          show every comparison\n"
    "  -i, --interactive    ask which level or subtree to compare\n";

struct tc {
    const char *files[2];       /* Left and right. */
    int32_t bytes, nodes;       /* More than this is shown. */
    bool has_bytes, has_nodes;
    bool debug, interactive;

    struct snap_levels *trees[2];
    struct zk_buf paths[2];     /* Of the nodes that are compared. */
    struct tool_out out;
};

static const struct option tc_long_options[] = {
    { "left", required_argument, NULL, 'l' },
    { "right", required_argument, NULL, 'r' },
    { "bytes", required_argument, NULL, 'b' },
    { "nodes", required_argument, NULL, 'n' },
    { "debug", no_argument, NULL, 'd' },
    { "interactive", no_argument, NULL, 'i' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static int
tc_invalid(const char *why)
{
    fprintf(stderr, "%s\n", why);
    fputs(tc_usage, stderr);
    return TOOL_EXIT_INVALID;
}

static int
tc_number(const char *text, int32_t *out, bool *given)
{
    if (!tool_parse_int(text, out)) {
        fprintf(stderr, "'%s' can not be parsed to integer.\n", text);
        return tc_invalid("The thresholds are numbers.");
    }
    *given = true;
    return -1;
}

/* One option; the exit code, or -1 to go on. */
static int
tc_option(struct tc *tc, int c)
{
    switch (c) {
    case 'l':
        tc->files[0] = optarg;
        return -1;
    case 'r':
        tc->files[1] = optarg;
        return -1;
    case 'b':
        return tc_number(optarg, &tc->bytes, &tc->has_bytes);
    case 'n':
        return tc_number(optarg, &tc->nodes, &tc->has_nodes);
    case 'd':
        tc->debug = true;
        return -1;
    case 'i':
        tc->interactive = true;
        return -1;
    case 'h':
        fputs(tc_usage, stdout);
        return TOOL_EXIT_OK;
    default:
        return tc_invalid("Unrecognized option, or one without its value");
    }
}

static int
tc_parse(struct tc *tc, int argc, char **argv)
{
    char missing[64] = "";
    int code = -1;
    int c;

    opterr = 0;
    optind = 1;
    while (code < 0
           && (c = getopt_long(argc, argv, "l:r:b:n:dih", tc_long_options,
                               NULL)) != -1) {
        code = tc_option(tc, c);
    }
    if (code >= 0) {
        return code;
    }
    snprintf(missing, sizeof missing, "%s%s%s%s",
             tc->files[0] == NULL ? ", l" : "",
             tc->files[1] == NULL ? ", r" : "", tc->has_bytes ? "" : ", b",
             tc->has_nodes ? "" : ", n");
    if (missing[0] != '\0') {
        fprintf(stderr, "Missing required options: %s\n", missing + 2);
        fputs(tc_usage, stderr);
        return TOOL_EXIT_INVALID;
    }
    return -1;
}

/* ---- comparing --------------------------------------------------------- */

/* A list of nodes of one tree, in the order of their paths. */
struct tc_list {
    const uint32_t *v;
    uint32_t n;
};

static struct zk_slice
tc_path(struct tc *tc, int side, uint32_t node)
{
    struct zk_buf *b = &tc->paths[side];

    zk_buf_clear(b);
    snap_index_path(snap_levels_index(tc->trees[side]), node, b);
    return zk_slice(b->data, (int32_t) b->len);
}

static void
tc_one_side(struct tc *tc, int side, uint32_t node, struct zk_slice path)
{
    static const char *const names[] = { "left", "right" };
    const struct snap_sum *s = snap_levels_sum(tc->trees[side], node);
    struct zk_buf *b = &tc->out.buf;

    if (s->bytes > tc->bytes || s->descendants > tc->nodes) {
        tool_append(b, "Node ");
        tool_append_text(b, path);
        zk_buf_printf(b, " found only in %s tree. Descendant size: %" PRId64
                      ". Descendant count: %" PRId64 "\n", names[side],
                      s->bytes, s->descendants);
    } else if (tc->debug || tc->interactive) {
        zk_buf_printf(b, "Filtered %s node ", names[side]);
        tool_append_text(b, path);
        zk_buf_printf(b, " of size %" PRId64 "\n", s->bytes);
    }
}

static void
tc_both_sides(struct tc *tc, uint32_t left, uint32_t right,
              struct zk_slice path)
{
    const struct snap_sum *l = snap_levels_sum(tc->trees[0], left);
    const struct snap_sum *r = snap_levels_sum(tc->trees[1], right);
    int64_t bytes = r->bytes - l->bytes;
    int64_t nodes = r->descendants - l->descendants;
    struct zk_buf *b = &tc->out.buf;

    if (llabs(bytes) > tc->bytes || llabs(nodes) > tc->nodes) {
        tool_append(b, "Node ");
        tool_append_text(b, path);
        zk_buf_printf(b, " found in both trees. Delta: %" PRId64 " bytes, %"
                      PRId64 " descendants\n", bytes, nodes);
    } else if (tc->debug || tc->interactive) {
        tool_append(b, "Filtered node ");
        tool_append_text(b, path);
        zk_buf_printf(b, " of left size %" PRId64 ", right size %" PRId64
                      "\n", l->bytes, r->bytes);
    }
}

/* Compares two paths: which side comes first (0: the same), told when
 * debugging. */
static int
tc_which(struct tc *tc, struct zk_slice left, struct zk_slice right)
{
    int which = java_compare(left, right);
    struct zk_buf *b = &tc->out.buf;

    if (tc->debug) {
        tool_append(b, "Comparing ");
        tool_append_text(b, left);
        tool_append(b, " to ");
        tool_append_text(b, right);
        tool_append(b, which < 0   ? "\nleft is less\n"
                       : which > 0 ? "\nright is less\n"
                                   : "\nsame\n");
    }
    return which;
}

static void
tc_lists(struct tc *tc, struct tc_list left, struct tc_list right)
{
    struct zk_slice l = ZK_SLICE_NULL, r = ZK_SLICE_NULL;
    uint32_t i = 0, k = 0;
    int which;

    while ((i < left.n || k < right.n) && !tc->out.broken) {
        if (i < left.n && zk_slice_is_null(l)) {
            l = tc_path(tc, 0, left.v[i]);
        }
        if (k < right.n && zk_slice_is_null(r)) {
            r = tc_path(tc, 1, right.v[k]);
        }
        which = i == left.n ? 1 : k == right.n ? -1 : tc_which(tc, l, r);
        if (which < 0) {
            tc_one_side(tc, 0, left.v[i], l);
        } else if (which > 0) {
            tc_one_side(tc, 1, right.v[k], r);
        } else {
            tc_both_sides(tc, left.v[i], right.v[k], l);
        }
        if (which <= 0) {
            i++;
            l = ZK_SLICE_NULL;
        }
        if (which >= 0) {
            k++;
            r = ZK_SLICE_NULL;
        }
        tool_out_poll(&tc->out);
    }
}

static void
tc_depth(struct tc *tc, uint32_t depth)
{
    struct tc_list lists[2];

    zk_buf_printf(&tc->out.buf, "Analysis for depth %" PRIu32 "\n", depth);
    for (int i = 0; i < 2; i++) {
        lists[i].n = snap_levels_level(tc->trees[i], depth, &lists[i].v);
    }
    tc_lists(tc, lists[0], lists[1]);
}

static void
tc_subtree(struct tc *tc, struct zk_slice path)
{
    struct tc_list lists[2] = { { NULL, 0 }, { NULL, 0 } };
    bool found = false;

    tool_append(&tc->out.buf, "Analysis for node ");
    tool_append_text(&tc->out.buf, path);
    tool_append(&tc->out.buf, "\n");
    for (int i = 0; i < 2; i++) {
        struct snap_levels *tree = tc->trees[i];
        /* In Java's tables the root has no slash. */
        uint32_t node = path.len == 1
                        ? SNAP_INDEX_NONE
                        : snap_index_find(snap_levels_index(tree), path);

        if (node != SNAP_INDEX_NONE) {
            found = true;
            lists[i].n = snap_levels_children(tree, node, &lists[i].v);
        }
    }
    if (found) {
        tc_lists(tc, lists[0], lists[1]);
        return;
    }
    tool_append(&tc->out.buf, "Path ");
    tool_append_text(&tc->out.buf, path);
    tool_append(&tc->out.buf,
                " is neither found in left tree nor right tree.\n");
}

/* ---- the conversation -------------------------------------------------- */

static void
tc_thresholds(struct tc *tc)
{
    zk_buf_printf(&tc->out.buf, "Printing analysis for nodes difference "
                  "larger than %" PRId32 " bytes or node count difference "
                  "larger than %" PRId32 ".\n", tc->bytes, tc->nodes);
}

/* What was typed: a number. */
static void
tc_to_depth(struct tc *tc, const char *line, uint32_t max_depth,
            uint32_t *depth)
{
    struct zk_buf *b = &tc->out.buf;
    int32_t to;

    if (!tool_parse_int(line, &to)) {
        zk_buf_printf(b, "Input %s is not valid. Depth must be in range [0, "
                      "%" PRIu32 "]. Path must be an absolute path which "
                      "starts with '/'.\n\n", line, max_depth - 1);
    } else if (to < 0 || (uint32_t) to >= max_depth) {
        zk_buf_printf(b, "Depth must be in range [0, %" PRIu32 "]\n",
                      max_depth - 1);
    } else {
        *depth = (uint32_t) to;
        tc_depth(tc, *depth);
        tool_append(b, "\n");
    }
}

/* Until all levels were shown, one after the other or by number; false at
 * the end of the input. */
static bool
tc_converse(struct tc *tc, uint32_t max_depth)
{
    struct zk_buf *b = &tc->out.buf;
    uint32_t depth = 0;
    char *line = NULL;
    size_t cap = 0;

    while (depth < max_depth) {
        zk_buf_printf(b, "Current depth is %" PRIu32 "\n"
                      "- Press enter to move to print current depth layer;\n"
                      "- Type a number to jump to and print all nodes at a "
                      "given depth;\n"
                      "- Enter an ABSOLUTE path to print the immediate "
                      "subtree of a node. Path must start with '/'.\n",
                      depth);
        tool_out_flush(&tc->out);
        if (getline(&line, &cap, stdin) < 0) {
            break;
        }
        line[strcspn(line, "\r\n")] = '\0';
        tc_thresholds(tc);
        if (line[0] == '\0') {
            tc_depth(tc, depth++);
            tool_append(b, "\n");
        } else if (line[0] == '/') {
            tc_subtree(tc, zk_slice_str(line));
            tool_append(b, "\n");
        } else {
            tc_to_depth(tc, line, max_depth, &depth);
        }
    }
    free(line);
    return depth >= max_depth;
}

static int
tc_compare(struct tc *tc)
{
    uint32_t depths[2] = {
        snap_levels_depth(tc->trees[0]), snap_levels_depth(tc->trees[1]),
    };
    uint32_t max_depth = depths[0] > depths[1] ? depths[0] : depths[1];

    if (tc->interactive) {
        if (!tc_converse(tc, max_depth)) {
            tool_out_flush(&tc->out);
            return tool_fail("the input ended");
        }
    } else {
        tc_thresholds(tc);
        for (uint32_t i = 0; i < max_depth; i++) {
            tc_depth(tc, i);
        }
    }
    tool_append(&tc->out.buf, "All layers compared.\n");
    return TOOL_EXIT_OK;
}

/* ---- running ----------------------------------------------------------- */

static int
tc_run(const struct tool *t, struct tc *tc)
{
    struct zk_errmsg em;
    int code = TOOL_EXIT_OK;

    tool_out_init(&tc->out);
    tool_append(&tc->out.buf, "Successfully parsed options!\n");
    for (int i = 0; i < 2 && code == TOOL_EXIT_OK; i++) {
        if (snap_levels_read(tc->files[i], t->max_record, &tc->out,
                             &tc->trees[i], &em) != ZK_OK) {
            tool_out_flush(&tc->out);
            code = tool_fail("%s", em.text);
        }
    }
    if (code == TOOL_EXIT_OK) {
        snap_levels_describe(tc->trees[0], &tc->out.buf);
        snap_levels_describe(tc->trees[1], &tc->out.buf);
        code = tc_compare(tc);
        if (snap_levels_is_damaged(tc->trees[0])
            || snap_levels_is_damaged(tc->trees[1])) {
            code = TOOL_EXIT_FAILED;
        }
    }
    for (int i = 0; i < 2; i++) {
        snap_levels_destroy(tc->trees[i]);
        zk_buf_fini(&tc->paths[i]);
    }
    return tool_out_fini(&tc->out) == TOOL_EXIT_OK ? code
                                                   : TOOL_EXIT_FAILED;
}

int
tool_compare_main(const struct tool *t, int argc, char **argv)
{
    struct tc tc = { .debug = false };
    int code = tc_parse(&tc, argc, argv);

    return code >= 0 ? code : tc_run(t, &tc);
}
