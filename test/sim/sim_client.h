/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_client.h: a client with one session: it writes, reads and syncs, with
 * more than one request under way, and goes to another server when its
 * connection ends.  It begins another session when it is told that this one
 * has ended, and now and then.  It checks what servers promise to clients:
 * replies in order, zxids that never go back, its own writes in what it reads,
 * sessions that end only where that is committed.
 */
#ifndef TEST_SIM_SIM_CLIENT_H
#define TEST_SIM_SIM_CLIENT_H

#include "sim_network.h"

#define SIM_IN_FLIGHT 4

struct sim_in_flight {
    int32_t cxid;
    int32_t type;
    int64_t sent_us;
    uint32_t acked_before;      /* Depth that any client was told. */
};

struct sim_client {
    struct sim_world *w;
    int index;
    bool writes;                /* Else it only syncs and reads: a write that
                                 * is stuck holds up the syncs behind it. */
    int64_t session;            /* 0: none yet */
    bool admitted;              /* The session is known to be there. */
    struct sim_link *link;      /* End 0 is ours; NULL: none */
    bool connected;
    int64_t since_us;           /* ... it tries, or is. */
    int32_t cxid;
    int64_t last_zxid;          /* The highest it was told. */
    uint32_t seen;              /* Depth of what it saw. */
    uint32_t synced_to;         /* What its last sync promised. */
    struct sim_in_flight in_flight[SIM_IN_FLIGHT];
    size_t n_in_flight;
    unsigned answered;          /* Since the quiet began. */
};

void sim_client_init(struct sim_world *w, int index);
/* The client's end of a link to a server. */
void sim_client_end(struct sim_client *c, struct sim_end *out);
/* In quiet phases it asks for little, and is content then. */
bool sim_client_rests(const struct sim_client *c);

#endif
