/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zk_test.h: what each unit test program needs around CUnit: a table of
 * tests, a runner whose exit code says whether all passed, and a fresh
 * folder that is removed at the end.
 */
#ifndef TEST_ZK_TEST_H
#define TEST_ZK_TEST_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/Basic.h>

struct zk_test {
    const char *name;           /* The rule it checks, as a sentence. */
    void (*run)(void);
};

/* Runs the tests as one suite, each between 'before' and 'after' (or NULL);
 * main returns this. */
static inline int
zk_test_main_around(const char *suite_name, const struct zk_test *tests,
                    size_t n, void (*before)(void), void (*after)(void))
{
    CU_pSuite suite;
    unsigned failures;

    if (CU_initialize_registry() != CUE_SUCCESS) {
        return 99;
    }
    suite = CU_add_suite_with_setup_and_teardown(suite_name, NULL, NULL,
                                                 before, after);
    for (size_t i = 0; i < n; i++) {
        if (CU_add_test(suite, tests[i].name, tests[i].run) == NULL) {
            return 99;
        }
    }
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failures = CU_get_number_of_tests_failed()
               + CU_get_number_of_suites_failed();
    if (CU_get_number_of_tests_run() != n) {
        failures++;
    }
    CU_cleanup_registry();
    return failures == 0 ? 0 : 1;
}

static inline int
zk_test_main(const char *suite_name, const struct zk_test *tests, size_t n)
{
    return zk_test_main_around(suite_name, tests, n, NULL, NULL);
}

#define ZK_TEST_MAIN(suite_name, tests)                                   \
    int main(void)                                                        \
    {                                                                     \
        return zk_test_main(suite_name, tests,                            \
                            sizeof(tests) / sizeof((tests)[0]));          \
    }

static inline int
zk_test_remove_one(const char *path, const struct stat *st, int flag,
                   struct FTW *ftw)
{
    (void) st;
    (void) flag;
    (void) ftw;
    return remove(path);
}

/* A fresh folder; free() the name after zk_test_rmdir. */
static inline char *
zk_test_mkdir(void)
{
    const char *base = getenv("TMPDIR");
    char name[512];

    snprintf(name, sizeof name, "%s/zkd-test-XXXXXX", base ? base : "/tmp");
    if (mkdtemp(name) == NULL) {
        perror(name);
        exit(99);
    }
    return strdup(name);
}

/* A file in it. */
static inline void
zk_test_put_file(const char *dir, const char *name, const void *p, size_t len)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    if (f == NULL || fwrite(p, 1, len, f) != len || fclose(f) != 0) {
        perror(path);
        exit(99);
    }
}

/* Removes the folder and all in it. */
static inline void
zk_test_rmdir(const char *path)
{
    nftw(path, zk_test_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
