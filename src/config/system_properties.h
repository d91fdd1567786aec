/* SPDX-License-Identifier: Apache-2.0 */
/*
 * system_properties.h: what Java calls system properties: -Dname=value
 * options, and keys of zoo.cfg that its parser does not know, which become
 * zookeeper.<key>.
 *
 * Thread-safety: filled by main before threads start, read-only afterwards.
 */
#ifndef CONFIG_SYSTEM_PROPERTIES_H
#define CONFIG_SYSTEM_PROPERTIES_H

#include "util/zk_error.h"

struct system_properties;

/* An empty set; destroy frees it with all names and values. */
struct system_properties *system_properties_create(void);
void system_properties_destroy(struct system_properties *p);
/* Sets or replaces; both are copied. */
void system_properties_set(struct system_properties *p, const char *name,
                           const char *value);
/* The value, or NULL. */
const char *system_properties_get(const struct system_properties *p,
                                  const char *name);
/* 'def' when it is not set or empty.  Decimal, 0x or # and hexadecimal, or 0
 * and octal, as Java's Long.decode.  A value that does not parse (Java takes
 * the default without a word there) is ZK_ECONFIG with a text that names the
 * property and the value. */
int system_properties_long(const struct system_properties *p,
                           const char *name, int64_t def, int64_t *out,
                           struct zk_errmsg *em) ZK_WARN_UNUSED;
/* The same for a number with a point. */
int system_properties_double(const struct system_properties *p,
                             const char *name, double def, double *out,
                             struct zk_errmsg *em) ZK_WARN_UNUSED;
/* 'def' when it is not set; "true" in any case is true, anything else false
 * (Java's Boolean.parseBoolean). */
bool system_properties_bool(const struct system_properties *p,
                            const char *name, bool def);
/* Takes one "-Dname=value" or "-Dname" (an empty value) of a command line.
 * False when 'arg' is no such option. */
bool system_properties_take_option(struct system_properties *p,
                                   const char *arg);
/* Calls each(arg, name, value) in order of names. */
void system_properties_each(const struct system_properties *p,
                            void (*each)(void *arg, const char *name,
                                         const char *value), void *arg);

#endif
