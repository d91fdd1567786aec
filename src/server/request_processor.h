/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_processor.h: a stage of the request path (Java: RequestProcessor).
 *
 * A stage embeds this struct.  submit takes over the whole list, in order;
 * it never blocks for long.  shutdown finishes what was submitted, ends the
 * stage's threads, and then shuts the next stage down; nothing is submitted
 * to a stage that was shut down.
 */
#ifndef SERVER_REQUEST_PROCESSOR_H
#define SERVER_REQUEST_PROCESSOR_H

#include "server/request.h"

struct request_processor {
    const char *name;
    void (*submit)(struct request_processor *p, struct bq_list *requests);
    void (*shutdown)(struct request_processor *p);
    void (*destroy)(struct request_processor *p);
};

#endif
