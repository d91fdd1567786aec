/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "shell/walk.h"

#include <stdlib.h>
#include <string.h>

#include "util/zk_obj.h"

/* Requests under way. */
#define WALK_WINDOW 64
/* What a path takes besides its bytes, about. */
#define WALK_PATH_COST 64

struct walk_item {
    char *path;
    struct link_call *call;     /* NULL: not asked yet. */
};

/* Nodes whose children are still to be asked for: a queue that is eaten at
 * 'head' (breadth first), or a stack (depth first). */
struct walk {
    struct shell_link *link;
    const struct walk_plan *plan;
    struct walk_item *items;
    size_t head, n, cap;
    int64_t held;               /* Bytes, about. */
};

static int64_t
walk_cost(const char *path)
{
    return (int64_t) strlen(path) + WALK_PATH_COST;
}

static bool
walk_visit(struct walk *w, const char *path)
{
    w->held += w->plan->kept ? walk_cost(path) : 0;
    return w->plan->visit(w->plan->arg, path);
}

static void
walk_push(struct walk *w, char *path)
{
    if (w->n == w->cap) {
        w->cap = w->cap == 0 ? 64 : 2 * w->cap;
        w->items = zk_xrealloc(w->items, w->cap * sizeof w->items[0]);
    }
    w->items[w->n++] = (struct walk_item) { path, NULL };
    w->held += walk_cost(path);
}

static struct walk_item
walk_pop(struct walk *w)
{
    struct walk_item it = w->plan->order == WALK_DEPTH_FIRST
                          ? w->items[--w->n]
                          : w->items[w->head++];

    w->held -= walk_cost(it.path);
    return it;
}

/* Asks for the children of the nodes whose turn is next. */
static void
walk_ask_ahead(struct walk *w)
{
    size_t left = w->n - w->head;
    size_t count = left < WALK_WINDOW ? left : WALK_WINDOW;

    for (size_t i = 0; i < count; i++) {
        struct walk_item *it = w->plan->order == WALK_DEPTH_FIRST
                               ? &w->items[w->n - 1 - i]
                               : &w->items[w->head + i];

        if (it->call == NULL) {
            struct zk_op op = zk_op_get_children(it->path,
                                                 w->plan->watch);

            it->call = shell_link_submit(w->link, &op);
        }
    }
}

static char *
walk_join(const char *parent, const char *name)
{
    return zk_xasprintf("%s/%s", strcmp(parent, "/") == 0 ? "" : parent,
                        name);
}

/* Tells of the children, and takes them up; false: enough. */
static bool
walk_take_children(struct walk *w, const char *parent,
                   struct word_list *names)
{
    bool more = true;

    if (w->plan->order == WALK_DEPTH_FIRST) {
        words_sort(names);
    }
    for (size_t i = 0; i < names->n && more; i++) {
        char *path = walk_join(parent, names->v[i]);

        more = walk_visit(w, path);
        if (w->plan->order == WALK_DEPTH_FIRST) {
            free(path);
        } else {
            walk_push(w, path);
        }
    }
    /* The first of them ends on top of the stack. */
    for (size_t i = names->n;
         i-- > 0 && more && w->plan->order == WALK_DEPTH_FIRST;) {
        walk_push(w, walk_join(parent, names->v[i]));
    }
    return more;
}

/* One node; '*failed' as for walk_tree. */
static int32_t
walk_step(struct walk *w, bool *more, char **failed)
{
    struct walk_item it;
    struct link_answer a;
    int32_t err;

    walk_ask_ahead(w);
    it = walk_pop(w);
    err = shell_link_finish(w->link, it.call, &a);
    if (err == KE_NO_NODE && w->plan->order == WALK_DEPTH_FIRST) {
        err = KE_OK;
    }
    if (err == KE_OK) {
        *more = walk_take_children(w, it.path, &a.names);
        err = w->held > w->plan->max_bytes ? LINK_TOO_MUCH : KE_OK;
    }
    if (err == KE_OK) {
        free(it.path);
    } else {
        *failed = it.path;
    }
    link_answer_fini(&a);
    return err;
}

/* Is there a root?  Also finds a server, if there is none yet. */
static int32_t
walk_check_root(struct walk *w)
{
    const char *root = w->plan->root;
    struct zk_op op = w->plan->order == WALK_DEPTH_FIRST
                      ? zk_op_get_data(root, w->plan->watch)
                      : zk_op_exists(root, false);
    struct link_answer a;
    int32_t err = shell_link_call(w->link, &op, &a);

    link_answer_fini(&a);
    return err;
}

int32_t
walk_tree(struct shell_link *l, const struct walk_plan *plan, char **failed)
{
    struct walk w = { .link = l, .plan = plan };
    int32_t err = walk_check_root(&w);
    bool more = true;

    *failed = NULL;
    if (err != KE_OK) {
        *failed = zk_xstrdup(plan->root);
        return err;
    }
    more = walk_visit(&w, plan->root);
    walk_push(&w, zk_xstrdup(plan->root));
    while (err == KE_OK && more && w.head < w.n) {
        err = walk_step(&w, &more, failed);
    }
    for (size_t i = w.head; i < w.n; i++) {
        if (w.items[i].call != NULL) {
            shell_link_drop(l, w.items[i].call);
        }
        free(w.items[i].path);
    }
    free(w.items);
    return err;
}
