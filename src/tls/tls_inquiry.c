/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tls/tls_inquiry.h"

#include <stdlib.h>
#include <string.h>

#include "util/zk_obj.h"

void
tls_inquiry_fini(struct tls_inquiry *q)
{
    while (q->told != NULL) {
        struct tls_told *t = q->told;

        q->told = t->next;
        free(t);
    }
    free(q->place);
    *q = (struct tls_inquiry) { .told = NULL };
}

const struct tls_told *
tls_inquiry_recall(const struct tls_inquiry *q, int depth, bool list,
                   const char *url)
{
    const struct tls_told *t = q->told;

    while (t != NULL && (t->depth != depth || t->list != list
                         || strcmp(t->url, url) != 0)) {
        t = t->next;
    }
    return t;
}

void
tls_inquiry_note(struct tls_inquiry *q, int depth, bool list,
                 const char *url, int status, const struct zk_errmsg *why)
{
    size_t len = strlen(url) + 1;
    struct tls_told *t = zk_xcalloc(1, sizeof *t + len);

    *t = (struct tls_told) {
        .next = q->told, .depth = depth, .list = list, .status = status,
        .why = *why,
    };
    memcpy(t->url, url, len);
    q->told = t;
}

void
tls_inquiry_leave_at(struct tls_inquiry *q, const char *place)
{
    free(q->place);
    q->place = zk_xstrdup(place);
}
