/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "admin/quota_gauges.h"

#include <stdlib.h>

#include "admin/words.h"
#include "metrics/server_metrics.h"

#define LIMITS_NAME "zookeeper_limits"
#define STATS_NAME "zookeeper_stats"

/* One of the four sets: the nodes it reads and what it takes from them. */
struct qg_set {
    const char *node_name;
    int64_t (*pick)(const struct quota *q);
};

/* Nodes on the way from a namespace down: paths below /zookeeper/quota may
 * be deeper than a thread's stack. */
struct qg_walk {
    const struct data_tree *tree;
    const struct qg_set *set;
    struct qg_step {
        const struct data_node *node;
        uint32_t next;          /* The child to go to. */
    } *steps;
    size_t n, cap;
    int64_t sum;
    bool found;
};

static int64_t
qg_count_limit(const struct quota *q)
{
    return q->count_hard > -1 ? q->count_hard : q->count;
}

static int64_t
qg_bytes_limit(const struct quota *q)
{
    return q->bytes_hard > -1 ? q->bytes_hard : q->bytes;
}

static int64_t
qg_count_usage(const struct quota *q)
{
    return q->count;
}

static int64_t
qg_bytes_usage(const struct quota *q)
{
    return q->bytes;
}

static void
qg_push(struct qg_walk *w, const struct data_node *node)
{
    if (w->n == w->cap) {
        w->cap = w->cap > 0 ? 2 * w->cap : 16;
        w->steps = zk_xrealloc(w->steps, w->cap * sizeof w->steps[0]);
    }
    w->steps[w->n++] = (struct qg_step) { node, 0 };
}

/* A node without children: adds it when it is one of the set's. */
static void
qg_leaf(struct qg_walk *w, const struct data_node *node)
{
    struct quota q;

    if (zk_slice_eq_str(data_node_name(node), w->set->node_name)
        && !zk_slice_is_null(data_node_data(node))
        && quota_parse(data_node_data(node), &q)) {
        w->sum += w->set->pick(&q);
        w->found = true;
    }
}

/* Sums up 'top' and everything below it. */
static void
qg_walk(struct qg_walk *w, const struct data_node *top)
{
    w->sum = 0;
    w->found = false;
    w->n = 0;
    qg_push(w, top);
    while (w->n > 0) {
        struct qg_step *s = &w->steps[w->n - 1];
        const uint32_t children = data_node_child_count(s->node);

        if (children == 0) {
            qg_leaf(w, s->node);
        }
        if (s->next < children) {
            qg_push(w, data_tree_child(w->tree, s->node, s->next++));
        } else {
            w->n--;
        }
    }
}

static void
qg_emit(struct four_letter_words *words, const struct qg_set *set,
        struct metric_gauge_emit *emit)
{
    struct word_call call;
    struct zk_database *db;
    const struct data_node *root;
    struct qg_walk w = { .set = set };

    if (!words_enter(words, &call)) {
        return;
    }
    db = zookeeper_server_database(call.zks);
    zk_read_lock(&db->lock);
    w.tree = db->tree;
    root = data_tree_find(db->tree, ZK_SLICE_LIT("/zookeeper/quota"));
    for (uint32_t i = 0; root != NULL && i < data_node_child_count(root);
         i++) {
        const struct data_node *top = data_tree_child(db->tree, root, i);

        qg_walk(&w, top);
        if (w.found) {
            server_metrics_gauge_emit(emit, data_node_name(top), w.sum);
        }
    }
    zk_read_unlock(&db->lock);
    free(w.steps);
    words_leave(&call);
}

/* ---- the four sets ----------------------------------------------------- */

static void
qg_count_limits(void *arg, struct metric_gauge_emit *emit)
{
    static const struct qg_set set = { LIMITS_NAME, qg_count_limit };

    qg_emit(arg, &set, emit);
}

static void
qg_bytes_limits(void *arg, struct metric_gauge_emit *emit)
{
    static const struct qg_set set = { LIMITS_NAME, qg_bytes_limit };

    qg_emit(arg, &set, emit);
}

static void
qg_count_usages(void *arg, struct metric_gauge_emit *emit)
{
    static const struct qg_set set = { STATS_NAME, qg_count_usage };

    qg_emit(arg, &set, emit);
}

static void
qg_bytes_usages(void *arg, struct metric_gauge_emit *emit)
{
    static const struct qg_set set = { STATS_NAME, qg_bytes_usage };

    qg_emit(arg, &set, emit);
}

void
quota_gauges_register(struct four_letter_words *w)
{
    server_metrics_gauge_register_set("quota_count_limit_per_namespace",
                                      qg_count_limits, w);
    server_metrics_gauge_register_set("quota_bytes_limit_per_namespace",
                                      qg_bytes_limits, w);
    server_metrics_gauge_register_set("quota_count_usage_per_namespace",
                                      qg_count_usages, w);
    server_metrics_gauge_register_set("quota_bytes_usage_per_namespace",
                                      qg_bytes_usages, w);
}

void
quota_gauges_unregister(struct four_letter_words *w)
{
    server_metrics_gauge_unregister(w);
}
