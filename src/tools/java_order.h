/* SPDX-License-Identifier: Apache-2.0 */
/*
 * java_order.h: the order in which a Java program meets what it keeps in a
 * HashSet or HashMap.  Apache's tools print children and sessions so; ours
 * print the same lines in the same places.
 *
 * Not followed: a bucket of nine or more entries in a table of 64 or more,
 * which Java turns into a tree; with names that nobody chose for that it
 * hardly happens.
 */
#ifndef TOOLS_JAVA_ORDER_H
#define TOOLS_JAVA_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "util/zk_slice.h"

/* What HashMap makes of String.hashCode and Long.hashCode. */
uint32_t java_string_hash(struct zk_slice utf8);
uint32_t java_long_hash(int64_t v);

struct java_entry {
    uint32_t hash;
    uint32_t item;
};

/* Reorders entries, which are in the order of their insertion, into that of
 * iteration.  'capacity' is what the table began with (a power of 2: 16
 * unless given to its constructor). */
void java_hash_order(struct java_entry *v, size_t n, uint32_t capacity);

/* String.compareTo: below, equal to or above 0. */
int java_compare(struct zk_slice a, struct zk_slice b);

#endif
