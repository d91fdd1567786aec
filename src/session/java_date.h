/* SPDX-License-Identifier: Apache-2.0 */
/* java_date.h: times as the four-letter words show them. */
#ifndef SESSION_JAVA_DATE_H
#define SESSION_JAVA_DATE_H

#include "util/zk_buf.h"

/* Appends "Sun Nov 22 14:11:09 UTC 2026": the wall-clock time in the
 * process's time zone, English in every locale (Java: Date.toString). */
void java_date_append(struct zk_buf *out, int64_t wall_ms);

#endif
