/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "metrics/metric_value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The shortest decimal digits of 'd' (> 0), no point, and the power of ten
 * of the first one. */
static void
mv_shortest(double d, char digits[32], int *exponent)
{
    char text[METRIC_VALUE_TEXT];
    size_t n = 0;
    const char *e;

    for (int precision = 0; precision <= 16; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, d);
        if (strtod(text, NULL) == d) {
            break;
        }
    }
    e = strchr(text, 'e');
    zk_assert(e != NULL);
    for (const char *p = text; p < e; p++) {
        if (*p != '.') {
            digits[n++] = *p;
        }
    }
    digits[n] = '\0';
    *exponent = atoi(e + 1);
}

/* digits[0].rest, "0" where there is no rest. */
static void
mv_print_scientific(const char *digits, int exponent, const char *sign,
                    char out[METRIC_VALUE_TEXT])
{
    snprintf(out, METRIC_VALUE_TEXT, "%s%c.%sE%d", sign, digits[0],
             digits[1] != '\0' ? digits + 1 : "0", exponent);
}

static void
mv_print_plain(const char *digits, int exponent, const char *sign,
               char out[METRIC_VALUE_TEXT])
{
    int n = (int) strlen(digits);

    if (exponent < 0) {
        snprintf(out, METRIC_VALUE_TEXT, "%s0.%.*s%s", sign, -exponent - 1,
                 "000", digits);
    } else if (n <= exponent + 1) {
        snprintf(out, METRIC_VALUE_TEXT, "%s%s%.*s.0", sign, digits,
                 exponent + 1 - n, "00000000");
    } else {
        snprintf(out, METRIC_VALUE_TEXT, "%s%.*s.%s", sign, exponent + 1,
                 digits, digits + exponent + 1);
    }
}

void
metric_double_print(double d, char out[METRIC_VALUE_TEXT])
{
    const char *sign = signbit(d) ? "-" : "";
    char digits[32];
    int exponent;

    if (isnan(d)) {
        snprintf(out, METRIC_VALUE_TEXT, "NaN");
        return;
    }
    d = fabs(d);
    if (isinf(d)) {
        snprintf(out, METRIC_VALUE_TEXT, "%sInfinity", sign);
        return;
    }
    if (d < 5e-324) {
        snprintf(out, METRIC_VALUE_TEXT, "%s0.0", sign);
        return;
    }
    mv_shortest(d, digits, &exponent);
    if (d >= 1e-3 && d < 1e7) {
        mv_print_plain(digits, exponent, sign, out);
    } else {
        mv_print_scientific(digits, exponent, sign, out);
    }
}

void
metric_value_print(const struct metric_value *v,
                   char out[METRIC_VALUE_TEXT])
{
    if (v->is_double) {
        metric_double_print(v->u.d, out);
    } else {
        snprintf(out, METRIC_VALUE_TEXT, "%" PRId64, v->u.i);
    }
}

double
metric_average(int64_t sum, uint64_t count)
{
    if (count == 0) {
        return 0.0;
    }
    return round((double) sum / (double) count * 10000.0) / 10000.0;
}
