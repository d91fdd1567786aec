/* SPDX-License-Identifier: Apache-2.0 */
/* words.h: the four-letter words as their own files see them. */
#ifndef ADMIN_WORDS_H
#define ADMIN_WORDS_H

#include "admin/four_letter_words.h"

#define WORDS_NOT_SERVING \
    "This ZooKeeper instance is not currently serving requests"

/* What one answer, or one gauge, works on.  The server and the factory stay
 * until words_leave. */
struct word_call {
    struct four_letter_words *words;
    const struct server_config *config;
    const struct ensemble_words *ensemble;  /* NULL: the server is alone. */
    struct zookeeper_server *zks;           /* NULL: none runs. */
    struct server_cnxn_factory *factory;    /* NULL as long as zks is. */
    int64_t since_ms;                       /* It serves; monotonic. */
    uint64_t arg;                           /* stmk: the mask. */
    bool secure;                            /* It came to the secure port. */
};

/* Begins a look at the server, which ends by words_leave.  False, and
 * nothing to leave, when no server runs. */
bool words_enter(struct four_letter_words *w, struct word_call *call);
void words_leave(struct word_call *call);
/* Does the server of this call still run? */
bool words_still_serving(const struct word_call *call);

/* The trace mask that gtmk shows and stmk sets: kept, and nothing else, as
 * there is no trace output that it would select. */
int64_t words_trace_mask(const struct four_letter_words *w);
void words_set_trace_mask(struct four_letter_words *w, int64_t mask);

/* One answer: appends it to 'out'.  Words that do not work without a server
 * are called with one only. */
#define FOUR_LETTER_WORD(word, idle, what) \
    void word_##word(const struct word_call *call, struct zk_buf *out);
#include "zookeeper/tbl/four_letter_words.h"
#undef FOUR_LETTER_WORD

#endif
