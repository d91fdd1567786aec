/* SPDX-License-Identifier: Apache-2.0 */
/* words_watch.c: wchs, wchp, wchc: watches, counted and listed (Java:
 * WatchCommand).  Only the data table is shown, as Apache's servers do;
 * watch_count of mntr has both. */
#include <config.h>

#include "admin/words.h"

static struct watch_manager *
ww_watches(const struct word_call *call)
{
    return zookeeper_server_database(call->zks)->watches;
}

void
word_wchs(const struct word_call *call, struct zk_buf *out)
{
    watch_manager_report_summary(ww_watches(call), out);
}

void
word_wchp(const struct word_call *call, struct zk_buf *out)
{
    watch_manager_report_by_path(ww_watches(call), out);
}

void
word_wchc(const struct word_call *call, struct zk_buf *out)
{
    watch_manager_report_by_session(ww_watches(call), out);
}
