/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_metrics.h: the metrics of include/zookeeper/tbl/metrics.h, and the
 * gauges that others register (Java: ServerMetrics with the
 * DefaultMetricsProvider).
 *
 * Recording costs a few plain stores.  Each thread has a shard of its own
 * with a cell for every metric, which it alone writes (relaxed atomics, no
 * locked instruction, no shared cache line); whoever reads adds the shards
 * up.  A shard outlives its thread and is taken over by a later one, so
 * nothing is lost and there are never more shards than there were threads
 * at one time.
 *
 * Thread-safety: recording, reading and reset from any thread, under any
 * lock: recording takes none.  Reading takes the metrics lock, and calls
 * gauges without it.
 */
#ifndef METRICS_SERVER_METRICS_H
#define METRICS_SERVER_METRICS_H

#include "metrics/metric_value.h"
#include "util/zk_buf.h"
#include "util/zk_slice.h"

enum metric {
#define METRIC(name, kind) METRIC_##name,
#include "zookeeper/tbl/metrics.h"
#undef METRIC
    METRICS
};

enum metric_kind {
    METRIC_KIND_COUNTER,
    METRIC_KIND_SUMMARY,
    METRIC_KIND_ADVANCED,
    METRIC_KIND_COUNTER_SET,
    METRIC_KIND_SUMMARY_SET,
    METRIC_KIND_ADVANCED_SET,
};

/* Keys of one set that are kept apart; what comes after them is counted
 * under METRIC_OTHER_KEY, since clients choose the keys. */
#define METRIC_SET_KEYS 256
#define METRIC_KEY_MAX 128
#define METRIC_OTHER_KEY "__other__"

/* The metric's name and kind. */
const char *server_metrics_name(enum metric m);
enum metric_kind server_metrics_kind(enum metric m);

/* One more of a counter. */
void server_metrics_inc(enum metric m);
/* 'n' more of a counter. */
void server_metrics_add_n(enum metric m, uint64_t n);
/* One value of a summary or an advanced summary. */
void server_metrics_add(enum metric m, int64_t value);
/* One value of the member 'key' of a set (or 'value' more of a counter
 * there).  A null or empty key is not recorded. */
void server_metrics_set_add(enum metric m, struct zk_slice key,
                            int64_t value);

/* A gauge: called when somebody reads, on the reader's thread, with no lock
 * held.  'name' is borrowed.  A name that is registered already is
 * replaced. */
void server_metrics_gauge_register(const char *name, int64_t (*fn)(void *arg),
                                   void *arg);
void server_metrics_gauge_register_double(const char *name,
                                          double (*fn)(void *arg),
                                          void *arg);

/* Takes one member of a set of gauges, as "<key>_<name>". */
struct metric_gauge_emit;
/* Called by a set of gauges, for each member that it has. */
void server_metrics_gauge_emit(struct metric_gauge_emit *emit,
                               struct zk_slice key, int64_t value);
/* A set of gauges: 'fn' calls server_metrics_gauge_emit for each key. */
void server_metrics_gauge_register_set(const char *name,
                                       void (*fn)(void *arg,
                                                  struct metric_gauge_emit *),
                                       void *arg);
/* Forgets the gauges whose 'arg' this is.  A reader that is under way may
 * still call them: end those first. */
void server_metrics_gauge_unregister(const void *arg);

/* What a visitor is told of one line. */
struct metric_line {
    const char *key;            /* "avg_fsynctime", no "zk_" */
    const char *name;           /* "fsynctime"; a gauge's name */
    struct zk_slice set_key;    /* null outside sets */
    enum {
        METRIC_LINE_GAUGE,
        METRIC_LINE_COUNTER,
        METRIC_LINE_SUMMARY,    /* avg_, min_, p50_, ... of one. */
    } type;
    struct metric_value value;
};

/* Every line in the order of the tables: gauges as registered, counters,
 * summaries, sets.  What 'each' gets lives until it returns. */
void server_metrics_visit(void (*each)(void *arg,
                                       const struct metric_line *line),
                          void *arg);
/* Appends all lines as mntr prints them: "zk_<key>\t<value>\n". */
void server_metrics_print(struct zk_buf *out);

/* One metric as it stands: the count of a counter (in sum), or the figures
 * of a summary.  Not for sets. */
struct metric_figures {
    uint64_t count;
    int64_t sum;
    int64_t min;                /* 0 when count is 0 */
    int64_t max;
    int64_t p50, p95, p99, p999;    /* 0 unless advanced */
};
void server_metrics_get(enum metric m, struct metric_figures *out);
/* All metrics back to their start; members of sets go.  Gauges stay. */
void server_metrics_reset(void);

#endif
