/* SPDX-License-Identifier: Apache-2.0 */
/* How session ids begin and what proves one; the same on every server. */
#include <config.h>

#include "session/session_tracker.h"

#include "util/zk_bytes.h"

int64_t
session_id_first(int64_t server_id, int64_t wall_ms)
{
    uint64_t time_part = (uint64_t) wall_ms << 24 >> 8;

    return (int64_t) (time_part | (uint64_t) server_id << 56);
}

/* The generator of java.util.Random: 48 bits of state, of which the upper 32
 * are what comes out, least significant byte first. */
void
session_password(int64_t session_id, uint8_t out[16])
{
    const uint64_t multiplier = 0x5deece66dU;
    const uint64_t mask = ((uint64_t) 1 << 48) - 1;
    uint64_t s = ((uint64_t) session_id ^ 0xb3415c00U ^ multiplier) & mask;

    for (int i = 0; i < 16; i += 4) {
        uint32_t v;

        s = (s * multiplier + 0xb) & mask;
        v = htole32((uint32_t) (s >> 16));
        memcpy(out + i, &v, sizeof v);
    }
}

bool
session_password_ok(int64_t session_id, const void *passwd, size_t len)
{
    const uint8_t *p = passwd;
    uint8_t want[16];
    volatile uint8_t differ = 0;

    if (session_id == 0 || passwd == NULL || len != sizeof want) {
        return false;
    }
    session_password(session_id, want);
    for (size_t i = 0; i < sizeof want; i++) {
        differ = (uint8_t) (differ | (p[i] ^ want[i]));
    }
    return differ == 0;
}
