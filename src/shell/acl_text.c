/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "shell/acl_text.h"

#include <string.h>

#include "shell/format.h"

static int32_t
acl_text_perms(const char *text, size_t len, struct zk_buf *complaints)
{
    int32_t perms = 0;

    for (size_t i = 0; i < len; i++) {
        switch (text[i]) {
        case 'r':
            perms |= ACL_PERM_READ;
            break;
        case 'w':
            perms |= ACL_PERM_WRITE;
            break;
        case 'c':
            perms |= ACL_PERM_CREATE;
            break;
        case 'd':
            perms |= ACL_PERM_DELETE;
            break;
        case 'a':
            perms |= ACL_PERM_ADMIN;
            break;
        default:
            zk_buf_printf(complaints, "Unknown perm type: %c\n", text[i]);
        }
    }
    return perms;
}

static void
acl_text_parse_one(const char *part, size_t len, struct zk_buf *raw,
                   size_t at, struct zk_buf *complaints)
{
    const char *first = memchr(part, ':', len);
    const char *last = memrchr(part, ':', len);
    const char *end = part + len;

    if (first == last) {
        zk_buf_printf(complaints, "%.*s does not have the form "
                      "scheme:id:perm\n", (int) len, part);
        return;
    }
    acl_encode_add(raw, at,
                   acl_text_perms(last + 1, (size_t) (end - last - 1),
                                  complaints),
                   zk_slice(part, (int32_t) (first - part)),
                   zk_slice(first + 1, (int32_t) (last - first - 1)));
}

void
acl_text_parse(const char *text, struct zk_buf *raw,
               struct zk_buf *complaints)
{
    size_t at = acl_encode_begin(raw);
    size_t end = strlen(text);

    /* As Java's split: what is empty at the end is no part. */
    while (end > 0 && text[end - 1] == ',') {
        end--;
    }
    for (size_t i = 0; i < end || (i == 0 && text[0] == '\0');) {
        const char *comma = memchr(text + i, ',', end - i);
        size_t len = comma == NULL ? end - i
                                   : (size_t) (comma - (text + i));

        acl_text_parse_one(text + i, len, raw, at, complaints);
        i += len + 1;
    }
}

/* As Java's records print a string: what would take a list of them apart is
 * in hexadecimal (Java: Utils.toCSVString). */
static void
acl_text_escape(struct zk_slice text, struct zk_buf *out)
{
    for (int32_t i = 0; i < text.len; i++) {
        char c = text.p[i];

        if (c == '\0' || strchr("\n\r,}%", c) != NULL) {
            zk_buf_printf(out, "%%%02X", (unsigned) c);
        } else {
            zk_buf_append(out, &c, 1);
        }
    }
}

void
acl_text_print(const struct acl_entry *e, struct zk_buf *out)
{
    char perms[6];

    format_perms(e->perms, perms);
    zk_buf_append(out, "'", 1);
    acl_text_escape(e->scheme, out);
    zk_buf_append(out, ",'", 2);
    acl_text_escape(e->id, out);
    zk_buf_printf(out, "\n: %s\n", perms);
}
