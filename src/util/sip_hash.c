/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "util/sip_hash.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "util/zk_assert.h"

struct sip_state {
    uint64_t v0;
    uint64_t v1;
    uint64_t v2;
    uint64_t v3;
};

static inline uint64_t
sip_rotl(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

/* Always in place: left to itself the compiler calls it, which costs more
 * than the round. */
__attribute__((always_inline)) static inline void
sip_round(struct sip_state *s)
{
    s->v0 += s->v1;
    s->v1 = sip_rotl(s->v1, 13) ^ s->v0;
    s->v0 = sip_rotl(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = sip_rotl(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = sip_rotl(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = sip_rotl(s->v1, 17) ^ s->v2;
    s->v2 = sip_rotl(s->v2, 32);
}

__attribute__((always_inline)) static inline void
sip_word(struct sip_state *s, uint64_t m)
{
    s->v3 ^= m;
    sip_round(s);
    s->v0 ^= m;
}

void
sip_key_random(struct sip_key *key)
{
    int rv = getentropy(key, sizeof *key);

    if (rv != 0) {
        zk_panic("getentropy: %s", strerror(errno));
    }
}

uint64_t
sip_hash(const struct sip_key *key, const void *p, size_t len)
{
    struct sip_state s = {
        key->k0 ^ 0x736f6d6570736575U, key->k1 ^ 0x646f72616e646f6dU,
        key->k0 ^ 0x6c7967656e657261U, key->k1 ^ 0x7465646279746573U,
    };
    const uint8_t *b = p;
    uint64_t m;
    size_t i;

    for (i = 0; i + 8 <= len; i += 8) {
        memcpy(&m, b + i, 8);
        sip_word(&s, le64toh(m));
    }
    m = (uint64_t) len << 56;
    for (unsigned shift = 0; i < len; i++, shift += 8) {
        m |= (uint64_t) b[i] << shift;
    }
    sip_word(&s, m);
    s.v2 ^= 0xff;
    sip_round(&s);
    sip_round(&s);
    sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
