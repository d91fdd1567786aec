/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.h: the shell's session: a client (client/zk_client.h) whose answers
 * and events all come to the one thread of the shell.
 *
 * The client's threads only put down what came and wake a descriptor; whoever
 * waits here, for an answer or for the next line of the user, takes it up.
 * So events are told between other output, never inside it, and the event of
 * a change before the answer that shows it.  Those of znodes that nobody has
 * taken up yet may come to LINK_EVENTS_MAX bytes: while more come than can be
 * told, or the terminal stands still, they are counted alone.
 *
 * Nothing waits for ever: a server that says nothing is left by the client, a
 * request that a living server does not answer is given up after
 * link_config.call_timeout_ms, or, while a server is looked for, a session's
 * time-out later; and the user can interrupt any wait.
 *
 * Thread-safety: one thread alone.
 */
#ifndef SHELL_LINK_H
#define SHELL_LINK_H

#include "client/zk_client.h"
#include "shell/words.h"

#define LINK_EVENTS_MAX (16u << 20)

/* What came of a request; strings of its own. */
struct link_answer {
    int32_t err;                /* enum keeper_error, or one of these: */
#define LINK_INTERRUPTED 1      /* The user did not want to wait. */
#define LINK_TOO_MUCH 3         /* More than is held; see walk.h. */
    char *path;                 /* NULL: none. */
    struct zk_slice data;       /* May be null. */
    struct jute_stat stat;
    struct word_list names;     /* As the server sent them. */
    struct zk_slice acl;        /* Raw. */
    int32_t number;
    struct word_list who;       /* Scheme, user, scheme, user. */
};

/* How the shell's user is told and asked, by the thread that waits. */
struct link_env {
    void *arg;
    void (*on_event)(void *arg, const struct zk_event *ev);
    /* So many more came, and there was no room for them. */
    void (*on_lost)(void *arg, size_t events);
    /* Readable when the user wants to interrupt what is under way; -1: no
     * such thing.  'interrupted' takes that up, and says whether it was so. */
    int interrupt_fd;
    bool (*interrupted)(void *arg);
};

struct link_config {
    const char *server;         /* The connect string. */
    int32_t timeout_ms;         /* Of the session. */
    int32_t call_timeout_ms;
    bool read_only;
    int32_t max_buffer;
    const struct net_options *net;  /* NULL: plain; must outlive the link. */
};

struct shell_link;
struct link_call;

/* Starts to connect and returns at once.  ZK_ECONFIG: a setting makes no
 * sense. */
int shell_link_open(const struct link_config *cfg, const struct link_env *env,
                    struct shell_link **out, struct zk_errmsg *em)
    ZK_WARN_UNUSED;
/* Ends the session (waits some seconds at most, until the user interrupts)
 * and frees everything; events that came are still told.  NULL is none. */
void shell_link_close(struct shell_link *l);
/* Neither closed nor expired nor refused. */
bool shell_link_alive(const struct shell_link *l);
/* "CONNECTED", as Java says it. */
const char *shell_link_state(const struct shell_link *l);
/* Waits until there is a server, for 'timeout_ms' at most; false: there is
 * none, or the user interrupted. */
bool shell_link_wait_connected(struct shell_link *l, int32_t timeout_ms);

/* Asks and waits.  Fills 'out', which holds nothing, and returns its err; the
 * caller finishes it in any case. */
int32_t shell_link_call(struct shell_link *l, const struct zk_op *op,
                        struct link_answer *out);
/* The same, for 'timeout_ms' at most. */
int32_t shell_link_try(struct shell_link *l, const struct zk_op *op,
                       int32_t timeout_ms, struct link_answer *out);
/* The two halves, for many requests at a time.  Each call must be finished,
 * by wait or by drop. */
struct link_call *shell_link_submit(struct shell_link *l,
                                    const struct zk_op *op);
int32_t shell_link_finish(struct shell_link *l, struct link_call *call,
                          struct link_answer *out);
/* Nobody cares for the answer any more. */
void shell_link_drop(struct shell_link *l, struct link_call *call);
/* Frees what is in it. */
void link_answer_fini(struct link_answer *a);

/* Readable when there are events to tell.  -1 for NULL. */
int shell_link_fd(const struct shell_link *l);
/* Tells the events that have come; NULL is none. */
void shell_link_tell(struct shell_link *l);

#endif
