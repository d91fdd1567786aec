/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "metrics/server_metrics.h"

#include <stdlib.h>

#include "metrics/server_metrics_priv.h"
#include "util/zk_lock.h"

/* More than the longest name, the longest key and "p999_" together. */
#define SMR_LINE_KEY 256
/* Gauges are named in the sources: this many is a mistake there. */
#define SMR_GAUGES_MAX 256

enum smr_gauge_type {
    SMR_GAUGE_INT,
    SMR_GAUGE_DOUBLE,
    SMR_GAUGE_SET,
};

struct smr_gauge {
    const char *name;
    enum smr_gauge_type type;
    union {
        int64_t (*as_int)(void *arg);
        double (*as_double)(void *arg);
        void (*as_set)(void *arg, struct metric_gauge_emit *emit);
    } fn;
    void *arg;
};

/* The gauges, in order of registration. */
static pthread_once_t smr_once = PTHREAD_ONCE_INIT;
static struct zk_mutex smr_lock;        /* ZK_LOCK_metrics */
static struct smr_gauge smr_gauges[SMR_GAUGES_MAX];
static size_t smr_n_gauges;

/* Where lines go. */
struct smr_visit {
    void (*each)(void *arg, const struct metric_line *line);
    void *arg;
};

struct metric_gauge_emit {
    const struct smr_visit *visit;
    const char *name;
};

/* One metric, or one member of a set, over all shards. */
struct smr_total {
    struct metric_figures f;
    bool advanced;
    uint64_t buckets[METRIC_BUCKETS];
};

static void
smr_init(void)
{
    zk_mutex_init(&smr_lock, ZK_LOCK_metrics);
}

/* ---- gauges ------------------------------------------------------------ */

static void
smr_gauge_put(const struct smr_gauge *g)
{
    size_t i;

    pthread_once(&smr_once, smr_init);
    zk_lock(&smr_lock);
    for (i = 0; i < smr_n_gauges; i++) {
        if (strcmp(smr_gauges[i].name, g->name) == 0) {
            break;
        }
    }
    zk_assert(i < SMR_GAUGES_MAX);
    smr_gauges[i] = *g;
    if (i == smr_n_gauges) {
        smr_n_gauges++;
    }
    zk_unlock(&smr_lock);
}

void
server_metrics_gauge_register(const char *name, int64_t (*fn)(void *arg),
                              void *arg)
{
    smr_gauge_put(&(struct smr_gauge) { .name = name, .type = SMR_GAUGE_INT,
                                        .fn.as_int = fn, .arg = arg });
}

void
server_metrics_gauge_register_double(const char *name,
                                     double (*fn)(void *arg), void *arg)
{
    smr_gauge_put(&(struct smr_gauge) { .name = name,
                                        .type = SMR_GAUGE_DOUBLE,
                                        .fn.as_double = fn, .arg = arg });
}

void
server_metrics_gauge_register_set(const char *name,
                                  void (*fn)(void *arg,
                                             struct metric_gauge_emit *emit),
                                  void *arg)
{
    smr_gauge_put(&(struct smr_gauge) { .name = name, .type = SMR_GAUGE_SET,
                                        .fn.as_set = fn, .arg = arg });
}

void
server_metrics_gauge_unregister(const void *arg)
{
    size_t kept = 0;

    pthread_once(&smr_once, smr_init);
    zk_lock(&smr_lock);
    for (size_t i = 0; i < smr_n_gauges; i++) {
        if (smr_gauges[i].arg != arg) {
            smr_gauges[kept++] = smr_gauges[i];
        }
    }
    smr_n_gauges = kept;
    zk_unlock(&smr_lock);
}

void
server_metrics_gauge_emit(struct metric_gauge_emit *emit,
                          struct zk_slice key, int64_t value)
{
    char text[SMR_LINE_KEY];
    struct metric_line line = {
        .key = text,
        .name = emit->name,
        .set_key = key,
        .type = METRIC_LINE_GAUGE,
        .value = metric_value_int(value),
    };

