/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_network.h: links as TCP makes them: what one end sends comes in order
 * or the link ends; never is one message lost of those before and behind it.
 *
 * A cut holds back what goes in its direction until it is healed; a host that
 * loses power says nothing, and its peers hear of it only when it is up
 * again.
 */
#ifndef TEST_SIM_SIM_NETWORK_H
#define TEST_SIM_SIM_NETWORK_H

#include "sim_history.h"

#define SIM_MSG_DATA 24

struct sim_node;

struct sim_msg {
    struct sim_msg *next;
    int64_t due_us;
    bool fin;                   /* The link ends here. */
    int32_t type;               /* enum quorum_packet_type, or of clients. */
    int64_t zxid;
    int64_t a;
    int32_t cxid, err;
    const struct sim_txn *txn;
    /* SNAP: the tree; a reply: what was read. */
    const struct sim_state *state;
    int64_t fuzzy_upto;
    int32_t len;                /* Of the data; -1: null. */
    uint8_t data[SIM_MSG_DATA];
};

struct sim_link;

/* One end of a link.  Callbacks come only while it is open. */
struct sim_end {
    struct sim_node *node;      /* NULL: a client. */
    bool open;
    void *owner;
    void (*receive)(void *owner, struct sim_link *k,
                    const struct sim_msg *m);
    void (*closed)(void *owner, struct sim_link *k);
};

/* What goes from end i to the other. */
struct sim_dir {
    struct sim_msg *first, *last;
    int64_t last_due_us;
    int64_t last_received_us;   /* -1: nothing yet */
    bool fin;                   /* Its end is on its way. */
};

struct sim_link {
    uint32_t id;
    struct sim_world *w;
    bool broken;                /* What is sent now is lost. */
    bool quorum;                /* Between a learner and a leader. */
    bool history_acked;         /* The ack of NEWLEADER was sent. */
    struct sim_end end[2];
    struct sim_dir dir[2];
};

struct sim_network {
    struct sim_link **links;
    size_t n, cap;
    uint32_t next_id;
    struct sim_msg *free;
    bool cut[8][8];             /* By index: nothing gets from i to j. */
    int64_t cut_since_us[8][8];
    int64_t slow_us[8];         /* On top of each message from or to. */
    int64_t delay_us;           /* The most it takes otherwise. */
};

void sim_network_init(struct sim_world *w);
void sim_network_fini(struct sim_world *w);

struct sim_link *sim_link_open(struct sim_world *w, const struct sim_end *a,
                               const struct sim_end *b);
/* Sends a copy from end 'i'. */
void sim_link_send(struct sim_link *k, int i, const struct sim_msg *m);
/* End 'i' closes: what it sent before arrives.  No callback. */
void sim_link_close(struct sim_link *k, int i);
/* Breaks under way: both ends are told, some of what is under way is lost. */
void sim_link_break(struct sim_link *k);
/* The host of 'n' went: its links end (killed), or fall silent (no power). */
void sim_network_host_gone(struct sim_node *n, bool power);
/* It is there again: who still speaks to what was before is told. */
void sim_network_host_up(struct sim_node *n);

/* How long the next message takes. */
int64_t sim_network_delay(struct sim_world *w, const struct sim_node *from,
                          const struct sim_node *to);
void sim_network_cut(struct sim_world *w, size_t from, size_t to);
bool sim_network_is_cut(const struct sim_world *w, size_t from, size_t to);
/* All cuts and what makes links slow end. */
void sim_network_heal(struct sim_world *w);
void sim_network_heal_one(struct sim_world *w, size_t from, size_t to);

#endif
