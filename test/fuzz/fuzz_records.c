/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * fuzz_records: each generated record.  The first byte chooses which; the
 * rest are its bytes.  What decodes must come back the same from what it
 * encodes to, and be printable.
 */
#include <config.h>

#include <stdlib.h>

#include "jute/zookeeper_records.h"
#include "test/fuzz/fuzz.h"

static FILE *nowhere;

/* Made from zookeeper_records.h: RECORD(name) for each record. */
#define RECORD(name)                                                      \
    static void                                                           \
    fuzz_##name(const uint8_t *p, size_t len)                             \
    {                                                                     \
        struct input_archive ia;                                          \
        struct jute_##name x;                                             \
        struct jute_##name y;                                             \
        struct zk_buf first = { 0 };                                      \
        struct zk_buf second = { 0 };                                     \
        size_t used;                                                      \
                                                                          \
        input_archive_init(&ia, p, len, FUZZ_MAX_LEN);                    \
        if (jute_##name##_decode(&ia, &x) != ZK_OK) {                     \
            jute_##name##_fini(&x);                                       \
            return;                                                       \
        }                                                                 \
        used = len - input_archive_left(&ia);                             \
        jute_##name##_print(nowhere, &x);                                 \
        jute_##name##_encode(&first, &x);                                 \
        zk_assert(first.len == used);                                     \
        input_archive_init(&ia, first.data, first.len, FUZZ_MAX_LEN);     \
        zk_assert(jute_##name##_decode(&ia, &y) == ZK_OK);                \
        zk_assert(input_archive_left(&ia) == 0);                          \
        zk_assert(jute_##name##_equal(&x, &y));                           \
        jute_##name##_encode(&second, &y);                                \
        zk_assert(first.len == second.len);                               \
        zk_assert(memcmp(first.data, second.data, first.len) == 0);       \
        jute_##name##_fini(&x);                                           \
        jute_##name##_fini(&y);                                           \
        zk_buf_fini(&first);                                              \
        zk_buf_fini(&second);                                             \
    }
#include "record_list.h"
#undef RECORD

static void (*const records[])(const uint8_t *p, size_t len) = {
#define RECORD(name) fuzz_##name,
#include "record_list.h"
#undef RECORD
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy;

    if (nowhere == NULL) {
        nowhere = fopen("/dev/null", "w");
        zk_assert(nowhere != NULL);
    }
    if (size == 0) {
        return 0;
    }
    copy = fuzz_copy(zk_slice(data + 1, (int32_t) size - 1));
    records[data[0] % (sizeof records / sizeof records[0])](copy, size - 1);
    free(copy);
    return 0;
}