    if (key.len <= 0) {
        return;
    }
    if (key.len > METRIC_KEY_MAX) {
        key.len = METRIC_KEY_MAX;
    }
    snprintf(text, sizeof text, "%.*s_%s", (int) key.len, key.p, emit->name);
    emit->visit->each(emit->visit->arg, &line);
}

static void
smr_gauge_visit(const struct smr_gauge *g, const struct smr_visit *visit)
{
    struct metric_gauge_emit emit = { .visit = visit, .name = g->name };
    struct metric_line line = {
        .key = g->name,
        .name = g->name,
        .set_key = ZK_SLICE_NULL,
        .type = METRIC_LINE_GAUGE,
    };

    if (g->type == SMR_GAUGE_SET) {
        g->fn.as_set(g->arg, &emit);
        return;
    }
    line.value = g->type == SMR_GAUGE_INT
                 ? metric_value_int(g->fn.as_int(g->arg))
                 : metric_value_double(g->fn.as_double(g->arg));
    visit->each(visit->arg, &line);
}

/* Gauges take locks of their own: they are called without ours. */
static void
smr_gauges_visit(const struct smr_visit *visit)
{
    struct smr_gauge *copy = zk_xcalloc(SMR_GAUGES_MAX, sizeof *copy);
    size_t n;

    pthread_once(&smr_once, smr_init);
    zk_lock(&smr_lock);
    n = smr_n_gauges;
    memcpy(copy, smr_gauges, n * sizeof *copy);
    zk_unlock(&smr_lock);
    for (size_t i = 0; i < n; i++) {
        smr_gauge_visit(&copy[i], visit);
    }
    free(copy);
}

/* ---- adding shards up -------------------------------------------------- */

static void
smr_total_init(struct smr_total *t, enum metric_kind kind)
{
    memset(&t->f, 0, sizeof t->f);
    t->advanced = kind == METRIC_KIND_ADVANCED
                  || kind == METRIC_KIND_ADVANCED_SET;
    if (t->advanced) {
        memset(t->buckets, 0, sizeof t->buckets);
    }
}

static void
smr_total_add(struct smr_total *t, const struct metric_cell *c,
              const struct metric_histogram *h)
{
    uint64_t count = atomic_load_explicit(&c->count, memory_order_acquire);
    int64_t min = atomic_load_explicit(&c->min, memory_order_relaxed);
    int64_t max = atomic_load_explicit(&c->max, memory_order_relaxed);

    t->f.sum = (int64_t) ((uint64_t) t->f.sum
                          + atomic_load_explicit(&c->sum,
                                                 memory_order_relaxed));
    if (count == 0) {
        return;
    }
    if (t->f.count == 0 || min < t->f.min) {
        t->f.min = min;
    }
    if (t->f.count == 0 || max > t->f.max) {
        t->f.max = max;
    }
    t->f.count += count;
    for (size_t i = 0; t->advanced && h != NULL && i < METRIC_BUCKETS; i++) {
        t->buckets[i] += atomic_load_explicit(&h->buckets[i],
                                              memory_order_relaxed);
    }
}

/* The value that 'rank' values (from 1) do not exceed. */
static int64_t
smr_ranked(const struct smr_total *t, uint64_t rank)
{
    uint64_t seen = 0;

    for (unsigned i = 0; i < METRIC_BUCKETS; i++) {
        seen += t->buckets[i];
        if (seen >= rank) {
            int64_t v = metric_bucket_value(i);

            return v < t->f.min ? t->f.min : v > t->f.max ? t->f.max : v;
        }
    }
    return t->f.max;
}

/* As Java's snapshot of a reservoir has it: between the two values around
 * q * (n + 1), in proportion. */
