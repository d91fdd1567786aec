/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_quota.c: setquota, listquota, delquota.  A quota is two znodes below
 * /zookeeper/quota that the client makes; see quota_text.h. */
#include <config.h>

#include "shell/shell.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/server_address.h"
#include "shell/quota_text.h"
#include "shell/walk.h"

/* What a step came to: KE_OK, an error of the server, or this, for what has
 * been complained of already. */
#define QT_TOLD 2

/* ---- one request -------------------------------------------------------- */

/* The error of an operation; the answer, unless 'a' is NULL, is the
 * caller's. */
static int32_t
qt_call(struct shell *sh, struct zk_op op, struct link_answer *a)
{
    struct link_answer mine;
    int32_t err = shell_link_call(sh->link, &op, a != NULL ? a : &mine);

    if (a == NULL) {
        link_answer_fini(&mine);
    }
    return err;
}

static int32_t
qt_create(struct shell *sh, const char *path, struct zk_slice data)
{
    return qt_call(sh, zk_op_create(path, data, acl_raw_open,
                                    CREATE_PERSISTENT, -1), NULL);
}

/* Makes a node without data unless it is there. */
static int32_t
qt_ensure(struct shell *sh, const char *path)
{
    int32_t err = qt_call(sh, zk_op_exists(path, false), NULL);

    if (err == KE_NO_NODE) {
        err = qt_create(sh, path, ZK_SLICE_NULL);
    }
    return err == KE_NODE_EXISTS ? KE_OK : err;
}

static int32_t
qt_read(struct shell *sh, const char *path, struct quota_text *out)
{
    struct link_answer a;
    int32_t err = qt_call(sh, zk_op_get_data(path, false), &a);

    if (err == KE_OK && !quota_text_parse(a.data, out)) {
        (void) shell_fail_text(sh, "%s holds no quota: %.*s", path,
                               a.data.len > 0 ? (int) a.data.len : 0,
                               a.data.p);
        err = QT_TOLD;
    }
    link_answer_fini(&a);
    return err;
}

/* The end of a command. */
static enum cli_code
qt_end(struct shell *sh, int32_t err, const char *path)
{
    if (err == KE_OK) {
        return CLI_OK;
    }
    return err == QT_TOLD ? CLI_FAILED : shell_fail(sh, err, path);
}

/* ---- setquota ----------------------------------------------------------- */

/* A quota that is being set. */
struct quota_setter {
    struct shell *sh;
    const char *path;
    char *base;                 /* QUOTA_ROOT and the path. */
    char *limits, *stats;       /* Below it. */
    struct quota_text wanted;
    bool found_child;
};

static bool
qt_is_limits(const char *node, size_t *parent_len)
{
    const char *slash = strrchr(node, '/');

    *parent_len = (size_t) (slash - node);
    return strcmp(slash + 1, QUOTA_LIMITS) == 0;
}

/* visit() of the nodes at and below the base. */
static bool
qt_find_child_quota(void *arg, const char *node)
{
    struct quota_setter *s = arg;
    size_t len;

    if (!qt_is_limits(node, &len) || len == strlen(s->base)) {
        return true;
    }
    (void) shell_fail_text(s->sh, "%s has a child %.*s which has a quota",
                           s->path, (int) (len - strlen(QUOTA_ROOT)),
                           node + strlen(QUOTA_ROOT));
    s->found_child = true;
    return false;
}

static int32_t
qt_check_children(struct quota_setter *s)
{
    const struct walk_plan plan = {
        .root = s->base, .order = WALK_DEPTH_FIRST,
        .max_bytes = s->sh->set.tree_max_bytes,
        .visit = qt_find_child_quota, .arg = s,
    };
    char *failed;
    int32_t err = walk_tree(s->sh->link, &plan, &failed);

    free(failed);
    if (s->found_child) {
        return QT_TOLD;
    }
    return err == KE_NO_NODE ? KE_OK : err;
}

/* Is there a quota on the first 'len' bytes of the base?  KE_NO_NODE: not
 * there, nor further down. */
static int32_t
qt_check_parent(struct quota_setter *s, size_t len)
{
    char *node = zk_xstrndup(s->base, len);
    struct link_answer a;
    int32_t err = qt_call(s->sh, zk_op_get_children(node, false), &a);

    if (err == KE_OK && a.names.n == 0) {
        err = KE_NO_NODE;
    }
    for (size_t i = 0; i < a.names.n && err == KE_OK; i++) {
        if (strcmp(a.names.v[i], QUOTA_LIMITS) == 0) {
            (void) shell_fail_text(s->sh, "%s has a parent %s which has a "
                                   "quota", s->path,
                                   node + strlen(QUOTA_ROOT));
            err = QT_TOLD;
        }
    }
    link_answer_fini(&a);
    free(node);
    return err;
}

