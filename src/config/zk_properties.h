/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zk_properties.h: files in the syntax of java.util.Properties (zoo.cfg,
 * the dynamic file, the version of a membership).
 *
 * Comments start with # or !, a key ends at the first '=', ':' or blank, a
 * backslash continues a line or escapes what follows, \uXXXX is a character.
 * The bytes are Latin-1 as Java reads them; values are given as UTF-8, which
 * is how Java hands paths to the system.  Of equal keys the last one counts.
 *
 * Thread-safety: none; one owner at a time.
 */
#ifndef CONFIG_ZK_PROPERTIES_H
#define CONFIG_ZK_PROPERTIES_H

#include "util/zk_error.h"

/* No configuration file is longer. */
#define ZK_PROPERTIES_MAX_BYTES (1024u * 1024)

struct zk_property {
    char *key;                  /* Both without blanks around them. */
    char *value;
    int line;                   /* Where the key stands, from 1. */
};

struct zk_properties {
    struct zk_property *all;    /* In order of lines. */
    size_t n, cap;
};

/* Parses 'len' bytes into 'out' (all zeros before); 'name' is for messages.
 * ZK_ECONFIG with name and line: a broken \u escape, a NUL.  'out' must be
 * finished in any case. */
int zk_properties_parse(const char *text, size_t len, const char *name,
                        struct zk_properties *out, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* The same for a whole file, which must be there. */
int zk_properties_read(const char *path, struct zk_properties *out,
                       struct zk_errmsg *em) ZK_WARN_UNUSED;
/* The entry with that key, or NULL. */
const struct zk_property *zk_properties_find(const struct zk_properties *p,
                                             const char *key);
/* Frees what is in it. */
void zk_properties_fini(struct zk_properties *p);

#endif