static int64_t
smr_percentile(const struct smr_total *t, uint64_t n, double q)
{
    double pos = q * (double) (n + 1);
    uint64_t rank = (uint64_t) pos;
    double low, high;

    if (n == 0) {
        return 0;
    }
    if (rank < 1) {
        return t->f.min;
    }
    if (rank >= n) {
        return t->f.max;
    }
    low = (double) smr_ranked(t, rank);
    high = (double) smr_ranked(t, rank + 1);
    return (int64_t) (low + (pos - (double) rank) * (high - low) + 0.5);
}

static void
smr_total_finish(struct smr_total *t)
{
    uint64_t n = 0;

    if (!t->advanced) {
        return;
    }
    for (size_t i = 0; i < METRIC_BUCKETS; i++) {
        n += t->buckets[i];
    }
    t->f.p50 = smr_percentile(t, n, 0.5);
    t->f.p95 = smr_percentile(t, n, 0.95);
    t->f.p99 = smr_percentile(t, n, 0.99);
    t->f.p999 = smr_percentile(t, n, 0.999);
}

/* The next shard whose values count, from 's' on. */
static struct metric_shard *
smr_live(struct metric_shard *s)
{
    uint64_t now = atomic_load_explicit(&metric_generation,
                                        memory_order_acquire);

    while (s != NULL
           && atomic_load_explicit(&s->generation, memory_order_acquire)
              != now) {
        s = s->next;
    }
    return s;
}

static struct metric_shard *
smr_first(void)
{
    return smr_live(atomic_load_explicit(&metric_shards,
                                         memory_order_acquire));
}

static void
smr_sum_up(enum metric m, struct smr_total *t)
{
    smr_total_init(t, server_metrics_kind(m));
    for (struct metric_shard *s = smr_first(); s != NULL;
         s = smr_live(s->next)) {
        smr_total_add(t, &s->cells[m],
                      atomic_load_explicit(&s->histograms[m],
                                           memory_order_acquire));
    }
    smr_total_finish(t);
}

void
server_metrics_get(enum metric m, struct metric_figures *out)
{
    struct smr_total *t = zk_xmalloc(sizeof *t);

    zk_assert(server_metrics_kind(m) <= METRIC_KIND_ADVANCED);
    smr_sum_up(m, t);
    *out = t->f;
    free(t);
}

/* ---- lines ------------------------------------------------------------- */

static void
smr_emit(const struct smr_visit *visit, struct metric_line *line,
         const char *prefix, struct metric_value v)
{
    char text[SMR_LINE_KEY];

    if (line->set_key.len > 0) {
        snprintf(text, sizeof text, "%s%.*s_%s", prefix,
                 (int) line->set_key.len, line->set_key.p, line->name);
    } else {
        snprintf(text, sizeof text, "%s%s", prefix, line->name);
    }
    line->key = text;
    line->value = v;
    visit->each(visit->arg, line);
    line->key = NULL;
}

static void
smr_emit_summary(const struct smr_visit *visit, struct metric_line *line,
                 const struct smr_total *t)
{
    const struct metric_figures *f = &t->f;

    line->type = METRIC_LINE_SUMMARY;
    smr_emit(visit, line, "avg_",
             metric_value_double(metric_average(f->sum, f->count)));
    smr_emit(visit, line, "min_", metric_value_int(f->min));
    smr_emit(visit, line, "max_", metric_value_int(f->max));
    smr_emit(visit, line, "cnt_", metric_value_int((int64_t) f->count));
    smr_emit(visit, line, "sum_", metric_value_int(f->sum));
    if (t->advanced) {
        smr_emit(visit, line, "p50_", metric_value_int(f->p50));
        smr_emit(visit, line, "p95_", metric_value_int(f->p95));
        smr_emit(visit, line, "p99_", metric_value_int(f->p99));
        smr_emit(visit, line, "p999_", metric_value_int(f->p999));
    }
}

