/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_case.h: what server_config_read says of a zoo.cfg that a test writes.
 * Each test has a folder of its own.
 */
#ifndef TEST_CONFIG_CASE_H
#define TEST_CONFIG_CASE_H

#include "config/server_config.h"
#include "test/lib/zk_test.h"

#define BASE "dataDir=$D\nclientPort=2181\n"
#define QUORUM \
    "server.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n"

/* The folder of the running test: zoo.cfg and the data are in it.  "$D" stands
 * for it in the texts below. */
extern char *cfg_dir;
/* Of the last cfg_read. */
extern struct zk_errmsg cfg_em;

/* A file in the folder; "$D" is left as it is. */
void cfg_write(const char *name, const char *text);
/* Reads 'text' as zoo.cfg over the -D options, a list ended by NULL, or
 * NULL. */
int cfg_read(const char *text, const char *const *options,
             struct server_config **out);
/* The same of what must be taken; destroy the configuration. */
struct server_config *cfg_takes(const char *text);
struct server_config *cfg_takes_with(const char *text,
                                     const char *const *options);
/* Checks that it is ZK_ECONFIG with exactly this message. */
void cfg_refuses(const char *text, const char *message);
void cfg_refuses_with(const char *text, const char *const *options,
                      const char *message);

/* main returns this. */
int config_case_main(const char *suite_name, const struct zk_test *tests,
                     size_t n);

#define CONFIG_CASE_MAIN(suite_name, tests)                               \
    int main(void)                                                        \
    {                                                                     \
        return config_case_main(suite_name, tests,                        \
                                sizeof(tests) / sizeof((tests)[0]));      \
    }

#endif
