/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "util/zk_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util/zk_buf.h"
#include "util/zk_lock.h"
#include "util/zk_log_sink.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

/* The ring's bounds: what an outburst may keep in memory. */
#define ZKLG_LINES_MAX 4096
#define ZKLG_BYTES_MAX (4096u * 1024)
/* How long a panic waits for the log thread to drain the ring. */
#define ZKLG_PANIC_MS 500

/* In front of each line in the ring; the text follows, with its NUL. */
struct zklg_entry {
    uint32_t size;              /* Of the text, with the NUL. */
    uint16_t cat;
    uint16_t level;
};

/* An older one may still be read by a thread, so none is freed. */
struct zklg_myid {
    struct zklg_myid *older;
    char text[];
};

_Atomic int zk_log_thresholds[ZK_LOG_CATEGORIES] = {
#define LOG_CATEGORY(name, component, java) ZK_LOG_INFO,
#include "zookeeper/tbl/log_categories.h"
#undef LOG_CATEGORY
};

static const char *const zklg_components[ZK_LOG_CATEGORIES] = {
#define LOG_CATEGORY(name, component, java) component,
#include "zookeeper/tbl/log_categories.h"
#undef LOG_CATEGORY
};

static const char *const zklg_levels[] = {
    [ZK_LOG_TRACE] = "TRACE", [ZK_LOG_DEBUG] = "DEBUG",
    [ZK_LOG_INFO] = "INFO",   [ZK_LOG_WARN] = "WARN",
    [ZK_LOG_ERROR] = "ERROR", [ZK_LOG_OFF] = "OFF",
};

static struct {
    /* Set by zk_log_start before other threads, never changed. */
    struct zk_thread thread;

    /* Shared, under 'lock'. */
    struct zk_mutex lock;
    struct zk_cond wakeup;
    struct zk_buf pending ZK_GUARDED;   /* Entries, one behind the other. */
    size_t lines ZK_GUARDED;            /* How many. */
    bool asleep ZK_GUARDED;             /* The log thread is. */
    bool stopping ZK_GUARDED;

    _Atomic bool running;       /* Lines go into the ring. */
    _Atomic bool was_started;
    _Atomic uint64_t dropped;
    _Atomic bool writing;       /* The log thread has lines in hand. */
    _Atomic(struct zklg_myid *) myid;

    /* Owned by the log thread. */
    uint64_t dropped_said;
} zklg;

/* The length of the well-formed UTF-8 sequence at s (not ASCII, not a C1
 * control), or 0. */