static int32_t
qt_check_parents(struct quota_setter *s)
{
    size_t at = strlen(QUOTA_ROOT) + 1;
    int32_t err = KE_OK;

    for (const char *slash; err == KE_OK
                            && (slash = strchr(s->base + at, '/')) != NULL;
         at = (size_t) (slash - s->base) + 1) {
        err = qt_check_parent(s, (size_t) (slash - s->base));
    }
    return err == KE_NO_NODE ? KE_OK : err;
}

/* Makes /zookeeper/quota and all nodes of the path below it. */
static int32_t
qt_make_parents(struct quota_setter *s)
{
    int32_t err = KE_OK;

    for (size_t at = 1; err == KE_OK && at > 0;) {
        const char *slash = strchr(s->base + at, '/');
        size_t len = slash == NULL ? strlen(s->base)
                                   : (size_t) (slash - s->base);
        char *node = zk_xstrndup(s->base, len);

        err = qt_ensure(s->sh, node);
        free(node);
        at = slash == NULL ? 0 : len + 1;
    }
    return err;
}

static void
qt_warn(struct shell *sh, const struct quota_text *q,
        const struct quota_text *used)
{
    if ((q->count > -1 && q->count < used->count)
        || (q->count_hard > -1 && q->count_hard < used->count)) {
        output_warn(&sh->out, "[Warning]: the count quota you create is "
                    "less than the existing count:%" PRId64, used->count);
    }
    if ((q->bytes > -1 && q->bytes < used->bytes)
        || (q->byte_hard > -1 && q->byte_hard < used->bytes)) {
        output_warn(&sh->out, "[Warning]: the bytes quota you create is "
                    "less than the existing bytes:%" PRId64, used->bytes);
    }
}

/* Which of a quota's two nodes are there? */
struct quota_halves {
    bool limits, stats;
};

static int32_t
qt_look(struct shell *sh, const char *base, struct quota_halves *out)
{
    struct link_answer a;
    int32_t err = qt_call(sh, zk_op_get_children(base, false), &a);

    *out = (struct quota_halves) { false, false };
    for (size_t i = 0; i < a.names.n; i++) {
        out->limits |= strcmp(a.names.v[i], QUOTA_LIMITS) == 0;
        out->stats |= strcmp(a.names.v[i], QUOTA_STATS) == 0;
    }
    link_answer_fini(&a);
    return err;
}

/* All or nothing. */
static int32_t
qt_call_all(struct shell *sh, const struct zk_op *ops, size_t n)
{
    return qt_call(sh, n == 1 ? ops[0] : zk_op_multi(ops, n), NULL);
}

/* Writes the limits and makes what is missing.  The server counts what is
 * used when the stats node is made, if the limits are there by then: behind
 * new limits it is made anew. */
static int32_t
qt_put_nodes(struct quota_setter *s, const struct quota_text *limits,
             const struct quota_halves *there)
{
    const struct quota_text none = { .count = 0, .bytes = 0 };
    struct zk_buf limits_text = { 0 }, none_text = { 0 };
    struct zk_slice data;
    struct zk_op ops[3];
    size_t n = 0;
    int32_t err;

    quota_text_print(limits, &limits_text);
    quota_text_print(&none, &none_text);
    data = zk_slice(limits_text.data, (int32_t) limits_text.len);
    if (there->stats && !there->limits) {
        ops[n++] = zk_op_delete(s->stats, -1);
    }
    ops[n++] = there->limits
               ? zk_op_set_data(s->limits, data, -1)
               : zk_op_create(s->limits, data, acl_raw_open,
                              CREATE_PERSISTENT, -1);
    if (!there->stats || !there->limits) {
        ops[n++] = zk_op_create(s->stats,
                                zk_slice(none_text.data,
                                         (int32_t) none_text.len),
                                acl_raw_open, CREATE_PERSISTENT, -1);
    }
    err = qt_call_all(s->sh, ops, n);
    zk_buf_fini(&limits_text);
    zk_buf_fini(&none_text);
    return err;
}

/* Puts what is wanted over what is there. */
static void
qt_merge(const struct quota_text *w, struct quota_text *q)
{
    q->count = w->count > -1 ? w->count : q->count;
    q->bytes = w->bytes > -1 ? w->bytes : q->bytes;
    if (w->count_hard > -1) {
        q->count_hard = w->count_hard;
        q->has_count_hard = true;
    }
    if (w->byte_hard > -1) {
        q->byte_hard = w->byte_hard;
        q->has_byte_hard = true;
    }
}

