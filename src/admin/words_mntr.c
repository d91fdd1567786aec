/* SPDX-License-Identifier: Apache-2.0 */
/* words_mntr.c: mntr: all metrics, for monitoring (Java: MonitorCommand).
 * The first lines are not all numbers; the others are the gauges, counters
 * and summaries of the metrics registry. */
#include <config.h>

#include "admin/words.h"

#include "config/environment.h"
#include "metrics/server_metrics.h"
#include "server/server_role.h"

/* What only members of an ensemble say; a read-only server plays no role in
 * it for the time being. */
static void
wm_role(const struct word_call *call, struct zk_buf *out)
{
    const struct server_role *role = zookeeper_server_role(call->zks);

    if (role == NULL || role->read_only) {
        return;
    }
    if (call->ensemble != NULL) {
        call->ensemble->mntr(call->ensemble->self, out);
    }
    if (role->mntr != NULL) {
        role->mntr(role->self, out);
    }
}

void
word_mntr(const struct word_call *call, struct zk_buf *out)
{
    const size_t start = out->len;

    zk_buf_printf(out, "zk_version\t%s\n", environment_version());
    zk_buf_printf(out, "zk_server_state\t%s\n",
                  zookeeper_server_mode(call->zks));
    wm_role(call, out);
    server_metrics_print(out);
    if (!words_still_serving(call)) {
        /* Some gauges may have said 0 for want of a server. */
        out->len = start;
        zk_buf_printf(out, "%s\n", WORDS_NOT_SERVING);
    }
}
