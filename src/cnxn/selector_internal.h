/* SPDX-License-Identifier: Apache-2.0 */
/* selector_internal.h: a selector as its own files see it. */
#ifndef CNXN_SELECTOR_INTERNAL_H
#define CNXN_SELECTOR_INTERNAL_H

#include "cnxn/selector_thread.h"
#include "cnxn/server_cnxn.h"

/* What ends a hold of the database lock. */
#define SEL_HOLD_CNXNS 64
#define SEL_HOLD_FRAMES 2048
/* One read. */
#define SEL_READ_BYTES ((size_t) 128 << 10)
/* From here on a partial frame is read straight into its own memory. */
#define SEL_PARTIAL_DIRECT ((size_t) 32 << 10)
/* Buffers kept for reuse: how many, and up to which size. */
#define SEL_POOL_BUFFERS SEL_HOLD_CNXNS
#define SEL_POOL_BYTES ((size_t) 64 << 10)
/* How often connections that are paused are looked at, besides when
 * something happens to them. */
#define SEL_PAUSED_MS 10

enum selector_order {
    SEL_ORDER_NONE,
    SEL_ORDER_SET_SERVER,
    SEL_ORDER_PAUSE,
    SEL_ORDER_STOP,
};

/* What a hold adds to the server's counters. */
struct selector_totals {
    uint64_t sent;              /* packets */
    uint64_t answered;          /* with an outcome */
    int64_t latency_min_us, latency_max_us, latency_sum_us;
    int64_t size_min, size_max, size_last;
    uint64_t bytes_out;
};

struct selector_thread {
    unsigned magic;
#define SELECTOR_THREAD_MAGIC 0x53656c54

    /* Set at create, never changed. */
    struct cnxn_context *ctx;
    unsigned index;
    int epoll_fd;
    int event_fd;               /* Edge-triggered: never read. */
    struct zk_thread thread;

    atomic_bool asleep;
    atomic_bool posted;         /* One of the lists, or an order. */

    /* Shared, under 'lock'. */
    struct zk_mutex lock;
    struct zk_cond done;        /* An order was carried out. */
    struct server_cnxn *flush_first ZK_GUARDED;     /* with references */
    struct server_cnxn **flush_last ZK_GUARDED;
    struct server_cnxn *new_first ZK_GUARDED;       /* by flush_next */
    enum selector_order order ZK_GUARDED;
    struct zookeeper_server *order_zks ZK_GUARDED;

    /* Owned by the thread. */
    struct zookeeper_server *zks;
    bool reading_off;           /* Paused for good. */
    int64_t stop_at_ms;         /* 0: not stopping. */
    unsigned spin_now_us;       /* 0 <= spin_now_us <= ctx->spin_us */
    int64_t now_us;
    int64_t paused_seen_ms;     /* When the paused were looked at. */
    struct server_cnxn *first;  /* All its connections. */
    struct server_cnxn *paused; /* Those that nothing is read from. */
    struct server_cnxn *dead;   /* Closed, to be let go of. */
    struct server_cnxn **again_list;    /* Paused, to be looked at. */
    size_t again_n, again_cap;

    /* The hold of the database lock. */
    bool holding;
    struct intake intake;
    unsigned hold_frames;
    struct server_cnxn *touched[SEL_HOLD_CNXNS];
    unsigned touched_n;

    struct zk_buf scratch;      /* Replies to one connection. */
    struct cnxn_tally tally;    /* and what they count. */
    struct selector_totals totals;

    struct zk_buf pool[SEL_POOL_BUFFERS];
    unsigned pool_n;
    uint8_t *read_buf;          /* SEL_READ_BYTES */
};

/* ---- selector_frames.c: reading ---------------------------------------- */

/* A connection is readable: reads once, handles the frames. */
void sel_read(struct selector_thread *sel, struct server_cnxn *c);
/* Goes on reading if nothing is against it any more. */
void sel_resume(struct selector_thread *sel, struct server_cnxn *c);

/* ---- selector_io.c: the rest ------------------------------------------- */

/* Keeps a buffer's memory for reuse, or frees it; what is in it is not
 * needed any more. */
void sel_recycle(struct selector_thread *sel, struct zk_buf *b);
/* May frames of the connection still be handled? */
bool sel_is_live(const struct server_cnxn *c);
/* Sends what waits; ends the connection when that was asked for. */
void sel_flush(struct selector_thread *sel, struct server_cnxn *c);
/* Takes the database lock, unless the hold has begun already. */
void sel_hold_begin(struct selector_thread *sel);
/* Ends the hold, if there is one, and sends to all that were touched. */
void sel_hold_end(struct selector_thread *sel);
/* In a hold: the connection is sent to, or closed, when it ends. */
void sel_touch_in_hold(struct selector_thread *sel, struct server_cnxn *c);
/* Hands what was answered so far to the connection.  Still in the hold: what
 * later transactions append comes behind it. */
void sel_append(struct selector_thread *sel, struct server_cnxn *c);
/* Nothing is read from it until the reason is gone. */
void sel_pause(struct selector_thread *sel, struct server_cnxn *c,
               enum cnxn_pause why);
/* All reasons are gone. */
void sel_unpause(struct selector_thread *sel, struct server_cnxn *c);
/* A paused one will be looked at before the selector waits again. */
void sel_look_again(struct selector_thread *sel, struct server_cnxn *c);
/* Tells epoll what the connection waits for now. */
void sel_set_events(struct selector_thread *sel, struct server_cnxn *c,
                    uint32_t events);
/* Closes it now; outside a hold. */
void sel_close(struct selector_thread *sel, struct server_cnxn *c,
               enum disconnect_reason why);
/* It shows a sign of life. */
void sel_touch(struct selector_thread *sel, struct server_cnxn *c);

#endif
