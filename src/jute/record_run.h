/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_run.h: for generated code, fields of fixed size that stand side by
 * side and are bounds-checked as one.
 */
#ifndef JUTE_RECORD_RUN_H
#define JUTE_RECORD_RUN_H

#include "jute/input_archive.h"

/* The longest run that a schema may have. */
#define JUTE_RUN_MAX 256

/* The next 'n' bytes; zeros, and a failed archive, when they are not there. */
static inline const uint8_t *
jute_take(struct input_archive *ia, size_t n)
{
    static const uint8_t zeros[JUTE_RUN_MAX];
    const uint8_t *p = input_archive_take(ia, n);

    return p != NULL ? p : zeros;
}

static inline uint32_t
jute_float_bits(float v)
{
    uint32_t bits;

    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static inline uint64_t
jute_double_bits(double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static inline float
jute_float(uint32_t bits)
{
    float v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

static inline double
jute_double(uint64_t bits)
{
    double v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

#endif