static void
smr_emit_total(const struct smr_visit *visit, enum metric m,
               struct zk_slice key, const struct smr_total *t)
{
    enum metric_kind kind = server_metrics_kind(m);
    struct metric_line line = {
        .name = server_metrics_name(m),
        .set_key = key,
        .type = METRIC_LINE_COUNTER,
    };

    if (kind == METRIC_KIND_COUNTER || kind == METRIC_KIND_COUNTER_SET) {
        smr_emit(visit, &line, "", metric_value_int(t->f.sum));
    } else {
        smr_emit_summary(visit, &line, t);
    }
}

/* ---- sets -------------------------------------------------------------- */

struct smr_members {
    const struct metric_member **at;
    size_t n, cap;
};

static void
smr_members_take(struct smr_members *all, struct metric_set *set)
{
    for (size_t i = 0; set != NULL && i < METRIC_SET_SLOTS; i++) {
        const struct metric_member *member;

        member = atomic_load_explicit(&set->slots[i], memory_order_acquire);
        if (member == NULL
            || atomic_load_explicit(&member->cell.count,
                                    memory_order_relaxed) == 0) {
            continue;
        }
        if (all->n == all->cap) {
            all->cap = all->cap == 0 ? 32 : 2 * all->cap;
            all->at = zk_xrealloc(all->at, all->cap * sizeof all->at[0]);
        }
        all->at[all->n++] = member;
    }
}

static int
smr_member_order(const void *va, const void *vb)
{
    const struct metric_member *a = *(const struct metric_member *const *) va;
    const struct metric_member *b = *(const struct metric_member *const *) vb;
    size_t len = (size_t) (a->len < b->len ? a->len : b->len);
    int order = memcmp(a->key, b->key, len);

    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

/* The members of one set, those of equal keys in different shards as one. */
static void
smr_visit_set(enum metric m, struct smr_total *t,
              const struct smr_visit *visit)
{
    struct smr_members all = { 0 };
    size_t i = 0;

    for (struct metric_shard *s = smr_first(); s != NULL;
         s = smr_live(s->next)) {
        smr_members_take(&all, atomic_load_explicit(&s->sets[m],
                                                    memory_order_acquire));
    }
    if (all.n > 0) {
        qsort(all.at, all.n, sizeof all.at[0], smr_member_order);
    }
    while (i < all.n) {
        const struct metric_member *first = all.at[i];

        smr_total_init(t, server_metrics_kind(m));
        for (; i < all.n && smr_member_order(&first, &all.at[i]) == 0; i++) {
            smr_total_add(t, &all.at[i]->cell,
                          atomic_load_explicit(&all.at[i]->histogram,
                                               memory_order_acquire));
        }
        smr_total_finish(t);
        smr_emit_total(visit, m, zk_slice(first->key, first->len), t);
    }
    free(all.at);
}

void
server_metrics_visit(void (*each)(void *arg, const struct metric_line *line),
                     void *arg)
{
    struct smr_visit visit = { .each = each, .arg = arg };
    struct smr_total *t = zk_xmalloc(sizeof *t);

    smr_gauges_visit(&visit);
    for (unsigned i = 0; i < METRICS; i++) {
        enum metric m = (enum metric) i;

        if (server_metrics_kind(m) >= METRIC_KIND_COUNTER_SET) {
            smr_visit_set(m, t, &visit);
        } else {
            smr_sum_up(m, t);
            smr_emit_total(&visit, m, ZK_SLICE_NULL, t);
        }
    }
    free(t);
}

static void
smr_print_line(void *arg, const struct metric_line *line)
{
    struct zk_buf *out = arg;
    char text[METRIC_VALUE_TEXT];

    metric_value_print(&line->value, text);
    zk_buf_printf(out, "zk_%s\t%s\n", line->key, text);
}

void
server_metrics_print(struct zk_buf *out)
{
    server_metrics_visit(smr_print_line, out);
}
