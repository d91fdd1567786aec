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
qt_write(struct shell *sh, const char *path, const struct quota_text *q,
         bool create)
{
    struct zk_buf text = { 0 };
    struct zk_slice data;
    int32_t err;

    quota_text_print(q, &text);
    data = zk_slice(text.data, (int32_t) text.len);
    err = create ? qt_create(sh, path, data)
                 : qt_call(sh, zk_op_set_data(path, data, -1), NULL);
    zk_buf_fini(&text);
    return err;
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
    char *failed;
    int32_t err = walk_tree(s->sh->link, s->base, WALK_DEPTH_FIRST, false,
                            qt_find_child_quota, s, &failed);

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
qt_warn(struct quota_setter *s, const struct quota_text *q,
        const struct quota_text *used)
{
    if ((q->count > -1 && q->count < used->count)
        || (q->count_hard > -1 && q->count_hard < used->count)) {
        output_printf(&s->sh->out, "[Warning]: the count quota you create is "
                      "less than the existing count:%" PRId64 "\n",
                      used->count);
    }
    if ((q->bytes > -1 && q->bytes < used->bytes)
        || (q->byte_hard > -1 && q->byte_hard < used->bytes)) {
        output_printf(&s->sh->out, "[Warning]: the bytes quota you create is "
                      "less than the existing bytes:%" PRId64 "\n",
                      used->bytes);
    }
}

static int32_t
qt_make_nodes(struct quota_setter *s)
{
    struct quota_text used;
    int32_t err = qt_write(s->sh, s->limits, &s->wanted, true);

    quota_text_init(&used);
    used.count = 0;
    used.bytes = 0;
    if (err == KE_OK) {
        err = qt_write(s->sh, s->stats, &used, true);
    }
    if (err == KE_OK) {
        err = qt_read(s->sh, s->stats, &used);
    }
    if (err == KE_OK) {
        qt_warn(s, &s->wanted, &used);
    }
    return err;
}

/* Changes what is wanted of a quota that is there. */
static int32_t
qt_change_nodes(struct quota_setter *s)
{
    const struct quota_text *w = &s->wanted;
    struct quota_text q, used;
    int32_t err = qt_read(s->sh, s->limits, &q);

    if (err == KE_OK) {
        err = qt_read(s->sh, s->stats, &used);
    }
    if (err != KE_OK) {
        return err;
    }
    q.count = w->count > -1 ? w->count : q.count;
    q.bytes = w->bytes > -1 ? w->bytes : q.bytes;
    if (w->count_hard > -1) {
        q.count_hard = w->count_hard;
        q.has_count_hard = true;
    }
    if (w->byte_hard > -1) {
        q.byte_hard = w->byte_hard;
        q.has_byte_hard = true;
    }
    qt_warn(s, &q, &used);
    return qt_write(s->sh, s->limits, &q, false);
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
    if (err != KE_OK) {
        return err;
    }
    err = qt_call(s->sh, zk_op_exists(s->limits, false), NULL);
    return err == KE_NO_NODE ? qt_make_nodes(s)
           : err == KE_OK    ? qt_change_nodes(s)
                             : err;
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
        if (err != KE_OK || children > 0) {
            return err;
        }
        err = qt_call(sh, zk_op_delete(node, -1), NULL);
        *strrchr(node, '/') = '\0';
    }
    return err;
}

static int32_t
qt_remove(struct shell *sh, char *base)
{
    struct link_answer a;
    int32_t err = qt_call(sh, zk_op_get_children(base, false), &a);

    for (size_t i = 0; i < a.names.n && err == KE_OK; i++) {
        char *child = zk_xasprintf("%s/%s", base, a.names.v[i]);

        err = qt_call(sh, zk_op_delete(child, -1), NULL);
        free(child);
    }
    link_answer_fini(&a);
    return err == KE_OK ? qt_trim(sh, base) : err;
}

static int32_t
qt_clear(struct shell *sh, const struct parsed_line *line,
         const char *limits, struct quota_text *q)
{
    if (options_has(line, "n")) {
        q->count = -1;
    } else if (options_has(line, "b")) {
        q->bytes = -1;
    } else if (options_has(line, "N")) {
        q->count_hard = -1;
        q->has_count_hard = true;
    } else {
        q->byte_hard = -1;
        q->has_byte_hard = true;
    }
    return qt_write(sh, limits, q, false);
}

enum cli_code
cmd_delquota(struct shell *sh, const struct parsed_line *line)
{
    const char *path = line->args.v[1];
    char *base = zk_xasprintf(QUOTA_ROOT "%s", path);
    char *limits = zk_xasprintf("%s/" QUOTA_LIMITS, base);
    bool one = options_has(line, "n") || options_has(line, "b")
               || options_has(line, "N") || options_has(line, "B");
    struct quota_text q;
    enum cli_code code;
    int32_t err = QT_TOLD;

    if (shell_check_path(sh, limits)) {
        err = qt_read(sh, limits, &q);
    }
    if (err == KE_NO_NODE) {
        output_printf(&sh->out, "Quota does not exist for %s\n", path);
        code = CLI_OK;          /* As Java's: it is gone. */
    } else {
        if (err == KE_OK) {
            err = one ? qt_clear(sh, line, limits, &q)
                      : qt_remove(sh, base);
        }
        code = qt_end(sh, err, limits);
    }
    free(base);
    free(limits);
    return code;
}
