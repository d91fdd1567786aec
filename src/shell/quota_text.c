/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "shell/quota_text.h"

#include <inttypes.h>
#include <stdlib.h>

#include "config/server_address.h"

void
quota_text_init(struct quota_text *q)
{
    *q = (struct quota_text) { .count = -1, .bytes = -1, .byte_hard = -1,
                               .count_hard = -1 };
}

/* One "name=number", which may have a '=' behind it; other names are for
 * versions to come. */
static bool
quota_text_part(char *part, struct quota_text *q)
{
    char *equals = strchr(part, '=');
    int64_t value = -1;

    if (equals == NULL) {
        return false;
    }
    *equals++ = '\0';
    equals[strcspn(equals, "=")] = '\0';
    if (*equals != '\0' && !config_parse_long(equals, &value)) {
        return false;
    }
    if (strcmp(part, "count") == 0) {
        q->count = value;
    } else if (strcmp(part, "bytes") == 0) {
        q->bytes = value;
    } else if (strcmp(part, "byteHardLimit") == 0) {
        q->byte_hard = value;
        q->has_byte_hard = true;
    } else if (strcmp(part, "countHardLimit") == 0) {
        q->count_hard = value;
        q->has_count_hard = true;
    }
    return true;
}

bool
quota_text_parse(struct zk_slice text, struct quota_text *out)
{
    char *copy = zk_xstrndup(text.len > 0 ? text.p : "",
                             text.len > 0 ? (size_t) text.len : 0);
    char *at = copy, *part;
    bool ok = true;

    quota_text_init(out);
    while (ok && (part = strsep(&at, ",;")) != NULL) {
        ok = *part == '\0' || quota_text_part(part, out);
    }
    free(copy);
    return ok;
}

void
quota_text_print(const struct quota_text *q, struct zk_buf *out)
{
    zk_buf_printf(out, "count=%" PRId64 ",bytes=%" PRId64, q->count,
                  q->bytes);
    if (q->has_byte_hard || q->has_count_hard) {
        zk_buf_append(out, "=", 1);
    }
    if (q->has_byte_hard) {
        zk_buf_printf(out, ";byteHardLimit=%" PRId64, q->byte_hard);
    }
    if (q->has_count_hard) {
        zk_buf_printf(out, ";countHardLimit=%" PRId64, q->count_hard);
    }
}
