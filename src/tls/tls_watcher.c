/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the stores of a context again when their files change.
 *
 * inotify only wakes the thread; what counts is whether stat says that a file
 * is another than the one read last.  So it does not matter how it was
 * replaced: written in place, renamed over, or by a symbolic link in its path
 * that was turned (Kubernetes' secrets, certbot).  The folders of the paths
 * and of what the paths lead to are watched, and looked at every few seconds
 * besides, for file systems that tell nothing.
 */
#include <config.h>

#include "tls/tls_context.h"

#include <errno.h>
#include <libgen.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tls/tls_error.h"
#include "tls/tls_internal.h"
#include "util/zk_log.h"
#include "util/zk_thread.h"
#include "util/zk_time.h"

#define TLS_WATCHER_MAGIC 0x746c7377

/* Files are read once they have stayed the same for so long, or at the latest
 * when the other has passed: key and certificate are often written one by
 * one. */
#define TW_QUIET_MS 250
#define TW_LATEST_MS 5000
/* How often to look without a cause, and at most with one. */
#define TW_LOOK_MS 5000
#define TW_PAUSE_MS 100
#define TW_EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ATTRIB       \
                   | IN_DELETE_SELF | IN_MOVE_SELF)

struct tls_watcher {
    unsigned magic;
    struct tls_context *ctx;    /* Borrowed: it outlives the watcher. */
    struct zk_thread thread;
    int stop_fd;                /* Readable: stop. */
    int notify_fd;              /* -1: the system has none to give. */
    struct tls_stamps seen;     /* When they were read last. */
    bool failed;                /* ... and that went wrong, */
    struct zk_errmsg why;       /* ... as was said in the log. */
};

static void
tw_paths(const struct tls_config *c, const char *out[TLS_FILES])
{
    out[0] = c->key.location;
    out[1] = c->key.password_path;
    out[2] = c->trust.location;
    out[3] = c->trust.password_path;
}

void
tls_stamps_take(const struct tls_config *c, struct tls_stamps *out)
{
    const char *paths[TLS_FILES];

    tw_paths(c, paths);
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < TLS_FILES; i++) {
        struct stat st;

        if (paths[i] != NULL && stat(paths[i], &st) == 0) {
            out->of[i] = (struct tls_stamp) {
                st.st_dev, st.st_ino, st.st_size, st.st_mtim, st.st_ctim
            };
        }
    }
}

static bool
tw_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool
tw_same(const struct tls_stamps *x, const struct tls_stamps *y)
{
    for (size_t i = 0; i < TLS_FILES; i++) {
        const struct tls_stamp *a = &x->of[i], *b = &y->of[i];

        if (a->dev != b->dev || a->ino != b->ino || a->size != b->size
            || !tw_same_time(a->mtime, b->mtime)
            || !tw_same_time(a->ctime, b->ctime)) {
            return false;
        }
    }
    return true;
}

/* ---- waiting ------------------------------------------------------------- */

/* Watches the folder of the path. */
static void
tw_watch_folder(const struct tls_watcher *w, const char *path)
{
    char *copy = zk_xstrdup(path);

    if (inotify_add_watch(w->notify_fd, dirname(copy), TW_EVENTS) < 0) {
        zk_debug(tls, "%s: its folder cannot be watched: errno %d", path,
                 errno);
    }
    free(copy);
}

/* Anew each time: what the paths lead to may have moved. */
static void
tw_arm(struct tls_watcher *w)
{
    const char *paths[TLS_FILES];

    if (w->notify_fd >= 0) {
        close(w->notify_fd);
    }
    w->notify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->notify_fd < 0) {
        zk_debug(tls, "no inotify (errno %d): files of keys are looked at "
                 "every %d ms", errno, TW_LOOK_MS);
        return;
    }
    tw_paths(w->ctx->config, paths);
    for (size_t i = 0; i < TLS_FILES; i++) {
        char *target;

        if (paths[i] == NULL) {
            continue;
        }
        tw_watch_folder(w, paths[i]);
        target = realpath(paths[i], NULL);
        if (target != NULL) {
            tw_watch_folder(w, target);
            free(target);
        }
    }
}

enum tw_wake { TW_STOP, TW_EVENT, TW_TIME };

/* Waits for an event, which it takes, for the stop or for the time. */
static enum tw_wake
tw_wait(const struct tls_watcher *w, int ms)
{
    struct pollfd fds[2] = {
        { .fd = w->stop_fd, .events = POLLIN },
        { .fd = w->notify_fd, .events = POLLIN },
    };
    char events[4096];
    int n;

    do {
        n = poll(fds, 2, ms);
    } while (n < 0 && errno == EINTR);
    if (fds[0].revents != 0) {
        return TW_STOP;
    }
    if (n <= 0) {
        return TW_TIME;
    }
    while (read(w->notify_fd, events, sizeof events) > 0) {
    }
    return TW_EVENT;
}

