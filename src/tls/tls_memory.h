/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_memory.h: what checks of revocation remember: what responders have said
 * of a certificate, and which places have failed.
 *
 * An answer is fresh for TLS_MEMORY_FRESH_MS, as a list is: it is used and
 * nobody is asked.  After that it is one to fall back on, for as long as it
 * said that it is valid.
 *
 * Responders that know less than others do, and whoever sends an old answer
 * again, change nothing: the one that was made last counts (thisUpdate),
 * whenever it came; of two of the same moment, "revoked".
 *
 * A place that hung is left alone for TLS_MEMORY_PAUSE_MS, one that refused
 * for TLS_MEMORY_REFUSED_MS: whoever needs it fails at once.  When that is
 * over one check may try it, while the others go on failing until it has told
 * what came of it; so a place that hangs holds up those who met it first, and
 * from then on one check in a while.
 *
 * Both tables are bounded; one more takes the place of the oldest.
 *
 * Thread-safety: none; pure, time is given (ms: zk_time_mono_ms, s: since
 * 1970).
 */
#ifndef TLS_TLS_MEMORY_H
#define TLS_TLS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_MEMORY_ANSWERS 1024
#define TLS_MEMORY_PLACES 64
#define TLS_MEMORY_FRESH_MS 60000
#define TLS_MEMORY_PAUSE_MS 30000
/* A place that is being started, or a name service that was not there, holds
 * nobody up: soon enough to be asked again. */
#define TLS_MEMORY_REFUSED_MS 1000
/* The SHA-256 of a certificate, and of its issuer's. */
#define TLS_MEMORY_KEY 64

struct tls_answer {
    unsigned char key[TLS_MEMORY_KEY];
    int64_t from_s;             /* When it was made (thisUpdate). */
    int64_t until_s;            /* It is valid before that. */
    int64_t asked_ms;           /* Later if its place had no new one. */
    bool revoked;
    bool used;                  /* False: the entry is free. */
};

struct tls_place {
    char *url;                  /* NULL: free. */
    int64_t failed_ms;
    int64_t pause_until_ms;
    bool tried;                 /* A check is finding out. */
};

struct tls_memory {
    struct tls_answer answers[TLS_MEMORY_ANSWERS];
    struct tls_place places[TLS_MEMORY_PLACES];
};

/* All zeros are an empty one. */
void tls_memory_fini(struct tls_memory *m);

enum tls_recall {
    TLS_RECALL_NONE,            /* Nothing that is valid. */
    TLS_RECALL_FRESH,
    TLS_RECALL_OLD,             /* To fall back on. */
};

/* What is known of the certificate; '*revoked' is set unless nothing is. */
enum tls_recall tls_memory_recall(const struct tls_memory *m,
                                  const unsigned char key[TLS_MEMORY_KEY],
                                  int64_t now_ms, int64_t now_s,
                                  bool *revoked);
/* What a responder says now.  'from_s' may be ahead of our clock and counts as
 * now then; with 'until_s' <= 'now_s' it is of this moment alone. */
struct tls_said {
    bool revoked;
    int64_t from_s, until_s;
};

/* It was said now.  Is the certificate revoked, by that and by what was known,
 * of which the newer one is kept?  A "revoked" outweighs what is older also
 * when its time is over. */
bool tls_memory_keep(struct tls_memory *m,
                     const unsigned char key[TLS_MEMORY_KEY],
                     const struct tls_said *said, int64_t now_ms,
                     int64_t now_s);
/* Its responder did not know it at 'from_s': nothing counts that was said of
 * it by then. */
void tls_memory_forget(struct tls_memory *m,
                       const unsigned char key[TLS_MEMORY_KEY],
                       int64_t from_s);
/* Who can tell was asked now, for nothing: what is known has time until the
 * next. */
void tls_memory_renew(struct tls_memory *m,
                      const unsigned char key[TLS_MEMORY_KEY],
                      int64_t now_ms);

/* Does the place rest?  '*ago_ms': since its failure.  Asking changes
 * nothing. */
bool tls_memory_rests(const struct tls_memory *m, const char *url,
                      int64_t now_ms, int64_t *ago_ms);

/* May it be asked now?  Whoever is told so says later what came of it. */
bool tls_memory_try(struct tls_memory *m, const char *url, int64_t now_ms,
                    int64_t *ago_ms);

enum tls_outcome {
    TLS_OUTCOME_ANSWER,         /* Whatever it said. */
    TLS_OUTCOME_FAILURE,        /* It has hung. */
    TLS_OUTCOME_REFUSAL,        /* It could not be reached, at once. */
    TLS_OUTCOME_NOTHING,        /* It had no time to show: the next one may
                                 * try. */
};

/* What came of asking the place, for others to know. */
void tls_memory_tell(struct tls_memory *m, const char *url,
                     enum tls_outcome outcome, int64_t now_ms);

#endif
