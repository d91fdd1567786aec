/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fle_world.h: whole ensembles of election cores on virtual time, over a
 * network in memory that loses, delays and reorders as a seed says.
 *
 * Host i has sid i + 1; the first 'voters' vote.  A host plays the role it was
 * elected for until it sees that it cannot: a leader without a quorum of
 * followers and a learner whose leader does not lead look again, after the
 * patience a real one has.
 */
#ifndef TEST_FLE_WORLD_H
#define TEST_FLE_WORLD_H

#include "election/fle_core.h"

#define FW_HOSTS 9
/* How long a role that does not work is kept. */
#define FW_PATIENCE_MS 2000

struct fw_message {
    int64_t at_ms;
    uint64_t order;             /* Breaks ties. */
    size_t from, to;
    struct fle_notification n;
};

/* What waits for a host that is down; as on a link, only the last. */
struct fw_held {
    bool is;
    struct fle_notification n;
};

struct fle_world {
    struct quorum_verifier *qv;
    size_t voters, n;
    struct fw_host {
        struct fle_world *world;
        size_t index;
        struct fle_core *fc;    /* NULL: down. */
        int64_t zxid, epoch;
        enum peer_state seen;   /* State when we looked last, */
        int64_t settled_ms;     /* and when it was reached. */
        int64_t serves;         /* As leader: its epoch; 0: not yet. */
    } hosts[FW_HOSTS];
    int64_t now_ms;
    uint64_t random;

    /* Leaders establish epochs and write; otherwise histories stay. */
    bool serve;
    int64_t last_epoch;
    int64_t committed_epoch, committed_zxid;

    /* The network. */
    unsigned loss;              /* Per cent. */
    int64_t max_delay_ms;       /* At least 1. */
    bool reorder;
    bool notice_down;           /* Connects to hosts that are down fail. */
    int64_t busy_until[FW_HOSTS][FW_HOSTS];
    struct fw_held held[FW_HOSTS][FW_HOSTS];
    struct fw_message *messages;
    size_t n_messages, cap;

    /* What happened. */
    uint64_t sent, delivered, timers;
    uint64_t recent;            /* Deliveries in this tenth of a second. */
    uint64_t most_recent;
};

/* All hosts down.  Histories differ, by the seed. */
void fle_world_init(struct fle_world *w, size_t voters, size_t observers,
                    uint64_t seed);
/* No host is empty: such a one votes for nobody before it has heard all. */
void fle_world_fill(struct fle_world *w);
/* Takes the history of host 'i', which is down, if the others still have what
 * was committed and no other is empty; false if not. */
bool fle_world_wipe(struct fle_world *w, size_t i);
void fle_world_fini(struct fle_world *w);
/* 0 to n - 1. */
uint64_t fle_world_random(struct fle_world *w, uint64_t n);
/* A new process on host 'i', which starts to look. */
void fle_world_boot(struct fle_world *w, size_t i);
void fle_world_crash(struct fle_world *w, size_t i);
/* The role of host 'i' has ended: it looks again. */
void fle_world_look(struct fle_world *w, size_t i);
/* Hands over the next message; false: there is none. */
bool fle_world_step(struct fle_world *w);
/* Lives until 'until_ms': messages, timers and, every 100 ms, roles. */
void fle_world_run(struct fle_world *w, int64_t until_ms);
/* Every host that is up is settled on one leader that leads. */
bool fle_world_agrees(const struct fle_world *w);
/* Whatever leads has a history no shorter than those of some quorum. */
bool fle_world_leaders_know_enough(const struct fle_world *w);
/* The only leader has all that was committed. */
bool fle_world_nothing_lost(const struct fle_world *w);
void fle_world_print(const struct fle_world *w);

#endif