/* The parents are there, and no other quota is in the way. */
static int32_t
qt_write_quota(struct quota_setter *s)
{
    struct quota_halves there;
    struct quota_text limits = s->wanted, used;
    int32_t err = qt_look(s->sh, s->base, &there);

    if (err == KE_OK && there.limits) {
        err = qt_read(s->sh, s->limits, &limits);
        qt_merge(&s->wanted, &limits);
    }
    if (err == KE_OK) {
        err = qt_put_nodes(s, &limits, &there);
    }
    if (err == KE_OK) {
        err = qt_read(s->sh, s->stats, &used);
    }
    if (err == KE_OK) {
        qt_warn(s->sh, &limits, &used);
    }
    return err;
}

static int32_t
qt_set(struct quota_setter *s)
{
    int32_t err = qt_call(s->sh, zk_op_exists(s->path, false), NULL);

    if (err == KE_NO_NODE) {
        (void) shell_fail_text(s->sh, "%s does not exist.", s->path);
        return QT_TOLD;
    }
    if (err == KE_OK && !shell_check_path(s->sh, s->base)) {
        return QT_TOLD;         /* Of "/" there is no quota. */
    }
    if (err == KE_OK) {
        err = qt_check_children(s);
    }
    if (err == KE_OK) {
        err = qt_check_parents(s);
    }
    if (err == KE_OK) {
        err = qt_make_parents(s);
    }
    return err == KE_OK ? qt_write_quota(s) : err;
}

/* The limit that the option asks for.  False after complaining. */
static bool
qt_take_option(struct shell *sh, const struct parsed_line *line,
               struct quota_text *q)
{
    const char *count = options_value(line, "n");
    const char *bytes = options_value(line, "b");
    const char *hard = options_value(line, "N");
    const char *byte_hard = options_value(line, "B");
    const char *text = count != NULL ? count : hard;
    int number;
    int64_t value;

    if (text != NULL ? !config_parse_int(text, &number)
        : !config_parse_long(bytes != NULL ? bytes : byte_hard, &value)) {
        (void) shell_fail_text(sh, "NumberFormatException happens when "
                               "parsing the option value");
        return false;
    }
    value = text != NULL ? number : value;
    if (text != NULL ? value <= 0 : value < 0) {
        (void) shell_fail_text(sh, text != NULL
                               ? "the num quota must be greater than zero"
                               : "the bytes quota must be greater than or "
                                 "equal to zero");
        return false;
    }
    *(count != NULL ? &q->count : hard != NULL ? &q->count_hard
      : bytes != NULL ? &q->bytes : &q->byte_hard) = value;
    return true;
}

enum cli_code
cmd_setquota(struct shell *sh, const struct parsed_line *line)
{
    struct quota_setter s = { .sh = sh, .path = line->args.v[1] };
    enum cli_code code;

    if (strncmp(s.path, QUOTA_ROOT, strlen(QUOTA_ROOT)) == 0) {
        return shell_fail_text(sh, "cannot set a quota under the path: "
                               QUOTA_ROOT);
    }
    quota_text_init(&s.wanted);
    s.wanted.has_byte_hard = s.wanted.has_count_hard = true;
    if (!qt_take_option(sh, line, &s.wanted)
        || !shell_check_path(sh, s.path)) {
        return CLI_FAILED;
    }
    s.base = zk_xasprintf("%s%s", QUOTA_ROOT, s.path);
    s.limits = zk_xasprintf("%s/%s", s.base, QUOTA_LIMITS);
    s.stats = zk_xasprintf("%s/%s", s.base, QUOTA_STATS);
    code = qt_end(sh, qt_set(&s), s.path);
    free(s.base);
    free(s.limits);
    free(s.stats);
    return code;
}

/* ---- listquota ---------------------------------------------------------- */

static void
qt_print(struct shell *sh, const char *what, const char *path,
         const struct quota_text *q)
{
    struct zk_buf text = { 0 };

    quota_text_print(q, &text);
    zk_buf_append(&text, "", 1);
    output_printf(&sh->out, "Output %s for %s %s\n", what, path,
                  (const char *) text.data);
    output_note(&sh->out, what, (const char *) text.data);
    zk_buf_fini(&text);
}

