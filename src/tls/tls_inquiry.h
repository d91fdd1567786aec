/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_inquiry.h: what one check of revocation has been told so far, and where
 * it is to go on.
 *
 * A check that may ask one place only is left at the next one and played again
 * later, from its start: what it has been told stands here, so that nobody is
 * asked twice, and answers that are of one moment are not lost.
 *
 * Thread-safety: none.
 */
#ifndef TLS_TLS_INQUIRY_H
#define TLS_TLS_INQUIRY_H

#include <stdbool.h>
#include <stdint.h>

#include "util/zk_error.h"

/* One question that was asked. */
struct tls_told {
    struct tls_told *next;
    int depth;                  /* Of the certificate in its chain. */
    bool list;                  /* For a list; else for an OCSP answer. */
    int status;                 /* What it came to: the check's own. */
    struct zk_errmsg why;
    char url[];
};

/* All zeros are one that begins. */
struct tls_inquiry {
    struct tls_told *told;
    int64_t asked_ms;           /* So long it has asked. */
    char *place;                /* tls_fetch_place of whom it has to ask;
                                 * NULL: of nobody. */
};

/* Frees what it holds; it may begin anew. */
void tls_inquiry_fini(struct tls_inquiry *q);
/* What came of that question; NULL: it was not asked.  Borrowed. */
const struct tls_told *tls_inquiry_recall(const struct tls_inquiry *q,
                                          int depth, bool list,
                                          const char *url);
/* It was asked. */
void tls_inquiry_note(struct tls_inquiry *q, int depth, bool list,
                      const char *url, int status,
                      const struct zk_errmsg *why);
/* It goes on at that place (copied). */
void tls_inquiry_leave_at(struct tls_inquiry *q, const char *place);

#endif
