/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metric_value.h: a number that somebody watches, and its text.
 *
 * Monitoring scripts parse what Java's Double.toString and Long.toString
 * print, so that is what is printed here.
 */
#ifndef METRICS_METRIC_VALUE_H
#define METRICS_METRIC_VALUE_H

#include "util/zk_obj.h"

struct metric_value {
    bool is_double;
    union {
        int64_t i;
        double d;
    } u;
};

/* A number of either kind. */
static inline struct metric_value
metric_value_int(int64_t i)
{
    return (struct metric_value) { .is_double = false, .u.i = i };
}

static inline struct metric_value
metric_value_double(double d)
{
    return (struct metric_value) { .is_double = true, .u.d = d };
}

/* Fits every text of the two functions below. */
#define METRIC_VALUE_TEXT 64

/* The text of 'd' as Double.toString has it: the shortest digits that read
 * back as the same number, at least one behind the point ("0.0", "4.5714"),
 * and "1.0E7" from ten million or below a thousandth. */
void metric_double_print(double d, char out[METRIC_VALUE_TEXT]);
void metric_value_print(const struct metric_value *v,
                        char out[METRIC_VALUE_TEXT]);
/* sum / count to four decimals, the half away from zero, as
 * AvgMinMaxCounter.getAvg; 0.0 when nothing was counted. */
double metric_average(int64_t sum, uint64_t count);

#endif
