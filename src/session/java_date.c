/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "session/java_date.h"

#include <time.h>

void
java_date_append(struct zk_buf *out, int64_t wall_ms)
{
    static const char days[][4] = {
        "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"
    };
    static const char months[][4] = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun",
        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
    };
    time_t t = (time_t) (wall_ms / 1000);
    struct tm tm;

    tzset();
    if (localtime_r(&t, &tm) == NULL) {
        zk_buf_printf(out, "%lld ms", (long long) wall_ms);
        return;
    }
    zk_buf_printf(out, "%s %s %02d %02d:%02d:%02d %s %d", days[tm.tm_wday],
                  months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min,
                  tm.tm_sec, tm.tm_zone, tm.tm_year + 1900);
}