static size_t
zklg_utf8_len(const unsigned char *s)
{
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;

    if (s[0] < 0xc2 || s[0] > 0xf4 || (s[0] == 0xc2 && s[1] < 0xa0)
        || (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)
        || (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return n;
}

/* Copies 'text' to 'out' (at most 'room' bytes with the NUL) with all that a
 * terminal or a reader of lines could take for more than text escaped: who
 * names a znode cannot write log lines. */
static size_t
zklg_escape(char *out, size_t room, const char *text)
{
    const unsigned char *s = (const unsigned char *) text;
    char hex[5];
    size_t len = 0;
    size_t n;

    while (*s != '\0') {
        const char *piece = (const char *) s;
        size_t step = 1;

        n = 1;
        if (*s == '\n' || *s == '\r' || *s == '\t') {
            piece = *s == '\n' ? "\\n" : *s == '\r' ? "\\r" : "\\t";
            n = 2;
        } else if (*s >= 0x80 && zklg_utf8_len(s) > 0) {
            n = step = zklg_utf8_len(s);
        } else if (*s < 0x20 || *s >= 0x7f) {
            snprintf(hex, sizeof hex, "\\x%02x", *s);
            piece = hex;
            n = 4;
        }
        if (len + n >= room) {
            break;
        }
        memcpy(out + len, piece, n);
        len += n;
        s += step;
    }
    out[len] = '\0';
    return len;
}

/* "2016-05-10 17:12:40,339" in local time.  The part down to the second is
 * kept by each thread: localtime_r takes a lock of the process. */
static size_t
zklg_timestamp(char *out, size_t room)
{
    static _Thread_local time_t cached = -1;
    static _Thread_local char second[24];
    int64_t ms = zk_time_wall_ms();
    time_t now = (time_t) (ms / 1000);
    struct tm tm;
    int n;

    if (now != cached) {
        localtime_r(&now, &tm);
        strftime(second, sizeof second, "%Y-%m-%d %H:%M:%S", &tm);
        cached = now;
    }
    n = snprintf(out, room, "%s,%03d", second, (int) (ms % 1000));
    return (size_t) n;
}

/* The whole line, without a newline; returns its length. */
static size_t zklg_format(char *out, enum zk_log_category cat,
                          enum zk_log_level level, int line, const char *fmt,
                          va_list ap) ZK_PRINTF(5, 0);

static size_t
zklg_format(char *out, enum zk_log_category cat, enum zk_log_level level,
            int line, const char *fmt, va_list ap)
{
    const struct zklg_myid *myid = atomic_load_explicit(
        &zklg.myid, memory_order_acquire);
    char text[ZK_LOG_LINE_MAX];
    size_t len;

    len = zklg_timestamp(out, ZK_LOG_LINE_MAX);
    len += (size_t) snprintf(out + len, ZK_LOG_LINE_MAX - len,
                             " [myid:%.32s] - %s [%s:%s@%d] - ",
                             myid != NULL ? myid->text : "",
                             zklg_levels[level], zk_thread_name(),
                             zklg_components[cat], line);
    vsnprintf(text, sizeof text, fmt, ap);
    return len + zklg_escape(out + len, ZK_LOG_LINE_MAX - len, text);
}

/* In one write, so that lines of several threads do not mix. */
static void
zklg_to_stderr(const char *line, size_t len)
{
    char text[ZK_LOG_LINE_MAX + 1];
    ssize_t ignored;

    memcpy(text, line, len);
    text[len] = '\n';
    ignored = write(STDERR_FILENO, text, len + 1);
    (void) ignored;
}

/* False if the ring has no room left. */
static bool
zklg_push_locked(enum zk_log_category cat, enum zk_log_level level,
                 const char *line, size_t len) ZK_REQUIRES(zklg.lock)
{
    struct zklg_entry e = { (uint32_t) len + 1, (uint16_t) cat,
                            (uint16_t) level };

    if (zklg.lines == ZKLG_LINES_MAX
        || zklg.pending.len + sizeof e + e.size > ZKLG_BYTES_MAX) {
        return false;
    }
    zk_buf_append(&zklg.pending, &e, sizeof e);
    zk_buf_append(&zklg.pending, line, e.size);
    zklg.lines++;
    return true;
}

/* False once the log has been stopped. */
static bool
zklg_push(enum zk_log_category cat, enum zk_log_level level,
          const char *line, size_t len)
{
    bool wake = false;

    zk_lock(&zklg.lock);
    if (zklg.stopping) {
        zk_unlock(&zklg.lock);
        return false;
    }
    if (zklg_push_locked(cat, level, line, len)) {
        wake = zklg.asleep;
        zklg.asleep = false;
    } else {
        atomic_fetch_add_explicit(&zklg.dropped, 1, memory_order_relaxed);
    }
    zk_unlock(&zklg.lock);
    if (wake) {
        zk_cond_signal(&zklg.wakeup);
    }
    return true;
}

void
zk_log_line(enum zk_log_category cat, enum zk_log_level level, int line,
            const char *fmt, ...)
{
    char out[ZK_LOG_LINE_MAX];
    va_list ap;
    size_t len;

    va_start(ap, fmt);
    len = zklg_format(out, cat, level, line, fmt, ap);
    va_end(ap);
    if (!atomic_load_explicit(&zklg.running, memory_order_acquire)
        || !zklg_push(cat, level, out, len)) {
        zklg_to_stderr(out, len);
    }
}

static void
zklg_emit_format(enum zk_log_category cat, enum zk_log_level level, int line,
                 const char *fmt, ...) ZK_PRINTF(4, 5);

static void
zklg_emit_format(enum zk_log_category cat, enum zk_log_level level, int line,
                 const char *fmt, ...)
{
    char out[ZK_LOG_LINE_MAX];
    va_list ap;

    va_start(ap, fmt);
    zklg_format(out, cat, level, line, fmt, ap);
    va_end(ap);
    zk_log_sink_emit(cat, level, out);
}

/* Calls 'emit' for each entry. */
static void
zklg_each(const struct zk_buf *batch,
          void (*emit)(const struct zklg_entry *e, const char *line))
{
    struct zklg_entry e;
    size_t at = 0;

    while (at < batch->len) {
        memcpy(&e, batch->data + at, sizeof e);
        at += sizeof e;
        emit(&e, (const char *) batch->data + at);
        at += e.size;
    }
}

static void
zklg_emit_entry(const struct zklg_entry *e, const char *line)
{
    zk_log_sink_emit((enum zk_log_category) e->cat,
                     (enum zk_log_level) e->level, line);
}

static void
zklg_stderr_entry(const struct zklg_entry *e, const char *line)
{
    zklg_to_stderr(line, e->size - 1);
}

static void
zklg_write_batch(struct zk_buf *batch)
{
    uint64_t dropped = zk_log_dropped();

    zklg_each(batch, zklg_emit_entry);
    zk_buf_clear(batch);
    if (dropped > zklg.dropped_said) {
        zklg_emit_format(ZK_LOG_util, ZK_LOG_WARN, __LINE__,
                         "%" PRIu64 " lines of this log were dropped: they "
                         "came faster than they could be written",
                         dropped - zklg.dropped_said);
        zklg.dropped_said = dropped;
    }
    zk_log_sink_flush();
}

/* Waits for lines and takes them all; false once stopped and drained. */
static bool
zklg_take(struct zk_buf *batch)
{
    struct zk_buf taken;

    zk_lock(&zklg.lock);
    atomic_store(&zklg.writing, false);
    while (zklg.pending.len == 0 && !zklg.stopping) {
        zklg.asleep = true;
        zk_cond_wait(&zklg.wakeup, &zklg.lock);
    }
    zklg.asleep = false;
    taken = zklg.pending;
    zklg.pending = *batch;
    *batch = taken;
    zklg.lines = 0;
    atomic_store(&zklg.writing, batch->len > 0);
    zk_unlock(&zklg.lock);
    return batch->len > 0;
}

static void
zklg_main(void *arg)
{
    struct zk_buf batch = { 0 };

    (void) arg;
    while (zklg_take(&batch)) {
        zklg_write_batch(&batch);
    }
    zk_buf_fini(&batch);
}

void
zk_log_start(const struct zk_log_options *opts)
{
    zk_assert(!atomic_exchange(&zklg.was_started, true));
    zk_mutex_init(&zklg.lock, ZK_LOCK_log);
    zk_cond_init(&zklg.wakeup);
    zk_log_sink_open(opts);
    if (!zk_thread_try_start(&zklg.thread, zklg_main, NULL, "Log")) {
        fprintf(stderr, "no thread for the log: %m; it goes to stderr\n");
        return;
    }
    atomic_store_explicit(&zklg.running, true, memory_order_release);
}

void
zk_log_stop(void)
{
    if (!atomic_load(&zklg.running)) {
        return;
    }
    zk_lock(&zklg.lock);
    zklg.stopping = true;
    zk_unlock(&zklg.lock);
    zk_cond_signal(&zklg.wakeup);
    zk_thread_join(&zklg.thread);
    atomic_store(&zklg.running, false);
    zk_log_sink_close();
    zk_lock(&zklg.lock);
    zk_buf_fini(&zklg.pending);
    zk_unlock(&zklg.lock);
}

void
zk_log_set_myid(const char *myid)
{
    size_t size = strlen(myid) + 1;
    struct zklg_myid *m = zk_xmalloc(sizeof *m + size);

    memcpy(m->text, myid, size);
    m->older = atomic_load(&zklg.myid);
    atomic_store_explicit(&zklg.myid, m, memory_order_release);
}

void
zk_log_set_level(enum zk_log_level level)
{
    for (size_t i = 0; i < ZK_LOG_CATEGORIES; i++) {
        atomic_store(&zk_log_thresholds[i], (int) level);
    }
}

uint64_t
zk_log_dropped(void)
{
    return atomic_load_explicit(&zklg.dropped, memory_order_relaxed);
}

/* True if this thread may go on under the lock; the one that panics may hold
 * it already, or its owner may hang. */
static bool
zklg_panic_lock(int64_t until_ms) ZK_TRYLOCK(true, zklg.lock)
{
    const struct timespec tick = { .tv_nsec = 1000000 };

    while (!zk_trylock(&zklg.lock)) {
        if (zk_time_mono_ms() >= until_ms) {
            return false;
        }
        nanosleep(&tick, NULL);
    }
    return true;
}

ZK_NO_ANALYSIS void
zk_log_panic(const char *text)
{
    const struct timespec tick = { .tv_nsec = 1000000 };
    int64_t until_ms = zk_time_mono_ms() + ZKLG_PANIC_MS;
    bool drained = false;

    if (!atomic_load(&zklg.running)) {
        return;
    }
    if (zklg_panic_lock(until_ms)) {
        bool room = !zklg.stopping;

        zk_unlock(&zklg.lock);
        if (room) {
            zk_error(util, "panic: %s", text);
        }
    }
    while (!drained && zk_time_mono_ms() < until_ms
           && zklg_panic_lock(until_ms)) {
        drained = zklg.pending.len == 0 && !atomic_load(&zklg.writing);
        zk_unlock(&zklg.lock);
        nanosleep(&tick, NULL);
    }
    if (!drained && zklg_panic_lock(until_ms)) {
        /* The log thread hangs, or is the one that panics. */
        zklg_each(&zklg.pending, zklg_stderr_entry);
        zk_unlock(&zklg.lock);
    }
}
