/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "tools/snap_print.h"

#include <inttypes.h>
#include <stdlib.h>

#include "session/java_date.h"

/* Where ncdu's inode numbers begin in Java. */
#define SP_FIRST_INODE 1001
/* Digits of "0x" and a hexadecimal number: %#016x. */
#define SP_HEX_DIGITS 14
/* Where "Sun Nov 22 14:11:09 UTC 2026" has its seconds. */
#define SP_SECONDS 17
/* Minutes whose text is kept. */
#define SP_MINUTES 1024

/* ---- a node ------------------------------------------------------------ */

/* printf is too slow for ten lines a node. */
static void
append_decimal(struct zk_buf *b, int32_t v)
{
    char text[16];
    char *p = text + sizeof text;
    uint32_t left = v < 0 ? 0 - (uint32_t) v : (uint32_t) v;

    do {
        *--p = (char) ('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (v < 0) {
        *--p = '-';
    }
    zk_buf_append(b, p, (size_t) (text + sizeof text - p));
}

static void
append_hex(struct zk_buf *b, int64_t v)
{
    char text[18];
    char *p = text + sizeof text;
    uint64_t left = (uint64_t) v;

    for (int i = 0; i < SP_HEX_DIGITS || left > 0; i++) {
        *--p = "0123456789abcdef"[left & 15];
        left >>= 4;
    }
    *--p = 'x';
    *--p = '0';
    zk_buf_append(b, p, (size_t) (text + sizeof text - p));
}

#define APPEND(b, lit) zk_buf_append(b, lit, sizeof(lit) - 1)

/* The text of a minute's first second; the seconds stand at SP_SECONDS. */
struct snap_minute {
    int64_t minute;
    char text[40];
    uint8_t len;                /* 0: none. */
};

/* False when the seconds do not stand where they should: a year or an offset
 * from UTC out of the ordinary. */
static bool
make_minute(struct snap_minute *m, int64_t minute)
{
    struct zk_buf text = { 0 };
    bool ok;

    java_date_append(&text, minute * 60000);
    ok = text.len < sizeof m->text && text.len > SP_SECONDS + 2
         && memcmp(text.data + SP_SECONDS - 1, ":00 ", 4) == 0;
    m->len = 0;
    if (ok) {
        m->minute = minute;
        m->len = (uint8_t) text.len;
        memcpy(m->text, text.data, text.len);
    }
    zk_buf_fini(&text);
    return ok;
}

/* Taking a time apart is slow, and many nodes share a minute. */
static void
append_date(struct snap_print *sp, int64_t ms)
{
    struct zk_buf *b = &sp->out->buf;
    int64_t minute = ms / 60000;
    int second = (int) (ms / 1000 % 60);
    struct snap_minute *m;
    char *to;

    if (sp->minutes == NULL) {
        sp->minutes = zk_xcalloc(SP_MINUTES, sizeof *sp->minutes);
    }
    m = &sp->minutes[(uint64_t) minute % SP_MINUTES];
    if (ms < 0 || minute > INT64_MAX / 60000
        || ((m->len == 0 || m->minute != minute)
            && !make_minute(m, minute))) {
        java_date_append(b, ms);
        return;
    }
    to = (char *) zk_buf_reserve(b, m->len);
    memcpy(to, m->text, m->len);
    to[SP_SECONDS] = (char) ('0' + second / 10);
    to[SP_SECONDS + 1] = (char) ('0' + second % 10);
    b->len += m->len;
}

static void
print_stat(struct snap_print *sp, const struct jute_stat_persisted *st)
{
    struct zk_buf *b = &sp->out->buf;

    APPEND(b, "\n  cZxid = ");
    append_hex(b, st->czxid);
    APPEND(b, "\n  ctime = ");
    append_date(sp, st->ctime);
    APPEND(b, "\n  mZxid = ");
    append_hex(b, st->mzxid);
    APPEND(b, "\n  mtime = ");
    append_date(sp, st->mtime);
    APPEND(b, "\n  pZxid = ");
    append_hex(b, st->pzxid);
    APPEND(b, "\n  cversion = ");
    append_decimal(b, st->cversion);
    APPEND(b, "\n  dataVersion = ");
    append_decimal(b, st->version);
    APPEND(b, "\n  aclVersion = ");
    append_decimal(b, st->aversion);
    APPEND(b, "\n  ephemeralOwner = ");
    append_hex(b, st->ephemeral_owner);
}

int
snap_print_node(struct snap_print *sp, uint32_t node, struct zk_errmsg *em)
{
    struct zk_buf *b = &sp->out->buf;
    struct snap_node n;
    int rv;

    rv = snap_index_content(sp->ix, node, &n, em);
    if (rv != ZK_OK) {
        return rv;
    }
    APPEND(b, "----\n");
    tool_append_text(b, node == 0 ? ZK_SLICE_LIT("/") : n.path);
    print_stat(sp, &n.stat);
    if (sp->data) {
        APPEND(b, "\n  data = ");
        tool_append_base64(b, n.data);
    } else {
        APPEND(b, "\n  dataLength = ");
        append_decimal(b, n.data.len > 0 ? n.data.len : 0);
    }
    APPEND(b, "\n");
    if (n.stat.mzxid > sp->last_zxid) {
        sp->last_zxid = n.stat.mzxid;
    }
    if (n.stat.pzxid > sp->last_zxid) {
        sp->last_zxid = n.stat.pzxid;
    }
    tool_out_poll(sp->out);
    return ZK_OK;
}

void
snap_print_fini(struct snap_print *sp)
{
    free(sp->minutes);
    sp->minutes = NULL;
}

void
snap_print_sessions(struct snap_index *ix, struct tool_out *out)
{
    const struct snap_session *s;
    size_t n;

    APPEND(&out->buf, "Session Details (sid, timeout, ephemeralCount):\n");
    s = snap_index_sessions(ix, &n);
    for (size_t i = 0; i < n; i++) {
        append_hex(&out->buf, s[i].id);
        zk_buf_printf(&out->buf, ", %" PRId32 ", %" PRIu32 "\n",
                      s[i].timeout_ms, s[i].ephemerals);
        tool_out_poll(out);
    }
}

/* ---- JSON -------------------------------------------------------------- */

void
snap_print_json(struct snap_index *ix, struct tool_out *out)
{
    struct zk_buf *b = &out->buf;
    int64_t inode = SP_FIRST_INODE;
    uint32_t node = 0, up;
    const uint32_t *children;

    while (node != SNAP_INDEX_NONE && !out->broken) {
        bool parent = snap_index_children(ix, node, &children) > 0;
        int32_t len = snap_index_data_len(ix, node);

        tool_append(b, parent ? ",[{\"name\":" : ",{\"name\":");
        tool_append_json(b, node == 0 ? ZK_SLICE_LIT("/")
                                      : snap_index_name(ix, node));
        zk_buf_printf(b, ",\"asize\":%" PRId32 ",\"dsize\":%" PRId32
                      ",\"dev\":0,\"ino\":%" PRId64 "}", len, len, inode++);
        node = snap_index_next(ix, 0, node, &up);
        /* Behind a node's last descendant its list ends. */
        for (uint32_t i = node == SNAP_INDEX_NONE ? 0 : 1; i < up; i++) {
            tool_append(b, "]");
        }
        tool_out_poll(out);
    }
}

/* ---- summary ----------------------------------------------------------- */

static void
append_level(struct zk_buf *b, uint32_t level)
{
    for (uint32_t i = 0; i < level; i++) {
        APPEND(b, "--");
    }
}

static void
print_sum(struct tool_out *out, struct zk_slice path, uint32_t level,
          const struct snap_sum *s)
{
    struct zk_buf *b = &out->buf;

    append_level(b, level);
    APPEND(b, " ");
    tool_append_text(b, path);
    APPEND(b, "\n");
    append_level(b, level);
    zk_buf_printf(b, "   children: %" PRId64 "\n", s->descendants);
    append_level(b, level);
    zk_buf_printf(b, "   data: %" PRId64 "\n", s->bytes);
    tool_out_poll(out);
}

int
snap_print_summary(struct snap_index *ix, struct tool_out *out,
                   const char *start, int32_t depth, struct zk_errmsg *em)
{
    uint32_t top = snap_index_find(ix, zk_slice_str(start));
    struct zk_buf path = { 0 };
    const uint32_t *children;
    uint32_t level = 0, up;
    struct snap_sum *sums;

    if (top == SNAP_INDEX_NONE) {
        return zk_fail(em, ZK_ENOTFOUND, "%s: no such node in the snapshot",
                       start);
    }
    sums = snap_index_sums(ix);
    for (uint32_t node = top; node != SNAP_INDEX_NONE;) {
        if (snap_index_children(ix, node, &children) > 0
            && (depth == 0 || (int64_t) level <= depth)) {
            zk_buf_clear(&path);
            if (node == top) {
                tool_append(&path, start);
            } else {
                snap_index_path(ix, node, &path);
            }
            print_sum(out, zk_slice(path.data, (int32_t) path.len), level,
                      &sums[node]);
        }
        node = snap_index_next(ix, top, node, &up);
        level = up == 0 ? level + 1 : level - (up - 1);
    }
    tool_append(&out->buf, "\n");
    zk_buf_fini(&path);
    free(sums);
    return ZK_OK;
}
