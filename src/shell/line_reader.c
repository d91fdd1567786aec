/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "shell/line_reader.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_READER_CHUNK 65536

/* Takes 'len' bytes as a line, and 'skip' more away.  What stands in front of
 * a NUL may be a command that nobody wrote: NULL. */
static char *
lr_take(struct line_reader *r, size_t len, size_t skip, struct zk_errmsg *em)
{
    const char *p = (const char *) r->buf.data;
    size_t shown = len > 0 && p[len - 1] == '\r' ? len - 1 : len;
    char *line;

    if (memchr(p, '\0', len) != NULL) {
        (void) zk_fail(em, ZK_EMARSHAL, "a line with a NUL");
        return NULL;
    }
    line = zk_xstrndup(p, shown);
    zk_buf_consume(&r->buf, len + skip);
    r->searched = 0;
    return line;
}

/* Waits for input; tells events meanwhile. */
static void
lr_wait(const struct line_reader *r, struct shell *sh)
{
    struct pollfd p[2] = {
        { .fd = r->fd, .events = POLLIN },
        { .events = POLLIN },
    };

    do {
        p[1].fd = shell_link_fd(sh->link);
        p[0].revents = p[1].revents = 0;
        if (poll(p, 2, -1) > 0 && p[1].revents != 0) {
            shell_link_tell(sh->link);
        }
    } while (p[0].revents == 0);
}

char *
line_reader_next(struct line_reader *r, struct shell *sh,
                 struct zk_errmsg *em)
{
    em->text[0] = '\0';
    for (;;) {
        uint8_t *end = NULL;
        ssize_t n;

        if (r->buf.len > r->searched) {
            end = memchr(r->buf.data + r->searched, '\n',
                         r->buf.len - r->searched);
        }
        if (end != NULL) {
            return lr_take(r, (size_t) (end - r->buf.data), 1, em);
        }
        r->searched = r->buf.len;
        if (r->buf.len > LINE_READER_MAX) {
            (void) zk_fail(em, ZK_ETOOBIG, "a line of more than %u bytes",
                           LINE_READER_MAX);
            return NULL;
        }
        lr_wait(r, sh);
        n = read(r->fd, zk_buf_reserve(&r->buf, LINE_READER_CHUNK),
                 LINE_READER_CHUNK);
        if (n > 0) {
            r->buf.len += (size_t) n;
        } else if (n == 0) {
            return r->buf.len > 0 ? lr_take(r, r->buf.len, 0, em) : NULL;
        } else if (errno != EINTR && errno != EAGAIN) {
            (void) zk_fail_errno(em, "standard input");
            return NULL;
        }
    }
}

void
line_reader_fini(struct line_reader *r)
{
    zk_buf_fini(&r->buf);
}