enum cli_code
cmd_listquota(struct shell *sh, const struct parsed_line *line)
{
    const char *path = line->args.v[1];
    char *limits = zk_xasprintf(QUOTA_ROOT "%s/" QUOTA_LIMITS, path);
    char *stats = zk_xasprintf(QUOTA_ROOT "%s/" QUOTA_STATS, path);
    struct quota_text q, used;
    enum cli_code code = CLI_FAILED;
    int32_t err = QT_TOLD;

    output_say(&sh->out, "absolute path is %s", limits);
    if (shell_check_path(sh, limits)) {
        err = qt_read(sh, limits, &q);
    }
    if (err == KE_OK) {
        err = qt_read(sh, stats, &used);
    }
    if (err == KE_NO_NODE) {
        output_say(&sh->out, "quota for %s does not exist.", path);
        code = CLI_OK;          /* As Java's: that is an answer, too. */
    } else {
        code = qt_end(sh, err, limits);
    }
    if (err == KE_OK) {
        qt_print(sh, "quota", path, &q);
        qt_print(sh, "stat", path, &used);
    }
    free(limits);
    free(stats);
    return code;
}

/* ---- delquota ----------------------------------------------------------- */

/* Removes the node and those above it that have no other children. */
static int32_t
qt_trim(struct shell *sh, char *node)
{
    int32_t err = KE_OK;

    while (err == KE_OK && strcmp(node, QUOTA_ROOT) != 0) {
        struct link_answer a;
        size_t children;

        err = qt_call(sh, zk_op_get_children(node, false), &a);
        children = a.names.n;
        link_answer_fini(&a);
        if (err == KE_OK && children > 0) {
            return KE_OK;
        }
        if (err == KE_OK) {
            err = qt_call(sh, zk_op_delete(node, -1), NULL);
        }
        *strrchr(node, '/') = '\0';
    }
    /* Another shell was there, which needs the node or has removed it. */
    return err == KE_NOT_EMPTY || err == KE_NO_NODE ? KE_OK : err;
}

/* Removes what there is of the quota, also half of it and one that nobody can
 * read; '*found': there was something. */
static int32_t
qt_remove(struct shell *sh, char *base, bool *found)
{
    char *limits = zk_xasprintf("%s/" QUOTA_LIMITS, base);
    char *stats = zk_xasprintf("%s/" QUOTA_STATS, base);
    struct quota_halves there;
    struct zk_op ops[2];
    size_t n = 0;
    int32_t err = qt_look(sh, base, &there);

    if (there.limits) {
        ops[n++] = zk_op_delete(limits, -1);
    }
    if (there.stats) {
        ops[n++] = zk_op_delete(stats, -1);
    }
    *found = n > 0;
    if (err == KE_OK && n > 0) {
        err = qt_call_all(sh, ops, n);
    }
    free(limits);
    free(stats);
    if (err == KE_OK) {
        err = qt_trim(sh, base);
    }
    return err == KE_NO_NODE && !*found ? KE_OK : err;
}

/* Takes away the limit that the option names. */
static int32_t
qt_clear(struct shell *sh, const struct parsed_line *line,
         const char *limits, bool *found)
{
    struct zk_buf text = { 0 };
    struct quota_text q;
    int32_t err = qt_read(sh, limits, &q);

    *found = err != KE_NO_NODE;
    if (err != KE_OK) {
        return *found ? err : KE_OK;
    }
    if (options_has(line, "n")) {
        q.count = -1;
    } else if (options_has(line, "b")) {
        q.bytes = -1;
    } else if (options_has(line, "N")) {
        q.count_hard = -1;
        q.has_count_hard = true;
    } else {
        q.byte_hard = -1;
        q.has_byte_hard = true;
    }
    quota_text_print(&q, &text);
    err = qt_call(sh, zk_op_set_data(limits,
                                     zk_slice(text.data, (int32_t) text.len),
                                     -1), NULL);
    zk_buf_fini(&text);
    return err;
}

enum cli_code
cmd_delquota(struct shell *sh, const struct parsed_line *line)
{
    const char *path = line->args.v[1];
    char *base = zk_xasprintf(QUOTA_ROOT "%s", path);
    char *limits = zk_xasprintf("%s/" QUOTA_LIMITS, base);
    bool one = options_has(line, "n") || options_has(line, "b")
               || options_has(line, "N") || options_has(line, "B");
    enum cli_code code;
    int32_t err = QT_TOLD;
    bool found = true;

    if (shell_check_path(sh, limits)) {
        err = one ? qt_clear(sh, line, limits, &found)
                  : qt_remove(sh, base, &found);
    }
    if (!found) {               /* As in Java no failure: it is gone. */
        output_printf(&sh->out, "Quota does not exist for %s\n", path);
    }
    code = qt_end(sh, err, limits);
    free(base);
    free(limits);
    return code;
}
