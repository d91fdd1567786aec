/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip_hash.h: SipHash-1-3, a keyed hash of short byte strings.
 *
 * Clients choose the paths they watch; with a key that they cannot know they
 * cannot choose paths that all fall into one bucket.
 */
#ifndef UTIL_SIP_HASH_H
#define UTIL_SIP_HASH_H

#include <stddef.h>
#include <stdint.h>

struct sip_key {
    uint64_t k0;
    uint64_t k1;
};

/* A fresh random key from the kernel. */
void sip_key_random(struct sip_key *key);
uint64_t sip_hash(const struct sip_key *key, const void *p, size_t len);

#endif