/* Waits for the stop alone; true: it has come. */
static bool
tw_stops_within(const struct tls_watcher *w, int ms)
{
    struct pollfd fd = { .fd = w->stop_fd, .events = POLLIN };
    int n;

    do {
        n = poll(&fd, 1, ms);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

/* Lets whoever writes come to an end; false: stop. */
static bool
tw_settle(const struct tls_watcher *w)
{
    int64_t latest = zk_time_mono_ms() + TW_LATEST_MS;
    struct tls_stamps before, after;

    do {
        tls_stamps_take(w->ctx->config, &before);
        if (tw_stops_within(w, TW_QUIET_MS)) {
            return false;
        }
        tls_stamps_take(w->ctx->config, &after);
    } while (!tw_same(&before, &after) && zk_time_mono_ms() < latest);
    return true;
}

/* ---- reading ------------------------------------------------------------- */

static void
tw_say_done(struct tls_watcher *w)
{
    enum tls_side side = (w->ctx->sides & TLS_SIDE_SERVER) != 0
                         ? TLS_SIDE_SERVER : TLS_SIDE_CLIENT;
    SSL_CTX *use = tls_context_use(w->ctx, side);
    const X509 *cert = SSL_CTX_get0_certificate(use);
    char name[TLS_CERT_TEXT] = "nobody", date[16] = "?";

    if (cert != NULL) {
        tls_cert_print(cert, name);
        tls_time_print(X509_get0_notAfter(cert), date);
    }
    zk_info(tls, "%s*: the stores have changed and were read again; new "
            "connections use the certificate of %s, valid until %s",
            w->ctx->config->prefix, name, date);
    SSL_CTX_free(use);
}

static void
tw_reload(struct tls_watcher *w)
{
    struct zk_errmsg em = { "" };

    /* First: what changes meanwhile is seen. */
    tls_stamps_take(w->ctx->config, &w->seen);
    if (tls_context_reload(w->ctx, &em) == ZK_OK) {
        w->failed = false;
        w->why.text[0] = '\0';
        tw_say_done(w);
        return;
    }
    if (!w->failed || strcmp(em.text, w->why.text) != 0) {
        zk_error(tls, "the stores have changed but cannot be read, the old "
                 "keys stay in use: %s", em.text);
    }
    w->failed = true;
    w->why = em;
}

static void
tw_run(void *arg)
{
    struct tls_watcher *w = arg;
    struct tls_stamps now;

    for (;;) {
        enum tw_wake woke;

        tw_arm(w);              /* Before the look: nothing is missed. */
        tls_stamps_take(w->ctx->config, &now);
        if (!tw_same(&now, &w->seen)) {
            if (!tw_settle(w)) {
                return;
            }
            tw_reload(w);
            continue;           /* Perhaps the paths lead elsewhere now. */
        }
        woke = tw_wait(w, TW_LOOK_MS);
        if (woke == TW_TIME && w->failed) {
            tw_reload(w);
        }
        /* Others may write much into the same folder. */
        if (woke == TW_STOP || tw_stops_within(w, TW_PAUSE_MS)) {
            return;
        }
    }
}

/* ---- start and stop ------------------------------------------------------ */

void
tls_context_watch_start(struct tls_context *ctx)
{
    struct tls_watcher *w = zk_xcalloc(1, sizeof *w);

    ZK_CHECK(ctx, TLS_CONTEXT_MAGIC);
    zk_assert(ctx->watcher == NULL);
    w->magic = TLS_WATCHER_MAGIC;
    w->ctx = ctx;
    w->seen = ctx->created;
    w->notify_fd = -1;
    w->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->stop_fd < 0) {
        zk_panic("eventfd: errno %d", errno);
    }
    ctx->watcher = w;
    zk_thread_start(&w->thread, tw_run, w, "FileChangeWatcher");
}

void
tls_context_watch_stop(struct tls_context *ctx)
{
    struct tls_watcher *w;
    const uint64_t one = 1;
    ssize_t n;

    ZK_CHECK(ctx, TLS_CONTEXT_MAGIC);
    w = ctx->watcher;
    ZK_CHECK(w, TLS_WATCHER_MAGIC);
    n = write(w->stop_fd, &one, sizeof one);
    zk_assert(n == (ssize_t) sizeof one);
    zk_thread_join(&w->thread);
    if (w->notify_fd >= 0) {
        close(w->notify_fd);
    }
    close(w->stop_fd);
    ctx->watcher = NULL;
    w->magic = 0;
    free(w);
}
